/**
 * Binary float formats of parameters that are accepted: limits, and exact maps between codes and values.
 *
 * A code is (sign, exponent field E, significand field M). With m mantissa bits the magnitude is (2^m + M) 2^(E - bias - m)
 * for E > 0 and M 2^(1 - bias - m) for E = 0, IEEE 754-2019 section 3.4; `specials`, `subnormals` and `zero` change
 * only the ends of that list, as `format.ts` and `float-parameters.ts` say.
 */

import { exponentOf, powerOfTwo, scaleByPowerOfTwo } from '../binary64.ts';
import { ArgumentError } from '../errors.ts';
import { asCode, checkCode, collectValues, notInFormat } from './codes.ts';
import { floatName, type ResolvedFloatParameters } from './float-parameters.ts';
import type { Code, FloatFormat } from './format.ts';

/** Exponent and significand fields of a code, the sign apart. */
interface Fields {
  readonly exponent: number;
  readonly significand: number;
}

/** Where the list of finite magnitudes ends, and which codes are something else. */
interface Ends {
  readonly largest: Fields;
  readonly infinity?: Fields;
  readonly nan?: Fields & { readonly negative: boolean };
}

/** The ends, with the largest number where `emax` puts it. */
function endsOf(p: ResolvedFloatParameters): Ends {
  const ends = endsOfFields(p);
  if (p.emax === undefined) return ends;
  return { ...ends, largest: { exponent: p.emax + p.bias, significand: 2 ** p.mantissaBits - 1 } };
}

function endsOfFields(p: ResolvedFloatParameters): Ends {
  const perBinade = 2 ** p.mantissaBits;
  const allOnes: Fields = { exponent: 2 ** p.exponentBits - 1, significand: perBinade - 1 };
  const before = ({ exponent, significand }: Fields): Fields =>
    significand > 0
      ? { exponent, significand: significand - 1 }
      : { exponent: exponent - 1, significand: perBinade - 1 };
  const negativeZero = { exponent: 0, significand: 0, negative: true };
  switch (p.specials) {
    case 'ieee': {
      const infinity = { exponent: allOnes.exponent, significand: 0 };
      const quiet = { exponent: allOnes.exponent, significand: perBinade / 2, negative: false };
      return { largest: before(infinity), infinity, ...(p.mantissaBits > 0 && { nan: quiet }) };
    }
    case 'fn':
      return { largest: before(allOnes), nan: { ...allOnes, negative: false } };
    case 'fnuz':
      return { largest: allOnes, nan: negativeZero };
    case 'finite':
      return { largest: allOnes };
    case 'p3109': {
      const top = p.signed ? allOnes : before(allOnes);
      const nan = p.signed ? negativeZero : { ...allOnes, negative: false };
      return p.domain === 'extended' ? { largest: before(top), infinity: top, nan } : { largest: top, nan };
    }
  }
}

/** The format. Throws ArgumentError if it does not fit in binary64. */
export function floatOf(p: ResolvedFloatParameters): FloatFormat {
  return p.exponentBits === Infinity ? unboundedFloat(p) : boundedFloat(p);
}

/** Where the numbers of a format lie. */
interface Numbers {
  readonly p: ResolvedFloatParameters;
  readonly name: string;
  readonly ends: Ends;
  readonly emin: number;
  readonly max: number;
  readonly minNormal: number;
  readonly minSubnormal: number;
  readonly hasSubnormals: boolean;
  readonly hasNegativeZero: boolean;
  magnitudeOf(fields: Fields): number;
}

