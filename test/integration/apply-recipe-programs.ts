/** Small TensorFlow.js programs that know nothing of recipes: each is made anew from a seed and trained a step at a time. */
import * as tf from '@tensorflow/tfjs';
import { applyRecipe, type Recipe, type RecipeRun, type RecipeState } from '../../src/train/index.ts';
import { everyCase } from '../every-case.ts';

export interface Program {
  /** The variables that a recipe is for, or the model that has them. */
  readonly target: { readonly model?: tf.LayersModel; readonly variables?: tf.Variable[] };
  /** The program's optimiser; undefined: it takes the one that it is given. */
  step(optimizer: tf.Optimizer, index: number): number;
  /** A forward pass outside of training. */
  evaluate(): number;
  readonly variables: tf.Variable[];
  dispose(): void;
}

const gaussian = (shape: number[], seed: number, deviation = 1): tf.Tensor =>
  tf.randomNormal(shape, 0, deviation, 'float32', seed);

function ofModel(model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor): Program {
  const loss = (): tf.Scalar =>
    tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar;
  const variables = model.trainableWeights.map((weight) => (weight as unknown as { val: tf.Variable }).val);
  return {
    target: { model },
    variables,
    step: (optimizer) => {
      const value = optimizer.minimize(loss, true, variables)!;
      const result = value.dataSync()[0]!;
      value.dispose();
      return result;
    },
    evaluate: () => tf.tidy(() => (model.predict(x) as tf.Tensor).sum().dataSync()[0]!),
    dispose() {
      tf.dispose([x, y]);
      model.dispose();
    },
  };
}

const init = (seed: number) => tf.initializers.glorotNormal({ seed });

export const programs: Readonly<Record<string, () => Program>> = {
  mlp() {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({
          name: 'one',
          units: 32,
          activation: 'relu',
          inputShape: [16],
          kernelInitializer: init(1),
        }),
        tf.layers.dense({ name: 'two', units: 32, activation: 'tanh', kernelInitializer: init(2) }),
        tf.layers.dense({ name: 'three', units: 4, kernelInitializer: init(3) }),
      ],
    });
    const x = gaussian([32, 16], 4);
    const y = tf.tidy(() => tf.oneHot(tf.argMax(tf.slice(x, [0, 0], [32, 4]), 1).toInt(), 4).toFloat());
    return ofModel(model, x, y);
  },
  convolutional() {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          name: 'conv',
          filters: 8,
          kernelSize: 3,
          activation: 'relu',
          inputShape: [8, 8, 2],
          kernelInitializer: init(1),
          padding: 'same',
        }),
        tf.layers.depthwiseConv2d({
          name: 'depthwise',
          kernelSize: 3,
          depthwiseInitializer: init(2),
          strides: 2,
        }),
        tf.layers.batchNormalization({ name: 'norm' }),
        tf.layers.maxPooling2d({ poolSize: 2, strides: 1 }),
        tf.layers.flatten(),
        tf.layers.dense({ name: 'out', units: 3, kernelInitializer: init(3) }),
      ],
    });
    const x = gaussian([8, 8, 8, 2], 5);
    const y = tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32'), 3).toFloat());
    return ofModel(model, x, y);
  },
  recurrent() {
    const model = tf.sequential({
      layers: [
        tf.layers.embedding({
          name: 'tokens',
          inputDim: 20,
          outputDim: 8,
          inputLength: 3,
          embeddingsInitializer: init(1),
        }),
        tf.layers.gru({
          name: 'gru',
          units: 16,
          kernelInitializer: init(2),
          recurrentInitializer: init(3),
          returnSequences: true,
        }),
        tf.layers.lstm({
          name: 'lstm',
          units: 16,
          kernelInitializer: init(4),
          recurrentInitializer: init(5),
        }),
        tf.layers.dense({ name: 'out', units: 20, kernelInitializer: init(6) }),
      ],
    });
    const x = tf.tidy(() => tf.floor(tf.randomUniform([8, 3], 0, 20, 'float32', 7)));
    const y = tf.tidy(() => tf.oneHot(tf.tensor1d([1, 3, 5, 7, 9, 11, 13, 15], 'int32'), 20).toFloat());
    return ofModel(model, x, y);
  },
  attention() {
    const width = 16;
    const variable = (name: string, shape: number[], seed: number): tf.Variable => {
      const values = gaussian(shape, seed, 0.3);
      const one = tf.variable(values, true, name);
      values.dispose();
      return one;
    };
    const [embedding, query, key, value, output, up, down] = [
      variable('embedding', [12, width], 1),
      ...['query', 'key', 'value', 'output'].map((name, i) =>
        variable(`attention/${name}`, [width, width], 2 + i),
      ),
      variable('mlp/up', [width, 32], 6),
      variable('mlp/down', [32, width], 7),
    ] as tf.Variable<tf.Rank.R2>[];
    const all = [embedding, query, key, value, output, up, down] as tf.Variable<tf.Rank.R2>[];
    const ids = tf.tensor2d(
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      [2, 4],
      'int32',
    );
    const targets = tf.oneHot(tf.tensor1d([2, 3, 4, 5, 6, 7, 8, 9], 'int32'), 12).toFloat();
    const forward = (): tf.Tensor2D => {
      const x = tf.reshape(tf.gather(embedding!, tf.reshape(ids, [8])), [8, width]) as tf.Tensor2D;
      const heads = (t: tf.Tensor): tf.Tensor3D => tf.reshape(t, [2, 4, width]);
      const [q, k, v] = [query, key, value].map((w) => heads(tf.matMul(x, w!)));
      const scores = tf.softmax(tf.div(tf.matMul(q!, k!, false, true), Math.sqrt(width)));
      const mixed = tf.reshape(tf.matMul(scores as tf.Tensor3D, v!), [8, width]) as tf.Tensor2D;
      const attended = tf.add<tf.Tensor2D>(x, tf.matMul(mixed, output!));
      const stream = tf.add<tf.Tensor2D>(attended, tf.matMul(tf.relu(tf.matMul(attended, up!)), down!));
      // The embedding is the head, too.
      return tf.matMul(stream, embedding!, false, true);
    };
    const loss = (): tf.Scalar => tf.losses.softmaxCrossEntropy(targets, forward()) as tf.Scalar;
    return {
      target: { variables: all },
      variables: all,
      step(optimizer) {
        const { value: cost, grads } = tf.variableGrads(loss, all);
        optimizer.applyGradients(grads);
        const result = cost.dataSync()[0]!;
        tf.dispose([cost, grads]);
        return result;
      },
      evaluate: () => tf.tidy(() => forward().sum().dataSync()[0]!),
      dispose: () => tf.dispose([...all, ids, targets]),
    };
  },
};

