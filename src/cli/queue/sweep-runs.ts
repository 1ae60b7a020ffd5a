/**
 * The runs of a sweep in a queue: puts those that are not there, waits for their results and lays them into the run
 * folders, as if they had been trained here. What a queue loses, a restart of Redis without its file for instance, is put again.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { DamagedFileError } from '../../errors.ts';
import { makeFolders, writeWholeFile } from '../../files/write.ts';
import { checkSchema } from '../../schema.ts';
import { encodeData } from '../../train/data-file.ts';
import { type Checkpoint, encodeCheckpoint, type TrainingData } from '../../train/index.ts';
import { readJsonText } from '../read-file.ts';
import { checkConfig } from '../run-files.ts';
import { isWholeLog, ofFile, recordsOf, resultSchema } from '../run-records.ts';
import { type Sweep, settingsOfRun } from '../sweep/definition.ts';
import type { RunBasis, SweepArm, SweepRun } from '../sweep/sweep-run.ts';
import { describeRun } from '../sweep/workers.ts';
import { decodeFiles, hashBytes } from './bundles.ts';
import type { QueuePackages } from './connection.ts';
import { heedHold, retryFailed } from './controls.ts';
import { ownVersion, type RunJob } from './job.ts';
import { announceKind, jobName, listedName, openQueue, type RunKind, timesDrained } from './kinds.ts';
import { presentWorkers } from './presence.ts';
import { keptSeconds } from './redis-store.ts';
import type { Store } from './store.ts';

export interface QueuedSweep {
  readonly sweep: Sweep;
  /** What an arm is trained on. */
  dataOf(arm: SweepArm): TrainingData;
  /** The weights of the teacher that an arm is given. */
  teacherOf(arm: SweepArm): Checkpoint | undefined;
  /** What runs without data of their own rest on. */
  readonly basis: RunBasis;
  /** Of the run folders. */
  readonly folder: string;
  readonly redis: Redis;
  readonly packages: QueuePackages;
  readonly store: Store;
  readonly signal: AbortSignal;
  onNote(text: string): void;
  /** Called when a run has its result, or has failed: null, or why. Again when one that had failed was tried again. */
  onEnd(run: SweepRun, failure: string | null): void;
}

const pollMilliseconds = 500;
/** Looks between two in which runs that the queue has lost are put again. */
const looksPerAudit = 20;
/** Runs that are put at a time. */
const atATime = 500;
/** Times that a run is tried where its process ends without a word. */
const attempts = 3;

/** What of a run lies in the store, by its hash there. */
type Stored = Pick<RunJob, 'data' | 'teacher'>;

/** Puts the data and the teachers of runs into the store, once each. */
async function storeInputs(
  { dataOf, teacherOf, store }: QueuedSweep,
  runs: readonly SweepRun[],
): Promise<(run: SweepRun) => Stored> {
  const hashes = new Map<TrainingData | Checkpoint, string>();
  const add = async (given: TrainingData | Checkpoint, bytes: Uint8Array): Promise<void> => {
    const name = { kind: 'data', hash: hashBytes(bytes) } as const;
    hashes.set(given, name.hash);
    if (await store.add(name, bytes)) return;
    const there = await store.read(name);
    if (there !== null && hashBytes(there) === name.hash) return;
    // What is there under this name is damaged, or has gone since.
    await store.remove(name);
    await store.add(name, bytes);
  };
  for (const data of new Set(runs.map(({ arm }) => dataOf(arm)))) await add(data, encodeData(data));
  for (const teacher of new Set(runs.map(({ arm }) => teacherOf(arm))))
    if (teacher !== undefined) await add(teacher, encodeCheckpoint(teacher));
  return ({ arm }) => {
    const teacher = teacherOf(arm);
    return { data: hashes.get(dataOf(arm))!, ...(teacher && { teacher: hashes.get(teacher)! }) };
  };
}

