/**
 * Methods after training on the tensors of a file: each tensor as a matrix, a row for each output. Tensors are held whole. What they give
 * beside numbers, codebooks, masks and factors, has no place in a file of codes: values go into the file's own layout.
 */

import {
  channelMask,
  kmeansCodebooks,
  lowRankError,
  type MatrixShape,
  searchMinifloat,
  secondOrder,
  turnedMatrix,
} from '../after/index.ts';
import { atMost } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { elementsOf } from '../files/safetensors.ts';
import type { Quantizer } from '../quantizers/index.ts';
import { numbersIn, type StoredTensor } from './model-file.ts';

/** The methods that `quantizeModel` has beside its quantisers. */
export const afterMethods = [
  'nearest',
  'mse',
  'kmeans',
  'lowRankError',
  'bitmask',
  'minifloat',
  'secondOrder',
] as const;
export type AfterMethod = (typeof afterMethods)[number];

/** Methods that give other numbers than a quantiser by itself. */
export type MatrixMethod = Exclude<AfterMethod, 'nearest' | 'mse'>;

/** What is said of them. */
interface AfterOptions {
  /** Bits of codebooks and minifloats: 3 and 4 unless it is said. */
  readonly bits?: number | undefined;
  /** Rank of the error term. */
  readonly rank?: number | undefined;
}

/** Elements of the largest tensor that is held whole. */
const mostElements = 2 ** 28;

/** All numbers of a tensor in binary32. */
async function wholeOf(tensor: StoredTensor): Promise<Float32Array> {
  const total = elementsOf(tensor.shape);
  atMost('after', total, mostElements, `elements of ${tensor.name}`);
  const whole = new Float32Array(total);
  let at = 0;
  for await (const x of numbersIn(tensor, 2 ** 20)) {
    whole.set(x, at);
    at += x.length;
  }
  if (!whole.every(Number.isFinite))
    throw new ArgumentError('after', tensor.name, 'a method for finite binary32 numbers');
  return whole;
}

/** A tensor as a matrix: outputs are its first axis, or its last where inputs come first (axis 0). */
function matrixShape(shape: readonly number[], isTurned: boolean): MatrixShape {
  const total = elementsOf(shape);
  const rows = (isTurned ? shape.at(-1) : shape[0]) ?? 1;
  return shape.length < 2 ? [1, total] : [rows, total / rows];
}

/** What a method made of a tensor, in the tensor's own order. */
interface AfterResult {
  readonly x: Float32Array;
  readonly values: Float32Array;
  /** Bytes of all that is stored. */
  readonly bytes: number;
}

/** The calibration of a tensor: inputs, samples x columns, or sensitivities in its own shape. */
async function calibrationOf(
  tensor: StoredTensor,
  { shape, isTurned }: { readonly shape: MatrixShape; readonly isTurned: boolean },
  given: StoredTensor | undefined,
): Promise<{ readonly activations?: Float32Array; readonly sensitivity?: Float32Array }> {
  if (given === undefined) return {};
  const numbers = await wholeOf(given);
  const isLike =
    given.shape.length === tensor.shape.length && given.shape.every((n, i) => n === tensor.shape[i]);
  if (isLike) return { sensitivity: isTurned ? turnedMatrix(numbers, [shape[1], shape[0]]) : numbers };
  if (given.shape.at(-1) === shape[1]) return { activations: numbers };
  throw new ArgumentError(
    'calibration',
    `${given.name} of shape [${given.shape}]`,
    `inputs [..., ${shape[1]}], or squared gradients [${tensor.shape}]`,
  );
}

/** Runs a method on a tensor. */
export async function afterTensor(
  tensor: StoredTensor,
  method: MatrixMethod,
  quantizer: Quantizer,
  {
    bits,
    rank,
    isTurned,
    calibration,
  }: AfterOptions & { isTurned: boolean; calibration: StoredTensor | undefined },
): Promise<AfterResult> {
  const x = await wholeOf(tensor);
  const shape = matrixShape(tensor.shape, isTurned);
  const w = isTurned ? turnedMatrix(x, [shape[1], shape[0]]) : x;
  const { activations, sensitivity } = await calibrationOf(tensor, { shape, isTurned }, calibration);
  const done = await run();
  const values = isTurned ? turnedMatrix(done.values, shape) : done.values;
  return { x, values, bytes: Math.ceil(done.bits / 8) };

  async function run(): Promise<{ readonly values: Float32Array; readonly bits: number }> {
    const ofBits = bits === undefined ? {} : { bits };
    switch (method) {
      case 'kmeans':
        return kmeansCodebooks(w, shape, { ...ofBits, ...(sensitivity && { sensitivity }) });
      case 'lowRankError':
        return lowRankError(w, shape, {
          quantizer,
          ...(rank !== undefined && { rank: Math.min(rank, ...shape) }),
        });
      case 'bitmask':
        return channelMask(w, shape, { quantizer, ...(activations && { activations }) });
      case 'minifloat':
        return searchMinifloat(w, ofBits);
      case 'secondOrder':
        if (activations === undefined)
          throw new ArgumentError(
            'calibration',
            undefined,
            `inputs for ${tensor.name}, a tensor of its name [..., ${shape[1]}]`,
          );
        return secondOrder(w, shape, { activations, quantizer });
    }
  }
}
