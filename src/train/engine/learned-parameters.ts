/**
 * Trained parameters of quantisers: scales, zero points and bits of slots. Each is a variable with an optimiser of its own, the recipe's
 * with the same settings but without weight decay and codecs, which takes a step where the layer's parameter has taken one.
 * Sources of the gradients: `src/quantizers/gradients/learned.ts`, learned-bits.ts.
 */

import type { Tensor, Variable } from '@tensorflow/tfjs';
import { checkLength, integerInRange } from '../../check.ts';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { FreezeSpec, LearnSpec } from '../linear-slots.ts';
import { type OptimizerSettings, optimizerOf, type TrainingOptimizer } from '../optimizers/index.ts';
import { valueOptions } from '../recipe.ts';
import { type SavedArray, savedFloat64 } from '../stores/index.ts';
import type { RecipeEngine, StepPart } from './engine.ts';
import {
  bitLearning,
  bitsOf,
  initialParameter,
  type SlotMemory,
  settledParameter,
  trainedBits,
} from './learned-bits.ts';
import { savedBinary64 } from './quantizer-memory.ts';
import { SignDisorder } from './sign-disorder.ts';
import type { LearnedGradients } from './slot-gradients.ts';
import type { Slot } from './slots.ts';

/** The field of a quantiser's state, and of its gradients, that a parameter is. */
const fieldOf = { scale: 'scales', zeroPoint: 'zeroPoints', form: 'form', levels: 'levels' } as const;

/** What trains one parameter of one quantiser. */
interface Trainer {
  readonly variable: Variable;
  readonly optimizer: TrainingOptimizer;
  /** The layer's clock at the latest step. */
  last: number;
  /** Which of its numbers stay as they are. */
  disorder?: SignDisorder;
  /** What that has counted, of a state that was taken up. */
  counted?: Float64Array;
}

/** What of a trained parameter decides how it is trained. */
type Training = Pick<LearnSpec, 'learningRate'> & { readonly freeze?: FreezeSpec };

/** An array of a state with its elements in another order; one of another length as it is. */
function reordered(saved: SavedArray, order: readonly number[]): SavedArray {
  const { shape, data } = saved;
  if (sizeOf(shape) !== order.length) return saved;
  const width = data.length / order.length;
  return { ...saved, data: data.map((_, i) => data[order[Math.floor(i / width)]! * width + (i % width)]!) };
}

/** Distinguishes the variables of runs of one program. */
let runs = 0;

export class LearnedParameters implements StepPart {
  readonly #tf: TensorFlow;
  readonly #engine: RecipeEngine;
  readonly #settings: OptimizerSettings;
  readonly #prefix = `halfulp${runs++}/`;
  /** By quantiser and parameter: `<layer>/<slot>/<hash>/scale`. */
  readonly #trainers = new Map<string, Trainer>();
  /** Terms of the objective by quantiser, of its latest step. */
  readonly #penalties = new Map<string, number>();

  constructor(tf: TensorFlow, engine: RecipeEngine) {
    this.#tf = tf;
    this.#engine = engine;
    const own = Object.entries(engine.recipe.optimizer).filter(
      ([field]) => field !== 'first' && field !== 'second',
    );
    this.#settings = { ...Object.fromEntries(own), weightDecay: 0 } as unknown as OptimizerSettings;
  }