/** Throws ArgumentError where there are none, or none of binary64. */
function numbersOf(p: ResolvedFloatParameters): Numbers {
  const name = floatName(p);
  const { mantissaBits, bias } = p;
  const perBinade = 2 ** mantissaBits;
  // With 0 mantissa bits the all-zero field is the whole of exponent 0, so that no normal number is left there.
  const zeroFieldIsNormal = p.subnormals === 'normal' && (mantissaBits > 0 || !p.zero);
  const emin = (zeroFieldIsNormal ? 0 : 1) - bias;
  const quantum = emin - mantissaBits;
  const ends = endsOf(p);
  // Exponent field 0 holds normal numbers only with subnormals: 'normal'.
  const hidden = (exponent: number): number => (exponent > 0 || zeroFieldIsNormal ? perBinade : 0);

  function magnitudeOf({ exponent, significand }: Fields): number {
    if (exponent === 0 && (p.subnormals === false || (significand === 0 && p.zero))) return 0;
    const power = Math.max(exponent - bias, emin) - mantissaBits;
    return scaleByPowerOfTwo(hidden(exponent) + significand, power);
  }

  const topExponent = ends.largest.exponent - bias;
  const tooSmall = quantum < -1074;
  if (tooSmall || topExponent > 1023 || ends.largest.exponent < 0)
    throw new ArgumentError('float', name, 'a format with finite numbers, all of them binary64 values');
  const max = magnitudeOf(ends.largest);
  if (!(max > 0)) throw new ArgumentError('float', name, 'a format with at least one non-zero finite number');

  const minNormal =
    zeroFieldIsNormal && p.zero ? magnitudeOf({ exponent: 0, significand: 1 }) : powerOfTwo(emin);
  const hasSubnormals = p.subnormals === true && mantissaBits > 0;
  const minSubnormal = hasSubnormals ? powerOfTwo(quantum) : minNormal;
  const hasNegativeZero = p.signed && p.zero && p.specials !== 'fnuz' && p.specials !== 'p3109';
  return { p, name, ends, emin, max, minNormal, minSubnormal, hasSubnormals, hasNegativeZero, magnitudeOf };
}

const isAbove = (a: Fields, b: Fields): boolean =>
  a.exponent > b.exponent || (a.exponent === b.exponent && a.significand > b.significand);
const same = (a: Fields, b: Fields | undefined): boolean =>
  b !== undefined && a.exponent === b.exponent && a.significand === b.significand;

/** The numbers of codes. */
function decoder(numbers: Numbers): (code: Code) => number {
  const { p, name, ends, hasNegativeZero, magnitudeOf } = numbers;
  const mantissaBits = BigInt(p.mantissaBits);
  const signBit = 1n << BigInt(p.exponentBits + p.mantissaBits);
  const significandMask = (1n << mantissaBits) - 1n;
  return (code) => {
    const whole = checkCode(code, p.bits, name);
    const negative = p.signed && (whole & signBit) !== 0n;
    if (whole >= (p.signed ? 2n * signBit : signBit)) return NaN; // padding bits that are not 0
    const magnitudeCode = whole & (signBit - 1n);
    const fields = {
      exponent: Number(magnitudeCode >> mantissaBits),
      significand: Number(magnitudeCode & significandMask),
    };
    if (same(fields, ends.infinity)) return negative ? -Infinity : Infinity;
    if (isAbove(fields, ends.largest)) return NaN;
    if (negative && !hasNegativeZero && fields.exponent === 0 && fields.significand === 0) return NaN;
    const magnitude = magnitudeOf(fields);
    return negative && (magnitude !== 0 || hasNegativeZero) ? -magnitude : magnitude;
  };
}

/** Whether there is a number, and its code. */
function encoder({ p, name, ends, emin, max, minSubnormal, hasNegativeZero }: Numbers) {
  const { mantissaBits, bias, bits } = p;
  const perBinade = 2 ** mantissaBits;
  const signBit = 1n << BigInt(p.exponentBits + mantissaBits);

  /** Whether the format has the magnitude of a number. */
  function hasMagnitude(magnitude: number): boolean {
    if (magnitude === 0) return p.zero;
    if (magnitude === Infinity) return ends.infinity !== undefined;
    if (magnitude > max || magnitude < minSubnormal) return false;
    return Number.isInteger(
      scaleByPowerOfTwo(magnitude, mantissaBits - Math.max(exponentOf(magnitude), emin)),
    );
  }

  function has(value: number): boolean {
    if (typeof value !== 'number') return false;
    if (Number.isNaN(value)) return ends.nan !== undefined;
    return hasMagnitude(Math.abs(value)) && (p.signed || value >= 0);
  }

  /** The fields of a magnitude that the format has. */
  function fieldsOf(magnitude: number): Fields {
    if (magnitude === Infinity) return ends.infinity!;
    if (magnitude === 0) return { exponent: 0, significand: 0 };
    const exponent = Math.max(exponentOf(magnitude), emin);
    const units = scaleByPowerOfTwo(magnitude, mantissaBits - exponent);
    return units < perBinade
      ? { exponent: 0, significand: units }
      : { exponent: exponent + bias, significand: units - perBinade };
  }

  function join(fields: Fields, negative: boolean): Code {
    const magnitude = (BigInt(fields.exponent) << BigInt(mantissaBits)) + BigInt(fields.significand);
    return asCode(negative ? magnitude + signBit : magnitude, bits);
  }

  function encode(value: number): Code {
    if (!has(value)) throw notInFormat(value, name);
    if (Number.isNaN(value)) return join(ends.nan!, ends.nan!.negative);
    return join(fieldsOf(Math.abs(value)), value < 0 || (Object.is(value, -0) && hasNegativeZero));
  }

  return { encode, has };
}

