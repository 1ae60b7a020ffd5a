/**
 * Convolutions in one to three dimensions, and their gradients, as matrix products. Every output is one sum over k in the
 * order written below, from +0, terms of the padding (zeros) included; so the accumulator models of products are those of
 * convolutions.
 *
 * | kernel | an output | k, in order |
 * | --- | --- | --- |
 * | forward | out[n, o, j] | tap, input channel |
 * | gradient of the input | dx[n, i, c] | tap, output channel |
 * | gradient of the filter | dw[tap, c, j] | n, position of the output |
 *
 * Depthwise convolutions have channels in as many groups; a sum stays within its group.
 */
import { sizeOf } from '../shape.ts';
import { checkOutputGradient, type Geometry, geometryOf } from './convolution-geometry.ts';
import type { KernelArguments, TensorFlow, TensorInfo } from './internals.ts';
import { backwardTaps, isTrivial, type Layout, layoutOf, type Spatial, swapAxes } from './patches.ts';
import type { DepthwiseKind, Place, Workspace } from './workspace.ts';

/** More patches than this are not made at once. In elements. */
const mostPatches = 2 ** 22;

/** Runs `use` on the patches of a tensor, for as many images at a time as fit, or as many positions. */
function inRuns(
  space: Workspace,
  from: Place,
  { batch, groups }: Geometry,
  channels: number,
  layout: Layout,
  use: (patches: Place, row: number, rows: number) => void,
): void {
  const { positions, taps } = layout;
  const most = Math.floor(mostPatches / (taps * channels));
  const run = most < positions ? Math.max(1, most) : Math.floor(most / positions) * positions;
  const all = batch * positions;
  const patches = space.scratch(Math.min(run, all) * taps * channels);
  for (let row = 0; row < all; row += run) {
    const rows = Math.min(run, all - row);
    space.patches(from, patches, layout, channels, groups, [row, row + rows], [0, taps]);
    use(patches, row, rows);
  }
  space.free(patches);
}

/** out = patches times the filter, [groups][k][columns of a group]. */
function patchesTimes(
  space: Workspace,
  from: Place,
  filter: Place,
  out: Place,
  geometry: Geometry,
  channels: number,
  channelsOut: number,
  spatial: Spatial,
): void {
  const { batch, groups } = geometry;
  const layout = layoutOf(spatial);
  const columns = channelsOut / groups;
  const k = (layout.taps * channels) / groups;
  const multiply = (patches: Place, row: number, rows: number): void => {
    const target = space.at(out, row * channelsOut);
    const product = groups === 1 ? target : space.scratch(rows * channelsOut);
    space.multiply(patches, filter, product, { m: rows, n: columns, k, batch: groups });
    if (groups === 1) return;
    const size = rows * channelsOut;
    swapAxes(space.view(product, size), space.view(target, size), groups, rows, columns);
    space.free(product);
  };
  if (groups === 1 && isTrivial(spatial)) multiply(from, 0, batch * layout.positions);
  else inRuns(space, from, geometry, channels, layout, multiply);
}

/** Runs a depthwise convolution or a gradient of one by loops, where there are some. */
function looped(
  space: Workspace,
  kind: DepthwiseKind,
  a: Place,
  b: Place,
  out: Place,
  { batch, channelsIn: channels, channelsOut, groups }: Geometry,
  spatial: Spatial,
): boolean {
  if (groups === 1 || space.depthwise === undefined) return false;
  const shape = { batch, layout: layoutOf(spatial), channels, multiplier: channelsOut / channels };
  space.depthwise(kind, a, b, out, shape);
  return true;
}

/** Whether there is nothing to sum: the result is zeros then. */
const isEmpty = (...shapes: readonly (readonly number[])[]): boolean =>
  shapes.some((shape) => sizeOf(shape) === 0);

/** A result of zeros. */
function zeros(space: Workspace, shape: readonly number[]): TensorInfo {
  const out = space.result(shape);
  space.view(out.place, sizeOf(shape)).fill(0);
  return out.finish();
}

/** The gradient of the outputs where it lies, or in a scratch the part of it that the outputs have. */
function outputGradient(
  space: Workspace,
  dy: TensorInfo,
  shapeOut: readonly number[],
): { readonly gradient: Place; free(): void } {
  const given = space.operand(dy);
  if (shapeOut.every((length, axis) => length === dy.shape[axis]))
    return { gradient: given, free: () => undefined };
  const part = space.scratch(sizeOf(shapeOut));
  const [from, to] = [space.view(given, sizeOf(dy.shape)), space.view(part, sizeOf(shapeOut))];
  const last = shapeOut.length - 1;
  const copy = (axis: number, start: number, target: number): void => {
    const length = shapeOut[axis]!;
    if (axis === last) {
      to.set(from.subarray(start, start + length), target);
      return;
    }
    const [stepFrom, stepTo] = [dy.shape, shapeOut].map((shape) => sizeOf(shape.slice(axis + 1)));
    for (let i = 0; i < length; i++) copy(axis + 1, start + i * stepFrom!, target + i * stepTo!);
  };
  copy(0, 0, 0);
  return { gradient: part, free: () => space.free(part) };
}

