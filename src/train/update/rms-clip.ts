/**
 * What divides the rate of one parameter's step. Source: Wortsman et al., arXiv 2304.13013, algorithm 2 (StableAdamW). In
 * binary64, in the order of the elements.
 */
import type { RmsClip, StepOperatorSpec } from './spec.ts';

/**
 * The root mean square of g / max(sqrt(v), epsilon): about 1 where the second moment v knows how large gradients are.
 * @param squares estimates of the squares of the gradient, times `correction`
 */
export function rmsOf(
  gradient: ArrayLike<number>,
  squares: ArrayLike<number>,
  correction: number,
  epsilon = 1e-8,
): number {
  let sum = 0;
  for (let i = 0; i < gradient.length; i++)
    sum += (gradient[i]! * gradient[i]!) / Math.max(squares[i]! / correction, epsilon * epsilon);
  return Math.sqrt(sum / gradient.length);
}

function rmsDivisor(rms: (epsilon?: number) => number, { limit = 1, epsilon }: RmsClip): number {
  return Math.max(1, rms(epsilon) / limit);
}

/**
 * The number that the operators together divide the rate by.
 * @param squares estimates of the squares of the gradient, times `correction`
 */
export function stepDivisor(
  operators: readonly StepOperatorSpec[],
  gradient: ArrayLike<number>,
  squares: ArrayLike<number>,
  correction: number,
): number {
  const rms = (epsilon?: number): number => rmsOf(gradient, squares, correction, epsilon);
  return operators.reduce((divisor, spec) => divisor * rmsDivisor(rms, spec), 1);
}
