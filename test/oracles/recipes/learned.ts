/**
 * Quantisers that learn or remember, as scalar loops from their papers: learned steps (arXiv 1902.08153, equations 1 to 3 and section
 * 2.2) and affine integers by averages of the range (arXiv 1712.05877, equations 2.1 and 3). Nothing here is the library's.
 */
import { type Change, type Matrix, mapped, transposed } from './slots.ts';

const f = Math.fround;

/** The nearest integer, ties to even. */
export function nearest(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

interface Setting {
  readonly low: number;
  readonly high: number;
  /** Of gradient descent on the step. */
  readonly rate: number;
  /** Whether each row has a step of its own. */
  readonly perRow: boolean;
}

/** Mean magnitude in four sums, in binary64. */
function meanMagnitude(x: ArrayLike<number>): number {
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) sums[i % 4]! += Math.abs(x[i]!);
  return (sums[0]! + sums[1]! + (sums[2]! + sums[3]!)) / x.length;
}

/** One quantiser of one layer, from step to step. */
export class LearnedSteps {
  readonly #setting: Setting;
  readonly #count: 'elements' | 'features';
  #steps: number[] | undefined;
  #given: Matrix | undefined;
  #gradients: number[] | undefined;

  /** @param count what the gradient of a step is divided by the root of, times the largest integer */
  constructor(setting: Setting, count: 'elements' | 'features') {
    this.#setting = setting;
    this.#count = count;
  }

  #stepOf(i: number): number {
    return this.#steps![this.#setting.perRow ? Math.floor(i / this.#given!.columns) : 0]!;
  }

  readonly read: Change = (matrix) => {
    const { low, high, perRow } = this.#setting;
    const { rows, columns, values } = matrix;
    this.#given = matrix;
    this.#steps ??= (
      perRow ? Array.from({ length: rows }, (_, r) => values.slice(r * columns, (r + 1) * columns)) : [values]
    ).map((group) => {
      const mean = meanMagnitude(group);
      return mean === 0 ? 1 : f((mean / Math.sqrt(high)) * 2);
    });
    return mapped(matrix, (x, i) => {
      const step = this.#stepOf(i);
      return f(Math.max(low, Math.min(high, nearest(f(x / step)))) * step);
    });
  };

  /** Of rows as they were read. Sums in the order of a matrix, or of its transpose. */
  #pulled(gradient: Matrix, order: readonly number[]): Matrix {
    const { low, high, perRow } = this.#setting;
    const { rows, columns, values } = this.#given!;
    const slope = (i: number): number => {
      const u = f(values[i]! / this.#stepOf(i));
      if (u <= low) return low;
      return u >= high ? high : nearest(u) - u;
    };
    const sums = new Array<number>(perRow ? rows : 1).fill(0);
    for (const i of order) sums[perRow ? Math.floor(i / columns) : 0]! += gradient.values[i]! * slope(i);
    const count = this.#count === 'features' || perRow ? columns : rows * columns;
    this.#gradients = sums.map((sum) => sum * (1 / Math.sqrt(count * high)));
    return mapped(gradient, (g, i) => {
      const u = f(values[i]! / this.#stepOf(i));
      return u > low && u < high ? g : 0;
    });
  }

  readonly pullBack: Change = (gradient) =>
    this.#pulled(
      gradient,
      Array.from(gradient.values, (_, i) => i),
    );

  /** Of a matrix whose rows are the columns of what was read, as TensorFlow.js has weights. */
  readonly pullBackTransposed: Change = (gradient) => {
    const { rows, columns } = gradient;
    const turned = transposed(gradient);
    const order = Array.from(gradient.values, (_, i) => (i % columns) * rows + Math.floor(i / columns));
    return transposed(this.#pulled(turned, order));
  };

  /** Of the first step. */
  get gradient(): number | undefined {
    return this.#gradients?.[0];
  }

  /** A step of gradient descent; without a gradient, or frozen, the steps stay. */
  step(isFrozen = false): void {
    const { rate } = this.#setting;
    const gradients = this.#gradients;
    if (gradients === undefined || isFrozen) return;
    this.#steps = this.#steps!.map((step, i) => Math.max(f(step - f(f(gradients[i]!) * f(rate))), 2 ** -126));
    this.#gradients = undefined;
  }
}

/** Integers with a scale for each row, its largest magnitude over the largest integer. */
export const scaledRows =
  (most: number): Change =>
  (m) => {
    const { columns, values } = m;
    return mapped(m, (x, i) => {
      const begin = i - (i % columns);
      const largest = values.slice(begin, begin + columns).reduce((top, v) => Math.max(top, Math.abs(v)), 0);
      if (largest === 0) return x;
      const scale = f(largest / most);
      return f(Math.max(-most, Math.min(most, nearest(f(x / scale)))) * scale);
    });
  };

/** Unsigned integers from 0 to `most` with a zero point, by averages of the least and the largest element so far. */
export function affineByAverages(
  most: number,
  decay: number,
): { readonly read: Change; readonly mask: Change } {
  let average: readonly [number, number] | undefined;
  let positions = new Float32Array();
  return {
    read: (m) => {
      let [low, high] = [0, 0];
      for (const x of m.values) [low, high] = [Math.min(low, x), Math.max(high, x)];
      average =
        average === undefined
          ? [low, high]
          : [decay * average[0] + (1 - decay) * low, decay * average[1] + (1 - decay) * high];
      const scale = f((average[1] - average[0]) / most);
      const zero = Math.min(nearest(-average[0] / scale), most);
      positions = m.values.map((x) => f(x / scale));
      return mapped(m, (_, i) => {
        const element = Math.max(0, Math.min(most, nearest(positions[i]! + zero)));
        return f((element - zero) * scale);
      });
    },
    mask: (gradient) => {
      const [low, high] = average!;
      const zero = Math.min(nearest(-low / f((high - low) / most)), most);
      return mapped(gradient, (g, i) => {
        const u = positions[i]! + zero;
        return u >= 0 && u <= most ? g : 0;
      });
    },
  };
}
