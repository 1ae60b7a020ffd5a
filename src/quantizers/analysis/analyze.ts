/**
 * What quantising a tensor does to it, in numbers for people: error, saturation, underflow, use of the codes, size. How a quantiser
 * comes to its result is the matter of `src/quantizers`; how the numbers look, of whoever prints them.
 */
import { log } from '../../approximate.ts';
import { isFloat32Array, type Numbers, type RealArray, realArray } from '../../array-kinds.ts';
import { checkAbsent, checkFields, checkObject, checkSome } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Code, Format } from '../../formats/format.ts';
import { fitsBinary32 } from '../../formats/real-arrays.ts';
import type { QuantizerSpelling, QuantizerText } from '../../formats/spelled.ts';
import type { Quantization } from '../gradients/gradient.ts';
import { eachOfGroups } from '../gradients/grouped.ts';
import type { Quantized } from '../quantized.ts';
import { namedQuantizer, type Quantizer } from '../quantizer.ts';
import { type CallOptions, checkCall } from '../quantizer-options.ts';
import { decibels, quotient, rootOfQuotient, SumOfProducts } from './sums.ts';

/** How often a code occurs. */
export interface CodeCount {
  readonly code: Code;
  /** The element that the code stands for. */
  readonly element: number;
  readonly count: number;
}

/**
 * Fractions are of all elements; sums are in binary64, element by element, and neither overflow nor underflow. Errors are over
 * the elements that are finite before; of one that is lost the error is infinite. NaN where no element is finite before.
 */
export interface Analysis {
  readonly elements: number;
  /** Elements that are NaN or infinite before. */
  readonly nonFinite: number;
  /** Elements that are finite before, and NaN or infinite after. */
  readonly lost: number;
  /**
   * Signal to quantisation noise: 10 log10(sum x^2 / sum (value - x)^2), in dB. Infinity if every value is exact, and only then;
   * -Infinity if an element is lost.
   */
  readonly sqnr: number;
  /** Root of sum (value - x)^2 / sum x^2: 0 if every value is exact, Infinity if an element is lost. */
  readonly relativeError: number;
  /** The largest |value - x| / |x| over x other than 0. */
  readonly largestRelativeError: number;
  /** The largest |value - x|. */
  readonly largestError: number;
  /** sum value x / sum x^2: 1 where the quantiser keeps the magnitude along x, below 1 where it shrinks. NaN if an element is lost. */
  readonly alignment: number;
  /** Elements beyond the largest or least element of the quantiser (by more than the rounding of the scale, 2^-20 of the range). */
  readonly saturated: number;
  /** Elements other than 0 that became 0. */
  readonly underflowed: number;
  /** Elements that are 0 afterwards. */
  readonly zeros: number;
  /** -sum p log2 p over the codes' shares p, in bits: at most those of the format. */
  readonly entropy: number;
  /** The codes that occur, ascending by element; codes of NaN last. */
  readonly codes: readonly CodeCount[];
  /** Exact size of codes, scales and what a transform keeps. */
  readonly bytes: number;
  readonly bitsPerElement: number;
}

export interface AnalyzeOptions {
  /** Row-major shape of x. Default: one row. */
  readonly shape?: readonly number[];
  /** Random bits, axis: as a call of the quantiser takes them. Averages and windows of the quantiser stay as they are. */
  readonly call?: Omit<CallOptions, 'update'>;
}

const log2 = (x: number): number => log(x) / Math.LN2;

type Errors = Pick<
  Analysis,
  'sqnr' | 'relativeError' | 'largestRelativeError' | 'largestError' | 'alignment'
>;

const nothingFinite: Errors = {
  sqnr: NaN,
  relativeError: NaN,
  largestRelativeError: NaN,
  largestError: NaN,
  alignment: NaN,
};
const somethingLost: Errors = {
  sqnr: -Infinity,
  relativeError: Infinity,
  largestRelativeError: Infinity,
  largestError: Infinity,
  alignment: NaN,
};

/** Errors of finite values against finite numbers. */
function errorsOf(x: RealArray, values: RealArray): Errors {
  const [signal, noise, overlap] = [new SumOfProducts(), new SumOfProducts(), new SumOfProducts()];
  let [largestError, largestRelativeError] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const [given, value] = [x[i]!, values[i]!];
    if (!Number.isFinite(given)) continue;
    signal.add(given, given);
    overlap.add(value, given);
    const error = Math.abs(value - given);
    // The difference of two numbers of different signs may overflow; of their halves it does not.
    const half = Math.abs(value / 2 - given / 2);
    if (error < Infinity) noise.add(error, error);
    else for (let part = 0; part < 4; part++) noise.add(half, half);
    largestError = Math.max(largestError, error);
    if (given === 0) continue;
    const relative = error < Infinity ? error / Math.abs(given) : 2 * (half / Math.abs(given));
    largestRelativeError = Math.max(largestRelativeError, relative);
  }
  const [total, rest] = [signal.total, noise.total];
  const isExact = rest.m === 0;
  const isSilent = total.m === 0;
  return {
    sqnr: isExact ? Infinity : isSilent ? -Infinity : decibels(total, rest),
    relativeError: isExact ? 0 : isSilent ? Infinity : rootOfQuotient(rest, total),
    largestRelativeError,
    largestError,
    alignment: isSilent ? 1 : quotient(overlap.total, total),
  };
}

/** What became of the elements. */
function measure(
  x: RealArray,
  values: RealArray,
): Errors & Pick<Analysis, 'nonFinite' | 'lost' | 'underflowed' | 'zeros'> {
  let [nonFinite, lost, underflowed, zeros] = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [given, value] = [x[i]!, values[i]!];
    if (value === 0) zeros++;
    if (!Number.isFinite(given)) nonFinite++;
    else if (!Number.isFinite(value)) lost++;
    else if (value === 0 && given !== 0) underflowed++;
  }
  const errors = lost > 0 ? somethingLost : nonFinite === x.length ? nothingFinite : errorsOf(x, values);
  return { nonFinite, lost, ...errors, underflowed: underflowed / x.length, zeros: zeros / x.length };
}

