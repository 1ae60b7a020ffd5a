/**
 * Gradients times the slope of a smooth step between neighbouring values: the twin of `differentiable` in
 * `src/quantizers/gradients/differentiable.ts`, operation by operation.
 */
import { log2, power2 } from './powers';

/** The lower one of the neighbours around x, of which one is the value that x became: an address among ascending values. */
@inline
function cellOf(x: f64, element: f64, values: usize, count: i32): usize {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (load<f64>(values + (<usize>middle << 3)) <= element) low = middle;
    else high = middle - 1;
  }
  if (low == count - 1 || (x < element && low > 0)) low--;
  return values + (<usize>low << 3);
}

/**
 * `destination` = `gradient` times min(|2 (x - lo) / (hi - lo) - 1|^exponent / sharpness, clip), where lo and hi are the neighbours around x
 * among `count` ascending values, two or more; 0 times it where x is below `low` or above `high`. x is read from `scaled`, the value
 * that it became from `elements`.
 */
export function scaleBySlopes(
  gradient: usize,
  scaled: usize,
  elements: usize,
  destination: usize,
  length: i32,
  values: usize,
  count: i32,
  low: f64,
  high: f64,
  exponent: f64,
  sharpness: f64,
  clip: f64,
): void {
  const clips = f64x2.splat(clip);
  const end = scaled + (<usize>length << 2);
  while (scaled < end) {
    const isPair = end - scaled >= 8;
    const given = isPair ? v128.load64_zero(scaled) : v128.load32_splat(scaled);
    const g = isPair ? v128.load64_zero(gradient) : v128.load32_splat(gradient);
    const x = f64x2.promote_low_f32x4(given);
    const next = isPair ? elements + 4 : elements;
    const first = cellOf(f64x2.extract_lane(x, 0), <f64>load<f32>(elements), values, count);
    const second = cellOf(f64x2.extract_lane(x, 1), <f64>load<f32>(next), values, count);
    const below = v128.load_lane<i64>(second, v128.load64_zero(first), 1);
    const above = v128.load_lane<i64>(second + 8, v128.load64_zero(first + 8), 1);
    const distance = f64x2.abs(f64x2.sub(f64x2.add(x, x), f64x2.add(below, above)));
    const position = f64x2.div(distance, f64x2.sub(above, below));
    const power = power2(f64x2.mul(f64x2.splat(exponent), log2(position)));
    const slope = f64x2.pmin(f64x2.div(power, f64x2.splat(sharpness)), clips);
    const isMiddle = f64x2.eq(position, f64x2.splat(0));
    const outside = v128.or(f64x2.lt(x, f64x2.splat(low)), f64x2.gt(x, f64x2.splat(high)));
    const isNumber = f64x2.eq(x, x);
    let factor = v128.bitselect(clips, slope, isMiddle);
    factor = v128.bitselect(factor, x, isNumber);
    factor = v128.andnot(factor, outside);
    const result = f32x4.demote_f64x2_zero(f64x2.mul(f64x2.promote_low_f32x4(g), factor));
    if (isPair) {
      v128.store_lane<i64>(destination, result, 0);
      scaled += 8;
      gradient += 8;
      elements += 8;
      destination += 8;
    } else {
      store<f32>(destination, f32x4.extract_lane(result, 0));
      scaled += 4;
    }
  }
}
