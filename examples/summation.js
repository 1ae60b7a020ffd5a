/**
 * Four ways to add up n numbers in a narrow format, one rounding an operation: in order, in pairs, and with Kahan's and Neumaier's
 * compensation; beside them a sum kept exactly in a quire. `node examples/summation.js [format] [n]`, after `npm run build`.
 *
 * Sources: Kahan, "Further remarks on reducing truncation errors", CACM 8 (1965); Neumaier, ZAMM 54 (1974); Higham, "Accuracy
 * and Stability of Numerical Algorithms", 2nd edition, chapter 4.
 */
import { arithmetic, round } from 'halfulp';

const format = process.argv[2] ?? 'binary16';
const count = Number(process.argv[3] ?? 1000);
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

const sums = {
  'in order': (x) => fp.sum(x),
  'in chunks of 32': (x) => fp.sum(x, { order: { chunk: 32 } }),
  'in pairs': (x) => fp.sum(x, { order: 'pairwise' }),
  Kahan: kahan,
  Neumaier: neumaier,
  'quire, rounded once': inQuire,
};

const inputs = {
  '1/k': Float64Array.from({ length: count }, (_, k) => 1 / (k + 1)),
  'one of 1, the rest of 2^-12': Float64Array.from({ length: count }, (_, k) => (k === 0 ? 1 : 2 ** -12)),
  'large numbers that cancel': Float64Array.from(
    { length: count },
    (_, k) => (k % 2 === 0 ? 1 : -1) * (100 + (k >> 1)) + 0.25,
  ),
};

console.log(`${count} terms in ${format}: sums and their relative errors`);
for (const [name, exact] of Object.entries(inputs)) {
  const x = round(exact, format);
  // Enough for the true sum: the terms have few bits.
  const truth = arithmetic('binary64').sum(x, { accumulate: 'exact' });
  console.log(`\n${name}: ${truth}`);
  for (const [way, add] of Object.entries(sums)) {
    const sum = add(x);
    const error = Math.abs((sum - truth) / truth);
    console.log(`  ${way.padEnd(20)} ${String(sum).padEnd(20)} ${error.toExponential(1)}`);
  }
}
