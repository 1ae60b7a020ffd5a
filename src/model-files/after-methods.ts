/** Methods after training on the tensors of a file: each tensor as a matrix, a row for each output, held whole. */

import { channelMask, kmeansCodebooks, lowRankError, searchMinifloat, secondOrder } from '../after/index.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import type { CalibrationOf } from './calibration-file.ts';
import { bytesFrom } from './dtypes.ts';
import { tensorQuantizer } from './layout.ts';
import {
  type MatrixDescription,
  type MatrixMethod,
  matrixShape,
  type Stored,
  storedBits,
  storedCodes,
  storedQuantized,
  turned,
} from './matrix-layout.ts';
import { dtypeOfNumbers, type StoredTensor } from './model-file.ts';
import type { WholeMatrix } from './output.ts';
import type { Choice } from './rules.ts';
import { numbersOf } from './values.ts';

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
async function wholeOf(tensor: StoredTensor, argument: 'after' | 'calibration'): Promise<Float32Array> {
  const { values } = await numbersOf(tensor, argument);
  const what = argument === 'after' ? 'a method for finite' : 'finite';
  if (!values.every(Number.isFinite))
    throw new ArgumentError(argument, tensor.name, `${what} binary32 numbers`);
  return values;
}

/** The numbers of a calibration for a tensor. */
interface Given {
  readonly numbers: StoredTensor;
  /** What the file says of them. */
  readonly said: CalibrationOf | undefined;
}

const wrongNumbers = ({ numbers: { name } }: Given, given: string, accepted: string): ArgumentError =>
  new ArgumentError('calibration', `${name}${given}`, accepted);

/** Sensitivities of a tensor, in its own shape, as a matrix. */
async function sensitivityOf(tensor: StoredTensor, matrix: MatrixDescription, given: Given) {
  const { shape } = given.numbers;
  const accepted = `squared gradients [${tensor.shape}]`;
  if (given.said !== undefined && given.said.of !== 'gradients')
    throw wrongNumbers(given, ', inputs', accepted);
  const isLike = shape.length === tensor.shape.length && shape.every((n, i) => n === tensor.shape[i]);
  if (!isLike) throw wrongNumbers(given, ` of shape [${shape}]`, accepted);
  return { sensitivity: turned(await wholeOf(given.numbers, 'calibration'), matrix, 'matrix') };
}

/** Inputs of a layer: samples x columns, or that for each group. */
async function activationsOf(matrix: MatrixDescription, given: Given) {
  const { numbers, said: { groups = 1 } = {} } = given;
  const [rows, columns] = matrixShape(matrix);
  const isWhole = numbers.shape.at(-1) === columns && (groups === 1 || numbers.shape[0] === groups);
  const accepted = `inputs [${groups === 1 ? '' : `${groups}, `}..., ${columns}]`;
  if (given.said?.of === 'gradients') throw wrongNumbers(given, ', squared gradients', accepted);
  if (!isWhole || rows % groups !== 0) throw wrongNumbers(given, ` of shape [${numbers.shape}]`, accepted);
  return { activations: await wholeOf(numbers, 'calibration'), groups };
}

/**
 * Where the outputs of a tensor are: what the calibration says, else what the user does.
 * @param axis of the user: 0 where inputs come first, -1 where they come last
 */
export function placeOf(
  { name, shape }: StoredTensor,
  axis: number | undefined,
  said: CalibrationOf | undefined,
): Pick<MatrixDescription, 'axis' | 'outputs'> {
  const last = shape.length - 1;
  const outputs = said?.outputs;
  if (outputs === undefined) return axis === 0 ? { axis: 0 } : {};
  if (outputs.some((one, i) => one > last || outputs.indexOf(one) < i))
    throw new ArgumentError('calibration', `${name}: outputs [${outputs}]`, `axes of [${shape}]`);
  const isSo = axis === undefined || (axis === 0 ? outputs.includes(last) : outputs.includes(0));
  if (!isSo)
    throw new ArgumentError(
      'axis',
      axis,
      `nothing for ${name}, whose outputs are axis ${outputs.join(' and ')}, as the calibration says`,
    );
  if (last < 1) return {};
  return outputs.length === 1 && (outputs[0] === 0 || outputs[0] === last)
    ? outputs[0] === 0
      ? {}
      : { axis: 0 }
    : { outputs };
}

