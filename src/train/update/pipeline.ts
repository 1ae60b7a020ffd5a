/**
 * The operators that a run's gradients go through before an optimiser has them, with their states. A loss scale multiplies what
 * gradients begin with for as long as the pipeline is in force.
 */
import type { NamedTensorMap, Variable } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../tfjs/index.ts';
import { scaleGradients } from '../../tfjs/loss-scale.ts';
import type { SavedArray } from '../stores/index.ts';
import {
  type GradientOperator,
  type LossScaler,
  lossScaler,
  type OperatedParameter,
  operatorOf,
  type ParameterOf,
} from './operators.ts';
import type { GradientOperatorSpec } from './spec.ts';

interface PipelineContext {
  readonly parameters: readonly OperatedParameter[];
  readonly parameterOf: ParameterOf;
  readonly variables: () => Iterable<Variable>;
  /** Whether gradients are taken for a step at present, not for a probe. */
  readonly isTraining: () => boolean;
}

export class GradientPipeline {
  readonly #operators: readonly GradientOperator[];
  readonly #scaler: LossScaler | undefined;
  readonly #undo: (() => void) | undefined;

  constructor(tf: TensorFlow, specs: readonly GradientOperatorSpec[], context: PipelineContext) {
    const { parameters, parameterOf, variables, isTraining } = context;
    let scaler: LossScaler | undefined;
    this.#operators = specs.map((spec) => {
      if (spec.kind !== 'lossScale') return operatorOf(tf, spec, parameters, parameterOf);
      scaler = lossScaler(tf, spec);
      return scaler;
    });
    this.#scaler = scaler;
    if (scaler !== undefined)
      this.#undo = scaleGradients(tf, variables, () => (isTraining() ? scaler!.scale : 1));
  }

  /** What gradients are multiplied by until they come here; undefined: they are as they are, and have to be finite. */
  get scale(): number | undefined {
    return this.#scaler?.scale;
  }

  /** Gradients by the variables' names; null: the step is left out. Call inside `tf.tidy`. */
  apply(gradients: NamedTensorMap): NamedTensorMap | null {
    let given: NamedTensorMap | null = gradients;
    for (const operator of this.#operators) {
      if (given === null) return null;
      given = operator.apply(given);
    }
    return given;
  }

  /** Arrays by `operator/parameter/name`. */
  save(): Map<string, SavedArray> {
    return new Map(
      this.#operators.flatMap((operator, i) =>
        [...operator.save()].map(([name, saved]) => [`${i}/${name}`, saved] as const),
      ),
    );
  }

  /** Takes up arrays of the names, types and shapes that `save` gives. */
  restore(arrays: ReadonlyMap<string, SavedArray>): void {
    this.#operators.forEach((operator, i) => {
      const prefix = `${i}/`;
      const own = [...arrays].filter(([key]) => key.startsWith(prefix));
      operator.restore(new Map(own.map(([key, saved]) => [key.slice(prefix.length), saved])));
    });
  }

  /** Gradients begin with 1 again. */
  stop(): void {
    this.#undo?.();
  }
}
