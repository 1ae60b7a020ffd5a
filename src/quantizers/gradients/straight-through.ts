import { newLike } from '../transforms/transform.ts';
import type { GradientData, GradientRule } from './gradient.ts';
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
    pullback: (quantization, given) => {
      const gradient = checkGradient(quantization, given);
      return { x: gradient.slice() as typeof gradient };
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
    pullback: (quantization, given) => {
      const gradient = checkGradient(quantization, given);
      return { x: newLike(gradient) };
    },
    toJSON: (): GradientData => 'none',
  } satisfies GradientRule);
}
