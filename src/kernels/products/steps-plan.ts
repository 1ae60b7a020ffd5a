/**
 * The kernels in binary32 lanes that round every product and every sum: where they fit, and what they are told. To nearest even
 * for at most 11 bits (24 >= 2p + 2), stochastically where p + N is at most 22 or a wider look decides; products must be exact
 * in these lanes, and the start a number of the accumulator's format.
 */

import { powerOfTwo } from '../../binary64.ts';
import type { FloatFormat } from '../../formats/format.ts';
import type { Target } from '../../products/model.ts';
import type { RoundingMode } from '../../rounding/index.ts';
import { drawWidth } from '../../rounding/philox.ts';
import * as slots from '../generated/layout-products.ts';
import { kindStochastic, kinds, lanes64 } from '../generated/layout-rounding.ts';
import { endsOf } from '../rounding-block.ts';
import { planInLanes } from '../rounding-planner.ts';
import { binary32, type Extent, holds, type OperandExtent } from './extent.ts';
import type { SumPlan } from './product-plan.ts';

/** The number of the stochastic kernel in binary64 lanes. */
const general64Stochastic = lanes64 * kinds + kindStochastic;

/** A float whose numbers are rounded in binary32 lanes: symmetric, subnormals kept. */
function isRegular({ format, options }: Target): boolean {
  return (
    format.kind === 'float' &&
    format.isSigned &&
    format.hasZero &&
    format.subnormals === true &&
    format.mantissaBits > 0 &&
    format.exponentBits !== Infinity &&
    format.emin >= -126 &&
    options.subnormals === 'keep'
  );
}

/** What all operands, products and the start of the sums are like. */
interface Terms {
  readonly operands: readonly [Extent, Extent];
  readonly products: Extent;
  readonly start: OperandExtent;
  readonly k: number;
}

/**
 * The exponent below which all sums stay, if they stay within the format; else undefined. Products are at most a power of two q,
 * the start at most s q. Up to 2^p q all multiples of q are numbers of the format, so that k + s <= 2^p terms make no more. From there
 * on sums to nearest even do not grow, as half a unit is a tie that goes down; others do, by a factor of at most 1 + 2^(1 - p) a
 * step besides.
 */
function boundOfSums({ format, options }: Target, { products, start, k }: Terms): number | undefined {
  const { precision, emin, mantissaBits, max } = format as FloatFormat;
  const q = Math.max(products.top + 1, emin - mantissaBits);
  const growth = 2 ** (1 - precision);
  const from = start.bits === 0 ? 0 : 2 ** (start.top + 1 - q);
  const steady = 2 ** precision;
  let terms: number;
  if (k + from <= steady) terms = Math.log2(k + Math.ceil(from));
  else if (options.rounding === 'nearest-even') terms = Math.log2(Math.max(steady, from));
  else terms = Math.log2(((1 + growth) ** (k + 1) - 1) / growth + from * (1 + growth) ** k);
  const top = q + Math.ceil(terms + 1e-6);
  return top <= 1000 && powerOfTwo(Math.max(-1000, top)) <= max ? top : undefined;
}

/** What the binary32 kernels that round every step have in common, or undefined where they do not fit. */
function steps32(kernel: number, target: Target, terms: Terms, room: number): SumPlan | undefined {
  const { format, options } = target;
  const { products } = terms;
  const { emin, emax, max, mantissaBits } = format as FloatFormat;
  const bound = boundOfSums(target, terms);
  const top = Math.max(products.top, bound ?? emax + 1);
  if (!products.finite || !holds(binary32, products) || top + room > binary32.top) return undefined;
  if (format.max !== -format.min) return undefined;
  const { overflow, infinity } = endsOf(format, options);
  const isExact = emax + 2 - (emin - mantissaBits) <= binary32.bits;
  return {
    kernel,
    shift: 2,
    sums: isExact ? slots.sumNearest : slots.sumOdd,
    roundsProducts: true,
    drawBits: 0,
    randomBits: options.randomBits,
    write(block): void {
      block.setFloat32(slots.maximumSlot, max, true);
      block.setFloat32(slots.overflowSlot, overflow[0], true);
      block.setFloat32(slots.overflowNegativeSlot, overflow[1], true);
      block.setFloat32(slots.infinitySlot, infinity[0], true);
      block.setFloat32(slots.infinityNegativeSlot, infinity[1], true);
      if (bound === undefined) block.setFloat32(slots.nearSlot, powerOfTwo(emax - 1), true);
      else block.setInt32(slots.nearSlot, 2 ** 31 - 1, true);
    },
  };
}

/** To nearest even by magic numbers, three halves of a power of two: `room` binades above the number's own. */
function nearest32(target: Target, terms: Terms): SumPlan | undefined {
  const { precision, emin } = target.format as FloatFormat;
  const room = binary32.bits - precision;
  const plan = steps32(slots.nearest32, target, terms, room);
  return (
    plan && {
      ...plan,
      write(block): void {
        plan.write?.(block);
        block.setFloat32(slots.floorSlot, powerOfTwo(emin), true);
        block.setInt32(slots.shiftSlot, room * 2 ** 23 + 2 ** 22, true);
      },
    }
  );
}

/**
 * To nearest even by splitting, with room for a factor of 2^(24 - p) + 1: operands of the format's precision, no product but 0 below its
 * smallest normal number, no sum or product near its largest.
 */
