/** Gradient rules: published values, values worked out by hand, finite differences, JSON and refusals. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import { toFormat } from '../../src/formats/names.ts';
import { round } from '../../src/operations/conversions.ts';
import {
  blend,
  blendGradient,
  clipped,
  differentiable,
  differentiableFactor,
  type GradientData,
  gradientNames,
  gradientRule,
  learnedLevels,
  learnedStep,
  noGradient,
  type Quantization,
  straightThrough,
  trust,
} from '../../src/quantizers/gradients/index.ts';
import type { Grouping } from '../../src/quantizers/grouping.ts';
import { countGroups, forEachGroup } from '../../src/quantizers/grouping.ts';
import { exactly, minus, plus, times, toBits, toFloat } from '../oracles/rational.ts';

interface Setting {
  readonly format: string;
  readonly scales: readonly number[];
  readonly grouping?: Grouping;
  readonly shape?: readonly number[];
  readonly low?: number;
  readonly high?: number;
  readonly zeroPoints?: readonly number[];
}

/** A quantiser with given scales, in binary64, as plain as it can be. */
function quantization(x: Float64Array, setting: Setting): Quantization {
  const { scales, grouping = { per: 'tensor' }, shape = [x.length], zeroPoints } = setting;
  const format = toFormat(setting.format);
  const { low = format.min, high = format.max } = setting;
  const values = new Float64Array(x.length);
  const scaled = new Float64Array(x.length);
  const elements = new Float64Array(x.length);
  expect(countGroups(grouping, shape)).toBe(scales.length);
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    const zero = zeroPoints?.[group] ?? 0;
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const i = start + r * rowStride + c * columnStride;
        scaled[i] = x[i]! / scales[group]!;
        elements[i] = Math.min(
          Math.max(round(scaled[i]! + zero, format, { saturation: 'finite' }), low),
          high,
        );
        values[i] = (elements[i]! - zero) * scales[group]!;
      }
  });
  return {
    x,
    shape,
    values,
    scaled,
    elements,
    format,
    low,
    high,
    grouping,
    scales: Float64Array.from(scales),
    ...(zeroPoints && { zeroPoints: Float64Array.from(zeroPoints) }),
  };
}

const reals = (...values: number[]): Float64Array => new Float64Array(values);
const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
const ones = (n: number): Float64Array => new Float64Array(n).fill(1);

test('straight-through and none', () => {
  const q = quantization(reals(0.4, 300, -2), { format: 'int8', scales: [1] });
  const g = new Float32Array([0.1, 2, NaN]);
  expect(straightThrough().pullback(q, g)).toEqual({ x: g });
  expect(straightThrough().pullback(q, g).x).not.toBe(g);
  expect(noGradient().pullback(q, g)).toEqual({ x: new Float32Array(3) });
});

test('clipped: inside the range, ends included unless strict', () => {
  const q = quantization(reals(-6.1, -6, 0, 5.9, 6, 6.5), { format: 'e2m1', scales: [1] });
  expect(Array.from(clipped().pullback(q, ones(6)).x)).toEqual([0, 1, 1, 1, 1, 0]);
  expect(Array.from(clipped({ strict: true }).pullback(q, ones(6)).x)).toEqual([0, 0, 1, 1, 0, 0]);
  // An infinite gradient of a masked element stays out.
  expect(Array.from(clipped().pullback(q, new Float64Array(6).fill(Infinity)).x)[0]).toBe(0);
});

test('clipped with zero points: the range of the codes', () => {
  const q = quantization(reals(-4, -3, 10, 12, -4, 11), {
    format: 'uint4',
    scales: [1, 1],
    grouping: { per: 'row' },
    shape: [2, 3],
    zeroPoints: [3, 4],
  });
  expect(Array.from(clipped().pullback(q, ones(6)).x)).toEqual([0, 1, 1, 0, 1, 1]);
});

