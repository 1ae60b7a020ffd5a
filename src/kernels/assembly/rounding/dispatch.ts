/** Rounds by the kernel of a number: whole vectors, and the elements that fill none. */
import { deferredBaseSlot, quickBase, quickEnds, tailSlot } from '../../generated/layout-rounding';
import { dispatchGeneral, dispatchQuick } from './generated';
import { drawsPerBlock, randomIntegers } from './philox';

@inline
function dispatch(
  kernel: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  const quick = kernel - quickBase;
  if (quick < 0) dispatchGeneral(kernel, source, destination, bytes, random, parameters);
  else dispatchQuick(quick / quickEnds, quick % quickEnds, source, destination, bytes, random, parameters);
}

/**
 * Rounds `count` elements of 4 or 8 bytes (`elementShift` 2 or 3). `random` has one 32-bit integer an element, for the
 * kernels that read them. The last elements that fill no two vectors go through the parameter block's tail.
 */
export function round(
  kernel: i32,
  elementShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  random: usize,
  parameters: usize,
): void {
  const bytes = (<usize>count) << elementShift;
  const whole = bytes & ~31;
  dispatch(kernel, source, destination, whole, random, parameters);
  const rest = bytes - whole;
  if (rest == 0) return;
  const tail = parameters + tailSlot;
  const done = whole >> elementShift;
  store<i32>(parameters, load<i32>(parameters, deferredBaseSlot) + <i32>done, deferredBaseSlot);
  memory.copy(tail, source + whole, rest);
  if (random != 0) memory.copy(tail + 32, random + (done << 2), (rest >> elementShift) << 2);
  dispatch(kernel, tail, tail, 32, tail + 32, parameters);
  memory.copy(destination + whole, tail, rest);
}

/**
 * The same with the random integers of stream elements `index` and on, made `chunk` at a time in `scratch`, which stays in
 * the first-level cache. `scratch` has room for chunk + 80 integers; chunk is a multiple of 16.
 */
export function roundStochastic(
  kernel: i32,
  elementShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  parameters: usize,
  scratch: usize,
  chunk: i32,
  bits: i32,
  index: u64,
  stream: u64,
  seed: u64,
): void {
  const draws = <u64>drawsPerBlock(bits);
  for (let done = 0; done < count; done += chunk) {
    const size = min(chunk, count - done);
    const block = index / draws;
    const skip = <i32>(index - block * draws);
    randomIntegers(scratch, size + skip, bits, block, stream, seed);
    const offset = (<usize>done) << elementShift;
    const random = scratch + ((<usize>skip) << 2);
    round(kernel, elementShift, source + offset, destination + offset, size, random, parameters);
    index += size;
  }
}
