/**
 * FP8 states of the optimiser, their range expanded, and FP8 activations from the forward pass to the backward pass. Source: Xi, Cai, Zhu
 * et al., "COAT: compressing optimizer states and activation for memory-efficient FP8 training", arXiv 2410.19313.
 */
import { checkAbsent } from '../../check.ts';
import { boolean, integer, maybe, word } from '../../schema.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from '../linear-slots.ts';
import { momentsOf } from '../optimizers/settings.ts';
import type { StateCodecSpec } from '../optimizers/state-codec.ts';
import type { Recipe } from '../recipe.ts';
import type { SavedCodecSpec, SavedRule } from '../saved/spec.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const coatOptions = optionsOf({
  block: maybe(integer(1, 2 ** 24)),
  expansion: maybe(boolean),
  group: maybe(integer(1, 65536)),
  operands: maybe(word(['fp8', 'float32'])),
  activations: maybe(word(['fp8', 'float32'])),
  least: maybe(integer(0, 2 ** 31)),
});

/** What COAT accepts. */
export interface CoatOptions extends RecipeOptions {
  /** Elements of a moment that share a scale and a power. Default 128. */
  readonly block?: number;
  /** Whether ranges of moments are expanded; false: plain FP8 by the largest magnitude. Default true. */
  readonly expansion?: boolean;
  /** Elements that share a scale in what norms and activation functions keep. Default 16; what linear layers keep has one a tensor. */
  readonly group?: number;
  /** What products read: `'fp8'` (default), e4m3fn forward and e5m2 gradients, a scale a tensor; or `'float32'`. */
  readonly operands?: 'fp8' | 'float32';
  /** How what operations keep is held: `'fp8'` (default), or as it is. */
  readonly activations?: 'fp8' | 'float32';
  /** Smaller moments and tensors stay float32. Default 4096 elements. */
  readonly least?: number;
}

const ofTensor = (format: 'e4m3fn' | 'e5m2') =>
  ({ format, scale: { per: 'tensor', from: 'absmax' } }) as const satisfies OperandSpec;
const inBlocks = (size: number) =>
  ({ format: 'e4m3fn', scale: { per: 'block', size, from: 'absmax' } }) as const;

const fp8Slots: LinearSlots = {
  forward: { x: ofTensor('e4m3fn'), w: ofTensor('e4m3fn') },
  inputGradient: { g: ofTensor('e5m2'), w: 'same' },
  weightGradient: { g: ofTensor('e5m2'), x: 'same' },
};

/** Attention and softmax keep theirs as they are, as in the source. */
function savedOf({ group = 16, least }: CoatOptions): SavedRule[] {
  const small = least === undefined ? {} : { least };
  const held = (quantizer: ReturnType<typeof inBlocks> | ReturnType<typeof ofTensor>): SavedCodecSpec => ({
    kind: 'quantizer',
    quantizer,
    ...small,
  });
  const byTensor = held(ofTensor('e4m3fn'));
  const byGroup = held(inBlocks(group));
  return [
    ...(['linear', 'convolution'] as const).map((role) => ({ where: { role }, codec: byTensor })),
    ...(['norm', 'activation'] as const).map((role) => ({ where: { role }, codec: byGroup })),
  ];
}

/**
 * COAT: both moments in e4m3fn with dynamic range expansion in groups of 128; operands in FP8; what linear layers keep for their
 * gradients in FP8 with a scale a tensor, what norms and activation functions keep with a scale for 16 elements.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.coat(), { model, steps: 1000, seed: 1 });
 */
export function coat(options: CoatOptions = {}): Recipe {
  checkOptions(coatOptions, options);
  const { block = 128, expansion = true, group = 16, operands = 'fp8', activations = 'fp8' } = options;
  const { least, optimizer } = options;
  if (activations === 'float32') checkAbsent('group', options.group, 'nothing where activations are float32');
  const names = [
    'coat',
    ...(expansion ? [] : ['plain']),
    ...(block === 128 ? [] : [`block${block}`]),
    ...(group === 16 ? [] : [`group${group}`]),
    ...(operands === 'fp8' ? [] : ['float32-operands']),
    ...(activations === 'fp8' ? [] : ['float32-activations']),
  ];
  const made = recipe(
    names.join('-'),
    `FP8 moments${expansion ? ' with range expansion' : ''}, ${operands} operands, ${activations} activations`,
    [phase(0, operands === 'fp8' ? fp8Slots : plainSlots)],
    options,
  );
  const moments = momentsOf(made.optimizer);
  if (moments.length === 0)
    for (const option of ['block', 'expansion'] as const)
      checkAbsent(option, options[option], 'nothing where the optimiser has no moments');
  const small = least === undefined ? {} : { least };
  const codec: StateCodecSpec = expansion
    ? { kind: 'expansion8', block, ...small }
    : { kind: 'quantizer', quantizer: inBlocks(block), ...small };
  const codecs = Object.fromEntries(moments.map((moment) => [moment, codec]));
  return {
    ...made,
    optimizer: { ...made.optimizer, ...codecs, ...optimizer } as Recipe['optimizer'],
    ...(activations === 'fp8' ? { saved: savedOf(options) } : {}),
  };
}
