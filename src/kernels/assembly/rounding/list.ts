/**
 * Rounding to an ascending list of values. In the deterministic modes a value's index is the number of thresholds that are
 * not above x, the threshold of an interval being the least binary64 number that goes to its upper end; the thresholds
 * were asked of the reference. WebAssembly has no gathers, so the search is scalar, without branches: the leading bits of x
 * choose a bucket, whose first index is stored, and a few steps of bisection go on from there. Lists of at most 16 values
 * are compared with every threshold instead, in lanes.
 */
import {
  deferredBaseSlot,
  deferredCountSlot,
  deferredListSlot,
  highestBitSlot,
  keyHighSlot,
  keyLowSlot,
  keyShiftSlot,
  lastSlot,
  randomMaskSlot,
  randomScaleSlot,
  searchedSlot,
  stepsSlot,
  tableSlot,
  thresholdSlot,
  valuesSlot,
} from '../../generated/layout-rounding';

/** How near to its bound a fraction of 2^N must be to be left to the caller: its error is below 2^-18. */
export const doubt: f64 = 0.00000762939453125;

/** The bucket of a number: sign, exponent and leading bits, within the range of the keys. */
@inline
function bucketOf(x: f64, parameters: usize): i32 {
  const bits = reinterpret<u64>(x);
  const low = load<i32>(parameters, keyLowSlot);
  const high = load<i32>(parameters, keyHighSlot);
  const key = <i32>((bits & 0x7fffffffffffffff) >> <u64>load<i32>(parameters, keyShiftSlot));
  const within = min(max(key, low), high) - low;
  return select(within + (high - low + 1), within, <i64>bits < 0);
}

/** How many of the searched numbers are not above x. They are followed by NaNs, which never are. */
@inline
export function searchList(x: f64, table: usize, searched: usize, parameters: usize): i32 {
  let index = <i32>load<u16>(table + (<usize>bucketOf(x, parameters) << 1));
  for (let step = load<i32>(parameters, stepsSlot); step > 0; step >>= 1) {
    const next = index + step;
    index = select(next, index, load<f64>(searched + (<usize>(next - 1) << 3)) <= x);
  }
  return index;
}

/** Deterministic modes. F is the array's type. */
@inline
export function listThreshold<F>(source: usize, destination: usize, bytes: usize, parameters: usize): void {
  const table = <usize>load<u32>(parameters, tableSlot);
  const searched = table + load<u32>(parameters, searchedSlot);
  const values = table + load<u32>(parameters, valuesSlot);
  for (let i: usize = 0; i < bytes; i += sizeof<F>()) {
    const x = <f64>load<F>(source + i);
    const index = searchList(x, table, searched, parameters);
    const value = load<f64>(values + (<usize>index << 3));
    store<F>(destination + i, <F>select(value, x, x == x));
  }
}

/** Binary32 arrays, at most 16 values: 15 thresholds and 16 values of binary32, padded with NaN. */
export function listSmall32(source: usize, destination: usize, bytes: usize, parameters: usize): void {
  const table = <usize>load<u32>(parameters, tableSlot);
  const values0 = v128.load(table, 64);
  const values1 = v128.load(table, 80);
  const values2 = v128.load(table, 96);
  const values3 = v128.load(table, 112);
  const count = table + (<usize>load<i32>(parameters, lastSlot) << 2);
  const ones = i32x4.splat(0x04040404);
  const bytes0 = i32x4.splat(0x03020100);
  const sixteen = i8x16.splat(16);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(source + i);
    let index = i32x4.splat(0);
    for (let threshold = table; threshold < count; threshold += 4)
      index = i32x4.sub(index, f32x4.ge(x, v128.load32_splat(threshold)));
    // The four bytes of entry `index`; indices out of a swizzle's range give 0.
    const at0 = i32x4.add(i32x4.mul(index, ones), bytes0);
    const at1 = i8x16.sub(at0, sixteen);
    const at2 = i8x16.sub(at1, sixteen);
    const at3 = i8x16.sub(at2, sixteen);
    const low = v128.or(i8x16.swizzle(values0, at0), i8x16.swizzle(values1, at1));
    const high = v128.or(i8x16.swizzle(values2, at2), i8x16.swizzle(values3, at3));
    v128.store(destination + i, v128.bitselect(v128.or(low, high), x, f32x4.eq(x, x)));
  }
}

/** Puts an element on the list of those that the caller decides; its destination keeps the number itself. */
@inline
export function defer(index: i32, parameters: usize): void {
  const count = load<i32>(parameters, deferredCountSlot);
  const list = <usize>load<u32>(parameters, deferredListSlot);
  store<i32>(list + (<usize>count << 2), load<i32>(parameters, deferredBaseSlot) + index);
  store<i32>(parameters, count + 1, deferredCountSlot);
}

/** What f 2^N must reach to go away, see `decide.ts`; whether it must exceed that does not matter beyond doubt. */
@inline
function boundOf(random: u32, parameters: usize): f64 {
  const complement = load<u32>(parameters, randomMaskSlot) ^ random;
  return <f64>complement + load<f64>(parameters, thresholdSlot);
}

/** Stochastic modes: `equal` for the highest random bit alone. F is the array's type. */
@inline
export function listRandom<F>(
  equal: bool,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  const table = <usize>load<u32>(parameters, tableSlot);
  const searched = table + load<u32>(parameters, searchedSlot);
  const last = load<i32>(parameters, lastSlot);
  const scale = load<f64>(parameters, randomScaleSlot);
  const highestBit = load<u32>(parameters, highestBitSlot);
  const count = <i32>(bytes / sizeof<F>());
  for (let i = 0; i < count; i++) {
    const at = <usize>i * sizeof<F>();
    const x = <f64>load<F>(source + at);
    const index = min(max(searchList(x, table, searched, parameters) - 1, 0), last - 1);
    const place = searched + (<usize>index << 3);
    // Selected as integers: engines branch to select floats, and these are as unpredictable as their random numbers.
    const lower = load<u64>(place);
    const upper = load<u64>(place, 8);
    const atLower = x <= reinterpret<f64>(lower);
    const atUpper = x >= reinterpret<f64>(upper);
    const negative = <i64>(upper - 1) < 0;
    const inner = select(upper, lower, negative);
    const outer = select(lower, upper, negative);
    const integer = load<u32>(random + (<usize>i << 2));
    let away: bool;
    if (equal) away = (integer & highestBit) != 0;
    else {
      // Three roundings, each by at most 2^-53 of the fraction; a span beyond binary64's range makes a NaN.
      const start = reinterpret<f64>(inner);
      const scaled = ((x - start) / (reinterpret<f64>(outer) - start)) * scale;
      const bound = boundOf(integer, parameters);
      away = scaled > bound;
      if (!(abs<f64>(scaled - bound) > doubt) && x == x && !atLower && !atUpper) {
        store<F>(destination + at, <F>x);
        defer(i, parameters);
        continue;
      }
    }
    let value = select(lower, select(outer, inner, away), atLower);
    value = select(upper, value, atUpper);
    value = select(value, reinterpret<u64>(x), x == x);
    store<F>(destination + at, <F>reinterpret<f64>(value));
  }
}
