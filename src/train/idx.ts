/**
 * IDX files, the format of MNIST, Fashion-MNIST and their relatives: arrays of unsigned bytes with a header. Other element
 * types are refused by name. Gzip'd bytes are unpacked first.
 * Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "File formats".
 */
import { byteArray } from '../array-kinds.ts';
import { atMost, checkAbsent, checkFields, checkLength, checkString } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import {
  checkLabelledOptions,
  type LabelledData,
  type LabelledOptions,
  labelledData,
  labelledParts,
} from './labelled-data.ts';

/** An array of unsigned bytes, row-major. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

const UNSIGNED_BYTES = 0x08;
const typeNames: Readonly<Record<number, string>> = {
  9: 'signed bytes',
  11: '16-bit integers',
  12: '32-bit integers',
  13: '32-bit floats',
  14: '64-bit floats',
};

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Elements of the largest array: as binary32 they take 1 GiB. */
const mostElements = 2 ** 28;
/** Samples of the largest data set. */
const mostSamples = 2 ** 24;

/** Bytes that come one after the other, looked at before all of them are there. */
class Pieces {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** All that has come, once there are `count` bytes, or fewer if no more come. */
  async atLeast(count: number): Promise<Uint8Array> {
    while (this.#length < count) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      this.#pieces.push(value);
      this.#length += value.length;
    }
    const all = new Uint8Array(this.#length);
    let offset = 0;
    for (const piece of this.#pieces) {
      all.set(piece, offset);
      offset += piece.length;
    }
    this.#pieces = [all];
    return all;
  }

  /** Lets go of the rest. */
  stop(): void {
    this.#reader.cancel().catch(() => {});
  }
}

interface Header {
  readonly shape: readonly number[];
  /** Bytes before the elements. */
  readonly start: number;
  /** Bytes of the whole file, as its header says. */
  readonly end: number;
}

type Refuse = (given: string, accepted: string) => never;

/** Dimensions of an IDX file by its first four bytes. */
function dimensionsOf(data: Uint8Array, refuse: Refuse): number {
  const magic = [...data.subarray(0, 4)];
  if (magic.length < 4)
    refuse(`${data.length} bytes`, 'an IDX file: 4 bytes of magic number, sizes, elements');
  const [first, second, type, dimensions] = magic as [number, number, number, number];
  if (first !== 0 || second !== 0 || dimensions === 0)
    refuse(
      `magic number ${magic.map(hex).join(' ')}`,
      'an IDX file, which begins with 00 00, type, dimensions',
    );
  if (type !== UNSIGNED_BYTES)
    refuse(
      `elements of type 0x${hex(type)}, ${typeNames[type] ?? 'which is unknown'}`,
      'unsigned bytes, type 0x08',
    );
  return dimensions;
}

function headerOf(data: Uint8Array, dimensions: number, refuse: Refuse): Header {
  const start = 4 + 4 * dimensions;
  if (data.length < start)
    refuse(`${data.length} bytes`, `a header of ${start} bytes for ${dimensions} dimensions`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const length = sizeOf(shape);
  if (length > mostElements) refuse(`sizes ${shape.join(' x ')}`, 'at most 2^28 elements');
  return { shape, start, end: start + length };
}

/** `isAll`: whether so many bytes are all that there are. */
function checkBytes(bytes: number, isAll: boolean, { shape, end }: Header, refuse: Refuse): void {
  if (bytes === end) return;
  const given = isAll ? `${bytes} bytes` : `more than ${end} bytes`;
  const cut = bytes < end ? ': it is cut off' : '';
  refuse(given, `${end} bytes, as the sizes ${shape.join(' x ')} in its header say${cut}`);
}

/** Unpacks a gzip stream as far as its header goes, and then no more than one byte beyond what that promises. */
async function readPacked(bytes: Uint8Array, argument: string, refuse: Refuse): Promise<IdxArray> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  const pieces = new Pieces(packed.pipeThrough(new DecompressionStream('gzip')));
  try {
    const dimensions = dimensionsOf(await pieces.atLeast(4), refuse);
    const header = headerOf(await pieces.atLeast(4 + 4 * dimensions), dimensions, refuse);
    const data = await pieces.atLeast(header.end + 1);
    checkBytes(data.length, data.length < header.end, header, refuse);
    return { shape: header.shape, values: data.subarray(header.start) };
  } catch (error) {
    if (error instanceof ArgumentError) throw error;
    const reason = (error as Error).message;
    throw new ArgumentError(argument, `${bytes.length} bytes of gzip`, `a whole gzip stream (${reason})`);
  } finally {
    pieces.stop();
  }
}

/**
 * Reads an IDX file's bytes, gzip'd or not.
 * @param argument What errors call them.
 * @throws ArgumentError if the magic number, the element type or the length is not as the format says, or if there are
 * more than 2^28 elements.
 */
export async function readIdx(given: Uint8Array, argument: string = 'bytes'): Promise<IdxArray> {
  const refuse: Refuse = (given, accepted) => {
    throw new ArgumentError(argument, given, accepted);
  };
  const bytes = byteArray(checkString('argument', argument), given, 'the bytes of an IDX file');
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return readPacked(bytes, argument, refuse);
  const header = headerOf(bytes, dimensionsOf(bytes, refuse), refuse);
  checkBytes(bytes.length, true, header, refuse);
  return { shape: header.shape, values: bytes.subarray(header.start) };
}

/** Images and their labels, as the bytes of two IDX files. */
export interface IdxPair {
  /** (samples, rows, columns), such as `train-images-idx3-ubyte`. */
  readonly images: Uint8Array;
  /** (samples), such as `train-labels-idx1-ubyte`. */
  readonly labels: Uint8Array;
}

async function readPair({ images, labels }: IdxPair, prefix: string) {
  const pixels = await readIdx(images, `${prefix}images`);
  const classes = await readIdx(labels, `${prefix}labels`);
  if (pixels.shape.length < 2)
    throw new ArgumentError(
      `${prefix}images`,
      `${pixels.shape.length} dimension`,
      'at least two: samples x values (labels have one)',
    );
  checkLength(
    `${prefix}labels`,
    classes.shape,
    1,
    'one label for each image',
    `sizes ${classes.shape.join(' x ')}`,
  );
  const [count] = pixels.shape;
  atMost(`${prefix}images`, count!, mostSamples, 'images');
  if (classes.shape[0] !== count)
    throw new ArgumentError(`${prefix}labels`, `${classes.shape[0]} labels`, `${count}, one for each image`);
  const inputs = new Float32Array(pixels.values);
  // Black 0, white 1.
  for (let i = 0; i < inputs.length; i++) inputs[i] = inputs[i]! / 255;
  return {
    inputs,
    labels: Array.from(classes.values, String),
    features: pixels.values.length / Math.max(1, count!),
  };
}

/**
 * Makes training data of IDX files; bytes become value / 255. With `validation` those files are the validation part,
 * otherwise a part of the images is, shuffled in an order that is fixed.
 * @throws ArgumentError if a file is damaged or they do not fit together; it names `images`, `labels`,
 * `validation.images` or `validation.labels`.
 * @example
 * const data = await idxData({ images: await readFile('train-images-idx3-ubyte.gz'), labels: await readFile('train-labels-idx1-ubyte.gz') });
 */
export async function idxData(
  files: IdxPair & { readonly validation?: IdxPair },
  options: Omit<LabelledOptions, 'scaling'> = {},
): Promise<LabelledData> {
  checkFields('files', files ?? null, ['images', 'labels', 'validation']);
  checkFields('', options, ['name', 'validationFraction']);
  checkLabelledOptions(options);
  if (files.validation !== undefined) checkFields('files.validation', files.validation, ['images', 'labels']);
  const training = await readPair(files, '');
  const { features } = training;
  if (files.validation !== undefined)
    checkAbsent('validationFraction', options.validationFraction, 'nothing beside validation files');
  if (files.validation === undefined) return labelledData(training.inputs, training.labels, options);
  const validation = await readPair(files.validation, 'validation.');
  if (validation.features !== features)
    throw new ArgumentError(
      'validation.images',
      `${validation.features} values an image`,
      `${features}, as the images to train on have`,
    );
  return labelledParts(training, validation, features, options);
}
