/**
 * Plain data and arrays as bytes in the safetensors format: 8 bytes of header length, a JSON header with type, shape and place
 * of each array, the arrays' bytes. The data are JSON in the header's metadata, with a hash of each array, so that a damaged
 * file is told from a good one and says where. No file is touched here; checkpoints of `train` (checkpoint.ts) and states of
 * `applyRecipe` (engine/state.ts) are both written so.
 * Source: github.com/huggingface/safetensors, README, "Format".
 */
import { byteArray, kindOf } from '../array-kinds.ts';
import { atMost, checkJson, checkString, pathOf, refusedAs } from '../check.ts';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { parseJson } from '../json.ts';
import {
  anything,
  checkSchema,
  fields,
  integer,
  list,
  map,
  record,
  type Schema,
  value,
  word,
} from '../schema.ts';
import { fnv1a64 } from './hash.ts';
import type { SavedArray } from './stores/index.ts';

const elementBytes: Readonly<Record<SavedArray['dtype'], number>> = {
  F32: 4,
  F64: 8,
  BF16: 2,
  U8: 1,
  I32: 4,
};

/** Bytes of the longest header: safetensors' own limit is 100 MB. */
const longestHeader = 2 ** 26;

interface HeaderEntry {
  readonly dtype: SavedArray['dtype'];
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const hashText = (text: string): string => fnv1a64(new TextEncoder().encode(text));

/** What a file holds: plain data, and arrays by their names. */
interface Saved<T> {
  readonly state: T;
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

const dtypes = Object.keys(elementBytes) as SavedArray['dtype'][];
const shapeSchema = list(integer(0, 2 ** 32), 0, 8);

const elementsOf = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);

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
    const bytes = elementsOf(shape) * elementBytes[dtype];
    if (typeof name !== 'string' || data.byteLength !== bytes)
      throw new ArgumentError(place, data, `${bytes} bytes, as its type and shape say, under a text`);
  }
  return given;
}

/** The bytes of a file. Equal contents give equal bytes. Throws ArgumentError naming the field, below `path`. */
export function encodeSaved<T>(path: string, given: Saved<T>, schema: Schema<T>): Uint8Array {
  const { state, arrays } = checkSaved(path, given, schema);
  checkJson(`${path}.state`, state);
  const entries: Record<string, HeaderEntry> = {};
  const hashes: Record<string, string> = {};
  let end = 0;
  for (const [name, { dtype, shape, data }] of arrays) {
    entries[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    hashes[name] = fnv1a64(data);
    end += data.byteLength;
  }
  const text = JSON.stringify(state);
  const metadata = { state: text, stateHash: hashText(text), hashes: JSON.stringify(hashes) };
  const header = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...entries }));
  atMost(path, header.length, longestHeader, 'bytes of data');
  // Spaces fill up to a multiple of 8, so that arrays are aligned.
  const length = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, 8 + length);
  let offset = 8 + length;
  for (const { data } of arrays.values()) {
    bytes.set(data, offset);
    offset += data.byteLength;
  }
  return bytes;
}

const headerSchema = record(
  fields({
    dtype: word(dtypes),
    shape: shapeSchema,
    data_offsets: list(integer(0, 2 ** 40), 2, 2),
  }),
);
const text = value<string>((given) => typeof given === 'string', 'a text');
const metadataSchema = fields({ state: text, stateHash: text, hashes: text });

/** JSON of a part of a file. */
function parsePart(part: string, json: string, damaged: (place: string) => Error): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    throw damaged(`${part} is not JSON (${(error as Error).message})`);
  }
}

/** A part of a file against its schema. */
function checkPart<T>(part: string, given: unknown, schema: Schema<T>, damaged: (place: string) => Error): T {
  return refusedAs(
    () => checkSchema(part, given, schema),
    ({ message }) => damaged(message),
  );
}

/** Where each array lies: one after the other, from the header to the end of the file. */
function placesOf(
  entries: Readonly<Record<string, HeaderEntry>>,
  bytes: number,
  damaged: (place: string) => Error,
) {
  const places = Object.entries(entries).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
  let end = 0;
  for (const [name, { dtype, shape, data_offsets: offsets }] of places) {
    const [from, to] = offsets;
    if (to - from !== elementsOf(shape) * elementBytes[dtype])
      throw damaged(`header, ${name}: type, shape and offsets do not fit together`);
    if (from !== end)
      throw damaged(`header, ${name}: it begins at ${from}, not at ${end}, where the last array ends`);
    end = to;
    if (end > bytes)
      throw damaged(`byte ${from} of the arrays: the array ${name} ends at ${end} of ${bytes}`);
  }
  if (end !== bytes) throw damaged(`the arrays end at ${end} of ${bytes} bytes`);
  return places;
}

/**
 * What a file's bytes hold, its data as the schema says.
 * @param name What messages call it.
 * @throws DamagedFileError naming the file and the place that is damaged.
 */
export function decodeSaved<T>(given: Uint8Array, name: string, schema: Schema<T>): Saved<T> {
  // A Buffer becomes an ordinary array: its own slices are views of the whole file.
  const bytes = byteArray('bytes', given);
  const file = checkString('file', name);
  const damaged = (place: string): Error => new DamagedFileError(file, place, 'is damaged');
  if (bytes.length < 8) throw damaged(`it has ${bytes.length} bytes, not even the header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (!(length <= bytes.length - 8))
    throw damaged(`byte 0: a header of ${length} bytes does not fit into ${bytes.length}`);
  if (length > longestHeader)
    throw damaged(`byte 0: a header of ${length} bytes, more than ${longestHeader}`);
  const header = parsePart('byte 8: the header', headerText(bytes.subarray(8, 8 + length), damaged), damaged);
  const { __metadata__: metadata, ...entries } = checkPart('header', header, record(anything), damaged);
  const { state, stateHash, hashes } = checkPart('header.__metadata__', metadata, metadataSchema, damaged);
  if (hashText(state) !== stateHash) throw damaged('header, __metadata__.state: it does not match its hash');
  const hashOf = checkPart(
    'header.__metadata__.hashes',
    parsePart('header, __metadata__.hashes', hashes, damaged),
    record(text),
    damaged,
  );
  const missing = Object.keys(hashOf).find((name) => !Object.hasOwn(entries, name));
  if (missing !== undefined) throw damaged(`header: the array ${missing} is missing`);
  const start = 8 + length;
  const described = checkPart('header', entries, headerSchema, damaged) as unknown as Record<
    string,
    HeaderEntry
  >;
  const arrays = new Map<string, SavedArray>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of placesOf(
    described,
    bytes.length - start,
    damaged,
  )) {
    const [from, to] = [start + offsets[0], start + offsets[1]];
    const data = bytes.slice(from, to);
    if (!Object.hasOwn(hashOf, name) || fnv1a64(data) !== hashOf[name])
      throw damaged(`bytes ${from} to ${to}: the array ${name} does not match its hash`);
    arrays.set(name, { dtype, shape, data });
  }
  const numbers = parsePart('header, __metadata__.state', state, damaged);
  return { state: checkPart('state', numbers, schema, damaged), arrays };
}

function headerText(bytes: Uint8Array, damaged: (place: string) => Error): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw damaged('byte 8: the header is not UTF-8');
  }
}
