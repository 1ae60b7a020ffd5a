/**
 * The matrix product of quantised operands, computed on codes and scales: what a machine with narrow multipliers and an exact
 * accumulator gives. Beside it the ordinary product of the dequantised values, so that the two can be compared.
 *
 * Along the axis that is summed over, elements with the same scales form a segment. The products of a segment's elements are
 * added as integers; segments are multiplied by their scales and added exactly; the sum is rounded once.
 */

import { roundReal } from '../arithmetic/real.ts';
import { isFloat32Array, newArray } from '../array-kinds.ts';
import { scaleByPowerOfTwo, toBigIntSignificand } from '../binary64.ts';
import { checkBoolean, checkFields, checkLength, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { formats } from '../formats/catalogue.ts';
import { bitLength } from '../formats/integers.ts';
import { decode, type RealArray } from '../operations/conversions.ts';
import { resolveRounding } from '../rounding/options.ts';
import { groupsOf } from './elements.ts';
import { type Quantized, storedOf } from './quantized.ts';

export interface QuantizedMatmulOptions {
  /** Whether a is stored (k, m). Default false: (m, k). */
  readonly transposeA?: boolean;
  /** Whether b is stored (n, k). Default false: (k, n). */
  readonly transposeB?: boolean;
  /**
   * 'codes' (default): exact on codes and scales, rounded once. 'values': the dequantised values, each product and each sum
   * rounded to the result's precision, k ascending from +0.
   */
  readonly domain?: 'codes' | 'values';
}

/** numerator / denominator 2^exponent; numerator 0n: zero. */
interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly exponent: number;
}

const zero: Ratio = { numerator: 0n, denominator: 1n, exponent: 0 };

/** An operand, element (row, k) at `row * rowStride + k * kStride`. */
interface Operand {
  readonly rows: number;
  readonly length: number;
  readonly rowStride: number;
  readonly kStride: number;
  readonly values: RealArray;
  /** Elements less their zero points, in units of 2^exponent: integers. */
  readonly integers: Float64Array;
  readonly exponent: number;
  /** The largest magnitude of the integers. */
  readonly largest: number;
  readonly groups: Uint32Array;
  readonly factors: readonly Ratio[];
  /** Rows with a value that is not finite. */
  readonly isSpecial: readonly boolean[];
}

/** The exponent of the lowest bit of a finite number that is not zero. */
function lowestBit(x: number): number {
  const { significand, exponent } = toBigIntSignificand(x);
  return exponent + bitLength(significand & -significand) - 1;
}

function product({ numerator, denominator, exponent }: Ratio, other: Ratio): Ratio {
  return {
    numerator: numerator * other.numerator,
    denominator: denominator * other.denominator,
    exponent: exponent + other.exponent,
  };
}

function sum(a: Ratio, b: Ratio): Ratio {
  if (a.numerator === 0n) return b;
  if (b.numerator === 0n) return a;
  const exponent = Math.min(a.exponent, b.exponent);
  const [left, right] = [a, b].map((x) => x.numerator << BigInt(x.exponent - exponent)) as [bigint, bigint];
  if (a.denominator === b.denominator)
    return { numerator: left + right, denominator: a.denominator, exponent };
  const denominator = a.denominator * b.denominator;
  return { numerator: left * b.denominator + right * a.denominator, denominator, exponent };
}

/** The value of one unit of a group: `out`, or one over it. */
function factorOf(out: number, divides: boolean): Ratio {
  if (!Number.isFinite(out)) return zero; // of a NaN group: its rows are computed otherwise
  const { significand, exponent } = toBigIntSignificand(out);
  return divides
    ? { numerator: 1n, denominator: significand, exponent: -exponent }
    : { numerator: significand, denominator: 1n, exponent };
}

function operandOf(argument: string, given: Quantized, transposed: boolean): Operand {
  const { stored, scales, restore } = storedOf(given);
  const { shape, codes, options, zeroPoints } = stored;
  checkLength(argument, shape, 2, 'a quantised matrix, of two axes');
  if (restore.transform !== undefined && options.invert)
    throw new ArgumentError(argument, restore.transform.name, 'no transform, or one with invert: false');
  const [first, second] = shape as [number, number];
  const [rows, length] = transposed ? [second, first] : [first, second];
  const [rowStride, kStride] = transposed ? [1, second] : [second, 1];
  const groups = groupsOf({ grouping: options.scale.grouping, shape }, codes.length);
  const elements = Float64Array.from(decode(codes, options.format));
  if (zeroPoints !== undefined)
    for (let i = 0; i < elements.length; i++) elements[i] = elements[i]! - zeroPoints[groups[i]!]!;
  const { values } = given;
  const isSpecial = Array.from({ length: rows }, (_, row) => {
    for (let k = 0; k < length; k++)
      if (!Number.isFinite(values[row * rowStride + k * kStride]!)) return true;
    return false;
  });
  const distinct = [...new Set(elements)].filter((x) => x !== 0 && Number.isFinite(x));
  const exponent = distinct.reduce((least, x) => Math.min(least, lowestBit(x)), Infinity);
  const unit = exponent === Infinity ? 0 : exponent;
  const integers = elements.map((x) => (Number.isFinite(x) ? scaleByPowerOfTwo(x, -unit) : 0));
  return {
    rows,
    length,
    rowStride,
    kStride,
    values,
    integers,
    exponent: unit,
    largest: distinct.reduce((most, x) => Math.max(most, Math.abs(scaleByPowerOfTwo(x, -unit))), 0),
    groups,
    factors: Array.from(scales.out, (out) => factorOf(out, scales.dividesOut)),
    isSpecial,
  };
}

