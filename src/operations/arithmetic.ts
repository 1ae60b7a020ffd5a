/**
 * `arithmetic` as users call it: the operations of `src/arithmetic`, with the SIMD kernels for arrays. The kernels agree with the
 * scalar reference on every bit.
 */

import {
  type Arithmetic,
  type ArithmeticOptions,
  type CountingArithmetic,
  createArithmetic,
} from '../arithmetic/arithmetic.ts';
import type { ArithmeticKernels } from '../arithmetic/context.ts';
import type { Flags } from '../arithmetic/flags.ts';
import { createFormatOf, type FormatOfArithmetic, type FormatOfOptions } from '../arithmetic/format-of.ts';
import { isFloat32Array, kindOf, type RealArray } from '../array-kinds.ts';
import type { Format } from '../formats/format.ts';
import type { FormatSpelling } from '../formats/names.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { firstNonMember, operateArray } from '../kernels/arithmetic/operation-arrays.ts';
import { encodeArray } from '../kernels/codec-arrays.ts';
import { elementaryArray } from '../kernels/elementary/elementary-arrays.ts';
import { matmulArray } from '../kernels/products/product-arrays.ts';
import { roundArray } from '../kernels/rounding-arrays.ts';
import { checkThreads } from '../kernels/threads.ts';
import { resolveRounding } from '../rounding/options.ts';

function codesOf(x: RealArray, format: Format): ArrayLike<number> {
  const type = isFloat32Array(x) && fitsBinary32(format) ? 'float32' : 'float64';
  const codes = encodeArray(x, type, format, resolveRounding(format), 'zero');
  if (kindOf(codes) === 'BigUint64Array')
    throw new RangeError(`${format.name} has codes of more than 32 bits`);
  return codes as ArrayLike<number>;
}

const kernels: ArithmeticKernels = {
  operate: operateArray,
  elementary: elementaryArray,
  firstNonMember,
  codesOf,
  round: roundArray,
  checkThreads,
  matmul: matmulArray,
};

export type { Arithmetic, ArithmeticOptions } from '../arithmetic/arithmetic.ts';

/**
 * Operations on operands of formats of their own, rounded once to the format of results: the formatOf operations of IEEE 754-2019,
 * section 5.4.1.
 *
 * @param formats `operands`: the formats of a, b and c; `result`; and the options as above, but `operands: 'round'`.
 *
 * @example
 * const mixed = arithmetic({ operands: ['e4m3fn', 'e4m3fn', 'binary32'], result: 'bfloat16', rounding: 'toward-zero' });
 * mixed.fma(448, 448, 1) // 200704
 */
export function arithmetic(
  formats: FormatOfOptions & { readonly flags: true },
): FormatOfArithmetic & { readonly flags: Readonly<Flags> };
export function arithmetic(formats: FormatOfOptions): FormatOfArithmetic;
/**
 * Operations in a number format, correctly rounded in every mode: each result is as if computed exactly and rounded once.
 *
 * The methods take numbers, arrays of one kind (Float32Array or Float64Array) and length, or numbers against arrays; the result
 * is a number, or an array of that kind. Arrays of numbers count as Float64Arrays, Float16Arrays as Float32Arrays unless all are such, which
 * give a Float16Array for formats within binary16. Operands must be values of the format, or NaN. The options hold for every call, the
 * seed, `offset` and supplied `random` included: the object owns a cursor that moves on by the draw slots of a call, one an
 * element in the element-wise operations. What the operations give for zeros, infinities and NaN: `docs/arithmetic.md`.
 *
 * @param format A format or its name.
 * @param options Mode, saturation, subnormals and random bits as for `round`; `operands`, `flags`, `threads`: see
 *   `ArithmeticOptions`.
 * @throws ArgumentError for an unknown format or option. The methods throw it for operands that are not numbers or such arrays,
 *   do not match, or are not in the format (it names the operand and the value), for an `out` that does not fit, and if the
 *   supplied random integers run out.
 *
 * @example
 * const e4m3 = arithmetic('e4m3fn', { rounding: 'toward-zero', saturation: 'finite' });
 * e4m3.add(1, 0.109375) // 1, since the next number up is 1.125
 * e4m3.mul(new Float32Array([16, 448]), 2) // Float32Array [32, 448]
 */
export function arithmetic(
  format: Format | FormatSpelling,
  options: ArithmeticOptions & { readonly flags: true },
): CountingArithmetic;
export function arithmetic(format: Format | FormatSpelling, options?: ArithmeticOptions): Arithmetic;
export function arithmetic(
  given: Format | FormatSpelling | FormatOfOptions,
  options?: ArithmeticOptions,
): Arithmetic | FormatOfArithmetic {
  if (typeof given !== 'object' || given === null || 'decode' in given || !isFormatOf(given))
    return createArithmetic(given as Format | FormatSpelling, options, kernels);
  return createFormatOf(given, kernels);
}

const isFormatOf = (given: object): given is FormatOfOptions => 'operands' in given || 'result' in given;
