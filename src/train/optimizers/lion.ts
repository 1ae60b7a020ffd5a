/**
 * Lion: steps of one size, whose signs are those of beta1 m + (1 - beta1) g; the momentum is m <- beta2 m + (1 - beta2) g. It
 * keeps one state. Weight decay is decoupled.
 * Source: Chen et al., "Symbolic discovery of optimization algorithms", arXiv 2302.06675, algorithm 2.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { checkTensorFlow } from '../../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { Given, Move, OptimizerOptions, Rule, TrainingOptimizer } from './optimizer.ts';
import { optimizerFrom } from './rule-optimizer.ts';
import { defaultLion, type GivenSettings, type LionSettings, settled } from './settings.ts';
import { holdState } from './state-codec.ts';
import type { MomentCodecs, StateOf } from './states.ts';

/** Signs: of small numbers as well, which `tf.sign` takes for 0 on the wasm backend (1e-8 and less). */
function signs(tf: TensorFlow, x: Tensor): Tensor {
  return tf.tensor((x.dataSync() as Float32Array).map(Math.sign), x.shape);
}

export class LionRule implements Rule {
  readonly className = 'Lion';
  readonly learningRate = 1e-4;
  readonly #tf: TensorFlow;
  settings: LionSettings;
  counters: Readonly<Record<string, number>> = { iterations: 0 };

  constructor(tf: TensorFlow, settings: LionSettings) {
    this.#tf = tf;
    this.settings = settings;
  }

  states(shape: readonly number[], { first }: MomentCodecs): StateOf {
    return { first: holdState(this.#tf, shape, true, first) };
  }

  begin(): (given: Given) => Move {
    const tf = this.#tf;
    const { beta1, beta2 } = this.settings;
    this.counters = { iterations: this.counters['iterations']! + 1 };
    return ({ gradient, states }) => {
      const held = states['first']!.read();
      const mixed = (beta: number) => tf.add(tf.mul(held, beta), tf.mul(gradient, 1 - beta));
      const direction = signs(tf, mixed(beta1));
      return { states: { first: mixed(beta2) }, step: (rate) => tf.mul(direction, rate) };
    };
  }
}

/**
 * Makes a Lion optimiser of the given TensorFlow.js, for `model.compile`, `minimize`, or a loop.
 * @param settings fields that differ from {@link defaultLion}
 * @throws ArgumentError naming the field that is wrong
 */
export function lion(
  tf: TensorFlow,
  settings: GivenSettings<LionSettings> = {},
  options: OptimizerOptions = {},
): TrainingOptimizer {
  checkTensorFlow(tf, settings);
  const all = settled(defaultLion, settings);
  return optimizerFrom(tf, new LionRule(tf, all), all, options);
}
