/** The examples run as they stand, on small problems, and their checks against theory hold. They import the built package. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const out = mkdtempSync(join(tmpdir(), 'halfulp-examples-'));
afterAll(() => rmSync(out, { recursive: true }));

interface Report {
  readonly rows: readonly object[];
  readonly checks: readonly { readonly claim: string; readonly holds: boolean }[];
  readonly plot: string;
}

describe('the example', () => {
  it.each([
    ['harmonic-series', ['--terms', '2000', '--seeds', '8']],
    ['conjugate-gradients', ['--size', '60', '--steps', '12']],
    ['iterative-refinement', ['--size', '24']],
    ['k-means', ['--points', '200']],
    ['outlier-channels', ['--inner', '256']],
  ] as const)('%s', async (name, sizes) => {
    const { stdout } = await run(process.execPath, [`examples/${name}.js`, '--json', '--out', out, ...sizes]);
    const { rows, checks, plot } = JSON.parse(stdout) as Report;
    expect(rows.length).toBeGreaterThan(3);
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(readFileSync(plot, 'utf8')).toMatch(/^<svg/);
  });

  it('refuses a size that is none', async () => {
    const failure = run(process.execPath, ['examples/k-means.js', '--points', 'many']);
    await expect(failure).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--points') });
  });
});
