/**
 * Loads TensorFlow.js on one of its backends in one call: dynamic imports (it is an optional peer), where the wasm
 * files are, no banner. A convenience only: `emulate` accepts any `tf` that the user has set up.
 */
import type { CpuBackend, TensorFlow } from './internals.ts';

async function load(): Promise<TensorFlow> {
  const tf = await import('@tensorflow/tfjs');
  // The cpu backend prints an advertisement at its first use in Node; this flag is its own memory of having done so.
  (tf.findBackend('cpu') as unknown as CpuBackend).firstUse = false;
  return tf;
}

async function use(tf: TensorFlow, name: string): Promise<TensorFlow> {
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js could not initialise its ${name} backend`);
  await tf.ready();
  return tf;
}

/**
 * TensorFlow.js with its wasm backend active (single-threaded SIMD in Node). Needs the packages `@tensorflow/tfjs` and
 * `@tensorflow/tfjs-backend-wasm`.
 *
 * @throws Error if a package is missing or the backend does not start.
 * @example
 * const tf = await wasmBackend();
 * tf.matMul(a, b).print();
 */
export async function wasmBackend(): Promise<TensorFlow> {
  const tf = await load();
  await import('@tensorflow/tfjs-backend-wasm');
  return use(tf, 'wasm');
}

/** TensorFlow.js with its plain JavaScript backend active: slow, and a second opinion. */
export async function cpuBackend(): Promise<TensorFlow> {
  return use(await load(), 'cpu');
}
