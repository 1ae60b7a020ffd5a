/**
 * k-means (Lloyd's algorithm) with every operation of the distances and of the centres in a format: how many bits does a clustering
 * need? The points are four clouds in eight dimensions, scaled to [-1, 1].
 *
 * node examples/k-means.js [--points 800] [--rounds 20] [--seed 3]
 *
 * Source: S. P. Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 28, 1982.
 */
import { arithmetic, formats } from 'halfulp';
import { uniform } from './shared/linear-algebra.js';
import { readOptions } from './shared/options.js';
import { each, report } from './shared/report.js';

const options = readOptions('k-means by number format.', { points: 800, rounds: 20, seed: 3 });
const { points: count, rounds, seed } = options;
const names = 'e2m1 e2m3 e3m2 e4m3fn e5m2 posit8 dlfloat16 bfloat16 binary16 posit16 tf32 binary32 binary64';
const exact = arithmetic('binary64');
const clusters = [0, 1, 2, 3];
const truth = Array.from({ length: count }, (_, i) => i % 4);

/** Points by rows: clouds of a spread of 0.3 around corners that differ in half of their signs. */
const coordinates = [0, 1, 2, 3, 4, 5, 6, 7].map((d) => {
  const [x, y, z] = [0, 1, 2].map((part) => uniform(count, seed, 3 * d + part));
  const sign = (cluster) => (((cluster >> (d % 2)) + (d >> 1)) % 2 === 0 ? 1 : -1);
  return truth.map((cluster, i) => 0.25 * sign(cluster) + 0.3 * (x[i] + y[i] + z[i]));
});
const points = exact.array(coordinates).T;

function cluster(format) {
  const f = arithmetic(format, { operands: 'round', saturation: 'finite' });
  const x = f.array(points);
  // The first points, one of each cloud.
  const centres = x.slice([0, clusters.length]).copy();
  let labels = [];
  for (let round = 0; round < rounds; round++) {
    const differences = [...centres].map((centre) => x.sub(centre));
    const distances = differences.map((each) => each.mul(each).sum(1).data);
    const nearest = (i) => clusters.reduce((best, c) => (distances[c][i] < distances[best][i] ? c : best));
    const next = truth.map((_, i) => nearest(i));
    if (next.join() === labels.join()) break;
    labels = next;
    // Running means: sums of hundreds of points would stand still, or leave the range, in few bits.
    const sizes = clusters.map(() => 0);
    for (const [i, label] of labels.entries()) {
      const centre = sizes[label] === 0 ? centres.row(label).mul(0) : centres.row(label);
      sizes[label] = Math.min(sizes[label] + 1, 16);
      centres.row(label).assign(centre.add(x.row(i).sub(centre).div(sizes[label])));
    }
  }
  return labels;
}

/** Mean squared distance to the mean of the own cluster. */
function scatter(labels) {
  const members = exact.array(clusters.map((c) => labels.map((label) => Number(label === c))));
  const means = members.matmul(points).div(members.sum({ axis: 1, keepDims: true }));
  return points.sub(members.T.matmul(means)).norm() ** 2 / count;
}

const reference = cluster('binary64');
const same = (labels, others) => labels.filter((label, i) => label === others[i]).length / count;
const rows = names.split(' ').map((format) => {
  const labels = cluster(format);
  const figures = { sameAsBinary64: same(labels, reference), correct: same(labels, truth) };
  return { format, bits: formats[format].bits, ...figures, scatter: scatter(labels) / scatter(reference) };
});
const wide = rows.filter(({ bits }) => bits >= 16);
const binary32 = rows.filter(({ format }) => format === 'binary32');
const checks = [
  each('binary32 gives the clustering of binary64', binary32, (row) => row.sameAsBinary64 === 1),
  each('formats of 16 bits differ in at most 1 % of the points', wide, (row) => row.sameAsBinary64 >= 0.99),
  each('none has less scatter than binary64 by more than 1 %', rows, (row) => row.scatter > 0.99),
];
const text = ({ sameAsBinary64, bits }) => `${(100 * sameAsBinary64).toFixed(1)} %, ${bits} bits`;
const x = { value: 'sameAsBinary64', label: 'points clustered as in binary64', domain: [0, 1] };
const plot = { x, y: { value: 'format', label: null }, kind: 'bar', text, height: 360 };
await report({ name: 'k-means', rows, checks, plot }, options);
