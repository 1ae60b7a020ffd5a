/**
 * Which kernel makes the sums of a matrix product, and which rounds what they give. The one place that knows where the kernels
 * fit: it looks at the operands as they are (how many bits, between which powers of two), not only at their format.
 *
 * - Products and sums as the hardware makes them: binary32 and binary64 to nearest even, where products are exact or are to be
 *   rounded so. Any sum that is exact in binary64 too.
 * - Sums of small integers, exact in any order: `integer-plan.ts`. The steps of matrix units: `unit-plan.ts`.
 * - Binary32 lanes that round every step: `steps-plan.ts`.
 * - Binary64 lanes for all else, where products are exact in them and a sum is exact, or innocently rounded (nearest modes,
 *   53 >= 2p + 2), or has p + 2 bits (stochastic: p + N + 2) once it is made odd.
 */

import { exponentOf, powerOfTwo } from '../../binary64.ts';
import type { Format } from '../../formats/format.ts';
import { type ProductModel, sumsChunksExactly, type Target } from '../../products/model.ts';
import { dropsHighBits, isStochastic } from '../../rounding/index.ts';
import { drawWidth } from '../../rounding/philox.ts';
import * as slots from '../generated/layout-products.ts';
import { positPlan } from '../posit-plan.ts';
import type { RoundingPlan } from '../rounding-plan.ts';
import { planInLanes, planRounding } from '../rounding-planner.ts';
import {
  binary32,
  binary64,
  type Extent,
  extentOfFormat,
  extentOfProducts,
  holds,
  nothing,
  type OperandExtent,
} from './extent.ts';
import { integerSums } from './integer-plan.ts';
import type { ArrayRounding, FinishPlan, ProductPlan, SumPlan } from './product-plan.ts';
import { rounded32 } from './steps-plan.ts';
import { planUnit } from './unit-plan.ts';

function isNative({ format, options }: Target, name: 'binary32' | 'binary64'): boolean {
  return (
    format.name === name &&
    options.rounding === 'nearest-even' &&
    options.saturation === 'none' &&
    options.subnormals === 'keep'
  );
}

function drawBitsOf(plan: RoundingPlan | undefined, { options }: Target): number {
  return plan?.readsRandom === true ? drawWidth(options.randomBits) : 0;
}

/** The rounding within the loops of binary64 lanes: also to the nearest posit. */
function planOfLanes({ format, options }: Target): RoundingPlan | undefined {
  if (format.kind !== 'posit') return planInLanes(format, options);
  return options.rounding === 'nearest-even' ? positPlan(3, format, options) : undefined;
}

/** Whether a sum made odd has two bits more than the `bits` of a format, and the random ones. What wraps has no first bit. */
function mayBeOdd({ options }: Target, bits: number): boolean {
  if (dropsHighBits(options)) return false;
  return bits + 2 + (options.rounding === 'stochastic' ? options.randomBits : 0) <= binary64.bits;
}

/**
 * How sums of a format's numbers, of a start and of terms are made in binary64 lanes. Undefined where they have too many bits.
 * `areMembers`: whether the start and all terms are numbers of the format.
 */
function sumsOf(target: Target, start: Extent, terms: Extent, areMembers: boolean): number | undefined {
  const extent = extentOfFormat(target.format);
  if (extent === undefined) return undefined;
  const top = Math.max(extent.top, start.top, terms.top);
  const bits = top + 2 - Math.min(extent.low, start.low, terms.low);
  if (bits <= binary64.bits) return slots.sumNearest;
  // The precision of posits is not the same everywhere.
  const isSteady = target.format.kind !== 'posit' && target.options.rounding.startsWith('nearest-');
  const isInnocuous = isSteady && 2 * extent.bits + 2 <= binary64.bits;
  if (isInnocuous && areMembers) return slots.sumNearest;
  return mayBeOdd(target, extent.bits) ? slots.sumOdd : undefined;
}

const plain = { sums: slots.sumNearest, roundsProducts: false, drawBits: 0, randomBits: 1 } as const;

/** Whether exact products (terms of a plain sum, say) are numbers of a format anyway, so that rounding them changes nothing. */
function areMembers({ bits, low, top, finite }: Extent, { format }: Target): boolean {
  const extent = format.kind === 'posit' ? undefined : extentOfFormat(format);
  const fits = extent !== undefined && bits <= extent.bits && low >= extent.low;
  return fits && finite && powerOfTwo(Math.max(-1000, Math.min(top + 1, 1000))) <= format.max;
}

/** Whether the start is made of numbers of the accumulator's format, being numbers of the result's. */
function startsInside(start: Extent, conversion: Format, target: Target): boolean {
  if (start.bits === 0 || conversion === target.format || areMembers(start, target)) return true;
  const [own, held] = [extentOfFormat(conversion), extentOfFormat(target.format)];
  return (
    own !== undefined &&
    held !== undefined &&
    target.format.kind !== 'posit' &&
    own.bits <= held.bits &&
    own.low >= held.low &&
    conversion.max <= target.format.max &&
    conversion.min >= target.format.min &&
    start.finite
  );
}

