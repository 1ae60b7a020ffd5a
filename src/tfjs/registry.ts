/**
 * Changes to TensorFlow.js' kernel registry that can be taken back: every entry ends as the very object it was, and
 * what was not there is gone again. Knows nothing of rounding.
 */
import type { KernelConfig, KernelFunction, TensorFlow } from './internals.ts';

/** Whether a registration is of this module: those are not watched. */
let isPutting = false;

/** Puts a config into the registry in place of whatever has its name. */
function put(tf: TensorFlow, config: KernelConfig): void {
  const { kernelName, backendName } = config;
  if (tf.getKernel(kernelName, backendName) !== undefined) tf.unregisterKernel(kernelName, backendName);
  isPutting = true;
  try {
    tf.registerKernel(config);
  } finally {
    isPutting = false;
  }
}

/** Gives each config as it is registered; what it returns is registered in its place. */
type Registration = (config: KernelConfig) => KernelConfig;

const registrations = new Set<Registration>();
let unwatch: (() => void) | undefined;

/** Calls `registration` for every kernel that is registered from now on, until the function that is returned is called. */
function watchRegistrations(registration: Registration): () => void {
  registrations.add(registration);
  unwatch ??= watchRegistry();
  return () => {
    registrations.delete(registration);
    if (registrations.size > 0) return;
    unwatch?.();
    unwatch = undefined;
  };
}

/** The registry is a Map that every copy of tfjs-core finds by its name (`global_util.ts`); it is no part of the namespace. */
function watchRegistry(): () => void {
  const { _tfGlobals: globals } = globalThis as { _tfGlobals?: Map<string, Map<string, KernelConfig>> };
  const registry = globals?.get('kernelRegistry');
  if (registry === undefined) return () => undefined;
  registry.set = (key, config) => {
    let given = config;
    if (!isPutting) for (const registration of registrations) given = registration(given);
    return Map.prototype.set.call(registry, key, given) as typeof registry;
  };
  return () => Reflect.deleteProperty(registry, 'set');
}

/**
 * Replaces every kernel of a backend by `wrap` of it, those included that are registered later; returns the function that
 * puts the originals back. A kernel that is unregistered meanwhile stays so.
 */
export function wrapKernels(
  tf: TensorFlow,
  backendName: string,
  wrap: (name: string, kernel: KernelFunction) => KernelFunction,
): () => void {
  const originals = new WeakMap<KernelConfig, KernelConfig>();
  const wrapped = (config: KernelConfig): KernelConfig => {
    // A config that was taken from the registry and is put back is wrapped already.
    if (config.backendName !== backendName || originals.has(config)) return config;
    const kernelFunc = wrap(config.kernelName, config.kernelFunc as unknown as KernelFunction);
    const own = { ...config, kernelFunc: kernelFunc as unknown as KernelConfig['kernelFunc'] };
    originals.set(own, config);
    return own;
  };
  for (const config of tf.getKernelsForBackend(backendName)) put(tf, wrapped(config));
  const unwatchOwn = watchRegistrations(wrapped);
  return () => {
    unwatchOwn();
    for (const config of tf.getKernelsForBackend(backendName)) {
      const original = originals.get(config);
      if (original !== undefined) put(tf, original);
    }
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
