/** Codes by several threads: the same bits as by one, the same refusals, wherever the arrays lie and whatever their lengths. */
import { afterAll, describe, expect, it } from 'vitest';
import { toFormat } from '../../src/formats/index.ts';
import { encodeArray } from '../../src/kernels/codec-arrays.ts';
import { allocateFloat32, allocateFloat64, release } from '../../src/kernels/heap.ts';
import { stopThreads } from '../../src/kernels/threads.ts';
import {
  type CodeArray,
  decode,
  type EncodeOptions,
  encode,
  type RealArray,
} from '../../src/operations/index.ts';
import { resolveRounding, roundScalar } from '../../src/rounding/index.ts';
import { randomInteger, randomIntegers } from '../../src/rounding/philox.ts';

afterAll(stopThreads);

/** Enough for threads, and an end that fills neither a piece nor 16 elements. */
const length = 150_007;

function numbers(make: (length: number) => RealArray): RealArray {
  const x = make(length);
  const words = randomIntegers(length, { seed: 4 });
  for (let i = 0; i < length; i++) x[i] = (words[i]! / 2 ** 31 - 1) * 2 ** ((i % 25) - 12);
  return x;
}

const differing = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number => {
  if (a.length !== b.length) return a.length;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
};

const drawn = { rounding: 'stochastic', seed: 7, stream: 3, offset: 2 ** 33 + 5 } as const;
const cases: readonly (readonly [string, EncodeOptions])[] = [
  ['e4m3fn', { saturation: 'finite' }],
  ['binary16', drawn],
  ['e2m1', { ...drawn, randomBits: 5, saturation: 'finite' }],
  ['int8', {}],
  ['fixed(9,43)', {}],
  ['posit16', {}],
  ['posit8', drawn],
  ['nf4', {}],
  ['dynamic8', drawn],
  ['logarithmic(4,3)', {}],
  ['binary64', {}],
  ['tf32', { rounding: 'toward-negative' }],
];

describe.each(cases)('%s %o', (name, options) => {
  const format = toFormat(name);
  it.each([
    ['Float32Array', numbers((n) => new Float32Array(n))],
    ['Float64Array', numbers((n) => new Float64Array(n))],
    ['shared Float32Array', numbers(allocateFloat32)],
    ['shared Float64Array', numbers(allocateFloat64)],
    ['shared, at an offset', numbers(allocateFloat32).subarray(3, -2)],
  ])('of a %s', (_, x) => {
    const codes = encode(x, format, options);
    expect(differing(encode(x, format, { ...options, threads: 3 }), codes)).toBe(-1);
    // Some of them against the definition.
    const resolved = resolveRounding(format, options);
    for (let i = 0; i < x.length; i += 997) {
      const random = randomInteger({ ...resolved, offset: resolved.offset + i });
      expect(codes[i]).toBe(format.encode(roundScalar(x[i]!, format, resolved, random)));
    }
    const values = decode(codes, format);
    const threaded = decode(codes, format, { threads: 4 });
    expect(threaded.constructor).toBe(values.constructor);
    expect(differing(threaded, values)).toBe(-1);
  });

  it('of codes that lie in the shared memory', () => {
    const codes = encode(
      numbers((n) => new Float32Array(n)),
      format,
      options,
    );
    const room = allocateFloat64(length + 1);
    const View = codes.constructor as Uint8ArrayConstructor;
    const shared = new View(room.buffer, room.byteOffset + 8, length);
    shared.set(codes as Uint8Array);
    expect(differing(decode(shared as CodeArray, format, { threads: 2 }), decode(codes, format))).toBe(-1);
    release(room);
  });
});

it.each([0, 1, 15, 16, 17, 2047, 2048, 2049, 16385])('of %d elements, threads or not', (count) => {
  const x = numbers((n) => new Float32Array(n)).slice(0, count) as Float32Array;
  for (const name of ['e4m3fn', 'posit16', 'nf4']) {
    const format = toFormat(name);
    const options = resolveRounding(format);
    const wanted = Array.from(x, (value) => format.encode(roundScalar(value, format, options, 0)));
    const codes = encodeArray(x, 'float32', format, options, 'error', 2);
    expect(differing(codes, wanted)).toBe(-1);
    expect(differing(decode(codes, format, { threads: 2 }), wanted.map(format.decode))).toBe(-1);
  }
});

describe('refusals', () => {
  const x = numbers((n) => new Float32Array(n));
  x[length - 1] = NaN;

  it('names the first NaN that has no code, whichever thread meets it', () => {
    expect(() => encode(x, 'e2m1', { threads: 3 })).toThrow(`values[${length - 1}]: got NaN`);
    expect(() => encode(x, 'int8', { ...drawn, threads: 3 })).toThrow(`values[${length - 1}]: got NaN`);
    const two = x.slice();
    two[70_001] = NaN;
    expect(() => encode(two, 'nf4', { threads: 3 })).toThrow('values[70001]: got NaN');
    expect(encode(two, 'e2m1', { nan: 'max', threads: 3 })[70_001]).toBe(7);
    expect(() => encode(two, 'binary', { nan: 'zero', threads: 2 })).toThrow(RangeError);
  });

  it('names the first code with too many bits', () => {
    const codes = new Uint8Array(length);
    codes[length - 1] = 16;
    expect(() => decode(codes, 'e2m1', { threads: 2 })).toThrow(`codes[${length - 1}]: got 16`);
    codes[3] = 255;
    expect(() => decode(codes, 'e2m1', { threads: 2 })).toThrow('codes[3]: got 255');
  });

  it('of options that are not accepted', () => {
    expect(() => encode(x, 'e4m3fn', { threads: 0 })).toThrow(/threads/);
    expect(() => decode([1], 'e4m3fn', { threads: 65 })).toThrow(/threads/);
    expect(() => decode([1], 'e4m3fn', { threads: '2' as never })).toThrow(/threads/);
    expect(() => decode([1], 'e4m3fn', { thread: 2 } as never)).toThrow(/threads/);
  });
});
