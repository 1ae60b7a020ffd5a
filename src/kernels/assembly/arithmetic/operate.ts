/**
 * An operation on arrays: a cache-sized chunk at a time, intermediates are made, rounded, and narrowed to the result's type; or
 * all of that is one loop.
 */
import {
  aSlot,
  aStepSlot,
  bSlot,
  bStepSlot,
  checkedOperandsSlot,
  chunk,
  cSlot,
  cStepSlot,
  doubtSlot,
  drawnRandom,
  indexSlot,
  isInPlaceSlot,
  kernelSlot,
  nearestFmaBase,
  nearestUnitsBase,
  operandShiftSlot,
  outShiftSlot,
  outSlot,
  randomBitsSlot,
  randomSlot,
  randomSourceSlot,
  redoSlot,
  roundKernelSlot,
  roundParametersSlot,
  seedSlot,
  singleSlot,
  streamSlot,
  suppliedRandom,
  tailSlot,
  workShiftSlot,
  workSlot,
} from '../../generated/layout-arithmetic';
import { round } from '../rounding/dispatch';
import { drawsPerBlock, randomIntegers } from '../rounding/philox';
import { dispatch, dispatchSingle } from './generated';
import { demoteBoth } from './intermediate';
import { hasNonMember } from './members';

/** Over `bytes` bytes of each operand, a multiple of 16. */
@inline
function dispatchEither(
  single: bool,
  kernel: i32,
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  index: i32,
  random: usize,
  block: usize,
): void {
  if (single) dispatchSingle(kernel, a, b, c, to, bytes, random, block);
  else dispatch(kernel, a, b, c, to, bytes, index, block);
}

/**
 * Intermediates of `count` elements, or results where the kernel is `single`. Behind those, up to three more are written in the
 * scratch, but none in a result.
 */
function makeIntermediates(
  single: bool,
  kernel: i32,
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  count: i32,
  index: i32,
  isResult: bool,
  random: usize,
  block: usize,
): void {
  const shift = load<i32>(block, operandShiftSlot);
  const workShift = single ? shift : load<i32>(block, workShiftSlot);
  const bytes = <usize>count << shift;
  const whole = bytes & ~15;
  dispatchEither(single, kernel, a, b, c, to, whole, index, random, block);
  const rest = bytes - whole;
  if (rest == 0) return;
  const tail = block + tailSlot;
  memory.fill(tail, 0, 48);
  memory.copy(tail, a + whole, rest);
  memory.copy(tail + 16, b + whole, rest);
  memory.copy(tail + 32, c + whole, rest);
  const done = <i32>(whole >> shift);
  const place = to + (<usize>done << workShift);
  const result = isResult ? tail + 48 : place;
  dispatchEither(single, kernel, tail, tail + 16, tail + 32, result, 16, index + done, random + whole, block);
  if (isResult) memory.copy(place, tail + 48, rest >> shift << workShift);
}

/** Binary64 numbers as binary32 ones. `from` may be read up to three elements beyond `count`. */
@inline
function narrow(from: usize, to: usize, count: i32): void {
  const bytes = <usize>count << 2;
  const whole = bytes & ~15;
  for (let i: usize = 0; i < whole; i += 16)
    v128.store(to + i, demoteBoth(v128.load(from + 2 * i), v128.load(from + 2 * i, 16)));
  for (let i = whole; i < bytes; i += 4) store<f32>(to + i, <f32>load<f64>(from + 2 * i));
}

/** The place of element `index` of an operand. */
@inline
function placeOf(index: i32, slot: usize, stepSlot: usize, block: usize): usize {
  return <usize>load<u32>(block + slot) + <usize>index * <usize>load<u32>(block + stepSlot);
}

/** Whether one of the operands that are to be checked has an element that is no number of the format. */
function hasNonMembers(
  checked: i32,
  a: usize,
  b: usize,
  c: usize,
  shift: i32,
  count: i32,
  scratch: usize,
  block: usize,
): bool {
  return (
    ((checked & 1) != 0 && hasNonMember(a, shift, count, scratch, block)) ||
    ((checked & 2) != 0 && hasNonMember(b, shift, count, scratch, block)) ||
    ((checked & 4) != 0 && hasNonMember(c, shift, count, scratch, block))
  );
}

