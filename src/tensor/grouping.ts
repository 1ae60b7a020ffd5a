/**
 * How an array is cut into groups that share something: a scale, a statistic, a rotation. Geometry alone; what is done
 * with a group is the matter of the quantisers and transforms.
 *
 * A group is a rectangle of the row-major array: `rows` runs of `columns` elements, `rowStride` and `columnStride` apart.
 */
import { ArgumentError } from '../errors.ts';

/** Which elements form a group. */
export type Grouping =
  | { readonly per: 'tensor' }
  /** The last axis: one group for each index of the others. */
  | { readonly per: 'row' }
  /** One group for each index of the last axis. */
  | { readonly per: 'column' }
  /** `size` consecutive elements along an axis (default the last); the last block of an axis may be shorter. */
  | { readonly per: 'block'; readonly size: number; readonly axis?: number }
  /** Rectangles of the last two axes; those at the far edges may be smaller. */
  | { readonly per: 'tile'; readonly rows: number; readonly columns: number };

/**
 * Takes one group: element (r, c) is at `start + r rowStride + c columnStride`. `group` counts from 0.
 * Plain numbers, so that a walk over many small groups allocates nothing.
 */
export type GroupVisitor = (
  group: number,
  start: number,
  rows: number,
  rowStride: number,
  columns: number,
  columnStride: number,
) => void;

const product = (lengths: readonly number[]): number => lengths.reduce((all, length) => all * length, 1);

/**
 * Checks that a shape fits an array.
 *
 * @throws ArgumentError unless the shape has non-negative integers whose product is `length`.
 */
export function checkShape(shape: readonly number[], length: number): void {
  const valid = Array.isArray(shape) && shape.every((side) => Number.isSafeInteger(side) && side >= 0);
  if (!valid || product(shape) !== length)
    throw new ArgumentError('shape', shape, `lengths whose product is ${length}`);
}

/** The axis as an index from 0; negative ones count from the end. Throws ArgumentError. */
export function axisIndex(axis: number, shape: readonly number[]): number {
  const rank = Math.max(shape.length, 1);
  if (!Number.isSafeInteger(axis) || axis < -rank || axis >= rank)
    throw new ArgumentError('axis', axis, `an integer from ${-rank} to ${rank - 1}`);
  return axis < 0 ? axis + rank : axis;
}

/** Elements before, along and after an axis: the array is (outer, length, inner). */
export function aroundAxis(
  axis: number,
  shape: readonly number[],
): { outer: number; length: number; inner: number } {
  const index = axisIndex(axis, shape);
  return {
    outer: product(shape.slice(0, index)),
    length: shape[index] ?? 1,
    inner: product(shape.slice(index + 1)),
  };
}

const isCount = (given: unknown): boolean => Number.isSafeInteger(given) && (given as number) >= 1;

/** Checks a grouping as such, before there is a shape. Throws ArgumentError. */
export function checkGrouping(grouping: Grouping): Grouping {
  switch (grouping?.per) {
    case 'tensor':
    case 'row':
    case 'column':
      return grouping;
    case 'block':
      if (!isCount(grouping.size)) throw new ArgumentError('size', grouping.size, 'an integer from 1');
      if (grouping.axis !== undefined && !Number.isSafeInteger(grouping.axis))
        throw new ArgumentError('axis', grouping.axis, 'an integer');
      return grouping;
    case 'tile':
      if (!isCount(grouping.rows)) throw new ArgumentError('rows', grouping.rows, 'an integer from 1');
      if (!isCount(grouping.columns))
        throw new ArgumentError('columns', grouping.columns, 'an integer from 1');
      return grouping;
    default:
      throw new ArgumentError(
        'per',
        (grouping as { per?: unknown } | undefined)?.per,
        'tensor, row, column, block, tile',
      );
  }
}

/**
 * The shape of the array that holds one number a group, in the order of `forEachGroup`: `[]` for a tensor, the shape
 * with blocks in place of elements along the axis, and so on.
 */
export function groupShape(grouping: Grouping, shape: readonly number[]): number[] {
  switch (grouping.per) {
    case 'tensor':
      return [];
    case 'row':
      return shape.slice(0, -1);
    case 'column':
      return shape.slice(-1);
    case 'block': {
      const axis = axisIndex(grouping.axis ?? -1, shape);
      return (shape.length === 0 ? [1] : shape).map((side, i) =>
        i === axis ? Math.ceil(side / grouping.size) : side,
      );
    }
    case 'tile': {
      const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
      return [...shape.slice(0, -2), Math.ceil(rows / grouping.rows), Math.ceil(columns / grouping.columns)];
    }
  }
}

/** How many groups there are. */
export function countGroups(grouping: Grouping, shape: readonly number[]): number {
  return product(groupShape(grouping, shape));
}

/**
 * Walks the groups in row-major order of `groupShape`.
 *
 * @example
 * // The sums of the blocks of four along the rows of a 2 x 6 array: four blocks, two of them short.
 * forEachGroup({ per: 'block', size: 4 }, [2, 6], (group, start, rows, rowStride, columns, columnStride) => ...);
 *
 * @throws ArgumentError for an axis that the shape does not have.
 */
export function forEachGroup(grouping: Grouping, shape: readonly number[], visit: GroupVisitor): void {
  switch (grouping.per) {
    case 'tensor':
      visit(0, 0, 1, 0, product(shape), 1);
      return;
    case 'row': {
      const columns = shape.at(-1) ?? 1;
      const count = product(shape.slice(0, -1));
      for (let row = 0; row < count; row++) visit(row, row * columns, 1, 0, columns, 1);
      return;
    }
    case 'column': {
      const columns = shape.at(-1) ?? 1;
      const rows = product(shape.slice(0, -1));
      for (let column = 0; column < columns; column++) visit(column, column, 1, 0, rows, columns);
      return;
    }
    case 'block':
      forEachBlock(grouping.size, grouping.axis ?? -1, shape, visit);
      return;
    case 'tile':
      forEachTile(grouping.rows, grouping.columns, shape, visit);
  }
}

function forEachBlock(size: number, axis: number, shape: readonly number[], visit: GroupVisitor): void {
  const { outer, length, inner } = aroundAxis(axis, shape);
  let group = 0;
  for (let o = 0; o < outer; o++) {
    for (let begin = 0; begin < length; begin += size) {
      const count = Math.min(size, length - begin);
      const start = (o * length + begin) * inner;
      for (let i = 0; i < inner; i++) visit(group++, start + i, 1, 0, count, inner);
    }
  }
}

function forEachTile(height: number, width: number, shape: readonly number[], visit: GroupVisitor): void {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const matrices = product(shape.slice(0, -2));
  let group = 0;
  for (let m = 0; m < matrices; m++) {
    for (let top = 0; top < rows; top += height) {
      for (let left = 0; left < columns; left += width) {
        const start = (m * rows + top) * columns + left;
        visit(group++, start, Math.min(height, rows - top), columns, Math.min(width, columns - left), 1);
      }
    }
  }
}
