/**
 * A queue under fire: 200 short runs over four workers that are killed with -9 at random moments, a Redis that is killed and
 * restarted, a worker that is stopped beyond its lock. And what queues cost: throughput, a job, a long list, memory.
 * HALFULP_QUEUE_RUNS sets the number of runs.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  bitsOf,
  hasRedis,
  memoryOf,
  pause,
  processesOf,
  processMark,
  type Running,
  startHalfulp,
  type TestRedis,
  testRedis,
  until,
  writeSweep,
} from '../integration/queue-world.ts';

const count = Number(process.env['HALFULP_QUEUE_RUNS'] ?? 200);
const builder = fileURLToPath(new URL('../../scripts/start.js', import.meta.url));
const plainRuns = fileURLToPath(new URL('plain-runs.js', import.meta.url));
let folder: string;
let redis: TestRedis;
let started: Running[] = [];
const mark = processMark();

function start(argv: readonly string[]): Running {
  const running = startHalfulp(argv, mark);
  started.push(running);
  return running;
}
const startWorker = (...more: string[]): Running =>
  start(['worker', '--queue', redis.address, '--lock', '3', ...more]);
const isAlive = ({ child }: Running): boolean => child.exitCode === null && child.signalCode === null;

async function stopAll(workers: readonly Running[]): Promise<void> {
  for (const { child } of workers) child.kill('SIGTERM');
  await Promise.all(workers.map(({ ended }) => ended));
}

async function counts(): Promise<Record<'waiting' | 'active' | 'failed' | 'workers', object[]>> {
  const listed = start(['queue', '--queue', redis.address, '--json']);
  expect((await listed.ended).code, listed.stderr()).toBe(0);
  return JSON.parse(listed.stdout());
}

/** Milliseconds of processor time that a process has used. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

const say = (text: string): void => console.log(`${text} (load ${loadavg()[0]!.toFixed(1)})`);

describe.skipIf(!hasRedis)('a queue', () => {
  beforeAll(async () => {
    expect(spawnSync(process.execPath, [builder, '--help']).status).toBe(0);
    folder = mkdtempSync(join(tmpdir(), 'halfulp-queue-slow-'));
    redis = await testRedis(folder);
  }, 300_000);
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
    started = [];
    await until(() => processesOf(mark).length === 0, 'the end of all processes');
    await redis.client.flushall();
  });
  afterAll(async () => {
    await redis?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  it(`trains each of ${count} runs once to the same bits, whatever is killed`, async () => {
    const file = writeSweep(folder, count);
    const out = join(folder, 'queued');
    const began = performance.now();
    const sweep = start(['sweep', file, '--queue', redis.address, '--out', out]);
    let workers = Array.from({ length: 4 }, () => startWorker());
    let isDone = false;
    void sweep.ended.then(() => {
      isDone = true;
    });
    const ended = (): number => (sweep.stderr().match(/^\[\d+\/\d+\]/gm) ?? []).length;
    await until(() => ended() > 0, 'the first result', 300);
    let killed = 0;
    const stoppable = workers[0]!;
    for (let round = 1; !isDone; round++) {
      await pause(500 + Math.random() * 5000);
      if (isDone) break;
      if (round === 4) {
        stoppable.child.kill('SIGSTOP');
        setTimeout(() => stoppable.child.kill('SIGCONT'), 12_000);
      }
      if (round === 8 || round === 16) {
        await redis.stop(round === 8 ? 'SIGKILL' : 'SIGTERM');
        await pause(1000);
        await redis.start();
      }
      const victims = workers.filter((one) => one !== stoppable || round > 9).filter(isAlive);
      victims[Math.floor(Math.random() * victims.length)]?.child.kill('SIGKILL');
      killed++;
      workers = [...workers.filter(isAlive), startWorker()];
    }
    const minutes = (performance.now() - began) / 60_000;
    expect((await sweep.ended).code, sweep.stderr()).toBe(0);
    expect(killed).toBeGreaterThan(10);
    await stopAll(workers.filter(isAlive));
    const { client } = redis;
    const memory = /used_memory_human:(\S+)/.exec(await client.info('memory'))?.[1];
    say(`${count} runs, ${killed} workers killed, ${minutes.toFixed(1)} min, Redis holds ${memory}`);
    expect(await counts()).toMatchObject({ waiting: [], active: [], failed: [], done: count });
    await until(async () => (await counts()).workers.length === 0, 'the notes of the dead to go');
    // Nothing is left but results and data: no checkpoint, no lock. Chunks that the killed were writing go within the hour.
    for (const key of await client.keys('halfulp:store:checkpoints:*')) {
      expect(key).toMatch(/:[\da-f-]{36}:\d+$/);
      expect(await client.ttl(key)).toBeLessThanOrEqual(3600);
    }
    expect(await client.keys('halfulp:*:lock')).toEqual([]);
    expect((await client.keys('halfulp:store:results:????????????????')).length).toBe(count);
    await until(() => processesOf(mark).length === 0, 'the end of all processes');
    const runs = readdirSync(join(out, 'trained'));
    expect(runs).toHaveLength(count);
    for (const id of runs) {
      const steps = readFileSync(join(out, 'trained', id, 'metrics.jsonl'), 'utf8').matchAll(
        /"type":"step","step":(\d+)/g,
      );
      expect([...steps].map(([, step]) => Number(step))).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    }
    const plain = start(['sweep', file, '--out', join(folder, 'plain')]);
    expect((await plain.ended).code, plain.stderr()).toBe(0);
    expect(bitsOf(out)).toEqual(bitsOf(join(folder, 'plain')));
  });

  /** Seconds a run, once workers are warm, of a sweep with so many workers, and their processes' memory. */
  async function timed(
    workers: number,
    { runs, warm }: { runs: number; warm: number },
    more: object,
  ): Promise<{ seconds: number; memory: number[] }> {
    const name = `by${workers}`;
    const file = writeSweep(folder, runs, { name, ...more });
    const running = Array.from({ length: workers }, () => startWorker());
    const sweep = start(['sweep', file, '--queue', redis.address, '--out', join(folder, name)]);
    const ended = (): number => (sweep.stderr().match(/^\[\d+\/\d+\]/gm) ?? []).length;
    await until(() => ended() >= warm, 'the first results', 600);
    const [began, from] = [performance.now(), ended()];
    const before = processesOf(mark).map(memoryOf);
    await until(() => ended() >= runs || !isAlive(sweep), 'all results', 1200);
    const seconds = (performance.now() - began) / 1000 / (runs - from);
    const after = processesOf(mark).map(memoryOf);
    expect((await sweep.ended).code, sweep.stderr()).toBe(0);
    await stopAll(running);
    return { seconds, memory: [Math.max(...before), Math.max(...after)] };
  }

  const arms = [
    { name: 'float32', recipe: 'float32' },
    { name: 'bitnet', recipe: 'bitnet' },
  ];
  it.each([
    ['small classifiers', { runs: 48, warm: 8, seeds: 12 }, { steps: 150 }],
    // Of the text that comes with the package.
    [
      'language models',
      { runs: 20, warm: 4, seeds: 10 },
      { model: 'llama-tiny', data: undefined, arms, steps: 40 },
    ],
    [
      'larger language models',
      { runs: 10, warm: 2, seeds: 5 },
      { model: 'llama-small', data: undefined, arms, steps: 20 },
    ],
  ])('gains by a second worker, and does not grow: %s', async (_, runs, given) => {
    const more = { ...given, evaluateEvery: given.steps, checkpointEvery: given.steps };
    const seedsFrom = (first: number) => Array.from({ length: runs.seeds }, (_, i) => first + i);
    const one = await timed(1, runs, { ...more, seeds: seedsFrom(1) });
    const two = await timed(2, runs, { ...more, seeds: seedsFrom(101) });
    const ratio = one.seconds / two.seconds;
    say(`two workers do ${ratio.toFixed(2)} times what one does`);
    for (const { memory } of [one, two]) {
      say(`largest process: ${memory.map((bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`).join(', then ')}`);
      expect(memory[1]! / memory[0]!).toBeLessThan(1.3);
    }
    expect(ratio).toBeGreaterThan(1);
  });

  it('costs little a job beyond its training', async () => {
    const file = writeSweep(folder, 120, { name: 'brief', steps: 1, evaluateEvery: 1, checkpointEvery: 0 });
    const plain = spawnSync(process.execPath, [plainRuns, file, '120'], { encoding: 'utf8' });
    const alone = JSON.parse(plain.stdout) as { cpu: number; wall: number };
    const running = startWorker();
    const sweep = start(['sweep', file, '--queue', redis.address, '--out', join(folder, 'brief')]);
    const lines = (): number => running.stdout().split('\n').length - 1;
    await until(() => lines() >= 10, 'ten runs', 300);
    const { pid } = running.child;
    const trainers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    const used = (): number => [pid!, ...trainers].reduce((sum, one) => sum + cpuOf(one), 0);
    const [cpu, began, from] = [used(), performance.now(), lines()];
    await until(() => lines() >= 119, 'the last runs', 300);
    const runs = lines() - from;
    const job = { cpu: (used() - cpu) / runs, wall: (performance.now() - began) / runs };
    expect((await sweep.ended).code, sweep.stderr()).toBe(0);
    await stopAll([running]);
    const beyond = { cpu: job.cpu - alone.cpu, wall: job.wall - alone.wall };
    say(`a job takes ${job.wall.toFixed(1)} ms, its training alone ${alone.wall.toFixed(1)} ms`);
    say(
      `of processor time ${job.cpu.toFixed(1)} and ${alone.cpu.toFixed(1)} ms: ${beyond.cpu.toFixed(1)} ms beyond it`,
    );
    // Of the clock where nobody else computes, of the processor always.
    expect(beyond.cpu).toBeLessThan(50);
    if (loadavg()[0]! < 2.5) expect(beyond.wall).toBeLessThan(50);
  });

  it('lists 10 000 waiting runs', async () => {
    const file = writeSweep(folder, 10_000, { name: 'many' });
    const sweep = start(['sweep', file, '--queue', redis.address, '--out', join(folder, 'many')]);
    await until(async () => (await counts()).waiting.length === 10_000, '10 000 runs', 600);
    sweep.child.kill('SIGKILL');
    await sweep.ended;
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const began = performance.now();
      expect((await counts()).waiting).toHaveLength(10_000);
      times.push((performance.now() - began) / 1000);
    }
    say(`10 000 waiting runs are listed in ${times.map((time) => time.toFixed(2)).join(', ')} s`);
    expect(Math.min(...times)).toBeLessThan(2);
  });
});
