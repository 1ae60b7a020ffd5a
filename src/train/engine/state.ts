/**
 * The state of a recipe in force, as plain data and arrays: clocks, weights as they are held, optimisers' moments, what
 * quantisers remember. A run that takes it up goes on bit for bit.
 */
import { ArgumentError } from '../../errors.ts';
import type { QuantizerState } from '../../tensor/quantizers/tracking.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { hashData } from '../hash.ts';
import { float32Of, type SavedArray, savedFloat32 } from '../stores/index.ts';
import type { RecipeEngine } from './engine.ts';
import { foreignCounters, foreignStates, isForeign, restoreForeign } from './foreign-optimizer.ts';
import type { OptimizerSteps, StoredWeights } from './parts.ts';

export interface RecipeState {
  readonly state: {
    readonly version: 1;
    readonly recipe: string;
    readonly seed: number;
    readonly steps: number;
    /** Updates that each parameter has had. */
    readonly clocks: Readonly<Record<string, number>>;
    /** Counters of each optimiser, in the order of their first steps. */
    readonly optimizers: readonly {
      readonly kind: string;
      readonly counters: Readonly<Record<string, number>>;
    }[];
    readonly quantizers: Readonly<Record<string, QuantizerState>>;
    /** Random draws of the emulation so far. */
    readonly cursor: number;
  };
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

export function saveState(
  engine: RecipeEngine,
  weights: StoredWeights,
  optimizers: OptimizerSteps,
): RecipeState {
  const { recipe, seed, steps, clocks, parameters } = engine;
  const arrays = new Map<string, SavedArray>();
  for (const { name, variable, shape } of parameters) {
    const held = weights.held.get(name);
    if (held === undefined)
      arrays.set(`weights/${name}/values`, savedFloat32(variable.dataSync() as Float32Array, shape));
    else
      for (const [array, saved] of Object.entries(held.save())) arrays.set(`weights/${name}/${array}`, saved);
  }
  const described = optimizers.seen.map((optimizer, i) => {
    const kind = (optimizer.constructor as { className?: string }).className ?? optimizer.constructor.name;
    if (optimizers.isScheduled(optimizer)) {
      const { counters, arrays: own } = optimizer.save();
      for (const [key, saved] of own) arrays.set(`optimizers/${i}/${key}`, saved);
      return { kind, counters };
    }
    if (!isForeign(optimizer))
      throw new ArgumentError('optimizer', kind, "TensorFlow.js' own optimisers, or the recipe's");
    for (const { key, variable } of foreignStates(optimizer))
      arrays.set(`optimizers/${i}/${key}`, savedFloat32(variable.dataSync() as Float32Array, variable.shape));
    return { kind, counters: foreignCounters(optimizer) };
  });
  const quantizers = Object.fromEntries(
    [...engine.memories].map(([key, slot]) => [key, slot.quantizer({ seed, step: engine.clock })!.state()]),
  );
  return {
    state: {
      version: 1,
      recipe: hashData(recipe),
      ...{ seed, steps, clocks, optimizers: described, quantizers },
      cursor: engine.emulation?.state.cursor ?? 0,
    },
    arrays,
  };
}

/** Arrays below a folder, without it. */
function under(arrays: RecipeState['arrays'], folder: string): Map<string, SavedArray> {
  const prefix = `${folder}/`;
  return new Map(
    [...arrays].flatMap(([key, saved]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), saved] as const] : [],
    ),
  );
}

export function restoreState(
  tf: TensorFlow,
  engine: RecipeEngine,
  weights: StoredWeights,
  optimizers: OptimizerSteps,
  { state, arrays }: RecipeState,
  given: readonly object[],
): void {
  const { recipe, seed, steps, parameters } = engine;
  const expected = { recipe: hashData(recipe), seed, steps };
  for (const [field, value] of Object.entries(expected))
    if (state[field as keyof typeof expected] !== value)
      throw new ArgumentError(
        `state.${field}`,
        state[field as keyof typeof expected],
        `${value}, as this run's`,
      );
  const names = Object.keys(state.clocks).sort().join();
  if (
    names !==
    parameters
      .map(({ name }) => name)
      .sort()
      .join()
  )
    throw new ArgumentError('state.clocks', names, 'the parameters of this program');
  if (given.length !== state.optimizers.length)
    throw new ArgumentError('optimizers', given, `${state.optimizers.length}, as the state has`);
  for (const one of parameters) {
    const held = weights.held.get(one.name);
    const own = under(arrays, `weights/${one.name}`);
    if (held !== undefined) {
      held.restore(Object.fromEntries(own));
      weights.load(one);
      continue;
    }
    const size = one.shape.reduce((product, extent) => product * extent, 1);
    const values = tf.tensor(float32Of(one.name, own.get('values'), size), [...one.shape]);
    one.variable.assign(values);
    values.dispose();
  }
  engine.setClocks(state.clocks);
  const shapes = new Map(parameters.map(({ variable }) => [variable.name, variable.shape]));
  given.forEach((optimizer, i) => {
    const { counters } = state.optimizers[i]!;
    const own = under(arrays, `optimizers/${i}`);
    if (optimizers.isScheduled(optimizer)) optimizer.restore({ counters, arrays: own }, shapes);
    else
      restoreForeign(
        tf,
        optimizer,
        counters,
        [...own].map(([key, { shape, data }]) => ({
          key,
          shape,
          values: new Float32Array(data.slice().buffer),
        })),
      );
    optimizers.resume(optimizer);
  });
  engine.restoreMemories(state.quantizers);
  engine.beginStep();
  engine.emulation?.reset({ cursor: state.cursor });
}
