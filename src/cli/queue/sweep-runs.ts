/**
 * The runs of a sweep in a queue: puts those that are not there, waits for their results and lays them into the run
 * folders, as if they had been trained here. What a queue loses, a restart of Redis without its file for instance, is put again.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { makeFolders, writeWholeFile } from '../../files/write.ts';
import { encodeData } from '../../train/data-file.ts';
import { type Checkpoint, encodeCheckpoint, type TrainingData } from '../../train/index.ts';
import { hasResult, readConfig, readRecords } from '../run-files.ts';
import { type Sweep, settingsOfRun } from '../sweep/definition.ts';
import type { RunBasis, SweepArm, SweepRun } from '../sweep/sweep-run.ts';
import { describeRun } from '../sweep/workers.ts';
import { decodeFiles, hashBytes } from './bundles.ts';
import type { QueuePackages } from './connection.ts';
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
  /** Called when a run has its result, or has failed: null, or why. */
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
    const hash = hashBytes(bytes);
    await store.add({ kind: 'data', hash }, bytes);
    hashes.set(given, hash);
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

/** Puts runs into the queue, unless they are there. */
async function put(
  queue: Queue,
  queued: QueuedSweep,
  runs: readonly SweepRun[],
  storedOf: (run: SweepRun) => Stored,
): Promise<void> {
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

/** Lays a result into its run folder, the result itself last. Throws DamagedFileError. */
function receive({ folder }: QueuedSweep, run: SweepRun, bytes: Uint8Array): void {
  const path = join(folder, run.id);
  const files = decodeFiles(bytes, `result ${run.id}`);
  describeRun(folder, run);
  writeWholeFile(join(path, 'config.json'), files.config);
  writeWholeFile(join(path, 'metrics.jsonl'), files.metrics);
  readConfig(path);
  readRecords(join(path, 'metrics.jsonl'));
  writeWholeFile(join(path, 'result.json'), files.result);
  if (hasResult(path)) return;
  rmSync(join(path, 'result.json'));
  throw new Error(`result ${run.id} is damaged`);
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
  const storedOf = await storeInputs(queued, runs);
  await announceKind(redis, kind);
  const queue = openQueue(kind, redis, packages);
  try {
    makeFolders(queued.folder);
    const left = new Map(runs.map((run) => [jobName(run.id), run]));
    // A sweep that is started again tries again what has failed.
    const { failed } = await endsOf(queue);
    for (const name of left.keys()) if (failed.has(name)) await (await queue.getJob(name))?.retry();
    await put(queue, queued, [...left.values()], storedOf);
    await watch(queue, queued, left, storedOf);
  } finally {
    await queue.close();
  }
  if (signal.aborted && runs.length > 0)
    queued.onNote('The runs stay in the queue: the same command goes on, halfulp queue drain takes them out');
}

async function watch(
  queue: Queue,
  queued: QueuedSweep,
  left: Map<string, SweepRun>,
  storedOf: (run: SweepRun) => Stored,
): Promise<void> {
  const { redis, store, signal, onEnd, onNote } = queued;
  const drained = await timesDrained(redis);
  let hasToldOfWorkers = false;
  const end = (name: string, failure: string | null): void => {
    const run = left.get(name)!;
    left.delete(name);
    onEnd(run, failure);
  };
  /** Takes what is done; a result that is not there, or is damaged, is trained again. */
  const take = async (name: string): Promise<void> => {
    const result = { kind: 'results', hash: left.get(name)!.id } as const;
    const bytes = await store.read(result);
    try {
      if (bytes !== null) {
        receive(queued, left.get(name)!, bytes);
        return end(name, null);
      }
    } catch (error) {
      onNote(`${(error as Error).message}: trained again`);
      await store.remove(result);
    }
    await queue.remove(name);
    await put(queue, queued, [left.get(name)!], storedOf);
  };
  const audit = async (): Promise<void> => {
    const isDrained = (await timesDrained(redis)) > drained;
    const names = [...left.keys()];
    const pipeline = redis.pipeline();
    for (const name of names) pipeline.exists(queue.toKey(name));
    const found = (await pipeline.exec())!;
    const lost = names.filter((_, i) => found[i]![1] === 0);
    if (isDrained) for (const name of lost) end(name, 'taken out of the queue');
    else
      await put(
        queue,
        queued,
        lost.map((name) => left.get(name)!),
        storedOf,
      );
    if (hasToldOfWorkers || left.size === 0) return;
    hasToldOfWorkers = true;
    if ((await presentWorkers(redis)).length === 0) onNote('No worker yet: halfulp worker --queue ...');
  };
  for (let look = 1; left.size > 0 && !signal.aborted; look++) {
    const { done, failed } = await endsOf(queue);
    for (const name of [...left.keys()]) {
      if (signal.aborted) break;
      if (done.has(name)) await take(name);
      else if (failed.has(name)) end(name, (await queue.getJob(name))?.failedReason ?? 'failed');
    }
    if (look % looksPerAudit === 0) await audit();
    await delay(pollMilliseconds, undefined, { signal }).catch(() => {});
  }
}
