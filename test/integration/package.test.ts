/** What `npm pack` ships: the compiled package with the declarations that users see, and the documentation. Built in a folder apart. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';

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
  for (const config of ['tsconfig.build.json', 'tsconfig.javascript.json'])
    node('node_modules/typescript/bin/tsc', '-p', config, '--noCheck', '--outDir', join(folder, 'dist'));
  node('scripts/prune-build.js', folder);
  node('scripts/build-laboratory.js', folder);
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
  const isLaboratory = (path: string): boolean => /^dist\/laboratory\/[\w.-]+\.br$/.test(path);
  expect(paths.filter((path) => !isLaboratory(path) && !/\.(js|d\.ts|md)$/.test(path))).toEqual([
    'LICENSE',
    'package.json',
  ]);
  expect(paths.filter((path) => /^(docs|dist)\/(studies|results|images)/.test(path))).toEqual([]);
  expect(paths.filter((path) => path.startsWith('docs/')).length).toBeGreaterThan(15);
});

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
    .flatMap((path) => {
      const ending = path.endsWith('.d.ts') ? '.d.ts' : '.js';
      return ts
        .preProcessFile(readFileSync(join(folder, path), 'utf8'), true, true)
        .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => join(dirname(path), fileName.replace(/\.[jt]s$/, ending)))
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
