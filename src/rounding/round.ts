/** The scalar reference rounding: one number to any format. Arrays are the matter of `src/operations`. */
import type { Format } from '../formats/format.ts';
import { isStochastic, type ResolvedRounding } from './options.ts';
import { drawIntegers } from './philox.ts';
import { roundToFloat } from './round-float.ts';
import { roundToCodebook, roundToGrid, roundToLogarithmic } from './round-list.ts';
import { roundToPosit } from './round-posit.ts';

/**
 * Rounds a number to a format, once.
 *
 * @param options As `resolveRounding` gives them.
 * @param random The element's random integer in [0, 2^randomBits); read by the stochastic modes only.
 */
export function roundScalar(x: number, format: Format, options: ResolvedRounding, random: number): number {
  switch (format.kind) {
    case 'float':
      return roundToFloat(x, format, options, random);
    case 'int':
    case 'fixed':
      return roundToGrid(x, format, options, random);
    case 'posit':
      return roundToPosit(x, format, options, random);
    case 'logarithmic':
      return roundToLogarithmic(x, format, options, random);
    case 'codebook':
      return roundToCodebook(x, format, options, random);
  }
}

/**
 * The reference loop over an array: `destination[i] = round(source[i])`, with the random integer of index offset + i.
 * `destination` may be `source`, and must be at least as long.
 */
export function roundArrayReference(
  source: ArrayLike<number>,
  destination: { [index: number]: number },
  format: Format,
  options: ResolvedRounding,
): void {
  const random = isStochastic(options.rounding)
    ? (options.random ?? drawIntegers(source.length, options))
    : undefined;
  for (let i = 0; i < source.length; i++) {
    destination[i] = roundScalar(source[i]!, format, options, random === undefined ? 0 : random[i]!);
  }
}
