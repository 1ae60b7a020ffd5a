/**
 * The files of a run folder as they are read again: config.json, metrics.jsonl, result.json, checkpoint.json. Each is
 * checked before it is used, since anybody may have changed it; what is damaged is named with its place.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { oneOf } from '../check.ts';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { largestFile, tryRead } from '../files/read.ts';
import {
  checkSchema,
  fields,
  fileName,
  integer,
  line,
  list,
  maybe,
  number,
  record,
  type Schema,
  someFields,
  value,
} from '../schema.ts';
import type { Environment } from './environment.ts';
import { readJson } from './read-file.ts';
import { ofFile, recordsOf, resultSchema } from './run-records.ts';
import type { SamplesIdentity } from './training-data.ts';
import type { TextIdentity } from './training-text.ts';

/** The content of a run's result.json; null if there is none that is whole. */
export function readResult(folder: string): object | null {
  const path = join(folder, 'result.json');
  if (!existsSync(path)) return null;
  try {
    return checkSchema('result', readJson(path, 'result.json'), resultSchema);
  } catch (error) {
    if (error instanceof ArgumentError) return null;
    throw error;
  }
}

/** Whether a run has its result. */
export const hasResult = (folder: string): boolean => readResult(folder) !== null;

/** Lines of a file as texts, without making one text of all of them. */
function* linesOf(path: string): Generator<string> {
  const bytes = tryRead(path, largestFile.arrays);
  if (typeof bytes === 'string') throw new DamagedFileError(path, bytes, 'cannot be read');
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(0x0a, from);
    const to = at < 0 ? bytes.length : at;
    yield decoder.decode(bytes.subarray(from, to));
    from = to + 1;
  }
}

/**
 * The records of a log, without a last line that is not whole. None if there is no file.
 *
 * @throws DamagedFileError naming the line
 */
export function readRecords(path: string): object[] {
  return existsSync(path) ? recordsOf(linesOf(path), path) : [];
}

/** What of a run's config.json a page shows: of a text or of samples. */
export interface RecordedConfig {
  readonly text?: TextIdentity;
  readonly samples?: SamplesIdentity;
  readonly environment: Environment;
}

const count = integer(0, Number.MAX_SAFE_INTEGER);
const textIdentity = someFields({ name: line(), vocabulary: count, trainingCharacters: count });
const samplesIdentity = someFields({
  name: line(),
  features: count,
  classes: list(value<string>((given) => typeof given === 'string', 'a text')),
  trainingSamples: count,
});
const configSchema = someFields({
  text: maybe(textIdentity),
  samples: maybe(samplesIdentity),
  environment: someFields({
    cpu: line(),
    cores: count,
    memoryGiB: number({ from: 0 }),
    node: line(),
    packages: record(line()),
  }),
});

/** The content of a config.json. Throws ArgumentError. */
export function checkConfig(given: unknown): RecordedConfig {
  const config = checkSchema('config', given, configSchema);
  if (config.text === undefined && config.samples === undefined)
    throw new ArgumentError('config', config, 'an object with text or samples');
  return config as unknown as RecordedConfig;
}

/** What a run recorded of itself when it began. Throws DamagedFileError. */
export function readConfig(folder: string): RecordedConfig {
  const path = join(folder, 'config.json');
  return ofFile(path, () => checkConfig(readJson(path, 'config')));
}

/** What a run of a sweep rests on, as its folder keeps it: see sweep/basis.ts. */
interface RecordedBasis {
  /** Of the run's settings without what follows. */
  readonly key: string;
  readonly numerics: string;
  readonly data: string;
  readonly teacher?: string;
}

const basisSchema = fields({
  ...{ key: line(), numerics: line(), data: line(), teacher: maybe(line()) },
}) as Schema as Schema<RecordedBasis>;

/** The file of a run folder that says what its run rests on. */
export const basisFile = 'basis.json';

/** What a run rests on; null if its folder does not say, or if the file is damaged. */
export function readBasis(folder: string): RecordedBasis | null {
  const path = join(folder, basisFile);
  if (!existsSync(path)) return null;
  try {
    return checkSchema('basis', readJson(path, basisFile), basisSchema);
  } catch (error) {
    if (error instanceof ArgumentError) return null;
    throw error;
  }
}

const pointerSchema = fields({ file: fileName, step: integer(1, 2 ** 31) });

/** Name of the checkpoint after so many steps. */
export const checkpointFile = (steps: number): string =>
  `checkpoint-${String(steps).padStart(8, '0')}.safetensors`;

/** Name of a run's newest checkpoint, or null if it has none. Throws DamagedFileError. */
export function readPointer(path: string): string | null {
  if (!existsSync(path)) return null;
  return ofFile(path, () => {
    const { file, step: steps } = checkSchema('checkpoint', readJson(path, 'checkpoint'), pointerSchema);
    return oneOf('checkpoint.file', file, [checkpointFile(steps)]);
  });
}
