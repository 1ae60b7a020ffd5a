/**
 * The complex codebook of the fourth roots of unity, {1, i, -1, -i}, for complex weights of 2 bits.
 * Source: iFairy (Wang et al., "iFairy: the first 2-bit complex LLM with all parameters in {+-1, +-i}", arXiv 2508.05571).
 */
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

function indexOf([real, imaginary]: ComplexNumber): number {
  return roots.findIndex((root) => root[0] === real && root[1] === imaginary);
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
export function nearestFourthRoot([real, imaginary]: ComplexNumber): ComplexNumber {
  if (Number.isNaN(real) || Number.isNaN(imaginary)) return [NaN, NaN];
  if (Math.abs(real) >= Math.abs(imaginary)) return roots[real < 0 ? 2 : 0]!;
  return roots[imaginary < 0 ? 3 : 1]!;
}

/**
 * Rounds complex numbers to the fourth roots of unity by angle.
 *
 * @param x Interleaved real and imaginary parts: an even length.
 * @param out Same kind and length; may be x. Default: a new array.
 * @throws ArgumentError if the length is odd or `out` does not fit.
 */
export function roundToFourthRoots<A extends Float32Array | Float64Array>(x: A, out: A = x.slice() as A): A {
  if (x.length % 2 !== 0)
    throw new ArgumentError('x', x, 'an even number of elements: real and imaginary parts');
  if (out.constructor !== x.constructor || out.length !== x.length)
    throw new ArgumentError('out', out, `a ${x.constructor.name} of length ${x.length}, as x`);
  for (let i = 0; i < x.length; i += 2) [out[i], out[i + 1]] = nearestFourthRoot([x[i]!, x[i + 1]!]);
  return out;
}
