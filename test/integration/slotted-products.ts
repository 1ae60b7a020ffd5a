/** Products of one layer under slots: what tests of slots run. */
import type { Tensor } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../src/tfjs/index.ts';
import { type PassOptions, RecipeEngine } from '../../src/train/engine/engine.ts';
import { type EngineParameter, parametersOf, placed } from '../../src/train/engine/parameters.ts';
import type { LinearSlots } from '../../src/train/linear-slots.ts';
import type { Model } from '../../src/train/model.ts';
import { float32 } from '../../src/train/recipes/index.ts';

export interface Slotted {
  readonly layer?: string;
  readonly seed?: number;
  readonly step?: number;
  readonly kernels?: 'own' | 'stock';
  readonly pass?: PassOptions;
}

function within<T>(
  tf: TensorFlow,
  parameters: readonly EngineParameter[],
  slots: LinearSlots,
  fn: () => T,
  { seed = 0, step = 0, kernels = 'own', pass = {} }: Slotted,
): T {
  const [phase] = float32().phases;
  const engine = new RecipeEngine(tf, {
    ...{ parameters, steps: 1000, seed, kernels, log: false, placesNorms: true },
    recipe: { ...float32(), phases: [{ ...phase!, linear: slots }] },
  });
  engine.setClocks(Object.fromEntries(parameters.map(({ name }) => [name, step])));
  try {
    engine.beginStep();
    return engine.within(pass, fn);
  } finally {
    engine.stop();
  }
}

/** Runs a function in which every linear layer of a model has these slots. */
export function withModelSlots<T>(tf: TensorFlow, model: Model, slots: LinearSlots, fn: () => T): T {
  return within(tf, parametersOf(model), slots, fn, {});
}

/** Runs a function in which every product with the weight is one of a layer with these slots. */
export function withSlots<T>(
  tf: TensorFlow,
  weight: Tensor,
  slots: LinearSlots,
  fn: () => T,
  options: Slotted = {},
): T {
  const { layer = 'layer' } = options;
  const variable = tf.variable(weight);
  const { shape } = weight;
  try {
    const parameters = placed([{ name: layer, role: 'linear', shape, layer, kind: undefined, variable }]);
    return within(tf, parameters, slots, fn, options);
  } finally {
    variable.dispose();
  }
}
