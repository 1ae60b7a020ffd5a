/** Which typed array carries the values of a format. */
import { isFloat32Array, type RealArray } from '../array-kinds.ts';
import { ArgumentError } from '../errors.ts';
import { isBinary32 } from './binary64.ts';
import type { Format } from './format.ts';

export { newLike, overlapsAskew, type RealArray } from '../array-kinds.ts';

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

/** Throws ArgumentError where an array cannot hold the format's values: a Float32Array those that are not of binary32. */
export function checkCarrier(path: string, x: RealArray, format: Format): void {
  if (isFloat32Array(x) && !fitsBinary32(format))
    throw new ArgumentError(
      path,
      x,
      `a Float64Array for ${format.name}, whose values need not be binary32 numbers`,
    );
}