function jobOf({ sweep }: QueuedSweep, run: SweepRun, stored: Stored): RunJob {
  const { basis } = run;
  return {
    ...{ halfulp: ownVersion(), basis, ...stored, sweep: sweep.name, arm: run.arm.name },
    ...{ run: settingsOfRun(sweep, run), checkpointEvery: sweep.checkpointEvery, id: run.id },
  };
}

/** Puts runs into the queue, unless they are there, after all that they need: a Redis that came back empty has none of it. */
async function put(
  queue: Queue,
  kind: RunKind,
  queued: QueuedSweep,
  runs: readonly SweepRun[],
): Promise<void> {
  if (runs.length === 0) return;
  const storedOf = await storeInputs(queued, runs);
  await announceKind(queued.redis, kind);
  await heedHold(queued.redis, queue);
  for (let i = 0; i < runs.length; i += atATime)
    await queue.addBulk(
      runs.slice(i, i + atATime).map((run) => ({
        name: listedName(queued.sweep.name, run.arm.name, run.seed),
        data: jobOf(queued, run, storedOf(run)),
        opts: {
          jobId: jobName(run.id),
          attempts,
          stackTraceLimit: 1,
          removeOnComplete: { age: keptSeconds },
        },
      })),
    );
}

type RunFiles = ReturnType<typeof decodeFiles>;

/** The files of a result, checked before any is written: what fails later is this machine's fault, not the result's. Throws DamagedFileError. */
function checkedFiles({ id }: SweepRun, bytes: Uint8Array): RunFiles {
  const name = `result ${id}`;
  const files = decodeFiles(bytes, name);
  ofFile(name, () => {
    checkConfig(readJsonText(files.config, 'config'));
    checkSchema('result', readJsonText(files.result, 'result'), resultSchema);
  });
  if (isWholeLog(recordsOf(files.metrics.split('\n'), name))) return files;
  throw new DamagedFileError(name, 'its records do not end with a result', 'is damaged');
}

/** Lays a result into its run folder, the result itself last. */
function lay({ folder }: QueuedSweep, run: SweepRun, files: RunFiles): void {
  const path = join(folder, run.id);
  describeRun(folder, run);
  writeWholeFile(join(path, 'config.json'), files.config);
  writeWholeFile(join(path, 'metrics.jsonl'), files.metrics);
  writeWholeFile(join(path, 'result.json'), files.result);
}

/** Runs of the queue that are done, and that have failed. */
async function endsOf(queue: Queue): Promise<{ done: Set<string>; failed: Set<string> }> {
  const [done, failed] = await Promise.all([
    queue.getRanges(['completed'], 0, -1),
    queue.getRanges(['failed'], 0, -1),
  ]);
  return { done: new Set(done), failed: new Set(failed) };
}

/** Puts runs and waits until all of them have ended, or the signal comes: then they stay in the queue. */
export async function runQueued(queued: QueuedSweep, runs: readonly SweepRun[]): Promise<void> {
  const { redis, packages, store, signal } = queued;
  const kind: RunKind = { halfulp: ownVersion(), numerics: queued.basis.numerics, store: store.id };
  const queue = openQueue(kind, redis, packages);
  try {
    makeFolders(queued.folder);
    const left = new Map(runs.map((run) => [jobName(run.id), run]));
    // Before they are put: what is taken out from here on is not put back.
    const drained = await timesDrained(redis);
    await put(queue, kind, queued, [...left.values()]);
    // A sweep that is started again tries again what has failed.
    const { failed } = await endsOf(queue);
    await retryFailed(
      queue,
      [...left.keys()].filter((name) => failed.has(name)),
    );
    await new RunWatch(queue, kind, queued, left, drained).toEnd();
  } finally {
    await queue.close();
  }
  if (signal.aborted && runs.length > 0)
    queued.onNote('The runs stay in the queue: the same command goes on, halfulp queue drain takes them out');
}

