/**
 * What convolutions make of slots. Two rotations cancel in a product that sums over what they turned, which convolutions do not always:
 * the gradient of a filter sums over positions, shifted by the tap in one operand, and depthwise products sum over taps alone. There an
 * operand is turned back before the product, which is the same but for rounding to binary32.
 */
import type { ProductIdentity } from '../../tfjs/product-slots.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import { keepsRowsTurned } from '../recipe-slots.ts';

/** The products of a convolution whose operands' rotations do not cancel. */
interface Uncancelled {
  readonly isDepthwise: boolean;
  /** Of one tap, whose outputs are the inputs' positions. */
  readonly isPointwise: boolean;
}

/** An operand that is turned back. */
function turnedBack<T extends OperandSpec | 'same' | null>(spec: T): T {
  if (spec === null || spec === 'same' || (spec as OperandSpec).invert !== false) return spec;
  const { invert: _, ...rest } = spec as OperandSpec;
  return rest as T;
}

/** An operand of a product that sums over taps alone, in which no complex number has a partner. */
function ofTaps(spec: OperandSpec | null): OperandSpec | null {
  return spec?.form?.kind === 'complex' ? null : turnedBack(spec);
}

/** Slots without rotations of rows, for products that mix rows. */
function withoutTurnedRows(slots: LinearSlots): LinearSlots {
  const { g, dx, ...rest } = slots.inputGradient;
  if (!keepsRowsTurned(g) && dx?.turn === undefined) return slots;
  const { transform: _transform, invert: _invert, ...plainGradient } = g as OperandSpec;
  const { turn: _turn, ...plainResult } = dx ?? {};
  const result = Object.keys(plainResult).length === 0 ? {} : { dx: plainResult };
  return { ...slots, inputGradient: { g: plainGradient, ...rest, ...result } };
}

/** The slots of a convolution. */
function ofConvolution(slots: LinearSlots, { isDepthwise, isPointwise }: Uncancelled): LinearSlots {
  const { forward, inputGradient, weightGradient } = withoutTurnedRows(slots);
  const { g, x } = weightGradient;
  return {
    forward: isDepthwise ? { ...forward, x: turnedBack(forward.x), w: ofTaps(forward.w) } : forward,
    inputGradient: isDepthwise
      ? { ...inputGradient, g: turnedBack(inputGradient.g), w: turnedBack(inputGradient.w) }
      : inputGradient,
    weightGradient:
      isPointwise && !isDepthwise
        ? weightGradient
        : { ...weightGradient, g: turnedBack(g), x: turnedBack(x) },
  };
}

const hasOneTap = (filter: readonly number[]): boolean => filter.slice(0, -2).every((taps) => taps === 1);

/** As far as the name and the shape of a filter tell. */
export const slotsOfFilter = (
  slots: LinearSlots,
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
): LinearSlots =>
  ofConvolution(slots, { isDepthwise: /depthwise/i.test(name), isPointwise: hasOneTap(shape) });

/** The slots of one product, as its kernel computes it. */
export function slotsOfKernel(
  slots: LinearSlots,
  { kernel, attrs, weight }: Pick<ProductIdentity, 'kernel' | 'attrs' | 'weight'>,
): LinearSlots {
  if (!kernel.includes('Conv')) return slots;
  const { strides = 1, pad = 'valid' } = attrs ?? {};
  const hasStride = [strides].flat().some((stride) => stride !== 1);
  const isPadded = pad !== 'same' && pad !== 'valid' && pad !== 0;
  return ofConvolution(slots, {
    isDepthwise: kernel.includes('Depthwise'),
    isPointwise: hasOneTap(weight.shape) && !hasStride && !isPadded,
  });
}
