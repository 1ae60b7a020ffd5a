/**
 * One step of a matrix unit: a group of exact products joins the accumulator, in the fixed-point adder that the hardware
 * has instead of a chain of roundings. Sources: see `src/products/matrix-units.ts`.
 *
 * Every term is a significand times 2^exponent that is not brought into [1, 2): a product's exponent is the sum of its
 * operands' exponents, subnormals have the exponent of the smallest normal number, and a zero has the exponent -126. The
 * largest of the exponents, zeros included, decides where terms lose their low bits.
 */
import { exponentOf, scaleByPowerOfTwo } from '../../binary64.ts';
import { scalarFormats } from '../../formats/catalogue.ts';
import type { FloatFormat } from '../../formats/format.ts';
import type { MatrixUnitDescription } from '../../products/matrix-units.ts';
import { type ResolvedRounding, resolveRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';

export interface Term {
  /** Signed, exact; below 4 in magnitude for a product. */
  readonly significand: number;
  readonly exponent: number;
}

/** What one step takes: rows and columns of `group` elements, and their scales (none: 1). */
export interface StepInput {
  readonly a: ArrayLike<number>;
  readonly b: ArrayLike<number>;
  readonly scalesA: ArrayLike<number>;
  readonly scalesB: ArrayLike<number>;
}

const zeroExponent = -126;
const alignedBlock = 16;
// Fraction bits of the sum of products when the accumulator joins it (CDNA3).
const sumFractionBits = 31;

export function split(x: number, { emin }: FloatFormat): Term {
  if (x === 0) return { significand: 0, exponent: zeroExponent };
  const exponent = Math.max(exponentOf(x), emin);
  return { significand: scaleByPowerOfTwo(x, -exponent), exponent };
}

function productOf(a: Term, b: Term): Term {
  return { significand: a.significand * b.significand, exponent: a.exponent + b.exponent };
}

/** A sum in units of 2^(exponent - fractionBits), an integer below 2^53. */
interface AlignedSum {
  readonly units: number;
  readonly exponent: number;
}

function alignedSum(terms: readonly Term[], fractionBits: number): AlignedSum {
  const exponent = terms.reduce((most, term) => Math.max(most, term.exponent), -Infinity);
  let units = 0;
  for (const term of terms)
    units += Math.trunc(scaleByPowerOfTwo(term.significand, term.exponent - exponent + fractionBits));
  return { units, exponent };
}

function plainProducts({ operands }: MatrixUnitDescription, { a, b }: StepInput): Term[] {
  return Array.from(a, (x, i) => productOf(split(x, operands), split(b[i]!, operands)));
}

/** Products whose exponents carry the power-of-two scales along. */
function scaledProducts(unit: MatrixUnitDescription, input: StepInput): Term[] {
  const { scales } = unit;
  const products = plainProducts(unit, input);
  if (scales === undefined) return products;
  return products.map(({ significand, exponent }, i) => {
    const place = Math.floor(i / scales.size);
    const shift = exponentOf(input.scalesA[place]!) + exponentOf(input.scalesB[place]!);
    return { significand, exponent: exponent + shift };
  });
}

/** Exact sums of 16 products, times the scales' significands; the exponents are those of the scales alone. */
function blockTerms({ scales }: MatrixUnitDescription, { a, b, scalesA, scalesB }: StepInput): Term[] {
  const terms: Term[] = [];
  for (let start = 0; start < a.length; start += alignedBlock) {
    let sum = 0; // of multiples of 1/4 up to 36: exact
    for (let i = start; i < start + alignedBlock; i++) sum += a[i]! * b[i]!;
    const place = Math.floor(start / scales!.size);
    const scale = productOf(split(scalesA[place]!, scales!.format), split(scalesB[place]!, scales!.format));
    terms.push({ significand: sum * scale.significand, exponent: scale.exponent });
  }
  return terms;
}

/** The sum of the products and the accumulator in binary64: it is NaN or infinite exactly when the inputs make it so. */
function specialOf(c: number, { a, b, scalesA, scalesB }: StepInput): number | undefined {
  let sum = c;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  for (let i = 0; i < scalesA.length; i++) sum += scalesA[i]! * scalesB[i]! - scalesA[i]! * scalesB[i]!;
  return Number.isFinite(sum) ? undefined : sum;
}

const resolved = {
  'toward-zero': new Map<FloatFormat, ResolvedRounding>(),
  'nearest-even': new Map<FloatFormat, ResolvedRounding>(),
};

/** Overflow is infinite in either rounding, and every zero is +0. */
function roundResult({ result, rounding }: MatrixUnitDescription, x: number): number {
  let options = resolved[rounding].get(result);
  if (options === undefined) {
    options = resolveRounding(result, { rounding });
    resolved[rounding].set(result, options);
  }
  if (Math.abs(x) >= 2 ** (result.emax + 1)) return x < 0 ? -Infinity : Infinity;
  const rounded = roundScalar(x, result, options, 0);
  return rounded === 0 ? 0 : rounded;
}

/** The terms that a step aligns, beside the accumulator. */
export function stepTerms(unit: MatrixUnitDescription, input: StepInput): Term[] {
  if (unit.step === 'aligned-blocks') return blockTerms(unit, input);
  return unit.step === 'aligned' ? scaledProducts(unit, input) : plainProducts(unit, input);
}

function alignedStep(unit: MatrixUnitDescription, c: number, input: StepInput): number {
  const { units, exponent } = alignedSum(
    [split(c, unit.addend), ...stepTerms(unit, input)],
    unit.fractionBits,
  );
  return roundResult(unit, scaleByPowerOfTwo(units, exponent - unit.fractionBits));
}

/** floor(units 2^shift): what two's-complement hardware keeps of a number shifted right. */
function floorShift(units: number, shift: number): number {
  return Math.floor(scaleByPowerOfTwo(units, shift));
}

/** Sums of even and of odd products, aligned to the larger exponent of the two and floored. */
function halvesSum(terms: readonly Term[], fractionBits: number): AlignedSum {
  const even = alignedSum(
    terms.filter((_, i) => i % 2 === 0),
    fractionBits,
  );
  const odd = alignedSum(
    terms.filter((_, i) => i % 2 === 1),
    fractionBits,
  );
  const exponent = Math.max(even.exponent, odd.exponent);
  const units =
    floorShift(even.units, even.exponent - exponent) + floorShift(odd.units, odd.exponent - exponent);
  return { units, exponent };
}

function flooredStep(unit: MatrixUnitDescription, c: number, input: StepInput): number {
  const { fractionBits, addend } = unit;
  const products = plainProducts(unit, input);
  const overflowed = overflowOf(products);
  if (overflowed !== undefined) return overflowed;
  const sum =
    unit.step === 'floored-halves' ? halvesSum(products, fractionBits) : alignedSum(products, fractionBits);
  const carried = split(c, addend);
  const exponent = Math.max(sum.exponent, carried.exponent);
  const units = floorShift(sum.units, sumFractionBits - fractionBits + sum.exponent - exponent);
  // An accumulator shifted out entirely is floored to -1 unit if negative, except by the FP8 instructions.
  const isLost = unit.step === 'floored-halves' && carried.exponent < exponent - fractionBits - 1;
  const carriedUnits = isLost
    ? 0
    : floorShift(carried.significand, fractionBits + carried.exponent - exponent);
  const total = units + carriedUnits * 2 ** (sumFractionBits - fractionBits);
  return Math.fround(scaleByPowerOfTwo(total, exponent - sumFractionBits));
}

/** A product of 2^128 or more counts as infinite, whatever the sum. */
function overflowOf(products: readonly Term[]): number | undefined {
  let sum = 0;
  for (const { significand, exponent } of products) {
    const product = scaleByPowerOfTwo(significand, exponent);
    if (Math.abs(product) >= 2 ** 128) sum += product < 0 ? -Infinity : Infinity;
  }
  return sum === 0 ? undefined : sum;
}

const minNormal32 = scalarFormats.binary32.minNormal;

function flushResult(x: number, flushes: boolean): number {
  return flushes && Math.abs(x) < minNormal32 ? 0 * x : x;
}

function flushOperand(x: number, { minNormal }: FloatFormat, flushes: boolean): number {
  return flushes && Math.abs(x) < minNormal ? 0 : x;
}

function pairwiseStep(
  unit: MatrixUnitDescription,
  c: number,
  { a, b }: StepInput,
  see: SeeSum | undefined,
): number {
  const { flushes, operands, addend } = unit;
  const rounded = (x: number): number => flushResult(Math.fround(x), flushes);
  let sums = Array.from(a, (x, i) => {
    const product = flushOperand(x, operands, flushes) * flushOperand(b[i]!, operands, flushes);
    return rounded(product + 0);
  });
  for (let span = 2; sums.length > 1; span *= 2) {
    sums = Array.from({ length: sums.length / 2 }, (_, i) => rounded(sums[2 * i]! + sums[2 * i + 1]!));
    for (const [i, sum] of sums.entries()) see?.(i * span, (i + 1) * span, sum);
  }
  return rounded(flushOperand(c, addend, flushes) + sums[0]!);
}

/** Is told of the sums of products `from` up to `to` within a step. */
type SeeSum = (from: number, to: number, sum: number) => void;

/**
 * What the accumulator is after one step.
 *
 * @param c The accumulator before, a value of the addend's format.
 * @param see Is told of the sums that pairwise steps round; other steps have none.
 */
export function stepOf(unit: MatrixUnitDescription, c: number, input: StepInput, see?: SeeSum): number {
  if (unit.step === 'pairwise') return pairwiseStep(unit, c, input, see);
  const special = specialOf(c, input);
  if (special !== undefined) return special;
  return unit.step === 'aligned' || unit.step === 'aligned-blocks'
    ? alignedStep(unit, c, input)
    : flooredStep(unit, c, input);
}
