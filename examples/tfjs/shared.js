/**
 * What the TensorFlow.js examples share: four arithmetics to train in, loops that know nothing of them, and a report.
 */
import * as Plot from '@observablehq/plot';
import { emulate, lossScaling, wasmBackend } from 'halfulp/tfjs';
import { report } from '../shared/report.js';

/** Operands of products in 8 bits with a scale a tensor, as 8-bit training has it; everything else in bfloat16. */
const eightBit = (format) => ({ inputs: { format, scale: { per: 'tensor', from: 'absmax' } } });

export const arms = [
  { arm: 'float32', policy: { kernels: 'own' }, scaled: false },
  { arm: 'bfloat16', policy: { format: 'bfloat16' }, scaled: false },
  { arm: 'binary16, scaled loss', policy: { format: 'binary16' }, scaled: true },
  {
    arm: 'e4m3fn forward, e5m2 backward, scaled',
    policy: {
      format: 'bfloat16',
      roles: { forward: eightBit('e4m3fn'), backward: eightBit('e5m2'), predict: eightBit('e4m3fn') },
    },
    scaled: true,
  },
];

/** A generator of uniform numbers in [0, 1): the same on every machine. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Trains in every arithmetic and reports the accuracies.
 *
 * @param {string} name
 * @param {{ out: string, json: boolean }} options
 * @param {(context: { tf: any, optimizer: (inner: any) => any, scaling: any }) => Promise<{ loss: number, accuracy: number }>} run
 *   builds, trains and evaluates one model; `optimizer` wraps its optimiser in loss scaling where the arm has it
 * @param {{ atLeast: number, within: number }} expected the accuracy of float32, and how far the others may be below it
 */
export async function compare(name, options, run, { atLeast, within }) {
  const tf = await wasmBackend();
  const rows = [];
  for (const { arm, policy, scaled } of arms) {
    const scaling = scaled ? lossScaling(tf, { initial: 2 ** 12, growthInterval: 200 }) : undefined;
    const optimizer = (inner) => scaling?.wrap(inner) ?? inner;
    const start = performance.now();
    const { loss, accuracy } = await emulate.scope(tf, policy, () => run({ tf, optimizer, scaling }));
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    rows.push({ arm, loss, accuracy, skippedSteps: scaling?.state.skipped ?? 0, seconds });
  }
  const [{ accuracy: best }] = rows;
  const checks = [
    { claim: `float32 classifies at least ${Math.round(100 * atLeast)} % correctly`, holds: best >= atLeast },
    ...rows.slice(1).map(({ arm, accuracy }) => ({
      claim: `${arm} is at most ${Math.round(100 * within)} percentage points below float32`,
      holds: accuracy >= best - within,
    })),
  ];
  const plot = {
    width: 720,
    height: 200,
    marginLeft: 230,
    x: { label: 'accuracy', percent: true, domain: [0, 100], grid: true },
    y: { label: null, domain: rows.map(({ arm }) => arm) },
    marks: [Plot.barX(rows, { x: 'accuracy', y: 'arm', fill: '#4269d0' })],
  };
  report({ name: `tfjs-${name}`, rows, checks, plot }, options);
  return tf;
}
