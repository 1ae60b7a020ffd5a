/**
 * Adafactor without momentum: the second moment of a matrix is kept as its row and column means, that of a vector as it
 * is. The learning rate comes from outside, times the parameter's root mean square where asked for.
 * Source: Shazeer and Stern, "Adafactor", ICML 2018, algorithms 4 and 5; weight decay decoupled, as in AdamW.
 */
import type { NamedTensorMap, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { exp, log } from '../../arithmetic/elementary/approximate.ts';
import { checkSchema } from '../../schema.ts';
import { checkTensorFlow } from '../../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { optimizerSchema } from '../recipe-schema.ts';
import { clippedUpdate, type Factors, rootMeanSquare } from './factored.ts';
import {
  entriesOf,
  listened,
  type OptimizerDraws,
  type OptimizerState,
  type StateOf,
  States,
  type TrainingOptimizer,
  variableNamed,
} from './optimizer.ts';
import type { AdafactorSettings } from './settings.ts';
import { holdState } from './state-codec.ts';

/** Makes an Adafactor optimiser of the given TensorFlow.js. */
export function adafactor(
  tf: TensorFlow,
  settings: AdafactorSettings,
  draws: OptimizerDraws = {},
): TrainingOptimizer {
  checkTensorFlow(tf, settings);
  checkSchema('settings', settings, optimizerSchema);
  const { decayExponent, epsilon1, epsilon2, clipThreshold, scaleParameter, weightDecay } = settings;
  const { decay: placement = 'before', second: codec } = settings;

  class AdafactorOptimizer extends tf.Optimizer implements TrainingOptimizer {
    static readonly className: string = 'Adafactor';
    learningRate = 0;
    decayFactor = 1;
    step = 0;
    #steps = 0;
    readonly #states = new States((shape): StateOf => {
      if (shape.length < 2) return { second: holdState(tf, shape, false, codec) };
      return {
        rows: holdState(tf, [shape[0]!, 1], false, codec),
        columns: holdState(tf, [1, shape[1]!], false, codec),
      };
    }, draws);

    get stateBytes(): number {
      return this.#states.bytes;
    }

    applyGradients(gradients: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
      this.#steps++;
      // 1 - t^-exponent: the first step's estimate is the gradient's own square.
      const keep = 1 - exp(-decayExponent * log(this.#steps));
      tf.tidy(() => {
        for (const [name, gradient] of entriesOf(gradients)) this.#update(name, gradient, keep);
      });
      this.step++;
      this.incrementIterations();
    }

    #update(name: string, gradient: Tensor, keep: number): void {
      const variable = variableNamed(tf, name);
      const states = this.#states.of(name, variable.shape);
      const square = tf.add(tf.square(gradient), epsilon1);
      const average = (state: string, current: Tensor): Tensor =>
        tf.add(tf.mul(states[state]!.read(), keep), tf.mul(current, 1 - keep));
      let next: Record<string, Tensor>;
      let estimate: Tensor;
      let factors: Factors | undefined;
      if (variable.rank < 2) {
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
      const update = clippedUpdate(tf, gradient, estimate, factors, clipThreshold);
      const rate: Tensor | number = scaleParameter
        ? tf.mul(tf.maximum(rootMeanSquare(tf, variable), epsilon2), this.learningRate)
        : this.learningRate;
      const decays = variable.rank >= 2 && weightDecay * this.decayFactor > 0;
      const shrink = 1 - this.learningRate * weightDecay * this.decayFactor;
      const before = decays && placement === 'before' ? tf.mul(variable, shrink) : variable;
      const moved = tf.sub(before, tf.mul(update, rate));
      const value = decays && placement === 'after' ? tf.mul(moved, shrink) : moved;
      this.#states.commit(variable, { value, states: next }, this.step);
    }

    reset(): void {
      this.#states.clear();
      this.#steps = 0;
      this.iterations_ = 0;
    }

    save(): OptimizerState {
      return { counters: { steps: this.#steps, step: this.step }, arrays: this.#states.save() };
    }

    restore({ counters, arrays }: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void {
      this.#states.restore(arrays, shapes);
      this.#steps = counters['steps'] ?? 0;
      this.step = counters['step'] ?? this.#steps;
      this.iterations_ = this.#steps;
    }

    override dispose(): void {
      this.reset();
    }

    getConfig(): Record<string, number> {
      return {
        learningRate: this.learningRate,
        decayExponent,
        epsilon1,
        epsilon2,
        clipThreshold,
        weightDecay,
      };
    }
  }
  return listened(tf, new AdafactorOptimizer());
}
