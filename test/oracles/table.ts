/**
 * Fast exact oracles for formats of at most 16 bits: the ladder of a format's values, from the oracles' own decoding, and
 * where a number stands on it. Nothing is approximated. A midpoint is kept as the largest binary64 number not above it and
 * whether it is that number, so that a comparison in binary64 is a comparison with the midpoint. A stochastic fraction is
 * taken in binary64 where the rung is a power of two wide and the difference exact (checked), else in BigInt.
 */
import type {
  CodebookFormat,
  FixedFormat,
  FloatFormat,
  Format,
  IntFormat,
  PositFormat,
} from '../../src/formats/index.ts';
import type { ResolvedRounding, SubnormalTreatment } from '../../src/rounding/index.ts';
import { decodePositDigits, oracleDecode } from './decode.ts';
import { negativeIntoUnsigned, overflowed, specialInput } from './float.ts';
import { largestBelow, signedUnits, units, waysUp } from './units.ts';

/** A step of the ladder, from one value to the next one away from zero. */
interface Rung {
  /** Ends on the line of magnitudes (or, of a codebook's upper half, of numbers). */
  readonly start: number;
  readonly end: number;
  /** What the two ends become. */
  readonly inner: number;
  readonly outer: number;
  readonly tieGoesOut: boolean;
  readonly innerIsOdd: boolean;
  /** The largest binary64 number not above the middle, and whether it is the middle. */
  readonly middle: number;
  readonly middleIsExact: boolean;
  /** end - start if that is a power of two, else 0. */
  readonly width: number;
}

type RungParts = Pick<Rung, 'start' | 'end' | 'inner' | 'outer'> & { readonly even: boolean };

/** The middle of two numbers: the largest binary64 number not above it, and whether it is the middle itself. */
function middleOf(a: number, b: number): { middle: number; middleIsExact: boolean } {
  const twice = signedUnits(a) + signedUnits(b);
  const half = (twice < 0n ? -twice : twice) >> 1n; // halves of binary64 numbers are whole units
  if (half === 0n) return { middle: 0, middleIsExact: true };
  const below = largestBelow(half);
  const middleIsExact = units(below) === half;
  if (twice < 0n && !middleIsExact)
    throw new Error('oracle: a negative middle that is not a binary64 number');
  return { middle: twice < 0n ? -below : below, middleIsExact };
}

function widthOf(start: number, end: number): number {
  const count = signedUnits(end) - signedUnits(start);
  return (count & (count - 1n)) === 0n && Number.isFinite(end) ? end - start : 0;
}

/** A rung whose inner end is even or odd, which decides ties and to-odd alike. */
function rung({ start, end, inner, outer, even }: RungParts): Rung {
  const width = widthOf(start, end);
  return { start, end, inner, outer, tieGoesOut: !even, innerIsOdd: !even, width, ...middleOf(start, end) };
}

interface Magnitude {
  readonly value: number;
  readonly even: boolean;
}

/** Finite values of the codes without a sign bit, ascending; even if the code is. */
function magnitudesOf(format: Format): Magnitude[] {
  const width = format.isSigned ? format.bits - 1 : format.bits;
  const found: Magnitude[] = [];
  for (let code = 0; code < 2 ** width; code++) {
    const value = oracleDecode(format, BigInt(code));
    if (Number.isFinite(value) && found.at(-1)?.value !== value) found.push({ value, even: code % 2 === 0 });
  }
  return found;
}

/** Rungs from each value to the next; the last one leads to `beyond`. */
function rungsBetween(values: readonly Magnitude[], beyond: number): Rung[] {
  return values.map(({ value, even }, i) => {
    const end = values[i + 1]?.value ?? beyond;
    return rung({ start: value, end, inner: value, outer: end, even });
  });
}

/** The rungs below minNormal, where they are not those between the format's values. */
function lowestRungs(format: FloatFormat, subnormals: SubnormalTreatment): Rung[] | undefined {
  const { emin, mantissaBits, minNormal } = format;
  if (!format.hasZero || subnormals === 'keep') return undefined;
  if (subnormals === 'round-to-minimum-normal')
    return [rung({ start: 0, end: minNormal, inner: 0, outer: minNormal, even: true })];
  // flush: with an unbounded exponent the number before 2^emin is half a quantum away, all ones; that before a larger
  // minNormal (dlfloat16's) is 2^emin. It vanishes.
  const isPower = minNormal === 2 ** emin;
  const before = isPower ? minNormal - 2 ** (emin - 1 - mantissaBits) : 2 ** emin;
  return [
    rung({ start: 0, end: before, inner: 0, outer: 0, even: true }),
    rung({
      start: before,
      end: minNormal,
      inner: 0,
      outer: minNormal,
      even: !isPower || mantissaBits === 0,
    }),
  ];
}

