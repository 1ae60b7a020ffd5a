/** Queues without a server: addresses, jobs, what stores keep, what lists show. */
import { EventEmitter } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { readAddress } from '../../src/cli/queue/address.ts';
import {
  decodeFiles,
  decodeState,
  encodeFiles,
  encodeState,
  hashBytes,
} from '../../src/cli/queue/bundles.ts';
import { folderStore } from '../../src/cli/queue/folder-store.ts';
import { checkVersions, type RunJob, readJob } from '../../src/cli/queue/job.ts';
import { JobTrainer } from '../../src/cli/queue/job-trainer.ts';
import type { Overview } from '../../src/cli/queue/overview.ts';
import { queuePage } from '../../src/cli/queue/queue-page.ts';
import { StoreError } from '../../src/cli/queue/store.ts';
import { ownNumerics } from '../../src/cli/sweep/basis.ts';
import { runId } from '../../src/cli/sweep/definition.ts';
import { ArgumentError, DamagedFileError } from '../../src/errors.ts';
import { decodeData, encodeData } from '../../src/train/data-file.ts';
import { labelledData, recipeFrom, textData } from '../../src/train/index.ts';
import { hostileBytes, hostileJson } from '../hostile.ts';
import { testWorld, withFolder } from './cli-world.ts';

describe('an address', () => {
  it.each([
    ['redis://host', { host: 'host', port: 6379, database: 0, tls: false, shown: 'redis://host:6379' }],
    ['rediss://h.example:7000/3', { host: 'h.example', port: 7000, database: 3, tls: true }],
    ['redis://:p%40s%2Fs@[::1]:1/', { host: '::1', port: 1, user: undefined, password: 'p@s/s' }],
    ['redis://me:pass@10.0.0.5/12', { user: 'me', password: 'pass', shown: 'redis://10.0.0.5:6379/12' }],
  ])('%s', (text, wanted) => {
    expect(readAddress(text, {})).toMatchObject(wanted);
  });

  it('takes the password of the environment where it has none', () => {
    const environment = { HALFULP_QUEUE_PASSWORD: 'other' };
    expect(readAddress('redis://me@host', environment)).toMatchObject({ user: 'me', password: 'other' });
    expect(readAddress('redis://:own@host', environment)).toMatchObject({ password: 'own' });
  });

  it.each([
    ...['', 'host', 'http://:secret@host', 'redis://', 'redis://:secret@', 'redis://:secret@host:99999'],
    ...[
      'redis://:secret@host/x',
      'redis://:secret@host/0/1',
      'redis://:secret@host?x=1',
      'redis://:%zz@secret@host',
    ],
    ...[
      'redis://:secret@host#x',
      'redis://:secret@host:0',
      'redis://:secret@ho st',
      '//:secret@host',
      ':secret@host',
    ],
    ...['redis://:secret', 'redis://me:secret', 'redis://host?password=secret', 'redis:secret'],
    ...['redis://host/?a=1#secret', 'redis://host/secret', 'redis://:a@b/secret@host', 'secret:x@host'],
    ...['redis://:a#secret@host', 'redis://:a/secret@host', 'redis://:a?secret@host', ' redis://:secret'],
    ...['redis://me:1/secret@host', 'redis://:%zz@host?secret', 'redis://:secret\n@host/x', 'secret'],
  ])('refuses %j without its password', (text) => {
    expect(() => readAddress(text, {})).toThrow(ArgumentError);
    expect(() => readAddress(text, {})).not.toThrow(/secret/);
  });

  it('that is refused is shown as far as it surely has no password', () => {
    for (const [text, shown] of [
      ['redis://me:pass@host:7000/x', 'redis://host:7000/...'],
      ['redis://host/999999', 'redis://host/...'],
      ['redis://me:1/2@host', 'redis://...'],
      ['redis://:pass', 'redis://...'],
      ['pass@host', '...'],
    ] as const)
      expect(() => readAddress(text, {})).toThrow(expect.objectContaining({ given: shown }));
  });

  it('keeps passwords out of messages, to whatever option they were given', async () => {
    for (const words of [
      ['sweep', 'redis://:secret@host'],
      ['--quue=redis://me:secret@host'],
      ['queue', 'a', '--queue', 'redis://a:secret@b@c'],
    ]) {
      const world = testWorld();
      expect(await run(words, world.io)).toBe(2);
      expect(world.stderr() + world.stdout()).not.toContain('secret');
    }
  });
});

