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
const { points: count, rounds } = options;
const dimensions = 8;
const clusters = 4;
const names = [
  'e2m1',
  'e2m3',
  'e3m2',
  'e4m3fn',
  'e5m2',
  'posit8',
  'dlfloat16',
  'bfloat16',
  'binary16',
  'posit16',
  'tf32',
  'binary32',
  'binary64',
];

/** Coordinate d of every point: clouds of a spread of 0.3 around corners that differ in half of their signs. */
const truth = Array.from({ length: count }, (_, i) => i % clusters);
const coordinates = Array.from({ length: dimensions }, (_, d) => {
  const noise = [0, 1, 2].map((part) => uniform(count, options.seed, 3 * d + part));
  return Float64Array.from(truth, (cluster, i) => {
    const sign = ((cluster >> (d % 2)) + (d >> 1)) % 2 === 0 ? 1 : -1;
    return 0.25 * sign + 0.3 * (noise[0][i] + noise[1][i] + noise[2][i]);
  });
});

function cluster(format) {
  const f = arithmetic(format, { operands: 'round', saturation: 'finite' });
  const x = coordinates.map((values) => f.convert(values));
  // The first points, one of each cloud.
  const centres = Array.from({ length: clusters }, (_, c) => x.map((values) => values[c]));
  let labels = new Array(count).fill(-1);
  for (let round = 0; round < rounds; round++) {
    const distances = centres.map((centre) =>
      x
        .map((values, d) => {
          const difference = f.sub(values, centre[d]);
          return f.mul(difference, difference);
        })
        .reduce((sum, square) => f.add(sum, square)),
    );
    const next = truth.map((_, i) => {
      let best = 0;
      for (let c = 1; c < clusters; c++) if (distances[c][i] < distances[best][i]) best = c;
      return best;
    });
    if (next.every((label, i) => label === labels[i])) break;
    labels = next;
    for (let c = 0; c < clusters; c++) {
      const members = labels.flatMap((label, i) => (label === c ? [i] : []));
      if (members.length === 0) continue;
      // A running mean: sums of hundreds of points would stand still, or leave the range, in few bits.
      centres[c] = x.map((values) =>
        members.reduce((mean, i, k) => f.add(mean, f.div(f.sub(values[i], mean), Math.min(k + 1, 16))), 0),
      );
    }
  }
  return labels;
}

/** Mean squared distance to the mean of the own cluster, in binary64. */
function scatter(labels) {
  let sum = 0;
  for (let c = 0; c < clusters; c++) {
    const members = labels.flatMap((label, i) => (label === c ? [i] : []));
    for (const values of coordinates) {
      const mean = members.reduce((total, i) => total + values[i], 0) / members.length;
      for (const i of members) sum += (values[i] - mean) ** 2;
    }
  }
  return sum / count;
}

const reference = cluster('binary64');
const best = scatter(reference);
const rows = names.map((name) => {
  const labels = cluster(name);
  return {
    format: name,
    bits: formats[name].bits,
    sameAsBinary64: labels.filter((label, i) => label === reference[i]).length / count,
    correct: labels.filter((label, i) => label === truth[i]).length / count,
    scatter: scatter(labels) / best,
  };
});
const [wide, exact] = [
  rows.filter(({ bits }) => bits >= 16),
  rows.filter(({ format }) => format === 'binary32'),
];
const checks = [
  each('binary32 gives the clustering of binary64', exact, (row) => row.sameAsBinary64 === 1),
  each('formats of 16 bits differ in at most 1 % of the points', wide, (row) => row.sameAsBinary64 >= 0.99),
  each(
    'no clustering has less scatter than that of binary64 by more than 1 %',
    rows,
    (row) => row.scatter > 0.99,
  ),
];
const text = ({ sameAsBinary64, bits }) => `${(100 * sameAsBinary64).toFixed(1)} %, ${bits} bits`;
const x = { value: 'sameAsBinary64', label: 'points clustered as in binary64', domain: [0, 1] };
const plot = { x, y: { value: 'format', label: null }, kind: 'bar', text, height: 360 };
await report({ name: 'k-means', rows, checks, plot }, options);
