/**
 * Divergence: where a run ceases to be numbers. It is an outcome of a run, as its loss is, and ends it: what comes after a
 * number that is not finite says nothing about the recipe, and some layers (ReLU) hide it from the loss.
 */
import { checkFields, checkString, integerInRange, oneOf } from '../check.ts';
import { describe } from '../errors.ts';

/** What was not finite: the loss of a batch, a gradient, a parameter after its update, an optimiser's state, the validation loss. */
type DivergedQuantity = (typeof divergedQuantities)[number];
const divergedQuantities = ['loss', 'gradient', 'update', 'state', 'validation loss'] as const;

export interface Divergence {
  /** Steps done, the one included in which it happened. */
  readonly step: number;
  readonly of: DivergedQuantity;
  /** As in DivergenceError: `layers.0.mlp.up`, or of the state, `layers.0.mlp.up/second`; null for losses. */
  readonly tensor: string | null;
}

/** Thrown by optimisers in place of an update that is not finite: the parameter and its state stay as they were. */
export class DivergenceError extends Error {
  readonly of: 'update' | 'state';
  /** Name of the parameter or of what a quantiser learns, with `/` and the state's name where it is a state. */
  readonly tensor: string;
  /** Number of the update, from 1. */
  readonly step: number;

  constructor(of: 'update' | 'state', tensor: string, step: number, index: number, value: number) {
    super(`step ${step}: the ${of} of ${describe(tensor)} is not finite: element ${index} is ${value}`);
    this.name = 'DivergenceError';
    this.of = of;
    this.tensor = tensor;
    this.step = step;
  }
}

/** The index of the first NaN or infinity; -1 if there is none. */
export function firstNotFinite(values: ArrayLike<number>): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

/** `step 120: the update of layers.0.mlp.up is not finite`. */
export function divergenceInWords(divergence: Divergence): string {
  checkFields('divergence', divergence ?? null, ['step', 'of', 'tensor']);
  const { step, of, tensor } = divergence;
  integerInRange('divergence.step', step, 0, Number.MAX_SAFE_INTEGER);
  oneOf('divergence.of', of, divergedQuantities);
  if (tensor !== null) checkString('divergence.tensor', tensor);
  return `step ${step}: the ${of}${tensor === null ? '' : ` of ${tensor}`} is not finite`;
}
