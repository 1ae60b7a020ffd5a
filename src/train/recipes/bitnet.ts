/**
 * BitNet b1.58, and the transition to it from 16 bits, each a configuration and nothing more.
 * Sources: Wang et al., "BitNet", arXiv 2310.11453, and Ma et al., "The era of 1-bit LLMs", arXiv 2402.17764 (b1.58);
 * Nielsen, Schneider-Kamp, Galke, "Continual quantization-aware pre-training", arXiv 2502.11895 (the transition); Nielsen and
 * Schneider-Kamp, "BitNet b1.58 reloaded", arXiv 2407.09527 (absmedian).
 */
import { refusedAs } from '../../check.ts';
import { type FormatSpelling, toFormat } from '../../formats/index.ts';
import { boolean, line, maybe, number, word } from '../../schema.ts';
import { type LinearSlots, plainSlots, type QuantizerSpec } from '../linear-slots.ts';
import type { Phase, Recipe } from '../recipe.ts';
import { optimizerState, part } from '../recipe-schema.ts';
import { type PhaseIn, phaseInSchema } from '../strength.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const ownOptions = { weights: maybe(word(['absmean', 'absmedian'])), activations: maybe(boolean) };
const bitnetOptions = optionsOf(ownOptions);
const transitionOptions = optionsOf({
  ...ownOptions,
  at: number({ above: 0, below: 1 }),
  first: maybe(line(100)),
  optimizerState: maybe(optimizerState),
  rewarm: maybe(part),
  phaseIn: maybe(phaseInSchema),
});

/** What BitNet's recipes accept. */
export interface BitnetOptions extends RecipeOptions {
  /** The statistic of a weight matrix: default `'absmean'`. */
  readonly weights?: 'absmean' | 'absmedian';
  /** False: weights only. Default true. */
  readonly activations?: boolean;
}

/** Ternary weights by the mean magnitude of the matrix. */
export const ternaryWeights: QuantizerSpec = { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } };

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
export function bitnetSlotsOf({ weights = 'absmean', activations = true }: BitnetOptions): LinearSlots {
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

/** BitNet b1.58 from the first step. */
export function bitnet(options: BitnetOptions = {}): Recipe {
  checkOptions(bitnetOptions, options);
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
  return refusedAs(
    () => toFormat(first).name,
    () => 'first',
  );
}

/**
 * 16-bit training first, BitNet b1.58 from part `at` of the steps on. Weights and optimiser state are float32 throughout,
 * as in the mixed precision of the paper; in the second phase what is not quantised is float32 too.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.bitnetTransition({ at: 0.2 }), steps: 1000, seed: 1 });
 */
export function bitnetTransition(options: TransitionOptions): Recipe {
  checkOptions(transitionOptions, options);
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
