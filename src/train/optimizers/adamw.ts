/**
 * AdamW as TensorFlow.js operations in float32, its moments held as their codecs say. The optimiser applies the step
 * that it is given; schedules are elsewhere.
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
 */
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { checkSchema } from '../../schema.ts';
import { checkTensorFlow } from '../../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { optimizerSchema } from '../recipe-schema.ts';
import {
  entriesOf,
  listened,
  type OptimizerDraws,
  type OptimizerState,
  States,
  type TrainingOptimizer,
  variableNamed,
} from './optimizer.ts';
import type { AdamWSettings } from './settings.ts';
import { holdState } from './state-codec.ts';

/** Makes an AdamW optimiser of the given TensorFlow.js. */
export function adamW(
  tf: TensorFlow,
  settings: AdamWSettings,
  draws: OptimizerDraws = {},
): TrainingOptimizer {
  checkTensorFlow(tf, settings);
  checkSchema('settings', settings, optimizerSchema);
  const { beta1, beta2, epsilon, weightDecay, decay: placement = 'before' } = settings;

  class AdamWOptimizer extends tf.Optimizer implements TrainingOptimizer {
    static readonly className: string = 'AdamW';
    learningRate = 0;
    decayFactor = 1;
    step = 0;
    readonly #states = new States(
      (shape) => ({
        first: holdState(tf, shape, true, settings.first),
        second: holdState(tf, shape, false, settings.second),
      }),
      draws,
    );
    #beta1Power = 1;
    #beta2Power = 1;

    get stateBytes(): number {
      return this.#states.bytes;
    }

    applyGradients(gradients: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
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
          decay: tf.scalar(1 - this.learningRate * weightDecay * this.decayFactor),
        };
        for (const [name, gradient] of entriesOf(gradients)) this.#update(name, gradient, scalars);
      });
      this.step++;
      this.incrementIterations();
    }

    #update(
      name: string,
      gradient: Tensor,
      scalars: Record<'keep1' | 'take1' | 'keep2' | 'take2' | 'epsilon' | 'rate' | 'decay', Tensor>,
    ): void {
      const variable = variableNamed(tf, name);
      const states = this.#states.of(name, variable.shape);
      const { keep1, take1, keep2, take2, rate, decay } = scalars;
      const first = tf.add(tf.mul(states['first']!.read(), keep1), tf.mul(gradient, take1));
      const second = tf.add(tf.mul(states['second']!.read(), keep2), tf.mul(tf.square(gradient), take2));
      const step = tf.div(first, tf.add(tf.sqrt(second), scalars.epsilon));
      const decays = variable.rank >= 2 && weightDecay * this.decayFactor > 0;
      const before = decays && placement === 'before' ? tf.mul(variable, decay) : variable;
      const moved = tf.sub(before, tf.mul(step, rate));
      const value = decays && placement === 'after' ? tf.mul(moved, decay) : moved;
      this.#states.commit(variable, { value, states: { first, second } }, this.step);
    }

    reset(): void {
      this.#states.clear();
      this.#beta1Power = 1;
      this.#beta2Power = 1;
      this.iterations_ = 0;
    }

    save(): OptimizerState {
      return {
        counters: {
          beta1Power: this.#beta1Power,
          beta2Power: this.#beta2Power,
          iterations: this.iterations,
          step: this.step,
        },
        arrays: this.#states.save(),
      };
    }

    restore({ counters, arrays }: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void {
      this.#states.restore(arrays, shapes);
      this.#beta1Power = counters['beta1Power'] ?? 1;
      this.#beta2Power = counters['beta2Power'] ?? 1;
      this.iterations_ = counters['iterations'] ?? 0;
      this.step = counters['step'] ?? this.iterations_;
    }

    override dispose(): void {
      this.reset();
    }

    getConfig(): Record<string, number> {
      return { learningRate: this.learningRate, beta1, beta2, epsilon, weightDecay };
    }
  }
  return listened(tf, new AdamWOptimizer());
}
