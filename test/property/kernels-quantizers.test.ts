/**
 * Quantisers on kernels agree on every bit with the reference, `runQuantizer`: codes, scales, values; every named format, random
 * shapes, any bit pattern; ordinary arrays, arrays in the shared memory, in place, by pointers.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateFloat32, release, sharedHeap } from '../../src/kernels/heap.ts';
import { kernelsOn } from '../../src/kernels/heap-kernels.ts';
import type { Grouping } from '../../src/quantizers/grouping.ts';
import {
  type BlockOptions,
  blockQuantizerOptions,
  directions,
  kernelLayout,
  kernelPlan,
  type QuantizerOptions,
  quantizer,
} from '../../src/quantizers/index.ts';
import { codesOf } from '../../src/quantizers/nan.ts';
import { resolveQuantizer, withoutParts } from '../../src/quantizers/quantizer-options.ts';
import { type Run, runQuantizer } from '../../src/quantizers/run.ts';
import { decodeFactor } from '../../src/quantizers/scales.ts';
import { trackerOf } from '../../src/quantizers/tracking.ts';
import { times } from '../every-case.ts';
import { firstDifference } from '../kernels-compare.ts';

interface Tensor {
  readonly shape: readonly number[];
  readonly x: Float32Array;
}

const kernels = kernelsOn(sharedHeap());

function byReference(options: QuantizerOptions, { x, shape }: Tensor): Run {
  const resolved = resolveQuantizer(options, withoutParts);
  const tracker = trackerOf(resolved.scale);
  const track = (current: Float64Array): Float64Array => tracker.track(current, true);
  const context = { options: resolved, track, fixed: undefined };
  return runQuantizer(x, shape, context, {});
}

/** Values in every place; codes and scales. */
function check(options: QuantizerOptions, tensor: Tensor): void {
  const { shape, x } = tensor;
  const made = quantizer({ ...options, nan: 'group' });
  const expected = byReference(options, tensor);
  expect(firstDifference(made.fakeQuantize(x, shape), expected.values, x)).toBeUndefined();

  const shared = allocateFloat32(x.length);
  const out = allocateFloat32(x.length);
  shared.set(x);
  made.fakeQuantize(shared, shape, out);
  expect(firstDifference(out, expected.values, x)).toBeUndefined();
  made.fakeQuantize(shared, shape, shared);
  expect(firstDifference(shared, expected.values, x)).toBeUndefined();
  const plan = kernelPlan(made)!;
  const layout = kernelLayout(made.scale.grouping, shape, plan);
  expect(layout !== undefined).toBe(x.length > 0);
  if (layout !== undefined) {
    shared.set(x);
    kernels.fakeQuantize(shared.byteOffset, shared.byteOffset, layout, plan, made.rounding);
    expect(firstDifference(shared, expected.values, x)).toBeUndefined();
  }
  release(out);
  release(shared);

  const explained = made.explain(x, shape);
  const { stored } = expected.scales;
  const scales = Float64Array.from(stored, (_, group) => decodeFactor(expected.scales, group));
  for (const [field, wanted] of Object.entries({ ...expected, scales })) {
    if (field !== 'scaled' && field !== 'elements' && field !== 'values' && field !== 'scales') continue;
    expect(firstDifference(explained[field], wanted as Float64Array, wanted as Float64Array)).toBeUndefined();
    expect(explained[field].constructor).toBe(wanted!.constructor);
  }

  const result = made.quantize(x, shape);
  expect(firstDifference(result.values, expected.values, x)).toBeUndefined();
  expect(firstDifference(result.scales, expected.scales.stored, result.scales)).toBeUndefined();
  expect(result.codes).toEqual(codesOf(expected, made.format));
  const tensorScales = expected.tensorEncode && Float32Array.from(expected.tensorEncode, (s) => 1 / s);
  const wanted = made.scale.tensorScale === 'tensor' ? tensorScales![0] : tensorScales;
  expect(result.tensorScale).toEqual(wanted);
}

