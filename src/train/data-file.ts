/**
 * Training data as bytes, so that they can go where their files are not: names and arrays in the safetensors format, the
 * same bytes for the same data. Reading what users have is training-text.ts', idx.ts' and csv.ts'.
 */
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { integer, kinds, list, type Schema, value } from '../schema.ts';
import { checkLabelled, type LabelledPart } from './labelled-data.ts';
import { decodeSaved, encodeSaved } from './safetensors.ts';
import { float32Of, type SavedArray, savedFloat32 } from './stores/index.ts';
import { isLabelled, type TrainingData } from './tasks.ts';
import { checkText } from './text-data.ts';

const text = value<string>((given) => typeof given === 'string', 'a text');
const version = value<1>((given) => given === 1, 'version 1, the only one there is');

/** Data without their arrays. */
type Description =
  | { kind: 'text'; version: 1; name: string; vocabulary: string[] }
  | { kind: 'samples'; version: 1; name: string; features: number; classes: string[] };

const schema = kinds({
  text: { version, name: text, vocabulary: list(text, 2, 65536) },
  samples: { version, name: text, features: integer(1, 2 ** 20), classes: list(text, 2, 65536) },
}) as Schema as Schema<Description>;

const savedInt32 = (values: Int32Array): SavedArray => ({
  dtype: 'I32',
  shape: [values.length],
  data: new Uint8Array(values.slice().buffer),
});

function int32Of(name: string, saved: SavedArray | undefined): Int32Array {
  if (saved?.dtype !== 'I32' || saved.shape.length !== 1)
    throw new ArgumentError(name, saved?.dtype, 'a list of 32-bit integers');
  return new Int32Array(saved.data.slice().buffer);
}

const partNames = ['training', 'validation'] as const;

/** The bytes of data. Throws ArgumentError naming the field. */
export function encodeData(data: TrainingData): Uint8Array {
  const arrays = new Map<string, SavedArray>();
  if (!isLabelled(data)) {
    for (const part of partNames) arrays.set(part, savedInt32(data[part]));
    const { name, vocabulary } = data;
    const state: Description = { kind: 'text', version: 1, name, vocabulary: [...vocabulary] };
    return encodeSaved('data', { state, arrays }, schema);
  }
  for (const part of partNames) {
    arrays.set(`${part}/inputs`, savedFloat32(data[part].inputs));
    arrays.set(`${part}/labels`, savedInt32(data[part].labels));
  }
  const { name, features, classes } = data;
  const state: Description = { kind: 'samples', version: 1, name, features, classes: [...classes] };
  return encodeSaved('data', { state, arrays }, schema);
}

function partOf(part: string, arrays: ReadonlyMap<string, SavedArray>): LabelledPart {
  const saved = arrays.get(`${part}/inputs`);
  const inputs = float32Of(`${part}/inputs`, saved, saved?.shape[0] ?? 0);
  return { inputs, labels: int32Of(`${part}/labels`, arrays.get(`${part}/labels`)) };
}

function dataFrom(state: Description, arrays: ReadonlyMap<string, SavedArray>): TrainingData {
  if (state.kind === 'text') {
    const [training, validation] = partNames.map((part) => int32Of(part, arrays.get(part)));
    const data = {
      name: state.name,
      vocabulary: state.vocabulary,
      training: training!,
      validation: validation!,
    };
    checkText(data);
    return data;
  }
  const { name, features, classes } = state;
  const data = {
    name,
    features,
    classes,
    training: partOf('training', arrays),
    validation: partOf('validation', arrays),
  };
  checkLabelled(data);
  return data;
}

/**
 * The data of a file's bytes, checked as if anybody had written them.
 * @param file What messages call it.
 * @throws DamagedFileError naming the file and the place that is damaged.
 */
export function decodeData(bytes: Uint8Array, file = 'data'): TrainingData {
  const { state, arrays } = decodeSaved(bytes, file, schema);
  try {
    return dataFrom(state, arrays);
  } catch (error) {
    throw new DamagedFileError(file, (error as Error).message, 'is damaged');
  }
}
