/**
 * What the TensorFlow.js examples share: arithmetics to train in, loops that know nothing of them, and a report.
 */
import { pathToFileURL } from 'node:url';
import { emulate, lossScaling, wasmBackend } from 'halfulp/tfjs';
import { applyRecipe } from 'halfulp/train';
import { report } from '../shared/report.js';

/** Our kernels, and nothing rounded: what the others are compared with. */
export const float32 = { arm: 'float32', policy: { kernels: 'own' } };
export const bfloat16 = { arm: 'bfloat16', policy: { format: 'bfloat16' } };

/** Operands of products in 8 bits with a scale a tensor, as 8-bit training has it; everything else in bfloat16. */
const eightBit = (format) => ({ inputs: { format, scale: { per: 'tensor', from: 'absmax' } } });
const scaling = { initial: 2 ** 12, growthInterval: 200 };

/** Four arithmetics that every program should train in. */
export const arms = [
  float32,
  bfloat16,
  { arm: 'binary16, scaled loss', policy: { format: 'binary16' }, scaling },
  {
    arm: 'e4m3fn forward, e5m2 backward, scaled',
    policy: {
      format: 'bfloat16',
      roles: { forward: eightBit('e4m3fn'), backward: eightBit('e5m2'), predict: eightBit('e4m3fn') },
    },
    scaling,
  },
];

/**
 * Every number of the model in e4m3fn and every gradient in e5m2, without scales of tensors; the layer named head in bfloat16, as
 * e4m3fn has no probability below 1/512. What lies beyond 448 becomes 448, so that nothing tells of a loss that is scaled too
 * far: its scale is fixed.
 */
export const e4m3fn = {
  arm: 'e4m3fn, gradients e5m2, head bfloat16',
  policy: {
    format: 'e4m3fn',
    saturation: 'finite',
    roles: { backward: { format: 'e5m2', rounding: 'stochastic' } },
    layers: { head: { format: 'bfloat16', roles: { backward: 'bfloat16' } } },
  },
  scaling: { initial: 2 ** 10, dynamic: false },
};

/** Whether Node was given the module to run, not another one that imports it. */
export const isMain = ({ url }) =>
  process.argv[1] !== undefined && url === pathToFileURL(process.argv[1]).href;

/** A generator of uniform numbers in [0, 1): the same on every machine. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Trains in every arithmetic and reports the accuracies, each against that of float32, the first one.
 *
 * @param {string} name
 * @param {{ out: string, json: boolean }} options
 * @param {(context: { tf: any, optimizer: (inner: any) => any, scaling: any }, options: any) => Promise<{ loss: number, accuracy: number }>} run
 *   builds, trains and evaluates one model; `optimizer` wraps its optimiser in loss scaling where the arm has it
 * @param {{ atLeast: number, within: number }} expected the accuracy of float32, and how far the others may be below it
 * @param {{ arm: string, policy: object, scaling?: object }[]} given
 */
export async function compare(name, options, run, { atLeast, within }, given = arms) {
  const tf = await wasmBackend();
  const rows = [];
  for (const { arm, policy, scaling: scale } of given) {
    const scaling = scale && lossScaling(tf, scale);
    const optimizer = (inner) => scaling?.wrap(inner) ?? inner;
    const start = performance.now();
    const { loss, accuracy } = await emulate.scope(tf, policy, () =>
      run({ tf, optimizer, scaling }, options),
    );
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    rows.push({ arm, loss, accuracy, skippedSteps: scaling?.state.skipped ?? 0, seconds });
  }
  await reportAccuracies(name, options, rows, { atLeast, within });
  return tf;
}

/** Reports accuracies, each against that of float32, the first one. */
function reportAccuracies(name, options, rows, { atLeast, within }) {
  const [{ accuracy: best }] = rows;
  const checks = [
    { claim: `float32 classifies at least ${Math.round(100 * atLeast)} % correctly`, holds: best >= atLeast },
    ...rows.slice(1).map(({ arm, accuracy }) => ({
      claim: `${arm} is at most ${Math.round(100 * within)} percentage points below float32`,
      holds: accuracy >= best - within,
    })),
  ];
  const plot = {
    ...{
      kind: 'bar',
      x: { value: 'accuracy', domain: [0, 1] },
      y: { value: 'arm', label: null },
      height: 200,
    },
  };
  return report({ name: `tfjs-${name}`, rows, checks, plot }, options);
}

/** Says how far a training is, on stderr: in place on a terminal, else ten times. */
function progressOf(arm, steps) {
  const { stderr } = process;
  return (step, loss) => {
    const isLast = step === steps;
    const text = `${arm}: step ${step} of ${steps}, loss ${loss.toFixed(3)}`;
    if (stderr.isTTY) stderr.write(`\r${text.padEnd(76)}${isLast ? '\n' : ''}`);
    else if (isLast || step % Math.ceil(steps / 10) === 0) stderr.write(`${text}\n`);
  };
}

/**
 * Trains one model under every recipe and reports the accuracies, each against that of the first one, float32.
 *
 * @param {string} name
 * @param {{ out: string, json: boolean, seed: number }} options
 * @param {{ steps: number, build: (tf: any) => any, train: (context: { tf: any, model: any, run: any, tell: (loss: number) => void }) => Promise<void>, evaluate: (context: { tf: any, model: any }) => { loss: number, accuracy: number } }} program
 *   `build` makes the model anew, `train` runs its loop as it would without a recipe, telling the loss of each step
 * @param {{ atLeast: number, within: number }} expected the accuracy of float32, and how far the others may be below it
 * @param {object[]} recipes
 */
export async function compareRecipes(name, options, { steps, build, train, evaluate }, expected, recipes) {
  const tf = await wasmBackend();
  const rows = [];
  let roles = '';
  for (const recipe of recipes) {
    const start = performance.now();
    const model = build(tf);
    const run = await applyRecipe(tf, recipe, { model, steps, seed: options.seed });
    const progress = progressOf(recipe.name, steps);
    await train({ tf, model, run, tell: (loss) => progress(run.step, loss) });
    const { loss, accuracy } = evaluate({ tf, model });
    roles = String(run.roles);
    run.stop();
    model.dispose();
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    rows.push({ arm: recipe.name, loss, accuracy, seconds });
  }
  if (!options.json) console.log(`What the layers read under ${recipes.at(-1).name}:\n\n${roles}\n`);
  await reportAccuracies(name, options, rows, expected);
}

/** Labels as one-hot vectors. */
export function oneHot(tf, labels, classes) {
  return tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat());
}

/**
 * Trains a compiled model on one pair of tensors and evaluates it on another, or on the same one. Disposes of all of them.
 * `evaluateBatch` as TensorFlow.js has it by default, 32.
 */
export async function fitAndEvaluate(
  tf,
  model,
  { training, test = training, epochs, batchSize, evaluateBatch = 32 },
) {
  await model.fit(...training, { epochs, batchSize, shuffle: false, verbose: 0 });
  const [loss, accuracy] = model.evaluate(...test, { batchSize: evaluateBatch }).map((t) => t.dataSync()[0]);
  model.dispose();
  tf.dispose([training, test]);
  return { loss, accuracy };
}
