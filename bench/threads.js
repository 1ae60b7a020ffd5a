/**
 * What worker threads gain: rounding float32 arrays to binary16 by two threads, and by as many as the machine has cores,
 * against one. Arrays lie in the library's shared memory or are ordinary ones. The figures mean something only where
 * that many cores are idle.
 */
import { availableParallelism } from 'node:os';
import { formats } from '../build/formats/index.js';
import { allocateFloat32, release } from '../build/kernels/heap.js';
import { roundArray } from '../build/kernels/rounding-arrays.js';
import { startThreads, stopThreads } from '../build/kernels/threads.js';
import { resolveRounding } from '../build/rounding/index.js';
import { measure } from './measure.js';
import { digits, judge, table } from './report.js';

const lengths = [1e5, 1e6, 1e7];
const cores = Math.min(64, availableParallelism());
const roundings = /** @type {const} */ ([
  ['nearest-even', 32],
  ['stochastic', 32],
  ['stochastic', 8],
]);

/**
 * @param {{ seconds: number, report: (line: string) => void }} options
 * @returns rows of millions of elements a second
 */
export async function benchThreads({ seconds, report }) {
  const rows = [];
  await startThreads(Math.max(2, cores));
  for (const length of lengths) {
    const places = [
      { place: 'heap', x: allocateFloat32(length), out: allocateFloat32(length) },
      { place: 'ordinary', x: new Float32Array(length), out: new Float32Array(length) },
    ];
    for (const { place, x, out } of places) {
      for (let i = 0; i < length; i++) x[i] = 1 / (i + 1);
      for (const [rounding, randomBits] of roundings) {
        const options = resolveRounding(formats.binary16, { rounding, randomBits });
        const round = (/** @type {number} */ threads) => () =>
          roundArray(x, out, formats.binary16, options, threads);
        const times = measure({ one: round(1), two: round(2), all: round(cores) }, { seconds, turns: 4 });
        const rate = (/** @type {number} */ time) => length / time / 1e6;
        const [one, two, all] = [rate(times.one), rate(times.two), rate(times.all)];
        rows.push({ place, rounding, randomBits, length, cores, one, two, all });
        report(`${place} ${rounding} ${length.toExponential(0)}`);
      }
    }
    const [inHeap] = places;
    if (inHeap !== undefined) for (const array of [inHeap.x, inHeap.out]) release(array);
  }
  await stopThreads();
  return rows;
}

/** @param {any[]} rows */
export function threadsTable(rows) {
  const cores = rows[0]?.cores;
  return table(
    'Rounding of float32 to binary16 by several threads, M elements/s',
    ['arrays', 'rounding', 'bits', 'length', '1', '2', `${cores} (all cores)`, '2/1', `${cores}/1`],
    rows.map((r) => [
      r.place,
      r.rounding,
      r.randomBits,
      r.length,
      ...[r.one, r.two, r.all, r.two / r.one, r.all / r.one].map(digits),
    ]),
  );
}

/** @param {readonly any[]} rows */
export function threadsTargets(rows) {
  const divided = rows.filter(
    (r) => r.place === 'heap' && r.rounding === 'stochastic' && r.randomBits === 32 && r.length === 1e7,
  );
  const measured = divided.map((r) => ({ label: 'binary16 1e+7', ratio: r.two / r.one }));
  return [judge('stochastic, heap, two threads against one at 1e7', 1.7, measured)];
}
