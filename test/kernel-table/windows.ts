/** Kernels that slide windows over images: convolutions, pooling, dilation; and those that sample images between pixels. */
import { sizeOf } from '../../src/shape.ts';
import type { TensorFlow } from '../../src/tfjs/index.ts';
import { type Drawn, type Draws, type Operand, operand } from './draws.ts';
import { arithmetic, type Entry, each, exact, type Table } from './entry.ts';

type Four = [number, number, number, number];
type Five = [number, number, number, number, number];

export const activations = ['linear', 'relu', 'relu6', 'leakyrelu', 'prelu'];

interface Window {
  readonly x: number[];
  readonly filter: number[];
  readonly attrs: Drawn['attrs'] & { strides: number[]; dilations: number[]; pad: 'same' };
}

/** An image and a filter. Sums have at most 64 products. */
function windowOf(d: Draws, dimensions: 2 | 3, dilates: boolean): Window {
  const spatial = Array.from({ length: dimensions }, () => d.int(1, 4));
  const taps = spatial.map((length) => d.int(1, Math.min(length, dimensions === 2 ? 3 : 2)));
  const dilations = taps.map(() => (dilates && d.int(0, 3) === 0 ? 2 : 1));
  const areOne = dilations.every((dilation) => dilation === 1);
  const strides = taps.map(() => (areOne ? d.int(1, 3) : 1));
  const pad = areOne ? d.pick(['same', 'valid']) : 'same';
  const dataFormat = dimensions === 2 ? 'NHWC' : 'NDHWC';
  const channels = d.int(1, 3);
  return {
    x: [d.int(1, 2), ...spatial, channels],
    filter: [...taps, channels, d.int(1, 2)],
    attrs: { strides, dilations, pad: pad as 'same', dataFormat },
  };
}

function shapeOut(tf: TensorFlow, { x, filter, attrs }: Window, isDepthwise = false): number[] {
  const { strides, dilations, pad } = attrs;
  const { computeConv2DInfo, computeConv3DInfo } = tf.backend_util;
  return x.length === 5
    ? computeConv3DInfo(x as Five, filter as Five, strides as [number, number, number], 1, pad).outShape
    : computeConv2DInfo(
        x as Four,
        filter as Four,
        strides as [number, number],
        dilations as [number, number],
        pad,
        undefined,
        isDepthwise,
      ).outShape;
}

function convolutions(tf: TensorFlow): Table {
  const forward = (dimensions: 2 | 3): Entry =>
    exact((d) => {
      const { x, filter, attrs } = windowOf(d, dimensions, true);
      return { inputs: { x: d.exact(x), filter: d.exact(filter) }, attrs };
    });
  const fused = (isDepthwise: boolean): Entry =>
    exact((d) => {
      const given = windowOf(d, 2, true);
      const channels = shapeOut(tf, given, isDepthwise)[3]!;
      const activation = d.pick(activations);
      const inputs: Record<string, Operand> = { x: d.exact(given.x), filter: d.exact(given.filter) };
      if (d.bool()) inputs['bias'] = d.exact([channels]);
      if (activation === 'prelu') inputs['preluActivationWeights'] = d.exact([channels]);
      return { inputs, attrs: { ...given.attrs, activation, leakyreluAlpha: 0.25 } };
    });
  const backward = (dimensions: 2 | 3, isDepthwise: boolean, isInput: boolean): Entry =>
    exact((d) => {
      const given = windowOf(d, dimensions, false);
      const { x, filter, attrs } = given;
      const dy = d.exact(shapeOut(tf, given, isDepthwise));
      return {
        inputs: isInput ? { dy, filter: d.exact(filter) } : { x: d.exact(x), dy },
        attrs: { ...attrs, inputShape: x, filterShape: filter },
      };
    });
  return {
    ...each('Conv2D DepthwiseConv2dNative', forward(2)),
    Conv3D: forward(3),
    FusedConv2D: fused(false),
    FusedDepthwiseConv2D: fused(true),
    Conv2DBackpropInput: backward(2, false, true),
    Conv2DBackpropFilter: backward(2, false, false),
    DepthwiseConv2dNativeBackpropInput: backward(2, true, true),
    DepthwiseConv2dNativeBackpropFilter: backward(2, true, false),
    Conv3DBackpropInputV2: backward(3, false, true),
    Conv3DBackpropFilterV2: backward(3, false, false),
  };
}

/** Numbers of every format, no two equal in a channel of an image. */
function distinct(d: Draws, shape: readonly number[]): Operand {
  const channels = shape[shape.length - 1]!;
  const places = sizeOf(shape.slice(1, -1));
  const order = d.order(places);
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => {
    const n = order[Math.floor(i / channels) % places]! - Math.floor(places / 2);
    return Math.sign(n) * (1 + (Math.abs(n) % 4) / 4) * 2 ** (Math.floor(Math.abs(n) / 4) - 4);
  });
  return operand(shape, 'float32', values);
}

