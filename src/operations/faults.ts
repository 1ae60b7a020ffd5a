/**
 * Faults and how to measure their harm: random bit flips in significands (soft errors), and the number of significant
 * digits that survives, estimated from repeated runs with random-direction rounding (`rounding: 'stochastic-equal'`).
 *
 * Sources: Higham and Pranesh, "Simulating low precision floating-point arithmetic", SIAM J. Sci. Comput. 41(5), 2019,
 * section 2 (one flipped bit of the significand with a given probability); Vignes, "Discrete stochastic arithmetic for
 * validating results of numerical software", Numerical Algorithms 37, 2004 (CESTAC, the method of CADNA).
 */
import { log } from '../approximate.ts';
import {
  apartFrom,
  type HalfArray,
  type HalfResult,
  type Numbers,
  type RealArray,
  realArray,
  resultPlace,
} from '../array-kinds.ts';
import { checkAbsent, checkFields, checkLength, numberInRange, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { notInFormat } from '../formats/codes.ts';
import { type Format, type FormatArgument, type FormatSpelling, toFormat } from '../formats/index.ts';
import { fitsBinary16 } from '../formats/real-arrays.ts';
import { integerOf64Bits } from '../rounding/options.ts';
import { randomIntegers } from '../rounding/philox.ts';
import { studentQuantile } from '../student.ts';

export interface FlipOptions<A> {
  /** Chance that an element is hit, 0 to 1. */
  readonly probability: number;
  /** As in `RoundOptions`; default 0. */
  readonly seed?: number | bigint;
  /** As in `RoundOptions`; default 0. The positions of the flipped bits come from stream + 1, after the last from stream 0. */
  readonly stream?: number | bigint;
  /** As in `RoundOptions`; default 0. */
  readonly offset?: number;
  /** Same kind and length as the result; may be x. Default: a new array. */
  readonly out?: A;
}

const optionNames: readonly (keyof FlipOptions<never>)[] = ['probability', 'seed', 'stream', 'offset', 'out'];

/** Bits of a code that a fault can hit: the trailing significand of a float, all bits of an integer or fixed-point number. */
function exposedBits(format: Format): number {
  if (format.kind === 'float' && format.mantissaBits > 0 && format.bits !== Infinity)
    return format.mantissaBits;
  if (format.kind === 'int' || format.kind === 'fixed') return format.bits;
  throw new ArgumentError(
    'format',
    format.name,
    'a float with mantissa bits, an int or a fixed-point format',
  );
}

/**
 * Flips one random bit of the significand of each element with the given probability. Zeros and subnormals are hit like
 * other numbers; NaN and infinities stay. In a format whose top codes are special, a flip can make one of them.
 *
 * An element is hit if its random integer (32 bits, `stream`) is below probability 2^32; which bit is decided by the one of
 * `stream` + 1, scaled to the number of bits. So the same options give the same faults.
 *
 * @param x A number or array of values of the format. The result has the kind of the array; of a Float16Array too, where
 *   every value of the format is a binary16 number, else it is a Float32Array; an array of numbers gives a Float64Array.
 * @throws ArgumentError for a wrong option or format; RangeError if an element is not a value of the format. Nothing is
 *   written to `out` before the check.
 *
 * @example
 * flipBits(new Float32Array(1e6).fill(1), 'binary16', { probability: 1e-3, seed: 7 }) // about 1000 are no longer 1
 */
export function flipBits<const F extends FormatSpelling>(
  x: number,
  format: FormatArgument<F>,
  options: FlipOptions<never>,
): number;
export function flipBits<A extends RealArray, const F extends FormatSpelling = FormatSpelling>(
  x: A,
  format: FormatArgument<F>,
  options: FlipOptions<A>,
): A;
export function flipBits<X extends HalfArray, const F extends FormatSpelling = FormatSpelling>(
  x: X,
  format: FormatArgument<F>,
  options: FlipOptions<HalfResult<X>>,
): HalfResult<X>;
export function flipBits<const F extends FormatSpelling>(
  x: readonly number[],
  format: FormatArgument<F>,
  options: FlipOptions<Float64Array>,
): Float64Array;
export function flipBits(
  x: number | Numbers,
  format: Format | FormatSpelling,
  options: FlipOptions<RealArray | HalfArray>,
): number | RealArray | HalfArray {
  const target = toFormat(format);
  const exposed = exposedBits(target);
  const { probability: chance, seed, stream, offset, out } = checkFields('', options, optionNames);
  const probability = numberInRange('probability', chance, { from: 0, to: 1 });
  const isNumber = typeof x === 'number';
  if (isNumber) checkAbsent('out', out, 'nothing when x is a number');
  const given = isNumber ? Float64Array.of(x) : realArray('x', x);
  const place = resultPlace(out, given, { given: [x], fits: () => fitsBinary16(target) });
  const result = place.array;
  given.forEach((value, i) => {
    if (target.has(value) || Number.isNaN(value)) return;
    throw notInFormat(value, target.name, isNumber ? 'x' : pathOf('x', i));
  });
  const source = apartFrom(given, result);
  const draw = { ...(seed !== undefined && { seed }), ...(offset !== undefined && { offset }) };
  const first = BigInt(integerOf64Bits('stream', stream));
  const hits = randomIntegers(source.length, { ...draw, stream: first });
  const positions = randomIntegers(source.length, { ...draw, stream: BigInt.asUintN(64, first + 1n) });
  for (let i = 0; i < source.length; i++) {
    const value = source[i]!;
    const isHit = hits[i]! < probability * 2 ** 32 && Number.isFinite(value);
    result[i] = isHit ? flip(value, target, Math.floor((positions[i]! * exposed) / 2 ** 32)) : value;
  }
  return isNumber ? result[0]! : place.finish();
}

function flip(value: number, format: Format, position: number): number {
  const flipped = BigInt(format.encode(value)) ^ (1n << BigInt(position));
  return format.decode(format.bits <= 32 ? Number(flipped) : flipped);
}

const mostDigits = 53 * 0.3010299956639812; // log10 2^53

/**
 * The number of significant decimal digits that repeated runs of one computation share, with 95 % confidence: log10 of
 * sqrt(N) |mean| / (sigma t), N the number of runs, sigma their standard deviation, t Student's quantile. 0 if none is
 * significant (a computed zero), 15.95 (binary64's own) if all runs agree.
 *
 * @param runs At least two results, or as many arrays of results of one length. CADNA uses three runs.
 * @returns A number of digits, or one for each element of the arrays.
 * @throws ArgumentError if there are fewer than two runs, or arrays of different length.
 *
 * @example
 * significantDigits([2.4415, 2.4416, 2.4413]) // 3.8
 */
export function significantDigits(runs: Numbers): number;
export function significantDigits(runs: readonly Numbers[]): Float64Array;
export function significantDigits(runs: Numbers | readonly Numbers[]): number | Float64Array {
  const accepted = 'at least two numbers, or two arrays of numbers';
  if (!Array.isArray(runs) || typeof runs[0] === 'number') {
    const results = realArray('runs', runs, accepted);
    if (results.length < 2) throw new ArgumentError('runs', runs, accepted);
    return digitsOf(Float64Array.from(results));
  }
  if (runs.length < 2) throw new ArgumentError('runs', runs, accepted);
  const arrays = Array.from(runs, (run: unknown, i) => realArray(pathOf('runs', i), run));
  const { length } = arrays[0]!;
  arrays.forEach((run, i) => {
    checkLength(pathOf('runs', i), run, length, `${length} elements, as the first run`);
  });
  return Float64Array.from({ length }, (_, i) => digitsOf(Float64Array.from(arrays, (run) => run[i]!)));
}

function digitsOf(results: Float64Array): number {
  const count = results.length;
  if (results.some((value) => !Number.isFinite(value))) return 0;
  if (results.every((value) => value === results[0])) return mostDigits;
  const mean = results.reduce((sum, value) => sum + value, 0) / count;
  const squares = results.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 1));
  const ratio = (Math.sqrt(count) * Math.abs(mean)) / (deviation * studentQuantile(count - 1));
  const digits = log(ratio) / Math.LN10;
  return Math.min(Math.max(digits, 0), mostDigits);
}
