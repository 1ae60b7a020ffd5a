/**
 * Exact oracles for rounding, written apart from the library's reference: numbers are integers in units of 2^-1300
 * (BigInt), neighbours come from integer division or from a format's list of values, and every comparison is an
 * integer comparison. Slow on purpose; nothing here is shared with `src/rounding` but the option types.
 */
import type { FloatFormat } from '../src/formats/index.ts';
import type { ResolvedRounding } from '../src/rounding/index.ts';

const unitExponent = 1300n;

/** |x| in units of 2^-1300, exact for every binary64 number. */
function units(x: number): bigint {
  const bits = new BigUint64Array(new Float64Array([Math.abs(x)]).buffer)[0]!;
  const field = bits >> 52n;
  const significand = (bits & 0xfffffffffffffn) | (field === 0n ? 0n : 1n << 52n);
  const exponent = (field === 0n ? 1n : field) - 1075n;
  return significand << (exponent + unitExponent);
}

/** The binary64 number of a count of units; infinity if it is 2^1024 or more. The count must be representable. */
function fromUnits(count: bigint): number {
  if (count === 0n) return 0;
  let length = BigInt(count.toString(2).length);
  if (length - 1n - unitExponent > 1023n) return Infinity;
  let significand = count;
  const excess = length - 53n;
  if (excess > 0n) {
    if ((count >> excess) << excess !== count) throw new Error('oracle: not a binary64 number');
    significand = count >> excess;
    length = 53n;
  }
  const shift = Number(excess > 0n ? excess : 0n) - Number(unitExponent);
  // Two exact steps keep clear of the ends of binary64's range.
  const half = Math.trunc(shift / 2);
  return Number(significand) * 2 ** half * 2 ** (shift - half);
}

interface Neighbours {
  readonly lower: bigint;
  readonly upper: bigint;
  /** Whether nearest-even takes the upper one at a tie. */
  readonly tieGoesUp: boolean;
  /** Whether the lower one is odd, for to-odd. */
  readonly lowerIsOdd: boolean;
}

function floorDivide(a: bigint, b: bigint): bigint {
  return a / b; // both non-negative
}

/** Whether a number (numerator/denominator of the way up) goes to the upper neighbour. */
function goesUp(
  numerator: bigint,
  denominator: bigint,
  n: Neighbours,
  negative: boolean,
  options: ResolvedRounding,
  random: number,
): boolean {
  if (numerator === 0n) return false;
  const twice = 2n * numerator;
  const N = BigInt(options.randomBits);
  const R = BigInt(random);
  switch (options.rounding) {
    case 'nearest-even':
      return twice > denominator || (twice === denominator && n.tieGoesUp);
    case 'nearest-away':
      return twice >= denominator;
    case 'nearest-to-zero':
      return twice > denominator;
    case 'toward-zero':
      return false;
    case 'toward-positive':
      return !negative;
    case 'toward-negative':
      return negative;
    case 'away-from-zero':
      return true;
    case 'to-odd':
      return !n.lowerIsOdd;
    case 'stochastic-equal':
      return R >= 1n << (N - 1n);
    case 'stochastic':
      if (options.variant === 'A') return floorDivide(numerator << N, denominator) + R >= 1n << N;
      if (options.variant === 'B')
        return floorDivide(numerator << (N + 1n), denominator) + 2n * R + 1n >= 1n << (N + 1n);
      {
        const scaled = numerator << N;
        const floor = floorDivide(scaled, denominator);
        const rest = 2n * (scaled - floor * denominator);
        const up = rest > denominator || (rest === denominator && floor % 2n === 1n);
        return floor + (up ? 1n : 0n) + R >= 1n << N;
      }
  }
}

/** Neighbours of a magnitude among multiples of 2^quantum. */
function multiplesAround(magnitude: bigint, quantum: number, format: FloatFormat): Neighbours {
  const step = 1n << (BigInt(quantum) + unitExponent);
  const count = magnitude / step;
  const odd =
    format.specials === 'p3109' && format.mantissaBits === 0 && count > 0n
      ? (quantum + format.bias) % 2 !== 0
      : count % 2n === 1n;
  const tieGoesUp = format.mantissaBits === 0 && format.specials !== 'p3109' ? true : odd;
  return { lower: count * step, upper: (count + 1n) * step, tieGoesUp, lowerIsOdd: odd };
}

