/**
 * Kernels that tfjs-backend-wasm lacks and training needs: `UnsortedSegmentSum` (the gradient of an embedding) natively,
 * convolution filter gradients and `Einsum` by way of the cpu backend's kernels, and our own fake quantiser. No FFT and
 * no complex numbers: those stay missing and say so.
 */
import { fakeQuantizeKernel, fakeQuantizeName } from './fake-quantize.ts';
import { isWasmBackend, pointerOf } from './heap.ts';
import {
  type Backend,
  backendOf,
  type CpuBackend,
  type KernelArguments,
  type KernelFunction,
  type KernelInputs,
  sizeOf,
  type TensorFlow,
  type TensorInfo,
  type WasmBackend,
} from './internals.ts';
import { addKernel, removeKernel } from './registry.ts';

/**
 * out[s] = the sum of the rows x[i] with segmentIds[i] = s: in binary32 (int32: modulo 2^32), in the order of i, from +0.
 * Rows with an id outside [0, numSegments) are left out, as in tfjs.
 */
function unsortedSegmentSum({ inputs, attrs, backend }: KernelArguments): TensorInfo {
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const numSegments = attrs?.['numSegments'] as number;
  const wasm = backend as WasmBackend;
  const count = sizeOf(segmentIds.shape);
  const rowShape = x.shape.slice(segmentIds.shape.length);
  const columns = sizeOf(rowShape);
  const out = wasm.makeOutput([numSegments, ...rowShape], x.dtype);
  // Made after the allocation, which may have detached every view.
  const view = x.dtype === 'float32' ? Float32Array : Int32Array;
  const { buffer } = wasm.wasm.asm.memory;
  const source = new view(buffer, pointerOf(wasm, x.dataId), count * columns);
  const sums = new view(buffer, pointerOf(wasm, out.dataId), numSegments * columns).fill(0);
  const ids = new Int32Array(buffer, pointerOf(wasm, segmentIds.dataId), count);
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    if (id < 0 || id >= numSegments) continue;
    for (let j = 0, from = i * columns, to = id * columns; j < columns; j++)
      sums[to + j]! += source[from + j]!;
  }
  return out;
}

/** Runs the cpu backend's kernel on copies of the operands. */
function borrowed(tf: TensorFlow, name: string): KernelFunction {
  return ({ inputs, attrs, backend }) => {
    const cpu = tf.findBackend('cpu') as unknown as CpuBackend;
    const kernel = tf.getKernel(name, 'cpu').kernelFunc as unknown as KernelFunction;
    const copies = Object.entries(inputs as Record<string, TensorInfo>).map(
      ([key, { dataId, shape, dtype }]) => {
        const copy = { dataId: cpu.write(backend.readSync(dataId), shape, dtype), shape, dtype };
        return [key, copy] as const;
      },
    );
    const named: KernelInputs = Array.isArray(inputs)
      ? copies.map(([, copy]) => copy)
      : Object.fromEntries(copies);
    const { dataId, shape, dtype } = kernel({ inputs: named, attrs, backend: cpu }) as TensorInfo;
    const out = { dataId: backend.write(cpu.readSync(dataId), shape, dtype), shape, dtype };
    for (const [, copy] of copies) cpu.disposeData(copy.dataId, true);
    cpu.disposeData(dataId, true);
    return out;
  };
}

const borrowedNames = [
  'Conv2DBackpropFilter',
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
  'Einsum',
];

interface Installation {
  readonly names: readonly string[];
  users: number;
}

const installations = new WeakMap<Backend, Installation>();

/**
 * Adds the kernels that the active backend lacks; they stay until every call has been taken back. `emulate` does this by
 * itself. Kernels that exist are left alone.
 *
 * @returns the function that takes this call back; calling it twice does nothing more.
 * @example
 * const uninstall = installMissingKernels(tf); // tf.layers.embedding trains on wasm now
 */
export function installMissingKernels(tf: TensorFlow): () => void {
  const backend = backendOf(tf);
  const name = tf.getBackend();
  let installation = installations.get(backend);
  if (installation === undefined) {
    const kernels: [string, KernelFunction][] = [[fakeQuantizeName, fakeQuantizeKernel(name, backend)]];
    if (isWasmBackend(backend)) {
      kernels.push(['UnsortedSegmentSum', unsortedSegmentSum]);
      for (const kernel of borrowedNames) kernels.push([kernel, borrowed(tf, kernel)]);
    }
    const names = kernels.filter(([kernel, fn]) => addKernel(tf, name, kernel, fn)).map(([kernel]) => kernel);
    installation = { names, users: 0 };
    installations.set(backend, installation);
  }
  const mine = installation;
  mine.users++;
  let taken = false;
  return () => {
    if (taken) return;
    taken = true;
    mine.users--;
    if (mine.users > 0) return;
    installations.delete(backend);
    for (const kernel of mine.names) removeKernel(tf, name, kernel);
  };
}
