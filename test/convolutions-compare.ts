/**
 * Convolutions of every geometry on the wasm backend under emulation, against TensorFlow.js' cpu backend and, for the gradients
 * of depthwise ones with dilations, which that backend leaves out of account, against plain loops. Operands are small
 * integers, so that each sum is exact in any order and the comparison is of bits. The freed memory around them holds NaN:
 * whatever reads beyond an operand shows.
 */
import { expect } from 'vitest';
import { sizeOf } from '../src/shape.ts';
import type {
  Backend,
  KernelArguments,
  KernelFunction,
  TensorFlow,
  TensorInfo,
} from '../src/tfjs/internals.ts';

type Pair = readonly [number, number];
type Padding = 'same' | 'valid' | number | readonly (readonly [number, number])[];

export interface ConvolutionGeometry {
  readonly input: Pair;
  readonly filter: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly pad: Padding;
}

export const paddings: readonly Padding[] = [
  'same',
  'valid',
  1,
  2,
  3,
  [
    [0, 0],
    [1, 2],
    [0, 3],
    [0, 0],
  ],
  [
    [0, 0],
    [3, 0],
    [2, 1],
    [0, 0],
  ],
];

const upTo = (most: number): number[] => Array.from({ length: most }, (_, i) => i + 1);
const pairs = (most: number): Pair[] => upTo(most).flatMap((a) => upTo(most).map((b): Pair => [a, b]));

/** Strides up to 4 without dilation, dilations up to 3 without strides: TensorFlow.js takes no others. */
export const steps: readonly { readonly strides: Pair; readonly dilations: Pair }[] = [
  ...pairs(4).map((strides) => ({ strides, dilations: [1, 1] as const })),
  ...pairs(3)
    .slice(1)
    .map((dilations) => ({ strides: [1, 1] as const, dilations })),
];

/** Inputs and filters. */
export const sizes: readonly Pair[] = pairs(7);

const batch = 2;
const channels = 2;
const kernels = {
  Conv2D: 3,
  DepthwiseConv2dNative: 2,
  Conv2DBackpropInput: 3,
  Conv2DBackpropFilter: 3,
  DepthwiseConv2dNativeBackpropInput: 2,
  DepthwiseConv2dNativeBackpropFilter: 2,
};

type KernelName = keyof typeof kernels;

interface Side {
  readonly backend: Backend;
  readonly kernelOf: (name: string) => KernelFunction;
}

function sideOf(tf: TensorFlow, name: string): Side {
  return {
    backend: tf.findBackend(name) as unknown as Backend,
    kernelOf: (kernel) => tf.getKernel(kernel, name).kernelFunc as unknown as KernelFunction,
  };
}

interface Operand {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function run(
  { backend, kernelOf }: Side,
  name: string,
  operands: Readonly<Record<string, Operand>>,
  attrs: KernelArguments['attrs'],
): [shape: readonly number[], values: Float32Array] {
  const inputs: Record<string, TensorInfo> = {};
  for (const [key, { shape, values }] of Object.entries(operands))
    inputs[key] = {
      dataId: backend.write(values, shape, 'float32'),
      shape: [...shape],
      dtype: 'float32',
    };
  const result = kernelOf(name)({ inputs, backend, attrs }) as TensorInfo;
  const values = Float32Array.from(backend.readSync(result.dataId) as Float32Array);
  for (const { dataId } of [...Object.values(inputs), result]) backend.disposeData(dataId);
  return [result.shape, values];
}

type Info = ReturnType<TensorFlow['backend_util']['computeConv2DInfo']>;

/** The gradient of the input or of the filter of a depthwise convolution: each product goes where it belongs. */
function scattered(info: Info, name: KernelName, operands: Readonly<Record<string, Operand>>): Float32Array {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, padInfo } = info;
  const multiplier = kernels[name];
  const isInput = name.endsWith('BackpropInput');
  const out = new Float32Array(sizeOf(isInput ? info.inShape : info.filterShape));
  const { x, dy, filter } = operands;
  for (let n = 0; n < batchSize; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let ty = 0; ty < filterHeight; ty++)
          for (let tx = 0; tx < filterWidth; tx++) {
            const iy = oy * info.strideHeight - padInfo.top + ty * info.dilationHeight;
            const ix = ox * info.strideWidth - padInfo.left + tx * info.dilationWidth;
            if (iy < 0 || iy >= inHeight || ix < 0 || ix >= inWidth) continue;
            for (let j = 0; j < channels * multiplier; j++) {
              const gradient =
                dy!.values[((n * outHeight + oy) * outWidth + ox) * channels * multiplier + j]!;
              const place = ((n * inHeight + iy) * inWidth + ix) * channels + Math.floor(j / multiplier);
              const weight = (ty * filterWidth + tx) * channels * multiplier + j;
              if (isInput) out[place]! += gradient * filter!.values[weight]!;
              else out[weight]! += gradient * x!.values[place]!;
            }
          }
  return out;
}

