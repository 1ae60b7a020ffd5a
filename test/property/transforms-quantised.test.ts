/** Transforms around a quantiser: unbiasedness, what they do to the error of elements and of products, published effects. */

import { expect, test } from 'vitest';
import { analyze, namedQuantizer, type QuantizerOptions, quantizer } from '../../src/quantizers/index.ts';
import {
  clampResidual,
  compose,
  hadamard,
  keepOutliers,
  logShift,
  powerExpansion,
  shiftGroups,
  type Transform,
} from '../../src/quantizers/transforms/index.ts';
import { gaussians } from '../../src/train/random.ts';

const relativeError = (
  exact: ArrayLike<number>,
  other: ArrayLike<number>,
  counts = (_: number): boolean => true,
): number => {
  let [signal, noise] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    if (!counts(i)) continue;
    signal += exact[i]! ** 2;
    noise += (other[i]! - exact[i]!) ** 2;
  }
  return Math.sqrt(noise / signal);
};

/** A B^T in binary64. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, m: number, n: number, k: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a[Math.floor(at / n) * k + i]! * b[(at % n) * k + i]!;
    return sum;
  });
}

test.each<[string, Transform]>([
  ['hadamard', hadamard({ size: 16, seed: 1 })],
  ['hadamard with remainder', hadamard({ size: 32, seed: 1 })],
  ['shift groups', shiftGroups({ groups: 3 })],
  ['outliers kept, rotated', compose(keepOutliers({ count: 2 }), hadamard({ size: 16 }))],
  ['clamp with residual', clampResidual({ alpha: 0.9 })],
])('stochastic rounding stays unbiased through a transform: %s', (_, transform) => {
  const q = quantizer({
    format: 'e2m1',
    rounding: 'stochastic',
    scale: { per: 'row', from: 'absmax' },
    transform,
  });
  const [rows, columns, draws] = [4, 48, 3000];
  const x = gaussians(rows * columns, 1, 1, 'unbiased');
  const sums = new Float64Array(x.length);
  const squares = new Float64Array(x.length);
  for (let stream = 0; stream < draws; stream++) {
    q.fakeQuantize(x, [rows, columns], undefined, { seed: 5, stream }).forEach((value, i) => {
      sums[i]! += value;
      squares[i]! += value ** 2;
    });
  }
  // 192 means: five standard errors are exceeded by chance once in 9000 such tests. Scales round too: 2^-22.
  for (let i = 0; i < x.length; i++) {
    const mean = sums[i]! / draws;
    const variance = Math.max(squares[i]! / draws - mean ** 2, 0);
    expect(Math.abs(mean - x[i]!)).toBeLessThanOrEqual(
      5 * Math.sqrt(variance / draws) + 2 ** -20 * Math.abs(x[i]!) + 2 ** -24,
    );
  }
});

test('the published caution: an element 50 times as large in each block of 16, nvfp4', () => {
  const [blocks, size] = [4000, 16];
  const x = gaussians(blocks * size, 1, 2, 'caution');
  const isOutlier = (i: number): boolean => i % size === Math.floor(i / size) % size;
  x.forEach((value, i) => {
    if (isOutlier(i)) x[i] = 50 * value;
  });
  const errorsOf = (values: ArrayLike<number>): [number, number] => [
    relativeError(x, values, (i) => !isOutlier(i)),
    relativeError(x, values),
  ];
  const plain = errorsOf(namedQuantizer('nvfp4').quantize(x, [blocks, size]).values);
  const rotated = errorsOf(
    namedQuantizer('nvfp4', { transform: { name: 'hadamard', signs: 'transformer-engine' } }).quantize(x, [
      blocks,
      size,
    ]).values,
  );
  // Elementwise, a rotation makes both worse: it spreads the outlier's error over its block.
  expect(rotated[0]).toBeGreaterThan(1.3 * plain[0]);
  expect(rotated[1]).toBeGreaterThan(1.5 * plain[1]);
});

test('outlier channels: a rotation of both operands lowers the error of the product where a scale serves many elements', () => {
  const [m, n, k] = [32, 32, 256];
  const shared = { format: 'int4', scale: { per: 'row', from: 'absmax' }, invert: false } as const;
  const errorsWith = (transform: Transform | undefined, options: QuantizerOptions, seed: number): number => {
    const a = gaussians(m * k, 1, seed, 'a');
    const b = gaussians(n * k, 1, seed, 'b');
    for (let i = 0; i < m; i++) for (const channel of [5, 77, 130]) a[i * k + channel]! *= 50;
    const q = quantizer({ ...options, ...(transform && { transform }) });
    const approximate = product(q.quantize(a, [m, k]).values, q.quantize(b, [n, k]).values, m, n, k);
    return relativeError(product(a, b, m, n, k), approximate);
  };
  const mxfp4 = { ...namedQuantizer('mxfp4').toJSON(), invert: false };
  for (const seed of [1, 2, 3]) {
    const plain = errorsWith(undefined, shared, seed);
    expect(errorsWith(hadamard({ size: 16, seed }), shared, seed)).toBeLessThan(0.95 * plain);
    expect(errorsWith(hadamard({ size: 256, seed }), shared, seed)).toBeLessThan(0.85 * plain);
    expect(errorsWith(hadamard({ size: 32, seed }), mxfp4, seed)).toBeLessThan(
      0.9 * errorsWith(undefined, mxfp4, seed),
    );
  }
});

test('clamp with residual: the product with the sparse term is closer than quantising the outliers', () => {
  const x = gaussians(64 * 64, 1, 3, 'occ');
  for (let i = 0; i < x.length; i += 97) x[i]! *= 20;
  const options = { format: 'e2m1', scale: { per: 'row', from: 'absmax' } } as const;
  const plain = analyze(x, quantizer(options), { shape: [64, 64] });
  const compensated = analyze(x, quantizer({ ...options, transform: clampResidual({ alpha: 0.99 }) }), {
    shape: [64, 64],
  });
  expect(compensated.relativeError).toBeLessThan(plain.relativeError / 2);
  expect(compensated.underflowed).toBeLessThan(plain.underflowed);
});

test('power expansion: less error in e4m3fn for a group of small range', () => {
  // Adam's second moments: positive, within a few binades of each other.
  const x = gaussians(128 * 64, 1, 4, 'moments').map((value) => 1e-6 * 2 ** Math.abs(value));
  const options = { format: 'e4m3fn', scale: { per: 'block', size: 128, from: 'absmax' } } as const;
  const plain = analyze(x, quantizer(options));
  const expanded = analyze(x, quantizer({ ...options, transform: powerExpansion() }));
  expect(expanded.relativeError).toBeLessThan(plain.relativeError / 1.5);
  // k and c of each group of 128.
  expect(expanded.bytes - plain.bytes).toBe(64 * 8);
});

test('log shift: little underflow where e5m2 alone loses most', () => {
  const x = gaussians(10_000, 1e-6, 5, 'gradients');
  const constant = { format: 'e5m2', scale: { per: 'tensor', from: 'constant', value: 1 } } as const;
  const plain = analyze(x, quantizer(constant));
  const shifted = analyze(x, quantizer({ ...constant, transform: logShift() }));
  expect(plain.underflowed).toBeGreaterThan(0.9);
  // alpha is about 5: elements below 2^(-17 / 5) of the geometric mean still vanish.
  expect(shifted.underflowed).toBeLessThan(0.06);
  expect(shifted.relativeError).toBeLessThan(0.06);
});

test('shift groups: small channels keep their digits', () => {
  const [rows, channels] = [64, 32];
  const x = gaussians(rows * channels, 1, 6, 'channels').map(
    (value, i) => value * 4 ** -((i % channels) % 4),
  );
  const options = { format: 'int6', scale: { per: 'tensor', from: 'absmax' } } as const;
  const isSmall = (i: number): boolean => (i % channels) % 4 === 3;
  const errorWith = (transform?: Transform): number => {
    const q = quantizer({ ...options, ...(transform && { transform }) });
    return relativeError(x, q.quantize(x, [rows, channels]).values, isSmall);
  };
  expect(errorWith(shiftGroups({ groups: 4 }))).toBeLessThan(errorWith() / 8);
  expect(errorWith(shiftGroups({ groups: 1 }))).toBe(errorWith());
});

test('a rotated quantiser: its gradient is the rotation of the rule’s', () => {
  const q = quantizer({
    format: 'int4',
    scale: { per: 'row', from: 'rms' },
    transform: hadamard({ size: 32, seed: 2 }),
    gradient: 'trust',
  });
  const x = gaussians(4 * 32, 1, 7, 'trust');
  const g = gaussians(4 * 32, 1, 8, 'trust');
  const explained = q.explain(x, [4, 32]);
  const rotation = hadamard({ size: 32, seed: 2 });
  const rotated = rotation.forward(g, [4, 32]).values;
  const masked = q.gradient.pullback(explained, rotated).x;
  expect(masked).not.toEqual(rotated);
  expect(q.pullback(explained, g).x).toEqual(rotation.inverse(masked, [4, 32], { kind: 'none' }));
});
