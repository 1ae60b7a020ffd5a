/**
 * The decision that every rounding comes down to: a magnitude lies between two neighbours, a fraction f of the way
 * from the one nearer zero; does it go away from zero? IEEE 754-2019 section 4.3, IEEE P3109 report v4.0 section 4.6.
 */
import type { ResolvedRounding } from './options.ts';

/** Where a magnitude lies between its neighbours. */
export interface Position {
  /** 0 <= f < 1, exact, or a stand-in below 2^-100 for any smaller positive fraction. */
  readonly fraction: number;
  /** Whether the neighbour nearer zero is odd, in the sense that the format's ties use. */
  readonly lowerIsOdd: boolean;
  readonly negative: boolean;
  /** Formats with 0 mantissa bits have no even significand: their nearest-even ties go away from zero. */
  readonly tiesAway: boolean;
}

/**
 * numerator / (denominator 2^50) as a `fraction`: truncated to a multiple of 2^-50, with 2^-52 added for any rest (`sticky`: for
 * a rest that the numerator has lost). N <= 32 random bits and ties cannot tell it from the exact one.
 */
export function truncatedFraction(numerator: bigint, denominator: bigint, sticky = false): number {
  const quotient = numerator / denominator;
  const isExact = !sticky && quotient * denominator === numerator;
  return Number(quotient) * 2 ** -50 + (isExact ? 0 : 2 ** -52);
}

/** floor(x + 1/2 to even), for 0 <= x < 2^33. */
function nearestEvenInteger(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** The stochastic rule: the scaled fraction, made an integer as the variant says, plus R reaches 2^N. */
function goesAwayAtRandom(fraction: number, options: ResolvedRounding, random: number): boolean {
  const scale = 2 ** options.randomBits;
  const scaled = fraction * scale;
  switch (options.variant) {
    case 'A':
      return Math.floor(scaled) + random >= scale;
    case 'B':
      return Math.floor(scaled * 2) + 2 * random + 1 >= 2 * scale;
    case 'C':
      return nearestEvenInteger(scaled) + random >= scale;
  }
}

/** Whether the magnitude goes to the neighbour farther from zero. `random` is read by the stochastic modes only. */
export function goesAway(position: Position, options: ResolvedRounding, random: number): boolean {
  const { fraction, lowerIsOdd, negative, tiesAway } = position;
  if (fraction === 0) return options.rounding === 'jamming' && !lowerIsOdd;
  switch (options.rounding) {
    case 'nearest-even':
      return fraction > 0.5 || (fraction === 0.5 && (tiesAway || lowerIsOdd));
    case 'nearest-away':
      return fraction >= 0.5;
    case 'nearest-to-zero':
      return fraction > 0.5;
    case 'nearest-to-positive':
      return fraction > 0.5 || (fraction === 0.5 && !negative);
    case 'nearest-to-negative':
      return fraction > 0.5 || (fraction === 0.5 && negative);
    case 'nearest-odd':
      return fraction > 0.5 || (fraction === 0.5 && !lowerIsOdd);
    case 'toward-zero':
      return false;
    case 'toward-positive':
      return !negative;
    case 'toward-negative':
      return negative;
    case 'away-from-zero':
      return true;
    case 'to-odd':
    case 'jamming':
      return !lowerIsOdd;
    case 'stochastic':
      return goesAwayAtRandom(fraction, options, random);
    case 'stochastic-equal':
      return random >= 2 ** (options.randomBits - 1);
  }
}

/** Whether overflow of a number of this sign goes outward (to infinity, where there is one) under `saturation: 'none'`. */
export function overflowsOutward(options: ResolvedRounding, negative: boolean): boolean {
  switch (options.rounding) {
    case 'toward-zero':
    case 'to-odd':
    case 'jamming':
      return false;
    case 'toward-positive':
      return !negative;
    case 'toward-negative':
      return negative;
    default:
      return true;
  }
}
