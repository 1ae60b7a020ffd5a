/** Files read piece by piece at any place; what is asked of them beyond their end is a damaged file's fault. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { fileReason } from '../files/read.ts';

export interface RandomAccess {
  readonly path: string;
  readonly size: number;
  /** So many bytes from a place on, which must be in the file. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/**
 * Opens a file.
 * @throws ArgumentError naming `argument` where the user named the file; DamagedFileError where another file did (`argument` undefined).
 */
export function openRandomAccess(path: string, argument?: string): RandomAccess {
  const refuse = (reason: string): Error =>
    argument === undefined
      ? new DamagedFileError(path, reason, 'cannot be read')
      : new ArgumentError(argument, path, `a readable file (${reason})`);
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw refuse(fileReason(error));
  }
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) {
    closeSync(descriptor);
    throw refuse(stat.isDirectory() ? 'this is a folder' : 'this is no plain file');
  }
  const { size } = stat;
  let isOpen = true;
  return {
    path,
    size,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size))
        throw new DamagedFileError(path, `byte ${offset}: ${length} bytes do not fit into ${size}`);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const count = readSync(descriptor, bytes, done, length - done, offset + done);
        if (count === 0) throw new DamagedFileError(path, `byte ${offset + done}: the file ends`);
        done += count;
      }
      return bytes;
    },
    close() {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}
