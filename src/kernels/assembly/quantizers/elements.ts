/**
 * The loops over elements: scaled, rounded to nearest even, scaled back, every operation one binary32 operation. The definitions,
 * and the reference that these are tested against, are in `src/quantizers`.
 *
 * Groups are consecutive: `size` elements, but no more than are left of a row. A walk begins with `left` elements left of
 * the first row.
 */
import {
  baseSlot,
  commonSlot,
  elementsFloat,
  elementsGiven,
  elementsGrid,
  exponentMaskSlot,
  highSlot,
  lowSlot,
  magnitudeMaskSlot,
  scaleOnly,
  scaleOnlyQuotients,
  scalingDivided,
  scalingQuotients,
  scalingTwoLevels,
  shiftSlot,
  zeroSlot,
} from '../../generated/layout-quantizers';

/** One vector. What is constant for a kernel is folded away; `base` is the magic number of a grid, the floor of a float. */
@inline
export function place(
  elements: i32,
  scaling: i32,
  value: v128,
  into: v128,
  out: v128,
  low: v128,
  high: v128,
  base: v128,
  shift: v128,
  magnitudes: v128,
  exponents: v128,
  zero: v128,
  common: v128,
): v128 {
  let element = value;
  if (scaling == scalingQuotients || scaling == scaleOnlyQuotients) {
    if (elements != elementsGiven) element = f32x4.div(value, into);
  } else if (elements != elementsGiven) element = f32x4.mul(value, into);
  if (scaling == scaleOnly || (scaling == scalingTwoLevels && elements != elementsGiven)) element = f32x4.add(element, zero);
  if (scaling == scaleOnly || scaling == scaleOnlyQuotients) return element;
  // pmin and pmax keep a NaN in their first operand, and are single instructions on every engine.
  if (elements == elementsGrid) {
    element = f32x4.pmin(f32x4.pmax(element, low), high);
    element = f32x4.sub(f32x4.add(element, base), base);
  } else if (elements == elementsFloat) {
    const magnitude = v128.and(element, magnitudes);
    const clamped = f32x4.pmin(magnitude, high);
    const magic = i32x4.add(v128.and(f32x4.pmax(clamped, base), exponents), shift);
    const rounded = f32x4.sub(f32x4.add(clamped, magic), magic);
    element = v128.or(rounded, v128.xor(element, magnitude));
  } else {
    element = f32x4.pmax(element, low);
  }
  if (scaling == scalingDivided) return f32x4.div(element, out);
  const image = f32x4.mul(element, out);
  return scaling == scalingTwoLevels ? f32x4.mul(image, common) : image;
}

/**
 * Scales, rounds and scales back the elements of `groups` groups; kernels and constants: `scripts/kernels/quantizers.js`. `into` and
 * `out` hold a number a group. The source may be the destination.
 */
@inline
export function placeGroupsBy(
  elements: i32,
  scaling: i32,
  source: usize,
  destination: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
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
  for (const end = into + (<usize>groups << 2); into < end; into += 4) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    const scaleIn = v128.load32_splat(into);
    const scaleOut = v128.load32_splat(out);
    out += 4;
    for (const stop = source + (<usize>(length & ~7) << 2); source < stop; source += 32) {
      const first = v128.load(source);
      const second = v128.load(source, 16);
      v128.store(
        destination,
        place(elements, scaling, first, scaleIn, scaleOut, low, high, base, shift, magnitudes, exponents, zero, common),
      );
      v128.store(
        destination,
        place(elements, scaling, second, scaleIn, scaleOut, low, high, base, shift, magnitudes, exponents, zero, common),
        16,
      );
      destination += 32;
    }
    for (const stop = source + (<usize>(length & 7) << 2); source < stop; source += 4) {
      const value = v128.load32_splat(source);
      const placed = place(elements, scaling, value, scaleIn, scaleOut, low, high, base, shift, magnitudes, exponents, zero, common);
      store<f32>(destination, f32x4.extract_lane(placed, 0));
      destination += 4;
    }
  }
}
