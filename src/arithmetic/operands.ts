/** The checks of what the methods of an `arithmetic` object are given: numbers and arrays of values of its format. */
import {
  isFloat32Array,
  isRealArray,
  type Numbers,
  newLike,
  type RealArray,
  realArray,
} from '../array-kinds.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { checkCarrier } from '../formats/real-arrays.ts';
import { operandRounding, type ResolvedRounding } from '../rounding/options.ts';
import { roundArrayReference, roundScalar } from '../rounding/round.ts';
import type { ArithmeticContext, ArithmeticKernels } from './context.ts';

/** What becomes of an operand that is not in the format: an error, or it is rounded first. */
export const operandTreatments = ['error', 'round'] as const;
export type OperandTreatment = (typeof operandTreatments)[number];

export type Operand = RealArray | number;

const operandAccepted = 'a number, a Float32Array, a Float64Array, a Float16Array or an array of numbers';

/** What is given as an operand: a number as it is, arrays as `realArray` takes them. Throws ArgumentError. */
export function readOperand(name: string, given: number | Numbers): Operand {
  return typeof given === 'number' ? given : realArray(name, given, operandAccepted);
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
  const rounding = operandRounding(options);

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
    throw new ArgumentError(name, x, operandAccepted);
  };
}

/** Throws ArgumentError unless the arrays among the operands are of one kind and length; at least one there is. Gives that one. */
export function commonArray(names: readonly string[], operands: readonly Operand[]): RealArray {
  const first = operands.findIndex((x) => typeof x !== 'number');
  const like = operands[first] as RealArray;
  operands.forEach((x, i) => {
    if (typeof x === 'number' || (isFloat32Array(x) === isFloat32Array(like) && x.length === like.length))
      return;
    const kind = isFloat32Array(like) ? 'Float32Array' : 'Float64Array';
    throw new ArgumentError(
      names[i]!,
      x,
      `a number, or a ${kind} of length ${like.length}, as ${names[first]}`,
    );
  });
  return like;
}
