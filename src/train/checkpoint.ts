/**
 * A run between two steps as plain data: everything that the next step depends on, and its bytes. How bytes are laid out is
 * safetensors.ts', deciding when is the loop's.
 */
import { checkFields, numberInRange, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { anything, fields, integer, number, record, type Schema, value } from '../schema.ts';
import { canonicalJson } from './hash.ts';
import { checkSaved, decodeSaved, encodeSaved } from './safetensors.ts';
import { type SavedArray, savedFloat64 } from './stores/index.ts';

/** What must be the same for a run to go on from a checkpoint. */
export interface RunIdentity {
  /** Hash of the recipe. */
  readonly recipe: string;
  readonly model: unknown;
  readonly seed: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly evaluateEvery: number;
  /** Windows or samples. */
  readonly evaluationWindows: number;
  readonly probeEvery: number;
  readonly gradientDraws: number;
  /** TensorFlow.js backend, and whose kernels. */
  readonly backend: string;
  /** Version of the numerics, and of TensorFlow.js. */
  readonly numerics: string;
  /** Hash of the training and validation data, with the names of characters or classes. */
  readonly data: string;
  /** Hash of the weights of a teacher that was given. */
  readonly teacher?: string;
}

/** The numbers of a checkpoint. */
export interface CheckpointState {
  readonly version: 1;
  readonly identity: RunIdentity;
  /** Steps done. */
  readonly step: number;
  /** Index of the phase in force. */
  readonly phase: number;
  readonly optimizer: Readonly<Record<string, number>>;
  /** Of the steps so far. */
  readonly seconds: number;
}

export interface Checkpoint {
  readonly state: CheckpointState;
  /** `weights/...`, `optimizer/...`, `quantizers/...`, `update/...`, `teacher/...`, `model/...` (averages) and `losses`. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

/** The numbers of a checkpoint, from a file or a program. */
const stateSchema = fields({
  version: value<1>((given) => given === 1, 'version 1, the only one there is'),
  // Compared as a whole with the run's own.
  identity: record(anything),
  step: integer(1, 2 ** 21),
  phase: integer(0, 100),
  optimizer: record(number({ from: 0 })),
  seconds: number({ from: 0 }),
}) as Schema as Schema<CheckpointState>;

/** Throws ArgumentError unless it is a checkpoint, of whatever run. */
export function checkCheckpoint(resume: Checkpoint): void {
  checkSaved('resume', resume, stateSchema);
}

/** The bytes of a checkpoint, in the safetensors format. Equal checkpoints give equal bytes. Throws ArgumentError naming the field. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  return encodeSaved('checkpoint', checkpoint, stateSchema);
}

/**
 * The checkpoint of a file's bytes.
 * @param file What messages call it.
 * @throws DamagedFileError naming the file and the place that is damaged.
 */
export function decodeCheckpoint(bytes: Uint8Array, file = 'checkpoint'): Checkpoint {
  return decodeSaved(bytes, file, stateSchema);
}

/**
 * Throws ArgumentError naming the first thing in which a checkpoint's run differs from this one.
 */
export function checkIdentity(found: RunIdentity, wanted: RunIdentity): void {
  checkFields('resume', found, Object.keys(wanted));
  for (const field of Object.keys(wanted) as (keyof RunIdentity)[])
    if (canonicalJson(found[field]) !== canonicalJson(wanted[field]))
      throw new ArgumentError(
        `resume.${field}`,
        canonicalJson(found[field]),
        `a checkpoint of this run, with ${canonicalJson(wanted[field])}`,
      );
}

/** The losses so far as an array. */
export function savedLosses(losses: readonly number[]): SavedArray {
  return savedFloat64(Float64Array.from(losses));
}

/**
 * The losses of a checkpoint's steps.
 * @throws ArgumentError naming the first array that is neither theirs nor of the weights, the optimiser, quantisers or what gradients go through.
 */
export function lossesOf(arrays: Checkpoint['arrays'], step: number): number[] {
  const saved = arrays.get('losses');
  if (saved?.dtype !== 'F64' || saved.shape.length !== 1 || saved.shape[0] !== step)
    throw new ArgumentError('resume.losses', saved?.shape.join(' x '), `${step} binary64 numbers`);
  for (const name of arrays.keys())
    if (!/^(losses$|weights\/|optimizer\/|quantizers\/|update\/|teacher\/|model\/)/.test(name))
      throw new ArgumentError('resume', name, 'no such array');
  return [...new Float64Array(saved.data.slice().buffer)];
}

/**
 * Throws ArgumentError unless an optimiser's counters are those that it has, each from 0 to `most`: powers of betas are at most 1,
 * everything else counts steps.
 */
export function checkCounters(
  path: string,
  found: Readonly<Record<string, number>>,
  own: Readonly<Record<string, number>>,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  checkFields(path, found, Object.keys(own));
  for (const name of Object.keys(own))
    numberInRange(pathOf(path, name), found[name], { from: 0, to: Math.max(1, most) });
}

/** Arrays whose names begin with a folder, without it. */
export function arraysUnder(
  folder: string,
  arrays: ReadonlyMap<string, SavedArray>,
): Map<string, SavedArray> {
  const prefix = `${folder}/`;
  return new Map(
    [...arrays].flatMap(([name, saved]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), saved] as const] : [],
    ),
  );
}
