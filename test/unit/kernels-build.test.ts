/** The shipped modules are what the sources give, bit for bit, and own nothing in the memory that they are linked with. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  compileKernels,
  generatedPath,
  generatedSources,
  moduleIn,
  modules,
} from '../../scripts/build-kernels.js';
import { kernelModule } from '../../src/kernels/module.ts';
import { sharedBuild } from '../../src/kernels/shared-build.ts';
import { everyCase } from '../every-case.ts';

/** The ids of a WebAssembly module's sections, in order. WebAssembly Core Specification 2.0, section 5.5.2. */
function sectionIds(binary: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 8; at < binary.length; ) {
    ids.push(binary[at]!);
    at += 1;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at]!;
      at += 1;
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += size;
  }
  return ids;
}

const dataSection = 11;
const dataCountSection = 12;
const startSection = 8;

it('the layouts of blocks and the numbers of kernels are those of the manifests', () => {
  for (const { path, text } of generatedSources()) expect(readFileSync(path, 'utf8')).toBe(text);
});

describe.each(modules)('the module %s', async (module) => {
  const binary = moduleIn(readFileSync(generatedPath(module), 'utf8'));
  const shipped: { default: string } = await import(generatedPath(module));

  it('is reproduced by compiling the sources', async () => {
    const compiled = await compileKernels(module);
    expect(Buffer.compare(binary, compiled)).toBe(0);
    expect(Buffer.compare(kernelModule(shipped.default).sharedBytes(), sharedBuild(binary))).toBe(0);
  });

  // Another compilation: of one module here, of each in the slow suite.
  const isSharedCompiled = everyCase || module === modules.at(-1);
  it.runIf(isSharedCompiled)('is for shared memory what the compiler makes for shared memory', async () => {
    expect(Buffer.compare(sharedBuild(binary), await compileKernels(module, true))).toBe(0);
  });

  it('has no data and no start function', () => {
    const ids = sectionIds(binary);
    expect(ids).not.toContain(dataSection);
    expect(ids).not.toContain(dataCountSection);
    expect(ids).not.toContain(startSection);
  });

  it('imports a memory and nothing else, and exports functions only', () => {
    const compiled = new WebAssembly.Module(binary);
    expect(WebAssembly.Module.imports(compiled)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
    const kinds = WebAssembly.Module.exports(compiled).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['function']));
  });
});
