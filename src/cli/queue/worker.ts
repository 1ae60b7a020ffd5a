/**
 * A worker: takes runs of its kind from the queue, trains them in processes of its own, leaves checkpoints and results in
 * the store. A run that it cannot finish goes back to the queue; one whose lock it has lost is another's. What a run is
 * fails the run; what the machine lacks ends the worker.
 */
import { randomUUID } from 'node:crypto';
import type { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { ArgumentError } from '../../errors.ts';
import { hashBytes } from './bundles.ts';
import { prefix, type QueuePackages } from './connection.ts';
import { checkVersions, type RunJob, readJob } from './job.ts';
import { differenceOf, knownKinds, openQueue, queueName, type RunKind } from './kinds.ts';
import { leaveNote, noteEvery, removeNote } from './presence.ts';
import { type Store, StoreError } from './store.ts';
import type { Outcome } from './trainer.ts';
import { type LaunchTrainer, type RunEnd, type Trainer, trainerProcess } from './trainer-process.ts';

export interface RunWorkerOptions {
  readonly name: string;
  readonly kind: RunKind;
  readonly redis: Redis;
  readonly packages: QueuePackages;
  readonly store: Store;
  readonly concurrency: number;
  /** Milliseconds after which others take its runs if it has not been heard of. */
  readonly lock: number;
  readonly launch?: LaunchTrainer;
  /** What people should know. */
  onNote(text: string): void;
  onEnd(job: RunJob, outcome: Outcome | { readonly failed: string }): void;
}

/** How often workers that died may take a run with them: machines that are given back at any time do that a lot. */
const mostStalled = 1000;

/** Milliseconds between two notes of where a run is. */
const progressEvery = 1000;

/** Where a run is, as the queue lists it. */
export interface RunProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: string;
  /** In words where none is known. */
  readonly secondsLeft: number;
  readonly worker: string;
}

export interface RunWorker {
  /** Runs that are being trained. */
  active(): number;
  /** Resolves with what makes it impossible to go on. */
  readonly broken: Promise<Error>;
  /** Takes no more runs; those that it trains go back with a checkpoint. */
  close(): Promise<void>;
}

/** Bytes of data by their hash, those that were last asked for. */
function dataCache(store: Store): (hash: string) => Promise<Uint8Array> {
  let held: { readonly hash: string; readonly bytes: Promise<Uint8Array> } | null = null;
  const fetch = async (hash: string): Promise<Uint8Array> => {
    const bytes = await store.read({ kind: 'data', hash });
    if (bytes === null) throw new StoreError(`the store has no data ${hash}`);
    if (hashBytes(bytes) !== hash) throw new StoreError(`the store's data ${hash} are damaged`);
    return bytes;
  };
  return (hash) => {
    if (held?.hash === hash) return held.bytes;
    const bytes = fetch(hash);
    held = { hash, bytes };
    bytes.catch(() => {
      if (held?.bytes === bytes) held = null;
    });
    return bytes;
  };
}

