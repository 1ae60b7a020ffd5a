/**
 * Fake quantisation in the value domain: scale, round to an integer, clamp, scale back, every operation one binary32
 * operation. The definitions, and the reference that these are tested against, are in `src/tensor/quantizers`.
 */

const signBit: i32 = 1 << 31;

/** q / s with q = clamp(RNE(x s), -limit, limit); NaN stays, and an integer zero has no sign. */
@inline
function fakeQuantizeLanes(x: v128, scale: v128, limit: v128): v128 {
  const integer = f32x4.nearest(f32x4.mul(x, scale));
  // pmin and pmax keep a NaN in their first operand, and are single instructions on every engine.
  const clamped = f32x4.pmax(f32x4.pmin(integer, limit), f32x4.neg(limit));
  return f32x4.div(f32x4.add(clamped, f32x4.splat(0)), scale);
}

/** Applies `fakeQuantizeLanes` to `length` elements; source may be destination. */
function fakeQuantizeSpan(source: usize, destination: usize, length: i32, scale: f32, limit: f32): void {
  const scales = f32x4.splat(scale);
  const limits = f32x4.splat(limit);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    v128.store(destination, fakeQuantizeLanes(v128.load(source), scales, limits));
    source += 16;
    destination += 16;
  }
  for (; i < length; i++) {
    const lanes = fakeQuantizeLanes(v128.load32_splat(source), scales, limits);
    store<f32>(destination, f32x4.extract_lane(lanes, 0));
    source += 4;
    destination += 4;
  }
}

/** max |x|, NaN if there is a NaN. */
function absoluteMaximum(source: usize, length: i32): f32 {
  const magnitudeMask = i32x4.splat(~signBit);
  // Magnitudes compare as integers, and a NaN is larger than infinity there: one maximum serves both.
  let largest0 = i32x4.splat(0);
  let largest1 = largest0;
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    largest0 = i32x4.max_s(largest0, v128.and(v128.load(source), magnitudeMask));
    largest1 = i32x4.max_s(largest1, v128.and(v128.load(source, 16), magnitudeMask));
    source += 32;
  }
  for (; i < length; i++) {
    largest0 = i32x4.max_s(largest0, v128.and(v128.load32_zero(source), magnitudeMask));
    source += 4;
  }
  largest0 = i32x4.max_s(largest0, largest1);
  largest0 = i32x4.max_s(largest0, v128.shuffle<i64>(largest0, largest0, 1, 0));
  largest0 = i32x4.max_s(largest0, v128.shuffle<i32>(largest0, largest0, 1, 0, 3, 2));
  return f32x4.extract_lane(largest0, 0);
}

/** Row by row: scale = limit / max(max |x|, smallest), then x -> clamp(RNE(x scale)) / scale. */
export function fakeQuantizeRowsAbsmax(
  source: usize,
  destination: usize,
  rows: i32,
  columns: i32,
  limit: f32,
  smallest: f32,
): void {
  const stride = <usize>columns << 2;
  for (let row = 0; row < rows; row++) {
    const scale = limit / max<f32>(absoluteMaximum(source, columns), smallest);
    fakeQuantizeSpan(source, destination, columns, scale, limit);
    source += stride;
    destination += stride;
  }
}

/**
 * mean |x| rounded to binary32: binary64 sums over the indices 0, 1, 2, 3 mod 4, combined as (s0 + s1) + (s2 + s3).
 */
function absoluteMean(source: usize, length: i32): f32 {
  const magnitudeMask = i32x4.splat(~signBit);
  let sum01 = f64x2.splat(0);
  let sum23 = sum01;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const magnitude = v128.and(v128.load(source), magnitudeMask);
    sum01 = f64x2.add(sum01, f64x2.promote_low_f32x4(magnitude));
    sum23 = f64x2.add(sum23, f64x2.promote_low_f32x4(v128.shuffle<i64>(magnitude, magnitude, 1, 0)));
    source += 16;
  }
  let s0 = f64x2.extract_lane(sum01, 0);
  let s1 = f64x2.extract_lane(sum01, 1);
  let s2 = f64x2.extract_lane(sum23, 0);
  if (i < length) s0 += <f64>abs<f32>(load<f32>(source));
  if (i + 1 < length) s1 += <f64>abs<f32>(load<f32>(source, 4));
  if (i + 2 < length) s2 += <f64>abs<f32>(load<f32>(source, 8));
  return <f32>((s0 + s1 + (s2 + f64x2.extract_lane(sum23, 1))) / <f64>length);
}

/** The whole array: scale = limit / max(mean |x|, smallest), then x -> clamp(RNE(x scale)) / scale. Returns scale. */
export function fakeQuantizeAbsmean(
  source: usize,
  destination: usize,
  length: i32,
  limit: f32,
  smallest: f32,
): f32 {
  const scale = limit / max<f32>(absoluteMean(source, length), smallest);
  fakeQuantizeSpan(source, destination, length, scale, limit);
  return scale;
}
