/** What is in a queue, over all kinds of runs, as data: the list that `halfulp queue` shows. */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueuePackages } from './connection.ts';
import { isHeld, retryFailed, setHeld } from './controls.ts';
import type { RunProgress } from './job-trainer.ts';
import { knownKinds, noteDrained, openQueue, type RunKind } from './kinds.ts';
import { presentWorkers, type WorkerNote } from './presence.ts';

interface ListedRun {
  readonly id: string;
  readonly sweep: string;
  readonly arm: string;
  readonly seed: number;
}

interface ActiveRun extends ListedRun {
  /** null before its first step. */
  readonly progress: RunProgress | null;
}

interface FailedRun extends ListedRun {
  readonly reason: string;
}

export interface Overview {
  readonly paused: boolean;
  readonly waiting: readonly ListedRun[];
  readonly active: readonly ActiveRun[];
  readonly failed: readonly FailedRun[];
  readonly done: number;
  /** What waiting runs ask for that no worker has. */
  readonly unserved: readonly RunKind[];
  readonly workers: readonly WorkerNote[];
}

/** Jobs read at a time. */
const atATime = 1000;

/** The fields of a job that a list needs. */
const listedFields = ['name', 'progress', 'failedReason'] as const;

/** A run by what lists say of it; anybody may have written it, and it is shown as it is. */
function listedRun(id: string, name: string): ListedRun {
  const [sweep = '', arm = '', seed] = name.split(' ');
  return { id, sweep, arm, seed: Number(seed) };
}

const parsed = (text: string | null | undefined): unknown => {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
};

interface ListedJob extends FailedRun, ActiveRun {}

async function jobsOf(
  redis: Redis,
  queue: Queue,
  states: Parameters<Queue['getRanges']>[0],
): Promise<ListedJob[]> {
  const names = await queue.getRanges(states, 0, -1, true);
  const jobs: ListedJob[] = [];
  for (let i = 0; i < names.length; i += atATime) {
    const some = names.slice(i, i + atATime);
    const pipeline = redis.pipeline();
    for (const name of some) pipeline.hmget(queue.toKey(name), ...listedFields);
    for (const [at, [, fields]] of (await pipeline.exec())!.entries()) {
      const [name, progress, reason] = fields as (string | null)[];
      // It may have ended between the two looks.
      if (name === null) continue;
      const where = parsed(progress);
      jobs.push({
        ...listedRun(some[at]!, name!),
        progress: typeof where === 'object' ? (where as RunProgress | null) : null,
        reason: reason ?? '',
      });
    }
  }
  return jobs;
}

const waitingStates = ['waiting', 'delayed'] as const;

/** Everything that the queue of an address has. */
export async function overviewOf(redis: Redis, packages: QueuePackages): Promise<Overview> {
  const workers = await presentWorkers(redis);
  const all = { waiting: [] as ListedRun[], active: [] as ActiveRun[], failed: [] as FailedRun[] };
  const unserved: RunKind[] = [];
  let [paused, done] = [await isHeld(redis), 0];
  for (const kind of await knownKinds(redis)) {
    const queue = openQueue(kind, redis, packages);
    const waiting = await jobsOf(redis, queue, [...waitingStates]);
    all.waiting.push(...waiting.map(({ progress: _progress, reason: _reason, ...run }) => run));
    all.active.push(...(await jobsOf(redis, queue, ['active'])).map(({ reason: _reason, ...run }) => run));
    all.failed.push(
      ...(await jobsOf(redis, queue, ['failed'])).map(({ progress: _progress, ...run }) => run),
    );
    done += await queue.getCompletedCount();
    paused ||= await queue.isPaused();
    if (
      waiting.length > 0 &&
      !workers.some(({ numerics, store }) => numerics === kind.numerics && store === kind.store)
    )
      unserved.push(kind);
    await queue.close();
  }
  return { paused, ...all, done, unserved, workers };
}

/** What can be done to a queue. */
export type QueueAction = 'retry' | 'pause' | 'resume' | 'drain';

/** Does it to all kinds of runs; gives how many runs it was done to, where it is done to runs. */
export async function actOn(action: QueueAction, redis: Redis, packages: QueuePackages): Promise<number> {
  let count = 0;
  if (action === 'drain') await noteDrained(redis);
  if (action === 'pause' || action === 'resume') await setHeld(redis, action === 'pause');
  for (const kind of await knownKinds(redis)) {
    const queue = openQueue(kind, redis, packages);
    if (action === 'pause') await queue.pause();
    if (action === 'resume') await queue.resume();
    if (action === 'retry') count += await retryFailed(queue, await queue.getRanges(['failed'], 0, -1));
    if (action === 'drain') {
      count += await queue.getJobCountByTypes(...waitingStates);
      await queue.drain(true);
    }
    await queue.close();
  }
  // A sweep that looked between the note and the taking out sees another one when it looks again.
  if (action === 'drain') await noteDrained(redis);
  return count;
}
