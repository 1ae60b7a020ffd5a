/**
 * `round`, `encode` and `decode` as users call them: numbers and typed arrays. The numerics are elsewhere: the scalar
 * reference in `src/rounding`, the SIMD loops in `src/kernels`.
 */
import {
  type HalfArray,
  type HalfResult,
  isFloat32Array,
  type Numbers,
  overlap,
  type RealArray,
  realArray,
  resultPlace,
} from '../array-kinds.ts';
import { checkAbsent, checkFields, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { FormatName } from '../formats/catalogue.ts';
import { type CodeArray, codesOf, noCodes } from '../formats/codes.ts';
import type { Code, Format } from '../formats/format.ts';
import { type CheckedFormat, type FormatArgument, type FormatSpelling, toFormat } from '../formats/names.ts';
import { checkCarrier, fitsBinary16, fitsBinary32 } from '../formats/real-arrays.ts';
import { decodeArray, encodeArray, type NaNTreatment } from '../kernels/codec-arrays.ts';
import { roundArray } from '../kernels/rounding-arrays.ts';
import { checkThreads } from '../kernels/threads.ts';
import {
  isStochastic,
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
  roundingNames,
} from '../rounding/options.ts';
import { randomInteger } from '../rounding/philox.ts';
import { roundScalar } from '../rounding/round.ts';

export type { HalfArray, HalfResult, Numbers, RealArray } from '../array-kinds.ts';
export type { CodeArray } from '../formats/codes.ts';
export { fitsBinary16, fitsBinary32 } from '../formats/real-arrays.ts';

export interface RoundArrayOptions<A extends RealArray | HalfArray> extends RoundOptions {
  /** Where the result goes: same kind and length as the result; may be x itself (in place). Default: a new array. */
  readonly out?: A;
  /**
   * Threads that share the work, this one included: 1 to 64. Default 1. The bits do not depend on it. Arrays too small to
   * gain by it are rounded by this thread alone. In a browser, `await startThreads(n)` first.
   */
  readonly threads?: number;
}

const roundNames: readonly string[] = [...roundingNames, 'out', 'threads'];

/**
 * Rounds to a number format: each element once, from the value given.
 *
 * @param x A number, or a Float32Array or Float64Array; the result is of the same kind. A Float16Array gives a Float16Array for formats all
 *   of whose values are binary16 numbers, else a Float32Array; an array of numbers gives a Float64Array.
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
export function round<const F extends FormatSpelling>(
  x: number,
  format: FormatArgument<F>,
  options?: RoundOptions,
): number;
export function round<A extends RealArray, const F extends FormatSpelling = FormatSpelling>(
  x: A,
  format: FormatArgument<F>,
  options?: RoundArrayOptions<A>,
): A;
export function round<X extends HalfArray, const F extends FormatSpelling = FormatSpelling>(
  x: X,
  format: FormatArgument<F>,
  options?: RoundArrayOptions<HalfResult<X>>,
): HalfResult<X>;
export function round<const F extends FormatSpelling>(
  x: readonly number[],
  format: FormatArgument<F>,
  options?: RoundArrayOptions<Float64Array>,
): Float64Array;
export function round(
  x: number | Numbers,
  format: Format | FormatSpelling,
  options?: RoundArrayOptions<RealArray | HalfArray>,
): number | RealArray | HalfArray {
  const target = toFormat(format);
  const given = checkFields('', options, roundNames);
  const resolved = resolveRounding(target, given);
  const threads = checkThreads(given.threads);
  const { out } = given;
  if (typeof x === 'number') {
    checkAbsent('out', out, 'nothing when x is a number');
    return roundScalar(x, target, resolved, randomIntegerFor(resolved));
  }
  const source = realArray(
    'x',
    x,
    'a number, a Float32Array, a Float64Array, a Float16Array or an array of numbers',
  );
  checkCarrier('x', source, target);
  checkRandom(resolved, source.length);
  checkOffset(resolved, source.length);
  const place = resultPlace(out, source, { given: [x], fits: () => fitsBinary16(target) });
  roundArray(source, place.array, target, withRandomApart(resolved, place.array), threads);
  return place.finish();
}

/** The options with supplied random integers that writing `out` does not spoil. */
function withRandomApart(options: ResolvedRounding, out: RealArray): ResolvedRounding {
  const { random } = options;
  return random !== undefined && overlap(random, out) ? { ...options, random: random.slice() } : options;
}

/** The random integer of a number: the first one given, or drawn. */
function randomIntegerFor(options: ResolvedRounding): number {
  if (!isStochastic(options.rounding)) return 0;
  checkRandom(options, 1);
  return options.random === undefined ? randomInteger(options) : options.random[0]!;
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

/** Formats of the catalogue by the width of their codes, where that is not 8 bits or less. */
type Wide64 = 'binary64';
type Wide32 = 'binary32' | 'tf32' | 'fp24' | 'pxr24' | 'posit32';
type Wide16 = 'binary16' | 'bfloat16' | 'dlfloat16' | 'posit16';

/** The codes of a format, as far as its name tells. */
export type CodesOf<N> = N extends Wide64
  ? BigUint64Array<ArrayBuffer>
  : N extends Wide32
    ? Uint32Array<ArrayBuffer>
    : N extends Wide16
      ? Uint16Array<ArrayBuffer>
      : N extends FormatName
        ? Uint8Array<ArrayBuffer>
        : CodeArray;

/** The values of codes, as far as the format's name tells. */
export type ValuesOf<N> = N extends 'binary64' | 'posit32'
  ? Float64Array<ArrayBuffer>
  : N extends FormatName
    ? Float32Array<ArrayBuffer>
    : RealArray;

export interface EncodeOptions extends RoundOptions {
  /** What NaN becomes in a format without NaN: an error (default), the code of zero, or that of the largest value. */
  readonly nan?: NaNTreatment;
  /** As for `round`. */
  readonly threads?: number;
}

const encodeNames: readonly string[] = [...roundingNames, 'nan', 'threads'];

/**
 * Rounds values to a format and gives their codes, one an element.
 *
 * @param values A number, a Float32Array, a Float64Array, a Float16Array or an array of numbers.
 * @returns A code, or a Uint8Array, Uint16Array, Uint32Array or BigUint64Array, the narrowest that holds `format.bits` bits.
 * @throws ArgumentError as `round` does; RangeError for NaN into a format without NaN (unless `nan` says otherwise) and
 *   for a format without codes.
 *
 * @example
 * encode(0.3, 'e4m3fn') // 0x2a
 * encode([1, -2.6, 1000], 'e4m3fn', { saturation: 'finite' }) // Uint8Array [0x38, 0xc2, 0x7e]
 */
export function encode<const F extends FormatSpelling>(
  value: number,
  format: FormatArgument<F>,
  options?: EncodeOptions,
): Code;
export function encode<const N extends Format | FormatSpelling>(
  values: Numbers,
  format: CheckedFormat<N>,
  options?: EncodeOptions,
): CodesOf<N>;
export function encode(
  values: Numbers | number,
  format: Format | FormatSpelling,
  options?: EncodeOptions,
): CodeArray | Code {
  if (typeof values === 'number') return encodeNumbers(Float64Array.of(values), format, options)[0]!;
  return encodeNumbers(values, format, options);
}

function encodeNumbers(
  values: Numbers,
  format: Format | FormatSpelling,
  options: EncodeOptions | undefined,
): CodeArray {
  const target = toFormat(format);
  const given = checkFields('', options, encodeNames);
  const nan = oneOf('nan', given.nan, ['error', 'zero', 'max'], 'error');
  const resolved = resolveRounding(target, given);
  const threads = checkThreads(given.threads);
  const numbers = realArray(
    'values',
    values,
    'a number, a Float32Array, a Float64Array, a Float16Array or an array of numbers',
  );
  checkRandom(resolved, numbers.length);
  checkOffset(resolved, numbers.length);
  const type = isFloat32Array(numbers) && fitsBinary32(target) ? 'float32' : 'float64';
  return encodeArray(numbers, type, target, resolved, nan, threads);
}

export interface DecodeOptions {
  /** As for `round`. */
  readonly threads?: number;
}

const decodeNames: readonly (keyof DecodeOptions)[] = ['threads'];

/**
 * The values of codes.
 *
 * @param codes A code, or codes as `encode` gives them, a wider array of unsigned integers, or an array of integers.
 * @returns A number, or a Float32Array where every value of the format is a binary32 number, else a Float64Array.
 * @throws ArgumentError for what is no array of codes, or one of narrower codes, or an option that is not accepted; RangeError if a code has more bits than the format,
 *   or the format has no codes.
 *
 * @example
 * decode(0x38, 'e4m3fn') // 1
 * decode(new Uint8Array([0x38, 0x7f]), 'e4m3fn') // Float32Array [1, NaN]
 */
export function decode<const F extends FormatSpelling>(
  code: Code,
  format: FormatArgument<F>,
  options?: DecodeOptions,
): number;
export function decode<const N extends Format | FormatSpelling>(
  codes: CodeArray | readonly Code[],
  format: CheckedFormat<N>,
  options?: DecodeOptions,
): ValuesOf<N>;
export function decode(
  codes: CodeArray | readonly Code[] | Code,
  format: Format | FormatSpelling,
  options?: DecodeOptions,
): RealArray | number {
  if (typeof codes === 'number' || typeof codes === 'bigint')
    return decodeCodes([codes], format, options)[0]!;
  return decodeCodes(codes, format, options);
}

function decodeCodes(
  codes: CodeArray | readonly Code[],
  format: Format | FormatSpelling,
  options: DecodeOptions | undefined,
): RealArray {
  const source = toFormat(format);
  const threads = checkThreads(checkFields('', options, decodeNames).threads);
  if (source.bits === Infinity) throw noCodes(source.name);
  const narrow = codesOf('codes', codes, source);
  const values = fitsBinary32(source) ? new Float32Array(narrow.length) : new Float64Array(narrow.length);
  decodeArray(narrow, values, source, threads);
  return values;
}
