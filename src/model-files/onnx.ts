/**
 * Initialisers of ONNX models, the tensors of the graph and of the graphs within its nodes: a message of Protocol Buffers, of which only
 * what leads to the tensors is read, and no tensor before it is asked for. The npm package `pbf` reads the parts of messages.
 * Source: onnx/onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto), docs/ExternalData.md.
 */
import { PbfReader } from 'pbf';
import { DamagedFileError } from '../errors.ts';
import { bitsOfDtypes, bytesOf, type Dtype } from '../files/safetensors.ts';
import { sizeOf } from '../shape.ts';
import { elementsOfBytes } from './dtypes.ts';
import { type Extent, type ModelFile, plainTensor, type StoredTensor } from './model-file.ts';
import { besideFile, type OpenFiles, openFiles } from './open-files.ts';
import type { RandomAccess } from './random-access.ts';

/** Graphs within each other. */
const deepestGraph = 32;
/** Bytes of the longest name, number or list of extents. */
const longestText = 2 ** 16;
const mostTensors = 1_000_000;

/** TensorProto.DataType, as far as elements are read. */
const dtypes: Readonly<Record<number, Dtype>> = {
  ...{ 1: 'F32', 2: 'U8', 3: 'I8', 4: 'U16', 5: 'I16', 6: 'I32', 7: 'I64', 9: 'BOOL' },
  ...{ 10: 'F16', 11: 'F64', 12: 'U32', 13: 'U64', 14: 'C64', 16: 'BF16' },
  ...{ 17: 'F8_E4M3', 18: 'F8_E4M3FNUZ', 19: 'F8_E5M2', 20: 'F8_E5M2FNUZ' },
  ...{ 23: 'F4', 24: 'F8_E8M0' },
};

/** Fields that hold elements of these types, one each, where there are no raw bytes; by their numbers. */
const listFields = { float: 4, int32: 5, int64: 7, raw: 9, double: 10, uint64: 11 } as const;

/** A field of a message: its number and kind, and where its value lies in the file. */
interface Field {
  readonly tag: number;
  /** 0: a number in 7-bit parts, which is `value`; 1: 8 bytes; 2: so many bytes; 5: 4 bytes. */
  readonly wire: number;
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

/** The bytes that the beginning of a field has at most: its key and a number, each of up to 10 bytes. */
const longestFieldStart = 20;
/** Bytes that are read at once. */
const windowBytes = 2 ** 16;

/** Walks the fields of messages in a file. */
class Fields {
  readonly file: RandomAccess;
  private window: Uint8Array = new Uint8Array();
  private begin = 0;

  constructor(file: RandomAccess) {
    this.file = file;
  }

  damaged(at: number, what: string): Error {
    return new DamagedFileError(this.file.path, `byte ${at}: ${what}`);
  }

  /** Bytes from a place on, without reading the file anew for each. */
  private near(at: number, length: number): Uint8Array {
    if (at < this.begin || at + length > this.begin + this.window.length) {
      this.begin = at;
      this.window = this.file.read(at, Math.min(Math.max(length, windowBytes), this.file.size - at));
    }
    return this.window.subarray(at - this.begin, at - this.begin + length);
  }

  *of(from: number, to: number): Generator<Field, void, void> {
    for (let at = from; at < to; ) {
      const bytes = this.near(at, Math.min(longestFieldStart, to - at));
      const reader = new PbfReader(bytes);
      let field: Field;
      try {
        const key = reader.readVarint();
        const [tag, wire] = [Math.floor(key / 8), key % 8];
        const value = wire === 0 || wire === 2 ? reader.readVarint(wire === 0) : 0;
        const start = at + reader.pos;
        const length = wire === 2 ? value : wire === 1 ? 8 : wire === 5 ? 4 : 0;
        if (tag === 0 || ![0, 1, 2, 5].includes(wire)) throw new RangeError('its kind');
        field = { tag, wire, value, from: start, to: start + length };
      } catch {
        throw this.damaged(at, 'no field of a message');
      }
      if (bytes.length < field.from - at || field.to > to)
        throw this.damaged(at, 'a field that ends beyond its message');
      yield field;
      at = field.to;
    }
  }

