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
import { refine } from 'halfulp/linalg';
import { matrixOfCondition, uniform } from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { report } from './shared/report.js';

const about = 'LU with iterative refinement and GMRES-IR by factor format and condition number.';
const options = readOptions(about, { size: 60, seed: 1 });
const factorFormats = ['e4m3fn', 'bfloat16', 'binary16', 'binary32'];
const conditions = [3, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
const methods = { refinement: 'factors', 'GMRES-IR': 'gmres' };
const mostSteps = 30;
const wide = arithmetic('binary64');

const rows = conditions.flatMap((condition) => {
  const a = arithmetic('binary32').array(matrixOfCondition(options.size, condition, options.seed));
  const b = wide.array(a).matmul(uniform(options.size, options.seed, 99));
  return factorFormats.flatMap((factors) =>
    Object.entries(methods).map(([name, method]) => {
      const factor = arithmetic(factors, { saturation: 'finite' });
      const { converged, steps, innerSteps, backwardError } = refine(a, b, {
        factor,
        method,
        steps: mostSteps,
      });
      return {
        ...{ factors, condition, method: name, steps: converged ? steps : 'none' },
        ...{ gmresSteps: method === 'gmres' ? innerSteps : '', backwardError },
      };
    }),
  );
});

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
