/** Integer formats: step 1, two's complement when signed. The most negative code can be left out (`symmetric`). */
import { checkBoolean, checkFields, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { asCode, checkCode, collectValues, notInFormat } from './codes.ts';
import type { Code, IntFormat } from './format.ts';

export interface IntParameters {
  /** 1 to 53 (2 to 53 signed): every integer is a binary64 value. */
  readonly bits: number;
  /** Default true. */
  readonly signed?: boolean;
  /** Range +-(2^(bits - 1) - 1) instead of the full two's-complement one. Default false. */
  readonly symmetric?: boolean;
}

const parameterNames: readonly (keyof IntParameters)[] = ['bits', 'signed', 'symmetric'];

/**
 * An integer format. The most negative code of a symmetric format decodes to NaN: it is not a value of the format.
 *
 * @example
 * int({ bits: 8 }).min // -128
 * int({ bits: 4, signed: false }).name // 'uint4'
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function int(parameters: IntParameters): IntFormat {
  const given = checkFields('', parameters, parameterNames, 'parameters');
  const signed = checkBoolean('signed', given.signed, true);
  const symmetric = checkBoolean('symmetric', given.symmetric, false);
  const bits = integerInRange('bits', given.bits, signed ? 2 : 1, 53);
  if (symmetric && !signed) throw new ArgumentError('symmetric', symmetric, 'false when signed is false');
  const name = `${signed ? '' : 'u'}int${bits}${symmetric ? 'symmetric' : ''}`;
  const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const min = signed ? (symmetric ? -max : -max - 1) : 0;

  function decode(code: Code): number {
    const whole = checkCode(code, bits, name);
    const value = Number(signed ? BigInt.asIntN(bits, whole) : whole);
    return value < min ? NaN : value;
  }

  const has = (value: number): boolean => Number.isInteger(value) && value >= min && value <= max;

  function encode(value: number): Code {
    if (!has(value)) throw notInFormat(value, name);
    return asCode(BigInt.asUintN(bits, BigInt(value)), bits);
  }

  return Object.freeze({
    kind: 'int',
    name,
    bits,
    min,
    max,
    symmetric,
    isSigned: signed,
    hasInfinity: false,
    hasNaN: false,
    hasNegativeZero: false,
    decode,
    encode,
    has,
    values: (): number[] => collectValues(bits, name, decode),
    toString: (): string => name,
    toJSON: (): string => name,
  } satisfies IntFormat);
}
