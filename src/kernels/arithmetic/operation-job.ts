/** An operation written down for a kernel: its plan's constants, the constants of its roundings, operands and result. */
import type { ResolvedRounding } from '../../rounding/index.ts';
import * as parameters from '../generated/layout-arithmetic.ts';
import { parameterBytes } from '../generated/layout-rounding.ts';
import type { Heap } from '../heap.ts';
import { writeParameters } from '../rounding-job.ts';
import type { OperationPlan } from './operation-plan.ts';

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
  /** Bit i is set where operand i is to be checked for numbers that are none of the format's. */
  readonly checked: number;
  /** Whether the destination is one of the operands. */
  readonly aliases: boolean;
  readonly scalar: ScalarOperation;
}

const { chunk } = parameters;
/** The kernels may write three elements more; the first of drawn integers may be the last of its block. */
const workBytes = 8 * (chunk + 8);
const randomBytes = 4 * (chunk + 80);
const spreadBytes = 8 * chunk;
const listBytes = parameters.deferredBytes * (chunk + 2);

export const operationRoomBytes: number =
  parameters.blockBytes + 2 * parameterBytes + workBytes + randomBytes + 3 * spreadBytes + listBytes;

/** Where in a room everything lies. */
export interface OperationPlaces {
  readonly block: number;
  readonly rounding: number;
  readonly membership: number;
  readonly work: number;
  readonly random: number;
  readonly spread: number;
  readonly list: number;
}

export function operationPlaces(room: number): OperationPlaces {
  const rounding = room + parameters.blockBytes;
  const membership = rounding + parameterBytes;
  const work = membership + parameterBytes;
  const random = work + workBytes;
  const spread = random + randomBytes;
  return { block: room, rounding, membership, work, random, spread, list: spread + 3 * spreadBytes };
}

/** Writes the plan's constants and tables. */
export function writeOperationPlan(heap: Heap, at: OperationPlaces, plan: OperationPlan): void {
  if (plan.rounding !== undefined) writeParameters(heap, at.rounding, plan.rounding);
  if (plan.membership !== undefined) writeParameters(heap, at.membership, plan.membership);
  const { buffer } = heap.memory;
  new Uint8Array(buffer, at.block, plan.block.length).set(plan.block);
  const words = new Uint32Array(buffer, at.block, parameters.blockBytes / 4);
  words[parameters.operandShiftSlot / 4] = plan.operandShift;
  words[parameters.workShiftSlot / 4] = plan.workShift;
  words[parameters.roundParametersSlot / 4] = at.rounding;
  words[parameters.workSlot / 4] = at.work;
  words[parameters.randomSlot / 4] = at.random;
  words[parameters.deferredListSlot / 4] = at.list;
  words[parameters.memberKernelSlot / 4] = plan.membership?.kernel ?? 0;
  words[parameters.memberParametersSlot / 4] = at.membership;
}

const pointerSlots = [parameters.aSlot, parameters.bSlot, parameters.cSlot] as const;
const stepSlots = [parameters.aStepSlot, parameters.bStepSlot, parameters.cStepSlot] as const;

/** Writes where the operands are; numbers become a chunk of elements in the room. */
function writeOperands(
  memory: WebAssembly.Memory,
  words: Uint32Array,
  { plan, operands }: OperationJob,
  at: OperationPlaces,
): void {
  for (const [i, slot] of pointerSlots.entries()) {
    // Kernels may read an operand that they do not use.
    const operand = operands[i] ?? operands[0]!;
    const isNumber = typeof operand === 'number';
    const place = isNumber ? at.spread + i * spreadBytes : operand.pointer;
    const View = plan.operandShift === 2 ? Float32Array : Float64Array;
    if (isNumber) new View(memory.buffer, place, chunk).fill(operand);
    words[slot / 4] = place;
    words[stepSlots[i]! / 4] = isNumber ? 0 : 1 << plan.operandShift;
  }
}

/** Writes which kernels do it, from what to what, with which random integers. */
export function writeOperationPlace(
  memory: WebAssembly.Memory,
  job: OperationJob,
  at: OperationPlaces,
): void {
  const { plan, options } = job;
  const words = new Uint32Array(memory.buffer, at.block, parameters.blockBytes / 4);
  writeOperands(memory, words, job, at);
  const readsRandom = plan.rounding?.readsRandom === true;
  words[parameters.kernelSlot / 4] = plan.kernel;
  words[parameters.singleSlot / 4] = plan.single ?? -1;
  words[parameters.isInPlaceSlot / 4] = job.aliases ? 1 : 0;
  words[parameters.redoSlot / 4] = 0;
  const rounds = plan.rounding !== undefined && plan.rounding.deferred === undefined;
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
  const longs = new BigUint64Array(memory.buffer, at.block, parameters.blockBytes / 8);
  longs[parameters.indexSlot / 8] = BigInt(options.offset) + BigInt(job.first);
  longs[parameters.streamSlot / 8] = BigInt(options.stream);
  longs[parameters.seedSlot / 8] = BigInt(options.seed);
  words[parameters.checkedOperandsSlot / 4] = job.checked;
  words[parameters.deferredCountSlot / 4] = 0;
}

/** A whole job, for a worker thread. No job that a kernel cannot finish alone. */
export function writeOperation(heap: Heap, room: number, job: OperationJob): number {
  const at = operationPlaces(room);
  writeOperationPlan(heap, at, job.plan);
  writeOperationPlace(heap.memory, job, at);
  return at.block;
}
