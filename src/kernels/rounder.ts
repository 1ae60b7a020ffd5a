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
import { planRoom } from './rooms.ts';
import {
  deferredOffset,
  type RoundingPlace,
  randomOffset,
  roundingRoomBytes,
  writeRoundingPlace,
  writeRoundingPlan,
} from './rounding-job.ts';
import { roundingModule } from './rounding-module.ts';
import type { RoundingPlan } from './rounding-plan.ts';
import { releaseTables } from './tables.ts';

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

/** A rounding whose plan lies in a room. */
interface Written {
  readonly heap: Heap;
  readonly room: number;
  readonly plan: RoundingPlan;
  readonly options: ResolvedRounding;
}

/** Elements from `source` on, the first of which is element `start` of the array. */
function roundPlaced({ heap, room, plan, options }: Written, place: RoundingPlace, length: number): void {
  writeRoundingPlace(heap.memory, room, plan, place, options);
  roundingModule.on(heap.memory).piece(room, 0, length);
}

/** Rounds with integers that are supplied, which a chunk at a time are copied to where drawn ones would be. */
function roundWithSupplied(written: Written, source: number, destination: number, random: Uint32Array): void {
  const { heap, room, plan } = written;
  for (let done = 0; done < random.length; done += chunk) {
    const size = Math.min(chunk, random.length - done);
    viewsOf(heap.memory).words.set(random.subarray(done, done + size), (room + randomOffset) >>> 2);
    const bytes = done << plan.elementShift;
    roundPlaced(written, { source: source + bytes, destination: destination + bytes, start: 0 }, size);
  }
}

/** Decides the elements that the kernel has listed; `random` is where the random integer of the first element lies. */
function decideDeferred(
  { heap, room, options }: Written,
  format: Format,
  destination: Float32Array | Float64Array,
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
function roundDeferring(written: Written, format: Format, place: RoundingPlace, length: number): void {
  const { heap, room, plan, options } = written;
  const perBlock = 128 / drawWidth(options.randomBits);
  for (let done = 0; done < length; done += chunk) {
    const size = Math.min(chunk, length - done);
    const bytes = done << plan.elementShift;
    const { words } = viewsOf(heap.memory);
    words[(room + deferredCountSlot) >>> 2] = 0;
    words[(room + deferredBaseSlot) >>> 2] = 0;
    const [source, destination] = [place.source + bytes, place.destination + bytes];
    const start = place.start + done;
    let skip = 0;
    if (options.random !== undefined)
      roundWithSupplied(written, source, destination, options.random.subarray(start, start + size));
    else {
      roundPlaced(written, { source, destination, start }, size);
      skip = (options.offset + start) % perBlock;
    }
    const view = plan.elementShift === 2 ? Float32Array : Float64Array;
    const rounded = new view(heap.memory.buffer, destination, size);
    decideDeferred(written, format, rounded, room + randomOffset + 4 * skip);
  }
}

export function rounderOn(heap: Heap): Rounder {
  const rooms = planRoom(heap, roundingRoomBytes, writeRoundingPlan);
  return {
    round(plan, source, destination, length, options, start): void {
      checkSupplied(plan, options, start + length);
      const written = { heap, room: rooms.of(plan), plan, options };
      const { readsRandom, deferred } = plan;
      if (readsRandom && deferred !== undefined)
        roundDeferring(written, deferred, { source, destination, start }, length);
      else if (readsRandom && options.random !== undefined)
        roundWithSupplied(written, source, destination, options.random.subarray(start, start + length));
      else roundPlaced(written, { source, destination, start }, length);
    },
    prepare(plan): void {
      rooms.of(plan);
    },
    release(): void {
      rooms.release();
      releaseTables(heap);
    },
  };
}
