/**
 * The folder of one run, `runs/<name>/`: made anew, never reused, so that nothing is overwritten. Whole files are
 * written under a temporary name and renamed; the log of records grows line by line and never ends in half a line.
 */

import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { makeFolders, prepareFolder, reasonOf, writeAll, writeWholeFile } from '../files/write.ts';
import { jsonText } from '../json.ts';

/** A folder that this process made. */
export interface RunFolder {
  readonly name: string;
  /** The folder as the user knows it: relative if `--out` was. */
  readonly path: string;
  /** Writes a whole file, or leaves what was there. */
  write(file: string, content: string | Uint8Array): void;
}

/** A growing file of JSON lines. */
interface RecordLog {
  append(record: object): void;
  close(): void;
}

/**
 * A name for a run that is not taken in `out`: the given name if there is one, else the stem with date and time.
 *
 * @throws ArgumentError naming `--name` if the given name is taken
 */
export function freeName(out: string, given: string | undefined, stem: string, date: Date): string {
  if (given !== undefined) {
    if (existsSync(join(out, given))) throw nameTaken(out, given);
    return given;
  }
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const base = `${stem}-${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
  let name = base;
  for (let count = 2; existsSync(join(out, name)); count++) name = `${base}-${count}`;
  return name;
}

const nameTaken = (out: string, name: string): ArgumentError =>
  new ArgumentError('--name', name, `a name that is not taken: ${join(out, name)} exists`);

/** An existing folder in which files can be written. */
function openFolder(out: string, name: string): RunFolder {
  const path = join(out, name);
  prepareFolder(path, '--out');
  return { name, path, write: (file, content) => writeWholeFile(join(path, file), content) };
}

/**
 * Makes the folder `out/name`, and `out` if need be.
 *
 * @throws ArgumentError naming `--name` if it exists, or `--out` if it cannot be made or files cannot be written in it
 */
export function makeRunFolder(out: string, name: string): RunFolder {
  const path = join(out, name);
  try {
    makeFolders(out);
    mkdirSync(path);
  } catch (error) {
    if (existsSync(path)) throw nameTaken(out, name);
    throw new ArgumentError('--out', out, `a folder in which a folder can be made (${reasonOf(error)})`);
  }
  return openFolder(out, name);
}

/**
 * Opens the folder `out/name` to go on in it, or makes it.
 *
 * @throws ArgumentError naming `--out` if it cannot be made or files cannot be written in it
 */
export function continueRunFolder(out: string, name: string): RunFolder {
  return existsSync(join(out, name)) ? openFolder(out, name) : makeRunFolder(out, name);
}

function* linesOf(records: readonly object[]): Generator<string> {
  for (const record of records) yield `${jsonText(record)}\n`;
}

/** Opens a log that holds `kept` and grows from there, in place of one that may have been there. */
export function continueRecordLog(folder: RunFolder, file: string, kept: readonly object[]): RecordLog {
  writeWholeFile(join(folder.path, file), linesOf(kept));
  return recordLog(join(folder.path, file), 'a');
}

/**
 * Opens a new log of records in a run folder. Every record is handed to the system at once, so a killed process
 * loses none; when the disk is full, the half-written line is cut off and the error names the file.
 */
export function openRecordLog(folder: RunFolder, file: string): RecordLog {
  return recordLog(join(folder.path, file), 'ax');
}

function recordLog(path: string, flags: 'a' | 'ax'): RecordLog {
  const descriptor = openSync(path, flags);
  let length = fstatSync(descriptor).size;
  return {
    append(record) {
      try {
        length += writeAll(descriptor, `${jsonText(record)}\n`);
      } catch (error) {
        ftruncateSync(descriptor, length);
        throw new Error(`cannot write ${path}: ${reasonOf(error)}`, { cause: error });
      }
    },
    close: () => closeSync(descriptor),
  };
}
