/**
 * A rule as a TensorFlow.js optimiser: weight decay, codecs, write-back, schedules, saving, and the refusal of what is not
 * finite, alike for all rules.
 */
import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs';
import { checkSchema, fields, map, number, record } from '../../schema.ts';
import { isEmulated } from '../../tfjs/emulate.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { listenedStep } from '../../tfjs/watched-methods.ts';
import { scheduleFactor } from '../schedule.ts';
import { checkArrays, feedsBack, type HeldWeight, holdWeight, type SavedArray } from '../stores/index.ts';
import { isProjected, Projector } from '../update/projection.ts';
import { rmsOf, stepDivisor } from '../update/rms-clip.ts';
import { checkOptions } from './check-options.ts';
import {
  type Decayed,
  entriesOf,
  type Given,
  type Governor,
  type Move,
  type OptimizerOptions,
  type OptimizerState,
  type Rule,
  type StepLook,
  type TrainingOptimizer,
  variableNamed,
  type WholeMove,
  type WriteBack,
} from './optimizer.ts';
import { type CommonSettings, type OptimizerSettings, settingsAt } from './settings.ts';
import type { HeldState } from './state-codec.ts';
import { type MomentCodecs, type StateOf, States } from './states.ts';

const stateSchema = fields({
  counters: record(number({ from: 0 })),
  arrays: map<string, SavedArray>('a Map of arrays by name'),
});

/** A weight in its store as one of the states of its variable. */
function storeState(tf: TensorFlow, shape: readonly number[], held: HeldWeight): HeldState {
  return {
    get bytes() {
      return held.bytes;
    },
    read: () => tf.tensor(held.load(), [...shape]),
    write: (next, draw) => held.write(next.dataSync() as Float32Array, draw),
    save: () => held.save(),
    restore: (saved) => held.restore(saved),
    dispose: () => undefined,
  };
}

type RuleOptions = OptimizerOptions & { readonly governor?: Governor };

/** The steps of a rule: what it holds of each variable, and what it makes of a gradient. TensorFlow.js' optimiser is around it. */
class RuleSteps {
  learningRate: number;
  decayFactor = 1;
  step = 0;
  rms: Map<string, number> | undefined;
  look: StepLook | undefined;
  readonly #tf: TensorFlow;
  readonly #rule: Rule;
  readonly #settings: OptimizerSettings;
  readonly #common: CommonSettings & MomentCodecs;
  readonly #options: RuleOptions;
  readonly #peak: number;
  readonly #initial: Readonly<Record<string, number>>;
  readonly #states: States;
  readonly #stores: States;
  readonly #projectors = new Map<string, Projector>();

