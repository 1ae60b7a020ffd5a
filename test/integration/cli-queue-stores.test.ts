/** Stores, and what else lies in Redis, where the file system, a connection or another version do what they do not always do. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAddress } from '../../src/cli/queue/address.ts';
import { connect, queuePackages } from '../../src/cli/queue/connection.ts';
import { folderStore } from '../../src/cli/queue/folder-store.ts';
import { announceKind, knownKinds } from '../../src/cli/queue/kinds.ts';
import { leaveNote, presentWorkers } from '../../src/cli/queue/presence.ts';
import { redisStore } from '../../src/cli/queue/redis-store.ts';
import { type Store, StoreError } from '../../src/cli/queue/store.ts';
import { hasRedis, type TestRedis, testRedis } from './queue-world.ts';

/** What the file system does instead, where a test says so. */
const instead = vi.hoisted(() => ({
  link: null as (() => never) | null,
  write: null as (() => never) | null,
  list: null as ((folder: string) => string[] | null) | null,
}));

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    linkSync: (from: string, to: string) => (instead.link ?? (() => fs.linkSync(from, to)))(),
    readdirSync: (folder: string, options?: never) =>
      instead.list?.(folder) ?? fs.readdirSync(folder, options),
  };
});
vi.mock('../../src/files/write.ts', async (original) => {
  const files = await original<typeof import('../../src/files/write.ts')>();
  return {
    ...files,
    writeWholeFile(path: string, bytes: Uint8Array): void {
      const write = instead.write;
      instead.write = null;
      write?.();
      files.writeWholeFile(path, bytes);
    },
  };
});

const folder = mkdtempSync(join(tmpdir(), 'halfulp-stores-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  Object.assign(instead, { link: null, write: null, list: null });
});

const bytes = Buffer.from('some');

describe('a store in a folder', () => {
  const checkpoint = { kind: 'checkpoints', hash: 'abc' } as const;
  const result = { kind: 'results', hash: 'abc' } as const;
  const failing =
    (code: string, isCause = false) =>
    (): never => {
      const error = Object.assign(new Error(`${code}: not so, call '/x'`), { code });
      throw isCause ? new Error('cannot write', { cause: error }) : error;
    };

  it('writes again what another worker took away half written', async () => {
    const store = folderStore(join(folder, 'again'));
    for (const save of [() => store.save(checkpoint, 3, bytes), () => store.add(result, bytes)]) {
      instead.write = failing('ENOENT', true);
      await save();
      instead.write = failing('ENOSPC', true);
      await expect(store.save(checkpoint, 9, bytes)).rejects.toThrow(StoreError);
    }
    expect(Buffer.from((await store.read(checkpoint))!)).toEqual(bytes);
    expect(Buffer.from((await store.read(result))!)).toEqual(bytes);
  });

  it('finds what has a name without a list, and waits for a list that is late', async () => {
    const store = folderStore(join(folder, 'late'));
    await store.add(result, bytes);
    await store.save(checkpoint, 20, bytes);
    const since = performance.now();
    instead.list = (of) => {
      if (of.endsWith('results')) return [];
      return performance.now() - since < 300 ? ['abc-0000000010'] : null;
    };
    expect(Buffer.from((await store.read(result))!)).toEqual(bytes);
    expect(await store.read({ ...result, hash: 'def' })).toBeNull();
    expect(Buffer.from((await store.read(checkpoint))!)).toEqual(bytes);
  });

  it('says that hard links are needed', async () => {
    instead.link = failing('EPERM');
    expect(() => folderStore(join(folder, 'none'))).toThrow(
      /^--store: got .*a file system with hard links is needed \(EPERM: not so\)/,
    );
    instead.link = null;
    const store = folderStore(join(folder, 'none'));
    instead.link = failing('ENOTSUP');
    await expect(store.add(result, bytes)).rejects.toThrow(/^the store .*hard links is needed \(ENOTSUP/);
    await expect(store.add(result, bytes)).rejects.toThrow(StoreError);
  });
});

describe.skipIf(!hasRedis)('a Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await testRedis(folder);
  });
  afterEach(() => redis.client.flushall());
  afterAll(() => redis?.end());

  const name = { kind: 'checkpoints', hash: 'ab'.repeat(8) } as const;
  const keys = (): Promise<string[]> => redis.client.keys('halfulp:store:*');
  const readBack = async (): Promise<Uint8Array> =>
    Uint8Array.from((await redisStore(redis.client).read(name))!);
  /** A store the answer to whose first script is lost: meanwhile something is done, then the script is sent again. */
  const storeResending = (meanwhile: () => Promise<unknown>): Store => {
    let isFirst = true;
    const resend = async (send: () => Promise<unknown>): Promise<unknown> => {
      if (!isFirst) return send();
      isFirst = false;
      await send();
      await meanwhile();
      return send();
    };
    return redisStore(
      new Proxy(redis.client, {
        get(of, key) {
          const value = Reflect.get(of, key);
          if (key === 'eval') return (...words: unknown[]) => resend(() => value.apply(of, words));
          return typeof value === 'function' ? value.bind(of) : value;
        },
      }),
    );
  };

  it('takes a checkpoint that is sent again after another has finished the run', async () => {
    const store = storeResending(() => redisStore(redis.client).remove(name));
    await store.save(name, 3, new Uint8Array(2 ** 20 + 5));
    expect(await readBack()).toHaveLength(2 ** 20 + 5);
    expect(await keys()).toHaveLength(3);
    await store.remove(name);
    expect(await keys()).toEqual([]);
  });

  it('leaves a later checkpoint where it is, whoever sends one again', async () => {
    const store = storeResending(() => redisStore(redis.client).save(name, 4, Uint8Array.of(4)));
    await store.save(name, 3, new Uint8Array(2 ** 20 + 5));
    expect(await readBack()).toEqual(Uint8Array.of(4));
    expect(await keys()).toHaveLength(2);
  });

  it('takes a result again whose chunks it has lost', async () => {
    const store = storeResending(() => redis.client.flushall());
    expect(await store.add({ ...name, kind: 'results' }, Uint8Array.of(1, 2))).toBe(true);
    expect(await keys()).toHaveLength(2);
  });

  it('is refused by the name of a database that it does not have', async () => {
    const packages = await queuePackages();
    const to = (database: number) => connect(readAddress(`${redis.address}/${database}`, {}), packages);
    await expect(to(99)).rejects.toThrow(
      /^--queue: got 'redis:\/\/127\.0\.0\.1:\d+\/99'; accepted: a database that is there \(ERR /,
    );
    const right = await to(3);
    expect(await right.client('LIST')).toMatch(/ db=3 /);
    right.disconnect();
  });

  it('may hold what other versions have left', async () => {
    const { client } = redis;
    const kind = { halfulp: '1', numerics: 'n', store: 'redis' };
    await announceKind(client, kind);
    await client.hset('halfulp:kinds', { later: '{"kind":2}', damaged: '{' });
    expect(await knownKinds(client)).toEqual([kind]);
    const note = { name: 'w', numerics: 'n', store: 'redis', concurrency: 1, runs: ['run-1'], done: 2 };
    await leaveNote(client, 'own', note);
    await client.set('halfulp:worker:later', JSON.stringify({ ...note, more: 1 }));
    await client.sadd('halfulp:workers', 'later');
    expect(await presentWorkers(client)).toEqual([note]);
  });
});
