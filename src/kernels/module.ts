/**
 * Compiled kernels and the memories that they are linked with. A module is compiled once for each kind of memory, synchronously,
 * when it is first needed; each is a few dozen kilobytes. Each family of kernels has its own: see `*-module.ts`.
 */
import { isSharedBuffer } from '../array-kinds.ts';
import { sharedBuild } from './shared-build.ts';

/** A module of kernels. `E` are its exports. */
export interface KernelModule<E> {
  /** The build for shared memory, which worker threads instantiate for themselves. */
  shared(): WebAssembly.Module;
  /** The kernels linked with a memory: the build for shared memory or the one for unshared, as the memory is. */
  instantiate(memory: WebAssembly.Memory): E;
}

/** A module from the base64 text of its build for unshared memory. */
export function kernelModule<E>(base64: string): KernelModule<E> {
  let sharedMade: WebAssembly.Module | undefined;
  let unsharedMade: WebAssembly.Module | undefined;

  function bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  }

  function shared(): WebAssembly.Module {
    sharedMade ??= new WebAssembly.Module(sharedBuild(bytes()));
    return sharedMade;
  }

  function unshared(): WebAssembly.Module {
    unsharedMade ??= new WebAssembly.Module(bytes());
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
