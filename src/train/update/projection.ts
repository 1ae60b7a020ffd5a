/**
 * Low-rank projection of a matrix's gradient: an optimiser works on R = Pᵀ G (or G P, along the shorter side), and its step is
 * taken back by P. The columns of P are the first singular vectors of a gradient, found anew every `period` steps.
 * Sources: Zhao et al., "GaLore", arXiv 2403.03507, algorithm 2; the adaptive period and the projector in few bits: Zhang et al.,
 * "Q-GaLore", arXiv 2407.08296, section 3.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { type Quantizer, quantizer } from '../../quantizers/index.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { firstNotFinite } from '../divergence.ts';
import {
  bytesOf,
  float32Of,
  float64Of,
  type SavedArray,
  savedFloat32,
  savedFloat64,
} from '../stores/index.ts';
import type { ProjectSpec } from './spec.ts';

/** What elements of a matrix whose largest is 1 may be left out as: far below what binary64 can tell, far above where squares underflow. */
const negligible = 2 ** -100;

/** A symmetric matrix as Q T Qᵀ, T of two diagonals. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Beside the diagonal; the last one is 0. */
  readonly beside: Float64Array;
  /** Qᵀ: a row for each row of T. */
  readonly turned: Float64Array;
}

/** Householder's reduction: Golub and Van Loan, Matrix Computations, 4th ed., 2013, algorithm 8.3.1. */
function tridiagonal(matrix: Float64Array, n: number): Tridiagonal {
  const most = matrix.reduce((size, x) => Math.max(size, Math.abs(x)), 0);
  const a = matrix.map((x) => (most === 0 ? 0 : x / most));
  const row = (of: Float64Array, i: number): Float64Array => of.subarray(i * n, (i + 1) * n);
  const beside = new Float64Array(n);
  const mirrors: { readonly v: Float64Array; readonly beta: number }[] = [];
  const w = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    const v = row(a, k).slice();
    v.fill(0, 0, k + 1);
    let square = 0;
    for (let j = k + 1; j < n; j++) square += v[j]! * v[j]!;
    const first = v[k + 1]!;
    const reflected = first > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    v[k + 1] = first - reflected;
    const isReflected = Math.abs(reflected) > negligible;
    beside[k] = isReflected ? reflected : 0;
    // v v is twice what this is the inverse of.
    const beta = isReflected ? 1 / (square - first * reflected) : 0;
    mirrors.push({ v, beta });
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      const values = row(a, i);
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += values[j]! * v[j]!;
      w[i] = beta * sum;
      along += w[i]! * v[i]!;
    }
    for (let i = k + 1; i < n; i++) w[i] = w[i]! - 0.5 * beta * along * v[i]!;
    for (let i = k + 1; i < n; i++) {
      const values = row(a, i);
      const [vi, wi] = [v[i]!, w[i]!];
      for (let j = k + 1; j < n; j++) values[j] = values[j]! - (vi * w[j]! + wi * v[j]!);
    }
  }
  const turned = new Float64Array(n * n);
  for (let i = 0; i < n; i++) turned[i * n + i] = 1;
  for (let k = n - 2; k >= 0; k--) {
    const { v, beta } = mirrors[k]!;
    for (let i = k + 1; i < n; i++) {
      const values = row(turned, i);
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += values[j]! * v[j]!;
      sum *= beta;
      for (let j = k + 1; j < n; j++) values[j] = values[j]! - sum * v[j]!;
    }
  }
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), beside, turned };
}

/** Two rows turned in their plane. */
function turnRows(rows: Float64Array, n: number, i: number, c: number, s: number): void {
  for (let k = i * n; k < (i + 1) * n; k++) {
    const [x, y] = [rows[k]!, rows[k + n]!];
    rows[k] = c * x - s * y;
    rows[k + n] = s * x + c * y;
  }
}

/** The first row from `from` on that stands apart from the next one. */
function endOfBlock({ diagonal, beside }: Tridiagonal, from: number): number {
  const last = diagonal.length - 1;
  for (let m = from; m < last; m++) {
    const size = Math.abs(diagonal[m]!) + Math.abs(diagonal[m + 1]!);
    if (Math.abs(beside[m]!) <= negligible || size + Math.abs(beside[m]!) === size) return m;
  }
  return last;
}

/** One step of the implicit QL method on rows `from` to `to`, with Wilkinson's shift: Golub and Van Loan, section 8.3.4. */
function shiftedStep({ diagonal: d, beside: e, turned }: Tridiagonal, from: number, to: number): void {
  const n = d.length;
  const ratio = (d[from + 1]! - d[from]!) / (2 * e[from]!);
  const root = Math.sqrt(ratio * ratio + 1);
  let g = d[to]! - d[from]! + e[from]! / (ratio < 0 ? ratio - root : ratio + root);
  let [s, c, shift] = [1, 1, 0];
  for (let i = to - 1; i >= from; i--) {
    const [f, b] = [s * e[i]!, c * e[i]!];
    const length = Math.sqrt(f * f + g * g);
    e[i + 1] = length;
    if (length === 0) {
      d[i + 1] = d[i + 1]! - shift;
      e[to] = 0;
      return;
    }
    s = f / length;
    c = g / length;
    const moved = d[i + 1]! - shift;
    const both = (d[i]! - moved) * s + 2 * c * b;
    shift = s * both;
    d[i + 1] = moved + shift;
    g = c * both - b;
    turnRows(turned, n, i, c, s);
  }
  d[from] = d[from]! - shift;
  e[from] = g;
  e[to] = 0;
}

