/** What kernels share whose elements are those of groups, each of which has a number. */

/**
 * A walk over rows of groups: `length` elements, the first of which is in column `column` of a row of `columns`. Groups are `size`
 * neighbours each, but no more than are left of a row, and have a binary64 number each, their term: those of a row follow each other at
 * `terms`, those of the next row lie `step` bytes further (0: groups go over rows). So many neighbours share a term, or have one each:
 */
@inline
export function runOf(length: i32, column: i32, columns: i32, size: i32): i32 {
  return min(length, size == 1 ? columns - column : min(size - (column % size), columns - column));
}

@inline
export function termAt(terms: usize, column: i32, size: i32): usize {
  return terms + (<usize>(size == 1 ? column : column / size) << 3);
}

/** Two of four neighbours of binary32, or two of binary64, in binary64. */
@inline
export function pair<F>(place: usize, which: usize): v128 {
  if (sizeof<F>() == 8) return v128.load(place + (which << 4));
  return f64x2.promote_low_f32x4(v128.load64_zero(place + (which << 3)));
}
