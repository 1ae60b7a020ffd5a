/**
 * What `npm pack` ships: the code in few files, the declarations that users see, and the documentation; what an entry point loads, and what
 * a bundle of one function weighs. Built in a folder apart.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Shipped {
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

const folder = mkdtempSync(join(tmpdir(), 'halfulp-package-'));
let shipped: Shipped;
let paths: readonly string[];

beforeAll(() => {
  const node = (...argv: string[]): string =>
    execFileSync(process.execPath, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  for (const name of ['package.json', 'README.md', 'LICENSE', 'docs'])
    cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  // The type checker has its own test.
  const out = ['--noCheck', '--outDir', join(folder, 'dist')];
  node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', ...out);
  node('scripts/build-package.js', folder);
  const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  [shipped] = JSON.parse(listed) as [Shipped];
  paths = shipped.files.map(({ path }) => path);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

test('is at most 3 MB unpacked', () => {
  expect(shipped.unpackedSize).toBeLessThanOrEqual(3_000_000);
});

test('has no sources, maps, studies or measurements', () => {
  expect(paths.filter((path) => !/^(dist|docs)\//.test(path)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'package.json',
  ]);
  expect(paths.filter((path) => !/\.(js|d\.ts|md)$/.test(path)).sort()).toEqual([
    'LICENSE',
    'dist/laboratory/style.css',
    'package.json',
  ]);
  expect(paths.filter((path) => /^(docs|dist)\/(studies|results|images)/.test(path))).toEqual([]);
  // How sources that do not ship are built.
  expect(paths.filter((path) => path.startsWith('docs/kernel'))).toEqual([]);
  expect(paths.filter((path) => path.startsWith('docs/')).length).toBeGreaterThan(15);
});

/** The files of the package that a file of code imports. */
function importsOf(path: string, isStatic = false): string[] {
  const text = readFileSync(join(folder, path), 'utf8');
  return ts
    .preProcessFile(isStatic ? text.replaceAll('import(', '(') : text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => join(dirname(path), fileName));
}

test('has every file that an entry point or another file imports', () => {
  const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>;
    bin: Record<string, string>;
  };
  const named = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  );
  for (const entry of [...named, ...Object.values(bin)]) expect(paths).toContain(join(entry));
  const missing = paths
    .filter((path) => path.startsWith('dist/'))
    .filter((path) => /\.[jt]s$/.test(path))
    .flatMap((path) => {
      const ending = path.endsWith('.d.ts') ? '.d.ts' : '.js';
      return importsOf(path)
        .map((file) => file.replace(/\.[jt]s$/, ending))
        .filter((file) => !paths.includes(file));
    });
  expect(missing).toEqual([]);
});

test('has declarations that a strict project reads without skipLibCheck and without types of Node', () => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, object> };
  const entries = Object.keys(exports).filter((entry) => entry !== './package.json');
  const file = join(folder, 'consumer.ts');
  const imports = entries.map((entry, i) => `import * as entry${i} from 'halfulp${entry.slice(1)}';`);
  const uses = `
    import { arithmetic, encode, type FormatName, quantize, repeat, round } from 'halfulp';
    export const all = [${entries.map((_, i) => `entry${i}`).join(', ')}];
    export const codes: Uint8Array = encode([1, 2], 'e4m3fn');
    export const wide: Uint16Array = encode(Float32Array.of(1), 'bfloat16');
    export const code: number | bigint = encode(0.3, 'e4m3fn');
    export const inexact: number = arithmetic('e4m3fn', { flags: true }).flags.inexact;
    export const mixed: number = arithmetic({ operands: 'e4m3fn', result: 'bfloat16', flags: true }).flags.overflow;
    export const rounded: Float32Array = round(Float32Array.of(1), 'posit16');
    export const mean: number = repeat(3, (seed) => ({ error: seed })).error.mean;
    round(1, 'e4m3fn' satisfies FormatName);
    // @ts-expect-error: a name that the catalogue has not.
    round(1, 'e4m3fx');
    // @ts-expect-error: nor of quantisers.
    quantize(Float32Array.of(1), 'int4/rows');
    const read: string = 'float(4,3)';
    round(1, read);
    round(1, 'FP16');
    // @ts-expect-error: a mode that there is not.
    round(1, 'e4m3fn', { rounding: 'nearest-evn' });
  `;
  writeFileSync(file, [...imports, uses].join('\n'));
  const program = ts.createProgram({
    rootNames: [file],
    options: {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true },
      ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, types: [], skipLibCheck: false },
    },
  });
  const problems = ts.getPreEmitDiagnostics(program).flatMap((problem) => {
    // TensorFlow.js has errors of its own.
    if (/node_modules/.test(problem.file?.fileName ?? '')) return [];
    return [`${problem.file?.fileName}: ${ts.flattenDiagnosticMessageText(problem.messageText, ' ')}`];
  });
  expect(problems).toEqual([]);
  expect(program.getSourceFiles().some(({ fileName }) => fileName.includes('@types/node'))).toBe(false);
}, 120_000);

