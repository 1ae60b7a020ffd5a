/** Elements on their way between a shaped array and memory in which they lie in order. */
import { overlap, type RealArray } from '../array-kinds.ts';
import { sizeOf } from '../shape.ts';
import { isContiguous, type Layout, merged } from './layout.ts';

/** Elements and where they lie. */
export interface View extends Layout {
  readonly data: RealArray;
}

/** Rows of elements one after the other: the first at `place`, the next `rowStep` on; elements of a row `step` apart. */
interface Plane {
  readonly place: number;
  readonly rowStep: number;
  readonly step: number;
  readonly rows: number;
  readonly count: number;
}

/** Calls `visit` for every plane along the last two axes of the elements numbered from `from` to `to`, `at` of which come before it. */
function eachPlane(
  layout: Layout,
  from: number,
  to: number,
  visit: (plane: Plane, at: number) => void,
): void {
  const { shape, stride, offset } = merged(layout);
  const [extent = 1, height = 1] = [shape.at(-1), shape.at(-2)];
  const [step = 0, rowStep = 0] = [stride.at(-1), stride.at(-2)];
  let next: number;
  for (let at = from; at < to; at = next) {
    const column = at % extent;
    let row = Math.floor(at / extent);
    let place = offset + column * step;
    const isWhole = column === 0 && to - at >= extent;
    const rows = isWhole ? Math.min(height - (row % height), Math.floor((to - at) / extent)) : 1;
    const count = isWhole ? extent : Math.min(extent - column, to - at);
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      place += (row % shape[axis]!) * stride[axis]!;
      row = Math.floor(row / shape[axis]!);
    }
    visit({ place, rowStep, step, rows, count }, at - from);
    next = at + rows * count;
  }
}

/** Short runs cost more as calls than as loops. */
const shortRun = 16;

/** Repeats the first elements of `out`, from `at` on, up to `end`. */
function repeatRow(out: RealArray, at: number, count: number, end: number): void {
  for (let done = at + count; done < end; done += done - at)
    out.copyWithin(done, at, Math.min(done, at + end - done));
}

function gatherPlane(
  data: RealArray,
  { place, rowStep, step, rows, count }: Plane,
  out: RealArray,
  at: number,
): void {
  const distinct = rowStep === 0 ? 1 : rows;
  const isLong = count >= shortRun;
  for (let row = 0, from = place, to = at; row < distinct; row++, from += rowStep, to += count) {
    if (step === 1 && isLong) out.set(data.subarray(from, from + count), to);
    else if (step === 0 && isLong) out.fill(data[from]!, to, to + count);
    else for (let i = 0; i < count; i++) out[to + i] = data[from + i * step]!;
  }
  if (distinct < rows) repeatRow(out, at, count, at + rows * count);
}

/** out = the elements numbered from `from` to `to`. */
export function gather({ data, ...layout }: View, from: number, to: number, out: RealArray): void {
  eachPlane(layout, from, to, (plane, at) => gatherPlane(data, plane, out, at));
}

/** The elements numbered from `from` on become those of `values`. */
export function scatter({ data, ...layout }: View, from: number, values: RealArray): void {
  eachPlane(layout, from, from + values.length, ({ place, rowStep, step, rows, count }, at) => {
    for (let row = 0, to = place, first = at; row < rows; row++, to += rowStep, first += count) {
      if (step === 1 && count >= shortRun) data.set(values.subarray(first, first + count), to);
      else for (let i = 0; i < count; i++) data[to + i * step] = values[first + i]!;
    }
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
