/** The shipped modules are what the sources give, bit for bit, and own nothing in the memory that they are linked with. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builds, compileKernels, generatedModule, generatedPath } from '../../scripts/build-kernels.js';
import shared from '../../src/kernels/generated/shared.ts';
import unshared from '../../src/kernels/generated/unshared.ts';

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

const shipped = { shared, unshared };
const dataSection = 11;
const dataCountSection = 12;
const startSection = 8;

for (const build of builds) {
  describe(`the ${build} build`, () => {
    const binary = Buffer.from(shipped[build], 'base64');

    it('is reproduced by compiling the sources', async () => {
      const compiled = await compileKernels(build);
      expect(Buffer.compare(binary, compiled)).toBe(0);
      expect(readFileSync(generatedPath(build), 'utf8')).toBe(generatedModule(build, compiled));
    });

    it('has no data and no start function', () => {
      const ids = sectionIds(binary);
      expect(ids).not.toContain(dataSection);
      expect(ids).not.toContain(dataCountSection);
      expect(ids).not.toContain(startSection);
    });

    it('imports a memory and nothing else, and exports functions only', () => {
      const module = new WebAssembly.Module(binary);
      expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
      expect(new Set(WebAssembly.Module.exports(module).map(({ kind }) => kind))).toEqual(
        new Set(['function']),
      );
    });
  });
}
