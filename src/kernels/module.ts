/**
 * The compiled kernels and their raw exports: which module goes with which memory. Compilation is synchronous, once per
 * build; the modules are a few dozen kilobytes.
 */
import shared from './generated/shared.ts';
import unshared from './generated/unshared.ts';

/** The exports of `assembly/index.ts`. Pointers are byte offsets; booleans are 0 or 1. */
export interface KernelExports {
  round(
    kernel: number,
    elementShift: number,
    source: number,
    destination: number,
    count: number,
    random: number,
    parameters: number,
  ): void;
  roundStochastic(
    kernel: number,
    elementShift: number,
    source: number,
    destination: number,
    count: number,
    parameters: number,
    scratch: number,
    chunk: number,
    bits: number,
    index: bigint,
    stream: bigint,
    seed: bigint,
  ): void;
  randomIntegers(
    destination: number,
    count: number,
    bits: number,
    block: bigint,
    stream: bigint,
    seed: bigint,
  ): void;
  encode(
    kernel: number,
    codeShift: number,
    source: number,
    destination: number,
    count: number,
    parameters: number,
  ): void;
  decode(
    kernel: number,
    codeShift: number,
    source: number,
    destination: number,
    count: number,
    parameters: number,
  ): void;
  hasNaN(elementShift: number, source: number, bytes: number): number;
  codeBits(source: number, bytes: number, codeShift: number): bigint;
  matmulFloat32(
    a: number,
    b: number,
    out: number,
    m: number,
    n: number,
    k: number,
    transposeA: number,
    transposeB: number,
    batch: number,
    batchStrideA: number,
    batchStrideB: number,
    scratch: number,
  ): void;
  fakeQuantizeRowsAbsmax(
    source: number,
    destination: number,
    rows: number,
    columns: number,
    limit: number,
    smallest: number,
  ): void;
  fakeQuantizeAbsmean(
    source: number,
    destination: number,
    length: number,
    limit: number,
    smallest: number,
  ): number;
}

function compile(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

let sharedMade: WebAssembly.Module | undefined;
let unsharedMade: WebAssembly.Module | undefined;

/** The build for shared memory. */
export function sharedModule(): WebAssembly.Module {
  sharedMade ??= compile(shared);
  return sharedMade;
}

function unsharedModule(): WebAssembly.Module {
  unsharedMade ??= compile(unshared);
  return unsharedMade;
}

/** The kernels linked with a memory: the build for shared memory or the one for unshared, as the memory is. */
export function instantiate(memory: WebAssembly.Memory): KernelExports {
  const isShared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
  const module = isShared ? sharedModule() : unsharedModule();
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
}
