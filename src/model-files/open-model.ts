/** Opens a model file of whatever kind: by its ending, and JSON by what is in it. */
import { checkString } from '../check.ts';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import type { ModelFile } from './model-file.ts';
import { npyModel, npzModel } from './numpy.ts';
import { openRandomAccess, type RandomAccess } from './random-access.ts';
import { isSafetensorsIndex, readJsonFile, safetensorsModel, shardedModel } from './safetensors.ts';
import { isTfjsModel, tfjsModel } from './tfjs.ts';

/** What models are, in words. */
const modelFileWords =
  'FILE.safetensors, FILE.safetensors.index.json, model.json of TensorFlow.js, FILE.onnx, FILE.npy or FILE.npz';

function jsonModel(file: RandomAccess): ModelFile {
  const json = readJsonFile(file);
  if (isSafetensorsIndex(json)) return shardedModel(file, json);
  if (isTfjsModel(json)) return tfjsModel(file, json);
  throw new DamagedFileError(
    file.path,
    'it has neither weightsManifest, as models of TensorFlow.js, nor weight_map, as indexes of safetensors files',
  );
}

const openers: Readonly<Record<string, (file: RandomAccess) => ModelFile | Promise<ModelFile>>> = {
  safetensors: safetensorsModel,
  json: jsonModel,
  // Loaded when needed: it alone needs the reader of protocol buffers.
  onnx: async (file) => (await import('./onnx.ts')).onnxModel(file),
  npy: npyModel,
  npz: npzModel,
};

/**
 * Opens a model file; its tensors are read when they are asked for.
 *
 * @param argument What messages call the path.
 * @throws ArgumentError for a file that cannot be read or has another ending; DamagedFileError for one that is not what it should be.
 */
export async function openModel(path: string, argument = 'path'): Promise<ModelFile> {
  const ending = /\.([a-z]+)$/i.exec(checkString(argument, path))?.[1]?.toLowerCase() ?? '';
  const opener = Object.hasOwn(openers, ending) ? openers[ending] : undefined;
  if (opener === undefined) throw new ArgumentError(argument, path, modelFileWords);
  const file = openRandomAccess(path, argument);
  try {
    return await opener(file);
  } catch (error) {
    file.close();
    throw error;
  }
}