/** A quantiser's choice for a tensor as that of a method that takes it as a matrix. */
export function matrixChoice(
  tensor: StoredTensor,
  method: MatrixMethod,
  { said, quantizer }: Choice,
  {
    bits = 3,
    rank = 8,
    place,
    ...draws
  }: AfterOptions & { place: ReturnType<typeof placeOf>; readonly seed: number; readonly stream: number },
): Choice {
  const like = { shape: tensor.shape, ...place };
  const [rows, columns] = matrixShape(like);
  const { quantizer: named } = said;
  const own = {
    kmeans: { bits, outliers: Math.round(apart.outliers * sizeOf(tensor.shape)) },
    lowRankError: { quantizer: named, rank: Math.min(rank, rows, columns) },
    bitmask: { quantizer: named, columns: Math.round(apart.columns * columns) },
    secondOrder: { quantizer: named },
  }[method];
  const matrix = { method, ...like, dtype: dtypeOfNumbers(tensor), values: 'F32', ...own } as const;
  // Blocks lie along the inputs, which are the columns of the matrix.
  const by = method === 'kmeans' ? quantizer : tensorQuantizer({ quantizer: named }, 'to', draws);
  return { quantizer: by, said, matrix };
}

/** What the methods call their arguments, and `quantizeModel` its options. */
const optionOf: Readonly<Record<string, string>> = {
  ...{ quantizer: 'to', sensitivity: 'calibration', activations: 'calibration' },
};

/** What a method refuses of a tensor, by the name of the option that it comes from. */
function renamed(error: unknown, { name }: StoredTensor): unknown {
  if (!(error instanceof ArgumentError)) return error;
  const [head] = /^\w+/.exec(error.argument) ?? [''];
  const option = Object.hasOwn(optionOf, head) ? optionOf[head] : undefined;
  if (option === undefined) return error;
  const place = `${option}, ${name}${error.argument.slice(head.length)}`;
  return new ArgumentError(place, error.given, error.accepted);
}

/** Runs a method on a tensor. */
export async function afterTensor(
  tensor: StoredTensor,
  { quantizer, matrix }: Choice & { readonly matrix: MatrixDescription },
  given: Given | undefined,
): Promise<WholeMatrix & { readonly x: Float32Array }> {
  const x = await wholeOf(tensor, 'after');
  const shape = matrixShape(matrix);
  const w = turned(x, matrix, 'matrix');
  const { values, stored } = await run().catch((error: unknown) => {
    throw renamed(error, tensor);
  });
  return { x, values: turned(values, matrix, 'tensor'), stored };

  async function run(): Promise<WholeMatrix> {
    switch (matrix.method) {
      case 'kmeans': {
        const bits = matrix.bits!;
        const weighed = given && (await sensitivityOf(tensor, matrix, given));
        const options = { bits, outliers: apart.outliers, ...weighed };
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
        const inputs = given && (await activationsOf(matrix, given));
        const options = { quantizer, part: apart.columns, ...inputs };
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
        if (given === undefined)
          throw new ArgumentError(
            'calibration',
            undefined,
            `inputs for ${tensor.name}, a tensor of its name [..., ${shape[1]}]`,
          );
        const inputs = await activationsOf(matrix, given);
        const { values, quantized } = secondOrder(w, shape, { ...inputs, quantizer });
        return { values, stored: storedQuantized(quantized, quantizer) };
      }
    }
  }
}

/** The float or integer of so many bits that loses least of a tensor, as a choice for it. */
export async function minifloatChoice(tensor: StoredTensor, bits: number | undefined): Promise<Choice> {
  const { best } = searchMinifloat(await wholeOf(tensor, 'after'), bits === undefined ? {} : { bits });
  const said = { quantizer: best.quantizer };
  return { quantizer: tensorQuantizer(said, 'to'), said };
}
