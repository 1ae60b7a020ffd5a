/** A rounding written down for a kernel: the plan's constants and tables, and which elements to round with which random integers. */
import type { ResolvedRounding } from '../rounding/index.ts';
import * as parameters from './generated/layout-rounding.ts';
import { type Heap, viewsOf } from './heap.ts';
import type { RoundingPlan } from './rounding-plan.ts';
import { tableOn } from './tables.ts';

/** The first draw may be the last of its block, and four blocks of 16 draws are made at a time. */
const randomBytes = 4 * (parameters.randomChunk + 80);
/** A kernel may leave a whole chunk undecided, and what it makes of the rest of the last vector. */
const deferredBytes = 4 * (parameters.randomChunk + 16);

/** What a room holds: the block, random integers, the list of the undecided. */
export const roundingRoomBytes: number = parameters.jobBytes + randomBytes + deferredBytes;
export const randomOffset: number = parameters.jobBytes;
export const deferredOffset: number = randomOffset + randomBytes;

/** Elements of an array on the heap that begins at `source`; the first has the index `start` in the stream of random integers. */
export interface RoundingPlace {
  readonly source: number;
  readonly destination: number;
  readonly start: number;
}

/** Writes a parameter block, and the plan's tables to the heap: for kernels that round within their own loops, too. */
export function writeParameters(
  heap: Heap,
  pointer: number,
  { block, tables }: Pick<RoundingPlan, 'block' | 'tables'>,
): void {
  const table = tables === undefined ? 0 : tableOn(heap, tables);
  const { bytes, words } = viewsOf(heap.memory);
  bytes.set(block, pointer);
  words[(pointer + parameters.tableSlot) >>> 2] = table;
}

/** Writes what is the same for all elements that a plan rounds. */
export function writeRoundingPlan(heap: Heap, room: number, plan: RoundingPlan): void {
  writeParameters(heap, room, plan);
  const { words } = viewsOf(heap.memory);
  words[(room + parameters.deferredListSlot) >>> 2] = plan.tables === undefined ? 0 : room + deferredOffset;
  words[(room + parameters.taskSlot) >>> 2] = parameters.taskRound;
  words[(room + parameters.jobKernelSlot) >>> 2] = plan.kernel;
  words[(room + parameters.elementShiftSlot) >>> 2] = plan.elementShift;
  words[(room + parameters.randomSlot) >>> 2] = room + randomOffset;
}

/** Writes which elements, and what is drawn for them. */
export function writeRoundingPlace(
  memory: WebAssembly.Memory,
  room: number,
  { readsRandom }: RoundingPlan,
  { source, destination, start }: RoundingPlace,
  { random, randomBits, offset, stream, seed }: ResolvedRounding,
): void {
  const { words, longs } = viewsOf(memory);
  words[(room + parameters.jobSourceSlot) >>> 2] = source;
  words[(room + parameters.jobDestinationSlot) >>> 2] = destination;
  const drawnOrSupplied = random === undefined ? parameters.drawnRandom : parameters.suppliedRandom;
  words[(room + parameters.randomSourceSlot) >>> 2] = readsRandom ? drawnOrSupplied : parameters.noRandom;
  if (!readsRandom) return;
  words[(room + parameters.randomBitsSlot) >>> 2] = randomBits;
  longs[(room + parameters.indexSlot) / 8] = BigInt(offset) + BigInt(start);
  longs[(room + parameters.streamSlot) / 8] = BigInt(stream);
  longs[(room + parameters.seedSlot) / 8] = BigInt(seed);
}

/** A whole job, for a worker thread. */
export function writeRounding(
  heap: Heap,
  room: number,
  plan: RoundingPlan,
  place: RoundingPlace,
  options: ResolvedRounding,
): number {
  writeRoundingPlan(heap, room, plan);
  writeRoundingPlace(heap.memory, room, plan, place, options);
  return room;
}
