/**
 * Every function with `out`, every way in which `out` can share memory with what it reads: the result is that of inputs which are read
 * before anything is written. Views of one kind over one buffer overlap by whole elements; views of different kinds also by parts.
 */
import { describe, expect, test } from 'vitest';
import * as halfulp from '../../src/index.ts';
import { allocateFloat32, allocateFloat64, arithmetic, quantizer, type RealArray } from '../../src/index.ts';

/** Reads arrays of `length` elements and writes to `out`. */
interface Writer {
  readonly operands: number;
  readonly write: (operands: RealArray[], out: RealArray) => unknown;
  /** Elements of the result for so many of an operand. Default as many. */
  readonly resultLength?: number;
}

const length = 6;
const sr = { rounding: 'stochastic', seed: 3 } as const;
const spec = { format: 'int4', scale: { per: 'block', size: 3, from: 'absmax' } } as const;
const half = arithmetic('binary16', { operands: 'round' });
const checkedHalf = arithmetic('binary16', { operands: 'round', flags: true });
const drawing = (): typeof half => arithmetic('bfloat16', { ...sr, operands: 'round' });
const posit = arithmetic('posit16', { operands: 'round' });

function quantizing(options: object): Writer {
  const made = quantizer({ ...spec, ...options });
  return { operands: 1, write: ([x], out) => made.fakeQuantize(x!, [x!.length], out) };
}

const writers: Record<string, Writer> = {
  round: { operands: 1, write: ([x], out) => halfulp.round(x!, 'e4m3fn', { out }) },
  'round, stochastic': { operands: 1, write: ([x], out) => halfulp.round(x!, 'e4m3fn', { ...sr, out }) },
  'round to a codebook': { operands: 1, write: ([x], out) => halfulp.round(x!, 'nf4', { out }) },
  'round to logarithms': { operands: 1, write: ([x], out) => halfulp.round(x!, 'logarithmic(4,0)', { out }) },
  'round in threads': { operands: 1, write: ([x], out) => halfulp.round(x!, 'e5m2', { out, threads: 2 }) },
  roundToFourthRoots: { operands: 1, write: ([x], out) => halfulp.roundToFourthRoots(x!, out) },
  flipBits: {
    operands: 1,
    write: ([x], out) => halfulp.flipBits(x!, 'binary32', { probability: 0.5, seed: 2, out }),
  },
  ...Object.fromEntries(
    [0, 0.25, 1].map((strength) => [
      `blend with strength ${strength}`,
      { operands: 2, write: ([x, y]: RealArray[], out: RealArray) => halfulp.blend(x!, y!, strength, out) },
    ]),
  ),
  ...Object.fromEntries(
    [0, 0.5, 1].map((strength) => [`fakeQuantize with strength ${strength}`, quantizing({ strength })]),
  ),
  'fakeQuantize by the reference': quantizing({ scale: { per: 'tensor', from: 'absmedian' }, strength: 0.5 }),
  'fakeQuantize by the reference, whole': quantizing({ scale: { per: 'tensor', from: 'absmedian' } }),
  'fakeQuantize, transformed': quantizing({ transform: { name: 'hadamard', size: 2 }, strength: 0.5 }),
  'fakeQuantize, transformed, whole': quantizing({ transform: { name: 'hadamard', size: 2 } }),
  'fakeQuantize with zero points': quantizing({ scale: { per: 'tensor', from: 'minmax' } }),
  ...Object.fromEntries(
    ['sqrt', 'neg', 'abs', 'convert', 'exp', 'sin', 'tanh', 'gelu', 'rsqrt'].map((name) => [
      name,
      {
        operands: 1,
        write: ([x]: RealArray[], out: RealArray) =>
          (half[name as 'exp'] as never as CallableFunction)(x, { out }),
      },
    ]),
  ),
  ...Object.fromEntries(
    ['add', 'sub', 'mul', 'div', 'min', 'max', 'compare', 'pow', 'hypot'].map((name) => [
      name,
      {
        operands: 2,
        write: ([x, y]: RealArray[], out: RealArray) =>
          (half[name as 'add'] as never as CallableFunction)(x, y, { out }),
      },
    ]),
  ),
  fma: { operands: 3, write: ([x, y, z], out) => half.fma(x!, y!, z!, { out }) },
  'fma with a number': { operands: 2, write: ([x, y], out) => half.fma(x!, 3, y!, { out }) },
  'add, counted': { operands: 2, write: ([x, y], out) => checkedHalf.add(x!, y!, { out }) },
  'add, stochastic': { operands: 2, write: ([x, y], out) => drawing().add(x!, y!, { out }) },
  'convert, counted': { operands: 1, write: ([x], out) => checkedHalf.convert(x!, { out }) },
  'mul of posits': { operands: 2, write: ([x, y], out) => posit.mul(x!, y!, { out }) },
  matvec: {
    operands: 2,
    write: ([a, x], out) => half.matvec(a!, x!.subarray(0, 2), { m: 3, k: 2, out }),
    resultLength: 3,
  },
  matmul: {
    operands: 2,
    write: ([a, b], out) => half.matmul(a!, b!, { m: 2, k: 3, n: 2, out }),
    resultLength: 4,
  },
  'matmul with an addend': {
    operands: 3,
    write: ([a, b, c], out) => half.matmul(a!, b!, { m: 2, k: 3, n: 2, c: c!.subarray(0, 4), out }),
    resultLength: 4,
  },
  'matmul, exact': {
    operands: 2,
    write: ([a, b], out) => half.matmul(a!, b!, { m: 2, k: 3, n: 2, out }, { accumulate: 'exact' }),
    resultLength: 4,
  },
  'matmul in batches': {
    operands: 2,
    write: ([a, b], out) => half.matmul(a!, b!.subarray(0, 3), { m: 1, k: 3, n: 1, batch: 2, out }),
    resultLength: 2,
  },
};

