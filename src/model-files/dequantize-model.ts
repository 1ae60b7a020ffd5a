/** The values of a file of codes and scales: what `quantizeModel` wrote becomes, bit for bit, what its quantisers gave. */
import { checkFields, checkFunction, checkString, oneOf } from '../check.ts';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { checkPart, jsonFrom } from '../files/json-file.ts';
import { bitsOfDtypes, type Dtype, elementsOf, safetensorsHead } from '../files/safetensors.ts';
import { openWholeFile, removeLeftovers } from '../files/write.ts';
import { pack } from '../formats/packing.ts';
import { encode } from '../operations/index.ts';
import type { Quantizer } from '../quantizers/index.ts';
import { bytesFrom, isFloat } from './dtypes.ts';
import {
  countScales,
  descriptionsSchema,
  type Heading,
  layoutOf,
  metadataKey,
  packedSlice,
  type TensorDescription,
  tensorQuantizer,
} from './layout.ts';
import type { ModelFile, PlainTensor, StoredTensor } from './model-file.ts';
import { breathe } from './model-file.ts';
import { refuseInputs } from './open-files.ts';
import { openModel } from './open-model.ts';
import { type Part, partsOf } from './parts.ts';
import type { ModelProgress } from './quantize-model.ts';
import { mostOfPart } from './quantize-tensor.ts';

export interface DequantizeModelOptions {
  /** File to be written. */
  readonly out: string;
  /**
   * Types of the tensors: those of the values, binary32 or binary64, which hold them exactly (`'values'`, default), or those that they
   * had before they were quantised (`'own'`), to which values are rounded.
   */
  readonly dtype?: 'values' | 'own';
  readonly onProgress?: (progress: ModelProgress) => void;
  /** Stops the work; nothing is written then, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A tensor that was written. */
export interface DequantizedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** Whether it was codes and scales. */
  readonly wasQuantized: boolean;
}

/** A quantised tensor of a file, whose parts are all as they should be. */
interface QuantizedTensor {
  readonly description: TensorDescription;
  readonly quantizer: Quantizer;
  readonly codes: PlainTensor;
  readonly scale: PlainTensor | undefined;
  readonly tensorScale: PlainTensor | undefined;
  readonly zeroPoint: PlainTensor | undefined;
}

const isSameHeading = ({ dtype, shape }: StoredTensor, other: Heading): boolean =>
  dtype === other.dtype && shape.length === other.shape.length && shape.every((n, i) => n === other.shape[i]);

/** The quantised tensors of a file by name, from its metadata. Throws DamagedFileError, or ArgumentError for a file without any. */
function quantizedTensors(model: ModelFile, argument: string): ReadonlyMap<string, QuantizedTensor> {
  const { path, metadata } = model;
  const said = Object.hasOwn(metadata, metadataKey) ? metadata[metadataKey] : undefined;
  if (said === undefined)
    throw new ArgumentError(argument, path, 'a safetensors file of codes and scales that quantize wrote');
  const json = jsonFrom(Buffer.from(said), path, `__metadata__, ${metadataKey}:`);
  const descriptions = checkPart(metadataKey, json, descriptionsSchema, path);
  const byName = new Map(model.tensors.map((tensor) => [tensor.name, tensor as PlainTensor]));
  const used = new Set<string>();
  const found = new Map<string, QuantizedTensor>();
  for (const [name, description] of Object.entries(descriptions)) {
    const damaged = (why: string): Error => new DamagedFileError(path, `${metadataKey}, ${name}: ${why}`);
    if (!isFloat(description.dtype)) throw damaged(`${description.dtype} elements are no floats`);
    let quantizer: Quantizer;
    try {
      quantizer = tensorQuantizer(description, 'quantizer');
      layoutOf(quantizer, description.shape);
    } catch (error) {
      throw damaged((error as Error).message);
    }
    const layout = layoutOf(quantizer, description.shape);
    const take = (tensorName: string | undefined, heading: Heading | undefined): PlainTensor | undefined => {
      if ((tensorName === undefined) !== (heading === undefined))
        throw damaged('its scales and zero points are not those of its quantiser');
      if (tensorName === undefined || heading === undefined) return undefined;
      const tensor = byName.get(tensorName);
      if (tensor === undefined) throw damaged(`there is no tensor ${tensorName}`);
      if (!isSameHeading(tensor, heading))
        throw damaged(`the tensor ${tensorName} is no ${heading.dtype} of shape [${heading.shape}]`);
      if (used.has(tensorName)) throw damaged(`the tensor ${tensorName} is of another one too`);
      used.add(tensorName);
      return tensor;
    };
    found.set(name, {
      ...{ description, quantizer },
      codes: take(name, layout.codes)!,
      scale: take(description.scale, layout.scale),
      tensorScale: take(description.tensorScale, layout.tensorScale),
      zeroPoint: take(description.zeroPoint, layout.zeroPoint),
    });
  }
  return found;
}

