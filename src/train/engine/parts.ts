/**
 * What happens around an optimiser's step: how an updated weight is written back, what becomes of the optimiser's state and
 * rate where a phase begins, which parameters stay as they are. Each is a part that the engine calls.
 */
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { GivenGradients } from '../../tfjs/watched-methods.ts';
import { DivergenceError, firstNotFinite } from '../divergence.ts';
import {
  clipByGlobalNorm,
  type HeldState,
  holdState,
  type StateCodecSpec,
  type TrainingOptimizer,
} from '../optimizers/index.ts';
import { fnv1a32 } from '../random.ts';
import type { Recipe } from '../recipe.ts';
import { scheduleFactor } from '../schedule.ts';
import { type HeldWeight, holdWeight, isStoreOf, type WeightStoreSpec } from '../stores/index.ts';
import type { RecipeEngine, StepPart } from './engine.ts';
import { foreignStates, forgetForeign, isForeign, scaleRate } from './foreign-optimizer.ts';
import type { EngineParameter } from './parameters.ts';
import { blocksOf, type Selectable, settingsUnder } from './rules.ts';

/** The store of a parameter, if it has one. */
export function storeOf(recipe: Recipe, one: Selectable, blocks: number): WeightStoreSpec | undefined {
  const { store } = settingsUnder({ rules: recipe.rules ?? [] }, one, blocks);
  if (store !== undefined) return store;
  const role = one.role === 'convolution' ? 'linear' : one.role;
  return recipe.store !== undefined && isStoreOf(recipe.store, { name: one.name, role })
    ? recipe.store
    : undefined;
}

/**
 * Ends a program's step where an optimiser has made a parameter something that is no number, before a store takes it up. The
 * optimisers of this library refuse such an update themselves, before they make it.
 */
export class FiniteUpdates implements StepPart {
  readonly #engine: RecipeEngine;

  constructor(engine: RecipeEngine) {
    this.#engine = engine;
  }

  /** Throws DivergenceError naming the parameter and the step. */
  after(optimizer: object, names: readonly string[]): void {
    if ('decayFactor' in optimizer) return;
    for (const { name, variable } of this.#engine.parameters) {
      if (!names.includes(name)) continue;
      const values = variable.dataSync();
      const index = firstNotFinite(values);
      if (index >= 0)
        throw new DivergenceError('update', name, this.#engine.clockOf(name) + 1, index, values[index]!);
    }
  }
}

/** Weights that live on a grid: after each step the updated values are written to the store and read back. */
export class StoredWeights implements StepPart {
  readonly held: ReadonlyMap<string, HeldWeight>;
  readonly #tf: TensorFlow;
  readonly #engine: RecipeEngine;

  constructor(tf: TensorFlow, engine: RecipeEngine) {
    this.#tf = tf;
    this.#engine = engine;
    const { recipe, parameters } = engine;
    const blocks = blocksOf(parameters);
    const held = new Map<string, HeldWeight>();
    for (const one of parameters) {
      const spec = storeOf(recipe, one, blocks);
      const weight = spec && holdWeight(one.variable.dataSync() as Float32Array, spec);
      if (weight != null) held.set(one.name, weight);
    }
    this.held = held;
    for (const one of parameters) this.load(one);
  }

  /** Gives a variable the values that its store holds. */
  load({ name, variable, shape }: EngineParameter): void {
    const weight = this.held.get(name);
    if (weight === undefined) return;
    const values = this.#tf.tensor(weight.load(), [...shape]);
    variable.assign(values);
    values.dispose();
  }

  after(_optimizer: object, names: readonly string[]): void {
    const { parameters, seed } = this.#engine;
    for (const one of parameters) {
      const weight = names.includes(one.name) ? this.held.get(one.name) : undefined;
      if (weight === undefined) continue;
      const step = this.#engine.clockOf(one.name);
      const stream = (BigInt(fnv1a32(`${one.name}/store`)) << 32n) | BigInt(step);
      weight.write(one.variable.dataSync() as Float32Array, { seed, stream });
      this.load(one);
    }
  }
}

/** Gradients of some names only. */
function without(gradients: GivenGradients, names: ReadonlySet<string>): GivenGradients {
  if (Array.isArray(gradients)) return gradients.filter(({ name }) => !names.has(name));
  return Object.fromEntries(Object.entries(gradients).filter(([name]) => !names.has(name)));
}

/**
 * The same list without the gradients of some names: TensorFlow.js' optimisers know their states by the place in the list, and pass
 * over variables without a gradient.
 */
function blanked(gradients: GivenGradients, names: ReadonlySet<string>): GivenGradients {
  const none = undefined as unknown as Tensor;
  if (Array.isArray(gradients))
    return gradients.map(({ name, tensor }) => ({ name, tensor: names.has(name) ? none : tensor }));
  return Object.fromEntries(
    Object.entries(gradients).map(([name, tensor]) => [name, names.has(name) ? none : tensor]),
  );
}

function asMap(gradients: GivenGradients): NamedTensorMap {
  return Array.isArray(gradients)
    ? Object.fromEntries(gradients.map(({ name, tensor }) => [name, tensor]))
    : gradients;
}

/** An optimiser of the recipe's making, whose rate follows the recipe's schedule. */
interface Scheduled {
  readonly optimizer: TrainingOptimizer;
  readonly peak: number;
}

/** Rates, resets, codecs and frozen parameters. */
export class OptimizerSteps implements StepPart {
  readonly #tf: TensorFlow;
  readonly #engine: RecipeEngine;
  readonly #scheduled = new Map<object, Scheduled>();
  /** The clock at which an optimiser took its last step. */
  readonly #clocks = new Map<object, number>();
  readonly #codecs = new Map<string, HeldState>();
  readonly #undo: (() => void)[] = [];
  /** Optimisers in the order in which they took their first step. */
  readonly seen: object[] = [];

