/** What a worker does where its process, its store or Redis do not do what they should, mostly with stand-ins. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAddress } from '../../src/cli/queue/address.ts';
import { hashBytes } from '../../src/cli/queue/bundles.ts';
import { connect, queuePackages } from '../../src/cli/queue/connection.ts';
import { ownVersion, type RunJob } from '../../src/cli/queue/job.ts';
import { JobTrainer } from '../../src/cli/queue/job-trainer.ts';
import { type Store, StoreError, type StoreName } from '../../src/cli/queue/store.ts';
import { trainerProcess } from '../../src/cli/queue/trainer-process.ts';
import { refusedCommands, startWorker } from '../../src/cli/queue/worker.ts';
import { ownNumerics } from '../../src/cli/sweep/basis.ts';
import { runId } from '../../src/cli/sweep/definition.ts';
import { recipeFrom } from '../../src/train/index.ts';
import { hasRedis, type TestRedis, testRedis, until } from './queue-world.ts';

afterEach(() => vi.useRealTimers());

const bytes = Buffer.from('some');
const settings = {
  ...{ recipe: recipeFrom({ recipe: 'bitnet' }), learningRate: 0.001, seed: 3, model: 'mlp' },
  ...{ steps: 20, evaluateEvery: undefined, probeEvery: 0 },
};
const basis = { numerics: ownNumerics(), data: '0123456789abcdef' };
const job: RunJob = JSON.parse(
  JSON.stringify({
    ...{ halfulp: ownVersion(), basis, data: hashBytes(bytes), sweep: 'bits', arm: 'bitnet' },
    ...{ run: settings, checkpointEvery: 100, id: runId(settings, basis) },
  }),
);

class WaitingError extends Error {}
class UnrecoverableError extends Error {}

/** A store in memory, whose reads a test may hold up or answer. */
function memoryStore(answer: (name: StoreName) => Promise<Uint8Array | null> | null = () => null): Store {
  const held = new Map<string, Uint8Array>([[`data ${job.data}`, bytes]]);
  const nameOf = ({ kind, hash }: StoreName): string => `${kind} ${hash}`;
  const set = (name: StoreName, given: Uint8Array): void => void held.set(nameOf(name), given);
  return {
    id: 'memory',
    async add(name, given) {
      set(name, given);
      return true;
    },
    save: async (name, _, given) => set(name, given),
    read: (name) => answer(name) ?? Promise.resolve(held.get(nameOf(name)) ?? null),
    remove: async (name) => void held.delete(nameOf(name)),
  };
}

interface Message {
  readonly kind: string;
  readonly data?: unknown;
  readonly state?: unknown;
  readonly teacherState?: unknown;
}

/** A process that does what a test has it do; a killed one ends a moment later. */
function standIn(onMessage: (message: Message, child: EventEmitter) => void) {
  const child = Object.assign(new EventEmitter(), {
    stderr: null,
    send: (message: Message): void => onMessage(message, child),
    kill: (): void => void setTimeout(() => child.emit('close', null, 'SIGKILL'), 50),
  });
  return child;
}

const done = { kind: 'done', files: bytes, outcome: { steps: 20, validationLoss: '1', diverged: null } };

/** A worker's trainer with what it says, and the processes it has started. */
function trainerOf(
  store: Store,
  onMessage: Parameters<typeof standIn>[0] = (_, child) => void child.emit('message', done),
) {
  const said = {
    ends: [] as unknown[],
    notes: [] as string[],
    broken: [] as Error[],
    launched: [] as EventEmitter[],
  };
  const trainer = new JobTrainer(
    {
      ...{ name: 'w', store, concurrency: 2, onNote: (note: string) => said.notes.push(note) },
      packages: { bullmq: { WaitingError, UnrecoverableError } } as never,
      launch() {
        said.launched.push(standIn(onMessage));
        return said.launched.at(-1) as never;
      },
      onEnd: (_, outcome) => said.ends.push(outcome),
    },
    (error) => said.broken.push(error),
  );
  return { trainer, said };
}

/** The job as the queue gives it. */
function queuedJob() {
  const moveToWait = vi.fn(async (_token: string): Promise<void> => {});
  const updateProgress = vi.fn((): Promise<void> => new Promise(() => {}));
  return { id: 'run-1', data: job, moveToWait, updateProgress };
}

