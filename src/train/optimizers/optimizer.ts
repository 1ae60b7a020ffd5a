/**
 * What every optimiser of the training loop offers, and the state that all of them keep: held tensors by parameter,
 * and counters. Which update they make is in the other files.
 */
import type { NamedTensorMap, Optimizer, Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { listenedStep } from '../../tfjs/watched-methods.ts';
import { DivergenceError, firstNotFinite } from '../divergence.ts';
import { fnv1a32 } from '../random.ts';
import { checkArrays, type Draw, type SavedArray } from '../stores/index.ts';
import type { HeldState } from './state-codec.ts';

/** The state of an optimiser as a checkpoint holds it. */
export interface OptimizerState {
  /** Powers of the betas, number of steps. */
  readonly counters: Readonly<Record<string, number>>;
  /** Arrays of `variable name / state / array`. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

/** What the random integers of stochastically rounded states depend on beside the step. */
export interface OptimizerDraws {
  /** Default 0. */
  readonly seed?: number;
  /** What the names of variables begin with that is no part of a parameter's name. Default ''. */
  readonly prefix?: string;
}

/**
 * A TensorFlow.js optimiser whose rate is set from outside and whose state can be dropped, saved and restored.
 * `applyGradients` throws DivergenceError in place of an update or state that is not finite.
 */
export interface TrainingOptimizer extends Optimizer {
  learningRate: number;
  /** Updates done before the next one. It counts by itself, and `reset` leaves it; a loop may set it. */
  step: number;
  /** Multiplies the weight decay: 1 unless a schedule says otherwise. */
  decayFactor: number;
  /** Bytes of state held now. */
  readonly stateBytes: number;
  /** Forgets the moments and the number of steps, as if no step had been taken. */
  reset(): void;
  save(): OptimizerState;
  /** Takes a state up; `shapes` has the shape of each variable. Throws ArgumentError if it does not fit. */
  restore(state: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void;
}

/** The state tensors of one variable, by name. */
export type StateOf = Readonly<Record<string, HeldState>>;

/** What an update makes of one variable: its new value and its new states, by name. */
export interface Update {
  readonly value: Tensor;
  readonly states: Readonly<Record<string, Tensor>>;
}

/** Held states by variable, made at a variable's first update. */
export class States {
  readonly #held = new Map<string, StateOf>();
  readonly #make: (shape: readonly number[]) => StateOf;
  readonly #draws: Required<OptimizerDraws>;

  constructor(make: (shape: readonly number[]) => StateOf, { seed = 0, prefix = '' }: OptimizerDraws) {
    this.#make = make;
    this.#draws = { seed, prefix };
  }

  of(name: string, shape: readonly number[]): StateOf {
    let held = this.#held.get(name);
    if (held === undefined) {
      held = this.#make(shape);
      this.#held.set(name, held);
    }
    return held;
  }

  /**
   * Gives a variable and its states their new values if all of them are finite.
   * @param step Updates done before.
   * @throws DivergenceError otherwise; then nothing of the variable has changed.
   */
  commit(variable: Variable, { value, states }: Update, step: number): void {
    const { name, shape } = variable;
    const check = (of: 'update' | 'state', tensor: string, given: Tensor): void => {
      const values = given.dataSync();
      const index = firstNotFinite(values);
      if (index >= 0) throw new DivergenceError(of, tensor, step + 1, index, values[index]!);
    };
    check('update', name, value);
    const next = Object.entries(states);
    for (const [state, tensor] of next) check('state', `${name}/${state}`, tensor);
    const held = this.of(name, shape);
    for (const [state, tensor] of next) held[state]!.write(tensor, this.#drawOf(name, state, step));
    variable.assign(value);
  }

  /** The draws of a state: (seed, stream low = step, stream high = FNV-1a-32 of `parameter/state`). */
  #drawOf(variable: string, state: string, step: number): Draw {
    const { seed, prefix } = this.#draws;
    const name = variable.startsWith(prefix) ? variable.slice(prefix.length) : variable;
    return { seed, stream: (BigInt(fnv1a32(`${name}/${state}`)) << 32n) | BigInt(step) };
  }

  get bytes(): number {
    let sum = 0;
    for (const states of this.#held.values()) for (const state of Object.values(states)) sum += state.bytes;
    return sum;
  }

  save(): Map<string, SavedArray> {
    const arrays = new Map<string, SavedArray>();
    for (const [variable, states] of this.#held)
      for (const [name, state] of Object.entries(states))
        for (const [array, saved] of Object.entries(state.save()))
          arrays.set(`${variable}/${name}/${array}`, saved);
    return arrays;
  }

  restore(arrays: ReadonlyMap<string, SavedArray>, shapes: ReadonlyMap<string, readonly number[]>): void {
    this.clear();
    for (const [variable, shape] of shapes) this.of(variable, shape);
    checkArrays('optimizer', this.#ownNames(arrays), this.#ownNames(this.save()));
    for (const [variable, shape] of shapes) {
      const prefix = `${variable}/`;
      const own = [...arrays].filter(([key]) => key.startsWith(prefix));
      for (const [name, state] of Object.entries(this.of(variable, shape))) {
        const inner = `${prefix}${name}/`;
        state.restore(
          Object.fromEntries(
            own.flatMap(([key, saved]) => (key.startsWith(inner) ? [[key.slice(inner.length), saved]] : [])),
          ),
        );
      }
    }
  }

  /** Arrays by names without what variables' names begin with. */
  #ownNames(arrays: ReadonlyMap<string, SavedArray>): Map<string, SavedArray> {
    const { prefix } = this.#draws;
    return new Map(
      [...arrays].map(([name, saved]) => [name.startsWith(prefix) ? name.slice(prefix.length) : name, saved]),
    );
  }

  clear(): void {
    for (const states of this.#held.values()) for (const state of Object.values(states)) state.dispose();
    this.#held.clear();
  }
}

/** The same optimiser, whose steps are heard of however they are taken: by `minimize` or by `applyGradients` alone. */
export function listened<T extends TrainingOptimizer>(tf: TensorFlow, optimizer: T): T {
  const apply = optimizer.applyGradients.bind(optimizer);
  optimizer.applyGradients = (gradients) => listenedStep(tf, optimizer, gradients, apply);
  return optimizer;
}

/** Gradients as TensorFlow.js may give them, in pairs. */
export function entriesOf(
  gradients: NamedTensorMap | { name: string; tensor: Tensor }[],
): [string, Tensor][] {
  return Array.isArray(gradients)
    ? gradients.map(({ name, tensor }) => [name, tensor])
    : Object.entries(gradients);
}

/** The registered variable of a name. Throws ArgumentError if there is none. */
export function variableNamed(tf: TensorFlow, name: string): Variable {
  const variable = tf.engine().registeredVariables[name];
  if (variable === undefined) throw new ArgumentError('gradients', name, 'names of trained variables');
  return variable;
}
