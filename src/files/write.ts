/**
 * Whole files, written under a temporary name, flushed and renamed: a good file is never replaced by half of one.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, normalize, resolve } from 'node:path';
import { ArgumentError } from '../errors.ts';

/** The system's reason without the call and the path: `ENOSPC: no space left on device`. */
export const reasonOf = (error: unknown): string => (error as Error).message.replace(/, \w+( '.*)?$/, '');

/** Writes all of a text or of bytes, however many calls that takes; gives how many bytes. */
export function writeAll(descriptor: number, content: string | Uint8Array): number {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset);
  return bytes.length;
}

/** What is there and neither a file nor a folder, such as `/dev/null`: a rename would put a file in its place. */
function isDevice(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}

/** A file that is written piece by piece and only takes its name when it is whole. */
interface WholeFile {
  write(content: string | Uint8Array): void;
  /** Flushes it and gives it its name. */
  commit(): void;
  /** Leaves what was there. */
  discard(): void;
}

/** Digits that tell this process from those of other machines that share a folder: containers have few process numbers. */
const ownDigits: string = `${process.pid}${Buffer.from(hostname()).reduce((sum, byte) => (sum * 31 + byte) % 2 ** 32, 7)}`;

/** What a file is called while this process writes it. */
export const temporaryName = (target: string): string => `${target}.tmp-${ownDigits}`;

/** Opens a file for writing. Its functions throw Error that names the file and the system's reason, and have discarded it then. */
export function openWholeFile(target: string): WholeFile {
  let temporary: string | undefined;
  let descriptor: number | undefined;
  const discard = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
    removeFile(temporary);
  };
  const trying = (work: () => void) => (): void => {
    try {
      work();
    } catch (error) {
      discard();
      throw new Error(`cannot write ${target}: ${reasonOf(error)}`, { cause: error });
    }
  };
  trying(() => {
    if (!isDevice(target)) temporary = temporaryName(target);
    // What a process of this number left when it was killed: containers give the same numbers again.
    removeFile(temporary);
    descriptor = openSync(temporary ?? target, temporary === undefined ? 'w' : 'wx');
  })();
  return {
    write: (content) => trying(() => writeAll(descriptor!, content))(),
    commit: trying(() => {
      if (temporary !== undefined) fsyncSync(descriptor!);
      closeSync(descriptor!);
      descriptor = undefined;
      if (temporary !== undefined) renameSync(temporary, target);
    }),
    discard,
  };
}

/** Writes a file or leaves what was there. Throws Error that names the file and the system's reason. */
export function writeWholeFile(target: string, content: string | Uint8Array | Iterable<string>): void {
  const file = openWholeFile(target);
  if (typeof content === 'string' || content instanceof Uint8Array) file.write(content);
  else
    try {
      for (const piece of content) file.write(piece);
    } catch (error) {
      file.discard();
      throw error;
    }
  file.commit();
}

/** Deletes what processes that were killed while they wrote a file have left beside it. The file is this process' alone. */
export function removeLeftovers(target: string): void {
  const folder = dirname(target);
  const prefix = `${basename(target)}.tmp-`;
  for (const file of readdirSync(folder))
    if (file.startsWith(prefix) && /^\d+$/.test(file.slice(prefix.length))) removeFile(join(folder, file));
}

/** Removes a file if it is there and can be. */
function removeFile(path: string | undefined): void {
  try {
    if (path !== undefined) unlinkSync(path);
  } catch {
    // Never made, or on a disk that takes no change: nothing more can be done.
  }
}

/**
 * Makes a folder and those above it that are missing, or none of them. Not by `recursive: true`, which never returns in
 * Node 20 where the system says ENOENT of a folder whose parent exists, as /proc does.
 */
export function makeFolders(path: string): void {
  const missing: string[] = [];
  for (let at = normalize(path); !existsSync(at); at = dirname(at)) {
    missing.unshift(at);
    if (dirname(at) === at) break;
  }
  const made: string[] = [];
  for (const folder of missing)
    try {
      mkdirSync(folder);
      made.unshift(folder);
    } catch (error) {
      // Another process may have made it since.
      if (existsSync(folder)) continue;
      for (const done of made) rmdirSync(done);
      throw error;
    }
}

/** Bytes of the longest name of a file. */
const longestName = 200;

/** A disk that is full refuses so many bytes, and none at all it may take. */
const probe = new Uint8Array(4096);

/**
 * Makes a folder if need be, and sure that files can be written into it, before there is anything to write.
 *
 * @throws ArgumentError naming `option`
 */
export function prepareFolder(path: string, option: string): void {
  const file = join(path, `probe-${ownDigits}`);
  try {
    makeFolders(path);
    writeWholeFile(file, probe);
    unlinkSync(file);
  } catch (error) {
    const reason = reasonOf((error as Error).cause ?? error);
    throw new ArgumentError(option, path, `a folder in which files can be written (${reason})`);
  }
}

const placeOf = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));

/** Refuses to write over what is being read, or written under another name. Throws ArgumentError naming `option`. */
export function refuseInputs(out: string, option: string, inputs: readonly (string | undefined)[]): void {
  const place = placeOf(out);
  if (inputs.some((input) => input !== undefined && placeOf(input) === place) && !isDevice(out))
    throw new ArgumentError(option, out, 'the name of a file that is not being read, or written already');
}

/**
 * Makes sure that a file can be written, before there is anything to write; what is there stays.
 *
 * @param inputs Files that the command reads, and those that it writes beside this one.
 * @throws ArgumentError naming `option`
 */
export function prepareFile(
  path: string,
  option: string,
  inputs: readonly (string | undefined)[] = [],
): void {
  refuseInputs(path, option, inputs);
  const isThere = existsSync(path);
  if (path === '' || (isThere && statSync(path).isDirectory()))
    throw new ArgumentError(option, path, 'the name of a file, where there is no folder');
  // While it is written its name is longer, and file systems take 255 bytes.
  if (Buffer.byteLength(basename(path)) > longestName)
    throw new ArgumentError(option, path, `the name of a file of at most ${longestName} bytes`);
  if (!isThere || !isDevice(path)) prepareFolder(dirname(path), option);
}
