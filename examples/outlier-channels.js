/**
 * What transforms do to the error of a matrix product whose left operand has three channels 50 times as large as the rest: each
 * quantiser alone, with a random Hadamard transform of both operands (which cancels in the product), and with outliers kept exact.
 *
 * node examples/outlier-channels.js [--inner 512]
 *
 * Sources: Ashkboos, Nikdan, Tabesh et al., "HALO: Hadamard-assisted lower-precision optimization for LLMs", arXiv 2501.02625;
 * NVIDIA, "Pretraining large language models with NVFP4", arXiv 2509.25149.
 */
import { arithmetic, hadamard, keepOutliers, namedQuantizer, quantizer } from 'halfulp';
import { gaussians } from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { each, report } from './shared/report.js';

const about = 'Error of a product with outlier channels, by quantiser and transform.';
const options = readOptions(about, { inner: 512 });
const [m, n, k] = [64, 64, options.inner];
const f = arithmetic('binary64');
const [a, b] = [f.array(gaussians(m * k, 1), [m, k]), f.array(gaussians(n * k, 2), [n, k])];
const channels = [5, 77, 130].filter((channel) => channel < k);
for (const channel of channels) a.column(channel).assign(a.column(channel).mul(50));
const exact = a.matmul(b.T);

/** Error of the product of quantised operands. `invert: false` leaves them rotated. */
function errorOf(name, transform, invert) {
  const q = quantizer({ ...namedQuantizer(name).toJSON(), ...(transform && { transform, invert }) });
  const [qa, qb] = [a, b].map((x) => f.array(q.quantize(x.data, x.shape).values, x.shape));
  return qa.matmul(qb.T).sub(exact).norm() / exact.norm();
}

const rows = ['int4/row', 'int4/block:32', 'mxfp4', 'nvfp4'].map((name) => ({
  quantiser: name,
  alone: errorOf(name),
  'Hadamard-16': errorOf(name, hadamard({ size: 16, seed: 7 }), false),
  'whole row': errorOf(name, hadamard({ seed: 7 }), false),
  'outliers kept': errorOf(name, keepOutliers({ count: channels.length, grouping: { per: 'row' } }), true),
}));
const rowOf = (name) => rows.filter(({ quantiser }) => quantiser === name);
const isBetter = (row) => row['whole row'] < row['Hadamard-16'] && row['Hadamard-16'] < row.alone;
const isGaussian = (row) => Math.abs(row['whole row'] / Math.sqrt(2 * 0.009) - 1) < 0.1;
const isBest = ({ quantiser, ...errors }) => errors['outliers kept'] === Math.min(...Object.values(errors));
const checks = [
  each('where a scale serves a row, the larger rotation is better', rowOf('int4/row'), isBetter),
  each('nvfp4, rotated: that of Gaussian operands, sqrt(2 x 0.0090), to 10 %', rowOf('nvfp4'), isGaussian),
  each('keeping the outliers exact is the best of the four', rows, isBest),
];
const drawn = rows.flatMap(({ quantiser, ...errors }) =>
  Object.entries(errors).map(([transform, error]) => ({ quantiser, transform, error })),
);
const y = { value: 'error', label: 'relative error of the product' };
const plot = {
  x: { value: 'transform', label: null },
  y,
  series: 'transform',
  facet: 'quantiser',
  kind: 'bar',
};
await report({ name: 'outlier-channels', rows, checks, plot, drawn }, options);
