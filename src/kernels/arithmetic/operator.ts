/**
 * Runs an operation's plan on a heap: keeps the block, the constants of its roundings and the scratch there, feeds supplied
 * random integers a chunk at a time, and has the scalar reference do what a kernel left.
 */
import { type ResolvedRounding, randomInteger } from '../../rounding/index.ts';
import { arithmeticModule } from '../arithmetic-module.ts';
import type { Heap } from '../heap.ts';
import { deferredListSlot, parameterBytes, tableSlot } from '../parameters.ts';
import { rounderOn } from '../rounder.ts';
import { roundingModule } from '../rounding-module.ts';
import type { RoundingPlan } from '../rounding-plan.ts';
import { tableOn } from '../tables.ts';
import * as parameters from './parameters.ts';
import type { OperationPlan } from './plan.ts';

/** The scalar reference for one element. Operands that the operation does not have are 0. */
export type ScalarOperation = (a: number, b: number, c: number, random: number) => number;

/** An operand on the heap: a pointer to elements, or a number for all of them. */
export type Operand = { readonly pointer: number } | number;

export interface OperationJob {
  readonly plan: OperationPlan;
  readonly options: ResolvedRounding;
  /** One to three. */
  readonly operands: readonly Operand[];
  readonly destination: number;
  /** Index in the stream of random integers of the first element. */
  readonly first: number;
  /** Bit i is set where operand i is to be looked at for numbers that are none of the format's. */
  readonly checked: number;
  /** Whether the destination is none of the operands. */
  readonly isApart: boolean;
  readonly scalar: ScalarOperation;
}

export interface Operator {
  /** Does `length` elements. Returns false where an operand is no number of the format; the result is incomplete then. */
  run(job: OperationJob, length: number): boolean;
  /** The first element of a chunk in which there is a number that is none of the format's, or -1. */
  findStranger(plan: OperationPlan, pointer: number, length: number): number;
  /** Allocates what the plan needs, so that memory does not grow later. */
  reserve(plan: OperationPlan): void;
  /** Writes a job down for a worker thread, and says where: for `piece`. No job that a kernel cannot finish alone. */
  describe(job: OperationJob): number;
  /** Elements of what a block describes; -1, or an index not above that of an element that is no number of the format. */
  piece(block: number, from: number, length: number): number;
}

const { chunk } = parameters;
/** The kernels may write three elements more; the first of drawn integers may be the last of its block. */
const workBytes = 8 * (chunk + 8);
const randomBytes = 4 * (chunk + 80);
const spreadBytes = 8 * chunk;
const listBytes = parameters.deferredBytes * (chunk + 2);

/** Where on the heap everything lies. */
interface Places {
  readonly block: number;
  readonly rounding: number;
  readonly membership: number;
  readonly work: number;
  readonly random: number;
  readonly spread: number;
  readonly list: number;
}

function layOut(start: number): Places {
  const at = { block: start, rounding: start + parameters.blockBytes };
  const membership = at.rounding + parameterBytes;
  const work = membership + parameterBytes;
  const random = work + workBytes;
  const spread = random + randomBytes;
  const list = spread + 3 * spreadBytes;
  return { ...at, membership, work, random, spread, list };
}

const totalBytes =
  parameters.blockBytes + 2 * parameterBytes + workBytes + randomBytes + 3 * spreadBytes + listBytes;

const pointerSlots = [parameters.aSlot, parameters.bSlot, parameters.cSlot] as const;
const stepSlots = [parameters.aStepSlot, parameters.bStepSlot, parameters.cStepSlot] as const;

