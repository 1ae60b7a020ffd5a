/**
 * `arithmetic` on numbers and flat arrays: the operations of `src/arithmetic`, with the SIMD kernels. The kernels agree with the
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

/** As the public `arithmetic` of several formats. */
export function arithmetic(
  formats: FormatOfOptions & { readonly flags: true },
): FormatOfArithmetic & { readonly flags: Readonly<Flags> };
export function arithmetic(formats: FormatOfOptions): FormatOfArithmetic;
/** As the public `arithmetic` of a format (`src/arrays/arithmetic.ts`), without shaped arrays and expressions. */
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
