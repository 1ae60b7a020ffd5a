/**
 * The complex codebook of the fourth roots of unity, {1, i, -1, -i}, for complex weights of 2 bits.
 * Source: iFairy (Wang et al., "iFairy: the first 2-bit complex LLM with all parameters in {+-1, +-i}", arXiv 2508.05571).
 */
import {
  apartFrom,
  type HalfArray,
  type HalfResult,
  type Numbers,
  type RealArray,
  realArray,
  resultPlace,
} from '../array-kinds.ts';
import { ArgumentError, describe } from '../errors.ts';
import { checkCode } from './codes.ts';
import type { Code } from './format.ts';

/** Real and imaginary part. */
export type ComplexNumber = readonly [real: number, imaginary: number];

/** A list of complex values; the code is the index. Not a `Format`: its values are not numbers. */
export interface ComplexCodebook {
  readonly kind: 'complex';
  readonly name: string;
  readonly bits: number;
  /** Throws RangeError if the code is not an integer of `bits` bits. */
  decode(code: Code): ComplexNumber;
  /** Throws RangeError if the number is not in the list; never rounds. */
  encode(value: ComplexNumber): number;
  has(value: ComplexNumber): boolean;
  values(): ComplexNumber[];
  toString(): string;
  toJSON(): string;
}

const roots: readonly ComplexNumber[] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];

function indexOf(value: ComplexNumber): number {
  if (!Array.isArray(value)) return -1;
  return roots.findIndex((root) => root[0] === value[0] && root[1] === value[1] && value.length === 2);
}

/** The code k stands for i^k. */
export const fourthRoots: ComplexCodebook = Object.freeze({
  kind: 'complex',
  name: 'fourthRoots',
  bits: 2,
  decode: (code: Code): ComplexNumber => roots[Number(checkCode(code, 2, 'fourthRoots'))]!,
  encode(value: ComplexNumber): number {
    const code = indexOf(value);
    if (code < 0)
      throw new RangeError(
        `value: got ${describe(value)}; accepted: [1, 0], [0, 1], [-1, 0], [0, -1] (encode never rounds)`,
      );
    return code;
  },
  has: (value: ComplexNumber): boolean => indexOf(value) >= 0,
  values: (): ComplexNumber[] => [...roots],
  toString: (): string => 'fourthRoots',
  toJSON: (): string => 'fourthRoots',
});

/**
 * The fourth root of unity nearest in angle. On the diagonals, where two are equally near, the real one; 0 gives 1;
 * NaN in either part gives NaN in both.
 *
 * @example
 * nearestFourthRoot([0.2, -0.7]) // [0, -1]
 */
function nearestFourthRoot([real, imaginary]: ComplexNumber): ComplexNumber {
  if (Number.isNaN(real) || Number.isNaN(imaginary)) return [NaN, NaN];
  if (Math.abs(real) >= Math.abs(imaginary)) return roots[real < 0 ? 2 : 0]!;
  return roots[imaginary < 0 ? 3 : 1]!;
}

/**
 * Rounds complex numbers to the fourth roots of unity by angle.
 *
 * @param x Interleaved real and imaginary parts: an even length. The result has its kind; for numbers in a plain array it is a
 *   Float64Array.
 * @param out Same kind and length; may be x. Default: a new array.
 * @throws ArgumentError if the length is odd or `out` does not fit.
 */
export function roundToFourthRoots<A extends RealArray>(x: A, out?: A): A;
export function roundToFourthRoots<X extends HalfArray>(x: X, out?: HalfResult<X>): HalfResult<X>;
export function roundToFourthRoots(x: readonly number[], out?: Float64Array): Float64Array;
export function roundToFourthRoots(x: Numbers, out?: RealArray | HalfArray): RealArray | HalfArray {
  const given = realArray('x', x);
  if (given.length % 2 !== 0)
    throw new ArgumentError('x', x, 'an even number of elements: real and imaginary parts');
  const place = resultPlace(out, given, { given: [x], fits: () => true });
  const result = place.array;
  const source = apartFrom(given, result);
  for (let i = 0; i < source.length; i += 2) {
    const [real, imaginary] = nearestFourthRoot([source[i]!, source[i + 1]!]);
    result[i] = real;
    result[i + 1] = imaginary;
  }
  return place.finish();
}
