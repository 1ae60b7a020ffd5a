/** Gradients where a quantiser neither clipped nor erred much: the twins of `src/quantizers/gradients/masks.ts`. */

@inline
function maskIn<F>(
  gradient: usize,
  source: usize,
  destination: usize,
  length: i32,
  low: f64,
  high: f64,
): void {
  const lows = v128.splat<F>(<F>low);
  const highs = v128.splat<F>(<F>high);
  for (const end = gradient + (<usize>(length & ~3) << 2); gradient < end; gradient += 16) {
    const x = v128.load(source);
    let passes = v128.and(v128.ge<F>(x, lows), v128.le<F>(x, highs));
    if (sizeof<F>() == 8) {
      const y = v128.load(source, 16);
      passes = v128.shuffle<i32>(passes, v128.and(v128.ge<F>(y, lows), v128.le<F>(y, highs)), 0, 2, 4, 6);
    }
    v128.store(destination, v128.and(v128.load(gradient), passes));
    source += 4 * sizeof<F>();
    destination += 16;
  }
  for (const end = gradient + (<usize>(length & 3) << 2); gradient < end; gradient += 4) {
    const x = <f64>load<F>(source);
    store<f32>(destination, x >= low && x <= high ? load<f32>(gradient) : 0);
    source += sizeof<F>();
    destination += 4;
  }
}

/** The gradient where low <= x <= high; else 0. x is of binary64 if it is wide; so are the ends, else of binary32. */
export function maskWithin(
  wide: bool,
  gradient: usize,
  source: usize,
  destination: usize,
  length: i32,
  low: f64,
  high: f64,
): void {
  if (wide) maskIn<f64>(gradient, source, destination, length, low, high);
  else maskIn<f32>(gradient, source, destination, length, low, high);
}

/** The errors of two numbers, in binary64, that are at most a limit, as masks of 64 bits. */
@inline
function near(value: v128, x: v128, limits: v128): v128 {
  const error = f64x2.sub(f64x2.promote_low_f32x4(value), f64x2.promote_low_f32x4(x));
  return f64x2.le(f64x2.abs(error), limits);
}

/**
 * The gradient where |value - x| <= multiplier sigma / steps, sigma being the root mean square of a group, whose squares are added one
 * after the other; else 0. Groups are `size` neighbours each, but no more than are left of a row.
 */
export function maskErrors(
  gradient: usize,
  source: usize,
  values: usize,
  destination: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  multiplier: f64,
  steps: f64,
): void {
  for (; groups > 0; groups--) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    const bytes = <usize>length << 2;
    let sum: f64 = 0;
    for (let at: usize = 0; at < bytes; at += 4) {
      const x = <f64>load<f32>(source + at);
      sum += x * x;
    }
    const limit = (multiplier * sqrt<f64>(sum / <f64>length)) / steps;
    const limits = f64x2.splat(limit);
    let at: usize = 0;
    for (const end = <usize>(length & ~3) << 2; at < end; at += 16) {
      const x = v128.load(source + at);
      const value = v128.load(values + at);
      const low = near(value, x, limits);
      const high = near(v128.shuffle<i64>(value, value, 1, 0), v128.shuffle<i64>(x, x, 1, 0), limits);
      const passes = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
      v128.store(destination + at, v128.and(v128.load(gradient + at), passes));
    }
    for (; at < bytes; at += 4) {
      const error = <f64>load<f32>(values + at) - <f64>load<f32>(source + at);
      store<f32>(destination + at, abs<f64>(error) <= limit ? load<f32>(gradient + at) : 0);
    }
    gradient += bytes;
    source += bytes;
    values += bytes;
    destination += bytes;
  }
}
