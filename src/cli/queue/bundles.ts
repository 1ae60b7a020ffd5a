/**
 * What a run leaves in a store, as bytes: the files of its folder when it is done, its records and checkpoint before.
 */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { DamagedFileError } from '../../errors.ts';
import { largestFile } from '../../files/read.ts';
import { parseJson } from '../../json.ts';
import { checkSchema, fields, type Schema, value } from '../../schema.ts';
import { type Checkpoint, decodeCheckpoint } from '../../train/index.ts';

/** Texts of the files of a run that is done. */
interface RunFiles {
  readonly config: string;
  readonly metrics: string;
  readonly result: string;
}

const text = value<string>((given) => typeof given === 'string', 'a text');
const filesSchema: Schema<RunFiles> = fields({ config: text, metrics: text, result: text });

const unpacked = (bytes: Uint8Array): string =>
  gunzipSync(bytes, { maxOutputLength: largestFile.text }).toString('utf8');

export const encodeFiles = (files: RunFiles): Uint8Array => gzipSync(JSON.stringify(files));

/** Throws DamagedFileError. */
export function decodeFiles(bytes: Uint8Array, name: string): RunFiles {
  try {
    return checkSchema('files', parseJson(unpacked(bytes)), filesSchema);
  } catch (error) {
    throw new DamagedFileError(name, (error as Error).message, 'is damaged');
  }
}

/** A run between two steps: the lines of its records, and the checkpoint's bytes. */
interface RunState {
  readonly records: string;
  readonly checkpoint: Uint8Array;
}

/** Four bytes say how long the records are. */
export function encodeState({ records, checkpoint }: RunState): Uint8Array {
  const packed = gzipSync(records, { level: 1 });
  const bytes = new Uint8Array(4 + packed.length + checkpoint.length);
  new DataView(bytes.buffer).setUint32(0, packed.length, true);
  bytes.set(packed, 4);
  bytes.set(checkpoint, 4 + packed.length);
  return bytes;
}

/** Throws DamagedFileError. */
export function decodeState(bytes: Uint8Array, name: string): { records: string; checkpoint: Checkpoint } {
  if (bytes.length < 4) throw new DamagedFileError(name, `it has ${bytes.length} bytes`, 'is damaged');
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  let records: string;
  try {
    records = unpacked(bytes.subarray(4, end));
  } catch (error) {
    throw new DamagedFileError(name, (error as Error).message, 'is damaged');
  }
  return { records, checkpoint: decodeCheckpoint(bytes.subarray(end), name) };
}

/** Name of bytes in a store. */
export const hashBytes = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
