/**
 * Adafactor without momentum: the second moment of a matrix is kept as its row and column means, that of a vector as it
 * is. The learning rate comes from outside, times the parameter's root mean square where asked for.
 * Source: Shazeer and Stern, "Adafactor", ICML 2018, algorithms 4 and 5; weight decay decoupled, as in AdamW.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { exp, log } from '../../approximate.ts';
import { checkTensorFlow } from '../../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { clippedUpdate, type Factors, rootMeanSquare, sidesOf } from './factored.ts';
import type { Given, Move, OptimizerOptions, Rule, TrainingOptimizer } from './optimizer.ts';
import { optimizerFrom } from './rule-optimizer.ts';
import { type AdafactorSettings, defaultAdafactor, type GivenSettings, settled } from './settings.ts';
import { holdState } from './state-codec.ts';
import type { MomentCodecs, StateOf } from './states.ts';

export class AdafactorRule implements Rule {
  readonly className = 'Adafactor';
  readonly learningRate = 1e-3;
  readonly #tf: TensorFlow;
  settings: AdafactorSettings;
  counters: Readonly<Record<string, number>> = { steps: 0 };

  constructor(tf: TensorFlow, settings: AdafactorSettings) {
    this.#tf = tf;
    this.settings = settings;
  }

  states(shape: readonly number[], { second }: MomentCodecs): StateOf {
    const tf = this.#tf;
    if (shape.length < 2) return { second: holdState(tf, shape, false, second) };
    const [rows, columns] = sidesOf(shape);
    return {
      rows: holdState(tf, [rows, 1], false, second),
      columns: holdState(tf, [1, columns], false, second),
    };
  }

  begin(): (given: Given) => Move {
    const steps = this.counters['steps']! + 1;
    this.counters = { steps };
    // 1 - t^-exponent: the first step's estimate is the gradient's own square.
    const keep = 1 - exp(-this.settings.decayExponent * log(steps));
    return (given) => this.#move(given, keep);
  }

  #move({ gradient: given, states, variable }: Given, keep: number): Move {
    const tf = this.#tf;
    const gradient = given.rank > 2 ? tf.reshape(given, [...sidesOf(given.shape)]) : given;
    const { epsilon1, epsilon2, clipThreshold, scaleParameter } = this.settings;
    const square = tf.add(tf.square(gradient), epsilon1);
    const average = (state: string, current: Tensor): Tensor =>
      tf.add(tf.mul(states[state]!.read(), keep), tf.mul(current, 1 - keep));
    let next: Record<string, Tensor>;
    let estimate: Tensor;
    let factors: Factors | undefined;
    if (gradient.rank < 2) {
      estimate = average('second', square);
      next = { second: estimate };
    } else {
      const [rows, columns] = square.shape as [number, number];
      // Products with ones sum over rows faster than the reduction along the outer axis does.
      const perColumn = tf.matMul(tf.fill([1, rows], 1 / rows) as Tensor2D, square as Tensor2D);
      const perRow = tf.matMul(square as Tensor2D, tf.fill([columns, 1], 1 / columns) as Tensor2D);
      const rowMeans = average('rows', perRow);
      const columnMeans = average('columns', perColumn);
      next = { rows: rowMeans, columns: columnMeans };
      factors = { rows: rowMeans, columns: columnMeans, mean: tf.mean(rowMeans) };
      estimate = tf.mul(tf.div(rowMeans, factors.mean), columnMeans);
    }
    const clipped = clippedUpdate(tf, gradient, estimate, factors, clipThreshold);
    const update = given.rank > 2 ? tf.reshape(clipped, given.shape) : clipped;
    const scaled = (rate: number): Tensor | number =>
      scaleParameter ? tf.mul(tf.maximum(rootMeanSquare(tf, variable), epsilon2), rate) : rate;
    return {
      states: next,
      second: { estimate, correction: 1 },
      step: (rate) => tf.mul(update, scaled(rate)),
    };
  }
}

/**
 * Makes an Adafactor optimiser of the given TensorFlow.js, for `model.compile`, `minimize`, or a loop.
 * @param settings fields that differ from {@link defaultAdafactor}
 * @throws ArgumentError naming the field that is wrong
 */
export function adafactor(
  tf: TensorFlow,
  settings: GivenSettings<AdafactorSettings> = {},
  options: OptimizerOptions = {},
): TrainingOptimizer {
  checkTensorFlow(tf, settings);
  const all = settled(defaultAdafactor, settings);
  return optimizerFrom(tf, new AdafactorRule(tf, all), all, options);
}
