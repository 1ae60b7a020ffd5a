/**
 * The state of a recipe in force as plain data and arrays, its schema and its bytes: clocks, weights as they are held, optimisers'
 * moments, what quantisers remember, and what the program wants to find again. What fills it and takes it up is save.ts.
 */
import {
  anything,
  fields,
  integer,
  line,
  list,
  maybe,
  number,
  record,
  type Schema,
  value,
} from '../../schema.ts';
import type { EmulationState } from '../../tfjs/emulate.ts';
import { decodeSaved, encodeSaved } from '../safetensors.ts';
import type { SavedArray } from '../stores/index.ts';

/** An optimiser between two steps, without its arrays. */
export interface SavedOptimizer {
  /** Name of its class. */
  readonly kind: string;
  readonly counters: Readonly<Record<string, number>>;
  /** Those that it has a state of, in its order. */
  readonly parameters: readonly string[];
  /** The clock of its last step. */
  readonly clock: number;
}

export interface RecipeState {
  readonly state: {
    readonly version: 1;
    /** Hash of the recipe. */
    readonly recipe: string;
    readonly seed: number;
    readonly steps: number;
    /** Updates that each parameter has had. */
    readonly clocks: Readonly<Record<string, number>>;
    /** In the order of their first steps. */
    readonly optimizers: readonly SavedOptimizer[];
    /** Random integers that slots have drawn in steps that are not over, by `layer/slot/quantiser`: the step, and how many. */
    readonly draws: Readonly<Record<string, readonly [step: number, drawn: number]>>;
    /** Index of the phase in force: of the last step. */
    readonly phase: number;
    readonly emulation: EmulationState;
    /** What the program itself has to find again, as it was given to `save`. */
    readonly program?: unknown;
  };
  /** `weights/...`, `untrained/...`, `optimizers/...` and `quantizers/...`. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

const count = integer(0, Number.MAX_SAFE_INTEGER);

const drawn = value<readonly [number, number]>(
  (given) =>
    Array.isArray(given) && given.length === 2 && given.every((x) => Number.isSafeInteger(x) && x >= 0),
  'a step and a number of draws',
);

const savedOptimizer: Schema<SavedOptimizer> = fields({
  kind: line(),
  counters: record(number({ from: 0 })),
  parameters: list(value<string>((given) => typeof given === 'string', 'a name')),
  clock: count,
});

/** The numbers of a state, from a file or a program. */
export const stateSchema = fields({
  version: value<1>((given) => given === 1, 'version 1, the only one there is'),
  recipe: line(),
  seed: count,
  steps: integer(1, 2 ** 21),
  clocks: record(count),
  optimizers: list(savedOptimizer),
  draws: record(drawn),
  phase: integer(0, 100),
  // Checked where it is taken up.
  emulation: anything,
  program: maybe(anything),
}) as Schema<RecipeState['state']>;

/**
 * The bytes of a state, in the safetensors format. Equal states give equal bytes. Throws ArgumentError naming the field.
 * @example
 * const bytes = encodeState(run.save());
 */
export function encodeState(state: RecipeState): Uint8Array {
  return encodeSaved('state', state, stateSchema);
}

/**
 * The state of a file's bytes. Whether it is one of this program and recipe, `run.restore` says.
 * @param file What messages call it.
 * @throws DamagedFileError naming the file and the place that is damaged.
 * @example
 * run.restore(decodeState(bytes), optimizer);
 */
export function decodeState(bytes: Uint8Array, file = 'state'): RecipeState {
  return decodeSaved(bytes, file, stateSchema);
}
