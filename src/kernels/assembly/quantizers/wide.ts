/**
 * Elements in binary64 lanes: groups whose factors are not powers of two, as `src/quantizers` has them. The walk over groups is that
 * of `elements.ts`; factors are binary64 numbers, one a group.
 */

/** destination = source times the factor of its group. */
export function widenGroups(
  source: usize,
  destination: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  into: usize,
): void {
  for (const end = into + (<usize>groups << 3); into < end; into += 8) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    const factor = v128.load64_splat(into);
    for (const stop = source + (<usize>(length & ~3) << 2); source < stop; source += 16) {
      const value = v128.load(source);
      const high = v128.shuffle<i64>(value, value, 1, 0);
      v128.store(destination, f64x2.mul(f64x2.promote_low_f32x4(value), factor));
      v128.store(destination, f64x2.mul(f64x2.promote_low_f32x4(high), factor), 16);
      destination += 32;
    }
    for (const stop = source + (<usize>(length & 3) << 2); source < stop; source += 4) {
      store<f64>(destination, <f64>load<f32>(source) * f64x2.extract_lane(factor, 0));
      destination += 8;
    }
  }
}

/** Two elements by their factor, in the low lanes; no finite one becomes an infinity. */
@inline
function narrowed(element: v128, factor: v128): v128 {
  const value = f32x4.demote_f64x2_zero(f64x2.div(element, factor));
  const size = v128.and(value, i32x4.splat(0x7fffffff));
  const largest = v128.or(i32x4.splat(0x7f7fffff), v128.xor(value, size));
  // Only a finite element less itself is 0.
  const difference = f64x2.sub(element, element);
  const isFinite = f64x2.eq(difference, f64x2.splat(0));
  const finite = v128.shuffle<i32>(isFinite, isFinite, 0, 2, 0, 2);
  return v128.bitselect(largest, value, v128.and(i32x4.eq(size, i32x4.splat(0x7f800000)), finite));
}

/** destination = elements, at least `low`, divided by the factor of their group. */
export function narrowGroups(
  source: usize,
  destination: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  out: usize,
  low: f64,
): void {
  const lows = f64x2.splat(low);
  for (const end = out + (<usize>groups << 3); out < end; out += 8) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    const factor = v128.load64_splat(out);
    for (const stop = source + (<usize>(length & ~3) << 3); source < stop; source += 32) {
      const first = narrowed(f64x2.pmax(v128.load(source), lows), factor);
      const second = narrowed(f64x2.pmax(v128.load(source, 16), lows), factor);
      v128.store(destination, v128.shuffle<i64>(first, second, 0, 2));
      destination += 16;
    }
    for (const stop = source + (<usize>(length & 3) << 3); source < stop; source += 8) {
      const value = narrowed(f64x2.pmax(v128.load64_splat(source), lows), factor);
      store<f32>(destination, f32x4.extract_lane(value, 0));
      destination += 4;
    }
  }
}

/**
 * From powers of two, binary32 numbers or NaN, to the factors of groups: into = prescale / power, out = into / gain.
 */
export function wideFactors(
  powers: usize,
  into: usize,
  out: usize,
  groups: i32,
  prescale: f64,
  gain: f64,
): void {
  for (const end = powers + (<usize>groups << 2); powers < end; powers += 4) {
    const factor = prescale / <f64>load<f32>(powers);
    store<f64>(into, factor);
    store<f64>(out, factor / gain);
    into += 8;
    out += 8;
  }
}
