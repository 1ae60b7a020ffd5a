/** The values of a file of codes and scales: what `quantizeModel` wrote becomes, bit for bit, what its quantisers gave. */
import { checkFields, checkFunction, checkString, oneOf } from '../check.ts';
import { type Dtype, safetensorsHead } from '../files/safetensors.ts';
import { openWholeFile, refuseInputs, removeLeftovers } from '../files/write.ts';
import { sizeOf } from '../shape.ts';
import { dequantizeTensor } from './dequantize-tensor.ts';
import { metadataKey } from './layout.ts';
import type { PlainTensor } from './model-file.ts';
import { openModel } from './open-model.ts';
import type { ModelProgress } from './quantize-options.ts';
import { mostOfPart } from './quantize-tensor.ts';
import { quantizedTensors } from './quantized-tensors.ts';

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
    refuseInputs(out, 'out', model.files);
    const beside = new Set([...quantized.values()].flatMap(({ parts }) => [...parts.values()]));
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
    const elements = written.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    let done = 0;
    for (const [i, { name, dtype: type, shape }] of written.entries()) {
      const one = quantized.get(name);
      const pieces = one === undefined ? kept[i]!.pieces(mostOfPart) : dequantizeTensor(one, type);
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        file.write(piece);
      }
      done += sizeOf(shape);
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
