/**
 * Files that anybody may have made, read up to a size that their kind can have; why one cannot be read is said in words. What is
 * in them is for others.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** Bytes of the largest file of each kind. A string has at most 2^29 characters, an array of bytes 2^31 elements. */
export const largestFile: Readonly<Record<'settings' | 'text' | 'arrays', number>> = {
  settings: 2 ** 24,
  text: 2 ** 28,
  arrays: 2 ** 31 - 1,
};

/** Why a file cannot be read, in words, by the system's error code. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'this is a folder',
  EACCES: 'no permission to read it',
  ENAMETOOLONG: 'the path is too long',
  ELOOP: 'links go round in a circle',
  ERR_INVALID_ARG_VALUE: 'a path has no zero characters',
};

/** Why a file that the user named cannot be read. */
export function fileReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const words = Object.hasOwn(reasons, code) ? reasons[code] : undefined;
  return words === undefined ? `reading it failed with ${code}` : `${words}, ${code}`;
}

/** Whether a path is a folder's; what cannot be looked at is none. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** All bytes of an open file; null if there are more than `most`. What is no plain file has no size to go by. */
function readAll(descriptor: number, most: number): Uint8Array | null {
  const stat = fstatSync(descriptor);
  if (stat.isFile() && stat.size > most) return null;
  let bytes = Buffer.allocUnsafe(Math.min(most, Math.max(65536, stat.size)) + 1);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > most) return null;
    if (length < bytes.length) continue;
    const larger = Buffer.allocUnsafe(Math.min(most + 1, 2 * bytes.length));
    bytes.copy(larger);
    bytes = larger;
  }
}

/** The bytes of a file, or why there are none in words. */
export function tryRead(path: string, most: number): Uint8Array | string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    return fileReason(error);
  }
  try {
    return readAll(descriptor, most) ?? `it has more than ${most} bytes`;
  } catch (error) {
    return fileReason(error);
  } finally {
    closeSync(descriptor);
  }
}
