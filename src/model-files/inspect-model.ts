/** What is in a model file: types, ranges, outliers, and the formats that would hold its numbers. */
import { checkFields, checkFunction } from '../check.ts';
import { bytesOf, type Dtype } from '../files/safetensors.ts';
import { type FloatFormat, formats, type IntFormat, toFormat } from '../formats/index.ts';
import { type RealArray, round } from '../operations/index.ts';
import { quotient, rootOfQuotient, SumOfProducts } from '../quantizers/analysis/sums.ts';
import type { QuantizerOptions } from '../quantizers/index.ts';
import { sizeOf } from '../shape.ts';
import { integersFrom, isInteger } from './dtypes.ts';
import {
  dtypeOfNumbers,
  isReal,
  keptBytes,
  type ModelFile,
  numbersIn,
  type StoredTensor,
} from './model-file.ts';
import { openModel } from './open-model.ts';
import type { ModelProgress } from './quantize-options.ts';
import { mostOfPart } from './quantize-tensor.ts';
import { describedTensors, isMatrix } from './quantized-tensors.ts';

/** The formats that are asked about, the narrower ones first. */
const floatCandidates: readonly (FloatFormat | IntFormat)[] = [
  ...[formats.e2m1, formats.int4, formats.e2m3, formats.e3m2, formats.e4m3fn, formats.e5m2, formats.int8],
  ...[formats.binary16, formats.bfloat16, formats.tf32, formats.binary32, formats.binary64],
];
const integerCandidates: readonly IntFormat[] = (['4', '8', '16', '32', '53'] as const).flatMap((bits) => [
  toFormat(`int${bits}`) as IntFormat,
  toFormat(`uint${bits}`) as IntFormat,
]);

/** Parts of the magnitudes whose bounds are told. */
const quantileParts = { median: 0.5, p99: 0.99, p999: 0.999, p9999: 0.9999 } as const;

/** The numbers of a tensor in figures. NaN and infinities count in `nan` and `infinite` alone. */
export interface NumberFigures {
  readonly least: number;
  readonly largest: number;
  /** The least magnitude other than 0; 0 where there is none. */
  readonly smallest: number;
  readonly mean: number;
  readonly rms: number;
  /** The largest magnitude over the rms: about 4 for a thousand Gaussian numbers, more where there are outliers. */
  readonly peak: number;
  /** The magnitude that the given part of the elements do not exceed, to 8 significant bits downwards. */
  readonly magnitudes: Readonly<Record<keyof typeof quantileParts, number>>;
  /** Parts of the elements. */
  readonly zeros: number;
  readonly nan: number;
  readonly infinite: number;
  /** Formats that hold every element as it is. */
  readonly exact: readonly string[];
  /** Formats whose range holds all finite elements. */
  readonly inRange: readonly string[];
}

/** The integers of a tensor. */
export interface IntegerFigures {
  readonly least: number | bigint;
  readonly largest: number | bigint;
  readonly exact: readonly string[];
}

/** A tensor of a file. */
export interface TensorFigures {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly bytes: number;
  /** Of floats. */
  readonly numbers?: NumberFigures;
  /** Of integers. */
  readonly integers?: IntegerFigures;
}

/** A tensor that a file of codes and scales holds in several. */
export interface QuantizedFigures {
  readonly name: string;
  /** The method after training, where it is more than codes and scales of a quantiser. */
  readonly method?: string;
  /** Name or options; codebooks have none. */
  readonly quantizer?: string | QuantizerOptions;
  readonly shape: readonly number[];
  /** The tensors that hold it. */
  readonly tensors: readonly string[];
  readonly bytes: number;
  /** Of all that is stored, for each element. */
  readonly bitsPerElement: number;
}

export interface ModelFigures {
  readonly kind: string;
  readonly files: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly elements: number;
  readonly bytes: number;
  readonly tensors: readonly TensorFigures[];
  /** Of a file that `quantizeModel` wrote. */
  readonly quantized?: readonly QuantizedFigures[];
  /** Tensors whose elements are not read. */
  readonly unread: readonly string[];
}

