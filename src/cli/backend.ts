/** The engine of a process that trains, and how V8 is to collect its garbage. */
import { setFlagsFromString } from 'node:v8';
import { cpuBackend, type TensorFlow, wasmBackend } from '../tfjs/index.ts';

/**
 * Percent by which the heap may grow before V8 marks all of it. A step leaves megabytes of arrays outside the heap, which count
 * against a limit that V8 takes from the little that is inside: left alone, it marks every few steps, in threads of its own, which
 * took a third of the processor time and the cores of other runs.
 */
const heapGrowth = 150;

/** TensorFlow.js on a backend. */
export function openBackend(backend: 'wasm' | 'cpu'): Promise<TensorFlow> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowth}`);
  return backend === 'wasm' ? wasmBackend() : cpuBackend();
}
