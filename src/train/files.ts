/**
 * `halfulp/train/files`: states of `applyRecipe` and checkpoints of `train` as files, in Node. Bytes for other places, a browser's
 * storage among them, are `encodeState`'s and `encodeCheckpoint`'s.
 *
 * A file is written under a temporary name, flushed and renamed: a process that is killed at any moment leaves the file of before or
 * the new one, whole. Files are read as if anybody had written them.
 */
import { atMost, checkString } from '../check.ts';
import { DamagedFileError } from '../errors.ts';
import { largestFile, tryRead } from '../files/read.ts';
import { removeLeftovers, writeWholeFile } from '../files/write.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { decodeState, encodeState, type RecipeState } from './engine/state.ts';

/** Writes a whole file, which this process alone writes. */
function write(path: string, bytes: Uint8Array): void {
  checkString('path', path);
  atMost('state', bytes.length, largestFile.arrays, 'bytes');
  writeWholeFile(path, bytes);
  removeLeftovers(path);
}

function read(path: string): Uint8Array {
  const bytes = tryRead(checkString('path', path), largestFile.arrays);
  if (typeof bytes === 'string') throw new DamagedFileError(path, bytes, 'cannot be read');
  return bytes;
}

/**
 * Writes the state of a run, or leaves the file that was there.
 * @throws Error naming the file and the system's reason
 * @example
 * writeState('run.safetensors', run.save({ epoch }));
 */
export function writeState(path: string, state: RecipeState): void {
  write(path, encodeState(state));
}

/**
 * Reads what {@link writeState} wrote.
 * @throws DamagedFileError naming the file, and the place that is damaged
 * @example
 * if (existsSync('run.safetensors')) run.restore(readState('run.safetensors'), optimizer);
 */
export function readState(path: string): RecipeState {
  return decodeState(read(path), path);
}

/**
 * Writes a checkpoint of `train`, or leaves the file that was there.
 * @throws Error naming the file and the system's reason
 * @example
 * await train({ ...options, onCheckpoint: (checkpoint) => writeCheckpoint('run.safetensors', checkpoint) });
 */
export function writeCheckpoint(path: string, checkpoint: Checkpoint): void {
  write(path, encodeCheckpoint(checkpoint));
}

/**
 * Reads what {@link writeCheckpoint} wrote.
 * @throws DamagedFileError naming the file, and the place that is damaged
 * @example
 * await train({ ...options, resume: readCheckpoint('run.safetensors') });
 */
export function readCheckpoint(path: string): Checkpoint {
  return decodeCheckpoint(read(path), path);
}
