/**
 * What every optimiser of the training loop offers, and the state that all of them keep: held tensors by parameter,
 * and counters. Which update they make is in the other files.
 */
import type { NamedTensorMap, Optimizer, Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { SavedArray } from '../stores/index.ts';
import type { HeldState } from './state-codec.ts';

/** The state of an optimiser as a checkpoint holds it. */
export interface OptimizerState {
  /** Powers of the betas, number of steps. */
  readonly counters: Readonly<Record<string, number>>;
  /** Arrays of `variable name / state / array`. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

/** A TensorFlow.js optimiser whose rate is set from outside and whose state can be dropped, saved and restored. */
export interface TrainingOptimizer extends Optimizer {
  learningRate: number;
  /** Multiplies the weight decay: 1 unless a schedule says otherwise. */
  decayFactor: number;
  /** Bytes of state held now. */
  readonly stateBytes: number;
  /** Forgets the moments and the number of steps, as if no step had been taken. */
  reset(): void;
  save(): OptimizerState;
  /** Takes a state up; `shapes` has the shape of each variable. Throws Error if it does not fit. */
  restore(state: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void;
}

/** The state tensors of one variable, by name. */
export type StateOf = Readonly<Record<string, HeldState>>;

/** Held states by variable, made at a variable's first update. */
export class States {
  readonly #held = new Map<string, StateOf>();
  readonly #make: (shape: readonly number[]) => StateOf;

  constructor(make: (shape: readonly number[]) => StateOf) {
    this.#make = make;
  }

  of(name: string, shape: readonly number[]): StateOf {
    let held = this.#held.get(name);
    if (held === undefined) {
      held = this.#make(shape);
      this.#held.set(name, held);
    }
    return held;
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
    for (const [variable, shape] of shapes) {
      const prefix = `${variable}/`;
      const own = [...arrays].filter(([key]) => key.startsWith(prefix));
      if (own.length === 0) continue;
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

  clear(): void {
    for (const states of this.#held.values()) for (const state of Object.values(states)) state.dispose();
    this.#held.clear();
  }
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
