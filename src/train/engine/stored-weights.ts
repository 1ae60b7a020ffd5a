/**
 * Weights as stores hold them, of whatever program: after each step an updated weight is written to its store, and its variable
 * has what the store holds of it. What a store does is its own; this file moves values between stores and variables.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { WriteBack } from '../optimizers/index.ts';
import { fnv1a32 } from '../random.ts';
import type { Recipe } from '../recipe.ts';
import {
  channelsOf,
  type Draw,
  feedsBack,
  float32Of,
  type HeldWeight,
  holdWeight,
  isStoreOf,
  type SavedArray,
  savedFloat32,
  type Unit,
  type WeightStoreSpec,
  type WriteMeasure,
} from '../stores/index.ts';
import type { RecipeEngine, StepPart } from './engine.ts';
import type { EngineParameter } from './parameters.ts';
import { blocksOf, matches, type Selectable, settingsUnder } from './rules.ts';
import { rulesOfPhase } from './timeline.ts';

/** The store of a parameter, if it has one. */
export function storeOf(recipe: Recipe, one: Selectable, blocks: number): WeightStoreSpec | undefined {
  const { store } = settingsUnder(rulesOfPhase(recipe, recipe.phases[0]!), one, blocks);
  if (store !== undefined) return store;
  const role = one.role === 'convolution' ? 'linear' : one.role;
  return recipe.store !== undefined && isStoreOf(recipe.store, { name: one.name, role })
    ? recipe.store
    : undefined;
}

/** Throws ArgumentError naming the operator on weights of integers where none is on a grid. */
export function checkUnits(recipe: Recipe, parameters: readonly Selectable[]): void {
  const blocks = blocksOf(parameters);
  recipe.update?.gradient?.forEach(({ kind }, i) => {
    if (kind !== 'qas' && kind !== 'integerGradient') return;
    if (!parameters.some((one) => storeOf(recipe, one, blocks)?.kind === 'grid'))
      throw new ArgumentError(
        `recipe.update.gradient[${i}].kind`,
        kind,
        'nothing: no parameter has a store of the kind grid, whose scale it needs',
      );
  });
}

/** Throws ArgumentError naming a rule that updates weights in part whose stores cannot leave the rest as it is. */
export function checkParts(recipe: Recipe, parameters: readonly Selectable[]): void {
  const blocks = blocksOf(parameters);
  recipe.rules?.forEach(({ where, set }, i) => {
    if (set.updated === undefined) return;
    for (const one of parameters) {
      const store = matches(where, one, blocks) ? storeOf(recipe, one, blocks) : undefined;
      if (store?.kind === 'group-int8' || feedsBack(store))
        throw new ArgumentError(
          `recipe.rules[${i}].set.updated`,
          set.updated,
          `nothing where ${one.name} has ${store!.kind === 'group-int8' ? 'a store whose scales follow the weights' : 'a store with feedback'}`,
        );
    }
  });
}

/** Where in a recipe a store stands. */
function pathOfStore({ store, rules = [] }: Recipe, spec: WeightStoreSpec): string {
  return store === spec
    ? 'recipe.store'
    : `recipe.rules[${rules.findIndex(({ set }) => set.store === spec)}].set.store`;
}

/** How variables get their values. */
export interface VariableHome {
  give(one: EngineParameter, values: Float32Array): void;
  /** Frees the variable of a weight that a store holds, between two steps. Default: it stays. */
  take?(one: EngineParameter): void;
}

/** Variables that are there for good, as those of a user's own program. */
export function lastingHome(tf: TensorFlow): VariableHome {
  return {
    give({ variable, shape }, values) {
      const tensor = tf.tensor(values, [...shape]);
      variable.assign(tensor);
      tensor.dispose();
    },
  };
}

interface Held {
  readonly one: EngineParameter;
  readonly spec: WeightStoreSpec;
  readonly weight: HeldWeight;
}

/** The stores of a run. What the recipe's own optimisers update they write back themselves; the rest is written after a step. */
export class StoredWeights implements StepPart {
  readonly #tf: TensorFlow;
  readonly #engine: RecipeEngine;
  readonly #home: VariableHome;
  readonly #held: ReadonlyMap<string, Held>;
  readonly #byVariable: ReadonlyMap<string, Held>;
  /** What has been written in this step. */
  readonly #written = new Set<string>();
  /** Values before a step, by parameter. */
  readonly #before = new Map<string, Float32Array>();
  #measures: Map<string, WriteMeasure> | undefined;

