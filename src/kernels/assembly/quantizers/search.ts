/** The search for the thresholds of groups: the twin of `src/quantizers/search.ts`. */
import { takeSum } from './statistics';

/** thresholds = percent maxima / 100, in binary64 and then in binary32; NaN where that is not finite. */
export function candidates(maxima: usize, thresholds: usize, groups: i32, percent: f64): void {
  for (const end = maxima + (<usize>groups << 2); maxima < end; maxima += 4) {
    const threshold = <f32>((<f64>load<f32>(maxima) * percent) / 100);
    store<f32>(thresholds, threshold < Infinity ? threshold : NaN);
    thresholds += 4;
  }
}

/** The squares of two differences. */
@inline
function squares(value: v128, x: v128): v128 {
  const difference = f64x2.sub(f64x2.promote_low_f32x4(value), f64x2.promote_low_f32x4(x));
  return f64x2.mul(difference, difference);
}

/** Adds the squared errors of one more part of each group to its four sums, as `addSums` does. */
export function squaredErrors(
  source: usize,
  image: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  sums: usize,
): void {
  for (const end = sums + (<usize>groups << 5); sums < end; sums += 32) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    let sum01 = v128.load(sums);
    let sum23 = v128.load(sums, 16);
    for (const stop = source + (<usize>(length & ~3) << 2); source < stop; source += 16) {
      const x = v128.load(source);
      const value = v128.load(image);
      sum01 = f64x2.add(sum01, squares(value, x));
      sum23 = f64x2.add(sum23, squares(v128.shuffle<i64>(value, value, 1, 0), v128.shuffle<i64>(x, x, 1, 0)));
      image += 16;
    }
    v128.store(sums, sum01);
    v128.store(sums, sum23, 16);
    for (let at = sums, stop = at + (<usize>(length & 3) << 3); at < stop; at += 8) {
      const difference = <f64>load<f32>(image) - <f64>load<f32>(source);
      store<f64>(at, load<f64>(at) + difference * difference);
      image += 4;
      source += 4;
    }
  }
}

/** Keeps thresholds whose error is the least so far; their sums are 0 afterwards. */
export function keepBetter(sums: usize, errors: usize, thresholds: usize, best: usize, groups: i32): void {
  for (const end = sums + (<usize>groups << 5); sums < end; sums += 32) {
    const error = takeSum(sums);
    if (error < load<f64>(errors)) {
      store<f64>(errors, error);
      store<f32>(best, load<f32>(thresholds));
    }
    errors += 8;
    thresholds += 4;
    best += 4;
  }
}
