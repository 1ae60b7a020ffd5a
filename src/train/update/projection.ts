/**
 * Low-rank projection of a matrix's gradient: an optimiser works on R = Pᵀ G (or G P, along the shorter side), and its step is
 * taken back by P. The columns of P are the first singular vectors of a gradient, found anew every `period` steps.
 * Sources: Zhao et al., "GaLore", arXiv 2403.03507, algorithm 2; the adaptive period and the projector in few bits: Zhang et al.,
 * "Q-GaLore", arXiv 2407.08296, section 3.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { quantizer } from '../../quantizers/index.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { firstNotFinite } from '../divergence.ts';
import { float32Of, float64Of, type SavedArray, savedFloat32, savedFloat64 } from '../stores/index.ts';
import type { ProjectSpec } from './spec.ts';

/** Jacobi's sweeps converge quadratically: 10 are many for matrices of a few hundred rows. */
const mostSweeps = 30;

/** Part of the squares that may be left off the diagonal. */
const tolerance = 1e-28;

/** One rotation in the plane of axes p and q that makes a[p][q] 0; `v` has the eigenvectors as rows. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const off = a[p * n + q]!;
  if (off === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * off);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const [x, y] = [a[k * n + p]!, a[k * n + q]!];
    a[k * n + p] = c * x - s * y;
    a[k * n + q] = s * x + c * y;
  }
  for (let k = 0; k < n; k++) {
    const [x, y] = [a[p * n + k]!, a[q * n + k]!];
    a[p * n + k] = c * x - s * y;
    a[q * n + k] = s * x + c * y;
    const [u, w] = [v[p * n + k]!, v[q * n + k]!];
    v[p * n + k] = c * u - s * w;
    v[q * n + k] = s * u + c * w;
  }
}

/** Squares of a symmetric matrix off its diagonal, and all of them. */
function squaresOf(a: Float64Array, n: number): readonly [off: number, all: number] {
  let [off, all] = [0, 0];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const square = a[i * n + j]! * a[i * n + j]!;
      all += square;
      if (i !== j) off += square;
    }
  return [off, all];
}

/**
 * Eigenvectors of a symmetric matrix for its `count` largest eigenvalues, as columns, by cyclic Jacobi rotations in binary64: no function of
 * the JavaScript engine but roots, so that the bits are the same everywhere. The largest element of each is positive.
 */
export function firstEigenvectors(matrix: Float64Array, n: number, count: number): Float32Array {
  const a = matrix.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    const [off, all] = squaresOf(a, n);
    if (!(off > tolerance * all)) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j]! - a[i * n + i]! || i - j);
  const basis = new Float32Array(n * count);
  order.slice(0, count).forEach((row, column) => {
    const vector = v.subarray(row * n, (row + 1) * n);
    const largest = vector.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
    for (let k = 0; k < n; k++) basis[k * count + column] = largest < 0 ? -vector[k]! : vector[k]!;
  });
  return basis;
}

/** G Gᵀ of a matrix, or Gᵀ G, along its shorter side, in binary64. */
export function gram(g: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const isLeft = rows <= columns;
  const [n, length] = isLeft ? [rows, columns] : [columns, rows];
  const at = (i: number, k: number): number => g[isLeft ? i * columns + k : k * columns + i]!;
  const product = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = i; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += at(i, k) * at(j, k);
      product[i * n + j] = sum;
      product[j * n + i] = sum;
    }
  return product;
}

/** Whether a variable of a shape is projected: a matrix whose shorter side exceeds the rank. */
export function isProjected(shape: readonly number[], { rank }: ProjectSpec): boolean {
  return shape.length === 2 && Math.min(...shape) > rank;
}

/** The projection of one matrix. */
export class Projector {
  readonly #tf: TensorFlow;
  readonly #spec: ProjectSpec;
  readonly #rows: number;
  readonly #columns: number;
  readonly #side: number;
  readonly #adaptive: { readonly threshold: number; readonly queue: number } | undefined;
  #basis: Float32Array;
  /** Steps taken so far, the step that finds the next basis, and the steps between two. */
  #steps = 0;
  #next = 0;
  #period: number;
  /** Cosines of the first vectors of successive bases, the oldest first; 2 where there is none yet. */
  #cosines: number[];

