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
import { arithmetic, formats } from 'halfulp';
import { refine } from 'halfulp/linalg';
import { matrixOfCondition, uniform } from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { each, report } from './shared/report.js';

const about = 'LU with iterative refinement and GMRES-IR by factor format and condition number.';
const options = readOptions(about, { size: 60, seed: 1 });
const methods = { refinement: 'factors', 'GMRES-IR': 'gmres' };
const most = 30;

const rows = [3, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].flatMap((condition) => {
  const a = arithmetic('binary32').array(matrixOfCondition(options.size, condition, options.seed));
  const b = arithmetic('binary64')
    .array(a)
    .matmul(uniform(options.size, options.seed, 99));
  return ['e4m3fn', 'bfloat16', 'binary16', 'binary32'].flatMap((factors) =>
    Object.keys(methods).map((method) => {
      const factor = arithmetic(factors, { saturation: 'finite' });
      const result = refine(a, b, { factor, method: methods[method], steps: most });
      const { converged, steps, innerSteps, backwardError } = result;
      return { factors, condition, method, steps: converged ? steps : 'none', innerSteps, backwardError };
    }),
  );
});

const [plain, gmres] = Object.keys(methods).map((name) => rows.filter(({ method }) => method === name));
const converges = ({ steps }) => steps !== 'none';
const ratio = ({ condition, factors }) => condition * formats[factors].unitRoundoff;
const easy = plain.filter((row) => ratio(row) < 0.2);
const hard = plain.filter((row) => ratio(row) > 100);
const likewise = gmres.filter((_, i) => converges(plain[i]));
const half = gmres.filter(({ factors, condition }) => factors === 'binary16' && condition <= 1e6);
const checks = [
  each('refinement converges where condition u < 0.2', easy, converges),
  each('refinement fails where condition u > 100', hard, (row) => !converges(row)),
  each('GMRES-IR converges wherever refinement does', likewise, converges),
  each('GMRES-IR with binary16 factors converges up to condition 1e6 = 500 / u', half, converges),
];
const y = { value: ({ steps }) => (steps === 'none' ? most + 1 : steps), label: `steps (${most + 1}: none)` };
const x = { value: 'condition', type: 'log', label: 'condition number' };
const plot = { x, y, series: 'method', facet: 'factors', height: 340 };
await report({ name: 'iterative-refinement', rows, checks, plot }, options);
