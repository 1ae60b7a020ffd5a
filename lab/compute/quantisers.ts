/** What the page of quantisers shows: what each of some quantisers does to a tensor, with a Hadamard transform too, and where one errs. */
import {
  type Analysis,
  ArgumentError,
  analyze,
  namedQuantizer,
  type Quantizer,
  type RoundingMode,
  roundingModes,
  startThreads,
} from '../../src/index.ts';
import { indexFrom, integerFrom, wordFrom } from './read.ts';
import { type TensorInput, tensorOf } from './tensors.ts';

export interface QuantisersInput extends TensorInput {
  readonly quantisers: string;
  readonly look: string;
  readonly rounding: string;
  readonly hadamard: string;
}

/** What one quantiser did. */
export interface QuantiserRow {
  readonly name: string;
  readonly plain: Analysis;
  /** With a Hadamard transform before, undone after; undefined where none is asked for. */
  readonly transformed: Analysis | undefined;
}

/** A map of means over patches of the tensor, row by row. */
export interface PatchMap {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

export interface QuantisersSheet {
  readonly shape: readonly number[];
  readonly elements: number;
  readonly largest: number;
  readonly threads: number;
  readonly rows: readonly QuantiserRow[];
  /** Index of the row that is looked at closely. */
  readonly look: number;
  /** Magnitudes of the tensor, and of the errors of the quantiser that is looked at. */
  readonly magnitudes: PatchMap;
  readonly errors: PatchMap;
}

const mostQuantisers = 12;
const mostPatches = 96;

let threads: Promise<number> | undefined;

/** As many threads as are worth their while where memory may be shared, one elsewhere. */
function threadsHere(): Promise<number> {
  const wanted = globalThis.crossOriginIsolated === true ? Math.min(4, navigator.hardwareConcurrency) : 1;
  threads ??=
    wanted > 1
      ? startThreads(wanted).then(
          () => wanted,
          () => 1,
        )
      : Promise.resolve(1);
  return threads;
}

function patchesOf(
  values: Float32Array | Float64Array,
  rows: number,
  columns: number,
  of: (i: number) => number,
): PatchMap {
  const [high, wide] = [Math.min(rows, mostPatches), Math.min(columns, mostPatches)];
  const sums = new Float64Array(high * wide);
  const counts = new Float64Array(high * wide);
  for (let i = 0; i < values.length; i++) {
    const row = Math.floor(i / columns);
    const patch = Math.floor((row * high) / rows) * wide + Math.floor(((i - row * columns) * wide) / columns);
    sums[patch]! += of(i);
    counts[patch]! += 1;
  }
  return { rows: high, columns: wide, values: Float32Array.from(sums, (sum, i) => sum / counts[i]!) };
}

function largestOf(values: Float32Array | Float64Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** The names of a field, each of which must be one of a quantiser. */
function quantisersOf(text: string, rounding: RoundingMode): Map<string, Quantizer> {
  const names = text.split(/[\s;]+|,(?![^(]*\))/).filter((name) => name !== '');
  if (names.length === 0 || names.length > mostQuantisers)
    throw new ArgumentError(
      'quantisers',
      `${names.length} names`,
      `1 to ${mostQuantisers} names with blanks between them`,
    );
  return new Map(names.map((name) => [name, made(name, { rounding, nan: 'zero' })]));
}

function made(name: string, options: Parameters<typeof namedQuantizer>[1]): Quantizer {
  try {
    return namedQuantizer(name, options);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError('quantisers', name, error.accepted);
  }
}

/** The sheet of some quantisers on one tensor. */
export async function quantisersSheet(given: QuantisersInput): Promise<QuantisersSheet> {
  const { values: x, shape } = tensorOf(given);
  const rounding = wordFrom('rounding', given.rounding, roundingModes);
  const size = given.hadamard === 'none' ? undefined : integerFrom('hadamard', given.hadamard, 2, 1024);
  const quantisers = quantisersOf(given.quantisers, rounding);
  const columns = shape.at(-1) ?? 1;
  const team = await threadsHere();
  const call = { threads: team };
  const rows = [...quantisers].map(([name, by]): QuantiserRow => {
    const transformed =
      size === undefined
        ? undefined
        : made(name, { rounding, nan: 'zero', transform: { name: 'hadamard', size } });
    try {
      return {
        name,
        plain: analyze(x, by, { shape, call }),
        transformed: transformed && analyze(x, transformed, { shape, call }),
      };
    } catch (error) {
      if (error instanceof ArgumentError || error instanceof RangeError)
        throw new ArgumentError(
          'quantisers',
          name,
          `a quantiser that can take this tensor: ${error.message}`,
        );
      throw error;
    }
  });
  const look = indexFrom(
    'look',
    given.look,
    rows.map(({ name }) => name),
  );
  const image = quantisers.get(rows[look]!.name)!.fakeQuantize(x as Float32Array, shape, undefined, call);
  const high = x.length / columns;
  return {
    ...{ shape, elements: x.length, threads: team, rows, look },
    largest: largestOf(x),
    magnitudes: patchesOf(x, high, columns, (i) => Math.abs(x[i]!)),
    errors: patchesOf(x, high, columns, (i) => Math.abs(image[i]! - x[i]!)),
  };
}
