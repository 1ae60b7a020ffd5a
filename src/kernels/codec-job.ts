/** Encoding and decoding written down for a kernel: the constants of the codec, those of a rounding before, and which elements. */
import type { ResolvedRounding } from '../rounding/index.ts';
import type { CodecPlan } from './codec-plan.ts';
import * as parameters from './generated/layout-rounding.ts';
import type { Heap } from './heap.ts';
import { roundingRoomBytes, writeParameters, writeRounding } from './rounding-job.ts';
import type { RoundingPlan } from './rounding-plan.ts';

/** What a room holds: that of a rounding, the constants of the codec, scratch. */
const codecOffset = Math.ceil(roundingRoomBytes / 16) * 16;
const scratchOffset = Math.ceil((codecOffset + parameters.parameterBytes) / 64) * 64;
export const codecRoomBytes: number = scratchOffset + parameters.scratchBytes;

/** What is the same for all elements. */
export interface CodecCall {
  readonly task: 'encode' | 'decode';
  readonly plan: CodecPlan;
  /** log2 of the bytes of a value and of a code. */
  readonly elementShift: 2 | 3;
  readonly codeShift: 0 | 1 | 2 | 3;
  /** What is done before they are encoded, in the kernel: of drawn random integers alone, and nothing left to the reference. */
  readonly rounding?: { readonly plan: RoundingPlan; readonly options: ResolvedRounding } | undefined;
  readonly refusesNaN?: boolean;
  /** Bits that no code has. */
  readonly strayBits?: bigint;
}

/** Writes a job: elements from `source` to `destination`, the first with the index `start`. */
export function writeCodec(
  heap: Heap,
  room: number,
  call: CodecCall,
  source: number,
  destination: number,
  start: number,
): void {
  const { plan, rounding, strayBits = 0n } = call;
  if (rounding !== undefined)
    writeRounding(heap, room, rounding.plan, { source, destination, start }, rounding.options);
  writeParameters(heap, room + codecOffset, plan);
  const words = new Uint32Array(heap.memory.buffer, room, parameters.jobBytes / 4);
  words[parameters.taskSlot / 4] = call.task === 'encode' ? parameters.taskEncode : parameters.taskDecode;
  if (rounding === undefined) words[parameters.jobKernelSlot / 4] = -1;
  words[parameters.elementShiftSlot / 4] = call.elementShift;
  words[parameters.codeShiftSlot / 4] = call.codeShift;
  words[parameters.jobSourceSlot / 4] = source;
  words[parameters.jobDestinationSlot / 4] = destination;
  words[parameters.codecSlot / 4] = plan.kernel;
  words[parameters.codecParametersSlot / 4] = room + codecOffset;
  words[parameters.scratchSlot / 4] = room + scratchOffset;
  words[parameters.refusesNaNSlot / 4] = call.refusesNaN === true ? 1 : 0;
  new BigUint64Array(heap.memory.buffer, room, parameters.jobBytes / 8)[parameters.strayBitsSlot / 8] =
    strayBits;
}
