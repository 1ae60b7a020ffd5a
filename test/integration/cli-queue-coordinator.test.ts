/**
 * The side of a queue that waits for results, on a Redis of the test's own: what it does where results are damaged, its disk takes
 * nothing, Redis comes back empty, runs are taken out, held back or tried again. Workers are played.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeFiles, hashBytes } from '../../src/cli/queue/bundles.ts';
import { type QueuePackages, queuePackages } from '../../src/cli/queue/connection.ts';
import { ownVersion } from '../../src/cli/queue/job.ts';
import { jobName, openQueue, queueName } from '../../src/cli/queue/kinds.ts';
import { actOn, overviewOf } from '../../src/cli/queue/overview.ts';
import { redisStore } from '../../src/cli/queue/redis-store.ts';
import type { Store } from '../../src/cli/queue/store.ts';
import { runQueued } from '../../src/cli/queue/sweep-runs.ts';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { makeFolders } from '../../src/files/write.ts';
import { encodeData } from '../../src/train/data-file.ts';
import { labelledData } from '../../src/train/index.ts';
import { hasRedis, type TestRedis, testRedis, until } from './queue-world.ts';

const basis = { numerics: 'numerics 1-0123456789abcdef', data: 'fedcba9876543210' };
const sweep = readSweep({
  ...{ name: 'short', model: 'mlp', steps: 10, seeds: [1, 2] },
  arms: [{ name: 'float32', recipe: { recipe: 'float32' } }],
});
const runs = sweepRuns(sweep, basis);
const [one, other] = runs as [(typeof runs)[0], (typeof runs)[0]];
const data = labelledData([0, 1, 2, 3, 4, 5, 6, 7], ['b', 'a', 'b', 'a'], { name: 'four' });
const dataName = { kind: 'data', hash: hashBytes(encodeData(data)) } as const;
const resultOf = (hash: string) => ({ kind: 'results', hash }) as const;
const kind = { halfulp: ownVersion(), numerics: basis.numerics, store: 'redis' };

const files = {
  config: JSON.stringify({
    samples: { name: 'four', features: 2, classes: ['a', 'b'], trainingSamples: 4 },
    environment: { cpu: 'x', cores: 1, memoryGiB: 1, node: '22', packages: {} },
  }),
  metrics: '{"type":"step","step":1,"loss":2}\n{"type":"result"}\n',
  result: JSON.stringify({
    ...{ steps: 10, trainLoss: 2, validationLoss: 2, bitsPerWeight: 32, seconds: 1, spike: null },
    ...{ inference: [], memory: { bytesPerParameter: 16 } },
  }),
};
const right = encodeFiles(files);

describe.skipIf(!hasRedis)('a sweep that waits for its runs', () => {
  let root: string;
  let folder: string;
  let redis: TestRedis;
  let packages: QueuePackages;
  let store: Store;
  let controller: AbortController;
  let ends: [number, string | null][];
  let notes: string[];
  const workers: Worker[] = [];

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'halfulp-coordinator-'));
    redis = await testRedis(root);
    packages = await queuePackages();
    store = redisStore(redis.client);
  }, 60_000);
  beforeEach(() => {
    folder = mkdtempSync(join(root, 'out-'));
    controller = new AbortController();
    [ends, notes] = [[], []];
  });
  afterEach(async () => {
    controller.abort();
    await Promise.all(workers.splice(0).map((worker) => worker.close(true)));
    await redis.client.flushall();
  });
  afterAll(async () => {
    await redis?.end();
    rmSync(root, { recursive: true, force: true });
  });

  const wait = (asked = runs): Promise<void> =>
    runQueued(
      {
        ...{ sweep, basis, folder, packages, store, redis: redis.client, signal: controller.signal },
        ...{ dataOf: () => data, teacherOf: () => undefined },
        onNote: (text) => void notes.push(text),
        onEnd: ({ seed }, failure) => void ends.push([seed, failure]),
      },
      asked,
    );
  /** Plays a worker that does with a run what `act` does. */
  const play = (act: (id: string) => Promise<unknown>, concurrency = 2): void => {
    const worker = new packages.bullmq.Worker(queueName(kind), async (job) => void (await act(job.data.id)), {
      ...{ connection: redis.client, prefix: 'halfulp', concurrency },
    });
    worker.on('error', () => {});
    workers.push(worker);
  };
  const list = () => overviewOf(redis.client, packages);
  const act = (action: Parameters<typeof actOn>[0]) => actOn(action, redis.client, packages);
  const arrive = (count: number) =>
    until(async () => (await list()).waiting.length === count, `${count} runs that wait`);

  it('has what is damaged trained again, once, and puts whole data in place of damaged', async () => {
    await store.add(dataName, Uint8Array.of(1, 2, 3));
    const cut = { ...files, metrics: '{"type":"step","step":1,"loss":2}\n' };
    const left = new Map([
      [one.id, [encodeFiles({ ...files, result: '{}' }), right]],
      [other.id, [Uint8Array.of(1, 2, 3), encodeFiles(cut)]],
    ]);
    play((id) => store.add(resultOf(id), left.get(id)!.shift()!));
    await wait();
    expect(ends.sort()).toEqual([
      [1, null],
      [2, `result ${other.id} is damaged: its records do not end with a result`],
    ]);
    expect(notes.filter((note) => note.endsWith(': trained again'))).toHaveLength(2);
    expect(readFileSync(join(folder, one.id, 'result.json'), 'utf8')).toBe(files.result);
    expect(Uint8Array.from((await store.read(dataName))!)).toEqual(Uint8Array.from(encodeData(data)));
  }, 60_000);

  it('ends where its own disk takes nothing, and leaves the result where it is', async () => {
    makeFolders(folder);
    writeFileSync(join(folder, one.id), 'in the way');
    play((id) => store.add(resultOf(id), right));
    await expect(wait([one])).rejects.toThrow(/^cannot write .*recipe\.json: ENOTDIR/);
    expect([ends, notes]).toEqual([[], []]);
    expect(Uint8Array.from((await store.read(resultOf(one.id)))!)).toEqual(Uint8Array.from(right));
  }, 60_000);

  it('puts all again in a Redis that came back empty, and tells what was taken out from what was lost', async () => {
    await act('drain');
    const waiting = wait();
    await arrive(2);
    await redis.client.flushall();
    await arrive(2);
    expect(await store.read(dataName)).not.toBeNull();
    const held: string[] = [];
    play((id) => {
      held.push(id);
      return new Promise(() => {});
    }, 1);
    await until(() => held.length > 0, 'a run');
    await workers[0]!.pause(true);
    expect(await act('drain')).toBe(1);
    await until(() => ends.length === 1, 'the news');
    expect(ends[0]![1]).toBe('taken out of the queue');
    const queue = openQueue(kind, redis.client, packages);
    const keys = held.map((id) => queue.toKey(jobName(id)));
    await redis.client.del(keys);
    await until(async () => (await redis.client.exists(keys)) === keys.length, 'what was lost');
    expect(ends).toHaveLength(1);
    controller.abort();
    await waiting;
    await queue.close();
  }, 120_000);

  it('goes on with a failed run that is tried again, with all its tries, while others are left', async () => {
    let tries = 0;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    play(async (id) => {
      if (id === other.id) await released;
      else if (++tries < 6) throw new Error(`no luck ${tries}`);
      return store.add(resultOf(id), right);
    });
    const waiting = wait();
    await until(() => ends.length === 1, 'a failure');
    expect(ends).toEqual([[1, 'no luck 3']]);
    const counts = await Promise.all([act('retry'), act('retry')]);
    expect(counts[0]! + counts[1]!).toBe(1);
    await until(() => ends.length === 2, 'its result');
    release();
    await waiting;
    expect(ends).toEqual([
      [1, 'no luck 3'],
      [1, null],
      [2, null],
    ]);
    expect(notes).toContain('float32 seed 1: tried again');
  }, 60_000);

  it('begins nothing where all was held back before it came', async () => {
    await act('pause');
    expect(await list()).toMatchObject({ paused: true, waiting: [] });
    const begun: string[] = [];
    play(async (id) => {
      begun.push(id);
      await store.add(resultOf(id), right);
    });
    const waiting = wait();
    await arrive(2);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(begun).toEqual([]);
    await act('resume');
    await waiting;
    expect(await list()).toMatchObject({ paused: false, done: 2 });
  }, 60_000);
});
