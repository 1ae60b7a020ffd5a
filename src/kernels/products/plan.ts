/**
 * Which kernel makes the sums of a matrix product, and which rounds what they give. The one place that knows where the kernels
 * fit: it looks at the operands as they are (how many bits, between which powers of two), not only at their format.
 *
 * - Products and sums as the hardware makes them: binary32 and binary64 to nearest even, where products are exact or are to be
 *   rounded so. Any sum that is exact in binary64 too.
 * - Binary32 lanes that round every step, to nearest even for at most 11 bits (24 >= 2p + 2), stochastically where p + N is
 *   at most 22; products must be exact in them.
 * - Binary64 lanes for all else, where products are exact in them and a sum is exact, or innocently rounded (nearest modes,
 *   53 >= 2p + 2), or has p + 2 bits (stochastic: p + N + 2) once it is made odd.
 */
import { powerOfTwo } from '../../formats/binary64.ts';
import type { FloatFormat, Format } from '../../formats/format.ts';
import type { ResolvedRounding, RoundingMode } from '../../rounding/index.ts';
import { drawWidth } from '../../rounding/philox.ts';
import { endsOf } from '../parameter-block.ts';
import { kindStochastic, kinds, lanes64 } from '../parameters.ts';
import { planInLanes } from '../plan.ts';
import type { RoundingPlan } from '../rounding-plan.ts';
import { binary32, binary64, type Extent, extentOfFormat, extentOfProducts, holds } from './extent.ts';
import * as slots from './slots.ts';

/** The number of the stochastic kernel in binary64 lanes. */
const general64Stochastic = lanes64 * kinds + kindStochastic;

/** A format with the rounding to it. */
export interface Target {
  readonly format: Format;
  readonly options: ResolvedRounding;
}

/** How an inner product is made: the accumulator model of `arithmetic`, resolved. */
export interface ProductModel {
  readonly products: 'exact' | Target;
  readonly accumulate: 'exact' | Target;
  readonly order: 'sequential' | 'pairwise' | { readonly chunk: number };
  /** The last rounding, to the result's format, and whether it can change anything. */
  readonly conversion: Target;
  readonly converts: boolean;
}

/** The kernel of sums. */
export interface SumPlan {
  readonly kernel: number;
  /** log2 of the bytes of a lane, and so of a sum. */
  readonly shift: 2 | 3;
  readonly sums: number;
  readonly roundsProducts: boolean;
  readonly rounding?: RoundingPlan;
  /** Bits of a draw, 0 for none. */
  readonly drawBits: number;
  readonly randomBits: number;
  /** Writes what the kernel needs beyond that. */
  write?(block: DataView): void;
}

/** The kernel that rounds numbers one by one, or sums of two. */
export interface FinishPlan {
  readonly sums: number;
  /** None for a mere change of type. */
  readonly rounding: RoundingPlan | undefined;
  readonly drawBits: number;
  readonly randomBits: number;
}

export interface ProductPlan {
  readonly sum: SumPlan;
  /** Adds chunks' sums up. */
  readonly chunks: FinishPlan | undefined;
  /** Rounds what the accumulator holds. */
  readonly conversion: FinishPlan | undefined;
}

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

/** Whether `decision` bits, and the random ones, are left of a sum made odd. */
function mayBeOdd({ options }: Target, bits: number): boolean {
  return bits + 2 + (options.rounding === 'stochastic' ? options.randomBits : 0) <= binary64.bits;
}

/** How sums of a format's numbers and of terms are made in binary64 lanes. Undefined where they have too many bits. */
function sumsOf(target: Target, terms: Extent, termsAreMembers: boolean): number | undefined {
  const extent = extentOfFormat(target.format);
  if (extent === undefined) return undefined;
  const bits = Math.max(extent.top, terms.top) + 2 - Math.min(extent.low, terms.low);
  if (bits <= binary64.bits) return slots.sumNearest;
  const isInnocuous = target.options.rounding.startsWith('nearest-') && 2 * extent.bits + 2 <= binary64.bits;
  if (isInnocuous && termsAreMembers) return slots.sumNearest;
  return target.options.saturation !== 'wrap' && mayBeOdd(target, extent.bits) ? slots.sumOdd : undefined;
}

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