const settings = {
  ...{ recipe: recipeFrom({ recipe: 'bitnet' }), learningRate: 0.001, seed: 3, model: 'mlp' },
  ...{ steps: 20, evaluateEvery: undefined, probeEvery: 0 },
};
const basis = { numerics: ownNumerics(), data: '0123456789abcdef' };
const job: RunJob = {
  ...{ halfulp: '0.1.0', basis, data: '0'.repeat(64), sweep: 'bits', arm: 'bitnet' },
  ...{ run: settings, checkpointEvery: 100, id: runId(settings, basis) },
};
const sent = JSON.parse(JSON.stringify(job));
const taughtBasis = { ...basis, teacher: 'fedcba9876543210' };
const taught = { ...sent, basis: taughtBasis, teacher: '1'.repeat(64), id: runId(settings, taughtBasis) };

describe('a job', () => {
  it('is read as it was sent', () => {
    expect(readJob(sent)).toEqual(job);
    expect(() => checkVersions(readJob(sent))).not.toThrow();
    expect(readJob(taught)).toEqual({ ...taught, run: job.run });
  });

  it.each([
    [{ ...sent, id: 'f'.repeat(16) }, 'job.id'],
    [{ ...sent, run: { ...sent.run, seed: 4 } }, 'job.id'],
    [{ ...sent, data: '../../etc/passwd' }, 'job.data'],
    [{ ...sent, data: 'z'.repeat(64) }, 'job.data'],
    [{ ...sent, more: 1 }, 'job.more'],
    [{ ...sent, teacher: '1'.repeat(64) }, 'job.teacher'],
    [{ ...taught, teacher: undefined }, 'job.teacher'],
    [{ ...taught, teacher: '../../etc/passwd' }, 'job.teacher'],
    [{ ...taught, teacher: 'z'.repeat(64) }, 'job.teacher'],
    [{ ...taught, basis: { ...taughtBasis, teacher: 'z'.repeat(16) } }, 'job.basis.teacher'],
    [{ ...taught, basis: { ...taughtBasis, teacher: 'a'.repeat(16) } }, 'job.id'],
    [{ ...sent, run: { ...sent.run, model: 'other' } }, 'job.run.model'],
    [{ ...sent, run: { ...sent.run, recipe: { recipe: 'none' } } }, 'job.run.recipe.recipe'],
    [{ ...sent, run: { ...sent.run, steps: 1e9 } }, 'job.run.steps'],
    [{ ...sent, sweep: '../x' }, 'job.sweep'],
    [null, 'job'],
    [[], 'job'],
  ])('is refused where it is wrong (%#)', (given, argument) => {
    expect(() => readJob(given)).toThrow(expect.objectContaining({ argument }));
  });

  it('of another version is refused', () => {
    expect(() => checkVersions({ ...job, halfulp: '0.0.9' })).toThrow(
      /^job.halfulp: got '0.0.9'; accepted: a run of this/,
    );
    const other = { ...basis, numerics: 'numerics 0-0000000000000000' };
    expect(() => checkVersions({ ...job, basis: other })).toThrow(/^job.basis.numerics: got 'numerics 0-0/);
  });

  it('is read right or refused, whatever it is', () => {
    fc.assert(
      fc.property(hostileJson(sent), (text) => {
        let given: unknown;
        try {
          given = JSON.parse(text);
        } catch {
          return;
        }
        try {
          expect(runId(readJob(given).run, readJob(given).basis)).toBe((given as RunJob).id);
        } catch (error) {
          expect(error).toBeInstanceOf(ArgumentError);
        }
      }),
      { seed: 18, numRuns: Number(process.env['HALFULP_HOSTILE'] ?? 1000) },
    );
  }, 36_000_000);
});

describe('data as bytes', () => {
  const samples = labelledData([0, -0, 1e-40, 3, 4, 5, 6, 7], ['b', 'a', 'b', 'a'], { name: 'four' });
  const text = textData('to be or not to be \ud800\u0000é', { name: 'a "name"' });

  it.each([
    ['samples', samples],
    ['a text', text],
  ])('%s come back as they were, and are the same bytes again', (_, data) => {
    const bytes = encodeData(data);
    expect(decodeData(bytes)).toEqual(data);
    expect(hashBytes(encodeData(decodeData(bytes)))).toBe(hashBytes(bytes));
  });

  it('are read right or refused, whatever they are', () => {
    fc.assert(
      fc.property(hostileBytes(encodeData(samples), encodeData(text)), (bytes) => {
        try {
          encodeData(decodeData(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(DamagedFileError);
        }
      }),
      { seed: 18, numRuns: Number(process.env['HALFULP_HOSTILE'] ?? 1000) },
    );
  }, 36_000_000);
});

it('what a run leaves is read right or refused, whatever it is', () => {
  const files = { config: '{}', metrics: '{"type":"step"}\n', result: '{}' };
  expect(decodeFiles(encodeFiles(files), 'x')).toEqual(files);
  const state = encodeState({ records: 'a\nb\n', checkpoint: Uint8Array.of(1, 2, 3) });
  fc.assert(
    fc.property(hostileBytes(encodeFiles(files), state), (bytes) => {
      for (const decode of [decodeFiles, decodeState])
        try {
          decode(bytes, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(DamagedFileError);
        }
    }),
    { seed: 18, numRuns: Number(process.env['HALFULP_HOSTILE'] ?? 300) },
  );
}, 36_000_000);

describe('a store in a folder', () => {
  const name = { kind: 'checkpoints', hash: 'abc' } as const;
  const result = { kind: 'results', hash: 'abc' } as const;
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

  it('keeps what came first, and the last step', async () => {
    await withFolder(async (folder) => {
      const [store, other] = [folderStore(join(folder, 's')), folderStore(join(folder, 's'))];
      expect(other.id).toBe(store.id);
      expect(await store.read(result)).toBeNull();
      expect(await store.add(result, bytes('first'))).toBe(true);
      expect(await other.add(result, bytes('second'))).toBe(false);
      expect(Buffer.from((await other.read(result))!).toString()).toBe('first');
      await store.save(name, 20, bytes('twenty'));
      await other.save(name, 3, bytes('three'));
      await other.save(name, 20, bytes('again'));
      expect(Buffer.from((await other.read(name))!).toString()).toBe('twenty');
      await other.save(name, 100, bytes('hundred'));
      await store.save({ ...name, hash: 'abcd' }, 5, bytes('other'));
      expect(Buffer.from((await store.read(name))!).toString()).toBe('hundred');
      writeFileSync(join(folder, 's', 'checkpoints', 'abc-0000000200.tmp-77'), 'half a fi');
      expect(Buffer.from((await store.read(name))!).toString()).toBe('hundred');
      await store.remove({ ...name, hash: 'abcd' });
      await store.remove(name);
      expect(readdirSync(join(folder, 's', 'checkpoints'))).toEqual([]);
    });
  });

  it('is told from others, and refuses folders that are none', async () => {
    await withFolder((folder) => {
      expect(folderStore(join(folder, 'a')).id).not.toBe(folderStore(join(folder, 'b')).id);
      writeFileSync(join(folder, 'a', 'store.json'), '{"id":5}');
      expect(() => folderStore(join(folder, 'a'))).toThrow(
        /^--store: got .*; accepted: a store, or an empty folder/,
      );
      writeFileSync(join(folder, 'file'), '');
      expect(() => folderStore(join(folder, 'file'))).toThrow(/^--store: /);
    });
  });

  it('says where it cannot take or give what it should', async () => {
    await withFolder(async (folder) => {
      const store = folderStore(folder);
      mkdirSync(join(folder, 'results', 'abc'));
      await expect(store.read(result)).rejects.toThrow(StoreError);
    });
  });
});

it('leaves no checkpoint of a run that another worker has finished', async () => {
  await withFolder(async (folder) => {
    const [store, bytes] = [folderStore(join(folder, 's')), Buffer.from('some')];
    const own = { ...sent, data: hashBytes(bytes) };
    const checkpoint = { kind: 'checkpoints', hash: own.id } as const;
    await store.add({ kind: 'data', hash: own.data }, bytes);
    let left: Uint8Array | null | undefined;
    const child = Object.assign(new EventEmitter(), {
      stderr: null,
      send({ kind }: { kind: string }): void {
        if (kind === 'run') void finishElsewhere();
        if (kind === 'stored') void finish();
      },
    });
    const finishElsewhere = async (): Promise<void> => {
      await store.add({ kind: 'results', hash: own.id }, bytes);
      await store.remove(checkpoint);
      child.emit('message', { kind: 'checkpoint', step: 3, bytes });
    };
    const finish = async (): Promise<void> => {
      left = await store.read(checkpoint);
      child.emit('message', { kind: 'done', files: bytes, outcome: null });
    };
    const [packages, nobody] = [{ bullmq: { WaitingError: Error, UnrecoverableError: Error } }, () => {}];
    const trainer = new JobTrainer(
      {
        ...{ name: 'w', packages: packages as never, store, concurrency: 1, launch: () => child as never },
        ...{ onNote: nobody, onEnd: nobody },
      },
      nobody,
    );
    await trainer.train({ id: 'run', data: own } as never, 'token');
    expect(left).toBeNull();
    expect(readdirSync(join(folder, 's', 'checkpoints'))).toEqual([]);
  });
});

describe('the page of a queue', () => {
  const runs = Array.from({ length: 23 }, (_, i) => ({
    id: `run-${i}`,
    sweep: 'bits',
    arm: 'float32',
    seed: i,
  }));
  const kind = { halfulp: '0.1.0', numerics: 'numerics 1-a', store: 'redis' };
  const overview: Overview = {
    paused: true,
    waiting: runs.slice(2),
    active: [
      { ...runs[0]!, progress: null },
      { ...runs[1]!, progress: { step: 5, steps: 10, loss: '1.2500', secondsLeft: 75, worker: 'w1' } },
    ],
    failed: [{ ...runs[0]!, reason: 'no luck' }],
    done: 4,
    unserved: [kind],
    workers: [
      { name: 'w1', numerics: 'numerics 1-b', store: 'redis', concurrency: 2, runs: ['run-1'], done: 9 },
    ],
  };

  it('shows counts, workers, runs with step, loss and time left, failures with reasons, and what waits', () => {
    const page = queuePage(overview, { width: Number.POSITIVE_INFINITY, emphasise: (text) => text });
    expect(page).toContain('21 waiting (paused), 2 active, 1 failed, 4 done, 1 worker\n');
    expect(page).toContain('No worker for runs of numerics 1-a, data in Redis\n');
    expect(page).toMatch(/w1 +1\/2 +9 +numerics 1-b/);
    expect(page).toMatch(/run-1 +bits +float32 +1 +5\/10 +1\.2500 +1:15 +w1/);
    expect(page).toMatch(/run-0 +bits +float32 +0 +- +- +- +-/);
    expect(page).toMatch(/run-0 +bits +float32 +0 +no luck/);
    expect(page).toContain('run-21');
    expect(page).not.toContain('run-22');
    expect(page).toContain('and 1 more\n');
  });

  it('is short where there is nothing', () => {
    const nothing = {
      ...overview,
      paused: false,
      waiting: [],
      active: [],
      failed: [],
      unserved: [],
      workers: [],
      done: 0,
    };
    const page = queuePage(nothing, { width: 80, emphasise: (text) => text });
    expect(page).toBe('0 waiting, 0 active, 0 failed, 0 done, 0 workers\n');
  });
});

it('the manifests have the commands that there are', () => {
  for (const file of readdirSync('examples/clusters')) {
    const text = readFileSync(join('examples/clusters', file), 'utf8');
    for (const [, command] of text.matchAll(/(?:npx|exec|\[)\s?halfulp,? (\w+)/g))
      expect(['sweep', 'worker'], file).toContain(command);
  }
});
