/**
 * Runs an operation's plan on a heap: keeps the block, the constants of its roundings and the scratch there, feeds supplied
 * random integers a chunk at a time, and has the scalar reference do what a kernel left.
 */
import { type ResolvedRounding, randomInteger } from '../../rounding/index.ts';
import { arithmeticModule } from '../arithmetic-module.ts';
import * as parameters from '../generated/layout-arithmetic.ts';
import { type Heap, viewsOf } from '../heap.ts';
import { planRoom } from '../rooms.ts';
import { type Rounder, rounderOn } from '../rounder.ts';
import type { RoundingPlan } from '../rounding-plan.ts';
import {
  type OperationJob,
  type OperationPlaces,
  operationPlaces,
  operationRoomBytes,
  writeOperationPlace,
  writeOperationPlan,
} from './operation-job.ts';
import type { OperationPlan } from './operation-plan.ts';

export interface Operator {
  /** Does `length` elements. Returns false where an operand is no number of the format; the result is incomplete then. */
  run(job: OperationJob, length: number): boolean;
  /** The first element of a chunk in which there is a number that is none of the format's, or -1. */
  findNonMember(plan: OperationPlan, pointer: number, length: number): number;
  /** Allocates what the plan needs, so that memory does not grow later. */
  reserve(plan: OperationPlan): void;
}

const { chunk } = parameters;

function integerAt(options: ResolvedRounding, index: number): number {
  if (options.random !== undefined) return options.random[index]!;
  return randomInteger({ ...options, offset: options.offset + index });
}

/** Has the reference do what the kernel listed of a chunk. */
function finish(heap: Heap, job: OperationJob, { block, list }: OperationPlaces, end: number): void {
  const { words, doubles } = viewsOf(heap.memory);
  const count = words[(block + parameters.deferredCountSlot) >>> 2]!;
  words[(block + parameters.deferredCountSlot) >>> 2] = 0;
  const reads = job.plan.rounding?.readsRandom === true;
  for (let i = 0; i < count; i++) {
    const entry = list + i * parameters.deferredBytes;
    const index = words[entry >>> 2]!;
    // Beyond the end are the idle lanes of the last vector.
    if (index >= end) continue;
    const operands = doubles.subarray(entry / 8 + 1, entry / 8 + 4);
    const [a, b, c] = operands as unknown as [number, number, number];
    const random = reads ? integerAt(job.options, job.first + index) : 0;
    doubles[job.destination / 8 + index] = job.scalar(a, b, c, random);
  }
}

/** Rounds a chunk of intermediates, which lie in the work scratch, by a kernel that may leave some to the reference. */
function roundOpen(
  heap: Heap,
  rounder: Rounder,
  job: OperationJob,
  rounding: RoundingPlan,
  work: number,
  from: number,
  size: number,
): void {
  const { plan, destination, options, first } = job;
  rounder.round(rounding, work, work, size, options, first + from);
  const to = destination + (from << plan.operandShift);
  if (plan.workShift !== plan.operandShift) arithmeticModule.on(heap.memory).narrowed(work, to, size);
  else viewsOf(heap.memory).bytes.copyWithin(to, work, work + (size << plan.workShift));
}

export function operatorOn(heap: Heap): Operator {
  const raw = arithmeticModule.on(heap.memory);
  const rounder = rounderOn(heap);
  const room = planRoom<OperationPlan>(heap, operationRoomBytes, (_, pointer, plan) =>
    writeOperationPlan(heap, operationPlaces(pointer), plan),
  );
  let places: OperationPlaces | undefined;

  /** The places, with the plan's constants in them. */
  function placesOf(plan: OperationPlan): OperationPlaces {
    const pointer = room.of(plan);
    places ??= operationPlaces(pointer);
    return places;
  }

  return {
    run(job, length): boolean {
      const { plan, options } = job;
      const at = placesOf(plan);
      writeOperationPlace(heap.memory, job, at);
      const { block } = at;
      const { rounding } = plan;
      const isSupplied = rounding?.readsRandom === true && options.random !== undefined;
      if (!plan.defers && !isSupplied) return raw.piece(block, 0, length) < 0;
      const isOpen = rounding?.deferred !== undefined;
      for (let from = 0; from < length; from += chunk) {
        const size = Math.min(chunk, length - from);
        if (isSupplied && !isOpen) {
          const integers = options.random.subarray(job.first + from, job.first + from + size);
          viewsOf(heap.memory).words.set(integers, at.random >>> 2);
        }
        if (isOpen) {
          // Element `from` of the destination is the first of the scratch.
          const { words } = viewsOf(heap.memory);
          words[(block + parameters.outSlot) >>> 2] = at.work - (from << plan.workShift);
        }
        if (raw.piece(block, from, size) >= 0) return false;
        if (isOpen) roundOpen(heap, rounder, job, rounding, at.work, from, size);
        finish(heap, job, at, from + size);
      }
      return true;
    },
    findNonMember(plan, pointer, length): number {
      const { block, work } = placesOf(plan);
      return raw.findNonMember(pointer, plan.operandShift, length, work, block);
    },
    reserve(plan): void {
      placesOf(plan);
      if (plan.rounding?.deferred !== undefined) rounder.prepare(plan.rounding);
    },
  };
}
