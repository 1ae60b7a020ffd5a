/** Numbers of a model file in binary32, whole: of tensors as they are, and of those that codes and scales stand for. */
import { atMost } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { dequantizeTensor } from './dequantize-tensor.ts';
import { floatsFrom, integersFrom, isInteger } from './dtypes.ts';
import { mostElements } from './matrix-layout.ts';
import { isReal, type ModelFile, numbersIn, type StoredTensor } from './model-file.ts';
import { openModel } from './open-model.ts';
import { describedTensors } from './quantized-tensors.ts';

export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The numbers of one tensor as they are stored, integers too. Throws ArgumentError naming `argument`. */
export async function numbersOf(tensor: StoredTensor, argument: string): Promise<Values> {
  const { name, shape, dtype } = tensor;
  if (!isReal(tensor) && !isInteger(dtype))
    throw new ArgumentError(argument, `${name} of ${dtype}`, 'real numbers');
  atMost(argument, sizeOf(shape), mostElements, `elements of ${name}`);
  const values = new Float32Array(sizeOf(shape));
  let at = 0;
  const take = (x: ArrayLike<number>): void => {
    values.set(x, at);
    at += x.length;
  };
  if (isReal(tensor) || tensor.affine !== undefined)
    for await (const x of numbersIn(tensor, 2 ** 20)) take(x);
  else for await (const x of tensor.pieces(2 ** 20)) take(Array.from(integersFrom(x, dtype), Number));
  return { shape, values };
}

/** All numbers of an open file, integers too, by the names of its tensors. Throws ArgumentError naming `argument`, or DamagedFileError. */
export async function arraysOf({ tensors }: ModelFile, argument: string): Promise<Map<string, Values>> {
  const found = new Map<string, Values>();
  for (const tensor of tensors)
    if (tensor.dtype !== 'C64') found.set(tensor.name, await numbersOf(tensor, argument));
  return found;
}

/** The same of a file by its path. */
export async function readArrays(path: string, argument: string): Promise<Map<string, Values>> {
  const model = await openModel(path, argument);
  try {
    return await arraysOf(model, argument);
  } finally {
    model.close();
  }
}

/** The numbers of the tensors of some names that a file has. Throws ArgumentError naming `argument`, or DamagedFileError. */
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
      if (!names.has(name)) continue;
      if (quantized === undefined) {
        found.set(name, await numbersOf(tensor, argument));
        continue;
      }
      const { shape } = quantized.description;
      atMost(argument, sizeOf(shape), mostElements, `elements of ${name}`);
      const values = new Float32Array(sizeOf(shape));
      let at = 0;
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
