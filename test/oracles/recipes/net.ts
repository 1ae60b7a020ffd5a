/**
 * A net of two layers without biases, h = relu(x W1), y = h W2, and its training by AdamW under a recipe: every product from what the
 * recipe's oracle says that its operands are, every operation of binary32 by itself.
 */
import { f, type Matrix, mapped, product, transposed } from './numbers.ts';

/** One call of a layer in one step. */
export interface Call {
  readonly seed: number;
  readonly step: number;
  readonly layer: string;
  /** Tokens by inputs. */
  readonly x: Matrix;
  /** Outputs by inputs. */
  readonly w: Matrix;
}

/** What the forward product read. */
export interface Images {
  readonly x: Matrix;
  readonly w: Matrix;
}

/** A recipe: what its three products read and give. */
export interface RecipeOracle {
  forward(call: Call): Images;
  /** Tokens by inputs; g: tokens by outputs. */
  inputGradient(call: Call, images: Images, g: Matrix): Matrix;
  /** Outputs by inputs. */
  weightGradient(call: Call, images: Images, g: Matrix): Matrix;
}

/** How a moment lies between steps: what is read of it. */
export type Held = (moment: readonly number[]) => readonly number[];

export interface Training {
  readonly seed: number;
  readonly rate: number;
  readonly steps: number;
  readonly lossScale: number;
  readonly first?: Held;
  readonly second?: Held;
}

interface Moments {
  first: readonly number[];
  second: readonly number[];
}

const asItIs: Held = (moment) => moment;

/** AdamW with its defaults: decay of 0.1 before the step. */
function adamW(
  w: Matrix,
  gradient: Matrix,
  moments: Moments,
  step: number,
  { rate, first: holdFirst = asItIs, second: holdSecond = asItIs }: Training,
): number[][] {
  const width = w[0]!.length;
  const g = gradient.flat();
  let [power1, power2] = [1, 1];
  for (let t = 0; t <= step; t++) {
    power1 *= 0.9;
    power2 *= 0.95;
  }
  const correction = Math.sqrt(1 - power2);
  const first = g.map((x, i) => f(f(moments.first[i]! * f(0.9)) + f(x * f(1 - 0.9))));
  const second = g.map((x, i) => f(f(moments.second[i]! * f(0.95)) + f(f(x * x) * f(1 - 0.95))));
  const scale = f((rate * correction) / (1 - power1));
  const shrink = f(1 - rate * 0.1);
  const next = mapped(w, (x, r, c) => {
    const i = r * width + c;
    const divisor = f(f(Math.sqrt(second[i]!)) + f(1e-8 * correction));
    return f(f(x * shrink) - f(f(first[i]! / divisor) * scale));
  });
  moments.first = holdFirst(first);
  moments.second = holdSecond(second);
  return next;
}

/**
 * Trains; weights as TensorFlow.js has them, inputs by outputs.
 * @returns the gradients of each step and the weights after the last
 */
export function trainNet(
  recipe: RecipeOracle,
  [w1, w2]: readonly [Matrix, Matrix],
  x: Matrix,
  target: Matrix,
  training: Training,
): { gradients: readonly (readonly [Matrix, Matrix])[]; weights: readonly [Matrix, Matrix] } {
  const { seed, steps, lossScale } = training;
  const zeros = (w: Matrix): Moments => ({ first: w.flat().map(() => 0), second: w.flat().map(() => 0) });
  const moments = [zeros(w1), zeros(w2)] as const;
  const gradients: [Matrix, Matrix][] = [];
  let [first, second] = [w1, w2];
  for (let step = 0; step < steps; step++) {
    const one: Call = { seed, step, layer: 'first/kernel', x, w: transposed(first) };
    const images1 = recipe.forward(one);
    const z = product(images1.x, images1.w);
    const h = mapped(z, (value) => Math.max(value, 0));
    const two: Call = { seed, step, layer: 'second/kernel', x: h, w: transposed(second) };
    const images2 = recipe.forward(two);
    const y = product(images2.x, images2.w);
    // Of scale times the sum of squares of y - target.
    const g2 = mapped(y, (value, r, c) => f(lossScale * f(2 * f(value - target[r]![c]!))));
    const dw2 = transposed(recipe.weightGradient(two, images2, g2));
    const dh = recipe.inputGradient(two, images2, g2);
    const g1 = mapped(dh, (value, r, c) => f(value * (z[r]![c]! > 0 ? 1 : 0)));
    const dw1 = transposed(recipe.weightGradient(one, images1, g1));
    gradients.push([dw1, dw2]);
    first = adamW(first, dw1, moments[0], step, training);
    second = adamW(second, dw2, moments[1], step, training);
  }
  return { gradients, weights: [first, second] };
}