/** Operands, their exact products, and what each sum begins with. */
interface Terms {
  readonly operands: readonly [Extent, Extent];
  readonly exact: Extent;
  readonly start: OperandExtent;
  readonly k: number;
}

/** Sums that are rounded. */
function roundedSums(
  { products, order, conversion }: ProductModel,
  target: Target,
  { operands, exact, start, k }: Terms,
): SumPlan | undefined {
  const isTree = order === 'pairwise';
  const isInside = startsInside(start, conversion.format, target);
  const isRounded = products !== 'exact';
  const areNarrow = [...operands, start].every((operand) => holds(binary32, operand));
  if (isNative(target, 'binary32') && !isTree && areNarrow && (isRounded || holds(binary32, exact)))
    if (isRounded || exact.finite) return { ...plain, kernel: slots.plain32, shift: 2 };
  if (isNative(target, 'binary64') && (isRounded || holds(binary64, exact)))
    if (isRounded || exact.finite)
      return { ...plain, kernel: isTree ? slots.unrounded64 : slots.plain64, shift: 3 };
  const mayRound = isRounded || areMembers(exact, target);
  const steps =
    mayRound && isInside && !isTree ? rounded32(target, { operands, products: exact, start, k }) : undefined;
  if (steps !== undefined) return steps;
  const rounding = planOfLanes(target);
  if (rounding === undefined || !holds(binary64, exact)) return undefined;
  const terms = isRounded ? extentOfFormat(target.format) : exact;
  const sums = terms === undefined ? undefined : sumsOf(target, start, terms, isRounded && isInside);
  if (sums === undefined) return undefined;
  return {
    kernel: slots.general64 + rounding.kernel,
    shift: 3,
    sums,
    roundsProducts: isRounded,
    rounding,
    drawBits: drawBitsOf(rounding, target),
    randomBits: target.options.randomBits,
  };
}

/** Whether every term can be kept in two parts: finite, and rounding it cannot overflow. */
function areCuttable(products: 'exact' | Target, exact: Extent): boolean {
  if (!exact.finite) return false;
  return (
    products === 'exact' || powerOfTwo(Math.max(-1000, Math.min(exact.top + 1, 1000))) <= products.format.max
  );
}

/** Sums without any rounding. */
function exactSums({ products, conversion }: ProductModel, { exact, start, k }: Terms): SumPlan | undefined {
  if (!holds(binary64, exact)) return undefined;
  const isRounded = products !== 'exact';
  const rounding = isRounded ? planOfLanes(products) : undefined;
  const member = isRounded ? extentOfFormat(products.format) : exact;
  if (member === undefined || (isRounded && rounding === undefined)) return undefined;
  // A rounded product is at most the power of two above the exact one, or the smallest number; an infinite one may be clamped.
  const isBounded = isRounded && exact.finite && products.format.kind !== 'posit';
  const top = Math.max(
    start.top,
    isBounded ? Math.min(member.top, Math.max(exact.top + 1, member.low)) : member.top,
  );
  const low = Math.min(start.low, member.low);
  const sumTop = top + 1 + Math.ceil(Math.log2(k + Number(start.bits > 0)));
  const kernel = rounding === undefined ? slots.unrounded64 : slots.general64 + rounding.kernel;
  const common = {
    kernel,
    shift: 3,
    roundsProducts: isRounded,
    ...(rounding === undefined ? {} : { rounding }),
    drawBits: isRounded ? drawBitsOf(rounding, products) : 0,
    randomBits: isRounded ? products.options.randomBits : 1,
  } as const;
  if (sumTop - low <= binary64.bits && sumTop <= binary64.top) {
    const isPlain = !isRounded && conversion.options.rounding !== 'toward-negative';
    return { ...common, kernel: isPlain ? slots.plain64 : kernel, sums: slots.sumExact };
  }
  const cut = Math.max(sumTop - binary64.bits, top - 50);
  const fits = cut + sumTop - top - 2 - low <= binary64.bits && cut + 53 <= binary64.top;
  if (!fits || !areCuttable(products, exact) || !start.finite || start.hasNegativeZero) return undefined;
  return {
    ...common,
    sums: slots.sumSplit,
    write: (block) => block.setFloat64(slots.splitSlot, 1.5 * powerOfTwo(cut + 52), true),
  };
}

/** Whether the look at all numbers that tells their grain is right. */
const hasGrain = ({ bits, bottom, top, finite }: Extent): boolean =>
  finite && (bits === 0 || (bottom >= -126 && top < 100));

