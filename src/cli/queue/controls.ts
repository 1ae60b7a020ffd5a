/** What commands and sweeps do to queues alike: hold back what waits, of kinds to come too, and have failed runs wait again. */
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { prefix } from './connection.ts';

const pausedKey = `${prefix}:paused`;

/** Whether no run is to begin, of whatever kind. */
export const isHeld = async (redis: Redis): Promise<boolean> => (await redis.exists(pausedKey)) === 1;

/** Notes whether no run is to begin. Before the known kinds are paused or resumed: one that is announced meanwhile heeds it. */
export async function setHeld(redis: Redis, held: boolean): Promise<void> {
  if (held) await redis.set(pausedKey, '1');
  else await redis.del(pausedKey);
}

/** Pauses the queue of a kind that was announced, if no run is to begin. */
export async function heedHold(redis: Redis, queue: Queue): Promise<void> {
  if (!(await isHeld(redis))) return;
  await queue.pause();
  // Whoever resumed all in between may not have met this one paused.
  if (!(await isHeld(redis))) await queue.resume();
}

/** What BullMQ says of a job that is gone, and of one that is not failed. */
const notFailed: readonly unknown[] = [-1, -3];

/** Has failed runs wait again, with all their tries; gives how many. What somebody else was quicker with is left. */
export async function retryFailed(queue: Queue, names: Iterable<string>): Promise<number> {
  let count = 0;
  for (const name of names) {
    const job = (await queue.getJob(name)) as Job | undefined;
    if (job === undefined) continue;
    try {
      await job.retry('failed', { resetAttemptsMade: true });
      count++;
    } catch (error) {
      if (!notFailed.includes((error as { readonly code?: unknown }).code)) throw error;
    }
  }
  return count;
}
