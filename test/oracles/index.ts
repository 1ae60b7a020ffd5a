/**
 * Exact oracles for formats and rounding, written apart from the library: integers instead of floating point, digits
 * instead of shifts, walking instead of bisection. Slow on purpose; `table.ts` has the fast ones for exhaustive tests.
 */
import type { Format } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import { roundFloat, roundFloatRatio } from './float.ts';
import {
  roundCodebook,
  roundCodebookRatio,
  roundGrid,
  roundGridRatio,
  roundLogarithmic,
  roundLogarithmicRatio,
} from './list.ts';
import { roundPosit, roundPositRatio } from './posit.ts';
import type { Ratio } from './units.ts';

export { oracleDecode } from './decode.ts';

/** The definition of rounding. `random` is the random integer of the stochastic modes. */
export function oracleRound(x: number, format: Format, options: ResolvedRounding, random: number): number {
  switch (format.kind) {
    case 'float':
      return roundFloat(x, format, options, random);
    case 'int':
    case 'fixed':
      return roundGrid(x, format, options, random);
    case 'codebook':
      return roundCodebook(x, format, options, random);
    case 'logarithmic':
      return roundLogarithmic(x, format, options, random);
    case 'posit':
      return roundPosit(x, format, options, random);
  }
}

/** The definition of rounding for a number that need not be a binary64 one: any but 0. */
export function oracleRoundRatio(
  magnitude: Ratio,
  negative: boolean,
  format: Format,
  options: ResolvedRounding,
  random: number,
): number {
  switch (format.kind) {
    case 'float':
      return roundFloatRatio(magnitude, negative, format, options, random);
    case 'int':
    case 'fixed':
      return roundGridRatio(magnitude, negative, format, options, random);
    case 'codebook':
      return roundCodebookRatio(magnitude, negative, format, options, random);
    case 'logarithmic':
      return roundLogarithmicRatio(magnitude, negative, format, options, random);
    case 'posit':
      return roundPositRatio(magnitude, negative, format, options, random);
  }
}