describe('an entry point', () => {
  /** What is read before any code of an entry point runs. */
  function filesOf(entry: string): Set<string> {
    const files = new Set([join('dist', entry)]);
    for (const file of files) for (const next of importsOf(file, true)) files.add(next);
    return files;
  }

  test.each([
    ['index.js', 4],
    ['linalg/index.js', 5],
    ['mathjs/index.js', 5],
    ['tfjs/index.js', 6],
    ['train/index.js', 8],
    ['cli/main.js', 8],
  ])('%s is read in at most %i files', (entry, most) => {
    expect(filesOf(entry).size).toBeLessThanOrEqual(most);
  });

  test('compiles no kernels before the first array, and shares what it has with the others', () => {
    const program = `
      const { Module } = WebAssembly;
      let compiled = 0;
      WebAssembly.Module = class extends Module {
        constructor(bytes) {
          super(bytes);
          compiled++;
        }
      };
      const halfulp = await import('halfulp');
      const { lu } = await import('halfulp/linalg');
      await import('halfulp/train');
      const atImport = compiled;
      halfulp.round(0.1, 'e4m3fn');
      const afterNumbers = compiled;
      halfulp.round([0.1], 'e4m3fn');
      let isOurs = false;
      try {
        lu('nothing');
      } catch (error) {
        isOurs = error instanceof halfulp.ArgumentError;
      }
      console.log(JSON.stringify({ atImport, afterNumbers, afterArray: compiled, isOurs }));`;
    const file = join(folder, 'importer.js');
    writeFileSync(file, program);
    expect(JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' }))).toEqual({
      ...{ atImport: 0, afterNumbers: 0, afterArray: 1, isOurs: true },
    });
  });
});

describe('a bundle', () => {
  /** A program that imports names of the package, bundled and minified; the kernels that are in it. */
  async function bundle(names: string): Promise<{ size: number; kernels: string[] }> {
    const { outputFiles } = await build({
      stdin: { contents: `import { ${names} } from 'halfulp'; console.log(${names});`, resolveDir: folder },
      ...{ bundle: true, minify: true, format: 'esm', write: false, external: ['node:*'] },
    });
    const { contents, text } = outputFiles[0]!;
    const kernels = [];
    for (const file of readdirSync('src/kernels/generated').sort()) {
      if (file.startsWith('layout-')) continue;
      const { default: bytes } = (await import(resolve('src/kernels/generated', file))) as {
        default: string;
      };
      if (text.includes(bytes)) kernels.push(file.replace('.ts', ''));
    }
    return { size: gzipSync(contents, { level: 9 }).length, kernels };
  }

  test.each([
    ['round', 60, ['rounding']],
    ['encode', 60, ['rounding']],
    ['quantize', 80, ['quantizers', 'rounding']],
    ['quantizer', 98, ['quantizers', 'rounding', 'transforms']],
    ['arithmetic', 145, ['arithmetic', 'elementary', 'products', 'rounding']],
    ['float', 8, []],
    ['posit', 8, []],
    ['fixed, int', 8, []],
    ['formats', 8, []],
    ['parseFormat', 12, []],
    ['allocateFloat32', 2, []],
    ['ArgumentError, roundingModes, gradientNames', 1, []],
  ])('of %s weighs at most %i KB, compressed', async (names, limit, modules) => {
    const { size, kernels } = await bundle(names);
    expect(size).toBeLessThanOrEqual(limit * 1000);
    expect(kernels).toEqual(modules);
  });
});