describe('a run whose worker still reads what it needs', () => {
  /** A trainer in the midst of its reads, and what ends them. */
  async function reading() {
    let read: (() => void) | undefined;
    const store = memoryStore(({ kind }) =>
      kind === 'data'
        ? new Promise((resolve) => {
            read = () => resolve(bytes);
          })
        : null,
    );
    const { trainer, said } = trainerOf(store);
    const queued = queuedJob();
    const ended = expect(trainer.train(queued as never, 'token'));
    await until(() => read !== undefined, 'the read');
    return { trainer, said, queued, ended, read: read! };
  }

  it('goes back to the queue when the worker is told to stop', async () => {
    const { trainer, said, queued, ended, read } = await reading();
    trainer.close();
    trainer.stop();
    read();
    await ended.rejects.toThrow(WaitingError);
    expect(queued.moveToWait).toHaveBeenCalledExactlyOnceWith('token');
    expect(said).toMatchObject({ launched: [], ends: [], broken: [] });
  });

  it('is let go when its lock is lost', async () => {
    const { trainer, said, ended, read } = await reading();
    trainer.lose(['run-1']);
    trainer.lose(['run-1']);
    read();
    await ended.rejects.toThrow('another worker has it');
    expect(said).toMatchObject({ launched: [], ends: [], broken: [] });
    expect(said.notes).toHaveLength(1);
  });
});

describe('what is not in the store', () => {
  it.each([
    ['missing', null, 'the store has no data'],
    ['damaged', Buffer.from('other'), 'are damaged'],
  ])('fails the run and not the worker where data are %s', async (_, given, words) => {
    const { trainer, said } = trainerOf(
      memoryStore(({ kind }) => (kind === 'data' ? Promise.resolve(given) : null)),
    );
    const queued = queuedJob();
    const error = await trainer.train(queued as never, 'token').catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining(words) });
    expect(error).not.toBeInstanceOf(UnrecoverableError);
    expect(said.broken).toEqual([]);
    expect(said.ends).toEqual([{ failed: expect.stringContaining(words) }]);
  });

  it('ends the worker where the store is not there', async () => {
    const { trainer, said } = trainerOf(memoryStore(() => Promise.reject(new StoreError('no store'))));
    await expect(trainer.train(queuedJob() as never, 'token')).rejects.toThrow(WaitingError);
    expect(said.broken.map(({ message }) => message)).toEqual(['no store']);
  });
});

describe('a run that is somebody else’s by now', () => {
  it('is let go when it cannot be given back', async () => {
    const { trainer, said } = trainerOf(memoryStore(), (_, child) => {
      child.emit('message', { kind: 'stopped' });
    });
    const queued = queuedJob();
    queued.moveToWait.mockRejectedValueOnce(Object.assign(new Error('Missing lock for job'), { code: -2 }));
    await expect(trainer.train(queued as never, 'token')).rejects.toThrow(WaitingError);
    queued.moveToWait.mockRejectedValueOnce(new Error('no Redis'));
    await expect(trainer.train(queued as never, 'token')).rejects.toThrow('no Redis');
    expect(said.ends).toEqual([{ failed: 'no Redis' }]);
  });

  it('goes back when its own worker takes it again, once the first process has ended', async () => {
    let isHeld = true;
    const { trainer, said } = trainerOf(memoryStore(), ({ kind }, child) => {
      if (kind === 'run' && !isHeld) child.emit('message', done);
    });
    const [first, second] = [queuedJob(), queuedJob()];
    let hasEnded = false;
    const ended = trainer.train(first as never, 'a').catch((error: Error) => {
      hasEnded = true;
      return error;
    });
    await until(() => said.launched.length === 1, 'the process');
    second.moveToWait.mockImplementation(async () => expect(hasEnded).toBe(true));
    await expect(trainer.train(second as never, 'b')).rejects.toThrow(WaitingError);
    expect(second.moveToWait).toHaveBeenCalledExactlyOnceWith('b');
    expect((await ended) as Error).toMatchObject({ message: expect.stringContaining('SIGKILL') });
    expect(trainer.runs).toEqual([]);
    isHeld = false;
    expect(await trainer.train(queuedJob() as never, 'c')).toEqual(done.outcome);
    expect(said.launched).toHaveLength(2);
    expect(said.ends).toEqual([done.outcome]);
  });
});

it('keeps the checkpoints of a teacher that a run trains first, until the run has its result', async () => {
  const run = { ...settings, recipe: recipeFrom({ recipe: 'distillation' }) };
  const taught = JSON.parse(JSON.stringify({ ...job, run, id: runId(run, basis) }));
  const store = memoryStore();
  const states: unknown[] = [];
  const { trainer } = trainerOf(store, ({ kind, state, teacherState }, child) => {
    if (kind === 'stored') child.emit('message', states.length < 2 ? { kind: 'stopped' } : done);
    if (kind !== 'run') return;
    states.push([state, teacherState]);
    const ofTeacher = states.length < 2 && { ofTeacher: true };
    child.emit('message', { kind: 'checkpoint', step: 20, bytes, ...ofTeacher });
  });
  const queued = { ...queuedJob(), data: taught };
  await expect(trainer.train(queued as never, 'token')).rejects.toThrow(WaitingError);
  expect(await trainer.train(queued as never, 'token')).toEqual(done.outcome);
  expect(states).toEqual([
    [null, null],
    [null, bytes],
  ]);
  for (const hash of [taught.id, `${taught.id}00`])
    expect(await store.read({ kind: 'checkpoints', hash })).toBeNull();
});

