/**
 * Weights with noise of the size of rounding errors, drawn anew in every step, and the same in the three products of a layer: they grow
 * fit for few bits, and how many they need is learned.
 * Sources: "Gaussian weight sampling for scalable, efficient and stable pseudo-quantization training", arXiv 2505.11170; Defossez, Adi,
 * Synnaeve, "Differentiable model compression via pseudo quantization noise" (DiffQ), arXiv 2104.09987, and the authors' implementation.
 */
import { checkAbsent, checkAscending } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { NoiseOptions, TransformData } from '../../quantizers/transforms/index.ts';
import { boolean, integer, list, maybe, number, word } from '../../schema.ts';
import type { LearnBits, LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const castFormats = ['bfloat16', 'e4m3fn', 'e5m2', 'e3m2'] as const;
const bits = number({ from: 1, to: 32 });
const weight = number({ from: 0, to: 1e38 });
const rate = number({ above: 0, to: 1e38 });

const common = { learn: maybe(boolean), learningRate: maybe(rate), penalty: maybe(weight) };

/** What both recipes accept. */
interface WeightNoiseOptions extends RecipeOptions {
  /** False: bits stay what they are in the beginning. Default true. */
  readonly learn?: boolean;
  /** The peak rate of what is trained of the bits. Default 1e-3. */
  readonly learningRate?: number;
}

const gaussianWeightSamplingOptions = optionsOf({
  ...common,
  target: maybe(bits),
  initial: maybe(bits),
  cast: maybe(word(castFormats)),
});

/** What Gaussian weight sampling accepts. */
export interface GaussianWeightSamplingOptions extends WeightNoiseOptions {
  /** Bits that the term of the objective leads to. Default 4. */
  readonly target?: number;
  /** Bits in the beginning. Default: 2 more. */
  readonly initial?: number;
  /** What the mean of the trained numbers, which are 1 in the beginning and 0 at the target, is multiplied by. Default 1e-4. */
  readonly penalty?: number;
  /** What noisy weights are rounded to: `'bfloat16'` (default), or fewer bits with a scale of the tensor. */
  readonly cast?: (typeof castFormats)[number];
}

const diffQOptions = optionsOf({
  ...common,
  bits: maybe(bits),
  range: maybe(list(bits, 2, 2)),
  group: maybe(integer(1, 2 ** 24)),
  noise: maybe(word(['gaussian', 'uniform'])),
});

/** What DiffQ accepts. */
export interface DiffQOptions extends WeightNoiseOptions {
  /** Bits in the beginning. Default 8. */
  readonly bits?: number;
  /** The fewest and the most, neither of which is reached. Default [2, 15]. */
  readonly range?: readonly [low: number, high: number];
  /** Weights of one output that share a number of bits. Default 8. */
  readonly group?: number;
  /** N(0, 1) / 2 (`'gaussian'`, default), or between -1/2 and 1/2 (`'uniform'`), times the step of a grid over the matrix's range. */
  readonly noise?: 'gaussian' | 'uniform';
  /** What the megabytes of the weights are multiplied by. Default 1e-3. */
  readonly penalty?: number;
}

/** What says how bits are learned has no meaning where they are not. */
function checkLearning<O extends WeightNoiseOptions>(options: O, names: readonly (keyof O & string)[]): void {
  if (options.learn !== false) return;
  for (const option of names) checkAbsent(option, options[option], 'nothing where learn is false: bits stay');
}

/** Noisy weights, read by all three products. */
function noisySlots(
  cast: Pick<OperandSpec, 'scale'> & { readonly format: string },
  noise: NoiseOptions,
  learn: LearnBits | undefined,
): LinearSlots {
  const transform = { name: 'noise', ...noise } as unknown as TransformData;
  const w: OperandSpec = { ...cast, transform, ...(learn && { learn: [learn] }) };
  return {
    forward: { x: null, w },
    inputGradient: { g: null, w: 'same' },
    weightGradient: { g: null, x: 'same' },
  };
}

/** How bits are learned; undefined: they are not. */
function learning(
  { learn = true, learningRate = 1e-3, penalty }: WeightNoiseOptions & { readonly penalty?: number },
  place: Pick<LearnBits, 'target' | 'range'>,
  { kind, weight: usual }: NonNullable<LearnBits['penalty']>,
): LearnBits | undefined {
  if (!learn) return undefined;
  const term = penalty === 0 ? {} : { penalty: { kind, weight: penalty ?? usual } };
  return { of: 'bits', learningRate, ...place, ...term };
}

/**
 * Gaussian weight sampling: weights of linear layers have R D added, R being N(0, 1) / 2 rounded and D the largest magnitude of a tile of
 * 32 x 32 times 2^(1 - b), and are rounded then. b is learned for each tile and led to a target.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.gaussianWeightSampling({ target: 6 }), { model, steps: 1000, seed: 1 });
 */
export function gaussianWeightSampling(options: GaussianWeightSamplingOptions = {}): Recipe {
  checkOptions(gaussianWeightSamplingOptions, options);
  checkLearning(options, ['learningRate', 'penalty', 'initial']);
  const { learn = true, target = 4, cast = 'bfloat16' } = options;
  const { initial = Math.min(target + 2, 32) } = options;
  if (learn && initial === target)
    throw new ArgumentError('initial', initial, 'another number of bits than the target');
  const slots = noisySlots(
    { format: cast, ...(cast === 'bfloat16' ? {} : { scale: { per: 'tensor', from: 'absmax' } }) },
    { bits: learn ? initial : target },
    learning(options, { target }, { kind: 'mean', weight: 1e-4 }),
  );
  const name = [
    'gaussian-weights',
    String(target),
    ...(learn ? [] : ['fixed']),
    ...(cast === 'bfloat16' ? [] : [cast]),
  ];
  const title = `Gaussian weight sampling, ${learn ? `${initial} bits, learned towards ${target}` : `${target} bits`}, in ${cast}`;
  return recipe(name.join('-'), title, [phase(0, slots)], options);
}

/**
 * DiffQ: weights of linear layers have noise of the step of a uniform grid of b bits over the range of the matrix. b is learned for each
 * group of weights, and the size of the model is a term of the objective.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.diffQ({ penalty: 0.1 }), { model, steps: 1000, seed: 1 });
 */
export function diffQ(options: DiffQOptions = {}): Recipe {
  checkOptions(diffQOptions, options);
  checkLearning(options, ['learningRate', 'penalty', 'range']);
  const { learn = true, bits: initial = 8, range = [2, 15], group = 8, noise = 'gaussian' } = options;
  const [low, high] = range;
  checkAscending('range', range, range);
  if (learn && !(low < initial && initial < high))
    throw new ArgumentError('bits', initial, `a number above ${low} and below ${high}, the range`);
  const slots = noisySlots(
    { format: 'binary32' },
    {
      ...{ bits: initial, distribution: noise, from: 'tensor-range' },
      grouping: { per: 'block', size: group },
    },
    learning(options, { range }, { kind: 'size', weight: 1e-3 }),
  );
  const name = [
    'diffq',
    String(initial),
    ...(noise === 'gaussian' ? [] : [noise]),
    ...(learn ? [] : ['fixed']),
  ];
  const title = `DiffQ, ${initial} bits${learn ? ', learned' : ''}, ${noise} noise`;
  return recipe(name.join('-'), title, [phase(0, slots)], options);
}
