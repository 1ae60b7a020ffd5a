/**
 * AdamW and gradient clipping as TensorFlow.js operations in float32. The optimiser applies the step that it is given;
 * schedules are elsewhere.
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
 */
import type { NamedTensorMap, Optimizer, Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import type { TensorFlow } from '../tfjs/index.ts';

export interface AdamWSettings {
  readonly kind: 'adamw';
  /** Decay of the running mean of the gradient, in [0, 1). */
  readonly beta1: number;
  /** Decay of the running mean of its square, in [0, 1). */
  readonly beta2: number;
  /** Added to the root of the second moment; positive. */
  readonly epsilon: number;
  /** Decoupled decay, per unit of learning rate, of the parameters with two or more axes. */
  readonly weightDecay: number;
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  readonly clipNorm: number;
}

/** Betas 0.9 and 0.95, epsilon 1e-8, weight decay 0.1, clipping at 1. */
export const defaultOptimizer: AdamWSettings = {
  kind: 'adamw',
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
};

/** Throws ArgumentError naming the field, prefixed by `path`, if the settings are not valid. */
export function checkOptimizer(settings: AdamWSettings, path: string): void {
  if (settings.kind !== 'adamw') throw new ArgumentError(`${path}.kind`, settings.kind, 'adamw');
  for (const field of ['beta1', 'beta2'] as const)
    if (!(settings[field] >= 0 && settings[field] < 1))
      throw new ArgumentError(`${path}.${field}`, settings[field], 'a number from 0 to below 1');
  for (const field of ['epsilon', 'clipNorm'] as const)
    if (!(settings[field] > 0))
      throw new ArgumentError(`${path}.${field}`, settings[field], 'a positive number');
  if (!(settings.weightDecay >= 0))
    throw new ArgumentError(`${path}.weightDecay`, settings.weightDecay, 'a number from 0');
}

/** A TensorFlow.js optimiser whose rate is set from outside and whose state can be dropped. */
export interface AdamW extends Optimizer {
  learningRate: number;
  /** Forgets both moments and the number of steps, as if no step had been taken. */
  reset(): void;
}

/** Makes an AdamW optimiser of the given TensorFlow.js. */
export function adamW(tf: TensorFlow, settings: AdamWSettings): AdamW {
  const { beta1, beta2, epsilon, weightDecay } = settings;

  class AdamWOptimizer extends tf.Optimizer implements AdamW {
    static readonly className: string = 'AdamW';
    learningRate = 0;
    readonly #moments = new Map<string, { readonly first: Variable; readonly second: Variable }>();
    #beta1Power = 1;
    #beta2Power = 1;

    applyGradients(gradients: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
      const entries: [string, Tensor][] = Array.isArray(gradients)
        ? gradients.map(({ name, tensor }) => [name, tensor])
        : Object.entries(gradients);
      this.#beta1Power *= beta1;
      this.#beta2Power *= beta2;
      // m^ / (sqrt(v^) + epsilon) with both bias corrections taken out of the array operations.
      const correction = Math.sqrt(1 - this.#beta2Power);
      tf.tidy(() => {
        const scalars = {
          keep1: tf.scalar(beta1),
          take1: tf.scalar(1 - beta1),
          keep2: tf.scalar(beta2),
          take2: tf.scalar(1 - beta2),
          epsilon: tf.scalar(epsilon * correction),
          rate: tf.scalar((this.learningRate * correction) / (1 - this.#beta1Power)),
          decay: tf.scalar(1 - this.learningRate * weightDecay),
        };
        for (const [name, gradient] of entries) this.#update(name, gradient, scalars);
      });
      this.incrementIterations();
    }

    #update(name: string, gradient: Tensor, scalars: Record<string, Tensor>): void {
      const variable = tf.engine().registeredVariables[name];
      if (variable === undefined) throw new ArgumentError('gradients', name, 'names of trained variables');
      const { first, second } = this.#state(name, variable);
      const { keep1, take1, keep2, take2, rate, decay } = scalars as Record<string, Tensor> & {
        [K in 'keep1' | 'take1' | 'keep2' | 'take2' | 'rate' | 'decay']: Tensor;
      };
      first.assign(tf.add(tf.mul(first, keep1), tf.mul(gradient, take1)));
      second.assign(tf.add(tf.mul(second, keep2), tf.mul(tf.square(gradient), take2)));
      const step = tf.div(first, tf.add(tf.sqrt(second), scalars['epsilon']!));
      const decayed = variable.rank >= 2 && weightDecay > 0 ? tf.mul(variable, decay) : variable;
      variable.assign(tf.sub(decayed, tf.mul(step, rate)));
    }

    #state(name: string, variable: Variable): { first: Variable; second: Variable } {
      const known = this.#moments.get(name);
      if (known !== undefined) return known;
      const zeros = tf.zerosLike(variable);
      const fresh = { first: tf.variable(zeros, false), second: tf.variable(zeros, false) };
      this.#moments.set(name, fresh);
      return fresh;
    }

    reset(): void {
      for (const { first, second } of this.#moments.values()) {
        first.dispose();
        second.dispose();
      }
      this.#moments.clear();
      this.#beta1Power = 1;
      this.#beta2Power = 1;
      this.iterations_ = 0;
    }

    override dispose(): void {
      this.reset();
    }

    getConfig(): Record<string, number> {
      return { learningRate: this.learningRate, beta1, beta2, epsilon, weightDecay };
    }
  }
  return new AdamWOptimizer();
}

/**
 * Scales gradients so that their global Euclidean norm is at most `limit`. Call inside `tf.tidy`.
 * @returns The norm before clipping, and the gradients (the given ones where nothing had to be done).
 */
export function clipByGlobalNorm(
  tf: TensorFlow,
  gradients: NamedTensorMap,
  limit: number,
): { norm: number; gradients: NamedTensorMap } {
  const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
  const norm = Math.sqrt(tf.addN(squares).dataSync()[0]!);
  if (!(norm > limit)) return { norm, gradients };
  const scale = tf.scalar(limit / norm);
  const scaled = Object.entries(gradients).map(
    ([name, gradient]) => [name, tf.mul(gradient, scale)] as const,
  );
  return { norm, gradients: Object.fromEntries(scaled) };
}
