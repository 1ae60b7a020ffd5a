/**
 * A long day of a run: 10^5 steps with checkpoints on a small disk, in which the process is stopped and goes on, the disk is
 * full, then read-only, and the process is killed. It ends with the bits of a run that nobody disturbed, in memory that does not grow.
 * HALFULP_LONG_STEPS sets the number of steps.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCheckpoint } from '../../src/train/files.ts';

const steps = Number(process.env['HALFULP_LONG_STEPS'] ?? 100_000);
const program = fileURLToPath(new URL('long-day-run.js', import.meta.url));
const builder = fileURLToPath(new URL('../../scripts/start.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'halfulp-day-'));
const disk = join(folder, 'disk');
let isMounted = false;

beforeAll(() => {
  expect(spawnSync(process.execPath, [builder, '--help']).status).toBe(0);
  mkdirSync(disk);
  isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]).status === 0;
}, 300_000);
afterAll(() => {
  if (isMounted) spawnSync('umount', ['-l', disk]);
  rmSync(folder, { recursive: true, force: true });
});

interface Life {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** Bytes every thousand steps: of the process, and of what it uses. */
  readonly memory: readonly number[];
  readonly used: readonly number[];
}

/** One process; `at` is told of every thousand steps. */
function live(file: string, at: (step: number, pid: number) => void = () => {}): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--expose-gc', program, file, `${steps}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [memory, used]: [number[], number[]] = [[], []];
    let [rest, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const [step, resident, own] = line.split(' ').map(Number) as [number, number, number];
        memory.push(resident);
        used.push(own);
        at(step, child.pid!);
      }
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stderr, memory, used }));
  });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Bytes by which the memory in use grows a step: from the middle of the first third, without the start, to that of the last. */
function growthOf({ used }: Life): number {
  const settled = used.slice(3);
  const third = Math.floor(settled.length / 3);
  const grown = median(settled.slice(-third)) - median(settled.slice(0, third));
  return Math.max(0, grown - engineRoom) / (1000 * (settled.length - third));
}

/** Bytes that come and go with code that the engine compiles and drops. */
const engineRoom = 2 ** 20;
/** A step keeps its loss, in the run and in its last checkpoint, in lists that double. */
const mostGrowth = 32;
/** MiB of the largest process. */
const mostMemory = 320;

it(`${steps} steps have the same bits through a full disk, a read-only one, a stop and a kill`, async ({
  skip,
}) => {
  if (!isMounted) skip('no disk can be mounted here');
  const [wholeFile, file] = [join(folder, 'whole.safetensors'), join(disk, 'run.safetensors')];
  const began = performance.now();
  const whole = live(wholeFile);
  const ballast = join(disk, 'ballast');
  const lives: Life[] = [];
  lives.push(
    await live(file, (step, pid) => {
      if (step === Math.round(steps / 10)) {
        process.kill(pid, 'SIGSTOP');
        setTimeout(() => process.kill(pid, 'SIGCONT'), 5000);
      }
      if (step === Math.round(steps / 5))
        try {
          writeFileSync(ballast, Buffer.alloc(8 << 20));
        } catch {
          // It takes all there is.
        }
    }),
  );
  expect(lives.at(-1)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^cannot write .*ENOSPC/) });
  const kept = readCheckpoint(file).state.step;
  expect(kept).toBeGreaterThanOrEqual(steps / 5 - 500);
  rmSync(ballast);
  lives.push(
    await live(file, (step) => {
      if (step === Math.round((2 * steps) / 5)) spawnSync('mount', ['-o', 'remount,ro', disk]);
    }),
  );
  expect(lives.at(-1)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^cannot write .*EROFS/) });
  spawnSync('mount', ['-o', 'remount,rw', disk]);
  lives.push(
    await live(file, (step, pid) => {
      if (step === Math.round((3 * steps) / 5)) process.kill(pid, 'SIGKILL');
    }),
  );
  expect(lives.at(-1)).toMatchObject({ signal: 'SIGKILL' });
  lives.push(await live(file));
  expect(lives.at(-1)).toMatchObject({ code: 0, stderr: '' });
  const undisturbed = await whole;
  expect(undisturbed).toMatchObject({ code: 0, stderr: '' });
  const [found, wanted] = [readCheckpoint(file), readCheckpoint(wholeFile)];
  expect(found.state.step).toBe(steps);
  expect({ ...found.state, seconds: 0 }).toEqual({ ...wanted.state, seconds: 0 });
  expect(found.arrays).toEqual(wanted.arrays);
  const growth = [undisturbed, ...lives].map(growthOf);
  const peaks = [undisturbed, ...lives].map(({ memory }) => Math.max(...memory) / 2 ** 20);
  const minutes = (performance.now() - began) / 60_000;
  console.log(
    `${steps} steps in ${minutes.toFixed(1)} min, load ${loadavg()[0]!.toFixed(1)}; MiB at most ${peaks.map(Math.round).join(', ')}; bytes more a step ${growth.map((x) => x.toFixed(1)).join(', ')}`,
  );
  for (const bytes of growth) expect(bytes).toBeLessThan(mostGrowth);
  for (const peak of peaks) expect(peak).toBeLessThan(mostMemory);
});
