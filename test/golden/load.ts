/**
 * Reads golden sets: reference vectors made by independent implementations, kept outside the repository. The folder is
 * named by the environment variable HALFULP_GOLDEN; a set is NAME.json (header) and NAME.bin.gz.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

type Column =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | Int32Array
  | Int8Array;

const constructors = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  i32: Int32Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

interface Header {
  readonly rounding?: readonly string[];
  readonly layout: readonly {
    readonly name: string;
    readonly dtype: keyof typeof constructors;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly bytes: number;
  }[];
  readonly [key: string]: unknown;
}

export interface GoldenSet {
  readonly header: Header;
  readonly columns: ReadonlyMap<string, Column>;
}

const folder = process.env['HALFULP_GOLDEN'];

/** Whether the set is there to be tested. Prints the name of a set that is not. */
export function hasGolden(name: string): boolean {
  const found = folder !== undefined && existsSync(join(folder, `${name}.json`));
  if (!found)
    console.info(`golden set not at hand, skipped: ${name} (set HALFULP_GOLDEN to the folder that holds it)`);
  return found;
}

export function loadGolden(name: string): GoldenSet {
  if (folder === undefined) throw new Error('HALFULP_GOLDEN is not set');
  const header = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Header;
  const blob = gunzipSync(readFileSync(join(folder, `${name}.bin.gz`)));
  const columns = new Map<string, Column>();
  for (const { name: column, dtype, offset, bytes } of header.layout) {
    const copy = blob.buffer.slice(blob.byteOffset + offset, blob.byteOffset + offset + bytes);
    columns.set(column, new constructors[dtype](copy as ArrayBuffer));
  }
  return { header, columns };
}

/** A column by name; throws if the set has none such. */
export function column<T extends Column = Column>(set: GoldenSet, name: string): T {
  const found = set.columns.get(name);
  if (found === undefined) throw new Error(`no column ${name} in the golden set`);
  return found as T;
}

/** The binary32 numbers of a column of bit patterns. */
export function fromBits32(bits: Uint32Array): Float32Array {
  return new Float32Array(bits.buffer, bits.byteOffset, bits.length);
}

/** The binary64 numbers of a column of bit patterns. */
export function fromBits64(bits: BigUint64Array): Float64Array {
  return new Float64Array(bits.buffer, bits.byteOffset, bits.length);
}
