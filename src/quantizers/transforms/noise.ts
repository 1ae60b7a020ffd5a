/**
 * Additive noise in steps of a quantiser that is not there: training with it makes weights fit for rounding, and lets the number
 * of bits be learned.
 *
 * Sources: "Gaussian weight sampling for scalable, efficient and stable pseudo-quantization training", arXiv 2505.11170
 * (rounded Gaussian, steps from the largest magnitude); Defossez, Adi, Synnaeve, "Differentiable model compression via pseudo
 * quantization noise" (DiffQ), arXiv 2104.09987, section 3 (uniform and Gaussian, steps from the range).
 */

import { normalQuantile } from '../../approximate.ts';
import type { RealArray } from '../../array-kinds.ts';
import { checkFields, checkLength, numberInRange, oneOf, oneOrEach } from '../../check.ts';
import { bounded, carried, carrierOf, toBinary32 } from '../../operations/carrier.ts';
import { randomIntegers } from '../../rounding/philox.ts';
import { countGroups, type Grouping, groupingAt } from '../grouping.ts';
import { checkStatistics, collectGroups, mapGroups, passedBy, unchanged } from './elementwise.ts';
import { powerOfTwoReal } from './powers.ts';
import { readWord, streamFor, type Word, writeWord } from './random-words.ts';
import {
  checkedArray,
  checkedTransform,
  checkResidue,
  newLike,
  type Residue,
  residueOf,
  type Transform,
  type TransformContext,
  type TransformData,
} from './transform.ts';

const distributions = ['rounded-gaussian', 'gaussian', 'uniform'] as const;
const stepSources = ['absmax', 'range', 'tensor-range'] as const;

export interface NoiseOptions {
  /**
   * `rounded-gaussian`: N(0, 1) / 2 rounded to an integer; `gaussian`: N(0, 1) / 2; `uniform`: between -1/2 and 1/2, in odd
   * multiples of 2^-25. Default `rounded-gaussian`.
   */
  readonly distribution?: (typeof distributions)[number];
  /**
   * The step that the noise is in, for b bits: `absmax` of the group times 2^(1 - b), or its `range` (maximum less minimum), or
   * that of the whole tensor (`tensor-range`), divided by 2^b - 1. Default `absmax`.
   */
  readonly from?: (typeof stepSources)[number];
  /** b: above 0, not necessarily an integer; one for all groups, or one a group. */
  readonly bits: number | readonly number[];
  /** Which elements share a step. Default: tiles of 32 x 32. */
  readonly grouping?: Grouping;
  /** What `inverse` does: `keep` (default) leaves the noise in, `subtract` takes it away again. */
  readonly inverse?: 'keep' | 'subtract';
  readonly seed?: Word;
  readonly stream?: Word;
}

const optionNames: readonly (keyof NoiseOptions)[] = [
  ...(['distribution', 'from', 'bits', 'grouping', 'inverse', 'seed', 'stream'] as const),
];

/** A noise transform also knows how the loss depends on the bits. */
export interface NoiseTransform extends Transform {
  /**
   * The gradient with respect to the bits of each group: the sum of g R dstep/db, with the residue and context of `forward`. Sums
   * in binary64 in row-major order of the group.
   */
  bitGradient(
    gradient: RealArray,
    shape: readonly number[],
    residue: Residue,
    context?: TransformContext,
  ): Float64Array;
  /**
   * What noise stands for: each element rounded to the nearest point, ties to even, of the grid of its group's step. b, rounded to an
   * integer, is the number of bits of the points: integers -2^(b-1) ... 2^(b-1) - 1 times the step, or 0 ... 2^b - 1 of them above
   * the least element.
   */
  rounded<A extends RealArray>(x: A, shape: readonly number[]): A;
}

/**
 * floor(2^32 Phi(-t)) for t = 1, 3, 5: a 32-bit integer R is below it with the probability that N(0, 1) is below -t, to 2^-32;
 * from Phi(-1) = 0.15865525393145705, Phi(-3) = 0.0013498980316300946, Phi(-5) = 2.8665157187919391e-7.
 */
const tails: readonly number[] = [681419126, 5797767, 1231];

