/** Operands of linear layers in bfloat16: what layers and phases have that a recipe of fewer bits leaves out. */
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';

const rounded: OperandSpec = { format: 'bfloat16' };

/** Every operand rounded to bfloat16, sums in binary32. */
export const bfloat16Slots: LinearSlots = {
  forward: { x: rounded, w: rounded },
  inputGradient: { g: rounded, w: 'same' },
  weightGradient: { g: rounded, x: 'same' },
};
