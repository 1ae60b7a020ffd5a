/**
 * A store in a folder that machines share. A file takes its name when it is whole and flushed; the bytes of a step have
 * it in their name, so that two workers that take themselves for the one of a run never write the same file.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, opendirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ArgumentError } from '../../errors.ts';
import { largestFile, tryRead } from '../../files/read.ts';
import { makeFolders, prepareFolder, reasonOf, writeWholeFile } from '../../files/write.ts';
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

/** What a file system says that takes no second name of a file. */
const noLinks: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/** Writes; once more where another worker, that finished the run meanwhile, took away what was half written. */
function writing<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (codeOf((error as Error).cause ?? error) !== 'ENOENT') throw error;
    return write();
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
    if (!noLinks.includes(codeOf(error))) throw error;
    throw new Error(`a file system with hard links is needed (${reasonOf(error)})`, { cause: error });
  } finally {
    rmSync(whole, { force: true });
  }
}

/** The bytes of a file; null if there is none. */
function readIfThere(path: string): Uint8Array | null {
  for (let look = 0; ; look++) {
    const bytes = tryRead(path, largestFile.arrays);
    if (typeof bytes !== 'string') return bytes;
    if (!/(ENOENT|ESTALE)$/.test(bytes)) throw new Error(`${path}: ${bytes}`);
    if (look > 0) return null;
    // Machines that share a folder remember for a while what was not in it, unless it is opened.
    opendirSync(dirname(path)).closeSync();
  }
}

function identityOf(folder: string): string {
  const file = join(folder, 'store.json');
  try {
    writeFirst(file, Buffer.from(`${JSON.stringify({ id: randomUUID() })}\n`));
    return checkSchema('store', readJson(file, '--store'), identitySchema).id;
  } catch (error) {
    throw new ArgumentError('--store', folder, `a store, or an empty folder (${(error as Error).message})`);
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
    add: async (name, bytes) => storing(folder, () => writing(() => writeFirst(pathOf(name), bytes))),
    save: async (name, step, bytes) =>
      storing(folder, () => {
        const file = `${name.hash}-${String(step).padStart(10, '0')}`;
        const others = filesOf(name);
        if (others.some((other) => other >= file)) return;
        writing(() => writeWholeFile(join(folder, name.kind, file), bytes));
        for (const other of others) rmSync(join(folder, name.kind, other), { force: true });
      }),
    read: async (name) => {
      if (name.kind !== 'checkpoints') return storing(folder, () => readIfThere(pathOf(name)));
      // The file of a step may give way to that of the next after it was listed, and lists of shared folders are late.
      for (let look = 0; look < 5; look++) {
        await delay(200 * look);
        const [file] = storing(folder, () => filesOf(name));
        if (file === undefined) return null;
        const bytes = storing(folder, () => readIfThere(join(folder, name.kind, file)));
        if (bytes !== null) return bytes;
      }
      return null;
    },
    remove: async ({ kind, hash }) =>
      storing(folder, () => {
        // What processes that were killed have left of it, too.
        for (const file of readdirSync(join(folder, kind)))
          if (file.startsWith(hash)) rmSync(join(folder, kind, file), { force: true });
      }),
  };
}