/** round(N(0, 1) / 2) from 32 random bits: steps of the distribution function at +-1, +-3, +-5. */
function roundedGaussian(random: number): number {
  const mirrored = 2 ** 32 - 1 - random;
  let magnitude = 0;
  for (const tail of tails) if (Math.min(random, mirrored) < tail) magnitude++;
  return random < mirrored ? -magnitude : magnitude;
}

/** A step as it is stored: a binary32 number, at most the largest. */
const step32 = (step: number): number => toBinary32(bounded(step, Number.MAX_VALUE));

/** The noise of one element, in steps. */
const draw: Record<(typeof distributions)[number], (random: number) => number> = {
  'rounded-gaussian': roundedGaussian,
  gaussian: (random) => normalQuantile((random + 0.5) / 2 ** 32) / 2,
  uniform: (random) => ((random >>> 8) + 0.5) / 2 ** 24 - 0.5,
};

/** The least and the largest element; those that are not finite count for nothing. */
function endsOf(elements: RealArray): readonly [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (const x of elements) {
    if (!Number.isFinite(x)) continue;
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  return [low, high];
}

/** The step of elements between two ends for b bits. */
function stepOf(
  [low, high]: readonly [low: number, high: number],
  b: number,
  from: (typeof stepSources)[number],
): number {
  if (high < low) return 0;
  if (from === 'absmax') return step32(Math.max(-low, high) * powerOfTwoReal(1 - b));
  return step32(bounded(high - low, Number.MAX_VALUE) / (powerOfTwoReal(b) - 1));
}

const bitsAt = (bits: number | readonly number[], group: number): number =>
  typeof bits === 'number' ? bits : bits[group]!;

/** The derivative of a step with respect to b. */
function stepSlope(step: number, b: number, from: (typeof stepSources)[number]): number {
  const levels = powerOfTwoReal(b);
  return -Math.LN2 * step * (from === 'absmax' ? 1 : levels / (levels - 1));
}

/** Bits of a quantiser that learned numbers of bits stand for. */
export const wholeBits = (b: number): number => Math.max(1, Math.round(b));

/** To the nearest integer, ties to even. */
function nearestInteger(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The options, checked, defaults filled in. */
function settingsOf(options: NoiseOptions) {
  const given = checkFields('', options, optionNames);
  return {
    distribution: oneOf('distribution', given.distribution, distributions, 'rounded-gaussian'),
    from: oneOf('from', given.from, stepSources, 'absmax'),
    inverse: oneOf('inverse', given.inverse, ['keep', 'subtract'], 'keep'),
    grouping: groupingAt('grouping', given.grouping, { per: 'tile', rows: 32, columns: 32 }),
    bits: oneOrEach('bits', given.bits, (path, each) => numberInRange(path, each, { above: 0, to: 64 })),
    seed: readWord('seed', given.seed),
    stream: readWord('stream', given.stream),
  };
}

/** How many groups there are, each with its number of bits. */
function groupsOf(shape: readonly number[], grouping: Grouping, bits: number | readonly number[]): number {
  const count = countGroups(grouping, shape);
  if (typeof bits !== 'number')
    checkLength('bits', bits, count, `${count} numbers, one a group, or one for all`);
  return count;
}

/** x + sign R step. */
function addNoise<A extends RealArray>(
  x: A,
  shape: readonly number[],
  steps: Float32Array,
  sign: 1 | -1,
  random: Uint32Array,
  { distribution, grouping }: ReturnType<typeof settingsOf>,
): A {
  const carrier = carrierOf(x);
  const rounded = (value: number): number => carried(value, carrier);
  return mapGroups(x, shape, grouping, (element, group, i) => {
    const r = rounded(draw[distribution](random[i]!));
    return element + sign * rounded(r * steps[group]!);
  });
}

/** The nearest points of the grids whose steps the noise has. */
function onGrids<A extends RealArray>(
  x: A,
  shape: readonly number[],
  { from, grouping, bits }: ReturnType<typeof settingsOf>,
): A {
  const carrier = carrierOf(x);
  const tensor = from === 'tensor-range' ? endsOf(x) : undefined;
  const grids = new Map<number, (element: number) => number>();
  collectGroups(x, shape, grouping, (group, elements) => {
    const ends = tensor ?? endsOf(elements);
    const b = wholeBits(bitsAt(bits, group));
    const step = stepOf(ends, b, from);
    const zero = from === 'absmax' ? 0 : ends[0];
    const [least, most] = from === 'absmax' ? [-(2 ** (b - 1)), 2 ** (b - 1) - 1] : [0, 2 ** b - 1];
    grids.set(group, (element) => {
      if (step === 0 || !Number.isFinite(element)) return element;
      const point = Math.min(Math.max(nearestInteger((element - zero) / step), least), most);
      return carried(zero + point * step, carrier);
    });
  });
  return mapGroups(x, shape, grouping, (element, group) => grids.get(group)!(element));
}

/** The sums over groups of a gradient times the derivative of what is added with respect to the number of bits. */
function bitGradients(
  gradient: RealArray,
  shape: readonly number[],
  steps: Float32Array,
  random: Uint32Array,
  { distribution, from, grouping, bits }: ReturnType<typeof settingsOf>,
): Float64Array {
  const sums = new Float64Array(steps.length);
  collectGroups(gradient, shape, grouping, (group, elements, indices) => {
    const slope = stepSlope(steps[group]!, bitsAt(bits, group), from);
    for (let i = 0; i < elements.length; i++)
      sums[group]! += elements[i]! * draw[distribution](random[indices[i]!]!) * slope;
  });
  return sums;
}

/**
 * x + R step, R drawn for each element from (seed, stream, offset + index) alone, apart from what rounding draws under the same
 * (`streamFor`); context takes the place of seed and stream, so that every step of a training run has noise of its own. Steps are rounded to binary32 and are the residue (4 bytes a group);
 * R, R step and the sum are each rounded to the precision of the array. NaN and infinities count for no step.
 *
 * inverse `keep`: the identity. `subtract`: y - R step, |x' - x| <= u (|x + R step| + |x|), 2^-24 for u in a Float32Array.
 *
 * @example
 * const pseudo = noise({ bits: 6, seed: 1 });
 * const { values } = pseudo.forward(weights, [64, 64], { stream: step });
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function noise(options: NoiseOptions): NoiseTransform {
  const settings = settingsOf(options);
  const { distribution, from, inverse, grouping, bits, seed, stream } = settings;

  const checkGroups = (shape: readonly number[]): number => groupsOf(shape, grouping, bits);
  const stepsIn = (residue: Residue, shape: readonly number[]): Float32Array =>
    checkStatistics(residueOf(residue, 'statistics'), 1, grouping, shape);

  const randoms = (length: number, context?: TransformContext): Uint32Array =>
    randomIntegers(length, {
      seed: context?.seed ?? seed,
      stream: streamFor('noise', context?.stream ?? stream, context?.part),
      offset: context?.offset ?? 0,
    });

  return checkedTransform({
    name: 'noise',
    inProduct: 'never',
    draws: 1,
    forward: (x, shape, context) => {
      const steps = new Float32Array(checkGroups(shape));
      const whole = from === 'tensor-range' ? endsOf(x) : undefined;
      collectGroups(x, shape, grouping, (group, elements) => {
        steps[group] = stepOf(whole ?? endsOf(elements), bitsAt(bits, group), from);
      });
      return {
        values: addNoise(x, shape, steps, 1, randoms(x.length, context), settings),
        residue: { kind: 'statistics', perGroup: 1, values: steps },
      };
    },
    inverse: (values, shape, residue, context) => {
      const steps = stepsIn(residue, shape);
      if (inverse === 'subtract') {
        const random = randoms(values.length, context);
        return addNoise(values, shape, steps, -1, random, settings);
      }
      const x = newLike(values);
      x.set(values);
      return x;
    },
    pullback: passedBy,
    forwardGradient: unchanged,
    inverseGradient: unchanged,
    bitGradient: (given, shape, residue, context) => {
      const gradient = checkedArray('gradient', given, shape, context);
      checkGroups(shape);
      const random = randoms(gradient.length, context);
      return bitGradients(gradient, shape, stepsIn(checkResidue(residue), shape), random, settings);
    },
    rounded: (given, shape) => {
      const x = checkedArray('x', given, shape, undefined);
      checkGroups(shape);
      return onGrids(x, shape, settings);
    },
    toJSON: (): TransformData => ({
      ...{ name: 'noise', distribution, from, bits, grouping, inverse },
      ...{ seed: writeWord(seed), stream: writeWord(stream) },
    }),
  } satisfies NoiseTransform);
}