function split32(target: Target, terms: Terms): SumPlan | undefined {
  const { precision, emin } = target.format as FloatFormat;
  const power = binary32.bits - precision;
  const { operands, products } = terms;
  const isNarrow = operands.every(({ bits, top }) => bits <= precision && top + power + 1 <= binary32.top);
  const bound = boundOfSums(target, terms);
  const isInside = bound !== undefined && products.bottom >= emin && bound + power + 1 <= binary32.top;
  const plan = isNarrow && isInside ? steps32(slots.split32, target, terms, power + 1) : undefined;
  return (
    plan && {
      ...plan,
      write(block): void {
        block.setFloat32(slots.splitPowerSlot, powerOfTwo(power), true);
        block.setFloat32(slots.splitFactorSlot, powerOfTwo(power) + 1, true);
        block.setInt32(slots.lastPlaceSlot, 2 ** power, true);
        block.setInt32(slots.addPositiveSlot, 2 ** (power - 1) - 1, true);
        block.setInt32(slots.dropMaskSlot, -(2 ** power), true);
      },
    }
  );
}

/** What is added below the last kept bit of a positive and of a negative number, `rest` being all ones there. */
function addendsOf(mode: RoundingMode, rest: number): readonly [number, number] | undefined {
  const half = (rest + 1) / 2;
  switch (mode) {
    case 'toward-zero':
    case 'to-odd':
      return [0, 0];
    case 'away-from-zero':
      return [rest, rest];
    case 'toward-positive':
      return [rest, 0];
    case 'toward-negative':
      return [0, rest];
    case 'nearest-away':
      return [half, half];
    case 'nearest-to-zero':
      return [half - 1, half - 1];
    case 'nearest-to-positive':
      return [half, half - 1];
    case 'nearest-to-negative':
      return [half - 1, half];
    default:
      return undefined;
  }
}

/** In every other mode on bit patterns. */
function pattern32(target: Target, terms: Terms): SumPlan | undefined {
  const { products } = terms;
  const { rounding, randomBits, variant } = target.options;
  const { precision, emin } = target.format as FloatFormat;
  const dropped = binary32.bits - precision;
  const isRandom = rounding === 'stochastic';
  // The random integer of variant B has a last bit more, which is 1. A sum made odd has two bits more than the format.
  const bits = randomBits + (variant === 'B' ? 1 : 0);
  const isWide = isRandom && bits > dropped;
  if (dropped < 3 || (isRandom && (variant === 'C' || (isWide && variant === 'B')))) return undefined;
  const addends = addendsOf(rounding, 2 ** dropped - 1);
  if (!isRandom && addends === undefined) return undefined;
  const plan = steps32(slots.pattern32, target, terms, 0);
  const wide = isWide ? planInLanes(target.format, target.options) : undefined;
  if (plan === undefined || (isWide && wide?.kernel !== general64Stochastic)) return undefined;
  const drawBits = isRandom ? drawWidth(randomBits) : 0;
  const kept = Math.min(randomBits, dropped);
  const sumsWithLeast = products.bottom >= emin || emin - products.low < binary32.bits;
  return {
    ...plan,
    sums: sumsWithLeast ? plan.sums : slots.sumOdd,
    ...(wide === undefined ? {} : { rounding: wide }),
    drawBits,
    write(block): void {
      plan.write?.(block);
      const { addsOdd, addsConstant } = slots;
      block.setUint32(
        slots.addsSlot,
        isRandom ? drawBits : rounding === 'to-odd' ? addsOdd : addsConstant,
        true,
      );
      block.setInt32(slots.dropMaskSlot, -(2 ** dropped), true);
      // Nothing is below the smallest normal number but zeros, which need no care.
      block.setFloat32(slots.floorSlot, products.bottom >= emin ? 0 : powerOfTwo(emin), true);
      block.setUint32(slots.wideSlot, Number(isWide), true);
      if (isRandom) {
        block.setUint32(slots.addPositiveSlot, variant === 'B' ? 2 ** (dropped - kept - 1) : 0, true);
        const mask = drawBits === 8 ? 2 ** 8 - 2 ** (8 - kept) : 2 ** dropped - 2 ** (dropped - kept);
        block.setUint32(slots.randomMaskSlot, mask, true);
        block.setUint32(slots.randomScaleSlot, 2 ** Math.max(dropped - 8, 0), true);
        block.setUint32(slots.randomMoveSlot, 32 - dropped, true);
      } else {
        const [positive = 0, negative = 0] = addends ?? [];
        block.setUint32(slots.addPositiveSlot, positive, true);
        block.setUint32(slots.addNegativeSlot, (positive ^ negative) >>> 0, true);
      }
    },
  };
}

/**
 * The plan where every product and sum is rounded to `target` in binary32 lanes, or undefined. `terms.start`: numbers of the format.
 */
export function rounded32(target: Target, terms: Terms): SumPlan | undefined {
  const { format, options } = target;
  if (!isRegular(target) || !terms.start.finite) return undefined;
  if (options.rounding !== 'nearest-even') return pattern32(target, terms);
  // A sum loses the sign of its zero there, which is positive unless it begins with a negative one.
  if (terms.start.hasNegativeZero) return undefined;
  if (2 * (format as FloatFormat).precision + 2 > binary32.bits) return undefined;
  return split32(target, terms) ?? nearest32(target, terms);
}
