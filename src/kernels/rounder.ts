/**
 * Runs a rounding plan on a heap: keeps the parameter block and the tables there, feeds random integers, drawn or supplied,
 * to the stochastic kernels a cache-sized chunk at a time, and decides by the scalar reference what a kernel left undecided.
 */
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import { drawWidth } from '../rounding/philox.ts';
import type { Heap } from './heap.ts';
import {
  deferredBaseSlot,
  deferredCountSlot,
  deferredListSlot,
  parameterBytes,
  tableSlot,
} from './parameters.ts';
import type { RoundingModuleExports } from './rounding-module.ts';
import type { RoundingPlan } from './rounding-plan.ts';
import { releaseTables, tableOn } from './tables.ts';

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
  /** Allocates now what `round` would on its first call (with the plan), so that memory does not grow later. */
  prepare(plan?: RoundingPlan): void;
  /** Frees what is kept on the heap, all tables there included; the rounder may be used again. */
  release(): void;
}

/** Elements a chunk: 8 KiB of random integers stay in the first-level cache with the values. A multiple of 16. */
const chunk = 2048;
/** The first draw may be the last of its block, and four blocks of 16 draws are made at a time. */
const scratchBytes = 4 * (chunk + 80);
/** A kernel may leave a whole chunk undecided, and what it makes of the rest of the last vector. */
const deferredBytes = 4 * (chunk + 16);

/** Throws ArgumentError if the plan needs supplied random integers and there are fewer than `length`. */
export function checkSupplied(plan: RoundingPlan, { random }: ResolvedRounding, length: number): void {
  if (plan.readsRandom && random !== undefined && random.length < length)
    throw new ArgumentError('random', random, `at least ${length} integers, one an element`);
}

/** The kernels that rounding calls. */
export type RoundingExports = Pick<RoundingModuleExports, 'round' | 'roundStochastic'>;

export function rounderOn(heap: Heap, raw: RoundingExports): Rounder {
  let pointer: number | undefined;
  let written: RoundingPlan | undefined;

  /** The parameter block, holding the plan's constants; the random scratch follows it, then the list of the undecided. */
  function parametersOf(plan?: RoundingPlan): number {
    pointer ??= heap.allocate(parameterBytes + scratchBytes + deferredBytes);
    if (plan === undefined) return pointer;
    const table = plan.tables === undefined ? 0 : tableOn(heap, plan.tables);
    if (written !== plan) new Uint8Array(heap.memory.buffer, pointer, plan.block.length).set(plan.block);
    written = plan;
    if (plan.tables !== undefined) {
      const words = new Uint32Array(heap.memory.buffer, pointer, parameterBytes / 4);
      words[tableSlot / 4] = table;
      words[deferredListSlot / 4] = pointer + parameterBytes + scratchBytes;
    }
    return pointer;
  }

  /** Rounds with numbers drawn now; afterwards those of the last chunk are in the scratch. */
  function roundWithDrawn(
    { kernel, elementShift }: RoundingPlan,
    source: number,
    destination: number,
    length: number,
    options: ResolvedRounding,
    start: number,
    parameters: number,
  ): void {
    raw.roundStochastic(
      kernel,
      elementShift,
      source,
      destination,
      length,
      parameters,
      parameters + parameterBytes,
      chunk,
      options.randomBits,
      BigInt(options.offset) + BigInt(start),
      BigInt(options.stream),
      BigInt(options.seed),
    );
  }

  function roundWithSupplied(
    { kernel, elementShift }: RoundingPlan,
    source: number,
    destination: number,
    random: Uint32Array,
    parameters: number,
  ): void {
    const scratch = parameters + parameterBytes;
    for (let done = 0; done < random.length; done += chunk) {
      const size = Math.min(chunk, random.length - done);
      new Uint32Array(heap.memory.buffer, scratch, size).set(random.subarray(done, done + size));
      const offset = done << elementShift;
      raw.round(kernel, elementShift, source + offset, destination + offset, size, scratch, parameters);
    }
  }

  /** Decides the elements that the kernel has listed; `random` is where the random integer of the first element lies. */
  function decideDeferred(
    format: Format,
    destination: Float32Array | Float64Array,
    options: ResolvedRounding,
    random: number,
    parameters: number,
  ): void {
    const { buffer } = heap.memory;
    const count = new Uint32Array(buffer, parameters, parameterBytes / 4)[deferredCountSlot / 4]!;
    if (count === 0) return;
    const integers = new Uint32Array(buffer, random, destination.length);
    for (const index of new Uint32Array(buffer, parameters + parameterBytes + scratchBytes, count)) {
      const value = destination[index];
      // Beyond the end are the idle lanes of the last vector.
      if (value !== undefined) destination[index] = roundScalar(value, format, options, integers[index]!);
    }
  }

  /** Chunk by chunk, each with the elements that its kernel leaves undecided. */
  function roundDeferring(
    plan: RoundingPlan,
    format: Format,
    source: number,
    destination: number,
    length: number,
    options: ResolvedRounding,
    start: number,
    parameters: number,
  ): void {
    const scratch = parameters + parameterBytes;
    const perBlock = 128 / drawWidth(options.randomBits);
    for (let done = 0; done < length; done += chunk) {
      const size = Math.min(chunk, length - done);
      const bytes = done << plan.elementShift;
      const words = new Uint32Array(heap.memory.buffer, parameters, parameterBytes / 4);
      words[deferredCountSlot / 4] = 0;
      words[deferredBaseSlot / 4] = 0;
      const first = start + done;
      let skip = 0;
      if (options.random !== undefined) {
        const random = options.random.subarray(first, first + size);
        roundWithSupplied(plan, source + bytes, destination + bytes, random, parameters);
      } else {
        roundWithDrawn(plan, source + bytes, destination + bytes, size, options, first, parameters);
        skip = (options.offset + first) % perBlock;
      }
      const view = plan.elementShift === 2 ? Float32Array : Float64Array;
      const rounded = new view(heap.memory.buffer, destination + bytes, size);
      decideDeferred(format, rounded, options, scratch + 4 * skip, parameters);
    }
  }

  return {
    round(plan, source, destination, length, options, start): void {
      checkSupplied(plan, options, start + length);
      const parameters = parametersOf(plan);
      const { kernel, elementShift, deferred } = plan;
      if (!plan.readsRandom) {
        raw.round(kernel, elementShift, source, destination, length, 0, parameters);
      } else if (deferred !== undefined) {
        roundDeferring(plan, deferred, source, destination, length, options, start, parameters);
      } else if (options.random !== undefined) {
        const random = options.random.subarray(start, start + length);
        roundWithSupplied(plan, source, destination, random, parameters);
      } else roundWithDrawn(plan, source, destination, length, options, start, parameters);
    },
    prepare(plan): void {
      parametersOf(plan);
    },
    release(): void {
      if (pointer !== undefined) heap.free(pointer);
      pointer = undefined;
      written = undefined;
      releaseTables(heap);
    },
  };
}
