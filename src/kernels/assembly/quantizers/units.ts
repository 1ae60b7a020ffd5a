/** Elements in units of their scale and back, and ranges of groups: the twins of `intoUnits`, `outOfUnits` and `rangesOf` in `src/quantizers/elements.ts`. */
import { pair, storePairs, walkGroups, within } from './groups';

@inline
function times(divides: i32, x: v128, factor: v128): v128 {
  return divides ? f64x2.div(x, factor) : f64x2.mul(x, factor);
}

@unmanaged
class Into<F> {
  @inline
  take(
    each: bool,
    divides: i32,
    elements: usize,
    units: usize,
    _c: usize,
    _d: usize,
    at: usize,
    run: i32,
    term: usize,
    most: f64,
    kept: f64,
  ): void {
    const ends = f64x2.splat(most);
    const keeps = f64x2.splat(kept);
    let source = elements + (at << 2);
    let destination = units + at * sizeof<F>();
    let first = v128.load64_splat(term);
    let second = first;
    for (const end = source + (<usize>(run & ~3) << 2); source < end; source += 16) {
      if (each) {
        first = v128.load(term);
        second = v128.load(term, 16);
        term += 32;
      }
      const unit0 = times(divides, pair<f32>(source, 0), first);
      const unit1 = times(divides, pair<f32>(source, 1), second);
      storePairs<F>(destination, within(unit0, ends, unit0, keeps), within(unit1, ends, unit1, keeps));
      destination += 4 * sizeof<F>();
    }
    for (const end = source + (<usize>(run & 3) << 2); source < end; source += 4) {
      if (each) {
        first = v128.load64_splat(term);
        term += 8;
      }
      const unit = times(divides, f64x2.splat(<f64>load<f32>(source)), first);
      store<F>(destination, <F>f64x2.extract_lane(within(unit, ends, unit, keeps), 0));
      destination += sizeof<F>();
    }
  }
}

/**
 * Elements times the terms of their groups, or divided by them, in binary64: no further from 0 than `most`, but for those of the magnitude
 * `kept`. The result is of binary64 if it is wide; else it is rounded to binary32.
 */
export function intoUnits(
  wide: bool,
  divides: bool,
  source: usize,
  destination: usize,
  length: i32,
  column: i32,
  columns: i32,
  size: i32,
  terms: usize,
  step: usize,
  most: f64,
  kept: f64,
): void {
  if (wide) walkGroups<Into<f64>>(divides, source, destination, 0, 0, length, column, columns, size, terms, step, most, kept);
  else walkGroups<Into<f32>>(divides, source, destination, 0, 0, length, column, columns, size, terms, step, most, kept);
}

/** Two elements, their zero points added, between the ends. */
@inline
function settled(element: v128, zero: v128, low: v128, high: v128): v128 {
  return f64x2.pmin(f64x2.pmax(f64x2.add(element, zero), low), high);
}

/** Two values of elements, of finite ones at most the largest number of binary32. */
@inline
function valueOf(divides: i32, element: v128, back: v128, factor: v128): v128 {
  const unit = f64x2.add(element, back);
  return within(times(divides, unit, factor), f64x2.splat(f32.MAX_VALUE), unit, f64x2.splat(Infinity));
}

