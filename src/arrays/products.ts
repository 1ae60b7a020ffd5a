/** Matrix products of shaped arrays by the products of flat ones: matrices that lie in order, or transposed, go as they are. */
import type { AccumulatorModel, Arithmetic } from '../arithmetic/index.ts';
import type { RealArray } from '../array-kinds.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { broadcastShape, broadcastStride, isContiguous } from './layout.ts';
import { flat, scatter, type View } from './moves.ts';

/** Matrices of an operand, as flat products take them: in order, each perhaps transposed, one for all or one a product. */
interface Matrices {
  readonly data: RealArray;
  readonly isTransposed: boolean;
}

function swapped(view: View): View {
  const axes = view.shape.length;
  const swap = (list: readonly number[]): number[] => [
    ...list.slice(0, -2),
    list[axes - 1]!,
    list[axes - 2]!,
  ];
  return { ...view, shape: swap(view.shape), stride: swap(view.stride) };
}

/** The matrices in order, broadcast to the batch where they are neither one for all nor all of it. */
function matricesOf(view: View, batch: readonly number[]): Matrices {
  const own = view.shape.slice(0, -2);
  const isWhole = sizeOf(own) === 1 || sizeOf(own) === sizeOf(batch);
  const shape = [...batch, ...view.shape.slice(-2)];
  const whole = isWhole ? view : { ...view, shape, stride: broadcastStride(view, shape)! };
  const turned = swapped(whole);
  const isTransposed = !isContiguous(whole) && isContiguous(turned);
  return { data: flat(isTransposed ? turned : whole), isTransposed };
}

/** A vector as a matrix of one row or one column; the product loses that axis again. */
function asMatrix(view: View, isLeft: boolean): View {
  if (view.shape.length !== 1) return view;
  const [extent] = view.shape as [number];
  const [stride] = view.stride as [number];
  return isLeft
    ? { ...view, shape: [1, extent], stride: [0, stride] }
    : { ...view, shape: [extent, 1], stride: [stride, 0] };
}

/** The shape of a product, and that with the axes that vectors lose. Throws ArgumentError. */
export function productShape(a: View, b: View): { readonly shape: number[]; readonly whole: number[] } {
  for (const [name, { shape }] of Object.entries({ a, b }))
    if (shape.length === 0) throw new ArgumentError(name, 'an array without axes', 'a vector or matrices');
  const [left, right] = [asMatrix(a, true), asMatrix(b, false)];
  if (left.shape.at(-1) !== right.shape.at(-2))
    throw new ArgumentError(
      'b',
      `shape [${b.shape.join(', ')}]`,
      `${left.shape.at(-1)} rows, for a of shape [${a.shape.join(', ')}]`,
    );
  const batch = broadcastShape(['a', 'b'], [left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  const rows = a.shape.length === 1 ? [] : [left.shape.at(-2)!];
  const columns = b.shape.length === 1 ? [] : [right.shape.at(-1)!];
  return {
    shape: [...batch, ...rows, ...columns],
    whole: [...batch, left.shape.at(-2)!, right.shape.at(-1)!],
  };
}

/** out = a b + addend, whose shapes `productShape` has; the addend's is that of `out`. */
export function matmul(
  f: Arithmetic,
  a: View,
  b: View,
  addend: View | undefined,
  out: View,
  model: AccumulatorModel,
): void {
  const [left, right] = [asMatrix(a, true), asMatrix(b, false)];
  const { whole } = productShape(a, b);
  if (sizeOf(whole) === 0) return;
  const batch = whole.slice(0, -2);
  const [m, n] = whole.slice(-2) as [number, number];
  const k = left.shape.at(-1)!;
  const [x, y] = [matricesOf(left, batch), matricesOf(right, batch)];
  const inOrder = isContiguous(out);
  const shape = {
    ...{ m, n, k, batch: sizeOf(batch), transposeA: x.isTransposed, transposeB: y.isTransposed },
    ...(addend !== undefined && { c: flat(addend) }),
    ...(inOrder && { out: flat(out) }),
  };
  const product = f.matmul(x.data, y.data, shape, model);
  if (!inOrder) scatter(out, 0, product);
}
