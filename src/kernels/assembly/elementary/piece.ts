/**
 * Elementary functions, correctly rounded: Ziv's first step in lanes. The two numbers that lie so far to either side of an approximation that
 * the result is between them are rounded in the mode that is asked for; where both become the same number, so does the result, as every
 * rounding is monotone. NaN says that this is not decided, and the caller decides it.
 */
import {
  decideNative,
  decisions,
  destinationSlot,
  functionCos,
  functionExp,
  functionLog,
  functionSin,
  functionSlot,
  functionTanh,
  kindSlot,
  shiftSlot,
  sourceSlot,
  tableSlot,
} from '../../generated/layout-elementary';
import { parameterBytes, tailSlot } from '../../generated/layout-rounding';
import { roundLanes } from '../rounding/round';
import { approximate } from './approximate';
import { dispatch } from './generated';

/** 2^-44: the bound of the relative error that is used, eight times the one that is proven. */
const relativeError: f64 = 5.684341886080802e-14;

/** The number before a positive one. */
@inline
function before(x: v128): v128 {
  return i64x2.sub(x, i64x2.splat(1));
}

/** Rounds two numbers as the kind says. */
@inline
function rounded(kind: i32, x: v128, block: usize): v128 {
  if (kind == decideNative) return f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(x));
  return roundLanes<f64, i64>(kind, x, f64x2.splat(0), block);
}

/**
 * Two results, NaN where they are not decided. Where a function stays below a number that it comes as near to as one likes, or above it, no
 * end lies beyond: between a number of binary64 and the next nothing changes a rounding to a format of half as many bits.
 */
function pair<F, K>(x: v128, block: usize): v128 {
  const number = <i32>offsetof<F>();
  const y = approximate(number, x, load<u32>(block + parameterBytes, tableSlot));
  const size = f64x2.abs(y);
  const margin = f64x2.mul(size, f64x2.splat(relativeError));
  let low = f64x2.sub(size, margin);
  let high = f64x2.add(size, margin);
  const one = f64x2.splat(1);
  const zero = f64x2.splat(0);
  if (number == functionExp) {
    // e^x is above 1 for positive x, and below it for negative x.
    const above = f64x2.pmax(low, f64x2.splat(1.0000000000000002));
    low = v128.bitselect(above, low, f64x2.gt(x, zero));
    high = v128.bitselect(f64x2.pmin(high, before(one)), high, f64x2.lt(x, zero));
  } else if (number != functionLog) {
    // cos 0 is 1; all others are below 1, and sine and tangent nearer to 0 than x.
    const below = f64x2.pmin(high, before(one));
    high = number == functionCos ? v128.bitselect(below, high, f64x2.ne(x, zero)) : below;
  }
  if (number == functionSin || number == functionTanh) {
    const limit = before(f64x2.abs(x));
    high = v128.bitselect(f64x2.pmin(high, limit), high, f64x2.ne(x, zero));
  }
  const sign = v128.and(y, i64x2.splat(i64.MIN_VALUE));
  const kind = <i32>offsetof<K>();
  const first = rounded(kind, v128.or(low, sign), block);
  const second = rounded(kind, v128.or(high, sign), block);
  return v128.bitselect(first, f64x2.splat(NaN), i64x2.eq(first, second));
}

/** The function F, rounded as the kind K says, over `bytes` bytes, a multiple of 16, of elements of 4 bytes or 8. */
export function loop<F, K>(source: usize, destination: usize, bytes: usize, shift: i32, block: usize): void {
  if (shift == 3) {
    for (let i: usize = 0; i < bytes; i += 16)
      v128.store(destination + i, pair<F, K>(v128.load(source + i), block));
    return;
  }
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(source + i);
    const first = pair<F, K>(f64x2.promote_low_f32x4(x), block);
    const second = pair<F, K>(f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0)), block);
    const narrowed = f32x4.demote_f64x2_zero(second);
    v128.store(destination + i, v128.shuffle<i64>(f32x4.demote_f64x2_zero(first), narrowed, 0, 2));
  }
}

/** Elements `from` to `from + count` of what the block describes. The last ones, which fill no vector, go through the block's tail. */
export function piece(block: usize, from: i32, count: i32): i32 {
  const words = block + parameterBytes;
  const shift = load<i32>(words, shiftSlot);
  const offset = <usize>from << shift;
  const source = <usize>load<u32>(words, sourceSlot) + offset;
  const destination = <usize>load<u32>(words, destinationSlot) + offset;
  const bytes = <usize>count << shift;
  const whole = bytes & ~15;
  const kernel = load<i32>(words, functionSlot) * decisions + load<i32>(words, kindSlot);
  dispatch(kernel, source, destination, whole, shift, block);
  const rest = bytes - whole;
  if (rest != 0) {
    const tail = block + tailSlot;
    memory.fill(tail, 0, 16);
    memory.copy(tail, source + whole, rest);
    dispatch(kernel, tail, tail, 16, shift, block);
    memory.copy(destination + whole, tail, rest);
  }
  return -1;
}