/** The forward convolution. */
export function convolve(name: string, tf: TensorFlow, args: KernelArguments, space: Workspace): TensorInfo {
  const { x, filter } = args.inputs as { x: TensorInfo; filter: TensorInfo };
  const geometry = geometryOf(tf, args, name, x.shape, filter.shape);
  const { channelsIn, channelsOut, groups, shapeOut, spatial } = geometry;
  if (isEmpty(x.shape, filter.shape)) return zeros(space, shapeOut);
  const out = space.result(shapeOut);
  const input = space.operand(x);
  const weights = space.operand(filter);
  const size = sizeOf(filter.shape);
  if (looped(space, 'depthwise', input, weights, out.place, geometry, spatial)) return out.finish();
  // [taps][groups][columns] to [groups][taps][columns].
  const grouped = groups === 1 ? weights : space.scratch(size);
  if (groups > 1)
    swapAxes(
      space.view(weights, size),
      space.view(grouped, size),
      size / channelsOut,
      groups,
      channelsOut / groups,
    );
  patchesTimes(space, input, grouped, out.place, geometry, channelsIn, channelsOut, spatial);
  if (groups > 1) space.free(grouped);
  return out.finish();
}

/** The gradient of the input. */
export function convolveBack(
  name: string,
  tf: TensorFlow,
  args: KernelArguments,
  space: Workspace,
): TensorInfo {
  const { dy, filter } = args.inputs as { dy: TensorInfo; filter: TensorInfo };
  const inputShape = args.attrs?.['inputShape'] as number[];
  const geometry = geometryOf(tf, args, name, inputShape, filter.shape);
  const { channelsIn, channelsOut, groups, shapeOut, spatial } = geometry;
  const back = spatial.map(backwardTaps) as unknown as Spatial;
  checkOutputGradient(name, dy, shapeOut);
  if (isEmpty(shapeOut, filter.shape)) return zeros(space, inputShape);
  const { gradient, free } = outputGradient(space, dy, shapeOut);
  const out = space.result(inputShape);
  const weights = space.operand(filter);
  const size = sizeOf(filter.shape);
  if (!looped(space, 'depthwiseBack', gradient, weights, out.place, geometry, back)) {
    const [rows, columns] = [channelsIn / groups, channelsOut / groups];
    const turned = space.scratch(size);
    const [from, to] = [space.view(weights, size), space.view(turned, size)];
    const taps = size / (rows * channelsOut);
    // [taps][channels in][columns] to [taps][columns][channels in], or [taps][groups][columns] to [groups][taps][columns][1].
    if (groups > 1) swapAxes(from, to, taps, groups, columns);
    else
      for (let t = 0, each = rows * columns; t < taps; t++)
        swapAxes(from.subarray(t * each), to.subarray(t * each, (t + 1) * each), rows, columns, 1);
    patchesTimes(space, gradient, turned, out.place, geometry, channelsOut, channelsIn, back);
    space.free(turned);
  }
  free();
  return out.finish();
}

/** The gradient of the filter. */
export function convolveFilter(
  name: string,
  tf: TensorFlow,
  args: KernelArguments,
  space: Workspace,
): TensorInfo {
  const { x, dy } = args.inputs as { x: TensorInfo; dy: TensorInfo };
  const filterShape = args.attrs?.['filterShape'] as number[];
  const geometry = geometryOf(tf, args, name, x.shape, filterShape);
  const { batch, channelsIn, channelsOut, groups, shapeOut, spatial } = geometry;
  checkOutputGradient(name, dy, shapeOut);
  if (isEmpty(x.shape, shapeOut)) return zeros(space, filterShape);
  const { gradient, free } = outputGradient(space, dy, shapeOut);
  const out = space.result(filterShape);
  const input = space.operand(x);
  if (looped(space, 'depthwiseFilter', input, gradient, out.place, geometry, spatial)) {
    free();
    return out.finish();
  }
  const layout = layoutOf(spatial);
  const { taps } = layout;
  const rows = batch * layout.positions;
  const columns = channelsOut / groups;
  const grouped = groups === 1 ? gradient : space.scratch(rows * channelsOut);
  if (groups > 1) {
    const size = rows * channelsOut;
    swapAxes(space.view(gradient, size), space.view(grouped, size), rows, groups, columns);
  }
  const direct = groups === 1 && isTrivial(spatial);
  // A sum goes over all images, so it is taps that are done a few at a time.
  const run = direct ? taps : Math.max(1, Math.min(taps, Math.floor(mostPatches / (rows * channelsIn))));
  const patches = direct ? input : space.scratch(rows * run * channelsIn);
  for (let first = 0; first < taps; first += run) {
    const end = Math.min(taps, first + run);
    const count = end - first;
    if (!direct) space.patches(input, patches, layout, channelsIn, groups, [0, rows], [first, end]);
    const high = (count * channelsIn) / groups;
    const target = space.at(out.place, first * channelsIn * columns);
    const size = count * channelsIn * columns;
    const product = groups === 1 ? target : space.scratch(size);
    space.multiply(patches, grouped, product, {
      m: high,
      n: columns,
      k: rows,
      transposeA: true,
      batch: groups,
    });
    if (groups === 1) continue;
    // [groups][taps][columns] to [taps][groups][columns].
    swapAxes(space.view(product, size), space.view(target, size), groups, count, columns);
    space.free(product);
  }
  if (!direct) space.free(patches);
  if (groups > 1) space.free(grouped);
  free();
  return out.finish();
}
