/**
 * The layers of a run whose format is to be chosen, from its checkpoint: the weights as they are held and, of each, the mean squared
 * gradient as the optimiser's second moment estimates it. What is chosen is assign-formats.ts'.
 */
import { checkObject, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { relativeLayer, type SensitiveLayer } from './assign-formats.ts';
import { type Checkpoint, checkCheckpoint } from './checkpoint.ts';
import type { ParameterShape } from './model.ts';
import { type ModelConfig, modelConfig } from './model-config.ts';
import { isSlotted } from './parameter-role.ts';
import { float32Of, type SavedArray } from './stores/index.ts';
import { parameterShapes } from './tasks.ts';
import { weightMatrixValues } from './weight-matrix.ts';

/** What a weight's error costs: by how steep the loss is there, alike everywhere, or beside the size of the layer's weights. */
export type Sensitivity = 'gradients' | 'weights' | 'sqnr';

/** Numbers that a checkpoint holds in binary32. */
function numbersOf(name: string, saved: SavedArray | undefined, like?: SavedArray): Float32Array {
  const isThere = saved?.dtype === 'F32' && (like === undefined || saved.shape.join() === like.shape.join());
  if (!isThere)
    throw new ArgumentError(
      `checkpoint.${name}`,
      saved === undefined ? undefined : `${saved.dtype} ${saved.shape.join(' x ')}`,
      like === undefined
        ? 'a weight that is held in float32'
        : "float32 numbers, one a weight: AdamW's second moments; without them: sensitivity 'weights'",
    );
  return float32Of(name, saved, sizeOf(saved.shape));
}

/** The layers with slots of a model; what it reads and gives has no part in that. */
function layersOf(model: ModelConfig): ParameterShape[] {
  const features = model.kind === 'conv' ? sizeOf(model.image ?? [1]) : 1;
  return parameterShapes(model, features, 1).filter(({ role }) => isSlotted(role));
}

/** A layer's numbers as its quantiser sees them, and their shape. */
function asMatrix(role: ParameterShape['role'], shape: readonly number[], values: Float32Array) {
  if (role !== 'convolution') return { shape, values };
  const [inputs, outputs] = shape.slice(-2) as [number, number];
  return {
    shape: [outputs, values.length / outputs / inputs, inputs],
    values: weightMatrixValues({ role, shape }, values),
  };
}

/**
 * The layers with slots of a run, as {@link assignFormats} takes them.
 * @param by `'gradients'` (default): a weight's curvature is the mean square of its gradients; `'weights'`: 1; `'sqnr'`: one over the sum
 *   of the layer's squares.
 * @throws ArgumentError naming what is no checkpoint, or the array of it that is not there in float32
 * @example
 * const layers = sensitiveLayers(readCheckpoint('runs/first/checkpoint-00001000.safetensors'));
 */
export function sensitiveLayers(checkpoint: Checkpoint, by: Sensitivity = 'gradients'): SensitiveLayer[] {
  checkCheckpoint(checkpoint);
  oneOf('sensitivity', by, ['gradients', 'weights', 'sqnr']);
  const { state, arrays } = checkpoint;
  const model = modelConfig(
    checkObject('checkpoint.identity.model', state.identity.model, 'a model') as never,
  );
  // The moment after so few steps is not yet a mean: what it lacks is known.
  const { beta2Power = 0 } = state.optimizer;
  return layersOf(model).map(({ name, role }) => {
    const [held, second] = [`weights/${name}/values`, `optimizer/${name}/second/values`];
    const saved = arrays.get(held);
    const weights = numbersOf(held, saved);
    const { shape, values } = asMatrix(role, saved!.shape, weights);
    const layer: SensitiveLayer = { name, weights: values, shape };
    if (by === 'weights') return layer;
    if (by === 'sqnr') return relativeLayer(layer);
    const squares = numbersOf(second, arrays.get(second), saved).map((v) => v / (1 - beta2Power));
    return { ...layer, curvature: asMatrix(role, saved!.shape, squares).values };
  });
}
