/**
 * The kernel for operands that are small integers times a power of two: int4, int8, ternary, e2m1, whatever format they are carried in.
 * Where a bound on the sums shows that no rounding of the model can change any of them, their order does not matter, and 16-bit
 * lanes multiply and add twice as many. The operands themselves are looked at; infinities and NaN are never among them here.
 */

import { exponentOf } from '../../binary64.ts';
import type { ProductModel, Target } from '../../products/model.ts';
import * as slots from '../generated/layout-products.ts';
import { binary32, type Extent, extentOfFormat, type OperandExtent } from './extent.ts';
import type { SumPlan } from './product-plan.ts';

/** The largest integer of a 16-bit lane, and of binary32 lanes with all below it. */
const mostFactor = 2 ** 15 - 1;
const mostSum = 2 ** binary32.bits;

/** Within these powers of two nothing under- or overflows here. */
function isModerate({ bits, bottom, top, finite }: Extent): boolean {
  return finite && (bits === 0 || (bottom >= -60 && top < 60));
}

/** The sums: multiples of `unit`, `most` of it at most. */
interface Sums {
  readonly unit: number;
  readonly most: number;
}

/** Whether all of them, and a zero, are numbers of a format that a rounding leaves as they are. */
function areKept({ format, options }: Target, { unit, most }: Sums): boolean {
  if (options.rounding === 'jamming') return false;
  const extent = extentOfFormat(format);
  if (extent === undefined || exponentOf(unit) < extent.low) return false;
  if (most * unit > format.max || -most * unit < format.min) return false;
  if (format.kind === 'int' || format.kind === 'fixed') return true;
  if (format.kind !== 'float' || !format.hasZero || most > 2 ** format.precision) return false;
  return unit >= format.minNormal || (format.subnormals === true && options.subnormals === 'keep');
}

/**
 * The plan for k products of operands and a start of these extents, or undefined where sums may be inexact. A sum that is zero
 * is positive here: nothing for modes in which x - x is -0.
 */
export function integerSums(
  { products, accumulate, conversion }: ProductModel,
  a: OperandExtent,
  b: OperandExtent,
  start: OperandExtent,
  k: number,
): SumPlan | undefined {
  if (![a, b, start].every(isModerate) || a.bits === 0 || b.bits === 0 || start.hasNegativeZero)
    return undefined;
  const target = accumulate === 'exact' ? conversion : accumulate;
  if ('kind' in target || target.options.rounding === 'toward-negative') return undefined;
  // The smallest numbers bound the power of two of which all are multiples; to know it takes another look.
  const least = 2 ** (a.bottom + b.bottom);
  if ((a.largest * b.largest * k) / least > mostSum) return undefined;
  const [unitA, unitB] = [a.grain(), b.grain()];
  const unit = unitA * unitB;
  if (a.largest / unitA > mostFactor || b.largest / unitB > mostFactor || start.grain() < unit)
    return undefined;
  const sums = { unit, most: (k * a.largest * b.largest + start.largest) / unit };
  if (sums.most > mostSum) return undefined;
  const roundings = [products, accumulate].filter((one) => one !== 'exact') as readonly Target[];
  if (!roundings.every((one) => areKept(one, sums))) return undefined;
  return {
    kernel: slots.integer32,
    shift: 2,
    sums: slots.sumExact,
    roundsProducts: false,
    drawBits: 0,
    randomBits: 1,
    write(block): void {
      block.setFloat32(slots.scaleASlot, 1 / unitA, true);
      block.setFloat32(slots.scaleBSlot, 1 / unitB, true);
      block.setFloat32(slots.unitSlot, unit, true);
    },
  };
}
