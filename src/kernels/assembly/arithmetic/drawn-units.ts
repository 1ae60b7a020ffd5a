/** Stochastic fused multiply-adds in the loop that makes them, as `single-pass.ts`, in narrower ranges than that of binary32. */
import {
  drawnFloorSlot,
  drawnInversesSlot,
  drawnMaskSlot,
  drawnQuantaSlot,
  drawnTopSlot,
  exponentsSlot,
  highScaleSlot,
  limitSlot,
  lowMaskSlot,
  lowScaleSlot,
  oneSlot,
  signSlot,
  unscaleSlot,
} from '../../generated/layout-arithmetic';
import { errorOfSum } from './error-free';
import { askAgain, isBeyond } from './single-pass';

/**
 * By units in the last place; products are exact. T is Long where a random integer has more bits than
 * are discarded: the error is looked at then.
 */
export function drawnUnits<T>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  random: usize,
  block: usize,
): void {
  const sign = v128.load32_splat(block, signSlot);
  const exponents = v128.load32_splat(block, exponentsSlot);
  const floor = v128.load32_splat(block, drawnFloorSlot);
  const top = v128.load32_splat(block, drawnTopSlot);
  const inverses = v128.load32_splat(block, drawnInversesSlot);
  const quanta = v128.load32_splat(block, drawnQuantaSlot);
  const unscale = v128.load32_splat(block, unscaleSlot);
  const limit = v128.load32_splat(block, limitSlot);
  const one = v128.load32_splat(block, oneSlot);
  const randomMask = v128.load32_splat(block, drawnMaskSlot);
  const lowMask = v128.load32_splat(block, lowMaskSlot);
  const lowScale = v128.load32_splat(block, lowScaleSlot);
  const highScale = v128.load32_splat(block, highScaleSlot);
  let errors = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const product = f32x4.mul(v128.load(a + i), v128.load(b + i));
    const z = v128.load(c + i);
    const integers = v128.load(random + i);
    const nearest = f32x4.add(product, z);
    const error = errorOfSum<f32>(product, z, nearest);
    errors = f32x4.add(errors, error);
    const signs = v128.and(nearest, sign);
    const outward = v128.xor(error, signs);
    const magnitude = v128.xor(nearest, signs);
    const below = i32x4.add(magnitude, isBeyond(outward));
    const binade = i32x4.min_s(i32x4.max_s(v128.and(below, exponents), floor), top);
    const inverse = i32x4.sub(inverses, binade);
    const units = f32x4.mul(below, inverse);
    const lower = f32x4.trunc(units);
    let away: v128;
    if (offsetof<T>() != 0) {
      // 2^N less the random integer is one more than its complement, whose halves are subtracted one after another, so that
      // no step rounds where it is near.
      const complement = v128.xor(integers, randomMask);
      const high = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(complement, 16)), highScale);
      const last = f32x4.mul(f32x4.convert_i32x4_s(v128.and(complement, lowMask)), lowScale);
      const fraction = f32x4.sub(f32x4.mul(magnitude, inverse), lower);
      const bound = f32x4.sub(f32x4.add(last, lowScale), f32x4.sub(fraction, high));
      away = f32x4.ge(f32x4.mul(outward, inverse), bound);
    } else {
      const bound = f32x4.sub(one, f32x4.mul(f32x4.convert_i32x4_s(integers), lowScale));
      away = f32x4.ge(f32x4.sub(units, lower), bound);
    }
    const integer = f32x4.add(lower, v128.and(away, one));
    const rounded = f32x4.mul(f32x4.mul(integer, i32x4.sub(binade, quanta)), unscale);
    v128.store(to + i, v128.or(f32x4.pmin(rounded, limit), signs));
  }
  askAgain(errors, i32x4.splat(-1), block);
}