  /** The bytes of a field that are short: a text, a number of 4 bytes. */
  bytes({ from, to }: Field): Uint8Array {
    if (to - from > longestText) throw this.damaged(from, `${to - from} bytes where a name is expected`);
    return this.near(from, to - from);
  }

  text(field: Field): string {
    if (field.wire !== 2) throw this.damaged(field.from, 'a number where a text is expected');
    return new TextDecoder().decode(this.bytes(field));
  }

  /** The integers of a field that may be one or a list of them. */
  integers(field: Field): number[] {
    if (field.wire === 0) return [field.value];
    if (field.wire !== 2) throw this.damaged(field.from, 'no list of integers');
    return readPacked(this.bytes(field), () => this.damaged(field.from, 'no list of integers'));
  }
}

/** A list of integers in 7-bit parts. */
function readPacked(bytes: Uint8Array, damaged: () => Error): number[] {
  const reader = new PbfReader(bytes);
  const numbers: number[] = [];
  if (bytes.length > 0 && bytes.at(-1)! >= 0x80) throw damaged();
  try {
    while (reader.pos < bytes.length) numbers.push(reader.readVarint(true));
  } catch {
    throw damaged();
  }
  return numbers;
}

/** The same, all their 64 bits: numbers have 53. */
function readPacked64(bytes: Uint8Array): bigint[] {
  const numbers: bigint[] = [];
  let [number, shift] = [0n, 0n];
  for (const byte of bytes) {
    number |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80 && shift < 70n) continue;
    numbers.push(BigInt.asUintN(64, number));
    [number, shift] = [0n, 0n];
  }
  return numbers;
}

/** What a TensorProto says of its tensor. */
interface Description {
  name: string;
  type: number;
  readonly shape: number[];
  isExternal: boolean;
  isSegment: boolean;
  readonly external: Map<string, string>;
  /** The fields that have elements. */
  readonly data: Field[];
}

function describe(fields: Fields, { from, to }: Field): Description {
  const external = new Map<string, string>();
  const found: Description = {
    ...{ name: '', type: 0, shape: [], isExternal: false, isSegment: false, external, data: [] },
  };
  for (const field of fields.of(from, to)) {
    if (field.tag === 1) found.shape.push(...fields.integers(field));
    else if (field.tag === 2) found.type = field.value;
    else if (field.tag === 3) found.isSegment = true;
    else if (field.tag === 8) found.name = fields.text(field);
    else if (field.tag === 13) {
      let [key, value] = ['', ''];
      for (const part of fields.of(field.from, field.to))
        if (part.tag === 1) key = fields.text(part);
        else if (part.tag === 2) value = fields.text(part);
      external.set(key, value);
    } else if (field.tag === 14) found.isExternal = field.value === 1;
    else if ((Object.values(listFields) as number[]).includes(field.tag)) found.data.push(field);
    if (found.shape.length > 64 || external.size > 64)
      throw fields.damaged(field.from, 'a tensor of too many parts');
  }
  return found;
}

