/**
 * `round`, `encode` and `decode` as users call them: numbers and typed arrays. The numerics are elsewhere: the scalar
 * reference in `src/rounding`, the SIMD loops in `src/kernels`.
 */
import { ArgumentError } from '../errors.ts';
import { type CodeArray, checkCode, newCodes } from '../formats/codes.ts';
import type { Code, Format } from '../formats/format.ts';
import { type FormatSpelling, toFormat } from '../formats/names.ts';
import { fitsBinary32, newLike, type RealArray } from '../formats/real-arrays.ts';
import { roundArray } from '../kernels/arrays.ts';
import { decodeArray, encodeArray, type NaNTreatment } from '../kernels/codec.ts';
import { checkThreads } from '../kernels/threads.ts';
import {
  isStochastic,
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
} from '../rounding/options.ts';
import { randomInteger } from '../rounding/philox.ts';
import { roundScalar } from '../rounding/round.ts';

export type { CodeArray } from '../formats/codes.ts';
export { fitsBinary32, type RealArray } from '../formats/real-arrays.ts';

export interface RoundArrayOptions<A extends RealArray> extends RoundOptions {
  /** Where the result goes: same kind and length as x; may be x itself (in place). Default: a new array. */
  readonly out?: A;
  /**
   * Threads that share the work, this one included: 1 to 64. Default 1. The bits do not depend on it. Arrays too small to
   * gain by it are rounded by this thread alone. In a browser, `await startThreads(n)` first.
   */
  readonly threads?: number;
}

/**
 * Rounds to a number format: each element once, from the value given.
 *
 * @param x A number, or a Float32Array or Float64Array; the result is of the same kind.
 * @param format A format or its name.
 * @param options Mode, saturation, random bits: see `RoundOptions`. Arrays also take `out` and `threads`.
 * @returns The rounded number, or the array `out` (a new one by default).
 * @throws ArgumentError for an unknown format or option, an `out` that does not fit x, too few or too large `random`
 *   integers, a Float32Array where the format's values need not be binary32 numbers, or `threads` that cannot be had.
 *   Nothing is written before. Error if a worker thread fails; `out` is incomplete then.
 *
 * @example
 * round(0.1, 'e4m3fn') // 0.1015625
 * round(new Float32Array([1e5, 0.3]), 'binary16', { saturation: 'finite' }) // [65504, 0.300048828125]
 */
export function round(x: number, format: Format | FormatSpelling, options?: RoundOptions): number;
export function round<A extends RealArray>(
  x: A,
  format: Format | FormatSpelling,
  options?: RoundArrayOptions<A>,
): A;
export function round<A extends RealArray>(
  x: number | A,
  format: Format | FormatSpelling,
  options: RoundArrayOptions<A> = {},
): number | A {
  const target = toFormat(format);
  const resolved = resolveRounding(target, options);
  if (typeof x === 'number') {
    if (options.out !== undefined) throw new ArgumentError('out', options.out, 'nothing when x is a number');
    return roundScalar(x, target, resolved, randomIntegerFor(resolved));
  }
  checkCarrier(x, target);
  checkRandom(resolved, x.length);
  checkOffset(resolved, x.length);
  const threads = checkThreads(options.threads);
  const out = options.out ?? newLike(x);
  if (out.constructor !== x.constructor || out.length !== x.length)
    throw new ArgumentError('out', out, `a ${x.constructor.name} of length ${x.length}, as x`);
  roundArray(x, out, target, resolved, threads);
  return out;
}

/** The random integer of a number: the first one given, or drawn. */
function randomIntegerFor(options: ResolvedRounding): number {
  if (!isStochastic(options.rounding)) return 0;
  checkRandom(options, 1);
  return options.random === undefined ? randomInteger(options) : options.random[0]!;
}

