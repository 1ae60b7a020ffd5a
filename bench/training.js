/**
 * The time of one training step of the small language model: emulated, quantised, in blocks of four bits and on a grid, on our kernels
 * and on those of tfjs-wasm, against plain float32 on stock tfjs-wasm; and of an MLP of the layers API under a recipe. Arms take
 * turns, so that a drift of the machine hits all alike.
 */
import { wasmBackend } from '../build/tfjs/index.js';
import { applyRecipe, mobyDick, recipes, train } from '../build/train/index.js';
import { medianOf, pairedRatio, processorSeconds } from './measure.js';
import { digits, judge, table } from './report.js';

/** @typedef {Awaited<ReturnType<typeof wasmBackend>>} TensorFlow */

const e2m1 = { format: 'e2m1', rounding: /** @type {const} */ ('nearest-even') };
const mxfp4 = { ...e2m1, scale: { per: 'block', size: 32, from: 'absmax', format: 'e8m0' } };
const twoLevels = { from: 'absmax', format: 'e4m3fn', tensorScale: true };
const nvfp4 = { ...e2m1, scale: { ...twoLevels, per: 'block', size: 16 } };
const nvfp4Tiles = { ...e2m1, scale: { ...twoLevels, per: 'tile', rows: 16, columns: 16 } };
const stochastic = { rounding: /** @type {const} */ ('stochastic') };

/** A Hadamard transform along what the gradient of a weight sums over, with signs of each step's. */
const turned = (/** @type {number} */ size) => ({
  transform: { name: 'hadamard', size, seed: 'step' },
  invert: false,
});

/**
 * float32 but for what the products of layers read.
 * @param {string} name
 * @param {any} linear
 */
function slotted(name, linear) {
  const plain = recipes.float32();
  return { ...plain, name, phases: [{ ...plain.phases[0], linear }] };
}

/** Weights and inputs to nearest, gradients stochastically; weights are quantised along either way. */
const mxfp4Recipe = (/** @type {object} */ turn = {}) =>
  slotted('mxfp4', {
    forward: { x: mxfp4, w: mxfp4 },
    inputGradient: { g: { ...mxfp4, ...stochastic }, w: mxfp4 },
    weightGradient: { g: { ...mxfp4, ...stochastic, ...turn }, x: { ...mxfp4, ...turn } },
  });

/** NVIDIA, "Pretraining large language models with NVFP4", arXiv 2509.25149, with every layer quantised. */
const nvfp4Recipe = (/** @type {object} */ turn = {}) =>
  slotted('nvfp4', {
    forward: { x: nvfp4, w: nvfp4Tiles },
    inputGradient: { g: { ...nvfp4, ...stochastic }, w: 'same' },
    weightGradient: { g: { ...nvfp4, ...stochastic, ...turn }, x: { ...nvfp4, ...turn } },
  });

/** @type {{ model: string, arm: string, kernels: 'stock' | 'own', recipe: any }[]} */
const plans = [
  { model: 'llama-tiny', arm: 'float32', kernels: 'stock', recipe: recipes.float32() },
  { model: 'llama-tiny', arm: 'bfloat16', kernels: 'stock', recipe: recipes.bfloat16() },
  { model: 'llama-tiny', arm: 'bitnet', kernels: 'stock', recipe: recipes.bitnet() },
  { model: 'llama-tiny', arm: 'float32', kernels: 'own', recipe: recipes.float32() },
  { model: 'llama-tiny', arm: 'bfloat16', kernels: 'own', recipe: recipes.bfloat16() },
  { model: 'llama-tiny', arm: 'bitnet', kernels: 'own', recipe: recipes.bitnet() },
  { model: 'llama-tiny', arm: 'dqt8', kernels: 'own', recipe: recipes.dqt({ bits: 8 }) },
  { model: 'llama-tiny', arm: 'dqt4', kernels: 'own', recipe: recipes.dqt({ bits: 4 }) },
  { model: 'llama-tiny', arm: 'dqt1.58', kernels: 'own', recipe: recipes.dqt({ bits: 1.58 }) },
  { model: 'llama-tiny', arm: 'mxfp4', kernels: 'own', recipe: mxfp4Recipe() },
  { model: 'llama-tiny', arm: 'nvfp4', kernels: 'own', recipe: nvfp4Recipe() },
  { model: 'llama-tiny', arm: 'mxfp4, rotated', kernels: 'own', recipe: mxfp4Recipe(turned(32)) },
  { model: 'llama-tiny', arm: 'nvfp4, rotated', kernels: 'own', recipe: nvfp4Recipe(turned(16)) },
  { model: 'mlp', arm: 'float32', kernels: 'own', recipe: recipes.float32() },
  { model: 'mlp', arm: 'bitnet', kernels: 'own', recipe: recipes.bitnet() },
];

