/** Numbers of a model file in binary32, whole: of tensors as they are, and of those that codes and scales stand for. */
import { atMost } from '../check.ts';
import { elementsOf } from '../files/safetensors.ts';
import { dequantizeTensor } from './dequantize-tensor.ts';
import { floatsFrom } from './dtypes.ts';
import { mostElements } from './matrix-layout.ts';
import { isReal, numbersIn } from './model-file.ts';
import { openModel } from './open-model.ts';
import { describedTensors } from './quantized-tensors.ts';

interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The floats of the tensors of some names that a file has. Throws ArgumentError naming `argument`, or DamagedFileError. */
export async function readValues(
  path: string,
  argument: string,
  names: ReadonlySet<string>,
): Promise<Map<string, Values>> {
  const model = await openModel(path, argument);
  try {
    const described = describedTensors(model);
    const found = new Map<string, Values>();
    for (const tensor of model.tensors) {
      const { name } = tensor;
      const quantized = described?.get(name);
      if (!names.has(name) || (quantized === undefined && !isReal(tensor))) continue;
      const { shape } = quantized?.description ?? tensor;
      atMost(argument, elementsOf(shape), mostElements, `elements of ${name}`);
      const values = new Float32Array(elementsOf(shape));
      let at = 0;
      if (quantized === undefined)
        for await (const x of numbersIn(tensor, 2 ** 20)) {
          values.set(x, at);
          at += x.length;
        }
      else
        for await (const bytes of dequantizeTensor(quantized, 'F32')) {
          const x = floatsFrom(bytes, 'F32');
          values.set(x, at);
          at += x.length;
        }
      found.set(name, { shape, values });
    }
    return found;
  } finally {
    model.close();
  }
}
