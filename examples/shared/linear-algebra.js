/** Matrices and vectors to experiment on, in binary64. Matrices are lists of rows. */
import { randomIntegers } from 'halfulp';

/** Numbers uniform in (-1, 1), by seed and stream. */
export function uniform(count, seed, stream) {
  return Float64Array.from(
    randomIntegers(count, { seed, stream, randomBits: 32 }),
    (r) => (r + 0.5) / 2 ** 31 - 1,
  );
}

/** Sums of twelve uniform numbers: near enough to Gaussian ones. */
export function gaussians(count, seed) {
  const random = randomIntegers(12 * count, { seed });
  return Float32Array.from({ length: count }, (_, i) =>
    random.subarray(12 * i, 12 * i + 12).reduce((sum, integer) => sum + integer / 2 ** 32, -6),
  );
}

const inner = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);

/** Applies I - 2 v v^T / v^T v to the rows of a matrix, from the right. */
function reflectRows(a, v) {
  const square = inner(v, v);
  for (const row of a) {
    const factor = (2 * inner(row, v)) / square;
    for (let j = 0; j < row.length; j++) row[j] -= factor * v[j];
  }
}

const transposed = (a) => a.map((_, j) => Float64Array.from(a, (row) => row[j]));

/** An n x n matrix with singular values from 1 down to 1 / condition, spaced geometrically. */
export function matrixOfCondition(n, condition, seed) {
  let a = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(n);
    row[i] = Math.exp((-Math.log(condition) * i) / (n - 1));
    return row;
  });
  for (let stream = 0; stream < 6; stream++) {
    reflectRows(a, uniform(n, seed, stream));
    a = transposed(a);
  }
  return a.map((row) => [...row]);
}
