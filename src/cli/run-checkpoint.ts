/** The checkpoint that a user means by the folder of a run, or by the file itself. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { readPointer } from './run-files.ts';

/** The path of a run's newest checkpoint, or the file that was given, whatever it holds. Throws ArgumentError, or DamagedFileError. */
export function checkpointPath(option: string, path: string, accepted: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  const file = found?.isDirectory() ? readPointer(join(path, 'checkpoint.json')) : null;
  if (found === undefined || (found.isDirectory() && file === null))
    throw new ArgumentError(option, path, accepted);
  return file === null ? path : join(path, file);
}
