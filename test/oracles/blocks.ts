/**
 * Block scales by exact integer arithmetic: exponents by counting digits and by trying powers one after the other, never by
 * a logarithm. Written apart from the library.
 */
import type { Format } from '../../src/formats/index.ts';
import { bitLength, unitExponent, units } from './units.ts';

export type OracleDirection = 'floor' | 'ceil' | 'even' | 'rceil';

function floorLog2(count: bigint): number {
  return bitLength(count) - 1 - Number(unitExponent);
}

/** x 2^exponent, as a count of units. */
function shifted(count: bigint, exponent: number): bigint {
  return exponent >= 0 ? count << BigInt(exponent) : count >> BigInt(-exponent);
}

/** Bits below the leading one of the significand of the format's largest number. */
function trailing(format: Format): number {
  const max = units(format.max);
  // The step between the two largest numbers of the format.
  const values = format.values();
  const step = max - units(values.at(-2)!);
  return floorLog2(max) - floorLog2(step);
}

/** The exponent of an MX block's scale, before it is clamped to the scale's range. `amax` > 0, finite. */
export function oracleBlockExponent(amax: number, format: Format, direction: OracleDirection): number {
  const count = units(amax);
  const emax = floorLog2(units(format.max));
  const exponent = floorLog2(count);
  switch (direction) {
    case 'floor':
      return exponent - emax;
    case 'ceil':
      return (count === 1n << (BigInt(exponent) + unitExponent) ? exponent : exponent + 1) - emax;
    case 'even':
      return floorLog2(count + shifted(1n << unitExponent, exponent - trailing(format) - 1)) - emax;
    case 'rceil': {
      let k = exponent - emax - 2;
      // amax <= max 2^k, both sides times 2^300 so that nothing is shifted out.
      while (count << 300n > shifted(units(format.max) << 300n, k)) k++;
      return k;
    }
  }
}
