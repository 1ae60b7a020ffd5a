/**
 * Checkpoints in a run folder: `checkpoint-N.safetensors` for N steps, and `checkpoint.json`, which names the newest.
 * Both are written under a temporary name, flushed and renamed, the pointer last: killed at any moment, the folder names
 * a whole checkpoint, or none yet.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../train/index.ts';
import type { RunFolder } from '../run-folder.ts';
import { reasonOf } from '../write-file.ts';

const pointer = 'checkpoint.json';
const pattern = /^checkpoint-\d+\.safetensors/;

/** Writes a checkpoint, points to it and deletes the others. */
export function writeCheckpoint(folder: RunFolder, checkpoint: Checkpoint): void {
  const { step } = checkpoint.state;
  const file = `checkpoint-${String(step).padStart(8, '0')}.safetensors`;
  folder.write(file, encodeCheckpoint(checkpoint));
  folder.write(pointer, `${JSON.stringify({ file, step })}\n`);
  for (const other of readdirSync(folder.path))
    if (pattern.test(other) && other !== file) rmSync(join(folder.path, other), { force: true });
}

/**
 * The newest checkpoint of a folder, or null if there is none.
 *
 * @throws Error naming the file, and the place in it, if it is damaged
 */
export function readCheckpoint(folder: RunFolder): Checkpoint | null {
  const path = join(folder.path, pointer);
  if (!existsSync(path)) return null;
  let file: unknown;
  try {
    ({ file } = JSON.parse(readFileSync(path, 'utf8')) as { file: unknown });
  } catch (error) {
    throw new Error(`${path} is damaged: ${(error as Error).message}`, { cause: error });
  }
  if (typeof file !== 'string' || !pattern.test(file))
    throw new Error(`${path} is damaged: it names no checkpoint`);
  const target = join(folder.path, file);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(target);
  } catch (error) {
    throw new Error(`${target} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
  return decodeCheckpoint(bytes, target);
}
