/**
 * Posits: sign, regime, exponent, fraction in n bits, tapered precision, one zero and one NaR (not a real), no infinity.
 * Source: Standard for Posit Arithmetic (2022), section 3; that standard fixes es = 2, older posits chose it.
 */
import { ArgumentError } from '../errors.ts';
import { powerOfTwo } from './binary64.ts';
import { asCode, checkCode, collectValues, notInFormat } from './codes.ts';
import type { Code, PositFormat } from './format.ts';

export interface PositParameters {
  /** n: 2 to 32. */
  readonly bits: number;
  /** Exponent bits, with (bits - 2) 2^es <= 1022 so that every value is a normal binary64 value. Default 2. */
  readonly es?: number;
}

/** The value of a positive posit code of n bits, 0 < code < 2^(n-1), n at most 32. Exact. */
export function decodePositive(code: number, bits: number, es: number): number {
  const width = bits - 1; // the bits after the sign
  const leftmost = code << (32 - width);
  const run = leftmost < 0 ? Math.clz32(~leftmost) : Math.clz32(leftmost);
  const regime = leftmost < 0 ? run - 1 : -run;
  // The regime's ending bit is there unless the run reaches the end.
  const rest = Math.max(width - run - 1, 0);
  const tail = code & (2 ** rest - 1);
  const exponentBits = Math.min(rest, es);
  const fractionBits = rest - exponentBits;
  // Exponent bits that are cut off count as 0.
  const exponent = (tail >>> fractionBits) * 2 ** (es - exponentBits);
  const fraction = tail & (2 ** fractionBits - 1);
  return (2 ** fractionBits + fraction) * powerOfTwo(regime * 2 ** es + exponent - fractionBits);
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
export function posit({ bits, es = 2 }: PositParameters): PositFormat {
  if (!Number.isInteger(bits) || bits < 2 || bits > 32)
    throw new ArgumentError('bits', bits, 'an integer from 2 to 32');
  if (!Number.isInteger(es) || es < 0 || (bits - 2) * 2 ** es > 1022)
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

  /** The code of a positive value, by bisection: positive codes ascend with their values. */
  function find(magnitude: number): number | undefined {
    let low = 1;
    let high = half - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (decodePositive(middle, bits, es) <= magnitude) low = middle;
      else high = middle - 1;
    }
    return decodePositive(low, bits, es) === magnitude ? low : undefined;
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
