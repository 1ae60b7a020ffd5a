/**
 * The scalar reference rounding to posits. Standard for Posit Arithmetic (2022), section 4.1: the infinite encoding is
 * rounded at bit n, ties to the even code; non-zero never to zero, finite never to NaR.
 */
import type { PositFormat } from '../formats/format.ts';
import { decodePositive, truncateToCode } from '../formats/posit.ts';
import { goesAway } from './decide.ts';
import type { ResolvedRounding } from './options.ts';
import { fractionBetween } from './round-list.ts';

/** Rounds a number to a posit format; infinities and NaN give NaN (NaR). Modes: nearest-even and stochastic. */
export function roundToPosit(
  x: number,
  format: PositFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (!Number.isFinite(x)) return NaN;
  if (x === 0) return 0;
  const magnitude = Math.abs(x);
  const rounded =
    magnitude >= format.max
      ? format.max
      : magnitude <= format.minPositive
        ? format.minPositive
        : roundInside(magnitude, format, options, random);
  return x < 0 ? -rounded : rounded;
}

function roundInside(
  magnitude: number,
  { bits, es }: PositFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const { code, rest, exact } = truncateToCode(magnitude, bits, es);
  if (exact) return magnitude;
  const isOdd = code % 2 === 1;
  if (options.rounding === 'nearest-even')
    return decodePositive(rest > 0 || (rest === 0 && isOdd) ? code + 1 : code, bits, es);
  const lower = decodePositive(code, bits, es);
  const upper = decodePositive(code + 1, bits, es);
  const fraction = fractionBetween(magnitude, lower, upper);
  const position = { fraction, lowerIsOdd: isOdd, negative: false, tiesAway: false };
  return goesAway(position, options, random) ? upper : lower;
}
