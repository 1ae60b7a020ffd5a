/** Gradients where a quantiser neither clipped nor erred much: the twins of `src/quantizers/gradients/masks.ts`. */
import { pair, walkGroups } from '../quantizers/groups';

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

@unmanaged
class Squares {
  @inline
  take(
    each: bool,
    _kind: i32,
    elements: usize,
    _b: usize,
    _c: usize,
    _d: usize,
    at: usize,
    run: i32,
    term: usize,
    _x: f64,
    _y: f64,
  ): void {
    let source = elements + (at << 2);
    const end = source + (<usize>run << 2);
    if (each) {
      for (const whole = source + (<usize>(run & ~1) << 2); source < whole; source += 8) {
        const x = f64x2.promote_low_f32x4(v128.load64_zero(source));
        v128.store(term, f64x2.add(v128.load(term), f64x2.mul(x, x)));
        term += 16;
      }
      if (source == end) return;
    }
    let sum = load<f64>(term);
    for (; source < end; source += 4) {
      const x = <f64>load<f32>(source);
      sum += x * x;
    }
    store<f64>(term, sum);
  }
}

/** Adds the squares of elements to the terms of their groups, one after the other. */
export function addSquares(
  source: usize,
  length: i32,
  column: i32,
  columns: i32,
  size: i32,
  terms: usize,
  step: usize,
): void {
  walkGroups<Squares>(0, source, 0, 0, 0, length, column, columns, size, terms, step, 0, 0);
}

/** What is asked of elements: that |value - x| is at most the term, or that x plus the term lies between two numbers. */
const near = 0;
const between = 1;

@inline
function passing(question: i32, x: v128, value: v128, term: v128, low: v128, high: v128): v128 {
  if (question == near) return f64x2.le(f64x2.abs(f64x2.sub(value, x)), term);
  const sum = f64x2.add(x, term);
  return v128.and(f64x2.ge(sum, low), f64x2.le(sum, high));
}

@unmanaged
class Mask<F> {
  @inline
  take(
    each: bool,
    question: i32,
    gradients: usize,
    elements: usize,
    images: usize,
    results: usize,
    at: usize,
    run: i32,
    term: usize,
    low: f64,
    high: f64,
  ): void {
    const lows = f64x2.splat(low);
    const highs = f64x2.splat(high);
    let gradient = gradients + (at << 2);
    let source = elements + at * sizeof<F>();
    let values = images + (at << 2);
    let destination = results + (at << 2);
    let first = v128.load64_splat(term);
    let second = first;
    for (const end = destination + (<usize>(run & ~3) << 2); destination < end; destination += 16) {
      if (each) {
        first = v128.load(term);
        second = v128.load(term, 16);
        term += 32;
      }
      let value0 = lows;
      let value1 = lows;
      if (question == near) {
        value0 = pair<f32>(values, 0);
        value1 = pair<f32>(values, 1);
      }
      const passes0 = passing(question, pair<F>(source, 0), value0, first, lows, highs);
      const passes1 = passing(question, pair<F>(source, 1), value1, second, lows, highs);
      const passes = v128.shuffle<i32>(passes0, passes1, 0, 2, 4, 6);
      v128.store(destination, v128.and(v128.load(gradient), passes));
      gradient += 16;
      source += 4 * sizeof<F>();
      values += 16;
    }
    for (const end = destination + (<usize>(run & 3) << 2); destination < end; destination += 4) {
      if (each) {
        first = v128.load64_splat(term);
        term += 8;
      }
      const value = question == near ? f64x2.splat(<f64>load<f32>(values)) : lows;
      const passes = passing(question, f64x2.splat(<f64>load<F>(source)), value, first, lows, highs);
      store<f32>(destination, i64x2.extract_lane(passes, 0) != 0 ? load<f32>(gradient) : 0);
      gradient += 4;
      source += sizeof<F>();
      values += 4;
    }
  }
}

/** The gradient where |value - x| is at most the term of its group; else 0. */
export function maskErrors(
  gradient: usize,
  source: usize,
  values: usize,
  destination: usize,
  length: i32,
  column: i32,
  columns: i32,
  size: i32,
  terms: usize,
  step: usize,
): void {
  walkGroups<Mask<f32>>(near, gradient, source, values, destination, length, column, columns, size, terms, step, 0, 0);
}

/** The gradient where low <= x + term of its group <= high, in binary64; else 0. x is of binary64 if it is wide, else of binary32. */
export function maskShifted(
  wide: bool,
  gradient: usize,
  source: usize,
  destination: usize,
  length: i32,
  column: i32,
  columns: i32,
  size: i32,
  terms: usize,
  step: usize,
  low: f64,
  high: f64,
): void {
  if (wide)
    walkGroups<Mask<f64>>(between, gradient, source, 0, destination, length, column, columns, size, terms, step, low, high);
  else
    walkGroups<Mask<f32>>(between, gradient, source, 0, destination, length, column, columns, size, terms, step, low, high);
}
