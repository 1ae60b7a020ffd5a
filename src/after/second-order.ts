/**
 * Rounding that looks at what a layer gives, not at its weights alone: column by column, the error of each weight is made good by those that
 * are still to be rounded, as far as the inputs of a calibration allow. Source: Frantar et al., "GPTQ: Accurate Post-Training
 * Quantization for Generative Pre-trained Transformers", arXiv 2210.17323, algorithm 1.
 */
import { checkFields, integerInRange, numberInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { CodeArray } from '../formats/codes.ts';
import { pack } from '../formats/packing.ts';
import {
  namedQuantizer,
  type Quantized,
  type Quantizer,
  quantizer as quantizerOf,
} from '../quantizers/index.ts';
import { checkActivations, checkMatrix, type MatrixShape } from './matrix.ts';

export interface SecondOrderOptions {
  /** Inputs of the layer, samples x columns; where there are groups, those of each after those of the one before. */
  readonly activations: Float32Array;
  /** How many parts the rows have that read columns of their own, as the channels of a depthwise filter do. Default 1. */
  readonly groups?: number;
  /**
   * A quantiser without zero points and transform, its scales of the tensor, rows or blocks of columns: itself or its name. Default
   * `'int4/row'`.
   */
  readonly quantizer?: Quantizer | string;
  /** What is added to the diagonal of the second moments, as a part of its mean. Default 0.01. */
  readonly damping?: number;
}

export interface SecondOrderResult {
  /** Numbers of the quantiser, under the scales that it gave to the weights as they were. */
  readonly values: Float32Array;
  /** Their codes, and these scales. */
  readonly quantized: Quantized;
  /** Sums over the samples of the squared errors of the outputs: of these values, and of those rounded to nearest. */
  readonly error: number;
  readonly nearestError: number;
  readonly bits: number;
}

/** Mean second moments of the inputs, columns x columns. */
function momentsOf(x: Float32Array, columns: number): Float64Array {
  const h = new Float64Array(columns * columns);
  const samples = x.length / columns;
  for (let s = 0; s < samples; s++)
    for (let i = 0; i < columns; i++) {
      const a = x[s * columns + i]! / samples;
      if (a === 0) continue;
      for (let j = 0; j <= i; j++) h[i * columns + j]! += a * x[s * columns + j]!;
    }
  for (let i = 0; i < columns; i++) for (let j = 0; j < i; j++) h[j * columns + i] = h[i * columns + j]!;
  return h;
}

/** The lower factor of a positive definite matrix, in its place. */
function cholesky(a: Float64Array, n: number): Float64Array {
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j]!;
    }
    for (let i = 0; i < j; i++) a[i * n + j] = 0;
  }
  return a;
}

/** The inverse of a positive definite matrix from its lower factor. */
function inverseFrom(l: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  const y = new Float64Array(n);
  for (let c = 0; c < n; c++) {
    for (let i = 0; i < n; i++) {
      let sum = i === c ? 1 : 0;
      for (let k = c; k < i; k++) sum -= l[i * n + k]! * y[k]!;
      y[i] = i < c ? 0 : sum / l[i * n + i]!;
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = y[i]!;
      for (let k = i + 1; k < n; k++) sum -= l[k * n + i]! * inverse[k * n + c]!;
      inverse[i * n + c] = sum / l[i * n + i]!;
    }
  }
  return inverse;
}

/** The upper factor U of a positive definite matrix U^T U: row j says how an error in column j is made good by those behind. */
function upperFactor(a: Float64Array, n: number): Float64Array {
  const l = cholesky(a.slice(), n);
  const u = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) u[j * n + i] = l[i * n + j]!;
  return u;
}

/** The scale of each weight, as it is stored. Throws ArgumentError for scales that columns do not have one by one. */
function scaleOf({ scales, tensorScale, grouping }: Quantized, [rows, columns]: MatrixShape) {
  const groups = scales.length / rows;
  const isAlong =
    grouping.per === 'tensor' ||
    grouping.per === 'row' ||
    (grouping.per === 'block' && [undefined, -1, 1].includes(grouping.axis));
  if (!isAlong)
    throw new ArgumentError(
      'quantizer',
      grouping.per,
      'scales of the tensor, of rows, or of blocks of columns',
    );
  const size = grouping.per === 'block' ? grouping.size : columns;
  return (i: number, j: number): number => {
    const scale = scales[grouping.per === 'tensor' ? 0 : i * groups + Math.floor(j / size)]!;
    const above = typeof tensorScale === 'object' ? tensorScale[i]! : (tensorScale ?? 1);
    return Math.fround(scale * above);
  };
}

/** One row's squared error of the outputs, by the second moments. */
function outputError(d: Float64Array, h: Float64Array, n: number): number {
  let error = 0;
  for (let i = 0; i < n; i++) {
    if (d[i] === 0) continue;
    let sum = 0;
    for (let j = 0; j < n; j++) sum += h[i * n + j]! * d[j]!;
    error += d[i]! * sum;
  }
  return error;
}

