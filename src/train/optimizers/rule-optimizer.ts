/**
 * A rule as a TensorFlow.js optimiser: weight decay, codecs, write-back, schedules, saving, and the refusal of what is not
 * finite, alike for all rules.
 */
import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs';
import { checkFields, integerInRange, numberInRange, pathOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkSchema, fields, map, number, record } from '../../schema.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { listenedStep } from '../../tfjs/watched-methods.ts';
import { storeSchema } from '../recipe-schema.ts';
import { checkSchedule, scheduleFactor, scheduleSchema } from '../schedule.ts';
import { checkStore, feedsBack, type HeldWeight, holdWeight, type SavedArray } from '../stores/index.ts';
import { stepDivisor } from '../update/rms-clip.ts';
import { checkUpdate, stepSchema } from '../update/spec.ts';
import {
  entriesOf,
  type Governor,
  type Move,
  type OptimizerOptions,
  type OptimizerState,
  type Rule,
  type TrainingOptimizer,
  variableNamed,
  type WriteBack,
} from './optimizer.ts';
import {
  type CommonSettings,
  checkFeedback,
  checkValues,
  momentsOf,
  type OptimizerSettings,
  settingsAt,
} from './settings.ts';
import type { HeldState } from './state-codec.ts';
import { type MomentCodecs, States } from './states.ts';

const stateSchema = fields({
  counters: record(number({ from: 0 })),
  arrays: map<string, SavedArray>('a Map of arrays by name'),
});

const optionNames: readonly (keyof OptimizerOptions | 'governor')[] = [
  ...(['seed', 'prefix', 'learningRate', 'schedule', 'decaySchedule', 'steps', 'store'] as const),
  ...(['values', 'stepOperators', 'governor'] as const),
];

/** Throws ArgumentError naming the option that is wrong. */
function checkOptions(
  options: OptimizerOptions & { readonly governor?: Governor },
  rule: Rule,
  settings: OptimizerSettings,
): void {
  checkFields('options', options, optionNames);
  numberInRange('options.learningRate', options.learningRate, { from: 0 }, rule.learningRate);
  for (const name of ['schedule', 'decaySchedule'] as const) {
    const schedule = options[name];
    if (schedule === undefined) continue;
    checkSchema(`options.${name}`, schedule, scheduleSchema);
    checkSchedule(schedule, `options.${name}`);
    integerInRange('options.steps', options.steps ?? Number.NaN, 1, 2 ** 21 - 1);
  }
  const { store, values, stepOperators = [] } = options;
  if (values !== undefined) {
    checkValues(values, settings, (field) => pathOf('options.values', field));
    integerInRange('options.steps', options.steps ?? Number.NaN, 1, 2 ** 21 - 1);
  }
  checkSchema('options.stepOperators', stepOperators, stepSchema);
  checkUpdate({ step: stepOperators }, momentsOf(settings).includes('second'), 'options');
  if (store === undefined) return;
  checkSchema('options.store', store, storeSchema);
  checkStore(store, 'options.store');
  checkFeedback(settings, store, 'options.store');
  if (store.of !== undefined)
    throw new ArgumentError('options.store.of', store.of, 'nothing: the store is for every variable');
}

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

