/** The Hadamard kernel is the reference's twin: the same bits for every size, axis, remainder, sign and kind of memory. */

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { allocateFloat32, release, sharedHeap } from '../../src/kernels/heap.ts';
import { stopThreads } from '../../src/kernels/threads.ts';
import { rotateArray } from '../../src/kernels/transforms/hadamard-arrays.ts';
import { rotatesOn } from '../../src/kernels/transforms/hadamard-run.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { rotateReference } from '../../src/quantizers/transforms/hadamard.ts';
import { hadamard } from '../../src/quantizers/transforms/index.ts';
import { randomIntegers } from '../../src/rounding/index.ts';

/** Index of the first number that differs in a bit, NaN being NaN; -1 if there is none. `toEqual` is slow on long arrays. */
const firstDifference = (a: Float32Array, b: Float32Array): number =>
  a.length === b.length ? a.findIndex((value, i) => !Object.is(value, b[i])) : a.length;

interface Case {
  readonly x: Float32Array;
  readonly layout: { outer: number; length: number; inner: number; size: number };
  readonly signs: Float64Array | undefined;
  readonly signsFirst: boolean;
}

function reference({ x, layout, signs, signsFirst }: Case): Float32Array {
  const values = x.slice();
  rotateReference(values, layout, signs, signsFirst);
  return values;
}

/** Numbers of all exponents, specials among them. */
function anyNumbers(count: number, seed: number): Float32Array {
  const words = randomIntegers(count, { seed });
  const x = new Float32Array(words.buffer, words.byteOffset, count).slice();
  const specials = [0, -0, Infinity, -Infinity, NaN, 2 ** -149, 3.4e38, 1];
  for (let i = 0; i < count; i += 37) x[i] = specials[(i / 37) % specials.length]!;
  return x;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    outer: fc.integer({ min: 1, max: 4 }),
    length: fc.integer({ min: 1, max: 150 }),
    inner: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })),
    exponent: fc.integer({ min: 0, max: 8 }),
    seed: fc.nat(),
    moderate: fc.boolean(),
    signed: fc.boolean(),
    signsFirst: fc.boolean(),
  })
  .map(({ outer, length, inner, exponent, seed, moderate, signed, signsFirst }) => {
    const size = 2 ** exponent;
    const count = outer * length * inner;
    const x = moderate
      ? Float32Array.from(randomIntegers(count, { seed }), (word) => word / 2 ** 31 - 1)
      : anyNumbers(count, seed);
    const bits = randomIntegers(size, { seed, stream: 1, randomBits: 1 });
    const signs = signed ? Float64Array.from(bits, (bit) => 1 - 2 * bit) : undefined;
    return { x, layout: { outer, length, inner, size }, signs, signsFirst };
  });

test('ordinary arrays, in place or not', () => {
  fc.assert(
    fc.property(cases, (given) => {
      const expected = reference(given);
      const out = new Float32Array(given.x.length);
      expect(rotateArray(given.x, out, given.layout, given.signs, given.signsFirst)).toBe(true);
      expect(firstDifference(out, expected)).toBe(-1);
      const same = given.x.slice();
      rotateArray(same, same, given.layout, given.signs, given.signsFirst);
      expect(firstDifference(same, expected)).toBe(-1);
    }),
    { numRuns: 300 },
  );
});

test('arrays in the shared memory, in place or not', () => {
  fc.assert(
    fc.property(cases, (given) => {
      const x = allocateFloat32(given.x.length);
      const out = allocateFloat32(given.x.length);
      x.set(given.x);
      rotateArray(x, out, given.layout, given.signs, given.signsFirst);
      const expected = reference(given);
      expect(firstDifference(out, expected)).toBe(-1);
      rotateArray(x, x, given.layout, given.signs, given.signsFirst);
      expect(firstDifference(x, expected)).toBe(-1);
      release(x);
      release(out);
    }),
    { numRuns: 150 },
  );
});

test.each([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])(
  'a tensor of many blocks of %d, through the transform',
  (size) => {
    const shape = [3, 4096 + Math.floor(size / 2)];
    const x = anyNumbers(3 * shape[1]!, size);
    const given = hadamard({ size, seed: 9 });
    const bits = randomIntegers(size, { seed: 9, stream: 0xe3d02375n << 32n, randomBits: 1 });
    const signs = Float64Array.from(bits, (bit) => 1 - 2 * bit);
    const layout = { outer: 3, length: shape[1]!, inner: 1, size };
    const there = reference({ x, layout, signs, signsFirst: true });
    expect(firstDifference(given.forward(x, shape).values, there)).toBe(-1);
    const back = reference({ x: there, layout, signs, signsFirst: false });
    expect(firstDifference(given.inverse(there, shape, { kind: 'none' }), back)).toBe(-1);
  },
);

