/**
 * Checkpoints in a run folder: `checkpoint-N.safetensors` for N steps, and `checkpoint.json`, which names the newest.
 * Both are written under a temporary name, flushed and renamed, the pointer last: killed at any moment, the folder names
 * a whole checkpoint, or none yet.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readCheckpoint as readFile } from '../../train/files.ts';
import { type Checkpoint, encodeCheckpoint } from '../../train/index.ts';
import { checkpointFile, readPointer } from '../run-files.ts';
import type { RunFolder } from '../run-folder.ts';

const pointer = 'checkpoint.json';
/** Checkpoints, and what a process that was killed left of one. */
const pattern = /^checkpoint-\d+\.safetensors(\.tmp-\d+)?$/;

/** Writes a checkpoint, points to it and deletes the others. */
export function writeCheckpoint(folder: RunFolder, checkpoint: Checkpoint): void {
  const { step } = checkpoint.state;
  const file = checkpointFile(step);
  folder.write(file, encodeCheckpoint(checkpoint));
  folder.write(pointer, `${JSON.stringify({ file, step })}\n`);
  for (const other of readdirSync(folder.path))
    if (pattern.test(other) && other !== file) rmSync(join(folder.path, other), { force: true });
}

/**
 * The newest checkpoint of a folder, or null if there is none.
 *
 * @throws DamagedFileError naming the file, and the place in it
 */
export function readCheckpoint(folder: RunFolder): Checkpoint | null {
  const file = readPointer(join(folder.path, pointer));
  if (file === null) return null;
  return readFile(join(folder.path, file));
}
