/**
 * The time of training steps under TensorFlow.js: an MLP, a block of attention and a small convolutional net, plain and in emulated
 * bfloat16 with all that it may have besides, on our kernels and on those of the backends. Arms take turns, so that a drift of the machine hits all alike.
 */
import { cpuBackend, emulate, wasmBackend } from '../build/tfjs/index.js';
import { medianOf, pairedRatio, processorSeconds } from './measure.js';
import { digits, judge, table } from './report.js';

/** @typedef {Awaited<ReturnType<typeof wasmBackend>>} TensorFlow */

/** @typedef {'wasm' | 'cpu'} BackendName */

/**
 * A model of layers that takes steps of stochastic gradient descent on one batch.
 * @param {TensorFlow} tf
 * @param {number[]} shape
 * @param {any[]} layers
 */
function ofLayers(tf, shape, layers) {
  const model = tf.sequential({ layers });
  const optimizer = tf.train.sgd(0.01);
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const xs = tf.randomNormal(shape, 0, 1, 'float32', 1);
  const labels = tf.tidy(() =>
    tf
      .range(0, shape[0] ?? 0, 1, 'int32')
      .mod(10)
      .toInt(),
  );
  const ys = tf.tidy(() => tf.oneHot(labels, 10).toFloat());
  return {
    step: () => model.trainOnBatch(xs, ys),
    dispose() {
      model.dispose();
      optimizer.dispose();
      tf.dispose([xs, labels, ys]);
    },
  };
}

/** @param {TensorFlow} tf */
function mlp(tf) {
  const dense = (/** @type {object} */ options) =>
    tf.layers.dense({ units: 512, activation: 'relu', ...options });
  return ofLayers(
    tf,
    [128, 784],
    [dense({ inputShape: [784] }), dense({}), dense({ units: 10, activation: 'softmax' })],
  );
}

