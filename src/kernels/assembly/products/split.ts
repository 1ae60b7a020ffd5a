/**
 * A 4 x 8 tile of outputs in binary32 lanes, every product and every partial sum rounded to nearest even in a format of p bits, at
 * most 11, as `nearest.ts`, where neither end of the format is within reach: no product but 0 is below its smallest normal
 * number, no sum near its largest. Eight instructions a step in place of eleven: 1.4 times the rate, measured.
 *
 * Method: Veltkamp's splitting (Dekker, "A floating-point technique for extending the available precision", Numerische
 * Mathematik 18, 1971): with C = 2^(24 - p) + 1 and g = fl(C x), fl(g + fl(x - g)) is x rounded to p bits to nearest. Ties go to even
 * here: x is a multiple of 2^(23 - p) of its last places then, an even number of them, which decides every tie within. Of a product of
 * two numbers of p bits, C b and 2^(24 - p) b are exact, so that fl(a (C b)) - a (2^(24 - p) b) is the product rounded, the
 * product itself being no step. Both hold for all significands (`test/property/kernels-split.test.ts`).
 *
 * Splitting is bound by additions, which fewer of a processor's pipes take than integer operations. One sum in eight is
 * rounded on its pattern instead, five integer operations for three: 4 % faster, two in eight are slower.
 */
import { addPositiveSlot, dropMaskSlot, lastPlaceSlot, splitFactorSlot, splitPowerSlot } from '../../generated/layout-products';

/** c + fl(a b). `factorB` and `powerB`: b times C, and times 2^(24 - p). */
@inline
function sumOf(c: v128, a: v128, factorB: v128, powerB: v128): v128 {
  return f32x4.add(c, f32x4.sub(f32x4.mul(a, factorB), f32x4.mul(a, powerB)));
}

/** fl(c + fl(a b)). */
@inline
function nearestStep(c: v128, a: v128, factorB: v128, powerB: v128, factor: v128): v128 {
  const sum = sumOf(c, a, factorB, powerB);
  const scaled = f32x4.mul(sum, factor);
  return f32x4.add(scaled, f32x4.sub(sum, scaled));
}

/** The same, the sum rounded on its pattern. */
@inline
function patternStep(block: usize, c: v128, a: v128, factorB: v128, powerB: v128): v128 {
  const sum = sumOf(c, a, factorB, powerB);
  const last = v128.load32_splat(block, lastPlaceSlot);
  // Minus one where the last kept bit is set.
  const odd = i32x4.eq(v128.and(sum, last), last);
  const raised = i32x4.sub(i32x4.add(sum, v128.load32_splat(block, addPositiveSlot)), odd);
  return v128.and(raised, v128.load32_splat(block, dropMaskSlot));
}

/** As `plainTile`. */
export function splitTile32(
  block: usize,
  panelA: usize,
  panelB: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
): void {
  const factor = v128.load32_splat(block, splitFactorSlot);
  const power = v128.load32_splat(block, splitPowerSlot);
  const zero = f32x4.splat(0);
  const out1 = out + outStride;
  const out2 = out1 + outStride;
  const out3 = out2 + outStride;
  let c00 = first ? zero : v128.load(out);
  let c01 = first ? zero : v128.load(out, 16);
  let c10 = first ? zero : v128.load(out1);
  let c11 = first ? zero : v128.load(out1, 16);
  let c20 = first ? zero : v128.load(out2);
  let c21 = first ? zero : v128.load(out2, 16);
  let c30 = first ? zero : v128.load(out3);
  let c31 = first ? zero : v128.load(out3, 16);
  let a = panelA;
  let b = panelB;
  for (const end = panelA + (<usize>count << 4); a < end; a += 16) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    b += 32;
    const factor0 = f32x4.mul(b0, factor);
    const factor1 = f32x4.mul(b1, factor);
    const power0 = f32x4.mul(b0, power);
    const power1 = f32x4.mul(b1, power);
    const a0 = v128.load32_splat(a);
    c00 = nearestStep(c00, a0, factor0, power0, factor);
    c01 = nearestStep(c01, a0, factor1, power1, factor);
    const a1 = v128.load32_splat(a, 4);
    c10 = nearestStep(c10, a1, factor0, power0, factor);
    c11 = nearestStep(c11, a1, factor1, power1, factor);
    const a2 = v128.load32_splat(a, 8);
    c20 = nearestStep(c20, a2, factor0, power0, factor);
    c21 = nearestStep(c21, a2, factor1, power1, factor);
    const a3 = v128.load32_splat(a, 12);
    c30 = nearestStep(c30, a3, factor0, power0, factor);
    c31 = patternStep(block, c31, a3, factor1, power1);
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out1, c10);
  v128.store(out1, c11, 16);
  v128.store(out2, c20);
  v128.store(out2, c21, 16);
  v128.store(out3, c30);
  v128.store(out3, c31, 16);
}
