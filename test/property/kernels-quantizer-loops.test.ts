/**
 * Quantisers that no plan of the kernels takes run the reference with its loops on kernels: zero points, given and learned scales, scale
 * formats and statistics of all kinds. Scaled numbers, elements, values, scales and zero points agree on every bit with the loops of the
 * reference, in groups of every kind.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countGroups, type Grouping } from '../../src/quantizers/grouping.ts';
import { type QuantizerOptions, quantizer } from '../../src/quantizers/index.ts';
import { scaleSource } from '../../src/quantizers/learned.ts';
import { codesOf } from '../../src/quantizers/nan.ts';
import { resolveQuantizer, withoutParts } from '../../src/quantizers/quantizer-options.ts';
import { type Run, runQuantizer } from '../../src/quantizers/run.ts';
import { trackerOf } from '../../src/quantizers/tracking.ts';
import { firstDifference } from '../kernels-compare.ts';

function byReference(options: QuantizerOptions, x: Float32Array, shape: readonly number[]): Run {
  const resolved = resolveQuantizer(options, withoutParts);
  const fixed = scaleSource(resolved).scalesFor(x, shape);
  const tracker = trackerOf(resolved.scale);
  const track = (current: Float64Array): Float64Array => tracker.track(current, true);
  return runQuantizer(x, shape, { options: resolved, track, fixed }, {});
}

function check(given: object, x: Float32Array, shape: readonly number[]): void {
  const options = { ...given, nan: 'group' } as QuantizerOptions;
  const expected = byReference(options, x, shape);
  const made = () => quantizer(options);
  const what = JSON.stringify([options, shape]);
  expect(firstDifference(made().fakeQuantize(x, shape), expected.values, x), what).toBeUndefined();
  const explained = made().explain(x, shape);
  for (const field of ['scaled', 'elements', 'values'] as const) {
    expect(firstDifference(explained[field], expected[field], expected[field]), what).toBeUndefined();
    expect(explained[field].constructor, what).toBe(expected[field].constructor);
  }
  expect(explained.zeroPoints, what).toEqual(expected.zeroPoints);
  // A NaN among elements that have none is refused.
  const hasCodes =
    made().format.hasNaN || !expected.elements.some((e, i) => Number.isNaN(e) && Number.isNaN(x[i]));
  if (!hasCodes) return;
  const result = made().quantize(x, shape);
  expect(result.codes, what).toEqual(codesOf(expected, made().format));
  expect(firstDifference(result.scales, expected.scales.stored, result.scales), what).toBeUndefined();
  const again = made().unpack(result.pack(), shape).values;
  expect(firstDifference(again, expected.values, x), what).toBeUndefined();
}

const groupings: readonly Grouping[] = [
  { per: 'tensor' },
  { per: 'row' },
  { per: 'column' },
  { per: 'block', size: 5 },
  { per: 'block', size: 32 },
  { per: 'block', size: 3, axis: 0 },
  { per: 'block', size: 7, axis: 1 },
  { per: 'tile', rows: 3, columns: 5 },
  { per: 'tile', rows: 2, columns: 1 },
];

/** Scales of every kind that has no plan, for a format of integers. */
const ofIntegers = (grouping: Grouping) => [
  ...[{}, { format: 'e8m0', direction: 'ceil' }, { format: 'bfloat16' }, { decay: 0.5 }].map((rest) => ({
    ...{ ...grouping, from: 'minmax' },
    ...rest,
  })),
  { ...grouping, from: 'constant', value: 0.375 },
  { ...grouping, from: 'constant', value: 0.1, zeroPoint: 1 },
  { ...grouping, from: 'constant', value: 0.1, zeroPoint: 0, format: 'e8m0' },
  ...['lsq', 'absmax', 'minmax'].map((initial) => ({ ...grouping, from: 'learned', initial })),
  { ...grouping, from: 'absmax', format: 'bfloat16' },
  { ...grouping, from: 'absmedian' },
  { ...grouping, from: 'absmax', level: 'least-squares' },
];