@unmanaged
class OutOf {
  @inline
  take(
    each: bool,
    divides: i32,
    elements: usize,
    values: usize,
    pitch: usize,
    _d: usize,
    at: usize,
    run: i32,
    term: usize,
    low: f64,
    high: f64,
  ): void {
    const lows = f64x2.splat(low);
    const highs = f64x2.splat(high);
    let place = elements + (at << 2);
    let destination = values + (at << 2);
    let zeros = term + pitch;
    let backs = zeros + pitch;
    let factor0 = v128.load64_splat(term);
    let factor1 = factor0;
    let zero0 = v128.load64_splat(zeros);
    let zero1 = zero0;
    let back0 = v128.load64_splat(backs);
    let back1 = back0;
    for (const end = destination + (<usize>(run & ~3) << 2); destination < end; destination += 16) {
      if (each) {
        factor0 = v128.load(term);
        factor1 = v128.load(term, 16);
        zero0 = v128.load(zeros);
        zero1 = v128.load(zeros, 16);
        back0 = v128.load(backs);
        back1 = v128.load(backs, 16);
        term += 32;
        zeros += 32;
        backs += 32;
      }
      const element0 = settled(pair<f32>(place, 0), zero0, lows, highs);
      const element1 = settled(pair<f32>(place, 1), zero1, lows, highs);
      storePairs<f32>(place, element0, element1);
      storePairs<f32>(destination, valueOf(divides, element0, back0, factor0), valueOf(divides, element1, back1, factor1));
      place += 16;
    }
    for (const end = destination + (<usize>(run & 3) << 2); destination < end; destination += 4) {
      if (each) {
        factor0 = v128.load64_splat(term);
        zero0 = v128.load64_splat(zeros);
        back0 = v128.load64_splat(backs);
        term += 8;
        zeros += 8;
        backs += 8;
      }
      const element = settled(f64x2.splat(<f64>load<f32>(place)), zero0, lows, highs);
      store<f32>(place, <f32>f64x2.extract_lane(element, 0));
      store<f32>(destination, <f32>f64x2.extract_lane(valueOf(divides, element, back0, factor0), 0));
      place += 4;
    }
  }
}

/**
 * Values of elements: the elements plus a number of their group, between `low` and `high`, take their place; plus another number they are
 * multiplied by the group's factor, or divided by it. The factors are the terms; the numbers lie `pitch` and twice as many bytes
 * further.
 */
export function outOfUnits(
  divides: bool,
  elements: usize,
  values: usize,
  length: i32,
  column: i32,
  columns: i32,
  size: i32,
  terms: usize,
  step: usize,
  pitch: usize,
  low: f64,
  high: f64,
): void {
  walkGroups<OutOf>(divides, elements, values, pitch, 0, length, column, columns, size, terms, step, low, high);
}

@unmanaged
class Range {
  @inline
  take(
    each: bool,
    _kind: i32,
    elements: usize,
    _b: usize,
    pitch: usize,
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
      for (; source + 8 <= end; source += 8) {
        const x = pair<f32>(source, 0);
        v128.store(term, f64x2.min(v128.load(term), x));
        v128.store(term + pitch, f64x2.max(v128.load(term + pitch), x));
        term += 16;
      }
      if (source < end) {
        const x = <f64>load<f32>(source);
        store<f64>(term, min(load<f64>(term), x));
        store<f64>(term + pitch, max(load<f64>(term + pitch), x));
      }
      return;
    }
    let low0 = f32x4.splat(<f32>load<f64>(term));
    let low1 = low0;
    let high0 = f32x4.splat(<f32>load<f64>(term + pitch));
    let high1 = high0;
    for (; source + 32 <= end; source += 32) {
      const x = v128.load(source);
      const y = v128.load(source, 16);
      low0 = f32x4.min(low0, x);
      low1 = f32x4.min(low1, y);
      high0 = f32x4.max(high0, x);
      high1 = f32x4.max(high1, y);
    }
    for (; source < end; source += 4) {
      const x = v128.load32_splat(source);
      low0 = f32x4.min(low0, x);
      high0 = f32x4.max(high0, x);
    }
    low0 = f32x4.min(low0, low1);
    high0 = f32x4.max(high0, high1);
    low0 = f32x4.min(low0, v128.shuffle<i64>(low0, low0, 1, 0));
    high0 = f32x4.max(high0, v128.shuffle<i64>(high0, high0, 1, 0));
    store<f64>(term, <f64>min(f32x4.extract_lane(low0, 0), f32x4.extract_lane(low0, 1)));
    store<f64>(term + pitch, <f64>max(f32x4.extract_lane(high0, 0), f32x4.extract_lane(high0, 1)));
  }
}

/** Makes the terms of groups their least elements, and the numbers `pitch` bytes further the largest, where these lie beyond; NaN of a NaN. */
export function addRanges(
  source: usize,
  length: i32,
  column: i32,
  columns: i32,
  size: i32,
  terms: usize,
  step: usize,
  pitch: usize,
): void {
  walkGroups<Range>(0, source, 0, pitch, 0, length, column, columns, size, terms, step, 0, 0);
}
