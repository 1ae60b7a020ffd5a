/**
 * A worker: takes runs of its kind from the queue, has them trained in processes of its own (job-trainer.ts), and says of
 * itself that it is there. A run that it cannot finish goes back to the queue; one whose lock it has lost is another's. What
 * a run is fails the run; what the machine lacks ends the worker.
 */
import { randomUUID } from 'node:crypto';
import type { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { printable } from '../../errors.ts';
import { prefix } from './connection.ts';
import { JobTrainer, type JobTrainerOptions } from './job-trainer.ts';
import { differenceOf, knownKinds, openQueue, queueName, type RunKind } from './kinds.ts';
import { leaveNote, noteEvery, removeNote } from './presence.ts';
import type { Outcome } from './trainer.ts';

interface RunWorkerOptions extends JobTrainerOptions {
  readonly kind: RunKind;
  readonly redis: Redis;
  /** Milliseconds after which others take its runs if it has not been heard of. */
  readonly lock: number;
}

/** Milliseconds between two looks for runs of workers that died, at most: the first of all workers to look sets it for all. */
const longestStall = 30_000;

/** How often workers that died may take a run with them: machines that are given back at any time do that a lot. */
const mostStalled = 1000;

export interface RunWorker {
  /** Runs that are being trained. */
  active(): number;
  /** Resolves with what makes it impossible to go on. */
  readonly broken: Promise<Error>;
  /** Takes no more runs; those that it trains go back with a checkpoint. */
  close(): Promise<void>;
}

/** Starts a worker. */
export function startWorker(options: RunWorkerOptions): RunWorker {
  const { name, kind, redis, packages, concurrency, lock } = options;
  let breakWith: (error: Error) => void = () => {};
  const broken = new Promise<Error>((resolve) => {
    breakWith = resolve;
  });
  const trainer = new JobTrainer(options, breakWith);

  // Three parameters: BullMQ asks for their number.
  const process = (queued: Job, token: string | undefined, _signal?: AbortSignal): Promise<Outcome | null> =>
    trainer.train(queued, token!);
  const worker: Worker = new packages.bullmq.Worker(queueName(kind), process, {
    ...{ connection: redis, prefix, name, concurrency },
    ...{ lockDuration: lock, stalledInterval: Math.min(lock, longestStall), maxStalledCount: mostStalled },
    ...{ runRetryDelay: 1000, drainDelay: 2 },
  });
  worker.on('lockRenewalFailed', (runs) => trainer.lose(runs));
  worker.on('error', refusedCommands(options));

  const notes = keepNotes(options, trainer);
  return {
    active: () => trainer.runs.length,
    broken,
    async close() {
      trainer.close();
      notes.stop();
      await worker.pause(true);
      trainer.stop();
      await worker.close();
      trainer.killIdle();
      await notes.remove();
    },
  };
}

/** Says in Redis that the worker is there and what it does, again and again, and to people what it refuses. */
function keepNotes(options: RunWorkerOptions, trainer: JobTrainer) {
  const { name, kind, redis, concurrency } = options;
  const id = randomUUID();
  const refusals = refusalNotes(options);
  let isBeating = false;
  const say = async (): Promise<void> => {
    const { numerics, store } = kind;
    const { runs, done } = trainer;
    await leaveNote(redis, id, { name, numerics, store, concurrency, runs, done });
    await refusals();
  };
  const beat = async (): Promise<void> => {
    // While Redis is away they would wait for it, one upon the other.
    if (isBeating) return;
    isBeating = true;
    await say().catch(() => {});
    isBeating = false;
  };
  const timer = setInterval(() => void beat(), noteEvery);
  void beat();
  return { stop: () => clearInterval(timer), remove: () => removeNote(redis, id) };
}

/**
 * Says, once each, what a Redis that is there refuses: no room, no permission. The connection says itself when it is lost, and
 * a lost lock is told of elsewhere.
 */
export function refusedCommands({ onNote }: Pick<JobTrainerOptions, 'onNote'>): (error: Error) => void {
  const told = new Set<string>();
  return ({ name, message }) => {
    if (name !== 'ReplyError' || told.has(message)) return;
    told.add(message);
    onNote(`Redis refuses: ${printable(message)}`);
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