/** Starts a worker. */
export function startWorker(options: RunWorkerOptions): RunWorker {
  const { name, kind, redis, packages, store, concurrency, lock } = options;
  const { UnrecoverableError, WaitingError } = packages.bullmq;
  const id = randomUUID();
  const idle: Trainer[] = Array.from({ length: concurrency }, () => trainerProcess(options.launch));
  const busy = new Map<string, Trainer>();
  /** Runs among them that are another worker's by now. */
  const lost = new Set<string>();
  const cached = dataCache(store);
  let isClosing = false;
  let done = 0;
  let breakWith: (error: Error) => void = () => {};
  const broken = new Promise<Error>((resolve) => {
    breakWith = resolve;
  });

  /** Whether a run has its result; what it left before, this worker or one that died, is of no use then. */
  const tidied = async ({ id: hash }: RunJob): Promise<boolean> => {
    if ((await store.read({ kind: 'results', hash })) === null) return false;
    await store.remove({ kind: 'checkpoints', hash });
    return true;
  };

  /** Gives a run back to the queue, for whoever is next. */
  const giveBack = async (job: Job, token: string): Promise<never> => {
    await job.moveToWait(token);
    throw new WaitingError();
  };

  const train = async (queued: Job, job: RunJob, trainer: Trainer): Promise<RunEnd> => {
    const checkpoint = { kind: 'checkpoints', hash: job.id } as const;
    const [data, state] = [await cached(job.data), await store.read(checkpoint)];
    let noted = 0;
    return trainer.run({
      job,
      data,
      state,
      onNote: options.onNote,
      onStep(step, loss, seconds) {
        const { steps } = job.run;
        if (performance.now() - noted < progressEvery && step < steps) return;
        noted = performance.now();
        const secondsLeft = Math.round(seconds * (steps - step));
        const progress: RunProgress = { step, steps, loss: loss.toFixed(4), secondsLeft, worker: name };
        queued.updateProgress(progress).catch(() => {});
      },
      onCheckpoint: (step, bytes) => store.save(checkpoint, step, bytes),
    });
  };

  /** Trains a run to its end, or tells what has become of it by an error; null: it was done before. */
  const settle = async (
    queued: Job,
    job: RunJob,
    token: string,
    trainer: Trainer,
  ): Promise<Outcome | null> => {
    let end: RunEnd;
    try {
      if (await tidied(job)) return null;
      end = await train(queued, job, trainer);
      if (end.kind === 'done') await store.add({ kind: 'results', hash: job.id }, end.files);
      await tidied(job);
    } catch (error) {
      trainer.kill();
      if (!(error instanceof StoreError)) throw error;
      // Of this machine, not of the run.
      breakWith(error);
      return giveBack(queued, token);
    }
    if (end.kind === 'done') return end.outcome;
    if (end.kind === 'stopped' || isClosing) return giveBack(queued, token);
    throw end.isFinal ? new UnrecoverableError(end.reason) : new Error(end.reason);
  };

  const refused = <T>(check: () => T): T => {
    try {
      return check();
    } catch (error) {
      throw error instanceof ArgumentError ? new UnrecoverableError(error.message) : error;
    }
  };

  // Three parameters: BullMQ asks for their number.
  const process = async (
    queued: Job,
    token: string | undefined,
    _signal?: AbortSignal,
  ): Promise<Outcome | null> => {
    const job = refused(() => readJob(queued.data));
    refused(() => checkVersions(job));
    if (isClosing) return giveBack(queued, token!);
    const trainer = idle.pop()!;
    busy.set(queued.id!, trainer);
    try {
      const outcome = await settle(queued, job, token!, trainer);
      if (outcome !== null) {
        done++;
        options.onEnd(job, outcome);
      }
      return outcome;
    } catch (error) {
      if (!(error instanceof WaitingError) && !lost.has(queued.id!))
        options.onEnd(job, { failed: (error as Error).message });
      throw error;
    } finally {
      busy.delete(queued.id!);
      lost.delete(queued.id!);
      idle.push(trainer);
    }
  };

  const worker: Worker = new packages.bullmq.Worker(queueName(kind), process, {
    ...{ connection: redis, prefix, name, concurrency },
    ...{ lockDuration: lock, stalledInterval: lock, maxStalledCount: mostStalled },
    ...{ runRetryDelay: 1000, drainDelay: 2 },
  });
  worker.on('lockRenewalFailed', (jobs) => {
    for (const run of jobs) {
      const trainer = busy.get(run);
      if (trainer === undefined || lost.has(run)) continue;
      lost.add(run);
      options.onNote(`${run} is another worker's: this one was not heard of for too long`);
      trainer.kill();
    }
  });
  // The connection says itself what is wrong with it, and a lost lock has just been told.
  worker.on('error', () => {});

  const refusals = refusalNotes(options);
  const beat = async (): Promise<void> => {
    const runs = [...busy.keys()];
    const { numerics, store: place } = kind;
    await leaveNote(redis, id, { name, numerics, store: place, concurrency, runs, done });
    await refusals();
  };
  const timer = setInterval(() => void beat().catch(() => {}), noteEvery);
  void beat().catch(() => {});

  return {
    active: () => busy.size,
    broken,
    async close() {
      isClosing = true;
      clearInterval(timer);
      await worker.pause(true);
      for (const trainer of busy.values()) trainer.stop();
      await worker.close();
      for (const trainer of idle) trainer.kill();
      await removeNote(redis, id);
    },
  };
}

/** Says of runs of other kinds, once for each, that this worker refuses them, and why. */
function refusalNotes({ kind, redis, packages, onNote }: RunWorkerOptions): () => Promise<void> {
  const told = new Set<string>();
  return async () => {
    for (const other of await knownKinds(redis)) {
      const name = queueName(other);
      if (name === queueName(kind) || told.has(name)) continue;
      const queue = openQueue(other, redis, packages);
      const waiting = await queue.getJobCountByTypes('waiting', 'delayed');
      await queue.close();
      if (waiting === 0) continue;
      told.add(name);
      onNote(
        `refuses ${waiting === 1 ? '1 run that asks' : `${waiting} runs that ask`} for ${differenceOf(other, kind)}`,
      );
    }
  };
}
