/** The files that a model consists of, each opened when it is first read and closed with the model. */
import { basename, dirname, join } from 'node:path';
import { DamagedFileError } from '../errors.ts';
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