function floatRungs(format: FloatFormat, subnormals: SubnormalTreatment): Rung[] {
  const { emax, mantissaBits, minNormal } = format;
  // Had the exponent no upper end, the next number would be one quantum of the top binade further.
  const values = rungsBetween(magnitudesOf(format), format.max + 2 ** (emax - mantissaBits));
  const lowest = lowestRungs(format, subnormals);
  const rungs =
    lowest === undefined ? values : [...lowest, ...values.filter(({ start }) => start >= minNormal)];
  if (mantissaBits > 0 || format.specials === 'p3109') return rungs;
  // No even significand: ties away (but from 0 to minNormal where that pair has its own rule); 1 is odd, 0 is even.
  return rungs.map((each) => ({
    ...each,
    tieGoesOut: each.start > 0 || subnormals !== 'round-to-minimum-normal',
    innerIsOdd: each.start > 0,
  }));
}

function positRungs(format: PositFormat): Rung[] {
  // The middle of the encoding is the number with one more digit, 1.
  return rungsBetween(magnitudesOf(format), 2 * format.max).map((each, code) => ({
    ...each,
    middle: decodePositDigits(`${code.toString(2).padStart(format.bits - 1, '0')}1`, format.es),
    middleIsExact: true,
  }));
}

function codebookRungs(format: CodebookFormat): Rung[] {
  const values = format.values();
  return values.slice(1).map((above, i) => {
    const below = values[i]!;
    const mirrored = above <= 0;
    const [inner, outer, index] = mirrored ? [above, below, i + 1] : [below, above, i];
    const even = {
      'even-index': index % 2 === 0,
      'even-multiple': (inner / format.step) % 2 === 0,
      upper: mirrored,
    }[format.ties];
    const [start, end] = mirrored ? [0 - above, -below] : [below, above];
    return rung({ start, end, inner, outer, even });
  });
}

function rungsOf(format: Format, subnormals: SubnormalTreatment): Rung[] {
  const everySecond = (values: readonly number[]): Magnitude[] =>
    values.map((value, i) => ({ value, even: i % 2 === 0 }));
  switch (format.kind) {
    case 'float':
      return floatRungs(format, subnormals);
    case 'int':
    case 'fixed': {
      const step = format.kind === 'int' ? 1 : format.step;
      const count = Math.max(format.max, -format.min) / step;
      const multiples = Array.from({ length: count + 1 }, (_, i) => i * step);
      return rungsBetween(everySecond(multiples), (count + 1) * step);
    }
    case 'logarithmic': {
      const magnitudes = format.values().filter((value) => value >= 0);
      return rungsBetween(everySecond(magnitudes), 2 * format.max);
    }
    case 'posit':
      return positRungs(format);
    case 'codebook':
      return codebookRungs(format);
  }
}

