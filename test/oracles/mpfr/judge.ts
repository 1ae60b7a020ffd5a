/** Runs judge.c, the elementary functions by GNU MPFR; undefined where the library or a compiler is missing. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElementaryName } from '../../../src/arithmetic/elementary/index.ts';

/** Results rounded to odd in binary64, as judge.c says. */
export type Judge = (name: ElementaryName, x: Float64Array, y: Float64Array) => Float64Array;

const folder = mkdtempSync(join(tmpdir(), 'halfulp-mpfr-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function compile(): string | undefined {
  const program = join(folder, 'judge');
  const source = join(import.meta.dirname, 'judge.c');
  const { status } = spawnSync('cc', ['-O2', '-o', program, source, '-lmpfr', '-lgmp', '-lm']);
  return status === 0 ? program : undefined;
}

const program = compile();
if (program === undefined)
  console.info(
    'MPFR is not installed (Debian: libmpfr-dev), or no C compiler: comparisons with it are skipped',
  );

export const judge: Judge | undefined =
  program === undefined
    ? undefined
    : (name, x, y) => {
        const pairs = new Float64Array(2 * x.length);
        x.forEach((value, i) => {
          pairs[2 * i] = value;
          pairs[2 * i + 1] = y[i]!;
        });
        const { status, stdout, stderr } = spawnSync(program, [name], {
          input: new Uint8Array(pairs.buffer),
          maxBuffer: 2 ** 30,
        });
        if (status !== 0 || stdout.length !== 8 * x.length) throw new Error(`judge ${name}: ${stderr}`);
        return new Float64Array(new Uint8Array(stdout).buffer);
      };
