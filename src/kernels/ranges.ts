/** 8-bit codes between least and largest values of groups, by the kernel, of numbers on a heap of any owner. */
import type { Heap } from './heap.ts';
import { rangesModule } from './ranges-module.ts';
import { growingRoom } from './rooms.ts';

/** Runs of `inner` elements, whose groups follow each other. */
export interface RangeLayout {
  readonly groups: number;
  readonly inner: number;
}

/** Codes and ranges of `length` binary32 numbers at a pointer. */
export interface RangeCodec {
  /** The least values of the groups, then the largest ones. */
  extremes(source: number, length: number, layout: RangeLayout): Float32Array;
  /** Codes for lows and factors, one a group. */
  encode(
    source: number,
    length: number,
    layout: RangeLayout,
    lows: Float32Array,
    factors: Float32Array,
  ): Uint8Array;
  /** Writes low + step code. */
  decode(
    codes: Uint8Array,
    destination: number,
    layout: RangeLayout,
    lows: Float32Array,
    steps: Float32Array,
  ): void;
  /** Frees the memory for groups and codes; it may be used again. */
  release(): void;
}

export function rangesOn(heap: Heap): RangeCodec {
  const kernel = rangesModule.on(heap.memory);
  const room = growingRoom(heap);

  function stateOf(pointer: number, first: Float32Array, second: Float32Array): Float32Array {
    const state = new Float32Array(heap.memory.buffer, pointer, 2 * first.length);
    state.set(first);
    state.set(second, first.length);
    return state;
  }

  return {
    extremes(source, length, { groups, inner }): Float32Array {
      const pointer = room.of(8 * groups);
      const none = new Float32Array(groups);
      const state = stateOf(
        pointer,
        none.fill(Infinity),
        none.map(() => -Infinity),
      );
      kernel.extremes(source, length / inner, groups, inner, pointer);
      return state.slice();
    },
    encode(source, length, { groups, inner }, lows, factors): Uint8Array {
      const pointer = room.of(8 * groups + length);
      const codes = pointer + 8 * groups;
      stateOf(pointer, lows, factors);
      kernel.encode(source, codes, length / inner, groups, inner, pointer);
      return new Uint8Array(heap.memory.buffer, codes, length).slice();
    },
    decode(codes, destination, { groups, inner }, lows, steps): void {
      const pointer = room.of(8 * groups + codes.length);
      const held = pointer + 8 * groups;
      stateOf(pointer, lows, steps);
      new Uint8Array(heap.memory.buffer).set(codes, held);
      kernel.decode(held, destination, codes.length / inner, groups, inner, pointer);
    },
    release(): void {
      room.release();
    },
  };
}
