/** One tensor of a file, quantised part by part: the bits are those of the quantiser on the whole tensor. */
import { within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { bitsOfDtypes, bytesOf } from '../files/safetensors.ts';
import type { CodeArray } from '../formats/codes.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import type { RealArray } from '../operations/index.ts';
import type { CallOptions, Quantized, Quantizer } from '../quantizers/index.ts';
import { sizeOf } from '../shape.ts';
import { layoutOf } from './layout.ts';
import { numbersIn, type StoredTensor } from './model-file.ts';
import { needsEnds, type Part, partsOf } from './parts.ts';

/** Elements of a part: 16 MB of binary32. */
export const mostOfPart: number = 2 ** 22;

/** A part of a tensor before and after. */
export interface QuantizedPart {
  readonly part: Part;
  readonly x: RealArray;
  readonly codes: CodeArray;
  readonly scaleCodes: CodeArray;
  /** Scales of the tensor, or of the rows of the part. */
  readonly tensorScales: Float32Array | undefined;
  readonly zeroPoints: Float64Array | undefined;
  readonly values: RealArray;
}

/** The least and the largest number of a tensor; NaN where there is one, unless `nan` replaces it. */
interface Ends {
  readonly low: number;
  readonly high: number;
}

async function endsOf(tensor: StoredTensor, skipsNaN: boolean, elements: number): Promise<Ends> {
  let [low, high] = [0, 0];
  for await (const piece of numbersIn(tensor, elements))
    for (const x of piece) {
      if (x < low) low = x;
      else if (x > high) high = x;
      else if (!skipsNaN && Number.isNaN(x)) return { low: Number.NaN, high: Number.NaN };
    }
  return { low, high };
}

/** A part together with the ends of the whole tensor, which are in groups of their own. */
interface Extended {
  readonly x: RealArray;
  readonly shape: readonly number[];
  /** Elements before the part's own. */
  readonly before: number;
}

function extended(x: RealArray, { shape, cut }: Part, { low, high }: Ends, isTensor: boolean): Extended {
  const { axis, multiple } = cut!;
  const added = isTensor ? 2 : multiple;
  const size = added * sizeOf(shape.slice(axis + 1));
  const whole = new (x.constructor as Float32ArrayConstructor)(x.length + size) as RealArray;
  // A last group may be short: what is added must not fill it up.
  const isAfter = shape[axis]! % multiple === 0;
  const before = isAfter ? 0 : size;
  whole.set(x, before);
  const ends = isTensor ? [low, high] : [-low > high ? low : high];
  whole.set(ends, isAfter ? x.length : 0);
  return { x: whole, shape: shape.map((extent, i) => (i === axis ? extent + added : extent)), before };
}

/** Numbers in an array that holds the format's values. */
const carried = (x: RealArray, { format }: Quantizer): RealArray =>
  fitsBinary32(format) ? x : Float64Array.from(x);

function quantizedIn(
  quantizer: Quantizer,
  x: RealArray,
  shape: readonly number[],
  call: CallOptions,
  name: string,
): Quantized {
  try {
    return within(`tensor ${name}`, () => quantizer.quantize(x, shape, call));
  } catch (error) {
    if (error instanceof RangeError && x.some(Number.isNaN))
      throw new ArgumentError('nan', 'error', `zero, max or group, as the tensor ${name} has NaN`);
    throw error;
  }
}

/** A part of what was made of it together with what is not its own. */
function partOf(
  part: Part,
  x: RealArray,
  done: Quantized,
  { before }: Pick<Extended, 'before'>,
): QuantizedPart {
  const { codes, scaleCodes, zeroPoints, tensorScale, values } = done;
  const { elements, groups } = part;
  // Ends that have groups of their own come before or after those of the part.
  const first = before > 0 ? scaleCodes.length - groups : 0;
  return {
    ...{ part, x },
    codes: codes.subarray(before, before + elements),
    scaleCodes: scaleCodes.subarray(first, first + groups),
    tensorScales: typeof tensorScale === 'number' ? Float32Array.of(tensorScale) : tensorScale,
    zeroPoints: zeroPoints?.subarray(first, first + groups),
    values: values.subarray(before, before + elements),
  };
}

/**
 * Quantises a tensor that has elements, a part at a time.
 *
 * @param call Seed and stream of random bits; element i of the tensor draws index i.
 * @param most Elements of a part.
 */
export async function* quantizeTensor(
  tensor: StoredTensor,
  quantizer: Quantizer,
  call: Pick<CallOptions, 'seed' | 'stream' | 'threads'>,
  most: number = mostOfPart,
): AsyncGenerator<QuantizedPart, void, void> {
  const { scale, format } = quantizer;
  const parts = [...partsOf(scale, [format.bits, bitsOfDtypes[tensor.dtype]], tensor.shape, most)];
  const { nan } = quantizer.toJSON();
  const skipsNaN = nan === 'zero' || nan === 'max';
  const isCut = parts.length > 1 && needsEnds(scale);
  const ends = isCut ? await endsOf(tensor, skipsNaN, most) : undefined;
  let index = 0;
  for await (const piece of numbersIn(tensor, parts[0]!.elements)) {
    const part = parts[index++]!;
    const x = carried(piece, quantizer);
    const given =
      ends === undefined
        ? { x, shape: part.shape, before: 0 }
        : extended(x, part, ends, scale.grouping.per === 'tensor');
    const placed = { ...call, offset: part.start - given.before };
    const done = quantizedIn(quantizer, given.x, given.shape, placed, tensor.name);
    yield partOf(part, x, done, given);
  }
}

/** The bytes of codes, scales and what else is stored of a tensor, each packed densely from a whole byte on. */
export function packedBytes(quantizer: Quantizer, shape: readonly number[]): number {
  const { codes, scale, tensorScale, zeroPoint } = layoutOf(quantizer, shape);
  const headings = [codes, scale, tensorScale, zeroPoint].filter((one) => one !== undefined);
  return headings.reduce((sum, { dtype, shape: own }) => sum + bytesOf(sizeOf(own), dtype), 0);
}
