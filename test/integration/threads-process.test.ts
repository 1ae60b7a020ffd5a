/**
 * Worker threads in a process of its own, from compiled sources as a user has them: a program that uses threads ends by
 * itself, whether it has stopped them or not.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';

const sources = fileURLToPath(new URL('../../src', import.meta.url));
/** The folders of the core. */
const core = ['check.ts', 'errors.ts', 'index.ts', 'formats', 'rounding', 'arithmetic', 'kernels', 'tensor'];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-threads-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const item of core) cpSync(join(sources, item), join(folder, item), { recursive: true });
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    writeFileSync(join(folder, file.replace(/\.ts$/, '.js')), outputText);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a program to its end; a hanging one is killed and has no status. */
function run(program: string): { status: number | null; stdout: string; stderr: string } {
  const file = join(folder, 'program.js');
  writeFileSync(
    file,
    `import { allocateFloat32, round, startThreads, stopThreads } from './index.js';\n${program}`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

const setUp = `
  const x = Float32Array.from({ length: 1e6 + 7 }, (_, i) => 1 / (i + 1));
  const options = { rounding: 'stochastic', seed: 1, offset: 3 };
  const one = round(x, 'binary16', options);
  const same = (y) => console.log(y.every((value, i) => Object.is(value, one[i])));
`;

it('ends by itself with its workers idle', () => {
  const program = `${setUp}
    same(round(x, 'binary16', { ...options, threads: 3 }));
    const own = allocateFloat32(x.length);
    own.set(x);
    same(round(own, 'binary16', { ...options, threads: 2, out: own }));`;
  expect(run(program)).toEqual({ status: 0, stdout: 'true\ntrue\n', stderr: '' });
});

it('stays alive while it waits for its workers, and ends by itself after it', () => {
  const program = `${setUp}
    await startThreads(3);
    same(round(x, 'binary16', { ...options, threads: 3 }));`;
  expect(run(program)).toEqual({ status: 0, stdout: 'true\n', stderr: '' });
});

it('ends after stopThreads', () => {
  const program = `${setUp}
    same(round(x, 'binary16', { ...options, threads: 2 }));
    await stopThreads();
    console.log('stopped');`;
  expect(run(program)).toEqual({ status: 0, stdout: 'true\nstopped\n', stderr: '' });
});
