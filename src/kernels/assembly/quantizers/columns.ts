/**
 * Groups that run over rows: each column has a scale of its own, or shares it with its neighbours. The twins of `statistics.ts` and
 * `elements.ts`, a column a lane. Rows are `stride` bytes apart.
 */
import {
  baseSlot,
  commonSlot,
  exponentMaskSlot,
  highSlot,
  lowSlot,
  magnitudeMaskSlot,
  shiftSlot,
  zeroSlot,
} from '../../generated/layout-quantizers';
import { place } from './elements';

/** maxima[c] = max(maxima[c], |x|) over the rows of column c, NaN if there is a NaN. */
export function columnMaxima(
  source: usize,
  rows: i32,
  width: i32,
  stride: usize,
  maxima: usize,
  parameters: usize,
): void {
  // Magnitudes compare as integers, as in `absoluteMaxima`.
  const mask = v128.load32_splat(parameters, magnitudeMaskSlot);
  for (const stop = maxima + (<usize>(width & ~15) << 2); maxima < stop; maxima += 64) {
    let largest0 = v128.load(maxima);
    let largest1 = v128.load(maxima, 16);
    let largest2 = v128.load(maxima, 32);
    let largest3 = v128.load(maxima, 48);
    for (let row = 0, at = source; row < rows; row++, at += stride) {
      largest0 = i32x4.max_s(largest0, v128.and(v128.load(at), mask));
      largest1 = i32x4.max_s(largest1, v128.and(v128.load(at, 16), mask));
      largest2 = i32x4.max_s(largest2, v128.and(v128.load(at, 32), mask));
      largest3 = i32x4.max_s(largest3, v128.and(v128.load(at, 48), mask));
    }
    v128.store(maxima, largest0);
    v128.store(maxima, largest1, 16);
    v128.store(maxima, largest2, 32);
    v128.store(maxima, largest3, 48);
    source += 64;
  }
  for (const stop = maxima + (<usize>(width & 15) << 2); maxima < stop; maxima += 4) {
    let largest = v128.load32_splat(maxima);
    for (let row = 0, at = source; row < rows; row++, at += stride)
      largest = i32x4.max_s(largest, v128.and(v128.load32_splat(at), mask));
    store<f32>(maxima, f32x4.extract_lane(largest, 0));
    source += 4;
  }
}

/** to[c] = from[c / size] for `width` columns. */
export function spread(from: usize, to: usize, size: i32, width: i32): void {
  for (let left = width; left > 0; left -= size) {
    const value = load<f32>(from);
    from += 4;
    for (const stop = to + (<usize>min(size, left) << 2); to < stop; to += 4) store<f32>(to, value);
  }
}

/**
 * `placeGroups` of elements whose scales are those of their columns: `into` and `out` hold a number a column. The source may be the
 * destination.
 */
@inline
export function placeColumnsBy(
  elements: i32,
  scaling: i32,
  source: usize,
  destination: usize,
  rows: i32,
  width: i32,
  sourceStride: usize,
  destinationStride: usize,
  into: usize,
  out: usize,
  parameters: usize,
): void {
  const low = v128.load32_splat(parameters, lowSlot);
  const high = v128.load32_splat(parameters, highSlot);
  const base = v128.load32_splat(parameters, baseSlot);
  const shift = v128.load32_splat(parameters, shiftSlot);
  const magnitudes = v128.load32_splat(parameters, magnitudeMaskSlot);
  const exponents = v128.load32_splat(parameters, exponentMaskSlot);
  const zero = v128.load32_splat(parameters, zeroSlot);
  const common = v128.load32_splat(parameters, commonSlot);
  const whole = <usize>(width & ~3) << 2;
  const all = <usize>width << 2;
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < whole; at += 16) {
      const value = v128.load(source + at);
      const scaleIn = v128.load(into + at);
      const scaleOut = v128.load(out + at);
      v128.store(
        destination + at,
        place(elements, scaling, value, scaleIn, scaleOut, low, high, base, shift, magnitudes, exponents, zero, common),
      );
    }
    for (let at = whole; at < all; at += 4) {
      const value = v128.load32_splat(source + at);
      const scaleIn = v128.load32_splat(into + at);
      const scaleOut = v128.load32_splat(out + at);
      const placed = place(elements, scaling, value, scaleIn, scaleOut, low, high, base, shift, magnitudes, exponents, zero, common);
      store<f32>(destination + at, f32x4.extract_lane(placed, 0));
    }
    source += sourceStride;
    destination += destinationStride;
  }
}
