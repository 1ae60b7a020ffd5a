/**
 * AdamW as TensorFlow.js operations in float32, its moments held as their codecs say.
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { checkTensorFlow } from '../../tfjs/check-tensorflow.ts';
import { isWasmBackend, kernelsOf, pointerOf, tensorOf } from '../../tfjs/heap.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { backendOf } from '../../tfjs/internals.ts';
import { lossInMomentum } from './feedback.ts';
import type {
  Decayed,
  Given,
  Move,
  OptimizerOptions,
  Rule,
  TrainingOptimizer,
  WholeMove,
} from './optimizer.ts';
import { adamExpanded } from './range-expansion.ts';
import { optimizerFrom } from './rule-optimizer.ts';
import { type AdamWSettings, defaultOptimizer, type GivenSettings, settled } from './settings.ts';
import { holdState } from './state-codec.ts';
import type { MomentCodecs, StateOf } from './states.ts';

export class AdamWRule implements Rule {
  readonly className = 'AdamW';
  readonly learningRate = 1e-3;
  readonly #tf: TensorFlow;
  settings: AdamWSettings;
  counters: Readonly<Record<string, number>> = { beta1Power: 1, beta2Power: 1, iterations: 0 };

  constructor(tf: TensorFlow, settings: AdamWSettings) {
    this.#tf = tf;
    this.settings = settings;
  }

  states(shape: readonly number[], { first, second }: MomentCodecs): StateOf {
    const tf = this.#tf;
    return { first: holdState(tf, shape, true, first), second: holdState(tf, shape, false, second) };
  }

  begin(): (given: Given) => Move | WholeMove {
    const tf = this.#tf;
    const { beta1, beta2, epsilon } = this.settings;
    const { iterations } = this.counters;
    const beta1Power = this.counters['beta1Power']! * beta1;
    const beta2Power = this.counters['beta2Power']! * beta2;
    this.counters = { beta1Power, beta2Power, iterations: iterations! + 1 };
    // m^ / (sqrt(v^) + epsilon) with both bias corrections taken out of the array operations.
    const correction = Math.sqrt(1 - beta2Power);
    const constants = {
      ...{ keep1: beta1, take1: 1 - beta1, keep2: beta2, take2: 1 - beta2 },
      added: epsilon * correction,
    };
    let scalars: readonly Tensor[] | undefined;
    const scaled = (rate: number): number => (rate * correction) / (1 - beta1Power);
    /** On codes, which are replaced; undefined where something would not be a finite number, or they are not of one kind and size. */
    const onCodes = (
      { gradient, variable, states }: Given,
      { rate, left = 1, decaysAfter }: Decayed,
    ): WholeMove | undefined => {
      const backend = backendOf(tf);
      const [first, second] = [states['first']!, states['second']!];
      const areBlocks = first.blocks !== undefined && first.blocks.size === second.blocks?.size;
      const areExpanded = first.expanded !== undefined && first.expanded.block === second.expanded?.block;
      if (!isWasmBackend(backend) || !(areBlocks || areExpanded)) return undefined;
      const step = { ...constants, rate: scaled(rate), left, decaysAfter };
      const { blocks, heap } = kernelsOf(backend);
      let commit: (() => void) | undefined;
      const value = tensorOf(tf, backend, gradient.shape, (dataId) => {
        const [g, w, out] = [gradient.dataId, variable.dataId, dataId].map((id) => pointerOf(backend, id));
        if (areBlocks) commit = blocks.adam(g!, w!, out!, first.blocks!, second.blocks!, step);
        else {
          const moments = [first.expanded!, second.expanded!] as const;
          const next = adamExpanded(heap, { gradient: g!, variable: w!, updated: out! }, moments, step);
          commit = next && (() => void moments.forEach((one, i) => void one.replace(next[i]!)));
        }
      });
      return commit && { value, commit };
    };
    return (given) => {
      const { gradient, states, atOnce } = given;
      const made = atOnce && onCodes(given, atOnce);
      if (made !== undefined) return made;
      scalars ??= Object.values(constants).map((value) => tf.scalar(value));
      const [keep1, take1, keep2, take2, added] = scalars as [Tensor, Tensor, Tensor, Tensor, Tensor];
      const first = tf.add(tf.mul(states['first']!.read(), keep1), tf.mul(gradient, take1));
      const second = tf.add(tf.mul(states['second']!.read(), keep2), tf.mul(tf.square(gradient), take2));
      const divisor = tf.add(tf.sqrt(second), added);
      return {
        states: { first, second },
        second: { estimate: second, correction: 1 - beta2Power },
        step: (rate) => tf.mul(tf.div(first, divisor), tf.scalar(scaled(rate))),
        feedBack: (rate, lost) => tf.mul(lost, tf.mul(divisor, lossInMomentum(beta1) / scaled(rate))),
      };
    };
  }
}

/**
 * Makes an AdamW optimiser of the given TensorFlow.js, for `model.compile`, `minimize`, or a loop.
 * @param settings fields that differ from {@link defaultOptimizer}
 * @throws ArgumentError naming the field that is wrong
 * @example
 * model.compile({ optimizer: adamW(tf, { weightDecay: 0.01 }, { learningRate: 1e-3 }), loss: 'meanSquaredError' });
 */
export function adamW(
  tf: TensorFlow,
  settings: GivenSettings<AdamWSettings> = {},
  options: OptimizerOptions = {},
): TrainingOptimizer {
  checkTensorFlow(tf, settings);
  const all = settled(defaultOptimizer, settings);
  return optimizerFrom(tf, new AdamWRule(tf, all), all, options);
}
