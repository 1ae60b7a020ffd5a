/**
 * The real command as a process: `npm start`'s script builds if need be and trains for real, though little. Signals
 * and exit codes as a shell sees them.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { withFolder } from '../unit/cli-world.ts';

const script = fileURLToPath(new URL('../../scripts/start.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  argv: readonly string[],
  onStderr: (text: string, child: ChildProcess) => void = () => {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      onStderr(stderr, child);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const book = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);

// Builds, if nothing else has, so that the tests below measure the command alone.
beforeAll(async () => {
  const { code, stdout } = await start(['--help']);
  expect(stdout).toContain('Usage: halfulp compare');
  expect(code).toBe(0);
}, 300_000);

test('trains two arms for real and writes the run folder', async () => {
  await withFolder(async (out) => {
    const text = join(out, 'book.txt');
    writeFileSync(text, book);
    const { code, stdout, stderr } = await start([
      ...['--text', text, '--out', out, '--name', 'mine', '--steps', '4', '--batch', '2'],
      ...['--arms', 'float32,transition@50', '--json'],
    ]);
    expect(stderr).toContain(`Report: ${join(out, 'mine')}/report.html`);
    expect(code).toBe(0);
    const { arms } = JSON.parse(stdout);
    expect(arms[0].validationLoss.mean).toBeLessThan(4);
    expect(arms[0].bitsPerWeight).toBe(32);
    expect(arms[1].bitsPerWeight).toBe(Math.log2(3));
    expect(readdirSync(join(out, 'mine')).sort()).toEqual([
      'config.json',
      'loss.svg',
      'metrics.jsonl',
      'report.html',
    ]);
  });
});

test('two signals at once, as from npm, end the run cleanly with what was measured', async () => {
  await withFolder(async (out) => {
    const text = join(out, 'book.txt');
    writeFileSync(text, book);
    let sent = false;
    const { code, stdout } = await start(
      [
        '--text',
        text,
        '--out',
        out,
        '--name',
        'mine',
        '--steps',
        '10000',
        '--batch',
        '1',
        '--arms',
        'bitnet,float32',
      ],
      (stderr, child) => {
        if (sent || !stderr.includes('[1/2] bitnet')) return;
        sent = true;
        child.kill('SIGINT');
        setTimeout(() => child.kill('SIGINT'), 20);
      },
    );
    expect(code).toBe(130);
    expect(stdout).toMatch(/\* bitnet: stopped at step \d+ of 10000, not comparable; float32: not begun\./);
    expect(existsSync(join(out, 'mine', 'report.html'))).toBe(true);
    const lines = readFileSync(join(out, 'mine', 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: 'result', arm: 'bitnet', status: 'interrupted' });
  });
});

test('wrong arguments end with exit code 2 and one line', async () => {
  const { code, stdout, stderr } = await start(['--steps', '0']);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toBe('halfulp: --steps: got 0; accepted: an integer from 1 to 1000000\n');
});