it('tells of one step at a time', async () => {
  const { trainer } = trainerOf(memoryStore(), (_, child) => {
    for (const step of [1, 2, 3]) child.emit('message', { kind: 'step', step, loss: 1, seconds: 1 });
    child.emit('message', done);
  });
  const queued = queuedJob();
  await trainer.train(queued as never, 'token');
  expect(queued.updateProgress).toHaveBeenCalledTimes(1);
});

describe('a process of a worker', () => {
  const call = {
    ...{ job, data: bytes, state: null, onNote() {}, onStep() {} },
    onCheckpoint: async (): Promise<void> => {},
  };

  it('is not the next run’s when it was killed', async () => {
    const launched: EventEmitter[] = [];
    const trainer = trainerProcess(() => {
      const child = standIn(() => {
        if (launched.length === 2) child.emit('message', done);
      });
      launched.push(child);
      return child as never;
    });
    const first = trainer.run(call);
    trainer.kill();
    expect(await trainer.run(call)).toEqual(done);
    expect(await first).toMatchObject({ kind: 'failed' });
    expect(launched).toHaveLength(2);
  });

  it('gets the data again after a run that failed, which may not have read them', async () => {
    const data: unknown[] = [];
    const ends = [{ kind: 'failed', reason: 'damaged', isFinal: true }, done, done];
    const trainer = trainerProcess(
      () =>
        standIn((message, child) => {
          data.push(message.data);
          child.emit('message', ends[data.length - 1]);
        }) as never,
    );
    for (const end of ends) expect(await trainer.run(call)).toEqual(end);
    expect(data).toEqual([bytes, bytes, undefined]);
  });
});

describe('a worker on a Redis', () => {
  const refusal = Object.assign(new Error('MISCONF no room'), { name: 'ReplyError' });

  it('says once what it refuses, and nothing of lost connections and locks', () => {
    const notes: string[] = [];
    const hear = refusedCommands({ onNote: (note) => notes.push(note) });
    hear(refusal);
    hear(refusal);
    hear(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    hear(Object.assign(new Error('Missing lock for job run-1. extendLock'), { code: -2 }));
    expect(notes).toEqual(['Redis refuses: MISCONF no room']);
  });

  it.each([
    [1000, 1000],
    [86_400_000, 30_000],
  ])('with a lock of %i ms looks for what others have left every %i', (lock, stalledInterval) => {
    vi.useFakeTimers();
    const given: object[] = [];
    class Worker extends EventEmitter {
      constructor(_name: string, _process: unknown, options: object) {
        super();
        given.push(options);
      }
    }
    const exec = vi.fn(() => new Promise(() => {}));
    const multi: object = { set: () => multi, sadd: () => multi, exec };
    startWorker({
      ...{ name: 'w', kind: { halfulp: '1', numerics: 'n', store: 'redis' }, store: memoryStore() },
      ...{ concurrency: 1, lock, onNote() {}, onEnd() {} },
      ...{ redis: { multi: () => multi } as never, packages: { bullmq: { Worker } } as never },
    });
    expect(given).toMatchObject([{ lockDuration: lock, stalledInterval }]);
    // What Redis has not answered is not said again.
    vi.advanceTimersByTime(60_000);
    expect(exec).toHaveBeenCalledTimes(1);
  });
});

describe.skipIf(!hasRedis)('a Redis', () => {
  const folder = mkdtempSync(join(tmpdir(), 'halfulp-workers-'));
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await testRedis(folder);
  });
  afterAll(async () => {
    await redis?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is heard of where it has no room', async () => {
    const { client } = redis;
    const packages = await queuePackages();
    const own = await connect(readAddress(redis.address, {}), packages);
    const notes: string[] = [];
    await client.config('SET', 'maxmemory', '1');
    const worker = startWorker({
      ...{ name: 'w', kind: { halfulp: '1', numerics: 'n', store: 'redis' }, store: memoryStore() },
      ...{ concurrency: 1, lock: 1000, redis: own, packages, onEnd() {} },
      onNote: (note) => notes.push(note),
    });
    await until(() => notes.length > 0, 'a note');
    await client.config('SET', 'maxmemory', '0');
    await worker.close();
    own.disconnect();
    expect(notes[0]).toMatch(/^Redis refuses: .*OOM command not allowed/);
    expect(new Set(notes).size).toBe(notes.length);
  });
});