/** @param {TensorFlow} tf */
function convnet(tf) {
  const { layers } = tf;
  return ofLayers(
    tf,
    [64, 28, 28, 1],
    [
      layers.conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  );
}

/**
 * A block of attention as a program of its own has it: 64 products of 64 x 24 x 64 a step, and those of their gradients.
 * @param {TensorFlow} tf
 */
function attention(tf) {
  const [sequences, context, heads, headWidth] = [16, 64, 4, 24];
  const width = heads * headWidth;
  const variables = ['query', 'key', 'value', 'output'].map((_, i) =>
    tf.variable(tf.randomNormal([width, width], 0, 0.1, 'float32', i + 1)),
  );
  const x = tf.randomNormal([sequences * context, width], 0, 1, 'float32', 9);
  const optimizer = tf.train.sgd(0.01);
  const loss = () => {
    const [query, key, value, output] = /** @type {any[]} */ (variables);
    const split = (/** @type {any} */ weight) =>
      tf.reshape(
        tf.transpose(
          tf.reshape(tf.matMul(/** @type {any} */ (x), weight), [sequences, context, heads, headWidth]),
          [0, 2, 1, 3],
        ),
        [sequences * heads, context, headWidth],
      );
    const scores = tf.softmax(tf.mul(tf.matMul(split(query), split(key), false, true), headWidth ** -0.5));
    const joined = tf.reshape(
      tf.transpose(
        tf.reshape(tf.matMul(scores, split(value)), [sequences, heads, context, headWidth]),
        [0, 2, 1, 3],
      ),
      [sequences * context, width],
    );
    return /** @type {any} */ (tf.mean(tf.square(tf.sub(tf.matMul(joined, output), x))));
  };
  return {
    step: () => optimizer.minimize(loss),
    dispose() {
      optimizer.dispose();
      tf.dispose([x, ...variables]);
    },
  };
}

const nets = { mlp, convnet, attention };

/** @typedef {{ net: keyof typeof nets, arm: string, backend: BackendName, policy: any }} Plan */

/** @type {(arm: string, more: object) => Plan} */
const onMlp = (arm, more) => ({
  ...{ net: 'mlp', arm, backend: 'wasm' },
  policy: { format: 'bfloat16', ...more },
});

/** @type {Plan[]} */
const plans = [
  { net: 'mlp', arm: 'float32', backend: 'wasm', policy: { kernels: 'stock' } },
  { net: 'mlp', arm: 'float32', backend: 'wasm', policy: { kernels: 'own' } },
  onMlp('bfloat16', {}),
  onMlp('bfloat16 sums', { accumulator: 'bfloat16' }),
  onMlp('hopper-bf16 sums', { accumulator: 'hopper-bf16' }),
  onMlp('exact sums', { accumulator: 'exact' }),
  ...['mxfp8e4m3', 'mxfp4', 'nvfp4'].map((inputs) => onMlp(`${inputs} inputs`, { inputs })),
  onMlp('log', { log: true }),
  { net: 'attention', arm: 'float32', backend: 'wasm', policy: { kernels: 'stock' } },
  { net: 'attention', arm: 'bfloat16', backend: 'wasm', policy: { kernels: 'stock', format: 'bfloat16' } },
  { net: 'attention', arm: 'float32', backend: 'wasm', policy: { kernels: 'own' } },
  { net: 'attention', arm: 'bfloat16', backend: 'wasm', policy: { format: 'bfloat16' } },
  { net: 'convnet', arm: 'float32', backend: 'cpu', policy: { kernels: 'stock' } },
  { net: 'convnet', arm: 'float32', backend: 'wasm', policy: { kernels: 'own' } },
  { net: 'convnet', arm: 'bfloat16', backend: 'wasm', policy: { format: 'bfloat16' } },
];
const stepsPerTurn = { wasm: 5, cpu: 1 };
const warmUp = { wasm: 2, cpu: 0 };

/** @param {{ seconds: number, report: (line: string) => void }} options `seconds` is the least time spent on each arm */
export async function benchTfjs({ seconds, report }) {
  const arms = plans.map((plan) => ({ ...plan, /** @type {number[][]} */ turns: [] }));
  const spent = (/** @type {number[][]} */ turns) => turns.flat().reduce((sum, time) => sum + time, 0);
  for (let turn = 0; turn < 3 || arms.some(({ turns }) => spent(turns) < 2 * seconds); turn++)
    for (const { net, arm, backend, policy, turns } of arms) {
      report(`tfjs ${net} ${arm} ${policy.kernels ?? 'own'}, turn ${turn + 1}`);
      const tf = await (backend === 'cpu' ? cpuBackend() : wasmBackend());
      const { step, dispose } = nets[net](tf);
      /** @type {number[]} */
      const times = [];
      await emulate.scope(tf, policy, async () => {
        for (let i = 0; i < warmUp[backend] + stepsPerTurn[backend]; i++) {
          const start = processorSeconds();
          await step();
          if (i >= warmUp[backend]) times.push(processorSeconds() - start);
        }
      });
      turns.push(times);
      dispose();
    }
  return arms.map(({ net, arm, backend, policy, turns }) => ({
    ...{ net, arm, backend, kernels: policy.kernels ?? 'own', turns },
    milliseconds: 1000 * medianOf(turns.flat()),
    steps: turns.flat().length,
  }));
}

/** @param {any[]} rows the first one of a net is what the others are compared with */
export function tfjsTable(rows) {
  return table(
    'A training step under TensorFlow.js (MLP 784-512-512-10, batch 128; attention, 1024 tokens; convolutional net, batch 64), median processor time',
    ['net', 'format', 'backend', 'kernels', 'ms', 'times faster than the first', 'time / float32 on ours'],
    rows.map((r) => {
      const first = rows.find((other) => other.net === r.net);
      const ours = rows.find(
        (other) => other.net === r.net && other.arm === 'float32' && other.kernels === 'own',
      );
      const ratios = [1 / pairedRatio(r.turns, first.turns), pairedRatio(r.turns, ours.turns)];
      return [r.net, r.arm, r.backend, r.kernels, ...[r.milliseconds, ...ratios].map(digits)];
    }),
  );
}

/** @param {readonly any[]} rows */
export function tfjsTargets(rows) {
  /** Times of the steps of an arm. */
  const turns = (/** @type {string} */ net, /** @type {string} */ arm, where = 'wasm own') => {
    const isArm = (/** @type {any} */ r) =>
      r.net === net && r.arm === arm && `${r.backend} ${r.kernels}` === where;
    return rows.find(isArm)?.turns ?? [];
  };
  const own = turns('mlp', 'float32');
  /** Arms of the MLP may take so many times what a step takes in float32. */
  const atMost = (/** @type {number} */ factor, /** @type {string[]} */ ...arms) =>
    judge(
      `MLP step in float32 against ${arms.join(', ')}, all ours`,
      1 / factor,
      arms.map((arm) => ({ label: arm, ratio: 1 / pairedRatio(turns('mlp', arm), own) })),
    );
  /** How many times as fast as another an arm is. */
  const faster = (
    /** @type {number[][]} */ one,
    /** @type {number[][]} */ other,
    /** @type {string} */ label,
  ) => [{ label, ratio: 1 / pairedRatio(one, other) }];
  return [
    judge(
      'MLP step in bfloat16 against stock wasm in float32',
      3,
      faster(turns('mlp', 'bfloat16'), turns('mlp', 'float32', 'wasm stock'), 'mlp'),
    ),
    atMost(1.15, 'bfloat16'),
    atMost(3, 'bfloat16 sums'),
    atMost(6, 'hopper-bf16 sums'),
    atMost(2, 'mxfp8e4m3 inputs', 'mxfp4 inputs', 'nvfp4 inputs'),
    atMost(1.3, 'log'),
    judge(
      'attention in bfloat16 on our kernels against stock ones',
      1,
      faster(turns('attention', 'bfloat16'), turns('attention', 'bfloat16', 'wasm stock'), 'attention'),
    ),
    judge(
      'convolutional step in bfloat16 against cpu in float32',
      10,
      faster(turns('convnet', 'bfloat16'), turns('convnet', 'float32', 'cpu stock'), 'convnet'),
    ),
  ];
}