/** Looks at runs in the queue until they have ended. */
class RunWatch {
  readonly #queue: Queue;
  readonly #kind: RunKind;
  readonly #queued: QueuedSweep;
  /** What has not ended, by the names of the jobs. */
  readonly #left: Map<string, SweepRun>;
  /** What has failed: somebody may have it tried again while others are left. */
  readonly #failed = new Map<string, SweepRun>();
  /** Runs whose result was damaged once. */
  readonly #damaged = new Set<string>();
  /** How often waiting runs had been taken out, at the last audit. */
  #drained: number;
  #hasToldOfWorkers = false;

  constructor(
    queue: Queue,
    kind: RunKind,
    queued: QueuedSweep,
    left: Map<string, SweepRun>,
    drained: number,
  ) {
    this.#queue = queue;
    this.#kind = kind;
    this.#queued = queued;
    this.#left = left;
    this.#drained = drained;
  }

  async toEnd(): Promise<void> {
    const { signal } = this.#queued;
    for (let look = 1; this.#left.size > 0 && !signal.aborted; look++) {
      await this.#look();
      if (look % looksPerAudit === 0) await this.#audit();
      await delay(pollMilliseconds, undefined, { signal }).catch(() => {});
    }
  }

  #end(name: string, failure: string | null): void {
    const run = this.#left.get(name)!;
    this.#left.delete(name);
    this.#queued.onEnd(run, failure);
  }

  async #look(): Promise<void> {
    const { done, failed } = await endsOf(this.#queue);
    for (const [name, run] of this.#failed) {
      if (failed.has(name)) continue;
      this.#failed.delete(name);
      this.#left.set(name, run);
      this.#queued.onNote(`${run.arm.name} seed ${run.seed}: tried again`);
    }
    for (const [name, run] of [...this.#left]) {
      if (this.#queued.signal.aborted) return;
      if (done.has(name)) await this.#take(name, run);
      else if (failed.has(name)) {
        this.#failed.set(name, run);
        this.#end(name, (await this.#queue.getJob(name))?.failedReason ?? 'failed');
      }
    }
  }

  /** Takes what is done; a result that is not there, or is damaged for the first time, is trained again. */
  async #take(name: string, run: SweepRun): Promise<void> {
    const { store, onNote } = this.#queued;
    const result = { kind: 'results', hash: run.id } as const;
    const bytes = await store.read(result);
    let files: RunFiles | null = null;
    try {
      if (bytes !== null) files = checkedFiles(run, bytes);
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      if (this.#damaged.has(name)) return this.#end(name, error.message);
      this.#damaged.add(name);
      onNote(`${error.message}: trained again`);
      await store.remove(result);
    }
    if (files !== null) {
      lay(this.#queued, run, files);
      return this.#end(name, null);
    }
    await this.#queue.remove(name);
    await put(this.#queue, this.#kind, this.#queued, [run]);
  }

  /** Puts again what the queue has lost, unless it was taken out. */
  async #audit(): Promise<void> {
    const { redis, onNote } = this.#queued;
    const names = [...this.#left.keys()];
    const pipeline = redis.pipeline();
    for (const name of names) pipeline.exists(this.#queue.toKey(name));
    const found = (await pipeline.exec())!;
    const lost = names.filter((_, i) => found[i]![1] === 0);
    // After the look, since it is noted before anything is taken out. It counts from nothing in a Redis that came back empty.
    const drained = await timesDrained(redis);
    const isDrained = drained > this.#drained;
    this.#drained = drained;
    const runs = lost.map((name) => this.#left.get(name)!);
    if (isDrained) for (const name of lost) this.#end(name, 'taken out of the queue');
    else await put(this.#queue, this.#kind, this.#queued, runs);
    if (this.#hasToldOfWorkers || this.#left.size === 0) return;
    this.#hasToldOfWorkers = true;
    if ((await presentWorkers(redis)).length === 0) onNote('No worker yet: halfulp worker --queue ...');
  }
}
