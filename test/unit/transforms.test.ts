/** Transforms: values worked out by hand, the guards, JSON, residues and refusals. */

import { expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import {
  cancelInProduct,
  clampResidual,
  compose,
  hadamard,
  keepOutliers,
  logShift,
  noise,
  powerExpansion,
  prescale,
  residueBytes,
  shiftGroups,
  sparseTerm,
  type Transform,
  type TransformData,
  transform,
  transformerEngineSigns,
  transformNames,
} from '../../src/quantizers/transforms/index.ts';
import { randomIntegers } from '../../src/rounding/index.ts';

const numbers = (...values: number[]): Float32Array => new Float32Array(values);

test('the Hadamard matrix of size 4, column by column', () => {
  const columns = [0, 1, 2, 3].map((i) => {
    const x = new Float32Array(4);
    x[i] = 2;
    return Array.from(hadamard({ size: 4 }).forward(x, [4]).values);
  });
  expect(columns).toEqual([
    [1, 1, 1, 1],
    [1, -1, 1, -1],
    [1, 1, -1, -1],
    [1, -1, -1, 1],
  ]);
});

test('Hadamard along the first axis leaves columns apart', () => {
  const x = numbers(1, 10, 3, 20);
  expect(Array.from(hadamard({ size: 2, axis: 0 }).forward(x, [2, 2]).values)).toEqual(
    [4, 30, -2, -10].map((sum) => Math.fround(sum * Math.fround(Math.SQRT1_2))),
  );
  expect(hadamard({ size: 2 }).forward(x, [2, 2], { axis: 0 }).values).toEqual(
    hadamard({ size: 2, axis: 0 }).forward(x, [2, 2]).values,
  );
});

test('a remainder is cut into powers of two', () => {
  const x = Float32Array.from({ length: 23 }, (_, i) => i * i - 50);
  const whole = hadamard({ size: 16 }).forward(x, [23]).values;
  const parts = [
    [0, 16],
    [16, 4],
    [20, 2],
    [22, 1],
  ].flatMap(([start, size]) =>
    Array.from(hadamard({ size: size! }).forward(x.slice(start, start! + size!), [size!]).values),
  );
  expect(Array.from(whole)).toEqual(parts);
});

test('without a size a block is the axis', () => {
  const x = Float32Array.from({ length: 12 }, (_, i) => i);
  expect(hadamard().forward(x, [12]).values).toEqual(hadamard({ size: 8 }).forward(x, [12]).values);
});

test('signs: given, of TransformerEngine, drawn', () => {
  const x = new Float32Array(16).fill(1);
  const signed = Float32Array.from(transformerEngineSigns);
  const plain = hadamard({ size: 16 }).forward(signed, [16]).values;
  expect(hadamard({ signs: 'transformer-engine' }).forward(x, [16]).values).toEqual(plain);
  expect(hadamard({ signs: transformerEngineSigns }).forward(x, [16]).values).toEqual(plain);
  // The high word of the stream is FNV-1a-32 of 'signs'.
  const stream = (0xe3d02375n << 32n) + 3n;
  const bits = randomIntegers(16, { seed: 5, stream, randomBits: 1 });
  const drawn = Float32Array.from(bits, (bit) => (bit === 1 ? -1 : 1));
  expect(hadamard({ size: 16, seed: 5, stream: 3 }).forward(x, [16]).values).toEqual(
    hadamard({ size: 16 }).forward(drawn, [16]).values,
  );
  expect(new Set(drawn)).toEqual(new Set([1, -1]));
});

test('log shift: mean of the logarithms to 0, maximum to 15', () => {
  const { values, residue } = logShift().forward(numbers(2 ** -20, -(2 ** -24), 0), [3]);
  expect(Array.from(values)).toEqual([32768, -(2 ** -15), 0]);
  expect(residue).toEqual({ kind: 'statistics', perGroup: 2, values: numbers(7.5, 165) });
});

test('log shift: guards', () => {
  const equal = logShift().forward(numbers(3, -3, 3), [3]);
  expect(equal.residue).toMatchObject({ values: numbers(15, -15 * 1.584962500721156) });
  const powers = logShift({ cap: 2 }).forward(numbers(4, -4), [2]);
  expect(powers.residue).toMatchObject({ values: numbers(2, -4) });
  expect(Array.from(powers.values)).toEqual([1, -1]);
  const zeros = logShift().forward(numbers(0, -0), [2]);
  expect(zeros.values).toEqual(numbers(0, -0));
  expect(zeros.residue).toMatchObject({ values: numbers(1, 0) });
  const special = logShift().forward(numbers(NaN, Infinity, -Infinity, 2), [4]);
  expect(Array.from(special.values)).toEqual([NaN, Infinity, -Infinity, 1]);
  expect(Array.from(logShift().inverse(special.values, [4], special.residue))).toEqual([
    NaN,
    Infinity,
    -Infinity,
    2,
  ]);
});

test('power expansion: k and c of each group', () => {
  const { values, residue } = powerExpansion({ grouping: { per: 'row' } }).forward(
    numbers(1, -4, 0, 2 ** -40, 2 ** 40, NaN),
    [2, 3],
  );
  // log2(448^2 / 2) = 16.6147...: k = floor(16 * 16.6147 / 2) / 16 = 8.25 (132.9 / 16) and floor(3.32) / 16.
  expect(residue).toEqual({ kind: 'statistics', perGroup: 2, values: numbers(8.25, 2, 3 / 16, 1) });
  expect(Array.from(values)).toEqual(
    [2 ** -8.25, -(2 ** 8.25), 0, 2 ** -7.5, 2 ** 7.5, NaN].map(Math.fround),
  );
});

test('power expansion: guards', () => {
  const equal = powerExpansion().forward(numbers(3, -3), [2]);
  expect(equal.residue).toMatchObject({ values: numbers(64, 3) });
  expect(Array.from(equal.values)).toEqual([1, -1]);
  const zeros = powerExpansion().forward(numbers(0, -0), [2]);
  expect(zeros.values).toEqual(numbers(0, -0));
  const wide = new Float64Array([2 ** -1000, 2 ** 1000, 2 ** 1000]);
  const { residue } = powerExpansion().forward(wide, [3]);
  expect(residue).toMatchObject({ values: numbers(1 / 16, 1) });
  const far = powerExpansion().forward(new Float64Array([2 ** 1000]), [1]);
  expect(far.residue).toMatchObject({ values: numbers(64, (2 - 2 ** -23) * 2 ** 127) });
});

test('clamp: interpolated quantiles, the excess beside', () => {
  const { values, residue } = clampResidual({ alpha: 0.75 }).forward(numbers(0, 1, 2, 3, 40), [5]);
  expect(Array.from(values)).toEqual([1, 1, 2, 3, 3]);
  expect(sparseTerm(residue)).toEqual({ indices: new Uint32Array([0, 4]), values: numbers(-1, 37) });
  // Two indices, two values, two bounds.
  expect(residueBytes(residue)).toBe(24);
  const between = clampResidual({ alpha: 0.9 }).forward(numbers(0, 10, 20), [3]);
  expect(Array.from(between.values)).toEqual([2, 10, 18]);
  // The quantiser's error at the bound stays.
  expect(Array.from(clampResidual().inverse(numbers(1.5, 1, 2, 3, 4), [5], residue))).toEqual([
    0.5, 1, 2, 3, 41,
  ]);
});

test('clamp: NaN, infinities, nothing', () => {
  const given = numbers(NaN, 1, 2, Infinity);
  const { values, residue } = clampResidual({ alpha: 0.75 }).forward(given, [4]);
  expect(Array.from(values)).toEqual([NaN, 1.25, 1.75, 1.75]);
  expect(residue).toMatchObject({ indices: new Uint32Array([1, 2, 3]), low: 1.25, high: 1.75 });
  expect(clampResidual().inverse(values, [4], residue)).toEqual(given);
  expect(Array.from(clampResidual().forward(numbers(Infinity, NaN), [2]).values)).toEqual([Infinity, NaN]);
  const empty = clampResidual().forward(new Float32Array(0), [0]);
  expect(empty.values).toHaveLength(0);
  expect(Array.from(clampResidual().forward(numbers(NaN, NaN), [2]).values)).toEqual([NaN, NaN]);
  expect(Array.from(clampResidual({ alpha: 1 }).forward(numbers(-7, 9), [2]).values)).toEqual([-7, 9]);
});

test('outliers: the largest of each group, the first of equal ones', () => {
  const keep = keepOutliers({ count: 2, grouping: { per: 'row' } });
  const { values, residue } = keep.forward(numbers(1, -9, 9, 9, 5, NaN, -Infinity, 7), [2, 4]);
  expect(Array.from(values)).toEqual([1, 0, 0, 9, 5, 0, 0, 7]);
  expect(residue).toEqual({
    kind: 'sparse',
    indices: new Uint32Array([1, 2, 5, 6]),
    values: numbers(-9, 9, NaN, -Infinity),
  });
  expect(sparseTerm(residue).values).toEqual(numbers(-9, 9, NaN, -Infinity));
  expect(residueBytes(residue)).toBe(32);
  // What the quantiser made of the zeros does not matter.
  const back = keep.inverse(numbers(1, 3, 3, 9, 5, 3, 3, 7), [2, 4], residue);
  expect(Array.from(back)).toEqual([1, -9, 9, 9, 5, NaN, -Infinity, 7]);
  expect(Array.from(keepOutliers({ count: 9 }).forward(numbers(1, 2), [2]).values)).toEqual([0, 0]);
});

test('shift groups: greedy choice of the shifts', () => {
  const x = numbers(8, 1.5, -4, 1);
  const { values, residue } = shiftGroups({ groups: 2 }).forward(x, [2, 2]);
  expect(Array.from(values)).toEqual([8, 6, -4, 4]);
  expect(residue).toEqual({ kind: 'shifts', shifts: new Uint8Array([0, 2]) });
  expect(residueBytes(residue)).toBe(2);
  // Channels 16, 9, 1, 1, 1, 2^-9: ideal shifts 0, 0, 4, 4, 4, 13. With two groups, 4 serves the most.
  const channels = numbers(16, 9, 1, 1, 1, 2 ** -9);
  const shiftsFor = (groups: number): unknown => shiftGroups({ groups }).forward(channels, [6]).residue;
  expect(shiftsFor(1)).toMatchObject({ shifts: new Uint8Array([0, 0, 0, 0, 0, 0]) });
  expect(shiftsFor(2)).toMatchObject({ shifts: new Uint8Array([0, 0, 4, 4, 4, 4]) });
  expect(shiftsFor(3)).toMatchObject({ shifts: new Uint8Array([0, 0, 4, 4, 4, 13]) });
  expect(shiftsFor(9)).toEqual(shiftsFor(3));
});

test('shift groups: zeros, NaN, far apart, another axis', () => {
  expect(shiftGroups().forward(numbers(0, NaN, 4, Infinity), [4])).toEqual({
    values: numbers(0, NaN, 4, Infinity),
    residue: { kind: 'shifts', shifts: new Uint8Array(4) },
  });
  const far = shiftGroups().forward(numbers(2 ** 127, 2 ** -149), [2]);
  expect(far.residue).toMatchObject({ shifts: new Uint8Array([0, 255]) });
  const rows = shiftGroups({ axis: 0 }).forward(numbers(8, 4, 2, -1), [2, 2]);
  expect(Array.from(rows.values)).toEqual([8, 4, 8, -4]);
  // The mantissas decide whether the last doubling fits.
  expect(shiftGroups().forward(numbers(6, 3.5), [2]).residue).toMatchObject({
    shifts: new Uint8Array([0, 0]),
  });
  expect(shiftGroups().forward(numbers(6, 3), [2]).residue).toMatchObject({ shifts: new Uint8Array([0, 1]) });
});

test('noise: steps of each group, draws by index', () => {
  const rows = noise({ bits: 3, grouping: { per: 'row' }, seed: 2 });
  const x = numbers(4, -8, 0, 1);
  const { values, residue } = rows.forward(x, [2, 2]);
  expect(residue).toEqual({ kind: 'statistics', perGroup: 1, values: numbers(2, 0.25) });
  const steps = [2, 2, 0.25, 0.25];
  const draws = Array.from(values, (value, i) => (value - x[i]!) / steps[i]!);
  expect(draws.every((draw) => Number.isInteger(draw))).toBe(true);
  const range = noise({ bits: 2, from: 'range', grouping: { per: 'row' } }).forward(x, [2, 2]);
  expect(range.residue).toMatchObject({ values: numbers(4, 1 / 3) });
  const whole = noise({ bits: [2, 3], from: 'tensor-range', grouping: { per: 'row' } }).forward(x, [2, 2]);
  expect(whole.residue).toMatchObject({ values: numbers(4, 12 / 7) });
  const own = noise({ bits: [1, 2], grouping: { per: 'row' } }).forward(x, [2, 2]);
  expect(own.residue).toMatchObject({ values: numbers(8, 0.5) });
  const odd = noise({ bits: 1, grouping: { per: 'tensor' } }).forward(numbers(NaN, Infinity), [2]);
  expect(odd.residue).toMatchObject({ values: numbers(0) });
});

test('noise: the context takes the place of seed and stream', () => {
  const x = new Float32Array(64).fill(1);
  const of = (options: object, context?: object): Float32Array =>
    noise({ bits: 2, ...options }).forward(x, [64], context).values;
  expect(of({ seed: 1, stream: 9 }, { seed: 3 })).toEqual(of({ seed: 3, stream: 9 }));
  expect(of({ seed: 1 }, { stream: 5n })).toEqual(of({ seed: 1, stream: 5 }));
  expect(of({ seed: 1 })).not.toEqual(of({ seed: 2 }));
  const later = noise({ bits: 2, grouping: { per: 'tensor' }, seed: 1 }).forward(x.slice(8), [56], {
    offset: 8,
  });
  expect(later.values).toEqual(
    noise({ bits: 2, grouping: { per: 'tensor' }, seed: 1 })
      .forward(x, [64])
      .values.slice(8),
  );
});

test('noise: subtracting it again', () => {
  const x = numbers(1, -0.7, 0.3, 12);
  const kept = noise({ bits: 4, seed: 1 });
  const forward = kept.forward(x, [4]);
  expect(kept.inverse(forward.values, [4], forward.residue)).toEqual(forward.values);
  const taken = noise({ bits: 4, seed: 1, inverse: 'subtract', distribution: 'uniform' });
  const y = taken.forward(x, [4]);
  const back = taken.inverse(y.values, [4], y.residue);
  for (let i = 0; i < 4; i++)
    expect(Math.abs(back[i]! - x[i]!)).toBeLessThanOrEqual(
      2 ** -24 * (Math.abs(y.values[i]!) + Math.abs(back[i]!)),
    );
});

const examples: Record<string, Transform> = {
  hadamard: hadamard({ size: 4, axis: 0, seed: 2n ** 63n + 1n, stream: 3 }),
  prescale: prescale({ factor: 0.75 }),
  'log-shift': logShift({ grouping: { per: 'row' }, target: 8, cap: 4 }),
  'power-expansion': powerExpansion({ grouping: { per: 'block', size: 2, axis: 0 }, range: 1000 }),
  'clamp-residual': clampResidual({ alpha: 0.8 }),
  'keep-outliers': keepOutliers({ count: 1, grouping: { per: 'column' } }),
  'shift-groups': shiftGroups({ groups: 2, axis: 0 }),
  noise: noise({
    bits: [3, 4],
    from: 'range',
    distribution: 'gaussian',
    grouping: { per: 'row' },
    seed: 4,
    stream: 2,
  }),
  compose: compose(clampResidual({ alpha: 0.9 }), prescale({ factor: 2 }), hadamard({ signs: [1, -1] })),
};

test('every transform has its example', () => {
  expect(Object.keys(examples).sort()).toEqual([...transformNames].sort());
});

test.each(Object.entries(examples))('%s: JSON and back gives the same transform', (name, given) => {
  const again = transform(JSON.parse(JSON.stringify(given)) as TransformData);
  expect(given.name).toBe(name);
  expect(again.toJSON()).toEqual(given.toJSON());
  expect(again.inProduct).toBe(given.inProduct);
  const x = numbers(1, -2, 0.3, 40, 5, 6, 7, -0.01);
  const here = given.forward(x, [2, 4]);
  expect(again.forward(x, [2, 4])).toEqual(here);
  expect(again.inverse(here.values, [2, 4], here.residue)).toEqual(
    given.inverse(here.values, [2, 4], here.residue),
  );
  expect(x).toEqual(numbers(1, -2, 0.3, 40, 5, 6, 7, -0.01));
  expect(Object.isFrozen(given)).toBe(true);
});

test.each(Object.entries(examples))('%s: binary64 arrays stay binary64', (_, given) => {
  const x = new Float64Array([1, -2, 0.3, 40, 5, 6, 7, -0.01]);
  const { values, residue } = given.forward(x, [2, 4]);
  expect(values).toBeInstanceOf(Float64Array);
  expect(given.inverse(values, [2, 4], residue)).toBeInstanceOf(Float64Array);
});

test.each(Object.entries(examples))('%s: a shape that does not fit and a foreign residue', (name, given) => {
  expect(() => given.forward(new Float32Array(8), [3, 3])).toThrow(ArgumentError);
  const { residue } = given.forward(new Float32Array(8), [2, 4]);
  expect(() => given.inverse(new Float32Array(8), [9], residue)).toThrow(ArgumentError);
  const foreign = name === 'shift-groups' ? { kind: 'none' } : { kind: 'shifts', shifts: new Uint8Array(9) };
  expect(() => given.inverse(new Float32Array(8), [2, 4], foreign as typeof residue)).toThrow(/residue/);
});

test('composition: residues in order, bytes added, what it means in a product', () => {
  const both = compose(keepOutliers({ count: 1 }), logShift());
  const { residue } = both.forward(numbers(1, 50, 2, 4), [4]);
  expect(residue).toMatchObject({ kind: 'composed', parts: [{ kind: 'sparse' }, { kind: 'statistics' }] });
  expect(residueBytes(residue)).toBe(16);
  const products = (...parts: Transform[]): string => compose(...parts).inProduct;
  expect(products(hadamard())).toBe('cancels');
  expect(products(hadamard(), hadamard({ seed: 1 }))).toBe('cancels');
  expect(products(hadamard(), prescale({ factor: 2 }))).toBe('scales');
  expect(products(clampResidual())).toBe('adds');
  expect(products(clampResidual(), hadamard())).toBe('never');
  expect(products(hadamard(), logShift())).toBe('never');
});

test('which pairs cancel', () => {
  const axis0 = hadamard({ size: 16, seed: 1, axis: 0 });
  expect(cancelInProduct(axis0, hadamard({ size: 16, seed: 1, axis: 1 }))).toBe(true);
  expect(cancelInProduct(axis0, hadamard({ size: 16, seed: 2 }))).toBe(false);
  expect(cancelInProduct(axis0, hadamard({ size: 8, seed: 1 }))).toBe(false);
  expect(cancelInProduct(prescale({ factor: 2 }), prescale({ factor: 2 }))).toBe(false);
  expect(cancelInProduct(compose(axis0), compose(hadamard({ size: 16, seed: 1 })))).toBe(true);
});

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments on purpose
const wrong = (given: unknown): any => given;

test.each<[string, () => unknown]>([
  ['size', () => hadamard({ size: 12 })],
  ['size', () => hadamard({ size: 0.5 })],
  ['signs', () => hadamard({ signs: [1, 2] })],
  ['signs', () => hadamard({ signs: [1, -1, 1] })],
  ['signs', () => hadamard({ size: 8, signs: 'transformer-engine' })],
  ['signs', () => hadamard({ signs: wrong('nvidia') })],
  ['seed', () => hadamard({ signs: [1, -1], seed: 1 })],
  ['seed', () => hadamard({ seed: -1 })],
  ['seed', () => hadamard({ seed: '1e3' })],
  ['stream', () => hadamard({ stream: 1 })],
  ['axis', () => hadamard({ axis: 0.5 })],
  ['axis', () => hadamard({ axis: 2 }).forward(new Float32Array(4), [2, 2])],
  ['factor', () => prescale({ factor: 0 })],
  ['factor', () => prescale({ factor: NaN })],
  ['target', () => logShift({ target: 0 })],
  ['cap', () => logShift({ cap: Infinity })],
  ['grouping.per', () => logShift({ grouping: wrong({ per: 'head' }) })],
  ['range', () => powerExpansion({ range: 1 })],
  ['alpha', () => clampResidual({ alpha: 0.5 })],
  ['alpha', () => clampResidual({ alpha: NaN })],
  ['count', () => keepOutliers({ count: 0 })],
  ['count', () => keepOutliers(wrong({}))],
  ['groups', () => shiftGroups({ groups: 257 })],
  ['bits', () => noise({ bits: 0 })],
  ['bits', () => noise({ bits: [] })],
  ['bits', () => noise(wrong({}))],
  ['bits', () => noise({ bits: [1, 2], grouping: { per: 'tensor' } }).forward(new Float32Array(4), [4])],
  ['distribution', () => noise({ bits: 1, distribution: wrong('cauchy') })],
  ['from', () => noise({ bits: 1, from: wrong('rms') })],
  ['inverse', () => noise({ bits: 1, inverse: wrong('add') })],
  ['parts', () => compose()],
  ['parts', () => transform({ name: 'compose' })],
  ['name', () => transform({ name: 'fourier' })],
  [
    'parts\\[1\\]\\.name',
    () => transform({ name: 'compose', parts: [{ name: 'hadamard' }, { name: 'hadmard' }] } as never),
  ],
  ['transform', () => transform(wrong(undefined))],
  ['residue', () => sparseTerm({ kind: 'none' })],
])('refuses a wrong %s', (argument, attempt) => {
  expect(attempt).toThrow(ArgumentError);
  expect(attempt).toThrow(new RegExp(`^${argument}`));
});

test('a residue of another length is refused', () => {
  const { residue } = keepOutliers({ count: 1 }).forward(numbers(1, 2, 9), [3]);
  expect(() => keepOutliers({ count: 1 }).inverse(numbers(1, 2), [2], residue)).toThrow(/residue/);
  const clamped = clampResidual({ alpha: 0.6 }).forward(numbers(1, 2, 9), [3]).residue;
  expect(() => clampResidual().inverse(numbers(1), [1], clamped)).toThrow(/residue/);
  expect(() => clampResidual().pullback(numbers(1, 2, 9), [3], { kind: 'none' }, (g) => g)).toThrow(
    /residue/,
  );
});
