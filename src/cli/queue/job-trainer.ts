/**
 * What a worker does with a job: trains it in an idle process, leaves checkpoints and the result in the store, and tells the
 * queue what has become of it: done, failed, or to be taken by another.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { ArgumentError } from '../../errors.ts';
import { hashBytes } from './bundles.ts';
import type { QueuePackages } from './connection.ts';
import { checkVersions, type RunJob, readJob } from './job.ts';
import { type Store, StoreError, type StoreName } from './store.ts';
import type { Outcome } from './trainer.ts';
import { type LaunchTrainer, type RunEnd, type Trainer, trainerProcess } from './trainer-process.ts';

/** Where a run is, as the queue lists it. */
export interface RunProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: string;
  /** In words where none is known. */
  readonly secondsLeft: number;
  readonly worker: string;
}

export interface JobTrainerOptions {
  readonly name: string;
  readonly packages: QueuePackages;
  readonly store: Store;
  readonly concurrency: number;
  readonly launch?: LaunchTrainer;
  /** What people should know. */
  onNote(text: string): void;
  onEnd(job: RunJob, outcome: Outcome | { readonly failed: string }): void;
}

/** Milliseconds that a run's end is waited for, when the same run has come again. */
const endsWithin = 5000;

/** Whether a run trains its teacher first. */
const trainsTeacher = ({ run, teacher }: RunJob): boolean =>
  run.recipe.teacher !== undefined && teacher === undefined;

const checkpointOf = ({ id }: RunJob): StoreName => ({ kind: 'checkpoints', hash: id });
/** What the teacher that a run trains first leaves; longer than all names of runs. */
const teacherCheckpointOf = ({ id }: RunJob): StoreName => ({ kind: 'checkpoints', hash: `${id}00` });

/** A run in its process. */
interface Training {
  readonly trainer: Trainer;
  readonly ended: Promise<void>;
}

