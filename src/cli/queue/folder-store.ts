/**
 * A store in a folder that machines share. A file takes its name when it is whole and flushed; the bytes of a step have
 * it in their name, so that two workers that take themselves for the one of a run never write the same file.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../../errors.ts';
import { largestFile, tryRead } from '../../files/read.ts';
import { makeFolders, prepareFolder, writeWholeFile } from '../../files/write.ts';
import { checkSchema, fields, line } from '../../schema.ts';
import { readJson } from '../read-file.ts';
import { type Store, StoreError, type StoreName } from './store.ts';

const kinds = ['data', 'checkpoints', 'results'] as const;
const identitySchema = fields({ id: line(100) });

/** Runs what touches the folder; what goes wrong is the store's. */
function storing<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new StoreError(`the store ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

/** Gives bytes a name that nothing has; false if something has it. */
function writeFirst(path: string, bytes: Uint8Array): boolean {
  if (existsSync(path)) return false;
  const whole = `${path}-${randomUUID()}`;
  writeWholeFile(whole, bytes);
  try {
    linkSync(whole, path);
    return true;
  } catch (error) {
    if (existsSync(path)) return false;
    throw error;
  } finally {
    rmSync(whole, { force: true });
  }
}

function identityOf(folder: string): string {
  const file = join(folder, 'store.json');
  writeFirst(file, Buffer.from(`${JSON.stringify({ id: randomUUID() })}\n`));
  try {
    return checkSchema('store', readJson(file, '--store'), identitySchema).id;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError('--store', folder, `a store, or an empty folder (${error.message})`);
  }
}

/** Opens the store of a folder, and makes it if need be. Throws ArgumentError naming `--store`. */
export function folderStore(folder: string): Store {
  prepareFolder(folder, '--store');
  storing(folder, () => {
    for (const kind of kinds) makeFolders(join(folder, kind));
  });
  const id = identityOf(folder);
  const pathOf = ({ kind, hash }: StoreName): string => join(folder, kind, hash);
  /** Whole files of a name, the last step first. */
  const filesOf = ({ kind, hash }: StoreName): string[] => {
    const isStep = (file: string): boolean =>
      file.startsWith(hash) && /^-\d{10}$/.test(file.slice(hash.length));
    const files = readdirSync(join(folder, kind));
    return files
      .filter((file) => file === hash || isStep(file))
      .sort()
      .reverse();
  };
  return {
    id,
    add: async (name, bytes) => storing(folder, () => writeFirst(pathOf(name), bytes)),
    save: async (name, step, bytes) =>
      storing(folder, () => {
        const file = `${name.hash}-${String(step).padStart(10, '0')}`;
        const others = filesOf(name);
        if (others.some((other) => other >= file)) return;
        writeWholeFile(join(folder, name.kind, file), bytes);
        for (const other of others) rmSync(join(folder, name.kind, other), { force: true });
      }),
    read: async (name) =>
      storing(folder, () => {
        // The file of a step may give way to that of the next between the two looks.
        for (let look = 0; look < 5; look++) {
          const [file] = filesOf(name);
          if (file === undefined) return null;
          const path = join(folder, name.kind, file);
          const bytes = tryRead(path, largestFile.arrays);
          if (typeof bytes !== 'string') return bytes;
          if (existsSync(path)) throw new Error(`${path}: ${bytes}`);
        }
        return null;
      }),
    remove: async ({ kind, hash }) =>
      storing(folder, () => {
        // What processes that were killed have left of it, too.
        for (const file of readdirSync(join(folder, kind)))
          if (file.startsWith(hash)) rmSync(join(folder, kind, file), { force: true });
      }),
  };
}
