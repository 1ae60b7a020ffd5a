/** Optimiser states in few bits. Source: Dettmers et al., "8-bit optimizers via block-wise quantization", arXiv 2110.02861. */
import { checkAbsent } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { integer, maybe, word } from '../../schema.ts';
import { plainSlots } from '../linear-slots.ts';
import { momentsOf } from '../optimizers/settings.ts';
import type { StateCodecSpec } from '../optimizers/state-codec.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** Longest block: no tensor is longer. */
const wholeTensor = 2 ** 24;

const adam8bitOptions = optionsOf({
  block: maybe(integer(1, wholeTensor)),
  least: maybe(integer(0, 2 ** 31)),
  map: maybe(word(['dynamic', 'linear'])),
  per: maybe(word(['block', 'tensor'])),
  embedding: maybe(word(['8-bit', '32-bit'])),
});

/** What optimisers with 8-bit states accept. */
export interface Adam8bitOptions extends RecipeOptions {
  /** Elements that share a scale. Default 2048. */
  readonly block?: number;
  /** States of smaller tensors stay float32. Default 4096. */
  readonly least?: number;
  /**
   * The codes: a table whose values are dense near 0 and reach over seven decades (`'dynamic'`, default; a state that is not 0 keeps its
   * sign), or equally spaced integers (`'linear'`): what the paper compares with.
   */
  readonly map?: 'dynamic' | 'linear';
  /** What shares a scale: `'block'` (default), or the tensor. */
  readonly per?: 'block' | 'tensor';
  /** How the states of embeddings are held: like others (`'8-bit'`, default), or in float32, as the paper's stable embedding has them. */
  readonly embedding?: '8-bit' | '32-bit';
}

/** A moment in a format with a scale of the tensor, small ones too. */
export const scaledMoment = (format: string): StateCodecSpec => ({
  kind: 'quantizer',
  quantizer: { format, scale: { per: 'tensor', from: 'absmax' } },
  least: 0,
});

/** How the moments are held. */
function codecsOf({ block = 2048, least, map = 'dynamic', per = 'block' }: Adam8bitOptions): {
  readonly first: StateCodecSpec;
  readonly second: StateCodecSpec;
} {
  const small = least === undefined ? {} : { least };
  const size = per === 'tensor' ? wholeTensor : block;
  if (map === 'dynamic') {
    const codec = { kind: 'dynamic8', block: size, ...small } as const;
    return { first: codec, second: codec };
  }
  const held = (format: string): StateCodecSpec => ({
    kind: 'quantizer',
    quantizer: { format, scale: { per: 'block', size, from: 'absmax' } },
    ...small,
  });
  return { first: held('int8'), second: held('uint8') };
}

/**
 * An optimiser whose moments lie between steps in 8 bits: AdamW, or the `optimizer` that is given. Updates are in float32.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.adam8bit({ block: 256 }), steps: 1000, seed: 1 });
 */
export function adam8bit(options: Adam8bitOptions = {}): Recipe {
  checkOptions(adam8bitOptions, options);
  const { block = 2048, map = 'dynamic', per = 'block', embedding = '8-bit', optimizer = {} } = options;
  const { kind = 'adamw' } = optimizer;
  if (per === 'tensor') checkAbsent('block', options.block, "nothing beside per: 'tensor'");
  const made = recipe(
    [
      kind === 'adamw' ? 'adam8bit' : `${kind}8bit`,
      ...(per === 'tensor' ? [per] : [String(block)]),
      ...(map === 'dynamic' ? [] : [map]),
      ...(embedding === '8-bit' ? [] : ['embedding32']),
    ].join('-'),
    `float32, ${kind === 'adamw' ? 'AdamW' : kind} states in 8 bits${map === 'dynamic' ? '' : ' (linear)'}, ${per === 'tensor' ? 'a scale a tensor' : `blocks of ${block}`}`,
    [phase(0, plainSlots)],
    options,
  );
  const codecs = codecsOf(options);
  const moments = momentsOf(made.optimizer).map((moment) => [moment, codecs[moment]]);
  if (moments.length === 0)
    throw new ArgumentError('optimizer.momentum', 0, 'a number above 0: without momentum there is no state');
  const coded = {
    ...made,
    optimizer: { ...made.optimizer, ...Object.fromEntries(moments), ...optimizer } as Recipe['optimizer'],
  };
  if (embedding === '8-bit') return coded;
  const wide: StateCodecSpec = { kind: 'float32' };
  const set = Object.fromEntries(moments.map(([moment]) => [moment, wide]));
  return { ...coded, rules: [{ where: { role: 'embedding' }, set }] };
}
