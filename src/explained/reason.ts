/**
 * Why a rounding went where it went, in words: the rule of the mode, then what overflow, flushing or a missing sign made of
 * it. The facts come from explain.ts.
 */

import type { Format, PositFormat } from '../formats/index.ts';
import { decodePositive } from '../formats/posit.ts';
import type { ResolvedRounding } from '../rounding/index.ts';
import { absolute, one, type Rational, toBinary64, toUnits } from './exact.ts';
import { isBelowNormal, tiesGoAway } from './neighbours.ts';
import { exactText, numberText, shortText, valueText } from './notation.ts';

/** What there is to know about one rounding; the later fields for finite inputs only. */
interface RoundingCase {
  readonly x: number;
  readonly format: Format;
  readonly options: ResolvedRounding;
  readonly result: number;
  /** The neighbour taken, in units of 2^-1074. */
  readonly taken?: bigint;
  readonly overflow?: boolean;
  /** Where the input lies between inner (0) and outer (1) neighbour; undefined if one is missing. */
  readonly fraction?: Rational | undefined;
  readonly isValue?: boolean;
}

const directions = {
  'toward-zero': 'toward zero',
  'toward-positive': 'upwards',
  'toward-negative': 'downwards',
  'away-from-zero': 'away from zero',
} as const;

/** What is even about the neighbour that ties go to. */
function evenName(format: Format): string {
  switch (format.kind) {
    case 'float':
      return format.specials === 'p3109' && format.mantissaBits === 0
        ? 'to the even code'
        : 'to the even significand';
    case 'codebook':
      return {
        'even-index': 'to the even index',
        'even-multiple': 'to the even multiple',
        upper: 'to the upper one',
      }[format.ties];
    case 'int':
      return 'to the even integer';
    case 'fixed':
      return 'to the even multiple of the step';
    default:
      return 'to the even code';
  }
}

/** Where ties to odd go. Without significand bits every number but 0 is odd. */
function oddTie(x: number, format: Format, options: ResolvedRounding): string {
  if (isBelowNormal(x, format, options)) return 'to the smallest normal value';
  if (format.kind === 'codebook' && format.ties === 'upper') return 'to the odd one';
  return tiesGoAway(x, format, options)
    ? 'toward zero, there being no significand bits'
    : evenName(format).replace('even', 'odd');
}

function tieRule({ x, format, options }: RoundingCase): string {
  if (options.rounding === 'nearest-away') return 'away from zero';
  if (options.rounding === 'nearest-to-zero') return 'toward zero';
  if (options.rounding === 'nearest-to-positive') return 'upwards';
  if (options.rounding === 'nearest-to-negative') return 'downwards';
  if (options.rounding === 'nearest-odd') return oddTie(x, format, options);
  if (tiesGoAway(x, format, options)) return 'away from zero, there being no significand bits';
  return isBelowNormal(x, format, options) ? 'to zero' : evenName(format);
}

/** The rule of the mode, for an input between two neighbours. */
function ruleOf(given: RoundingCase): string {
  const { format, fraction } = given;
  const { rounding } = given.options;
  switch (rounding) {
    case 'jamming':
      return 'the last bit is set';
    case 'to-odd':
      return format.kind === 'float' ? 'inexact: to the odd significand' : 'inexact: to the odd one';
    case 'stochastic':
    case 'stochastic-equal':
      return 'by the random integer';
    case 'nearest-even':
    case 'nearest-away':
    case 'nearest-to-zero':
    case 'nearest-to-positive':
    case 'nearest-to-negative':
    case 'nearest-odd': {
      const isTie = fraction !== undefined && 2n * fraction.numerator === fraction.denominator;
      return isTie ? `a tie: ${tieRule(given)}` : 'the nearer one';
    }
    default:
      return directions[rounding];
  }
}