/** Makes the optimiser of a rule. */
export function optimizerFrom(
  tf: TensorFlow,
  rule: Rule,
  settings: OptimizerSettings,
  options: OptimizerOptions & { readonly governor?: Governor } = {},
): TrainingOptimizer {
  checkOptions(options, rule, settings);
  const { governor, store, steps = 1, schedule, decaySchedule, values, stepOperators = [] } = options;
  const peak = options.learningRate ?? rule.learningRate;
  const { seed, prefix } = options;
  const draws = {
    ...(seed === undefined ? {} : { seed }),
    ...(prefix === undefined ? {} : { prefix }),
    nameOf: governor?.nameOf,
  };
  const common: CommonSettings & MomentCodecs = settings;

  class RuleOptimizer extends tf.Optimizer implements TrainingOptimizer {
    static readonly className: string = rule.className;
    learningRate = peak;
    decayFactor = 1;
    step = 0;
    readonly #initial = rule.counters;
    readonly #states = new States((shape, codecs) => rule.states(shape, codecs), draws);
    readonly #stores = new States((shape, _, name) => {
      const initial = variableNamed(tf, name).dataSync() as Float32Array;
      return { store: storeState(tf, shape, holdWeight(initial, store!)!) };
    }, draws);

    get stateBytes(): number {
      return this.#states.bytes + this.#stores.bytes;
    }

    applyGradients(gradients: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
      // Beyond the end of a schedule its last value stays.
      const at = Math.min(this.step, steps - 1);
      if (schedule !== undefined) this.learningRate = peak * scheduleFactor(schedule, at, steps);
      if (decaySchedule !== undefined) this.decayFactor = scheduleFactor(decaySchedule, at, steps);
      if (values !== undefined) rule.settings = settingsAt(settings, values, at, steps);
      tf.tidy(() => {
        const move = rule.begin();
        for (const [name, gradient] of entriesOf(gradients)) {
          // A variable that stays as it is, as TensorFlow.js' own optimisers are told.
          if (gradient == null) continue;
          const variable = variableNamed(tf, name);
          const states = this.#statesOf(name, gradient.shape);
          this.#update(variable, gradient, move({ gradient, states, variable }));
        }
      });
      this.step++;
      this.incrementIterations();
    }

    #statesOf(name: string, shape: readonly number[], isLast = false) {
      const own = governor?.settingsOf(name, isLast);
      const codecs = { first: own?.first ?? common.first, second: own?.second ?? common.second };
      return this.#states.of(name, shape, codecs, this.step);
    }

    /** The rate of one variable's step. */
    #rateOf(gradient: Tensor, { second }: Move): number {
      if (stepOperators.length === 0) return this.learningRate;
      const { estimate, correction } = second!;
      const [g, squares] = [gradient.dataSync(), estimate.dataSync()];
      return this.learningRate / stepDivisor(stepOperators, g, squares, correction);
    }

    #update(variable: Variable, gradient: Tensor, move: Move): void {
      const { name } = variable;
      const rate = this.#rateOf(gradient, move);
      const updated = this.#decayed(variable, move.step(rate), rate);
      this.#states.check(name, { value: updated, states: move.states }, this.step);
      const written = (governor?.writeBack ?? this.#writeBack)(variable, updated);
      let { states } = move;
      if (written?.feedsBack === true && rate > 0) {
        const more = move.feedBack!(rate, tf.sub(updated, written.kept));
        states = { ...states, first: tf.add(states['first']!, more) };
        this.#states.check(name, { value: written.kept, states }, this.step);
      }
      this.#states.write(name, states, this.step);
      variable.assign(written?.kept ?? updated);
    }

    /** A variable less its step, decayed before or after it. */
    #decayed(variable: Variable, step: Tensor, rate: number): Tensor {
      const own = governor?.settingsOf(variable.name).weightDecay;
      const decay = (own ?? common.weightDecay) * this.decayFactor;
      const decays = (own !== undefined || variable.rank >= 2) && decay > 0;
      if (!decays) return tf.sub(variable, step);
      const shrink = 1 - rate * (own ?? common.weightDecay) * this.decayFactor;
      if (common.decay === 'after') return tf.mul(tf.sub(variable, step), shrink);
      return tf.sub(tf.mul(variable, shrink), step);
    }

    readonly #writeBack: WriteBack = ({ name, shape }, updated) => {
      if (store === undefined || store.kind === 'master') return undefined;
      const held = this.#stores.of(name, shape, {}, this.step);
      this.#stores.write(name, { store: updated }, this.step);
      return { kept: held['store']!.read(), feedsBack: feedsBack(store) };
    };

    reset(): void {
      this.#states.clear();
      rule.counters = this.#initial;
      this.iterations_ = 0;
    }

    save(): OptimizerState {
      return {
        counters: { ...rule.counters, step: this.step },
        arrays: new Map([...this.#states.save(), ...this.#stores.save()]),
      };
    }

    restore(state: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void {
      const { counters, arrays } = checkSchema('state', state, stateSchema);
      checkSchema('shapes', shapes, map('a Map of shapes by name'));
      const { step, ...own } = counters;
      const names = [...shapes.keys()];
      const isStore = (key: string): boolean => names.some((name) => key.startsWith(`${name}/store/`));
      const all = [...arrays];
      this.#states.restore(new Map(all.filter(([key]) => !isStore(key))), names, (name) =>
        this.#statesOf(name, shapes.get(name)!, true),
      );
      if (store !== undefined && store.kind !== 'master')
        this.#stores.restore(new Map(all.filter(([key]) => isStore(key))), names, (name) =>
          this.#stores.of(name, shapes.get(name)!, {}, this.step),
        );
      rule.counters = { ...this.#initial, ...own };
      this.iterations_ = rule.counters['iterations'] ?? rule.counters['steps'] ?? 0;
      this.step = step ?? this.iterations_;
    }

    override dispose(): void {
      this.reset();
      this.#stores.clear();
    }

    getConfig(): Record<string, number> {
      const numbers = Object.entries(settings).filter(([, value]) => typeof value === 'number');
      return { learningRate: this.learningRate, ...Object.fromEntries(numbers) };
    }
  }
  const optimizer = new RuleOptimizer();
  // Steps are heard of however they are taken: by `minimize` or by `applyGradients` alone.
  const apply = optimizer.applyGradients.bind(optimizer);
  optimizer.applyGradients = (gradients) => {
    entriesOf(gradients); // refuses what is none before anybody hears of it
    listenedStep(tf, optimizer, gradients, apply);
  };
  return optimizer;
}
