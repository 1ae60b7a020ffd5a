/**
 * The layers of a run whose format is to be chosen, from its checkpoint: the weights as they are held and, of each, the mean squared
 * gradient as the optimiser's second moment estimates it. What is chosen is assign-formats.ts'.
 */
import { checkObject, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { SensitiveLayer } from './assign-formats.ts';
import { type Checkpoint, checkCheckpoint } from './checkpoint.ts';
import { sizeOf } from './model.ts';
import { type ModelConfig, modelConfig } from './model-config.ts';
import { isSlotted } from './parameter-role.ts';
import { float32Of, type SavedArray } from './stores/index.ts';
import { parameterShapes } from './tasks.ts';

/** What a weight's error costs: by how steep the loss is there, or alike everywhere. */
export type Sensitivity = 'gradients' | 'weights';

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
function namesOf(model: ModelConfig): string[] {
  const features = model.kind === 'conv' ? sizeOf(model.image ?? [1]) : 1;
  return parameterShapes(model, features, 1).flatMap(({ name, role }) => (isSlotted(role) ? [name] : []));
}

/**
 * The layers with slots of a run, as {@link assignFormats} takes them.
 * @param by `'gradients'` (default): a weight's curvature is the mean square of its gradients; `'weights'`: 1.
 * @throws ArgumentError naming what is no checkpoint, or the array of it that is not there in float32
 * @example
 * const layers = sensitiveLayers(readCheckpoint('runs/first/checkpoint-00001000.safetensors'));
 */
export function sensitiveLayers(checkpoint: Checkpoint, by: Sensitivity = 'gradients'): SensitiveLayer[] {
  checkCheckpoint(checkpoint);
  oneOf('sensitivity', by, ['gradients', 'weights']);
  const { state, arrays } = checkpoint;
  const model = modelConfig(
    checkObject('checkpoint.identity.model', state.identity.model, 'a model') as never,
  );
  // The moment after so few steps is not yet a mean: what it lacks is known.
  const { beta2Power = 0 } = state.optimizer;
  return namesOf(model).map((name) => {
    const [held, second] = [`weights/${name}/values`, `optimizer/${name}/second/values`];
    const saved = arrays.get(held);
    const weights = numbersOf(held, saved);
    if (by === 'weights') return { name, weights };
    const curvature = numbersOf(second, arrays.get(second), saved).map((v) => v / (1 - beta2Power));
    return { name, weights, curvature };
  });
}
