/** What a slot trains beside its weight: the gradients of its quantiser's parameters, and the ranges that these have. */
import { nextUp } from '../../formats/index.ts';
import type { Gradients } from '../../quantizers/gradients/index.ts';
import type { Explained, Quantizer } from '../../quantizers/index.ts';
import type { QuantizerState } from '../../quantizers/tracking.ts';
import type { NoiseTransform } from '../../quantizers/transforms/index.ts';
import type { BitGradients } from './learned-bits.ts';

/** Gradients of the parameters of a quantiser, one a group. */
export interface LearnedGradients {
  readonly scales?: Float64Array;
  readonly zeroPoints?: Float64Array;
  readonly bits?: BitGradients;
  readonly form?: Float64Array;
  readonly levels?: Float64Array;
}

/** Learned scales are binary32 numbers, as what trains them is, and at least the least normal one: 0 is no scale. */
const leastScale = 2 ** -126;

/** Learned scales and zero points as binary32 has them. */
export function settledParameters({ scales, zeroPoints }: QuantizerState): QuantizerState {
  return {
    ...(scales === undefined
      ? {}
      : { scales: scales.map((scale) => Math.max(Math.fround(scale), leastScale)) }),
    ...(zeroPoints === undefined ? {} : { zeroPoints: zeroPoints.map(Math.fround) }),
  };
}

/** Trained values as binary32 has them, ascending; of equal ones all but the first are the next above. */
export function settledLevels(levels: readonly number[]): number[] {
  const sorted = levels.map(Math.fround).sort((a, b) => a - b);
  const settled: number[] = [];
  for (const level of sorted) {
    const last = settled.at(-1);
    settled.push(last !== undefined && level <= last ? nextUp(last, 'binary32') : level);
  }
  return settled;
}

function added(sum: Float64Array | undefined, part: Float64Array, factor: number): Float64Array {
  return part.map((gradient, i) => (sum?.[i] ?? 0) + factor * gradient);
}

/** Sums of gradients over the calls of a slot. */
export class GradientSums {
  #sums: LearnedGradients | undefined;

  add({ scales, zeroPoints, levels }: Gradients<Float32Array>, factor: number): void {
    if (levels !== undefined)
      this.#sums = { ...this.#sums, levels: added(this.#sums?.levels, levels, factor) };
    if (scales === undefined) return;
    this.#sums = {
      ...this.#sums,
      scales: added(this.#sums?.scales, scales, factor),
      ...(zeroPoints && { zeroPoints: added(this.#sums?.zeroPoints, zeroPoints, factor) }),
    };
  }

  addBits(made: Quantizer, explained: Explained, given: Float32Array, factor: number): void {
    const noise = made.transform as NoiseTransform;
    const { shape, residue, context } = explained;
    // Noise stays in, so that the rule's gradient is that of the noisy weight.
    const ofNoisy = made.gradient.pullback(explained, given).x;
    const { grouping } = noise.toJSON() as unknown as BitGradients;
    const bits = added(this.#sums?.bits?.bits, noise.bitGradient(ofNoisy, shape, residue, context), factor);
    this.#sums = { ...this.#sums, bits: { bits, grouping, shape } };
  }

  /** The sums since the last call; undefined: there are none. */
  take(): LearnedGradients | undefined {
    const sums = this.#sums;
    this.#sums = undefined;
    return sums;
  }
}
