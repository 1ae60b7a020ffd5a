/** The typed arrays that carry values of formats, and which of them a format needs. */
import { isBinary32 } from './binary64.ts';
import type { Format } from './format.ts';

/** Arrays that hold real numbers. */
export type RealArray = Float32Array | Float64Array;

/** A new array of the same kind and length. */
export function newLike<A extends RealArray>(x: A): A {
  return (x instanceof Float32Array ? new Float32Array(x.length) : new Float64Array(x.length)) as A;
}

/** Whether the arrays share memory without beginning at the same place. */
export function overlapsAskew(x: RealArray, out: RealArray): boolean {
  return (
    x.buffer === out.buffer &&
    x.byteOffset !== out.byteOffset &&
    x.byteOffset < out.byteOffset + out.byteLength &&
    out.byteOffset < x.byteOffset + x.byteLength
  );
}

/** Whether every value of the format is a binary32 value, so that a Float32Array can carry it. */
export function fitsBinary32(format: Format): boolean {
  switch (format.kind) {
    case 'float':
      return (
        format.precision <= 24 &&
        format.exponentBits !== Infinity &&
        isBinary32(format.max) &&
        // The distance of the smallest numbers, of formats without subnormals too.
        format.emin - format.mantissaBits >= -149
      );
    case 'int':
      return Math.max(format.max, -format.min) <= 2 ** 24;
    case 'fixed':
      return Math.max(format.max, -format.min) / format.step <= 2 ** 24 && isBinary32(format.step);
    case 'posit':
      // The longest fraction stands next to 1; the ends are powers of two.
      return (
        Math.max(format.bits - 3 - format.es, 0) < 24 &&
        isBinary32(format.max) &&
        isBinary32(format.minPositive)
      );
    case 'logarithmic':
    case 'codebook':
      return format.values().every(isBinary32);
  }
}