describe('threads', () => {
  afterAll(stopThreads);
  const length = 525_312;
  test.each([
    ['rows of blocks of 16', { outer: 1, length: length + 7, inner: 1, size: 16 }],
    ['rows with a remainder', { outer: 129, length: 4099, inner: 1, size: 64 }],
    ['blocks of 1024', { outer: 3, length: 180_235, inner: 1, size: 1024 }],
    ['columns', { outer: 2, length: 150, inner: 1777, size: 32 }],
    ['columns of few rows', { outer: 37, length: 3, inner: 5001, size: 128 }],
  ])('%s: the same bits as one thread, wherever the arrays lie', (_, layout) => {
    const x = anyNumbers(layout.outer * layout.length * layout.inner, 5);
    const bits = randomIntegers(layout.size, { seed: 3, randomBits: 1 });
    const signs = Float64Array.from(bits, (bit) => 1 - 2 * bit);
    const given = { x, layout, signs, signsFirst: true };
    const expected = reference(given);
    const out = new Float32Array(x.length);
    expect(rotateArray(x, out, layout, signs, true, 3)).toBe(true);
    expect(firstDifference(out, expected)).toBe(-1);
    // Not at the beginning of an allocation.
    const whole = allocateFloat32(x.length + 3);
    const heapX = whole.subarray(3);
    const heapOut = allocateFloat32(x.length);
    heapX.set(x);
    rotateArray(heapX, heapOut, layout, signs, true, 4);
    expect(firstDifference(heapOut, expected)).toBe(-1);
    rotateArray(heapX, out.fill(0), layout, signs, true, 2);
    expect(firstDifference(out, expected)).toBe(-1);
    rotateArray(heapX, heapX, layout, signs, true, 2);
    expect(firstDifference(heapX, expected)).toBe(-1);
    release(whole);
    release(heapOut);
  });

  test('through the transform and a quantiser', () => {
    const shape = [515, 1030];
    const x = anyNumbers(515 * 1030, 8).map((value) => (Math.abs(value) < 1e30 ? value : 1));
    const turn = hadamard({ size: 128, seed: 4 });
    const { values } = turn.forward(x, shape);
    const threaded = turn.forward(x, shape, { threads: 3 });
    expect(firstDifference(threaded.values, values)).toBe(-1);
    const back = turn.inverse(values, shape, threaded.residue, { threads: 3 });
    expect(firstDifference(back, turn.inverse(values, shape, threaded.residue))).toBe(-1);
    const given = quantizer({
      format: 'e2m1',
      transform: { name: 'hadamard', size: 64 },
      scale: { per: 'row', from: 'absmax' },
    });
    const one = given.fakeQuantize(x, shape);
    expect(firstDifference(given.fakeQuantize(x, shape, undefined, { threads: 3 }), one)).toBe(-1);
    expect(() => turn.forward(x, shape, { threads: 65 })).toThrow(/threads/);
    expect(() => turn.forward(x, shape, { threads: '2' as never })).toThrow(/threads/);
  });
});

test('columns wider than the buffer go in strips', () => {
  const x = anyNumbers(40 * 9001, 2);
  const layout = { outer: 1, length: 40, inner: 9001, size: 32 };
  const out = new Float32Array(x.length);
  const given = { x, layout, signs: undefined, signsFirst: true };
  expect(rotateArray(x, out, layout, undefined, true)).toBe(true);
  expect(firstDifference(out, reference(given))).toBe(-1);
});

test('blocks too large for the kernel are the reference’s', () => {
  const x = anyNumbers(8192, 1);
  const layout = { outer: 1, length: 8192, inner: 1, size: 4096 };
  const untouched = new Float32Array(8192);
  expect(rotateArray(x, untouched, layout, undefined, true)).toBe(false);
  expect(untouched.every((value) => value === 0)).toBe(true);
  const expected = reference({ x, layout, signs: undefined, signsFirst: true });
  expect(firstDifference(hadamard({ size: 4096 }).forward(x, [8192]).values, expected)).toBe(-1);
});

test('on a heap by pointers, in place or not', () => {
  const heap = sharedHeap();
  const rotator = rotatesOn(heap);
  fc.assert(
    fc.property(cases, (given) => {
      const { x, layout, signs, signsFirst } = given;
      const expected = reference(given);
      const [from, to] = [allocateFloat32(x.length), allocateFloat32(x.length)];
      from.set(x);
      expect(rotator.rotate(from.byteOffset, to.byteOffset, layout, signs, signsFirst)).toBe(true);
      expect(firstDifference(to, expected)).toBe(-1);
      expect(firstDifference(from, x)).toBe(-1);
      rotator.rotate(from.byteOffset, from.byteOffset, layout, signs, signsFirst);
      expect(firstDifference(from, expected)).toBe(-1);
      release(from);
      release(to);
    }),
    { numRuns: 300 },
  );
  rotator.release();
});
