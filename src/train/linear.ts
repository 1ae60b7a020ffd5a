/**
 * The linear layer with six operand slots: each of its three matrix products (forward, input gradient, weight gradient)
 * reads two operands, and each of the six may be quantised on its own. Quantisers are straight-through: the gradient
 * passes them unchanged. No weights live here, and no numerics: a slot only names a quantiser.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { isStochastic } from '../rounding/index.ts';
import { type Quantizer, quantizer } from '../tensor/quantizers/index.ts';
import { fakeQuantize, type TensorFlow } from '../tfjs/index.ts';
import { withGradient } from './operations.ts';
import { refuseMemory } from './quantizer-spec.ts';
import type { LinearSlots, QuantizerSpec } from './recipe.ts';

/** The operands of a linear layer's products, as `forward.x`: product, then operand. */
export type SlotName =
  | 'forward.x'
  | 'forward.w'
  | 'inputGradient.g'
  | 'inputGradient.w'
  | 'weightGradient.g'
  | 'weightGradient.x';

/** What one call of a layer draws and shows. */
export interface LinearCall {
  /** Random integers of a slot's stochastic rounding; needed where there is one. */
  draw?(slot: SlotName): { readonly seed: number; readonly stream: bigint };
  /** Sees every operand that a quantiser changes, its image, and the quantiser without its strength. */
  tap?(slot: SlotName, operand: Tensor2D, image: Tensor2D, made: Quantizer): void;
}

const known = new WeakMap<QuantizerSpec, Quantizer>();

/**
 * The quantiser of a slot, without its strength. It has no memory, so one made for many layers, or made anew for the draws
 * of each call, is the same.
 */
function quantizerOf(spec: QuantizerSpec, slot: SlotName, call: LinearCall): Quantizer {
  const { strength: _strength, ...whole } = spec;
  if (spec.rounding !== undefined && isStochastic(spec.rounding)) {
    if (call.draw === undefined)
      throw new ArgumentError(
        'call.draw',
        undefined,
        `the random integers of ${slot}, which ${spec.rounding} needs`,
      );
    refuseMemory(whole);
    return quantizer({ ...whole, ...call.draw(slot) });
  }
  let made = known.get(spec);
  if (made === undefined) {
    refuseMemory(whole);
    made = quantizer(whole);
    known.set(spec, made);
  }
  return made;
}

/** x + strength * (quantised - x): the quantised tensor itself at the default strength of 1. */
function apply(
  tf: TensorFlow,
  x: Tensor2D,
  spec: QuantizerSpec | null,
  slot: SlotName,
  call: LinearCall,
): Tensor2D {
  if (spec === null || spec.strength === 0) return x;
  const { strength = 1 } = spec;
  const made = quantizerOf(spec, slot, call);
  const quantized = fakeQuantize(tf, x, made);
  const image = strength === 1 ? quantized : tf.add<Tensor2D>(x, tf.mul(tf.sub(quantized, x), strength));
  call.tap?.(slot, x, image, made);
  return image;
}

/**
 * y = x W^T with `x` (rows, inputs) and `weight` (outputs, inputs); under gradient g (rows, outputs), dx = g W and
 * dW = g^T x. The operand that a product reads is the slot's quantised image of the unquantised tensor; `'same'`
 * reuses the forward image.
 * @throws ArgumentError for a quantiser with a memory, which no layer would own, or one that rounds stochastically without
 *   `call.draw`
 */
export function linear(
  tf: TensorFlow,
  x: Tensor2D,
  weight: Tensor2D,
  slots: LinearSlots,
  call: LinearCall = {},
): Tensor2D {
  const { forward, inputGradient, weightGradient } = slots;
  const read = (operand: Tensor2D, spec: QuantizerSpec | null, slot: SlotName): Tensor2D =>
    apply(tf, operand, spec, slot, call);
  return withGradient<Tensor2D>(
    tf,
    [x, weight],
    (save) => {
      const xForward = read(x, forward.x, 'forward.x');
      const wForward = read(weight, forward.w, 'forward.w');
      const saved: Tensor[] = [
        inputGradient.w === 'same' ? wForward : weight,
        weightGradient.x === 'same' ? xForward : x,
      ];
      save(saved);
      return tf.matMul(xForward, wForward, false, true);
    },
    (gradient, saved) => {
      const [w, input] = saved as [Tensor2D, Tensor2D];
      const wBackward = inputGradient.w === 'same' ? w : read(w, inputGradient.w, 'inputGradient.w');
      const xBackward =
        weightGradient.x === 'same' ? input : read(input, weightGradient.x, 'weightGradient.x');
      return [
        tf.matMul(read(gradient, inputGradient.g, 'inputGradient.g'), wBackward),
        tf.matMul(read(gradient, weightGradient.g, 'weightGradient.g'), xBackward, true, false),
      ];
    },
  );
}
