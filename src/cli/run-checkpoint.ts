/** The checkpoint that a user means by the folder of a run, or by the file itself. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { isFolder } from '../files/read.ts';
import { readPointer } from './run-files.ts';

/** The path of a run's newest checkpoint, or the file that was given, whatever it holds. Throws ArgumentError, or DamagedFileError. */
export function checkpointPath(option: string, path: string, accepted: string): string {
  const isRun = isFolder(path);
  const file = isRun ? readPointer(join(path, 'checkpoint.json')) : null;
  if (isRun ? file === null : !existsSync(path)) throw new ArgumentError(option, path, accepted);
  return file === null ? path : join(path, file);
}