/** Exact sums of chunks in one binary64 number each, which are then rounded, without random integers. */
function flushedSums(
  model: ProductModel,
  target: Target,
  [a, b]: readonly [OperandExtent, OperandExtent],
  terms: Terms,
): SumPlan | undefined {
  if (isStochastic(target.options.rounding)) return undefined;
  const of = (exact: Extent): SumPlan | undefined => {
    const sum = exactSums({ ...model, conversion: target }, { ...terms, exact });
    return sum?.sums === slots.sumExact ? sum : undefined;
  };
  const sum = of(terms.exact);
  if (sum !== undefined || !hasGrain(a) || !hasGrain(b)) return sum;
  // Integers of a scale are multiples of it, however small some of them are.
  const grain = a.grain() * b.grain();
  return Number.isFinite(grain) ? of({ ...terms.exact, low: exponentOf(grain) }) : undefined;
}

function finishPlan(target: Target, sums: number): FinishPlan | undefined {
  const { randomBits } = target.options;
  if (isNative(target, 'binary64')) return { sums, rounding: undefined, drawBits: 0, randomBits };
  const rounding = planOfLanes(target);
  return rounding && { sums, rounding, drawBits: drawBitsOf(rounding, target), randomBits };
}

/** How sums in one number each are rounded to the result's format, on an array of 2^outShift bytes an element. */
function conversionPlan(
  target: Target,
  { shift }: SumPlan,
  outShift: 2 | 3,
): FinishPlan | ArrayRounding | undefined {
  const { format, options } = target;
  // Draws of results are not those of elements: their indices are further apart.
  if (!isNative(target, 'binary64') && !isStochastic(options.rounding)) {
    const isNarrow = shift === 2 && outShift === 2;
    const plan = planRounding(isNarrow ? 'float32' : 'float64', format, options);
    if (plan !== undefined) return { plan, shift: isNarrow ? 2 : 3 };
  }
  return finishPlan(target, slots.sumNearest);
}

/** How sums in two numbers each are rounded. */
function splitPlan(target: Target): FinishPlan | undefined {
  if (isNative(target, 'binary64')) return finishPlan(target, slots.sumNearest);
  const bits = extentOfFormat(target.format)?.bits;
  return bits !== undefined && mayBeOdd(target, bits) ? finishPlan(target, slots.sumOdd) : undefined;
}

/**
 * The plan for operands and a start of these extents, or undefined where only the reference does it. `k` is at least 1. `start`:
 * `nothing` for +0. `isMatrix`: whether both operands are more than one row or column. `outShift`: log2
 * of the bytes of an element of the result.
 */
export function planProduct(
  model: ProductModel,
  a: OperandExtent,
  b: OperandExtent,
  start: OperandExtent,
  k: number,
  isMatrix: boolean,
  outShift: 2 | 3,
): ProductPlan | undefined {
  const { accumulate, order, conversion, converts } = model;
  const integers = isMatrix ? integerSums(model, a, b, start, k) : undefined;
  const terms = { operands: [a, b], exact: extentOfProducts(a, b), start, k } as const;
  if (accumulate === 'exact') {
    const sum = integers ?? exactSums(model, terms);
    const last =
      sum &&
      (sum.sums === slots.sumSplit ? splitPlan(conversion) : conversionPlan(conversion, sum, outShift));
    return sum && last && { sum, chunks: undefined, conversion: last };
  }
  const planned = (
    sum: SumPlan | undefined,
    chunks?: FinishPlan,
    flush?: FinishPlan,
  ): ProductPlan | undefined => {
    if (sum === undefined) return undefined;
    const last = converts ? conversionPlan(conversion, sum, outShift) : undefined;
    if (converts && last === undefined) return undefined;
    return { sum, chunks, conversion: last, ...(flush && { flush }) };
  };
  if (integers !== undefined) return planned(integers);
  if ('kind' in accumulate) return planned(planUnit(accumulate));
  // Chunks begin with +0, and the first of them joins the start.
  const isChunked = typeof order === 'object';
  const isFlushed = sumsChunksExactly(order);
  const sum = isFlushed
    ? flushedSums(model, accumulate, [a, b], { ...terms, start: nothing, k: Math.min(k, order.chunk) })
    : roundedSums(model, accumulate, isChunked ? { ...terms, start: nothing } : terms);
  if (!isChunked) return planned(sum);
  const members = extentOfFormat(accumulate.format);
  const isInside = startsInside(start, conversion.format, accumulate);
  const sums =
    members &&
    (isNative(accumulate, 'binary64') ? slots.sumNearest : sumsOf(accumulate, start, members, isInside));
  const chunks = sums === undefined ? undefined : finishPlan(accumulate, sums);
  const flush = isFlushed ? finishPlan(accumulate, slots.sumNearest) : undefined;
  return chunks && (flush !== undefined || !isFlushed) ? planned(sum, chunks, flush) : undefined;
}
