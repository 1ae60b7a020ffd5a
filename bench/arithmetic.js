/**
 * Throughput of the operations on float32 arrays in the library's shared memory, against a loop that reads two arrays and writes
 * a third in lanes (binary32 addition by the same kernels), against `round` in the same mode, and against the scalar reference
 * loop. Operands are looked at for numbers that are none of the format's, or known to be some. Also ordinary arrays.
 */
import { operate, operationOf, planOperations } from '../build/arithmetic/operations.js';
import { formats } from '../build/formats/index.js';
import { operateArray } from '../build/kernels/arithmetic/operation-arrays.js';
import { allocateFloat32, release } from '../build/kernels/heap.js';
import { roundArray } from '../build/kernels/rounding-arrays.js';
import { resolveRounding } from '../build/rounding/index.js';
import { fill, measure } from './measure.js';
import { digits, judge, table } from './report.js';

const lengths = [1e6, 1e7];
const formatNames = /** @type {const} */ (['binary16', 'bfloat16']);
const operations = /** @type {const} */ (['add', 'mul', 'fma', 'div', 'sqrt']);
const arity = { add: 2, mul: 2, fma: 3, div: 2, sqrt: 1 };
/** @type {readonly import('../build/rounding/index.js').RoundOptions[]} */
const modes = [
  {},
  { rounding: 'toward-positive' },
  { rounding: 'stochastic' },
  { rounding: 'stochastic', randomBits: 16 },
  { rounding: 'stochastic', randomBits: 8 },
];
const referenceLength = 2e4;

/**
 * @param {{ seconds: number, report: (line: string) => void }} options
 * @returns rows of millions of elements a second
 */
export function benchArithmetic({ seconds, report }) {
  const rows = [];
  for (const length of lengths) {
    const operands = [0, 1, 2].map(() => fill(allocateFloat32(length)));
    const out = allocateFloat32(length);
    const raw = operands.map((x) => x.slice());
    const binary32 = resolveRounding(formats.binary32);
    for (const name of formatNames) {
      const format = formats[name];
      for (const [i, x] of operands.entries()) {
        x.set(raw[i] ?? []);
        roundArray(x, x, format, resolveRounding(format));
      }
      for (const given of modes) {
        const options = resolveRounding(format, given);
        for (const operation of operations) {
          // Memory matters to the fast ones only.
          const isSlow = given.rounding === 'stochastic' || operation === 'div' || operation === 'sqrt';
          if (length > 1e6 && isSlow) continue;
          const some = operands.slice(0, arity[operation]);
          const ordinary = some.map((x) => x.slice());
          const ordinaryOut = new Float32Array(length);
          const plan = planOperations(format, options);
          const chosen = operationOf(operation);
          /** @type {(a: number, b: number, c: number, random: number) => number} */
          const scalar = (a, b, c, random) => operate(chosen, a, b, c, plan, random);
          const [a, b, c] = /** @type {Float32Array[]} */ (ordinary);
          const times = measure(
            {
              copy: () =>
                operateArray('add', operands.slice(0, 2), out, formats.binary32, binary32, 1, scalar, true),
              round: () => roundArray(/** @type {Float32Array} */ (some[0]), out, format, options),
              checked: () => operateArray(operation, some, out, format, options, 1, scalar),
              known: () => operateArray(operation, some, out, format, options, 1, scalar, true),
              ordinary: () => operateArray(operation, ordinary, ordinaryOut, format, options, 1, scalar),
              reference: () => {
                for (let i = 0; i < referenceLength; i++)
                  ordinaryOut[i] = scalar(a?.[i] ?? 0, b?.[i] ?? 0, c?.[i] ?? 0, 0);
              },
            },
            { seconds },
          );
          const rate = (/** @type {number} */ time) => length / time / 1e6;
          rows.push({
            format: name,
            setting: given.rounding === 'stochastic' ? `stochastic ${options.randomBits}` : options.rounding,
            operation,
            length,
            copy: rate(times.copy),
            round: rate(times.round),
            checked: rate(times.checked),
            known: rate(times.known),
            ordinary: rate(times.ordinary),
            reference: referenceLength / times.reference / 1e6,
          });
          report(`${name} ${operation} ${options.rounding} ${length.toExponential(0)}`);
        }
      }
    }
    for (const x of [...operands, out]) release(x);
  }
  return rows;
}

/** @param {any[]} rows */
export function arithmeticTable(rows) {
  return table(
    'Operations on float32 arrays, M elements/s; copy reads two arrays and writes one; known: operands not looked at',
    [
      'format',
      'rounding',
      'operation',
      'length',
      'copy',
      'round',
      'checked',
      'known',
      'ordinary',
      'plain JS',
      'checked/copy',
      'known/copy',
      'checked/round',
      'known/round',
      'checked/JS',
    ],
    rows.map((r) => [
      r.format,
      r.setting,
      r.operation,
      r.length,
      ...[r.copy, r.round, r.checked, r.known, r.ordinary, r.reference].map(digits),
      ...[r.checked / r.copy, r.known / r.copy, r.checked / r.round, r.known / r.round].map(digits),
      digits(r.checked / r.reference),
    ]),
  );
}

/** @param {readonly any[]} rows */
export function arithmeticTargets(rows) {
  const hot = rows.filter((r) => ['add', 'mul', 'fma'].includes(r.operation));
  const label = (/** @type {any} */ r) => `${r.format} ${r.operation} ${r.length.toExponential(0)}`;
  const judged = [];
  for (const way of ['checked', 'known']) {
    const long = hot.filter((r) => r.setting === 'nearest-even' && r.length === 1e7);
    const directed = hot.filter((r) => r.setting === 'toward-positive' && r.length === 1e6);
    const random = hot.filter((r) => r.setting === 'stochastic 32');
    if (long.length === 0) continue;
    judged.push(
      judge(
        `operations, nearest-even, ${way}, against a copy loop at 1e7`,
        0.5,
        long.map((r) => ({ label: label(r), ratio: r[way] / r.copy })),
      ),
      judge(
        `operations, directed, ${way}, against nearest-even at 1e6`,
        0.33,
        directed.map((r) => {
          const nearest = hot.find((n) => label(n) === label(r) && n.setting === 'nearest-even');
          return { label: label(r), ratio: r[way] / nearest[way] };
        }),
      ),
      judge(
        `operations, stochastic, ${way}, against round`,
        0.7,
        random.map((r) => ({ label: label(r), ratio: r[way] / r.round })),
      ),
    );
  }
  return judged;
}
