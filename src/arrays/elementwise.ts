/**
 * Element-wise operations on shaped arrays by the operations on flat ones: at once where all elements lie in order, else in blocks that
 * stay in cache, in which what is broadcast or strided is laid out. Element i of the result, in row-major order, takes draw i of the call.
 */
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { newLike, type RealArray } from '../array-kinds.ts';
import { sizeOf } from '../shape.ts';
import { broadcastStride, isContiguous, rowMajor } from './layout.ts';
import { copied, flat, gather, isSpoiltBy, scatter, type View } from './moves.ts';

/** An operation on flat operands, of which at least one is an array, and on numbers. */
export type FlatOperation = (...given: unknown[]) => unknown;

/** An operand in the result's shape, or one number for all elements. */
type Source = View | number;

/** Bytes of a block: three of them lie in the second-level cache, and a call costs little of the time that one takes. */
const blockBytes = 2 ** 17;

function asSource(x: View | number, shape: readonly number[], out: View): Source {
  if (typeof x === 'number') return x;
  if (sizeOf(x.shape) === 1) return x.data[x.offset]!;
  const stride = broadcastStride(x, shape)!;
  const view = { data: x.data, offset: x.offset, shape, stride };
  if (!isSpoiltBy(view, out)) return view;
  const apart = { data: copied(x), shape: x.shape, stride: rowMajor(x.shape), offset: 0 };
  return { ...view, data: apart.data, offset: 0, stride: broadcastStride(apart, shape)! };
}

/** How a shape is cut: blocks of `step` elements are whole numbers of the last axes from `axis` on, or parts of the last one. */
function cutting({ shape, data }: View): { readonly axis: number; readonly step: number } {
  const blockLength = blockBytes / data.BYTES_PER_ELEMENT;
  let axis = shape.length;
  let row = 1;
  while (axis > 0 && row * shape[axis - 1]! <= blockLength) row *= shape[--axis]!;
  return axis === shape.length
    ? { axis, step: blockLength }
    : { axis, step: row * Math.floor(blockLength / row) };
}

/** Gives the elements of a source from one number to another, in order, without moving them where they are. */
function readerOf(
  source: Source,
  axis: number,
  step: number,
): (from: number, to: number) => RealArray | number {
  if (typeof source === 'number') return () => source;
  if (isContiguous(source)) {
    const { data, offset } = source;
    return (from, to) => data.subarray(offset + from, offset + to);
  }
  const buffer = newLike(source.data, Math.min(step, sizeOf(source.shape)));
  const part = (length: number): RealArray =>
    length === buffer.length ? buffer : buffer.subarray(0, length);
  // Every block has the same elements where nothing changes along the axes before those that it has whole.
  const isPeriodic = axis < source.shape.length && source.stride.slice(0, axis).every((each) => each === 0);
  if (isPeriodic) {
    gather(source, 0, buffer.length, buffer);
    return (from, to) => part(to - from);
  }
  return (from, to) => {
    gather(source, from, to, buffer);
    return part(to - from);
  };
}

function inBlocks(operation: FlatOperation, sources: readonly Source[], out: View, threads: object): void {
  const { shape } = out;
  const size = sizeOf(shape);
  const { axis, step } = cutting(out);
  const readers = sources.map((source) => readerOf(source, axis, step));
  const last = shape.at(-1)!;
  const direct = isContiguous(out) ? out : undefined;
  const buffer = direct === undefined ? newLike(out.data, Math.min(step, size)) : undefined;
  let to = 0;
  for (let from = 0; from < size; from = to) {
    to = Math.min(from + step, size);
    // Parts of the last axis end where it does.
    if (axis === shape.length) to = Math.min(to, (Math.floor(from / last) + 1) * last);
    const target =
      direct === undefined
        ? buffer!.subarray(0, to - from)
        : direct.data.subarray(direct.offset + from, direct.offset + to);
    operation(...readers.map((read) => read(from, to)), { ...threads, out: target });
    if (direct === undefined) scatter(out, from, target);
  }
}

/**
 * out = operation(operands), whose shapes broadcast to that of `out`. After an error the draws are where they were.
 *
 * @param f The object whose method the operation is.
 * @param threads `{ threads }`, or nothing.
 */
export function operateOnViews(
  f: Arithmetic,
  operation: FlatOperation,
  operands: readonly (View | number)[],
  out: View,
  threads: object,
): void {
  if (sizeOf(out.shape) === 0) return;
  const sources = operands.map((x) => asSource(x, out.shape, out));
  if (sources.every((x) => typeof x === 'number')) {
    out.data[out.offset] = operation(...sources) as number;
    return;
  }
  const views = sources.filter((x) => typeof x !== 'number');
  if (isContiguous(out) && views.every(isContiguous)) {
    operation(...sources.map((x) => (typeof x === 'number' ? x : flat(x))), { ...threads, out: flat(out) });
    return;
  }
  const place = f.state;
  try {
    inBlocks(operation, sources, out, threads);
  } catch (error) {
    f.restore(place);
    throw error;
  }
}
