/**
 * Sweeps by a queue: workers as processes on a Redis of the test's own. Results are those of a plain sweep to the bit, each
 * run has one, whatever is killed, stopped or restarted; what differs is refused; no secret is written anywhere.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as netConnect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { redisStore } from '../../src/cli/queue/redis-store.ts';
import type { Store } from '../../src/cli/queue/store.ts';
import { everyCase } from '../every-case.ts';
import {
  bitsOf,
  hasRedis,
  password,
  pause,
  processesOf,
  processMark,
  type Running,
  startHalfulp,
  type TestRedis,
  testRedis,
  tlsRedis,
  until,
  writeSweep,
} from './queue-world.ts';

const builder = fileURLToPath(new URL('../../scripts/start.js', import.meta.url));
let folder: string;
let redis: TestRedis;
const started: Running[] = [];
const mark = processMark();

function start(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
  const running = startHalfulp(argv, { ...mark, ...environment });
  started.push(running);
  return running;
}

const worker = (...more: string[]): Running =>
  start(['worker', '--queue', redis.address, '--lock', '2', ...more]);
const queue = (...more: string[]): Running => start(['queue', ...more, '--queue', redis.address]);

async function overview(): Promise<{
  waiting: unknown[];
  active: { progress: { step: number } | null }[];
  failed: { reason: string }[];
  done: number;
  workers: { name: string }[];
  paused: boolean;
}> {
  const listed = queue('--json');
  expect((await listed.ended).code, listed.stderr()).toBe(0);
  return JSON.parse(listed.stdout());
}

async function end(running: Running, code: number): Promise<void> {
  expect((await running.ended).code, running.stderr()).toBe(code);
}

/** Everything that the queue's Redis holds, as text. */
async function everything(): Promise<string> {
  const { client } = redis;
  const texts: string[] = [];
  for (const key of await client.keys('*')) {
    const type = await client.type(key);
    if (type === 'string') texts.push((await client.getBuffer(key))!.toString('latin1'));
    if (type === 'hash') texts.push(JSON.stringify(await client.hgetall(key)));
    if (type === 'stream') texts.push(JSON.stringify(await client.xrange(key, '-', '+')));
    texts.push(key);
  }
  return texts.join('\n');
}

