/**
 * An operation on arrays: a cache-sized chunk at a time, intermediates are made, rounded, and narrowed to the result's type.
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
  drawnRandom,
  fusedBase,
  indexSlot,
  kernelSlot,
  operandShiftSlot,
  outShiftSlot,
  outSlot,
  randomBitsSlot,
  randomSlot,
  randomSourceSlot,
  roundKernelSlot,
  roundParametersSlot,
  seedSlot,
  streamSlot,
  suppliedRandom,
  suspectSlot,
  tailSlot,
  workShiftSlot,
  workSlot,
} from '../../arithmetic/parameters';
import { round, roundStochastic } from '../rounding/dispatch';
import { dispatch } from './dispatch';
import { demoteBoth } from './intermediate';
import { hasStranger } from './members';

/** Intermediates of `count` elements. Behind those, up to three more are written in the scratch, but none in a result. */
@inline
function makeIntermediates(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  count: i32,
  index: i32,
  isResult: bool,
  block: usize,
): void {
  const kernel = load<i32>(block, kernelSlot);
  const shift = load<i32>(block, operandShiftSlot);
  const workShift = load<i32>(block, workShiftSlot);
  const bytes = <usize>count << shift;
  const whole = bytes & ~15;
  dispatch(kernel, a, b, c, to, whole, index, block);
  const rest = bytes - whole;
  if (rest == 0) return;
  const tail = block + tailSlot;
  memory.fill(tail, 0, 48);
  memory.copy(tail, a + whole, rest);
  memory.copy(tail + 16, b + whole, rest);
  memory.copy(tail + 32, c + whole, rest);
  const done = <i32>(whole >> shift);
  const place = to + (<usize>done << workShift);
  dispatch(kernel, tail, tail + 16, tail + 32, isResult ? tail + 48 : place, 16, index + done, block);
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
function isStranger(
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
    ((checked & 1) != 0 && hasStranger(a, shift, count, scratch, block)) ||
    ((checked & 2) != 0 && hasStranger(b, shift, count, scratch, block)) ||
    ((checked & 4) != 0 && hasStranger(c, shift, count, scratch, block))
  );
}

/**
 * Elements `start` to `start + count` of what the block describes. Returns -1; or, where an operand that is to be checked is no
 * number of the format, an index not above its, with the result unwritten from there on.
 */
export function piece(block: usize, start: i32, count: i32): i32 {
  const shift = load<i32>(block, operandShiftSlot);
  const workShift = load<i32>(block, workShiftSlot);
  const outShift = load<i32>(block, outShiftSlot);
  const roundKernel = load<i32>(block, roundKernelSlot);
  const parameters = <usize>load<u32>(block, roundParametersSlot);
  const work = <usize>load<u32>(block, workSlot);
  const random = <usize>load<u32>(block, randomSlot);
  const source = load<i32>(block, randomSourceSlot);
  const strangers = load<i32>(block, checkedOperandsSlot);
  const isDirect = workShift == outShift;
  const isFused = load<i32>(block, kernelSlot) >= fusedBase;
  for (let done = 0; done < count; done += chunk) {
    const size = min(chunk, count - done);
    const index = start + done;
    const a = placeOf(index, aSlot, aStepSlot, block);
    const b = placeOf(index, bSlot, bStepSlot, block);
    const c = placeOf(index, cSlot, cStepSlot, block);
    if (!isFused && isStranger(strangers, a, b, c, shift, size, work, block)) return index;
    const out = <usize>load<u32>(block, outSlot) + (<usize>index << outShift);
    const isResult = isDirect && roundKernel < 0;
    makeIntermediates(a, b, c, isResult ? out : work, size, index, isResult, block);
    if (isFused && load<i32>(block, suspectSlot) != 0) {
      store<i32>(block, 0, suspectSlot);
      if (isStranger(strangers, a, b, c, shift, size, work, block)) return index;
    }
    if (isResult) continue;
    const rounded = isDirect ? out : work;
    if (source == drawnRandom)
      roundStochastic(
        roundKernel,
        workShift,
        work,
        rounded,
        size,
        parameters,
        random,
        chunk,
        load<i32>(block, randomBitsSlot),
        load<u64>(block, indexSlot) + index,
        load<u64>(block, streamSlot),
        load<u64>(block, seedSlot),
      );
    else if (roundKernel >= 0)
      round(roundKernel, workShift, work, rounded, size, source == suppliedRandom ? random : 0, parameters);
    if (!isDirect) narrow(work, out, size);
  }
  return -1;
}

/** Narrows `count` rounded intermediates to binary32. */
export function narrowed(from: usize, to: usize, count: i32): void {
  narrow(from, to, count);
}
