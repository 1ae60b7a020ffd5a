/** `halfulp train` as a process: killed, interrupted and taken up again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { withFolder } from '../unit/cli-world.ts';

const script = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const builder = fileURLToPath(new URL('../../scripts/start.js', import.meta.url));
const book = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  argv: readonly string[],
  watch: (child: ChildProcess) => void = () => {},
  program = script,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    watch(child);
  });
}

/** Calls `then` once `isSo` holds, looked at every 20 ms, until the child is gone. */
function when(child: ChildProcess, isSo: () => boolean, then: () => void): void {
  const timer = setInterval(() => {
    if (!isSo()) return;
    clearInterval(timer);
    then();
  }, 20);
  child.on('close', () => clearInterval(timer));
}

const lines = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];

/** Records without times. */
const records = (path: string): unknown[] =>
  lines(path).map((line) => {
    const { seconds: _, predictionsPerSecond: __, ...record } = JSON.parse(line) as Record<string, unknown>;
    return record;
  });

beforeAll(async () => {
  expect((await start(['--help'], () => {}, builder)).code).toBe(0);
}, 300_000);

test('goes on with the same bits after kill -9 and after SIGINT', async () => {
  await withFolder(async (out) => {
    const text = join(out, 'book.txt');
    const recipe = join(out, 'recipe.json');
    writeFileSync(text, book);
    writeFileSync(recipe, JSON.stringify({ recipe: 'dqt', bits: 8 }));
    const argv = (name: string, ...more: string[]): string[] => [
      ...['train', recipe, '--text', text, '--out', out, '--name', name, '--steps', '14', '--batch', '2'],
      ...['--checkpoint-every', '2', '--evaluate-every', '5', '--quiet', ...more],
    ];
    expect((await start(argv('whole'))).code).toBe(0);

    const metrics = join(out, 'cut', 'metrics.jsonl');
    for (const [enough, signal] of [
      [5, 'SIGKILL'],
      [9, 'SIGINT'],
    ] as const) {
      const { code } = await start(argv('cut', '--resume'), (child) =>
        when(
          child,
          () => lines(metrics).filter((line) => line.includes('"type":"step"')).length >= enough,
          () => child.kill(signal),
        ),
      );
      expect([null, 130, 0]).toContain(code);
    }
    const last = await start(argv('cut', '--resume'));
    expect(last).toMatchObject({ code: 0 });
    expect(records(metrics)).toEqual(records(join(out, 'whole', 'metrics.jsonl')));
    const weights = (name: string): Buffer[] => {
      const folder = join(out, name);
      const files = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
      expect(files).toEqual(['checkpoint-00000014.safetensors']);
      // What comes before the arrays has the run's seconds in it.
      return files.map((file) => {
        const bytes = readFileSync(join(folder, file));
        return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
      });
    };
    expect(weights('cut')).toEqual(weights('whole'));
    // A finished run is not trained again; another one does not go on in its folder.
    expect((await start(argv('cut', '--resume'))).stdout).toContain('finished');
    expect(await start(argv('whole'))).toMatchObject({ code: 2 });
  });
}, 180_000);