test('trust: the error against half a step, by group', () => {
  // Root mean square 1 in the first row, 2 in the second; 4 bits: limits 2.5139 / 15 and twice that.
  const x = reals(1, -1, 1, -1, 2, -2, 2, 2);
  const q = quantization(x, { format: 'int4', scales: [1, 1], grouping: { per: 'row' }, shape: [2, 4] });
  const limit = 2.5139 / 15;
  const values = x.map(
    (element, i) =>
      element +
      [0, limit - 1e-9, limit + 1e-9, -limit - 1e-9, 2 * limit - 1e-9, 2 * limit + 1e-9, 0.2, -1][i]!,
  );
  const passes = (data: GradientData): number[] =>
    Array.from(gradientRule(data).pullback({ ...q, values }, ones(8)).x);
  expect(passes('trust')).toEqual([1, 1, 0, 0, 1, 0, 1, 0]);
  expect(passes({ name: 'trust', multiplier: 15 })).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  expect(passes({ name: 'trust', bits: 8 })).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  const e2m1 = quantization(reals(1, 1), { format: 'e2m1', scales: [1] });
  const near = reals(1 + 2.92247856 / 15 - 1e-9, 1 + 2.92247856 / 15 + 1e-9);
  expect(Array.from(trust().pullback({ ...e2m1, values: near }, ones(2)).x)).toEqual([1, 0]);
  const ternary = quantization(reals(1, 1), { format: 'ternary', scales: [1] });
  const apart = reals(1 + 1.224 / 2 - 1e-9, 1 + 1.224 / 2 + 1e-9);
  expect(Array.from(trust().pullback({ ...ternary, values: apart }, ones(2)).x)).toEqual([1, 0]);
  const wide = quantization(reals(1), { format: 'bfloat16', scales: [1] });
  expect(() => trust().pullback(wide, ones(1))).toThrow(/multiplier/);
});

test('differentiable estimator: published factors for e2m1', () => {
  const x = reals(0.05, 0.1, 0.2, 0.24, 0.25, 0.3, 2.5, 5);
  const factors = differentiable().pullback(quantization(x, { format: 'e2m1', scales: [1] }), ones(8)).x;
  expect(Array.from(factors, (factor) => Math.round(factor * 1e4) / 1e4)).toEqual([
    0.2391, 0.301, 0.7248, 2.6265, 3, 0.7248, 3, 3,
  ]);
  const mirrored = differentiable().pullback(
    quantization(
      x.map((u) => -u),
      { format: 'e2m1', scales: [1] },
    ),
    ones(8),
  ).x;
  expect(mirrored).toEqual(factors);
});

test('differentiable estimator: the test of MS-AMP, in bfloat16', () => {
  const x = Float64Array.from({ length: 20 }, (_, i) => round(Math.fround(-6 + (12 * i) / 19), 'bfloat16'));
  const q = quantization(x, { format: 'e2m1', scales: [1] });
  const factors = Array.from(differentiable().pullback(q, ones(20)).x, (factor) => round(factor, 'bfloat16'));
  const half = [0.2002, 0.4375, 0.6055, 0.2168, 1.8359, 0.2695, 0.3027, 0.2695, 0.2402, 0.5781];
  const printed = (factor: number): number => Math.round(factor * 1e4) / 1e4;
  expect(factors.map(printed)).toEqual([...half, ...half.toReversed()]);
});

test('differentiable estimator: at the values, outside, other formats', () => {
  const factors = (x: Float64Array, format: string, low?: number, high?: number): number[] => {
    const range = low === undefined || high === undefined ? {} : { low, high };
    return Array.from(
      differentiable().pullback(quantization(x, { format, scales: [1], ...range }), ones(x.length)).x,
    );
  };
  expect(factors(reals(0, 0.5, -1.5, 4, 6, -6), 'e2m1')).toEqual([0.2, 0.2, 0.2, 0.2, 0.2, 0.2]);
  expect(factors(reals(6.001, -7, Infinity), 'e2m1')).toEqual([0, 0, 0]);
  expect(factors(reals(127, -127, -127.5, 0.5, -0.5), 'int8', -127, 127)).toEqual([0.2, 0.2, 0, 3, 3]);
  // The step of e4m3fn above 1 is 1/8: 1.1 is at 0.8 of it.
  expect(factors(reals(1.1), 'e4m3fn')[0]).toBe(differentiableFactor(1.1, 1, 1.125));
  expect(factors(reals(NaN), 'e4m3fn')[0]).toBeNaN();
  const nf4 = toFormat('nf4').values();
  const between = (nf4[3]! + nf4[4]!) / 2 + 0.01;
  expect(factors(reals(between), 'nf4')[0]).toBe(differentiableFactor(between, nf4[3]!, nf4[4]!));
  // With k = 1 it is straight-through within the range.
  const one = differentiable({ sharpness: 1 });
  const q = quantization(reals(0.3, 5.3, 9), { format: 'e2m1', scales: [1] });
  expect(Array.from(one.pullback(q, ones(3)).x)).toEqual([1, 1, 0]);
});

