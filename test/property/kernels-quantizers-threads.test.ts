/** Quantisers give the same bits, elements and scales included, for any number of threads. */
import { afterAll, describe, expect, it } from 'vitest';
import { allocateFloat32, release } from '../../src/kernels/heap.ts';
import { startThreads, stopThreads } from '../../src/kernels/threads.ts';
import { type QuantizerOptions, quantize, quantizer } from '../../src/quantizers/index.ts';

afterAll(stopThreads);

const drawn = { rounding: 'stochastic', seed: 5, stream: 3, offset: 11 } as const;
const twoLevels = { from: 'absmax', format: 'e4m3fn', tensorScale: true } as const;
const cases: readonly (readonly [string, QuantizerOptions])[] = [
  ['int8 a tensor', { format: 'int8', scale: { per: 'tensor', from: 'absmax' } }],
  ['ternary a tensor', { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } }],
  ['int8 a row', { format: 'int8', scale: { per: 'row', from: 'absmax' } }],
  ['e4m3fn a row, stochastic', { format: 'e4m3fn', ...drawn, scale: { per: 'row', from: 'absmax' } }],
  ['int4 blocks', { format: 'int4', scale: { per: 'block', size: 17, from: 'absmax' } }],
  ['e5m2 long blocks', { format: 'e5m2', scale: { per: 'block', size: 40_000, from: 'absmax' } }],
  ['nf4 blocks', { format: 'nf4', scale: { per: 'block', size: 64, from: 'absmax' } }],
  ['nf4 blocks, stochastic', { format: 'nf4', ...drawn, scale: { per: 'block', size: 64, from: 'absmax' } }],
  ['int8 a column', { format: 'int8', ...drawn, scale: { per: 'column', from: 'absmax' } }],
  ['e2m3 tiles', { format: 'e2m3', scale: { per: 'tile', rows: 5, columns: 12, from: 'absmax' } }],
  ['int4 blocks of rows', { format: 'int4', scale: { per: 'block', size: 33, axis: 0, from: 'absmax' } }],
  ['MX', { format: 'e2m1', scale: { per: 'block', size: 32, from: 'absmax', format: 'e8m0' } }],
  [
    'two levels',
    {
      ...{ format: 'e2m1', ...drawn },
      scale: { per: 'block', size: 16, from: 'absmax', format: 'e4m3fn', tensorScale: true },
    },
  ],
  [
    'four over six',
    {
      ...{ format: 'e2m1', ...drawn },
      scale: { ...twoLevels, per: 'block', size: 16, fourOverSix: 'mae' },
    },
  ],
  [
    'four over six in tiles',
    { format: 'e2m1', scale: { ...twoLevels, per: 'tile', rows: 16, columns: 16, fourOverSix: 'mse' } },
  ],
  ['int4 from std', { format: 'int4', scale: { per: 'block', size: 32, from: 'std' } }],
  ['int4 a column from rms', { format: 'int4', ...drawn, scale: { per: 'column', from: 'rms' } }],
  [
    'MX times 3/4 in tiles',
    {
      ...{ format: 'e2m1', ...drawn },
      scale: { per: 'tile', rows: 7, columns: 9, from: 'absmax', format: 'e8m0', prescale: 0.75 },
    },
  ],
  ['posits', { format: 'posit8', scale: { per: 'row', from: 'absmax' } }],
];

/** Wide and narrow, of one row, of long rows, ends that fill no vector; enough for threads whatever the rounding. */
const shapes = [[530, 1001], [8, 70_001], [600_003], [17_000, 33], [19, 150, 193]];

function filled(length: number): Float32Array {
  let state = 7;
  return new Float32Array(length).map((_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return i % 997 === 5 ? 0 : (state / 2 ** 31 - 1) * 2 ** ((i >> 10) % 23);
  });
}

function same(given: ArrayLike<number>, expected: ArrayLike<number>): boolean {
  for (let i = 0; i < expected.length; i++) if (!Object.is(given[i], expected[i])) return false;
  return given.length === expected.length;
}

describe.each(cases)('%s', (_, options) => {
  it.each(shapes.map((shape) => [shape] as const))('of %o', async (shape) => {
    const isMatrix = shape.length > 1;
    if (!isMatrix && 'axis' in options.scale) return;
    await startThreads(3);
    const length = shape.reduce((all, side) => all * side, 1);
    const x = filled(length);
    const one = quantizer(options).quantize(x, shape);
    // In the shared memory, where threads do what one thread does at the pace of a copy, too.
    const shared = allocateFloat32(length);
    for (const threads of [2, 3]) {
      const many = quantizer(options).quantize(x, shape, { threads });
      expect(same(many.values, one.values)).toBe(true);
      expect(same(many.codes as Uint8Array, one.codes as Uint8Array)).toBe(true);
      expect(same(many.scales, one.scales)).toBe(true);
      shared.set(x);
      quantizer(options).fakeQuantize(shared, shape, shared, { threads });
      expect(same(shared, one.values)).toBe(true);
    }
    release(shared);
  });
});

describe('threads of quantisers', () => {
  it.each([
    { per: 'block', size: 32 },
    { per: 'block', size: 20_000 },
    { per: 'tile', rows: 12, columns: 10 },
  ] as const)('search for scales of %o', (grouping) => {
    const [x, shape] = [filled(2 ** 17), [256, 512]];
    const made = quantizer({ format: 'int4', ...drawn, scale: { ...grouping, from: 'mse' } });
    const one = made.fakeQuantize(x, shape);
    expect(same(made.fakeQuantize(x, shape, undefined, { threads: 3 }), one)).toBe(true);
  });

  it('pass NaN and infinities on as one thread does', () => {
    const x = filled(600_000);
    x[50_000] = Number.NaN;
    x[370_001] = Infinity;
    const shared = allocateFloat32(x.length);
    for (const per of ['tensor', 'row', 'column'] as const) {
      const made = quantizer({ format: 'int8', scale: { per, from: 'absmax' } });
      const one = made.fakeQuantize(x, [60, 10_000]);
      shared.set(x);
      expect(same(made.fakeQuantize(shared, [60, 10_000], shared, { threads: 3 }), one)).toBe(true);
    }
    release(shared);
  });

  it('are an option of named quantisers, too', () => {
    const x = filled(2 ** 17);
    const one = quantize(x, 'nvfp4', { shape: [256, 512] });
    expect(same(quantize(x, 'nvfp4', { shape: [256, 512], threads: 2 }).values, one.values)).toBe(true);
  });

  it.each([0, 1.5, 65, '2', null])('are refused when they are %s', (threads) => {
    const made = quantizer({ format: 'int8', scale: { per: 'row', from: 'absmax' } });
    expect(() => made.quantize(filled(64), [64], { threads: threads as number })).toThrow(
      /^threads: got .*; accepted: an integer from 1 to 64$/,
    );
  });
});
