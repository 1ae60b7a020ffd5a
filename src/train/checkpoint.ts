/**
 * A run between two steps as plain data: everything that the next step depends on. Writing it to a file is
 * safetensors.ts, deciding when is the loop's.
 */
import { ArgumentError } from '../errors.ts';
import { canonicalJson } from './hash.ts';
import type { SavedArray } from './stores/index.ts';

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
  /** Hash of the training and validation data, with the names of characters or classes. */
  readonly data: string;
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
  /** `weights/...`, `optimizer/...` and `losses`. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

/**
 * Throws ArgumentError naming the first thing in which a checkpoint's run differs from this one.
 */
export function checkIdentity(found: RunIdentity, wanted: RunIdentity): void {
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
  const values = Float64Array.from(losses);
  return { dtype: 'F64', shape: [values.length], data: new Uint8Array(values.buffer) };
}

/** The losses of an array. Throws Error unless there are `count`. */
export function lossesOf(saved: SavedArray | undefined, count: number): number[] {
  if (saved === undefined || saved.dtype !== 'F64' || saved.data.byteLength !== 8 * count)
    throw new Error(`checkpoint: losses is not ${count} binary64 numbers`);
  return [...new Float64Array(saved.data.slice().buffer)];
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
