/**
 * What factorisations of matrices do most: c - a b and quotients, every operation rounded to nearest even. Elements are binary32 or
 * binary64 numbers, rows of any stride; sums are made in lanes in which a product is exact and a second rounding does no harm, or in
 * those of the format itself.
 */
import {
  endExceeded,
  endInfinite,
  endOwn,
  floorSlot,
  mostSlot,
  nearSlot,
  quickShiftSlot,
  scaleSlot,
  shiftSlot,
  unscaleSlot,
} from '../../generated/layout-eliminations';

/** Elements `S` as lanes `F`. */
@inline
function loadLanes<S, F>(at: usize): v128 {
  return sizeof<S>() < sizeof<F>() ? f64x2.promote_low_f32x4(v128.load64_zero(at)) : v128.load(at);
}

@inline
function storeLanes<S, F>(at: usize, value: v128): void {
  if (sizeof<S>() < sizeof<F>()) v128.store64_lane(at, f32x4.demote_f64x2_zero(value), 0);
  else v128.store(at, value);
}

/** One element in all lanes. */
@inline
function splatOf<S, F>(at: usize): v128 {
  return v128.splat<F>(<F>load<S>(at));
}

@inline
function nearest<F>(x: v128, magic: v128): v128 {
  return v128.sub<F>(v128.add<F>(x, magic), magic);
}

/**
 * Rounds lanes that are wider than the format: its quantum is the unit in the last place of a power of two that is added and taken away.
 * What exceeds the range becomes infinity in a scale where lanes end with the format, or NaN.
 */
@inline
function rounded<F, I>(
  end: i32,
  x: v128,
  exponents: v128,
  floor: v128,
  shift: v128,
  most: v128,
  scale: v128,
  unscale: v128,
): v128 {
  if (end == endOwn) return x;
  const magnitude = v128.abs<F>(x);
  const magic = v128.add<I>(v128.and(v128.pmax<F>(magnitude, floor), exponents), shift);
  const near = nearest<F>(magnitude, magic);
  const result =
    end == endInfinite
      ? v128.mul<F>(v128.mul<F>(near, scale), unscale)
      : v128.or(near, v128.gt<F>(near, most));
  return v128.or(result, v128.xor(x, magnitude));
}

/** sum + a b. */
@inline
function step<F, I>(
  end: i32,
  sum: v128,
  a: v128,
  b: v128,
  exponents: v128,
  floor: v128,
  shift: v128,
  most: v128,
  scale: v128,
  unscale: v128,
): v128 {
  const exact = v128.mul<F>(a, b);
  const product = rounded<F, I>(end, exact, exponents, floor, shift, most, scale, unscale);
  return rounded<F, I>(end, v128.add<F>(sum, product), exponents, floor, shift, most, scale, unscale);
}

@inline
function quickProduct<F, I>(a: v128, b: v128, exponents: v128, floor: v128, shift: v128): v128 {
  const exact = v128.mul<F>(a, b);
  return nearest<F>(exact, v128.add<I>(v128.pmax<F>(v128.and(exact, exponents), floor), shift));
}

/**
 * Four vectors of c - a b, rounded by three halves of a power of two: numbers of either sign in few instructions, as long as neither the
 * sign of zero nor the end of the range matters. Whether they do not: a sum that begins with another number than -0 never becomes -0, and one
 * below the binade before the last takes no product beyond the end without showing it. If they do, c is as it was.
 */
