/**
 * Whether all elements of an array are numbers of a format: each is rounded to nearest and compared with itself, by value: -0
 * counts as 0 where the format has none. NaN is let pass. Scratch and parameter blocks come from the caller, as everywhere.
 */
import {
  chunk,
  anchorSlot,
  magnitudesSlot,
  maximumSlot,
  restSlot,
  checkByPattern,
  checkSlot,
  memberKernelSlot,
  memberParametersSlot,
  checkNone,
} from '../../generated/layout-arithmetic';
import { round } from '../rounding/dispatch';

@inline
function differ<F>(x: usize, rounded: usize, bytes: usize): bool {
  let any = i64x2.splat(0);
  const whole = bytes & ~15;
  for (let i: usize = 0; i < whole; i += 16) {
    const value = v128.load(x + i);
    any = v128.or(any, v128.and(v128.ne<F>(value, v128.load(rounded + i)), v128.eq<F>(value, value)));
  }
  let differs = v128.any_true(any);
  for (let i = whole; i < bytes; i += sizeof<F>()) {
    const value = load<F>(x + i);
    differs = differs || (value == value && value != load<F>(rounded + i));
  }
  return differs;
}

/**
 * A magnitude rounded to multiples of the smallest number: itself where it is a number of the format, whose sum with the anchor, the
 * power of two whose last bit is worth the smallest number, is exact.
 */
@inline
export function onGrid(magnitude: v128, anchor: v128): v128 {
  return f32x4.sub(f32x4.add(magnitude, anchor), anchor);
}

/**
 * Bits other than the sign's are set where a value has more bits than the format's numbers or is no multiple of the smallest one.
 * `kept` is the bits of its magnitude that the format keeps.
 */
@inline
export function offGrid(value: v128, kept: v128, anchor: v128): v128 {
  return v128.xor(onGrid(kept, anchor), value);
}

/**
 * Whether a binary32 element may be none of the format's: too many bits, no multiple of the smallest number, too large, or a NaN.
 * `bytes` is a multiple of 16.
 */
@inline
function mayHaveNonMember(pattern: bool, x: usize, bytes: usize, block: usize): bool {
  const magnitudes = v128.load32_splat(block, magnitudesSlot);
  const rest = v128.load32_splat(block, restSlot);
  const keptBits = v128.andnot(magnitudes, rest);
  const anchor = v128.load32_splat(block, anchorSlot);
  let any = i32x4.splat(0);
  let largest = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const value = v128.load(x + i);
    if (pattern) any = v128.or(any, value);
    else {
      const kept = v128.and(value, keptBits);
      any = v128.or(any, offGrid(value, kept, anchor));
      largest = i32x4.max_s(largest, kept);
    }
  }
  if (pattern) return v128.any_true(v128.and(any, rest));
  any = v128.and(any, magnitudes);
  return v128.any_true(v128.or(any, i32x4.gt_s(largest, v128.load32_splat(block, maximumSlot))));
}

/** Whether an element of the chunk is none of the format's. `scratch` has room for a chunk. */
export function hasNonMember(x: usize, elementShift: i32, count: i32, scratch: usize, block: usize): bool {
  const check = load<i32>(block, checkSlot);
  // That leaves out the last few elements.
  if (check != checkNone && (count & 3) == 0) {
    const bytes = <usize>count << 2;
    if (!(check == checkByPattern ? mayHaveNonMember(true, x, bytes, block) : mayHaveNonMember(false, x, bytes, block))) return false;
  }
  round(
    load<i32>(block, memberKernelSlot),
    elementShift,
    x,
    scratch,
    count,
    0,
    <usize>load<u32>(block, memberParametersSlot),
  );
  const bytes = <usize>count << elementShift;
  return elementShift == 2 ? differ<f32>(x, scratch, bytes) : differ<f64>(x, scratch, bytes);
}

/** Index of the first chunk's first element, of `count` from `from` on, in which there is one; -1 if there is none. */
export function findNonMember(x: usize, elementShift: i32, count: i32, scratch: usize, block: usize): i32 {
  for (let done = 0; done < count; done += chunk) {
    const size = min(chunk, count - done);
    if (hasNonMember(x + (<usize>done << elementShift), elementShift, size, scratch, block)) return done;
  }
  return -1;
}