/** Whether a case is run on a program: so many programs in turn for each, every one in the slow suite. */
export function isTaken(program: string, index: number, programsOfEach = 1): boolean {
  const names = Object.keys(programs);
  const turn = (names.indexOf(program) - (index % names.length) + names.length) % names.length;
  return everyCase || turn < programsOfEach;
}

/** The bits of a run. */
export interface Trace {
  readonly losses: readonly number[];
  readonly weights: readonly Float32Array[];
}

/** What a run does beside its steps: it evaluates between them, or goes on from a state before these. */
export interface Interruptions {
  readonly evaluates?: boolean;
  readonly resumesAt?: readonly number[];
}

/** Evaluations after each step, and states between some: what an evaluation does is seen by the next step, there and in the state. */
export const interrupted: Interruptions = { evaluates: true, resumesAt: [1, 3, 5] };

/** A program trained under a recipe. */
export async function trained(
  name: string,
  recipe: Recipe,
  steps: number,
  optimizerOf: (run: RecipeRun) => tf.Optimizer,
  { evaluates = false, resumesAt = [] }: Interruptions = {},
): Promise<Trace> {
  const program = programs[name]!();
  const begin = async (state?: RecipeState) => {
    const run = await applyRecipe(tf, recipe, { ...program.target, steps, seed: 3 });
    const optimizer = optimizerOf(run);
    if (state !== undefined) run.restore(state, optimizer);
    return { run, optimizer };
  };
  let { run, optimizer } = await begin();
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    if (resumesAt.includes(step)) {
      const state = run.save();
      run.stop();
      optimizer.dispose();
      ({ run, optimizer } = await begin(state));
    }
    losses.push(program.step(optimizer, step));
    if (evaluates) program.evaluate();
  }
  const weights = program.variables.map((variable) => variable.dataSync().slice() as Float32Array);
  run.stop();
  optimizer.dispose();
  program.dispose();
  return { losses, weights };
}
