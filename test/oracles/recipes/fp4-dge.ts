/** FP4 with estimator and outliers apart (arXiv 2501.17116) by scalars, as docs/recipes/fp4-dge.md says it is done here. */
import type { Held, RecipeOracle } from './net.ts';
import {
  e2m1,
  e4m3,
  f,
  floatMagnitudes,
  type Matrix,
  magnitude,
  mapped,
  nearest,
  product,
  transposed,
} from './numbers.ts';

/** The quantile of ascending numbers, between the two nearest ranks. */
function quantile(ascending: readonly number[], part: number): number {
  const rank = part * (ascending.length - 1);
  const below = Math.floor(rank);
  const [low, high] = [ascending[below]!, ascending[Math.min(below + 1, ascending.length - 1)]!];
  return f(low + (rank - below) * (high - low));
}

/** Rows with the largest magnitude at 6: the numbers in units, and their values. */
function rows(m: Matrix): { scaled: number[][]; values: number[][] } {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  const factors = m.map((row) => (magnitude(row) === 0 ? largest : Math.min(f(6 / magnitude(row)), largest)));
  const scaled = mapped(m, (x, r) => f(x * factors[r]!));
  return { scaled, values: mapped(scaled, (x, r) => f(nearest(e2m1, x) / factors[r]!)) };
}

/** Clamped at the quantiles of the whole, quantised, and what was cut off added again. */
export function outliersApart(
  m: Matrix,
  alpha: number,
  read = (x: Matrix): number[][] => rows(x).values,
): { main: number[][]; whole: number[][] } {
  const ascending = m.flat().sort((a, b) => a - b);
  const [low, high] = [quantile(ascending, 1 - alpha), quantile(ascending, alpha)];
  const main = read(mapped(m, (x) => Math.min(Math.max(x, low), high)));
  const whole = mapped(m, (x, r, c) => {
    const value = main[r]![c]!;
    if (x >= low && x <= high) return value;
    const error = value - (x > high ? high : low);
    return error === 0 ? x : f(x + error);
  });
  return { main, whole };
}

/** The slope of the smooth step around a number in units: 1/k |2 (x - lo) / (hi - lo) - 1|^(1/k - 1), at most clip. */
export function slope(x: number, k = 5, clip = 3): number {
  const size = Math.abs(x);
  if (size > 6) return 0;
  let at = e2m1.length - 2;
  while (e2m1[at]! > size) at--;
  const [low, high] = [e2m1[at]!, e2m1[at + 1]!];
  const position = Math.abs(2 * size - (low + high)) / (high - low);
  return position === 0 ? clip : Math.min(position ** (1 / k - 1) / k, clip);
}

export const fp4Dge = (alpha = 0.99): RecipeOracle => ({
  forward: ({ x, w }) => ({ x: outliersApart(x, alpha).whole, w: rows(w).values }),
  inputGradient: (_, { w }, g) => product(g, transposed(w)),
  weightGradient({ w }, { x }, g) {
    const { scaled } = rows(w);
    return mapped(product(transposed(g), transposed(x)), (dw, r, c) => f(dw * slope(scaled[r]![c]!)));
  },
});

const binary16 = floatMagnitudes(10, 15, 65504);

/** A moment in a format with one scale for all. */
const heldIn =
  (values: readonly number[]): Held =>
  (moment) => {
    const most = magnitude(moment);
    const factor = most === 0 ? (2 - 2 ** -23) * 2 ** 127 : f(values.at(-1)! / most);
    return moment.map((x) => f(nearest(values, f(x * factor)) / factor));
  };
export const firstMoment = heldIn(e4m3);
export const secondMoment = heldIn(binary16);
