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

const about = 'Sums of many numbers in a narrow format.';
const options = readOptions(about, { format: 'binary16', terms: 1000 });
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

/** Ways to add up, with the factor of u sum |x| that bounds the error of each: Higham, sections 4.2 and 4.3. */
const quire = 'quire, rounded once';
const ways = {
  'in order': { add: (x) => fp.sum(x), factor: count - 1 },
  'in chunks of 32': { add: (x) => fp.sum(x, { order: { chunk: 32 } }), factor: 31 + Math.ceil(count / 32) },
  'in pairs': { add: (x) => fp.sum(x, { order: 'pairwise' }), factor: Math.ceil(Math.log2(count)) },
  Kahan: { add: kahan, factor: 2 },
  Neumaier: { add: neumaier, factor: 1 },
  [quire]: { add: (x) => fp.sum(x, { accumulate: 'exact' }), factor: 0 },
};

const inputs = {
  '1/k': (k) => 1 / (k + 1),
  'one of 1, the rest of 2^-12': (k) => (k === 0 ? 1 : 2 ** -12),
  'large numbers that cancel': (k) => (k % 2 === 0 ? 1 : -1) * (100 + (k >> 1)) + 0.25,
};

const { unitRoundoff: u } = fp.format;
const results = Object.entries(inputs).flatMap(([numbers, term]) => {
  const x = round(
    Float64Array.from({ length: count }, (_, k) => term(k)),
    format,
  );
  // Binary64 is enough for the true sum: the terms have few bits.
  const [truth, magnitude] = [x, x.map(Math.abs)].map((list) =>
    arithmetic('binary64').sum(list, { accumulate: 'exact' }),
  );
  return Object.entries(ways).map(([way, { add, factor }]) => {
    const sum = add(x);
    // To first order in n u, for sums within the range.
    const bound = factor * u * magnitude * (1 + 2 * count * u) + u * Math.abs(truth);
    return { numbers, way, sum, truth, relativeError: Math.abs((sum - truth) / truth), bound };
  });
});

const exact = results.filter(({ way }) => way === quire);
const isRounded = ({ sum, truth }) => Object.is(sum, round(truth, format));
const isBounded = ({ sum, truth, bound }) => Math.abs(sum - truth) <= bound;
const bounds = 'every error is within (n - 1) u sum |x| in order, 2 u sum |x| compensated, and one rounding';
const checks = [
  each('the quire gives the true sum, rounded once', exact, isRounded),
  // The bounds are those of floats.
  ...(count * u < 1 ? [each(bounds, results, isBounded)] : []),
];
const error = ({ relativeError }) => Math.max(relativeError, 1e-17);
const x = { value: error, type: 'log', label: 'relative error (exact sums at the left end)' };
const plot = { x, y: { value: 'way', label: null }, kind: 'dot', facet: 'numbers', height: 240 };
const rows = results.map(({ bound: _, ...row }) => row);
await report({ name: 'summation', rows, checks, plot }, options);
