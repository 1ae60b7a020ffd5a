/**
 * The Hadamard transform of blocks along an axis, plain or randomised by signs: it spreads an outlier over its block.
 * A rotation, so it cancels where both operands of a product have it along the axis that is summed over.
 *
 * Sources: Sylvester order as in Hedayat and Wallis, "Hadamard matrices and their applications", Annals of Statistics 6(6),
 * 1978, section 2; random signs as in Tseng, Yu, Park, "Training LLMs with MXFP4", arXiv 2502.20586, section 3.2, and NVIDIA,
 * "Pretraining large language models with NVFP4", arXiv 2509.25149, section 4.2.
 */

import type { RealArray } from '../../array-kinds.ts';
import { isFloat32Array } from '../../array-kinds.ts';
import { checkAbsent, checkFields, checkLength } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { rotateArray } from '../../kernels/transforms/hadamard-arrays.ts';
import type { HadamardLayout } from '../../kernels/transforms/hadamard-run.ts';
import { randomIntegers } from '../../rounding/philox.ts';
import { aroundAxis, axisOption } from '../grouping.ts';
import { readWord, streamFor, type Word, writeWord } from './random-words.ts';
import {
  checkedTransform,
  newLike,
  noResidue,
  residueOf,
  type Transform,
  type TransformContext,
  type TransformData,
} from './transform.ts';

/** The signs that TransformerEngine fixes for its random Hadamard transform of size 16. */
export const transformerEngineSigns: readonly number[] = Object.freeze([
  1, 1, 1, -1, 1, -1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1,
]);

/** Which Hadamard transform. Without `signs` and `seed`: the plain one. */
export interface HadamardOptions {
  /**
   * Elements of a block, a power of two. Default: as many as the axis has. A remainder that is no full block is cut into the
   * powers of two of its length, largest first (23 elements in blocks of 16: 16, 4, 2, 1).
   */
  readonly size?: number;
  /** Axis of the blocks. Default: that of the contraction, which the context names, or the last. */
  readonly axis?: number;
  /** One +1 or -1 for each place in a block, or the fixed ones of TransformerEngine; `size` is theirs by default. */
  readonly signs?: readonly number[] | 'transformer-engine';
  /**
   * Draws the signs: that of place j is -1 where bit j of (seed, stream) is 1 (`randomIntegers` with `randomBits: 1`, apart from
   * what rounding draws: `streamFor`). They depend on nothing else, so two operands with the same options cancel.
   */
  readonly seed?: Word;
  /** Which signs under that seed, for example the training step. Default 0. */
  readonly stream?: Word;
}

/** A transform of some shape, as kernels take it. */
interface Rotation {
  readonly layout: HadamardLayout;
  /** 1 or -1 for each place in a block; undefined: all 1. */
  readonly signs: ArrayLike<number> | undefined;
}

const rotations = new WeakMap<Transform, (shape: readonly number[]) => Rotation>();

/** What a Hadamard transform does to a tensor when nothing is said of the call; undefined for other transforms. */
export function rotationOf(transform: Transform, shape: readonly number[]): Rotation | undefined {
  return rotations.get(transform)?.(shape);
}

/** The largest power of two that is at most n, for n >= 1. */
function largestPowerOfTwo(n: number): number {
  let power = 1;
  while (2 * power <= n) power *= 2;
  return power;
}

const isPowerOfTwo = (n: number): boolean => Number.isSafeInteger(n) && n >= 1 && largestPowerOfTwo(n) === n;

const optionNames: readonly (keyof HadamardOptions)[] = ['size', 'axis', 'signs', 'seed', 'stream'];

/** The given signs, checked. */
function givenSigns(signs: HadamardOptions['signs']): readonly number[] | undefined {
  if (signs === undefined) return undefined;
  if (signs === 'transformer-engine') return transformerEngineSigns;
  const areSigns =
    Array.isArray(signs) && isPowerOfTwo(signs.length) && Array.from(signs).every((s) => s === 1 || s === -1);
  if (!areSigns)
    throw new ArgumentError('signs', signs, 'transformer-engine, or 2^n numbers that are 1 or -1');
  return Object.freeze([...signs]);
}

/** Applies H / sqrt(n) to n elements `stride` apart, in place. */
function transformBlock(values: RealArray, start: number, n: number, stride: number): void {
  // Stores round to the precision of the array: sums of two binary32 numbers in binary64 suffer no double rounding.
  for (let half = 1; half < n; half *= 2) {
    for (let top = 0; top < n; top += 2 * half) {
      for (let i = top; i < top + half; i++) {
        const p = start + i * stride;
        const q = p + half * stride;
        const a = values[p]!;
        const b = values[q]!;
        values[p] = a + b;
        values[q] = a - b;
      }
    }
  }
  const exact = Math.sqrt(1 / n);
  const factor = isFloat32Array(values) ? Math.fround(exact) : exact;
  for (let i = 0; i < n; i++) values[start + i * stride]! *= factor;
}

/** The reference, in place: blocks along the axis; the signs come before H, or after it in the inverse. */
export function rotateReference(
  values: RealArray,
  { outer, length, inner, size }: HadamardLayout,
  signs: ArrayLike<number> | undefined,
  signsFirst: boolean,
): void {
  const flip = (start: number, n: number): void => {
    if (signs !== undefined) for (let i = 0; i < n; i++) values[start + i * inner]! *= signs[i]!;
  };
  for (let o = 0; o < outer; o++) {
    let begin = 0;
    for (let n = size; begin < length; ) {
      if (n > length - begin) {
        n /= 2;
        continue;
      }
      for (let i = 0; i < inner; i++) {
        const start = (o * length + begin) * inner + i;
        if (signsFirst) flip(start, n);
        transformBlock(values, start, n, inner);
        if (!signsFirst) flip(start, n);
      }
      begin += n;
    }
  }
}

