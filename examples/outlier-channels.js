/**
 * What transforms do to the error of a matrix product whose left operand has three channels 50 times as large as the rest: each
 * quantiser alone, with a random Hadamard transform of both operands (which cancels in the product), and with outliers kept exact.
 *
 * node examples/outlier-channels.js [--inner 512]
 *
 * Sources: Ashkboos, Nikdan, Tabesh et al., "HALO: Hadamard-assisted lower-precision optimization for LLMs", arXiv 2501.02625;
 * NVIDIA, "Pretraining large language models with NVFP4", arXiv 2509.25149.
 */
import { hadamard, keepOutliers, namedQuantizer, quantizer, randomIntegers } from 'halfulp';
import { readOptions } from './shared/options.js';
import { each, report } from './shared/report.js';

const options = readOptions('Error of a product with outlier channels, by quantiser and transform.', {
  inner: 512,
});
const [m, n, k] = [64, 64, options.inner];
const channels = [5, 77, 130].filter((channel) => channel < k);

/** Sums of twelve uniform numbers: near enough to Gaussian ones. */
function gaussians(count, seed) {
  const random = randomIntegers(12 * count, { seed });
  return Float32Array.from({ length: count }, (_, i) => {
    let sum = -6;
    for (let j = 0; j < 12; j++) sum += random[12 * i + j] / 2 ** 32;
    return sum;
  });
}

/** a b^T in binary64. */
function product(a, b) {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) for (let p = 0; p < k; p++) c[i * n + j] += a[i * k + p] * b[j * k + p];
  return c;
}

/** Root of sum (other - exact)^2 / sum exact^2. */
function relativeError(exact, other) {
  let [signal, noise] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    signal += exact[i] ** 2;
    noise += (other[i] - exact[i]) ** 2;
  }
  return Math.sqrt(noise / signal);
}

const a = gaussians(m * k, 1);
const b = gaussians(n * k, 2);
for (let i = 0; i < m; i++) for (const channel of channels) a[i * k + channel] *= 50;
const exact = product(a, b);

/** Error of the product of quantised operands. `invert: false` leaves them rotated. */
function errorOf(name, transform, invert) {
  const q = quantizer({ ...namedQuantizer(name).toJSON(), ...(transform && { transform, invert }) });
  return relativeError(exact, product(q.quantize(a, [m, k]).values, q.quantize(b, [n, k]).values));
}

const outliers = keepOutliers({ count: channels.length, grouping: { per: 'row' } });
const rows = ['int4/row', 'int4/block:32', 'mxfp4', 'nvfp4'].map((name) => ({
  quantiser: name,
  alone: errorOf(name),
  'Hadamard-16': errorOf(name, hadamard({ size: 16, seed: 7 }), false),
  'whole row': errorOf(name, hadamard({ seed: 7 }), false),
  'outliers kept': errorOf(name, outliers, true),
}));
const rowOf = (name) => rows.filter(({ quantiser }) => quantiser === name);
const isBetter = (row) => row['whole row'] < row['Hadamard-16'] && row['Hadamard-16'] < row.alone;
const isGaussian = (row) => Math.abs(row['whole row'] / Math.sqrt(2 * 0.009) - 1) < 0.1;
const isBest = ({ quantiser, ...errors }) => errors['outliers kept'] === Math.min(...Object.values(errors));
const checks = [
  each('where a scale serves a row, the larger rotation is the better one', rowOf('int4/row'), isBetter),
  each(
    'nvfp4, rotated: the error of Gaussian operands, sqrt(2 x 0.0090), within 10 %',
    rowOf('nvfp4'),
    isGaussian,
  ),
  each('keeping the outliers exact is the best of the four', rows, isBest),
];
const drawn = rows.flatMap(({ quantiser, ...errors }) =>
  Object.entries(errors).map(([transform, error]) => ({ quantiser, transform, error })),
);
const axes = {
  x: { value: 'transform', label: null },
  y: { value: 'error', label: 'relative error of the product' },
};
const plot = { ...axes, series: 'transform', facet: 'quantiser', kind: 'bar' };
await report({ name: 'outlier-channels', rows, checks, plot, drawn }, options);
