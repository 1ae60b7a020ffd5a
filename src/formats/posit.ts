/**
 * Posits: sign, regime, exponent, fraction in n bits, tapered precision, one zero and one NaR (not a real), no infinity.
 * Source: Standard for Posit Arithmetic (2022), section 3; that standard fixes es = 2, older posits chose it.
 */

import { exponentOf, powerOfTwo, scaleByPowerOfTwo } from '../binary64.ts';
import { checkFields, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { asCode, checkCode, collectValues, notInFormat } from './codes.ts';
import type { Code, PositFormat } from './format.ts';

export interface PositParameters {
  /** n: 2 to 32. */
  readonly bits: number;
  /** Exponent bits, with (bits - 2) 2^es <= 1022 so that every value is a normal binary64 value. Default 2. */
  readonly es?: number;
}

const parameterNames: readonly (keyof PositParameters)[] = ['bits', 'es'];

/** The value of a positive posit code of n bits, 0 < code < 2^(n-1), n at most 32. Exact. */
export function decodePositive(code: number, bits: number, es: number): number {
  const width = bits - 1; // the bits after the sign
  const leftmost = code << (32 - width);
  const run = leftmost < 0 ? Math.clz32(~leftmost) : Math.clz32(leftmost);
  const regime = leftmost < 0 ? run - 1 : -run;
  // The regime's ending bit is there unless the run reaches the end.
  const rest = Math.max(width - run - 1, 0);
  const tail = code & (powerOfTwo(rest) - 1);
  const exponentBits = Math.min(rest, es);
  const fractionBits = rest - exponentBits;
  // Exponent bits that are cut off count as 0.
  const exponent = (tail >>> fractionBits) * powerOfTwo(es - exponentBits);
  const fraction = tail & (powerOfTwo(fractionBits) - 1);
  return (
    (powerOfTwo(fractionBits) + fraction) * powerOfTwo(regime * powerOfTwo(es) + exponent - fractionBits)
  );
}

/**
 * The posit code that truncates the infinite encoding of a magnitude from the smallest to the largest posit, and where the
 * cut-off rest stands to one half.
 */
export function truncateToCode(
  magnitude: number,
  bits: number,
  es: number,
): { code: number; rest: -1 | 0 | 1; exact: boolean } {
  const exponent = exponentOf(magnitude);
  const fraction = scaleByPowerOfTwo(magnitude, -exponent) - 1;
  const regime = Math.floor(exponent / powerOfTwo(es));
  const exponentField = exponent - regime * powerOfTwo(es);
  // A run of ones and a zero for regimes from 0 on, of zeros and a one below.
  const pattern = regime >= 0 ? powerOfTwo(regime + 2) - 2 : 1;
  const room = bits - 1 - (regime >= 0 ? regime + 2 : 1 - regime);
  const cut = es - room;
  if (cut <= 0) {
    const scaled = fraction * powerOfTwo(-cut);
    const kept = Math.floor(scaled);
    const rest = scaled - kept;
    const code = pattern * powerOfTwo(room) + exponentField * powerOfTwo(-cut) + kept;
    return { code, rest: Math.sign(rest - 0.5) as -1 | 0 | 1, exact: rest === 0 };
  }
  const kept = Math.floor(exponentField / powerOfTwo(cut));
  const low = exponentField - kept * powerOfTwo(cut);
  const half = powerOfTwo(cut - 1);
  const rest = low === half ? Math.sign(fraction) : Math.sign(low - half);
  return {
    code: pattern * powerOfTwo(room) + kept,
    rest: rest as -1 | 0 | 1,
    exact: low === 0 && fraction === 0,
  };
}

/**
 * A posit format. NaN stands for NaR.
 *
 * @example
 * posit({ bits: 16, es: 1 }).max // 2^28
 * posit({ bits: 8 }).name // 'posit8', the 2022 standard's
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function posit(parameters: PositParameters): PositFormat {
  const given = checkFields('', parameters, parameterNames, 'parameters');
  const bits = integerInRange('bits', given.bits, 2, 32);
  const es = integerInRange('es', given.es, 0, 1022, 2);
  if ((bits - 2) * 2 ** es > 1022)
    throw new ArgumentError('es', es, `an integer from 0 with (bits - 2) 2^es <= 1022; bits is ${bits}`);
  const isStandard = es === 2 && (bits === 8 || bits === 16 || bits === 32);
  const name = isStandard ? `posit${bits}` : `posit(${bits},${es})`;
  const half = 2 ** (bits - 1);
  const max = decodePositive(half - 1, bits, es);
  const minPositive = decodePositive(1, bits, es);

  function decode(code: Code): number {
    const whole = Number(checkCode(code, bits, name));
    if (whole === 0) return 0;
    if (whole === half) return NaN;
    return whole < half ? decodePositive(whole, bits, es) : -decodePositive(2 * half - whole, bits, es);
  }

  function find(magnitude: number): number | undefined {
    if (magnitude < minPositive || magnitude > max) return undefined;
    const { code, exact } = truncateToCode(magnitude, bits, es);
    return exact ? code : undefined;
  }

  function codeOf(value: number): number | undefined {
    if (Number.isNaN(value)) return half;
    if (value === 0) return 0;
    const code = find(Math.abs(value));
    return code === undefined || value > 0 ? code : 2 * half - code;
  }

  function encode(value: number): Code {
    const code = typeof value === 'number' ? codeOf(value) : undefined;
    if (code === undefined) throw notInFormat(value, name);
    return asCode(BigInt(code), bits);
  }

  return Object.freeze({
    kind: 'posit',
    name,
    bits,
    es,
    min: -max,
    max,
    minPositive,
    isSigned: true,
    hasInfinity: false,
    hasNaN: true,
    hasNegativeZero: false,
    decode,
    encode,
    has: (value: number): boolean => typeof value === 'number' && codeOf(value) !== undefined,
    values: (): number[] => collectValues(bits, name, decode),
    toString: (): string => name,
    toJSON: (): string => name,
  } satisfies PositFormat);
}