  /** The terms that the objective has beside the program's loss, together, as the latest step had them. */
  get penalty(): number {
    return [...this.#penalties.values()].reduce((sum, one) => sum + one, 0);
  }

  /** Whether the latest step had such terms. */
  get hasPenalty(): boolean {
    return this.#penalties.size > 0;
  }

  /** The mean of learned numbers of bits over all groups; undefined: none has been learned. */
  get meanBits(): number | undefined {
    let [sum, count] = [0, 0];
    for (const slot of this.#engine.slots) {
      const learning = bitLearning(slot.spec);
      for (const p of (learning && slot.memory.bits) ?? []) {
        sum += bitsOf(learning!, p);
        count++;
      }
    }
    return count === 0 ? undefined : sum / count;
  }

  after(_optimizer: object, names: readonly string[]): void {
    const own = new Set(names);
    for (const slot of this.#engine.slots) {
      if (slot.spec.learn === undefined || !own.has(slot.layer)) continue;
      const gradients = slot.takeGradients();
      const learn = this.#learnsNow(slot);
      if (gradients !== undefined && learn.length > 0) this.#train(slot, learn, gradients);
    }
  }

  /** What of a slot's quantiser is trained at present. */
  #learnsNow({ layer, spec: { learn = [] } }: Slot): readonly LearnSpec[] {
    const one = this.#engine.parameters.find(({ name }) => name === layer);
    const { learns, rates = {} } = one
      ? this.#engine.schedule.settingsAt(one, this.#engine.clockOf(layer))
      : {};
    const now = learns === undefined ? learn : learn.filter(({ of }) => learns.includes(of));
    return now.map((own) => ({ ...own, learningRate: rates[own.of] ?? own.learningRate }));
  }

  /** Gradients of a step that is left out are forgotten. */
  leftOut(_optimizer: object, names: readonly string[]): void {
    const own = new Set(names);
    for (const slot of this.#engine.slots) if (own.has(slot.layer)) slot.takeGradients();
  }

  #train(slot: Slot, learn: readonly LearnSpec[], gradients: LearnedGradients): void {
    const { seed } = this.#engine;
    const clock = this.#engine.clockOf(slot.layer);
    const state = slot.memory;
    const trained: SlotMemory = Object.fromEntries(
      learn.map((one) => {
        if (one.of === 'bits') return ['bits', this.#trainBits(slot, one.learningRate, gradients, clock)];
        const [field, key] = [fieldOf[one.of], `${slot.key}/${one.of}`];
        const moved = this.#step(key, one, state[field]!, gradients[field]!, clock);
        if (one.of === 'levels') this.#follow(key, moved);
        return [field, moved];
      }),
    );
    slot.remember(slot.settled({ ...state, ...trained }), { seed, step: clock });
  }

  #trainBits(slot: Slot, learningRate: number, gradients: LearnedGradients, clock: number): number[] {
    const key = `${slot.key}/bits`;
    const learning = { ...bitLearning(slot.spec)!, learningRate };
    const given = gradients.bits!;
    const before = slot.memory.bits ?? Array.from(given.bits, () => initialParameter(learning));
    const { penalty, gradient } = trainedBits(learning, before, given);
    if (learning.penalty !== undefined) this.#penalties.set(key, penalty);
    const next = this.#step(key, learning, before, gradient, clock);
    return next.map((p) => settledParameter(learning, p));
  }

