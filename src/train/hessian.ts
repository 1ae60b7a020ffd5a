/**
 * Second derivatives of a loss without a Hessian: its products with vectors, its trace and its largest eigenvalue. A product is a central
 * difference of gradients, (g(w + h v) - g(w - h v)) / 2h, whose error is of the order of h^2 and of the gradients' rounding over h.
 * Sources: Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1990; Dong et al., "HAWQ-V2", arXiv 1911.03852
 * (traces of layers); Shen, Dong, Ye et al., "Q-BERT", arXiv 1909.05840 (largest eigenvalues, by power iteration).
 */
import { randomWords } from './random.ts';

/** The gradient of a loss at some weights. */
export type GradientAt = (weights: Float32Array) => ArrayLike<number>;

/** H v at `weights`. */
export function hessianProduct(gradient: GradientAt, weights: Float32Array, v: Float64Array): Float64Array {
  const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0) / v.length);
  if (norm === 0) return new Float64Array(v.length);
  const rms = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / weights.length);
  // A step of 2^-7 of a weight: between what the gradients' rounding and what the third derivatives leave.
  const h = (rms === 0 ? 1 : rms) / 128 / norm;
  const at = (sign: number): Float64Array =>
    Float64Array.from(gradient(Float32Array.from(weights, (w, i) => w + sign * h * v[i]!)));
  const [above, below] = [at(1), at(-1)];
  return above.map((g, i) => (g - below[i]!) / (2 * h));
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

/** `count` signs for (seed, draw, purpose). */
function signs(count: number, seed: number, draw: number, purpose: string): Float64Array {
  return Float64Array.from(randomWords(count, seed, draw, purpose), (word) => (word < 2 ** 31 ? -1 : 1));
}

/** Which random vectors. */
interface Draws {
  readonly count: number;
  readonly seed: number;
  readonly purpose: string;
}

/** The trace of the Hessian, as the mean of v^T H v over vectors v of random signs. */
export function hessianTrace(
  gradient: GradientAt,
  weights: Float32Array,
  { count, seed, purpose }: Draws,
): number {
  let sum = 0;
  for (let draw = 0; draw < count; draw++) {
    const v = signs(weights.length, seed, draw, purpose);
    sum += dot(v, hessianProduct(gradient, weights, v));
  }
  return sum / count;
}

/** The eigenvalue of largest magnitude, after `count` rounds of power iteration. */
export function largestEigenvalue(
  gradient: GradientAt,
  weights: Float32Array,
  { count, seed, purpose }: Draws,
): number {
  let v = signs(weights.length, seed, 0, purpose);
  let value = 0;
  for (let round = 0; round < count; round++) {
    const norm = Math.sqrt(dot(v, v));
    if (norm === 0) return 0;
    const unit = v.map((x) => x / norm);
    v = hessianProduct(gradient, weights, unit);
    value = dot(unit, v);
  }
  return value;
}
