/**
 * Linear systems solved in three precisions: LU factors in a low one, the solution in binary32, residuals in binary64. Plain
 * iterative refinement corrects by the factors; GMRES-IR lets the factors precondition GMRES, which bears condition numbers far
 * beyond the reciprocal of their unit roundoff.
 *
 * node examples/iterative-refinement.js [--size 60] [--seed 1]
 *
 * Source: E. Carson and N. J. Higham, Accelerating the solution of linear systems by iterative refinement in three precisions,
 * SIAM J. Sci. Comput. 40, 2018; scaling into a narrow range: Higham, Pranesh and Zounon, SIAM J. Sci. Comput. 41, 2019.
 */
import * as Plot from '@observablehq/plot';
import { arithmetic, formats } from 'halfulp';
import {
  factorise,
  infinityNorm,
  largest,
  matrixOfCondition,
  multiply,
  solveFactorised,
  uniform,
} from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { report } from './shared/report.js';

const options = readOptions(
  'LU with iterative refinement and GMRES-IR by factor format and condition number.',
  {
    size: 60,
    seed: 1,
  },
);
const { size: n } = options;
const factorFormats = ['e4m3fn', 'bfloat16', 'binary16', 'binary32'];
const conditions = [3, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
const mostSteps = 30;
const working = arithmetic('binary32', { operands: 'round' });
const u = formats.binary32.unitRoundoff;

/** Gives what (L U)^-1 v comes to, for factors of the scaled matrix. */
function preconditioner(a, formatName) {
  const format = formats[formatName];
  // The largest element at a tenth of the range: room for growth in the elimination.
  const scale =
    2 ** Math.floor(Math.log2((0.1 * Math.min(format.max, 2 ** 60)) / Math.max(...a.map(largest))));
  const f = arithmetic(format, { operands: 'round', saturation: 'finite' });
  const factors = factorise(
    a.map((row) => row.map((x) => x * scale)),
    f,
  );
  if (factors.rows.some((row, i) => row[i] === 0)) return undefined;
  const triangular = arithmetic('binary64');
  return (v) => solveFactorised(factors, v, triangular).map((x) => x * scale);
}

const subtract = (x, y) => x.map((value, i) => value - y[i]);
const norm = (x) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

/** A correction by GMRES in binary64 with the factors as left preconditioner, to a relative residual of 1e-4. */
function gmres(a, precondition, b) {
  const r = precondition(b);
  const beta = norm(r);
  const basis = [r.map((x) => x / beta)];
  const columns = [];
  const rotations = [];
  const g = [beta];
  for (let k = 0; k < n && Math.abs(g[k]) > 1e-4 * beta; k++) {
    let w = precondition(multiply(a, basis[k]));
    const h = basis.map((v) => {
      const product = w.reduce((sum, x, i) => sum + x * v[i], 0);
      w = w.map((x, i) => x - product * v[i]);
      return product;
    });
    const rest = norm(w);
    rotations.forEach(([c, s], i) => {
      [h[i], h[i + 1]] = [c * h[i] + s * h[i + 1], -s * h[i] + c * h[i + 1]];
    });
    const length = Math.hypot(h[k], rest);
    const [c, s] = [h[k] / length, rest / length];
    rotations.push([c, s]);
    h[k] = length;
    g.push(-s * g[k]);
    g[k] *= c;
    columns.push(h);
    if (rest === 0) break;
    basis.push(w.map((x) => x / rest));
  }
  const y = new Float64Array(columns.length);
  for (let i = y.length - 1; i >= 0; i--) {
    let sum = g[i];
    for (let j = i + 1; j < y.length; j++) sum -= columns[j][i] * y[j];
    y[i] = sum / columns[i][i];
  }
  const correction = new Float64Array(n);
  y.forEach((factor, j) => {
    basis[j].forEach((value, i) => {
      correction[i] += factor * value;
    });
  });
  return { correction, steps: y.length };
}

function refine(a, b, precondition, method) {
  const normA = infinityNorm(a);
  let x = working.convert(precondition(b));
  let inner = 0;
  for (let step = 0; step <= mostSteps; step++) {
    const residual = subtract(b, multiply(a, x));
    const error = largest(residual) / (normA * largest(x) + largest(b));
    if (!(error < 1e6)) break;
    if (error <= u) return { steps: step, inner, error };
    if (step === mostSteps) return { steps: null, inner, error };
    if (method === 'GMRES-IR') {
      const { correction, steps } = gmres(a, precondition, residual);
      inner += steps;
      x = working.add(x, working.convert(correction));
    } else x = working.add(x, working.convert(precondition(residual)));
  }
  return { steps: null, inner, error: Number.POSITIVE_INFINITY };
}

const rows = [];
for (const condition of conditions) {
  const a = matrixOfCondition(n, condition, options.seed).map((row) => working.convert(row));
  const b = working.convert(multiply(a, uniform(n, options.seed, 99)));
  for (const format of factorFormats) {
    const precondition = preconditioner(a, format);
    for (const method of ['refinement', 'GMRES-IR']) {
      const outcome = precondition && refine(a, b, precondition, method);
      rows.push({
        factors: format,
        condition,
        method,
        steps: outcome?.steps ?? 'none',
        gmresSteps: method === 'GMRES-IR' ? (outcome?.inner ?? '') : '',
        backwardError: outcome?.error ?? Number.POSITIVE_INFINITY,
      });
    }
  }
}

const converges = (factors, method, condition) =>
  typeof rows.find((row) => row.factors === factors && row.method === method && row.condition === condition)
    .steps === 'number';
const checks = factorFormats.flatMap((format) => {
  const { unitRoundoff } = formats[format];
  const safe = conditions.filter((condition) => condition * unitRoundoff < 0.2);
  const beyond = conditions.filter((condition) => condition * unitRoundoff > 100);
  const claims = [
    {
      systems: safe.length,
      claim: `${format} factors: refinement converges where condition u < 0.2 (${safe.length} systems)`,
      holds: safe.every((condition) => converges(format, 'refinement', condition)),
    },
    {
      systems: beyond.length,
      claim: `${format} factors: refinement fails where condition u > 100 (${beyond.length} systems)`,
      holds: beyond.every((condition) => !converges(format, 'refinement', condition)),
    },
    {
      systems: conditions.length,
      claim: `${format} factors: GMRES-IR converges wherever refinement does`,
      holds: conditions.every((c) => !converges(format, 'refinement', c) || converges(format, 'GMRES-IR', c)),
    },
  ];
  return claims.filter(({ systems }) => systems > 0).map(({ claim, holds }) => ({ claim, holds }));
});
checks.push({
  claim: 'binary16 factors: GMRES-IR converges up to condition 1e6 = 500 / u',
  holds: conditions.filter((c) => c <= 1e6).every((c) => converges('binary16', 'GMRES-IR', c)),
});

report(
  {
    name: 'iterative-refinement',
    rows,
    checks,
    plot: {
      width: 900,
      height: 340,
      x: { type: 'log', label: 'condition number' },
      y: { label: 'steps to backward error u of binary32 (31: none)', grid: true },
      fx: { domain: factorFormats },
      color: { domain: ['refinement', 'GMRES-IR'] },
      marginTop: 40,
      marks: [
        Plot.lineY(rows, {
          x: 'condition',
          y: ({ steps }) => (steps === 'none' ? mostSteps + 1 : steps),
          stroke: 'method',
          fx: 'factors',
          marker: 'dot',
        }),
        Plot.text(
          rows.filter(({ factors, condition }) => factors === 'bfloat16' && condition === 1e3),
          {
            x: 'condition',
            y: ({ steps }) => (steps === 'none' ? mostSteps + 1 : steps),
            text: 'method',
            fill: 'method',
            fx: 'factors',
            dx: -6,
            textAnchor: 'end',
            dy: -8,
          },
        ),
        Plot.frame({ stroke: '#ccc' }),
      ],
    },
  },
  options,
);
