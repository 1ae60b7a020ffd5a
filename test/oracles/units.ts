/**
 * Exact arithmetic under every oracle: binary64 numbers as integers (BigInt) in units of 2^-1300, and the decision between
 * two neighbours as a comparison of integers. Written apart from the library: it shares the option types only.
 */
import type { ResolvedRounding } from '../../src/rounding/index.ts';

export const unitExponent = 1300n;

const float64 = new Float64Array(1);
const pattern = new BigUint64Array(float64.buffer);

/** |x| in units of 2^-1300, exact for every finite binary64 number. */
export function units(x: number): bigint {
  float64[0] = Math.abs(x);
  const bits = pattern[0]!;
  const field = bits >> 52n;
  const significand = (bits & 0xfffffffffffffn) | (field === 0n ? 0n : 1n << 52n);
  const exponent = (field === 0n ? 1n : field) - 1075n;
  return significand << (exponent + unitExponent);
}

/** A magnitude: numerator / denominator units of 2^-1300. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** |x| as a ratio. */
export function ratioOf(x: number): Ratio {
  return { numerator: units(x), denominator: 1n };
}

/** x in units of 2^-1300, with its sign. */
export function signedUnits(x: number): bigint {
  return x < 0 ? -units(x) : units(x);
}

/** Number of binary digits of a positive integer. */
export function bitLength(n: bigint): number {
  return n.toString(2).length;
}

/** The binary64 number of a count of units; infinity if it is 2^1024 or more. Throws if the count is not representable. */
export function fromUnits(count: bigint): number {
  if (count === 0n) return 0;
  if (BigInt(bitLength(count)) - 1n - unitExponent > 1023n) return Infinity;
  const rounded = largestBelow(count);
  if (units(rounded) !== count) throw new Error('oracle: not a binary64 number');
  return rounded;
}

/** The largest binary64 number of at most that many units: positive, below 2^1024. */
export function largestBelow(count: bigint): number {
  const length = BigInt(bitLength(count));
  // Bits of weight below 2^-1074, or beyond the 53rd, do not fit.
  const fromPrecision = length - 53n;
  const fromRange = unitExponent - 1074n;
  const dropped = fromPrecision > fromRange ? fromPrecision : fromRange;
  const significand = count >> dropped;
  const exponent = dropped - unitExponent;
  pattern[0] =
    significand < 1n << 52n ? significand : ((exponent + 1075n) << 52n) | (significand & 0xfffffffffffffn);
  return float64[0]!;
}

/** The two values that a number lies between, told apart by their distance from zero. */
export interface Neighbours {
  /** Whether nearest-even takes the one farther from zero at a tie. */
  readonly tieGoesUp: boolean;
  /** Whether the one nearer zero is odd, for to-odd. */
  readonly lowerIsOdd: boolean;
}

/** Whether a number (numerator/denominator of the way, both non-negative) goes to the neighbour farther from zero. */
export function goesUp(
  numerator: bigint,
  denominator: bigint,
  { tieGoesUp, lowerIsOdd }: Neighbours,
  negative: boolean,
  options: ResolvedRounding,
  random: number,
): boolean {
  if (numerator === 0n) return options.rounding === 'jamming' && !lowerIsOdd;
  const twice = 2n * numerator;
  switch (options.rounding) {
    case 'nearest-even':
      return twice > denominator || (twice === denominator && tieGoesUp);
    case 'nearest-away':
      return twice >= denominator;
    case 'nearest-to-zero':
      return twice > denominator;
    case 'nearest-to-positive':
      return negative ? twice > denominator : twice >= denominator;
    case 'nearest-to-negative':
      return negative ? twice >= denominator : twice > denominator;
    case 'nearest-odd':
      return lowerIsOdd ? twice > denominator : twice >= denominator;
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
    case 'stochastic-equal':
      return BigInt(random) >= 1n << BigInt(options.randomBits - 1);
    case 'stochastic':
      return goesUpAtRandom(numerator, denominator, options, random);
  }
}

function goesUpAtRandom(
  numerator: bigint,
  denominator: bigint,
  options: ResolvedRounding,
  random: number,
): boolean {
  const N = BigInt(options.randomBits);
  return waysUp(numerator, denominator, options) + BigInt(random) >= 1n << N;
}

/**
 * How many of the 2^N random integers take a number away from zero. Variant B's condition floor(2g) + 2R + 1 >= 2^(N+1),
 * g being the fraction times 2^N, is floor(g + 1/2) + R >= 2^N.
 */
export function waysUp(numerator: bigint, denominator: bigint, options: ResolvedRounding): bigint {
  const scaled = numerator << BigInt(options.randomBits);
  const floor = scaled / denominator;
  const twiceRest = 2n * (scaled - floor * denominator);
  switch (options.variant) {
    case 'A':
      return floor;
    case 'B':
      return twiceRest >= denominator ? floor + 1n : floor;
    case 'C':
      return twiceRest > denominator || (twiceRest === denominator && floor % 2n === 1n) ? floor + 1n : floor;
  }
}
