/**
 * Changes to TensorFlow.js' kernel registry that can be taken back: every entry ends as the very object it was, and
 * what was not there is gone again. Knows nothing of rounding.
 */
import type { KernelConfig, KernelFunction, TensorFlow } from './internals.ts';

/** Puts a config into the registry in place of whatever has its name. */
function put(tf: TensorFlow, config: KernelConfig): void {
  const { kernelName, backendName } = config;
  if (tf.getKernel(kernelName, backendName) !== undefined) tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel(config);
}

/** Replaces every kernel of a backend by `wrap` of it; returns the function that puts the originals back. */
export function wrapKernels(
  tf: TensorFlow,
  backendName: string,
  wrap: (name: string, kernel: KernelFunction) => KernelFunction,
): () => void {
  const originals = tf.getKernelsForBackend(backendName);
  for (const config of originals) {
    const kernelFunc = wrap(config.kernelName, config.kernelFunc as unknown as KernelFunction);
    put(tf, { ...config, kernelFunc: kernelFunc as unknown as KernelConfig['kernelFunc'] });
  }
  return () => {
    for (const config of originals) put(tf, config);
  };
}

/**
 * Registers a kernel unless the backend has one of its name; whether it did. Its entry survives until
 * `removeKernel`.
 */
export function addKernel(
  tf: TensorFlow,
  backendName: string,
  kernelName: string,
  kernel: KernelFunction,
): boolean {
  if (tf.getKernel(kernelName, backendName) !== undefined) return false;
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: kernel as unknown as KernelConfig['kernelFunc'],
  });
  return true;
}

export function removeKernel(tf: TensorFlow, backendName: string, kernelName: string): void {
  if (tf.getKernel(kernelName, backendName) !== undefined) tf.unregisterKernel(kernelName, backendName);
}
