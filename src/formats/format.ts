/**
 * What a number format is: a frozen record of facts plus pure functions between codes and values.
 * No rounding lives here; which representable number a real becomes is the matter of `src/rounding`.
 */

/** A code: an unsigned integer of `format.bits` bits; a bigint above 32 bits. */
export type Code = number | bigint;

/** How a float format uses its special codes. Definitions: `docs/formats.md`. */
export type Specials = 'ieee' | 'fn' | 'fnuz' | 'finite' | 'p3109';

/**
 * How a float format uses exponent field 0: `true`, subnormals; `false`, zero only (values below `minNormal` do not
 * exist); `'normal'`, one more normal binade in which only the all-zero field is zero (dlfloat16).
 */
export type SubnormalEncoding = boolean | 'normal';

interface ScalarFormat {
  /** Canonical name; `parseFormat(format.name)` gives the same format. */
  readonly name: string;
  /** Bits of one code. `Infinity` when the format has no codes (unbounded exponent). */
  readonly bits: number;
  /** Smallest finite value. */
  readonly min: number;
  /** Largest finite value. */
  readonly max: number;
  readonly isSigned: boolean;
  readonly hasInfinity: boolean;
  readonly hasNaN: boolean;
  readonly hasNegativeZero: boolean;
  /** The exact value of a code. Throws RangeError if the code is not an integer of `bits` bits. */
  decode(code: Code): number;
  /** The code of a value of the format; never rounds. Throws RangeError if the value is not in the format. */
  encode(value: number): Code;
  /** Whether the value (NaN and infinities included) is one of the format's values. */
  has(value: number): boolean;
  /** All finite values, ascending, -0 left out. Throws RangeError above 16 bits. */
  values(): number[];
  toString(): string;
  toJSON(): string;
}

/** A binary floating-point format (radix 2, at most 53 bits of precision). */
export interface FloatFormat extends ScalarFormat {
  readonly kind: 'float';
  /** Width of the exponent field; `Infinity` for an unbounded exponent. */
  readonly exponentBits: number;
  /** Width of the trailing significand field. */
  readonly mantissaBits: number;
  /** Significant bits, the hidden one included. */
  readonly precision: number;
  readonly bias: number;
  /** Exponent of the smallest normal number: minNormal = 2^emin (a little more with `subnormals: 'normal'`). */
  readonly emin: number;
  /** Exponent of the largest finite number. */
  readonly emax: number;
  readonly minNormal: number;
  /** Smallest positive value; equal to `minNormal` where the format has no subnormals. */
  readonly minSubnormal: number;
  /** 2^(1 - precision). */
  readonly epsilon: number;
  /** 2^-precision. */
  readonly unitRoundoff: number;
  readonly hasSubnormals: boolean;
  readonly hasZero: boolean;
  readonly specials: Specials;
  readonly subnormals: SubnormalEncoding;
  /** P3109 only: whether the format has infinities. */
  readonly domain: 'extended' | 'finite';
}

/** An integer format: codes in two's complement when signed. */
export interface IntFormat extends ScalarFormat {
  readonly kind: 'int';
  /** Whether the most negative code is left out, so that min = -max. */
  readonly symmetric: boolean;
}

/** A fixed-point format: integers times `step`, two's complement when signed. */
export interface FixedFormat extends ScalarFormat {
  readonly kind: 'fixed';
  readonly integerBits: number;
  readonly fractionBits: number;
  /** 2^-fractionBits. */
  readonly step: number;
}

/** A posit format. NaN stands for NaR. */
export interface PositFormat extends ScalarFormat {
  readonly kind: 'posit';
  /** Exponent bits. */
  readonly es: number;
  /** Smallest positive value, 1 / max. */
  readonly minPositive: number;
}

/** A logarithmic format: zero and +-2^(k / 2^fractionBits), each correctly rounded to binary64. */
export interface LogarithmicFormat extends ScalarFormat {
  readonly kind: 'logarithmic';
  readonly integerBits: number;
  readonly fractionBits: number;
  readonly minPositive: number;
}

/** An explicit ascending list of values; the code is the index. */
export interface CodebookFormat extends ScalarFormat {
  readonly kind: 'codebook';
  /** Equal steps between neighbouring values, 0 if they are not equal. Ternary: 1. */
  readonly step: number;
  /** Which neighbour a nearest-even tie takes. */
  readonly ties: 'even-index' | 'even-multiple' | 'upper';
  /** log2 of the number of values: the most information that one element can hold, in bits (ternary: 1.585). */
  readonly entropyBits: number;
}

export type Format = FloatFormat | IntFormat | FixedFormat | PositFormat | LogarithmicFormat | CodebookFormat;
