/**
 * What the quantisers of slots remember, as arrays of a checkpoint: `<layer>/<slot>/<hash of the quantiser>/<field>`. The
 * hash keeps what one phase's quantiser has seen from the quantiser that another phase puts in its place.
 */
import { ArgumentError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import { type SavedArray, savedFloat64 } from '../stores/index.ts';
import type { EarlierMemory, SlotMemory } from './learned-bits.ts';

/** The numbers of an array. Throws ArgumentError naming it if they are not binary64. */
export function savedBinary64(name: string, { dtype, shape, data }: SavedArray): Float64Array {
  const count = sizeOf(shape);
  if (dtype !== 'F64' || data.byteLength !== 8 * count)
    throw new ArgumentError(name, `${dtype} ${shape.join(' x ')}`, 'binary64 numbers');
  return new Float64Array(data.slice().buffer);
}

/** Adds averages and windows, under names of their own. */
function saveTracked(
  arrays: Map<string, SavedArray>,
  [averageName, historyName]: readonly [string, string],
  { average, history }: Pick<SlotMemory, 'average' | 'history'>,
): void {
  if (average !== undefined) {
    const values = average.map((each) => each ?? Number.NaN);
    arrays.set(averageName, savedFloat64(Float64Array.from(values)));
  }
  if (history !== undefined && history.length > 0)
    arrays.set(
      historyName,
      savedFloat64(Float64Array.from(history.flat()), [history.length, history[0]!.length]),
    );
}

/** A state as arrays by field; what is not there has none. */
function savedState(state: SlotMemory): Map<string, SavedArray> {
  const arrays = new Map<string, SavedArray>();
  const { earlier } = state;
  saveTracked(arrays, ['average', 'history'], state);
  if (earlier !== undefined) {
    arrays.set('earlierStep', savedFloat64(Float64Array.of(earlier.step)));
    saveTracked(arrays, ['earlierAverage', 'earlierHistory'], earlier);
  }
  for (const field of listFields)
    if (state[field] !== undefined) arrays.set(field, savedFloat64(Float64Array.from(state[field])));
  return arrays;
}

const listFields = [
  ...(['scales', 'zeroPoints', 'bits', 'form', 'levels'] as const),
  ...(['fixedScales', 'fixedZeroPoints'] as const),
] as const;
const isList = (field: string): field is (typeof listFields)[number] =>
  (listFields as readonly string[]).includes(field);

const averageOf = (values: readonly number[]): (number | null)[] =>
  values.map((each) => (Number.isNaN(each) ? null : each));

const historyOf = (values: readonly number[], [rows = 0, columns = 0]: readonly number[]): number[][] =>
  Array.from({ length: rows }, (_, i) => values.slice(i * columns, (i + 1) * columns));

/** The state that `savedState` wrote. Throws ArgumentError naming an array that it has not written. */
function stateOf(folder: string, arrays: ReadonlyMap<string, SavedArray>): SlotMemory {
  const state: { -readonly [F in keyof SlotMemory]: SlotMemory[F] } = {};
  const earlier: { -readonly [F in keyof EarlierMemory]?: EarlierMemory[F] } = {};
  for (const [field, saved] of arrays) {
    const name = `${folder}/${field}`;
    const values = [...savedBinary64(name, saved)];
    const { shape } = saved;
    const isWindow = shape.length === 2;
    if (field === 'average') state.average = averageOf(values);
    else if (field === 'history' && isWindow) state.history = historyOf(values, shape);
    else if (field === 'earlierStep' && values.length === 1) earlier.step = values[0]!;
    else if (field === 'earlierAverage') earlier.average = averageOf(values);
    else if (field === 'earlierHistory' && isWindow) earlier.history = historyOf(values, shape);
    else if (isList(field)) state[field] = values;
    else throw new ArgumentError(name, shape, 'no such array of a quantiser');
  }
  const { step, ...tracked } = earlier;
  return step === undefined ? state : { ...state, earlier: { step, ...tracked } };
}

/** Memories by quantiser as arrays below `quantizers/`. */
export function savedMemories(memories: ReadonlyMap<string, SlotMemory>): Map<string, SavedArray> {
  const arrays = new Map<string, SavedArray>();
  for (const [key, state] of memories)
    for (const [field, saved] of savedState(state)) arrays.set(`${key}/${field}`, saved);
  return arrays;
}

const slotPattern =
  /^(.+\/(?:(?:forward|inputGradient|weightGradient)\.[a-z]+|saved\.[a-z]+[0-9]+\.[0-9]+)\/[0-9a-f]{16})\/((?:scale|zeroPoint|bits|form|levels)\/.+|[a-zA-Z]+)$/;

/** What `savedMemories` wrote, and beside it the arrays of what trains parameters. Throws ArgumentError for anything else. */
export function memoriesOf(arrays: ReadonlyMap<string, SavedArray>): {
  readonly memories: Map<string, SlotMemory>;
  readonly trained: Map<string, SavedArray>;
} {
  const fields = new Map<string, Map<string, SavedArray>>();
  const trained = new Map<string, SavedArray>();
  for (const [name, saved] of arrays) {
    const [, key, field] = slotPattern.exec(name) ?? [];
    if (key === undefined || field === undefined)
      throw new ArgumentError(`arrays/quantizers/${name}`, saved.shape, 'no such array of a quantiser');
    if (field.includes('/')) trained.set(name, saved);
    else fields.set(key, (fields.get(key) ?? new Map<string, SavedArray>()).set(field, saved));
  }
  const memories = new Map([...fields].map(([key, own]) => [key, stateOf(`arrays/quantizers/${key}`, own)]));
  return { memories, trained };
}
