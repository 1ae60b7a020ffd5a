/**
 * A codebook of its own for each row, by k-means that weighs each weight by its sensitivity, and the weights that matter most or are
 * largest kept apart as they are. Source: Kim et al., "SqueezeLLM: Dense-and-Sparse Quantization", arXiv 2306.07629.
 */
import { checkFields, integerInRange, numberInRange } from '../check.ts';
import { checkMatrix, checkSensitivity, type MatrixShape } from './matrix.ts';

export interface KmeansOptions {
  /** Bits of a code: 1 to 8. Default 3. */
  readonly bits?: number;
  /** Sensitivity of each weight, its mean squared gradient (Fisher information). Default: all alike. */
  readonly sensitivity?: Float32Array;
  /**
   * The part of the weights that is kept apart, 0 to 1: a ninth of them the most sensitive, where sensitivities are given, the others the
   * largest. Default 0.0045.
   */
  readonly outliers?: number;
  /** Rounds of k-means at most. Default 100. */
  readonly iterations?: number;
}

export interface KmeansResult {
  readonly values: Float32Array;
  /** The numbers of each row, ascending: rows x 2^bits. */
  readonly codebooks: Float32Array;
  /** One code a weight. */
  readonly codes: Uint8Array;
  readonly outliers: { readonly indices: Uint32Array; readonly values: Float32Array };
  /** The weighted squared error after each round: it never rises. */
  readonly errors: readonly number[];
  /** Bits of codes, codebooks (binary32) and outliers (an index and a binary32 number). */
  readonly bits: number;
}

/** Indices of the largest of some numbers, of equals the first. */
function largest(scores: Float64Array, count: number): Uint32Array {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return order.slice(0, count).sort();
}

function outliersOf(w: Float32Array, sensitivity: Float32Array | undefined, part: number): Uint32Array {
  const count = Math.round(part * w.length);
  const sensitive = sensitivity === undefined ? 0 : Math.round(count / 9);
  const first = sensitive === 0 ? new Uint32Array() : largest(Float64Array.from(sensitivity!), sensitive);
  const sizes = Float64Array.from(w, Math.abs);
  for (const index of first) sizes[index] = -1;
  return Uint32Array.from([...first, ...largest(sizes, count - sensitive)]).sort();
}

/** The weights of a row that are not kept apart, ascending, with their sensitivities. */
interface Row {
  readonly x: Float64Array;
  readonly weight: Float64Array;
}

/** The index of the nearest number of an ascending list, of two the lower. */
function nearest(centres: Float64Array, x: number): number {
  let best = 0;
  for (let k = 1; k < centres.length; k++)
    if (Math.abs(centres[k]! - x) < Math.abs(centres[best]! - x)) best = k;
  return best;
}

function errorOf({ x, weight }: Row, centres: Float64Array): number {
  let error = 0;
  for (let i = 0; i < x.length; i++) error += weight[i]! * (x[i]! - centres[nearest(centres, x[i]!)]!) ** 2;
  return error;
}

/** Centres at equal parts of the row. */
function firstCentres({ x }: Row, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, k) =>
    x.length === 0 ? 0 : x[Math.min(x.length - 1, Math.floor(((k + 0.5) * x.length) / count))]!,
  );
}

/** The weighted means of what is nearest to each centre, rounded to binary32; a centre of nothing stays. */
function moved({ x, weight }: Row, centres: Float64Array): Float64Array {
  const sums = new Float64Array(centres.length);
  const totals = new Float64Array(centres.length);
  for (let i = 0; i < x.length; i++) {
    const k = nearest(centres, x[i]!);
    sums[k]! += weight[i]! * x[i]!;
    totals[k]! += weight[i]!;
  }
  return centres.map((centre, k) => (totals[k]! > 0 ? Math.fround(sums[k]! / totals[k]!) : centre)).sort();
}

/** The centres of a row after each round. Rounding could make a round worse: it is not taken then. */
function* rounds(row: Row, count: number, most: number): Generator<{ centres: Float64Array; error: number }> {
  let centres = firstCentres(row, count);
  let error = errorOf(row, centres);
  yield { centres, error };
  for (let round = 0; round < most; round++) {
    const next = moved(row, centres);
    const less = errorOf(row, next);
    if (!(less < error)) return;
    [centres, error] = [next, less];
    yield { centres, error };
  }
}

/** The weights that codes, codebooks and outliers stand for. */
export function fromCodebooks(
  { codes, codebooks, outliers }: Pick<KmeansResult, 'codes' | 'codebooks' | 'outliers'>,
  [rows, columns]: MatrixShape,
): Float32Array {
  const size = codebooks.length / rows;
  const values = Float32Array.from(codes, (code, at) => codebooks[Math.floor(at / columns) * size + code]!);
  outliers.indices.forEach((index, i) => {
    values[index] = outliers.values[i]!;
  });
  return values;
}

/**
 * Codebooks of each row by weighted k-means, and sparse outliers.
 *
 * @param w Weights, row by row.
 * @throws ArgumentError for what does not fit.
 * @example
 * const { values, bits } = kmeansCodebooks(w, [256, 256], { bits: 3, sensitivity: squaredGradients });
 */
export function kmeansCodebooks(w: Float32Array, shape: MatrixShape, given?: KmeansOptions): KmeansResult {
  const options = checkFields('', given, ['bits', 'sensitivity', 'outliers', 'iterations']);
  const { sensitivity } = options;
  checkMatrix('w', w, shape);
  const [rows, columns] = shape;
  const bits = integerInRange('bits', options.bits, 1, 8, 3);
  checkSensitivity('sensitivity', sensitivity, shape);
  const part = numberInRange('outliers', options.outliers, { from: 0, to: 1 }, 0.0045);
  const most = integerInRange('iterations', options.iterations, 1, 100_000, 100);
  const apart = outliersOf(w, sensitivity, part);
  const isOutlier = new Uint8Array(w.length);
  for (const index of apart) isOutlier[index] = 1;
  const size = 2 ** bits;
  const codebooks = new Float32Array(rows * size);
  const codes = new Uint8Array(w.length);
  const histories: number[][] = [];
  for (let i = 0; i < rows; i++) {
    const own = Uint32Array.from({ length: columns }, (_, j) => i * columns + j).filter(
      (at) => isOutlier[at] === 0,
    );
    own.sort((a, b) => w[a]! - w[b]!);
    const given = Float64Array.from(own, (at) => sensitivity?.[at] ?? 1);
    const row = {
      x: Float64Array.from(own, (at) => w[at]!),
      weight: given.some((weight) => weight > 0) ? given : given.fill(1),
    };
    const done = [...rounds(row, size, most)];
    const { centres } = done.at(-1)!;
    histories.push(done.map(({ error }) => error));
    codebooks.set(centres, i * size);
    for (const at of own) codes[at] = nearest(centres, w[at]!);
  }
  // A row that has come to rest keeps its error in later rounds.
  const errors = Array.from({ length: Math.max(...histories.map(({ length }) => length)) }, (_, round) =>
    histories.reduce((sum, history) => sum + (history[round] ?? history.at(-1)!), 0),
  );
  const outliers = { indices: apart, values: Float32Array.from(apart, (at) => w[at]!) };
  return {
    ...{ values: fromCodebooks({ codes, codebooks, outliers }, shape), codebooks, codes, errors, outliers },
    bits: bits * w.length + 32 * codebooks.length + 64 * apart.length,
  };
}
