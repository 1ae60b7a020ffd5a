/**
 * Powers on a grid with trained step, range and exponent, as scalar loops from the equations of GETA (arXiv 2502.16638): the value
 * d round(sgn(x) min(|x|, q)^t / d), its straight-through gradients, and the range of bits. Nothing here is the library's.
 */
import { nearest } from './learned.ts';
import { type Change, type Matrix, mapped, transposed } from './slots.ts';

const f = Math.fround;

interface Setting {
  readonly bits: readonly [number, number];
  readonly initial: number;
  readonly scaleRate: number;
  readonly formRate: number;
}

export interface Numbers {
  readonly d: number;
  readonly q: number;
  readonly t: number;
}

const power = (x: number, t: number): number => (t === 1 ? x : x ** t);

/** The value of one number. */
export function powerValue(x: number, { d, q, t }: Numbers, rounded = nearest): number {
  return d * rounded((Math.sign(x) * power(Math.min(Math.abs(x), q), t)) / d);
}

/** The derivatives of the value, rounding taken as adding a constant. */
export function powerSlopes(x: number, { d, q, t }: Numbers) {
  const size = Math.abs(x);
  const u = (Math.sign(x) * power(Math.min(size, q), t)) / d;
  return {
    d: nearest(u) - u,
    q: size > q ? Math.sign(x) * t * power(q, t - 1) : 0,
    t: x === 0 ? 0 : Math.sign(x) * power(Math.min(size, q), t) * Math.log(Math.min(size, q)),
  };
}

/** One quantiser of one layer, from step to step. */
export class Powers {
  readonly #setting: Setting;
  #numbers: Numbers | undefined;
  #given: Matrix | undefined;
  #gradients: Numbers | undefined;

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  readonly read: Change = (matrix) => {
    const largest = matrix.values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    this.#numbers ??= { d: f(largest / (2 ** (this.#setting.initial - 1) - 1)), q: largest, t: 1 };
    this.#given = matrix;
    const { d, q, t } = this.#numbers;
    return mapped(matrix, (x) => {
      const u = f(Math.sign(x) * power(Math.min(Math.abs(x), q), t));
      return f(nearest(f(u / d)) * d);
    });
  };

  #pulled(gradient: Matrix, order: readonly number[]): Matrix {
    const { values } = this.#given!;
    const { d, q, t } = this.#numbers!;
    const sums = { d: 0, q: 0, t: 0 };
    for (const i of order) {
      const x = values[i]!;
      const g = gradient.values[i]!;
      const u = f(f(Math.sign(x) * power(Math.min(Math.abs(x), q), t)) / d);
      sums.d += g * (nearest(u) - u);
      const slopes = powerSlopes(x, { d, q, t });
      sums.q += g * slopes.q;
      sums.t += g * slopes.t;
    }
    this.#gradients = sums;
    return mapped(gradient, (g, i) => (Math.abs(values[i]!) <= q ? g : 0));
  }

  readonly pullBack: Change = (gradient) =>
    this.#pulled(
      gradient,
      Array.from(gradient.values, (_, i) => i),
    );

  readonly pullBackTransposed: Change = (gradient) => {
    const { rows, columns } = gradient;
    const order = Array.from(gradient.values, (_, i) => (i % columns) * rows + Math.floor(i / columns));
    return transposed(this.#pulled(transposed(gradient), order));
  };

  step(): void {
    const gradients = this.#gradients;
    if (gradients === undefined) return;
    const { bits, scaleRate, formRate } = this.#setting;
    const moved = (x: number, g: number, rate: number): number => f(x - f(f(g) * f(rate)));
    const old = this.#numbers!;
    const [q, t] = [moved(old.q, gradients.q, formRate), moved(old.t, gradients.t, formRate)];
    const d = moved(old.d, gradients.d, scaleRate);
    const [least, most] = [bits[1], bits[0]].map((b) => power(q, t) / (2 ** (b - 1) - 1)) as [number, number];
    this.#numbers = { d: f(Math.min(Math.max(d, least), most)), q, t };
    this.#gradients = undefined;
  }
}