const bits = new Uint32Array(1);
const numbers = new Float32Array(bits.buffer);

const anyBits = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((pattern) => {
  bits[0] = pattern;
  return numbers[0]!;
});
/** Few significant bits over some binades: ties, powers of two and their neighbours. */
const round = fc
  .tuple(fc.integer({ min: -65, max: 65 }), fc.integer({ min: -6, max: 6 }))
  .map(([significand, exponent]) => significand * 2 ** exponent);
const ordinary = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((x) => x / 2 ** 18);
const largest = (2 - 2 ** -23) * 2 ** 127;
const finite = fc.oneof(
  { weight: 4, arbitrary: ordinary },
  { weight: 4, arbitrary: round },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 2 ** -149, -(2 ** -140), 2 ** -126) },
);
const kinds = [
  finite,
  ordinary,
  fc.oneof({ weight: 40, arbitrary: finite }, fc.constantFrom(NaN, Infinity, -Infinity)),
  anyBits.map((x) => (Number.isFinite(x) ? x : 1)),
  anyBits,
  finite.map((x) => x * 2 ** -140),
  finite.map((x) => x * 2 ** 120),
  fc.constantFrom(0, -0),
  // Where values, means and numbers in units of a scale leave binary32.
  fc.constantFrom(largest, -largest, largest / 2, 2 ** 127, 1, 2 ** -149),
  fc.constantFrom(2 ** -149, -(3 * 2 ** -149), 2 ** -126, 0),
];

const shapes = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 70 })),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 })),
  fc.tuple(fc.integer({ min: 1, max: 130 })),
  fc.constant([]),
);

const tensors: fc.Arbitrary<Tensor> = fc.tuple(shapes, fc.constantFrom(...kinds)).chain(([shape, kind]) => {
  const length = (shape as readonly number[]).reduce((all, side) => all * side, 1);
  const members = fc.array(kind, { minLength: length, maxLength: length });
  return members.map((x) => ({ shape, x: Float32Array.from(x) }));
});

/** So many numbers of any size, that the kernels take them in several pieces. */
function longTensor(rows: number, columns: number): Tensor {
  let state = 7;
  const x = Float32Array.from({ length: rows * columns }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * 2 ** ((state % 13) - 8);
  });
  return { shape: [rows, columns], x };
}

const runs = times(60);
const stores = fc.constantFrom<'encode' | 'decode'>('encode', 'decode');

describe('blocks by name', () => {
  const names = ['mxfp8e4m3', 'mxfp8e5m2', 'mxfp6e2m3', 'mxfp6e3m2', 'mxfp4', 'mxint8', 'bfp(7,16)'];
  it.each(names)(`%s, ${runs} tensors a direction, and stochastic rounding`, (name) => {
    for (const direction of directions)
      for (const rounding of ['nearest-even', 'stochastic'] as const)
        fc.assert(
          fc.property(tensors, (tensor) => {
            check(blockQuantizerOptions(name, { direction, rounding }), tensor);
          }),
          { numRuns: rounding === 'stochastic' ? runs / 4 : runs },
        );
  });

  const nvfp4: BlockOptions[] = [{}, { rowScaled: true }, { rounding: 'stochastic', randomBits: 8 }];
  it.each(nvfp4)(`nvfp4 %o, ${4 * runs} tensors`, (options) => {
    fc.assert(
      fc.property(tensors, (tensor) => {
        if (options.rowScaled && tensor.shape.length === 0) return;
        check(blockQuantizerOptions('nvfp4', options), tensor);
      }),
      { numRuns: 4 * runs },
    );
  });

  it('symmetric mxint8, other modes', () => {
    const modes = ['nearest-even', 'nearest-away', 'nearest-to-zero', 'toward-zero', 'stochastic'] as const;
    fc.assert(
      fc.property(tensors, fc.constantFrom(...modes), (tensor, rounding) => {
        check(blockQuantizerOptions('mxint8', { symmetric: true, rounding }), tensor);
      }),
      { numRuns: 2 * runs },
    );
  });

  it('long rows, blocks that are cut', () => {
    for (const [rows, columns] of [
      [1, 20_001],
      [1200, 17],
      [2, 16_384],
      [20, 1000],
    ] as const)
      for (const name of ['mxfp4', 'nvfp4'])
        for (const rounding of ['nearest-even', 'stochastic'] as const)
          check(blockQuantizerOptions(name, { rounding }), longTensor(rows, columns));
  });
});

