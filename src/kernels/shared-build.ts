/**
 * A module of kernels for shared memory, made of the one for unshared memory, which is what is shipped: a module names in
 * its import section whether its memory is shared, and then a largest size, and differs nowhere else.
 * WebAssembly Core Specification 3.0, sections 5.2.2 (LEB128), 5.3.10 (limits) and 5.5.5 (import section).
 */

const headerBytes = 8;
const importSection = 2;
const memoryKind = 2;
/** Limits of 32-bit addresses: a smallest size alone, or a shared memory's smallest and largest, in pages of 64 KiB. */
const smallestOnly = 0;
const sharedLimits = 3;
/** All that 32-bit addresses reach: no memory that a module is linked with may have a larger maximum. */
const mostPages = 65536;

/** An unsigned LEB128 number and where it ends. */
function readUnsigned(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError('the module ends within a number');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at };
  }
}

function writeUnsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push(0x80 + (rest % 128));
  }
}

/** The import section's contents, of one memory with a smallest size, with shared limits. */
function withSharedLimits(contents: Uint8Array): number[] {
  const count = readUnsigned(contents, 0);
  const moduleLength = readUnsigned(contents, count.end);
  const nameLength = readUnsigned(contents, moduleLength.end + moduleLength.value);
  const kindAt = nameLength.end + nameLength.value;
  const smallest = readUnsigned(contents, kindAt + 2);
  const isOneMemory = count.value === 1 && contents[kindAt] === memoryKind;
  if (!isOneMemory || contents[kindAt + 1] !== smallestOnly || smallest.end !== contents.length)
    throw new RangeError('the module imports something else than one unshared memory without a largest size');
  const limits = [sharedLimits, ...contents.subarray(kindAt + 2), ...writeUnsigned(mostPages)];
  return [...contents.subarray(0, kindAt + 1), ...limits];
}

/**
 * The module with a shared memory in place of its one import.
 *
 * @throws RangeError if the module does not import one unshared memory without a largest size, and nothing else.
 */
export function sharedBuild(module: Uint8Array): Uint8Array<ArrayBuffer> {
  for (let at = headerBytes; at < module.length; ) {
    const size = readUnsigned(module, at + 1);
    const next = size.end + size.value;
    if (module[at] === importSection) {
      const contents = withSharedLimits(module.subarray(size.end, next));
      const head = [...module.subarray(0, at + 1), ...writeUnsigned(contents.length), ...contents];
      const build = new Uint8Array(head.length + module.length - next);
      build.set(head);
      build.set(module.subarray(next), head.length);
      return build;
    }
    at = next;
  }
  throw new RangeError('the module imports nothing');
}