/** Rounds the columns of a group of rows one after the other, each error passed on to the columns behind; codes go into `codes`. */
function roundColumns(
  w: Float32Array,
  [begin, rows, columns]: readonly [begin: number, rows: number, columns: number],
  u: Float64Array,
  by: Quantizer,
  { nearest, scaleAt, codes }: { nearest: Quantized; scaleAt: ReturnType<typeof scaleOf>; codes: CodeArray },
): void {
  const scale = (i: number, j: number): number => scaleAt(begin + i, j);
  const first = begin * columns;
  const left = Float64Array.from(w.subarray(first, first + rows * columns));
  const { rounding, seed, stream, subnormals, range, randomBits, variant } = by.toJSON();
  // Elements beyond the range become its ends whatever the quantiser says: what is made good may go beyond it.
  const said = Object.fromEntries(
    Object.entries({ rounding, subnormals, range, randomBits, variant }).filter(
      ([, one]) => one !== undefined,
    ),
  );
  const column = new Float32Array(rows);
  for (let j = 0; j < columns; j++) {
    // Where the scale is 0 every code stands for 0.
    const scales = Array.from({ length: rows }, (_, i) => scale(i, j) || 1);
    const own = quantizerOf({
      format: by.format,
      ...said,
      scale: { per: 'row', from: 'constant', value: scales, stored: nearest.stored },
    });
    for (let i = 0; i < rows; i++) column[i] = left[i * columns + j]!;
    // Each element of the matrix draws an index of its own, column by column.
    const offset = (j * nearest.codes.length) / columns + begin;
    const rounded = own.quantize(column, [rows, 1], {
      ...(seed !== undefined && { seed }),
      ...(stream !== undefined && { stream: BigInt(stream) }),
      offset,
    });
    const pivot = u[j * columns + j]!;
    for (let i = 0; i < rows; i++) {
      const isZero = scale(i, j) === 0;
      const value = isZero ? 0 : rounded.values[i]!;
      // NVFP4's zeros have no sign.
      if (!isZero) codes[first + i * columns + j] = by.scale.isNvfp4 && value === 0 ? 0 : rounded.codes[i]!;
      const error = (left[i * columns + j]! - value) / pivot;
      if (error !== 0)
        for (let k = j + 1; k < columns; k++) left[i * columns + k]! -= error * u[j * columns + k]!;
    }
  }
}

/** The second moments of some inputs, and how they have errors made good. */
function correctionOf(x: Float32Array, columns: number, damping: number) {
  const h = momentsOf(x, columns);
  let mean = 0;
  for (let j = 0; j < columns; j++) mean += h[j * columns + j]! / columns;
  const damped = h.slice();
  for (let j = 0; j < columns; j++) damped[j * columns + j]! += mean > 0 ? damping * mean : 1;
  return { h, u: upperFactor(inverseFrom(cholesky(damped, columns), columns), columns) };
}

/**
 * Rounds weights to the quantiser's numbers so that the layer's outputs on some inputs change little. A row for which rounding to nearest
 * does better on these inputs keeps that, so the error is never larger than nearest's.
 *
 * @param w The matrix, row by row; a row is an output.
 * @throws ArgumentError for what does not fit.
 * @example
 * const { values, error, nearestError } = secondOrder(w, [64, 256], { activations, quantizer: 'int4/row' });
 */
export function secondOrder(
  w: Float32Array,
  shape: MatrixShape,
  given: SecondOrderOptions,
): SecondOrderResult {
  const options = checkFields('', given, ['activations', 'groups', 'quantizer', 'damping']);
  const { activations = new Float32Array(), quantizer = 'int4/row' } = options;
  checkMatrix('w', w, shape);
  const [rows, columns] = shape;
  const groups = integerInRange('groups', options.groups, 1, rows, 1);
  checkActivations(activations, shape, groups);
  const damping = numberInRange('damping', options.damping, { above: 0, to: 1000 }, 0.01);
  const by = typeof quantizer === 'string' ? namedQuantizer(quantizer) : quantizer;
  const { scale, transform } = by;
  if (scale.hasZeroPoint || transform !== undefined || scale.prescale !== 1 || scale.gain !== 1)
    throw new ArgumentError(
      'quantizer',
      by.toJSON(),
      'one without zero points, transform, prescale and gain',
    );
  const nearest = by.quantize(w, shape);
  const codes = nearest.codes.slice() as CodeArray;
  const scaleAt = scaleOf(nearest, shape);
  const each = rows / groups;
  const read = activations.length / groups;
  const moments = Array.from({ length: groups }, (_, group) => {
    const own = activations.subarray(group * read, (group + 1) * read);
    const { h, u } = correctionOf(own, columns, damping);
    roundColumns(w, [group * each, each, columns], u, by, { nearest, scaleAt, codes });
    return h;
  });
  const withCodes = (): Quantized => {
    const bytes = nearest.pack();
    bytes.set(pack(codes, by.format));
    return by.unpack(bytes, shape, { dtype: 'float32' });
  };
  const { values } = withCodes();
  const samples = read / columns;
  let [error, nearestError] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const begin = i * columns;
    const h = moments[Math.floor(i / each)]!;
    const differences = (of: ArrayLike<number>): Float64Array =>
      Float64Array.from({ length: columns }, (_, j) => of[begin + j]! - w[begin + j]!);
    const own = samples * outputError(differences(values), h, columns);
    const other = samples * outputError(differences(nearest.values), h, columns);
    if (!(own < other)) codes.set(nearest.codes.subarray(begin, begin + columns) as never, begin);
    error += Math.min(own, other);
    nearestError += other;
  }
  const quantized = withCodes();
  return {
    ...{ values: quantized.values as Float32Array, quantized, error, nearestError },
    bits: 8 * nearest.bytes,
  };
}
