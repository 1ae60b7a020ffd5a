/**
 * What methods after training ask of a model beside its weights, on some windows of data: the inputs of its layers (second-order rounding,
 * masks of inputs), or the mean squared gradients of its weights (Fisher information, for codebooks). Everything is float32.
 */
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { checkFields, checkFunction, integerInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { checkTensorFlow } from '../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { noRecipe } from './engine/apply-recipe.ts';
import { discoverParameters, type EngineParameter } from './engine/parameters.ts';
import { type CapturedInputs, collectInputs, InputCapture } from './input-capture.ts';
import { inFloat32 } from './measured-layers.ts';
import { weightInputs } from './weight-inputs.ts';

/** What is asked for. */
export const calibrationKinds = ['inputs', 'gradients', 'activations'] as const;
export type CalibrationKind = (typeof calibrationKinds)[number];

export interface CalibrationOptions {
  /** A model of the layers API. */
  readonly model?: unknown;
  /** In place of a model. Default: all trainable variables. */
  readonly variables?: readonly Variable[];
  /** Runs the program on a window, from 0 on. For `'gradients'` it gives the window's loss. */
  readonly run: (window: number) => Tensor | Tensor[];
  /** How many windows. Default 16. */
  readonly windows?: number;
  /** `'inputs'` (default) of layers as their weights meet them, as they are (`'activations'`), or mean squared `'gradients'` of weights. */
  readonly of?: CalibrationKind;
}

/** Numbers with their shape: inputs (rows, columns), or squared gradients in the weight's own shape. */
export interface Calibration {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** The axes of the weight that are its outputs, those of groups first, where a product says so; its others are the columns of inputs. */
  readonly outputs?: readonly number[];
  /** Of inputs: how many parts the outputs have that read columns of their own; above 1, inputs are (groups, rows, columns). */
  readonly groups?: number;
}

/** Elements of the inputs of one layer. */
const mostInputs = 2 ** 28;

/** Counts numbers that are held of a layer. Throws ArgumentError naming `windows` where they are too many. */
function checkSize(sizes: Map<string, number>, name: string, added: number, windows: number): void {
  const total = (sizes.get(name) ?? 0) + added;
  if (total > mostInputs)
    throw new ArgumentError(
      'windows',
      windows,
      `fewer: the inputs of ${name} are more than ${mostInputs} numbers`,
    );
  sizes.set(name, total);
}

/** The inputs of each parameter's products, in the order of windows. */
function capturedInputs(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  run: CalibrationOptions['run'],
  windows: number,
): Map<string, Calibration> {
  const inputs = new Map<string, CapturedInputs>();
  const collect = collectInputs(tf, inputs);
  const sizes = new Map<string, number>();
  const capture = new InputCapture(tf, parameters, (one, product, x) => {
    const taken = collect(one, product, x);
    if (taken > 0) checkSize(sizes, one.name, taken, windows);
  });
  try {
    for (let window = 0; window < windows; window++) tf.tidy(() => void run(window));
  } finally {
    capture.stop();
  }
  return new Map(
    [...inputs].map(([name, { groups, columns, outputs, parts }]) => {
      const total = sizes.get(name)!;
      const values = new Float32Array(total);
      let at = 0;
      for (let group = 0; group < groups; group++)
        for (const part of parts) {
          const size = part.length / groups;
          values.set(part.subarray(group * size, (group + 1) * size), at);
          at += size;
        }
      const samples = total / groups / columns;
      return [
        name,
        { shape: groups === 1 ? [samples, columns] : [groups, samples, columns], values, outputs, groups },
      ];
    }),
  );
}

/** What each parameter's products read beside it, in the order of windows. */
function capturedActivations(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  run: CalibrationOptions['run'],
  windows: number,
): Map<string, Calibration> {
  const found = new Map<string, { columns: number; parts: Float32Array[] }>();
  const sizes = new Map<string, number>();
  const capture = new InputCapture(tf, parameters, ({ name }, _, x) => {
    const columns = x.shape.at(-1)!;
    const known = found.get(name) ?? { columns, parts: [] };
    checkSize(sizes, name, x.size, windows);
    known.parts.push(x.dataSync<'float32'>().slice());
    found.set(name, { ...known, columns: columns === known.columns ? columns : 1 });
  });
  try {
    for (let window = 0; window < windows; window++) tf.tidy(() => void run(window));
  } finally {
    capture.stop();
  }
  return new Map(
    [...found].map(([name, { columns, parts }]) => {
      const total = sizes.get(name)!;
      const values = new Float32Array(total);
      let at = 0;
      for (const part of parts) {
        values.set(part, at);
        at += part.length;
      }
      return [name, { shape: [total / columns, columns], values }];
    }),
  );
}

/** The axes of weights that are outputs of products, where all products of the first window agree. */
function outputsOf(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  run: CalibrationOptions['run'],
): Map<string, readonly number[] | undefined> {
  const found = new Map<string, readonly number[] | undefined>();
  const capture = new InputCapture(tf, parameters, ({ name, shape }, product, x) => {
    const outputs = weightInputs(tf, product, x, shape)?.outputs;
    const isOther = found.has(name) && found.get(name)?.join() !== outputs?.join();
    found.set(name, isOther ? undefined : outputs);
  });
  try {
    tf.tidy(() => void run(0));
  } finally {
    capture.stop();
  }
  return found;
}

/** The mean over the windows of the squares of each parameter's gradients. */
function squaredGradients(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  run: CalibrationOptions['run'],
  windows: number,
): Map<string, Calibration> {
  const sums = parameters.map(({ shape }) => new Float64Array(sizeOf(shape)));
  const outputs = outputsOf(tf, parameters, run);
  inFloat32(tf, parameters, () => {
    for (let window = 0; window < windows; window++)
      tf.tidy(() => {
        const { grads } = tf.variableGrads(
          () => run(window) as Scalar,
          parameters.map(({ variable }) => variable),
        );
        for (const [i, { variable }] of parameters.entries())
          grads[variable.name]?.dataSync<'float32'>().forEach((g, at) => {
            sums[i]![at]! += g * g;
          });
      });
  });
  return new Map(
    parameters.map(({ name, shape }, i) => {
      const own = outputs.get(name);
      const values = Float32Array.from(sums[i]!, (sum) => sum / windows);
      return [name, { shape, values, ...(own && { outputs: own }) }];
    }),
  );
}

/** The calibration of a program whose parameters are known. */
export function calibrationOf(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  { run, windows = 16, of = 'inputs' }: Pick<CalibrationOptions, 'run' | 'windows' | 'of'>,
): Map<string, Calibration> {
  const kinds = { inputs: capturedInputs, activations: capturedActivations, gradients: squaredGradients };
  return kinds[of](tf, parameters, run, windows);
}

const optionNames: readonly (keyof CalibrationOptions)[] = ['model', 'variables', 'run', 'windows', 'of'];

/**
 * What methods after training ask of a TensorFlow.js program, by the names of its variables: a map of what `--calibration` files hold.
 * Variables that no product reads, or that products read in pieces of an axis, have no inputs.
 *
 * @param tf its namespace, a backend ready
 * @throws ArgumentError naming the option that is wrong, or `of` while a recipe is in force
 * @example
 * const inputs = calibrate(tf, { model, run: (window) => model.predict(windows[window]), windows: 32 });
 * const { shape, values } = inputs.get('dense_Dense1/kernel');
 */
export function calibrate(tf: TensorFlow, options: CalibrationOptions): Map<string, Calibration> {
  checkTensorFlow(tf);
  const { run, windows, of } = checkFields('', options ?? null, optionNames);
  checkFunction('run', run);
  integerInRange('windows', windows, 1, 100_000, 16);
  oneOf('of', of, calibrationKinds, 'inputs');
  noRecipe('of', of ?? 'inputs');
  return calibrationOf(tf, discoverParameters(tf, options), options);
}
