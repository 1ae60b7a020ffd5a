/**
 * Compiled kernels and the memories that they are linked with. A module is compiled once, synchronously, when it is first
 * needed; each is a few dozen kilobytes. Each family of kernels has its own: see `*-module.ts`.
 */
import { isSharedBuffer } from '../array-kinds.ts';

/** A module of kernels, in its two builds. `E` are its exports. */
export interface KernelModule<E> {
  /** The build for shared memory, which worker threads instantiate for themselves. */
  shared(): WebAssembly.Module;
  /** The kernels linked with a memory: the build for shared memory or the one for unshared, as the memory is. */
  instantiate(memory: WebAssembly.Memory): E;
}

function compile(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

/** A module from the base64 texts of its builds. */
export function kernelModule<E>(sharedBuild: string, unsharedBuild: string): KernelModule<E> {
  let sharedMade: WebAssembly.Module | undefined;
  let unsharedMade: WebAssembly.Module | undefined;

  function shared(): WebAssembly.Module {
    sharedMade ??= compile(sharedBuild);
    return sharedMade;
  }

  function unshared(): WebAssembly.Module {
    unsharedMade ??= compile(unsharedBuild);
    return unsharedMade;
  }

  return {
    shared,
    instantiate(memory): E {
      const module = isSharedBuffer(memory.buffer) ? shared() : unshared();
      return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as E;
    },
  };
}
