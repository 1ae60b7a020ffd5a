/**
 * A store in the queue's own Redis: bytes in chunks, and an entry that names them, which is written last and in one
 * piece. Chunks that no entry names yet go away by themselves, those of an entry with it, whoever is killed in between; everything
 * else when nobody asked for it for so long.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { parseJson } from '../../json.ts';
import { checkSchema, fields, integer, line } from '../../schema.ts';
import { prefix } from './connection.ts';
import { type Store, StoreError, type StoreName } from './store.ts';

const chunkBytes = 2 ** 20;
/** Chunks that are on their way at a time. */
const atATime = 8;
/** Seconds that chunks are kept until an entry names them. */
const hour = 3600;
/** Seconds that results, data and checkpoints are kept after they were last written or asked for. */
export const keptSeconds: number = 90 * 24 * hour;

const entrySchema = fields({
  part: line(100),
  chunks: integer(0, 2 ** 16),
  bytes: integer(0, 2 ** 31),
  step: integer(0, 2 ** 31),
});

/** Removes the chunks of an entry as it was written. */
const dropChunks = `
local function dropChunks(key, text)
  local entry = cjson.decode(text)
  for i = 0, math.min(entry.chunks, 65536) - 1 do redis.call('UNLINK', key .. ':' .. entry.part .. ':' .. i) end
end`;

/**
 * Writes an entry in place of the one that is there, with its chunks, or keeps that one where it is of the same or a later step; what
 * counts is kept for long. KEYS: the entry, the stem of the chunks. ARGV: the entry, its step, its chunks, seconds. Gives the entry that
 * was kept, or `gone`. It may come twice, since what Redis did not answer is sent again, and late: the entry's own chunks are then
 * left, and chunks that are gone, with an entry that was removed meanwhile or before there was one, are no entry's.
 */
const commitScript = `${dropChunks}
local old = redis.call('GET', KEYS[1])
if old == ARGV[1] then return end
if old and cjson.decode(old).step >= tonumber(ARGV[2]) then
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  return old
end
for i = 0, tonumber(ARGV[3]) - 1 do
  if redis.call('EXISTS', KEYS[2] .. i) == 0 then return 'gone' end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
for i = 0, tonumber(ARGV[3]) - 1 do redis.call('EXPIRE', KEYS[2] .. i, ARGV[4]) end
if old then dropChunks(KEYS[1], old) end`;

/** Removes chunks that no entry names. KEYS: the entry, the chunks. ARGV: what the entry would be. */
const abandonScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end end`;

/** Removes an entry and its chunks. */
const removeScript = `${dropChunks}
local old = redis.call('GETDEL', KEYS[1])
if old then dropChunks(KEYS[1], old) end`;

/** Removes an entry that is still the one that was read. */
const forgetScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

interface Entry {
  readonly part: string;
  readonly chunks: number;
  readonly bytes: number;
  readonly step: number;
}

const entryOf = (text: string): Entry => checkSchema('entry', parseJson(text), entrySchema);
const entryKey = ({ kind, hash }: StoreName): string => `${prefix}:store:${kind}:${hash}`;
const chunkStem = (name: StoreName, part: string): string => `${entryKey(name)}:${part}:`;
const chunkKeys = (name: StoreName, { part, chunks }: Pick<Entry, 'part' | 'chunks'>): string[] =>
  Array.from({ length: chunks }, (_, i) => `${chunkStem(name, part)}${i}`);

/** What Redis refuses is the store's matter. */
async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StoreError(`the store in Redis: ${(error as Error).message}`, { cause: error });
  }
}

/** Removes the chunks of what was to be an entry, unless it is one: its writer may have lost the answer only. */
async function abandon(redis: Redis, name: StoreName, entry: Entry): Promise<void> {
  const keys = chunkKeys(name, entry);
  for (let i = 0; i < keys.length; i += 100) {
    const some = [entryKey(name), ...keys.slice(i, i + 100)];
    await redis.eval(abandonScript, some.length, ...some, JSON.stringify(entry));
  }
}

/** Keeps an entry and its chunks for long from here on. */
async function keep(redis: Redis, name: StoreName, entry: Entry): Promise<void> {
  const pipeline = redis.pipeline();
  for (const key of [entryKey(name), ...chunkKeys(name, entry)]) pipeline.expire(key, keptSeconds);
  await pipeline.exec();
}

async function writeChunks(redis: Redis, keys: readonly string[], bytes: Uint8Array): Promise<void> {
  for (let i = 0; i < keys.length; i += atATime)
    await Promise.all(
      keys.slice(i, i + atATime).map((key, j) => {
        const from = (i + j) * chunkBytes;
        return redis.set(key, Buffer.from(bytes.subarray(from, from + chunkBytes)), 'EX', hour);
      }),
    );
}

/** The bytes of an entry; null where a chunk is gone or they do not fit. */
async function readChunks(redis: Redis, name: StoreName, entry: Entry): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(entry.bytes);
  let length = 0;
  for (const key of chunkKeys(name, entry)) {
    const chunk = await redis.getBuffer(key);
    if (chunk === null || length + chunk.length > bytes.length) break;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return length === bytes.length ? bytes : null;
}

/** Writes chunks and the entry; again where the chunks are gone. Gives the entry that was kept instead, or null. */
async function commit(
  redis: Redis,
  name: StoreName,
  entry: Entry,
  bytes: Uint8Array,
): Promise<string | null> {
  for (let attempt = 0; attempt < 3; attempt++) {
    await writeChunks(redis, chunkKeys(name, entry), bytes);
    const kept = (await redis.eval(
      commitScript,
      2,
      ...[entryKey(name), chunkStem(name, entry.part)],
      ...[JSON.stringify(entry), entry.step, entry.chunks, keptSeconds],
    )) as string | null;
    if (kept !== 'gone') return kept;
  }
  throw new Error('its chunks are gone');
}

/** Writes bytes of a step unless there are some of the same or a later one; whether they were written. */
async function write(redis: Redis, name: StoreName, step: number, bytes: Uint8Array): Promise<boolean> {
  const chunks = Math.ceil(bytes.length / chunkBytes);
  const entry: Entry = { part: randomUUID(), chunks, bytes: bytes.length, step };
  try {
    const kept = await commit(redis, name, entry, bytes);
    if (kept === null) return true;
    await abandon(redis, name, entry);
    await keep(redis, name, entryOf(kept));
    return false;
  } catch (error) {
    await abandon(redis, name, entry).catch(() => {});
    throw error;
  }
}

async function read(redis: Redis, name: StoreName): Promise<Uint8Array | null> {
  let seen = '';
  for (let look = 0; look < 5; look++) {
    const text = await redis.get(entryKey(name));
    if (text === null) return null;
    seen = text;
    const entry = entryOf(text);
    const bytes = await readChunks(redis, name, entry);
    if (bytes !== null) {
      await keep(redis, name, entry);
      return bytes;
    }
  }
  // Without a chunk the entry is worth nothing: as if it were not there.
  await redis.eval(forgetScript, 1, entryKey(name), seen);
  return null;
}

/** The store of a connection. */
export function redisStore(redis: Redis): Store {
  return {
    id: 'redis',
    add: (name, bytes) => storing(() => write(redis, name, 0, bytes)),
    save: (name, step, bytes) => storing(async () => void (await write(redis, name, step, bytes))),
    read: (name) => storing(() => read(redis, name)),
    remove: (name) => storing(async () => void (await redis.eval(removeScript, 1, entryKey(name)))),
  };
}
