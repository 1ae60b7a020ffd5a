/**
 * The published recipes, each a configuration and nothing more.
 * Sources: Wang et al., "BitNet", arXiv 2310.11453, and Ma et al., "The era of 1-bit LLMs", arXiv 2402.17764 (b1.58);
 * Nielsen, Schneider-Kamp, Galke, "Continual quantization-aware pre-training", arXiv 2502.11895 (the transition).
 */
import { ArgumentError } from '../errors.ts';
import { toFormat } from '../formats/index.ts';
import { defaultOptimizer } from './optimizer.ts';
import { type ExtraNorm, type LinearSlots, type Phase, plainSlots, type Recipe } from './recipe.ts';
import { defaultSchedule } from './schedule.ts';

/** What every recipe accepts. */
export interface RecipeOptions {
  /** Default: parameter-free RMS norm before the attention-output and the down projection. */
  readonly extraNorm?: ExtraNorm | null;
}

/** Ternary weights by the mean magnitude of the matrix, 8-bit activations by the largest magnitude of the row. */
export const bitnetSlots: LinearSlots = {
  forward: {
    x: { format: 'int8', scale: { per: 'row', from: 'absmax' } },
    w: { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } },
  },
  inputGradient: { g: null, w: 'same' },
  weightGradient: { g: null, x: 'same' },
};

const phase = (from: number, linear: LinearSlots): Phase => ({
  from,
  linear,
  emulate: null,
  optimizerState: 'keep',
});

function recipe(name: string, title: string, phases: readonly Phase[], options: RecipeOptions): Recipe {
  const extraNorm =
    options.extraNorm === undefined ? ({ kind: 'rms', where: 'o,down' } as const) : options.extraNorm;
  return { name, title, extraNorm, phases, optimizer: defaultOptimizer, schedule: defaultSchedule };
}

/** Ordinary training in float32: the baseline. */
export function float32(options: RecipeOptions = {}): Recipe {
  return recipe('float32', 'float32', [phase(0, plainSlots)], options);
}

/** BitNet b1.58 from the first step. */
export function bitnet(options: RecipeOptions = {}): Recipe {
  return recipe('bitnet', 'BitNet b1.58 from scratch', [phase(0, bitnetSlots)], options);
}

/**
 * 16-bit training first, BitNet b1.58 from part `at` of the steps on. Weights and optimiser state are float32 throughout,
 * as in the mixed precision of the paper; in the second phase what is not quantised is float32 too.
 * @param options `at`: above 0 and below 1. `first`: the format that the first phase emulates forward and backward,
 *   default `'bfloat16'`; `'binary32'`: no emulation. `optimizerState`: what happens to the moments then, default `'keep'`.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.bitnetTransition({ at: 0.2 }), steps: 1000, seed: 1 });
 */
export function bitnetTransition(
  options: RecipeOptions & {
    readonly at: number;
    readonly first?: string;
    readonly optimizerState?: 'keep' | 'reset';
  },
): Recipe {
  const { at, first = 'bfloat16', optimizerState = 'keep' } = options;
  if (!(at > 0 && at < 1)) throw new ArgumentError('at', at, 'a number above 0 and below 1');
  if (optimizerState !== 'keep' && optimizerState !== 'reset')
    throw new ArgumentError('optimizerState', optimizerState, 'keep, reset');
  const format = toFormat(first).name;
  const percent = Math.round(at * 10000) / 100;
  const reset = optimizerState === 'reset';
  const begin = { ...phase(0, plainSlots), emulate: format === 'binary32' ? null : { format } };
  return recipe(
    `transition@${percent}${reset ? '-reset' : ''}`,
    `${format}, BitNet b1.58 from ${percent} %${reset ? ', optimiser state reset' : ''}`,
    [begin, { ...phase(at, bitnetSlots), optimizerState }],
    options,
  );
}

/** Every kernel of the forward and backward pass rounds to bfloat16; weights and optimiser state stay float32. */
export function bfloat16(options: RecipeOptions = {}): Recipe {
  const emulated: Phase = { ...phase(0, plainSlots), emulate: { format: 'bfloat16' } };
  return recipe('bfloat16', 'bfloat16, emulated forward and backward', [emulated], options);
}