test('differentiable estimator: its average over a step', () => {
  const n = 100_000;
  const middles = Array.from({ length: n }, (_, i) => (i + 0.5) / n);
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / n;
  // Clipped: 1 - r^(1/k) + clip r with r = (k clip)^(-k / (k - 1)).
  const clippedMean = mean(middles.map((x) => differentiableFactor(x, 0, 1)));
  expect(Math.abs(clippedMean - 0.59357)).toBeLessThan(1e-4);
  // Unclipped: 1. The pole in the middle takes points that crowd there: distance v^k from it, weight k v^(k - 1).
  for (const k of [2, 3, 5]) {
    const weighted = middles.map((v) => differentiableFactor(v ** k, -1, 1, k, 1e300) * k * v ** (k - 1));
    expect(Math.abs(mean(weighted) - 1)).toBeLessThan(1e-3);
  }
});

test('learned step: by hand', () => {
  // x / s = 0.6, 1.4, -3, 5 with low -2, high 3: slopes 1 - 0.6, 1 - 1.4, -2, 3; sum 0.4 - 0.4 - 2 + 3 with g = 1.
  const q = quantization(reals(0.3, 0.7, -1.5, 2.5), { format: 'int4', scales: [0.5], low: -2, high: 3 });
  const { x, scales, zeroPoints } = learnedStep({ normalise: false }).pullback(q, ones(4));
  expect(Array.from(x)).toEqual([1, 1, 0, 0]);
  expect(Math.abs(scales![0]! - 1)).toBeLessThan(1e-15);
  expect(zeroPoints).toBeUndefined();
});

test('learned step: the published normalisation, each group its own', () => {
  const setting = {
    format: 'int4',
    scales: [0.5, 2],
    grouping: { per: 'row' },
    shape: [2, 2],
    low: -7,
    high: 7,
  } as const;
  const q = quantization(reals(0.3, 0.7, 100, 3), setting);
  const plain = learnedStep({ normalise: false }).pullback(q, reals(1, 2, 3, 4)).scales!;
  const slopes = [1 - 0.6, 1 - 1.4, 7, 2 - 1.5];
  expect(Math.abs(plain[0]! - (slopes[0]! + 2 * slopes[1]!))).toBeLessThan(1e-14);
  expect(Math.abs(plain[1]! - (3 * slopes[2]! + 4 * slopes[3]!))).toBeLessThan(1e-14);
  expect(Array.from(learnedStep().pullback(q, reals(1, 2, 3, 4)).scales!)).toEqual(
    Array.from(plain, (sum) => sum * (1 / Math.sqrt(2 * 7))),
  );
});

test('learned step: outside the range, finite differences of the clamped value', () => {
  // There x -> value is differentiable in the scale and the zero point: value = (bound - z) s.
  const x = reals(9, -8, 12, -30);
  const value = (s: number, z: number): number =>
    sum(quantization(x, { format: 'uint4', scales: [s], zeroPoints: [z] }).values);
  const q = quantization(x, { format: 'uint4', scales: [0.25], zeroPoints: [5] });
  const { scales, zeroPoints, x: dx } = learnedStep({ normalise: false }).pullback(q, ones(4));
  const h = 2 ** -12;
  expect(scales![0]).toBe((value(0.25 + h, 5) - value(0.25 - h, 5)) / (2 * h));
  expect(zeroPoints![0]).toBe((value(0.25, 6) - value(0.25, 4)) / 2);
  expect(Array.from(dx)).toEqual([0, 0, 0, 0]);
});

test('learned step: inside the range, the straight-through derivative of the scale', () => {
  // With round(u) taken as u + constant, value = s (u + c) and d value / ds = round(u) - u exactly.
  const x = reals(0.37);
  const q = quantization(x, { format: 'int8', scales: [0.25] });
  const rounding = q.elements[0]! - q.scaled[0]!;
  const smooth = (s: number): number => s * (x[0]! / s + rounding);
  const h = 2 ** -10;
  const slope = learnedStep({ normalise: false }).pullback(q, ones(1)).scales![0]!;
  expect(Math.abs(slope - (smooth(0.25 + h) - smooth(0.25 - h)) / (2 * h))).toBeLessThan(1e-12);
});

