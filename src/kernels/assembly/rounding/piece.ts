/** Roundings, and codes of numbers and back, as jobs: what the block describes, elements `from` to `from + count` of it. */
import {
  codecParametersSlot,
  codecSlot,
  codeShiftSlot,
  drawnRandom,
  elementShiftSlot,
  indexSlot,
  jobDestinationSlot,
  jobKernelSlot,
  jobSourceSlot,
  randomBitsSlot,
  randomChunk,
  randomSlot,
  randomSourceSlot,
  refusesNaNSlot,
  scratchSlot,
  scratchTail,
  seedSlot,
  strayBitsSlot,
  streamSlot,
  suppliedRandom,
  taskDecode,
  taskEncode,
  taskSlot,
} from '../../generated/layout-rounding';
import { codeBits } from './decode';
import { round, roundStochastic } from './dispatch';
import { hasNaN } from './encode';
import { decode, encode } from './generated';

/** Rounds elements that lie at `source`, the first of which is element `from`. */
function roundElements(block: usize, from: i32, count: i32, source: usize, destination: usize): void {
  const kernel = load<i32>(block, jobKernelSlot);
  const shift = load<i32>(block, elementShiftSlot);
  const random = <usize>load<u32>(block, randomSlot);
  const randomSource = load<i32>(block, randomSourceSlot);
  if (randomSource != drawnRandom) {
    const integers = randomSource == suppliedRandom ? random + ((<usize>from) << 2) : 0;
    round(kernel, shift, source, destination, count, integers, block);
  } else {
    const index = load<u64>(block, indexSlot) + <u64>from;
    const bits = load<i32>(block, randomBitsSlot);
    const stream = load<u64>(block, streamSlot);
    const seed = load<u64>(block, seedSlot);
    roundStochastic(kernel, shift, source, destination, count, block, random, randomChunk, bits, index, stream, seed);
  }
}

/** Elements of a chunk and of its last, incomplete vector, with zeros behind them: where they lie. */
@inline
function filledUp(scratch: usize, source: usize, bytes: usize, filled: usize): usize {
  if (scratch != source) memory.copy(scratch, source, bytes);
  memory.fill(scratch + bytes, 0, filled - bytes);
  return scratch;
}

/** Rounds and encodes, a chunk at a time; the values stay as they are. Returns the first element of a chunk with a NaN that has no code. */
function encodeElements(block: usize, from: i32, count: i32, source: usize, destination: usize): i32 {
  const rounds = load<i32>(block, jobKernelSlot) >= 0;
  const shift = load<i32>(block, elementShiftSlot);
  const codeShift = load<i32>(block, codeShiftSlot);
  const codec = load<i32>(block, codecSlot);
  const parameters = <usize>load<u32>(block, codecParametersSlot);
  const scratch = <usize>load<u32>(block, scratchSlot);
  const tail = scratch + scratchTail;
  const refuses = load<i32>(block, refusesNaNSlot) != 0;
  for (let done = 0; done < count; done += randomChunk) {
    const size = min(randomChunk, count - done);
    const whole = size & ~15;
    const filled = (size + 15) & ~15;
    let values = source + (<usize>done << shift);
    if (rounds) {
      roundElements(block, from + done, size, values, scratch);
      values = scratch;
    }
    if (filled != size) values = filledUp(scratch, values, <usize>size << shift, <usize>filled << shift);
    if (refuses && hasNaN(shift, values, <usize>filled << shift)) return from + done;
    const to = destination + (<usize>done << codeShift);
    encode(codec, codeShift, values, to, whole, parameters);
    if (whole == size) continue;
    encode(codec, codeShift, values + (<usize>whole << shift), tail, 16, parameters);
    memory.copy(to + (<usize>whole << codeShift), tail, <usize>(size - whole) << codeShift);
  }
  return -1;
}

/** Decodes, a chunk at a time. Returns the first element of a chunk with a code that has more bits than the format. */
function decodeElements(block: usize, from: i32, count: i32, source: usize, destination: usize): i32 {
  const shift = load<i32>(block, elementShiftSlot);
  const codeShift = load<i32>(block, codeShiftSlot);
  const codec = load<i32>(block, codecSlot);
  const parameters = <usize>load<u32>(block, codecParametersSlot);
  const tail = <usize>load<u32>(block, scratchSlot) + scratchTail;
  const stray = load<u64>(block, strayBitsSlot);
  for (let done = 0; done < count; done += randomChunk) {
    const size = min(randomChunk, count - done);
    const whole = size & ~15;
    const codes = source + (<usize>done << codeShift);
    const to = destination + (<usize>done << shift);
    if (stray != 0 && (codeBits(codes, <usize>whole << codeShift, codeShift) & stray) != 0) return from + done;
    decode(codec, codeShift, codes, to, whole, parameters);
    if (whole == size) continue;
    filledUp(tail, codes + (<usize>whole << codeShift), <usize>(size - whole) << codeShift, <usize>16 << codeShift);
    if ((codeBits(tail, <usize>16 << codeShift, codeShift) & stray) != 0) return from + done;
    decode(codec, codeShift, tail, tail + 128, 16, parameters);
    memory.copy(to + (<usize>whole << shift), tail + 128, <usize>(size - whole) << shift);
  }
  return -1;
}

/** Returns -1, or an index not above that of an element that has no code, or is none. */
export function piece(block: usize, from: i32, count: i32): i32 {
  const task = load<i32>(block, taskSlot);
  const shift = load<i32>(block, elementShiftSlot);
  const codeShift = load<i32>(block, codeShiftSlot);
  const source = <usize>load<u32>(block, jobSourceSlot) + (<usize>from << (task == taskDecode ? codeShift : shift));
  const destination =
    <usize>load<u32>(block, jobDestinationSlot) + (<usize>from << (task == taskEncode ? codeShift : shift));
  if (task == taskEncode) return encodeElements(block, from, count, source, destination);
  if (task == taskDecode) return decodeElements(block, from, count, source, destination);
  roundElements(block, from, count, source, destination);
  return -1;
}