  /** One step of an optimiser: the new values. */
  #step(
    key: string,
    { learningRate, freeze }: Training,
    values: readonly number[],
    gradient: Float64Array,
    clock: number,
  ): number[] {
    const tf = this.#tf;
    const { timeline } = this.#engine;
    const trainer = this.#trainerOf(key, values.length);
    const { optimizer, variable } = trainer;
    if (timeline.isReset(trainer.last, clock)) optimizer.reset();
    trainer.last = clock;
    optimizer.step = clock;
    optimizer.learningRate = timeline.rateAt(learningRate, clock);
    tf.tidy(() => {
      variable.assign(tf.tensor1d(Float32Array.from(values)));
      optimizer.applyGradients({ [variable.name]: tf.tensor1d(Float32Array.from(gradient)) as Tensor });
    });
    const moved = [...variable.dataSync()];
    if (freeze === undefined) return moved;
    trainer.disorder ??= new SignDisorder(freeze, values.length, trainer.counted);
    const frozen = trainer.disorder.next(gradient);
    return moved.map((value, i) => (frozen[i]! ? values[i]! : value));
  }

  /** Levels are put in ascending order: what the optimiser holds of those that crossed goes with them. */
  #follow(key: string, levels: readonly number[]): void {
    const order = levels.map((_, i) => i).sort((a, b) => levels[a]! - levels[b]!);
    if (order.every((from, to) => from === to)) return;
    const { optimizer, variable } = this.#trainers.get(key)!;
    const { counters, arrays } = optimizer.save();
    const moved = [...arrays].map(([name, saved]) => [name, reordered(saved, order)] as const);
    optimizer.restore({ counters, arrays: new Map(moved) }, new Map([[variable.name, variable.shape]]));
  }

  #trainerOf(key: string, count: number): Trainer {
    const known = this.#trainers.get(key);
    if (known !== undefined) return known;
    const tf = this.#tf;
    const zeros = tf.zeros([count]);
    const variable = tf.variable(zeros, false, this.#prefix + key);
    zeros.dispose();
    const { recipe, seed, steps } = this.#engine;
    const options = { seed, prefix: this.#prefix, ...valueOptions(recipe, steps) };
    const made: Trainer = { variable, optimizer: optimizerOf(tf, this.#settings, options), last: 0 };
    this.#trainers.set(key, made);
    return made;
  }

  /** States of the optimisers; the parameters themselves are what their quantisers remember. */
  save(): Map<string, SavedArray> {
    const arrays = new Map<string, SavedArray>();
    for (const [key, { optimizer, variable, last, disorder, counted }] of this.#trainers) {
      const { counters, arrays: own } = optimizer.save();
      const sorted = Object.keys(counters).sort();
      const numbers = [last, variable.size, ...sorted.map((name) => counters[name]!)];
      arrays.set(`${key}/counters`, savedFloat64(Float64Array.from(numbers)));
      const signs = disorder?.state ?? counted;
      if (signs !== undefined) arrays.set(`${key}/signs`, savedFloat64(signs));
      for (const [name, saved] of own) arrays.set(`${key}/${name.slice(variable.name.length + 1)}`, saved);
    }
    return arrays;
  }

  /** Throws ArgumentError naming an array that `save` has not written. */
  restore(arrays: ReadonlyMap<string, SavedArray>): void {
    this.dispose();
    const keys = [...arrays.keys()].flatMap((name) =>
      name.endsWith('/counters') ? [name.slice(0, -'/counters'.length)] : [],
    );
    for (const key of keys) {
      const [counting, signs] = ['counters', 'signs'].map((name) => `${key}/${name}`) as [string, string];
      const own = [...arrays].filter(
        ([name]) => name.startsWith(`${key}/`) && name !== counting && name !== signs,
      );
      const [last = 0, count = 0, ...numbers] = savedBinary64(counting, arrays.get(counting)!);
      integerInRange(`${counting}[1]`, count, 1, 2 ** 31 - 1);
      const trainer = this.#trainerOf(key, count);
      const { optimizer, variable } = trainer;
      const counted = arrays.get(signs);
      if (counted !== undefined) {
        trainer.counted = savedBinary64(signs, counted);
        checkLength(signs, trainer.counted, 1 + 3 * count, `${1 + 3 * count} numbers`);
      }
      const names = Object.keys(optimizer.save().counters).sort();
      checkLength(
        `${key}/counters`,
        numbers,
        names.length,
        `${names.length + 2} numbers`,
        numbers.length + 2,
      );
      trainer.last = last;
      const counters = Object.fromEntries(names.map((name, i) => [name, numbers[i]!]));
      const named = own.map(
        ([name, saved]) => [`${variable.name}/${name.slice(key.length + 1)}`, saved] as const,
      );
      optimizer.restore({ counters, arrays: new Map(named) }, new Map([[variable.name, variable.shape]]));
    }
  }

  dispose(): void {
    for (const { optimizer, variable } of this.#trainers.values()) {
      optimizer.dispose();
      variable.dispose();
    }
    this.#trainers.clear();
    this.#penalties.clear();
  }
}
