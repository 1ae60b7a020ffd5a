/**
 * Reads golden sets: reference vectors made by independent implementations, kept outside the repository. The folder is
 * named by the environment variable HALFULP_GOLDEN; a set is NAME.json (header) and NAME.bin.gz.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
  const found = goldenNames().includes(name);
  if (!found)
    console.info(`golden set not at hand, skipped: ${name} (set HALFULP_GOLDEN to the folder that holds it)`);
  return found;
}

/** Names of all sets in the folder, ascending; none without a folder. */
export function goldenNames(): readonly string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  const headers = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return headers.map((file) => file.slice(0, -'.json'.length)).sort();
}

interface Family {
  readonly pattern: RegExp;
  /** Sets that the project was developed with: reported when they are not at hand. */
  readonly known: readonly string[];
}

/** The kinds of sets that are tested, by their names. Every set of a kind is, whichever format it is for. */
export const families = {
  decode: { pattern: /^decode_mldtypes$/, known: ['decode_mldtypes'] },
  casts: { pattern: /^casts_mldtypes_torch$/, known: ['casts_mldtypes_torch'] },
  p3109Decode: { pattern: /^p3109_decode_\w+$/, known: ['p3109_decode_K3to8'] },
  p3109Round: {
    pattern: /^p3109_round_(\w+)$/,
    known: ['binary8p1uf', 'binary8p3se', 'binary8p4sf', 'binary8p5ue'].map((name) => `p3109_round_${name}`),
  },
  round: {
    pattern: /^round_(\w+)_gfloat$/,
    known: ['binary16', 'e4m3fn', 'e5m2', 'e2m1'].map((name) => `round_${name}_gfloat`),
  },
  round64: {
    pattern: /^round64_(\w+)_gfloat$/,
    known: ['binary16', 'e4m3fn'].map((name) => `round64_${name}_gfloat`),
  },
  stochastic: {
    pattern: /^sr_(\w+)_gfloat$/,
    known: ['binary16', 'e4m3fn'].map((name) => `sr_${name}_gfloat`),
  },
  matrixUnits: { pattern: /^mma_\w+$/, known: ['mma_mmasim'] },
  mxBlocks: { pattern: /^mx_blocks(\w*)$/, known: ['mx_blocks'] },
  nvfp4: { pattern: /^nvfp4_te(\w*)$/, known: ['nvfp4_te'] },
  operations: {
    pattern: /^arith_([a-z0-9]+)_(\w+)_(?:softfloat|exact)$/i,
    known: [
      ...['add', 'mul', 'mulAdd'].map((name) => `arith_binary16_${name}_softfloat`),
      'arith_binary32_div_softfloat',
      ...['add', 'mul', 'div', 'sqrt', 'mulAdd'].map((name) => `arith_e5m2_${name}_exact`),
    ],
  },
  stochasticOperations: {
    pattern: /^srarith_([a-z0-9]+)_(\w+)_exact$/i,
    known: ['add', 'mul', 'div', 'mulAdd'].map((name) => `srarith_binary16_${name}_exact`),
  },
  posit: { pattern: /^posit_posit(\d+)es(\d+)$/, known: ['posit_posit8es0', 'posit_posit16es1'] },
} as const satisfies Record<string, Family>;

/** The sets of a family that are at hand or known, each with the parts of its name that the pattern captures. */
export function setsOf({ pattern, known }: Family): { set: string; parts: readonly string[] }[] {
  const names = new Set([...known, ...goldenNames().filter((name) => pattern.test(name))]);
  return [...names].map((set) => ({ set, parts: pattern.exec(set)!.slice(1) }));
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
