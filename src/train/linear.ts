/**
 * The linear layer with six operand slots: each of its three matrix products (forward, input gradient, weight gradient)
 * reads two operands, and each of the six may be quantised on its own. Quantisers are straight-through: the gradient
 * passes them unchanged. No weights live here, and no numerics: a slot only names a quantiser.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { quantizer } from '../tensor/quantizers/index.ts';
import { fakeQuantize, type TensorFlow } from '../tfjs/index.ts';
import { withGradient } from './operations.ts';
import type { LinearSlots, QuantizerSpec } from './recipe.ts';

/** x + strength * (quantised - x): the quantised tensor itself at the default strength of 1. */
function apply(tf: TensorFlow, x: Tensor2D, spec: QuantizerSpec | null): Tensor2D {
  if (spec === null || spec.strength === 0) return x;
  const { strength = 1, ...whole } = spec;
  const quantized = fakeQuantize(tf, x, quantizer(whole));
  return strength === 1 ? quantized : tf.add(x, tf.mul(tf.sub(quantized, x), strength));
}

/**
 * y = x W^T with `x` (rows, inputs) and `weight` (outputs, inputs); under gradient g (rows, outputs), dx = g W and
 * dW = g^T x. The operand that a product reads is the slot's quantised image of the unquantised tensor; `'same'`
 * reuses the forward image.
 */
export function linear(tf: TensorFlow, x: Tensor2D, weight: Tensor2D, slots: LinearSlots): Tensor2D {
  const { forward, inputGradient, weightGradient } = slots;
  return withGradient<Tensor2D>(
    tf,
    [x, weight],
    (save) => {
      const xForward = apply(tf, x, forward.x);
      const wForward = apply(tf, weight, forward.w);
      const saved: Tensor[] = [
        inputGradient.w === 'same' ? wForward : weight,
        weightGradient.x === 'same' ? xForward : x,
      ];
      save(saved);
      return tf.matMul(xForward, wForward, false, true);
    },
    (gradient, saved) => {
      const [w, input] = saved as [Tensor2D, Tensor2D];
      const wBackward = inputGradient.w === 'same' ? w : apply(tf, w, inputGradient.w);
      const xBackward = weightGradient.x === 'same' ? input : apply(tf, input, weightGradient.x);
      return [
        tf.matMul(apply(tf, gradient, inputGradient.g), wBackward),
        tf.matMul(apply(tf, gradient, weightGradient.g), xBackward, true, false),
      ];
    },
  );
}