describe('binary32 scales of tensors, rows and blocks', () => {
  const elements = ['int8', 'int4', 'int2', 'uint4', 'ternary', 'e4m3fn', 'e5m2', 'e2m1', 'e3m2', 'binary16'];
  const others = ['e4m3fnuz', 'bfloat16', 'posit8', 'nf4', 'binary8p3se', 'midrise4'];
  const groupings = [{ per: 'tensor' }, { per: 'row' }, { per: 'block', size: 5 }] as const;
  it.each([...elements, ...others])(`%s, ${2 * runs} tensors`, (format) => {
    fc.assert(
      fc.property(
        tensors,
        fc.constantFrom(...groupings),
        fc.constantFrom('absmax', 'absmean'),
        fc.constantFrom('nearest-even', 'nearest-even', 'stochastic', 'toward-positive'),
        stores,
        (tensor, grouping, from, mode, stored) => {
          const rounding = format === 'posit8' && mode === 'toward-positive' ? 'stochastic' : mode;
          check({ format, rounding, scale: { ...grouping, from, stored } }, tensor);
        },
      ),
      { numRuns: 2 * runs },
    );
  });

  it.each([16, 2 ** 15])('sums in the order of the definition, %i numbers', (length) => {
    // The mean is 1 in binary32 with the sums taken so, and the next number with s1 and s2 exchanged.
    const x = new Float32Array(length);
    x.set([1, 2 ** -53, 2 ** -24, 2 ** -53]);
    check({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } }, { shape: [length], x });
  });

  it('long tensors and rows', () => {
    for (const grouping of groupings)
      for (const from of ['absmax', 'absmean'] as const)
        for (const format of ['e4m3fn', 'ternary'])
          for (const rounding of ['nearest-even', 'stochastic'] as const)
            for (const stored of ['encode', 'decode'] as const)
              check({ format, rounding, scale: { ...grouping, from, stored } }, longTensor(1, 16_667));
  });
});

describe('groups that run over rows', () => {
  /** Named formats with block scales, and binary32 scales: every way in and out, every kind of element. */
  const options: readonly QuantizerOptions[] = [
    ...['mxfp8e4m3', 'mxfp4', 'mxint8', 'nvfp4'].flatMap((name) => [
      blockQuantizerOptions(name),
      blockQuantizerOptions(name, { rounding: 'stochastic' }),
    ]),
    ...['int8', 'ternary', 'e4m3fn', 'e2m1', 'nf4', 'bfloat16'].flatMap((format) =>
      (['nearest-even', 'stochastic'] as const).map(
        (rounding): QuantizerOptions => ({ format, rounding, scale: { per: 'tensor', from: 'absmax' } }),
      ),
    ),
    ...['int8', 'e4m3fn', 'midrise4'].map(
      (format): QuantizerOptions => ({
        format,
        scale: { per: 'tensor', from: 'std', multiplier: 1.7, stored: 'decode' },
      }),
    ),
  ];
  const size = fc.integer({ min: 1, max: 40 });
  const groupings = fc.oneof(
    fc.record({ per: fc.constant('block' as const), size, axis: fc.integer({ min: -3, max: 2 }) }),
    fc.record({ per: fc.constant('tile' as const), rows: size, columns: size }),
    fc.constant({ per: 'column' as const }),
  );
  const grouped = (given: QuantizerOptions, grouping: Grouping): QuantizerOptions =>
    ({ ...given, scale: { ...given.scale, size: undefined, ...grouping } }) as unknown as QuantizerOptions;
  it.each(options.map((one, i) => [`${one.format} ${one.rounding ?? ''} ${i}`, one] as const))(
    `%s, ${2 * runs} tensors`,
    (_, given) => {
      fc.assert(
        fc.property(tensors, groupings, (tensor, grouping) => {
          const rank = Math.max(tensor.shape.length, 1);
          if (grouping.per === 'block' && (grouping.axis >= rank || grouping.axis < -rank)) return;
          check(grouped(given, grouping), tensor);
        }),
        { numRuns: 2 * runs },
      );
    },
  );

  it('wide tensors, high bands: in several pieces', () => {
    for (const [rows, columns] of [
      [3, 1025],
      [40, 1030],
      [1200, 17],
      [20_001, 2],
    ] as const)
      for (const grouping of [
        { per: 'block', size: 32, axis: 0 },
        { per: 'tile', rows: 16, columns: 16 },
        { per: 'tile', rows: 33, columns: 1000 },
        { per: 'column' },
      ] as const)
        for (const one of [options[3]!, options[6]!, options[12]!])
          check(grouped(one, grouping), longTensor(rows, columns));
  });
});

