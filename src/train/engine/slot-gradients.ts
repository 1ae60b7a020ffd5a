/** What a slot trains beside its weight: the gradients of its quantiser's parameters, and the ranges that these have. */
import { nextUp } from '../../formats/index.ts';
import type { GradientRule, Gradients } from '../../quantizers/gradients/index.ts';
import { forEachGroup, type Grouping } from '../../quantizers/grouping.ts';
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

/** Visits the members of all groups. */
function forEachMember(
  grouping: Grouping,
  shape: readonly number[],
  visit: (group: number, index: number) => void,
): void {
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) visit(group, start + r * rowStride + c * columnStride);
  });
}

/** Learned scales are binary32 numbers, as what trains them is, and at least the least normal one: 0 is no scale. */
const leastScale = 2 ** -126;

/** Learned scales and zero points as binary32 has them, scales within a range. */
export function settledParameters(
  { scales, zeroPoints }: QuantizerState,
  [least, largest]: readonly [least: number, largest: number] = [leastScale, Infinity],
): QuantizerState {
  const within = (scale: number): number =>
    Math.max(Math.fround(Math.min(Math.max(scale, least), largest)), leastScale);
  return {
    ...(scales === undefined ? {} : { scales: scales.map(within) }),
    ...(zeroPoints === undefined ? {} : { zeroPoints: zeroPoints.map(Math.fround) }),
  };
}

/** What elements stand for under other scales and zero points. */
export function valuesUnder(
  { elements, grouping, shape }: Explained,
  { scales, zeroPoints }: Pick<Explained, 'scales' | 'zeroPoints'>,
): Float32Array {
  const values = new Float32Array(elements.length);
  forEachMember(grouping, shape, (group, i) => {
    values[i] = (elements[i]! - (zeroPoints?.[group] ?? 0)) * scales[group]!;
  });
  return values;
}

/**
 * The gradients of scales and zero points under which elements stay as they are: sums of g (element - z) and of -g scale, over what the rule
 * of learned steps divides by. Source: EfficientQAT, arXiv 2407.11062, section 3.3. The weight itself has none.
 */
export function fixedCodeGradients(
  { elements, grouping, shape, scales, zeroPoints, high }: Explained,
  gradient: Float32Array,
  rule: GradientRule,
): Gradients<Float32Array> {
  const [ofScales, ofZeros, counts] = [0, 1, 2].map(() => new Float64Array(scales.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  forEachMember(grouping, shape, (group, i) => {
    ofScales[group]! += gradient[i]! * (elements[i]! - (zeroPoints?.[group] ?? 0));
    ofZeros[group]! -= gradient[i]! * scales[group]!;
    counts[group]!++;
  });
  const said = rule.toJSON();
  const normalise = typeof said === 'string' ? true : said['normalise'];
  const samples = normalise === 'features' && shape.length > 1 ? shape[0]! : 1;
  const paced = (sums: Float64Array): Float64Array =>
    normalise === false
      ? sums
      : sums.map((sum, group) => sum * (1 / Math.sqrt((counts[group]! / samples) * high)));
  return {
    x: new Float32Array(gradient.length),
    scales: paced(ofScales),
    ...(zeroPoints && { zeroPoints: paced(ofZeros) }),
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
