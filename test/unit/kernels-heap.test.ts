/** The allocator of the library's memories, and arrays that live in the shared one. */
import { describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import {
  allocateFloat32,
  allocateFloat64,
  isInSharedHeap,
  privateHeap,
  release,
  sharedHeap,
} from '../../src/kernels/heap.ts';
import { kernelsOn } from '../../src/kernels/heap-kernels.ts';
import { roundArray } from '../../src/kernels/rounding-arrays.ts';
import { resolveRounding } from '../../src/rounding/index.ts';

describe('the shared heap', () => {
  it('gives spans that are aligned and do not overlap, and takes them back', () => {
    const heap = sharedHeap();
    const held = new Map<number, number>();
    let state = 1;
    for (let i = 0; i < 500; i++) {
      state = (state * 48271) % 2147483647;
      const bytes = state % 5000;
      const pointer = heap.allocate(bytes);
      expect(pointer % 16).toBe(0);
      for (const [other, size] of held)
        expect(pointer + bytes <= other || other + size <= pointer).toBe(true);
      held.set(pointer, bytes);
      if (state % 3 === 0) {
        const [oldest] = held.keys();
        heap.free(oldest!);
        held.delete(oldest!);
      }
    }
    for (const pointer of held.keys()) heap.free(pointer);
    // Everything is one span again: what was free before fits as a whole.
    const before = heap.memory.buffer.byteLength;
    heap.free(heap.allocate(before / 2));
    expect(heap.memory.buffer.byteLength).toBe(before);
  });

  it('grows, and arrays made before stay valid', () => {
    const early = allocateFloat32(1000).fill(1 / 3);
    const late = allocateFloat64(sharedHeap().memory.buffer.byteLength / 8);
    const resolved = resolveRounding(formats.binary16);
    roundArray(early, early, formats.binary16, resolved);
    late[late.length - 1] = 1 / 3;
    roundArray(late, late, formats.binary16, resolved);
    expect(early[999]).toBe(0.333251953125);
    expect(late[late.length - 1]).toBe(0.333251953125);
    expect(isInSharedHeap(early) && isInSharedHeap(late) && isInSharedHeap(late.subarray(3))).toBe(true);
    expect(isInSharedHeap(new Float32Array(4))).toBe(false);
    release(early);
    release(late);
  });

  it('names wrong arguments', () => {
    expect(() => allocateFloat32(-1)).toThrow('length: got -1; accepted: an integer from 0');
    expect(() => sharedHeap().allocate(1.5)).toThrow('bytes: got 1.5');
    expect(() => sharedHeap().free(12)).toThrow('pointer: got 12; accepted: a pointer that allocate gave');
    const array = allocateFloat32(4);
    release(array);
    expect(() => release(array)).toThrow('not yet released');
    expect(() => release(new Float32Array(2))).toThrow('array: got');
  });

  it('frees what kernels keep there, and they work again afterwards', () => {
    const heap = sharedHeap();
    const kernels = kernelsOn(heap);
    const x = allocateFloat32(8).fill(2);
    const out = allocateFloat32(4);
    for (let repeat = 0; repeat < 2; repeat++) {
      kernels.matmulFloat32(x.byteOffset, x.byteOffset, out.byteOffset, { m: 2, n: 2, k: 4 });
      expect([...out]).toEqual([16, 16, 16, 16]);
      kernels.release();
    }
    release(x);
    release(out);
  });
});

describe('roundArray', () => {
  it('names wrong arguments, and writes nothing then', () => {
    const resolved = resolveRounding(formats.e4m3fn);
    const x = new Float32Array(5).fill(0.3);
    expect(() => roundArray(x, new Float32Array(4), formats.e4m3fn, resolved)).toThrow(
      'accepted: a Float32Array of length 5, as x',
    );
    const random = new Uint32Array(4);
    const stochastic = resolveRounding(formats.e4m3fn, { rounding: 'stochastic', random });
    expect(() => roundArray(x, x, formats.e4m3fn, stochastic)).toThrow('random: got Uint32Array');
    expect([...x]).toEqual(Array.from({ length: 5 }, () => Math.fround(0.3)));
  });

  it('takes empty arrays', () => {
    const x = new Float64Array(0);
    roundArray(x, x, formats.e4m3fn, resolveRounding(formats.e4m3fn));
    expect(x.length).toBe(0);
  });

  it('survives growth of the memory that it stages in', () => {
    const x = new Float32Array(3).fill(0.3);
    const options = resolveRounding(formats.e2m1);
    roundArray(x.slice(), x.slice(), formats.e2m1, options);
    privateHeap().allocate(privateHeap().memory.buffer.byteLength);
    roundArray(x, x, formats.e2m1, options);
    expect([...x]).toEqual([0.5, 0.5, 0.5]);
  });
});
