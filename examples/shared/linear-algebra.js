/** Dense linear algebra in the arithmetic of a format: `f` is what `arithmetic(format)` gives. Matrices are lists of rows. */
import { randomIntegers } from 'halfulp';

/** Numbers uniform in (-1, 1), by seed and stream. */
export function uniform(count, seed, stream) {
  return Float64Array.from(
    randomIntegers(count, { seed, stream, randomBits: 32 }),
    (r) => (r + 0.5) / 2 ** 31 - 1,
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
  return a;
}

export const multiply = (a, x) => Float64Array.from(a, (row) => inner(row, x));
export const largest = (x) => x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
export const infinityNorm = (a) =>
  Math.max(...a.map((row) => row.reduce((sum, value) => sum + Math.abs(value), 0)));

/** LU factors with partial pivoting, every operation rounded by f. */
export function factorise(a, f) {
  const rows = a.map((row) => f.convert(row));
  const order = rows.map((_, i) => i);
  for (let k = 0; k < rows.length; k++) {
    let pivot = k;
    for (let i = k + 1; i < rows.length; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    [order[k], order[pivot]] = [order[pivot], order[k]];
    if (rows[k][k] === 0) continue;
    for (let i = k + 1; i < rows.length; i++) {
      const factor = f.div(rows[i][k], rows[k][k]);
      const rest = rows[i].subarray(k + 1);
      f.sub(rest, f.mul(rows[k].subarray(k + 1), factor), { out: rest });
      rows[i][k] = factor;
    }
  }
  return { rows, order };
}

/** Solves with LU factors, every operation rounded by f. */
export function solveFactorised({ rows, order }, b, f) {
  const n = rows.length;
  const x = Float64Array.from(order, (i) => b[i]);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) x[i] = f.sub(x[i], f.mul(rows[i][j], x[j]));
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) x[i] = f.sub(x[i], f.mul(rows[i][j], x[j]));
    x[i] = f.div(x[i], rows[i][i]);
  }
  return x;
}
