/**
 * The harmonic series 1 + 1/2 + 1/3 + ... diverges; in few bits it does not. To nearest, the sum stands still as soon as a term
 * is at most half a unit in its last place; toward zero, as soon as it is less than a unit. Stochastic rounding goes on, right in the mean.
 *
 * node examples/harmonic-series.js [--terms 20000] [--seeds 20]
 *
 * Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, chapter 4; the values for
 * binary16 (7.0859 after 513 terms) and bfloat16 (5.0625 after 65) are those of Higham, "What Is Bfloat16 Arithmetic?", 2020.
 */
import * as Plot from '@observablehq/plot';
import { arithmetic, round, ulp } from 'halfulp';
import { readOptions } from './shared/options.js';
import { report } from './shared/report.js';

const options = readOptions('Partial sums of the harmonic series by format and rounding.', {
  terms: 20000,
  seeds: 20,
});
const formats = ['e5m2', 'e4m3fn', 'bfloat16', 'binary16'];
const modes = ['nearest-even', 'toward-zero', 'toward-positive', 'stochastic'];

/** The partial sums, and the index of the last term that changed one. */
function partialSums(format, rounding, seed) {
  const { add } = arithmetic(format, { rounding, seed });
  const sums = new Float64Array(options.terms);
  let sum = 0;
  let last = 0;
  for (let k = 1; k <= options.terms; k++) {
    const next = add(sum, round(1 / k, format));
    if (next !== sum) last = k;
    sum = next;
    sums[k - 1] = sum;
  }
  return { sums, last };
}

const exact = new Float64Array(options.terms);
for (let k = 1, sum = 0; k <= options.terms; k++) {
  sum += 1 / k;
  exact[k - 1] = sum;
}

const rows = [];
const curves = [];
for (const format of formats)
  for (const rounding of modes) {
    const seeds = rounding === 'stochastic' ? options.seeds : 1;
    const runs = Array.from({ length: seeds }, (_, seed) => partialSums(format, rounding, seed));
    const mean = exact.map((_, k) => runs.reduce((sum, run) => sum + run.sums[k], 0) / seeds);
    const lastTerm = Math.max(...runs.map(({ last }) => last));
    rows.push({ format, rounding, sum: mean.at(-1), lastTerm, error: mean.at(-1) / exact.at(-1) - 1 });
    for (let k = 1; k <= options.terms; k = Math.ceil(k * 1.15))
      curves.push({ format, rounding, k, sum: mean[k - 1] });
  }
for (let k = 1; k <= options.terms; k = Math.ceil(k * 1.15))
  for (const format of formats) curves.push({ format, rounding: 'exact', k, sum: exact[k - 1] });

const rowOf = (format, rounding) => rows.find((row) => row.format === format && row.rounding === rounding);
const checks = [
  {
    claim: 'binary16 to nearest stands still at 7.0859375 after 513 terms',
    of: 'binary16',
    sum: 7.0859375,
    lastTerm: 512,
  },
  {
    claim: 'bfloat16 to nearest stands still at 5.0625 after 65 terms',
    of: 'bfloat16',
    sum: 5.0625,
    lastTerm: 64,
  },
].map(({ claim, of, sum, lastTerm }) => {
  const row = rowOf(of, 'nearest-even');
  return { claim, holds: row.sum === sum && row.lastTerm === lastTerm };
});
for (const format of formats) {
  const { sum, lastTerm } = rowOf(format, 'nearest-even');
  checks.push({
    claim: `${format} to nearest stops where 1/k is at most half a unit in the last place`,
    holds: round(1 / (lastTerm + 1), format) <= ulp(sum, format) / 2,
  });
}
checks.push({
  claim: 'binary16 stochastically is within 3 % of the exact sum in the mean',
  holds: Math.abs(rowOf('binary16', 'stochastic').error) < 0.03,
});

report(
  {
    name: 'harmonic-series',
    rows,
    checks,
    plot: {
      width: 900,
      height: 320,
      x: { type: 'log', label: 'terms' },
      y: { label: 'partial sum', domain: [0, 14], clamp: true },
      fx: { domain: formats },
      color: { domain: ['exact', ...modes], legend: false },
      marginRight: 90,
      marks: [
        Plot.lineY(curves, { x: 'k', y: 'sum', stroke: 'rounding', fx: 'format', clip: true }),
        Plot.text(
          curves.filter(({ rounding, format }) => format === 'binary16' && rounding !== 'exact'),
          Plot.selectLast({
            x: 'k',
            y: 'sum',
            z: 'rounding',
            text: 'rounding',
            fill: 'rounding',
            fx: 'format',
            dx: 4,
            textAnchor: 'start',
          }),
        ),
        Plot.frame({ stroke: '#ccc' }),
      ],
    },
  },
  options,
);
