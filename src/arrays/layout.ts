/**
 * Where the elements of a shaped array lie: shape, strides and offset in elements, as NumPy and `ndarray` have them. Nothing here reads
 * an element. Numbers of elements count in row-major order, the last axis fastest.
 */
import { checkLength, checkList, integerInRange, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';

export interface Layout {
  readonly shape: readonly number[];
  /** Elements from one place along an axis to the next; 0 along an axis that is broadcast. */
  readonly stride: readonly number[];
  /** Place of the first element. */
  readonly offset: number;
}

/** The strides of elements that lie in order, without gaps. */
export function rowMajor(shape: readonly number[]): number[] {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    stride[axis] = step;
    step *= shape[axis]!;
  }
  return stride;
}

/** Whether the elements lie in order without gaps. Axes of one element have no say. */
export function isContiguous({ shape, stride }: Layout): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!;
    if (extent === 0) return true;
    if (extent !== 1 && stride[axis] !== step) return false;
    step *= extent;
  }
  return true;
}

/** The same elements in the same order, along as few axes as can be. */
export function merged({ shape, stride, offset }: Layout): Layout {
  const extents: number[] = [];
  const steps: number[] = [];
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = extents.length - 1;
    if (last >= 0 && steps[last] === extent * stride[axis]!) {
      extents[last]! *= extent;
      steps[last] = stride[axis]!;
    } else {
      extents.push(extent);
      steps.push(stride[axis]!);
    }
  });
  return { shape: extents, stride: steps, offset };
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** A shape as the user writes it: extents from 0, or one for a vector. Throws ArgumentError. */
export function checkShape(path: string, given: unknown): number[] {
  if (typeof given === 'number') return [integerInRange(path, given, 0, 2 ** 32 - 1)];
  const extents = checkList(path, given, 'an array of extents, such as [2, 3]');
  return Array.from(extents, (extent, axis) => integerInRange(pathOf(path, axis), extent, 0, 2 ** 32 - 1));
}

/** An axis, negative ones counting from the end. Throws ArgumentError. */
export function checkAxis(path: string, given: unknown, axes: number): number {
  if (axes === 0) throw new ArgumentError(path, given, 'nothing: the array has no axes');
  const axis = integerInRange(path, given, -axes, axes - 1);
  return axis < 0 ? axis + axes : axis;
}

/** A place along an axis, negative ones counting from the end. Throws ArgumentError. */
export function checkPlace(path: string, given: unknown, extent: number): number {
  if (extent === 0) throw new ArgumentError(path, given, 'nothing: the axis has no elements');
  const place = integerInRange(path, given, -extent, extent - 1);
  return place < 0 ? place + extent : place;
}

/**
 * The shape that arrays are broadcast to: axes aligned at the last, extents of 1 and missing axes repeated.
 *
 * @throws ArgumentError that names the operand which does not fit.
 */
export function broadcastShape(names: readonly string[], shapes: readonly (readonly number[])[]): number[] {
  const result: number[] = [];
  shapes.forEach((shape, which) => {
    for (let back = 1; back <= shape.length; back++) {
      const extent = shape[shape.length - back]!;
      const known = result[back - 1];
      if (known === undefined || known === 1) result[back - 1] = extent;
      else if (extent !== 1 && extent !== known)
        throw new ArgumentError(
          names[which]!,
          `shape [${shape.join(', ')}]`,
          `a shape that broadcasts with [${shapes[which === 0 ? 1 : 0]!.join(', ')}]: extents are equal, or one of them is 1`,
        );
    }
  });
  return result.reverse();
}

/** The strides of an array seen as one of a shape that it is broadcast to; undefined where it cannot be. */
export function broadcastStride({ shape, stride }: Layout, to: readonly number[]): number[] | undefined {
  const added = to.length - shape.length;
  if (added < 0) return undefined;
  const result: number[] = new Array(added).fill(0);
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis]!;
    if (extent !== to[added + axis] && extent !== 1) return undefined;
    result.push(extent === 1 ? 0 : stride[axis]!);
  }
  return result;
}

/** The strides of an array seen as one of a shape. Throws ArgumentError where it cannot be broadcast to that. */
export function strideIn(path: string, array: Layout, to: readonly number[]): number[] {
  const stride = broadcastStride(array, to);
  if (stride === undefined)
    throw new ArgumentError(
      path,
      `shape [${array.shape.join(', ')}]`,
      `a shape that broadcasts to [${to.join(', ')}]`,
    );
  return stride;
}

/** So many axes. Throws ArgumentError. */
export function checkRank(path: string, shape: readonly number[], axes: number, accepted: string): void {
  checkLength(path, shape, axes, accepted, `shape [${shape.join(', ')}]`);
}

/** Strides that show the elements in another shape without moving them; undefined where there are none. */
export function reshapedStride(layout: Layout, to: readonly number[]): number[] | undefined {
  if (isContiguous(layout)) return rowMajor(to);
  const axes = layout.shape.flatMap((extent, axis) => (extent === 1 ? [] : [axis]));
  const extents = axes.map((axis) => layout.shape[axis]!);
  const strides = axes.map((axis) => layout.stride[axis]!);
  const result = new Array<number>(to.length).fill(0);
  // From the end: the fewest axes of the one shape that hold as many elements as axes of the other.
  let old = extents.length;
  let fresh = to.length;
  while (old > 0) {
    let held = extents[--old]!;
    let step = strides[old]!;
    const span = step;
    let wanted = 1;
    let place = span;
    while (wanted !== held || wanted === 1) {
      if (wanted < held) {
        if (fresh === 0) return undefined;
        fresh--;
        result[fresh] = place;
        place *= to[fresh]!;
        wanted *= to[fresh]!;
      } else {
        // Axes that become parts of one must be evenly spaced.
        if (old === 0 || strides[old - 1] !== step * extents[old]!) return undefined;
        step = strides[--old]!;
        held *= extents[old]!;
      }
    }
  }
  return result;
}