  constructor(tf: TensorFlow, engine: RecipeEngine) {
    this.#tf = tf;
    this.#engine = engine;
  }

  /** Lets an optimiser's rate follow the recipe. */
  schedule(optimizer: TrainingOptimizer, peak: number): void {
    this.#scheduled.set(optimizer, { optimizer, peak });
  }

  isScheduled(optimizer: object): optimizer is TrainingOptimizer {
    return this.#scheduled.has(optimizer);
  }

  /** The clock of an optimiser's last step; 0 before the first. */
  clockOf(optimizer: object): number {
    return this.#clocks.get(optimizer) ?? 0;
  }

  /** Optimisers that had taken steps before, in their order, each with the clock of its last one; there are no others. */
  resume(optimizers: readonly (readonly [optimizer: object, clock: number])[]): void {
    this.#clocks.clear();
    for (const [optimizer, clock] of optimizers) this.#clocks.set(optimizer, clock);
    this.seen.splice(0, this.seen.length, ...optimizers.map(([optimizer]) => optimizer));
  }

  before(optimizer: object, gradients: GivenGradients): GivenGradients {
    const { recipe, parameters, steps, timeline } = this.#engine;
    const given = new Set(Object.keys(asMap(gradients)));
    const own = parameters.filter(({ variable }) => given.has(variable.name));
    if (own.length === 0) return gradients;
    if (!this.seen.includes(optimizer)) this.seen.push(optimizer);
    const clock = Math.max(...own.map(({ name }) => this.#engine.clockOf(name)));
    const last = this.clockOf(optimizer);
    this.#clocks.set(optimizer, clock);
    if (timeline.isReset(last, clock)) this.#reset(optimizer);
    const rewarm = timeline.rewarm(clock);
    const frozen = this.#frozen(own);
    const scheduled = this.#scheduled.get(optimizer);
    if (scheduled === undefined) {
      this.#undo.push(scaleRate(optimizer, rewarm));
      return frozen.size === 0 ? gradients : blanked(gradients, frozen);
    }
    const kept = frozen.size === 0 ? gradients : without(gradients, frozen);
    // Beyond the announced steps the last value stays.
    const at = Math.min(clock, steps - 1);
    scheduled.optimizer.learningRate = scheduled.peak * scheduleFactor(recipe.schedule, at, steps) * rewarm;
    if (recipe.decaySchedule !== undefined)
      scheduled.optimizer.decayFactor = scheduleFactor(recipe.decaySchedule, at, steps);
    return clipByGlobalNorm(this.#tf, asMap(kept), recipe.optimizer.clipNorm).gradients;
  }

  after(optimizer: object, names: readonly string[]): void {
    for (const undo of this.#undo.splice(0)) undo();
    if (this.#scheduled.has(optimizer) || !isForeign(optimizer)) return;
    const { recipe, parameters } = this.#engine;
    const byVariable = new Map(parameters.map((one) => [one.variable.name, one]));
    for (const { key, of, moment, variable } of foreignStates(optimizer)) {
      const one = byVariable.get(of);
      if (one === undefined || !names.includes(one.name)) continue;
      const settings = this.#engine.settingsOf(one);
      const common = recipe.optimizer as Partial<Record<'first' | 'second', StateCodecSpec>>;
      const codec = settings[moment] ?? common[moment];
      if (codec === undefined || codec.kind === 'float32') continue;
      let held = this.#codecs.get(key);
      if (held === undefined) {
        held = holdState(this.#tf, variable.shape, moment === 'first', codec);
        this.#codecs.set(key, held);
      }
      const state = held;
      const stream =
        (BigInt(fnv1a32(`${one.name}/${moment}`)) << 32n) | BigInt(this.#engine.clockOf(one.name));
      const draw = { seed: this.#engine.seed, stream };
      this.#tf.tidy(() => {
        state.write(variable, draw);
        variable.assign(state.read());
      });
    }
  }

  #frozen(own: readonly EngineParameter[]): ReadonlySet<string> {
    return new Set(
      own.flatMap((one) => (this.#engine.settingsOf(one).frozen === true ? [one.variable.name] : [])),
    );
  }

  #reset(optimizer: object): void {
    if (this.isScheduled(optimizer)) optimizer.reset();
    else if (isForeign(optimizer)) forgetForeign(this.#tf, optimizer);
  }

  dispose(): void {
    for (const held of this.#codecs.values()) held.dispose();
    this.#codecs.clear();
  }
}