describe('means, deviations, multiples of them, factors that are no powers of two', () => {
  const modes = fc.constantFrom<'nearest-even' | 'stochastic' | 'toward-positive'>(
    ...(['nearest-even', 'stochastic', 'toward-positive'] as const),
  );
  const froms = fc.constantFrom<'absmax' | 'absmean' | 'rms' | 'std'>('absmax', 'absmean', 'rms', 'std');
  const groupings = fc.constantFrom(
    ...[{ per: 'tensor' }, { per: 'row' }, { per: 'block', size: 32 }, { per: 'block', size: 5 }],
  ) as fc.Arbitrary<Grouping>;
  const multipliers = fc.oneof(
    fc.constantFrom(1, 0.75, 2.92247856, 3, 1 / 3, 2 ** -60),
    fc.double({ min: 2 ** -20, max: 2 ** 20, noNaN: true }),
  );
  const targets = fc.oneof(
    fc.constant(undefined),
    fc.constantFrom(1, 1.25, 4 / 3, 1.5, 5, 7.5),
    fc.double({ min: 2 ** -10, max: 2 ** 10, noNaN: true }),
  );
  const factors = fc.constantFrom(
    ...[{}, { prescale: 0.75 }, { prescale: 0.5 }, { gain: 1.009276 }, { prescale: 0.7, gain: 3 }],
  );

  it.each(['e2m1', 'e4m3fn', 'int8', 'int4', 'ternary'])('%s with powers of two, 300 tensors', (format) => {
    fc.assert(
      fc.property(
        ...[tensors, groupings, froms, fc.constantFrom(...directions), multipliers, targets, factors, modes],
        (tensor, grouping, from, direction, multiplier, target, factor, rounding) => {
          if (direction === 'even' && format === 'ternary') return;
          const given = { ...grouping, from, direction, multiplier, target, ...factor };
          check({ format, rounding, scale: { ...given, format: 'e8m0' } as never }, tensor);
        },
      ),
      { numRuns: times(300) },
    );
  });

  it.each(['e2m1', 'e4m3fn', 'int8', 'ternary', 'midrise4'])(
    '%s with binary32 scales, 200 tensors',
    (format) => {
      fc.assert(
        fc.property(
          tensors,
          groupings,
          froms,
          multipliers,
          modes,
          stores,
          (tensor, grouping, from, multiplier, rounding, stored) => {
            check({ format, rounding, scale: { ...grouping, from, multiplier, stored } }, tensor);
          },
        ),
        { numRuns: times(200) },
      );
    },
  );

  it('two levels, 200 tensors', () => {
    fc.assert(
      fc.property(
        tensors,
        groupings,
        froms,
        multipliers,
        modes,
        (tensor, grouping, from, multiplier, rounding) => {
          const scale = { ...grouping, from, multiplier, format: 'e4m3fn', tensorScale: true } as const;
          check({ format: 'e2m1', rounding, scale }, tensor);
        },
      ),
      { numRuns: times(200) },
    );
  });

  it('long groups and tensors', () => {
    for (const per of [{ per: 'tensor' }, { per: 'block', size: 32 }, { per: 'row' }] as const)
      for (const from of ['absmean', 'rms', 'std'] as const)
        for (const prescale of [1, 0.75])
          for (const rounding of ['nearest-even', 'stochastic'] as const) {
            const scale = { ...per, from, format: 'e8m0', prescale, multiplier: 1.7 } as const;
            check({ format: 'e2m1', rounding, scale }, longTensor(2, 16_667));
          }
  });

  it('products with a multiplier are rounded once', () => {
    // 1 + 2^-23 times it is half-way between two numbers of binary32, but for what binary64 has no room for.
    for (const multiplier of [
      1 + 2 ** -24 - 2 ** -47 + 2 ** -52,
      1 + 2 ** -24 - 2 ** -47 - 2 ** -52,
      1 + 2 ** -24,
    ])
      for (const x of [1 + 2 ** -23, 1, 3 * 2 ** -149, 2 ** -126, largest]) {
        const scale = { per: 'tensor', from: 'absmax', multiplier } as const;
        check({ format: 'e4m3fn', scale }, { shape: [2], x: Float32Array.of(x, x / 3) });
      }
  });
});