/** Index of the last of the ascending numbers that is not above x, -1 if there is none. */
function placeOf(ascending: Float64Array, x: number): number {
  let low = -1;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ascending[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** x in units of 2^-200 where that is an integer and the engine's own conversion serves: faster than `signedUnits`. */
function latticeUnits(x: number): bigint | undefined {
  const scaled = x * 2 ** 200;
  return Number.isInteger(scaled) ? BigInt(scaled) : undefined;
}

function goesOutAtRandom(a: number, on: Rung, options: ResolvedRounding, R: number): boolean {
  const { start, end, width } = on;
  const scale = 2 ** options.randomBits;
  // a - start is exact by Sterbenz' lemma, and the rest is scaling by powers of two.
  if (width > 0 && (start === 0 || (start > 0 && a <= 2 * start))) {
    const scaled = ((a - start) / width) * scale;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    const goesUp = {
      A: false,
      B: rest >= 0.5,
      C: rest > 0.5 || (rest === 0.5 && floor % 2 === 1),
    }[options.variant];
    return floor + (goesUp ? 1 : 0) + R >= scale;
  }
  const [x, from, to] = [latticeUnits(a), latticeUnits(start), latticeUnits(end)];
  const isOnLattice = x !== undefined && from !== undefined && to !== undefined;
  const numerator = isOnLattice ? x - from : signedUnits(a) - signedUnits(start);
  const denominator = isOnLattice ? to - from : signedUnits(end) - signedUnits(start);
  return waysUp(numerator, denominator, options) + BigInt(R) >= BigInt(scale);
}

/** Whether a number at `a` on the rung goes to its outer end. */
function goesOut(a: number, on: Rung, negative: boolean, options: ResolvedRounding, R: number): boolean {
  if (a === on.start) return options.rounding === 'jamming' && !on.innerIsOdd && a > 0;
  const isTie = a === on.middle && on.middleIsExact;
  const isBeyond = a > on.middle;
  switch (options.rounding) {
    case 'nearest-even':
      return isBeyond || (isTie && on.tieGoesOut);
    case 'nearest-away':
      return isBeyond || isTie;
    case 'nearest-to-zero':
      return isBeyond;
    case 'nearest-to-positive':
      return isBeyond || (isTie && !negative);
    case 'nearest-to-negative':
      return isBeyond || (isTie && negative);
    case 'nearest-odd':
      return isBeyond || (isTie && !on.innerIsOdd);
    case 'toward-zero':
      return false;
    case 'away-from-zero':
      return true;
    case 'toward-positive':
      return !negative;
    case 'toward-negative':
      return negative;
    case 'to-odd':
    case 'jamming':
      return !on.innerIsOdd;
    case 'stochastic':
      return goesOutAtRandom(a, on, options, R);
    case 'stochastic-equal':
      return 2 * R >= 2 ** options.randomBits;
  }
}

type RoundPlaced = (x: number, place: number, options: ResolvedRounding, R: number) => number;

function floatRounding(format: FloatFormat, rungs: readonly Rung[]): RoundPlaced {
  const past = rungs.at(-1)!.end;
  return (x, place, options, R) => {
    const special = specialInput(x, format, options);
    if (special !== undefined) return special;
    if (place < 0) return format.minNormal; // a format without zero
    const negative = x < 0;
    const a = Math.abs(x);
    const on = rungs[place]!;
    const result = a >= past ? Infinity : goesOut(a, on, negative, options, R) ? on.outer : on.inner;
    if (result === 0) return negative && format.hasNegativeZero ? -0 : 0;
    if (negative && !format.isSigned) return negativeIntoUnsigned(format, options);
    if (result > format.max) return overflowed(format, options, negative);
    return negative ? -result : result;
  };
}

/** The multiple of the step below x, its last bit set in two's complement. For numbers of less than 2^52 steps, or beyond the range. */
function jammedGrid(x: number, format: IntFormat | FixedFormat): number {
  const step = format.kind === 'int' ? 1 : format.step;
  const below = Math.floor(x / step);
  const odd = (Math.abs(below) % 2 === 1 ? below : below + 1) * step;
  return Math.min(Math.max(odd, format.min), format.max);
}

function listRounding(format: Exclude<Format, FloatFormat>, rungs: readonly Rung[]): RoundPlaced {
  return (x, place, options, R) => {
    if (Number.isNaN(x) || (format.kind === 'posit' && !Number.isFinite(x))) return NaN;
    const jams = options.rounding === 'jamming';
    if (jams && (format.kind === 'int' || format.kind === 'fixed')) return jammedGrid(x, format);
    if (x < format.min || (x === format.min && !jams)) return format.min;
    if (x >= format.max) return format.max;
    const on = rungs[place]!;
    if (format.kind === 'codebook') {
      const mirrored = on.outer < on.inner;
      // The value at the lower end of the rung has the place of the rung; jamming goes up from it where it is even.
      const [lower, upper] = mirrored ? [on.outer, on.inner] : [on.inner, on.outer];
      if (x === lower) {
        const isEven = mirrored ? on.innerIsOdd : !on.innerIsOdd;
        return jams && isEven && format.ties !== 'upper' ? upper : lower;
      }
      return goesOut(mirrored ? -x : x, on, mirrored, options, R) ? on.outer : on.inner;
    }
    // A posit that is not zero does not become zero.
    const a = format.kind === 'posit' && x !== 0 ? Math.max(Math.abs(x), format.minPositive) : Math.abs(x);
    const from = a === Math.abs(x) ? on : rungs[1]!;
    const magnitude = goesOut(a, from, x < 0, options, R) ? from.outer : from.inner;
    return x < 0 && magnitude !== 0 ? -magnitude : magnitude;
  };
}

/** Rounds the inputs that it was made for; each is placed on the ladder once, for all modes. */
export interface TableOracle {
  /** `random`: one integer an input; read by the stochastic modes. `subnormals` must be the oracle's own. */
  round(options: ResolvedRounding, random: ArrayLike<number>, out: Float64Array): void;
}

/** An oracle for those inputs. Not for saturation `wrap`. */
export function tableOracle(
  format: Format,
  inputs: Float64Array,
  subnormals: SubnormalTreatment,
): TableOracle {
  const rungs = rungsOf(format, subnormals);
  const isCodebook = format.kind === 'codebook';
  const feet = Float64Array.from(isCodebook ? format.values().slice(0, -1) : rungs.map(({ start }) => start));
  const places = Int32Array.from(inputs, (x) => placeOf(feet, isCodebook ? x : Math.abs(x)));
  const roundPlaced = format.kind === 'float' ? floatRounding(format, rungs) : listRounding(format, rungs);
  return {
    round(options, random, out): void {
      if (options.subnormals !== subnormals || ['wrap', 'keep-sign'].includes(options.saturation))
        throw new Error(`oracle: made for subnormals ${subnormals}, and not for wrap`);
      inputs.forEach((x, i) => {
        out[i] = roundPlaced(x, places[i]!, options, random[i]!);
      });
    },
  };
}
