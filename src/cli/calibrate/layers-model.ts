/**
 * A layers model of TensorFlow.js at work, from its files, on samples that a file holds: what `calibrate` and `evaluate` ask of it. Its
 * weights have the names that they have in the file.
 */
import type { LayersModel, Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { Calibration } from '../../train/calibration.ts';
import { discoverParameters, type EngineParameter } from '../../train/engine/parameters.ts';
import { applied, checkResults, loadModel } from './load-model.ts';
import { lossNamed, lossOf, rightOf, targetsLike } from './losses.ts';
import { lossNames, type ModelData } from './model-options.ts';

/** Numbers of a file, samples first. */
interface Samples {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** So many samples as a tensor. */
function slice(tf: TensorFlow, { shape, values }: Samples, from: number, count: number): Tensor {
  const size = sizeOf(shape.slice(1));
  return tf.tensor(values.slice(from * size, (from + count) * size), [count, ...shape.slice(1)]);
}

/** The inputs of a model, in its order. Throws ArgumentError naming `--inputs`. */
async function inputsFor(model: LayersModel, path: string | undefined): Promise<Samples[]> {
  if (path === undefined)
    throw new ArgumentError(
      '--inputs',
      path,
      'a file with inputs of the model, as it has no data of its own',
    );
  const { readArrays } = await import('../../model-files/values.ts');
  const found = await readArrays(path, '--inputs');
  const names = model.inputs.map(({ sourceLayer }) => sourceLayer.name);
  const only = names.length === 1 && found.size === 1 ? [...found.values()][0] : undefined;
  const samples = names.map((name, i): Samples => {
    const given = only ?? found.get(name);
    const wanted = model.inputs[i]!.shape;
    const words = `[samples, ${wanted.slice(1).map((extent) => extent ?? '...')}]`;
    const accepted =
      names.length === 1 ? `one array ${words}` : `arrays ${names.join(', ')}; ${name} is ${words}`;
    if (given === undefined) throw new ArgumentError('--inputs', `${[...found.keys()]}`, accepted);
    const { shape } = given;
    const fits =
      shape.length === wanted.length &&
      wanted.every((extent, axis) => axis === 0 || extent === null || extent === shape[axis]);
    if (!fits) throw new ArgumentError('--inputs', `[${shape}]`, accepted);
    return given;
  });
  const count = samples[0]!.shape[0]!;
  if (count === 0 || samples.some(({ shape }) => shape[0] !== count))
    throw new ArgumentError('--inputs', path, 'as many samples of each input, at least one');
  return samples;
}

/** A model and its samples at work. `dispose` frees it. */
interface LayersProgram {
  readonly parameters: readonly EngineParameter[];
  /** All weights of the file, as they are in it. */
  readonly weights: Map<string, Calibration>;
  readonly samples: number;
  /** What the model gives for so many samples. */
  answers(from: number, count: number): Tensor | Tensor[];
  /** The mean loss of so many. Throws ArgumentError without targets or a loss. */
  loss(from: number, count: number): Scalar;
  /** The sum of losses and how many answers are right, of so many samples. */
  score(
    from: number,
    count: number,
  ): { readonly loss: number; readonly right: number | undefined; readonly of: number };
  /** Gives weights other values. */
  load(weights: ReadonlyMap<string, Float32Array>): void;
  dispose(): void;
}

/** The names in the file of the model's weights: those of cells have the cell's in between. */
function nameInFile(names: readonly string[], originalName: string): string | undefined {
  const plain = (name: string): string => {
    const parts = name.split('/');
    return [...parts.slice(0, -2), parts.at(-1)].join('/');
  };
  return names.includes(originalName) ? originalName : names.find((name) => plain(name) === originalName);
}

/** What a model should give for its samples. Throws ArgumentError naming `--targets`. */
async function targetsFor(samples: number, path: string | undefined): Promise<Samples | undefined> {
  if (path === undefined) return undefined;
  const { readArrays } = await import('../../model-files/values.ts');
  const found = [...(await readArrays(path, '--targets')).values()];
  if (found.length !== 1 || found[0]!.shape[0] !== samples)
    throw new ArgumentError(
      '--targets',
      found.length === 1 ? `[${found[0]!.shape}]` : `${found.length} arrays`,
      `one array with ${samples} samples, as --inputs has`,
    );
  return found[0]!;
}

/** A weight of the model by its name in the file. */
interface StoredWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly variable: Variable;
}

/** All weights of the file: those that training does not move by gradients too. */
const storedWeights = (model: LayersModel, names: readonly string[]): StoredWeight[] =>
  model.layers.flatMap(({ weights }) =>
    (weights as unknown as { originalName: string; val: Variable }[]).map(({ originalName, val }) => ({
      name: nameInFile(names, originalName) ?? originalName,
      shape: val.shape,
      variable: val,
    })),
  );

/** What training would move, by the names in the file. Throws ArgumentError naming `<run>`. */
function trainedWeights(
  tf: TensorFlow,
  path: string,
  model: LayersModel,
  stored: readonly StoredWeight[],
): EngineParameter[] {
  const discovered = refusedAs(
    () => discoverParameters(tf, { model }),
    () => new ArgumentError('<run>', path, 'a model that has trained weights'),
  );
  return discovered.map((one): EngineParameter => {
    const { variable } = one;
    const { name } = stored.find((other) => other.variable === variable) ?? one;
    return { ...one, name, variable };
  });
}

/** Opens a model of a file on samples of others. Throws ArgumentError naming the option that is wrong, or DamagedFileError. */
export async function openLayersModel(
  tf: TensorFlow,
  path: string,
  { inputs, targets, loss: said }: ModelData,
): Promise<LayersProgram> {
  const { model, names, trainingConfig } = await loadModel(tf, path);
  const loss = said ?? lossNamed((trainingConfig as { loss?: unknown } | undefined)?.loss);
  const stored = storedWeights(model, names);
  const parameters = trainedWeights(tf, path, model, stored);
  const given = await inputsFor(model, inputs);
  const samples = given[0]!.shape[0]!;
  const one = given.map(({ shape }) => [1, ...shape.slice(1)]);
  checkResults(path, model, one);
  const right = await targetsFor(samples, targets);
  const answers = (from: number, count: number): Tensor | Tensor[] => {
    const tensors = given.map((input) => slice(tf, input, from, count));
    return applied(path, model, tensors);
  };
  const compared = (from: number, count: number) => {
    if (right === undefined)
      throw new ArgumentError('--targets', targets, 'a file with what the model should give');
    if (loss === undefined)
      throw new ArgumentError('--loss', said, `${lossNames.join(', ')}: the model's file does not say which`);
    const predictions = answers(from, count);
    if (Array.isArray(predictions))
      throw new ArgumentError('--targets', targets, `nothing for a model of ${predictions.length} outputs`);
    const y = targetsLike(tf, slice(tf, right, from, count), predictions, loss);
    return { loss, y, predictions };
  };
  return {
    ...{ parameters, samples, answers },
    weights: new Map(
      stored.map(({ name, shape, variable }) => [
        name,
        { shape, values: variable.dataSync<'float32'>().slice() },
      ]),
    ),
    loss: (from, count) => {
      const { y, predictions, ...own } = compared(from, count);
      return lossOf(tf, own.loss, y, predictions) as Scalar;
    },
    score: (from, count) =>
      tf.tidy(() => {
        const { y, predictions, ...own } = compared(from, count);
        const answered = rightOf(tf, own.loss, y, predictions);
        const mean = lossOf(tf, own.loss, y, predictions).dataSync()[0]!;
        return { loss: mean * count, right: answered?.right, of: answered?.of ?? count };
      }),
    load: (values) => {
      for (const { name, shape, variable } of stored) {
        const own = values.get(name);
        if (own !== undefined) tf.tidy(() => void variable.assign(tf.tensor(own, [...shape])));
      }
    },
    dispose: () => model.dispose(),
  };
}