const size = fc.integer({ min: 1, max: 40 });
/** Lines, tiles and columns, ragged ones too. */
const anyGrouping: fc.Arbitrary<Grouping> = fc.oneof(
  fc.constantFrom<Grouping>({ per: 'tensor' }, { per: 'row' }, { per: 'column' }),
  fc.record({ per: fc.constant('block' as const), size, axis: fc.integer({ min: -3, max: 2 }) }),
  fc.record({ per: fc.constant('tile' as const), rows: size, columns: size }),
);
const hasAxis = ({ shape }: Tensor, grouping: Grouping): boolean =>
  grouping.per !== 'block' || Math.abs((grouping.axis ?? -1) + 0.5) < Math.max(shape.length, 1);
/** Of several pieces: wide, high, and with ends that fill none. */
const pieces = [
  [3, 1025],
  [40, 1030],
  [1203, 17],
  [20_001, 2],
] as const;

describe('four over six', () => {
  const rounding = fc.constantFrom('nearest-even', 'stochastic', 'toward-zero', 'toward-positive');
  const two = { from: 'absmax', format: 'e4m3fn', tensorScale: true } as const;
  const choices = fc.record({
    fourOverSix: fc.constantFrom('mae', 'mse'),
    scaleMax: fc.constantFrom(undefined, 448, 256),
    target: fc.constantFrom(undefined, undefined, undefined, 4, 3.3),
    multiplier: fc.constantFrom(undefined, undefined, undefined, 0.7),
  });

  it.each([
    { per: 'block', size: 16 },
    { per: 'tile', rows: 16, columns: 16 },
  ] as const)('%o, 600 tensors', (grouping) => {
    fc.assert(
      fc.property(tensors, choices, rounding, (tensor, choice, mode) => {
        check({ format: 'e2m1', rounding: mode, scale: { ...two, ...grouping, ...choice } } as never, tensor);
      }),
      { numRuns: times(600) },
    );
  });

  it('any groups, rows scaled, 600 tensors', () => {
    fc.assert(
      fc.property(tensors, anyGrouping, choices, fc.boolean(), (tensor, grouping, choice, isRowScaled) => {
        if (!hasAxis(tensor, grouping)) return;
        const isAlong = grouping.per === 'row' || (grouping.per === 'block' && grouping.axis === -1);
        const byRow = isRowScaled && isAlong && tensor.shape.length > 0;
        const scale = { ...two, ...grouping, ...choice, ...(byRow && { tensorScale: 'row' }) };
        check({ format: 'e2m1', scale } as never, tensor);
      }),
      { numRuns: times(600) },
    );
  });

  it.each(pieces)('%i x %i, in several pieces', (rows, columns) => {
    for (const grouping of [
      { per: 'block', size: 16 },
      { per: 'block', size: 20, axis: 0 },
      { per: 'block', size: 513, axis: 0 },
      { per: 'tile', rows: 16, columns: 16 },
      { per: 'tile', rows: 5, columns: 1 },
      { per: 'tile', rows: 33, columns: 200 },
    ] as const)
      for (const fourOverSix of ['mae', 'mse'] as const)
        check({ format: 'e2m1', scale: { ...two, ...grouping, fourOverSix } }, longTensor(rows, columns));
  });

  it('every pattern of binary16, and its neighbours, in blocks with others', () => {
    const x = new Float32Array(2 ** 20);
    new Uint32Array(x.buffer).forEach((_, i, all) => {
      all[i] = ((i * 0x9e3779b1) >>> 0) & 0xffffff80;
    });
    for (const one of [
      x,
      x.map((y) => (Number.isFinite(y) ? y : 1)),
      x.map((y) => Math.sign(y) * 2 ** (Math.log2(Math.abs(y)) / 40)),
    ])
      for (const fourOverSix of ['mae', 'mse'] as const) {
        const scale = { ...two, per: 'block', size: 16, fourOverSix } as const;
        const tensor = { shape: [2 ** 12, 2 ** 8], x: one };
        const made = quantizer({ format: 'e2m1', nan: 'group', scale });
        const expected = byReference({ format: 'e2m1', scale }, tensor);
        expect(firstDifference(made.fakeQuantize(one, tensor.shape), expected.values, one)).toBeUndefined();
      }
  });
});