export function operatorOn(heap: Heap): Operator {
  const raw = arithmeticModule.instantiate(heap.memory);
  const rounder = rounderOn(heap, roundingModule.instantiate(heap.memory));
  let places: Places | undefined;
  let written: OperationPlan | undefined;

  function writeRounding(pointer: number, plan: RoundingPlan): void {
    const table = plan.tables === undefined ? 0 : tableOn(heap, plan.tables);
    new Uint8Array(heap.memory.buffer, pointer, plan.block.length).set(plan.block);
    const words = new Uint32Array(heap.memory.buffer, pointer, parameterBytes / 4);
    if (plan.tables !== undefined) words[tableSlot / 4] = table;
    words[deferredListSlot / 4] = 0;
  }

  /** The places, with the plan's constants in them. */
  function placesOf(plan: OperationPlan): Places {
    places ??= layOut(heap.allocate(totalBytes));
    // Tables may have made way for others.
    const hasTables = plan.rounding?.tables !== undefined || plan.membership?.tables !== undefined;
    if (written === plan && !hasTables) return places;
    if (plan.rounding !== undefined) writeRounding(places.rounding, plan.rounding);
    if (plan.membership !== undefined) writeRounding(places.membership, plan.membership);
    const { buffer } = heap.memory;
    new Uint8Array(buffer, places.block, plan.block.length).set(plan.block);
    const words = new Uint32Array(buffer, places.block, parameters.blockBytes / 4);
    words[parameters.operandShiftSlot / 4] = plan.operandShift;
    words[parameters.workShiftSlot / 4] = plan.workShift;
    words[parameters.roundParametersSlot / 4] = places.rounding;
    words[parameters.workSlot / 4] = places.work;
    words[parameters.randomSlot / 4] = places.random;
    words[parameters.deferredListSlot / 4] = places.list;
    words[parameters.memberKernelSlot / 4] = plan.membership?.kernel ?? 0;
    words[parameters.memberParametersSlot / 4] = places.membership;
    written = plan;
    return places;
  }

  /** A number as a chunk of elements. */
  function spread(x: number, at: number, shift: 2 | 3): void {
    if (shift === 2) new Float32Array(heap.memory.buffer, at, chunk).fill(x);
    else new Float64Array(heap.memory.buffer, at, chunk).fill(x);
  }

  function prepare(job: OperationJob): Places {
    const { plan, options, operands } = job;
    const at = placesOf(plan);
    const { block, spread: room } = at;
    const words = new Uint32Array(heap.memory.buffer, block, parameters.blockBytes / 4);
    for (const [i, slot] of pointerSlots.entries()) {
      // Kernels may read an operand that they do not use.
      const operand = operands[i] ?? operands[0]!;
      const isNumber = typeof operand === 'number';
      const place = isNumber ? room + i * spreadBytes : operand.pointer;
      if (isNumber) spread(operand, place, plan.operandShift);
      words[slot / 4] = place;
      words[stepSlots[i]! / 4] = isNumber ? 0 : 1 << plan.operandShift;
    }
    const readsRandom = plan.rounding?.readsRandom === true;
    const knowing = job.isApart ? plan.fused?.knowing : undefined;
    const fused = job.checked !== 0 ? plan.fused?.looking : knowing;
    const isFused = fused !== undefined;
    words[parameters.kernelSlot / 4] = fused ?? plan.kernel;
    words[parameters.joinedSlot / 4] = isFused ? -1 : (plan.joined ?? -1);
    words[parameters.isInPlaceSlot / 4] = job.isApart ? 0 : 1;
    words[parameters.redoSlot / 4] = 0;
    const rounds = !isFused && plan.rounding !== undefined && plan.rounding.deferred === undefined;
    words[parameters.roundKernelSlot / 4] = rounds ? plan.rounding.kernel : -1;
    // What the scalar reference may have to decide stays in the work's type until then.
    const isOpen = plan.rounding?.deferred !== undefined;
    words[parameters.outShiftSlot / 4] = isOpen ? plan.workShift : plan.operandShift;
    words[parameters.outSlot / 4] = job.destination;
    words[parameters.randomSourceSlot / 4] = !(rounds && readsRandom)
      ? parameters.noRandom
      : options.random === undefined
        ? parameters.drawnRandom
        : parameters.suppliedRandom;
    words[parameters.randomBitsSlot / 4] = options.randomBits;
    const longs = new BigUint64Array(heap.memory.buffer, block, parameters.blockBytes / 8);
    longs[parameters.indexSlot / 8] = BigInt(options.offset) + BigInt(job.first);
    longs[parameters.streamSlot / 8] = BigInt(options.stream);
    longs[parameters.seedSlot / 8] = BigInt(options.seed);
    words[parameters.checkedOperandsSlot / 4] = job.checked;
    words[parameters.deferredCountSlot / 4] = 0;
    return at;
  }

  function integerAt(options: ResolvedRounding, index: number): number {
    if (options.random !== undefined) return options.random[index]!;
    return randomInteger({ ...options, offset: options.offset + index });
  }

  /** Has the reference do what the kernel listed of a chunk. */
  function finish(job: OperationJob, { block, list }: Places, end: number): void {
    const { buffer } = heap.memory;
    const words = new Uint32Array(buffer, block, parameters.blockBytes / 4);
    const count = words[parameters.deferredCountSlot / 4]!;
    words[parameters.deferredCountSlot / 4] = 0;
    if (count === 0) return;
    const reads = job.plan.rounding?.readsRandom === true;
    const out = new Float64Array(buffer, job.destination, end);
    for (let i = 0; i < count; i++) {
      const entry = list + i * parameters.deferredBytes;
      const index = new Int32Array(buffer, entry, 1)[0]!;
      const [a, b, c] = new Float64Array(buffer, entry + 8, 3);
      out[index] = job.scalar(a!, b!, c!, reads ? integerAt(job.options, job.first + index) : 0);
    }
  }

  /** Rounds a chunk of intermediates, which lie in the work scratch, by a kernel that may leave some to the reference. */
  function roundOpen(
    job: OperationJob,
    rounding: RoundingPlan,
    work: number,
    from: number,
    size: number,
  ): void {
    const { plan, destination, options, first } = job;
    rounder.round(rounding, work, work, size, options, first + from);
    const to = destination + (from << plan.operandShift);
    if (plan.workShift !== plan.operandShift) raw.narrowed(work, to, size);
    else {
      const bytes = new Uint8Array(heap.memory.buffer);
      bytes.copyWithin(to, work, work + (size << plan.workShift));
    }
  }

  return {
    run(job, length): boolean {
      const { plan, options } = job;
      const at = prepare(job);
      const { block } = at;
      const { rounding } = plan;
      const isSupplied = rounding?.readsRandom === true && options.random !== undefined;
      if (!plan.defers && !isSupplied) return raw.piece(block, 0, length) < 0;
      const isOpen = rounding?.deferred !== undefined;
      for (let from = 0; from < length; from += chunk) {
        const size = Math.min(chunk, length - from);
        if (isSupplied && !isOpen) {
          const integers = options.random.subarray(job.first + from, job.first + from + size);
          new Uint32Array(heap.memory.buffer, at.random, size).set(integers);
        }
        if (isOpen) {
          // Element `from` of the destination is the first of the scratch.
          const words = new Uint32Array(heap.memory.buffer, block, parameters.blockBytes / 4);
          words[parameters.outSlot / 4] = at.work - (from << plan.workShift);
        }
        if (raw.piece(block, from, size) >= 0) return false;
        if (isOpen) roundOpen(job, rounding, at.work, from, size);
        finish(job, at, from + size);
      }
      return true;
    },
    findStranger(plan, pointer, length): number {
      const { block, work } = placesOf(plan);
      return raw.findStranger(pointer, plan.operandShift, length, work, block);
    },
    describe: (job) => prepare(job).block,
    piece: raw.piece,
    reserve(plan): void {
      placesOf(plan);
      if (plan.rounding?.deferred !== undefined) rounder.prepare(plan.rounding);
    },
  };
}
