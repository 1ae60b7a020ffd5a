/** Methods after training on the tensors of a file: each tensor as a matrix, a row for each output, held whole. */

import { channelMask, kmeansCodebooks, lowRankError, searchMinifloat, secondOrder } from '../after/index.ts';
import { atMost } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { elementsOf } from '../files/safetensors.ts';
import { bytesFrom } from './dtypes.ts';
import { tensorQuantizer } from './layout.ts';
import {
  type MatrixDescription,
  type MatrixMethod,
  matrixShape,
  mostElements,
  type Stored,
  storedBits,
  storedCodes,
  storedQuantized,
  turned,
} from './matrix-layout.ts';
import { dtypeOfNumbers, numbersIn, type StoredTensor } from './model-file.ts';
import type { WholeMatrix } from './output.ts';
import type { Choice } from './rules.ts';

/** What is said of them. */
interface AfterOptions {
  /** Bits of codebooks and minifloats: 3 and 4 unless it is said. */
  readonly bits?: number | undefined;
  /** Rank of the error term: 8 unless it is said. */
  readonly rank?: number | undefined;
}

/** The part of the weights that k-means keeps apart, and that of the columns that a mask keeps in more bits. */
const apart = { outliers: 0.0045, columns: 0.2 };

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

/** The calibration of a tensor: inputs, samples x columns, or sensitivities in its own shape. */
async function calibrationOf(
  tensor: StoredTensor,
  matrix: MatrixDescription,
  given: StoredTensor | undefined,
): Promise<{ readonly activations?: Float32Array; readonly sensitivity?: Float32Array }> {
  if (given === undefined) return {};
  const numbers = await wholeOf(given);
  const [, columns] = matrixShape(matrix);
  const isLike =
    given.shape.length === tensor.shape.length && given.shape.every((n, i) => n === tensor.shape[i]);
  if (isLike) return { sensitivity: turned(numbers, matrix, 'matrix') };
  if (given.shape.at(-1) === columns) return { activations: numbers };
  throw new ArgumentError(
    'calibration',
    `${given.name} of shape [${given.shape}]`,
    `inputs [..., ${columns}], or squared gradients [${tensor.shape}]`,
  );
}

/** A quantiser's choice for a tensor as that of a method that takes it as a matrix. */
export function matrixChoice(
  tensor: StoredTensor,
  method: MatrixMethod,
  { said, quantizer }: Choice,
  {
    bits = 3,
    rank = 8,
    isTurned,
    ...draws
  }: AfterOptions & { isTurned: boolean; readonly seed: number; readonly stream: number },
): Choice {
  const { shape } = tensor;
  const like: Pick<MatrixDescription, 'shape' | 'axis'> = isTurned ? { shape, axis: 0 } : { shape };
  const [rows, columns] = matrixShape(like);
  const { quantizer: named } = said;
  const own = {
    kmeans: { bits, outliers: Math.round(apart.outliers * rows * columns) },
    lowRankError: { quantizer: named, rank: Math.min(rank, rows, columns) },
    bitmask: { quantizer: named, columns: Math.round(apart.columns * columns) },
    secondOrder: { quantizer: named },
  }[method];
  const matrix = { method, ...like, dtype: dtypeOfNumbers(tensor), values: 'F32', ...own } as const;
  // Blocks lie along the inputs, which are the columns of the matrix.
  const by = method === 'kmeans' ? quantizer : tensorQuantizer({ quantizer: named }, 'to', draws);
  return { quantizer: by, said, matrix };
}

/** Runs a method on a tensor. */
export async function afterTensor(
  tensor: StoredTensor,
  { quantizer, matrix }: Choice & { readonly matrix: MatrixDescription },
  given: StoredTensor | undefined,
): Promise<WholeMatrix & { readonly x: Float32Array }> {
  const x = await wholeOf(tensor);
  const shape = matrixShape(matrix);
  const w = turned(x, matrix, 'matrix');
  const { activations, sensitivity } = await calibrationOf(tensor, matrix, given);
  const { values, stored } = await run();
  return { x, values: turned(values, matrix, 'tensor'), stored };

  async function run(): Promise<WholeMatrix> {
    switch (matrix.method) {
      case 'kmeans': {
        const bits = matrix.bits!;
        const options = { bits, outliers: apart.outliers, ...(sensitivity && { sensitivity }) };
        const { values, codes, codebooks, outliers } = kmeansCodebooks(w, shape, options);
        const index = new Uint8Array(outliers.indices.buffer);
        const beside = { outlierIndex: index, outlier: bytesFrom(outliers.values, 'F32') };
        const codebook = bytesFrom(codebooks, 'F32');
        return { values, stored: { codes: storedCodes(codes, bits), codebook, ...beside } };
      }
      case 'lowRankError': {
        const { values, quantized, u, v } = await lowRankError(w, shape, { quantizer, rank: matrix.rank! });
        const factors = { u: bytesFrom(u, 'F32'), v: bytesFrom(v, 'F32') };
        return { values, stored: { ...storedQuantized(quantized, quantizer), ...factors } };
      }
      case 'bitmask': {
        const options = { quantizer, part: apart.columns, ...(activations && { activations }) };
        const { values, mask, scales, signs, kept } = channelMask(w, shape, options);
        const { codes, ...rest }: Partial<Stored> =
          kept === undefined ? {} : storedQuantized(kept, quantizer);
        const own = { mask: storedBits(mask), signScale: bytesFrom(scales, 'F32') };
        return {
          values,
          stored: { codes: storedBits(signs), ...own, ...(codes && { kept: codes }), ...rest },
        };
      }
      case 'secondOrder': {
        if (activations === undefined)
          throw new ArgumentError(
            'calibration',
            undefined,
            `inputs for ${tensor.name}, a tensor of its name [..., ${shape[1]}]`,
          );
        const { values, quantized } = secondOrder(w, shape, { activations, quantizer });
        return { values, stored: storedQuantized(quantized, quantizer) };
      }
    }
  }
}

/** The float or integer of so many bits that loses least of a tensor, as a choice for it. */
export async function minifloatChoice(tensor: StoredTensor, bits: number | undefined): Promise<Choice> {
  const { best } = searchMinifloat(await wholeOf(tensor), bits === undefined ? {} : { bits });
  const said = { quantizer: best.quantizer };
  return { quantizer: tensorQuantizer(said, 'to'), said };
}
