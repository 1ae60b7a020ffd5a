/**
 * Our kernels on the memory of tfjs-backend-wasm: the heap they allocate from is Emscripten's, so tensors are rounded
 * and multiplied where they lie. Owns no data. Views over that memory detach when it grows: make them, use them, drop
 * them; and let nothing but `_malloc` grow it, or tfjs' own views go stale.
 */

import type { Tensor } from '@tensorflow/tfjs';
import type { Heap } from '../kernels/heap.ts';
import { type Kernels, kernelsOn } from '../kernels/heap-kernels.ts';
import { type Backend, type DataId, engineOf, type TensorFlow, type WasmBackend } from './internals.ts';

const alignment = 16;

function heapOf(backend: WasmBackend): Heap {
  const { wasm } = backend;
  // Emscripten aligns to 8 only.
  const starts = new Map<number, number>();
  return {
    memory: wasm.asm.memory,
    allocate(bytes) {
      const start = wasm._malloc(bytes + alignment) >>> 0;
      const pointer = Math.ceil(start / alignment) * alignment;
      starts.set(pointer, start);
      return pointer;
    },
    free(pointer) {
      const start = starts.get(pointer);
      if (start === undefined) return;
      starts.delete(pointer);
      wasm._free(start);
    },
  };
}

const kernels = new WeakMap<Backend, Kernels>();

/** The kernels on a wasm backend's memory; compiled once a backend. */
export function kernelsOf(backend: WasmBackend): Kernels {
  let known = kernels.get(backend);
  if (known === undefined) {
    known = kernelsOn(heapOf(backend));
    kernels.set(backend, known);
  }
  return known;
}

/** Byte offset of a tensor's data. Valid until the data is disposed; memory growth does not move it. */
export function pointerOf(backend: WasmBackend, dataId: DataId): number {
  return backend.dataIdMap.get(dataId).memoryOffset;
}

/** A float32 view of a tensor's data; detaches when the memory grows. */
export function float32View(backend: WasmBackend, dataId: DataId, length: number): Float32Array {
  return new Float32Array(backend.wasm.asm.memory.buffer, pointerOf(backend, dataId), length);
}

/** A float32 tensor whose data is written where it lies. */
export function tensorOf(
  tf: TensorFlow,
  backend: WasmBackend,
  shape: readonly number[],
  fill: (dataId: DataId) => void,
): Tensor {
  const info = backend.makeOutput(shape, 'float32');
  fill(info.dataId);
  return engineOf(tf).makeTensorFromTensorInfo(info, backend);
}

export function isWasmBackend(backend: Backend): backend is WasmBackend {
  return 'wasm' in backend && 'dataIdMap' in backend;
}
