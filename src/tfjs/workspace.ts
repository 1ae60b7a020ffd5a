/**
 * Where kernels of ours that are made of matrix products compute, so that one source serves every backend: in the memory of
 * the wasm backend, without copies, or on JavaScript's arrays. Views over the wasm memory detach when it grows: a view
 * is made, used and dropped before anything else is asked for.
 */

import { resolveAccumulator } from '../arithmetic/accumulate/model.ts';
import { isMatrixUnit } from '../arithmetic/matrix-unit/index.ts';
import { formats } from '../formats/index.ts';
import { matmulArray } from '../kernels/products/product-arrays.ts';
import type { BatchShape } from '../products/shape.ts';
import { resolveRounding } from '../rounding/options.ts';
import { sizeOf } from '../shape.ts';
import { type Accumulation, accumulateArrays, callOf, checkUnitOperands } from './accumulator.ts';
import { isWasmBackend, kernelsOf, pointerOf } from './heap.ts';
import { asFloat32, type Backend, type DataId, type TensorInfo, type WasmBackend } from './internals.ts';
import { type Layout, type Range, writePatches } from './patches.ts';

/** Float32 numbers: from `start` bytes in the wasm memory, or an array. */
export interface Place {
  readonly start: number;
  readonly array: Float32Array;
}

export interface Workspace {
  operand(info: TensorInfo): Place;
  /** Room for a result, not cleared. `finish` makes a tensor of it. */
  result(shape: readonly number[]): { readonly place: Place; finish(): TensorInfo };
  /** Room that `free` ends, not cleared. */
  scratch(length: number): Place;
  free(place: Place): void;
  /** Frees every scratch and result, for a kernel that fails. */
  abandon(): void;
  /** The place so many elements further. */
  at(place: Place, elements: number): Place;
  view(place: Place, length: number): Float32Array;
  /** out = op(a) op(b); `out` overlaps no operand. */
  multiply(a: Place, b: Place, out: Place, shape: BatchShape): void;
  /** Writes to[group][row][tap][channel of the group] = from[image of the row][source][channel], 0 in the padding. */
  patches(
    from: Place,
    to: Place,
    layout: Layout,
    channels: number,
    groups: number,
    rows: Range,
    taps: Range,
  ): void;
  /** A depthwise convolution or a gradient of one by loops, where there are some: in binary32, without an accumulator. */
  readonly depthwise:
    | ((kind: DepthwiseKind, a: Place, b: Place, out: Place, shape: Depthwise) => void)
    | undefined;
}

export type DepthwiseKind = 'depthwise' | 'depthwiseBack' | 'depthwiseFilter';

interface Depthwise {
  readonly batch: number;
  readonly layout: Layout;
  /** Channels of the input; the output has `multiplier` times as many. */
  readonly channels: number;
  readonly multiplier: number;
}

const none = new Float32Array(0);

/** out = a b in the memory of the backend, as the accumulation says or in binary32. */
function multiplyOn(
  kernels: ReturnType<typeof kernelsOf>,
  accumulation: Accumulation | undefined,
): Workspace['multiply'] {
  const view = ({ start }: Place, length: number): Float32Array =>
    new Float32Array(kernels.heap.memory.buffer, start, length);
  return (a, b, out, shape) => {
    if (accumulation === undefined || shape.k === 0) {
      kernels.matmulFloat32(a.start, b.start, out.start, shape);
      return;
    }
    const { model } = accumulation;
    const { accumulate } = model;
    const call = callOf(accumulation, shape);
    const array = ({ start }: Place) => ({ pointer: start, shift: 2 }) as const;
    const { m, n, k, batch = 1, batchStrideA = m * k, batchStrideB = k * n } = shape;
    const [lengthA, lengthB] = [(batch - 1) * batchStrideA + m * k, (batch - 1) * batchStrideB + k * n];
    if (isMatrixUnit(accumulate)) checkUnitOperands(accumulate, view(a, lengthA), view(b, lengthB));
    if (kernels.matmul(array(a), array(b), array(out), shape, model, call)) return;
    const results = new Float32Array(batch * m * n);
    const [left, right] = [view(a, lengthA).slice(), view(b, lengthB).slice()];
    accumulateArrays(left, right, results, shape, model, call);
    view(out, results.length).set(results);
  };
}