/**
 * The exponent below which all sums stay, if they stay within the format; else undefined. Products are at most a power of two q.
 * Sums to nearest even are at most min(k, 2^p) q then, as (2^p + 1) q is a tie that goes down; others grow by a factor of at most
 * 1 + 2^(1 - p) a step besides.
 */
function boundOfSums({ format, options }: Target, products: Extent, k: number): number | undefined {
  const { precision, emin, mantissaBits, max } = format as FloatFormat;
  const q = Math.max(products.top + 1, emin - mantissaBits);
  const growth = 2 ** (1 - precision);
  const terms =
    options.rounding === 'nearest-even' || k <= 2 ** precision
      ? Math.log2(Math.min(k, 2 ** precision))
      : Math.log2((1 + growth) ** k - 1) - Math.log2(growth);
  const top = q + Math.ceil(terms + 1e-6);
  return top <= 1000 && powerOfTwo(Math.max(-1000, top)) <= max ? top : undefined;
}

/** What the binary32 kernels that round every step have in common, or undefined where they do not fit. */
function steps32(
  kernel: number,
  target: Target,
  products: Extent,
  k: number,
  room: number,
): SumPlan | undefined {
  const { format, options } = target;
  const { emin, emax, max, mantissaBits } = format as FloatFormat;
  const bound = boundOfSums(target, products, k);
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
      if (bound === undefined) block.setFloat32(slots.suspectSlot, powerOfTwo(emax - 1), true);
      else block.setInt32(slots.suspectSlot, 2 ** 31 - 1, true);
    },
  };
}

/** To nearest even by magic numbers, three halves of a power of two: `room` binades above the number's own. */
function nearest32(target: Target, products: Extent, k: number): SumPlan | undefined {
  const { precision, emin } = target.format as FloatFormat;
  const room = binary32.bits - precision;
  const plan = steps32(slots.nearest32, target, products, k, room);
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
    default:
      return undefined;
  }
}

