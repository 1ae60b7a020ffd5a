/**
 * A layers model of TensorFlow.js from its file, no larger than the file: a topology says how large weights and results are, so each
 * weight is made only where the file holds one of its shape, and a model whose results would be too large is refused before it runs.
 */
import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { isRecord } from '../../check.ts';
import { ArgumentError, DamagedFileError } from '../../errors.ts';
import { mostElements } from '../../model-files/matrix-layout.ts';
import type { ModelFile } from '../../model-files/model-file.ts';
import type { Values } from '../../model-files/values.ts';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';

type Arrays = ReadonlyMap<string, Values>;
type Layer = LayersModel['layers'][number];
type Shape = readonly (number | null)[];

/** What a layer has that its type does not say. */
interface Growing {
  readonly name: string;
  addWeight(name: string, shape: Shape, ...more: unknown[]): unknown;
}

/** A topology that the rest of the file does not bear. */
class TopologyError extends Error {}

const sizeText = (shape: Shape): string => shape.join(' x ') || '1';

/** Does what makes layers, each weight of which takes one of its shape from the file. */
async function growing<T>(tf: TensorFlow, arrays: Arrays, make: () => Promise<T>): Promise<T> {
  const left = new Map<string, number>();
  for (const { shape } of arrays.values()) left.set(`${shape}`, (left.get(`${shape}`) ?? 0) + 1);
  const prototype = tf.layers.Layer.prototype as unknown as Growing;
  const { addWeight } = prototype;
  prototype.addWeight = function (name, shape, ...more) {
    const count = left.get(`${shape}`) ?? 0;
    if (count === 0)
      throw new TopologyError(
        `${this.name} asks for a weight ${name} of ${sizeText(shape)}, more than weightsManifest has of them`,
      );
    left.set(`${shape}`, count - 1);
    return addWeight.call(this, name, shape, ...more);
  };
  try {
    return await make();
  } finally {
    prototype.addWeight = addWeight;
  }
}

/** Numbers of all weights, one after the other. */
function joined(arrays: Arrays): ArrayBuffer {
  const data = new Float32Array([...arrays.values()].reduce((sum, { values }) => sum + values.length, 0));
  let at = 0;
  for (const { values } of arrays.values()) {
    data.set(values, at);
    at += values.length;
  }
  return data.buffer;
}

/** The names of weights that are the optimiser's, where a model was saved with it. */
function optimizerNames({ json }: ModelFile): Set<string> {
  const { weightsManifest } = json as {
    readonly weightsManifest: readonly {
      readonly weights: readonly { readonly name: string; readonly group?: unknown }[];
    }[];
  };
  const weights = weightsManifest.flatMap((group) => group.weights);
  return new Set(weights.filter(({ group }) => group === 'optimizer').map(({ name }) => name));
}

/** What a layers model's file says beside its weights. Throws ArgumentError naming `<run>`. */
function descriptionOf({ kind, json, path }: ModelFile) {
  const { modelTopology, trainingConfig, format } = (isRecord(json) ? json : {}) as Readonly<
    Record<string, unknown>
  >;
  if (kind !== 'tfjs' || !isRecord(modelTopology) || format === 'graph-model')
    throw new ArgumentError(
      '<run>',
      path,
      'the folder of a run, or model.json of a layers model with its topology',
    );
  return { modelTopology, trainingConfig };
}

/** What an engine says of a program that met what it did not expect is nothing for people. */
const isOfEngine = (error: unknown): boolean =>
  [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);

/** What TensorFlow.js refuses is the file's fault; what is refused for other reasons is told as it is. */
function refused(path: string, error: unknown): unknown {
  if (error instanceof ArgumentError) return error;
  const [said] = String((error as Error).message).split('\n');
  const why = isOfEngine(error) ? 'TensorFlow.js makes no model of it' : `TensorFlow.js says ${said}`;
  return new DamagedFileError(path, `modelTopology: ${error instanceof TopologyError ? said : why}`);
}

/** What a model gives. Throws DamagedFileError where TensorFlow.js cannot say. */
export function applied(path: string, model: LayersModel, x: Tensor[]): Tensor | Tensor[] {
  try {
    return model.apply(x.length === 1 ? x[0]! : x, { training: false }) as Tensor | Tensor[];
  } catch (error) {
    throw refused(path, error);
  }
}

interface LoadedModel {
  readonly model: LayersModel;
  /** Of its weights, in the file. */
  readonly names: readonly string[];
  readonly trainingConfig: unknown;
}

/** The model of a file, whose layers are all trained ones. Throws ArgumentError naming `<run>`, or DamagedFileError. */
export async function loadModel(tf: TensorFlow, path: string): Promise<LoadedModel> {
  const { openModel } = await import('../../model-files/open-model.ts');
  const { arraysOf } = await import('../../model-files/values.ts');
  const file = await openModel(path, '<run>');
  try {
    const { modelTopology, trainingConfig } = descriptionOf(file);
    const weights = await arraysOf(file, '<run>');
    for (const name of optimizerNames(file)) weights.delete(name);
    const weightSpecs = [...weights].map(([name, { shape }]) => ({
      name,
      shape: [...shape],
      dtype: 'float32' as const,
    }));
    const artifacts = { modelTopology, weightSpecs, weightData: joined(weights) };
    try {
      const model = await growing(tf, weights, () => tf.loadLayersModel(tf.io.fromMemory(artifacts)));
      // What training would leave as it is has inputs and gradients all the same.
      for (const layer of model.layers) layer.trainable = true;
      return { model, names: [...weights.keys()], trainingConfig };
    } catch (error) {
      throw refused(path, error);
    }
  } finally {
    file.close();
  }
}

/** The layers of a model, those of models within it too. */
const layersOf = (model: LayersModel): Layer[] =>
  model.layers.flatMap((layer) =>
    'layers' in layer ? [layer, ...layersOf(layer as unknown as LayersModel)] : [layer],
  );

/** Throws DamagedFileError where some layer would give more than `mostElements` numbers for inputs of these shapes. */
export function checkResults(path: string, model: LayersModel, inputs: readonly number[][]): void {
  const layers = [...new Set(layersOf(model))];
  const given = inputs.length === 1 ? inputs[0]! : [...inputs];
  try {
    // A sequence of layers has its inputs from then on.
    if (!model.built) model.build(given);
    for (const layer of layers) {
      const own = layer.computeOutputShape;
      layer.computeOutputShape = (from) => {
        const shapes = own.call(layer, from);
        for (const shape of (Array.isArray(shapes[0]) ? shapes : [shapes]) as number[][])
          if (!(sizeOf(shape) <= mostElements))
            throw new TopologyError(
              `${layer.name} gives ${sizeText(shape)} for a sample, more than ${mostElements} numbers`,
            );
        return shapes;
      };
    }
    model.computeOutputShape(given);
  } catch (error) {
    throw refused(path, error);
  } finally {
    // Their classes have it again.
    for (const layer of layers) delete (layer as Partial<Layer>).computeOutputShape;
  }
}