/** Recipes as they are published, by their arms; what a step of each may take of one in float32. */
const published = /** @type {const} */ ([
  ['NVFP4 recipe', () => recipes.nvfp4(), 2.2],
  [
    'NVFP4 recipe, signs of each step, rows scaled',
    () => recipes.nvfp4({ hadamard: 'step', rowScaled: true }),
    2.2,
  ],
  ['NVFP4 recipe, four over six', () => recipes.nvfp4({ fourOverSix: { of: 'all' } }), 2.2],
  ['MXFP4 recipe', () => recipes.mxfp4(), 2],
  [
    'MXFP4 recipe, stochastic, 3/4',
    () => recipes.mxfp4({ rounding: stochastic.rounding, prescale: 0.75 }),
    2,
  ],
  [
    'MXFP4 recipe, stochastic, 3/4, rotated',
    () => recipes.mxfp4({ rounding: stochastic.rounding, prescale: 0.75, hadamard: 'step' }),
    2,
  ],
  ['Quartet', () => recipes.quartet(), 3],
  ['FP4, DGE and OCC', () => recipes.fp4Dge(), 3],
  ['S2FP8', () => recipes.s2fp8(), 3],
  ['HALO-0', () => recipes.halo({ level: 0 }), 2],
  ['HALO-1', () => recipes.halo({ level: 1 }), 2],
  ['HALO-2', () => recipes.halo({ level: 2 }), 2],
  ['SwitchBack', () => recipes.switchBack(), 1.5],
]);
for (const [arm, make] of published) plans.push({ model: 'llama-tiny', arm, kernels: 'own', recipe: make() });

const stepsPerTurn = 6;
const warmUp = 2;

/**
 * Times of the steps of one turn of a model of the harness.
 * @param {TensorFlow} tf
 * @param {any} data
 * @param {{ kernels: 'stock' | 'own', recipe: any }} plan
 */
async function harnessTurn(tf, data, { kernels, recipe }) {
  /** @type {number[]} */
  const times = [];
  const controller = new AbortController();
  let begin = processorSeconds();
  await train({
    ...{ tf, data, recipe, kernels, model: 'llama-tiny', steps: 1000, seed: 1 },
    // Aborted after the last step that counts: the whole validation would take longer than the steps.
    ...{ evaluateEvery: 0, evaluationWindows: 1, signal: controller.signal },
    onStep: ({ step }) => {
      const end = processorSeconds();
      if (step > warmUp) times.push(end - begin);
      begin = end;
      if (step === warmUp + stepsPerTurn) controller.abort();
    },
  });
  return times;
}

/**
 * Times of the steps of one turn of an MLP 784-512-512-10, batch 128, under `applyRecipe`.
 * @param {TensorFlow} tf
 * @param {any} recipe
 */
async function programTurn(tf, recipe) {
  const dense = (/** @type {any} */ options) =>
    tf.layers.dense({ units: 512, activation: 'relu', ...options });
  const layers = [dense({ inputShape: [784] }), dense({}), dense({ units: 10, activation: 'softmax' })];
  const model = tf.sequential({ layers });
  const optimizer = tf.train.sgd(0.01);
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const xs = tf.randomNormal([128, 784], 0, 1, 'float32', 1);
  const ys = tf.tidy(() => tf.oneHot(tf.range(0, 128, 1, 'int32').mod(10).toInt(), 10).toFloat());
  const run = await applyRecipe(tf, recipe, { model, steps: 1000, seed: 1 });
  /** @type {number[]} */
  const times = [];
  for (let step = 1; step <= warmUp + stepsPerTurn; step++) {
    const start = processorSeconds();
    await model.trainOnBatch(xs, ys);
    if (step > warmUp) times.push(processorSeconds() - start);
  }
  run.stop();
  model.dispose();
  optimizer.dispose();
  tf.dispose([xs, ys]);
  return times;
}

