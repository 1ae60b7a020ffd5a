/**
 * Conjugate gradients in bfloat16 with the four rounding directions and stochastic rounding: how small the residual gets, and how
 * the direction biases it. The system is a tridiagonal one with a condition number of about 9.
 *
 * node examples/conjugate-gradients.js [--size 100] [--steps 40]
 *
 * Source of the method: Hestenes and Stiefel, J. Res. Nat. Bur. Standards 49, 1952. Attainable accuracy: A. Greenbaum, SIAM J. Matrix
 * Anal. Appl. 18, 1997.
 */
import { arithmetic } from 'halfulp';
import { conjugateGradients } from 'halfulp/linalg';
import { uniform } from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { each, report } from './shared/report.js';

const about = 'Conjugate gradients in bfloat16 by rounding direction.';
const options = readOptions(about, { size: 100, steps: 40 });
const { size: n, steps } = options;
const modes = ['nearest-even', 'toward-zero', 'toward-positive', 'toward-negative', 'stochastic'];
const entry = (i, j) => (i === j ? 2.5 : Math.abs(i - j) === 1 ? -1 : 0);
const a = arithmetic('binary64').array(
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => entry(i, j))),
);
const normA = 4.5;

/** max |b - A x| / (|A| max |x| + max |b|), computed in binary64. */
function backwardError(b, x) {
  const residual = a.matmul(x, { c: b.neg() });
  const most = (v) => v.abs().max();
  return most(residual) / (normA * most(a.arithmetic.array(x)) + most(b));
}

function solve(b, rounding) {
  const f = arithmetic('bfloat16', { rounding, seed: 1 });
  const errors = [backwardError(b, b.mul(0))];
  const onStep = (x) => errors.push(backwardError(b, x));
  conjugateGradients(f.array(a), b, { steps, tolerance: 0, onStep });
  return errors;
}

const b = a.arithmetic.array(arithmetic('bfloat16').array(uniform(n, 7, 0)));
const u = 2 ** -8;
const curves = modes.flatMap((rounding) =>
  solve(b, rounding).map((error, step) => ({ rounding, step, error })),
);
const rows = modes.map((rounding) => {
  const errors = curves.filter((point) => point.rounding === rounding).map(({ error }) => error);
  return {
    rounding,
    best: Math.min(...errors),
    afterSteps: errors.indexOf(Math.min(...errors)),
    last: errors.at(-1),
  };
});
const nearest = rows.filter(({ rounding }) => rounding === 'nearest-even');
const checks = [
  each(`the backward error gets below n u = ${n * u}`, rows, ({ best }) => best < n * u),
  each('to nearest the backward error gets below 2 u', nearest, ({ best }) => best < 2 * u),
];
const y = { value: 'error', type: 'log', label: 'backward error' };
const plot = { x: 'step', y, series: 'rounding', rules: { u }, height: 380 };
await report({ name: 'conjugate-gradients', rows, checks, plot, drawn: curves }, options);
