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

/** Three rings of points, `class,x,y`. */
const table = Array.from({ length: 90 }, (_, i) => {
  const [ring, angle] = [i % 3, i * 2.4];
  return `${['in', 'mid', 'out'][ring]},${(ring + 0.5) * Math.cos(angle)},${(ring + 0.5) * Math.sin(angle)}`;
}).join('\n');

/** What to train on, steps, and after how many of them to stop a run. */
const jobs = [
  { data: '--text', content: book, steps: 14, every: 2, evaluateEvery: 5, cuts: [5, 9] },
  { data: '--csv', content: table, steps: 160, every: 10, evaluateEvery: 50, cuts: [30, 80] },
] as const;

test.each(jobs)(
  'goes on with the same bits after kill -9 and after SIGINT, $data',
  async (job) => {
    await withFolder(async (out) => {
      const data = join(out, 'data');
      const recipe = join(out, 'recipe.json');
      writeFileSync(data, job.content);
      writeFileSync(recipe, JSON.stringify({ recipe: 'dqt', bits: 8 }));
      const argv = (name: string, ...more: string[]): string[] => [
        ...['train', recipe, job.data, data, '--out', out, '--name', name, '--steps', `${job.steps}`],
        ...['--batch', '2', '--checkpoint-every', `${job.every}`, '--quiet'],
        ...['--evaluate-every', `${job.evaluateEvery}`, ...more],
      ];
      expect((await start(argv('whole'))).code).toBe(0);

      const metrics = join(out, 'cut', 'metrics.jsonl');
      for (const [i, signal] of (['SIGKILL', 'SIGINT'] as const).entries()) {
        const { code } = await start(argv('cut', '--resume'), (child) =>
          when(
            child,
            () => lines(metrics).filter((line) => line.includes('"type":"step"')).length >= job.cuts[i]!,
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
        expect(files).toEqual([`checkpoint-${String(job.steps).padStart(8, '0')}.safetensors`]);
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
  },
  180_000,
);
