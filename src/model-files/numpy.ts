/**
 * NumPy's arrays as models: one in a `.npy` file, several in a `.npz`, which is a zip file of them. The npm package `yauzl` reads zip
 * files; arrays that are stored in it without compression are read in place.
 */
import { type Entry, open as openZip, type ZipFile } from 'yauzl';
import { DamagedFileError } from '../errors.ts';
import type { Dtype } from '../files/safetensors.ts';
import { sizeOf } from '../shape.ts';
import { type ModelFile, plainTensor, type StoredTensor } from './model-file.ts';
import { FileFormatError, longestNpyStart, type NpyStart, readNpyStart, toRowMajor } from './npy.ts';
import { openFiles } from './open-files.ts';
import type { RandomAccess } from './random-access.ts';

const dtypes: Readonly<Record<string, Dtype>> = {
  ...{ f2: 'F16', f4: 'F32', f8: 'F64', b1: 'BOOL' },
  ...{ i1: 'I8', i2: 'I16', i4: 'I32', i8: 'I64', u1: 'U8', u2: 'U16', u4: 'U32', u8: 'U64' },
};

/** The type of NumPy's elements, without the order of their bytes: `f4`. */
export const numpyType = (dtype: Dtype): string =>
  Object.keys(dtypes).find((name) => dtypes[name] === dtype) ?? '';

/** How many bytes one compressed byte can become: 258 for two bits (RFC 1951). */
const mostInflated = 1032;

/** Bytes of the largest array that is turned from column-major to row-major order, all at once. */
const largestTurned = 2 ** 30;

/** The same elements, the bytes of each in the other order. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const copy = Buffer.from(bytes);
  if (size === 2) return copy.swap16();
  if (size === 4) return copy.swap32();
  return size === 8 ? copy.swap64() : copy;
}

/** Elements in the order of rows. */
function turned(bytes: Uint8Array, { shape, elementBytes }: NpyStart): Uint8Array {
  const kinds = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array };
  // A copy of its own: a Buffer's slice is a view of memory that others share.
  const whole = new Uint8Array(bytes);
  const elements = new kinds[elementBytes as 1](whole.buffer);
  toRowMajor(elements, shape);
  return whole;
}

/** What is read of an array's bytes, however they are stored: those after its beginning, in pieces of so many. */
type Pieces = (bytes: number) => AsyncGenerator<Uint8Array, void, void>;

/** The tensor of an array whose bytes are in another order than ours. */
function reordered(name: string, start: NpyStart, read: Pieces, file: string): StoredTensor {
  const { shape, elementBytes, isBigEndian, fortran } = start;
  const dtype = dtypes[start.type]!;
  const bytes = sizeOf(shape) * elementBytes;
  const isTurned = fortran && shape.length > 1;
  if (isTurned && bytes > largestTurned)
    throw new DamagedFileError(
      file,
      `${name} is in column-major order and has ${bytes} bytes, more than ${largestTurned}`,
    );
  return {
    ...{ name, dtype, shape },
    async *pieces(elements) {
      for await (const part of read(isTurned ? Math.max(1, bytes) : elements * elementBytes)) {
        const native = isBigEndian ? swapped(part, elementBytes) : part;
        const ordered = isTurned ? turned(native, start) : native;
        for (let at = 0; at < ordered.length; at += elements * elementBytes)
          yield ordered.subarray(at, at + elements * elementBytes);
      }
    },
  };
}

/** The tensor of an array whose bytes lie in a file as they are. */
function placedTensor(
  name: string,
  start: NpyStart,
  offset: number,
  file: RandomAccess,
  open: (path: string) => RandomAccess,
): StoredTensor {
  const { shape, elementBytes, isBigEndian, fortran, data } = start;
  const dtype = dtypes[start.type]!;
  const extents = [{ file: file.path, offset: offset + data, length: sizeOf(shape) * elementBytes }];
  const plain = plainTensor({ name, dtype, shape, extents }, open);
  const isPlain = (!isBigEndian || elementBytes === 1) && (!fortran || shape.length < 2);
  return isPlain ? plain : reordered(name, start, (bytes) => plain.pieces(bytes / elementBytes), file.path);
}

/** The beginning of an array of so many bytes in all. Throws DamagedFileError. */
function startOf(bytes: Uint8Array, size: number, file: string, place: string): NpyStart {
  try {
    const start = readNpyStart(bytes, size);
    const end = start.data + sizeOf(start.shape) * start.elementBytes;
    if (end !== size) throw new FileFormatError(`byte ${end}: ${size - end} bytes after its numbers`);
    return start;
  } catch (error) {
    if (error instanceof FileFormatError) throw new DamagedFileError(file, `${place}${error.message}`);
    throw error;
  }
}

/** The array of a `.npy` file as a model. Throws DamagedFileError. */
export function npyModel(file: RandomAccess): ModelFile {
  const { path, size } = file;
  const files = openFiles(file);
  const start = startOf(file.read(0, Math.min(size, longestNpyStart)), size, path, '');
  const tensors = [placedTensor('data', start, 0, file, files.open)];
  return { kind: 'npy', path, files: [path], tensors, unread: [], metadata: {}, close: files.close };
}

