/**
 * Adafactor's clipped update. The second moment of a matrix is row_i column_j / mean(rows), a product that binary32 need
 * not hold although the update that it divides is an ordinary number: a row and a column of zeros (1e-30 each) give 0, and
 * 0 / sqrt(0) is NaN; one small gradient alone in its row and column overflows the root mean square. Elements
 * whose estimate is no normal binary32 number are computed in binary64, which holds all of them; the others are not touched.
 * Source: Shazeer and Stern, "Adafactor", ICML 2018, algorithm 4.
 */
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';

/** The second moment of a matrix: means along rows (n, 1), along columns (1, m), and the mean of the former. */
export interface Factors {
  readonly rows: Tensor;
  readonly columns: Tensor;
  readonly mean: Tensor;
}

/** A filter counts as a matrix, whose columns are the last axis. */
export function sidesOf(shape: readonly number[]): readonly [rows: number, columns: number] {
  return [sizeOf(shape.slice(0, -1)), shape.at(-1)!];
}

const minNormal = 2 ** -126;

const isNormal = (x: number): boolean => x >= minNormal && x < Number.POSITIVE_INFINITY;

const numbersOf = (tensor: Tensor): Float32Array => tensor.dataSync<'float32'>();

/** sqrt(mean(x^2)), in float32. */
export function rootMeanSquare(tf: TensorFlow, x: Tensor): Scalar {
  return tf.sqrt(tf.mean(tf.square(x)));
}

/** Least and largest of numbers; NaN if there is one. */
function ends(values: Float32Array): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

/** Whether an estimate, and its first factor, are normal numbers: others have few digits, or none. */
function isSound(row: number, mean: number, column: number): boolean {
  const share = Math.fround(row / mean);
  return isNormal(share) && isNormal(Math.fround(share * column));
}

/** Whether all estimates are sound: rounding keeps order, so the least and the largest tell. */
function areSound({ rows, columns, mean }: Factors): boolean {
  const divisor = numbersOf(mean)[0]!;
  const [lowRow, highRow] = ends(numbersOf(rows));
  const [lowColumn, highColumn] = ends(numbersOf(columns));
  return isSound(lowRow, divisor, lowColumn) && isSound(highRow, divisor, highColumn);
}

/** gradient / sqrt(estimate), in binary64 where the float32 estimate is not sound. */
function quotients(gradient: Tensor, raw: Tensor, factors: Factors): Float64Array {
  const [g, float32] = [numbersOf(gradient), numbersOf(raw)];
  const [rows, columns] = [numbersOf(factors.rows), numbersOf(factors.columns)];
  const divisor = numbersOf(factors.mean)[0]!;
  const mean = rows.reduce((sum, value) => sum + value, 0) / rows.length;
  return Float64Array.from(float32, (quotient, i) => {
    const [row, column] = [rows[Math.floor(i / columns.length)]!, columns[i % columns.length]!];
    if (isSound(row, divisor, column)) return quotient;
    return g[i] === 0 ? 0 : g[i]! / Math.sqrt((row / mean) * column);
  });
}

/**
 * gradient / sqrt(estimate), scaled down so that its root mean square is at most `threshold`. Call inside `tf.tidy`.
 * @param factors of the estimate, where it is a product
 */
export function clippedUpdate(
  tf: TensorFlow,
  gradient: Tensor,
  estimate: Tensor,
  factors: Factors | undefined,
  threshold: number,
): Tensor {
  const clipped = (x: Tensor): Tensor | undefined => {
    const size = rootMeanSquare(tf, x);
    if (!Number.isFinite(size.dataSync()[0])) return undefined;
    return tf.div(x, tf.maximum(tf.div(size, threshold), 1));
  };
  const raw = tf.div(gradient, tf.sqrt(estimate));
  // A vector's estimate is at least (1 - keep) times the square: no quotient of finite numbers leaves the range.
  if (factors === undefined) return clipped(raw) ?? raw;
  const usual = areSound(factors) ? clipped(raw) : undefined;
  if (usual !== undefined) return usual;
  const exact = quotients(gradient, raw, factors);
  const mended = clipped(tf.tensor(Float32Array.from(exact), gradient.shape));
  if (mended !== undefined) return mended;
  const square = exact.reduce((sum, value) => sum + value * value, 0) / exact.length;
  const scale = Math.max(Math.sqrt(square) / threshold, 1);
  return tf.tensor(
    Float32Array.from(exact, (value) => value / scale),
    gradient.shape,
  );
}
