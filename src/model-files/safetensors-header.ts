/**
 * The header of a safetensors file: type, shape and place of each tensor. Read from bytes wherever they are.
 * Source: github.com/huggingface/safetensors, README, "Format".
 */
import { DamagedFileError } from '../errors.ts';
import { anything, fields, integer, list, record, type Schema, value, word } from '../schema.ts';
import { bytesOf, type Dtype, dtypeNames, elementsOf } from './dtypes.ts';
import { checkPart, jsonFrom } from './json-file.ts';
import type { RandomAccess } from './random-access.ts';

/** Bytes of the longest header: safetensors' own limit. */
const longestHeader = 100_000_000;

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
function checkPlaces(entries: Header['entries'], bytes: number, file: string): void {
  let end = 0;
  for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
    const [from, to] = offsets;
    if (to - from !== bytesOf(elementsOf(shape), dtype))
      throw new DamagedFileError(file, `header, ${name}: type, shape and offsets do not fit together`);
    if (from !== end)
      throw new DamagedFileError(
        file,
        `header, ${name}: it begins at ${from}, not at ${end}, where the last tensor ends`,
      );
    if (to > bytes)
      throw new DamagedFileError(file, `header, ${name}: it ends at byte ${to} of ${bytes} bytes of tensors`);
    end = to;
  }
  if (end !== bytes)
    throw new DamagedFileError(file, `the tensors end at byte ${end} of ${bytes} bytes of tensors`);
}

/** Reads the header of a file. Throws DamagedFileError. */
export function readHeader(file: Pick<RandomAccess, 'path' | 'size' | 'read'>): Header {
  const { path, size } = file;
  if (size < 8) throw new DamagedFileError(path, `it has ${size} bytes, not even the length of a header`);
  const length = Number(new DataView(file.read(0, 8).buffer).getBigUint64(0, true));
  if (length > size - 8)
    throw new DamagedFileError(path, `byte 0: a header of ${length} bytes does not fit into ${size}`);
  if (length > longestHeader)
    throw new DamagedFileError(path, `byte 0: a header of ${length} bytes, more than ${longestHeader}`);
  const header = jsonFrom(file.read(8, length), path, 'byte 8: the header');
  const { __metadata__: given, ...rest } = checkPart('header', header, record(anything), path);
  const metadata = checkPart('header.__metadata__', given ?? {}, textsSchema, path);
  const entries = Object.entries(checkPart('header', rest, record(entrySchema), path));
  // Where several begin at the same place, those without elements come first.
  entries.sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1]);
  checkPlaces(entries, size - 8 - length, path);
  return { metadata, entries, start: 8 + length };
}
