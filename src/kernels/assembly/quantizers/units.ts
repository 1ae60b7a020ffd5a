/** Elements in units of their scale: the twin of `intoUnits` in `src/quantizers/elements.ts`. */
import { pair, runOf, termAt } from './groups';

/** Two elements and the numbers of their groups, in binary64. */
@inline
function scaled(divides: bool, x: v128, term: v128, most: v128, kept: v128): v128 {
  const unit = divides ? f64x2.div(x, term) : f64x2.mul(x, term);
  // pmin and pmax keep a NaN in their first operand.
  const within = f64x2.pmax(f64x2.pmin(unit, most), f64x2.neg(most));
  return v128.bitselect(unit, within, f64x2.eq(f64x2.abs(x), kept));
}

/** Neighbours that share a term, or have one each. */
@inline
function scaleRun<F>(
  each: bool,
  divides: bool,
  source: usize,
  destination: usize,
  run: i32,
  term: usize,
  most: v128,
  kept: v128,
): void {
  let first = v128.load64_splat(term);
  let second = first;
  for (const end = source + (<usize>(run & ~3) << 2); source < end; source += 16) {
    if (each) {
      first = v128.load(term);
      second = v128.load(term, 16);
      term += 32;
    }
    const unit0 = scaled(divides, pair<f32>(source, 0), first, most, kept);
    const unit1 = scaled(divides, pair<f32>(source, 1), second, most, kept);
    if (sizeof<F>() == 8) {
      v128.store(destination, unit0);
      v128.store(destination, unit1, 16);
    } else {
      const low = f32x4.demote_f64x2_zero(unit0);
      v128.store(destination, v128.shuffle<i64>(low, f32x4.demote_f64x2_zero(unit1), 0, 2));
    }
    destination += 4 * sizeof<F>();
  }
  for (const end = source + (<usize>(run & 3) << 2); source < end; source += 4) {
    if (each) {
      first = v128.load64_splat(term);
      term += 8;
    }
    const unit = scaled(divides, f64x2.splat(<f64>load<f32>(source)), first, most, kept);
    store<F>(destination, <F>f64x2.extract_lane(unit, 0));
    destination += sizeof<F>();
  }
}

@inline
function scaleGroups<F>(
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
  const ends = f64x2.splat(most);
  const keeps = f64x2.splat(kept);
  while (length > 0) {
    const run = runOf(length, column, columns, size);
    const term = termAt(terms, column, size);
    if (size == 1) scaleRun<F>(true, divides, source, destination, run, term, ends, keeps);
    else scaleRun<F>(false, divides, source, destination, run, term, ends, keeps);
    source += <usize>run << 2;
    destination += <usize>run * sizeof<F>();
    length -= run;
    column += run;
    if (column == columns) {
      column = 0;
      terms += step;
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
  if (wide) scaleGroups<f64>(divides, source, destination, length, column, columns, size, terms, step, most, kept);
  else scaleGroups<f32>(divides, source, destination, length, column, columns, size, terms, step, most, kept);
}
