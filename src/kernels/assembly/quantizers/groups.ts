/** What kernels share whose elements are those of groups, each of which has a number. */

/**
 * A walk over rows of groups: `length` elements, the first of which is in column `column` of a row of `columns`. Groups are `size`
 * neighbours each, but no more than are left of a row, and have a binary64 number each, their term: those of a row follow each other at
 * `terms`, those of the next row lie `step` bytes further (0: groups go over rows).
 *
 * `Run` is a class whose `take` does what is to be done: with `run` neighbours, `at` elements from the start, that share a term, or with
 * `each` have one each, from `term` on. It is never made; `kind`, four places and two numbers are passed to it.
 */
@inline
export function walkGroups<Run>(
  kind: i32,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  length: i32,
  column: i32,
  columns: i32,
  size: i32,
  terms: usize,
  step: usize,
  x: f64,
  y: f64,
): void {
  let at: usize = 0;
  if (size == 1) {
    for (let term = terms + (<usize>column << 3); length > 0; terms += step, term = terms) {
      const run = min(length, columns - column);
      changetype<Run>(0).take(true, kind, a, b, c, d, at, run, term, x, y);
      at += run;
      length -= run;
      column = 0;
    }
    return;
  }
  let left = size - (column % size);
  let term = terms + (<usize>(column / size) << 3);
  while (length > 0) {
    const run = min(length, min(left, columns - column));
    changetype<Run>(0).take(false, kind, a, b, c, d, at, run, term, x, y);
    at += run;
    length -= run;
    column += run;
    left = size;
    term += 8;
    if (column == columns) {
      column = 0;
      terms += step;
      term = terms;
    }
  }
}

/** Two of four neighbours of binary32, or two of binary64, in binary64. */
@inline
export function pair<F>(place: usize, which: usize): v128 {
  if (sizeof<F>() == 8) return v128.load(place + (which << 4));
  return f64x2.promote_low_f32x4(v128.load64_zero(place + (which << 3)));
}

/** Four neighbours of binary32 or binary64, of two pairs in binary64. */
@inline
export function storePairs<F>(place: usize, first: v128, second: v128): void {
  if (sizeof<F>() == 8) {
    v128.store(place, first);
    v128.store(place, second, 16);
  } else {
    v128.store(place, v128.shuffle<i64>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 2));
  }
}

/** A number, no further from 0 than `most`, unless `given` is of the magnitude `kept`. */
@inline
export function within(number: v128, most: v128, given: v128, kept: v128): v128 {
  // pmin and pmax keep a NaN in their first operand.
  const bounded = f64x2.pmax(f64x2.pmin(number, most), f64x2.neg(most));
  return v128.bitselect(number, bounded, f64x2.eq(f64x2.abs(given), kept));
}
