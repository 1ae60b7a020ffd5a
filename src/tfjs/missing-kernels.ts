/**
 * Kernels that tfjs-backend-wasm lacks and training needs: `UnsortedSegmentSum` (the gradient of an embedding), gradients of
 * convolutions, `Einsum`, and our own fake quantiser; and the gradient of `Einsum`, which no backend has. No FFT and no
 * complex numbers: those stay missing and say so.
 */

import type { Tensor } from '@tensorflow/tfjs';
import { integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { checkTensorFlow } from './check-tensorflow.ts';
import { checkDtype } from './check-tensors.ts';
import { einsumGradient } from './einsum.ts';
import { fakeQuantizeKernel, fakeQuantizeName } from './fake-quantize.ts';
import { isWasmBackend, pointerOf } from './heap.ts';
import {
  type Backend,
  backendOf,
  type KernelArguments,
  type KernelFunction,
  type TensorFlow,
  type TensorInfo,
  type WasmBackend,
} from './internals.ts';
import { checkOurs, productKernels } from './products.ts';
import { addKernel, removeKernel } from './registry.ts';
import { workspaceOn } from './workspace.ts';

/**
 * out[s] = the sum of the rows x[i] with segmentIds[i] = s: in binary32 (int32: modulo 2^32), in the order of i, from +0.
 * Rows with an id outside [0, numSegments) are left out, as in tfjs.
 */
function unsortedSegmentSum({ inputs, attrs, backend }: KernelArguments): TensorInfo {
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const numSegments = integerInRange('numSegments', attrs?.['numSegments'], 0, 2 ** 31 - 1);
  if (x.dtype !== 'float32' && x.dtype !== 'int32')
    throw new ArgumentError('UnsortedSegmentSum.x', x.dtype, 'a float32 or int32 tensor');
  checkDtype('UnsortedSegmentSum.segmentIds', segmentIds, 'int32');
  if (segmentIds.shape.some((length, axis) => length !== x.shape[axis]))
    throw new ArgumentError(
      'UnsortedSegmentSum.segmentIds',
      `[${segmentIds.shape}]`,
      `a shape that that of x, [${x.shape}], begins with`,
    );
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

const missingProducts = [
  'Conv2DBackpropFilter',
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
  'Einsum',
];

/** A product that no backend of this name has. */
function product(tf: TensorFlow, name: string): KernelFunction {
  return (args) => {
    checkOurs(name, args);
    return productKernels.get(name)!(tf, args, workspaceOn(args.backend));
  };
}

let einsumGradients = 0;

/** Gives `Einsum` a gradient unless it has one, until the function that is returned has been called by all. */
function addEinsumGradient(tf: TensorFlow): () => void {
  if (einsumGradients === 0) {
    if (tf.getGradient('Einsum') !== undefined) return () => undefined;
    tf.registerGradient({
      kernelName: 'Einsum',
      saveAllInputs: true,
      gradFunc: (dy, saved, attrs) =>
        einsumGradient(tf, dy as Tensor, saved, (attrs as unknown as { equation: string }).equation),
    });
  }
  einsumGradients++;
  return () => {
    einsumGradients--;
    if (einsumGradients === 0) tf.unregisterGradient('Einsum');
  };
}

interface Installation {
  readonly removeGradient: () => void;
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
  checkTensorFlow(tf);
  const backend = backendOf(tf);
  const name = tf.getBackend();
  let installation = installations.get(backend);
  if (installation === undefined) {
    const kernels: [string, KernelFunction][] = [[fakeQuantizeName, fakeQuantizeKernel(name, backend)]];
    if (isWasmBackend(backend)) {
      kernels.push(['UnsortedSegmentSum', unsortedSegmentSum]);
      for (const kernel of missingProducts) kernels.push([kernel, product(tf, kernel)]);
    }
    const names = kernels.filter(([kernel, fn]) => addKernel(tf, name, kernel, fn)).map(([kernel]) => kernel);
    installation = { names, users: 0, removeGradient: addEinsumGradient(tf) };
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
    mine.removeGradient();
    for (const kernel of mine.names) removeKernel(tf, name, kernel);
  };
}
