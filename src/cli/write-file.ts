/**
 * Whole files, written under a temporary name, flushed and renamed: a good file is never replaced by half of one.
 */

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** The system's reason without the call and the path: `ENOSPC: no space left on device`. */
export const reasonOf = (error: unknown): string => (error as Error).message.replace(/, \w+( '.*)?$/, '');

/** Writes all of a text or of bytes, however many calls that takes; gives how many bytes. */
export function writeAll(descriptor: number, content: string | Uint8Array): number {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset);
  return bytes.length;
}

/** Writes a file or leaves what was there. Throws Error that names the file and the system's reason. */
export function writeWholeFile(target: string, content: string | Uint8Array): void {
  const temporary = `${target}.tmp-${process.pid}`;
  try {
    const descriptor = openSync(temporary, 'wx');
    try {
      writeAll(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Error(`cannot write ${target}: ${reasonOf(error)}`, { cause: error });
  }
}
