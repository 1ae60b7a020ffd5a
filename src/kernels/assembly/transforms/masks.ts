/** Gradients where a quantiser neither clipped nor erred much: the twins of `src/quantizers/gradients/masks.ts`. */

/** Whether numbers lie between ends, or at them if that is not strict. */
@inline
function inside<F>(strict: bool, x: v128, low: v128, high: v128): v128 {
  return strict
    ? v128.and(v128.gt<F>(x, low), v128.lt<F>(x, high))
    : v128.and(v128.ge<F>(x, low), v128.le<F>(x, high));
}

@inline
function maskIn<F>(
  strict: bool,
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
    let passes = inside<F>(strict, v128.load(source), lows, highs);
    if (sizeof<F>() == 8)
      passes = v128.shuffle<i32>(passes, inside<F>(strict, v128.load(source, 16), lows, highs), 0, 2, 4, 6);
    v128.store(destination, v128.and(v128.load(gradient), passes));
    source += 4 * sizeof<F>();
    destination += 16;
  }
  for (const end = gradient + (<usize>(length & 3) << 2); gradient < end; gradient += 4) {
    const passes = v128.any_true(inside<F>(strict, v128.load_splat<F>(source), lows, highs));
    store<f32>(destination, passes ? load<f32>(gradient) : 0);
    source += sizeof<F>();
    destination += 4;
  }
}

/** The gradient where low <= x <= high, or between them if that is strict; else 0. x is of binary64 if it is wide; so are the ends, else of binary32. */
export function maskWithin(
  wide: bool,
  strict: bool,
  gradient: usize,
  source: usize,
  destination: usize,
  length: i32,
  low: f64,
  high: f64,
): void {
  if (wide) {
    if (strict) maskIn<f64>(true, gradient, source, destination, length, low, high);
    else maskIn<f64>(false, gradient, source, destination, length, low, high);
  } else if (strict) maskIn<f32>(true, gradient, source, destination, length, low, high);
  else maskIn<f32>(false, gradient, source, destination, length, low, high);
}

/** The squares of numbers added to a sum, one after the other, in binary64. */
export function addSquares(source: usize, length: i32, sum: f64): f64 {
  for (const end = source + (<usize>length << 2); source < end; source += 4) {
    const x = <f64>load<f32>(source);
    sum += x * x;
  }
  return sum;
}

/** The errors of two numbers, in binary64, that are at most a limit, as masks of 64 bits. */
@inline
function near(value: v128, x: v128, limits: v128): v128 {
  const error = f64x2.sub(f64x2.promote_low_f32x4(value), f64x2.promote_low_f32x4(x));
  return f64x2.le(f64x2.abs(error), limits);
}

/** The gradient where |value - x| <= limit; else 0. */
export function maskErrors(
  gradient: usize,
  source: usize,
  values: usize,
  destination: usize,
  length: i32,
  limit: f64,
): void {
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
  for (const end = <usize>length << 2; at < end; at += 4) {
    const error = <f64>load<f32>(values + at) - <f64>load<f32>(source + at);
    store<f32>(destination + at, abs<f64>(error) <= limit ? load<f32>(gradient + at) : 0);
  }
}

/** `maskErrors` for groups of `size` neighbours each, but no more than are left of a row: limits are `multiplier` root mean squares over `steps`. */
export function maskGroups(
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
    const sigma = sqrt<f64>(addSquares(source, length, 0) / <f64>length);
    maskErrors(gradient, source, values, destination, length, (multiplier * sigma) / steps);
    const bytes = <usize>length << 2;
    gradient += bytes;
    source += bytes;
    values += bytes;
    destination += bytes;
  }
}
