/** The files that a model consists of, each opened when it is first read and closed with the model. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import type { ModelFile } from './model-file.ts';
import { openRandomAccess, type RandomAccess } from './random-access.ts';

export interface OpenFiles {
  /** A file by its path; it is open already or opened. Throws DamagedFileError. */
  open(path: string): RandomAccess;
  close(): void;
}

/** No file is open but `first`. */
export function openFiles(first: RandomAccess): OpenFiles {
  const files = new Map([[first.path, first]]);
  return {
    open(path) {
      const known = files.get(path);
      if (known !== undefined) return known;
      const opened = openRandomAccess(path);
      files.set(path, opened);
      return opened;
    },
    close() {
      for (const file of files.values()) file.close();
    },
  };
}

/** A file name that a part of a path may be. */
const isSegment = (part: string): boolean =>
  part !== '' && part !== '.' && part !== '..' && !part.includes('\0') && part.length <= 255;

/**
 * The path of a file that another file names: in its folder or below, whatever tricks the name has.
 * @throws DamagedFileError naming the file that names it.
 */
export function besideFile(path: string, name: string): string {
  const parts = name.split('/');
  if (!parts.every(isSegment) || /[\\:]/.test(name) || name.length > 1000)
    throw new DamagedFileError(path, `'${name}' is no name of a file in its folder or below`);
  const beside = join(dirname(path), ...parts);
  if (beside === join(dirname(path), basename(path)))
    throw new DamagedFileError(path, `'${name}' names the file itself`);
  return beside;
}

/** Refuses to write over what is being read. Throws ArgumentError naming `out`. */
export function refuseInputs({ files }: ModelFile, outputs: readonly string[]): void {
  const read = new Set(files.map((file) => realpathSync(file)));
  for (const out of outputs) {
    const place = existsSync(out) ? realpathSync(out) : resolve(out);
    if (read.has(place)) throw new ArgumentError('out', out, 'the name of a file that is not being read');
  }
}