/** Steps until an eigenvalue stands alone: two or three are usual. */
const mostSteps = 60;

/**
 * Eigenvectors of a symmetric matrix for its `count` largest eigenvalues, as columns, in binary64: no function of
 * the JavaScript engine but roots, so that the bits are the same everywhere. The largest element of each is positive.
 */
export function firstEigenvectors(matrix: Float64Array, n: number, count: number): Float32Array {
  const reduced = tridiagonal(matrix, n);
  for (let row = 0; row < n; row++)
    for (let step = 0; step < mostSteps; step++) {
      const end = endOfBlock(reduced, row);
      if (end === row) break;
      shiftedStep(reduced, row, end);
    }
  const { diagonal, turned } = reduced;
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => diagonal[j]! - diagonal[i]! || i - j);
  const basis = new Float32Array(n * count);
  order.slice(0, count).forEach((row, column) => {
    const vector = turned.subarray(row * n, (row + 1) * n);
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

/** A basis between two steps. */
interface HeldBasis {
  readonly bytes: number;
  /** A row for each element of the vectors. */
  read(): Float32Array;
  write(next: Float32Array): void;
  save(): SavedArray;
  restore(saved: SavedArray | undefined): void;
}

function wideBasis(side: number, rank: number): HeldBasis {
  let held = new Float32Array(side * rank);
  return {
    bytes: held.byteLength,
    read: () => held,
    write(next) {
      held = next as typeof held;
    },
    save: () => savedFloat32(held, [side, rank]),
    restore(saved) {
      held = float32Of('basis', saved, side * rank) as typeof held;
    },
  };
}

/** In the codes of a quantiser, which reads the matrix that multiplies from its side as one row. */
function codedBasis(side: number, rank: number, isLeft: boolean, codec: Quantizer): HeldBasis {
  const row = [side * rank];
  const turned = (values: Float32Array, rows: number, columns: number): Float32Array =>
    isLeft ? values : values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
  let held = codec.quantize(new Float32Array(side * rank), row).pack();
  return {
    get bytes() {
      return held.byteLength;
    },
    read: () => turned(codec.unpack(held, row).values as Float32Array, rank, side),
    write(next) {
      held = codec.quantize(turned(next, side, rank), row).pack();
    },
    save: () => ({ dtype: 'U8', shape: [held.byteLength], data: held }),
    restore(saved) {
      held = bytesOf('basis', saved, held.byteLength);
    },
  };
}

/** The projection of one matrix. */
export class Projector {
  readonly #tf: TensorFlow;
  readonly #spec: ProjectSpec;
  readonly #rows: number;
  readonly #columns: number;
  readonly #side: number;
  readonly #adaptive: { readonly threshold: number; readonly queue: number } | undefined;
  readonly #basis: HeldBasis;
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
    const { quantizer: codec } = spec;
    this.#basis =
      codec === undefined
        ? wideBasis(this.#side, rank)
        : codedBasis(this.#side, rank, this.#isLeft, quantizer(codec));
    const first = new Float32Array(this.#side * rank);
    for (let i = 0; i < rank; i++) first[i * rank + i] = 1;
    this.#basis.write(first);
  }

  get bytes(): number {
    return this.#basis.bytes;
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
    return this.#tf.tensor2d(this.#basis.read(), [this.#side, this.#spec.rank]);
  }

  #refresh(gradient: ArrayLike<number>): void {
    const { rank } = this.#spec;
    const before = this.#basis.read();
    this.#basis.write(firstEigenvectors(gram(gradient, this.#rows, this.#columns), this.#side, rank));
    if (this.#steps > 0) this.#adapt(before, this.#basis.read());
    this.#next = this.#steps + this.#period;
  }

  /** Doubles the period where the first vectors of the last bases point the same way. */
  #adapt(before: Float32Array, basis: Float32Array): void {
    if (this.#adaptive === undefined) return;
    const { rank } = this.#spec;
    let [dot, a, b] = [0, 0, 0];
    for (let i = 0; i < this.#side; i++) {
      const [x, y] = [before[i * rank]!, basis[i * rank]!];
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
      basis: this.#basis.save(),
      numbers: savedFloat64(Float64Array.from(numbers)),
    };
  }

  /** Takes up arrays of the names, types and shapes that `save` gives. */
  restore(arrays: Readonly<Record<string, SavedArray>>): void {
    this.#basis.restore(arrays['basis']);
    const numbers = float64Of('numbers', arrays['numbers'], 3 + this.#cosines.length);
    [this.#steps, this.#next, this.#period] = numbers as unknown as [number, number, number];
    this.#cosines = [...numbers.slice(3)];
  }
}