@inline
function subtractedQuick<S, F, I>(
  c: usize,
  a: usize,
  factorEnd: usize,
  b: usize,
  bStride: usize,
  exponents: v128,
  floor: v128,
  parameters: usize,
): bool {
  const vector: usize = <usize>(16 / <i32>sizeof<F>()) * sizeof<S>();
  const shift = v128.load_splat<I>(parameters, quickShiftSlot);
  let sum0 = loadLanes<S, F>(c);
  let sum1 = loadLanes<S, F>(c + vector);
  let sum2 = loadLanes<S, F>(c + 2 * vector);
  let sum3 = loadLanes<S, F>(c + 3 * vector);
  const negativeZero = v128.neg<F>(v128.splat<F>(0));
  const zeros = v128.or(
    v128.or(v128.eq<I>(sum0, negativeZero), v128.eq<I>(sum1, negativeZero)),
    v128.or(v128.eq<I>(sum2, negativeZero), v128.eq<I>(sum3, negativeZero)),
  );
  if (v128.any_true(zeros)) return false;
  let largest = v128.pmax<F>(
    v128.pmax<F>(v128.and(sum0, exponents), v128.and(sum1, exponents)),
    v128.pmax<F>(v128.and(sum2, exponents), v128.and(sum3, exponents)),
  );
  for (let factor = a; factor < factorEnd; factor += sizeof<S>(), b += bStride) {
    const times = v128.neg<F>(splatOf<S, F>(factor));
    const exact0 = v128.add<F>(sum0, quickProduct<F, I>(times, loadLanes<S, F>(b), exponents, floor, shift));
    const binade0 = v128.and(exact0, exponents);
    sum0 = nearest<F>(exact0, v128.add<I>(binade0, shift));
    const exact1 = v128.add<F>(sum1, quickProduct<F, I>(times, loadLanes<S, F>(b + vector), exponents, floor, shift));
    const binade1 = v128.and(exact1, exponents);
    sum1 = nearest<F>(exact1, v128.add<I>(binade1, shift));
    const exact2 = v128.add<F>(sum2, quickProduct<F, I>(times, loadLanes<S, F>(b + 2 * vector), exponents, floor, shift));
    const binade2 = v128.and(exact2, exponents);
    sum2 = nearest<F>(exact2, v128.add<I>(binade2, shift));
    const exact3 = v128.add<F>(sum3, quickProduct<F, I>(times, loadLanes<S, F>(b + 3 * vector), exponents, floor, shift));
    const binade3 = v128.and(exact3, exponents);
    sum3 = nearest<F>(exact3, v128.add<I>(binade3, shift));
    largest = v128.pmax<F>(
      v128.pmax<F>(largest, v128.pmax<F>(binade0, binade1)),
      v128.pmax<F>(binade2, binade3),
    );
  }
  if (v128.any_true(v128.ge<F>(largest, v128.load_splat<F>(parameters, nearSlot)))) return false;
  storeLanes<S, F>(c, sum0);
  storeLanes<S, F>(c + vector, sum1);
  storeLanes<S, F>(c + 2 * vector, sum2);
  storeLanes<S, F>(c + 3 * vector, sum3);
  return true;
}

@inline
function subtractIn<S, F, I>(
  end: i32,
  c: usize,
  cStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  parameters: usize,
): void {
  const exponents = v128.splat<F>(<F>Infinity);
  const floor = v128.load_splat<F>(parameters, floorSlot);
  const shift = v128.load_splat<I>(parameters, shiftSlot);
  const most = v128.load_splat<F>(parameters, mostSlot);
  const scale = v128.load_splat<F>(parameters, scaleSlot);
  const unscale = v128.load_splat<F>(parameters, unscaleSlot);
  const lanes = 16 / <i32>sizeof<F>();
  const vector: usize = <usize>lanes * sizeof<S>();
  const factorEnd = <usize>depth * sizeof<S>();
  for (; rows > 0; rows--) {
    let to = c;
    let from = b;
    let left = columns;
    for (; left >= 4 * lanes; left -= 4 * lanes, to += 4 * vector, from += 4 * vector) {
      if (end != endOwn && subtractedQuick<S, F, I>(to, a, a + factorEnd, from, bStride, exponents, floor, parameters)) continue;
      let sum0 = loadLanes<S, F>(to);
      let sum1 = loadLanes<S, F>(to + vector);
      let sum2 = loadLanes<S, F>(to + 2 * vector);
      let sum3 = loadLanes<S, F>(to + 3 * vector);
      for (let factor = a, row = from; factor < a + factorEnd; factor += sizeof<S>(), row += bStride) {
        const times = v128.neg<F>(splatOf<S, F>(factor));
        sum0 = step<F, I>(end, sum0, times, loadLanes<S, F>(row), exponents, floor, shift, most, scale, unscale);
        sum1 = step<F, I>(end, sum1, times, loadLanes<S, F>(row + vector), exponents, floor, shift, most, scale, unscale);
        sum2 = step<F, I>(end, sum2, times, loadLanes<S, F>(row + 2 * vector), exponents, floor, shift, most, scale, unscale);
        sum3 = step<F, I>(end, sum3, times, loadLanes<S, F>(row + 3 * vector), exponents, floor, shift, most, scale, unscale);
      }
      storeLanes<S, F>(to, sum0);
      storeLanes<S, F>(to + vector, sum1);
      storeLanes<S, F>(to + 2 * vector, sum2);
      storeLanes<S, F>(to + 3 * vector, sum3);
    }
    for (; left >= lanes; left -= lanes) {
      let sum = loadLanes<S, F>(to);
      for (let factor = a, row = from; factor < a + factorEnd; factor += sizeof<S>(), row += bStride)
        sum = step<F, I>(end, sum, v128.neg<F>(splatOf<S, F>(factor)), loadLanes<S, F>(row), exponents, floor, shift, most, scale, unscale);
      storeLanes<S, F>(to, sum);
      to += vector;
      from += vector;
    }
    for (; left > 0; left--) {
      let sum = splatOf<S, F>(to);
      for (let factor = a, row = from; factor < a + factorEnd; factor += sizeof<S>(), row += bStride)
        sum = step<F, I>(end, sum, v128.neg<F>(splatOf<S, F>(factor)), splatOf<S, F>(row), exponents, floor, shift, most, scale, unscale);
      store<S>(to, <S>v128.extract_lane<F>(sum, 0));
      to += sizeof<S>();
      from += sizeof<S>();
    }
    c += cStride;
    a += aStride;
  }
}

