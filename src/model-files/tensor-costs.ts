/**
 * What formats cost the tensors of a model file: their squared errors and the bytes of codes and scales, a part of a tensor at a time. Which
 * tensor is to have which is not decided here.
 */
import { checkSome } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { tensorQuantizer } from './layout.ts';
import { isReal } from './model-file.ts';
import { openModel } from './open-model.ts';
import type { ModelProgress } from './quantize-options.ts';
import { packedBytes, quantizeTensor } from './quantize-tensor.ts';

/** A tensor with what each format costs it. */
interface TensorCosts {
  readonly name: string;
  readonly size: number;
  readonly choices: readonly { readonly format: string; readonly bits: number; readonly cost: number }[];
}

interface TensorCostOptions {
  /** Names of quantisers. */
  readonly formats: readonly string[];
  /** The axis along which blocks lie. Default: the last. */
  readonly axis?: number | undefined;
  /** `'weights'`: squared errors; `'sqnr'`: over the sum of the tensor's squares. */
  readonly by: 'weights' | 'sqnr';
  readonly onProgress?: (progress: ModelProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * The tensors of floats with two axes or more, and their costs.
 * @throws ArgumentError for a file without any, or a format that does not fit; DamagedFileError
 */
export async function tensorCosts(
  path: string,
  { formats, axis, by, onProgress, signal }: TensorCostOptions,
): Promise<TensorCosts[]> {
  const model = await openModel(path);
  try {
    const tensors = model.tensors.filter(
      (tensor) => isReal(tensor) && tensor.shape.length > 1 && sizeOf(tensor.shape) > 0,
    );
    checkSome('path', tensors, 'a file with tensors of floats of two axes or more', path);
    const made = formats.map((format) => ({
      format,
      plain: tensorQuantizer({ quantizer: format }, 'formats'),
    }));
    const elements = formats.length * tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    let done = 0;
    const all: TensorCosts[] = [];
    for (const [stream, tensor] of tensors.entries()) {
      const choices = [];
      for (const { format, plain } of made) {
        const isAlong = plain.scale.grouping.per === 'block' && axis !== undefined;
        const own = isAlong ? tensorQuantizer({ quantizer: format, axis }, 'formats') : plain;
        let [error, power] = [0, 0];
        for await (const { x, values } of quantizeTensor(tensor, own, { seed: 0, stream })) {
          signal?.throwIfAborted();
          for (let i = 0; i < x.length; i++) {
            error += (values[i]! - x[i]!) ** 2;
            power += x[i]! ** 2;
          }
          done += x.length;
          onProgress?.({ tensor: tensor.name, done, elements });
        }
        const cost = by === 'weights' || power === 0 ? error : error / power;
        if (!Number.isFinite(cost)) throw new ArgumentError('path', tensor.name, 'tensors of finite numbers');
        choices.push({ format, bits: 8 * packedBytes(own, tensor.shape), cost });
      }
      all.push({ name: tensor.name, size: sizeOf(tensor.shape), choices });
    }
    return all;
  } finally {
    model.close();
  }
}
