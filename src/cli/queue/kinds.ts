/**
 * Kinds of runs: those of one version of the numerics whose data and checkpoints lie in one store. Each has a queue of its
 * own, so that a worker never takes a run that it would have to refuse, and a list of all of them, so that it can say so.
 */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { parseJson } from '../../json.ts';
import { checkSchema, fields, line, type Schema } from '../../schema.ts';
import { hashData } from '../../train/hash.ts';
import { prefix, type QueuePackages } from './connection.ts';

export interface RunKind {
  readonly halfulp: string;
  readonly numerics: string;
  /** `redis`, or what tells one folder from another. */
  readonly store: string;
}

const schema = fields({ halfulp: line(100), numerics: line(), store: line(100) });
const kindsKey = `${prefix}:kinds`;

/** Entries of a list in Redis; those that another version has left, and that do not fit, are not for this one. */
export const fittingEntries = <T>(texts: readonly (string | null)[], schema: Schema<T>): T[] =>
  texts.flatMap((text) => {
    try {
      return text === null ? [] : [checkSchema('entry', parseJson(text), schema)];
    } catch {
      return [];
    }
  });

/** Name of the queue of a kind. */
export const queueName = (kind: RunKind): string => `runs-${hashData(kind)}`;

/** Name of a run's job: BullMQ takes one of digits alone for its own. */
export const jobName = (id: string): string => `run-${id}`;

/** What lists say of a run, by itself: what it is to train is a thousand times as long. */
export const listedName = (sweep: string, arm: string, seed: number): string => `${sweep} ${arm} ${seed}`;

/** The queue of a kind on a connection, which stays open when it is closed. */
export function openQueue(kind: RunKind, redis: Redis, { bullmq }: QueuePackages): Queue {
  const queue = new bullmq.Queue(queueName(kind), { connection: redis, prefix });
  // The connection says itself what is wrong with it.
  queue.on('error', () => {});
  return queue;
}

/** Puts a kind on the list. */
export async function announceKind(redis: Redis, kind: RunKind): Promise<void> {
  await redis.hset(kindsKey, queueName(kind), JSON.stringify(kind));
}

/** All kinds that there have been runs of. */
export async function knownKinds(redis: Redis): Promise<RunKind[]> {
  return fittingEntries(Object.values(await redis.hgetall(kindsKey)), schema);
}

/** What a kind asks of a worker that is of another, in words. */
export function differenceOf(wanted: RunKind, own: RunKind): string {
  if (wanted.halfulp !== own.halfulp || wanted.numerics !== own.numerics)
    return `${wanted.numerics}; this worker has ${own.numerics}`;
  if (wanted.store === 'redis') return 'data and checkpoints in Redis; this worker has --store';
  return own.store === 'redis'
    ? 'data and checkpoints in a folder; this worker has no --store'
    : `the store ${wanted.store}; this worker has the store ${own.store}`;
}

const drainedKey = `${prefix}:drained`;

/** Notes that waiting runs were taken out, so that sweeps do not put them back. */
export async function noteDrained(redis: Redis): Promise<void> {
  await redis.incr(drainedKey);
}

/** How often waiting runs were taken out. */
export const timesDrained = async (redis: Redis): Promise<number> =>
  Number((await redis.get(drainedKey)) ?? 0);
