/** A probe of an optimiser's step: how large weights are beside the gradients that it is given, and what holding its moments loses. */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { log } from '../approximate.ts';
import type { StepLook } from './optimizers/index.ts';
import type { StateProbe, StepProbes } from './probes.ts';

const tenOverLog10 = 10 / log(10);

function normOf(values: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += values[i]! * values[i]!;
  return Math.sqrt(square);
}

/** Sums of squares of numbers and of their errors. */
class Errors {
  #signal = 0;
  #noise = 0;

  add(given: ArrayLike<number>, held: ArrayLike<number>, of: (x: number) => number): void {
    for (let i = 0; i < given.length; i++) {
      const x = of(given[i]!);
      this.#signal += x * x;
      this.#noise += (of(held[i]!) - x) ** 2;
    }
  }

  /** In dB; null without an error. */
  get ratio(): number | null {
    return this.#noise === 0 || this.#signal === 0 ? null : tenOverLog10 * log(this.#signal / this.#noise);
  }
}

export class UpdateProbe implements StepLook {
  readonly #prefix: string;
  readonly #ratios = new Map<string, number>();
  readonly #errors = new Map<string, Errors>();

  /** @param prefix what the names of variables begin with that is no part of a parameter's */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  gradient(variable: Variable, gradient: Tensor): void {
    const ratio = normOf(variable.dataSync()) / normOf(gradient.dataSync());
    this.#ratios.set(variable.name.slice(this.#prefix.length), ratio);
  }

  state(name: string, next: Tensor, held: Tensor): void {
    const errors = this.#errors.get(name) ?? new Errors();
    this.#errors.set(name, errors);
    errors.add(next.dataSync(), held.dataSync(), name === 'second' ? Math.sqrt : (x) => x);
  }

  /** What was seen. */
  result(): Pick<StepProbes, 'weightOverGradient' | 'states'> {
    const states: StateProbe = Object.fromEntries(
      [...this.#errors].map(([name, { ratio }]) => [name, ratio]),
    );
    return {
      weightOverGradient: Object.fromEntries(this.#ratios),
      ...(this.#errors.size === 0 ? {} : { states }),
    };
  }
}
