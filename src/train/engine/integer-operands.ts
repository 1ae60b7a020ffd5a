/**
 * Operands of layers that sum integers, where a store holds the weight as integers with a scale for each output channel. What is summed
 * over has to have one unit: the gradient of the results is divided by the scales before it is quantised, which makes it the gradient
 * with respect to the sums but for one factor, and both backward products are sums of integers as well.
 * Source: Lin et al., "On-device training under 256KB memory", arXiv 2206.15472, section 3.1.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import { formats } from '../../formats/index.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { SlotOperand } from '../../tfjs/product-slots.ts';

/** The scale of each output: channels may have several, as those of depthwise filters. */
function scalesOf(scales: Float32Array, outputs: number): Float32Array {
  const each = outputs / scales.length;
  return Float32Array.from({ length: outputs }, (_, i) => scales[Math.floor(i / each)]!);
}

/** The integers of a weight, outputs as rows. Throws ArgumentError where its channels are not what is not summed over. */
function codesOf(layer: string, matrix: Tensor, scales: Float32Array): Float32Array {
  const values = matrix.dataSync() as Float32Array;
  const length = matrix.shape.at(-1)!;
  const codes = new Float32Array(values.length);
  for (let row = 0; row * length < values.length; row++) {
    const scale = scales[row % scales.length]!;
    for (let i = row * length; i < (row + 1) * length; i++) {
      const code = Math.round(values[i]! * scale);
      if (Math.fround(code / scale) !== values[i])
        throw new ArgumentError(
          `${layer}.store.per`,
          'channel',
          "'tensor': its product sums over the channels that have the scales",
        );
      codes[i] = code;
    }
  }
  return codes;
}

/** A weight as its store holds it. */
export function heldIntegers(tf: TensorFlow, layer: string, scales: Float32Array): SlotOperand {
  return {
    ...{
      key: `${layer}/integers`,
      blocks: false,
      stored: false,
      of: 'operand',
      norm: undefined,
      stays: false,
    },
    // A copy: images are kept until the weight's data is freed, which an image that shares it would prevent.
    image: (matrix) => tf.tensor(matrix.dataSync(), matrix.shape),
    grid(matrix) {
      const all = scales.length === 1 ? scales : scalesOf(scales, matrix.shape.at(-2)!);
      const elements = tf.tensor(codesOf(layer, matrix, all), matrix.shape);
      const { int8: format } = formats;
      if (all.length === 1) return { format, unit: 1 / all[0]!, elements };
      return { format, unit: 1, outputs: Float64Array.from(all, (scale) => 1 / scale), elements };
    },
    pullback: undefined,
  };
}

/** A gradient divided by the scales of the outputs that it is of, then quantised. */
export function byOutputs(
  tf: TensorFlow,
  inner: SlotOperand,
  scales: Float32Array,
  along: 'rows' | 'columns',
): SlotOperand {
  if (scales.length === 1) return inner;
  const of = (matrix: Tensor): Float32Array => scalesOf(scales, matrix.shape.at(along === 'rows' ? -2 : -1)!);
  const divided = (matrix: Tensor): Tensor => {
    const all = of(matrix);
    return tf.div(matrix, tf.tensor(all, along === 'rows' ? [all.length, 1] : [all.length]));
  };
  return {
    ...inner,
    image: (matrix) => inner.image(divided(matrix)),
    grid(matrix) {
      const grid = inner.grid(divided(matrix));
      return grid && along === 'rows' ? { ...grid, outputs: Float64Array.from(of(matrix)) } : grid;
    },
  };
}
