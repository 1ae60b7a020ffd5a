/**
 * The connection to a queue's Redis, by packages that are there for those who use queues. A server that is not there at
 * first is refused; one that goes away later is waited for.
 */
import type { Redis } from 'ioredis';
import { ArgumentError } from '../../errors.ts';
import type { QueueAddress } from './address.ts';

/** Oldest server that is taken. */
const oldestRedis = [6, 2] as const;

/** All keys of queues begin with it. */
export const prefix = 'halfulp';

export interface QueuePackages {
  readonly bullmq: typeof import('bullmq');
  readonly Redis: typeof Redis;
}

/** The optional packages. Throws ArgumentError naming `--queue` where they are not installed. */
export async function queuePackages(): Promise<QueuePackages> {
  try {
    const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq, Redis: ioredis.Redis };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ArgumentError(
      '--queue',
      'an address',
      'no --queue without the packages bullmq and ioredis: npm install bullmq ioredis',
    );
  }
}

async function checkVersion(redis: Redis, shown: string): Promise<void> {
  const [, version = '0'] = /redis_version:([\d.]+)/.exec(await redis.info('server')) ?? [];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldestRedis[0] || (major === oldestRedis[0] && minor >= oldestRedis[1])) return;
  throw new ArgumentError(
    '--queue',
    shown,
    `a Redis of version ${oldestRedis.join('.')} or later; it is ${version}`,
  );
}

/** What a server does not have is asked for by name: otherwise the connection goes on with database 0. */
async function checkDatabase(redis: Redis, database: number, shown: string): Promise<void> {
  try {
    if (database !== 0) await redis.select(database);
  } catch (error) {
    throw new ArgumentError('--queue', shown, `a database that is there (${(error as Error).message})`);
  }
}

/** What a user of the connection hears of it. */
interface ConnectionEvents {
  /** It was lost, and will be tried again. */
  onLost?(reason: string): void;
  onBack?(): void;
}

/**
 * Connects to a queue's server.
 *
 * @throws ArgumentError naming `--queue` if it does not answer, refuses user, password or database, or is too old
 */
export async function connect(
  { host, port, database, user, password, tls, shown }: QueueAddress,
  packages: QueuePackages,
  { onLost = () => {}, onBack = () => {} }: ConnectionEvents = {},
): Promise<Redis> {
  let isKnown = false;
  let isLost = false;
  let reason = 'no answer';
  const redis = new packages.Redis({
    ...{ host, port, db: database, lazyConnect: true, connectTimeout: 10_000, maxRetriesPerRequest: null },
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    retryStrategy: (times) => (isKnown ? Math.min(50 * 2 ** Math.min(times, 6), 2000) : null),
  });
  redis.on('error', (error: Error) => {
    reason = error.message || (error as NodeJS.ErrnoException).code || error.name;
  });
  redis.on('close', () => {
    if (!isKnown || isLost || redis.status === 'end') return;
    isLost = true;
    onLost(reason);
  });
  redis.on('ready', () => {
    if (isLost) onBack();
    isLost = false;
  });
  try {
    await redis.connect();
    await checkVersion(redis, shown);
    await checkDatabase(redis, database, shown);
  } catch (error) {
    redis.disconnect();
    if (error instanceof ArgumentError) throw error;
    const words = (error as Error).message === 'Connection is closed.' ? reason : (error as Error).message;
    throw new ArgumentError('--queue', shown, `the address of a Redis that lets us in (${words})`);
  }
  isKnown = true;
  return redis;
}
