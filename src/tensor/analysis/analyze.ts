/**
 * What quantising a tensor does to it, in numbers for people: error, saturation, underflow, use of the codes, size. How a quantiser
 * comes to its result is the matter of `src/tensor/quantizers`; how the numbers look, of whoever prints them.
 */
import { log } from '../../arithmetic/elementary/approximate.ts';
import { type Numbers, type RealArray, realArray } from '../../array-kinds.ts';
import { checkFields, checkObject } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Code, Format } from '../../formats/format.ts';
import type { Quantization } from '../gradients/gradient.ts';
import { eachOfGroups } from '../gradients/grouped.ts';
import { type CallOptions, checkCall, type Quantized, type Quantizer } from '../quantizers/index.ts';
import { namedQuantizer } from './named.ts';

/** How often a code occurs. */
export interface CodeCount {
  readonly code: Code;
  /** The element that the code stands for. */
  readonly element: number;
  readonly count: number;
}

/** Fractions are of all elements; sums are in binary64, element by element. */
export interface Analysis {
  readonly elements: number;
  /** Elements that are NaN or infinite before or after; they count for no error. */
  readonly nonFinite: number;
  /** Signal to quantisation noise: 10 log10(sum x^2 / sum (value - x)^2), in dB. Infinity where nothing is lost. */
  readonly sqnr: number;
  /** Root of sum (value - x)^2 / sum x^2; 0 where nothing is lost. */
  readonly relativeError: number;
  /** The largest |value - x| / |x| over x other than 0. */
  readonly largestRelativeError: number;
  /** The largest |value - x|. */
  readonly largestError: number;
  /** sum value x / sum x^2: 1 where the quantiser keeps the magnitude along x, below 1 where it shrinks. */
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
  /** Random bits, threads, axis: as a call of the quantiser takes them. Averages and windows of the quantiser stay as they are. */
  readonly call?: Omit<CallOptions, 'update'>;
}

const log2 = (x: number): number => log(x) / Math.LN2;

/** Errors of the values against what they stand for. */
function errors(
  x: RealArray,
  values: RealArray,
): Pick<
  Analysis,
  | 'nonFinite'
  | 'sqnr'
  | 'relativeError'
  | 'largestRelativeError'
  | 'largestError'
  | 'alignment'
  | 'underflowed'
  | 'zeros'
> {
  let [nonFinite, signal, noise, overlap] = [0, 0, 0, 0];
  let [largestError, largestRelativeError, underflowed, zeros] = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [given, value] = [x[i]!, values[i]!];
    if (value === 0) zeros++;
    if (!Number.isFinite(given) || !Number.isFinite(value)) {
      nonFinite++;
      continue;
    }
    const error = Math.abs(value - given);
    signal += given * given;
    noise += error * error;
    overlap += value * given;
    largestError = Math.max(largestError, error);
    if (given === 0) continue;
    largestRelativeError = Math.max(largestRelativeError, error / Math.abs(given));
    if (value === 0) underflowed++;
  }
  const lossless = noise === 0;
  return {
    nonFinite,
    sqnr: lossless ? Infinity : (10 / Math.LN10) * log(signal / noise),
    relativeError: lossless ? 0 : Math.sqrt(noise / signal),
    largestRelativeError,
    largestError,
    alignment: signal === 0 ? 1 : overlap / signal,
    underflowed: underflowed / x.length,
    zeros: zeros / x.length,
  };
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
 * @param given A Float32Array, a Float64Array, a Float16Array or an array of numbers.
 * @param by A quantiser, or the name of a format or scheme that `namedQuantizer` knows: `'mxfp4'`, `'int4/block:32'`.
 * @throws ArgumentError for an empty tensor, a shape that does not fit or an unknown name; and as `quantize` does.
 *
 * @example
 * const { sqnr, bitsPerElement } = analyze(new Float32Array([0.3, -1, 0.1, 0.7]), 'mxfp4');
 */
export function analyze(given: Numbers, by: Quantizer | string, options?: AnalyzeOptions): Analysis {
  const x = realArray('x', given);
  if (x.length === 0) throw new ArgumentError('x', given, 'an array with elements');
  const { shape = [x.length], call: callGiven } = checkFields('', options, ['shape', 'call']);
  const { update, ...rest } = checkCall(callGiven, 'call');
  if (update !== undefined)
    throw new ArgumentError('call.update', update, 'nothing: the state stays as it is');
  const call = { ...rest, update: false };
  const chosen = typeof by === 'string' ? namedQuantizer(by) : by;
  if (typeof chosen?.explain !== 'function') throw new ArgumentError('by', by, 'a quantizer or its name');
  // Two runs over the same tensor: one tells the steps, the other the storage. Both leave the state alone.
  const explained = chosen.explain(x, shape, call);
  const result = chosen.quantize(x, shape, call);
  const isTransformed = chosen.toJSON().invert === false;
  const codes = countCodes(result.codes, result.format);
  return {
    elements: x.length,
    ...errors(isTransformed ? explained.x : x, result.values),
    saturated: countSaturated(explained) / x.length,
    entropy: entropyOf(codes, x.length),
    codes,
    bytes: result.bytes,
    bitsPerElement: (8 * result.bytes) / x.length,
  };
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
export function errorAgainstBits(
  x: Numbers,
  quantizers: readonly string[] | Readonly<Record<string, Quantizer | string>>,
  options?: AnalyzeOptions,
): ErrorPoint[] {
  if (!Array.isArray(quantizers)) checkObject('quantizers', quantizers, 'an array of names, or an object');
  const entries: [string, Quantizer | string][] = Array.isArray(quantizers)
    ? quantizers.map((name: string) => [name, name])
    : Object.entries(quantizers);
  return entries
    .map(([name, by]) => ({ name, ...analyze(x, by, options) }))
    .sort((a, b) => a.bitsPerElement - b.bitsPerElement || a.relativeError - b.relativeError);
}
