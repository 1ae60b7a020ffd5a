/**
 * From the statistics of groups to their scales, four groups at a time: what elements are multiplied by on the way in (`into`) and
 * divided or multiplied by on the way out (`out`). The twin of `src/quantizers/scales.ts`. Arrays are read and
 * written in whole vectors.
 */

const infinityBits: i32 = 0x7f800000;
const nanBits: i32 = 0x7fc00000;
const largestBits: i32 = 0x7f7fffff;

/**
 * min(target / max(statistic, least), the largest binary32 number); NaN where the statistic is not finite. Returns whether a scale is
 * below `reach`: some element over it is no binary32 number.
 */
export function encodeScales(
  statistics: usize,
  into: usize,
  groups: i32,
  target: f32,
  least: f32,
  reach: f32,
): bool {
  let isBeyond = i32x4.splat(0);
  for (let i: usize = 0, end = <usize>groups << 2; i < end; i += 16) {
    const threshold = f32x4.pmax(v128.load(statistics + i), f32x4.splat(least));
    const scale = f32x4.pmin(f32x4.div(f32x4.splat(target), threshold), i32x4.splat(largestBits));
    const isFinite = f32x4.lt(threshold, i32x4.splat(infinityBits));
    v128.store(into + i, v128.bitselect(scale, i32x4.splat(nanBits), isFinite));
    isBeyond = v128.or(isBeyond, f32x4.lt(scale, f32x4.splat(reach)));
  }
  return v128.any_true(isBeyond);
}

/** 2^exponent, for exponents from -127 to 127. */
@inline
function powersOfTwo(exponent: v128): v128 {
  const isSubnormal = i32x4.eq(exponent, i32x4.splat(-127));
  const normal = i32x4.shl(i32x4.add(exponent, i32x4.splat(127)), 23);
  return v128.or(normal, v128.and(isSubnormal, i32x4.splat(0x00400000)));
}

/**
 * Powers of two: the exponent of the threshold less `emax`, one more where its trailing significand is at least `raisedFrom`,
 * clamped. The lowest where the threshold is 0, NaN where it is not finite. Returns whether an exponent is above `reach`: some
 * element times the scale is no binary32 number.
 */
export function powerScales(
  statistics: usize,
  into: usize,
  out: usize,
  groups: i32,
  least: f32,
  raisedFrom: i32,
  emax: i32,
  lowest: i32,
  highest: i32,
  reach: i32,
): bool {
  let isBeyond = i32x4.splat(0);
  for (let i: usize = 0, end = <usize>groups << 2; i < end; i += 16) {
    const threshold = f32x4.pmax(v128.load(statistics + i), f32x4.splat(least));
    const isSmall = f32x4.lt(threshold, i32x4.splat(0x00800000));
    const bits = v128.bitselect(f32x4.mul(threshold, f32x4.splat(4294967296)), threshold, isSmall);
    let exponent = i32x4.sub(i32x4.shr_u(bits, 23), v128.and(isSmall, i32x4.splat(32)));
    const isRaised = i32x4.ge_s(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(raisedFrom));
    exponent = i32x4.sub(i32x4.sub(exponent, i32x4.splat(127 + emax)), isRaised);
    // A threshold of 0 has an exponent field of 0, and lies below every other.
    exponent = i32x4.min_s(i32x4.max_s(exponent, i32x4.splat(lowest)), i32x4.splat(highest));
    const isZero = f32x4.eq(threshold, f32x4.splat(0));
    exponent = v128.bitselect(i32x4.splat(lowest), exponent, isZero);
    isBeyond = v128.or(isBeyond, i32x4.gt_s(exponent, i32x4.splat(reach)));
    const notFinite = v128.andnot(i32x4.splat(nanBits), f32x4.lt(threshold, i32x4.splat(infinityBits)));
    v128.store(into + i, v128.or(powersOfTwo(i32x4.neg(exponent)), notFinite));
    v128.store(out + i, v128.or(powersOfTwo(exponent), notFinite));
  }
  return v128.any_true(isBeyond);
}

/**
 * Two levels: the threshold times `unit`, at most `most`, rounded to nearest even to the scale's format (`floor` and `shift` as
 * for float elements), is the scale; into = min(1 / (scale decode), the largest binary32 number).
 */
export function twoLevelScales(
  statistics: usize,
  into: usize,
  out: usize,
  groups: i32,
  least: f32,
  unit: f32,
  decode: f32,
  most: f32,
  floor: f32,
  shift: i32,
): void {
  for (let i: usize = 0, end = <usize>groups << 2; i < end; i += 16) {
    const threshold = f32x4.pmax(v128.load(statistics + i), f32x4.splat(least));
    const clamped = f32x4.pmin(f32x4.mul(threshold, f32x4.splat(unit)), f32x4.splat(most));
    const binade = v128.and(f32x4.pmax(clamped, f32x4.splat(floor)), i32x4.splat(infinityBits));
    const magic = i32x4.add(binade, i32x4.splat(shift));
    const scale = f32x4.sub(f32x4.add(clamped, magic), magic);
    const inverse = f32x4.div(f32x4.splat(1), f32x4.mul(scale, f32x4.splat(decode)));
    v128.store(into + i, f32x4.pmin(inverse, i32x4.splat(largestBits)));
    v128.store(out + i, scale);
  }
}