test('learned levels: finite differences in each level', () => {
  const levels = [-1, -0.25, 0.25, 1.5];
  const x = reals(-0.9, 0.2, 0.3, 1.3, -0.1, 4);
  const grouping: Grouping = { per: 'row' };
  const scales = [0.5, 2];
  const shape = [2, 3];
  // The cells stay as they are while a level moves a little.
  const ranks = Array.from(x, (element, i) => {
    const u = element / scales[i < 3 ? 0 : 1]!;
    return levels.reduce(
      (best, level, rank) => (Math.abs(level - u) < Math.abs(levels[best]! - u) ? rank : best),
      0,
    );
  });
  const g = reals(1, -2, 3, 0.5, 0.25, 7);
  const loss = (moved: readonly number[]): number =>
    ranks.reduce((sum, rank, i) => sum + g[i]! * moved[rank]! * scales[i < 3 ? 0 : 1]!, 0);
  const elements = Float64Array.from(ranks, (rank) => levels[rank]!);
  const base = quantization(x, { format: 'int4', scales, grouping, shape });
  const format = { ...toFormat('int4'), bits: 2, values: () => levels } as Quantization['format'];
  const { levels: slopes, x: dx } = learnedLevels().pullback({ ...base, elements, format }, g);
  const h = 2 ** -8;
  levels.forEach((_, rank) => {
    const moved = (by: number): number[] => levels.map((level, i) => (i === rank ? level + by : level));
    expect(slopes![rank]).toBe((loss(moved(h)) - loss(moved(-h))) / (2 * h));
  });
  expect(dx).toEqual(g);
  const wide = quantization(reals(1), { format: 'binary32', scales: [1] });
  expect(() => learnedLevels().pullback(wide, ones(1))).toThrow(/at most 16 bits/);
});

test('levels of nf4: one for each of its values', () => {
  const q = quantization(reals(1, -1, 0, 0.01), { format: 'nf4', scales: [1] });
  const { levels } = gradientRule('levels').pullback(q, reals(1, 2, 4, 8));
  expect(levels).toHaveLength(16);
  expect([levels![0], levels![7], levels![15]]).toEqual([2, 12, 1]);
});

test('strength blends values and gradients', () => {
  const x = new Float32Array([1, 0.1, NaN]);
  const quantized = new Float32Array([2, 0.125, 1]);
  expect(blend(x, quantized, 0)).toEqual(x);
  expect(blend(x, quantized, 1)).toEqual(quantized);
  const quarter = Math.fround(Math.fround(0.125 - Math.fround(0.1)) * 0.25);
  expect(Array.from(blend(x, quantized, 0.25))).toEqual([1.25, Math.fround(Math.fround(0.1) + quarter), NaN]);
  const out = x.slice();
  expect(blend(out, quantized, 0.25, out)).toBe(out);
  expect(out).toEqual(blend(x, quantized, 0.25));
  // lambda J + (1 - lambda): a mask leaves 1 - lambda of the gradient.
  expect(Array.from(blendGradient(reals(4, 8), reals(4, 0), 0.25))).toEqual([4, 6]);
  expect(Array.from(blendGradient(reals(4, 8), reals(4, 0), 1))).toEqual([4, 0]);
});

describe('blends at the ends of the range', () => {
  test.each([
    [Float64Array, 53, 1023, formats.binary64],
    [Float32Array, 24, 127, formats.binary32],
  ] as const)(
    '%o: finite numbers give a finite one, by the three roundings without an end',
    (Kind, bits, emax, format) => {
      const magnitude = fc
        .tuple(fc.integer({ min: 2 ** 20, max: 2 ** 21 - 1 }), fc.integer({ min: emax - 60, max: emax }))
        .map(([significand, exponent]) => significand * 2 ** (exponent - 20));
      const number = fc
        .tuple(fc.oneof(fc.constantFrom(format.max, format.max - 2 ** (emax - 20)), magnitude), fc.boolean())
        .map(([size, isNegative]) => (isNegative ? -size : size));
      const part = fc.integer({ min: 1, max: 2 ** 10 - 1 }).map((n) => n / 2 ** 10);
      fc.assert(
        fc.property(number, number, part, (x, y, strength) => {
          const [from, to, lambda] = [exactly(x), exactly(y), exactly(strength)];
          const moved = toBits(times(toBits(minus(to, from), bits), lambda), bits);
          const expected = toFloat(plus(from, moved), format);
          expect(blend(Kind.of(x) as Float64Array, Kind.of(y) as Float64Array, strength)[0]).toBe(expected);
        }),
        { numRuns: 3000 },
      );
    },
  );

  test.each([
    [Infinity, 1, Infinity],
    [1, -Infinity, -Infinity],
    [Infinity, Infinity, Infinity],
    [Infinity, -Infinity, NaN],
    [NaN, Infinity, NaN],
    [1, NaN, NaN],
  ])('%d and %d give %d', (x, y, expected) => {
    expect(blend(reals(x), reals(y), 0.5)[0]).toBe(expected);
    expect(blend(Float32Array.of(x), Float32Array.of(y), 0.5)[0]).toBe(expected);
  });
});

