/** Fixed-point formats: two's-complement (or unsigned) integers times a step of 2^-fractionBits. */

import { powerOfTwo } from '../binary64.ts';
import { checkBoolean, checkFields, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { asCode, checkCode, collectValues, notInFormat } from './codes.ts';
import type { Code, FixedFormat } from './format.ts';

export interface FixedParameters {
  /** Bits before the point, the sign bit apart: 0 to 53. */
  readonly integerBits: number;
  /** Bits after the point: 0 to 1022. */
  readonly fractionBits: number;
  /** Default true: one more bit, for the sign. */
  readonly signed?: boolean;
}

const parameterNames: readonly (keyof FixedParameters)[] = ['integerBits', 'fractionBits', 'signed'];

/**
 * A fixed-point format: bits = integerBits + fractionBits, and one more when signed; at most 53, so that every value is a
 * binary64 value.
 *
 * @example
 * fixed({ integerBits: 4, fractionBits: 4 }).max // 15.9375
 * fixed({ integerBits: 4, fractionBits: 4, signed: false }).name // 'fixed(4,4,unsigned)'
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function fixed(parameters: FixedParameters): FixedFormat {
  const given = checkFields('', parameters, parameterNames, 'parameters');
  const signed = checkBoolean('signed', given.signed, true);
  const integerBits = integerInRange('integerBits', given.integerBits, 0, 53);
  const fractionBits = integerInRange('fractionBits', given.fractionBits, 0, 1022);
  const bits = integerBits + fractionBits + (signed ? 1 : 0);
  if (bits < 1 || bits > 53 || (signed && bits < 2))
    throw new ArgumentError(
      'fractionBits',
      fractionBits,
      `${signed ? 2 : 1} to 53 bits in all; these are ${bits}`,
    );
  const name = `fixed(${integerBits},${fractionBits}${signed ? '' : ',unsigned'})`;
  const step = powerOfTwo(-fractionBits);
  const perUnit = powerOfTwo(fractionBits);
  const steps = 2 ** (integerBits + fractionBits);
  const max = (steps - 1) * step;
  const min = signed ? -steps * step : 0;

  function decode(code: Code): number {
    const whole = checkCode(code, bits, name);
    return Number(signed ? BigInt.asIntN(bits, whole) : whole) * step;
  }

  // Scaling is exact below max: at most 53 significant bits, and no smaller than the step.
  const has = (value: number): boolean =>
    typeof value === 'number' &&
    value >= min &&
    value <= max &&
    Number.isInteger(value * perUnit) &&
    (value === 0 || Math.abs(value) >= step);

  function encode(value: number): Code {
    if (!has(value)) throw notInFormat(value, name);
    return asCode(BigInt.asUintN(bits, BigInt(value * perUnit)), bits);
  }

  return Object.freeze({
    kind: 'fixed',
    name,
    bits,
    integerBits,
    fractionBits,
    step,
    min,
    max,
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
  } satisfies FixedFormat);
}
