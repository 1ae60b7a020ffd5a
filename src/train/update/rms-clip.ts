/**
 * What divides the rate of one parameter's step. Source: Wortsman et al., arXiv 2304.13013, algorithm 2 (StableAdamW). In
 * binary64, in the order of the elements.
 */
import type { RmsClip, StepOperatorSpec } from './spec.ts';

function rmsDivisor(
  gradient: ArrayLike<number>,
  squares: ArrayLike<number>,
  correction: number,
  { limit = 1, epsilon = 1e-8 }: RmsClip,
): number {
  let sum = 0;
  for (let i = 0; i < gradient.length; i++)
    sum += (gradient[i]! * gradient[i]!) / Math.max(squares[i]! / correction, epsilon * epsilon);
  return Math.max(1, Math.sqrt(sum / gradient.length) / limit);
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
  return operators.reduce((divisor, spec) => divisor * rmsDivisor(gradient, squares, correction, spec), 1);
}