/** In every other mode on bit patterns. */
function pattern32(target: Target, products: Extent, k: number): SumPlan | undefined {
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
  const plan = steps32(slots.pattern32, target, products, k, 0);
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

function rounded32(target: Target, products: Extent, k: number): SumPlan | undefined {
  const { format, options } = target;
  if (!isRegular(target)) return undefined;
  const isNearest = options.rounding === 'nearest-even';
  if (!isNearest) return pattern32(target, products, k);
  return 2 * (format as FloatFormat).precision + 2 <= binary32.bits
    ? nearest32(target, products, k)
    : undefined;
}

const plain = { sums: slots.sumNearest, roundsProducts: false, drawBits: 0, randomBits: 1 } as const;

/** Whether exact products (terms of a plain sum, say) are numbers of a format anyway, so that rounding them changes nothing. */
function areMembers({ bits, low, top, finite }: Extent, { format }: Target): boolean {
  const extent = extentOfFormat(format);
  const fits = extent !== undefined && bits <= extent.bits && low >= extent.low;
  return fits && finite && powerOfTwo(Math.max(-1000, Math.min(top + 1, 1000))) <= format.max;
}

/** Sums that are rounded. */
function roundedSums(
  { products, order }: ProductModel,
  target: Target,
  exact: Extent,
  operands: readonly [Extent, Extent],
  k: number,
): SumPlan | undefined {
  const isTree = order === 'pairwise';
  const isRounded = products !== 'exact';
  const areNarrow = operands.every((operand) => holds(binary32, operand));
  if (isNative(target, 'binary32') && !isTree && areNarrow && (isRounded || holds(binary32, exact)))
    if (isRounded || exact.finite) return { ...plain, kernel: slots.plain32, shift: 2 };
  if (isNative(target, 'binary64') && (isRounded || holds(binary64, exact)))
    if (isRounded || exact.finite)
      return { ...plain, kernel: isTree ? slots.unrounded64 : slots.plain64, shift: 3 };
  const mayRound = isRounded || areMembers(exact, target);
  const steps = mayRound && !isTree ? rounded32(target, exact, k) : undefined;
  if (steps !== undefined) return steps;
  const rounding = planInLanes(target.format, target.options);
  if (rounding === undefined || !holds(binary64, exact)) return undefined;
  const terms = isRounded ? extentOfFormat(target.format) : exact;
  const sums = terms === undefined ? undefined : sumsOf(target, terms, isRounded);
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
function exactSums({ products, conversion }: ProductModel, exact: Extent, k: number): SumPlan | undefined {
  if (!holds(binary64, exact)) return undefined;
  const isRounded = products !== 'exact';
  const rounding = isRounded ? planInLanes(products.format, products.options) : undefined;
  const member = isRounded ? extentOfFormat(products.format) : exact;
  if (member === undefined || (isRounded && rounding === undefined)) return undefined;
  // A rounded product is at most the power of two above the exact one, or the smallest number; an infinite one may be clamped.
  const isBounded = isRounded && exact.finite;
  const top = isBounded ? Math.min(member.top, Math.max(exact.top + 1, member.low)) : member.top;
  const sumTop = top + 1 + Math.ceil(Math.log2(k));
  const kernel = rounding === undefined ? slots.unrounded64 : slots.general64 + rounding.kernel;
  const common = {
    kernel,
    shift: 3,
    roundsProducts: isRounded,
    ...(rounding === undefined ? {} : { rounding }),
    drawBits: isRounded ? drawBitsOf(rounding, products) : 0,
    randomBits: isRounded ? products.options.randomBits : 1,
  } as const;
  if (sumTop - member.low <= binary64.bits && sumTop <= binary64.top) {
    const isPlain = !isRounded && conversion.options.rounding !== 'toward-negative';
    return { ...common, kernel: isPlain ? slots.plain64 : kernel, sums: slots.sumExact };
  }
  const cut = Math.max(sumTop - binary64.bits, top - 50);
  const fits = cut + sumTop - top - 2 - member.low <= binary64.bits && cut + 53 <= binary64.top;
  if (!fits || !areCuttable(products, exact)) return undefined;
  return {
    ...common,
    sums: slots.sumSplit,
    write: (block) => block.setFloat64(slots.splitSlot, 1.5 * powerOfTwo(cut + 52), true),
  };
}

function finishPlan(target: Target, sums: number): FinishPlan | undefined {
  const { randomBits } = target.options;
  if (isNative(target, 'binary64')) return { sums, rounding: undefined, drawBits: 0, randomBits };
  const rounding = planInLanes(target.format, target.options);
  return rounding && { sums, rounding, drawBits: drawBitsOf(rounding, target), randomBits };
}

/** The plan for operands of these extents, or undefined where only the reference does it. `k` is at least 1. */
export function planProduct(model: ProductModel, a: Extent, b: Extent, k: number): ProductPlan | undefined {
  const { accumulate, order, conversion, converts } = model;
  const exact = extentOfProducts(a, b);
  if (accumulate === 'exact') {
    const sum = exactSums(model, exact, k);
    const isSplit = sum?.sums === slots.sumSplit;
    const bits = extentOfFormat(conversion.format)?.bits;
    if (sum === undefined || bits === undefined) return undefined;
    const isLast = !isSplit || isNative(conversion, 'binary64');
    if (!isLast && !mayBeOdd(conversion, bits)) return undefined;
    const last = finishPlan(conversion, isLast ? slots.sumNearest : slots.sumOdd);
    return last && { sum, chunks: undefined, conversion: last };
  }
  const sum = roundedSums(model, accumulate, exact, [a, b], k);
  if (sum === undefined) return undefined;
  let chunks: FinishPlan | undefined;
  if (typeof order === 'object') {
    const members = extentOfFormat(accumulate.format);
    const sums =
      members && (isNative(accumulate, 'binary64') ? slots.sumNearest : sumsOf(accumulate, members, true));
    chunks = sums === undefined ? undefined : finishPlan(accumulate, sums);
    if (chunks === undefined) return undefined;
  }
  const last = converts ? finishPlan(conversion, slots.sumNearest) : undefined;
  return converts && last === undefined ? undefined : { sum, chunks, conversion: last };
}
