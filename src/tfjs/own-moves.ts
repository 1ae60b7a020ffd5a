/**
 * Kernels of the wasm backend that only move data: shared instead of copied where the values stay in place, and copied
 * run by run, without a copy of the whole operand first, where they do not. No arithmetic.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { sizeOf } from '../shape.ts';
import { kernelsOf, pointerOf } from './heap.ts';
import type { KernelArguments, KernelFunction, TensorFlow, TensorInfo, WasmBackend } from './internals.ts';

/** The same data under a shape: no copy. */
function share({ dataId, dtype, shape }: TensorInfo, { backend }: KernelArguments): TensorInfo {
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}

export const identity =
  (stock: KernelFunction): KernelFunction =>
  (args) => {
    const { x } = args.inputs as { x: TensorInfo };
    return x.dtype === 'string' ? stock(args) : share(x, args);
  };

export const cast =
  (stock: KernelFunction): KernelFunction =>
  (args) => {
    const { x } = args.inputs as { x: TensorInfo };
    return x.dtype === args.attrs?.['dtype'] && x.dtype !== 'string' ? share(x, args) : stock(args);
  };

/** Bits of a tensor of 4-byte elements; detaches when the memory grows. */
function words(backend: WasmBackend, { dataId, shape }: TensorInfo): Int32Array {
  return new Int32Array(backend.wasm.asm.memory.buffer, pointerOf(backend, dataId), sizeOf(shape));
}

const isWords = ({ dtype }: TensorInfo): boolean => dtype === 'float32' || dtype === 'int32';

/** Below this many elements a loop beats a call of `set`. */
const shortRun = 48;

/** Copies `count` runs of `length` elements; the beginnings of two runs are a stride apart. */
function copyRuns(
  from: Int32Array,
  fromStart: number,
  fromStride: number,
  to: Int32Array,
  toStart: number,
  toStride: number,
  length: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const source = fromStart + i * fromStride;
    const target = toStart + i * toStride;
    if (length < shortRun) for (let j = 0; j < length; j++) to[target + j] = from[source + j]!;
    else to.set(from.subarray(source, source + length), target);
  }
}

/** The axis that an attribute names, from the front; refuses one that is not there. */
const axisOf = (tf: TensorFlow, axis: unknown, shape: number[]): number =>
  tf.util.parseAxisParam(axis as number, shape)[0]!;

/** Slices of one axis (the others whole). */
export const slice =
  (stock: KernelFunction): KernelFunction =>
  (args) => {
    const { x } = args.inputs as { x: TensorInfo };
    const { shape } = x;
    const given = args.attrs?.['begin'];
    const sizes = args.attrs?.['size'];
    if (!isWords(x) || !Array.isArray(given) || !Array.isArray(sizes) || given.length !== shape.length)
      return stock(args);
    const begin = given as number[];
    const size = (sizes as number[]).map((length, i) => (length < 0 ? shape[i]! - begin[i]! : length));
    const cut = size.map((length, i) => (length === shape[i] ? -1 : i)).filter((i) => i >= 0);
    const wrong =
      size.length !== shape.length ||
      size.some((length, i) => !(begin[i]! >= 0 && length >= 0 && length + begin[i]! <= shape[i]!)) ||
      ![...begin, ...size].every(Number.isInteger);
    if (cut.length > 1 || wrong) return stock(args);
    const axis = cut[0] ?? 0;
    const inner = sizeOf(shape.slice(axis + 1));
    const wasm = args.backend as WasmBackend;
    const out = wasm.makeOutput(size, x.dtype);
    const length = (size[axis] ?? 1) * inner;
    copyRuns(
      words(wasm, x),
      (begin[axis] ?? 0) * inner,
      (shape[axis] ?? 1) * inner,
      words(wasm, out),
      0,
      length,
      length,
      sizeOf(shape.slice(0, axis)),
    );
    return out;
  };

export const split =
  (stock: KernelFunction, tf: TensorFlow): KernelFunction =>
  (args) => {
    const { x } = args.inputs as { x: TensorInfo };
    const { shape } = x;
    const axis = axisOf(tf, args.attrs?.['axis'], shape);
    if (!isWords(x)) return stock(args);
    const parts = args.attrs?.['numOrSizeSplits'] as number | number[];
    // It writes the size that is left open into the array.
    const given = Array.isArray(parts) ? [...parts] : parts;
    const lengths = tf.backend_util.prepareSplitSize(x as Tensor, given, axis);
    const wasm = args.backend as WasmBackend;
    const inner = sizeOf(shape.slice(axis + 1));
    const count = sizeOf(shape.slice(0, axis));
    let start = 0;
    return lengths.map((length) => {
      const out = wasm.makeOutput(shape.with(axis, length), x.dtype);
      const run = length * inner;
      copyRuns(words(wasm, x), start, shape[axis]! * inner, words(wasm, out), 0, run, run, count);
      start += run;
      return out;
    });
  };

