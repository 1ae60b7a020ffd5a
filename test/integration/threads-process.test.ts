/**
 * Worker threads and shared memory in a process of its own, from compiled sources as a user has them: a program that uses
 * threads ends by itself, whether it has stopped them or not, and one that drops arrays gets their memory back.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const sources = fileURLToPath(new URL('../../src', import.meta.url));
/** The files that the package's first door leads to, and the program of its worker threads. */
function filesOfCore(): string[] {
  const found = new Set(['index.ts', 'kernels/thread-worker.ts']);
  for (const file of found) {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(sources, file), 'utf8'));
    for (const { fileName } of importedFiles)
      if (fileName.startsWith('.')) found.add(join(dirname(file), fileName));
  }
  return [...found];
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-threads-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  for (const file of filesOfCore()) {
    const text = readFileSync(join(sources, file), 'utf8');
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    const target = join(folder, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a program to its end; a hanging one is killed and has no status. */
function run(program: string, ...flags: string[]): { status: number | null; stdout: string; stderr: string } {
  const file = join(folder, 'program.js');
  writeFileSync(
    file,
    `import { allocateFloat32, release, round, startThreads, stopThreads } from './index.js';\n${program}`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file], {
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

describe('arrays in the shared memory that are dropped', () => {
  const collect = `
    const collect = async () => {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    };`;

  it('are given back: more of them fit than the memory has', () => {
    const program = `${collect}
      let bytes = 0;
      for (; bytes < 3 * 2 ** 30; bytes += 2 ** 28) {
        allocateFloat32(2 ** 26)[1] = 1;
        await collect();
      }
      console.log(bytes);`;
    expect(run(program, '--expose-gc')).toEqual({ status: 0, stdout: `${3 * 2 ** 30}\n`, stderr: '' });
  });

  it('last as long as views of them', () => {
    const program = `${collect}
      const view = (() => allocateFloat32(2 ** 20).subarray(1000, 2000).subarray(10, 20))().fill(3);
      await collect();
      for (let i = 0; i < 20; i++) {
        allocateFloat32(2 ** 20).fill(7);
        await collect();
      }
      console.log(view.join(), view.constructor.name, Object.keys(view).length, JSON.stringify(view.slice(8)));`;
    expect(run(program, '--expose-gc').stdout).toBe('3,3,3,3,3,3,3,3,3,3 Float32Array 10 {"0":3,"1":3}\n');
  });

  it('and released ones are given back once', () => {
    const program = `${collect}
      for (let i = 0; i < 10; i++) {
        release(allocateFloat32(1000));
        await collect();
      }
      const a = allocateFloat32(1000);
      const b = allocateFloat32(1000);
      console.log(Math.abs(a.byteOffset - b.byteOffset) >= 4000);`;
    expect(run(program, '--expose-gc').stdout).toBe('true\n');
  });

  it('and without room there is a RangeError in words', () => {
    const program = `
      for (const length of [2 ** 29, 2 ** 50])
        try {
          allocateFloat32(length);
        } catch (error) {
          console.log(error.name, error.message);
        }`;
    expect(run(program).stdout).toBe(
      [2 ** 31, 2 ** 52]
        .map((bytes) => `RangeError no room for ${bytes} bytes: the memory has 16 of 32768 pages of 64 KiB\n`)
        .join(''),
    );
  });
});
