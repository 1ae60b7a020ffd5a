/** Chooses where data and checkpoints lie: in the folder that is named, else in the queue's Redis. */
import type { Redis } from 'ioredis';
import { folderStore } from './folder-store.ts';
import { redisStore } from './redis-store.ts';
import type { Store } from './store.ts';

/** Throws ArgumentError naming `--store`. */
export function openStore(folder: string | undefined, redis: Redis): Store {
  return folder === undefined ? redisStore(redis) : folderStore(folder);
}
