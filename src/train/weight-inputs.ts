/**
 * What a product reads beside its weight, as the weight sees it: rows of samples, a column for each number that an output sums over, in
 * the order in which the weight has them. Outputs that read columns of their own are groups: the channels of a depthwise filter, the
 * matrices of a batch. A convolution's rows are patches, taps by channels; those of a transposed one are gathered by its outputs, 0 where a
 * tap meets no input.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { geometryOf } from '../tfjs/convolution-geometry.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { backwardTaps, layoutOf, type Spatial, writePatches } from '../tfjs/patches.ts';
import type { ProductIdentity } from '../tfjs/product-slots.ts';

/** The inputs of one call. */
export interface WeightInputs {
  readonly groups: number;
  readonly columns: number;
  /** The axes of the parameter that are its outputs, those of groups first; its others are the columns, in their order. */
  readonly outputs: readonly number[];
  /** Group by group, row by row. */
  readonly values: Float32Array;
}

/** Of each axis of a view of a tensor the tensor's own axes that it consists of; undefined: the view cuts one. */
function axesOf(own: readonly number[], view: readonly number[]): number[][] | undefined {
  let next = 0;
  const found = view.map((extent) => {
    const axes: number[] = [];
    let size = 1;
    while (next < own.length && (size < extent || (extent === 1 && axes.length === 0 && own[next] === 1))) {
      if (own[next] !== 1 || extent === 1) axes.push(next);
      size *= own[next++]!;
    }
    return size === extent ? axes : undefined;
  });
  const isWhole = own.slice(next).every((extent) => extent === 1);
  return isWhole && !found.includes(undefined) ? (found as number[][]) : undefined;
}

/** The axes of the parameter that some axes of a product's weight are. */
function ownAxes(own: readonly number[], view: readonly number[], axes: readonly number[]) {
  const all = axesOf(own, view);
  return all && axes.flatMap((axis) => all[axis]!);
}

function ofConvolution(
  tf: TensorFlow,
  { kernel, attrs, weight }: ProductIdentity,
  x: Tensor,
  own: readonly number[],
): WeightInputs | undefined {
  const format = attrs?.['dataFormat'] as string | null | undefined;
  if (weight.isSwap || (format != null && !format.endsWith('C'))) return undefined;
  const isTransposed = kernel.includes('BackpropInput');
  const shapeIn = isTransposed ? (attrs?.['inputShape'] as number[]) : x.shape;
  const geometry = geometryOf(tf, { attrs } as never, kernel, shapeIn, weight.shape);
  const { batch, groups, shapeOut, spatial } = geometry;
  if (isTransposed && shapeOut.some((extent, axis) => extent !== x.shape[axis])) return undefined;
  const last = weight.shape.length - 1;
  const isOfGroups = groups > 1 || kernel.includes('epthwise');
  const outputs = ownAxes(
    own,
    weight.shape,
    isTransposed ? [last - 1] : isOfGroups ? [last - 1, last] : [last],
  );
  if (outputs === undefined) return undefined;
  const layout = layoutOf(isTransposed ? (spatial.map(backwardTaps) as unknown as Spatial) : spatial);
  const channels = x.shape.at(-1)!;
  const rows = batch * layout.positions;
  const values = new Float32Array(rows * layout.taps * channels);
  writePatches(x.dataSync<'float32'>(), values, layout, channels, groups, [0, rows], [0, layout.taps]);
  return { groups, columns: (layout.taps * channels) / groups, outputs, values };
}

/** The letters of both operands' axes, and those that the result has. */
interface Letters {
  readonly x: readonly string[];
  readonly w: readonly string[];
  readonly result: ReadonlySet<string>;
}

function lettersOf({ kernel, attrs, names, weight }: ProductIdentity, x: Tensor): Letters {
  const ranks = { [names.x]: x.shape.length, [names.w]: weight.shape.length };
  if (kernel === 'Einsum') {
    const [inputs, result = ''] = String(attrs?.['equation']).replace(/\s/g, '').split('->');
    const given = inputs!.split(',');
    return { x: [...given[Number(names.x)]!], w: [...given[Number(names.w)]!], result: new Set(result) };
  }
  const of = (name: string, last: readonly string[]): string[] => {
    // Axes of a batch meet from behind.
    const batch = Array.from({ length: ranks[name]! - 2 }, (_, i) => `batch${ranks[name]! - i}`);
    return [
      ...batch,
      ...(attrs?.[name === 'a' ? 'transposeA' : 'transposeB'] === true ? [...last].reverse() : last),
    ];
  };
  const both: Readonly<Record<string, string[]>> = { a: of('a', ['i', 'k']), b: of('b', ['k', 'j']) };
  const result = new Set([...both['a']!, ...both['b']!].filter((letter) => letter !== 'k'));
  return { x: both[names.x]!, w: both[names.w]!, result };
}

function swapped<T>(list: readonly T[]): T[] {
  return [...list.slice(0, -2), list.at(-1)!, list.at(-2)!];
}

function ofMatrix(
  tf: TensorFlow,
  product: ProductIdentity,
  x: Tensor,
  own: readonly number[],
): WeightInputs | undefined {
  const { weight } = product;
  const letters = lettersOf(product, x);
  const view = weight.isSwap ? swapped(weight.shape) : weight.shape;
  const w = weight.isSwap ? swapped(letters.w) : letters.w;
  const { result } = letters;
  const extentIn = (of: readonly string[], shape: readonly number[], letter: string): number =>
    shape[of.indexOf(letter)] ?? 1;
  // What one operand has once for all of the other's is no axis that they share.
  const isShared = (letter: string): boolean =>
    letters.x.includes(letter) &&
    w.includes(letter) &&
    extentIn(letters.x, x.shape, letter) === extentIn(w, view, letter);
  const groups = w.filter((letter) => isShared(letter) && result.has(letter));
  const columns = w.filter((letter) => isShared(letter) && !result.has(letter));
  const outputs = w.filter((letter) => !isShared(letter) && extentIn(w, view, letter) > 1);
  const samples = letters.x.filter((letter) => !isShared(letter));
  // Each operand's own sums come before the product: no weight meets what is read there.
  if ([...outputs, ...samples].some((letter) => !result.has(letter))) return undefined;
  const axes = ownAxes(
    own,
    view,
    [...groups, ...outputs].map((letter) => w.indexOf(letter)),
  );
  if (axes === undefined) return undefined;
  const order = [...groups, ...samples, ...columns].map((letter) => letters.x.indexOf(letter));
  const isMoved = order.some((axis, i) => axis !== i);
  const values = tf.tidy(() => (isMoved ? tf.transpose(x, order) : x).dataSync<'float32'>().slice());
  const size = (of: readonly string[]): number =>
    of.reduce((product, letter) => product * extentIn(letters.x, x.shape, letter), 1);
  return { groups: size(groups), columns: size(columns), outputs: axes, values };
}

/** The inputs of a call of a parameter of a shape; undefined: its weight's axes are not those that the product meets. */
export function weightInputs(
  tf: TensorFlow,
  product: ProductIdentity,
  x: Tensor,
  own: readonly number[],
): WeightInputs | undefined {
  if (product.kernel.includes('BackpropFilter')) return undefined;
  return (product.kernel.includes('Conv') ? ofConvolution : ofMatrix)(tf, product, x, own);
}