  constructor(tf: TensorFlow, shape: readonly number[], spec: ProjectSpec) {
    this.#tf = tf;
    this.#spec = spec;
    [this.#rows, this.#columns] = shape as [number, number];
    this.#side = Math.min(this.#rows, this.#columns);
    const { adaptive, period = 200, rank } = spec;
    this.#adaptive = adaptive && { threshold: 0.4, queue: 5, ...adaptive };
    this.#period = period;
    this.#cosines = new Array<number>(this.#adaptive?.queue ?? 0).fill(2);
    this.#basis = new Float32Array(this.#side * rank);
    for (let i = 0; i < rank; i++) this.#basis[i * rank + i] = 1;
  }

  get bytes(): number {
    return this.#basis.byteLength;
  }

  get #isLeft(): boolean {
    return this.#rows <= this.#columns;
  }

  /** Shape of what the optimiser works on. */
  get inner(): readonly number[] {
    const { rank } = this.#spec;
    return this.#isLeft ? [rank, this.#columns] : [this.#rows, rank];
  }

  /** The gradient in the basis, which is found anew where it is time. Call inside `tf.tidy`. */
  project(gradient: Tensor): Tensor {
    const values = gradient.dataSync();
    // The optimiser refuses what is not finite.
    if (this.#steps >= this.#next && firstNotFinite(values) < 0) this.#refresh(values);
    this.#steps++;
    const basis = this.#tensor();
    const given = gradient as Tensor2D;
    return this.#isLeft ? this.#tf.matMul(basis, given, true) : this.#tf.matMul(given, basis);
  }

  /** A step of the optimiser as one of the matrix. Call inside `tf.tidy`. */
  back(step: Tensor): Tensor {
    const basis = this.#tensor();
    const given = step as Tensor2D;
    const whole = this.#isLeft ? this.#tf.matMul(basis, given) : this.#tf.matMul(given, basis, false, true);
    return this.#tf.mul(whole, this.#spec.scale ?? 0.25);
  }

  #tensor(): Tensor2D {
    return this.#tf.tensor2d(this.#basis, [this.#side, this.#spec.rank]);
  }

  #refresh(gradient: ArrayLike<number>): void {
    const { rank, quantizer: codec } = this.#spec;
    const found = firstEigenvectors(gram(gradient, this.#rows, this.#columns), this.#side, rank);
    const shape = [this.#side, rank];
    const basis = codec === undefined ? found : (quantizer(codec).fakeQuantize(found, shape) as Float32Array);
    if (this.#steps > 0) this.#adapt(basis);
    this.#basis = basis;
    this.#next = this.#steps + this.#period;
  }

  /** Doubles the period where the first vectors of the last bases point the same way. */
  #adapt(basis: Float32Array): void {
    if (this.#adaptive === undefined) return;
    const { rank } = this.#spec;
    let [dot, a, b] = [0, 0, 0];
    for (let i = 0; i < this.#side; i++) {
      const [x, y] = [this.#basis[i * rank]!, basis[i * rank]!];
      dot += x * y;
      a += x * x;
      b += y * y;
    }
    this.#cosines = [...this.#cosines.slice(1), a * b === 0 ? 0 : Math.abs(dot) / Math.sqrt(a * b)];
    const isFull = this.#cosines.every((cosine) => cosine <= 1.5);
    const mean = this.#cosines.reduce((sum, cosine) => sum + cosine, 0) / this.#cosines.length;
    if (isFull && mean >= this.#adaptive.threshold) this.#period *= 2;
  }

  save(): Record<string, SavedArray> {
    const numbers = [this.#steps, this.#next, this.#period, ...this.#cosines];
    return {
      basis: savedFloat32(this.#basis, [this.#side, this.#spec.rank]),
      numbers: savedFloat64(Float64Array.from(numbers)),
    };
  }

  /** Takes up arrays of the names, types and shapes that `save` gives. */
  restore(arrays: Readonly<Record<string, SavedArray>>): void {
    this.#basis = float32Of('basis', arrays['basis'], this.#basis.length);
    const numbers = float64Of('numbers', arrays['numbers'], 3 + this.#cosines.length);
    [this.#steps, this.#next, this.#period] = numbers as unknown as [number, number, number];
    this.#cosines = [...numbers.slice(3)];
  }
}
