/**
 * What the kernel of matrix units is told. It takes operands of the unit's format and an addend of its own; of pairwise units those of
 * groups of 2 and 4, of floored ones those that keep 24 bits: the modelled ones, and most of one's own.
 */
import { exponentOf, powerOfTwo } from '../../binary64.ts';
import type { MatrixUnitDescription } from '../../products/matrix-units.ts';
import * as slots from '../generated/layout-products.ts';
import { binary64, binary32 as lanes32 } from './extent.ts';
import type { SumPlan } from './product-plan.ts';

const steps: Readonly<Record<MatrixUnitDescription['step'], number>> = {
  aligned: slots.stepAligned,
  'aligned-blocks': slots.stepBlocks,
  floored: slots.stepFloored,
  'floored-halves': slots.stepHalves,
  pairwise: slots.stepPairwise,
};

export function planUnit({
  k,
  operands,
  addend,
  result,
  step,
  group,
  fractionBits,
  rounding,
  flushes,
}: MatrixUnitDescription): SumPlan | undefined {
  if (step === 'pairwise' && group !== 2 && group !== 4) return undefined;
  if ((step === 'floored' || step === 'floored-halves') && fractionBits !== 24) return undefined;
  return {
    kernel: slots.unit64,
    shift: 3,
    sums: slots.sumNearest,
    roundsProducts: true,
    drawBits: 0,
    randomBits: 1,
    instruction: k,
    write(block): void {
      // A product of 2^128 or more counts as infinite in floored steps.
      const mayOverflow = 2 * (operands.emax + 1) > lanes32.top + 1;
      block.setUint32(slots.stepSlot, steps[step], true);
      block.setUint32(slots.groupSlot, group, true);
      block.setUint32(slots.instructionSlot, k, true);
      block.setUint32(slots.flushesSlot, Number(flushes), true);
      block.setUint32(slots.overflowsSlot, Number(mayOverflow), true);
      block.setUint32(slots.nearestSlot, Number(rounding === 'nearest-even'), true);
      block.setFloat64(slots.fractionsSlot, powerOfTwo(fractionBits), true);
      block.setFloat64(slots.operandLeastSlot, operands.minNormal, true);
      block.setFloat64(slots.addendLeastSlot, addend.minNormal, true);
      block.setFloat64(slots.resultLeastSlot, result.minNormal, true);
      block.setFloat64(slots.resultMaximumSlot, result.max, true);
      block.setFloat64(slots.resultLimitSlot, powerOfTwo(result.emax + 1), true);
      // A product is below 4 times the power of its exponent, an addend below 2 times.
      const high = result.emax + 1 - Math.ceil(Math.log2(4 * group + 2));
      const low = exponentOf(result.minSubnormal) + fractionBits;
      block.setInt16(slots.lowExponentSlot, low, true);
      block.setInt16(slots.highExponentSlot, rounding === 'toward-zero' ? high : -32768, true);
      const dropped = binary64.bits - 1 - result.mantissaBits;
      block.setBigInt64(slots.resultMaskSlot, -(1n << BigInt(dropped)), true);
      block.setFloat64(slots.resultMagicSlot, 1.5 * powerOfTwo(dropped), true);
    },
  };
}
