/**
 * The published recipes, each a configuration and nothing more.
 * Sources: Wang et al., "BitNet", arXiv 2310.11453, and Ma et al., "The era of 1-bit LLMs", arXiv 2402.17764 (b1.58);
 * Nielsen, Schneider-Kamp, Galke, "Continual quantization-aware pre-training", arXiv 2502.11895 (the transition); Nielsen and
 * Schneider-Kamp, "BitNet b1.58 reloaded", arXiv 2407.09527 (absmedian); Zhao et al., "Direct quantized training",
 * arXiv 2412.04787.
 */
import { ArgumentError } from '../errors.ts';
import { type FormatSpelling, toFormat } from '../formats/index.ts';
import { type LinearSlots, type Phase, plainSlots, type QuantizerSpec, type Recipe } from './recipe.ts';
import { phase, type RecipeOptions, recipe } from './recipe-base.ts';
import { checkRecipeOptions } from './recipe-options.ts';
import type { PhaseIn } from './strength.ts';

export type { RecipeOptions } from './recipe-base.ts';
export { type Mxfp4Options, mxfp4, type Nvfp4Options, nvfp4 } from './recipes-fp4.ts';

/** What BitNet's recipes accept. */
export interface BitnetOptions extends RecipeOptions {
  /** The statistic of a weight matrix: default `'absmean'`. */
  readonly weights?: 'absmean' | 'absmedian';
  /** False: weights only. Default true. */
  readonly activations?: boolean;
}

/** Ternary weights by the mean magnitude of the matrix. */
const ternaryWeights: QuantizerSpec = { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } };

/** Ternary weights by the mean magnitude of the matrix, 8-bit activations by the largest magnitude of the row. */
export const bitnetSlots: LinearSlots = {
  forward: {
    x: { format: 'int8', scale: { per: 'row', from: 'absmax' } },
    w: ternaryWeights,
  },
  inputGradient: { g: null, w: 'same' },
  weightGradient: { g: null, x: 'same' },
};

/** BitNet's slots by the other statistic, or without activations. */
function bitnetSlotsOf({ weights = 'absmean', activations = true }: BitnetOptions): LinearSlots {
  if (weights === 'absmean' && activations) return bitnetSlots;
  return {
    ...bitnetSlots,
    forward: {
      x: activations ? bitnetSlots.forward.x : null,
      w: { format: 'ternary', scale: { per: 'tensor', from: weights } },
    },
  };
}

/** What of a BitNet recipe's name says how it differs. */
const bitnetSuffix = ({ weights = 'absmean', activations = true }: BitnetOptions): string =>
  `${weights === 'absmean' ? '' : `-${weights}`}${activations ? '' : '-weights-only'}`;

/** Ordinary training in float32: the baseline. */
export function float32(options: RecipeOptions = {}): Recipe {
  checkRecipeOptions('float32', options);
  return recipe('float32', 'float32', [phase(0, plainSlots)], options);
}

/** BitNet b1.58 from the first step. */
export function bitnet(options: BitnetOptions = {}): Recipe {
  checkRecipeOptions('bitnet', options);
  const suffix = bitnetSuffix(options);
  const title = `BitNet b1.58 from scratch${suffix === '' ? '' : ` (${suffix.slice(1)})`}`;
  return recipe(`bitnet${suffix}`, title, [phase(0, bitnetSlotsOf(options))], options);
}

/** What the transition accepts. */
export interface TransitionOptions extends BitnetOptions {
  /** Part of all steps at which it happens: above 0 and below 1. */
  readonly at: number;
  /** The format that the first phase emulates forward and backward. Default `'bfloat16'`; `'binary32'`: no emulation. */
  readonly first?: FormatSpelling;
  /** What happens to the moments then. Default `'keep'`. */
  readonly optimizerState?: 'keep' | 'reset';
  /** Part of all steps over which the learning rate grows anew. Default 0. */
  readonly rewarm?: number;
  /** Quantisers that come gradually. Default: at once. */
  readonly phaseIn?: PhaseIn;
}

/** Name of the format that the first phase emulates. */
function firstFormat(first: string): string {
  try {
    return toFormat(first).name;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError('first', error.given, error.accepted);
  }
}

/**
 * 16-bit training first, BitNet b1.58 from part `at` of the steps on. Weights and optimiser state are float32 throughout,
 * as in the mixed precision of the paper; in the second phase what is not quantised is float32 too.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.bitnetTransition({ at: 0.2 }), steps: 1000, seed: 1 });
 */
export function bitnetTransition(options: TransitionOptions): Recipe {
  checkRecipeOptions('bitnetTransition', options);
  const { at, first = 'bfloat16', optimizerState = 'keep', rewarm, phaseIn } = options;
  const format = firstFormat(first);
  const percent = Math.round(at * 10000) / 100;
  const reset = optimizerState === 'reset';
  const begin = { ...phase(0, plainSlots), emulate: format === 'binary32' ? null : { format } };
  const name = [
    `transition@${percent}${bitnetSuffix(options)}`,
    ...(reset ? ['reset'] : []),
    ...(rewarm === undefined ? [] : ['rewarm']),
    ...(phaseIn === undefined ? [] : [phaseIn.kind]),
  ];
  const title = [
    `${format}, BitNet b1.58 from ${percent} %`,
    ...(reset ? ['optimiser state reset'] : []),
    ...(rewarm === undefined ? [] : [`rate re-warmed over ${rewarm * 100} %`]),
    ...(phaseIn === undefined ? [] : [`${phaseIn.kind} phase-in over ${phaseIn.over * 100} %`]),
  ];
  const second: Phase = {
    ...phase(at, bitnetSlotsOf(options)),
    optimizerState,
    ...(rewarm === undefined ? {} : { rewarm }),
    ...(phaseIn === undefined ? {} : { phaseIn }),
  };
  return recipe(name.join('-'), title.join(', '), [begin, second], options);
}

