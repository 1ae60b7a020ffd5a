/**
 * What happens around an optimiser's step: its rate and what becomes of its state where a phase begins, what its gradients go
 * through, which parameters stay as they are, how its moments are held. A part that the engine calls.
 */
import type { NamedTensorMap } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { GivenGradients } from '../../tfjs/watched-methods.ts';
import { DivergenceError, firstNotFinite } from '../divergence.ts';
import { canonicalJson } from '../hash.ts';
import {
  type Governor,
  type HeldState,
  holdState,
  type MomentCodecs,
  type TrainingOptimizer,
  type WriteBack,
} from '../optimizers/index.ts';
import { fnv1a32 } from '../random.ts';
import { feedsBack, type SavedArray } from '../stores/index.ts';
import type { OperatedParameter } from '../update/operators.ts';
import { GradientPipeline } from '../update/pipeline.ts';
import { FormatController } from './controllers.ts';
import type { RecipeEngine, StepPart } from './engine.ts';
import { foreignStates, forgetForeign, isForeign, kindOf, rateOf, scaleRate } from './foreign-optimizer.ts';
import type { EngineParameter } from './parameters.ts';
import { blocksOf } from './rules.ts';
import { type StoredWeights, storeOf } from './stored-weights.ts';

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
    if (isOurs(optimizer)) return;
    for (const { name, variable } of this.#engine.parameters) {
      if (!names.includes(name)) continue;
      const values = variable.dataSync();
      const index = firstNotFinite(values);
      if (index >= 0)
        throw new DivergenceError('update', name, this.#engine.clockOf(name) + 1, index, values[index]!);
    }
  }
}

/** Whether an optimiser is one of this library. */
export function isOurs(optimizer: object): optimizer is TrainingOptimizer {
  return 'decayFactor' in optimizer;
}

/** Gradients of which those of some names are null: optimisers pass them over, and know the others by their places. */
function without(gradients: GivenGradients, names: ReadonlySet<string>): GivenGradients {
  if (names.size === 0) return gradients;
  if (Array.isArray(gradients))
    return gradients.map((one) => (names.has(one.name) ? { ...one, tensor: null as never } : one));
  return Object.fromEntries(
    Object.entries(gradients).map(([name, tensor]) => [name, names.has(name) ? (null as never) : tensor]),
  );
}

/** The same list with other gradients, in their places. */
function inPlaces(gradients: GivenGradients, changed: NamedTensorMap): GivenGradients {
  const names = Array.isArray(gradients) ? gradients.map(({ name }) => name) : Object.keys(gradients);
  return names.map((name) => ({ name, tensor: changed[name] ?? (null as never) }));
}

function asMap(gradients: GivenGradients): NamedTensorMap {
  const pairs = Array.isArray(gradients)
    ? gradients.map(({ name, tensor }) => [name, tensor] as const)
    : Object.entries(gradients);
  return Object.fromEntries(pairs.filter(([, tensor]) => tensor !== null && tensor !== undefined));
}

/** Before the names of a controller's arrays. */
const inController = 'controller/';

export class OptimizerSteps implements StepPart {
  readonly #tf: TensorFlow;
  readonly #engine: RecipeEngine;
  readonly #byVariable: ReadonlyMap<string, EngineParameter>;
  /** Optimisers of the recipe's making, with the peak of their rates. */
  readonly #peaks = new Map<object, number>();
  /** The clock at which an optimiser took its last step. */
  readonly #clocks = new Map<object, number>();
  readonly #codecs = new Map<string, { readonly text: string; readonly held: HeldState }>();
  readonly #undo: (() => void)[] = [];
  /** Parameters whose stores need the momentum of the recipe's optimiser. */
  readonly #fedBack: ReadonlySet<string>;
  /** What gradients go through: of all optimisers where the recipe says so, else of its own. */
  readonly pipeline: GradientPipeline;
  /** What changes formats as gradients tell. */
  readonly controller: FormatController | undefined;
  /** Optimisers in the order in which they took their first step. */
  readonly seen: object[] = [];