function wasmWorkspace(backend: WasmBackend, accumulation: Accumulation | undefined): Workspace {
  const kernels = kernelsOf(backend);
  const at = (start: number): Place => ({ start, array: none });
  const results = new Set<DataId>();
  const scratches = new Set<number>();
  const view = ({ start }: Place, length: number): Float32Array =>
    new Float32Array(kernels.heap.memory.buffer, start, length);
  const scratch = (length: number): Place => {
    const start = kernels.heap.allocate(Math.max(4 * length, 4));
    scratches.add(start);
    return at(start);
  };
  const free = ({ start }: Place): void => {
    scratches.delete(start);
    kernels.heap.free(start);
  };
  /** A copy of the sources of a layout. */
  const sourcesIn = ({ sources }: Layout): Place => {
    const place = scratch(sources.length);
    new Int32Array(kernels.heap.memory.buffer, place.start, sources.length).set(sources);
    return place;
  };
  return {
    operand: ({ dataId }) => at(pointerOf(backend, dataId)),
    result(shape) {
      const info = backend.makeOutput(shape, 'float32');
      results.add(info.dataId);
      return { place: at(pointerOf(backend, info.dataId)), finish: () => info };
    },
    scratch,
    free,
    abandon() {
      for (const start of scratches) kernels.heap.free(start);
      for (const dataId of results) backend.disposeData(dataId);
    },
    at: ({ start }, elements) => at(start + 4 * elements),
    view,
    multiply: multiplyOn(kernels, accumulation),
    patches(from, to, layout, channels, groups, [firstRow, endRow], [firstTap, endTap]): void {
      const { positions, taps, places } = layout;
      const sources = sourcesIn(layout);
      const rows = endRow - firstRow;
      kernels.convolutions.patches(
        ...([from.start, to.start, sources.start, positions, taps, places, channels, groups] as const),
        ...([firstRow, rows, firstTap, endTap - firstTap] as const),
      );
      free(sources);
    },
    depthwise:
      accumulation !== undefined
        ? undefined
        : (kind, a, b, out, { batch, layout, channels, multiplier }) => {
            const { positions, taps, places } = layout;
            const sources = sourcesIn(layout);
            const zeros = scratch(channels * multiplier);
            view(zeros, channels * multiplier).fill(0);
            kernels.convolutions[kind](
              ...([a.start, b.start, out.start, zeros.start, sources.start] as const),
              ...([batch, positions, taps, places, channels, multiplier] as const),
            );
            free(zeros);
            free(sources);
          },
  };
}

const { binary32 } = formats;
const nearest = resolveRounding(binary32, {});
/** Each product and sum rounded to binary32. */
const plain = resolveAccumulator(binary32, nearest);

function arrayWorkspace(backend: Backend, accumulation: Accumulation | undefined): Workspace {
  const place = (array: Float32Array): Place => ({ start: 0, array });
  return {
    operand: ({ dataId }) => place(asFloat32(backend.readSync(dataId))),
    result(shape) {
      const made = place(new Float32Array(sizeOf(shape)));
      const finish = (): TensorInfo => ({
        dataId: backend.write(made.array, shape, 'float32'),
        shape: [...shape],
        dtype: 'float32',
      });
      return { place: made, finish };
    },
    scratch: (length) => place(new Float32Array(length)),
    free: () => undefined,
    abandon: () => undefined,
    at: ({ array }, elements) => place(array.subarray(elements)),
    view: ({ array }, length) => array.subarray(0, length),
    multiply(a, b, out, shape): void {
      const { m, n, batch = 1 } = shape;
      const results = out.array.subarray(0, batch * m * n);
      if (accumulation === undefined || shape.k === 0) {
        matmulArray(a.array, b.array, results, shape, plain, nearest);
        return;
      }
      accumulateArrays(a.array, b.array, results, shape, accumulation.model, callOf(accumulation, shape));
    },
    patches: (from, to, ...rest) => writePatches(from.array, to.array, ...rest),
    depthwise: undefined,
  };
}

/** The workspace on a backend, for products with an accumulator or, without one, in binary32. */
export function workspaceOn(backend: Backend, accumulation?: Accumulation): Workspace {
  return isWasmBackend(backend)
    ? wasmWorkspace(backend, accumulation)
    : arrayWorkspace(backend, accumulation);
}
