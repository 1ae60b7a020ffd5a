/** Indices, parts of axes and new shapes, as users write them. */
import { checkLength, checkList, integerInRange, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { checkPlace, checkRank, checkShape, type Layout } from './layout.ts';

/** A part of an axis: from, to (not included) and step, as slices of Python. A number takes one place and drops the axis, null all. */
export type Range =
  | number
  | null
  | readonly []
  | readonly [from: number | null]
  | readonly [from: number | null, to: number | null]
  | readonly [from: number | null, to: number | null, step: number];

export function checkMatrix({ shape }: Layout, method: string): void {
  checkRank(method, shape, 2, 'a matrix; slice takes any');
}

export function placeOf({ shape, stride, offset }: Layout, index: readonly number[]): number {
  checkLength('index', index, shape.length, `${shape.length} indices, one an axis`);
  return shape.reduce(
    (place, extent, axis) => place + checkPlace(pathOf('index', axis), index[axis], extent) * stride[axis]!,
    offset,
  );
}

/** A range as Python has it: ends beyond the axis are the axis' own. Throws ArgumentError. */
function readRange(
  path: string,
  range: readonly (number | null)[],
  extent: number,
): { readonly from: number; readonly count: number; readonly every: number } {
  const list = checkList(path, range, 'a place, [from, to], [from, to, step], or null');
  if (list.length > 3) throw new ArgumentError(path, range, '[from, to, step]');
  const integer = (i: number, fallback: number): number =>
    list[i] === null || list[i] === undefined
      ? fallback
      : integerInRange(pathOf(path, i), list[i], -(2 ** 53 - 1), Number.MAX_SAFE_INTEGER);
  const every = integer(2, 1);
  if (every === 0) throw new ArgumentError(pathOf(path, 2), 0, 'a step other than 0');
  const [low, high] = every > 0 ? [0, extent] : [-1, extent - 1];
  const end = (i: number, fallback: number): number => {
    if (list[i] === null || list[i] === undefined) return fallback;
    const place = integer(i, 0);
    return Math.min(Math.max(place < 0 ? place + extent : place, low), high);
  };
  const [from, to] = every > 0 ? [end(0, 0), end(1, extent)] : [end(0, extent - 1), end(1, -1)];
  return { from, count: Math.max(Math.ceil((to - from) / every), 0), every };
}

/** The part of an array that ranges name, one an axis; axes that are not named are whole. Throws ArgumentError. */
export function sliced(layout: Layout, ranges: readonly Range[]): Layout {
  if (ranges.length > layout.shape.length)
    throw new ArgumentError('ranges', ranges, `at most ${layout.shape.length}, one an axis`);
  let { offset } = layout;
  const [shape, stride]: [number[], number[]] = [[], []];
  layout.shape.forEach((extent, axis) => {
    const range = ranges[axis] ?? [];
    const path = pathOf('ranges', axis);
    const step = layout.stride[axis]!;
    if (typeof range === 'number') {
      offset += checkPlace(path, range, extent) * step;
      return;
    }
    const { from, count, every } = readRange(path, range, extent);
    if (count > 0) offset += from * step;
    shape.push(count);
    stride.push(every * step);
  });
  return { shape, stride, offset };
}

/** A shape as `reshape` takes it. Throws ArgumentError. */
export function readReshape(given: readonly number[] | readonly [readonly number[]], size: number): number[] {
  const list = given.length === 1 && typeof given[0] === 'object' ? given[0] : (given as readonly number[]);
  const free = list.indexOf(-1);
  const others = checkShape('shape', free < 0 ? list : list.toSpliced(free, 1));
  const held = sizeOf(others);
  const rest = held === 0 ? 0 : size / held;
  const wanted = free < 0 ? others : others.toSpliced(free, 0, rest);
  if (sizeOf(wanted) !== size || !Number.isInteger(rest))
    throw new ArgumentError('shape', list, `extents whose product is ${size}`);
  return wanted;
}