/** Posits compare with the number whose code lies half way, which is seldom half way in value. */
function positRule({ x, format, taken }: RoundingCase & { readonly format: PositFormat }): string {
  const code = Number(format.encode(toBinary64({ numerator: absolute(taken!), denominator: one }).value));
  const isInner = absolute(taken!) < absolute(toUnits(x));
  const middle = decodePositive(isInner ? 2 * code + 1 : 2 * code - 1, format.bits + 1, format.es);
  const text = numberText(x < 0 ? -middle : middle);
  if (middle === Math.abs(x)) return 'a tie on the encoding: to the even code';
  return `half way on the encoding is ${text}`;
}

/** Why an overflowing value became what it became. */
function outcomeOf({ x, format, options, result }: RoundingCase): string {
  if (Number.isNaN(result)) return `the format has no infinity: ${valueText(result, format)}`;
  if (!Number.isFinite(result)) return shortText(result);
  const { saturation } = options;
  if (saturation === 'keep-sign' && Number.isFinite(x))
    return `keeps the sign and the low bits: ${shortText(result)}`;
  if (saturation === 'wrap' && Number.isFinite(x)) return `wraps around to ${shortText(result)}`;
  const keepsEnd =
    saturation === 'none' &&
    format.kind === 'float' &&
    (format.hasInfinity || format.hasNaN) &&
    Number.isFinite(x);
  if (keepsEnd && !(format.specials === 'p3109' && format.domain === 'finite'))
    return `${options.rounding} stops at ${shortText(result)}`;
  return `clamped to ${shortText(result)}`;
}

function infiniteReason(given: RoundingCase): string {
  const { x, format, result } = given;
  if (x === result) return 'infinity is a value of the format';
  if (x < 0 && !format.isSigned) return `the format has no negative values: ${shortText(result)}`;
  return `infinity is no value; ${outcomeOf(given)}`;
}

/** What lies beyond which end, and what became of it. */
function overflowReason(given: RoundingCase, taken: bigint): string {
  const { x, format } = given;
  const isLow = taken < 0n || x < format.min;
  const end = isLow ? format.min : format.max;
  const isFarther = absolute(taken) > absolute(toUnits(end));
  const what = isFarther ? `${exactText(taken, 6)} is beyond` : 'beyond';
  return `${what} the ${isLow ? 'smallest' : 'largest'} value ${shortText(end)}; ${outcomeOf(given)}`;
}

/** The reason, as one phrase. */
export function reasonOf(given: RoundingCase): string {
  const { x, format, options, result, taken, overflow, isValue } = given;
  if (Number.isNaN(x))
    return format.hasNaN ? 'NaN stays NaN' : 'NaN stays NaN, for which the format has no code';
  if (!Number.isFinite(x)) return infiniteReason(given);
  if (format.kind === 'float' && !format.hasZero && !(x > 0))
    return `the format has ${x === 0 ? 'no zero' : 'no negative values'}: ${shortText(result)}`;
  if (taken === undefined) return '';
  if (overflow) return overflowReason(given, taken);
  const rule = isValue ? 'a value of the format' : between(given);
  if (x < 0 && !format.isSigned && format.kind === 'float' && taken !== 0n)
    return `${isValue ? '' : `${rule}; `}the format has no negative values: ${shortText(result)}`;
  if (options.subnormals === 'flush' && taken !== 0n && result === 0) {
    const exact = isValue ? `${exactText(taken, 6)} is` : `${rule};`;
    return `${exact} below the smallest normal value: flushed to zero`;
  }
  return rule;
}

function between(given: RoundingCase): string {
  const { format, taken, fraction, result } = given;
  if (fraction === undefined) return 'nothing lies below the smallest value';
  if (
    format.kind === 'posit' &&
    absolute(taken!) === toUnits(format.minPositive) &&
    Math.abs(given.x) < format.minPositive
  )
    return `no posit but zero rounds to zero: ${shortText(result)}`;
  if (format.kind === 'posit' && given.options.rounding === 'nearest-even')
    return positRule({ ...given, format });
  return ruleOf(given);
}
