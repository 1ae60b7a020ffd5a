/** Encoding and decoding written down for a kernel: the constants of the codec, those of a rounding before, and which elements. */
import type { ResolvedRounding } from '../rounding/index.ts';
import type { CodecPlan } from './codec-plan.ts';
import * as parameters from './generated/layout-rounding.ts';
import { type Heap, viewsOf } from './heap.ts';
import { roundingRoomBytes, writeParameters, writeRoundingPlace, writeRoundingPlan } from './rounding-job.ts';
import type { RoundingPlan } from './rounding-plan.ts';

/** What a room holds: that of a rounding, the constants of the codec, scratch. */
const codecOffset = Math.ceil(roundingRoomBytes / 16) * 16;
const scratchOffset = Math.ceil((codecOffset + parameters.parameterBytes) / 64) * 64;
export const codecRoomBytes: number = scratchOffset + parameters.scratchBytes;

/** What is the same for all arrays of a type. */
export interface Codec {
  /** `taskEncode` or `taskDecode`. */
  readonly task: number;
  readonly plan: CodecPlan;
  /** log2 of the bytes of a value and of a code. */
  readonly elementShift: 2 | 3;
  readonly codeShift: 0 | 1 | 2 | 3;
  /** What is done before they are encoded, in the kernel: of drawn random integers alone, and nothing left to the reference. */
  readonly rounding: RoundingPlan | undefined;
  readonly refusesNaN: boolean;
  /** Bits that no code has. */
  readonly strayBits: bigint;
}

/** Writes what is the same for all elements, and puts the tables on the heap. */
export function writeCodec(heap: Heap, room: number, codec: Codec): void {
  const { plan, rounding } = codec;
  if (rounding !== undefined) writeRoundingPlan(heap, room, rounding);
  writeParameters(heap, room + codecOffset, plan);
  const { words, longs } = viewsOf(heap.memory);
  words[(room + parameters.taskSlot) >>> 2] = codec.task;
  if (rounding === undefined) words[(room + parameters.jobKernelSlot) >>> 2] = -1;
  words[(room + parameters.elementShiftSlot) >>> 2] = codec.elementShift;
  words[(room + parameters.codeShiftSlot) >>> 2] = codec.codeShift;
  words[(room + parameters.codecSlot) >>> 2] = plan.kernel;
  words[(room + parameters.codecParametersSlot) >>> 2] = room + codecOffset;
  words[(room + parameters.scratchSlot) >>> 2] = room + scratchOffset;
  words[(room + parameters.refusesNaNSlot) >>> 2] = codec.refusesNaN ? 1 : 0;
  longs[(room + parameters.strayBitsSlot) / 8] = codec.strayBits;
}

/** Writes which elements, from `source` to `destination`, the first with the index `start`, and what is drawn for them. */
export function writeCodecPlace(
  heap: Heap,
  room: number,
  { rounding }: Codec,
  options: ResolvedRounding | undefined,
  source: number,
  destination: number,
  start: number,
): void {
  if (rounding !== undefined) {
    writeRoundingPlace(heap.memory, room, rounding, { source, destination, start }, options!);
    return;
  }
  const { words } = viewsOf(heap.memory);
  words[(room + parameters.jobSourceSlot) >>> 2] = source;
  words[(room + parameters.jobDestinationSlot) >>> 2] = destination;
}
