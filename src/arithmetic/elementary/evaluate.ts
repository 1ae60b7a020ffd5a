/**
 * Elementary functions, correctly rounded to any format in any mode: binary64 with an error bound where that decides the
 * rounding, else BigInt intervals of growing precision (Ziv's strategy). Pure functions of scalars, attached to `arithmetic`
 * elsewhere. Claims, method and hardest cases: `docs/elementary-functions.md`.
 */
import type { Format } from '../../formats/format.ts';
import { dropsHighBits, type ResolvedRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';
import { toReal } from '../real.ts';
import { hypot, pow } from './binary-functions.ts';
import { enclosures, type UnaryName } from './functions.ts';
import { type Decided, decide, type Interval, isHuge } from './interval.ts';
import { atan2 } from './inverse-functions.ts';
import { type Approximation, quick, quickAtan2, quickError, quickHypot, quickPow } from './quick.ts';
import { remainder, remainderSpecial } from './remainder.ts';
import {
  atan2Special,
  hypotSpecial,
  limitAtInfinity,
  powSpecial,
  type Special,
  unarySpecial,
} from './specials.ts';

export type { UnaryName } from './functions.ts';
export type { Special } from './specials.ts';

type BinaryName = 'pow' | 'hypot' | 'atan2' | 'remainder';
export type ElementaryName = UnaryName | BinaryName;

/**
 * A result with what flags need to know: NaN, infinity or zero with its exceptions; or a Real that rounds to the value, exact
 * where the result is, else within 2^-80 or so of it and sticky.
 */
export type Outcome = { readonly special: Special; readonly value: number } | Decided;

export interface ElementaryFunction {
  readonly arity: 1 | 2;
  /**
   * The function of x, or of x and y (ignored where the arity is 1), rounded once.
   *
   * @param x Any number, NaN, infinities and zeros included.
   * @param options As `resolveRounding` gives them.
   * @param random The random integer in [0, 2^randomBits); read by the stochastic modes only.
   * @param hasNegativeZero Whether an operand of -0 is one, else it is 0. Default: as the format has it.
   */
  evaluate(
    x: number,
    y: number,
    format: Format,
    options: ResolvedRounding,
    random: number,
    hasNegativeZero?: boolean,
  ): number;
  /** The same value, with what IEEE flags are told from. Slower. */
  outcome(
    x: number,
    y: number,
    format: Format,
    options: ResolvedRounding,
    random: number,
    hasNegativeZero?: boolean,
  ): Outcome;
}

const firstBits = 96;
// Results of 2^this or more are not wrapped: e^65535 is, with half a second for its 94 548 digits.
const wrapLimit = 2 ** 17;
// No function of binary64 numbers needs nearly as many, except those that wrap.
const mostBits = 2 ** 20;

/** Evaluates with more and more digits until the rounding is decided. */
function ziv(
  enclose: (bits: number, limit: number) => Interval | undefined,
  format: Format,
  options: ResolvedRounding,
  random: number,
): Decided {
  const wraps = dropsHighBits(options);
  const limit = wraps ? wrapLimit : 4000;
  for (let bits = firstBits; bits < mostBits; bits *= 2) {
    const interval = enclose(bits, limit);
    if (interval === undefined) continue;
    const decided = decide(interval, format, options, random);
    if (decided !== undefined) return decided;
    if (wraps && isHuge(interval)) {
      // Too long to be wrapped: as infinity, which saturates.
      const value = roundScalar(interval.negative ? -Infinity : Infinity, format, options, random);
      return {
        value,
        real: { negative: interval.negative, significand: 1n, exponent: limit, sticky: false },
      };
    }
  }
  throw new Error(`halfulp: an elementary function was not decided by ${mostBits} bits`);
}

/** The value that everything within the relative error rounds to, or undefined. */
function roundQuick(
  { value: approximation, error }: Approximation,
  format: Format,
  options: ResolvedRounding,
  random: number,
): number | undefined {
  const size = Math.abs(approximation);
  // Also refuses NaN. Ends must neither overflow nor be subnormal.
  if (!(size > 2 ** -960 && size < 2 ** 1020)) return undefined;
  const margin = size * error;
  // Wrapping is monotone within a step.
  const step = format.kind === 'fixed' ? format.step : 1;
  if (dropsHighBits(options) && 4 * margin > step) return undefined;
  const value = roundScalar(approximation - margin, format, options, random);
  return Object.is(value, roundScalar(approximation + margin, format, options, random)) ? value : undefined;
}

/** What needs no argument's digits: a special value, an exact result, or a constant to any number of digits. */
type Found = Special | Interval | ((bits: number) => Interval | undefined);

/** A function by its parts: what needs no digits, the quick value with its error, and the enclosure. */
interface Parts {
  readonly arity: 1 | 2;
  special(x: number, y: number, format: Format): Found | undefined;
  /** Only for arguments that are neither special nor infinite. */
  quick(x: number, y: number): Approximation;
  enclose(x: number, y: number, bits: number, limit: number): Interval | undefined;
}

/** Formats without a negative zero take it for the other. */
const operandOf = (x: number, hasNegativeZero: boolean): number => (x === 0 && !hasNegativeZero ? 0 : x);

function elementaryFunction({ arity, special, quick, enclose }: Parts): ElementaryFunction {
  function slowly(
    x: number,
    y: number,
    found: Found | undefined,
    format: Format,
    options: ResolvedRounding,
    random: number,
  ): Outcome {
    if (found !== undefined && 'value' in found)
      return { special: found, value: roundScalar(found.value, format, options, 0) };
    if (typeof found === 'function') return ziv(found, format, options, random);
    return ziv((bits, limit) => found ?? enclose(x, y, bits, limit), format, options, random);
  }

  function outcome(
    x: number,
    y: number,
    format: Format,
    options: ResolvedRounding,
    random: number,
    hasNegativeZero: boolean = format.hasNegativeZero,
  ): Outcome {
    const [a, b] = [operandOf(x, hasNegativeZero), operandOf(y, hasNegativeZero)];
    return slowly(a, b, special(a, b, format), format, options, random);
  }

  function evaluate(
    x: number,
    y: number,
    format: Format,
    options: ResolvedRounding,
    random: number,
    hasNegativeZero: boolean = format.hasNegativeZero,
  ): number {
    const a = operandOf(x, hasNegativeZero);
    const b = operandOf(y, hasNegativeZero);
    const found = special(a, b, format);
    if (found === undefined) {
      const value = roundQuick(quick(a, b), format, options, random);
      if (value !== undefined) return value;
    }
    return slowly(a, b, found, format, options, random).value;
  }

  return Object.freeze({ arity, evaluate, outcome });
}

/** A function of two numbers whose results are binary64 numbers. */
function exactFunction(
  special: (x: number, y: number) => Special | undefined,
  exact: (x: number, y: number) => number,
): ElementaryFunction {
  const outcome: ElementaryFunction['outcome'] = (
    x,
    y,
    format,
    options,
    random,
    hasNegativeZero = format.hasNegativeZero,
  ) => {
    const [a, b] = [operandOf(x, hasNegativeZero), operandOf(y, hasNegativeZero)];
    const found = special(a, b);
    if (found !== undefined) return { special: found, value: roundScalar(found.value, format, options, 0) };
    const result = exact(a, b);
    return { value: roundScalar(result, format, options, random), real: toReal(result) };
  };
  const evaluate: ElementaryFunction['evaluate'] = (...given) => outcome(...given).value;
  return Object.freeze({ arity: 2, evaluate, outcome });
}

function unaryFunction(name: UnaryName): ElementaryFunction {
  const approximate = quick[name];
  const enclose = enclosures[name];
  return elementaryFunction({
    arity: 1,
    special: (x, _, format) => unarySpecial(name, x, format),
    quick: (x) => ({ value: Number.isFinite(x) ? approximate(x) : NaN, error: quickError }),
    enclose: (x, _, bits, limit) =>
      Number.isFinite(x) ? enclose(x, bits, limit) : limitAtInfinity(name, x, bits),
  });
}

const unary = Object.fromEntries(
  (Object.keys(enclosures) as UnaryName[]).map((name) => [name, unaryFunction(name)]),
) as { readonly [name in UnaryName]: ElementaryFunction };

/** The elementary functions by name. */
export const elementaryFunctions: Readonly<Record<ElementaryName, ElementaryFunction>> = Object.freeze({
  ...unary,
  pow: elementaryFunction({ arity: 2, special: powSpecial, quick: quickPow, enclose: pow }),
  hypot: elementaryFunction({ arity: 2, special: hypotSpecial, quick: quickHypot, enclose: hypot }),
  atan2: elementaryFunction({ arity: 2, special: atan2Special, quick: quickAtan2, enclose: atan2 }),
  remainder: exactFunction(remainderSpecial, remainder),
});