  /** @throws ArgumentError naming the store of a variable that is no float32. */
  constructor(tf: TensorFlow, engine: RecipeEngine, home: VariableHome) {
    this.#tf = tf;
    this.#engine = engine;
    this.#home = home;
    const { recipe, parameters } = engine;
    const blocks = blocksOf(parameters);
    const stored = parameters.flatMap((one) => {
      const spec = storeOf(recipe, one, blocks);
      if (spec === undefined || spec.kind === 'master') return [];
      const { dtype } = one.variable;
      if (dtype !== 'float32')
        throw new ArgumentError(pathOfStore(recipe, spec), `${one.name}, ${dtype}`, 'float32 variables');
      return [{ one, spec }];
    });
    this.#held = new Map(
      stored.map(({ one, spec }) => {
        const channels = channelsOf(one.shape, one.channelAxis);
        const weight = holdWeight(one.variable.dataSync() as Float32Array, spec, channels)!;
        return [one.name, { one, spec, weight }];
      }),
    );
    this.#byVariable = new Map([...this.#held.values()].map((held) => [held.one.variable.name, held]));
    engine.slots.integersOf = (name) => this.#held.get(name)?.weight.integers;
    if (home.take === undefined) this.load();
    else this.release();
  }

  /** Bytes between steps, of every parameter. */
  get bytes(): number {
    return this.#engine.parameters.reduce((sum, { name, shape }) => {
      const size = sizeOf(shape);
      return sum + (this.#held.get(name)?.weight.bytes ?? 4 * size);
    }, 0);
  }

  /** What one unit of a weight's codes stands for; undefined where it has none, or not one. */
  unitOf(name: string): Unit | undefined {
    return this.#held.get(name)?.weight.unit;
  }

  /** Gives every held weight's variable its values. */
  load(): void {
    for (const { one, weight } of this.#held.values()) this.#home.give(one, weight.load());
  }

  /** Frees the variables of held weights, where they are not to stay. */
  release(): void {
    const { take } = this.#home;
    if (take === undefined) return;
    for (const { one } of this.#held.values()) if (!one.variable.isDisposed) take(one);
  }

  /** The writes of the next step are measured; what has been measured is given by {@link measures}. */
  measure(): void {
    this.#measures = new Map();
  }

  /** What the writes of a step that was measured did, by parameter. */
  measures(): ReadonlyMap<string, WriteMeasure> {
    const found = this.#measures ?? new Map<string, WriteMeasure>();
    this.#measures = undefined;
    return found;
  }

  #write({ one, weight }: Held, updated: Tensor): void {
    const { name } = one;
    const stream = (BigInt(fnv1a32(`${name}/store`)) << 32n) | BigInt(this.#engine.clockOf(name));
    const draw: Draw = { seed: this.#engine.seed, stream };
    const values = updated.dataSync() as Float32Array;
    const mask = this.#engine.maskOf(one);
    if (this.#measures === undefined) weight.write(values, draw, mask);
    else this.#measures.set(name, weight.writeMeasured(values, draw, mask));
    this.#written.add(name);
  }

  /** For the recipe's own optimisers. */
  readonly writeBack: WriteBack = (variable: Variable, updated: Tensor) => {
    const held = this.#byVariable.get(variable.name);
    if (held === undefined) return undefined;
    this.#write(held, updated);
    const kept = this.#tf.tensor(held.weight.load(), [...held.one.shape]);
    return { kept, feedsBack: feedsBack(held.spec) };
  };

  /** Remembers variables without a store of which updates change a part. */
  before<G>(_optimizer: object, gradients: G): G {
    for (const one of this.#engine.parameters)
      if (!this.#held.has(one.name) && this.#engine.maskOf(one) !== undefined)
        this.#before.set(one.name, one.variable.dataSync().slice() as Float32Array);
    return gradients;
  }

  #putBack(one: EngineParameter): void {
    const before = this.#before.get(one.name);
    const mask = this.#engine.maskOf(one);
    if (before === undefined || mask === undefined) return;
    const values = one.variable.dataSync() as Float32Array;
    this.#home.give(
      one,
      values.map((x, i) => (mask(i) ? x : before[i]!)),
    );
  }

  leftOut(): void {
    this.#before.clear();
  }

  /** Writes what has been updated and not been written yet; of what is updated in part the rest is as it was. */
  after(_optimizer: object, names: readonly string[]): void {
    for (const held of this.#held.values()) {
      const { one, weight } = held;
      if (!names.includes(one.name) || this.#written.has(one.name) || this.#engine.isFrozen(one)) continue;
      this.#write(held, one.variable);
      this.#home.give(one, weight.load());
    }
    this.#written.clear();
    for (const one of this.#engine.parameters) if (names.includes(one.name)) this.#putBack(one);
    this.#before.clear();
  }

  save(): Map<string, SavedArray> {
    const arrays = new Map<string, SavedArray>();
    for (const { name, variable, shape } of this.#engine.parameters) {
      const held = this.#held.get(name)?.weight;
      const saved = held?.save() ?? { values: savedFloat32(Float32Array.from(variable.dataSync()), shape) };
      for (const [array, one] of Object.entries(saved)) arrays.set(`${name}/${array}`, one);
    }
    return arrays;
  }

  /** Takes up arrays of the names, types and shapes that `save` gives. */
  restore(arrays: ReadonlyMap<string, SavedArray>): void {
    for (const one of this.#engine.parameters) {
      const { name, shape } = one;
      const held = this.#held.get(name)?.weight;
      const prefix = `${name}/`;
      const own = [...arrays].filter(([key]) => key.startsWith(prefix));
      if (held === undefined) {
        const size = sizeOf(shape);
        this.#home.give(one, float32Of(name, arrays.get(`${prefix}values`), size));
        continue;
      }
      held.restore(Object.fromEntries(own.map(([key, saved]) => [key.slice(prefix.length), saved])));
    }
    if (this.#home.take === undefined) this.load();
  }
}
