/**
 * Rows as NumPy's `.npy`: one structured array whose fields are the operands, results and flags, unsigned integers of the least width,
 * subarrays where a field has several codes. Source: numpy.lib.format of the NumPy manual, format version 1.0.
 */
import type { Code } from '../../formats/format.ts';
import type { Field } from '../fields.ts';
import type { TestOperation } from '../operation.ts';
import { flagBitCount, type Row } from './form.ts';

interface Layout {
  readonly fields: readonly Field[];
  /** Bytes of a row. */
  readonly size: number;
}

function bytesOf({ bits }: Pick<Field, 'bits'>): 1 | 2 | 4 | 8 {
  return bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
}

function layoutOf({ operands, results, hasFlags }: TestOperation): Layout {
  const flags: Field = { name: 'flags', format: undefined, bits: flagBitCount, count: 1 };
  const fields = [...operands, ...results, ...(hasFlags ? [flags] : [])];
  return { fields, size: fields.reduce((sum, field) => sum + bytesOf(field) * field.count, 0) };
}

function descriptionOf({ fields }: Layout): string {
  const parts = fields.map((field) => {
    const bytes = bytesOf(field);
    const shape = field.count === 1 ? '' : `, (${field.count},)`;
    return `('${field.name}', '${bytes === 1 ? '|' : '<'}u${bytes}'${shape})`;
  });
  return `[${parts.join(', ')}]`;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

/** The header of so many rows. */
export function npyHead(operation: TestOperation, rows: number): Uint8Array {
  const words = `{'descr': ${descriptionOf(layoutOf(operation))}, 'fortran_order': False, 'shape': (${rows},), }`;
  // The data begins at a multiple of 64.
  const length = Math.ceil((magic.length + 2 + words.length + 1) / 64) * 64 - magic.length - 2;
  const bytes = new Uint8Array(magic.length + 2 + length).fill(0x20);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint16(magic.length, length, true);
  bytes.set(new TextEncoder().encode(words), magic.length + 2);
  bytes[bytes.length - 1] = 0x0a;
  return bytes;
}

/** Rows as bytes. */
export function npyWriter(operation: TestOperation): (rows: readonly Row[]) => Uint8Array {
  const layout = layoutOf(operation);
  return (rows) => {
    const bytes = new Uint8Array(rows.length * layout.size);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const { codes, flags } of rows) {
      const all = operation.hasFlags ? [...codes, flags] : codes;
      let column = 0;
      for (const field of layout.fields)
        for (let i = 0; i < field.count; i++) {
          write(view, at, all[column++]!, bytesOf(field));
          at += bytesOf(field);
        }
    }
    return bytes;
  };
}

function write(view: DataView, at: number, code: Code, bytes: 1 | 2 | 4 | 8): void {
  if (bytes === 8) view.setBigUint64(at, BigInt(code), true);
  else if (bytes === 4) view.setUint32(at, Number(code), true);
  else if (bytes === 2) view.setUint16(at, Number(code), true);
  else view.setUint8(at, Number(code));
}

function readCode(view: DataView, at: number, { bits }: Field): Code {
  switch (bytesOf({ bits })) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true);
    case 4:
      return view.getUint32(at, true);
    default: {
      const code = view.getBigUint64(at, true);
      return bits <= 32 ? Number(code) : code;
    }
  }
}

/** A row that bytes hold, and the first field whose code is too large for it. */
interface NpyRow extends Row {
  readonly tooLarge: Field | undefined;
}

/** What the header of a file says, or what it should have said. */
type NpyStart = { readonly rows: number; readonly data: number } | { readonly expected: string };

/** Bytes of the longest header. */
const longestHeader = 65535;

/** The header at the beginning of some bytes; undefined where there are too few yet. */
export function readNpyStart(bytes: Uint8Array, operation: TestOperation): NpyStart | undefined {
  const isNpy = magic.slice(0, 6).every((byte, i) => bytes[i] === byte || i >= bytes.length);
  if (!isNpy) return { expected: 'the beginning of a .npy file' };
  if (bytes.length < 10) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[6] !== 1) return { expected: 'format version 1.0' };
  const data = 10 + Math.min(view.getUint16(8, true), longestHeader);
  if (bytes.length < data) return undefined;
  const words = new TextDecoder().decode(bytes.subarray(10, data));
  const description = descriptionOf(layoutOf(operation));
  const plain = (text: string): string => text.replace(/\s/g, '');
  const rows = /'shape':\((\d{1,15}),\)/.exec(plain(words))?.[1];
  if (!plain(words).includes(plain(`'descr': ${description}`)) || rows === undefined)
    return { expected: `a one-dimensional array of ${description}` };
  return { rows: Number(rows), data };
}

/** A reader of rows: as many as whole ones there are in some bytes. */
export function npyReader(operation: TestOperation): {
  readonly size: number;
  read(bytes: Uint8Array, at: number): NpyRow;
} {
  const { fields, size } = layoutOf(operation);
  return {
    size,
    read: (bytes, start) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const codes: Code[] = [];
      let tooLarge: Field | undefined;
      let at = start;
      for (const field of fields)
        for (let i = 0; i < field.count; i++) {
          const code = readCode(view, at, field);
          if (BigInt(code) >> BigInt(field.bits) !== 0n) tooLarge ??= field;
          codes.push(code);
          at += bytesOf(field);
        }
      const flags = operation.hasFlags ? (codes.pop() as number) : 0;
      return { codes, flags, tooLarge };
    },
  };
}
