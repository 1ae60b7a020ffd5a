/**
 * The time of one training step of the small language model: emulated, quantised and on a grid, on our kernels and on
 * those of tfjs-wasm, against plain float32 on stock tfjs-wasm. Arms take turns, so that a drift of the machine hits all alike.
 */
import { wasmBackend } from '../dist/tfjs/index.js';
import { mobyDick, recipes, train } from '../dist/train/index.js';
import { digits, judge, table } from './report.js';

const stepsPerTurn = 6;
const warmUp = 2;

/** @param {{ seconds: number, report: (line: string) => void }} options `seconds` is the least time spent on each arm */
export async function benchTraining({ seconds, report }) {
  const tf = await wasmBackend();
  const data = await mobyDick();
  const arms = /** @type {const} */ ([
    { arm: 'float32', kernels: 'stock', recipe: recipes.float32() },
    { arm: 'bfloat16', kernels: 'stock', recipe: recipes.bfloat16() },
    { arm: 'bitnet', kernels: 'stock', recipe: recipes.bitnet() },
    { arm: 'float32', kernels: 'own', recipe: recipes.float32() },
    { arm: 'bfloat16', kernels: 'own', recipe: recipes.bfloat16() },
    { arm: 'bitnet', kernels: 'own', recipe: recipes.bitnet() },
    { arm: 'dqt8', kernels: 'own', recipe: recipes.dqt({ bits: 8 }) },
    { arm: 'dqt4', kernels: 'own', recipe: recipes.dqt({ bits: 4 }) },
    { arm: 'dqt1.58', kernels: 'own', recipe: recipes.dqt({ bits: 1.58 }) },
  ]).map((arm) => ({ ...arm, /** @type {number[]} */ times: [] }));
  const spent = (/** @type {number[]} */ times) => times.reduce((sum, time) => sum + time, 0);
  for (let turn = 0; turn < 3 || arms.some(({ times }) => spent(times) < 4 * seconds); turn++) {
    for (const { arm, kernels, recipe, times } of arms) {
      report(`training ${arm} ${kernels}, turn ${turn + 1}`);
      const controller = new AbortController();
      await train({
        ...{ tf, data, recipe, kernels, model: 'llama-tiny', steps: 1000, seed: 1 },
        // Aborted after the last step that counts: the whole validation would take longer than the steps.
        ...{ evaluateEvery: 0, evaluationWindows: 1, signal: controller.signal },
        onStep: ({ step, seconds: time }) => {
          if (step > warmUp) times.push(time);
          if (step === warmUp + stepsPerTurn) controller.abort();
        },
      });
    }
  }
  const median = (/** @type {number[]} */ times) =>
    [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
  return arms.map(({ arm, kernels, times }) => ({
    arm,
    kernels,
    milliseconds: 1000 * median(times),
    steps: times.length,
  }));
}

/** @param {any[]} rows the first one is float32 on stock kernels */
export function trainingTable(rows) {
  const stock = rows[0];
  return table(
    'A training step of llama-tiny (1024 characters), median',
    ['arm', 'kernels', 'ms', 'characters/s', 'time / float32 on stock', 'time / float32 on the same kernels'],
    rows.map((r) => {
      const same = rows.find((other) => other.arm === 'float32' && other.kernels === r.kernels);
      const ratios = [r.milliseconds / stock.milliseconds, r.milliseconds / same.milliseconds];
      return [r.arm, r.kernels, ...[r.milliseconds, 1024e3 / r.milliseconds, ...ratios].map(digits)];
    }),
  );
}

/** @param {readonly any[]} rows */
export function trainingTargets(rows) {
  const time = (/** @type {string} */ arm, /** @type {string} */ kernels) =>
    rows.find((r) => r.arm === arm && r.kernels === kernels)?.milliseconds;
  const float32 = time('float32', 'own');
  const against = (/** @type {string} */ arm) => ({ label: arm, ratio: float32 / time(arm, 'own') });
  return [
    judge('training step in float32 against stock wasm', 3, [
      { label: 'llama-tiny', ratio: time('float32', 'stock') / float32 },
    ]),
    judge('training step in float32 / BitNet step', 1 / 1.5, [against('bitnet')]),
    judge('training step in float32 / step on a grid', 1 / 1.3, ['dqt8', 'dqt4', 'dqt1.58'].map(against)),
  ];
}
