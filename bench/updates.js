/**
 * What recipes of updates cost by themselves, in processor time: AdamW with 8-bit moments against float32 ones and a copy of the bytes that it
 * reads and writes; COAT's moments, by their step, and by their codec alone; the basis of a projection found anew. The ratios of whole steps are in `training.js`.
 */
import * as tf from '@tensorflow/tfjs';
import { wasmBackend } from '../build/tfjs/index.js';
import { adamW, recipes } from '../build/train/index.js';
import { expandRange, shrinkRange } from '../build/train/optimizers/range-expansion.js';
import { Projector } from '../build/train/update/projection.js';
import { medianOf, memmove, processorSeconds } from './measure.js';
import { digits, judge, table } from './report.js';

/** Weights of a matrix: more than the caches hold, and about a block of `llama-tiny`. */
const counts = [2 ** 20, 2 ** 17];
/** Sides of the gradients of GaLore's matrices: `llama-tiny` and `llama-large`. */
const sides = [
  [96, 256],
  [320, 864],
];

/**
 * Seconds of processor time of each contestant, in turns, after as many without a clock: engines compile what runs often again.
 * @param {Record<string, () => void>} contestants @param {number} turns @param {number} [before]
 */
function inTurns(contestants, turns, before = 0) {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let turn = -before; turn < turns; turn++)
    for (const [name, work] of Object.entries(contestants)) {
      const begin = processorSeconds();
      work();
      if (turn >= 0) /** @type {number[]} */ (times[name]).push(processorSeconds() - begin);
    }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, medianOf(all)]));
}

/** A step of AdamW on so many weights. @param {number} count @param {any} [codecs] of the moments; none: float32 */
function stepOf(count, codecs = {}) {
  const variable = tf.variable(tf.randomNormal([count / 128, 128], 0, 0.02));
  const gradient = tf.randomNormal([count / 128, 128], 0, 1e-3);
  const { first, second } = codecs;
  const optimizer = adamW(tf, first === undefined ? {} : { first, second });
  return {
    work: () => tf.tidy(() => optimizer.applyGradients({ [variable.name]: gradient })),
    stop() {
      optimizer.dispose();
      tf.dispose([variable, gradient]);
    },
  };
}

/** @param {number} count */
function adamRow(count) {
  const steps = {
    float32: stepOf(count),
    block256: stepOf(count, recipes.adam8bit({ block: 256 }).optimizer),
    block2048: stepOf(count, recipes.adam8bit({ block: 2048 }).optimizer),
    coat: stepOf(count, recipes.coat().optimizer),
  };
  const works = Object.fromEntries(Object.entries(steps).map(([name, { work }]) => [name, work]));
  // Gradient, weight and codes of two moments are read, weight and codes written: 16 bytes, half of them each way.
  const times = inTurns({ ...works, copy: memmove(2 * count) }, 15, 10);
  for (const { stop } of Object.values(steps)) stop();
  return { kind: 'adam', count, times };
}

/** Codes of COAT's moments, and numbers of codes. @param {number} count */
function codecRow(count) {
  const block = 128;
  const normal = tf.randomNormal([count], 0, 1e-3);
  const numbers = /** @type {Float32Array} */ (normal.dataSync().slice());
  normal.dispose();
  const held = expandRange(numbers, block);
  const times = inTurns(
    { encode: () => void expandRange(numbers, block), decode: () => void shrinkRange(held, count, block) },
    15,
    10,
  );
  return { kind: 'codec', count, times };
}

/** @param {readonly number[]} shape */
function refreshRow(shape) {
  const gradient = tf.randomNormal(/** @type {[number, number]} */ (shape), 0, 1e-3);
  const rank = /** @type {number} */ (shape[0]) / 4;
  const projector = (/** @type {number} */ period) => new Projector(tf, shape, { rank, period });
  // A projector finds its basis in its first step; one whose period is long has it after that.
  const known = projector(2 ** 30);
  const project = (/** @type {Projector} */ one) => () =>
    void tf.tidy(() => one.project(gradient).dataSync());
  project(known)();
  const times = inTurns({ refresh: project(projector(1)), project: project(known) }, 3);
  gradient.dispose();
  return { kind: 'refresh', shape, rank, times };
}

/** @param {{ report: (line: string) => void }} options */
export async function benchUpdates({ report }) {
  await wasmBackend();
  return [
    ...counts.map((count) => {
      report(`AdamW on ${count} weights`);
      return adamRow(count);
    }),
    codecRow(counts[0]),
    ...sides.map((shape) => {
      report(`basis of ${shape.join(' x ')}`);
      return refreshRow(shape);
    }),
  ];
}

/** @param {any[]} rows */
export function updatesTable(rows) {
  const adam = rows.filter(({ kind }) => kind === 'adam');
  const refresh = rows.filter(({ kind }) => kind === 'refresh');
  const codec = rows.filter(({ kind }) => kind === 'codec');
  return [
    table(
      'A step of AdamW, ns of processor time a weight',
      ['weights', 'float32', '8 bits, blocks of 256', 'of 2048', 'COAT', 'copy of 16 bytes'],
      adam.map(({ count, times }) => [
        count,
        ...['float32', 'block256', 'block2048', 'coat', 'copy'].map((name) =>
          digits((1e9 * times[name]) / count),
        ),
      ]),
    ),
    table(
      "COAT's moments, millions of numbers a second of processor time",
      ['numbers', 'encoded', 'decoded'],
      codec.map(({ count, times }) => [
        count,
        ...[times.encode, times.decode].map((seconds) => digits(count / seconds / 1e6)),
      ]),
    ),
    table(
      'GaLore: a gradient in its basis, ms of processor time; the basis is found anew every 200 steps by default',
      ['matrix', 'rank', 'basis known', 'found anew', 'a step, by 200'],
      refresh.map(({ shape, rank, times }) => [
        shape.join(' x '),
        rank,
        digits(1e3 * times.project),
        digits(1e3 * times.refresh),
        digits(1e3 * (times.project + (times.refresh - times.project) / 200)),
      ]),
    ),
  ].join('\n');
}

/** @param {readonly any[]} rows */
export function updatesTargets(rows) {
  const adam = rows.filter(({ kind }) => kind === 'adam');
  const ratios = (/** @type {string} */ over) =>
    adam.flatMap(({ count, times }) =>
      ['block256', 'block2048'].map((name) => ({
        label: `${name}, ${count}`,
        ratio: times[over] / times[name],
      })),
    );
  return [
    judge('8-bit AdamW against float32 AdamW', 1 / 1.3, ratios('float32')),
    judge('8-bit AdamW against a copy of its bytes', 0.3, ratios('copy')),
    judge(
      "COAT's codec of moments, of 100 M numbers a second",
      1,
      rows
        .filter(({ kind }) => kind === 'codec')
        .flatMap(({ count, times }) =>
          ['encode', 'decode'].map((label) => ({ label, ratio: count / times[label] / 1e8 })),
        ),
    ),
  ];
}
