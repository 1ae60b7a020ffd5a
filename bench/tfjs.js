/**
 * The time of training steps under TensorFlow.js: an MLP and a small convolutional net, plain and in emulated bfloat16, on our
 * kernels and on those of the backends. Arms take turns, so that a drift of the machine hits all alike.
 */
import { cpuBackend, emulate, wasmBackend } from '../dist/tfjs/index.js';
import { digits, judge, table } from './report.js';

/** @typedef {Awaited<ReturnType<typeof wasmBackend>>} TensorFlow */

/** @typedef {'wasm' | 'cpu'} BackendName */

/** @param {TensorFlow} tf */
function mlp(tf) {
  const dense = (/** @type {object} */ options) =>
    tf.layers.dense({ units: 512, activation: 'relu', ...options });
  return {
    shape: [128, 784],
    layers: [dense({ inputShape: [784] }), dense({}), dense({ units: 10, activation: 'softmax' })],
  };
}

/** @param {TensorFlow} tf */
function convnet(tf) {
  const { layers } = tf;
  return {
    shape: [64, 28, 28, 1],
    layers: [
      layers.conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  };
}

const plans = [
  { net: 'mlp', arm: 'float32', backend: 'wasm', policy: { kernels: 'stock' } },
  { net: 'mlp', arm: 'float32', backend: 'wasm', policy: { kernels: 'own' } },
  { net: 'mlp', arm: 'bfloat16', backend: 'wasm', policy: { format: 'bfloat16' } },
  {
    net: 'mlp',
    arm: 'bfloat16 sums',
    backend: 'wasm',
    policy: { format: 'bfloat16', accumulator: 'bfloat16' },
  },
  {
    net: 'mlp',
    arm: 'hopper-bf16 sums',
    backend: 'wasm',
    policy: { format: 'bfloat16', accumulator: 'hopper-bf16' },
  },
  { net: 'mlp', arm: 'mxfp8 inputs', backend: 'wasm', policy: { format: 'bfloat16', inputs: 'mxfp8e4m3' } },
  { net: 'mlp', arm: 'log', backend: 'wasm', policy: { format: 'bfloat16', log: true } },
  { net: 'convnet', arm: 'float32', backend: 'cpu', policy: { kernels: 'stock' } },
  { net: 'convnet', arm: 'float32', backend: 'wasm', policy: { kernels: 'own' } },
  { net: 'convnet', arm: 'bfloat16', backend: 'wasm', policy: { format: 'bfloat16' } },
];
const stepsPerTurn = { wasm: 5, cpu: 1 };
const warmUp = { wasm: 2, cpu: 0 };

/** @param {{ seconds: number, report: (line: string) => void }} options `seconds` is the least time spent on each arm */
export async function benchTfjs({ seconds, report }) {
  const arms = plans.map((plan) => ({ ...plan, /** @type {number[]} */ times: [] }));
  const spent = (/** @type {number[]} */ times) => times.reduce((sum, time) => sum + time, 0);
  for (let turn = 0; turn < 3 || arms.some(({ times }) => spent(times) < 2 * seconds); turn++)
    for (const { net, arm, backend, policy, times } of arms) {
      report(`tfjs ${net} ${arm} ${policy.kernels ?? 'own'}, turn ${turn + 1}`);
      const tf = await (backend === 'cpu' ? cpuBackend() : wasmBackend());
      const [skipped, counted] = [warmUp, stepsPerTurn].map(
        (steps) => steps[/** @type {BackendName} */ (backend)],
      );
      const { shape, layers } = net === 'mlp' ? mlp(tf) : convnet(tf);
      const model = tf.sequential({ layers });
      const optimizer = tf.train.sgd(0.01);
      model.compile({ optimizer, loss: 'categoricalCrossentropy' });
      const xs = tf.randomNormal(shape, 0, 1, 'float32', 1);
      const ys = tf.tidy(() => tf.oneHot(tf.range(0, shape[0], 1, 'int32').mod(10).toInt(), 10).toFloat());
      await emulate.scope(tf, /** @type {any} */ (policy), async () => {
        for (let step = 0; step < skipped + counted; step++) {
          const start = performance.now();
          await model.trainOnBatch(xs, ys);
          if (step >= skipped) times.push((performance.now() - start) / 1000);
        }
      });
      model.dispose();
      optimizer.dispose();
      tf.dispose([xs, ys]);
    }
  const median = (/** @type {number[]} */ times) =>
    [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
  return arms.map(({ net, arm, backend, policy, times }) => ({
    net,
    arm,
    backend,
    kernels: policy.kernels ?? 'own',
    milliseconds: 1000 * median(times),
    steps: times.length,
  }));
}

/** @param {any[]} rows the first one of a net is what the others are compared with */
export function tfjsTable(rows) {
  return table(
    'A training step under TensorFlow.js (MLP 784-512-512-10, batch 128; convolutional net, batch 64), median',
    ['net', 'format', 'backend', 'kernels', 'ms', 'times faster than the first', 'time / float32 on ours'],
    rows.map((r) => {
      const first = rows.find((other) => other.net === r.net);
      const ours = rows.find(
        (other) => other.net === r.net && other.arm === 'float32' && other.kernels === 'own',
      );
      const ratios = [first.milliseconds / r.milliseconds, r.milliseconds / ours.milliseconds];
      return [r.net, r.arm, r.backend, r.kernels, ...[r.milliseconds, ...ratios].map(digits)];
    }),
  );
}

/** @param {readonly any[]} rows */
export function tfjsTargets(rows) {
  /** Milliseconds of an arm. */
  const time = (/** @type {string} */ net, /** @type {string} */ arm, where = 'wasm own') => {
    const isArm = (/** @type {any} */ r) =>
      r.net === net && r.arm === arm && `${r.backend} ${r.kernels}` === where;
    return rows.find(isArm)?.milliseconds ?? Number.NaN;
  };
  const own = time('mlp', 'float32');
  /** An arm of the MLP may take so many times what a step takes in float32. */
  const atMost = (/** @type {string} */ arm, /** @type {number} */ factor) =>
    judge(`MLP step in float32 against ${arm}, both ours`, 1 / factor, [
      { label: 'mlp', ratio: own / time('mlp', arm) },
    ]);
  return [
    judge('MLP step in bfloat16 against stock wasm in float32', 3, [
      { label: 'mlp', ratio: time('mlp', 'float32', 'wasm stock') / time('mlp', 'bfloat16') },
    ]),
    atMost('bfloat16', 1.15),
    atMost('bfloat16 sums', 3),
    atMost('hopper-bf16 sums', 6),
    atMost('mxfp8 inputs', 2),
    atMost('log', 1.3),
    judge('convolutional step in bfloat16 against cpu in float32', 10, [
      { label: 'convnet', ratio: time('convnet', 'float32', 'cpu stock') / time('convnet', 'bfloat16') },
    ]),
  ];
}