const bits = new Uint32Array(1);
const pattern = new Float32Array(bits.buffer);
const numbers = [
  fc.integer({ min: -(2 ** 12), max: 2 ** 12 }).map((x) => x / 2 ** 9),
  fc.oneof(
    { weight: 30, arbitrary: fc.integer({ min: -100, max: 140 }).map((x) => x / 8) },
    fc.constantFrom(0, -0, NaN, Infinity, -Infinity),
  ),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((code) => {
    bits[0] = code;
    return Number.isFinite(pattern[0]!) ? pattern[0]! : -0;
  }),
  fc.constantFrom((2 - 2 ** -23) * 2 ** 127, -(2 ** 127), 2 ** -149, -(2 ** -149), 0, -0),
];
const shapes = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 40 })),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 20 })),
);
const tensors = fc.tuple(shapes, fc.constantFrom(...numbers)).chain(([shape, number]) => {
  const length = shape.reduce((all, side) => all * side, 1);
  return fc.tuple(
    fc.array(number, { minLength: length, maxLength: length }).map((x) => Float32Array.from(x)),
    fc.constant<readonly number[]>(shape),
  );
});

describe.each(groupings)('%o', (grouping) => {
  it('integers', () => {
    fc.assert(
      fc.property(
        tensors,
        fc.constantFrom(...ofIntegers(grouping)),
        fc.constantFrom('uint8', 'int8', 'uint4', 'int2', 'int16'),
        fc.constantFrom('nearest-even', 'stochastic', 'toward-negative', 'nearest-away'),
        ([x, shape], scale, format, rounding) => {
          if (shape.length < 2 || x.length === 0) return;
          check({ format, rounding, scale }, x, shape);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('floats', () => {
    fc.assert(
      fc.property(
        tensors,
        fc.constantFrom(
          { ...grouping, from: 'absmax', format: 'ue5m3' },
          { ...grouping, from: 'percentile', percentile: 90 },
          { ...grouping, from: 'constant', value: 3 },
          { ...grouping, from: 'absmax', level: 'least-squares' },
          { ...grouping, from: 'absmax', format: 'e4m3fn' },
        ),
        fc.constantFrom('e2m1', 'e4m3fn', 'e5m2', 'ternary', 'nf4'),
        fc.constantFrom('finite', 'none'),
        ([x, shape], scale, format, saturation) => check({ format, saturation, scale }, x, shape),
      ),
      { numRuns: 40 },
    );
  });
});

/** Numbers of many sizes. */
function longTensor(length: number): Float32Array {
  let state = 7;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 0.8) * 2 ** ((state % 5) - 3);
  });
}

it.each([
  [{ per: 'tensor' }, 3, 16_385],
  [{ per: 'row' }, 2, 16_383],
  [{ per: 'row' }, 2, 16_384],
  [{ per: 'column' }, 17, 1025],
  [{ per: 'block', size: 1023 }, 3, 5000],
  [{ per: 'block', size: 16_385 }, 1, 40_000],
  [{ per: 'block', size: 64, axis: 0 }, 150, 1024],
  [{ per: 'tile', rows: 5, columns: 1025 }, 11, 2053],
  [{ per: 'tile', rows: 16, columns: 16 }, 50, 1023],
] as readonly (readonly [Grouping, number, number])[])(
  '%o of %i x %i, in parts',
  (grouping, rows, columns) => {
    const x = longTensor(rows * columns);
    for (const scale of [
      { ...grouping, from: 'minmax' },
      { ...grouping, from: 'minmax', format: 'e8m0' },
      { ...grouping, from: 'learned', initial: 'minmax' },
      { ...grouping, from: 'constant', value: 0.01, zeroPoint: 100 },
    ])
      for (const rounding of ['nearest-even', 'stochastic'])
        check({ format: 'uint8', rounding, scale }, x, [rows, columns]);
    expect(countGroups(grouping, [rows, columns])).toBeGreaterThan(0);
  },
);