/** The memories that arrays can lie in. */
const memories: Record<string, (kind: 'Float32Array' | 'Float64Array', count: number) => RealArray> = {
  'ordinary memory': (kind, count) =>
    kind === 'Float32Array' ? new Float32Array(count) : new Float64Array(count),
  'the memory of the kernels': (kind, count) =>
    kind === 'Float32Array' ? allocateFloat32(count) : allocateFloat64(count),
};

/** Numbers that the formats above do not have, of both signs, and some that they have. */
const numberAt = (i: number): number => Math.fround(((i * 37) % 11) - 4.3 + i / 64);

const bitsOf = (array: RealArray): string[] =>
  Array.from(array, (value) => (Object.is(value, -0) ? '-0' : String(value)));

/** The result where nothing overlaps. */
function apart(writer: Writer, operands: readonly RealArray[]): string[] {
  const copies = operands.map((x) => x.slice());
  const out = copies[0]!.slice(0, writer.resultLength ?? length).fill(7);
  writer.write(copies, out);
  return bitsOf(out);
}

describe.each(Object.entries(writers))('%s', (_, writer) => {
  const { operands: count, write, resultLength = length } = writer;
  for (const kind of ['Float32Array', 'Float64Array'] as const)
    test.each(Object.entries(memories))(`${kind} in %s, every overlap`, (_, make) => {
      const room = 3 * length;
      const whole = make(kind, room);
      // The second and third operand: apart, the same array, or shifted against the first.
      const others =
        count === 1
          ? [[]]
          : [-1, 0, 1, 3].map((shift) => Array.from({ length: count - 1 }, (_, i) => shift * (i + 1)));
      for (let at = 0; at + resultLength <= room; at++) {
        for (const shifts of others) {
          const start = length;
          if (shifts.some((shift) => start + shift < 0 || start + shift + length > room)) continue;
          for (let i = 0; i < room; i++) whole[i] = numberAt(i);
          const operands = [0, ...shifts].map((shift) =>
            whole.subarray(start + shift, start + shift + length),
          );
          const out = whole.subarray(at, at + resultLength);
          const expected = apart(writer, operands);
          const before = bitsOf(whole);
          expect(write(operands, out)).toBe(out);
          const what = `out at ${at}, operands at ${[0, ...shifts].map((shift) => start + shift)}`;
          expect(bitsOf(out), what).toEqual(expected);
          // Nothing else is written.
          before.splice(at, resultLength, ...expected);
          expect(bitsOf(whole), what).toEqual(before);
        }
      }
    });

  test('views of another kind over the same memory are refused', () => {
    const buffer = new ArrayBuffer(256);
    const x = new Float32Array(buffer, 0, length);
    for (let offset = 0; offset + 8 * resultLength <= 256; offset += 8)
      for (const out of [
        new Float64Array(buffer, offset, resultLength),
        new Int32Array(buffer, offset, resultLength),
        new Uint8Array(buffer, offset, resultLength),
      ])
        expect(() =>
          write(
            Array.from({ length: count }, () => x),
            out as RealArray,
          ),
        ).toThrow(expect.objectContaining({ name: 'ArgumentError', argument: 'out' }));
  });
});