/** Where the bytes of a tensor lie that are not in the file itself. */
function externalExtent({ external, name }: Description, path: string, files: OpenFiles): Extent {
  const location = external.get('location');
  if (location === undefined) throw new DamagedFileError(path, `${name}: external data without a location`);
  const file = besideFile(path, location.replace(/^\.\//, ''));
  const { size } = files.open(file);
  const number = (key: string, fallback: number): number => {
    const text = external.get(key);
    if (text === undefined) return fallback;
    if (!/^\d{1,15}$/.test(text))
      throw new DamagedFileError(path, `${name}: external data with ${key} '${text}'`);
    return Number(text);
  };
  const offset = number('offset', 0);
  const length = number('length', size - offset);
  if (offset + length > size || length < 0)
    throw new DamagedFileError(
      path,
      `${name}: external data up to byte ${offset + length} of ${location}, which has ${size}`,
    );
  return { file, offset, length };
}

/** Which field holds the elements of a type where there are no raw bytes. */
function listField(dtype: Dtype): number {
  if (dtype === 'F32' || dtype === 'C64') return listFields.float;
  if (dtype === 'F64') return listFields.double;
  if (dtype === 'I64') return listFields.int64;
  return dtype === 'U32' || dtype === 'U64' ? listFields.uint64 : listFields.int32;
}

/** Integers of a list as elements of their width, or bytes that several elements share. */
function narrowed(numbers: readonly (number | bigint)[], dtype: Dtype): Uint8Array {
  const size = Math.ceil(bytesOf(1, dtype));
  const bytes = Buffer.alloc(numbers.length * size);
  for (const [i, number] of numbers.entries())
    if (typeof number === 'bigint') {
      if (size === 8) bytes.writeBigUInt64LE(number, size * i);
      else bytes.writeUInt32LE(Number(BigInt.asUintN(32, number)), size * i);
    } else for (let byte = 0; byte < size; byte++) bytes[size * i + byte] = number >> (8 * byte);
  return bytes;
}

/** A tensor whose elements are numbers in 7-bit parts. `damaged` makes the error of one that has not as many as its shape says. */
function listedTensor(
  heading: Pick<StoredTensor, 'name' | 'dtype' | 'shape'>,
  data: readonly Field[],
  file: RandomAccess,
  damaged: (at: number) => Error,
): StoredTensor {
  const { dtype, shape } = heading;
  const shared = elementsOfBytes(bitsOfDtypes[dtype]);
  const isWide = bitsOfDtypes[dtype] === 64 || dtype === 'U32';
  return {
    ...heading,
    async *pieces(many) {
      const elements = Math.ceil(many / shared);
      let held: (number | bigint)[] = [];
      let count = 0;
      for (const { wire, value, from, to } of data) {
        if (wire === 0) held.push(isWide ? BigInt.asUintN(64, BigInt(value)) : value);
        for (let at = from; wire === 2 && at < to; ) {
          // The last part of a number, which alone has no high bit, may lie beyond what is read at once.
          const read = file.read(at, Math.min(windowBytes, to - at));
          const bytes = read.subarray(0, read.findLastIndex((byte) => byte < 0x80) + 1);
          if (bytes.length === 0) throw damaged(at);
          held.push(...(isWide ? readPacked64(bytes) : readPacked(bytes, () => damaged(from))));
          at += bytes.length;
          let done = 0;
          for (; held.length - done >= elements; done += elements)
            yield narrowed(held.slice(done, done + elements), dtype);
          held = held.slice(done);
          count += done;
        }
      }
      if (count + held.length !== Math.ceil(sizeOf(shape) / shared)) throw damaged(data[0]?.from ?? 0);
      for (let at = 0; at < held.length; at += elements) yield narrowed(held.slice(at, at + elements), dtype);
    },
  };
}

/** The tensor of a TensorProto; its name alone for texts and other elements that are not read. */
function tensorOf(fields: Fields, field: Field, files: OpenFiles, prefix: string): StoredTensor | string {
  const found = describe(fields, field);
  const { path } = fields.file;
  const name = `${prefix}${found.name}`;
  const refuse = (why: string): Error =>
    new DamagedFileError(path, `byte ${field.from}: the tensor ${name} ${why}`);
  if (found.name === '') throw fields.damaged(field.from, 'an initialiser without a name');
  if (found.isSegment) throw refuse('is a segment of another');
  const dtype = dtypes[found.type];
  if (dtype === undefined) return name;
  const { shape } = found;
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0))
    throw refuse(`has the shape ${shape.join(' x ')}`);
  const expected = Math.ceil(bytesOf(sizeOf(shape), dtype));
  const heading = { name, dtype, shape };
  const placed = (extents: readonly Extent[]): StoredTensor => {
    const length = extents.reduce((sum, extent) => sum + extent.length, 0);
    if (length !== expected) throw refuse(`has ${length} bytes where its shape says ${expected}`);
    return plainTensor({ ...heading, extents }, files.open);
  };
  if (found.isExternal) return placed([externalExtent(found, path, files)]);
  const ofTag = (tag: number): Field[] => found.data.filter((one) => one.tag === tag);
  const extentOf = ({ from, to }: Field): Extent => ({ file: path, offset: from, length: to - from });
  const raw = ofTag(listFields.raw);
  if (raw.length > 0) return placed(raw.slice(-1).map(extentOf));
  const tag = listField(dtype);
  const lists = ofTag(tag);
  if (tag === listFields.float || tag === listFields.double) return placed(lists.map(extentOf));
  // Each number has a byte at least, and its last byte alone has no high bit.
  const most = lists.reduce((sum, { wire, from, to }) => sum + (wire === 0 ? 1 : to - from), 0);
  const wanted = Math.ceil(sizeOf(shape) / elementsOfBytes(bitsOfDtypes[dtype]));
  if (wanted > most) throw refuse(`has no more than ${most} numbers where its shape says ${wanted}`);
  return listedTensor(heading, lists, fields.file, (at) =>
    fields.damaged(at, `the tensor ${name} does not have the numbers that its shape says`),
  );
}

