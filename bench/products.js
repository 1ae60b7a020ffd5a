/**
 * The cost of matrix products against their size, by accumulator, in the same run as tfjs-wasm's plain product: square
 * matrices of normal-like numbers of the format, in kernel memory, one thread unless said otherwise.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { resolveAccumulator } from '../dist/arithmetic/accumulate/model.js';
import { toFormat } from '../dist/formats/catalogue.js';
import {
  allocateFloat32,
  matmulArray,
  release,
  roundArray,
  startThreads,
  stopThreads,
} from '../dist/kernels/index.js';
import { resolveRounding } from '../dist/rounding/index.js';

/** @typedef {{ name: string, format: string, options?: object, model?: object, transposeA?: boolean, transposeB?: boolean, threads?: number }} Product */

const stochastic = (/** @type {number} */ randomBits) => ({ rounding: 'stochastic', randomBits });
const exactInto32 = { products: 'exact', accumulate: 'binary32' };

/** @type {readonly Product[]} */
const products = [
  { name: 'binary32', format: 'binary32' },
  { name: 'binary32, a transposed', format: 'binary32', transposeA: true },
  { name: 'binary32, b transposed', format: 'binary32', transposeB: true },
  { name: 'binary32, 2 threads', format: 'binary32', threads: 2 },
  { name: 'bfloat16, exact products, binary32 sums', format: 'bfloat16', model: exactInto32 },
  { name: 'binary16, every step to nearest', format: 'binary16' },
  { name: 'bfloat16, every step to nearest', format: 'bfloat16' },
  { name: 'e5m2, every step to nearest', format: 'e5m2' },
  { name: 'e4m3fn, every step to nearest', format: 'e4m3fn' },
  { name: 'binary16, every step to nearest, 2 threads', format: 'binary16', threads: 2 },
  { name: 'binary16, every step toward zero', format: 'binary16', options: { rounding: 'toward-zero' } },
  {
    name: 'binary16, every step toward negative',
    format: 'binary16',
    options: { rounding: 'toward-negative' },
  },
  { name: 'binary16, every step stochastic, N = 8', format: 'binary16', options: stochastic(8) },
  { name: 'bfloat16, every step stochastic, N = 8', format: 'bfloat16', options: stochastic(8) },
  { name: 'e5m2, every step stochastic, N = 8', format: 'e5m2', options: stochastic(8) },
  { name: 'e4m3fn, every step stochastic, N = 8', format: 'e4m3fn', options: stochastic(8) },
  { name: 'binary16, every step stochastic, N = 32', format: 'binary16', options: stochastic(32) },
  { name: 'binary16, chunks of 64', format: 'binary16', model: { order: { chunk: 64 } } },
  { name: 'binary16, pairwise', format: 'binary16', model: { order: 'pairwise' } },
  { name: 'binary16, exact products, binary16 sums', format: 'binary16', model: { products: 'exact' } },
  { name: 'e4m3fn, exact', format: 'e4m3fn', model: { products: 'exact', accumulate: 'exact' } },
  { name: 'binary16, exact', format: 'binary16', model: { products: 'exact', accumulate: 'exact' } },
];

/** A call that would take longer than this, judged by the last size, is left out: it is 8 times that call's. */
const mostSeconds = 20;

/**
 * Numbers of a format, like normal ones of a standard deviation.
 * @param {number} length
 * @param {string} name
 * @param {number} deviation
 */
function operand(length, name, deviation) {
  const x = allocateFloat32(length);
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  for (let i = 0; i < length; i++) x[i] = (next() + next() + next() + next()) * deviation * Math.sqrt(3);
  const format = toFormat(name);
  roundArray(x, x, format, resolveRounding(format));
  return x;
}

/** @param {() => void} call @param {number} seconds */
function medianTime(call, seconds) {
  call();
  const times = [];
  for (let total = 0; total < seconds || times.length < 3; total += times[times.length - 1] ?? 0) {
    const start = performance.now();
    call();
    times.push((performance.now() - start) / 1000);
    if (total > 4 * seconds) break;
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

/** @param {Product} product @param {number} n @param {number} seconds */
function timeOf(
  { format: name, options = {}, model: given = {}, transposeA = false, transposeB = false, threads = 1 },
  n,
  seconds,
) {
  const format = toFormat(name);
  const call = resolveRounding(format, options);
  const model = /** @type {any} */ (resolveAccumulator(format, call, given));
  const [a, b, out] = [operand(n * n, name, 1), operand(n * n, name, 1 / 8), allocateFloat32(n * n)];
  let taken = true;
  const time = medianTime(() => {
    taken = matmulArray(a, b, out, { m: n, n, k: n, transposeA, transposeB }, model, call, threads);
  }, seconds);
  for (const array of [a, b, out]) release(array);
  if (!taken) throw new Error(`${name}: no kernel`);
  return time;
}

/** @param {{ seconds: number, report: (line: string) => void, largest?: number }} options */
export async function benchProducts({ seconds, report, largest = 1024 }) {
  const require = createRequire(import.meta.url);
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`);
  await tf.setBackend('wasm');
  await startThreads(2);
  const sizes = [64, 128, 256, 512, 1024, 2048].filter((n) => n <= largest);
  /** @type {{ name: string, times: Record<number, number> }[]} */
  const rows = [
    { name: 'tfjs-wasm, binary32', times: {} },
    ...products.map(({ name }) => ({ name, times: {} })),
  ];
  for (const n of sizes) {
    const [x, y] = [tf.randomNormal([n, n]), tf.randomNormal([n, n])];
    for (const [i, row] of rows.entries()) {
      const product = products[i - 1];
      if (8 * (row.times[n / 2] ?? 0) > mostSeconds) continue;
      report(`${row.name}, ${n}`);
      row.times[n] =
        product === undefined
          ? medianTime(() => tf.matMul(x, y).dispose(), seconds)
          : timeOf(product, n, seconds);
    }
    tf.dispose([x, y]);
  }
  await stopThreads();
  return rows;
}
