/**
 * The geometry of a convolution: what TensorFlow.js derives from the shapes and attributes of a call, and the refusal of
 * shapes that do not fit each other, in the words of its operations where it has them.
 */
import { ArgumentError } from '../errors.ts';
import type { KernelArguments, TensorFlow, TensorInfo } from './internals.ts';
import { forwardTaps, type Spatial } from './patches.ts';

export interface Geometry {
  readonly batch: number;
  readonly spatial: Spatial;
  readonly channelsIn: number;
  readonly channelsOut: number;
  readonly groups: number;
  readonly shapeOut: readonly number[];
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
  readonly outShape: readonly number[];
}

interface Attributes {
  readonly strides: number | [number, number];
  readonly dilations?: number | [number, number] | null;
  readonly pad: 'same' | 'valid' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function infoOf(
  tf: TensorFlow,
  attrs: Attributes,
  rank: number,
  isDepthwise: boolean,
  shapeIn: readonly number[],
  shapeFilter: readonly number[],
): ConvInfo {
  const { strides, pad, dimRoundingMode } = attrs;
  // Layers say null for none.
  const dilations = attrs.dilations ?? 1;
  const { computeConv2DInfo, computeConv3DInfo } = tf.backend_util;
  return (rank === 5
    ? computeConv3DInfo(
        shapeIn as [number, number, number, number, number],
        shapeFilter as [number, number, number, number, number],
        strides as number,
        dilations as number,
        pad as 'same',
      )
    : computeConv2DInfo(
        shapeIn as [number, number, number, number],
        shapeFilter as [number, number, number, number],
        strides,
        dilations,
        pad as 'same',
        dimRoundingMode,
        isDepthwise,
      )) as unknown as ConvInfo;
}

/** The geometry of a call of the kernel `name`, for an input and a filter of these shapes. */
export function geometryOf(
  tf: TensorFlow,
  args: KernelArguments,
  name: string,
  shapeIn: readonly number[],
  shapeFilter: readonly number[],
): Geometry {
  const { util } = tf;
  const rank = name.startsWith('Conv3D') ? 5 : 4;
  const isDepthwise = name.includes('epthwise');
  for (const [operand, shape] of Object.entries({ input: shapeIn, filter: shapeFilter }))
    util.assert(
      shape.length === rank,
      () => `Error in ${name}: ${operand} must be rank ${rank}, but got rank ${shape.length}.`,
    );
  const [depth, wanted] = [shapeIn[rank - 1], shapeFilter[rank - 2]];
  util.assert(
    depth === wanted,
    () => `Error in ${name}: depth of input (${depth}) must match input depth for filter ${wanted}.`,
  );
  const info = infoOf(tf, args.attrs as unknown as Attributes, rank, isDepthwise, shapeIn, shapeFilter);
  const { padInfo } = info;
  for (const shape of [shapeIn, shapeFilter, info.outShape])
    util.assertNonNegativeIntegerDimensions(shape as number[]);
  return {
    batch: info.batchSize,
    spatial: [
      forwardTaps(
        info.inDepth ?? 1,
        info.outDepth ?? 1,
        info.filterDepth ?? 1,
        info.strideDepth ?? 1,
        info.dilationDepth ?? 1,
        padInfo.front ?? 0,
      ),
      forwardTaps(
        info.inHeight,
        info.outHeight,
        info.filterHeight,
        info.strideHeight,
        info.dilationHeight,
        padInfo.top,
      ),
      forwardTaps(
        info.inWidth,
        info.outWidth,
        info.filterWidth,
        info.strideWidth,
        info.dilationWidth,
        padInfo.left,
      ),
    ],
    channelsIn: info.inChannels,
    channelsOut: info.outChannels,
    groups: isDepthwise ? info.inChannels : 1,
    shapeOut: info.outShape,
  };
}

/**
 * Refuses a gradient of the outputs that is smaller than the outputs. A larger one counts as far as the outputs go, as in
 * TensorFlow.js.
 */
export function checkOutputGradient(name: string, dy: TensorInfo, shapeOut: readonly number[]): void {
  const isEnough =
    dy.shape.length === shapeOut.length && shapeOut.every((length, axis) => dy.shape[axis]! >= length);
  const channels = shapeOut.length - 1;
  if (!isEnough || dy.shape[channels] !== shapeOut[channels])
    throw new ArgumentError(`${name}.dy`, `[${dy.shape}]`, `the shape of the outputs, [${shapeOut}]`);
}