/** Collects the tensors of a graph and of the graphs in its nodes. */
function collect(
  fields: Fields,
  graph: Field,
  {
    files,
    found,
    prefix,
    depth,
  }: { files: OpenFiles; found: (StoredTensor | string)[]; prefix: string; depth: number },
): void {
  if (depth > deepestGraph)
    throw fields.damaged(graph.from, `graphs within each other, more than ${deepestGraph}`);
  let inner = 0;
  for (const field of fields.of(graph.from, graph.to)) {
    if (field.wire !== 2) continue;
    if (field.tag === 5) found.push(tensorOf(fields, field, files, prefix));
    if (field.tag === 15) found.push(`${prefix}sparse initialiser at byte ${field.from}`);
    if (found.length > mostTensors) throw fields.damaged(field.from, `more than ${mostTensors} initialisers`);
    if (field.tag !== 1) continue;
    // A node: its name, and attributes that are graphs or tensors (of constants).
    for (const part of fields.of(field.from, field.to)) {
      if (part.tag !== 5 || part.wire !== 2) continue;
      for (const attribute of fields.of(part.from, part.to))
        if ((attribute.tag === 6 || attribute.tag === 11) && attribute.wire === 2)
          collect(fields, attribute, { files, found, prefix: `${prefix}graph${++inner}/`, depth: depth + 1 });
    }
  }
}

/** The initialisers of an ONNX model. Throws DamagedFileError. */
export function onnxModel(file: RandomAccess): ModelFile {
  const { path } = file;
  const files = openFiles(file);
  try {
    const fields = new Fields(file);
    const found: (StoredTensor | string)[] = [];
    const graphs = [...fields.of(0, file.size)].filter(({ tag, wire }) => tag === 7 && wire === 2);
    if (graphs.length !== 1)
      throw new DamagedFileError(path, `it has ${graphs.length} graphs, where an ONNX model has one`);
    collect(fields, graphs[0]!, { files, found, prefix: '', depth: 0 });
    const names = found.map((one) => (typeof one === 'string' ? one : one.name));
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) throw new DamagedFileError(path, `two initialisers are called ${name}`);
      seen.add(name);
    }
    const tensors = found.filter((one) => typeof one !== 'string');
    const unread = found.filter((one) => typeof one === 'string');
    const all = new Set([
      path,
      ...tensors.flatMap(({ extents = [] }) => extents.map((extent) => extent.file)),
    ]);
    return { kind: 'onnx', path, files: [...all], tensors, unread, metadata: {}, close: files.close };
  } catch (error) {
    files.close();
    throw error;
  }
}
