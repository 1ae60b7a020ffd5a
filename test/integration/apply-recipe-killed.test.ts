/**
 * A user's own program that is killed at any moment, several times, and started again each time: it ends with the bits of the one that
 * ran through, and what it had saved is never lost. Imports the built package.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { readState } from '../../src/train/files.ts';

const script = fileURLToPath(new URL('killed-loop.js', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'halfulp-killed-'));
afterAll(() => rmSync(out, { recursive: true }));

interface Life {
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Steps of the last file that it said was written; 0: none. */
  readonly written: number;
}

/** Runs the program; `kill` is asked at each of its lines, and gives after how many milliseconds it is to be killed. */
function live(kind: string, file: string, kill: (line: string) => number | undefined): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, kind, file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr, rest] = ['', '', ''];
    let isDoomed = false;
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const delay = isDoomed ? undefined : kill(line);
        if (delay === undefined) continue;
        isDoomed = true;
        if (delay === 0) child.kill('SIGKILL');
        else setTimeout(() => child.kill('SIGKILL'), delay);
      }
    });
    child.on('error', reject);
    child.on('close', (_, signal) => {
      const written = [...stderr.matchAll(/^written (\d+)$/gm)].at(-1)?.[1] ?? 0;
      resolve({ signal, stdout, stderr, written: Number(written) });
    });
  });
}

it.each(['fit', 'loop'])(
  '%s: killed and resumed, it ends with the bits of the run that was let alone',
  async (kind) => {
    const whole = await live(kind, join(out, `${kind}-whole.safetensors`), () => undefined);
    expect(whole.stderr).not.toContain('    at ');
    const file = join(out, `${kind}.safetensors`);
    let killed = 0;
    let last = 0;
    for (let life = 0; ; life++) {
      // At the beginning of a write, or anywhere after some line: within a step, within a write, before the first.
      const lines = 1 + (life % 3);
      let seen = 0;
      const delay = [0, 1, 3, 7, 20][life % 5]!;
      const { signal, stdout, written, stderr } = await live(kind, file, (line) => {
        if (life >= 6 || !/^(writing|written)/.test(line)) return undefined;
        return ++seen > lines ? delay : undefined;
      });
      expect(stderr).not.toContain('    at ');
      last = Math.max(last, written);
      if (signal !== null) {
        killed++;
        // What it said was written is there, whole, or something later is.
        if (last > 0)
          expect(Math.max(...Object.values(readState(file).state.clocks))).toBeGreaterThanOrEqual(last);
        else if (existsSync(file)) readState(file);
        continue;
      }
      expect(stdout).toBe(whole.stdout);
      break;
    }
    expect(killed).toBeGreaterThanOrEqual(3);
    // What was left of writes that were cut off is gone with the next one.
    expect(readdirSync(out).filter((name) => name.startsWith(`${kind}.`))).toEqual([`${kind}.safetensors`]);
  },
  120_000,
);
