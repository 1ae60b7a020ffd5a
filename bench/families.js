/**
 * Throughput of rounding to formats of every family, in every kind of mode, for float32 and float64 arrays in the library's
 * shared memory, against a copy of as many bytes and against the scalar reference loop. Stochastic rounding also with few
 * random bits, of which one Philox block gives more.
 */
import { toFormat } from '../build/formats/index.js';
import { allocateFloat32, allocateFloat64, release } from '../build/kernels/heap.js';
import { roundArray } from '../build/kernels/rounding-arrays.js';
import { roundingPath } from '../build/kernels/rounding-planner.js';
import { resolveRounding, roundArrayReference } from '../build/rounding/index.js';
import { copyOf, fill, measure } from './measure.js';
import { digits, judge, table } from './report.js';

const length = 1e6;
const referenceLength = 2e4;
/** @type {readonly (readonly [string, import('../build/rounding/index.js').RoundOptions])[]} */
const nearest = [
  'binary16',
  'e4m3fnuz',
  'dlfloat16',
  'e8m0',
  'binary8p1se',
  'int8',
  'fixed(4,4)',
  'posit8',
  'posit16',
  'nf4',
  'dynamic8',
  'binary',
  'logarithmic(4,3)',
].map((name) => [name, {}]);
/** @type {typeof nearest} */
const modes = [
  ['binary16', { rounding: 'toward-positive' }],
  ['bfloat16', { rounding: 'toward-positive' }],
  ['binary16', { rounding: 'to-odd' }],
  ['binary16', { rounding: 'nearest-away' }],
  ['binary16', { rounding: 'stochastic', randomBits: 32 }],
  ['binary16', { rounding: 'stochastic', randomBits: 16 }],
  ['binary16', { rounding: 'stochastic', randomBits: 8 }],
  ['int8', { saturation: 'wrap' }],
  ['posit16', { rounding: 'stochastic' }],
  ['nf4', { rounding: 'stochastic' }],
  ['dynamic8', { rounding: 'toward-zero' }],
  ['dynamic8', { rounding: 'stochastic' }],
];

/**
 * @param {{ seconds: number, report: (line: string) => void }} options
 * @returns rows of millions of elements a second
 */
export function benchFamilies({ seconds, report }) {
  const rows = [];
  for (const type of /** @type {const} */ (['float32', 'float64'])) {
    const allocate = type === 'float32' ? allocateFloat32 : allocateFloat64;
    const x = fill(allocate(length));
    const out = allocate(length);
    const some = x.slice(0, referenceLength);
    const copied = some.slice();
    for (const [name, given] of [...nearest, ...modes]) {
      const format = toFormat(name);
      const options = resolveRounding(format, given);
      const times = measure(
        {
          memmove: copyOf(x),
          kernel: () => roundArray(x, out, format, options),
          reference: () => roundArrayReference(some, copied, format, options),
        },
        { seconds },
      );
      const setting =
        given.rounding === 'stochastic' ? `${given.rounding} ${options.randomBits}` : options.rounding;
      rows.push({
        format: name,
        setting: given.saturation === undefined ? setting : `${setting}, ${given.saturation}`,
        type,
        path: roundingPath(type, format, options),
        memmove: length / times.memmove / 1e6,
        kernel: length / times.kernel / 1e6,
        reference: referenceLength / times.reference / 1e6,
      });
      report(`${type} ${name}`);
    }
    release(x);
    release(out);
  }
  return rows;
}

/** @param {any[]} rows */
export function familiesTable(rows) {
  return table(
    'Rounding to every family of formats, arrays of 10^6 in kernel memory, M elements/s',
    ['format', 'rounding', 'array', 'path', 'memmove', 'kernel', 'plain JS', 'kernel/memmove', 'kernel/JS'],
    rows.map((r) => [
      r.format,
      r.setting,
      r.type,
      r.path,
      ...[r.memmove, r.kernel, r.reference, r.kernel / r.memmove, r.kernel / r.reference].map(digits),
    ]),
  );
}

/** @param {readonly any[]} rows */
export function familiesTargets(rows) {
  const measured = rows
    .filter((r) => ['posit16', 'nf4', 'dynamic8'].includes(r.format))
    .map((r) => ({ label: `${r.format} ${r.setting} ${r.type}`, ratio: r.kernel / r.reference }));
  return [judge('posit16, nf4, dynamic8, heap, against plain JS', 10, measured)];
}
