/** Tensors of files as the page of quantisers reads them: CSV, .npy and safetensors, right values, and hostile or damaged ones refused. */
import { describe, expect, it } from 'vitest';
import { tensorOf } from '../../lab/compute/tensors.ts';
import { decode, encode, formats } from '../../src/index.ts';

const asked = { source: 'file', rows: '1', columns: '1', seed: '1', numbers: '', array: '' };
const read = (name: string, content: string | Uint8Array, array = '') =>
  tensorOf({ ...asked, array, file: { name, bytes: new Uint8Array(Buffer.from(content)).buffer } });
const values = (name: string, content: string | Uint8Array, array = ''): number[] => [
  ...read(name, content, array).values,
];

/** A .npy file: its header, and its elements written one by one. */
function npy(
  descr: string,
  shape: readonly number[],
  fortran: boolean,
  bytes: Uint8Array,
  version = 1,
): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  let header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }`;
  header = `${header.padEnd(64 * Math.ceil((start + header.length + 1) / 64) - start - 1)}\n`;
  const size = Buffer.alloc(start - 8);
  if (version === 1) size.writeUInt16LE(header.length);
  else size.writeUInt32LE(header.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.of(version, 0),
    size,
    Buffer.from(header),
    bytes,
  ]);
}

const given = [1, -2, 3, 0, -5, 6];

/** Elements of NumPy's kinds, by their writers. */
const kinds: Readonly<
  Record<string, [bytes: number, write: (view: DataView, at: number, x: number, little: boolean) => void]>
> = {
  f2: [2, (v, at, x, e) => v.setUint16(at, formats.binary16.encode(x) as number, e)],
  f4: [4, (v, at, x, e) => v.setFloat32(at, x, e)],
  f8: [8, (v, at, x, e) => v.setFloat64(at, x, e)],
  i1: [1, (v, at, x) => v.setInt8(at, x)],
  i2: [2, (v, at, x, e) => v.setInt16(at, x, e)],
  i4: [4, (v, at, x, e) => v.setInt32(at, x, e)],
  i8: [8, (v, at, x, e) => v.setBigInt64(at, BigInt(x), e)],
  u1: [1, (v, at, x) => v.setUint8(at, x)],
  u2: [2, (v, at, x, e) => v.setUint16(at, x, e)],
  u4: [4, (v, at, x, e) => v.setUint32(at, x, e)],
  u8: [8, (v, at, x, e) => v.setBigUint64(at, BigInt(x), e)],
  b1: [1, (v, at, x) => v.setUint8(at, x)],
};

function elements(kind: string, numbers: readonly number[], little: boolean): Uint8Array {
  const [size, write] = kinds[kind]!;
  const view = new DataView(new ArrayBuffer(size * numbers.length));
  for (const [i, x] of numbers.entries()) write(view, i * size, x, little);
  return new Uint8Array(view.buffer);
}

describe.each(Object.keys(kinds))('.npy of %s', (kind) => {
  const numbers = /^[ub]/.test(kind) ? given.map(Math.abs) : given;
  const right = kind === 'b1' ? numbers.map((x) => Number(x !== 0)) : numbers;

  it.each(['<', '>', ...(kind.endsWith('1') ? ['|'] : ['='])])(
    '%s, row by row and column by column',
    (order) => {
      const bytes = elements(kind, numbers, order !== '>');
      for (const version of [1, 2, 3]) {
        const file = npy(`${order}${kind}`, [2, 3], false, bytes, version);
        expect(read('a.npy', file)).toMatchObject({ shape: [2, 3] });
        expect(values('a.npy', file)).toEqual(right);
      }
      // Stored by columns, the first row has every second element.
      expect(values('a.NPY', npy(`${order}${kind}`, [2, 3], true, bytes))).toEqual(
        [0, 2, 4, 1, 3, 5].map((i) => right[i]!),
      );
      expect(read('a.npy', npy(`${order}${kind}`, [6], false, bytes)).shape).toEqual([6]);
    },
  );
});

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

function safetensors(header: unknown, bytes: Uint8Array, length?: bigint): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([size, text, bytes]);
}

const entry = (dtype: string, bytes: Uint8Array, from = 0, shape = [2, 3]): Entry => ({
  ...{ dtype, shape, data_offsets: [from, from + bytes.length] },
});
const codesOf = (
  format: 'binary16' | 'bfloat16' | 'e4m3fn' | 'e5m2' | 'e4m3fnuz' | 'e5m2fnuz',
): Uint8Array => {
  const codes = encode(Float32Array.from(given), formats[format]) as Uint8Array;
  return new Uint8Array(codes.buffer);
};

const stored: Readonly<Record<string, Uint8Array>> = {
  F64: elements('f8', given, true),
  F32: elements('f4', given, true),
  F16: codesOf('binary16'),
  BF16: codesOf('bfloat16'),
  F8_E4M3: codesOf('e4m3fn'),
  F8_E5M2: codesOf('e5m2'),
  F8_E4M3FNUZ: codesOf('e4m3fnuz'),
  F8_E5M2FNUZ: codesOf('e5m2fnuz'),
  I64: elements('i8', given, true),
  I32: elements('i4', given, true),
  I16: elements('i2', given, true),
  I8: elements('i1', given, true),
};

it.each(Object.entries(stored))('safetensors of %s', (dtype, bytes) => {
  const file = safetensors({ __metadata__: { format: 'pt' }, w: entry(dtype, bytes) }, bytes);
  expect(read('a.safetensors', file).shape).toEqual([2, 3]);
  const right = /E5M2/.test(dtype)
    ? [...(decode(encode(Float32Array.from(given), formats.e5m2), formats.e5m2) as Float32Array)]
    : given;
  expect(values('a.safetensors', file)).toEqual(right);
});

it.each(['U64', 'U32', 'U16', 'U8', 'BOOL'])('safetensors of %s', (dtype) => {
  const kind = { U64: 'u8', U32: 'u4', U16: 'u2', U8: 'u1', BOOL: 'u1' }[dtype]!;
  const numbers = given.map(Math.abs);
  const bytes = elements(kind, numbers, true);
  expect(values('a.safetensors', safetensors({ w: entry(dtype, bytes) }, bytes))).toEqual(
    dtype === 'BOOL' ? numbers.map((x) => Number(x !== 0)) : numbers,
  );
});

it('a safetensors file of several arrays gives the largest, or the one that is named', () => {
  const [one, two] = [elements('f4', [7, 8], true), elements('f4', given, true)];
  const header = { one: entry('F32', one, 0, [2]), two: entry('F32', two, one.length) };
  const file = safetensors(header, Buffer.concat([one, two]));
  expect(values('a.safetensors', file)).toEqual(given);
  expect(values('a.safetensors', file, ' one ')).toEqual([7, 8]);
  expect(() => read('a.safetensors', file, 'three')).toThrow(
    /^array: got 'three'; accepted: an array of numbers of the file: one, two$/,
  );
});

const f4 = elements('f4', given, true);
const whole = safetensors({ w: entry('F32', f4) }, f4);

it.each<[string, string, string | Uint8Array, RegExp]>([
  ['nothing', 'a.safetensors', '', /0 bytes/],
  ['a header longer than the file', 'a.safetensors', safetensors('{}', f4, 2n ** 63n), /does not fit/],
  ['a header that is no JSON', 'a.safetensors', safetensors('{', f4), /JSON/],
  ['a header that is a list', 'a.safetensors', safetensors('[]', f4), /header/],
  ['a header of null', 'a.safetensors', safetensors('null', f4), /header/],
  ['a name twice', 'a.safetensors', safetensors('{"w":1,"w":2}', f4), /twice/],
  ['a file cut short', 'a.safetensors', whole.subarray(0, whole.length - 1), /ends at byte/],
  [
    'a shape that does not fit',
    'a.safetensors',
    safetensors({ w: entry('F32', f4, 0, [7]) }, f4),
    /do not fit/,
  ],
  ['a negative extent', 'a.safetensors', safetensors({ w: entry('F32', f4, 0, [-6]) }, f4), /shape/],
  [
    'an enormous shape',
    'a.safetensors',
    safetensors({ w: entry('F32', f4, 0, [2 ** 40, 2 ** 40]) }, f4),
    /do not fit/,
  ],
  [
    'offsets that overlap',
    'a.safetensors',
    safetensors({ a: entry('F32', f4), w: entry('F32', f4) }, f4),
    /begins at/,
  ],
  [
    'bytes that belong to nothing',
    'a.safetensors',
    safetensors({ w: entry('F32', f4) }, Buffer.concat([f4, f4])),
    /end at byte/,
  ],
  ['an unknown type', 'a.safetensors', safetensors({ w: entry('F33', f4) }, f4), /dtype/],
  [
    'an integer beyond binary64',
    'a.safetensors',
    safetensors({ w: entry('I64', new Uint8Array(8).fill(0x7f), 0, [1]) }, new Uint8Array(8).fill(0x7f)),
    /no binary64 number/,
  ],
  ['other bytes', 'a.npy', 'PK\x03\x04 and more bytes', /byte 0/],
  ['a version to come', 'a.npy', npy('<f4', [6], false, f4, 9), /version 9/],
  ['complex numbers', 'a.npy', npy('<c8', [3], false, f4), /elements <c8/],
  ['objects', 'a.npy', npy('|O', [3], false, f4), /elements/],
  ['records', 'a.npy', npy("', 'x': '<f4", [6], false, f4), /elements|header/],
  ['fewer elements than its shape', 'a.npy', npy('<f4', [7], false, f4), /ends after 6 of 7/],
  ['more elements than there can be', 'a.npy', npy('<f4', [2 ** 30, 2 ** 20], false, f4), /ends after 6 of/],
  ['a header cut short', 'a.npy', npy('<f4', [6], false, f4).subarray(0, 20), /header/],
  ['no elements', 'a.npy', npy('<f4', [0], false, new Uint8Array(0)), /0 numbers/],
  ['a word', 'a.csv', '1,2\n3,four\n', /line 2: 'four' is no number/],
  ['an empty cell', 'a.csv', '1,,2\n3,4,5\n', /line 1: '' is no number/],
  ['a short row', 'a.csv', '1,2,3\n\n4,5\n', /line 3: 2 numbers, not 3/],
  ['no numbers', 'a.csv', '\n\n', /no numbers/],
  ['hexadecimal', 'a.csv', '0x10,1\n', /'0x10' is no number/],
  ['another kind', 'a.xlsx', 'PK', /\.csv, \.npy or \.safetensors/],
])('%s is refused', (_, name, content, why) => {
  expect(() => read(name, content)).toThrow(/^file: got .*; accepted: /);
  expect(() => read(name, content)).toThrow(why);
});

it.each([
  ['commas and a header', 'a,b,c\n1,-2,3\n0,-5,6\n'],
  ['semicolons, lines of Windows', '1;-2;3\r\n0;-5;6\r\n'],
  ['tabs', '1\t-2\t3\n0\t-5\t6'],
  ['blanks', '  1 -2   3\n0 -5 6\n\n'],
  ['a mark of its byte order', '\ufeff1,-2,3\n0,-5,6'],
  ['exponents', '1e0, -2.0, +3\n.0,-5.,0.6E1'],
])('a table with %s', (_, text) => {
  expect(values('table.csv', text)).toEqual(given.map((x) => (Object.is(x, -0) ? 0 : x)));
  expect(read('table.txt', text).shape).toEqual([2, 3]);
});
