/**
 * What every optimiser of this library is: a `tf.Optimizer` whose state can be held in few bits, dropped, saved and restored,
 * and the rule that tells one from another. What all of them share is rule-optimizer.ts.
 */
import type { NamedTensorMap, Optimizer, Tensor, Variable } from '@tensorflow/tfjs';
import { checkObject, checkString, pathOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { Curve } from '../curve.ts';
import type { Schedule } from '../schedule.ts';
import type { SavedArray, WeightStoreSpec } from '../stores/index.ts';
import type { ProjectSpec, StepOperatorSpec } from '../update/spec.ts';
import type { OptimizerSettings } from './settings.ts';
import type { MomentCodecs, OptimizerDraws, StateOf } from './states.ts';

/** The state of an optimiser as a checkpoint holds it. */
export interface OptimizerState {
  /** Powers of the betas, number of steps. */
  readonly counters: Readonly<Record<string, number>>;
  /** Arrays of `variable name / state / array`. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

/** Whoever looks at the steps of an optimiser. */
export interface StepLook {
  /** A variable before its step, and the gradient that the optimiser was given. */
  gradient(variable: Variable, gradient: Tensor): void;
  /** A state by its name that is not held in float32: what it was to be, and what is held. */
  state(name: string, next: Tensor, held: Tensor): void;
}

/**
 * A TensorFlow.js optimiser whose state can be dropped, saved and restored.
 * `applyGradients` throws DivergenceError in place of an update or state that is not finite.
 */
export interface TrainingOptimizer extends Optimizer {
  /** Of the next step; a schedule sets it by itself. */
  learningRate: number;
  /** Updates done before the next one. It counts by itself, and `reset` leaves it; a loop may set it. */
  step: number;
  /** Multiplies the weight decay: 1 unless a schedule says otherwise. */
  decayFactor: number;
  /** While it is a map, steps put in it the root mean square of each variable's g / sqrt(v), where the rule has a second moment v. */
  rms?: Map<string, number> | undefined;
  /** Sees what steps do; for probes. */
  look?: StepLook | undefined;
  /** Bytes of state held now. */
  readonly stateBytes: number;
  /** Forgets the moments and the number of steps, as if no step had been taken. */
  reset(): void;
  save(): OptimizerState;
  /** Takes a state up; `shapes` has the shape of each variable. Throws ArgumentError if it does not fit. */
  restore(state: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void;
}

/** What an optimiser may be given beside its settings. */
export interface OptimizerOptions extends OptimizerDraws {
  /** The learning rate, the peak of the schedule where there is one. Default 0.001; lion 0.0001, sgd 0.01. */
  readonly learningRate?: number;
  /** Factors on the rate over `steps` steps. Default: the rate stays. */
  readonly schedule?: Schedule;
  /** The same for the weight decay. */
  readonly decaySchedule?: Schedule;
  /** Settings that change from step to step, by field: `beta1`, `epsilon`. Over `steps` steps. */
  readonly values?: Readonly<Record<string, Curve>>;
  /** Length of the schedules and curves. */
  readonly steps?: number;
  /** How updated variables are written back, all of them. Default float32. */
  readonly store?: WeightStoreSpec;
  /** What each variable's step goes through, in this order. Default: nothing. */
  readonly stepOperators?: readonly StepOperatorSpec[];
  /** Gradients of matrices in fewer dimensions, where the moments are kept. Default: as they are. */
  readonly project?: ProjectSpec;
}

/** What a recipe decides for the optimiser that it makes, by the variable. */
export interface Governor {
  /** What a variable is called where random integers are drawn for it, wherever the program gives it another name. */
  nameOf(variable: string): string;
  /** @param isLast of the last step, not of the next one */
  settingsOf(variable: string, isLast?: boolean): MomentCodecs & { readonly weightDecay?: number };
  /** The rate of a variable's next step, where it has one of its own. */
  rateOf(variable: string): number | undefined;
  /** Whether a variable is a weight inside the blocks. */
  isLinear(variable: string): boolean;
  /** Whether some store needs the momentum. */
  readonly feedsBack: boolean;
  /** As {@link WriteBack}. */
  readonly writeBack: WriteBack;
}

/** Takes an updated value to the variable's store, if it has one: what the variable is to have in its place. */
export type WriteBack = (
  variable: Variable,
  updated: Tensor,
) => { readonly kept: Tensor; readonly feedsBack: boolean } | undefined;

/** What a rule is given of one variable. */
export interface Given {
  readonly gradient: Tensor;
  readonly states: StateOf;
  readonly variable: Variable;
  /** Where nobody needs the parts of a step: what it does beside the rule. */
  readonly atOnce?: Decayed | undefined;
}

/** The rate of a step, and what is left of a weight beside it. */
export interface Decayed {
  readonly rate: number;
  /** Undefined where weights do not decay. */
  readonly left: number | undefined;
  readonly decaysAfter: boolean;
}

/** A step in one. */
export interface WholeMove {
  /** What the variable is to be. */
  readonly value: Tensor;
  /** Gives the states what they are to hold. */
  commit(): void;
}

/** What a rule makes of it. */
export interface Move {
  readonly states: Readonly<Record<string, Tensor>>;
  /** What is subtracted from the variable. */
  step(rate: number): Tensor;
  /** Estimate of the gradient's square, times `correction`. */
  readonly second?: { readonly estimate: Tensor; readonly correction: number };
  /** What the first moment needs more so that later steps add up to `lost`. */
  feedBack?(rate: number, lost: Tensor): Tensor;
}

/** What tells one optimiser from another. Its methods run inside `tf.tidy`. */
export interface Rule {
  /** `AdamW` */
  readonly className: string;
  readonly learningRate: number;
  /** Those of the next step. */
  settings: OptimizerSettings;
  /** States that begin as zeros, for gradients of a shape. */
  states(shape: readonly number[], codecs: MomentCodecs): StateOf;
  /** Begins a step of all variables. */
  begin(): (given: Given) => Move | WholeMove;
  counters: Readonly<Record<string, number>>;
}

const gradientsWords = 'gradients by the names of variables';

/** A tensor; null where a variable has no gradient. */
function checkTensor(path: string, given: Tensor): Tensor {
  const isTensor = Array.isArray(given?.shape) && typeof given.dataSync === 'function';
  if (given != null && !isTensor) throw new ArgumentError(path, given, 'a tensor');
  return given;
}

/** Gradients as TensorFlow.js may give them, in pairs. Throws ArgumentError naming what is none. */
export function entriesOf(
  gradients: NamedTensorMap | { name: string; tensor: Tensor }[],
): [string, Tensor][] {
  if (!Array.isArray(gradients))
    return Object.entries(checkObject('gradients', gradients, gradientsWords) as NamedTensorMap).map(
      ([name, tensor]) => [name, checkTensor(pathOf('gradients', name), tensor)],
    );
  return gradients.map((each, i) => {
    const path = pathOf('gradients', i);
    const { name, tensor } = checkObject(path, each, gradientsWords) as (typeof gradients)[number];
    return [checkString(`${path}.name`, name), checkTensor(`${path}.tensor`, tensor)];
  });
}

/** The registered variable of a name. Throws ArgumentError if there is none. */
export function variableNamed(tf: TensorFlow, name: string): Variable {
  const { registeredVariables } = tf.engine();
  const variable = Object.hasOwn(registeredVariables, name) ? registeredVariables[name] : undefined;
  if (variable === undefined) throw new ArgumentError('gradients', name, 'names of trained variables');
  return variable;
}
