/**
 * The scalar reference rounding to posits. Standard for Posit Arithmetic (2022), section 4.1: the infinite encoding is
 * rounded at bit n, ties to the even code; non-zero never to zero, finite never to NaR.
 */
import type { PositFormat } from '../formats/format.ts';
import { decodePositive } from '../formats/posit.ts';
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
  // Positive codes ascend with their values: bisection finds the last one that is not above.
  let low = 1;
  let high = 2 ** (bits - 1) - 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (decodePositive(middle, bits, es) <= magnitude) low = middle;
    else high = middle;
  }
  const lower = decodePositive(low, bits, es);
  if (lower === magnitude) return lower;
  const upper = decodePositive(high, bits, es);
  if (options.rounding === 'nearest-even') {
    // The encoding cut after one more bit: the number whose code lies half way.
    const middle = decodePositive(2 * low + 1, bits + 1, es);
    const up = magnitude > middle || (magnitude === middle && low % 2 === 1);
    return up ? upper : lower;
  }
  const fraction = fractionBetween(magnitude, lower, upper);
  const position = { fraction, lowerIsOdd: low % 2 === 1, negative: false, tiesAway: false };
  return goesAway(position, options, random) ? upper : lower;
}