/** Figures of numbers that come in pieces. */
class NumberSums {
  private least = Infinity;
  private largest = -Infinity;
  private smallest = Infinity;
  private readonly sum = new SumOfProducts();
  private readonly squares = new SumOfProducts();
  private readonly finite = new SumOfProducts();
  private elements = 0;
  private zeros = 0;
  private nan = 0;
  private infinite = 0;
  /** How many magnitudes begin with which 18 bits of their binary64 code: the exponent, and 7 bits behind the point. */
  private readonly counts = new Float64Array(2 ** 18);
  private candidates = [...floatCandidates];

  add(x: RealArray): void {
    const finite = this.count(x);
    const wide = x instanceof Float64Array ? x : new Float64Array(x);
    const bits = new Uint32Array(wide.buffer, wide.byteOffset, 2 * wide.length);
    for (let i = 1; i < bits.length; i += 2) this.counts[(bits[i]! & 0x7fff_ffff) >>> 13]!++;
    this.candidates = this.candidates.filter((format) => holds(format, finite));
  }

  /** Counts and sums; gives the numbers with zeros in place of what is not finite. */
  private count(x: RealArray): RealArray {
    let finite = x;
    for (let i = 0; i < x.length; i++) {
      const value = x[i]!;
      if (!Number.isFinite(value)) {
        if (Number.isNaN(value)) this.nan++;
        else this.infinite++;
        if (finite === x) finite = x.slice();
        finite[i] = 0;
        continue;
      }
      if (value < this.least) this.least = value;
      if (value > this.largest) this.largest = value;
      const size = Math.abs(value);
      if (size === 0) this.zeros++;
      else if (size < this.smallest) this.smallest = size;
      this.sum.add(value, 1);
      this.squares.add(value, value);
    }
    this.elements += x.length;
    return finite;
  }

  private magnitude(part: number, most: number): number {
    const finite = this.elements - this.nan - this.infinite;
    let left = Math.ceil(part * finite);
    let code = 0;
    for (; code < this.counts.length; code++) {
      left -= this.counts[code]!;
      if (left <= 0) break;
    }
    const [value] = new Float64Array(Uint32Array.of(0, code << 13).buffer);
    return Math.min(value!, most);
  }

  get figures(): NumberFigures {
    const { least, largest, smallest, elements, zeros, nan, infinite } = this;
    const finite = elements - nan - infinite;
    const most = Math.max(Math.abs(least), Math.abs(largest));
    this.finite.add(finite, 1);
    const count = this.finite.total;
    const none = finite === 0;
    const rms = none ? Number.NaN : rootOfQuotient(this.squares.total, count);
    const magnitudes = Object.fromEntries(
      Object.entries(quantileParts).map(([name, part]) => [
        name,
        none ? Number.NaN : this.magnitude(part, most),
      ]),
    );
    const isWhole = (format: FloatFormat | IntFormat): boolean =>
      (nan === 0 || format.hasNaN) && (infinite === 0 || format.hasInfinity);
    return {
      least: none ? Number.NaN : least,
      largest: none ? Number.NaN : largest,
      smallest: smallest === Infinity ? 0 : smallest,
      mean: none ? Number.NaN : quotient(this.sum.total, count),
      rms,
      peak: none ? Number.NaN : rms === 0 ? 1 : most / rms,
      magnitudes: magnitudes as NumberFigures['magnitudes'],
      zeros: elements === 0 ? 0 : zeros / elements,
      nan: elements === 0 ? 0 : nan / elements,
      infinite: elements === 0 ? 0 : infinite / elements,
      exact: this.candidates.filter(isWhole).map(({ name }) => name),
      inRange: floatCandidates
        .filter((format) => none || (format.min <= least && format.max >= largest))
        .map(({ name }) => name),
    };
  }
}

/** Whether a format has all of some finite numbers. */
function holds(format: FloatFormat | IntFormat, x: RealArray): boolean {
  const rounded = round(format.bits > 32 && x instanceof Float32Array ? Float64Array.from(x) : x, format);
  for (let i = 0; i < x.length; i++) if (rounded[i] !== x[i]) return false;
  return true;
}