test.each(gradientNames)('%s: JSON and back', (name) => {
  const rule = gradientRule(name);
  expect(rule.name).toBe(name);
  expect(gradientRule(JSON.parse(JSON.stringify(rule)) as GradientData).toJSON()).toEqual(rule.toJSON());
  expect(Object.isFrozen(rule)).toBe(true);
  const q = quantization(reals(0.3, -2, 9), { format: 'int4', scales: [1] });
  const g = new Float32Array([1, -2, 0.5]);
  const { x } = rule.pullback(q, g);
  expect(x).toBeInstanceOf(Float32Array);
  expect(g).toEqual(new Float32Array([1, -2, 0.5]));
  expect(() => rule.pullback(q, new Float32Array(2))).toThrow(/gradient/);
});

test.each<GradientData>([
  { name: 'clipped', strict: true },
  { name: 'trust', bits: 4, multiplier: 2 },
  { name: 'dge', sharpness: 3, clip: 2 },
  { name: 'lsq', normalise: false },
])('%j keeps its options', (data) => {
  expect(gradientRule(data).toJSON()).toEqual(data);
});

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments on purpose
const wrong = (given: unknown): any => given;

test.each<[string, () => unknown]>([
  ['gradient', () => gradientRule(wrong('reinforce'))],
  ['gradient', () => gradientRule(wrong(null))],
  ['strict', () => clipped({ strict: wrong(1) })],
  ['bits', () => trust({ bits: 0 })],
  ['multiplier', () => trust({ multiplier: NaN })],
  ['sharpness', () => differentiable({ sharpness: 0.5 })],
  ['clip', () => differentiable({ clip: Infinity })],
  ['normalise', () => learnedStep({ normalise: wrong('yes') })],
  ['strength', () => blend(ones(1), ones(1), 1.5)],
  ['quantized', () => blend(ones(1), ones(2), 0.5)],
  ['out', () => blend(ones(1), ones(1), 0.5, ones(2))],
])('refuses a wrong %s', (argument, attempt) => {
  expect(attempt).toThrow(ArgumentError);
  expect(attempt).toThrow(new RegExp(`^${argument}`));
});

test.each(gradientNames)('%s refuses what no quantiser explained, and names the field', (name) => {
  const right = quantization(Float64Array.of(1, -2, 0.25, 3), { format: 'int4', scales: [0.5] });
  const rule = gradientRule(name);
  const changes: readonly (readonly [string, unknown])[] = [
    ...(['x', 'values', 'scaled', 'elements', 'scales'] as const).flatMap((field) =>
      [undefined, null, [1, 2, 3, 4], new Float32Array(5), new Int32Array(4)].map(
        (bad) => [field, bad] as const,
      ),
    ),
    ...[undefined, null, [3], '4', [4.5]].map((bad) => ['shape', bad] as const),
    ...[undefined, null, 'int4', {}].map((bad) => ['format', bad] as const),
    ...[undefined, null, '1', NaN].flatMap((bad) => [['low', bad] as const, ['high', bad] as const]),
    ['grouping', { per: 'row', size: 2 }],
    ['zeroPoints', null],
    ['zeroPoints', new Float64Array(2)],
  ];
  for (const [field, bad] of changes) {
    const call = () => rule.pullback(wrong({ ...right, [field]: bad }), ones(4));
    expect(call).toThrow(expect.objectContaining({ name: 'ArgumentError' }));
    // A wrong length of x is one of the others.
    if (field !== 'x' && field !== 'grouping') expect(call).toThrow(new RegExp(`^quantization\\.${field}: `));
  }
  for (const bad of [undefined, null, 1, 'x', [], {}, new Map()])
    expect(() => rule.pullback(wrong(bad), ones(4))).toThrow(ArgumentError);
});
