/** The upper end of a format in the binary32 kernels that round every step: looked at only where a number came near it. */
import {
  exponentMaskSlot,
  infinityNegativeSlot,
  infinitySlot,
  maximumSlot,
  overflowNegativeSlot,
  overflowSlot,
} from '../../generated/layout-products';

/** What stands for a rounded number beyond the end of the format, and for infinity. */
export function withEnds(value: v128, rounded: v128, block: usize): v128 {
  const magnitude = f32x4.abs(rounded);
  const sign = v128.xor(rounded, magnitude);
  const negative = i32x4.shr_s(sign, 31);
  const overflow = v128.bitselect(
    v128.load32_splat(block, overflowNegativeSlot),
    v128.load32_splat(block, overflowSlot),
    negative,
  );
  const infinity = v128.bitselect(
    v128.load32_splat(block, infinityNegativeSlot),
    v128.load32_splat(block, infinitySlot),
    negative,
  );
  const beyond = f32x4.gt(magnitude, v128.load32_splat(block, maximumSlot));
  const finite = v128.bitselect(v128.or(overflow, sign), rounded, beyond);
  const infinite = i32x4.eq(f32x4.abs(value), v128.load32_splat(block, exponentMaskSlot));
  return v128.bitselect(v128.or(infinity, sign), finite, infinite);
}
