/**
 * How an array is cut into groups that share something: a scale, a statistic, a rotation. Geometry alone; what is done
 * with a group is the matter of the quantisers and transforms.
 *
 * A group is a rectangle of the row-major array: `rows` runs of `columns` elements, `rowStride` and `columnStride` apart.
 */
import { checkAbsent, checkFields, checkObject, integerInRange, oneOf, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';

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
type GroupVisitor = (
  group: number,
  start: number,
  rows: number,
  rowStride: number,
  columns: number,
  columnStride: number,
) => void;

const isLength = (side: unknown): boolean => Number.isSafeInteger(side) && (side as number) >= 0;

/** The number of elements of a shape. Throws ArgumentError unless it is an array of non-negative integers. */
export function lengthOf(shape: readonly number[]): number {
  const isShape = Array.isArray(shape) && Array.from(shape).every(isLength);
  if (!isShape) throw new ArgumentError('shape', shape, 'an array of lengths, integers from 0');
  return sizeOf(shape);
}

/**
 * Checks that a shape fits an array.
 *
 * @throws ArgumentError unless the shape has non-negative integers whose product is `length`.
 */
export function checkShape(shape: readonly number[], length: number): void {
  if (lengthOf(shape) !== length)
    throw new ArgumentError('shape', shape, `lengths whose product is ${length}; these are [${shape}]`);
}

/** The axis as an index from 0; negative ones count from the end. Throws ArgumentError. */
export function axisIndex(axis: number, shape: readonly number[]): number {
  const rank = Math.max(shape.length, 1);
  integerInRange('axis', axis, -rank, rank - 1);
  return axis < 0 ? axis + rank : axis;
}

/** An axis as an option, before there is a shape. Throws ArgumentError. */
export function axisOption(given: number | undefined): number | undefined {
  if (given === undefined) return undefined;
  return integerInRange('axis', given, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

/** Elements before, along and after an axis: the array is (outer, length, inner). */
export function aroundAxis(
  axis: number,
  shape: readonly number[],
): { outer: number; length: number; inner: number } {
  const index = axisIndex(axis, shape);
  return {
    outer: sizeOf(shape.slice(0, index)),
    length: shape[index] ?? 1,
    inner: sizeOf(shape.slice(index + 1)),
  };
}

/** The fields that say more of each kind of grouping. */
const fieldsOf: Readonly<Record<Grouping['per'], readonly string[]>> = {
  tensor: [],
  row: [],
  column: [],
  block: ['size', 'axis'],
  tile: ['rows', 'columns'],
};
const perNames = Object.keys(fieldsOf) as Grouping['per'][];

/** Checks a grouping as such, before there is a shape; it may be part of an object with more fields. Throws ArgumentError. */
export function checkGrouping(grouping: Grouping): Grouping {
  const given = checkObject('grouping', grouping, 'an object with per, ...') as Readonly<
    Record<string, unknown>
  >;
  const per = oneOf('per', given['per'], perNames);
  for (const [kind, fields] of Object.entries(fieldsOf))
    for (const field of kind === per ? [] : fields)
      checkAbsent(field, given[field], `nothing with per '${per}'; per '${kind}' has it`);
  const most = Number.MAX_SAFE_INTEGER;
  for (const field of fieldsOf[per])
    if (field !== 'axis') integerInRange(field, given[field], 1, most);
    else axisOption(given['axis'] as number | undefined);
  return grouping;
}

/** The grouping that is an option of this path, or a default one. Throws ArgumentError. */
export function groupingAt(path: string, given: Grouping | undefined, fallback: Grouping): Grouping {
  if (given === undefined) return fallback;
  checkFields(path, given, ['per', ...Object.values(fieldsOf).flat()]);
  return within(path, () => checkGrouping(given));
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
  return sizeOf(groupShape(grouping, shape));
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
      visit(0, 0, 1, 0, sizeOf(shape), 1);
      return;
    case 'row': {
      const columns = shape.at(-1) ?? 1;
      const count = sizeOf(shape.slice(0, -1));
      for (let row = 0; row < count; row++) visit(row, row * columns, 1, 0, columns, 1);
      return;
    }
    case 'column': {
      const columns = shape.at(-1) ?? 1;
      const rows = sizeOf(shape.slice(0, -1));
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
  const matrices = sizeOf(shape.slice(0, -2));
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