function checkCarrier(x: unknown, format: Format): void {
  if (!(x instanceof Float32Array || x instanceof Float64Array))
    throw new ArgumentError('x', x, 'a number, a Float32Array or a Float64Array');
  if (x instanceof Float32Array && !fitsBinary32(format))
    throw new ArgumentError(
      'x',
      x,
      `a Float64Array for ${format.name}, whose values need not be binary32 numbers`,
    );
}

/** Indices are exact integers below 2^53. */
function checkOffset({ offset }: ResolvedRounding, length: number): void {
  const most = Number.MAX_SAFE_INTEGER - Math.max(length - 1, 0);
  if (offset > most) throw new ArgumentError('offset', offset, `at most ${most} for ${length} elements`);
}

/** Supplied random integers must suffice and fit; drawn ones always do. */
function checkRandom(options: ResolvedRounding, length: number): void {
  const { random, randomBits, rounding } = options;
  if (random === undefined || !isStochastic(rounding)) return;
  if (random.length < length)
    throw new ArgumentError('random', random, `at least ${length} integers, one an element`);
  if (randomBits === 32) return;
  for (let i = 0; i < length; i++)
    if (random[i]! >= 2 ** randomBits)
      throw new ArgumentError(`random[${i}]`, random[i], `an integer below 2^${randomBits}`);
}

export interface EncodeOptions extends RoundOptions {
  /** What NaN becomes in a format without NaN: an error (default), the code of zero, or that of the largest value. */
  readonly nan?: NaNTreatment;
}

/**
 * Rounds values to a format and gives their codes, one an element.
 *
 * @returns Uint8Array, Uint16Array, Uint32Array or BigUint64Array, the narrowest that holds `format.bits` bits.
 * @throws ArgumentError as `round` does; RangeError for NaN into a format without NaN (unless `nan` says otherwise) and
 *   for a format without codes.
 *
 * @example
 * encode([1, -2.6, 1000], 'e4m3fn', { saturation: 'finite' }) // Uint8Array [0x38, 0xc2, 0x7e]
 */
export function encode(
  values: RealArray | readonly number[],
  format: Format | FormatSpelling,
  options: EncodeOptions = {},
): CodeArray {
  const target = toFormat(format);
  const { nan = 'error', ...rounding } = options;
  if (nan !== 'error' && nan !== 'zero' && nan !== 'max')
    throw new ArgumentError('nan', nan, 'error, zero, max');
  const resolved = resolveRounding(target, rounding);
  const isReal = values instanceof Float32Array || values instanceof Float64Array;
  const numbers = isReal ? values : Float64Array.from(values);
  checkRandom(resolved, numbers.length);
  checkOffset(resolved, numbers.length);
  const type = numbers instanceof Float32Array && fitsBinary32(target) ? 'float32' : 'float64';
  return encodeArray(numbers, type, target, resolved, nan);
}

/**
 * The values of codes.
 *
 * @returns A Float32Array where every value of the format is a binary32 number, else a Float64Array.
 * @throws RangeError if a code has more bits than the format.
 *
 * @example
 * decode(new Uint8Array([0x38, 0x7f]), 'e4m3fn') // Float32Array [1, NaN]
 */
export function decode(codes: CodeArray | readonly Code[], format: Format | FormatSpelling): RealArray {
  const source = toFormat(format);
  const values = fitsBinary32(source) ? new Float32Array(codes.length) : new Float64Array(codes.length);
  decodeArray(narrowCodes(codes, source), values, source);
  return values;
}

/** The codes in the narrowest array that holds the format's. Throws RangeError where one does not fit. */
function narrowCodes(codes: CodeArray | readonly Code[], format: Format): CodeArray {
  const narrow = newCodes(format, codes.length);
  if (ArrayBuffer.isView(codes) && codes.constructor === narrow.constructor) return codes;
  for (let i = 0; i < codes.length; i++) {
    const code = checkCode(codes[i]!, format.bits, format.name);
    narrow[i] = narrow instanceof BigUint64Array ? code : Number(code);
  }
  return narrow;
}
