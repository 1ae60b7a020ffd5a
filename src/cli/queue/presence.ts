/** Which workers there are: each says so again and again, and is gone from the list when it has not for a while. */
import type { Redis } from 'ioredis';
import { fields, integer, line, list } from '../../schema.ts';
import { prefix } from './connection.ts';
import { fittingEntries } from './kinds.ts';

export interface WorkerNote {
  readonly name: string;
  readonly numerics: string;
  readonly store: string;
  readonly concurrency: number;
  /** Names of the runs that it trains. */
  readonly runs: readonly string[];
  /** Runs that it has finished. */
  readonly done: number;
}

const schema = fields({
  name: line(200),
  numerics: line(),
  store: line(100),
  concurrency: integer(1, 1024),
  runs: list(line(100), 0, 1024),
  done: integer(0, 2 ** 31),
});

const setKey = `${prefix}:workers`;
const noteKey = (id: string): string => `${prefix}:worker:${id}`;

/** Milliseconds between two notes. */
export const noteEvery = 3000;

/** Leaves a worker's note for a few times as long as until the next one. */
export async function leaveNote(redis: Redis, id: string, note: WorkerNote): Promise<void> {
  await redis
    .multi()
    .set(noteKey(id), JSON.stringify(note), 'PX', 4 * noteEvery)
    .sadd(setKey, id)
    .exec();
}

export async function removeNote(redis: Redis, id: string): Promise<void> {
  await redis.multi().del(noteKey(id)).srem(setKey, id).exec();
}

/** Workers by name. */
export async function presentWorkers(redis: Redis): Promise<WorkerNote[]> {
  const ids = await redis.smembers(setKey);
  if (ids.length === 0) return [];
  const texts = await redis.mget(ids.map(noteKey));
  const gone = ids.filter((_, i) => texts[i] === null);
  if (gone.length > 0) await redis.srem(setKey, ...gone);
  const notes = fittingEntries(texts, schema) as unknown as WorkerNote[];
  return notes.sort((a, b) => (a.name < b.name ? -1 : 1));
}