/** The definition of rounding to a float format, by exact rational arithmetic. */
export function oracleRound(
  x: number,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  const negative = x < 0 || Object.is(x, -0);
  const finiteClamp = format.specials === 'p3109' && format.domain === 'finite';
  const zero = negative && format.hasNegativeZero ? -0 : 0;
  const infinite = format.hasInfinity ? Infinity : format.hasNaN ? NaN : format.max;
  const sign = negative ? -1 : 1;
  if (x === 0) return format.hasZero ? zero : NaN;
  if (!format.hasZero && (negative || x === Infinity)) return NaN;
  if (!Number.isFinite(x)) {
    if (negative && !format.isSigned) return options.saturation === 'none' && format.hasNaN ? NaN : 0;
    return sign * (options.saturation === 'finite' || finiteClamp ? format.max : infinite);
  }
  const magnitude = units(x);
  const minNormal = units(format.minNormal);
  const exponent = magnitude.toString(2).length - 1 - Number(unitExponent);
  let neighbours: Neighbours;
  if (magnitude < minNormal && !format.hasZero) return format.minNormal;
  if (magnitude < minNormal && options.subnormals === 'round-to-minimum-normal')
    neighbours = { lower: 0n, upper: minNormal, tieGoesUp: false, lowerIsOdd: false };
  else {
    const unbounded = options.subnormals === 'flush' || format.exponentBits === Infinity;
    const quantum = Math.max(exponent, unbounded ? exponent : format.emin) - format.mantissaBits;
    neighbours = multiplesAround(magnitude, quantum, format);
  }
  const { lower, upper } = neighbours;
  const up = goesUp(magnitude - lower, upper - lower, neighbours, negative, options, random);
  let result = up ? upper : lower;
  if (options.subnormals === 'flush' && result < minNormal) result = 0n;
  if (result === 0n) return zero;
  const inward =
    options.rounding === 'toward-zero' ||
    options.rounding === (negative ? 'toward-positive' : 'toward-negative');
  if (negative && !format.isSigned)
    return options.saturation === 'none' && format.hasNaN && !inward ? NaN : 0;
  if (result <= units(format.max)) return sign * fromUnits(result);
  if (options.saturation !== 'none' || finiteClamp || inward) return sign * format.max;
  if (options.rounding === 'to-odd' && !(format.specials === 'p3109' && format.isSigned))
    return sign * format.max;
  return sign * infinite;
}

/**
 * The same for formats of at most 8 bits by their list of values, in binary64 arithmetic that is exact for inputs of at
 * most 11 significant bits: differences of such numbers and halves of them are binary64 numbers. For signed formats with
 * zero, negative zero or not; `keep`, saturation `none` or `finite`, nearest-even and toward-zero.
 */
export function tableOracle(
  format: FloatFormat,
): (x: number, mode: 'nearest-even' | 'toward-zero', saturation: 'none' | 'finite') => number {
  const values = format.values().filter((value) => value >= 0);
  const codes = values.map((value) => Number(format.encode(value)));
  const last = values.length - 1;
  const max = values[last]!;
  // The number after the largest, had the exponent no upper end: the start of the next binade, or one quantum on.
  const quantum = 2 ** (format.emax - format.mantissaBits);
  const beyond = max + quantum;
  const infinite = format.hasInfinity ? Infinity : format.hasNaN ? NaN : max;

  return (x, mode, saturation) => {
    if (Number.isNaN(x)) return NaN;
    const sign = x < 0 || Object.is(x, -0) ? -1 : 1;
    const a = Math.abs(x);
    if (a === Infinity) return sign * (saturation === 'finite' ? max : infinite);
    let i = 0;
    for (let high = last; i < high; ) {
      const middle = (i + high + 1) >> 1;
      if (values[middle]! <= a) i = middle;
      else high = middle - 1;
    }
    const upper = i === last ? beyond : values[i + 1]!;
    const twice = a - values[i]! - (upper - a);
    const up = mode === 'nearest-even' && (twice > 0 || (twice === 0 && codes[i]! % 2 === 1));
    if (i === last && up) return sign * (saturation === 'finite' ? max : infinite);
    const magnitude = values[up ? i + 1 : i]!;
    return magnitude === 0 && !format.hasNegativeZero ? 0 : sign * magnitude;
  };
}