/** Bytes of data, or of teachers, by their hash, those that were last asked for. Without them a run fails: sweeps put them again. */
function dataCache(store: Store): (hash: string) => Promise<Uint8Array> {
  let held: { readonly hash: string; readonly bytes: Promise<Uint8Array> } | null = null;
  const fetch = async (hash: string): Promise<Uint8Array> => {
    const bytes = await store.read({ kind: 'data', hash });
    if (bytes === null) throw new Error(`the store has no data ${hash}`);
    if (hashBytes(bytes) !== hash) throw new Error(`the store's data ${hash} are damaged`);
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

export class JobTrainer {
  readonly #options: JobTrainerOptions;
  readonly #idle: Trainer[];
  readonly #busy = new Map<string, Training>();
  /** Runs among the busy ones that are another worker's by now. */
  readonly #lost = new Set<string>();
  readonly #cached: (hash: string) => Promise<Uint8Array>;
  readonly #teachers: (hash: string) => Promise<Uint8Array>;
  readonly #breakWith: (error: Error) => void;
  #isClosing = false;
  #done = 0;

  /** @param breakWith is told what makes it impossible to go on */
  constructor(options: JobTrainerOptions, breakWith: (error: Error) => void) {
    this.#options = options;
    this.#idle = Array.from({ length: options.concurrency }, () => trainerProcess(options.launch));
    this.#cached = dataCache(options.store);
    this.#teachers = dataCache(options.store);
    this.#breakWith = breakWith;
  }

  /** The names of the jobs that are being trained. */
  get runs(): string[] {
    return [...this.#busy.keys()];
  }

  /** How many runs were trained to their end. */
  get done(): number {
    return this.#done;
  }

  /** From here on runs go back to the queue. */
  close(): void {
    this.#isClosing = true;
  }

  /** Asks all runs to leave a checkpoint and go back to the queue. */
  stop(): void {
    for (const { trainer } of this.#busy.values()) trainer.stop();
  }

  /** Ends the processes in which nothing is trained. */
  killIdle(): void {
    for (const trainer of this.#idle) trainer.kill();
  }

  /** Ends runs whose lock has been lost. */
  lose(runs: readonly string[]): void {
    for (const run of runs) {
      const training = this.#busy.get(run);
      if (training === undefined || this.#lost.has(run)) continue;
      this.#lost.add(run);
      this.#options.onNote(`${run} is another worker's: this one was not heard of for too long`);
      training.trainer.kill();
    }
  }

  /** Trains a job of the queue; null: it was done before. */
  async train(queued: Job, token: string): Promise<Outcome | null> {
    const job = this.#readJob(queued.data);
    if (this.#isClosing) return this.#giveBack(queued, token);
    const name = queued.id!;
    const before = this.#busy.get(name);
    if (before !== undefined) {
      // Its own run, whose lock it had lost: BullMQ renews no lock of a name twice, so that it has to be taken anew.
      this.lose([name]);
      await Promise.race([before.ended, delay(endsWithin, undefined, { ref: false })]);
      return this.#giveBack(queued, token);
    }
    const trainer = this.#idle.pop()!;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#busy.set(name, { trainer, ended });
    try {
      const outcome = await this.#settle(queued, job, token, trainer);
      if (outcome !== null) {
        this.#done++;
        this.#options.onEnd(job, outcome);
      }
      return outcome;
    } catch (error) {
      const isBack = error instanceof this.#options.packages.bullmq.WaitingError;
      if (!isBack && !this.#lost.has(name)) this.#options.onEnd(job, { failed: (error as Error).message });
      throw error;
    } finally {
      this.#busy.delete(name);
      this.#lost.delete(name);
      this.#idle.push(trainer);
      end();
    }
  }

  /** A job that this worker can train; another fails for good. */
  #readJob(data: unknown): RunJob {
    try {
      const job = readJob(data);
      checkVersions(job);
      return job;
    } catch (error) {
      const { UnrecoverableError } = this.#options.packages.bullmq;
      throw error instanceof ArgumentError ? new UnrecoverableError(error.message) : error;
    }
  }

  /** Trains a run to its end, or tells what has become of it by an error; null: it was done before. */
  async #settle(queued: Job, job: RunJob, token: string, trainer: Trainer): Promise<Outcome | null> {
    let end: RunEnd;
    try {
      if (await this.#tidied(job)) return null;
      end = await this.#run(queued, job, trainer);
      if (end.kind === 'done') await this.#options.store.add({ kind: 'results', hash: job.id }, end.files);
      await this.#tidied(job);
    } catch (error) {
      trainer.kill();
      if (!(error instanceof StoreError)) throw error;
      // Of this machine, not of the run.
      this.#breakWith(error);
      return this.#giveBack(queued, token);
    }
    if (end.kind === 'done') return end.outcome;
    if (end.kind === 'stopped' || this.#isClosing) return this.#giveBack(queued, token);
    const { UnrecoverableError } = this.#options.packages.bullmq;
    throw end.isFinal ? new UnrecoverableError(end.reason) : new Error(end.reason);
  }

  /** Whether a run has its result; what it left before, this worker or one that died, is of no use then. */
  async #tidied(job: RunJob): Promise<boolean> {
    const { store } = this.#options;
    if ((await store.read({ kind: 'results', hash: job.id })) === null) return false;
    await store.remove(checkpointOf(job));
    if (trainsTeacher(job)) await store.remove(teacherCheckpointOf(job));
    return true;
  }

  async #run(queued: Job, job: RunJob, trainer: Trainer): Promise<RunEnd> {
    const { store, name, onNote } = this.#options;
    const [data, state] = [await this.#cached(job.data), await store.read(checkpointOf(job))];
    const teacher = {
      ...(job.teacher !== undefined && { teacher: await this.#teachers(job.teacher) }),
      ...(trainsTeacher(job) && { teacherState: await store.read(teacherCheckpointOf(job)) }),
    };
    // Whoever said so while it read found no process to end.
    if (this.#isClosing) return { kind: 'stopped' };
    if (this.#lost.has(queued.id!))
      return { kind: 'failed', reason: 'another worker has it', isFinal: false };
    let isTelling = false;
    return trainer.run({
      job,
      data,
      ...teacher,
      state,
      onNote,
      onStep(step, loss, seconds) {
        // While Redis is away one word of it is enough.
        if (isTelling) return;
        isTelling = true;
        const { steps } = job.run;
        const secondsLeft = Math.round(seconds * (steps - step));
        const progress: RunProgress = { step, steps, loss: loss.toFixed(4), secondsLeft, worker: name };
        const told = (): void => {
          isTelling = false;
        };
        queued.updateProgress(progress).then(told, told);
      },
      onCheckpoint: async (step, bytes, ofTeacher) => {
        await store.save(ofTeacher ? teacherCheckpointOf(job) : checkpointOf(job), step, bytes);
        // Another worker, which took this one for dead, may have finished the run: its checkpoints are removed by then.
        await this.#tidied(job);
      },
    });
  }

  /** Gives a run back to the queue, for whoever is next; one that is another's by now, or is gone, is let go. */
  async #giveBack(job: Job, token: string): Promise<never> {
    try {
      await job.moveToWait(token);
    } catch (error) {
      // BullMQ's codes, of a job or a lock that is not there, are numbers.
      if (typeof (error as { readonly code?: unknown }).code !== 'number') throw error;
    }
    throw new this.#options.packages.bullmq.WaitingError();
  }
}
