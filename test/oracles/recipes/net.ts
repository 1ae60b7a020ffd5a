/**
 * The net of all oracles of recipes: two layers without biases, h = relu(x W1), y = h W2, forward and backward, written from the equations
 * of linear layers alone, and its training by AdamW. What a layer's products read and give is its recipe's oracle; every operation of
 * binary32 stands by itself.
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

/** A layer: its result, its gradients, and what the backward products know of the forward one. */
export interface Layer<Kept = unknown> {
  forward(call: Call): { readonly y: Matrix; readonly kept: Kept };
  /** Tokens by inputs; g: tokens by outputs. */
  inputGradient(call: Call, kept: Kept, g: Matrix): Matrix;
  /** Outputs by inputs. */
  weightGradient(call: Call, kept: Kept, g: Matrix): Matrix;
}

/** What the forward product read. */
export interface Images {
  readonly x: Matrix;
  readonly w: Matrix;
}

/** A recipe whose forward product is the plain one of two images. */
export interface RecipeOracle {
  forward(call: Call): Images;
  inputGradient(call: Call, images: Images, g: Matrix): Matrix;
  weightGradient(call: Call, images: Images, g: Matrix): Matrix;
}

/** What a tensor that is kept for the gradients becomes until then; `of`: the layer, `relu` or `difference`. */
export type Keep = (tensor: Matrix, of: string, step: number) => Matrix;

const asItIs = <T>(value: T): T => value;

/** The layer of such a recipe. */
function layerOf(recipe: RecipeOracle, keep: Keep): Layer<Images> {
  return {
    ...recipe,
    forward(call) {
      const { x, w } = recipe.forward(call);
      return { y: product(x, w), kept: { x: keep(x, call.layer, call.step), w } };
    },
  };
}

/** A pass through the net: the result, and the gradients of the weights, inputs by outputs as TensorFlow.js has them. */
export function pass(
  [one, two]: readonly [Layer, Layer],
  [first, second]: readonly [Matrix, Matrix],
  x: Matrix,
  gradientOf: (y: Matrix) => Matrix,
  {
    seed,
    step,
    names,
    keep = asItIs,
  }: {
    readonly seed: number;
    readonly step: number;
    readonly names: readonly [string, string];
    readonly keep?: Keep;
  },
): { readonly y: Matrix; readonly gradients: readonly [Matrix, Matrix] } {
  const call1: Call = { seed, step, layer: names[0], x, w: transposed(first) };
  const { y: z, kept: kept1 } = one.forward(call1);
  const h = mapped(z, (value) => Math.max(value, 0));
  const gate = keep(z, 'relu', step);
  const call2: Call = { seed, step, layer: names[1], x: h, w: transposed(second) };
  const { y, kept: kept2 } = two.forward(call2);
  const g2 = gradientOf(y);
  const dw2 = transposed(two.weightGradient(call2, kept2, g2));
  const dh = two.inputGradient(call2, kept2, g2);
  const g1 = mapped(dh, (value, r, c) => f(value * (gate[r]![c]! > 0 ? 1 : 0)));
  return { y, gradients: [transposed(one.weightGradient(call1, kept1, g1)), dw2] };
}

/** How a moment lies between steps: what is read of it. */
export type Held = (moment: readonly number[]) => readonly number[];

export interface Training {
  readonly seed: number;
  readonly names: readonly [string, string];
  readonly rate: number;
  readonly steps: number;
  readonly lossScale: number;
  /** A power of two that the recipe has gradients begin with; the optimiser's are divided by it. Default 1. */
  readonly scale?: number;
  readonly first?: Held;
  readonly second?: Held;
  readonly keep?: Keep;
}

export interface Moments {
  first: readonly number[];
  second: readonly number[];
}

/** AdamW with its defaults: decay of 0.1 before the step, or another one. */
export function adamW(
  w: Matrix,
  gradient: Matrix,
  moments: Moments,
  step: number,
  {
    rate,
    decay = 0.1,
    first: holdFirst = asItIs,
    second: holdSecond = asItIs,
  }: Pick<Training, 'rate' | 'first' | 'second'> & { readonly decay?: number },
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
  const shrink = f(1 - rate * decay);
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
 * @param recipe of both layers, or of each, in a step
 * @returns the gradients of each step and the weights after the last
 */
export function trainNet(
  recipe: RecipeOracle | ((step: number) => readonly [RecipeOracle, RecipeOracle]),
  [w1, w2]: readonly [Matrix, Matrix],
  x: Matrix,
  target: Matrix,
  training: Training,
): { gradients: readonly (readonly [Matrix, Matrix])[]; weights: readonly [Matrix, Matrix] } {
  const { seed, steps, lossScale, scale = 1, names, keep = asItIs } = training;
  const zeros = (w: Matrix): Moments => ({ first: w.flat().map(() => 0), second: w.flat().map(() => 0) });
  const moments = [zeros(w1), zeros(w2)] as const;
  const gradients: (readonly [Matrix, Matrix])[] = [];
  let [first, second] = [w1, w2];
  // Of scale times the sum of squares of y - target.
  const gradientOf = (y: Matrix, step: number): Matrix => {
    const difference = mapped(y, (value, r, c) => f(value - target[r]![c]!));
    return mapped(keep(difference, 'difference', step), (value) => f(scale * f(lossScale * f(2 * value))));
  };
  const unscaled = (gradient: Matrix): Matrix => mapped(gradient, (value) => f(value / scale));
  for (let step = 0; step < steps; step++) {
    const [one, two] = typeof recipe === 'function' ? recipe(step) : [recipe, recipe];
    const layers = [layerOf(one, keep), layerOf(two, keep)] as const;
    const passed = pass(layers, [first, second], x, (y) => gradientOf(y, step), { seed, step, names, keep });
    const [dw1, dw2] = passed.gradients;
    gradients.push([dw1, dw2]);
    first = adamW(first, unscaled(dw1), moments[0], step, training);
    second = adamW(second, unscaled(dw2), moments[1], step, training);
  }
  return { gradients, weights: [first, second] };
}
