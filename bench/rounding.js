/**
 * Throughput of rounding float32 arrays, against a copy of the same size and against the scalar reference loop. Arrays
 * lie in the library's shared memory (out of place, and in place) or are ordinary ones.
 */
import { formats } from '../build/formats/index.js';
import { allocateFloat32, release } from '../build/kernels/heap.js';
import { roundArray } from '../build/kernels/rounding-arrays.js';
import { resolveRounding, roundArrayReference } from '../build/rounding/index.js';
import { fill, measure, memmove } from './measure.js';
import { digits, judge, table } from './report.js';

const lengths = [1e4, 1e6, 1e7];
const formatNames = /** @type {const} */ (['binary16', 'bfloat16', 'e4m3fn', 'e5m2', 'e2m1']);
const modes = /** @type {const} */ ([
  'nearest-even',
  'toward-zero',
  'toward-positive',
  'to-odd',
  'stochastic',
]);
/** The reference takes a second for 10^7 stochastic elements; its pace does not depend on the length from here on. */
const longestReference = 1e5;

/**
 * @param {{ seconds: number, report: (line: string) => void }} options
 * @returns rows of millions of elements a second and ratios
 */
export function benchRounding({ seconds, report }) {
  const rows = [];
  for (const length of lengths) {
    const x = fill(new Float32Array(length));
    const out = new Float32Array(length);
    const heapX = allocateFloat32(length);
    const heapOut = allocateFloat32(length);
    const heapInPlace = allocateFloat32(length);
    heapX.set(x);
    const referenceLength = Math.min(length, longestReference);
    const referenceX = x.subarray(0, referenceLength);
    for (const name of formatNames) {
      for (const rounding of modes) {
        const format = formats[name];
        const options = resolveRounding(format, { rounding });
        heapInPlace.set(x);
        const times = measure(
          {
            memmove: memmove(length),
            heap: () => roundArray(heapX, heapOut, format, options),
            inPlace: () => roundArray(heapInPlace, heapInPlace, format, options),
            ordinary: () => roundArray(x, out, format, options),
            reference: () => roundArrayReference(referenceX, out, format, options),
          },
          { seconds },
        );
        const rate = (/** @type {number} */ time) => length / time / 1e6;
        const row = {
          format: name,
          rounding,
          length,
          memmove: rate(times.memmove),
          heap: rate(times.heap),
          inPlace: rate(times.inPlace),
          ordinary: rate(times.ordinary),
          reference: referenceLength / times.reference / 1e6,
        };
        rows.push(row);
        report(`${name} ${rounding} ${length.toExponential(0)}`);
      }
    }
    for (const array of [heapX, heapOut, heapInPlace]) release(array);
  }
  return rows;
}

/** @param {any[]} rows */
export function roundingTable(rows) {
  return table(
    'Rounding of float32, M elements/s; ratios of the heap-resident and the ordinary array',
    [
      'format',
      'rounding',
      'length',
      'memmove',
      'heap',
      'in place',
      'ordinary',
      'plain JS',
      'heap/memmove',
      'ordinary/memmove',
      'heap/JS',
      'ordinary/JS',
    ],
    rows.map((r) => [
      r.format,
      r.rounding,
      r.length,
      ...[r.memmove, r.heap, r.inPlace, r.ordinary, r.reference].map(digits),
      ...[r.heap / r.memmove, r.ordinary / r.memmove, r.heap / r.reference, r.ordinary / r.reference].map(
        digits,
      ),
    ]),
  );
}

/** @param {readonly any[]} rows */
export function roundingTargets(rows) {
  const pick = (/** @type {string} */ mode, /** @type {readonly number[]} */ lengths) =>
    rows.filter((r) => r.rounding === mode && lengths.includes(r.length));
  const ratios = (/** @type {any[]} */ some, /** @type {string} */ key, /** @type {string} */ by) =>
    some.map((r) => ({ label: `${r.format} ${r.length.toExponential(0)}`, ratio: r[key] / r[by] }));
  const cached = pick('nearest-even', [1e4, 1e6]);
  const random = pick('stochastic', [1e4, 1e6, 1e7]);
  const judged = [];
  for (const place of ['heap', 'ordinary'])
    judged.push(
      judge(
        `nearest-even, ${place}, against plain JS at 1e4 and 1e6`,
        10,
        ratios(cached, place, 'reference'),
      ),
      judge(`stochastic, ${place}, against plain JS`, 5, ratios(random, place, 'reference')),
    );
  for (const place of ['heap', 'inPlace', 'ordinary'])
    for (const mode of ['nearest-even', 'toward-zero', 'toward-positive', 'to-odd'])
      for (const [length, wanted] of /** @type {const} */ ([
        [1e6, 0.6],
        [1e7, 0.9],
      ]))
        judged.push(
          judge(
            `${mode}, ${place}, against memmove at ${length.toExponential(0)}`,
            wanted,
            ratios(pick(mode, [length]), place, 'memmove'),
          ),
        );
  return judged;
}
