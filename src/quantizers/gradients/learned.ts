/**
 * Rules that also train the quantiser: learned step sizes (and zero points), and learned levels.
 *
 * Sources: lsq, Esser, McKinstry, Bablani et al., "Learned step size quantization", arXiv 1902.08153, section 2; zero points,
 * Bhalgat et al., "LSQ+", arXiv 2004.09576, section 3; levels, Polino, Pascanu, Alistarh, "Model compression via distillation
 * and quantization", arXiv 1802.05668, section 4.
 */

import type { RealArray } from '../../array-kinds.ts';
import { checkFields, oneOf } from '../../check.ts';
import { checkCodeBits } from '../../formats/codes.ts';
import { forEachGroup } from '../grouping.ts';
import { newLike } from '../transforms/transform.ts';
import type { GradientData, GradientRule, Quantization } from './gradient.ts';
import { checkGradient, eachOfGroups } from './grouped.ts';

export interface LearnedStepOptions {
  /**
   * Whether the gradients of scale and zero point are multiplied by 1 / sqrt(N high), so that scales learn at the pace of weights: N the
   * elements of the group (true, default), or of one sample of it, an index of the first axis (`'features'`: the paper's, of activations).
   */
  readonly normalise?: boolean | 'features';
}

/** Sums over each group of what its scale and zero point get, in binary64, in row-major order of the group; and its elements. */
interface StepSums<A> {
  /** The gradient of x. */
  readonly x: A;
  readonly scales: Float64Array;
  readonly zeroPoints: Float64Array;
  readonly counts: Float64Array;
}

/** One pass over the elements, as this is most of what training learned steps adds to a training step. */
function sumSteps<A extends RealArray>(quantization: Quantization, gradient: A): StepSums<A> {
  const { scaled, elements, low, high, scales, zeroPoints: zeros, grouping, shape } = quantization;
  const x = newLike(gradient);
  const [scaleSums, zeroSums, counts] = [0, 1, 2].map(() => new Float64Array(scales.length));
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    const scale = scales[group]!;
    const zero = zeros?.[group] ?? 0;
    let [scaleSum, zeroSum] = [scaleSums![group]!, zeroSums![group]!];
    for (let r = 0; r < rows; r++) {
      let i = start + r * rowStride;
      for (let c = 0; c < columns; c++, i += columnStride) {
        const at = scaled[i]! + zero;
        if (at > low && at < high) {
          x[i] = gradient[i]!;
          scaleSum += gradient[i]! * (elements[i]! - zero - scaled[i]!);
        } else {
          scaleSum += gradient[i]! * ((at <= low ? low : high) - zero);
          zeroSum -= gradient[i]! * scale;
        }
      }
    }
    scaleSums![group] = scaleSum;
    zeroSums![group] = zeroSum;
    counts![group]! += rows * columns;
  });
  return { x, scales: scaleSums!, zeroPoints: zeroSums!, counts: counts! };
}

/**
 * The gradient where low < scaled (+ zero point) < high, 0 elsewhere, and the one of the scale s of each group: the sum of g times
 * element - scaled inside, low below and high above (each less the zero point), over sqrt(N high). The zero point's, if there is
 * one: the sum of -g s outside, over the same. Sums are in binary64, in row-major order of the group.
 *
 * `scales` are values of one unit; a quantiser that stores their reciprocals converts the gradient itself.
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function learnedStep(options?: LearnedStepOptions): GradientRule {
  const { normalise: given } = checkFields('', options, ['normalise']);
  const normalise = oneOf('normalise', given, [true, false, 'features'] as const, true);

  return Object.freeze({
    name: 'lsq',
    pullback: (quantization, given) => {
      const gradient = checkGradient(quantization, given);
      const { high, shape } = quantization;
      const { x, scales, zeroPoints, counts } = sumSteps(quantization, gradient);
      if (normalise !== false) {
        const samples = normalise === 'features' && shape.length > 1 ? shape[0]! : 1;
        for (let group = 0; group < counts.length; group++) {
          const factor = 1 / Math.sqrt((counts[group]! / samples) * high);
          scales[group]! *= factor;
          zeroPoints[group]! *= factor;
        }
      }
      return { x, scales, ...(quantization.zeroPoints && { zeroPoints }) };
    },
    toJSON: (): GradientData => (normalise === true ? 'lsq' : { name: 'lsq', normalise }),
  } satisfies GradientRule);
}

/**
 * The gradient unchanged, and the one of each value of the format (a codebook whose values are trained): the sum of g times scale over
 * the elements that became it, in the order of the array's groups, in binary64.
 *
 * @throws ArgumentError for a format of more than 16 bits.
 */
export function learnedLevels(): GradientRule {
  return Object.freeze({
    name: 'levels',
    pullback: (quantization, given) => {
      const gradient = checkGradient(quantization, given);
      const { elements, format, scales } = quantization;
      checkCodeBits('format', format, 16);
      const values = format.values();
      const ranks = new Map(values.map((value, rank) => [value + 0, rank]));
      const levels = new Float64Array(values.length);
      eachOfGroups(quantization, (group, i) => {
        const rank = ranks.get(elements[i]! + 0);
        if (rank !== undefined) levels[rank]! += gradient[i]! * scales[group]!;
      });
      return { x: gradient.slice() as typeof gradient, levels };
    },
    toJSON: (): GradientData => 'levels',
  } satisfies GradientRule);
}