/** A chunk's random integers, where there are any: where that of element `index` is. */
function prepareRandom(index: i32, count: i32, block: usize): usize {
  const random = <usize>load<u32>(block, randomSlot);
  const source = load<i32>(block, randomSourceSlot);
  if (source != drawnRandom) return source == suppliedRandom ? random : 0;
  const bits = load<i32>(block, randomBitsSlot);
  const draws = <u64>drawsPerBlock(bits);
  const first = load<u64>(block, indexSlot) + index;
  const skip = first % draws;
  randomIntegers(
    random,
    count + <i32>skip,
    bits,
    first / draws,
    load<u64>(block, streamSlot),
    load<u64>(block, seedSlot),
  );
  return random + (<usize>skip << 2);
}

/** Whether a chunk is done in one loop. */
function inOnePass(
  a: usize,
  b: usize,
  c: usize,
  out: usize,
  count: i32,
  index: i32,
  random: usize,
  block: usize,
): bool {
  const kernel = load<i32>(block, singleSlot);
  if (kernel < 0) return false;
  const isInPlace = load<i32>(block, isInPlaceSlot) != 0;
  const to = isInPlace ? <usize>load<u32>(block, workSlot) : out;
  makeIntermediates(true, kernel, a, b, c, to, count, index, !isInPlace, random, block);
  if (load<i32>(block, redoSlot) != 0) {
    store<i32>(block, 0, redoSlot);
    return false;
  }
  if (isInPlace) memory.copy(out, to, <usize>count << load<i32>(block, outShiftSlot));
  return true;
}

/**
 * Elements `start` to `start + count` of what the block describes. Returns -1; or, where an operand that is to be checked is no
 * number of the format, an index not above its, with the result unwritten from there on.
 */
export function piece(block: usize, start: i32, count: i32): i32 {
  const kernel = load<i32>(block, kernelSlot);
  const shift = load<i32>(block, operandShiftSlot);
  const workShift = load<i32>(block, workShiftSlot);
  const outShift = load<i32>(block, outShiftSlot);
  const roundKernel = load<i32>(block, roundKernelSlot);
  const parameters = <usize>load<u32>(block, roundParametersSlot);
  const work = <usize>load<u32>(block, workSlot);
  const checked = load<i32>(block, checkedOperandsSlot);
  const isDirect = workShift == outShift;
  // Nearest-even results in one loop have their operands checked there.
  const single = load<i32>(block, singleSlot);
  const checks = single >= nearestFmaBase && single < nearestUnitsBase;
  for (let done = 0; done < count; done += chunk) {
    const size = min(chunk, count - done);
    const index = start + done;
    const a = placeOf(index, aSlot, aStepSlot, block);
    const b = placeOf(index, bSlot, bStepSlot, block);
    const c = placeOf(index, cSlot, cStepSlot, block);
    if (!checks && hasNonMembers(checked, a, b, c, shift, size, work, block)) return index;
    const out = <usize>load<u32>(block, outSlot) + (<usize>index << outShift);
    const random = prepareRandom(index, size, block);
    if (inOnePass(a, b, c, out, size, index, random, block)) {
      if (checks && load<i32>(block, doubtSlot) != 0) {
        store<i32>(block, 0, doubtSlot);
        if (hasNonMembers(checked, a, b, c, shift, size, work, block)) return index;
      }
      continue;
    }
    const isResult = isDirect && roundKernel < 0;
    makeIntermediates(false, kernel, a, b, c, isResult ? out : work, size, index, isResult, random, block);
    if (isResult) continue;
    const rounded = isDirect ? out : work;
    if (roundKernel >= 0) round(roundKernel, workShift, work, rounded, size, random, parameters);
    if (!isDirect) narrow(work, out, size);
  }
  return -1;
}

/** Narrows `count` rounded intermediates to binary32. */
export function narrowed(from: usize, to: usize, count: i32): void {
  narrow(from, to, count);
}