function pools(tf: TensorFlow): Table {
  const pooled = (
    d: Draws,
    dimensions: 2 | 3,
    isSquare = false,
  ): { x: number[]; attrs: Drawn['attrs']; out: number[] } => {
    const spatial = Array.from({ length: dimensions }, () => d.int(1, dimensions === 2 ? 5 : 4));
    const x = [d.int(1, 2), ...spatial, d.int(1, 3)];
    const filterSize = spatial.map((length) => d.int(1, Math.min(length, 3)));
    if (isSquare) filterSize.fill(Math.min(...filterSize));
    const strides = spatial.map(() => d.int(1, 2));
    const pad = d.pick(['same', 'valid'] as const);
    const { computePool2DInfo, computePool3DInfo } = tf.backend_util;
    const dataFormat = dimensions === 2 ? 'NHWC' : 'NDHWC';
    const { outShape } =
      dimensions === 2
        ? computePool2DInfo(x as Four, filterSize as [number, number], strides as [number, number], 1, pad)
        : computePool3DInfo(
            x as Five,
            filterSize as [number, number, number],
            strides as [number, number, number],
            1,
            pad,
          );
    return { x, attrs: { filterSize, strides, pad, dataFormat }, out: outShape };
  };
  const forward = (dimensions: 2 | 3): Entry =>
    arithmetic((d) => {
      const { x, attrs } = pooled(d, dimensions);
      return { inputs: { x: d.exact(x) }, attrs: { ...attrs, includeBatchInIndex: d.bool() } };
    });
  const averaged = (dimensions: 2 | 3): Entry =>
    arithmetic((d) => {
      const { x, attrs, out } = pooled(d, dimensions);
      return { inputs: { dy: d.exact(out), input: d.exact(x) }, attrs };
    });
  const largest = (dimensions: 2 | 3): Entry =>
    exact((d) => {
      // The cpu backend goes wrong in windows of three dimensions that are not square, and takes the last of equals there.
      const isSolid = dimensions === 3;
      const { x, attrs, out } = pooled(d, dimensions, isSolid);
      const input = isSolid ? distinct(d, x) : d.exact(x);
      return { inputs: { dy: d.exact(out), input, output: d.exact(out) }, attrs };
    });
  return {
    ...each('AvgPool MaxPool MaxPoolWithArgmax', forward(2)),
    ...each('AvgPool3D MaxPool3D', forward(3)),
    AvgPoolGrad: averaged(2),
    AvgPool3DGrad: averaged(3),
    MaxPoolGrad: largest(2),
    MaxPool3DGrad: largest(3),
  };
}

function dilations(tf: TensorFlow): Table {
  const draw = (isBackward: boolean): Entry =>
    arithmetic((d) => {
      const { x, filter } = windowOf(d, 2, false);
      const shape = filter.slice(0, 3) as [number, number, number];
      const attrs = { strides: [1, 1], pad: d.pick(['same', 'valid'] as const), dilations: [1, 1] };
      const { computeDilation2DInfo } = tf.backend_util;
      const { outShape } = computeDilation2DInfo(x as Four, shape, [1, 1], attrs.pad, 'NHWC', [1, 1]);
      const inputs: Record<string, Operand> = { x: d.exact(x), filter: d.exact(shape) };
      if (isBackward) inputs['dy'] = d.exact(outShape);
      return { inputs, attrs };
    });
  return {
    Dilation2D: draw(false),
    ...each('Dilation2DBackpropInput Dilation2DBackpropFilter', draw(true)),
  };
}

const image = (d: Draws): number[] => [d.int(1, 2), d.int(1, 5), d.int(1, 5), d.int(1, 3)];

const resized = (isBackward: boolean) =>
  arithmetic((d) => {
    const shape = image(d);
    const size = [d.int(1, 6), d.int(1, 6)];
    // Aligned corners of one row make the cpu backend's gradient run for ever.
    const alignCorners = shape[1]! > 1 && shape[2]! > 1 && d.bool();
    const attrs = { alignCorners, halfPixelCenters: false, size };
    const inputs: Record<string, Operand> = { images: d.exact(shape) };
    if (isBackward) inputs['dy'] = d.exact([shape[0]!, ...size, shape[3]!]);
    return { inputs, attrs };
  });

const sampled: Table = {
  ResizeBilinear: resized(false),
  ...each('ResizeBilinearGrad ResizeNearestNeighborGrad', resized(true)),
  CropAndResize: {
    kind: ({ attrs }) => (attrs['method'] === 'nearest' ? 'carried' : 'arithmetic'),
    drawn: arithmetic((d) => {
      const shape = image(d);
      const boxes = d.int(1, 3);
      const corners = Array.from({ length: boxes }, () => [0.1, 0, d.pick([0.5, 1.2]), 0.9]).flat();
      return {
        inputs: {
          image: d.floats(shape),
          boxes: operand([boxes, 4], 'float32', corners),
          boxInd: d.ints([boxes], 0, shape[0]! - 1),
        },
        attrs: {
          cropSize: [d.int(1, 3), d.int(1, 3)],
          method: d.pick(['bilinear', 'nearest']),
          extrapolationValue: d.pick([0, 3.3]),
        },
      };
    }).drawn,
  },
  Transform: {
    kind: ({ attrs }) => (attrs['interpolation'] === 'nearest' ? 'carried' : 'arithmetic'),
    drawn: arithmetic((d) => {
      const shape = image(d);
      const moved = Array.from({ length: shape[0]! }, () => [
        0.9,
        0.1,
        d.pick([-1, 0.3]),
        0,
        1.1,
        0,
        0,
        0,
      ]).flat();
      return {
        inputs: { image: d.floats(shape), transforms: operand([shape[0]!, 8], 'float32', moved) },
        attrs: {
          interpolation: d.pick(['nearest', 'bilinear']),
          fillMode: d.pick(['constant', 'reflect', 'wrap', 'nearest']),
          fillValue: d.pick([0, 3.3]),
          outputShape: [d.int(1, 4), d.int(1, 4)],
        },
      };
    }).drawn,
  },
};

export function windows(tf: TensorFlow): Table {
  return { ...convolutions(tf), ...pools(tf), ...dilations(tf), ...sampled };
}
