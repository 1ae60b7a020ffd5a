/**
 * The cost of matrix products against their size, by accumulator, in the same run as tfjs-wasm's plain product: square
 * matrices of normal-like numbers of the format, in kernel memory, one thread unless said otherwise.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { resolveAccumulator } from '../build/arithmetic/accumulate/model.js';
import { matrixUnit } from '../build/arithmetic/matrix-unit/index.js';
import { toFormat } from '../build/formats/names.js';
import { allocateFloat32, release } from '../build/kernels/heap.js';
import { matmulArray } from '../build/kernels/products/product-arrays.js';
import { roundArray } from '../build/kernels/rounding-arrays.js';
import { startThreads, stopThreads } from '../build/kernels/threads.js';
import { resolveRounding } from '../build/rounding/index.js';
import { digits, judge, table } from './report.js';

/** @typedef {{ name: string, format: string, operands?: string, deviation?: number, options?: object, model?: object, unit?: string, addend?: boolean, transposeA?: boolean, transposeB?: boolean, threads?: number }} Product */

const stochastic = (/** @type {number} */ randomBits) => ({ rounding: 'stochastic', randomBits });
const exactInto32 = { products: 'exact', accumulate: 'binary32' };

/** @type {readonly Product[]} */
const products = [
  { name: 'binary32', format: 'binary32' },
  { name: 'binary32, a transposed', format: 'binary32', transposeA: true },
  { name: 'binary32, b transposed', format: 'binary32', transposeB: true },
  { name: 'binary32, 2 threads', format: 'binary32', threads: 2 },
  { name: 'binary32, operands of int8', format: 'binary32', operands: 'int8', deviation: 30 },
  { name: 'binary32, operands of e2m1', format: 'binary32', operands: 'e2m1' },
  { name: 'binary32, from an addend', format: 'binary32', addend: true },
  { name: 'bfloat16, exact products, binary32 sums', format: 'bfloat16', model: exactInto32 },
  { name: 'binary16, every step to nearest', format: 'binary16' },
  { name: 'bfloat16, every step to nearest', format: 'bfloat16' },
  { name: 'e5m2, every step to nearest', format: 'e5m2' },
  { name: 'e4m3fn, every step to nearest', format: 'e4m3fn' },
  { name: 'binary16, every step to nearest, from an addend', format: 'binary16', addend: true },
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
  { name: 'e4m3fn, every step stochastic, N = 32', format: 'e4m3fn', options: stochastic(32) },
  { name: 'binary16, chunks of 64', format: 'binary16', model: { order: { chunk: 64 } } },
  { name: 'binary16, pairwise', format: 'binary16', model: { order: 'pairwise' } },
  { name: 'binary16, exact products, binary16 sums', format: 'binary16', model: { products: 'exact' } },
  { name: 'e4m3fn, exact', format: 'e4m3fn', model: { products: 'exact', accumulate: 'exact' } },
  { name: 'binary16, exact', format: 'binary16', model: { products: 'exact', accumulate: 'exact' } },
  ...[
    ['volta-fp16', 'binary16'],
    ['ampere-bf16', 'bfloat16'],
    ['hopper-fp16', 'binary16'],
    ['hopper-fp8', 'e4m3fn'],
    ['blackwell-nvfp4', 'e2m1'],
    ['cdna3-fp16', 'binary16'],
    ['cdna3-fp8', 'e4m3fnuz'],
    ['cdna2-bf16', 'bfloat16'],
  ].map(([unit = '', operands = '']) => ({
    name: `matrix unit ${unit}`,
    format: 'binary32',
    operands,
    unit,
  })),
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
  {
    format: name,
    operands = name,
    deviation = 1,
    options = {},
    model: wanted = {},
    unit,
    addend = false,
    transposeA = false,
    transposeB = false,
    threads = 1,
  },
  n,
  seconds,
) {
  const format = toFormat(name);
  const call = resolveRounding(format, options);
  const given = unit === undefined ? wanted : { accumulate: matrixUnit(unit) };
  const model = resolveAccumulator(format, call, given);
  // Products of narrow numbers are not to vanish.
  const other = operands === name && unit === undefined ? 1 / 8 : deviation;
  const [a, b, out] = [
    operand(n * n, operands, deviation),
    operand(n * n, operands, other),
    allocateFloat32(n * n),
  ];
  const start = addend ? { values: operand(n * n, name, 1), stride: n * n } : undefined;
  let taken = true;
  const time = medianTime(() => {
    taken = matmulArray(a, b, out, { m: n, n, k: n, transposeA, transposeB }, model, call, threads, start);
  }, seconds);
  for (const array of [a, b, out, ...(start === undefined ? [] : [start.values])]) release(array);
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

/** @param {any[]} rows tfjs-wasm's first */
export function productsTable(rows) {
  const sizes = Object.keys(rows[0].times).map(Number);
  return table(
    'Square matrix products, G multiply-adds/s by size; at the last size, how many times tfjs-wasm is faster',
    ['accumulator', ...sizes.map(String), 'ratio'],
    rows.map(({ name, times }) => {
      const last = sizes.findLast((n) => times[n] !== undefined) ?? 0;
      const rates = sizes.map((n) => (times[n] === undefined ? '-' : digits(n ** 3 / times[n] / 1e9)));
      return [name, ...rates, digits(times[last] / rows[0].times[last])];
    }),
  );
}

/** @param {readonly any[]} rows */
export function productsTargets(rows) {
  /** Times faster, at the largest size that both have. */
  const ratio = (/** @type {string} */ name, /** @type {string} */ than) => {
    const [times, others] = [name, than].map((wanted) => rows.find((r) => r.name === wanted).times);
    const size = Object.keys(times).findLast((n) => times[n] !== undefined && others[n] !== undefined) ?? 0;
    return { label: `${name}, ${size}`, ratio: others[size] / times[size] };
  };
  const plain = 'binary32';
  const steps = ['binary16', 'bfloat16', 'e5m2'];
  return [
    judge('plain product against tfjs-wasm', 1.6, [ratio(plain, 'tfjs-wasm, binary32')]),
    judge('transposed operands against plain ones', 0.9, [
      ratio('binary32, a transposed', plain),
      ratio('binary32, b transposed', plain),
    ]),
    judge('two threads against one', 1.8, [ratio('binary32, 2 threads', plain)]),
    judge(
      'every step to nearest against the plain product',
      1 / 9,
      steps.map((format) => ratio(`${format}, every step to nearest`, plain)),
    ),
    judge(
      'every step stochastic, N = 8, against nearest',
      1 / 8,
      steps.map((format) =>
        ratio(`${format}, every step stochastic, N = 8`, `${format}, every step to nearest`),
      ),
    ),
  ];
}