export const concat =
  (stock: KernelFunction, tf: TensorFlow): KernelFunction =>
  (args) => {
    const parts = args.inputs as readonly TensorInfo[];
    const { shape, dtype } = parts[0]!;
    const axis = axisOf(tf, args.attrs?.['axis'], shape);
    const fits = parts.every(
      (part) =>
        isWords(part) &&
        part.dtype === dtype &&
        part.shape.length === shape.length &&
        part.shape.every((length, i) => i === axis || length === shape[i]),
    );
    if (!fits) return stock(args);
    const wasm = args.backend as WasmBackend;
    const total = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    const out = wasm.makeOutput(shape.with(axis, total), dtype);
    const inner = sizeOf(shape.slice(axis + 1));
    const count = sizeOf(shape.slice(0, axis));
    const to = words(wasm, out);
    let start = 0;
    for (const part of parts) {
      const run = part.shape[axis]! * inner;
      copyRuns(words(wasm, part), 0, run, to, start, total * inner, run, count);
      start += run;
    }
    return out;
  };

/** Rows of a table: gathers along the first axis. */
export const gather =
  (stock: KernelFunction, tf: TensorFlow): KernelFunction =>
  (args) => {
    const { x, indices } = args.inputs as { x: TensorInfo; indices: TensorInfo };
    const axis = axisOf(tf, args.attrs?.['axis'], x.shape);
    if (!isWords(x) || indices.dtype !== 'int32' || axis !== 0 || args.attrs?.['batchDims'])
      return stock(args);
    const wasm = args.backend as WasmBackend;
    const rowShape = x.shape.slice(1);
    const run = sizeOf(rowShape);
    // The stock kernel reports an index out of range.
    for (const row of words(wasm, indices)) if (row < 0 || row >= x.shape[0]!) return stock(args);
    const out = wasm.makeOutput([...indices.shape, ...rowShape], x.dtype);
    const [from, to, rows] = [words(wasm, x), words(wasm, out), words(wasm, indices)];
    for (let i = 0; i < rows.length; i++) copyRuns(from, rows[i]! * run, run, to, i * run, run, run, 1);
    return out;
  };

/** Neighbouring axes that stay neighbours, in the order of the result: the first of them, and their elements. */
interface AxisRun {
  readonly first: number;
  size: number;
}

/** The runs of axes that a transposition keeps together; axes of one element are nowhere. */
function runsOf(shape: readonly number[], perm: readonly number[]): AxisRun[] {
  const places = shape.map((_, axis) => axis).filter((axis) => shape[axis] !== 1);
  const runs: AxisRun[] = [];
  let next = -1;
  for (const axis of perm) {
    const place = places.indexOf(axis);
    if (place < 0) continue;
    if (place === next) runs[runs.length - 1]!.size *= shape[axis]!;
    else runs.push({ first: place, size: shape[axis]! });
    next = place + 1;
  }
  return runs;
}

/** Matrices turned, one or a stack of them. */
export const transpose =
  (stock: KernelFunction): KernelFunction =>
  (args) => {
    const { x } = args.inputs as { x: TensorInfo };
    const { shape } = x;
    const perm = args.attrs?.['perm'] as readonly number[];
    const runs = runsOf(shape, perm);
    const isStack = runs.length === 3 && runs[0]!.first === 0;
    if (!isWords(x) || sizeOf(shape) === 0 || !(runs.length === 2 || isStack)) return stock(args);
    const count = isStack ? runs[0]!.size : 1;
    const [columns, rows] = runs.slice(-2).map(({ size }) => size) as [number, number];
    const wasm = args.backend as WasmBackend;
    const out = wasm.makeOutput(
      perm.map((axis) => shape[axis]!),
      x.dtype,
    );
    const [from, to] = [pointerOf(wasm, x.dataId), pointerOf(wasm, out.dataId)];
    kernelsOf(wasm).convolutions.transpose(from, to, count, rows, columns);
    return out;
  };