  constructor(tf: TensorFlow, engine: RecipeEngine, weights: StoredWeights) {
    this.#tf = tf;
    this.#engine = engine;
    const { recipe, parameters } = engine;
    this.#byVariable = new Map(parameters.map((one) => [one.variable.name, one]));
    const operated = new Map(
      parameters.map(({ name, shape }): [string, OperatedParameter] => [
        name,
        // A state that is taken up may bring another scale.
        {
          ...{ name, shape },
          unitOf: () => weights.unitOf(name),
          place: () => [engine.clockOf(name), engine.steps],
        },
      ]),
    );
    const clip = { kind: 'clipByGlobalNorm', limit: recipe.optimizer.clipNorm } as const;
    this.pipeline = new GradientPipeline(tf, recipe.update?.gradient ?? [clip], {
      parameters: [...operated.values()],
      parameterOf: (variable) => operated.get(this.#byVariable.get(variable)?.name ?? ''),
      variables: () => engine.variables,
      isTraining: () => engine.isTraining,
    });
    const { controller } = recipe;
    if (controller !== undefined) this.controller = new FormatController(tf, engine, controller);
    engine.gradientScale = () => (engine.isTraining ? (this.pipeline.scale ?? 1) : 1);
    const blocks = blocksOf(parameters);
    this.#fedBack = new Set(
      parameters.flatMap((one) => (feedsBack(storeOf(recipe, one, blocks)) ? [one.name] : [])),
    );
  }

  /** What the recipe decides for an optimiser of its making. */
  governor(writeBack: WriteBack): Governor {
    return {
      writeBack,
      feedsBack: this.#fedBack.size > 0,
      isLinear: (variable) => this.#byVariable.get(variable)?.role === 'linear',
      nameOf: (variable) => this.#byVariable.get(variable)?.name ?? variable,
      settingsOf: (variable, isLast = false) => {
        const one = this.#byVariable.get(variable);
        if (one === undefined) return {};
        const clock = this.#engine.clockOf(one.name);
        return this.#engine.schedule.settingsAt(one, isLast ? Math.max(clock - 1, 0) : clock);
      },
      rateOf: (variable) => {
        const one = this.#byVariable.get(variable);
        if (one === undefined) return undefined;
        const clock = this.#engine.clockOf(one.name);
        const peak = this.#engine.schedule.settingsAt(one, clock).rates?.parameter;
        return peak === undefined ? undefined : this.#engine.timeline.rateAt(peak, clock);
      },
    };
  }