/**
 * c = c - a b, for c of (rows, columns) and a of (rows, depth): c_ij = fl(c_ij + fl((-a_ik) b_kj)) for k = 0, 1, ... Strides are bytes from row
 * to row. Neither operand overlaps c.
 */
export function subtractProduct(
  kernel: i32,
  c: usize,
  cStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  parameters: usize,
): void {
  switch (kernel) {
    case 0:
      subtractIn<f32, f32, i32>(endInfinite, c, cStride, a, aStride, b, bStride, rows, columns, depth, parameters);
      break;
    case 1:
      subtractIn<f32, f32, i32>(endExceeded, c, cStride, a, aStride, b, bStride, rows, columns, depth, parameters);
      break;
    case 2:
      subtractIn<f32, f32, i32>(endOwn, c, cStride, a, aStride, b, bStride, rows, columns, depth, parameters);
      break;
    case 3:
      subtractIn<f32, f64, i64>(endInfinite, c, cStride, a, aStride, b, bStride, rows, columns, depth, parameters);
      break;
    case 4:
      subtractIn<f32, f64, i64>(endExceeded, c, cStride, a, aStride, b, bStride, rows, columns, depth, parameters);
      break;
    default:
      subtractIn<f64, f64, i64>(endOwn, c, cStride, a, aStride, b, bStride, rows, columns, depth, parameters);
  }
}

@inline
function divideIn<S, F, I>(
  end: i32,
  x: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  divisor: f64,
  parameters: usize,
): void {
  const exponents = v128.splat<F>(<F>Infinity);
  const floor = v128.load_splat<F>(parameters, floorSlot);
  const shift = v128.load_splat<I>(parameters, shiftSlot);
  const most = v128.load_splat<F>(parameters, mostSlot);
  const scale = v128.load_splat<F>(parameters, scaleSlot);
  const unscale = v128.load_splat<F>(parameters, unscaleSlot);
  const by = v128.splat<F>(<F>divisor);
  for (; rows > 0; rows--) {
    for (let at = x, stop = x + <usize>columns * sizeof<S>(); at < stop; at += sizeof<S>()) {
      const quotient = rounded<F, I>(end, v128.div<F>(splatOf<S, F>(at), by), exponents, floor, shift, most, scale, unscale);
      store<S>(at, <S>v128.extract_lane<F>(quotient, 0));
    }
    x += stride;
  }
}

/** x = x / divisor, which is a number of the format. */
export function divideBy(
  kernel: i32,
  x: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  divisor: f64,
  parameters: usize,
): void {
  switch (kernel) {
    case 0:
      divideIn<f32, f32, i32>(endInfinite, x, stride, rows, columns, divisor, parameters);
      break;
    case 1:
      divideIn<f32, f32, i32>(endExceeded, x, stride, rows, columns, divisor, parameters);
      break;
    case 2:
      divideIn<f32, f32, i32>(endOwn, x, stride, rows, columns, divisor, parameters);
      break;
    case 3:
      divideIn<f32, f64, i64>(endInfinite, x, stride, rows, columns, divisor, parameters);
      break;
    case 4:
      divideIn<f32, f64, i64>(endExceeded, x, stride, rows, columns, divisor, parameters);
      break;
    default:
      divideIn<f64, f64, i64>(endOwn, x, stride, rows, columns, divisor, parameters);
  }
}
