/**
 * Runs a rounding plan on a heap: keeps the parameter block there, and feeds random integers, drawn or supplied, to the
 * stochastic kernels a cache-sized chunk at a time.
 */
import { ArgumentError } from '../errors.ts';
import type { ResolvedRounding } from '../rounding/index.ts';
import type { Heap } from './heap.ts';
import type { KernelExports } from './module.ts';
import { parameterBytes } from './parameters.ts';
import type { RoundingPlan } from './plan.ts';

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
  /** Allocates now what `round` would on its first call, so that memory does not grow later. */
  prepare(): void;
  /** Frees what is kept on the heap; the rounder may be used again. */
  release(): void;
}

/** Elements a chunk: 8 KiB of random integers stay in the first-level cache with the values. A multiple of 16. */
const chunk = 2048;
/** The first draw may be the last of its block, and four blocks of 16 draws are made at a time. */
const scratchBytes = 4 * (chunk + 80);

/** Throws ArgumentError if the plan needs supplied random integers and there are fewer than `length`. */
export function checkSupplied(plan: RoundingPlan, { random }: ResolvedRounding, length: number): void {
  if (plan.readsRandom && random !== undefined && random.length < length)
    throw new ArgumentError('random', random, `at least ${length} integers, one an element`);
}

/** The kernels that rounding calls. */
export type RoundingExports = Pick<KernelExports, 'round' | 'roundStochastic'>;

export function rounderOn(heap: Heap, raw: RoundingExports): Rounder {
  let pointer: number | undefined;
  let written: RoundingPlan | undefined;

  function prepare(): number {
    pointer ??= heap.allocate(parameterBytes + scratchBytes);
    return pointer;
  }

  /** The parameter block, holding the plan's constants; the random scratch follows it. */
  function parametersOf(plan: RoundingPlan): number {
    const block = prepare();
    if (written !== plan) new Uint8Array(heap.memory.buffer, block, plan.block.length).set(plan.block);
    written = plan;
    return block;
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

  return {
    round(plan, source, destination, length, options, start): void {
      checkSupplied(plan, options, start + length);
      const parameters = parametersOf(plan);
      const { kernel, elementShift } = plan;
      if (!plan.readsRandom) {
        raw.round(kernel, elementShift, source, destination, length, 0, parameters);
      } else if (options.random !== undefined) {
        const random = options.random.subarray(start, start + length);
        roundWithSupplied(plan, source, destination, random, parameters);
      } else {
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
    },
    prepare,
    release(): void {
      if (pointer !== undefined) heap.free(pointer);
      pointer = undefined;
      written = undefined;
    },
  };
}
