/** How a tensor is cut into groups, and its groups into pieces that stay in the cache. Geometry alone. */

/**
 * Groups of `size` neighbours, but no more than are left of a row of `columns`; with `band`, of as many of those as are below
 * each other.
 */
export interface GroupLayout {
  readonly rows: number;
  readonly columns: number;
  readonly size: number;
  /** Rows of a group, but no more than are left of a matrix of `height` rows; whether each is a line of it. Default: one. */
  readonly band?: { readonly rows: number; readonly height: number; readonly hasLines: boolean };
}

/** How much is done together. */
export interface Extent {
  /** Elements of a piece. */
  readonly length: number;
  /** Groups of a piece, or columns of a band. */
  readonly groups: number;
}

/** Pieces of 64 KiB, far below the second-level cache. A multiple of 16. */
export const cached: Extent = { length: 16384, groups: 1024 };

/** One piece of all. */
export function extentOf({ rows, columns, size }: GroupLayout): Extent {
  const perRow = Math.ceil(columns / size);
  const length = Math.max(rows * columns, cached.length);
  return { length, groups: Math.max(rows * perRow, perRow * size) };
}

/** How many groups there are. */
export function groupsOf({ rows, columns, size, band }: GroupLayout): number {
  const perRow = Math.ceil(columns / size);
  if (band === undefined) return rows * perRow;
  return (rows / band.height) * Math.ceil(band.height / band.rows) * perRow;
}

/** Elements that lie one after the other, and the groups that they are. */
export interface Walk {
  readonly length: number;
  readonly groups: number;
  readonly size: number;
  readonly columns: number;
  /** Elements left of the row, at the start. */
  readonly left: number;
}

/** A walk over a part of the tensor. */
export interface Piece extends Walk {
  readonly start: number;
  /** The number of the first group. */
  readonly group: number;
}

/** So many neighbours of one group. */
export function aloneIn(count: number): Walk {
  return { length: count, groups: 1, size: count, columns: count, left: count };
}

/** The piece that a walk is from an element and a group on. Field by field: a spread in a walk over pieces takes longer than the kernels. */
export function pieceOf({ length, groups, size, columns, left }: Walk, start: number, group: number): Piece {
  return { length, groups, size, columns, left, start, group };
}

/** The pieces of some rows, where a group is no longer than a piece. */
export function* piecesOf(
  { rows, columns, size }: GroupLayout,
  start: number,
  group: number,
  extent: Extent,
): Generator<Piece> {
  const perRow = Math.ceil(columns / size);
  const wholeRows = Math.min(Math.floor(extent.length / columns), Math.floor(extent.groups / perRow));
  if (wholeRows >= 1) {
    for (let row = 0; row < rows; row += wholeRows) {
      const count = Math.min(wholeRows, rows - row);
      const [length, groups] = [count * columns, count * perRow];
      yield { start, length, groups, size, columns, left: columns, group };
      start += length;
      group += groups;
    }
    return;
  }
  const most = Math.min(Math.floor(extent.length / size), extent.groups);
  for (let row = 0; row < rows; row++) {
    for (let left = columns; left > 0; ) {
      const groups = Math.min(most, Math.ceil(left / size));
      const length = Math.min(groups * size, left);
      yield { start, length, groups, size, columns, left, group };
      start += length;
      left -= length;
      group += groups;
    }
  }
}

/** Some rows of a band, and some of its columns. */
export interface Stripe {
  /** The number of the first group. */
  readonly group: number;
  /** The first element. */
  readonly start: number;
  readonly rows: number;
  readonly width: number;
}

/** The least power of two that is at least the number of lines of a group. */
export function wholeLines({ band }: GroupLayout): number {
  return band?.hasLines ? 2 ** Math.ceil(Math.log2(Math.min(band.rows, band.height))) : 1;
}

/** Rows of a stripe that a piece has room for, at least: those of whole groups, with their lines, or four. */
function rowsTogether(layout: GroupLayout, isWhole: boolean): number {
  const { rows, height } = layout.band!;
  return isWhole ? Math.max(Math.min(rows, height), wholeLines(layout), 4) : 4;
}

/** Columns of a stripe: as many as a piece has groups, and so few that its rows fit in a piece. */
function widestStripe(layout: GroupLayout, { length, groups }: Extent, isWhole: boolean): number {
  const { size } = layout;
  return Math.floor(Math.min(groups, length / rowsTogether(layout, isWhole)) / size) * size;
}

/** Columns of a stripe whose groups, with their rows, are longer than a piece: they are loaded a vector or more at a time. */
const leastColumns = 16;

/** How much of a layout is done together: a piece, or more where a tile is wider, or with `isWhole` a group longer, than one. */
export function pieceFor(layout: GroupLayout, isWhole: boolean, piece: Extent = cached): Extent {
  const { size, columns, band } = layout;
  if (band === undefined) {
    const length = Math.min(size, columns);
    return isWhole && length > piece.length ? { ...piece, length } : piece;
  }
  if (widestStripe(layout, piece, isWhole) > 0) return piece;
  const length = rowsTogether(layout, isWhole) * Math.max(size, leastColumns);
  return { length: Math.max(length, piece.length), groups: Math.max(size, piece.groups) };
}

/** The stripes of a layout with bands; `isWhole`: their groups are no longer than a piece. */
export function* stripesOf(layout: GroupLayout, extent: Extent, isWhole: boolean): Generator<Stripe> {
  const { rows, columns, size, band } = layout;
  const widest = widestStripe(layout, extent, isWhole);
  const perRow = Math.ceil(columns / size);
  let group = 0;
  for (let row = 0; row < rows; ) {
    const count = Math.min(band!.rows, band!.height - (row % band!.height));
    for (let left = 0; left < columns; left += widest)
      yield {
        group: group + left / size,
        start: row * columns + left,
        rows: count,
        width: Math.min(widest, columns - left),
      };
    group += perRow;
    row += count;
  }
}
