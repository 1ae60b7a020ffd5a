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
import type { KernelArguments, TensorFlow, TensorInfo } from './internals.ts';
import {
  backwardTaps,
  forwardTaps,
  isTrivial,
  positionsOf,
  type Spatial,
  swapAxes,
  tapsOf,
  writePatches,
} from './patches.ts';
import type { Place, Workspace } from './workspace.ts';

/** More patches than this are not made at once. In elements. */
const mostPatches = 2 ** 22;

interface Geometry {
  readonly batch: number;
  readonly spatial: Spatial;
  readonly channelsIn: number;
  readonly channelsOut: number;
  readonly groups: number;
  readonly shapeIn: readonly number[];
  readonly shapeOut: readonly number[];
  readonly shapeFilter: readonly number[];
}

/** What tfjs-core's computeConv2DInfo and computeConv3DInfo give. */
interface ConvInfo {
  readonly batchSize: number;
  readonly inDepth?: number;
  readonly outDepth?: number;
  readonly filterDepth?: number;
  readonly strideDepth?: number;
  readonly dilationDepth?: number;
  readonly inHeight: number;
  readonly outHeight: number;
  readonly filterHeight: number;
  readonly strideHeight: number;
  readonly dilationHeight: number;
  readonly inWidth: number;
  readonly outWidth: number;
  readonly filterWidth: number;
  readonly strideWidth: number;
  readonly dilationWidth: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly padInfo: { readonly front?: number; readonly top: number; readonly left: number };
  readonly inShape: readonly number[];
  readonly outShape: readonly number[];
  readonly filterShape: readonly number[];
}

type Numbers = number | [number, number];

/** The geometry of a call, for an input and a filter of these shapes. */
function geometryOf(
  tf: TensorFlow,
  args: KernelArguments,
  name: string,
  shapeIn: readonly number[],
  shapeFilter: readonly number[],
): Geometry {
  const {
    strides,
    dilations = 1,
    pad,
    dimRoundingMode,
  } = args.attrs as {
    strides: Numbers;
    dilations?: Numbers;
    pad: 'same' | 'valid' | number;
    dimRoundingMode?: 'floor' | 'round' | 'ceil';
  };
  const isDepthwise = name.includes('epthwise');
  let info: ConvInfo;
  if (name.startsWith('Conv3D'))
    info = tf.backend_util.computeConv3DInfo(
      shapeIn as [number, number, number, number, number],
      shapeFilter as [number, number, number, number, number],
      strides as number,
      dilations as number,
      pad as 'same',
    ) as unknown as ConvInfo;
  else
    info = tf.backend_util.computeConv2DInfo(
      shapeIn as [number, number, number, number],
      shapeFilter as [number, number, number, number],
      strides,
      dilations,
      pad as 'same',
      dimRoundingMode,
      isDepthwise,
    ) as unknown as ConvInfo;
  const { padInfo } = info;
  const depth = forwardTaps(
    info.inDepth ?? 1,
    info.outDepth ?? 1,
    info.filterDepth ?? 1,
    info.strideDepth ?? 1,
    info.dilationDepth ?? 1,
    padInfo.front ?? 0,
  );
  const height = forwardTaps(
    info.inHeight,
    info.outHeight,
    info.filterHeight,
    info.strideHeight,
    info.dilationHeight,
    padInfo.top,
  );
  const width = forwardTaps(
    info.inWidth,
    info.outWidth,
    info.filterWidth,
    info.strideWidth,
    info.dilationWidth,
    padInfo.left,
  );
  return {
    batch: info.batchSize,
    spatial: [depth, height, width],
    channelsIn: info.inChannels,
    channelsOut: info.outChannels,
    groups: isDepthwise ? info.inChannels : 1,
    shapeIn: info.inShape,
    shapeOut: info.outShape,
    shapeFilter,
  };
}

/** Runs `use` on the patches of a tensor, for as many images at a time as fit; rows are counted from `row`. */
function inRuns(
  space: Workspace,
  from: Place,
  batch: number,
  channels: number,
  groups: number,
  spatial: Spatial,
  use: (patches: Place, row: number, rows: number) => void,
): void {
  const positions = positionsOf(spatial);
  if (groups === 1 && isTrivial(spatial)) {
    use(from, 0, batch * positions);
    return;
  }
  const image = spatial.reduce((product, { size }) => product * size, channels);
  const each = positions * tapsOf(spatial) * channels;
  const run = Math.max(1, Math.min(batch, Math.floor(mostPatches / each)));
  const patches = space.scratch(run * each);
  for (let n = 0; n < batch; n += run) {
    const count = Math.min(run, batch - n);
    const source = space.view(space.at(from, n * image), count * image);
    writePatches(
      source,
      space.view(patches, count * each),
      count,
      channels,
      groups,
      spatial,
      0,
      tapsOf(spatial),
    );
    use(patches, n * positions, count * positions);
  }
  space.free(patches);
}