  /** Lets an optimiser's rate follow the recipe. */
  schedule(optimizer: TrainingOptimizer, peak: number): void {
    this.#peaks.set(optimizer, peak);
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

  /** The state, the rate and the weight decay that an optimiser has in a step of its own. */
  prepare(optimizer: object, clock: number): void {
    const { recipe, timeline } = this.#engine;
    const last = this.clockOf(optimizer);
    this.#clocks.set(optimizer, clock);
    if (timeline.isReset(last, clock)) this.#reset(optimizer);
    const peak = this.#peaks.get(optimizer);
    if (peak === undefined) {
      this.#undo.push(scaleRate(optimizer, timeline.rewarm(clock)));
      return;
    }
    const own = optimizer as TrainingOptimizer;
    own.step = clock;
    own.learningRate = timeline.rateAt(peak, clock);
    if (recipe.decaySchedule !== undefined) own.decayFactor = timeline.decayFactorAt(clock);
  }

  before(optimizer: object, gradients: GivenGradients): GivenGradients | null {
    const changed = this.#changed(optimizer, gradients);
    if (changed !== null) this.controller?.look(asMap(changed));
    return changed;
  }

  /** What an optimiser is to apply in place of some gradients. */
  #changed(optimizer: object, gradients: GivenGradients): GivenGradients | null {
    const given = Object.keys(asMap(gradients));
    const own = given.flatMap((name) => this.#byVariable.get(name) ?? []);
    if (own.length === 0) return gradients;
    if (!this.seen.includes(optimizer)) this.seen.push(optimizer);
    this.prepare(optimizer, Math.max(...own.map(({ name }) => this.#engine.clockOf(name))));
    const frozen = own.filter((one) => this.#engine.isFrozen(one));
    const kept = without(gradients, new Set(frozen.map(({ variable }) => variable.name)));
    const isMade = this.#peaks.has(optimizer);
    if (!isMade) {
      this.#refuseOthers(optimizer, own);
      if (!isOurs(optimizer)) this.#decay(optimizer, own);
      if (this.#engine.recipe.update?.gradient === undefined) return kept;
    }
    const changed = this.pipeline.apply(asMap(kept));
    return changed === null || isMade ? changed : inPlaces(kept, changed);
  }

  /**
   * What a store loses goes into a momentum that is known, that of the recipe's own optimiser; and an optimiser of this library that
   * was made beside the recipe has settings of its own.
   */
  #refuseOthers(optimizer: object, own: readonly EngineParameter[]): void {
    const { step = [], project } = this.#engine.recipe.update ?? {};
    if (step.length > 0 || project !== undefined)
      throw new ArgumentError(
        'optimizer',
        kindOf(optimizer),
        `run.optimizer(rate): the recipe has ${project === undefined ? 'operators on its steps' : 'a projection'}`,
      );
    for (const one of own) {
      const set = this.#engine.schedule.settingsAt(one, this.#engine.clockOf(one.name));
      const ofOurs = isOurs(optimizer) ? [set.first, set.second, set.weightDecay] : [];
      const isRuled = [set.rates?.parameter, ...ofOurs].some((own) => own !== undefined);
      const why = this.#fedBack.has(one.name)
        ? `the store of ${one.name} has feedback into its momentum`
        : `rules say how ${one.name} is updated`;
      if (isRuled || this.#fedBack.has(one.name))
        throw new ArgumentError('optimizer', kindOf(optimizer), `run.optimizer(rate): ${why}`);
    }
  }

  /** Weight decay that rules ask for, decoupled; optimisers of TensorFlow.js have none. */
  #decay(optimizer: object, own: readonly EngineParameter[]): void {
    const { timeline } = this.#engine;
    for (const one of own) {
      const clock = this.#engine.clockOf(one.name);
      const { weightDecay = 0 } = this.#engine.schedule.settingsAt(one, clock);
      if (weightDecay === 0 || this.#engine.isFrozen(one)) continue;
      const shrink = 1 - rateOf(optimizer) * weightDecay * timeline.decayFactorAt(clock);
      this.#tf.tidy(() => one.variable.assign(this.#tf.mul(one.variable, shrink)));
    }
  }

  after(optimizer: object, names: readonly string[]): void {
    for (const undo of this.#undo.splice(0)) undo();
    if (!isForeign(optimizer)) return;
    for (const { key, of, moment, variable } of foreignStates(optimizer)) {
      const one = this.#byVariable.get(of);
      if (one === undefined || !names.includes(one.name) || this.#engine.isFrozen(one)) continue;
      const clock = this.#engine.clockOf(one.name);
      const common: MomentCodecs = this.#engine.recipe.optimizer;
      const codec = this.#engine.schedule.settingsAt(one, clock)[moment] ?? common[moment];
      if (codec === undefined || codec.kind === 'float32') continue;
      const text = canonicalJson(codec);
      let known = this.#codecs.get(key);
      if (known?.text !== text) {
        known?.held.dispose();
        known = { text, held: holdState(this.#tf, variable.shape, moment === 'first', codec) };
        this.#codecs.set(key, known);
      }
      const { held } = known;
      const stream = (BigInt(fnv1a32(`${one.name}/${moment}`)) << 32n) | BigInt(clock);
      const draw = { seed: this.#engine.seed, stream };
      this.#tf.tidy(() => {
        held.write(variable, draw);
        variable.assign(held.read());
      });
    }
  }

  leftOut(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #reset(optimizer: object): void {
    if (isOurs(optimizer)) optimizer.reset();
    else if (isForeign(optimizer)) forgetForeign(this.#tf, optimizer);
  }

  /** Arrays of what gradients go through, and of what looks at them. */
  save(): Map<string, SavedArray> {
    const own = [...(this.controller?.save() ?? [])];
    return new Map([
      ...this.pipeline.save(),
      ...own.map(([name, one]) => [inController + name, one] as const),
    ]);
  }

  /** Takes up arrays of the names, types and shapes that `save` gives. */
  restore(arrays: ReadonlyMap<string, SavedArray>): void {
    this.pipeline.restore(arrays);
    const own = [...arrays].filter(([name]) => name.startsWith(inController));
    this.controller?.restore(new Map(own.map(([name, one]) => [name.slice(inController.length), one])));
  }

  dispose(): void {
    this.pipeline.stop();
    this.controller?.stop();
    for (const { held } of this.#codecs.values()) held.dispose();
    this.#codecs.clear();
  }
}