/** Bytes of a stream in pieces of one length; the last may be shorter. */
async function* regrouped(
  stream: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array, void, void> {
  let held: Uint8Array[] = [];
  let count = 0;
  for await (const chunk of stream) {
    held.push(chunk);
    count += chunk.length;
    if (count < length) continue;
    const whole = Buffer.concat(held);
    let at = 0;
    for (; at + length <= count; at += length) yield whole.subarray(at, at + length);
    held = [whole.subarray(at)];
    count -= at;
  }
  if (count > 0) yield Buffer.concat(held);
}

/** The entries of a zip file. */
function entriesOf(zip: ZipFile): Promise<Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    zip.on('entry', (entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.on('end', () => resolve(entries));
    zip.on('error', reject);
    zip.readEntry();
  });
}

/** Where the bytes of an entry begin. */
function beginOf(zip: ZipFile, entry: Entry): Promise<number> {
  return new Promise((resolve, reject) =>
    zip.readLocalFileHeader(entry, { minimal: true }, (error, header) =>
      error ? reject(error) : resolve(header.fileDataStart),
    ),
  );
}

/** The bytes of an entry as they were before they were compressed. */
async function* streamed(zip: ZipFile, entry: Entry, file: string): AsyncGenerator<Uint8Array, void, void> {
  try {
    const stream = await new Promise<AsyncIterable<Uint8Array>>((resolve, reject) =>
      zip.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened))),
    );
    yield* stream;
  } catch (error) {
    throw new DamagedFileError(file, `${entry.fileName}: ${(error as Error).message}`);
  }
}

/** The first bytes of a stream. */
async function firstOf(stream: AsyncGenerator<Uint8Array>, length: number): Promise<Uint8Array> {
  for await (const piece of regrouped(stream, length)) return piece;
  return new Uint8Array();
}

/** The same without the first bytes. */
async function* without(stream: AsyncIterable<Uint8Array>, first: number): AsyncGenerator<Uint8Array> {
  let left = first;
  for await (const chunk of stream) {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}

/** The tensor of an entry of a `.npz` file. */
async function tensorOfEntry(
  zip: ZipFile,
  entry: Entry,
  file: RandomAccess,
  open: (path: string) => RandomAccess,
): Promise<StoredTensor> {
  const { path } = file;
  const name = entry.fileName.replace(/\.npy$/, '');
  const size = entry.uncompressedSize;
  if (entry.isEncrypted()) throw new DamagedFileError(path, `${entry.fileName} is encrypted`);
  const most = Math.min(size, longestNpyStart);
  if (entry.compressionMethod === 0 && entry.compressedSize === size) {
    const begin = await beginOf(zip, entry);
    const start = startOf(file.read(begin, most), size, path, `${entry.fileName}, `);
    return placedTensor(name, start, begin, file, open);
  }
  if (size > mostInflated * entry.compressedSize)
    throw new DamagedFileError(
      path,
      `${entry.fileName}: ${entry.compressedSize} compressed bytes cannot become the ${size} that it claims`,
    );
  const head = await firstOf(streamed(zip, entry, path), most);
  const start = startOf(head, size, path, `${entry.fileName}, `);
  return reordered(
    name,
    start,
    (bytes) => regrouped(without(streamed(zip, entry, path), start.data), bytes),
    path,
  );
}

/** The arrays of a `.npz` file as a model. Throws DamagedFileError. */
export async function npzModel(file: RandomAccess): Promise<ModelFile> {
  const { path } = file;
  const files = openFiles(file);
  let zip: ZipFile | undefined;
  const close = (): void => {
    zip?.close();
    files.close();
  };
  try {
    zip = await new Promise<ZipFile>((resolve, reject) =>
      openZip(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true }, (error, opened) =>
        error ? reject(error) : resolve(opened),
      ),
    );
    const tensors: StoredTensor[] = [];
    const compressed = new Set<StoredTensor>();
    const names = new Set<string>();
    for (const entry of await entriesOf(zip)) {
      if (!entry.fileName.endsWith('.npy'))
        throw new DamagedFileError(path, `${entry.fileName} is no array (.npy)`);
      if (names.has(entry.fileName))
        throw new DamagedFileError(path, `two arrays are called ${entry.fileName}`);
      names.add(entry.fileName);
      const tensor = await tensorOfEntry(zip, entry, file, files.open);
      tensors.push(tensor);
      if (entry.compressionMethod !== 0) compressed.add(tensor);
    }
    const found = { files: [path], tensors, unread: [], metadata: {}, compressed };
    return { kind: 'npz', path, ...found, close };
  } catch (error) {
    close();
    if (error instanceof DamagedFileError) throw error;
    throw new DamagedFileError(path, `it is no zip file of arrays (${(error as Error).message})`);
  }
}
