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
import { conjugateGradients } from 'halfulp/linalg';
import { uniform } from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { report } from './shared/report.js';

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
