/**
 * Adafactor without momentum: the second moment of a matrix is kept as its row and column means, that of a vector as it
 * is. The learning rate comes from outside, times the parameter's root mean square where asked for.
 * Source: Shazeer and Stern, "Adafactor", ICML 2018, algorithms 4 and 5; weight decay decoupled, as in AdamW.
 */
import type { NamedTensorMap, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { exp, log } from '../../arithmetic/elementary/approximate.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import {
  entriesOf,
  type OptimizerState,
  type StateOf,
  States,
  type TrainingOptimizer,
  variableNamed,
} from './optimizer.ts';
import type { AdafactorSettings } from './settings.ts';
import { holdState } from './state-codec.ts';

/** Makes an Adafactor optimiser of the given TensorFlow.js. */
export function adafactor(tf: TensorFlow, settings: AdafactorSettings): TrainingOptimizer {
  const { decayExponent, epsilon1, epsilon2, clipThreshold, scaleParameter, weightDecay } = settings;
  const { decay: placement = 'before', second: codec } = settings;

  const rootMeanSquare = (x: Tensor): Tensor => tf.sqrt(tf.mean(tf.square(x)));

  class AdafactorOptimizer extends tf.Optimizer implements TrainingOptimizer {
    static readonly className: string = 'Adafactor';
    learningRate = 0;
    decayFactor = 1;
    #steps = 0;
    readonly #states = new States((shape): StateOf => {
      if (shape.length < 2) return { second: holdState(tf, shape, false, codec) };
      return {
        rows: holdState(tf, [shape[0]!, 1], false, codec),
        columns: holdState(tf, [1, shape[1]!], false, codec),
      };
    });

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
      this.incrementIterations();
    }

    #update(name: string, gradient: Tensor, keep: number): void {
      const variable = variableNamed(tf, name);
      const states = this.#states.of(name, variable.shape);
      const square = tf.add(tf.square(gradient), epsilon1);
      const average = (state: string, current: Tensor): Tensor => {
        const next = tf.add(tf.mul(states[state]!.read(), keep), tf.mul(current, 1 - keep));
        states[state]!.write(next);
        return next;
      };
      let estimate: Tensor;
      if (variable.rank < 2) estimate = average('second', square);
      else {
        const [rows, columns] = square.shape as [number, number];
        // Products with ones sum over rows faster than the reduction along the outer axis does.
        const perColumn = tf.matMul(tf.fill([1, rows], 1 / rows) as Tensor2D, square as Tensor2D);
        const perRow = tf.matMul(square as Tensor2D, tf.fill([columns, 1], 1 / columns) as Tensor2D);
        const row = average('rows', perRow);
        const column = average('columns', perColumn);
        estimate = tf.mul(tf.div(row, tf.mean(row)), column);
      }
      const raw = tf.div(gradient, tf.sqrt(estimate));
      const update = tf.div(raw, tf.maximum(tf.div(rootMeanSquare(raw), clipThreshold), 1));
      const rate: Tensor | number = scaleParameter
        ? tf.mul(tf.maximum(rootMeanSquare(variable), epsilon2), this.learningRate)
        : this.learningRate;
      const decays = variable.rank >= 2 && weightDecay * this.decayFactor > 0;
      const shrink = 1 - this.learningRate * weightDecay * this.decayFactor;
      const before = decays && placement === 'before' ? tf.mul(variable, shrink) : variable;
      const moved = tf.sub(before, tf.mul(update, rate));
      variable.assign(decays && placement === 'after' ? tf.mul(moved, shrink) : moved);
    }

    reset(): void {
      this.#states.clear();
      this.#steps = 0;
      this.iterations_ = 0;
    }

    save(): OptimizerState {
      return { counters: { steps: this.#steps }, arrays: this.#states.save() };
    }

    restore({ counters, arrays }: OptimizerState, shapes: ReadonlyMap<string, readonly number[]>): void {
      this.#states.restore(arrays, shapes);
      this.#steps = counters['steps'] ?? 0;
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
  return new AdafactorOptimizer();
}
