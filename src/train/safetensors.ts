/**
 * Plain data and arrays as bytes in the safetensors format. The data are JSON in the header's metadata, with a hash of each array, so that a damaged
 * file is told from a good one and says where. No file is touched here; checkpoints of `train` (checkpoint.ts) and states of
 * `applyRecipe` (engine/state.ts) are both written so.
 */
import { byteArray, kindOf } from '../array-kinds.ts';
import { atMost, checkJson, checkString, pathOf } from '../check.ts';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { checkPart, jsonFrom } from '../files/json-file.ts';
import { bytesOf, longestHeader, readHeader, safetensorsHead } from '../files/safetensors.ts';
import {
  checkSchema,
  fields,
  integer,
  list,
  map,
  record,
  type Schema,
  someFields,
  value,
  word,
} from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { fnv1a64 } from './hash.ts';
import type { SavedArray } from './stores/index.ts';

const hashText = (text: string): string => fnv1a64(new TextEncoder().encode(text));

/** What a file holds: plain data, and arrays by their names. */
interface Saved<T> {
  readonly state: T;
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

const dtypes: readonly SavedArray['dtype'][] = ['F32', 'F64', 'BF16', 'U8', 'I32'];
const shapeSchema = list(integer(0, 2 ** 32), 0, 8);

/** What messages say of a file that is wrong. */
const isDamaged = 'is damaged';

const arraySchema = fields({
  dtype: word(dtypes),
  shape: shapeSchema,
  data: value<Uint8Array>((given) => kindOf(given) === 'Uint8Array', 'a Uint8Array'),
}) as Schema<SavedArray>;

/** The same, checked. Throws ArgumentError naming the field, below `path`. */
export function checkSaved<T>(path: string, given: Saved<T>, schema: Schema<T>): Saved<T> {
  const arraysSchema = map<string, SavedArray>('a Map of arrays by name');
  const { arrays } = checkSchema(path, given, fields({ state: schema, arrays: arraysSchema }));
  for (const [name, saved] of arrays) {
    const place = pathOf(`${path}.arrays`, String(name));
    const { dtype, shape, data } = checkSchema(place, saved, arraySchema);
    const bytes = bytesOf(sizeOf(shape), dtype);
    if (typeof name !== 'string' || data.byteLength !== bytes)
      throw new ArgumentError(place, data, `${bytes} bytes, as its type and shape say, under a text`);
  }
  return given;
}

/** The bytes of a file. Equal contents give equal bytes. Throws ArgumentError naming the field, below `path`. */
export function encodeSaved<T>(path: string, given: Saved<T>, schema: Schema<T>): Uint8Array {
  const { state, arrays } = checkSaved(path, given, schema);
  checkJson(`${path}.state`, state);
  const hashes = Object.fromEntries([...arrays].map(([name, { data }]) => [name, fnv1a64(data)]));
  const text = JSON.stringify(state);
  const metadata = { state: text, stateHash: hashText(text), hashes: JSON.stringify(hashes) };
  const head = safetensorsHead(
    [...arrays].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata,
  );
  atMost(path, head.length - 8, longestHeader, 'bytes of data');
  const end = [...arrays.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const bytes = new Uint8Array(head.length + end);
  bytes.set(head);
  let offset = head.length;
  for (const { data } of arrays.values()) {
    bytes.set(data, offset);
    offset += data.byteLength;
  }
  return bytes;
}

const headerSchema = record(someFields({ dtype: word(dtypes), shape: shapeSchema }));
const text = value<string>((given) => typeof given === 'string', 'a text');
const metadataSchema = fields({ state: text, stateHash: text, hashes: text });

/**
 * What a file's bytes hold, its data as the schema says.
 * @param name What messages call it.
 * @throws DamagedFileError naming the file and the place that is damaged.
 */
export function decodeSaved<T>(given: Uint8Array, name: string, schema: Schema<T>): Saved<T> {
  // A Buffer becomes an ordinary array: its own slices are views of the whole file.
  const bytes = byteArray('bytes', given);
  const file = checkString('file', name);
  const damaged = (place: string): Error => new DamagedFileError(file, place, isDamaged);
  const checked = <P>(part: string, value: unknown, own: Schema<P>): P =>
    checkPart(part, value, own, file, isDamaged);
  const json = (part: string, words: string): unknown =>
    jsonFrom(new TextEncoder().encode(words), file, part, isDamaged);
  const readable = {
    path: file,
    size: bytes.length,
    read: (from: number, length: number) => bytes.subarray(from, from + length),
  };
  const { metadata, entries, start } = readHeader(readable, isDamaged);
  const { state, stateHash, hashes } = checked('header.__metadata__', metadata, metadataSchema);
  if (hashText(state) !== stateHash) throw damaged('header, __metadata__.state: it does not match its hash');
  const hashOf = checked(
    'header.__metadata__.hashes',
    json('header, __metadata__.hashes', hashes),
    record(text),
  );
  const named = Object.fromEntries(entries);
  const missing = Object.keys(hashOf).find((name) => !Object.hasOwn(named, name));
  if (missing !== undefined) throw damaged(`header: the array ${missing} is missing`);
  checked('header', named, headerSchema);
  const arrays = new Map<string, SavedArray>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
    const [from, to] = [start + offsets[0], start + offsets[1]];
    const data = bytes.slice(from, to);
    if (!Object.hasOwn(hashOf, name) || fnv1a64(data) !== hashOf[name])
      throw damaged(`bytes ${from} to ${to}: the array ${name} does not match its hash`);
    arrays.set(name, { dtype: dtype as SavedArray['dtype'], shape, data });
  }
  return { state: checked('state', json('header, __metadata__.state', state), schema), arrays };
}