/**
 * The Hadamard transform of each block: y = H D x / sqrt(n), D the diagonal of signs (none: all +1); inverse x = D H y / sqrt(n).
 *
 * The operations, each rounded once to the precision of the array: the signs; then for h = 1, 2, 4, ..., n/2 and each pair
 * (a, b) of places i and i + h with bit h of i clear, (a, b) <- (a + b, a - b); then each times c, 1/sqrt(n) rounded. c is exact
 * where n is a power of four, and inverse(forward(x)) is then exact wherever no sum needs more than the precision (integers
 * below 2^24 / n in binary32). In general |x' - x| <= (2 log2 n + 4) u ||x||, first order in u, with the Euclidean norm of the
 * block and u = 2^-24 (2^-53 in Float64Array). Sums may overflow where |x| n exceeds the largest number.
 *
 * @example
 * const h = hadamard({ size: 4 });
 * h.forward(new Float32Array([4, 0, 0, 0]), [4]).values; // [2, 2, 2, 2]
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function hadamard(given?: HadamardOptions): Transform {
  const options = checkFields('', given, optionNames);
  const fixed = givenSigns(options.signs);
  const size = sizeOf(options, fixed);
  const own = axisOption(options.axis);
  const signsFor = signSource(options, fixed);
  const data = dataOf(options, own, fixed);

  function rotationFor(shape: readonly number[], axis: number): Rotation {
    const { outer, length, inner } = aroundAxis(axis, shape);
    const layout = { outer, length, inner, size: size ?? largestPowerOfTwo(Math.max(length, 1)) };
    return { layout, signs: signsFor(layout.size) };
  }

  /** H D x, or with the signs last D H x. */
  function apply<A extends RealArray>(
    x: A,
    shape: readonly number[],
    context: TransformContext | undefined,
    signsFirst: boolean,
  ): A {
    const { layout, signs } = rotationFor(shape, own ?? context?.axis ?? -1);
    const values = newLike(x);
    const to = values as Float32Array;
    if (isFloat32Array(x) && rotateArray(x, to, layout, signs, signsFirst, context?.threads)) return values;
    values.set(x);
    rotateReference(values, layout, signs, signsFirst);
    return values;
  }

  const made = checkedTransform({
    name: 'hadamard',
    inProduct: 'cancels',
    forward: (x, shape, context) => ({ values: apply(x, shape, context, true), residue: noResidue }),
    inverse: (values, shape, residue, context) => {
      residueOf(residue, 'none');
      return apply(values, shape, context, false);
    },
    pullback: (gradient, shape, residue, inner, context) => {
      const pulled = inner(apply(gradient, shape, context, true));
      residueOf(residue, 'none');
      return apply(pulled, shape, context, false);
    },
    // An orthogonal map: its transpose is its inverse.
    forwardGradient: (gradient, _x, shape, residue, context) => {
      residueOf(residue, 'none');
      return apply(gradient, shape, context, false);
    },
    inverseGradient: (gradient, _values, shape, _residue, context) => apply(gradient, shape, context, true),
    toJSON: (): TransformData => ({ ...data }),
  } satisfies Transform);
  rotations.set(made, (shape) => rotationFor(shape, own ?? -1));
  return made;
}

/** The options as JSON holds them. */
function dataOf(
  { size, signs, seed, stream }: Partial<HadamardOptions>,
  axis: number | undefined,
  fixed: readonly number[] | undefined,
): TransformData {
  return {
    name: 'hadamard',
    ...(size !== undefined && { size }),
    ...(axis !== undefined && { axis }),
    ...(signs !== undefined && { signs: signs === 'transformer-engine' ? signs : fixed }),
    ...(seed !== undefined && { seed: writeWord(readWord('seed', seed)) }),
    ...(stream !== undefined && { stream: writeWord(readWord('stream', stream)) }),
  };
}

/** The size of blocks: as it is given, or as many as there are signs. */
function sizeOf(
  { size: given, signs }: Partial<HadamardOptions>,
  fixed: readonly number[] | undefined,
): number | undefined {
  const size = given === undefined ? fixed?.length : given;
  if (size !== undefined && !isPowerOfTwo(size)) throw new ArgumentError('size', size, 'a power of two');
  if (fixed !== undefined && size !== undefined)
    checkLength('signs', fixed, size, `${size} of them, one for each place in a block`, signs);
  return size;
}

/** The signs of blocks by their size: drawn from a seed, or the same for all. */
function signSource(
  { seed, stream }: Partial<HadamardOptions>,
  fixed: readonly number[] | undefined,
): (places: number) => ArrayLike<number> | undefined {
  if (fixed !== undefined) {
    checkAbsent('seed', seed, 'either signs or a seed');
    checkAbsent('stream', stream, 'either signs or a seed');
  }
  if (seed === undefined) checkAbsent('stream', stream, 'a seed beside it');
  if (seed === undefined) return () => fixed;
  const from = { seed: readWord('seed', seed), stream: streamFor('signs', readWord('stream', stream)) };
  const drawn = new Map<number, Float64Array>();
  return (places) => {
    const known = drawn.get(places);
    if (known !== undefined) return known;
    const bits = randomIntegers(places, { ...from, randomBits: 1 });
    const made = Float64Array.from(bits, (bit) => 1 - 2 * bit);
    drawn.set(places, made);
    return made;
  };
}
