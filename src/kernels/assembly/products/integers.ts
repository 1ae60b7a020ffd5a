/**
 * A 4 x 8 tile of outputs where operands are small integers times a power of two, and all sums of their products are exact: in
 * 16-bit lanes, two steps of k an instruction. `src/kernels/products/integer-plan.ts` sees to that. Panels have the factors of two
 * steps beside each other.
 */
import { unitSlot } from '../../generated/layout-products';

/** Numbers times `scale` plus this have the integers, in two's complement, in the lower half of their patterns. */
const magic: f32 = 12582912;

@inline
function integers(numbers: v128, scale: v128): v128 {
  return f32x4.add(f32x4.mul(numbers, scale), f32x4.splat(magic));
}

/** The integers of two steps of four lanes beside each other. */
@inline
function pairs(even: v128, odd: v128): v128 {
  return v128.or(v128.and(even, i32x4.splat(0xffff)), i32x4.shl(odd, 16));
}

/** The integers of four steps of two lanes. */
@inline
function lanes(first: v128, second: v128): v128 {
  return v128.shuffle<i16>(first, second, 0, 2, 4, 6, 8, 10, 12, 14);
}

/** Four lanes that run along k in memory, up to the last whole four steps; returns how many steps are done. */
function packAlong(source: usize, laneBytes: usize, count: i32, valid: i32, scale: v128, to: usize, stride: usize): i32 {
  // Lanes that do not exist repeat the first one: their sums are made and never stored.
  let p0 = source;
  let p1 = valid > 1 ? source + laneBytes : source;
  let p2 = valid > 2 ? source + 2 * laneBytes : source;
  let p3 = valid > 3 ? source + 3 * laneBytes : source;
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const left = lanes(integers(v128.load(p0), scale), integers(v128.load(p1), scale));
    const right = lanes(integers(v128.load(p2), scale), integers(v128.load(p3), scale));
    v128.store(to, v128.shuffle<i32>(left, right, 0, 2, 4, 6));
    v128.store(to + stride, v128.shuffle<i32>(left, right, 1, 3, 5, 7));
    p0 += 16;
    p1 += 16;
    p2 += 16;
    p3 += 16;
    to += 2 * stride;
  }
  return k;
}

/** Four lanes that lie beside each other in memory, up to the last whole two steps; returns how many steps are done. */
function packAcross(source: usize, stepBytes: usize, count: i32, scale: v128, to: usize, stride: usize): i32 {
  let k = 0;
  for (; k + 2 <= count; k += 2) {
    const even = integers(v128.load(source), scale);
    v128.store(to, pairs(even, integers(v128.load(source + stepBytes), scale)));
    source += 2 * stepBytes;
    to += stride;
  }
  return k;
}

/** One step of two, element by element, from an even step on. */
function packRest<S>(
  width: i32,
  lane: i32,
  source: usize,
  laneBytes: usize,
  stepBytes: usize,
  from: i32,
  count: i32,
  valid: i32,
  scale: f32,
  destination: usize,
): void {
  for (let k = from; k < count || (k & 1) != 0; k++) {
    const to = destination + <usize>(k >> 1) * (<usize>width << 2) + (<usize>(k & 1) << 1);
    for (let i = lane; i < lane + 4; i++) {
      const isThere = i < valid && k < count;
      const at = source + <usize>i * laneBytes + <usize>k * stepBytes;
      store<i16>(to + (<usize>i << 2), isThere ? <i16>(<f32>load<S>(at) * scale) : 0);
    }
  }
}

/** As `packPanel`, of numbers times `scale`: 16-bit integers, the steps two by two, a zero behind the last if it is alone. */
export function packIntegers(
  width: i32,
  along: bool,
  shift: i32,
  source: usize,
  rowBytes: usize,
  count: i32,
  valid: i32,
  destination: usize,
  scale: f32,
): void {
  const element: usize = 1 << shift;
  const laneBytes = along ? rowBytes : element;
  const stepBytes = along ? element : rowBytes;
  const scales = f32x4.splat(scale);
  const stride = <usize>width << 2;
  for (let lane = 0; lane < width; lane += 4) {
    const to = destination + (<usize>lane << 2);
    let done = 0;
    if (shift == 2 && along && lane < valid) {
      done = packAlong(source + <usize>lane * rowBytes, rowBytes, count, valid - lane, scales, to, stride);
    } else if (shift == 2 && !along && valid - lane >= 4) {
      done = packAcross(source + (<usize>lane << 2), rowBytes, count, scales, to, stride);
    }
    if (shift == 2) packRest<f32>(width, lane, source, laneBytes, stepBytes, done, count, valid, scale, destination);
    else packRest<f64>(width, lane, source, laneBytes, stepBytes, done, count, valid, scale, destination);
  }
}

/** Stores four sums in units, or adds them to what is there. */
@inline
function put(sums: v128, unit: v128, out: usize, first: bool): void {
  const value = f32x4.mul(f32x4.convert_i32x4_s(sums), unit);
  v128.store(out, first ? value : f32x4.add(v128.load(out), value));
}

/** As `plainTile`, on panels of `packIntegers`. */
export function integerTile32(
  block: usize,
  panelA: usize,
  panelB: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
): void {
  let c00 = i32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  let a = panelA;
  let b = panelB;
  for (const end = panelA + (<usize>((count + 1) >> 1) << 4); a < end; a += 16) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    b += 32;
    const a0 = v128.load32_splat(a);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(a0, b0));
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(a0, b1));
    const a1 = v128.load32_splat(a, 4);
    c10 = i32x4.add(c10, i32x4.dot_i16x8_s(a1, b0));
    c11 = i32x4.add(c11, i32x4.dot_i16x8_s(a1, b1));
    const a2 = v128.load32_splat(a, 8);
    c20 = i32x4.add(c20, i32x4.dot_i16x8_s(a2, b0));
    c21 = i32x4.add(c21, i32x4.dot_i16x8_s(a2, b1));
    const a3 = v128.load32_splat(a, 12);
    c30 = i32x4.add(c30, i32x4.dot_i16x8_s(a3, b0));
    c31 = i32x4.add(c31, i32x4.dot_i16x8_s(a3, b1));
  }
  const unit = v128.load32_splat(block, unitSlot);
  put(c00, unit, out, first);
  put(c01, unit, out + 16, first);
  put(c10, unit, out + outStride, first);
  put(c11, unit, out + outStride + 16, first);
  put(c20, unit, out + 2 * outStride, first);
  put(c21, unit, out + 2 * outStride + 16, first);
  put(c30, unit, out + 3 * outStride, first);
  put(c31, unit, out + 3 * outStride + 16, first);
}
