/**
 * Stochastic gradient descent with momentum, m <- momentum m + g and w <- w - rate m, or with Nesterov's, w <- w - rate
 * (g + momentum m), which look ahead by a step. Without momentum no state is kept. Weight decay is decoupled.
 * Source: Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013.
 */
import { checkTensorFlow } from '../../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { lossInMomentum } from './feedback.ts';
import type { Given, Move, OptimizerOptions, Rule, TrainingOptimizer } from './optimizer.ts';
import { optimizerFrom } from './rule-optimizer.ts';
import { defaultSgd, type GivenSettings, type SgdSettings, settled } from './settings.ts';
import { holdState } from './state-codec.ts';
import type { MomentCodecs, StateOf } from './states.ts';

export class SgdRule implements Rule {
  readonly className = 'SGDMomentum';
  readonly learningRate = 1e-2;
  readonly #tf: TensorFlow;
  settings: SgdSettings;
  /** Whether there is a momentum, which a curve may make 0 at times. */
  readonly #isHeld: boolean;
  counters: Readonly<Record<string, number>> = { iterations: 0 };

  constructor(tf: TensorFlow, settings: SgdSettings) {
    this.#tf = tf;
    this.settings = settings;
    this.#isHeld = settings.momentum !== 0;
  }

  states(shape: readonly number[], { first }: MomentCodecs): StateOf {
    return this.#isHeld ? { first: holdState(this.#tf, shape, true, first) } : {};
  }

  begin(): (given: Given) => Move {
    const tf = this.#tf;
    const { momentum, nesterov } = this.settings;
    this.counters = { iterations: this.counters['iterations']! + 1 };
    return ({ gradient, states }) => {
      if (!this.#isHeld) return { states: {}, step: (rate) => tf.mul(gradient, rate) };
      const first = tf.add(tf.mul(states['first']!.read(), momentum), gradient);
      const direction = nesterov ? tf.add(gradient, tf.mul(first, momentum)) : first;
      // Nesterov's steps have one factor of the momentum more.
      const taken = nesterov ? momentum : 1;
      return {
        states: { first },
        step: (rate) => tf.mul(direction, rate),
        feedBack: (rate, lost) => tf.mul(lost, lossInMomentum(momentum) / (rate * taken)),
      };
    };
  }
}

/**
 * Makes an optimiser by gradient descent of the given TensorFlow.js, for `model.compile`, `minimize`, or a loop.
 * @param settings fields that differ from {@link defaultSgd}
 * @throws ArgumentError naming the field that is wrong
 */
export function sgd(
  tf: TensorFlow,
  settings: GivenSettings<SgdSettings> = {},
  options: OptimizerOptions = {},
): TrainingOptimizer {
  checkTensorFlow(tf, settings);
  const all = settled(defaultSgd, settings);
  return optimizerFrom(tf, new SgdRule(tf, all), all, options);
}