  constructor(tf: TensorFlow, rule: Rule, settings: OptimizerSettings, options: RuleOptions) {
    const { governor, store, seed, prefix } = options;
    const draws = {
      ...(seed === undefined ? {} : { seed }),
      ...(prefix === undefined ? {} : { prefix }),
      nameOf: governor?.nameOf,
    };
    this.#tf = tf;
    this.#rule = rule;
    this.#settings = settings;
    this.#common = settings;
    this.#options = options;
    this.#peak = options.learningRate ?? rule.learningRate;
    this.learningRate = this.#peak;
    this.#initial = rule.counters;
    this.#states = new States((shape, codecs) => rule.states(shape, codecs), draws);
    this.#stores = new States((shape, _, name) => {
      const initial = variableNamed(tf, name).dataSync() as Float32Array;
      return { store: storeState(tf, shape, holdWeight(initial, store!)!) };
    }, draws);
  }

  get bytes(): number {
    const projected = [...this.#projectors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#states.bytes + this.#stores.bytes + projected;
  }

  /** How many steps the rule has counted. */
  get iterations(): number {
    return this.#rule.counters['iterations'] ?? this.#rule.counters['steps'] ?? 0;
  }

  apply(gradients: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
    const { steps = 1, schedule, decaySchedule, values } = this.#options;
    // Beyond the end of a schedule its last value stays.
    const at = Math.min(this.step, steps - 1);
    if (schedule !== undefined) this.learningRate = this.#peak * scheduleFactor(schedule, at, steps);
    if (decaySchedule !== undefined) this.decayFactor = scheduleFactor(decaySchedule, at, steps);
    if (values !== undefined) this.#rule.settings = settingsAt(this.#settings, values, at, steps);
    this.#tf.tidy(() => {
      const move = this.#rule.begin();
      for (const [name, gradient] of entriesOf(gradients)) {
        // A variable that stays as it is, as TensorFlow.js' own optimisers are told.
        if (gradient == null) continue;
        this.#update(variableNamed(this.#tf, name), gradient, move);
      }
    });
    this.step++;
  }

  #statesOf(name: string, shape: readonly number[], isLast = false) {
    const own = this.#options.governor?.settingsOf(name, isLast);
    const { first, second } = this.#common;
    return this.#states.of(
      name,
      shape,
      { first: own?.first ?? first, second: own?.second ?? second },
      this.step,
    );
  }

  /** The rate of one variable's step, before what it goes through. */
  #ownRate(name: string): number {
    return this.#options.governor?.rateOf(name) ?? this.learningRate;
  }

  /** The rate of one variable's step. */
  #rateOf(name: string, gradient: Tensor, { second }: Move): number {
    const { stepOperators = [] } = this.#options;
    const own = this.#ownRate(name);
    if (second === undefined || (stepOperators.length === 0 && this.rms === undefined)) return own;
    const { estimate, correction } = second;
    const [g, squares] = [gradient.dataSync(), estimate.dataSync()];
    this.rms?.set(name, rmsOf(g, squares, correction));
    return own / stepDivisor(stepOperators, g, squares, correction);
  }

  /** Whether nothing looks at what a step makes of the states, or rounds it. */
  get #isPlain(): boolean {
    const { stepOperators = [], governor, store } = this.#options;
    const feeds = governor?.feedsBack ?? (store !== undefined && feedsBack(store));
    const isSeen = this.look !== undefined || this.rms !== undefined;
    return stepOperators.length === 0 && !feeds && !isSeen && !isEmulated(this.#tf);
  }

  /** The projection of a variable's gradients, if it has one. */
  #projectorOf(name: string, shape: readonly number[]): Projector | undefined {
    const { project, governor } = this.#options;
    if (project === undefined || !isProjected(shape, project)) return undefined;
    if (governor?.isLinear(name) === false && project.of !== 'all') return undefined;
    const known = this.#projectors.get(name) ?? new Projector(this.#tf, shape, project);
    this.#projectors.set(name, known);
    return known;
  }

  #update(variable: Variable, whole: Tensor, moved: (given: Given) => Move | WholeMove): void {
    const { name } = variable;
    this.look?.gradient(variable, whole);
    const projector = this.#projectorOf(name, variable.shape);
    const gradient = projector?.project(whole) ?? whole;
    const states = this.#statesOf(name, gradient.shape);
    const isWhole = projector === undefined && this.#isPlain;
    const atOnce = isWhole ? this.#decayOf(variable, this.#ownRate(name)) : undefined;
    const move = moved({ gradient, states, variable, atOnce });
    const { writeBack = this.#writeBack } = this.#options.governor ?? {};
    if ('commit' in move) {
      const kept = writeBack(variable, move.value)?.kept ?? move.value;
      move.commit();
      variable.assign(kept);
      return;
    }
    const rate = this.#rateOf(name, gradient, move);
    const step = move.step(rate);
    const updated = this.#decayed(variable, projector?.back(step) ?? step, this.#decayOf(variable, rate));
    this.#states.check(name, { value: updated, states: move.states }, this.step);
    const written = writeBack(variable, updated);
    let next = move.states;
    if (written?.feedsBack === true && rate > 0) {
      const more = move.feedBack!(rate, this.#tf.sub(updated, written.kept));
      next = { ...next, first: this.#tf.add(next['first']!, more) };
      this.#states.check(name, { value: written.kept, states: next }, this.step);
    }
    this.#states.write(name, next, this.step);
    if (this.look !== undefined) this.#showStates(this.look, next, states);
    variable.assign(written?.kept ?? updated);
  }

  #showStates(look: StepLook, next: Readonly<Record<string, Tensor>>, held: StateOf): void {
    for (const [name, tensor] of Object.entries(next)) {
      const state = held[name]!;
      if (state.bytes < 4 * tensor.size) look.state(name, tensor, state.read());
    }
  }

  /** How a variable decays in a step of a rate. */
  #decayOf(variable: Variable, rate: number): Decayed {
    const own = this.#options.governor?.settingsOf(variable.name).weightDecay;
    const decay = (own ?? this.#common.weightDecay) * this.decayFactor;
    const decays = (own !== undefined || variable.rank >= 2) && decay > 0;
    const left = decays ? 1 - rate * (own ?? this.#common.weightDecay) * this.decayFactor : undefined;
    return { rate, left, decaysAfter: this.#common.decay === 'after' };
  }

  /** A variable less its step, decayed before or after it. */
  #decayed(variable: Variable, step: Tensor, { left, decaysAfter }: Decayed): Tensor {
    const tf = this.#tf;
    if (left === undefined) return tf.sub(variable, step);
    if (decaysAfter) return tf.mul(tf.sub(variable, step), left);
    return tf.sub(tf.mul(variable, left), step);
  }

  readonly #writeBack: WriteBack = ({ name, shape }, updated) => {
    const { store } = this.#options;
    if (store === undefined || store.kind === 'master') return undefined;
    const held = this.#stores.of(name, shape, {}, this.step);
    this.#stores.write(name, { store: updated }, this.step);
    return { kept: held['store']!.read(), feedsBack: feedsBack(store) };
  };

  /** Forgets the states; stores and projections stay. */
  reset(): void {
    this.#states.clear();
    this.#rule.counters = this.#initial;
  }

  clear(): void {
    this.reset();
    this.#stores.clear();
    this.#projectors.clear();
  }

  save(): OptimizerState {
    return {
      counters: { ...this.#rule.counters, step: this.step },
      arrays: new Map([...this.#states.save(), ...this.#stores.save(), ...this.#projections()]),
    };
  }

  #projections(): Map<string, SavedArray> {
    return new Map(
      [...this.#projectors].flatMap(([name, projector]) =>
        Object.entries(projector.save()).map(
          ([array, saved]) => [`${name}/projector/${array}`, saved] as const,
        ),
      ),
    );
  }

  restore(state: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void {
    const { counters, arrays } = checkSchema('state', state, stateSchema);
    checkSchema('shapes', shapes, map('a Map of shapes by name'));
    const { step, ...own } = counters;
    const names = [...shapes.keys()];
    const isOf = (part: string) => (key: string) => names.some((name) => key.startsWith(`${name}/${part}/`));
    const only = (isMeant: (key: string) => boolean) => new Map([...arrays].filter(([key]) => isMeant(key)));
    const [isStore, isProjection] = [isOf('store'), isOf('projector')];
    this.#restoreProjections(only(isProjection), shapes);
    this.#states.restore(
      only((key) => !isStore(key) && !isProjection(key)),
      names,
      (name) => {
        const shape = shapes.get(name)!;
        return this.#statesOf(name, this.#projectorOf(name, shape)?.inner ?? shape, true);
      },
    );
    const { store } = this.#options;
    if (store !== undefined && store.kind !== 'master')
      this.#stores.restore(only(isStore), names, (name) =>
        this.#stores.of(name, shapes.get(name)!, {}, this.step),
      );
    this.#rule.counters = { ...this.#initial, ...own };
    this.step = step ?? this.iterations;
  }

  #restoreProjections(
    arrays: ReadonlyMap<string, SavedArray>,
    shapes: ReadonlyMap<string, readonly number[]>,
  ): void {
    this.#projectors.clear();
    for (const [name, shape] of shapes) this.#projectorOf(name, shape);
    checkArrays('optimizer', arrays, this.#projections());
    for (const [name, projector] of this.#projectors)
      projector.restore({
        basis: arrays.get(`${name}/projector/basis`)!,
        numbers: arrays.get(`${name}/projector/numbers`)!,
      });
  }
}

/** What an optimiser has of its steps. */
const ownFields = ['learningRate', 'decayFactor', 'step', 'rms', 'look'] as const;

/** Makes the optimiser of a rule. */
export function optimizerFrom(
  tf: TensorFlow,
  rule: Rule,
  settings: OptimizerSettings,
  options: RuleOptions = {},
): TrainingOptimizer {
  checkOptions(options, rule, settings);

  // Not a field of the class: optimisers are wrapped by objects that inherit from them.
  const own = new RuleSteps(tf, rule, settings, options);

  class RuleOptimizer extends tf.Optimizer implements TrainingOptimizer {
    static readonly className: string = rule.className;

    declare learningRate: number;
    declare decayFactor: number;
    declare step: number;
    declare rms: Map<string, number> | undefined;
    declare look: StepLook | undefined;

    get stateBytes(): number {
      return own.bytes;
    }

    applyGradients(gradients: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
      own.apply(gradients);
      this.incrementIterations();
    }

    reset(): void {
      own.reset();
      this.iterations_ = 0;
    }

    save(): OptimizerState {
      return own.save();
    }

    restore(state: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void {
      own.restore(state, shapes);
      this.iterations_ = own.iterations;
    }

    override dispose(): void {
      this.reset();
      own.clear();
    }

    getConfig(): Record<string, number> {
      const numbers = Object.entries(settings).filter(([, value]) => typeof value === 'number');
      return { learningRate: this.learningRate, ...Object.fromEntries(numbers) };
    }
  }
  for (const name of ownFields)
    Object.defineProperty(RuleOptimizer.prototype, name, {
      configurable: true,
      get: () => own[name],
      set: (value: never) => {
        own[name] = value;
      },
    });
  const optimizer = new RuleOptimizer();
  // Steps are heard of however they are taken: by `minimize` or by `applyGradients` alone.
  const apply = optimizer.applyGradients.bind(optimizer);
  optimizer.applyGradients = (gradients) => {
    entriesOf(gradients); // refuses what is none before anybody hears of it
    listenedStep(tf, optimizer, gradients, apply);
  };
  return optimizer;
}