describe('search by the mean squared error', () => {
  const modes = fc.constantFrom(
    'nearest-even',
    'nearest-even',
    'stochastic',
    'toward-zero',
    'toward-positive',
  );
  const short = tensors.filter(({ x }) => x.length <= 100);

  it.each(['int8', 'int4', 'ternary', 'e4m3fn', 'e2m1', 'bfloat16', 'nf4', 'posit8'])(
    '%s with binary32 scales, 60 tensors',
    (format) => {
      fc.assert(
        fc.property(short, anyGrouping, modes, stores, (tensor, grouping, mode, stored) => {
          if (!hasAxis(tensor, grouping)) return;
          const rounding = format === 'posit8' && mode !== 'stochastic' ? 'nearest-even' : mode;
          check({ format, rounding, scale: { ...grouping, from: 'mse', stored } } as never, tensor);
        }),
        { numRuns: 60 },
      );
    },
  );

  const factors = fc.constantFrom({}, {}, { prescale: 0.75 }, { gain: 1.009276 });
  it.each(['e2m1', 'e4m3fn', 'int4'])('%s with powers of two, 60 tensors', (format) => {
    fc.assert(
      fc.property(
        ...[short, anyGrouping, modes, fc.constantFrom(...directions), factors],
        (tensor, grouping, rounding, direction, factor) => {
          if (!hasAxis(tensor, grouping)) return;
          const scale = { ...grouping, from: 'mse', format: 'e8m0', direction, ...factor };
          check({ format, rounding, scale } as never, tensor);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('two levels, 100 tensors', () => {
    fc.assert(
      fc.property(short, anyGrouping, modes, (tensor, grouping, rounding) => {
        if (!hasAxis(tensor, grouping)) return;
        const scale = { ...grouping, from: 'mse', format: 'e4m3fn', tensorScale: true };
        check({ format: 'e2m1', rounding, scale } as never, tensor);
      }),
      { numRuns: times(100) },
    );
  });

  it('in several pieces', () => {
    for (const [grouping, rows, columns] of [
      [{ per: 'tensor' }, 1, 20_003],
      [{ per: 'column' }, 20_001, 2],
      [{ per: 'tile', rows: 600, columns: 40 }, 650, 41],
      [{ per: 'block', size: 32 }, 2, 9001],
    ] as const)
      for (const rounding of ['nearest-even', 'stochastic'] as const)
        check({ format: 'int4', rounding, scale: { ...grouping, from: 'mse' } }, longTensor(rows, columns));
  });
});

describe('sums and factors of groups that run over rows', () => {
  const froms = fc.constantFrom('absmax', 'absmean', 'rms', 'std');
  const modes = fc.constantFrom('nearest-even', 'stochastic', 'toward-positive');
  const factors = fc.constantFrom({}, { prescale: 0.75 }, { gain: 1.009276 }, { prescale: 0.7, gain: 3 });
  const forms = [
    {},
    { format: 'e8m0' },
    { format: 'e8m0', direction: 'rceil' },
    { format: 'e4m3fn', tensorScale: true },
  ] as const;

  it.each(['e2m1', 'e4m3fn', 'int4', 'ternary'])('%s, 200 tensors a form', (format) => {
    for (const form of forms.slice(0, format === 'e2m1' ? 4 : 3))
      fc.assert(
        fc.property(
          ...[tensors, anyGrouping, froms, modes, factors],
          (tensor, grouping, from, rounding, factor) => {
            if (!hasAxis(tensor, grouping)) return;
            const more = 'format' in form && form.format === 'e8m0' ? factor : {};
            const scale = { ...grouping, from, multiplier: 1.7, ...form, ...more };
            check({ format, rounding, scale } as never, tensor);
          },
        ),
        { numRuns: times(200) },
      );
  });

  it.each(pieces)('%i x %i, in several pieces', (rows, columns) => {
    for (const grouping of [
      { per: 'block', size: 32, axis: 0 },
      { per: 'tile', rows: 16, columns: 16 },
      { per: 'tile', rows: 33, columns: 1000 },
      { per: 'column' },
    ] as const)
      for (const from of ['absmax', 'std'] as const)
        for (const prescale of [1, 0.75]) {
          const scale = { ...grouping, from, format: 'e8m0', prescale, multiplier: 1.7 } as const;
          check({ format: 'e2m1', rounding: 'stochastic', scale }, longTensor(rows, columns));
        }
  });
});

describe('groups that are larger than a piece', () => {
  it.each([1023, 1024, 1025, 2050, 5001])('tiles of %i columns', (columns) => {
    const tensor = longTensor(11, 2 * columns + 3);
    const tile = { per: 'tile', rows: 5, columns } as const;
    check({ format: 'int8', scale: { ...tile, from: 'absmax' } }, tensor);
    check(
      { format: 'e4m3fn', rounding: 'stochastic', scale: { ...tile, from: 'std', multiplier: 2 } },
      tensor,
    );
    check({ format: 'e2m1', scale: { ...tile, from: 'absmean', format: 'e8m0' } }, tensor);
    check(
      { format: 'e2m1', scale: { ...tile, from: 'absmax', format: 'e4m3fn', tensorScale: true } },
      tensor,
    );
    check(
      { format: 'e2m1', scale: { ...tile, from: 'absmax', format: 'e8m0', prescale: 0.75 } },
      longTensor(5, columns),
    );
  });

  it('a tile of more columns than a piece has elements', () => {
    const tile = { per: 'tile', rows: 3, columns: 17_001 } as const;
    check({ format: 'int8', scale: { ...tile, from: 'rms', multiplier: 2 } }, longTensor(4, 20_000));
  });

  it.each([
    [{ per: 'block', size: 16_383 }, 1, 40_000],
    [{ per: 'block', size: 16_384 }, 1, 40_000],
    [{ per: 'block', size: 16_385 }, 2, 40_000],
    [{ per: 'tensor' }, 5, 7001],
    [{ per: 'row' }, 2, 16_387],
    [{ per: 'column' }, 16_385, 3],
    [{ per: 'block', size: 4099, axis: 0 }, 9000, 19],
    [{ per: 'tile', rows: 1025, columns: 16 }, 1030, 40],
    [{ per: 'tile', rows: 17, columns: 1025 }, 19, 2051],
    [{ per: 'tile', rows: 3, columns: 1023 }, 7, 1024],
  ] as readonly (readonly [Grouping, number, number])[])(
    'four over six with %o of %i x %i',
    (grouping, rows, columns) => {
      for (const fourOverSix of ['mae', 'mse'] as const) {
        const two = { from: 'absmax', format: 'e4m3fn', tensorScale: true, fourOverSix } as const;
        check({ format: 'e2m1', scale: { ...two, ...grouping } }, longTensor(rows, columns));
      }
    },
  );

  it('with threads', () => {
    const { x, shape } = longTensor(17, 2100);
    const two = { from: 'absmax', format: 'e4m3fn', tensorScale: true, fourOverSix: 'mse' } as const;
    for (const scale of [
      { per: 'tile', rows: 17, columns: 1050, from: 'absmax' },
      { per: 'tile', rows: 17, columns: 2100, ...two },
      { per: 'tensor', ...two },
    ] as const) {
      const made = quantizer({ format: 'e2m1', rounding: 'stochastic', scale });
      const expected = made.fakeQuantize(x, shape);
      expect(firstDifference(made.fakeQuantize(x, shape, undefined, { threads: 2 }), expected, x)).toBe(
        undefined,
      );
    }
  });
});

describe('what the kernels leave to the reference', () => {
  it('has no plan or no layout', () => {
    const planOf = (options: QuantizerOptions) => kernelPlan(quantizer(options));
    const absmax = { per: 'tensor', from: 'absmax' } as const;
    expect(planOf({ format: 'int8', scale: { ...absmax, multiplier: 2 ** -101 } })).toBeUndefined();
    expect(planOf({ format: 'int8', scale: { ...absmax, decay: 0.5 } })?.form.isTracked).toBe(true);
    expect(planOf({ format: 'int8', scale: { per: 'tensor', from: 'minmax' } })).toBeUndefined();
    const tracked = { ...absmax, stored: 'decode', decay: 0.5 } as const;
    expect(planOf({ format: 'e4m3fn', scale: tracked })).toBeUndefined();
    expect(planOf({ format: 'e4m3fn', saturation: 'none', scale: absmax })).toBeUndefined();
    expect(
      planOf({ format: 'ternary', scale: { ...absmax, format: 'e4m3fn', tensorScale: true } }),
    ).toBeUndefined();
    expect(planOf(blockQuantizerOptions('mxfp4', { rounding: 'toward-positive' }))?.isWide).toBe(true);
    const rowScaled = planOf(blockQuantizerOptions('nvfp4', { rowScaled: true }))!;
    expect(kernelLayout({ per: 'tensor' }, [4], rowScaled)).toBeUndefined();
    expect(kernelLayout({ per: 'block', size: 32, axis: 0 }, [4, 4], rowScaled)).toBeUndefined();
    expect(kernelLayout({ per: 'block', size: 32, axis: 0 }, [4, 1], rowScaled)).toBeUndefined();
    expect(kernelLayout({ per: 'block', size: 32, axis: -1 }, [4, 1], rowScaled)).toBeDefined();
    expect(kernelLayout({ per: 'column' }, [4, 4], rowScaled)).toBeUndefined();
    expect(kernelLayout({ per: 'tile', rows: 2, columns: 2 }, [4, 4], rowScaled)).toBeUndefined();
    // The errors of a group are added in one go, all of it in the memory.
    const chosen = planOf(blockQuantizerOptions('nvfp4', { fourOverSix: 'mse' }))!;
    expect(kernelLayout({ per: 'block', size: 2 ** 24 }, [2 ** 25], chosen)).toBeDefined();
    expect(kernelLayout({ per: 'block', size: 2 ** 24 + 1 }, [2 ** 25], chosen)).toBeUndefined();
  });
});
