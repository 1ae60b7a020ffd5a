/** Groups that run over rows, one after the other: as what walks over neighbours takes them. */

/** Four rows of four numbers as columns; both `stride` and `pitch` are bytes from one to the next. */
@inline
function transpose(source: usize, stride: usize, destination: usize, pitch: usize): void {
  const a = v128.load(source);
  const b = v128.load(source + stride);
  const c = v128.load(source + 2 * stride);
  const d = v128.load(source + 3 * stride);
  const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(destination, v128.shuffle<i64>(ab0, cd0, 0, 2));
  v128.store(destination + pitch, v128.shuffle<i64>(ab0, cd0, 1, 3));
  v128.store(destination + 2 * pitch, v128.shuffle<i64>(ab1, cd1, 0, 2));
  v128.store(destination + 3 * pitch, v128.shuffle<i64>(ab1, cd1, 1, 3));
}

function gatherColumns(source: usize, destination: usize, groups: i32, rows: i32, stride: usize): void {
  const pitch = <usize>rows << 2;
  for (let group = 0; group < groups; ) {
    const isFour = group + 4 <= groups;
    let from = source;
    let to = destination;
    let row = 0;
    if (isFour)
      for (; row + 4 <= rows; row += 4) {
        transpose(from, stride, to, pitch);
        from += stride << 2;
        to += 16;
      }
    const columns = isFour ? 4 : 1;
    for (; row < rows; row++) {
      for (let column: usize = 0; column < <usize>columns; column++)
        store<f32>(to + column * pitch, load<f32>(from + (column << 2)));
      from += stride;
      to += 4;
    }
    group += columns;
    source += <usize>columns << 2;
    destination += <usize>columns * pitch;
  }
}

/**
 * Copies `rows` rows of each of `groups` groups of `size` columns, but no more than are `left`, beside each other. Rows are `stride` bytes
 * apart.
 */
export function gatherGroups(
  source: usize,
  destination: usize,
  groups: i32,
  size: i32,
  left: i32,
  rows: i32,
  stride: usize,
): void {
  if (size == 1) {
    gatherColumns(source, destination, groups, rows, stride);
    return;
  }
  for (; groups > 0; groups--) {
    const length = min(size, left);
    left -= length;
    for (let row = 0, line = source; row < rows; row++, line += stride) {
      let from = line;
      for (const stop = from + (<usize>(length & ~3) << 2); from < stop; from += 16) {
        v128.store(destination, v128.load(from));
        destination += 16;
      }
      for (const stop = from + (<usize>(length & 3) << 2); from < stop; from += 4) {
        store<f32>(destination, load<f32>(from));
        destination += 4;
      }
    }
    source += <usize>length << 2;
  }
}
