/**
 * How a large tensor is quantised and dequantised in parts that give the same bits as the whole: along its first axes, cut where groups
 * end and codes fill whole bytes. Geometry alone. Where a scale is of the whole tensor, from its ends, each part is quantised together
 * with these ends (`needsEnds`); groups that reach through all of a tensor cannot be cut.
 */

import { axisIndex, countGroups } from '../quantizers/grouping.ts';
import type { ResolvedScale } from '../quantizers/index.ts';
import { sizeOf } from '../shape.ts';

/** A part of a tensor: its elements and groups lie one after the other. */
export interface Part {
  /** Its shape, of as many axes as the tensor's. */
  readonly shape: readonly number[];
  readonly start: number;
  readonly elements: number;
  readonly firstGroup: number;
  readonly groups: number;
  /** Rows, of which each may have a scale of its own: indices of all axes but the last. */
  readonly firstRow: number;
  readonly rows: number;
  /** The axis along which the tensor is cut, and how many of its indices groups take; undefined for a whole tensor. */
  readonly cut?: { readonly axis: number; readonly multiple: number };
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const lcm = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** Whether parts share a scale that is taken from the ends of the whole tensor. */
export function needsEnds(scale: ResolvedScale): boolean {
  return scale.tensorScale === 'tensor' || (scale.grouping.per === 'tensor' && scale.from !== 'constant');
}

/** Whether scales of parts can be had from parts and the ends of the whole. */
function isSeparable({ grouping, from, history, decay, level, tensorScale }: ResolvedScale): boolean {
  if (from === 'constant') return grouping.per === 'tensor';
  if (from === 'learned' || history !== undefined || decay !== undefined) return false;
  if (grouping.per === 'tensor')
    return tensorScale === false && level === 'statistic' && (from === 'absmax' || from === 'minmax');
  return grouping.per !== 'column';
}

/**
 * The shape of one step of a cut, and what the cut goes along: the tensor is `count` such steps. Undefined: it cannot be cut.
 * All axes are there: leading ones that are cut away have length 1.
 */
function stepOf(
  { grouping, tensorScale }: ResolvedScale,
  shape: readonly number[],
): { count: number; rest: readonly number[]; axis: number; multiple: number } | undefined {
  const last = shape.length - 1;
  if (last < 0) return undefined;
  /** Cuts along an axis, those before it being flattened into it. */
  const along = (axis: number, multiple = 1) => {
    const count = sizeOf(shape.slice(0, axis + 1));
    return { count, rest: shape.slice(axis + 1), axis, multiple };
  };
  const rows = along(Math.max(0, last - 1));
  const isOneRow = rows.count === 1 || last === 0;
  switch (grouping.per) {
    case 'tensor':
      return along(last);
    case 'row':
      return last === 0 ? undefined : rows;
    case 'block': {
      const axis = axisIndex(grouping.axis ?? -1, shape);
      if (axis < last) return axis === 0 ? along(0, grouping.size) : along(axis - 1);
      if (!isOneRow) return rows;
      return tensorScale === 'row' ? undefined : along(last, grouping.size);
    }
    case 'tile':
      if (last === 0) return undefined;
      return last === 1 ? along(0, grouping.rows) : along(last - 2);
    case 'column':
      return undefined;
  }
}

/**
 * The parts of a tensor, of about `most` elements each or as small as they can be.
 *
 * @param bits Bits of the codes that are read and written: both fill whole bytes.
 */
export function* partsOf(
  scale: ResolvedScale,
  bits: readonly number[],
  shape: readonly number[],
  most: number,
): Generator<Part, void, void> {
  const total = sizeOf(shape);
  const rowLength = shape.at(-1) ?? 1;
  const part = (own: readonly number[], start: number, firstGroup: number): Part => ({
    ...{ shape: own, start, elements: sizeOf(own), firstGroup },
    groups: countGroups(scale.grouping, own),
    firstRow: rowLength === 0 ? 0 : Math.floor(start / rowLength),
    rows: sizeOf(own.slice(0, -1)),
  });
  const step = total > most && isSeparable(scale) ? stepOf(scale, shape) : undefined;
  if (step === undefined) {
    yield part(shape, 0, 0);
    return;
  }
  const { count, rest, axis, multiple } = step;
  const size = sizeOf(rest);
  // So many steps fill whole bytes, and groups.
  const whole = bits.reduce((all, each) => lcm(all, 8 / gcd(8, size * each)), multiple);
  const steps = Math.max(whole, Math.floor(most / size / whole) * whole);
  const ones = new Array<number>(axis).fill(1);
  let firstGroup = 0;
  for (let at = 0; at < count; at += steps) {
    const own = part([...ones, Math.min(steps, count - at), ...rest], at * size, firstGroup);
    yield count > steps ? { ...own, cut: { axis, multiple } } : own;
    firstGroup += scale.grouping.per === 'tensor' ? 0 : own.groups;
  }
}