async function integersOf(tensor: StoredTensor): Promise<IntegerFigures | undefined> {
  let [least, largest]: (number | bigint | undefined)[] = [];
  const dtype = dtypeOfNumbers(tensor);
  for await (const piece of tensor.pieces(mostOfPart))
    for (const value of integersFrom(keptBytes(tensor, piece), dtype)) {
      if (least === undefined || value < least) least = value;
      if (largest === undefined || value > largest) largest = value;
    }
  if (least === undefined || largest === undefined) return undefined;
  const [low, high] = [BigInt(least), BigInt(largest)];
  const fits = ({ bits, isSigned }: IntFormat): boolean => {
    const half = 1n << BigInt(isSigned ? bits - 1 : bits);
    return high < half && low >= (isSigned ? -half : 0n);
  };
  return { least, largest, exact: integerCandidates.filter(fits).map(({ name }) => name) };
}

async function figuresOf(tensor: StoredTensor, step: (elements: number) => void): Promise<TensorFigures> {
  const { name, dtype, shape } = tensor;
  const elements = sizeOf(shape);
  const heading = { name, dtype, shape, elements, bytes: Math.ceil(bytesOf(elements, dtype)) };
  if (elements === 0) return heading;
  if (isReal(tensor)) {
    const sums = new NumberSums();
    for await (const x of numbersIn(tensor, mostOfPart)) {
      sums.add(x);
      step(x.length);
    }
    return { ...heading, numbers: sums.figures };
  }
  const integers = isInteger(dtype) ? await integersOf(tensor) : undefined;
  step(elements);
  return { ...heading, ...(integers !== undefined && { integers }) };
}

/** The quantised tensors of a file; undefined: it says nothing of any. Throws DamagedFileError. */
function quantizedOf(model: ModelFile): readonly QuantizedFigures[] | undefined {
  const described = describedTensors(model);
  if (described === undefined) return undefined;
  return [...described].map(([name, { description, codes, parts }]) => {
    const tensors = [codes, ...parts.values()];
    const bytes = tensors.reduce((sum, { dtype, shape }) => sum + bytesOf(sizeOf(shape), dtype), 0);
    const { shape, quantizer } = description;
    const elements = sizeOf(shape);
    return {
      ...{ name, shape, bytes, tensors: tensors.map((tensor) => tensor.name) },
      ...(isMatrix(description) && { method: description.method }),
      ...(quantizer !== undefined && { quantizer }),
      bitsPerElement: elements === 0 ? 0 : (8 * bytes) / elements,
    };
  });
}

/** How `inspectModel` is watched. */
export interface InspectModelOptions {
  readonly onProgress?: (progress: ModelProgress) => void;
  /** Stops the work; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Looks at every tensor of a model file.
 *
 * @throws ArgumentError for a file that cannot be read; DamagedFileError for one that is not what it should be.
 * @example
 * const { tensors } = await inspectModel('model.safetensors');
 * tensors.map(({ name, numbers }) => [name, numbers?.largest, numbers?.exact[0]]);
 */
export async function inspectModel(path: string, given?: InspectModelOptions): Promise<ModelFigures> {
  const { onProgress, signal } = checkFields('', given, ['onProgress', 'signal']);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const model = await openModel(path);
  try {
    const quantized = quantizedOf(model);
    const elements = model.tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    let done = 0;
    const tensors: TensorFigures[] = [];
    for (const tensor of model.tensors)
      tensors.push(
        await figuresOf(tensor, (count) => {
          signal?.throwIfAborted();
          done += count;
          onProgress?.({ tensor: tensor.name, done, elements });
        }),
      );
    const { kind, files, metadata, unread } = model;
    const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    const heading = { kind, files, metadata, elements, bytes, tensors, unread };
    return quantized === undefined ? heading : { ...heading, quantized };
  } finally {
    model.close();
  }
}