/** out = patches times the filter, [groups][k][columns of a group]. */
function patchesTimes(
  space: Workspace,
  from: Place,
  filter: Place,
  out: Place,
  { batch, groups }: Geometry,
  channels: number,
  channelsOut: number,
  spatial: Spatial,
): void {
  const columns = channelsOut / groups;
  const k = (tapsOf(spatial) * channels) / groups;
  inRuns(space, from, batch, channels, groups, spatial, (patches, row, rows) => {
    const target = space.at(out, row * channelsOut);
    const product = groups === 1 ? target : space.scratch(rows * channelsOut);
    space.multiply(patches, filter, product, { m: rows, n: columns, k, batch: groups });
    if (groups === 1) return;
    const size = rows * channelsOut;
    swapAxes(space.view(product, size), space.view(target, size), groups, rows, columns);
    space.free(product);
  });
}

/** The forward convolution. */
export function convolve(name: string, tf: TensorFlow, args: KernelArguments, space: Workspace): TensorInfo {
  const { x, filter } = args.inputs as { x: TensorInfo; filter: TensorInfo };
  const geometry = geometryOf(tf, args, name, x.shape, filter.shape);
  const { channelsIn, channelsOut, groups, spatial } = geometry;
  const out = space.result(geometry.shapeOut);
  const weights = space.operand(filter);
  const size = tapsOf(spatial) * (channelsIn / groups) * channelsOut;
  // [taps][groups][columns] to [groups][taps][columns].
  const grouped = groups === 1 ? weights : space.scratch(size);
  if (groups > 1)
    swapAxes(
      space.view(weights, size),
      space.view(grouped, size),
      tapsOf(spatial),
      groups,
      channelsOut / groups,
    );
  patchesTimes(space, space.operand(x), grouped, out.place, geometry, channelsIn, channelsOut, spatial);
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
  const { channelsIn, channelsOut, groups, spatial } = geometry;
  const back = spatial.map(backwardTaps) as unknown as Spatial;
  const taps = tapsOf(spatial);
  const out = space.result(inputShape);
  const weights = space.operand(filter);
  const [rows, columns] = [channelsIn / groups, channelsOut / groups];
  const size = taps * rows * channelsOut;
  const turned = space.scratch(size);
  const [from, to] = [space.view(weights, size), space.view(turned, size)];
  // [taps][channels in][columns] to [taps][columns][channels in], or [taps][groups][columns] to [groups][taps][columns][1].
  if (groups > 1) swapAxes(from, to, taps, groups, columns);
  else
    for (let t = 0, each = rows * columns; t < taps; t++)
      swapAxes(from.subarray(t * each), to.subarray(t * each, (t + 1) * each), rows, columns, 1);
  patchesTimes(space, space.operand(dy), turned, out.place, geometry, channelsOut, channelsIn, back);
  space.free(turned);
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
  const { batch, channelsIn, channelsOut, groups, spatial } = geometryOf(
    tf,
    args,
    name,
    x.shape,
    filterShape,
  );
  const taps = tapsOf(spatial);
  const rows = batch * positionsOf(spatial);
  const columns = channelsOut / groups;
  const out = space.result(filterShape);
  const gradient = space.operand(dy);
  const grouped = groups === 1 ? gradient : space.scratch(rows * channelsOut);
  if (groups > 1) {
    const size = rows * channelsOut;
    swapAxes(space.view(gradient, size), space.view(grouped, size), rows, groups, columns);
  }
  const direct = groups === 1 && isTrivial(spatial);
  // A sum goes over all images, so it is taps that are done a few at a time.
  const run = direct ? taps : Math.max(1, Math.min(taps, Math.floor(mostPatches / (rows * channelsIn))));
  const patches = direct ? space.operand(x) : space.scratch(rows * run * channelsIn);
  for (let first = 0; first < taps; first += run) {
    const last = Math.min(taps, first + run);
    const count = last - first;
    if (!direct) {
      const source = space.view(
        space.operand(x),
        spatial.reduce((size, axis) => size * axis.size, batch * channelsIn),
      );
      const target = space.view(patches, rows * count * channelsIn);
      writePatches(source, target, batch, channelsIn, groups, spatial, first, last);
    }
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
  return out.finish();
}
