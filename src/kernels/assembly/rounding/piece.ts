/** A rounding as a job: what the block describes, elements `from` to `from + count` of it. */
import {
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
  seedSlot,
  streamSlot,
  suppliedRandom,
} from '../../generated/layout-rounding';
import { round, roundStochastic } from './dispatch';

/** Returns -1: there is nothing that a rounding refuses. */
export function piece(block: usize, from: i32, count: i32): i32 {
  const kernel = load<i32>(block, jobKernelSlot);
  const shift = load<i32>(block, elementShiftSlot);
  const offset = (<usize>from) << shift;
  const source = <usize>load<u32>(block, jobSourceSlot) + offset;
  const destination = <usize>load<u32>(block, jobDestinationSlot) + offset;
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
  return -1;
}