/** All bytes of a tensor. */
const whole = (tensor: PlainTensor): Uint8Array =>
  tensor.read(
    0,
    tensor.extents.reduce((sum, { length }) => sum + length, 0),
  );

/** The values of a quantised tensor, as bytes, a part at a time. */
async function* dequantizeTensor(
  { description, quantizer, ...stored }: QuantizedTensor,
  dtype: Dtype,
  most: number = mostOfPart,
): AsyncGenerator<Uint8Array, void, void> {
  const { format, scale } = quantizer;
  const { shape, values } = description;
  if (elementsOf(shape) === 0) return;
  const scales = stored.scale === undefined ? undefined : whole(stored.scale);
  const tensorScales = stored.tensorScale === undefined ? undefined : whole(stored.tensorScale);
  const zeroPoints = stored.zeroPoint === undefined ? undefined : whole(stored.zeroPoint);
  const one = pack(encode(Float64Array.of(1), scale.format), scale.format);
  const packedParts = (part: Part): Uint8Array[] => {
    const { elements, start, firstGroup, groups, firstRow } = part;
    const { tensorScales: count } = countScales(quantizer, part.shape);
    const codes = stored.codes.read((start * format.bits) / 8, Math.ceil((elements * format.bits) / 8));
    const parts = [codes, scales === undefined ? one : packedSlice(scales, scale.format, firstGroup, groups)];
    if (tensorScales !== undefined) {
      const first = scale.tensorScale === 'row' ? firstRow : 0;
      parts.push(tensorScales.subarray(4 * first, 4 * (first + count)));
    }
    if (zeroPoints !== undefined) parts.push(packedSlice(zeroPoints, format, firstGroup, groups));
    return parts;
  };
  for (const part of partsOf(scale, [format.bits, bitsOfDtypes[dtype]], shape, most)) {
    const bytes = new Uint8Array(Buffer.concat(packedParts(part)));
    const carrier = values === 'F64' ? 'float64' : 'float32';
    yield bytesFrom(quantizer.unpack(bytes, part.shape, { dtype: carrier }).values, dtype);
    await breathe();
  }
}

const optionNames: readonly (keyof DequantizeModelOptions)[] = ['out', 'dtype', 'onProgress', 'signal'];

/**
 * Writes the values of a file that `quantizeModel` wrote, as safetensors; tensors that were kept are as they were.
 *
 * @throws ArgumentError for a wrong option or another file; DamagedFileError for one that is damaged; Error naming the file that cannot
 *   be written.
 * @example
 * await dequantizeModel('model-mxfp4.safetensors', { out: 'model-values.safetensors' });
 */
export async function dequantizeModel(
  path: string,
  given: DequantizeModelOptions,
): Promise<readonly DequantizedTensor[]> {
  const { out: target, dtype, onProgress, signal } = checkFields('', given, optionNames);
  const out = checkString('out', target);
  const isOwn = oneOf('dtype', dtype, ['values', 'own'], 'values') === 'own';
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const model = await openModel(path);
  let file: ReturnType<typeof openWholeFile> | undefined;
  try {
    const quantized = quantizedTensors(model, 'path');
    refuseInputs(model, [out]);
    const beside = new Set(
      [...quantized.values()].flatMap(({ scale, tensorScale, zeroPoint }) => [scale, tensorScale, zeroPoint]),
    );
    const kept = model.tensors.filter((tensor) => !beside.has(tensor as PlainTensor));
    const written = kept.map((tensor): DequantizedTensor => {
      const { name } = tensor;
      const one = quantized.get(name);
      if (one === undefined) return { name, shape: tensor.shape, dtype: tensor.dtype, wasQuantized: false };
      const { description } = one;
      const type = isOwn ? description.dtype : description.values;
      return { name, shape: description.shape, dtype: type, wasQuantized: true };
    });
    const { [metadataKey]: _, ...metadata } = model.metadata;
    file = openWholeFile(out);
    file.write(safetensorsHead(written, metadata));
    const elements = written.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
    let done = 0;
    for (const [i, { name, dtype: type, shape }] of written.entries()) {
      const one = quantized.get(name);
      const pieces = one === undefined ? kept[i]!.pieces(mostOfPart) : dequantizeTensor(one, type);
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        file.write(piece);
      }
      done += elementsOf(shape);
      onProgress?.({ tensor: name, done, elements });
    }
    file.commit();
    removeLeftovers(out);
    return written;
  } catch (error) {
    file?.discard();
    throw error;
  } finally {
    model.close();
  }
}