/** @param {{ seconds: number, report: (line: string) => void }} options `seconds` is the least time spent on each arm */
export async function benchTraining({ seconds, report }) {
  const tf = await wasmBackend();
  const data = await mobyDick();
  const arms = plans.map((plan) => ({ ...plan, /** @type {number[][]} */ turns: [] }));
  const spent = (/** @type {number[][]} */ turns) => turns.flat().reduce((sum, time) => sum + time, 0);
  for (let turn = 0; turn < 3 || arms.some(({ turns }) => spent(turns) < 4 * seconds); turn++) {
    for (const plan of arms) {
      report(`training ${plan.model} ${plan.arm} ${plan.kernels}, turn ${turn + 1}`);
      plan.turns.push(
        await (plan.model === 'mlp' ? programTurn(tf, plan.recipe) : harnessTurn(tf, data, plan)),
      );
    }
  }
  return arms.map(({ model, arm, kernels, turns }) => ({
    ...{ model, arm, kernels, turns },
    milliseconds: 1000 * medianOf(turns.flat()),
    steps: turns.flat().length,
  }));
}

/** The times of an arm. */
const turnsOf = (
  /** @type {readonly any[]} */ rows,
  /** @type {string} */ model,
  /** @type {string} */ arm,
  /** @type {string} */ kernels,
) => rows.find((r) => r.model === model && r.arm === arm && r.kernels === kernels)?.turns ?? [];

/** @param {any[]} rows */
export function trainingTable(rows) {
  return table(
    'A training step of llama-tiny (1024 characters) and of an MLP 784-512-512-10 (batch 128) under applyRecipe, median processor time',
    [
      'model',
      'arm',
      'kernels',
      'ms',
      'steps/s',
      'time / float32 on stock',
      'time / float32 on the same kernels',
    ],
    rows.map((r) => {
      const ratios = ['stock', r.kernels].map((kernels) =>
        pairedRatio(r.turns, turnsOf(rows, r.model, 'float32', kernels)),
      );
      const shown = ratios.map((ratio) => (Number.isNaN(ratio) ? '' : digits(ratio)));
      return [r.model, r.arm, r.kernels, digits(r.milliseconds), digits(1000 / r.milliseconds), ...shown];
    }),
  );
}

/** @param {readonly any[]} rows */
export function trainingTargets(rows) {
  const own = (/** @type {string} */ model, /** @type {string} */ arm) => turnsOf(rows, model, arm, 'own');
  /** Arms may take so many times what a step takes in float32. */
  const atMost = (
    /** @type {number} */ factor,
    /** @type {string} */ model,
    /** @type {string[]} */ ...arms
  ) =>
    judge(
      `${model} step in float32 against ${arms.join(', ')}`,
      1 / factor,
      arms.map((arm) => ({ label: arm, ratio: 1 / pairedRatio(own(model, arm), own(model, 'float32')) })),
    );
  const stock = turnsOf(rows, 'llama-tiny', 'float32', 'stock');
  return [
    judge('training step in float32 against stock wasm', 3, [
      { label: 'llama-tiny', ratio: pairedRatio(stock, own('llama-tiny', 'float32')) },
    ]),
    atMost(1.4, 'llama-tiny', 'bitnet'),
    atMost(1.3, 'llama-tiny', 'dqt8', 'dqt4', 'dqt1.58'),
    atMost(2, 'llama-tiny', 'mxfp4', 'nvfp4'),
    atMost(2.2, 'llama-tiny', 'mxfp4, rotated', 'nvfp4, rotated'),
    atMost(1.3, 'mlp', 'bitnet'),
    ...published.map(([arm, , factor]) => atMost(factor, 'llama-tiny', arm)),
  ];
}