function boundedFloat(p: ResolvedFloatParameters): FloatFormat {
  const numbers = numbersOf(p);
  const { name, ends, emin, max, minNormal, minSubnormal, hasSubnormals, hasNegativeZero } = numbers;
  const { exponentBits, mantissaBits, bias, bits } = p;
  const decode = decoder(numbers);
  return Object.freeze({
    kind: 'float',
    name,
    bits,
    exponentBits,
    mantissaBits,
    precision: mantissaBits + 1,
    bias,
    emin,
    emax: exponentOf(max),
    min: p.signed ? -max : p.zero ? 0 : minNormal,
    max,
    minNormal,
    minSubnormal,
    epsilon: powerOfTwo(-mantissaBits),
    unitRoundoff: powerOfTwo(-mantissaBits - 1),
    hasInfinity: ends.infinity !== undefined,
    hasNaN: ends.nan !== undefined,
    hasNegativeZero,
    hasSubnormals,
    hasZero: p.zero,
    isSigned: p.signed,
    specials: p.specials,
    subnormals: p.subnormals,
    domain: p.domain,
    decode,
    ...encoder(numbers),
    values: (): number[] => collectValues(bits, name, decode),
    toString: (): string => name,
    toJSON: (): string => name,
  } satisfies FloatFormat);
}

/** An idealised format with a significand of p bits and every exponent of binary64: limits are binary64's, no codes. */
function unboundedFloat(p: ResolvedFloatParameters): FloatFormat {
  const name = floatName(p);
  if (p.specials !== 'ieee' || !p.signed || p.subnormals !== true || !p.zero)
    throw new ArgumentError(
      'exponentBits',
      Infinity,
      'only with the default specials, sign, subnormals and zero',
    );
  const precision = p.mantissaBits + 1;
  const max = (2 - powerOfTwo(-p.mantissaBits)) * powerOfTwo(1023);

  function has(value: number): boolean {
    if (typeof value !== 'number') return false;
    if (!Number.isFinite(value) || value === 0) return true;
    return Number.isInteger(scaleByPowerOfTwo(value, p.mantissaBits - exponentOf(value)));
  }

  function noCodes(): never {
    throw new RangeError(`${name} has no codes (unbounded exponent)`);
  }

  return Object.freeze({
    kind: 'float',
    name,
    bits: Infinity,
    exponentBits: Infinity,
    mantissaBits: p.mantissaBits,
    precision,
    bias: 0,
    emin: -1074,
    emax: 1023,
    min: -max,
    max,
    minNormal: powerOfTwo(-1074),
    minSubnormal: powerOfTwo(-1074),
    epsilon: powerOfTwo(-p.mantissaBits),
    unitRoundoff: powerOfTwo(-precision),
    hasInfinity: true,
    hasNaN: true,
    hasNegativeZero: true,
    hasSubnormals: false,
    hasZero: true,
    isSigned: true,
    specials: 'ieee',
    subnormals: true,
    domain: 'extended',
    decode: noCodes,
    encode: noCodes,
    has,
    values: noCodes,
    toString: (): string => name,
    toJSON: (): string => name,
  } satisfies FloatFormat);
}
