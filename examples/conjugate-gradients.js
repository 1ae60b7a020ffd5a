/**
 * Conjugate gradients in bfloat16 with the four rounding directions and stochastic rounding: how small the residual gets, and how
 * the direction biases it. The system is a tridiagonal one with a condition number of about 9.
 *
 * node examples/conjugate-gradients.js [--size 100] [--steps 40]
 *
 * Source of the method: Hestenes and Stiefel, J. Res. Nat. Bur. Standards 49, 1952. Attainable accuracy: A. Greenbaum, SIAM J. Matrix
 * Anal. Appl. 18, 1997.
 */
import * as Plot from '@observablehq/plot';
import { arithmetic } from 'halfulp';
import { uniform } from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { report } from './shared/report.js';

const options = readOptions('Conjugate gradients in bfloat16 by rounding direction.', {
  size: 100,
  steps: 40,
});
const { size: n } = options;
const modes = ['nearest-even', 'toward-zero', 'toward-positive', 'toward-negative', 'stochastic'];
const [below, diagonal] = [-1, 2.5];
const normA = 4.5;

/** A x for the tridiagonal A, exact up to the operations of add and mul. */
function apply({ add, mul }, x) {
  const left = new Float64Array(n);
  const right = new Float64Array(n);
  left.set(x.subarray(0, n - 1), 1);
  right.set(x.subarray(1), 0);
  return add(mul(x, diagonal), mul(add(left, right), below));
}

const plain = {
  add: (x, y) => x.map((value, i) => value + y[i]),
  mul: (x, y) => x.map((value) => value * y),
};

/** max |b - A x| / (|A| max |x| + max |b|), computed in binary64. */
function backwardError(b, x) {
  const residual = apply(plain, x).map((value, i) => b[i] - value);
  const most = (v) => v.reduce((m, value) => Math.max(m, Math.abs(value)), 0);
  return most(residual) / (normA * most(x) + most(b));
}

function solve(b, rounding) {
  const f = arithmetic('bfloat16', { rounding, seed: 1 });
  let x = new Float64Array(n);
  let r = Float64Array.from(b);
  let p = r;
  let rho = f.dot(r, r);
  const errors = [backwardError(b, x)];
  for (let step = 1; step <= options.steps && rho > 0; step++) {
    const q = apply(f, p);
    const alpha = f.div(rho, f.dot(p, q));
    if (!Number.isFinite(alpha)) break;
    x = f.add(x, f.mul(p, alpha));
    r = f.sub(r, f.mul(q, alpha));
    const next = f.dot(r, r);
    p = f.add(r, f.mul(p, f.div(next, rho)));
    rho = next;
    errors.push(backwardError(b, x));
  }
  return errors;
}

const b = arithmetic('bfloat16').convert(uniform(n, 7, 0));
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
const checks = rows.map(({ rounding, best }) => ({
  claim: `${rounding}: the backward error gets below n u = ${n * u}`,
  holds: best < n * u,
}));
const bestOf = (rounding) => rows.find((row) => row.rounding === rounding).best;
checks.push({
  claim: 'to nearest the backward error gets below 2 u',
  holds: bestOf('nearest-even') < 2 * u,
});

report(
  {
    name: 'conjugate-gradients',
    rows,
    checks,
    plot: {
      width: 760,
      height: 380,
      marginRight: 110,
      x: { label: 'steps' },
      y: { type: 'log', label: 'backward error', grid: true },
      marks: [
        Plot.ruleY([u], { strokeDasharray: '4,4' }),
        Plot.text([{ step: 0, error: u }], { x: 'step', y: 'error', text: () => 'u', dx: 8, dy: 8 }),
        Plot.lineY(curves, { x: 'step', y: 'error', stroke: 'rounding' }),
        Plot.text(
          curves,
          Plot.selectLast({
            x: 'step',
            y: 'error',
            z: 'rounding',
            text: 'rounding',
            fill: 'rounding',
            dx: 4,
            textAnchor: 'start',
          }),
        ),
      ],
    },
  },
  options,
);
