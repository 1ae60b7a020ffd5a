/**
 * Models in safetensors files, one or several with an index: a JSON file that says in which file each tensor is.
 * Source: huggingface_hub, "Sharded weights".
 */
import { DamagedFileError } from '../errors.ts';
import { checkPart, jsonFrom } from '../files/json-file.ts';
import { type Header, readHeader } from '../files/safetensors.ts';
import { record, someFields, value } from '../schema.ts';
import { type ModelFile, plainTensor, type StoredTensor } from './model-file.ts';
import { besideFile, openFiles } from './open-files.ts';
import type { RandomAccess } from './random-access.ts';

/** Bytes of the largest index. */
const largestIndex = 2 ** 28;

/** The tensors of one file. */
function tensorsOf(
  file: RandomAccess,
  { entries, start }: Header,
  open: (path: string) => RandomAccess,
): StoredTensor[] {
  return entries.map(([name, { dtype, shape, data_offsets: offsets }]) => {
    const [from, to] = offsets;
    const extents = [{ file: file.path, offset: start + from, length: to - from }];
    return plainTensor({ name, dtype, shape, extents }, open);
  });
}

/** The model in one safetensors file. Throws DamagedFileError. */
export function safetensorsModel(file: RandomAccess): ModelFile {
  const files = openFiles(file);
  const header = readHeader(file);
  return {
    ...{ kind: 'safetensors', path: file.path, files: [file.path], unread: [], metadata: header.metadata },
    tensors: tensorsOf(file, header, files.open),
    close: files.close,
  };
}

const text = value<string>((given) => typeof given === 'string', 'a text');
const indexSchema = someFields({ weight_map: record(text, 'an object of file names') });

/** Whether the JSON of a file is such an index. */
export const isSafetensorsIndex = (json: unknown): boolean =>
  typeof json === 'object' && json !== null && Object.hasOwn(json, 'weight_map');

/** The model in the safetensors files that an index names. Throws DamagedFileError. */
export function shardedModel(file: RandomAccess, json: unknown): ModelFile {
  const { path } = file;
  const files = openFiles(file);
  try {
    const { weight_map: map } = checkPart('index', json, indexSchema, path);
    const shards = [...new Set(Object.values(map))].map((name) => [name, besideFile(path, name)] as const);
    const tensors: StoredTensor[] = [];
    let metadata: Header['metadata'] = {};
    for (const [name, place] of shards) {
      const shard = files.open(place);
      const header = readHeader(shard);
      metadata = { ...header.metadata, ...metadata };
      for (const tensor of tensorsOf(shard, header, files.open)) {
        const said = Object.hasOwn(map, tensor.name) ? map[tensor.name] : undefined;
        if (said !== name)
          throw new DamagedFileError(
            path,
            `weight_map: the tensor ${tensor.name} of ${name} ${said === undefined ? 'is not in it' : `is said to be in ${said}`}`,
          );
        tensors.push(tensor);
      }
    }
    const found = new Set(tensors.map(({ name }) => name));
    const missing = Object.keys(map).find((name) => !found.has(name));
    if (missing !== undefined)
      throw new DamagedFileError(path, `weight_map: the tensor ${missing} is not in ${map[missing]}`);
    const all = [path, ...shards.map(([, place]) => place)];
    return { kind: 'safetensors', path, files: all, tensors, unread: [], metadata, close: files.close };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Reads the JSON of a file that is no larger than such files are. */
export function readJsonFile(file: RandomAccess): unknown {
  if (file.size > largestIndex)
    throw new DamagedFileError(file.path, `it has ${file.size} bytes, more than ${largestIndex}`);
  return jsonFrom(file.read(0, file.size), file.path, 'it');
}
