/**
 * The layers of a model with what the loss feels of an error in their weights: measured on some batches. What is chosen by it is
 * assign-formats.ts'. Everything is float32: a recipe's slots are not in force.
 *
 * A layer's curvature, alike for all of its weights, is by `'hessian'` half the mean of its second derivatives (HAWQ-V2), by `'eigenvalue'`
 * half of |mean| + deviation of the Hessian's largest eigenvalue over the batches (Q-BERT's), none below 0; by `'gradients'` a weight has the mean
 * of its squared gradients; by `'sqnr'` it is one over the sum of the layer's squares. By `'loss'` a format costs what the mean loss
 * grows by where this layer alone has it.
 */
import type { Scalar, Variable } from '@tensorflow/tfjs';
import { checkFields, checkFunction, integerInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { FormatSpelling } from '../formats/index.ts';
import { sizeOf } from '../shape.ts';
import { checkTensorFlow } from '../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import {
  type Candidate,
  imageOf,
  madeCandidates,
  relativeLayer,
  type SensitiveLayer,
} from './assign-formats.ts';
import { noRecipe } from './engine/apply-recipe.ts';
import { RecipeEngine } from './engine/engine.ts';
import { discoverParameters, type EngineParameter } from './engine/parameters.ts';
import { type GradientAt, hessianTrace, largestEigenvalue } from './hessian.ts';
import { isSlotted } from './parameter-role.ts';
import type { Recipe } from './recipe.ts';
import { float32 } from './recipes/baselines.ts';
import { type Measure, measures } from './sensitivity-kinds.ts';

export interface MeasureOptions<F extends FormatSpelling = FormatSpelling> {
  /** A model of the layers API. */
  readonly model?: unknown;
  /** In place of a model. Default: all trainable variables. */
  readonly variables?: readonly Variable[];
  /** The loss of a batch, from 0 on, in the mean over its predictions; the same whenever it is asked. */
  readonly loss: (batch: number) => Scalar;
  /** Batches that are measured. Default 4. */
  readonly batches?: number;
  readonly by: Measure;
  /** Of `'loss'`: the formats whose costs are measured. */
  readonly candidates?: readonly Candidate<F>[];
  /** Of `'hessian'`: random vectors a batch; of `'eigenvalue'`: rounds of power iteration. Default 8. */
  readonly draws?: number;
  /** Of the random vectors. Default 1. */
  readonly seed?: number;
}

/** What measuring needs of a program. */
interface Measured {
  readonly tf: TensorFlow;
  readonly loss: (batch: number) => Scalar;
  readonly batches: number;
}

/** Positions in a variable of a layer's weights, a row for each output; null: as they lie. */
function orderOf({ shape, channelAxis, role }: EngineParameter): ((i: number) => number) | null {
  if (role !== 'convolution' && channelAxis === 0) return null;
  const outputs = shape[channelAxis]!;
  const rest = sizeOf(shape.slice(channelAxis + 1));
  const columns = sizeOf(shape) / outputs;
  return (i) => {
    const [output, place] = [Math.floor(i / columns), i % columns];
    return (Math.floor(place / rest) * outputs + output) * rest + (place % rest);
  };
}

/** A variable's weights as a layer has them. */
function layerOf(one: EngineParameter): SensitiveLayer {
  const values = one.variable.dataSync() as Float32Array;
  const order = orderOf(one);
  const weights = order === null ? values.slice() : values.map((_, i) => values[order(i)]!);
  const outputs = one.shape[one.channelAxis]!;
  const inputs =
    one.role === 'convolution' && one.channelAxis === one.shape.length - 1
      ? one.shape.at(-2)!
      : weights.length / outputs;
  const taps = weights.length / outputs / inputs;
  return { name: one.name, weights, shape: taps === 1 ? [outputs, inputs] : [outputs, taps, inputs] };
}

/** Runs with other weights in a layer. */
function withWeights<T>({ tf }: Measured, one: EngineParameter, weights: Float32Array, fn: () => T): T {
  const { variable } = one;
  const order = orderOf(one);
  const values = new Float32Array(weights.length);
  for (let i = 0; i < weights.length; i++) values[order === null ? i : order(i)] = weights[i]!;
  const kept = variable.dataSync().slice() as Float32Array;
  const assign = (given: Float32Array): void =>
    void tf.tidy(() => {
      variable.assign(tf.tensor(given, variable.shape));
    });
  assign(values);
  try {
    return fn();
  } finally {
    assign(kept);
  }
}

function meanLoss({ tf, loss, batches }: Measured): number {
  let sum = 0;
  for (let batch = 0; batch < batches; batch++)
    tf.tidy(() => {
      sum += loss(batch).dataSync()[0]!;
    });
  return sum / batches;
}

