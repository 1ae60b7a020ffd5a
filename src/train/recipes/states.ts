/** Optimiser states in few bits. Source: Dettmers et al., "8-bit optimizers via block-wise quantization", arXiv 2110.02861. */
import { integer, maybe } from '../../schema.ts';
import { plainSlots, type Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const adam8bitOptions = optionsOf({ block: maybe(integer(1, 2 ** 24)), least: maybe(integer(0, 2 ** 31)) });

/** AdamW with both moments in 8 bits: dynamic table, a scale for each block. */
export function adam8bit(
  options: RecipeOptions & { readonly block?: number; readonly least?: number } = {},
): Recipe {
  checkOptions(adam8bitOptions, options);
  const { block = 2048, least, optimizer } = options;
  const codec = { kind: 'dynamic8', block, ...(least === undefined ? {} : { least }) } as const;
  return recipe(
    `adam8bit-${block}`,
    `float32, AdamW states in 8 bits, blocks of ${block}`,
    [phase(0, plainSlots)],
    {
      ...options,
      optimizer: { first: codec, second: codec, ...optimizer } as RecipeOptions['optimizer'] & object,
    },
  );
}