/** Every kernel of the forward and backward pass rounds to bfloat16; weights and optimiser state stay float32. */
export function bfloat16(options: RecipeOptions = {}): Recipe {
  checkRecipeOptions('bfloat16', options);
  const emulated: Phase = { ...phase(0, plainSlots), emulate: { format: 'bfloat16' } };
  return recipe('bfloat16', 'bfloat16, emulated forward and backward', [emulated], options);
}

/** What direct quantised training accepts. */
export interface DqtOptions extends RecipeOptions {
  /** Bits of a weight: 1.58 (ternary), or 2 to 16. */
  readonly bits: number;
  /** How an updated weight is written back. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
  /** Default `'absmean'`, the paper's. */
  readonly range?: 'absmean' | { readonly deviations: number };
  /** Which parameters are on the grid. Default `'linear'`; the paper's code: `'all'`. */
  readonly of?: 'linear' | 'all' | { readonly match: string };
  /** Activations of linear layers as 8-bit integers per row. Default true. */
  readonly activations?: boolean;
  /** Also validate with ternary (absmean) weights at the end. Default: where bits is above 1.58. */
  readonly ternaryInference?: boolean;
}

/**
 * Direct quantised training: weights are codes of a fixed grid and nothing else, read as they are stored. Weight decay
 * comes after the step, as in the paper's code, and the rate falls to 0, so that the noise of rounding does.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.dqt({ bits: 8 }), steps: 1000, seed: 1 });
 */
export function dqt(options: DqtOptions): Recipe {
  checkRecipeOptions('dqt', options);
  const { bits, rounding = 'stochastic', range = 'absmean', of = 'linear', activations = true } = options;
  const isTernary = bits === 1.58;
  const {
    ternaryInference = !isTernary,
    optimizer,
    schedule = { kind: 'cosine', warmup: 0.05, final: 0 },
  } = options;
  const slots: LinearSlots = activations
    ? { ...plainSlots, forward: { x: bitnetSlots.forward.x, w: null } }
    : plainSlots;
  const names = [
    `dqt${bits}`,
    ...(rounding === 'stochastic' ? [] : ['nearest']),
    ...(range === 'absmean' ? [] : [`${range.deviations}sigma`]),
    ...(of === 'linear' ? [] : [of === 'all' ? 'all' : 'some']),
    ...(activations ? [] : ['weights-only']),
  ];
  const made = recipe(
    names.join('-'),
    `direct quantised training, ${isTernary ? 'ternary' : `${bits}-bit`} weights, ${rounding} write-back`,
    [phase(0, slots)],
    {
      ...options,
      schedule,
      optimizer: { decay: 'after', ...optimizer } as RecipeOptions['optimizer'] & object,
    },
  );
  return {
    ...made,
    store: { kind: 'grid', format: isTernary ? 'ternary' : `int${bits}`, rounding, range, of },
    ...(ternaryInference ? { inference: [{ name: 'ternary', w: ternaryWeights }] } : {}),
  };
}

/** Weights as bfloat16 codes and no wider copy, written back with stochastic or nearest rounding. */
export function bfloat16Weights(
  options: RecipeOptions & {
    readonly rounding?: 'stochastic' | 'nearest-even';
    readonly of?: 'linear' | 'all' | { readonly match: string };
  } = {},
): Recipe {
  checkRecipeOptions('bfloat16Weights', options);
  const { rounding = 'stochastic', of = 'linear' } = options;
  const made = recipe(
    `bfloat16-weights${rounding === 'stochastic' ? '' : '-nearest'}`,
    `weights held in bfloat16, ${rounding} write-back`,
    [phase(0, plainSlots)],
    options,
  );
  return { ...made, store: { kind: 'bfloat16', rounding, of } };
}

/** Weights as 8-bit integers in groups with scale and zero point, taken anew each step (Q-GaLore's weights). */
export function groupInt8Weights(
  options: RecipeOptions & { readonly size?: number; readonly rounding?: 'stochastic' | 'nearest-even' } = {},
): Recipe {
  checkRecipeOptions('groupInt8Weights', options);
  const { rounding = 'stochastic', size = 256 } = options;
  const made = recipe(
    `int8-group${size}${rounding === 'stochastic' ? '' : '-nearest'}`,
    `weights held as 8-bit integers in groups of ${size}, ${rounding} write-back`,
    [phase(0, plainSlots)],
    options,
  );
  return { ...made, store: { kind: 'group-int8', size, rounding } };
}

/** AdamW with both moments in 8 bits: dynamic table, a scale for each block. */
export function adam8bit(
  options: RecipeOptions & { readonly block?: number; readonly least?: number } = {},
): Recipe {
  checkRecipeOptions('adam8bit', options);
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