/** The product of a row and a column on codes and scales, exact. */
function exactDot(a: Operand, b: Operand, i: number, j: number): Ratio {
  // Integers below 2^53 in all partial sums add exactly as numbers.
  const isSmall = a.largest * b.largest * a.length <= 2 ** 53;
  let total = zero;
  for (let k = 0; k < a.length; ) {
    const [groupA, groupB] = [
      a.groups[i * a.rowStride + k * a.kStride]!,
      b.groups[j * b.rowStride + k * b.kStride]!,
    ];
    let small = 0;
    let large = 0n;
    for (; k < a.length; k++) {
      const [atA, atB] = [i * a.rowStride + k * a.kStride, j * b.rowStride + k * b.kStride];
      if (a.groups[atA] !== groupA || b.groups[atB] !== groupB) break;
      if (isSmall) small += a.integers[atA]! * b.integers[atB]!;
      else large += BigInt(a.integers[atA]!) * BigInt(b.integers[atB]!);
    }
    const numerator = isSmall ? BigInt(small) : large;
    if (numerator === 0n) continue;
    const segment = { numerator, denominator: 1n, exponent: a.exponent + b.exponent };
    total = sum(total, product(segment, product(a.factors[groupA]!, b.factors[groupB]!)));
  }
  return total;
}

/** A ratio rounded to nearest, ties to even. */
function roundRatio({ numerator, denominator, exponent }: Ratio, isFloat32: boolean): number {
  if (numerator === 0n) return 0;
  const magnitude = numerator < 0n ? -numerator : numerator;
  // 64 bits of the quotient at least, and whether there is more.
  const shift = Math.max(0, 64 + bitLength(denominator) - bitLength(magnitude));
  const scaled = magnitude << BigInt(shift);
  const significand = scaled / denominator;
  const real = {
    negative: numerator < 0n,
    significand,
    exponent: exponent - shift,
    sticky: significand * denominator !== scaled,
  };
  const format = isFloat32 ? formats.binary32 : formats.binary64;
  return roundReal(real, format, resolveRounding(format), 0);
}

/** The product of a row and a column of values, each step rounded. */
function roundedDot(a: Operand, b: Operand, i: number, j: number, carry: (x: number) => number): number {
  let total = 0;
  for (let k = 0; k < a.length; k++) {
    const term = carry(
      a.values[i * a.rowStride + k * a.kStride]! * b.values[j * b.rowStride + k * b.kStride]!,
    );
    total = carry(total + term);
  }
  return total;
}

/**
 * The product of two quantised matrices.
 *
 * On codes the result is the exact product of the dequantised values before they were rounded to their array, rounded once. The
 * two domains agree where no rounding happens on the way: scales that are powers of two (or one scale for each row of a and one
 * for each column of b that are), and partial sums of less than 2^24 units of the last place (2^53 for Float64Array) – int8:
 * k <= 1040; ternary by int8: k <= 132 104; e2m1: k <= 116 508. Where a row or column holds NaN or infinity, both give what IEEE 754 gives.
 *
 * @param a (m, k), or (k, m) with `transposeA`; results of `quantize` or `unpack`, any grouping.
 * @param b (k, n), or (n, k) with `transposeB`.
 * @returns (m, n), row-major: a Float32Array if both hold binary32 values, else a Float64Array.
 * @throws ArgumentError for shapes that do not fit, or operands that must be transformed back first.
 *
 * @example
 * const a = quantize(new Float32Array([1, 2, 3, 4]), 'mxfp8e4m3', { shape: [2, 2] });
 * quantizedMatmul(a, a); // Float32Array [7, 10, 15, 22]
 */
export function quantizedMatmul(a: Quantized, b: Quantized, options?: QuantizedMatmulOptions): RealArray {
  const given = checkFields('', options, ['transposeA', 'transposeB', 'domain']);
  const domain = oneOf('domain', given.domain, ['codes', 'values'], 'codes');
  const left = operandOf('a', a, checkBoolean('transposeA', given.transposeA, false));
  // b's columns are the rows of its operand.
  const right = operandOf('b', b, !checkBoolean('transposeB', given.transposeB, false));
  checkLength('b', left, right.length, `${left.length} elements along the axis summed over, as a`, b.shape);
  const isFloat32 = isFloat32Array(left.values) && isFloat32Array(right.values);
  const carry = isFloat32 ? Math.fround : (x: number): number => x;
  const size = left.rows * right.rows;
  const out = newArray<RealArray>(isFloat32 ? Float32Array : Float64Array, size);
  for (let i = 0; i < left.rows; i++)
    for (let j = 0; j < right.rows; j++) {
      const isPlain = domain === 'values' || left.isSpecial[i]! || right.isSpecial[j]!;
      out[i * right.rows + j] = isPlain
        ? roundedDot(left, right, i, j, carry)
        : roundRatio(exactDot(left, right, i, j), isFloat32);
    }
  return out;
}