describe('long arrays, beyond the buffers of kernels', () => {
  const long = 40000;
  const some: Record<string, Writer> = {
    ...Object.fromEntries(
      ['round', 'round, stochastic', 'add', 'fma', 'exp', 'convert', 'flipBits', 'roundToFourthRoots'].map(
        (name) => [name, writers[name]!],
      ),
    ),
    'fakeQuantize with strength 0.5': writers['fakeQuantize with strength 0.5']!,
    'fakeQuantize with strength 1': writers['fakeQuantize with strength 1']!,
  };
  describe.each(Object.entries(some))('%s', (_, { operands: count, write }) => {
    test.each(Object.entries(memories))('in %s', (_, make) => {
      const whole = make('Float32Array', 3 * long);
      for (const shift of [1, -1, 2047, -2048, 4096, -16384, 16385, long - 1]) {
        for (let i = 0; i < whole.length; i++) whole[i] = numberAt(i);
        const x = whole.subarray(long, 2 * long);
        const out = whole.subarray(long + shift, 2 * long + shift);
        const expected = x.slice();
        write(
          Array.from({ length: count }, () => x.slice()),
          expected,
        );
        write(
          Array.from({ length: count }, () => x),
          out,
        );
        expect(Buffer.from(out.slice().buffer).equals(Buffer.from(expected.buffer)), `shift ${shift}`).toBe(
          true,
        );
      }
    });
  });
});

describe('supplied random integers in the memory of the result', () => {
  const options = (random: Uint32Array) => ({ rounding: 'stochastic', random }) as const;
  const calls: Record<string, (x: RealArray, random: Uint32Array, out?: RealArray) => RealArray> = {
    round: (x, random, out) => halfulp.round(x, 'e4m3fn', { ...options(random), ...(out && { out }) }),
    'round to logarithms': (x, random, out) =>
      halfulp.round(x, 'logarithmic(4,0)', { ...options(random), ...(out && { out }) }),
    add: (x, random, out) =>
      arithmetic('e4m3fn', { ...options(random), operands: 'round' }).add(x, x, { ...(out && { out }) }),
    exp: (x, random, out) =>
      arithmetic('e4m3fn', { ...options(random), operands: 'round' }).exp(x, { ...(out && { out }) }),
    matmul: (x, random, out) =>
      arithmetic('e4m3fn', { ...options(random), operands: 'round' }).matmul(
        x,
        x,
        { m: 4, k: 1, n: 4, ...(out && { out }) },
        { products: 'exact' },
      ),
    fakeQuantize: (x, random, out) =>
      quantizer({ ...spec, rounding: 'stochastic' }).fakeQuantize(x, [x.length], out, { random }),
  };
  describe.each(Object.entries(calls))('%s', (name, call) => {
    const wordCount = name === 'matmul' ? 16 : 4;
    const outLength = name === 'matmul' ? 16 : 4;
    test.each(['Float32Array', 'Float64Array'] as const)('%s, every offset', (kind) => {
      const Real = kind === 'Float32Array' ? Float32Array : Float64Array;
      const size = Real.BYTES_PER_ELEMENT;
      for (let offset = 0; offset + size * outLength <= 256; offset += size) {
        const buffer = new ArrayBuffer(256);
        const words = new Uint32Array(buffer, 64, wordCount).map((_, i) => (i * 0x9e3779b9) ^ 0x5bd1e995);
        new Uint32Array(buffer, 64, wordCount).set(words);
        const x = new Real(4).map((_, i) => numberAt(i));
        const expected = call(x, words.slice());
        const out = new Real(buffer, offset, outLength);
        expect(bitsOf(call(x, new Uint32Array(buffer, 64, wordCount), out)), `out at byte ${offset}`).toEqual(
          bitsOf(expected),
        );
      }
    });
  });
});
