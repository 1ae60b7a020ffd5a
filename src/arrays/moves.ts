/** Elements on their way between a shaped array and memory in which they lie in order. */
import { overlap, type RealArray } from '../array-kinds.ts';
import { isContiguous, type Layout, sizeOf } from './layout.ts';

/** Elements and where they lie. */
export interface View extends Layout {
  readonly data: RealArray;
}

/** Calls `visit` for every run of elements along the last axis, of those numbered from `from` to `to`. */
function eachRun(
  { shape, stride, offset }: Layout,
  from: number,
  to: number,
  visit: (place: number, step: number, at: number, count: number) => void,
): void {
  const last = shape.length - 1;
  if (last < 0) {
    if (from < to) visit(offset, 1, 0, 1);
    return;
  }
  const extent = shape[last]!;
  const step = stride[last]!;
  const index = new Array<number>(last).fill(0);
  let row = Math.floor(from / extent);
  let place = offset;
  for (let axis = last - 1; axis >= 0; axis--) {
    index[axis] = row % shape[axis]!;
    row = Math.floor(row / shape[axis]!);
    place += index[axis]! * stride[axis]!;
  }
  let column = from % extent;
  for (let at = from; at < to; ) {
    const count = Math.min(extent - column, to - at);
    visit(place + column * step, step, at - from, count);
    at += count;
    column = 0;
    for (let axis = last - 1; axis >= 0; axis--) {
      place += stride[axis]!;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      place -= index[axis]! * stride[axis]!;
      index[axis] = 0;
    }
  }
}

/** Short runs cost more as calls than as loops. */
const shortRun = 16;

/** out = the elements numbered from `from` to `to`. */
export function gather({ data, ...layout }: View, from: number, to: number, out: RealArray): void {
  eachRun(layout, from, to, (place, step, at, count) => {
    if (step === 1 && count >= shortRun) out.set(data.subarray(place, place + count), at);
    else if (step === 0 && count >= shortRun) out.fill(data[place]!, at, at + count);
    else for (let i = 0; i < count; i++) out[at + i] = data[place + i * step]!;
  });
}

/** The elements numbered from `from` on become those of `values`. */
export function scatter({ data, ...layout }: View, from: number, values: RealArray): void {
  eachRun(layout, from, from + values.length, (place, step, at, count) => {
    if (step === 1 && count >= shortRun) data.set(values.subarray(at, at + count), place);
    else for (let i = 0; i < count; i++) data[place + i * step] = values[at + i]!;
  });
}

/** The elements in order: the array's own memory where they lie so, else a copy. */
export function flat(view: View): RealArray {
  const { data, offset } = view;
  const size = sizeOf(view.shape);
  if (isContiguous(view))
    return size === data.length && offset === 0 ? data : data.subarray(offset, offset + size);
  return copied(view);
}

/** A copy of the elements, in order. */
export function copied(view: View): RealArray {
  const size = sizeOf(view.shape);
  const Kind = view.data.constructor as new (length: number) => RealArray;
  const out = new Kind(size);
  if (size > 0) gather(view, 0, size, out);
  return out;
}

/** Whether writing to `out` may change elements of the view before they are read: not where each lies on its own place in `out`. */
export function isSpoiltBy(view: View, out: View): boolean {
  if (!overlap(view.data, out.data)) return false;
  const bytes = view.data.BYTES_PER_ELEMENT;
  const isAtSamePlace =
    view.data.byteOffset + view.offset * bytes === out.data.byteOffset + out.offset * bytes;
  const isAlike = view.shape.every(
    (extent, axis) => extent === out.shape[axis] && (extent === 1 || view.stride[axis] === out.stride[axis]),
  );
  return !(isAtSamePlace && isAlike && view.shape.length === out.shape.length);
}
