/**
 * Four ways to add up n numbers in a narrow format, one rounding an operation: in order, in pairs, and with Kahan's and Neumaier's
 * compensation; beside them a sum kept exactly in a quire.
 *
 * node examples/summation.js [--format binary16] [--terms 1000]
 *
 * Sources: Kahan, "Further remarks on reducing truncation errors", CACM 8 (1965); Neumaier, ZAMM 54 (1974); Higham, "Accuracy
 * and Stability of Numerical Algorithms", 2nd edition, chapter 4.
 */
import { arithmetic, round } from 'halfulp';
import { readOptions } from './shared/options.js';
import { each, report } from './shared/report.js';

const options = readOptions('Sums of many numbers in a narrow format.', { format: 'binary16', terms: 1000 });
const { format, terms: count } = options;
const fp = arithmetic(format);

/** Kahan: what an addition loses is taken off the next term. */
function kahan(x) {
  let sum = 0;
  let lost = 0;
  for (const term of x) {
    const corrected = fp.sub(term, lost);
    const next = fp.add(sum, corrected);
    lost = fp.sub(fp.sub(next, sum), corrected);
    sum = next;
  }
  return sum;
}

/** Neumaier: the losses are added up apart; good for terms larger than the sum, too. */
function neumaier(x) {
  let sum = 0;
  let lost = 0;
  for (const term of x) {
    const next = fp.add(sum, term);
    const [large, small] = Math.abs(sum) >= Math.abs(term) ? [sum, term] : [term, sum];
    lost = fp.add(lost, fp.add(fp.sub(large, next), small));
    sum = next;
  }
  return fp.add(sum, lost);
}

function inQuire(x) {
  const quire = fp.quire();
  for (const term of x) quire.add(term);
  return quire.value();
}

/** Ways to add up, with the factor of u sum |x| that bounds the error of each: Higham, sections 4.2 and 4.3. */
const ways = {
  'in order': { add: (x) => fp.sum(x), factor: count - 1 },
  'in chunks of 32': { add: (x) => fp.sum(x, { order: { chunk: 32 } }), factor: 31 + Math.ceil(count / 32) },
  'in pairs': { add: (x) => fp.sum(x, { order: 'pairwise' }), factor: Math.ceil(Math.log2(count)) },
  Kahan: { add: kahan, factor: 2 },
  Neumaier: { add: neumaier, factor: 1 },
  'quire, rounded once': { add: inQuire, factor: 0 },
};

const inputs = {
  '1/k': Float64Array.from({ length: count }, (_, k) => 1 / (k + 1)),
  'one of 1, the rest of 2^-12': Float64Array.from({ length: count }, (_, k) => (k === 0 ? 1 : 2 ** -12)),
  'large numbers that cancel': Float64Array.from(
    { length: count },
    (_, k) => (k % 2 === 0 ? 1 : -1) * (100 + (k >> 1)) + 0.25,
  ),
};

const exactly = arithmetic('binary64');
const rows = Object.entries(inputs).flatMap(([numbers, exact]) => {
  const x = round(exact, format);
  // Enough for the true sum: the terms have few bits.
  const truth = exactly.sum(x, { accumulate: 'exact' });
  const magnitude = exactly.sum(x.map(Math.abs), { accumulate: 'exact' });
  return Object.entries(ways).map(([way, { add }]) => {
    const sum = add(x);
    return { numbers, way, sum, truth, relativeError: Math.abs((sum - truth) / truth), magnitude };
  });
});

const { unitRoundoff } = fp.format;
const inQuires = rows.filter(({ way }) => way === 'quire, rounded once');
const checks = [
  each(
    'the quire gives the true sum, rounded once',
    inQuires,
    ({ sum, truth }) => sum === round(truth, format),
  ),
];
// The bounds are those of floats, to first order in n u, and of sums within the range.
const isBounded = ({ way, sum, truth, magnitude }) => {
  const factor = ways[way].factor * unitRoundoff * magnitude * (1 + 2 * count * unitRoundoff);
  return Math.abs(sum - truth) <= factor + unitRoundoff * Math.abs(truth);
};
const bound =
  'every error is within its bound, (n - 1) u sum |x| in order and 2 u sum |x| compensated, and one rounding';
if (unitRoundoff !== undefined && count * unitRoundoff < 1) checks.push(each(bound, rows, isBounded));

const error = ({ relativeError }) => Math.max(relativeError, 1e-17);
const x = { value: error, type: 'log', label: 'relative error (exact sums at the left end)' };
const plot = { x, y: { value: 'way', label: null }, kind: 'dot', facet: 'numbers', height: 240 };
const table = rows.map(({ magnitude: _, ...row }) => row);
await report({ name: 'summation', rows: table, checks, plot }, options);