/** The gradient of a batch's loss in a layer, in its order. */
function gradientOf({ tf, loss }: Measured, one: EngineParameter, batch: number): Float32Array {
  const order = orderOf(one);
  let found = new Float32Array();
  tf.tidy(() => {
    const { grads } = tf.variableGrads(() => loss(batch), [one.variable]);
    const values = grads[one.variable.name]!.dataSync() as Float32Array;
    found = Float32Array.from(values, (v, i) => (order === null ? v : values[order(i)]!));
  });
  return found;
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** What a layer's second derivatives say, a number for all of its weights. */
function curvatureOf(
  program: Measured,
  one: EngineParameter,
  { weights }: SensitiveLayer,
  {
    by,
    draws,
    seed,
  }: { readonly by: 'hessian' | 'eigenvalue'; readonly draws: number; readonly seed: number },
): number {
  const each = Array.from({ length: program.batches }, (_, batch) => {
    const gradient: GradientAt = (at) => withWeights(program, one, at, () => gradientOf(program, one, batch));
    const drawn = { count: draws, seed, purpose: `${one.name}/${by}${batch}` };
    return by === 'hessian'
      ? hessianTrace(gradient, weights, drawn)
      : largestEigenvalue(gradient, weights, drawn);
  });
  if (by === 'hessian') return Math.max(0, mean(each) / weights.length / 2);
  const centre = mean(each);
  return (Math.abs(centre) + Math.sqrt(mean(each.map((x) => (x - centre) ** 2)))) / 2;
}

function meanSquares(program: Measured, one: EngineParameter): Float32Array {
  const sums = new Float64Array(sizeOf(one.shape));
  for (let batch = 0; batch < program.batches; batch++)
    gradientOf(program, one, batch).forEach((g, i) => {
      sums[i]! += g * g;
    });
  return Float32Array.from(sums, (sum) => sum / program.batches);
}

/** Runs with this library's kernels, which every backend has, and in float32. */
export function inFloat32<T>(tf: TensorFlow, parameters: readonly EngineParameter[], fn: () => T): T {
  return inRecipe(tf, parameters, float32(), fn);
}

/** Computes with the slots of a recipe of one phase, whose quantisers remember nothing. */
export function inRecipe<T>(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  recipe: Recipe,
  fn: () => T,
): T {
  const engine = new RecipeEngine(tf, {
    ...{ recipe, parameters, steps: 1, seed: 0, kernels: 'own' },
    ...{ log: false, placesNorms: true },
  });
  try {
    engine.beginStep();
    return fn();
  } finally {
    engine.stop();
  }
}

/** The layers of a program, whose parameters are known. Throws ArgumentError. */
export function measuredLayersOf<F extends FormatSpelling>(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  { by, loss, candidates, batches = 4, draws = 8, seed = 1 }: MeasureOptions<F>,
): SensitiveLayer[] {
  const slotted = parameters.filter(({ role }) => isSlotted(role));
  const program: Measured = { tf, loss, batches };
  const made = by === 'loss' ? madeCandidates(candidates ?? []) : [];
  let base = 0;
  const measured = (one: EngineParameter): SensitiveLayer => {
    const layer = layerOf(one);
    if (by === 'weights') return layer;
    if (by === 'sqnr') return relativeLayer(layer);
    if (by === 'gradients') return { ...layer, curvature: meanSquares(program, one) };
    if (by !== 'loss') {
      const curvature = curvatureOf(program, one, layer, { by, draws, seed });
      return { ...layer, curvature: new Float32Array(layer.weights.length).fill(curvature) };
    }
    const costOf = (image: Float32Array): number =>
      withWeights(program, one, image, () => meanLoss(program)) - base;
    return { ...layer, costs: made.map(({ quantizer }) => costOf(imageOf(layer, quantizer))) };
  };
  if (by === 'weights' || by === 'sqnr') return slotted.map(measured);
  return inFloat32(tf, parameters, () => {
    if (by === 'loss') base = meanLoss(program);
    return slotted.map(measured);
  });
}

/** The mean loss where layers have formats of an assignment. */
export function lossOf<F extends FormatSpelling>(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  { loss, batches = 4, candidates = [] }: Omit<MeasureOptions<F>, 'by'>,
  formats: Readonly<Record<string, F>>,
): number {
  const program: Measured = { tf, loss, batches };
  const made = madeCandidates(candidates);
  const read = (left: readonly EngineParameter[]): number => {
    const [one, ...rest] = left;
    if (one === undefined) return meanLoss(program);
    const format = formats[one.name];
    const own = made.find((each) => each.format === format);
    return own === undefined
      ? read(rest)
      : withWeights(program, one, imageOf(layerOf(one), own.quantizer), () => read(rest));
  };
  return inFloat32(tf, parameters, () => read(parameters.filter(({ role }) => isSlotted(role))));
}

const optionNames = ['model', 'variables', 'loss', 'batches', 'by', 'candidates', 'draws', 'seed'];

/**
 * The layers with weights of a TensorFlow.js program, with what the loss feels of errors in them, for `assignFormats` and `formatFront`.
 * @param tf its namespace, a backend ready
 * @throws ArgumentError naming the option that is wrong, or `by` while a recipe is in force
 * @example
 * const loss = (batch) => tf.losses.softmaxCrossEntropy(labels[batch], model.apply(inputs[batch])).asScalar();
 * const layers = measuredLayers(tf, { model, loss, batches: 2, by: 'hessian' });
 * const { formats } = assignFormats(layers, ['int2/row', 'int4/row', 'int8/row'], 4);
 */
export function measuredLayers<F extends FormatSpelling>(
  tf: TensorFlow,
  options: MeasureOptions<F>,
): SensitiveLayer[] {
  checkTensorFlow(tf);
  const { by, loss, batches, draws, seed, candidates } = checkFields('', options ?? null, optionNames);
  oneOf('by', by, measures);
  checkFunction('loss', loss);
  integerInRange('batches', batches, 1, 10_000, 4);
  integerInRange('draws', draws, 1, 10_000, 8);
  integerInRange('seed', seed, 0, Number.MAX_SAFE_INTEGER, 1);
  if (by !== 'loss' && candidates !== undefined)
    throw new ArgumentError('candidates', candidates, "nothing unless by is 'loss', which measures formats");
  noRecipe('by', by);
  return measuredLayersOf(tf, discoverParameters(tf, options), options);
}
