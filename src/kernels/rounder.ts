/**
 * Runs a rounding plan on a heap in the calling thread: keeps its block there, feeds random integers, drawn or supplied,
 * to the stochastic kernels a cache-sized chunk at a time, and decides by the scalar reference what a kernel left undecided.
 */
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import { drawWidth } from '../rounding/philox.ts';
import { randomChunk as chunk, deferredBaseSlot, deferredCountSlot } from './generated/layout-rounding.ts';
import { type Heap, viewsOf } from './heap.ts';
import {
  deferredOffset,
  randomOffset,
  roundingRoomBytes,
  writeRoundingPlace,
  writeRoundingPlan,
} from './rounding-job.ts';
import { roundingModule } from './rounding-module.ts';
import type { RoundingPlan } from './rounding-plan.ts';
import { releaseTables, tableRemovals } from './tables.ts';

export interface Rounder {
  /**
   * Rounds elements `start` to `start + length` of a longer array, which begin at `source`: their random integers are
   * those of these indices.
   *
   * @throws ArgumentError if there are too few supplied random integers. Nothing is written then.
   */
  round(
    plan: RoundingPlan,
    source: number,
    destination: number,
    length: number,
    options: ResolvedRounding,
    start: number,
  ): void;
  /** Allocates now what `round` would on its first call with the plan, so that memory does not grow later. */
  prepare(plan: RoundingPlan): void;
  /** Frees what is kept on the heap, all tables there included; the rounder may be used again. */
  release(): void;
}

/** Throws ArgumentError if the plan needs supplied random integers and there are fewer than `length`. */
export function checkSupplied(plan: RoundingPlan, { random }: ResolvedRounding, length: number): void {
  if (plan.readsRandom && random !== undefined && random.length < length)
    throw new ArgumentError('random', random, `at least ${length} integers, one an element`);
}

export function rounderOn(heap: Heap): Rounder {
  const { piece } = roundingModule.on(heap.memory);
  let room: number | undefined;
  let written: RoundingPlan | undefined;
  let removals = 0;

  /** The room, with the plan in it. */
  function roomOf(plan: RoundingPlan): number {
    room ??= heap.allocate(roundingRoomBytes);
    // Tables may have made way for others.
    if (written !== plan || removals !== tableRemovals()) writeRoundingPlan(heap, room, plan);
    written = plan;
    removals = tableRemovals();
    return room;
  }

  /** Rounds with integers that are supplied, which a chunk at a time are copied to where drawn ones would be. */
  function roundWithSupplied(
    room: number,
    plan: RoundingPlan,
    source: number,
    destination: number,
    random: Uint32Array,
    options: ResolvedRounding,
  ): void {
    for (let done = 0; done < random.length; done += chunk) {
      const size = Math.min(chunk, random.length - done);
      viewsOf(heap.memory).words.set(random.subarray(done, done + size), (room + randomOffset) >>> 2);
      const bytes = done << plan.elementShift;
      const place = { source: source + bytes, destination: destination + bytes, start: 0 };
      writeRoundingPlace(heap.memory, room, plan, place, options);
      piece(room, 0, size);
    }
  }

  /** Decides the elements that the kernel has listed; `random` is where the random integer of the first element lies. */
  function decideDeferred(
    room: number,
    format: Format,
    destination: Float32Array | Float64Array,
    options: ResolvedRounding,
    random: number,
  ): void {
    const { words } = viewsOf(heap.memory);
    const count = words[(room + deferredCountSlot) >>> 2]!;
    for (let i = 0; i < count; i++) {
      const index = words[((room + deferredOffset) >>> 2) + i]!;
      const value = destination[index];
      // Beyond the end are the idle lanes of the last vector.
      if (value === undefined) continue;
      destination[index] = roundScalar(value, format, options, words[(random >>> 2) + index]!);
    }
  }

  /** Chunk by chunk, each with the elements that its kernel leaves undecided. */
  function roundDeferring(
    room: number,
    plan: RoundingPlan,
    format: Format,
    source: number,
    destination: number,
    length: number,
    options: ResolvedRounding,
    start: number,
  ): void {
    const perBlock = 128 / drawWidth(options.randomBits);
    for (let done = 0; done < length; done += chunk) {
      const size = Math.min(chunk, length - done);
      const bytes = done << plan.elementShift;
      const { words } = viewsOf(heap.memory);
      words[(room + deferredCountSlot) >>> 2] = 0;
      words[(room + deferredBaseSlot) >>> 2] = 0;
      const first = start + done;
      const place = { source: source + bytes, destination: destination + bytes, start: first };
      let skip = 0;
      if (options.random !== undefined) {
        const random = options.random.subarray(first, first + size);
        roundWithSupplied(room, plan, place.source, place.destination, random, options);
      } else {
        writeRoundingPlace(heap.memory, room, plan, place, options);
        piece(room, 0, size);
        skip = (options.offset + first) % perBlock;
      }
      const view = plan.elementShift === 2 ? Float32Array : Float64Array;
      const rounded = new view(heap.memory.buffer, place.destination, size);
      decideDeferred(room, format, rounded, options, room + randomOffset + 4 * skip);
    }
  }

  return {
    round(plan, source, destination, length, options, start): void {
      checkSupplied(plan, options, start + length);
      const room = roomOf(plan);
      const { readsRandom, deferred } = plan;
      if (readsRandom && deferred !== undefined) {
        roundDeferring(room, plan, deferred, source, destination, length, options, start);
      } else if (readsRandom && options.random !== undefined) {
        const random = options.random.subarray(start, start + length);
        roundWithSupplied(room, plan, source, destination, random, options);
      } else {
        writeRoundingPlace(heap.memory, room, plan, { source, destination, start }, options);
        piece(room, 0, length);
      }
    },
    prepare(plan): void {
      roomOf(plan);
    },
    release(): void {
      if (room !== undefined) heap.free(room);
      room = undefined;
      written = undefined;
      releaseTables(heap);
    },
  };
}
