/**
 * The gradient of maximum pooling, which the wasm backend gets wrong (tfjs-backend-wasm 4.22: windows without a positive number
 * lose theirs). Each gradient goes to the element that the output was taken from, the first one of equals; sums
 * are binary32, in the order of the outputs, from +0.
 */
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { float32View } from './heap.ts';
import type { KernelArguments, KernelFunction, TensorFlow, TensorInfo, WasmBackend } from './internals.ts';

interface PoolInfo {
  readonly batchSize: number;
  readonly inChannels: number;
  readonly inDepth?: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outDepth?: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly strideDepth?: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly effectiveFilterDepth?: number;
  readonly effectiveFilterHeight: number;
  readonly effectiveFilterWidth: number;
  readonly outShape: readonly number[];
  readonly padInfo: { readonly front?: number; readonly top: number; readonly left: number };
}

interface PoolAttributes {
  readonly filterSize: number | number[];
  readonly strides: number | number[];
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** Start and end of the windows along an axis, within the input. */
function windows(out: number, size: number, stride: number, filter: number, pad: number): [number, number][] {
  return Array.from({ length: out }, (_, o) => {
    const start = o * stride - pad;
    return [Math.max(start, 0), Math.min(start + filter, size)];
  });
}

type Windows = readonly (readonly [number, number])[];

/** Adds each gradient to the place of the first largest number of its window. */
function scatterToMaxima(
  {
    dx,
    x,
    gradients,
  }: { readonly dx: Float32Array; readonly x: Float32Array; readonly gradients: Float32Array },
  { batchSize, inChannels: channels, inHeight, inWidth, inDepth = 1 }: PoolInfo,
  [planes, rows, columns]: readonly [Windows, Windows, Windows],
): void {
  let at = 0;
  for (let n = 0; n < batchSize; n++)
    for (const [d0, d1] of planes)
      for (const [r0, r1] of rows)
        for (const [c0, c1] of columns)
          for (let channel = 0; channel < channels; channel++) {
            let best = -1;
            let largest = -Infinity;
            for (let d = d0; d < d1; d++)
              for (let r = r0; r < r1; r++) {
                let place = (((n * inDepth + d) * inHeight + r) * inWidth + c0) * channels + channel;
                for (let c = c0; c < c1; c++, place += channels)
                  if (best < 0 || x[place]! > largest) {
                    best = place;
                    largest = x[place]!;
                  }
              }
            const gradient = gradients[at++]!;
            if (best >= 0) dx[best]! += gradient;
          }
}

/** The windows of a pooling along depth, height and width. */
function poolWindows(info: PoolInfo): [Windows, Windows, Windows] {
  const { padInfo, inDepth = 1, outDepth = 1, strideDepth = 1, effectiveFilterDepth = 1 } = info;
  const { outHeight, inHeight, strideHeight, effectiveFilterHeight } = info;
  const { outWidth, inWidth, strideWidth, effectiveFilterWidth } = info;
  return [
    windows(outDepth, inDepth, strideDepth, effectiveFilterDepth, padInfo.front ?? 0),
    windows(outHeight, inHeight, strideHeight, effectiveFilterHeight, padInfo.top),
    windows(outWidth, inWidth, strideWidth, effectiveFilterWidth, padInfo.left),
  ];
}

/** `MaxPoolGrad` and `MaxPool3DGrad`. */
export function maxPoolGradient(tf: TensorFlow, dimensions: 2 | 3): KernelFunction {
  const name = dimensions === 2 ? 'MaxPoolGrad' : 'MaxPool3DGrad';
  const { computePool2DInfo, computePool3DInfo } = tf.backend_util;
  const infoOf = (dimensions === 2 ? computePool2DInfo : computePool3DInfo) as (
    ...given: unknown[]
  ) => PoolInfo;
  return ({ inputs, attrs, backend }: KernelArguments) => {
    const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo };
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes;
    const info = infoOf(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
    if (String(dy.shape) !== String(info.outShape))
      throw new ArgumentError(`${name}.dy`, `[${dy.shape}]`, `the shape of the outputs, [${info.outShape}]`);
    const wasm = backend as WasmBackend;
    const out = wasm.makeOutput(input.shape, 'float32');
    const size = sizeOf(input.shape);
    const x = float32View(wasm, input.dataId, size);
    const dx = float32View(wasm, out.dataId, size).fill(0);
    const gradients = float32View(wasm, dy.dataId, sizeOf(dy.shape));
    scatterToMaxima({ dx, x, gradients }, info, poolWindows(info));
    return out;
  };
}
