/** Which typed array carries the values of a format. */
import { isFloat32Array, type RealArray } from '../array-kinds.ts';
import { isBinary16, isBinary32 } from '../binary64.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from './format.ts';

export { newLike, overlapsAskew, type RealArray } from '../array-kinds.ts';

/** The numbers of a kind of array. */
interface Carrier {
  /** Bits of the longest significand. */
  readonly digits: number;
  /** Exponent of the smallest number. */
  readonly least: number;
  has(x: number): boolean;
}

const binary32: Carrier = { digits: 24, least: -149, has: isBinary32 };
const binary16: Carrier = { digits: 11, least: -24, has: isBinary16 };

function fits(format: Format, { digits, least, has }: Carrier): boolean {
  switch (format.kind) {
    case 'float':
      return (
        format.precision <= digits &&
        format.exponentBits !== Infinity &&
        has(format.max) &&
        // The distance of the smallest numbers, of formats without subnormals too.
        format.emin - format.mantissaBits >= least
      );
    case 'int':
      return Math.max(format.max, -format.min) <= 2 ** digits;
    case 'fixed':
      return (
        Math.max(format.max, -format.min) / format.step <= 2 ** digits && has(format.step) && has(format.max)
      );
    case 'posit':
      // The longest fraction stands next to 1; the ends are powers of two.
      return Math.max(format.bits - 3 - format.es, 0) < digits && has(format.max) && has(format.minPositive);
    case 'logarithmic':
    case 'codebook':
      return format.values().every(has);
  }
}

/** Whether every value of the format is a binary32 value, so that a Float32Array can carry it. */
export const fitsBinary32 = (format: Format): boolean => fits(format, binary32);

/** Whether every value of the format is a binary16 value, so that a Float16Array can carry it. */
export const fitsBinary16 = (format: Format): boolean => fits(format, binary16);

/** Throws ArgumentError where an array cannot hold the format's values: a Float32Array those that are not of binary32. */
export function checkCarrier(path: string, x: RealArray, format: Format): void {
  if (isFloat32Array(x) && !fitsBinary32(format))
    throw new ArgumentError(
      path,
      x,
      `a Float64Array for ${format.name}, whose values need not be binary32 numbers`,
    );
}
