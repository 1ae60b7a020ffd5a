/** Elementary functions of binary32 arrays on kernels, correctly rounded, against a loop of Math's, which is not, and the scalar reference. */
import { elementaryFunctions } from '../build/arithmetic/elementary/index.js';
import { toFormat } from '../build/formats/index.js';
import { allocateFloat32, release } from '../build/kernels/heap.js';
import { arithmetic } from '../build/operations/arithmetic.js';
import { resolveRounding } from '../build/rounding/index.js';
import { measure } from './measure.js';
import { digits, judge, table } from './report.js';

const length = 1e5;
const referenceLength = 2000;
/** What engines have; erf they have not. */
const native = { exp: Math.exp, log: Math.log, sin: Math.sin, cos: Math.cos, tanh: Math.tanh };
const names = /** @type {const} */ (['exp', 'log', 'sin', 'cos', 'tanh', 'erf']);
const cases = /** @type {const} */ ([
  ['binary32', 'nearest-even'],
  ['binary32', 'toward-positive'],
  ['binary32', 'to-odd'],
  ['bfloat16', 'nearest-even'],
]);

/**
 * @param {{ seconds: number, report: (line: string) => void }} options
 * @returns rows of nanoseconds an element
 */
export function benchElementary({ seconds, report }) {
  const rows = [];
  const x = allocateFloat32(length);
  const out = allocateFloat32(length);
  for (const [format, rounding] of cases) {
    const inFormat = arithmetic(format, { rounding });
    for (const name of names) {
      report(`${format} ${rounding} ${name}`);
      // Numbers up to 8, positive ones for the logarithm.
      for (let i = 0; i < length; i++) x[i] = ((i * 7919) % 10007) / 625 - (name === 'log' ? -0.001 : 8);
      arithmetic(format).convert(x, { out: x });
      const options = resolveRounding(toFormat(format), { rounding });
      const { evaluate } = elementaryFunctions[name];
      const ofMath = name === 'erf' ? undefined : native[name];
      const times = measure(
        {
          kernel: () => inFormat[name](x, { out }),
          math: () => {
            if (ofMath !== undefined)
              for (let i = 0; i < length; i++) out[i] = ofMath(/** @type {number} */ (x[i]));
          },
          reference: () => {
            for (let i = 0; i < referenceLength; i++)
              out[i] = evaluate(/** @type {number} */ (x[i]), 0, toFormat(format), options, 0);
          },
        },
        { seconds },
      );
      rows.push({
        name,
        format,
        rounding,
        kernel: (times.kernel / length) * 1e9,
        math: ofMath === undefined ? Number.NaN : (times.math / length) * 1e9,
        reference: (times.reference / referenceLength) * 1e9,
      });
    }
  }
  release(x);
  release(out);
  return rows;
}

/** @param {any[]} rows */
export function elementaryTable(rows) {
  return table(
    'Elementary functions of float32 arrays, correctly rounded: ns an element',
    ['function', 'format', 'mode', 'kernel', 'Math, not rounded so', 'reference', 'reference/kernel'],
    rows.map((r) => [
      r.name,
      r.format,
      r.rounding,
      digits(r.kernel),
      Number.isNaN(r.math) ? 'none' : digits(r.math),
      digits(r.reference),
      digits(r.reference / r.kernel),
    ]),
  );
}

/** @param {readonly any[]} rows */
export function elementaryTargets(rows) {
  const measured = rows
    .filter((r) => r.format === 'binary32' && !Number.isNaN(r.math))
    .map((r) => ({ label: `${r.name} ${r.rounding}`, ratio: r.math / r.kernel }));
  return [
    judge("elementary functions of binary32, correctly rounded, against a loop of Math's", 1, measured),
  ];
}
