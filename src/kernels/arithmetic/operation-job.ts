/** An operation written down for a kernel: its plan's constants, the constants of its roundings, operands and result. */
import type { ResolvedRounding } from '../../rounding/index.ts';
import * as parameters from '../generated/layout-arithmetic.ts';
import { parameterBytes } from '../generated/layout-rounding.ts';
import { type Heap, type Views, viewsOf } from '../heap.ts';
import { writeParameters } from '../rounding-job.ts';
import type { OperationPlan } from './operation-plan.ts';

/** The scalar reference for one element. Operands that the operation does not have are 0. */
export type ScalarOperation = (a: number, b: number, c: number, random: number) => number;

/** An operand on the heap: a pointer to elements, or a number for all of them. */
export type Operand = { readonly pointer: number } | number;

/** What is the same for all elements. */
export interface OperationCall {
  readonly plan: OperationPlan;
  readonly options: ResolvedRounding;
  /** Bit i is set where operand i is to be checked for numbers that are none of the format's. */
  readonly checked: number;
  readonly scalar: ScalarOperation;
}

export interface OperationJob extends OperationCall {
  /** One to three. */
  readonly operands: readonly Operand[];
  readonly destination: number;
  /** Index in the stream of random integers of the first element. */
  readonly first: number;
  /** Whether the destination is one of the operands. */
  readonly aliases: boolean;
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
  const { bytes, words } = viewsOf(heap.memory);
  bytes.set(plan.block, at.block);
  words[(at.block + parameters.operandShiftSlot) >>> 2] = plan.operandShift;
  words[(at.block + parameters.workShiftSlot) >>> 2] = plan.workShift;
  words[(at.block + parameters.roundParametersSlot) >>> 2] = at.rounding;
  words[(at.block + parameters.workSlot) >>> 2] = at.work;
  words[(at.block + parameters.randomSlot) >>> 2] = at.random;
  words[(at.block + parameters.deferredListSlot) >>> 2] = at.list;
  words[(at.block + parameters.memberKernelSlot) >>> 2] = plan.membership?.kernel ?? 0;
  words[(at.block + parameters.memberParametersSlot) >>> 2] = at.membership;
}

const pointerSlots = [parameters.aSlot, parameters.bSlot, parameters.cSlot] as const;
const stepSlots = [parameters.aStepSlot, parameters.bStepSlot, parameters.cStepSlot] as const;

/** Writes where the operands are; numbers become a chunk of elements in the room. */
function writeOperands(views: Views, { plan, operands }: OperationJob, at: OperationPlaces): void {
  const { words } = views;
  const { operandShift } = plan;
  for (let i = 0; i < pointerSlots.length; i++) {
    // Kernels may read an operand that they do not use.
    const operand = operands[i] ?? operands[0]!;
    const isNumber = typeof operand === 'number';
    const place = isNumber ? at.spread + i * spreadBytes : operand.pointer;
    const first = place / 2 ** operandShift;
    if (isNumber) (operandShift === 2 ? views.floats : views.doubles).fill(operand, first, first + chunk);
    words[(at.block + pointerSlots[i]!) >>> 2] = place;
    words[(at.block + stepSlots[i]!) >>> 2] = isNumber ? 0 : 1 << operandShift;
  }
}

/** Writes which kernels do it, from what to what, with which random integers. */
export function writeOperationPlace(
  memory: WebAssembly.Memory,
  job: OperationJob,
  at: OperationPlaces,
): void {
  const { plan, options } = job;
  const views = viewsOf(memory);
  const { words, longs } = views;
  writeOperands(views, job, at);
  const readsRandom = plan.rounding?.readsRandom === true;
  words[(at.block + parameters.kernelSlot) >>> 2] = plan.kernel;
  const single = job.checked === 0 ? plan.single : plan.checking;
  words[(at.block + parameters.singleSlot) >>> 2] = single ?? -1;
  words[(at.block + parameters.isInPlaceSlot) >>> 2] = job.aliases ? 1 : 0;
  words[(at.block + parameters.redoSlot) >>> 2] = 0;
  const rounds = plan.rounding !== undefined && plan.rounding.deferred === undefined;
  words[(at.block + parameters.roundKernelSlot) >>> 2] = rounds ? plan.rounding.kernel : -1;
  // What the scalar reference may have to decide stays in the work's type until then.
  const isOpen = plan.rounding?.deferred !== undefined;
  words[(at.block + parameters.outShiftSlot) >>> 2] = isOpen ? plan.workShift : plan.operandShift;
  words[(at.block + parameters.outSlot) >>> 2] = job.destination;
  words[(at.block + parameters.randomSourceSlot) >>> 2] = !(rounds && readsRandom)
    ? parameters.noRandom
    : options.random === undefined
      ? parameters.drawnRandom
      : parameters.suppliedRandom;
  words[(at.block + parameters.randomBitsSlot) >>> 2] = options.randomBits;
  longs[(at.block + parameters.indexSlot) / 8] = BigInt(options.offset) + BigInt(job.first);
  longs[(at.block + parameters.streamSlot) / 8] = BigInt(options.stream);
  longs[(at.block + parameters.seedSlot) / 8] = BigInt(options.seed);
  words[(at.block + parameters.checkedOperandsSlot) >>> 2] = job.checked;
  words[(at.block + parameters.deferredCountSlot) >>> 2] = 0;
}

/** A whole job, for a worker thread. No job that a kernel cannot finish alone. */
export function writeOperation(heap: Heap, room: number, job: OperationJob): number {
  const at = operationPlaces(room);
  writeOperationPlan(heap, at, job.plan);
  writeOperationPlace(heap.memory, job, at);
  return at.block;
}
