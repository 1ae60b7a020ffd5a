/**
 * The safetensors format: 8 bytes of header length, a JSON header with type, shape and place of each tensor, the tensors' bytes. Headers
 * are read from bytes wherever they are, and written; no file is touched here.
 * Source: github.com/huggingface/safetensors, README, "Format", and `Dtype` of safetensors/src/tensor.rs.
 */
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { anything, fields, integer, list, record, type Schema, value, word } from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { checkPart, jsonFrom } from './json-file.ts';

/** What the header calls the texts that a file says of itself. */
const metadataName = '__metadata__';

/** Bytes of the longest header: safetensors' own limit. */
export const longestHeader = 100_000_000;

/** The type of a tensor's elements, as safetensors calls it. */
export type Dtype =
  | ('F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ')
  | ('I64' | 'U64' | 'I32' | 'U32' | 'I16' | 'U16' | 'I8' | 'U8' | 'BOOL')
  | ('C64' | 'F8_E8M0' | 'F6_E2M3' | 'F6_E3M2' | 'F4');

/** Bits of the elements of each type; those of less than a byte lie densely, the first in the low bits of a byte. */
export const bitsOfDtypes: Readonly<Record<Dtype, number>> = {
  ...{ F64: 64, F32: 32, F16: 16, BF16: 16, F8_E4M3: 8, F8_E5M2: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ I64: 64, U64: 64, I32: 32, U32: 32, I16: 16, U16: 16, I8: 8, U8: 8, BOOL: 8 },
  ...{ C64: 64, F8_E8M0: 8, F6_E2M3: 6, F6_E3M2: 6, F4: 4 },
};

export const dtypeNames: readonly Dtype[] = Object.keys(bitsOfDtypes) as Dtype[];

/** Bytes of so many elements; not a whole number where elements of less than a byte do not fill the last one. */
export const bytesOf = (elements: number, dtype: Dtype): number => (elements * bitsOfDtypes[dtype]) / 8;

export interface HeaderEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const entrySchema = fields({
  dtype: word(dtypeNames),
  shape: list(integer(0, Number.MAX_SAFE_INTEGER), 0, 64),
  data_offsets: list(integer(0, Number.MAX_SAFE_INTEGER), 2, 2),
}) as unknown as Schema<HeaderEntry>;
const text = value<string>((given) => typeof given === 'string', 'a text');
const textsSchema = record(text, 'an object of texts');

/** What a file's header says: its tensors in the order of their bytes. */
export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: readonly (readonly [name: string, entry: HeaderEntry])[];
  /** Where the bytes of tensors begin. */
  readonly start: number;
}

/** Tensors lie one after the other, from the header to the end of the file. */
function checkPlaces(entries: Header['entries'], bytes: number, damaged: (place: string) => Error): void {
  let end = 0;
  for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
    const [from, to] = offsets;
    const size = bytesOf(sizeOf(shape), dtype);
    if (!Number.isInteger(size) && Number.isFinite(size))
      throw damaged(`header, ${name}: ${sizeOf(shape)} elements of ${dtype} do not fill whole bytes`);
    if (to - from !== size) throw damaged(`header, ${name}: type, shape and offsets do not fit together`);
    if (from !== end)
      throw damaged(`header, ${name}: it begins at ${from}, not at ${end}, where the last tensor ends`);
    if (to > bytes) throw damaged(`header, ${name}: it ends at byte ${to} of ${bytes} bytes of tensors`);
    end = to;
  }
  if (end !== bytes) throw damaged(`the tensors end at byte ${end} of ${bytes} bytes of tensors`);
}

/** Bytes that are asked for by their place. */
interface Readable {
  /** What messages call them. */
  readonly path: string;
  readonly size: number;
  read(from: number, length: number): Uint8Array;
}

/**
 * Reads the header of a file.
 *
 * @param state What messages say of a file that is wrong: `is damaged`.
 * @throws DamagedFileError
 */
export function readHeader(file: Readable, state = ''): Header {
  const { path, size } = file;
  const damaged = (place: string): Error => new DamagedFileError(path, place, state);
  if (size < 8) throw damaged(`it has ${size} bytes, not even the length of a header`);
  const first = file.read(0, 8);
  const length = Number(new DataView(first.buffer, first.byteOffset).getBigUint64(0, true));
  if (length > size - 8) throw damaged(`byte 0: a header of ${length} bytes does not fit into ${size}`);
  if (length > longestHeader)
    throw damaged(`byte 0: a header of ${length} bytes, more than ${longestHeader}`);
  const header = jsonFrom(file.read(8, length), path, 'byte 8: the header', state);
  const { [metadataName]: given, ...rest } = checkPart('header', header, record(anything), path, state);
  const metadata = checkPart('header.__metadata__', given ?? {}, textsSchema, path, state);
  const entries = Object.entries(checkPart('header', rest, record(entrySchema), path, state));
  // Where several begin at the same place, those without elements come first.
  entries.sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1]);
  checkPlaces(entries, size - 8 - length, damaged);
  return { metadata, entries, start: 8 + length };
}

/** What a tensor of a file to be written is. */
export interface TensorHeading {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/**
 * The beginning of a file: length and header, padded so that tensors of it lie at multiples of 8 where all their sizes are.
 *
 * @throws ArgumentError for a tensor that does not fill its last byte, or is called as the metadata are.
 */
export function safetensorsHead(
  tensors: readonly TensorHeading[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let end = 0;
  const entries: Record<string, HeaderEntry> = Object.create(null);
  for (const { name, dtype, shape } of tensors) {
    if (name === metadataName) throw new ArgumentError('name', name, 'another name, as the metadata have it');
    const from = end;
    const elements = sizeOf(shape);
    end += bytesOf(elements, dtype);
    if (!Number.isInteger(end))
      throw new ArgumentError(name, `${elements} elements of ${dtype}`, 'elements that fill whole bytes');
    entries[name] = { dtype, shape, data_offsets: [from, end] };
  }
  const header = new TextEncoder().encode(JSON.stringify({ [metadataName]: metadata, ...entries }));
  const length = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(header, 8);
  return bytes;
}
