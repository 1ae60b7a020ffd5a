/** Matrices turned: squares of 4 x 4 in registers, so that neither side is walked a word a cache line. Copies only. */

@inline
function square(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  const r0 = v128.load(from);
  const r1 = v128.load(from + fromStride);
  const r2 = v128.load(from + 2 * fromStride);
  const r3 = v128.load(from + 3 * fromStride);
  const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(to + toStride, v128.shuffle<i64>(low01, low23, 1, 3));
  v128.store(to + 2 * toStride, v128.shuffle<i64>(high01, high23, 0, 2));
  v128.store(to + 3 * toStride, v128.shuffle<i64>(high01, high23, 1, 3));
}

@inline
function words(from: usize, to: usize, rows: i32, columns: i32, firstRow: i32, firstColumn: i32, endColumn: i32): void {
  for (let r = firstRow; r < rows; r++)
    for (let c = firstColumn; c < endColumn; c++)
      store<u32>(to + <usize>(c * rows + r) * 4, load<u32>(from + <usize>(r * columns + c) * 4));
}

/** to[matrix][column][row] = from[matrix][row][column]. */
export function transpose(from: usize, to: usize, count: i32, rows: i32, columns: i32): void {
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  const fromStride = <usize>columns * 4;
  const toStride = <usize>rows * 4;
  for (let n = 0; n < count; n++) {
    for (let r = 0; r < wholeRows; r += 4)
      for (let c = 0; c < wholeColumns; c += 4)
        square(
          from + <usize>r * fromStride + <usize>c * 4,
          fromStride,
          to + <usize>c * toStride + <usize>r * 4,
          toStride,
        );
    words(from, to, rows, columns, wholeRows, 0, wholeColumns);
    words(from, to, rows, columns, 0, wholeColumns, columns);
    from += <usize>rows * fromStride;
    to += <usize>rows * fromStride;
  }
}
