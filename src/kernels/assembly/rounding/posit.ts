/**
 * Rounding to posits in binary64 lanes. Within a binade the encoding's last bit is worth a fixed quantum, so that a magic
 * number C rounds as in `round.ts`; or, near the ends of the range where fraction bits are cut off, there are only two
 * neighbours and a threshold. A table has both, binade by binade.
 */
import {
  binadeShift,
  firstBinadeSlot,
  leastSlot,
  clampSlot,
  randomScaleSlot,
  tableSlot,
  thresholdSlot,
  randomMaskSlot,
} from '../../generated/layout-rounding';
import { stochasticGoesAway } from './decide';
import { defer, doubt } from './list';
import { signMask } from './round';

/** The address of the binade of one lane's magnitude, which is within the range. */
@inline
function binadeOf(magnitude: v128, lane: u8, table: usize, first: i64): usize {
  const bits = lane == 0 ? i64x2.extract_lane(magnitude, 0) : i64x2.extract_lane(magnitude, 1);
  return table + (<usize>((bits >> 52) - first) << binadeShift);
}

/**
 * Rounds two lanes. Those that it cannot decide are marked in `result`'s stead by keeping the value; `index` is that of the
 * first lane.
 */
@inline
export function positLanes(stochastic: bool, value: v128, random: v128, index: i32, parameters: usize): v128 {
  const zero = f64x2.splat(0);
  const magnitude = v128.andnot(value, signMask<f64>());
  // A NaN goes on as the smallest number; it is put back in the end.
  const raised = f64x2.pmax(v128.load64_splat(parameters, leastSlot), magnitude);
  const clamped = f64x2.pmin(v128.load64_splat(parameters, clampSlot), raised);
  const table = <usize>load<u32>(parameters, tableSlot);
  const first = <i64>load<i32>(parameters, firstBinadeSlot);
  const binade0 = binadeOf(clamped, 0, table, first);
  const binade1 = binadeOf(clamped, 1, table, first);
  const front0 = v128.load(binade0);
  const front1 = v128.load(binade1);
  const back0 = v128.load(binade0, 16);
  const back1 = v128.load(binade1, 16);
  const magic = v128.shuffle<i64>(front0, front1, 0, 2);
  const threshold = v128.shuffle<i64>(front0, front1, 1, 3);
  const lower = v128.shuffle<i64>(back0, back1, 0, 2);
  const upper = v128.shuffle<i64>(back0, back1, 1, 3);
  const even = f64x2.ne(magic, zero);
  const sum = f64x2.add(clamped, magic);
  let rounded: v128;
  let doubtful = zero;
  if (stochastic) {
    const lowerSum = i64x2.add(sum, f64x2.gt(f64x2.sub(sum, magic), clamped));
    const evenLower = f64x2.sub(lowerSum, magic);
    const evenUpper = f64x2.sub(i64x2.add(lowerSum, i64x2.splat(1)), magic);
    const below = v128.bitselect(evenLower, lower, even);
    const above = v128.bitselect(evenUpper, upper, even);
    const fraction = f64x2.div(f64x2.sub(clamped, below), f64x2.sub(above, below));
    const scaled = f64x2.mul(fraction, v128.load64_splat(parameters, randomScaleSlot));
    const away = stochasticGoesAway<f64, i64>(scaled, random, parameters);
    rounded = v128.bitselect(above, below, away);
    // The largest number has no number above it.
    rounded = v128.bitselect(clamped, rounded, f64x2.eq(clamped, below));
    const complement = v128.xor(random, v128.load32_splat(parameters, randomMaskSlot));
    const bound = f64x2.add(f64x2.convert_low_i32x4_u(complement), v128.load64_splat(parameters, thresholdSlot));
    const near = f64x2.le(f64x2.abs(f64x2.sub(scaled, bound)), f64x2.splat(doubt));
    doubtful = v128.andnot(v128.and(near, f64x2.ne(clamped, below)), even);
  } else {
    const twoSided = v128.bitselect(upper, lower, f64x2.ge(clamped, threshold));
    rounded = v128.bitselect(f64x2.sub(sum, magic), twoSided, even);
  }
  rounded = v128.or(rounded, v128.and(value, signMask<f64>()));
  rounded = v128.and(rounded, f64x2.ne(value, zero));
  // Infinities minus themselves are NaN, as NaN is.
  rounded = f64x2.add(rounded, f64x2.sub(value, value));
  if (stochastic && v128.any_true(doubtful)) {
    if (i64x2.extract_lane(doubtful, 0) != 0) defer(index, parameters);
    if (i64x2.extract_lane(doubtful, 1) != 0) defer(index + 1, parameters);
    rounded = v128.bitselect(value, rounded, doubtful);
  }
  return rounded;
}

/** A binary32 array over `bytes` bytes, a multiple of 16. */
@inline
export function posit32(
  stochastic: bool,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const value = v128.load(source + i);
    const integers = stochastic ? v128.load(random + i) : i32x4.splat(0);
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(value, value, 1, 0));
    const highIntegers = v128.shuffle<i64>(integers, integers, 1, 0);
    const index = <i32>(i >> 2);
    const low = positLanes(stochastic, f64x2.promote_low_f32x4(value), integers, index, parameters);
    const second = f32x4.demote_f64x2_zero(positLanes(stochastic, high, highIntegers, index + 2, parameters));
    v128.store(destination + i, v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), second, 0, 2));
  }
}

/** A binary64 array over `bytes` bytes, a multiple of 16. */
@inline
export function posit64(
  stochastic: bool,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = stochastic ? v128.load64_zero(random + (i >> 1)) : i32x4.splat(0);
    const value = v128.load(source + i);
    v128.store(destination + i, positLanes(stochastic, value, integers, <i32>(i >> 3), parameters));
  }
}
