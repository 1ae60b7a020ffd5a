/** What a bundle of one function of this package weighs: only the kernels that it runs are in it. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program that imports names of the package, bundled and minified; its inputs too. */
async function bundle(names: string): Promise<{ text: Uint8Array; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `import { ${names} } from 'halfulp'; console.log(${names});`, resolveDir: root },
    alias: { halfulp: `${root}src/index.ts` },
    ...{ bundle: true, minify: true, format: 'esm', write: false, metafile: true, external: ['node:*'] },
  });
  const [output] = Object.values(metafile.outputs);
  const used = Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { text: outputFiles[0]!.contents, inputs: used.map(([input]) => input) };
}

const kernels = (inputs: readonly string[]): string[] =>
  inputs.flatMap((input) => /kernels\/generated\/(\w+)\.ts$/.exec(input)?.[1] ?? []).sort();

describe('a bundle', () => {
  it.each([
    ['round', 60, ['rounding']],
    ['encode', 60, ['rounding']],
    ['quantize', 80, ['quantizers', 'rounding']],
    ['quantizer', 94, ['quantizers', 'rounding', 'transforms']],
    ['arithmetic', 145, ['arithmetic', 'elementary', 'products', 'rounding']],
    ['float', 8, []],
    ['posit', 8, []],
    ['fixed, int', 8, []],
    ['formats', 8, []],
  ])('of %s weighs at most %i KB, compressed', async (names, limit, modules) => {
    const { text, inputs } = await bundle(names);
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(limit * 1000);
    expect(kernels(inputs)).toEqual(modules);
  });

  it('of a parser of format names has no kernels', async () => {
    const { text, inputs } = await bundle('parseFormat');
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(12_000);
    expect(kernels(inputs)).toEqual([]);
  });
});
