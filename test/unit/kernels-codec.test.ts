/** What array `encode` and `decode` refuse, with the place of the first fault; and the tables that kernels keep on heaps. */
import { describe, expect, it } from 'vitest';
import { codebook, toFormat } from '../../src/formats/index.ts';
import { sharedHeap } from '../../src/kernels/heap.ts';
import { kernelsOn } from '../../src/kernels/heap-kernels.ts';
import { releaseTables, tableOn } from '../../src/kernels/tables.ts';
import { decode, encode } from '../../src/operations/index.ts';
import { resolveRounding } from '../../src/rounding/index.ts';

describe('encode', () => {
  const x = new Float32Array(40_000).fill(0.3);
  x[37_001] = NaN;
  x[39_000] = NaN;

  it('names the first NaN that has no code', () => {
    expect(() => encode(x, 'e2m1')).toThrow(RangeError);
    expect(() => encode(x, 'e2m1')).toThrow(/^values\[37001\]: got NaN; accepted: a number/);
    expect(() => encode(Float64Array.from(x), 'int8')).toThrow('values[37001]');
    expect(() => encode([...x], 'nf4')).toThrow('values[37001]');
    expect(() => encode([1, NaN], 'fixed(9,43)')).toThrow('values[1]');
  });

  it('replaces NaN as told, in every chunk', () => {
    expect(encode(x, 'e2m1', { nan: 'max' })[37_001]).toBe(7);
    expect(encode(x, 'nf4', { nan: 'zero' })[39_000]).toBe(7);
    expect(encode(x, 'logarithmic(4,3)', { nan: 'max' })[37_001]).toBe(63);
    expect(encode(x, 'posit16')[37_001]).toBe(0x8000);
  });

  it('has no zero to give where the format has none', () => {
    expect(() => encode(x, 'binary', { nan: 'zero' })).toThrow(RangeError);
    expect(encode([0.5, -2], 'binary', { nan: 'zero' })).toEqual(new Uint8Array([1, 0]));
  });

  it('refuses formats without codes', () => {
    expect(() => encode([1], 'float(Infinity,7)')).toThrow('has no codes (unbounded exponent)');
  });

  it('leaves its argument alone', () => {
    const given = new Float64Array([0.3]);
    encode(given, 'e4m3fn');
    expect([...given]).toEqual([0.3]);
  });
});

describe('decode', () => {
  it('names the first code that has too many bits', () => {
    const codes = new Uint8Array(40_000);
    codes[38_003] = 16;
    codes[39_000] = 255;
    expect(() => decode(codes, 'e2m1')).toThrow(RangeError);
    expect(() => decode(codes, 'e2m1')).toThrow(
      'codes[38003]: got 16; accepted: an integer from 0 to 2^4 - 1',
    );
    expect(() => decode(new Uint32Array([2 ** 24 - 1, 2 ** 24]), 'fp24')).toThrow('codes[1]');
    expect(() => decode(new BigUint64Array([1n, 2n ** 53n]), 'int53')).toThrow('codes[1]');
  });

  it('takes codes in wider arrays than needed, in narrower ones not', () => {
    expect(decode(new Uint32Array([0x38]), 'e4m3fn')).toEqual(new Float32Array([1]));
    expect(decode(new BigUint64Array([0x38n]), 'e4m3fn')).toEqual(new Float32Array([1]));
    expect(() => decode(new Uint8Array([1]), 'binary16')).toThrow(/^codes: got Uint8Array/);
    expect(() => decode(new Uint32Array([256]), 'e4m3fn')).toThrow(RangeError);
    expect(() => decode([1.5], 'e4m3fn')).toThrow(/^codes\[0\]: got 1.5/);
    expect(() => decode([-1], 'int8')).toThrow(RangeError);
  });

  it('makes NaN of codes that stand for nothing', () => {
    const three = codebook({ name: 'three', values: [-1, 0, 1] });
    expect(decode([0, 1, 2, 3], three)).toEqual(new Float32Array([-1, 0, 1, NaN]));
    expect(decode([0x80], 'int8symmetric')).toEqual(new Float32Array([NaN]));
    expect(decode([0x80, 0x81], 'ue4m3')).toEqual(new Float32Array([NaN, NaN]));
  });
});

describe('tables on a heap', () => {
  it('are kept once each, up to a bound, and freed', () => {
    const heap = sharedHeap();
    releaseTables(heap);
    const table = new Uint8Array(2 ** 20).fill(7);
    const pointer = tableOn(heap, table);
    expect(tableOn(heap, table)).toBe(pointer);
    expect(new Uint8Array(heap.memory.buffer, pointer, table.length)).toEqual(table);
    let allocated = 0;
    const counting = {
      memory: heap.memory,
      allocate(bytes: number): number {
        allocated += 1;
        return heap.allocate(bytes);
      },
      free(place: number): void {
        allocated -= 1;
        heap.free(place);
      },
    };
    const tables = Array.from({ length: 20 }, () => table.slice());
    for (const each of tables) tableOn(counting, each);
    expect(allocated).toBe(8);
    // The last one is still there, the first one has gone.
    tableOn(counting, tables[19]!);
    expect(allocated).toBe(8);
    releaseTables(counting);
    expect(allocated).toBe(0);
    releaseTables(heap);
  });

  it('are there again after release', () => {
    const heap = sharedHeap();
    const kernels = kernelsOn(heap);
    const format = toFormat('posit16');
    const x = heap.allocate(64);
    for (let repeat = 0; repeat < 2; repeat++) {
      const view = new Float32Array(heap.memory.buffer, x, 5).fill(1e9);
      kernels.round('float32', x, x, 5, format, resolveRounding(format));
      // 29.8 units of 2^25, there being 4 fraction bits.
      expect([...view]).toEqual(Array.from({ length: 5 }, () => 30 * 2 ** 25));
      kernels.release();
    }
    heap.free(x);
  });
});
