/** The checks of what the methods of an `arithmetic` object are given: numbers and arrays of values of its format. */
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { fitsBinary32, newLike, overlapsAskew, type RealArray } from '../formats/real-arrays.ts';
import { isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import { roundArrayReference, roundScalar } from '../rounding/round.ts';
import type { ArithmeticContext, ArithmeticKernels } from './context.ts';

/** What becomes of an operand that is not in the format: an error, or it is rounded first. */
export const operandTreatments = ['error', 'round'] as const;
export type OperandTreatment = (typeof operandTreatments)[number];

export type Operand = RealArray | number;

export function isRealArray(x: unknown): x is RealArray {
  return x instanceof Float32Array || x instanceof Float64Array;
}

/** Throws ArgumentError where a Float32Array cannot hold the format's values. */
export function checkCarrier(name: string, x: RealArray, format: Format): void {
  if (x instanceof Float32Array && !fitsBinary32(format))
    throw new ArgumentError(
      name,
      x,
      `a Float64Array for ${format.name}, whose values need not be binary32 numbers`,
    );
}

function firstNonMember(x: RealArray, format: Format): number {
  return x.findIndex((value) => !(format.has(value) || Number.isNaN(value)));
}

/**
 * `accept` of an `ArithmeticContext`. Under `'round'` operands are rounded as the options say, to nearest even in the
 * stochastic modes: no random integer is drawn for them.
 */
export function operandCheck(
  format: Format,
  options: ResolvedRounding,
  treatment: OperandTreatment,
  kernels: ArithmeticKernels | undefined,
): ArithmeticContext['accept'] {
  const rounding: ResolvedRounding = isStochastic(options.rounding)
    ? { ...options, rounding: 'nearest-even' }
    : options;

  function acceptNumber(name: string, x: number): number {
    if (format.has(x) || Number.isNaN(x)) return x;
    if (treatment === 'round') return roundScalar(x, format, rounding, 0);
    throw new ArgumentError(name, x, `a value of ${format.name}, or operands: 'round'`);
  }

  function acceptArray(name: string, x: RealArray): RealArray {
    checkCarrier(name, x, format);
    const wrong = kernels === undefined ? firstNonMember(x, format) : kernels.firstNonMember(x, format);
    if (wrong < 0) return x;
    if (treatment === 'error')
      throw new ArgumentError(
        `${name}[${wrong}]`,
        x[wrong],
        `a value of ${format.name}, or operands: 'round'`,
      );
    const rounded = newLike(x);
    if (kernels === undefined) roundArrayReference(x, rounded, format, rounding);
    else kernels.round(x, rounded, format, rounding, 1);
    return rounded;
  }

  return <X extends Operand>(name: string, x: X): X => {
    if (typeof x === 'number') return acceptNumber(name, x) as X;
    if (isRealArray(x)) return acceptArray(name, x) as RealArray as X;
    throw new ArgumentError(name, x, 'a number, a Float32Array or a Float64Array');
  };
}

/** Throws ArgumentError unless the operands are numbers and arrays of one kind and length, at least one. Gives that one. */
export function commonArray(names: readonly string[], operands: readonly Operand[]): RealArray {
  let first: { readonly name: string; readonly x: RealArray } | undefined;
  operands.forEach((x, i) => {
    const name = names[i]!;
    if (typeof x === 'number') return;
    if (!isRealArray(x)) throw new ArgumentError(name, x, 'a number, a Float32Array or a Float64Array');
    first ??= { name, x };
    if (x.constructor !== first.x.constructor || x.length !== first.x.length)
      throw new ArgumentError(
        name,
        x,
        `a number, or a ${first.x.constructor.name} of length ${first.x.length}, as ${first.name}`,
      );
  });
  return first!.x;
}

/** The array for the result: `out` if it fits, else a new one. Throws ArgumentError. */
export function resultArray(out: RealArray | undefined, like: RealArray): RealArray {
  if (out === undefined) return newLike(like);
  if (!isRealArray(out) || out.constructor !== like.constructor || out.length !== like.length)
    throw new ArgumentError(
      'out',
      out,
      `a ${like.constructor.name} of length ${like.length}, as the operands`,
    );
  return out;
}

/** The operand, copied where writing `out` from its beginning would spoil it. */
export function apartFrom(x: Operand, out: RealArray): Operand {
  return typeof x !== 'number' && overlapsAskew(x, out) ? x.slice() : x;
}
