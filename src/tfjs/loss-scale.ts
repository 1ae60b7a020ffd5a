/**
 * The scale that gradients begin with in place of 1, and the rule that keeps it in range.
 * Source: Micikevicius et al., Mixed Precision Training, ICLR 2018, section 3.2; the dynamic rule is the one in common use.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { exponentOf, powerOfTwo } from '../binary64.ts';
import { ArgumentError } from '../errors.ts';
import { engineOf, type TensorFlow } from './internals.ts';
import { replaceProperty } from './tape.ts';

/** What {@link isPowerOfTwo} takes, in words. */
export const powerOfTwoWords = 'a power of two, 2^-126 to 2^127';

/** Whether a scale is exact: multiplication by it, and division, round nothing but what leaves the range. */
export function isPowerOfTwo(given: unknown): given is number {
  if (typeof given !== 'number' || !(given >= 2 ** -126 && given <= 2 ** 127)) return false;
  return given === powerOfTwo(exponentOf(given));
}

/** See {@link isPowerOfTwo}. Throws ArgumentError. */
export function checkPowerOfTwo(path: string, given: unknown): number {
  if (!isPowerOfTwo(given)) throw new ArgumentError(path, given, powerOfTwoWords);
  return given;
}

/** Plain data. */
export interface LossScalingState {
  readonly scale: number;
  /** Finite steps since the scale last changed. */
  readonly finiteSteps: number;
  /** Steps left out so far. */
  readonly skipped: number;
}

/** How a scale changes. */
export interface ScaleRule {
  readonly dynamic: boolean;
  readonly growthInterval: number;
  readonly smallest: number;
  readonly largest: number;
}

/** The state after a step whose gradients were all finite, or were not. */
export function nextScale(
  { scale, finiteSteps, skipped }: LossScalingState,
  areFinite: boolean,
  { dynamic, growthInterval, smallest, largest }: ScaleRule,
): LossScalingState {
  if (!areFinite) {
    const next = dynamic ? Math.max(smallest, scale / 2) : scale;
    return { scale: next, finiteSteps: 0, skipped: skipped + 1 };
  }
  if (dynamic && finiteSteps + 1 >= growthInterval)
    return { scale: Math.min(largest, 2 * scale), finiteSteps: 0, skipped };
  return { scale, finiteSteps: finiteSteps + 1, skipped };
}

/** The same function, whose gradient is multiplied by the scale. */
export function scaledLoss<T extends Tensor>(tf: TensorFlow, f: () => T, scale: number): () => T {
  const scaled = tf.customGrad((loss) => ({
    value: (loss as Tensor).clone(),
    gradFunc: (dy: Tensor) => tf.mul(dy, scale),
  }));
  return () => scaled(f()) as T;
}

/**
 * Multiplies what outermost gradients with respect to any of the variables begin with, until the function that is returned is
 * called. A gradient that is given what to begin with is left alone.
 */
export function scaleGradients(
  tf: TensorFlow,
  variables: () => Iterable<Variable>,
  scale: () => number,
): () => void {
  const engine = engineOf(tf);
  const { gradients } = engine;
  return replaceProperty(engine, 'gradients', function (f, xs, dy, ...rest) {
    const own = new Set<Tensor>(variables());
    const factor = scale();
    const isScaled =
      factor !== 1 && this.state.gradientDepth === 0 && (dy ?? null) === null && xs.some((x) => own.has(x));
    return gradients.call(this, isScaled ? scaledLoss(tf, f, factor) : f, xs, dy, ...rest);
  });
}
