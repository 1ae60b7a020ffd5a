/**
 * The straight-through rule and its absence. Source: Bengio, Leonard, Courville, "Estimating or propagating gradients through
 * stochastic neurons for conditional computation", arXiv 1308.3432, section 5.
 */
import type { RealArray } from '../../operations/conversions.ts';
import { newLike } from '../transforms/transform.ts';
import type { GradientData, GradientRule, Gradients, Quantization } from './gradient.ts';
import { checkGradient } from './grouped.ts';

/**
 * The gradient unchanged, as if the quantiser were the identity; BitNet's rule, saturated elements included.
 *
 * @example
 * straightThrough().pullback(quantization, g).x; // a copy of g
 */
export function straightThrough(): GradientRule {
  return Object.freeze({
    name: 'straight-through',
    pullback: <A extends RealArray>(quantization: Quantization, given: A): Gradients<A> => {
      const gradient = checkGradient(quantization, given);
      return { x: gradient.slice() as A };
    },
    toJSON: (): GradientData => 'straight-through',
  } satisfies GradientRule);
}

/**
 * No gradient: 0 everywhere, the true derivative of rounding. For tensors that are stored in low precision and written with
 * rounding, instead of being quantised on the way through.
 */
export function noGradient(): GradientRule {
  return Object.freeze({
    name: 'none',
    pullback: <A extends RealArray>(quantization: Quantization, given: A): Gradients<A> => {
      const gradient = checkGradient(quantization, given);
      return { x: newLike(gradient) };
    },
    toJSON: (): GradientData => 'none',
  } satisfies GradientRule);
}
