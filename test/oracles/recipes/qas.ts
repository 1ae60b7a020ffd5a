/**
 * Training of an integer graph in plain loops: y = relu(x W1 + b1) W2 + b2 under the sum of squares of y - t, by gradient descent. Products
 * are sums of integers, made binary32 once and scaled once. Lin et al., arXiv 2206.15472; what is ours, as docs/recipes/qas.md says.
 */
import { f, type Matrix, mapped, transposed } from './numbers.ts';

/** The nearest integer, ties to even. */
function nearest(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

interface Integers {
  readonly codes: Matrix;
  /** What one stands for. */
  readonly unit: number;
}

/** 8-bit integers of a matrix, the largest magnitude being 127. */
function integers(m: Matrix): Integers {
  const most = Math.max(...m.flat().map(Math.abs));
  if (most === 0) return { codes: mapped(m, () => 0), unit: 1 };
  const scale = f(127 / most);
  const codes = mapped(m, (x) => Math.max(-127, Math.min(127, nearest(f(x * scale)))));
  return { codes, unit: 1 / scale };
}

/** Sums of products of integers, as binary32. */
function sums(a: Matrix, b: Matrix): Matrix {
  return a.map((row) =>
    b[0]!.map((_, c) => f(Number(row.reduce((sum, x, k) => sum + BigInt(x) * BigInt(b[k]![c]!), 0n)))),
  );
}

/** A weight: integers by output, the scales those of the beginning. */
class Weight {
  readonly scales: readonly number[];
  codes: Matrix;

  constructor(initial: Matrix) {
    this.scales = transposed(initial).map((column) =>
      f(127 / Math.max(f(Math.max(...column.map(Math.abs))), f(1e-5))),
    );
    this.codes = this.#coded(initial);
  }

  #coded(values: Matrix): Matrix {
    return mapped(values, (x, _, c) => Math.max(-128, Math.min(127, nearest(f(x * this.scales[c]!)))));
  }

  get values(): Matrix {
    return mapped(this.codes, (code, _, c) => f(code / this.scales[c]!));
  }

  /** A step: the gradient is made one of integers, and scaled back where that is asked for. */
  step(gradient: Matrix, rate: number, isScaled: boolean): void {
    this.codes = this.#coded(
      mapped(this.values, (w, r, c) => {
        const unit = 1 / this.scales[c]!;
        const ofCodes = f(gradient[r]![c]! * (unit * unit));
        return f(w - f((isScaled ? f(ofCodes / (unit * unit)) : ofCodes) * f(rate)));
      }),
    );
  }
}

/** Biases are integers in units of 2^-20. */
const biasUnit = 2 ** -20;

class Bias {
  codes: readonly number[];

  constructor(initial: readonly number[]) {
    this.codes = initial.map((x) => nearest(f(x * 2 ** 20)));
  }

  get values(): number[] {
    return this.codes.map((code) => f(code * biasUnit));
  }

  step(gradient: readonly number[], rate: number, isScaled: boolean): void {
    const square = biasUnit * biasUnit;
    this.codes = this.values.map((b, c) => {
      const ofCodes = f(gradient[c]! * square);
      const step = f((isScaled ? f(ofCodes / square) : ofCodes) * f(rate));
      return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, nearest(f(f(b - step) * 2 ** 20))));
    });
  }
}

/** One layer; its parameters are inputs by outputs. */
class IntegerLayer {
  readonly weight: Weight;
  readonly bias: Bias;
  #x: Integers = { codes: [], unit: 1 };

  constructor(weight: Matrix, bias: readonly number[]) {
    this.weight = new Weight(weight);
    this.bias = new Bias(bias);
  }

  forward(x: Matrix): Matrix {
    this.#x = integers(x);
    const { codes, scales } = this.weight;
    const bias = this.bias.values;
    return mapped(sums(this.#x.codes, codes), (sum, _, c) =>
      f(f(sum * f(this.#x.unit * (1 / scales[c]!))) + bias[c]!),
    );
  }

  /** Gradients of what it read and of its parameters. The gradient of its sums is what is quantised. */
  backward(g: Matrix): { readonly x: Matrix; readonly w: Matrix; readonly b: readonly number[] } {
    const { codes, scales } = this.weight;
    const ofSums = integers(mapped(g, (value, _, c) => f(value / scales[c]!)));
    const whole = this.#x.unit * ofSums.unit;
    return {
      x: mapped(sums(ofSums.codes, transposed(codes)), (sum) => f(sum * f(ofSums.unit))),
      w: mapped(sums(transposed(this.#x.codes), ofSums.codes), (sum, _, c) => f(sum * f(whole * scales[c]!))),
      b: transposed(g).map((column) => column.reduce((sum, value) => f(sum + value), 0)),
    };
  }

  step(
    { w, b }: { readonly w: Matrix; readonly b: readonly number[] },
    rate: number,
    isScaled: boolean,
  ): void {
    this.weight.step(w, rate, isScaled);
    this.bias.step(b, rate, isScaled);
  }
}

/** The net; `step` trains and gives weight, bias, weight, bias as numbers. */
export function integerNet(
  layers: readonly [readonly [Matrix, readonly number[]], readonly [Matrix, readonly number[]]],
  rate: number,
  isScaled: boolean,
): { readonly step: (x: Matrix, target: Matrix) => number[][] } {
  const [one, two] = layers.map(([weight, bias]) => new IntegerLayer(weight, bias)) as [
    IntegerLayer,
    IntegerLayer,
  ];
  return {
    step(x, target) {
      const z = one.forward(x);
      const y = two.forward(mapped(z, (value) => Math.max(value, 0)));
      const ofSecond = two.backward(mapped(y, (v, r, c) => f(2 * f(v - target[r]![c]!))));
      const ofFirst = one.backward(mapped(ofSecond.x, (v, r, c) => f(v * (z[r]![c]! > 0 ? 1 : 0))));
      two.step(ofSecond, rate, isScaled);
      one.step(ofFirst, rate, isScaled);
      return [one, two].flatMap(({ weight, bias }) => [weight.values.flat(), bias.values]);
    },
  };
}