const operand = (shape: readonly number[], start: number): Operand => ({
  shape,
  values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((start + i * 7) % 13) - 6),
});

/** Leaves NaN in the memory that the wasm backend allocates next. */
function poison({ backend }: Side): void {
  const ids = Array.from({ length: 64 }, () =>
    backend.write(new Float32Array(2048).fill(Number.NaN), [2048], 'float32'),
  );
  for (const dataId of ids) backend.disposeData(dataId);
}

/** Compares the six kernels on the geometries; the number of comparisons. The emulation must be on, and wasm active. */
export function compareConvolutions(tf: TensorFlow, geometries: Iterable<ConvolutionGeometry>): number {
  const [wasm, cpu] = [sideOf(tf, 'wasm'), sideOf(tf, 'cpu')];
  let compared = 0;
  poison(wasm);
  for (const { input, filter, strides, dilations, pad } of geometries)
    for (const name of Object.keys(kernels) as KernelName[]) {
      const isDepthwise = name.includes('epthwise');
      // The gradients of convolutions that are not depthwise know no dilations.
      if (!isDepthwise && name !== 'Conv2D' && (dilations[0] > 1 || dilations[1] > 1)) continue;
      const inputShape: [number, number, number, number] = [batch, ...input, channels];
      const filterShape: [number, number, number, number] = [...filter, channels, kernels[name]];
      const attrs = { strides, dilations, pad, dataFormat: 'NHWC', inputShape, filterShape };
      const info = tf.backend_util.computeConv2DInfo(
        inputShape,
        filterShape,
        strides as [number, number],
        dilations as [number, number],
        pad as 'same',
        undefined,
        isDepthwise,
      );
      const { outShape } = info;
      const [x, w] = [operand(inputShape, 1), operand(filterShape, 5)];
      const operands = name.endsWith('BackpropInput')
        ? {
            dy: operand(
              outShape.map((n) => Math.max(n, 0)),
              3,
            ),
            filter: w,
          }
        : name.endsWith('BackpropFilter')
          ? {
              x,
              dy: operand(
                outShape.map((n) => Math.max(n, 0)),
                3,
              ),
            }
          : { x, filter: w };
      compared++;
      const what = JSON.stringify({ name, input, filter, strides, dilations, pad });
      if (outShape.some((length) => length < 0)) {
        expect(() => run(wasm, name, operands, attrs), what).toThrow('Tensor must have a shape');
        continue;
      }
      const [shape, values] = run(wasm, name, operands, attrs);
      const isLoops =
        name.startsWith('DepthwiseConv2dNativeBackprop') && (dilations[0] > 1 || dilations[1] > 1);
      const [wantedShape, wanted] = isLoops
        ? [name.endsWith('Input') ? inputShape : filterShape, scattered(info, name, operands)]
        : run(cpu, name, operands, attrs);
      const isSame =
        String(shape) === String(wantedShape) && values.every((value, i) => Object.is(value, wanted[i]));
      if (!isSame) expect([shape, [...values]], what).toEqual([wantedShape, [...wanted]]);
    }
  return compared;
}
