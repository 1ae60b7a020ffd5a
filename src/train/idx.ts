/**
 * IDX files, the format of MNIST, Fashion-MNIST and their relatives: arrays of unsigned bytes with a header. Other element
 * types are refused by name. Gzip'd bytes are unpacked first.
 * Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "File formats".
 */
import { ArgumentError } from '../errors.ts';
import { type LabelledData, type LabelledOptions, labelledData, labelledParts } from './labelled-data.ts';

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

/** The bytes of a gzip stream, or the bytes themselves if they are none. */
async function unpacked(bytes: Uint8Array, argument: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new ArgumentError(
      argument,
      `${bytes.length} bytes of gzip`,
      `a whole gzip stream (${(error as Error).message})`,
    );
  }
}

/**
 * Reads an IDX file's bytes, gzip'd or not.
 * @param argument What errors call them.
 * @throws ArgumentError if the magic number, the element type or the length is not as the format says.
 */
export async function readIdx(bytes: Uint8Array, argument: string = 'bytes'): Promise<IdxArray> {
  const data = await unpacked(bytes, argument);
  const refuse = (given: string, accepted: string): never => {
    throw new ArgumentError(argument, given, accepted);
  };
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
  const start = 4 + 4 * dimensions;
  if (data.length < start)
    refuse(`${data.length} bytes`, `a header of ${start} bytes for ${dimensions} dimensions`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const length = shape.reduce((product, extent) => product * extent, 1);
  if (data.length !== start + length)
    refuse(
      `${data.length} bytes`,
      `${start + length} bytes, as the sizes ${shape.join(' x ')} in its header say${data.length < start + length ? ': it is cut off' : ''}`,
    );
  return { shape, values: data.subarray(start) };
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
  if (classes.shape.length !== 1)
    throw new ArgumentError(
      `${prefix}labels`,
      `sizes ${classes.shape.join(' x ')}`,
      'one label for each image',
    );
  const [count] = pixels.shape;
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
  const training = await readPair(files, '');
  const { features } = training;
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
