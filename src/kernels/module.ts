/**
 * Compiled kernels and the memories that they are linked with. A module is compiled once for each kind of memory, synchronously,
 * when it is first needed; each is a few dozen kilobytes. Each family of kernels has its own: see `*-module.ts`.
 */
import { isSharedBuffer } from '../array-kinds.ts';
import { sharedBuild } from './shared-build.ts';

/** How threads share the work of a module: what a block in the heap describes is done in pieces, by whichever thread. */
export interface PieceExports {
  /** Units `from` to `from + count` of it; -1, or an index at which the block's operands are not what they must be. */
  piece(block: number, from: number, count: number): number;
}

/** A module of kernels. `E` are its exports. */
export interface KernelModule<E> {
  /** The bytes of the build for shared memory, which worker threads link for themselves. */
  sharedBytes(): Uint8Array<ArrayBuffer>;
  /** The kernels linked with a memory: the build for shared memory or the one for unshared, as the memory is. */
  on(memory: WebAssembly.Memory): E;
}

/** Lower-case digits: '0' is 0x30, 'a' is 0x61. */
function fromHexadecimal(digits: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(digits.length / 2);
  const digit = (at: number): number => (digits.charCodeAt(at) & 15) + (digits.charCodeAt(at) >> 6) * 9;
  for (let i = 0; i < bytes.length; i++) bytes[i] = digit(2 * i) * 16 + digit(2 * i + 1);
  return bytes;
}

/** A module from its build for unshared memory, in hexadecimal digits. */
export function kernelModule<E>(digits: string): KernelModule<E> {
  let sharedMade: WebAssembly.Module | undefined;
  let unsharedMade: WebAssembly.Module | undefined;
  const linked = new WeakMap<WebAssembly.Memory, E>();

  const sharedBytes = (): Uint8Array<ArrayBuffer> => sharedBuild(fromHexadecimal(digits));

  function moduleFor(memory: WebAssembly.Memory): WebAssembly.Module {
    if (isSharedBuffer(memory.buffer)) {
      sharedMade ??= new WebAssembly.Module(sharedBytes());
      return sharedMade;
    }
    unsharedMade ??= new WebAssembly.Module(fromHexadecimal(digits));
    return unsharedMade;
  }

  return {
    sharedBytes,
    on(memory): E {
      let exports = linked.get(memory);
      if (exports === undefined) {
        exports = new WebAssembly.Instance(moduleFor(memory), { env: { memory } }).exports as unknown as E;
        linked.set(memory, exports);
      }
      return exports;
    },
  };
}
