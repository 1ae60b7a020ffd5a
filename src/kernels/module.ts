/**
 * Compiled kernels and the memories that they are linked with. A module is compiled once for each kind of memory, synchronously,
 * when it is first needed; each is a few dozen kilobytes. Each family of kernels has its own: see `*-module.ts`.
 */
import { isSharedBuffer } from '../array-kinds.ts';
import { decompress } from './lzma.ts';
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

/** The bytes of a shipped module: in base64 their number, in four bytes from the least, and what LZMA made of them. */
function unpacked(text: string): Uint8Array<ArrayBuffer> {
  const data = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return decompress(data.subarray(4), new DataView(data.buffer).getUint32(0, true));
}

/** A module from its build for unshared memory, compressed. */
export function kernelModule<E>(text: string): KernelModule<E> {
  let sharedMade: WebAssembly.Module | undefined;
  let unsharedMade: WebAssembly.Module | undefined;
  const linked = new WeakMap<WebAssembly.Memory, E>();

  const sharedBytes = (): Uint8Array<ArrayBuffer> => sharedBuild(unpacked(text));

  function moduleFor(memory: WebAssembly.Memory): WebAssembly.Module {
    if (isSharedBuffer(memory.buffer)) {
      sharedMade ??= new WebAssembly.Module(sharedBytes());
      return sharedMade;
    }
    unsharedMade ??= new WebAssembly.Module(unpacked(text));
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
