/** The examples run as they stand, on small problems, and their checks against theory hold. They import the built package. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { everyCase } from '../every-case.ts';

const out = mkdtempSync(join(tmpdir(), 'halfulp-examples-'));
afterAll(() => rmSync(out, { recursive: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(name: string, ...options: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [`examples/${name}.js`, ...options], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

interface Report {
  readonly rows: readonly object[];
  readonly checks: readonly { readonly claim: string; readonly holds: boolean }[];
  readonly plot: string;
}

/** Sizes that take seconds. Nets that are trained so little learn nothing: their checks are not looked at. */
const examples: Readonly<Record<string, { readonly sizes: readonly string[]; readonly learns?: false }>> = {
  'harmonic-series': { sizes: ['--terms', '2000', '--seeds', '8'] },
  'conjugate-gradients': { sizes: ['--size', '60', '--steps', '12'] },
  'iterative-refinement': { sizes: ['--size', '24'] },
  'k-means': { sizes: ['--points', '200'] },
  'outlier-channels': { sizes: ['--inner', '256'] },
  summation: { sizes: ['--terms', '300'] },
  'tfjs/words': { sizes: ['--words', '500', '--epochs', '10'] },
  'tfjs/rings': { sizes: ['--points', '160', '--epochs', '25'] },
  'tfjs/batch-norm': { sizes: ['--images', '1000', '--epochs', '3'] },
  'tfjs/policy-gradient': { sizes: ['--steps', '60'] },
  'tfjs/iris': { sizes: [] },
  'tfjs/mnist': { sizes: ['--images', '100', '--epochs', '1'], learns: false },
  'tfjs/lstm-text': { sizes: ['--steps', '2'], learns: false },
  'tfjs/transformer': { sizes: ['--steps', '2'], learns: false },
  'tfjs/mnist-transition': { sizes: ['--images', '1500', '--epochs', '4'] },
  'tfjs/gru-dqt': everyCase ? { sizes: ['--steps', '250'] } : { sizes: ['--steps', '30'], learns: false },
  'tfjs/nvfp4-transformer': everyCase
    ? { sizes: ['--steps', '110'] }
    : { sizes: ['--steps', '30'], learns: false },
};

/** The files that are examples: those of the two folders but what they share. */
function exampleFiles(): string[] {
  const filesOf = (folder: string): string[] =>
    readdirSync(`examples/${folder}`).filter(
      (file) => file.endsWith('.js') && !['shared.js', 'digits.js', 'moby-dick.js'].includes(file),
    );
  return [...filesOf(''), ...filesOf('tfjs').map((file) => `tfjs/${file}`)].map((file) => file.slice(0, -3));
}

it.each(exampleFiles())('%s imports what anybody can', (name) => {
  expect(readFileSync(`examples/${name}.js`, 'utf8')).not.toMatch(/from '[^']*(dist|src)\//);
});

it('every example is run, and is on the page of examples', () => {
  expect(exampleFiles().sort()).toEqual(Object.keys(examples).sort());
  const page = readFileSync('docs/examples.md', 'utf8');
  for (const name of exampleFiles()) expect(page).toContain(`${name.split('/').at(-1)}.js\``);
});

describe.each(Object.keys(examples))('the example %s', (name) => {
  const { sizes, learns } = examples[name]!;

  it('prints its figures as JSON, and draws them', async () => {
    const { code, stdout, stderr } = await run(name, '--json', '--out', out, ...sizes);
    expect(stderr.replace(/^\(node:.*\n|^\(Use .*\n/gm, '')).not.toContain('    at ');
    const { rows, checks, plot } = JSON.parse(stdout) as Report;
    expect(rows.length).toBeGreaterThan(2);
    expect(readFileSync(plot, 'utf8')).toMatch(/^<svg/);
    const failed = checks.filter(({ holds }) => !holds);
    if (learns !== false) expect(failed).toEqual([]);
    expect(code).toBe(failed.length > 0 ? 1 : 0);
  }, 300_000);

  it('explains its options, and refuses others in one line', async () => {
    const help = await run(name, '--help');
    expect([help.code, help.stderr]).toEqual([0, '']);
    for (const option of ['--out DIRECTORY', '--json', ...sizes.filter((word) => word.startsWith('--'))])
      expect(help.stdout).toContain(`  ${option} `);
    for (const wrong of [['--bogus'], ['stray'], sizes.length > 0 ? [sizes[0]!, 'many'] : ['--seed', '0']]) {
      const { code, stdout, stderr } = await run(name, ...wrong);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(wrong[0]);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});

it.each([
  ['tfjs/mnist-transition', ['--images', '100', '--epochs', '2']],
  ['tfjs/gru-dqt', ['--steps', '2']],
  ['tfjs/nvfp4-transformer', ['--steps', '2']],
])('%s gives the same figures for the same seed, and says how far it is', async (name, sizes) => {
  const figures = async (seed: string): Promise<object[]> => {
    const { stdout, stderr } = await run(name, '--json', '--out', out, ...sizes, '--seed', seed);
    expect(stderr).toMatch(/float32: step \d of \d, loss \d/);
    const { rows } = JSON.parse(stdout) as { rows: { seconds: number }[] };
    return rows.map(({ seconds: _, ...row }) => row);
  };
  const first = await figures('1');
  expect(await figures('1')).toEqual(first);
  expect(await figures('2')).not.toEqual(first);
});

it('a folder that cannot be made, and a format that is none, are said in one line', async () => {
  const folder = await run('summation', '--out', '/dev/null/x', '--terms', '10');
  expect(folder).toMatchObject({ code: 1, stderr: expect.stringMatching(/^cannot write [^\n]*\n$/) });
  const format = await run('summation', '--format', 'fp99');
  expect(format).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^--format: got 'fp99'; [^\n]*\n$/),
  });
});