/** How many elements the quantiser clamped. */
function countSaturated(quantization: Quantization): number {
  const { scaled, low, high, zeroPoints } = quantization;
  const slack = Math.max(Math.abs(low), Math.abs(high)) * 2 ** -20;
  let count = 0;
  eachOfGroups(quantization, (group, i) => {
    const element = scaled[i]! + (zeroPoints?.[group] ?? 0);
    if (element < low - slack || element > high + slack) count++;
  });
  return count;
}

/** The codes that occur, ascending by element. */
function countCodes(codes: Quantized['codes'], format: Format): CodeCount[] {
  const counts = new Map<Code, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  const list = Array.from(counts, ([code, count]) => ({ code, element: format.decode(code), count }));
  const order = (a: CodeCount, b: CodeCount): number => {
    const nan = Number(Number.isNaN(a.element)) - Number(Number.isNaN(b.element));
    if (nan !== 0) return nan;
    if (a.element !== b.element && !Number.isNaN(a.element)) return a.element < b.element ? -1 : 1;
    // -0, the higher code, before 0.
    return a.code > b.code ? -1 : 1;
  };
  return list.sort(order);
}

function entropyOf(codes: readonly CodeCount[], total: number): number {
  let entropy = 0;
  for (const { count } of codes) entropy -= (count / total) * log2(count / total);
  // A sum of one exact 0 may be -0.
  return entropy + 0;
}

/**
 * What a quantiser does to a tensor. With a transform, errors are those of the values transformed back (unless the quantiser leaves
 * them transformed), saturation and codes those of the transformed tensor.
 *
 * @param given A Float32Array, a Float64Array, a Float16Array or an array of numbers. Binary32 numbers are analysed as binary64 ones
 *   where the format has values that binary32 has not.
 * @param by A quantiser, or the name of a format or scheme that `namedQuantizer` knows: `'mxfp4'`, `'int4/block:32'`.
 * @throws ArgumentError for an empty tensor, a shape that does not fit or an unknown name; and as `quantize` does.
 *
 * @example
 * const { sqnr, bitsPerElement } = analyze(new Float32Array([0.3, -1, 0.1, 0.7]), 'mxfp4');
 */
export function analyze<const T extends QuantizerSpelling>(
  given: Numbers,
  by: Quantizer | QuantizerText<T>,
  options?: AnalyzeOptions,
): Analysis {
  const numbers = realArray('x', given);
  checkSome('x', numbers, 'an array with elements', given);
  const { shape = [numbers.length], call: callGiven } = checkFields('', options, ['shape', 'call']);
  const { update, ...rest } = checkCall(callGiven, 'call');
  checkAbsent('call.update', update, 'nothing: the state stays as it is');
  const call = { ...rest, update: false };
  const chosen = typeof by === 'string' ? namedQuantizer(by) : by;
  if (typeof chosen?.explain !== 'function') throw new ArgumentError('by', by, 'a quantizer or its name');
  const needsBinary64 = isFloat32Array(numbers) && !fitsBinary32(chosen.format);
  const x = needsBinary64 ? Float64Array.from(numbers) : numbers;
  // Two runs over the same tensor: one tells the steps, the other the storage. Both leave the state alone.
  const explained = chosen.explain(x, shape, call);
  const result = chosen.quantize(x, shape, call);
  const isTransformed = chosen.toJSON().invert === false;
  const codes = countCodes(result.codes, result.format);
  return {
    elements: x.length,
    ...measure(isTransformed ? explained.x : x, result.values),
    saturated: countSaturated(explained) / x.length,
    entropy: entropyOf(codes, x.length),
    codes,
    bytes: result.bytes,
    bitsPerElement: (8 * result.bytes) / x.length,
  };
}

/** What errors are sorted by: those of nothing last. */
function rank({ relativeError }: Analysis): number {
  return relativeError < Infinity ? relativeError : Number.MAX_VALUE;
}

/** One quantiser's place in the plane of error against bits. */
export interface ErrorPoint extends Analysis {
  readonly name: string;
}

/**
 * The analyses of one tensor by several quantisers, by bits per element and then by error: what a plot of error against bits shows.
 *
 * @param quantizers Quantisers by name, or names that `namedQuantizer` knows.
 * @throws ArgumentError as `analyze` does.
 *
 * @example
 * errorAgainstBits(x, ['int4', 'mxfp4', 'nvfp4']).map(({ name, bitsPerElement, sqnr }) => [name, bitsPerElement, sqnr]);
 * errorAgainstBits(x, { mine: quantizer({ format: 'e3m2', scale: { per: 'block', size: 64, from: 'rms', multiplier: 3 } }) });
 */
export function errorAgainstBits<const T extends QuantizerSpelling>(
  x: Numbers,
  quantizers: readonly QuantizerText<T>[] | Readonly<Record<string, Quantizer | QuantizerText<T>>>,
  options?: AnalyzeOptions,
): ErrorPoint[] {
  if (!Array.isArray(quantizers)) checkObject('quantizers', quantizers, 'an array of names, or an object');
  const entries: [string, Quantizer | string][] = Array.isArray(quantizers)
    ? quantizers.map((name: string) => [name, name])
    : Object.entries(quantizers);
  return entries
    .map(([name, by]) => ({ name, ...analyze(x, by, options) }))
    .sort((a, b) => a.bitsPerElement - b.bitsPerElement || rank(a) - rank(b));
}
