/**
 * Logarithmic formats: a sign and a fixed-point binary logarithm. The value is +-2^(k / 2^f), correctly rounded to binary64,
 * for a two's-complement k of i + f bits; the most negative k stands for zero.
 */

import { scaleByPowerOfTwo } from '../binary64.ts';
import { checkFields, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { asCode, checkCode, notInFormat } from './codes.ts';
import type { Code, LogarithmicFormat } from './format.ts';
import { integerSquareRoot } from './integers.ts';

export interface LogarithmicParameters {
  /** Bits of the logarithm before the point, its sign included: 1 to 10. */
  readonly integerBits: number;
  /** Bits of the logarithm after the point: 0 to 14; i + f at most 15. */
  readonly fractionBits: number;
}

const parameterNames: readonly (keyof LogarithmicParameters)[] = ['integerBits', 'fractionBits'];

const workingBits = 256n;

/** 2^(j / 2^f) for j = 0 .. 2^f - 1, each correctly rounded to binary64: the powers are irrational, 256 bits decide. */
function fractionalPowers(fractionBits: number): number[] {
  const one = 1n << workingBits;
  const roots: bigint[] = [];
  let root = 2n * one;
  for (let i = 0; i < fractionBits; i++) {
    root = integerSquareRoot(root << workingBits);
    roots.push(root); // 2^(2^-(i+1))
  }
  return Array.from({ length: 2 ** fractionBits }, (_, j) => {
    let product = one;
    for (let i = 0; i < fractionBits; i++) {
      if (((j >> (fractionBits - 1 - i)) & 1) === 1) product = (product * roots[i]!) >> workingBits;
    }
    const dropped = workingBits - 52n;
    const rounded = (product + (1n << (dropped - 1n))) >> dropped;
    return Number(rounded) * 2 ** -52;
  });
}

/** Throws ArgumentError. */
function checkParameters(parameters: LogarithmicParameters): LogarithmicParameters {
  const given = checkFields('', parameters, parameterNames, 'parameters');
  const integerBits = integerInRange('integerBits', given.integerBits, 1, 10);
  const fractionBits = integerInRange('fractionBits', given.fractionBits, 0, 14);
  if (integerBits + fractionBits > 15)
    throw new ArgumentError('fractionBits', fractionBits, `at most ${15 - integerBits}, 15 - integerBits`);
  if (integerBits + fractionBits < 2)
    throw new ArgumentError('integerBits', integerBits, 'at least 2 when fractionBits is 0');
  return { integerBits, fractionBits };
}

/** The positive values: they ascend with k, from 1 - half to half - 1. */
function magnitudesOf(fractionBits: number, half: number): readonly number[] {
  const powers = fractionalPowers(fractionBits);
  const perUnit = 2 ** fractionBits;
  return Array.from({ length: 2 * half - 1 }, (_, i) => {
    const k = i + 1 - half;
    const whole = Math.floor(k / perUnit);
    return scaleByPowerOfTwo(powers[k - whole * perUnit]!, whole);
  });
}

/**
 * A logarithmic format of 1 + integerBits + fractionBits bits.
 *
 * @example
 * logarithmic({ integerBits: 4, fractionBits: 3 }).max // 2^(63/8) = 234.75...
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function logarithmic(parameters: LogarithmicParameters): LogarithmicFormat {
  const { integerBits, fractionBits } = checkParameters(parameters);
  const name = `logarithmic(${integerBits},${fractionBits})`;
  const logarithmBits = integerBits + fractionBits;
  const bits = 1 + logarithmBits;
  const half = 2 ** (logarithmBits - 1);
  const magnitudes = magnitudesOf(fractionBits, half);
  const logarithmOf = new Map(magnitudes.map((value, i) => [value, i + 1 - half]));
  const max = magnitudes[magnitudes.length - 1]!;

  function decode(code: Code): number {
    const whole = Number(checkCode(code, bits, name));
    const negative = whole >= 2 * half;
    const field = whole % (2 * half);
    const k = field >= half ? field - 2 * half : field;
    if (k === -half) return 0;
    const magnitude = magnitudes[k + half - 1]!;
    return negative ? -magnitude : magnitude;
  }

  function codeOf(value: number): number | undefined {
    if (typeof value !== 'number') return undefined;
    if (value === 0) return half;
    const k = logarithmOf.get(Math.abs(value));
    if (k === undefined) return undefined;
    return (k < 0 ? k + 2 * half : k) + (value < 0 ? 2 * half : 0);
  }

  function encode(value: number): Code {
    const code = codeOf(value);
    if (code === undefined) throw notInFormat(value, name);
    return asCode(BigInt(code), bits);
  }

  const has = (value: number): boolean => codeOf(value) !== undefined;
  return Object.freeze({
    kind: 'logarithmic',
    name,
    bits,
    integerBits,
    fractionBits,
    min: -max,
    max,
    minPositive: magnitudes[0]!,
    isSigned: true,
    hasInfinity: false,
    hasNaN: false,
    hasNegativeZero: false,
    decode,
    encode,
    has,
    values: (): number[] => [...magnitudes.map((value) => -value).reverse(), 0, ...magnitudes],
    toString: (): string => name,
    toJSON: (): string => name,
  } satisfies LogarithmicFormat);
}