describe.skipIf(!hasRedis)('a sweep by a queue', () => {
  beforeAll(async () => {
    const built = spawnSync(process.execPath, [builder, '--help']);
    expect(built.status).toBe(0);
    folder = mkdtempSync(join(tmpdir(), 'halfulp-queue-'));
    redis = await testRedis(folder);
    const file = writeSweep(folder, 8);
    await end(start(['sweep', file, '--out', join(folder, 'plain')]), 0);
  }, 300_000);
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.splice(0).map(({ ended }) => ended));
    await until(() => processesOf(mark).length === 0, 'the end of all processes');
    await redis.client.flushall();
  }, 60_000);
  afterAll(async () => {
    await redis?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const sweepFile = (): string => join(folder, 'sweep.json');
  const sweepBy = (out: string, ...more: string[]): Running =>
    start(['sweep', sweepFile(), '--queue', redis.address, '--out', join(folder, out), ...more]);
  const expectPlain = (out: string): void =>
    expect(bitsOf(join(folder, out))).toEqual(bitsOf(join(folder, 'plain')));

  it.each([
    ['in Redis', []],
    ['in a folder', ['--store', 'STORE']],
  ])(
    'gives the results of a plain one, with data and checkpoints %s',
    async (_, words) => {
      const store = join(folder, 'store');
      const more = words.map((word) => word.replace('STORE', store));
      const out = `out${words.length}`;
      const [sweep, one] = [sweepBy(out, ...more), worker('--idle', '3', '--concurrency', '2', ...more)];
      await end(sweep, 0);
      await end(one, 0);
      expect(sweep.stdout()).toContain('finished: all 8 runs');
      expectPlain(out);
      expect(await overview()).toMatchObject({ waiting: [], active: [], failed: [], done: 8, workers: [] });
      expect(await redis.client.keys('halfulp:store:checkpoints:*')).toEqual([]);
      if (words.length > 0) {
        expect(readdirSync(join(store, 'checkpoints'))).toEqual([]);
        expect(await redis.client.keys('halfulp:store:*')).toEqual([]);
      }
      // The same again trains nothing, and another folder gets what is there.
      const again = sweepBy(`${out}-again`, ...more);
      await end(again, 0);
      expectPlain(`${out}-again`);
    },
    120_000,
  );

  const folderStore = [['in a folder', ['--store', 'STORE']]] as const;
  it.each([['in Redis', []] as const, ...(everyCase ? folderStore : [])])(
    'gives runs the teacher that the sweep names, %s',
    async (_, words) => {
      const at = (name: string): string => join(folder, `${name}${words.length}`);
      const out = join(folder, 'plain', 'trained');
      const taughtBy = readdirSync(out).find((id) =>
        readFileSync(join(out, id, 'recipe.json'), 'utf8').includes('"float32"'),
      )!;
      mkdirSync(at('taught-sweep'));
      const file = writeSweep(at('taught-sweep'), 8, {
        ...{ name: 'taught', seeds: [1, 2], baseline: 'first', teacher: join(out, taughtBy) },
        arms: [
          { name: 'first', recipe: { recipe: 'distillation', initial: true } },
          { name: 'second', recipe: { recipe: 'distillation', alpha: 0.25, levels: 'learned' } },
          { name: 'untaught', recipe: { recipe: 'float32' } },
        ],
      });
      const more = words.map((word) => word.replace('STORE', at('taught-store')));
      await end(start(['sweep', file, '--out', at('taught-plain')]), 0);
      const one = worker('--idle', '3', '--concurrency', '2', ...more);
      const sweep = start(['sweep', file, '--queue', redis.address, '--out', at('taught'), ...more]);
      await end(sweep, 0);
      await end(one, 0);
      const bits = bitsOf(at('taught'));
      expect(bits).toEqual(bitsOf(at('taught-plain')));
      expect(bits.size).toBe(6);
      const teachersOf = (of: string): unknown[] =>
        [...bits.keys()].map(
          (id) => JSON.parse(readFileSync(join(of, 'trained', id, 'config.json'), 'utf8')).teacher,
        );
      expect(teachersOf(at('taught'))).toEqual(teachersOf(at('taught-plain')));
      expect(teachersOf(at('taught')).filter((teacher) => teacher === 'given')).toHaveLength(4);
      expect(one.stderr()).not.toContain('training a teacher first');
      // No path of a teacher is in a job.
      expect(await everything()).not.toContain(folder);
    },
    180_000,
  );

  it('is the same whoever is killed, stopped beyond the lock or restarted', async () => {
    const sweep = sweepBy('killed');
    let workers = [worker(), worker(), worker()];
    const active = async (): Promise<void> =>
      until(async () => (await redis.client.keys('halfulp:store:checkpoints:*')).length > 0, 'a checkpoint');
    await active();
    workers[0]!.child.kill('SIGKILL');
    workers[1]!.child.kill('SIGSTOP');
    workers.push(worker());
    await pause(500);
    await redis.stop('SIGKILL');
    await redis.start();
    await pause(500);
    await redis.stop('SIGTERM');
    workers[2]!.child.kill('SIGKILL');
    await redis.start();
    workers.push(worker());
    await pause(3500);
    workers[1]!.child.kill('SIGCONT');
    await end(sweep, 0);
    expectPlain('killed');
    workers = workers.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    for (const { child } of workers) child.kill('SIGTERM');
    for (const running of workers) await end(running, 143);
    expect(await overview()).toMatchObject({ waiting: [], active: [], failed: [], done: 8 });
    // Entries; chunks that the killed were writing go by themselves.
    expect(await redis.client.keys('halfulp:store:checkpoints:????????????????')).toEqual([]);
  }, 180_000);

  it('goes on elsewhere from a checkpoint, when a worker is told to stop', async () => {
    const file = join(folder, 'long.json');
    writeFileSync(
      file,
      JSON.stringify({
        ...JSON.parse(readFileSync(sweepFile(), 'utf8')),
        name: 'long',
        steps: 4000,
        seeds: [1],
      }),
    );
    const sweep = start([
      'sweep',
      file,
      '--arms',
      '^float32$',
      '--queue',
      redis.address,
      '--out',
      join(folder, 'long'),
    ]);
    const first = worker('--name', 'first');
    await until(async () => {
      const { active } = await overview();
      return (active[0]?.progress?.step ?? 0) > 100;
    }, 'step 100');
    const shown = queue();
    await end(shown, 0);
    expect(shown.stdout()).toMatch(/0 waiting, 1 active, 0 failed, 0 done, 1 worker/);
    expect(shown.stdout()).toMatch(/long +float32 +1 +\d+\/4000 +\d\.\d+ +\d+:\d\d +first/);
    first.child.kill('SIGINT');
    await end(first, 130);
    expect(await overview()).toMatchObject({
      waiting: [{ sweep: 'long', arm: 'float32', seed: 1 }],
      active: [],
    });
    sweep.child.kill('SIGINT');
    await end(sweep, 130);
    expect(sweep.stderr()).toContain('The runs stay in the queue');
    const drained = queue('drain');
    await end(drained, 0);
    expect(drained.stdout()).toBe('1 waiting runs taken out\n');
    expect((await redis.client.keys('halfulp:store:checkpoints:*')).length).toBeGreaterThan(0);
  }, 180_000);

  it('survives a worker that is cut off from Redis', async () => {
    const sockets = new Set<Socket>();
    let isCut = false;
    const proxy = createServer((socket) => {
      const out = netConnect(redis.port, '127.0.0.1');
      for (const one of [socket, out]) {
        sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => sockets.delete(one));
      }
      if (isCut) return void socket.destroy();
      socket.pipe(out).pipe(socket);
    }).listen(0, '127.0.0.1');
    await until(() => proxy.address() !== null, 'the proxy');
    const { port } = proxy.address() as { port: number };
    const sweep = sweepBy('cut');
    const cut = start([
      'worker',
      '--lock',
      '2',
      '--queue',
      redis.address.replace(`:${redis.port}`, `:${port}`),
    ]);
    await until(async () => (await overview()).active.length > 0, 'a run');
    isCut = true;
    for (const socket of sockets) socket.destroy();
    const other = worker();
    await pause(4000);
    isCut = false;
    await end(sweep, 0);
    expectPlain('cut');
    expect(cut.stderr()).toContain('Lost redis://127.0.0.1');
    await until(() => cut.stderr().includes(' is back'), 'the connection');
    for (const { child } of [cut, other]) child.kill('SIGTERM');
    await Promise.all([cut.ended, other.ended]);
    proxy.close();
  }, 120_000);

  describe('a checkpoint in Redis', () => {
    const name = { kind: 'checkpoints', hash: 'ab'.repeat(8) } as const;
    const keys = (): Promise<string[]> => redis.client.keys('halfulp:store:*');
    /** A store whose connection sends scripts in its own way. */
    const storeThat = (sends: (send: () => Promise<unknown>) => Promise<unknown>): Store =>
      redisStore(
        new Proxy(redis.client, {
          get(of, key) {
            const value = Reflect.get(of, key);
            if (key === 'eval') return (...words: unknown[]) => sends(() => value.apply(of, words));
            return typeof value === 'function' ? value.bind(of) : value;
          },
        }),
      );
    const readBack = async (): Promise<Uint8Array> =>
      Uint8Array.from((await redisStore(redis.client).read(name))!);

    afterEach(async () => {
      await redisStore(redis.client).remove(name);
      expect(await keys()).toEqual([]);
    });

    it('leaves nothing when another has taken its place, if the writer is killed after one script', async () => {
      await redisStore(redis.client).save(name, 1, new Uint8Array(2 ** 21));
      expect(await keys()).toHaveLength(3);
      let left = 1;
      const store = storeThat((send) => (left-- > 0 ? send() : Promise.reject(new Error('killed'))));
      await store.save(name, 2, Uint8Array.of(1, 2, 3));
      expect(await keys()).toHaveLength(2);
      expect(await readBack()).toEqual(Uint8Array.of(1, 2, 3));
    });

    it('stays when it is sent again, as what got no answer is', async () => {
      const twice = storeThat(async (send) => {
        await send();
        return send();
      });
      await twice.save(name, 3, Uint8Array.of(4, 5));
      expect(await readBack()).toEqual(Uint8Array.of(4, 5));
      await redisStore(redis.client).remove(name);
      expect(await twice.add(name, Uint8Array.of(6))).toBe(true);
      expect(await twice.add(name, Uint8Array.of(7))).toBe(false);
      expect(await readBack()).toEqual(Uint8Array.of(6));
      expect(await keys()).toHaveLength(2);
    });

    it('stays when its writer hears of a failure instead', async () => {
      const deaf = storeThat(async (send) => {
        await send();
        throw new Error('connection lost');
      });
      await expect(deaf.save(name, 4, Uint8Array.of(8))).rejects.toThrow('connection lost');
      expect(await readBack()).toEqual(Uint8Array.of(8));
    });

    it('that comes after its chunks are gone does not take the place of the one before', async () => {
      await redisStore(redis.client).save(name, 5, Uint8Array.of(9));
      const before = await keys();
      const late = storeThat(async (send) => {
        const chunks = (await keys()).filter((key) => !before.includes(key));
        if (chunks.length > 0) await redis.client.unlink(...chunks);
        return send();
      });
      await expect(late.save(name, 6, new Uint8Array(2 ** 20 + 1))).rejects.toThrow('its chunks are gone');
      expect(await readBack()).toEqual(Uint8Array.of(9));
    });
  });

  it('says of a failed run why, and tries it again when asked to', async () => {
    // Refused by the model once it is made: no worker can train it.
    const sweep = sweepBy('failed', '--arms', '^float32$', '--seeds', '1');
    await until(async () => (await overview()).waiting.length === 1, 'the run');
    const [key] = (await redis.client.keys('halfulp:runs-*:run-*')).filter((one) => !one.includes(':lock'));
    const data = JSON.parse((await redis.client.hget(key!, 'data'))!);
    const right = JSON.stringify(data);
    await redis.client.hset(key!, 'data', JSON.stringify({ ...data, run: { ...data.run, steps: 9 } }));
    const one = worker();
    await end(sweep, 1);
    expect(sweep.stderr()).toContain('float32 seed 1: job.id: got');
    const shown = queue();
    await end(shown, 0);
    expect(shown.stdout()).toMatch(
      /run-[\da-f]{16} +short +float32 +1 +job\.id: got '[\da-f]{16}'; accepted: the hash/,
    );
    await redis.client.hset(key!, 'data', right);
    await end(queue('retry'), 0);
    await until(async () => (await overview()).done === 1, 'the run');
    expect((await overview()).failed).toEqual([]);
    one.child.kill('SIGTERM');
    await end(one, 143);
  }, 120_000);

  it('begins no run while it is paused', async () => {
    await end(start(['sweep', sweepFile(), '--estimate']), 0);
    const sweep = sweepBy('paused');
    await until(async () => (await overview()).waiting.length === 8, 'the runs');
    await end(queue('pause'), 0);
    const one = worker();
    await until(async () => (await overview()).workers.length === 1, 'the worker');
    await pause(1000);
    expect(await overview()).toMatchObject({ paused: true, active: [], done: 0 });
    await end(queue('resume'), 0);
    await end(sweep, 0);
    expectPlain('paused');
    one.child.kill('SIGTERM');
    await end(one, 143);
  }, 120_000);

  it('refuses runs of other versions and other stores, and says so', async () => {
    const sweep = sweepBy('other', '--store', join(folder, 'store-a'));
    await until(async () => (await overview()).waiting.length === 8, 'the runs');
    const without = worker();
    const elsewhere = worker('--store', join(folder, 'store-b'));
    await until(() => without.stderr().includes('refuses'), 'a refusal');
    await until(() => elsewhere.stderr().includes('refuses'), 'a refusal');
    expect(without.stderr()).toContain(
      'refuses 8 runs that ask for data and checkpoints in a folder; this worker has no --store',
    );
    expect(elsewhere.stderr()).toMatch(/refuses 8 runs that ask for the store .*; this worker has the store/);
    expect((await overview()).waiting).toHaveLength(8);
    const [name] = await redis.client.hkeys('halfulp:kinds');
    const kind = JSON.parse((await redis.client.hget('halfulp:kinds', name!))!);
    const other = { ...kind, numerics: 'numerics 0-0000000000000000', halfulp: '0.0.1' };
    await redis.client.hset('halfulp:kinds', name!, JSON.stringify(other));
    const later = worker('--store', join(folder, 'store-a'));
    await end(sweep, 0);
    expect((await later.child.exitCode) ?? null).toBeNull();
    expectPlain('other');
  }, 120_000);

  it.runIf(process.getuid?.() === 0)(
    'gives a run back when there is no room for a checkpoint',
    async () => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]).status !== 0) return;
      try {
        const sweep = sweepBy('full', '--store', join(disk, 'store'));
        await until(async () => (await overview()).waiting.length === 8, 'the runs');
        writeFileSync(join(disk, 'ballast'), Buffer.alloc(1_400_000));
        const first = worker('--store', join(disk, 'store'));
        await end(first, 1);
        expect(first.stderr()).toMatch(/halfulp: the store .*ENOSPC: no space left on device/);
        expect(await overview()).toMatchObject({ active: [], failed: [], workers: [] });
        expect((await overview()).waiting).toHaveLength(8);
        spawnSync('mount', ['-o', 'remount,size=64m', disk]);
        const second = worker('--store', join(disk, 'store'));
        await end(sweep, 0);
        second.child.kill('SIGTERM');
        await end(second, 143);
        expectPlain('full');
      } finally {
        for (const { child } of started) child.kill('SIGKILL');
        await Promise.all(started.map(({ ended }) => ended));
        spawnSync('umount', ['-l', disk]);
      }
    },
    120_000,
  );

  it('says what to install where the packages are not there', async () => {
    const hook = `export const resolve = (name, context, next) => {
      if (name !== 'bullmq') return next(name, context);
      throw Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' });
    };`;
    const url = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;
    const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hook))});`;
    const without = { NODE_OPTIONS: `--import=${url(register)}` };
    for (const words of [['queue'], ['worker'], ['sweep', sweepFile(), '--out', join(folder, 'none')]]) {
      const running = start([...words, '--queue', redis.address], without);
      await end(running, 2);
      expect(running.stderr()).toContain(
        "halfulp: --queue: got 'an address'; accepted: no --queue without the packages bullmq and ioredis: npm install",
      );
    }
    await end(start(['sweep', sweepFile(), '--estimate'], without), 0);
  }, 60_000);

  it('speaks TLS, with a user, to a server whose certificate it can trust', async ({ skip }) => {
    const server = await tlsRedis(folder);
    if (server === null) return skip('no openssl');
    try {
      const trust = { NODE_EXTRA_CA_CERTS: server.authority };
      const to = (user: string, scheme = 'rediss'): string => `${scheme}://${user}@localhost:${server.port}`;
      const right = to(`me:${encodeURIComponent(password)}`);
      await end(start(['queue', '--queue', right], trust), 0);
      const distrustful = start(['queue', '--queue', right]);
      await end(distrustful, 2);
      expect(distrustful.stderr()).toMatch(/lets us in \(.*self-signed certificate\)/);
      const wrong = start(['queue', '--queue', to('me:wrong')], trust);
      await end(wrong, 2);
      expect(wrong.stderr()).toContain('WRONGPASS');
      await end(start(['queue', '--queue', to('me:wrong', 'redis')], trust), 2);
    } finally {
      await server.end();
    }
  }, 60_000);

  it('writes its password nowhere', async () => {
    const environment = { HALFULP_QUEUE_PASSWORD: password, HALFULP_DEBUG: '1' };
    const bare = `redis://127.0.0.1:${redis.port}`;
    const out = join(folder, 'secret');
    const sweep = start(['sweep', sweepFile(), '--queue', bare, '--out', out], environment);
    const one = start(['worker', '--queue', bare, '--json', '--idle', '2'], environment);
    const shown = start(['queue', '--queue', redis.address, '--json']);
    await Promise.all([end(sweep, 0), end(one, 0), end(shown, 0)]);
    const wrong = [
      start(['queue', '--queue', redis.address.replace('127.0.0.1', 'nobody.invalid')], environment),
      start(['queue', '--queue', `${redis.address}/x`], environment),
      start(['queue', '--queue', redis.address.replace('redis:', 'http:')], environment),
      start(['queue', redis.address], environment),
      start(['queue', `--quue=${redis.address}`], environment),
      start(['worker', '--queue', redis.address.replace(`:${redis.port}`, ':1')], environment),
    ];
    for (const running of wrong) await end(running, 2);
    const files = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'));
    const texts = [
      ...files,
      await everything(),
      ...[sweep, one, shown, ...wrong].flatMap((x) => [x.stdout(), x.stderr()]),
    ];
    for (const secret of [password, encodeURIComponent(password), Buffer.from(password).toString('latin1')])
      expect(texts.filter((text) => text.includes(secret))).toEqual([]);
  }, 120_000);
});
