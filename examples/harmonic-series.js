/**
 * The harmonic series 1 + 1/2 + 1/3 + ... diverges; in few bits it does not. To nearest, the sum stands still as soon as a term
 * is at most half a unit in its last place; toward zero, as soon as it is less than a unit. Stochastic rounding goes on, right in the mean.
 *
 * node examples/harmonic-series.js [--terms 20000] [--seeds 20]
 *
 * Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, chapter 4; the values for
 * binary16 (7.0859 after 513 terms) and bfloat16 (5.0625 after 65) are those of Higham, "What Is Bfloat16 Arithmetic?", 2020.
 */
import { arithmetic, repeat, round, ulp } from 'halfulp';
import { readOptions } from './shared/options.js';
import { each, report } from './shared/report.js';

const about = 'Partial sums of the harmonic series by format and rounding.';
const { terms: count, seeds, ...options } = readOptions(about, { terms: 20000, seeds: 20 });
const formats = ['e5m2', 'e4m3fn', 'bfloat16', 'binary16'];
const modes = ['nearest-even', 'toward-zero', 'toward-positive', 'stochastic'];
const terms = Float64Array.from({ length: count }, (_, i) => 1 / (i + 1));
const places = Array.from({ length: 80 }, (_, i) => Math.ceil(1.15 ** i)).filter((k) => k <= count);
const exact = arithmetic('binary64').cumsum(terms);

/** The partial sums at some places, the last one, and the index of the last term that changed it. */
function partialSums(format, rounding, seed) {
  const f = arithmetic(format, { rounding, seed });
  const sums = f.cumsum(round(terms, format));
  const sum = sums[count - 1];
  const lastTerm = sums.findLastIndex((one, i) => i === 0 || one !== sums[i - 1]) + 1;
  return { sum, lastTerm, curve: places.map((k) => sums[k - 1]) };
}

const results = formats.flatMap((format) =>
  modes.map((rounding) => {
    const runs = rounding === 'stochastic' ? seeds : 1;
    return { format, rounding, ...repeat(runs, (seed) => partialSums(format, rounding, seed)) };
  }),
);
const rows = results.map(({ format, rounding, sum, lastTerm }) => {
  const error = sum.mean / exact[count - 1] - 1;
  return { format, rounding, sum: sum.mean, lastTerm: Math.max(...lastTerm.runs), error };
});

const nearest = rows.filter(({ rounding }) => rounding === 'nearest-even');
const still = { binary16: [7.0859375, 512], bfloat16: [5.0625, 64] };
const known = nearest.filter(({ format }) => format in still);
const isKnown = ({ format, sum, lastTerm }) => still[format].join() === [sum, lastTerm].join();
const isHalf = ({ format, sum, lastTerm }) => round(1 / (lastTerm + 1), format) <= ulp(sum, format) / 2;
const stochastic = rows.filter((row) => row.format === 'binary16' && row.rounding === 'stochastic');
const isClose = ({ error }) => Math.abs(error) < 0.03;
const checks = [
  each('to nearest, binary16 stands still at 7.0859375 and bfloat16 at 5.0625', known, isKnown),
  each('to nearest it stops where 1/k is at most half a unit in the last place', nearest, isHalf),
  each('binary16 stochastically is within 3 % in the mean', stochastic, isClose),
];
const constant = (k) => ({ mean: exact[k - 1] });
const ofExact = formats.map((format) => ({ format, rounding: 'exact', curve: places.map(constant) }));
const drawn = [...ofExact, ...results].flatMap(({ format, rounding, curve }) =>
  curve.map(({ mean, interval: [low, high] = [NaN, NaN] }, i) => {
    const band = Number.isFinite(low) ? [low, high] : [mean, mean];
    return { format, rounding, k: places[i], sum: mean, band };
  }),
);
const axes = { x: { value: 'k', type: 'log', label: 'terms' }, y: { value: 'sum', domain: [0, 14] } };
const plot = { ...axes, band: 'band', series: 'rounding', facet: 'format', height: 320 };
await report({ name: 'harmonic-series', rows, checks, plot, drawn }, options);
