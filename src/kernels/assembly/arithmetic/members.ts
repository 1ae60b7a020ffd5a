/**
 * Whether all elements of an array are numbers of a format: each is rounded to nearest and compared with itself, by value: -0
 * counts as 0 where the format has none. NaN is let pass. Scratch and parameter blocks come from the caller, as everywhere.
 */
import { chunk, memberKernelSlot, memberParametersSlot } from '../../arithmetic/parameters';
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

/** Whether an element of the chunk is none of the format's. `scratch` has room for a chunk. */
export function hasStranger(x: usize, elementShift: i32, count: i32, scratch: usize, block: usize): bool {
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
export function findStranger(x: usize, elementShift: i32, count: i32, scratch: usize, block: usize): i32 {
  for (let done = 0; done < count; done += chunk) {
    const size = min(chunk, count - done);
    if (hasStranger(x + (<usize>done << elementShift), elementShift, size, scratch, block)) return done;
  }
  return -1;
}
