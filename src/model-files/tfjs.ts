/**
 * Models of TensorFlow.js, layers and graphs alike: a `model.json` whose manifest lists weights in groups, and files with the bytes
 * of each group, cut at any place. Weights that tfjs has quantised are integers with a scale and a least value, or binary16.
 * A manifest alone, as older models have it, is one too.
 * Source: tensorflow/tfjs, tfjs-core/src/io: WeightsManifestConfig and decodeWeights.
 */

import { isRecord } from '../check.ts';
import { DamagedFileError } from '../errors.ts';
import { checkPart } from '../files/json-file.ts';
import { bytesOf, type Dtype } from '../files/safetensors.ts';
import { fields, integer, list, maybe, number, type Schema, someFields, value, word } from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { type Extent, type ModelFile, plainTensor, type StoredTensor, sliceExtents } from './model-file.ts';
import { besideFile, type OpenFiles, openFiles } from './open-files.ts';
import type { RandomAccess } from './random-access.ts';

/** Types of weights, and how their bytes are stored where nothing is quantised. */
const storedTypes = {
  float32: 'F32',
  float16: 'F16',
  int32: 'I32',
  uint8: 'U8',
  uint16: 'U16',
  int8: 'I8',
  bool: 'BOOL',
  complex64: 'C64',
} as const satisfies Readonly<Record<string, Dtype>>;

interface Quantization {
  readonly dtype: 'uint8' | 'uint16' | 'float16';
  readonly scale?: number | undefined;
  readonly min?: number | undefined;
}
interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: keyof typeof storedTypes | 'string';
  readonly quantization?: Quantization | undefined;
}
interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly Weight[];
}

const text = value<string>((given) => typeof given === 'string' && given !== '', 'a text');
const manifestSchema = list(
  someFields({
    paths: list(text, 0, 1_000_000),
    weights: list(
      someFields({
        name: text,
        shape: list(integer(0, Number.MAX_SAFE_INTEGER), 0, 64),
        dtype: word([...(Object.keys(storedTypes) as (keyof typeof storedTypes)[]), 'string']),
        quantization: maybe(
          fields({
            dtype: word(['uint8', 'uint16', 'float16']),
            scale: maybe(number()),
            min: maybe(number()),
            original_dtype: maybe(word(['float32', 'int32'])),
          }),
        ),
      }),
      0,
      1_000_000,
    ),
  }),
  0,
  100_000,
) as unknown as Schema<readonly Group[]>;

/** The manifest of a file's JSON; undefined where it is none. */
function manifestOf(json: unknown): unknown {
  if (isRecord(json)) return (json as { readonly weightsManifest?: unknown }).weightsManifest;
  const isManifest = Array.isArray(json) && json.every((one) => isRecord(one) && 'weights' in one);
  return isManifest ? json : undefined;
}

export const isTfjsModel = (json: unknown): boolean => manifestOf(json) !== undefined;

/** The bytes of a group: its files, one after the other. */
function bytesOfGroup({ paths }: Group, path: string, files: OpenFiles): Extent[] {
  return paths.map((name) => {
    const file = besideFile(path, name);
    return { file, offset: 0, length: files.open(file).size };
  });
}

/** How many bytes texts take from a place on: each has its length before it. */
function bytesOfTexts(
  count: number,
  from: number,
  extents: readonly Extent[],
  total: number,
  files: OpenFiles,
): number {
  let at = from;
  for (let i = 0; i < count; i++) {
    if (at + 4 > total) return Infinity;
    const parts = sliceExtents(extents, at, 4).map(({ file, offset, length }) =>
      files.open(file).read(offset, length),
    );
    at += 4 + Buffer.concat(parts).readUInt32LE();
  }
  return at - from;
}

/** How a weight is stored. Throws DamagedFileError. */
function storageOf(weight: Weight, path: string): Pick<StoredTensor, 'dtype' | 'affine'> {
  const { name, dtype, quantization } = weight;
  if (quantization === undefined) return { dtype: storedTypes[dtype as keyof typeof storedTypes] };
  const { dtype: stored, scale, min } = quantization;
  const isWhole = stored !== 'float16';
  const isKnown = isWhole ? ['float32', 'int32'].includes(dtype) : dtype === 'float32';
  if (!isKnown || (isWhole && (scale === undefined || min === undefined)))
    throw new DamagedFileError(path, `weightsManifest, ${name}: its quantization does not fit its type`);
  if (!isWhole) return { dtype: 'F16' };
  return {
    dtype: storedTypes[stored],
    affine: { scale: scale!, min: min!, isInteger: dtype === 'int32' },
  };
}

/** The model of a model.json. Throws DamagedFileError. */
export function tfjsModel(file: RandomAccess, json: unknown): ModelFile {
  const { path } = file;
  const files = openFiles(file);
  try {
    const groups = checkPart('weightsManifest', manifestOf(json), manifestSchema, path);
    const tensors: StoredTensor[] = [];
    const unread: string[] = [];
    const names = new Set<string>();
    const all = new Set([path]);
    for (const group of groups) {
      const extents = bytesOfGroup(group, path, files);
      for (const { file: shard } of extents) all.add(shard);
      const total = extents.reduce((sum, { length }) => sum + length, 0);
      let at = 0;
      for (const weight of group.weights) {
        const { name, shape } = weight;
        if (names.has(name))
          throw new DamagedFileError(path, `weightsManifest: two weights are called ${name}`);
        names.add(name);
        const isText = weight.dtype === 'string';
        const storage = isText ? undefined : storageOf(weight, path);
        const elements = sizeOf(shape);
        const length =
          storage === undefined
            ? bytesOfTexts(elements, at, extents, total, files)
            : bytesOf(elements, storage.dtype);
        if (at + length > total)
          throw new DamagedFileError(
            path,
            `weightsManifest, ${name}: it ends at byte ${at + length} of the ${total} in ${group.paths.join(', ')}`,
          );
        if (storage === undefined) unread.push(name);
        else
          tensors.push(
            plainTensor({ name, shape, ...storage, extents: sliceExtents(extents, at, length) }, files.open),
          );
        at += length;
      }
      if (at !== total)
        throw new DamagedFileError(
          path,
          `weightsManifest: ${total - at} bytes of ${group.paths.join(', ')} are of no weight`,
        );
    }
    const paths = groups.map((group) => group.paths.map((name) => besideFile(path, name)));
    const found = { files: [...all], tensors, unread, metadata: {}, groups: paths, json };
    return { kind: 'tfjs', path, ...found, close: files.close };
  } catch (error) {
    files.close();
    throw error;
  }
}

/**
 * The JSON of a model whose weights, those with a scale and a least value, have become binary32, each group in the first of its files.
 */
export function plainManifest({ json }: ModelFile): unknown {
  const groups = (manifestOf(json) as readonly Group[]).map(({ paths, weights, ...rest }) => ({
    ...rest,
    paths: paths.slice(0, 1),
    weights: weights.map((weight) => {
      const { quantization, ...plain } = weight;
      return quantization === undefined || quantization.dtype === 'float16' ? weight : plain;
    }),
  }));
  return Array.isArray(json) ? groups : { ...(json as object), weightsManifest: groups };
}
