/**
 * Elementary functions in formats above 16 bits, where no table has every argument: random ones of binary32, tf32, posit32 and
 * fixed point by stand-ins, and of binary64 by rational bounds of the exact value, in the deterministic modes.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ElementaryName, elementaryFunctions } from '../../src/arithmetic/elementary/index.ts';
import {
  type Approximation,
  quick,
  quickAtan2,
  quickError,
  quickHypot,
  quickPow,
} from '../../src/arithmetic/elementary/quick.ts';
import { type Format, formats, nextUp, toFormat } from '../../src/formats/index.ts';
import { isStochastic, type RoundingMode, resolveRounding, roundingModes } from '../../src/rounding/index.ts';
import { roundScalar } from '../../src/rounding/round.ts';
import { elementaryNames } from '../elementary-compare.ts';
import { modesOf } from '../exhaustive.ts';
import { magnitudeBounds, oracleElementary } from '../oracles/elementary.ts';
import { oracleRound } from '../oracles/index.ts';
import { unitExponent, units } from '../oracles/units.ts';

const wide = ['binary32', 'tf32', 'pxr24', 'posit32', 'fixed(15,16)', 'int32'].map(toFormat);
const seed = 20260104;

/** Arguments where the functions are neither 0 nor infinity, of many sizes; the second is there for functions of two. */
const argument = fc
  .tuple(fc.double({ min: 1, max: 2, noNaN: true }), fc.integer({ min: -30, max: 6 }), fc.boolean())
  .map(([significand, exponent, negative]) => (negative ? -1 : 1) * significand * 2 ** exponent);

function isInDomain(name: ElementaryName, x: number, y: number): boolean {
  if (x === 0 || y === 0 || x === 1) return false;
  // Beyond, 80 digits do not tell the result from its limit.
  if (
    ['tanh', 'sigmoid', 'erf', 'erfc', 'gelu', 'expm1', 'softplus', 'silu'].includes(name) &&
    Math.abs(x) > 12
  )
    return false;
  if (['log', 'log2', 'log10', 'rsqrt'].includes(name)) return x > 0;
  if (['asin', 'acos', 'atanh'].includes(name)) return Math.abs(x) < 1;
  if (name === 'acosh') return x > 1;
  if (name === 'log1p') return x > -1;
  if (name.endsWith('Pi')) return !Number.isInteger(4 * x);
  return name !== 'pow' || (x > 0 && Math.abs(y * Math.log(x)) < 600);
}

/** Whether binary64's result is what the mode makes of a magnitude between low and high units of 2^-1300. */
function isRounded(
  result: number,
  negative: boolean,
  low: bigint,
  high: bigint,
  mode: RoundingMode,
): boolean {
  const magnitude = Math.abs(result);
  const below = units(magnitude);
  const above = units(nextUp(magnitude, formats.binary64));
  const before = magnitude === 0 ? 0n : units(-nextUp(-magnitude, formats.binary64));
  const isOdd = (below / (above - below)) % 2n === 1n;
  const inward = low >= below && high < above;
  const outward = high <= below && low > before;
  switch (mode) {
    case 'toward-zero':
      return inward;
    case 'away-from-zero':
      return outward;
    case 'toward-positive':
      return negative ? inward : outward;
    case 'toward-negative':
      return negative ? outward : inward;
    case 'to-odd':
      return (isOdd || low === high) && (inward || outward);
    case 'jamming':
      // The even number below, or the number itself, with its last bit set; a zero stays.
      return magnitude === 0 ? high === 0n : isOdd && low >= before && high < above;
    default:
      return 2n * low >= before + below && 2n * high <= below + above;
  }
}

describe('random arguments', () => {
  it.each(elementaryNames)('%s in formats of 19 to 32 bits', (name) => {
    const check = (format: Format, first: number, second: number): void => {
      const nearest = resolveRounding(format);
      const [x, y] = [roundScalar(first, format, nearest, 0), roundScalar(second, format, nearest, 0)];
      if (!isInDomain(name, x, y)) return;
      const exact = oracleElementary(name, x, y, format);
      for (const rounding of modesOf(format).filter((mode) => !isStochastic(mode))) {
        const options = resolveRounding(format, { rounding });
        const actual = elementaryFunctions[name].evaluate(x, y, format, options, 0);
        expect(actual, `${name}(${x}, ${y}), ${rounding}`).toBe(oracleRound(exact, format, options, 0));
      }
    };
    fc.assert(fc.property(fc.constantFrom(...wide), argument, argument, check), { numRuns: 60, seed });
  });

  it.each(elementaryNames)('%s in binary64', (name) => {
    const format = formats.binary64;
    const check = (x: number, y: number): void => {
      if (!isInDomain(name, x, y)) return;
      const { low, high } = magnitudeBounds(name, x, y, 80);
      const inUnits = ({ numerator, denominator }: typeof low): bigint =>
        (numerator << unitExponent) / denominator;
      for (const rounding of roundingModes.filter((mode) => !isStochastic(mode))) {
        const result = elementaryFunctions[name].evaluate(
          x,
          y,
          format,
          resolveRounding(format, { rounding }),
          0,
        );
        expect(
          isRounded(result, result < 0, inUnits(low), inUnits(high), rounding),
          `${name}(${x}, ${y}), ${rounding}: ${result}`,
        ).toBe(true);
      }
    };
    fc.assert(fc.property(argument, argument, check), { numRuns: 25, seed });
  });
});

describe('logarithmic formats, whose values have 53 bits', () => {
  const format = toFormat('logarithmic(4,4)');
  const magnitudes = format.values().filter((value) => value >= 0);
  const places = magnitudes.map(units);

  /** The two values around a number of units; the largest twice beyond it. */
  function around(count: bigint): { lower: number; upper: number; isBeyondMiddle: boolean } {
    const next = places.findIndex((place) => place > count);
    const i = next < 0 ? magnitudes.length - 1 : next - 1;
    const j = next < 0 ? i : next;
    return {
      lower: magnitudes[i]!,
      upper: magnitudes[j]!,
      isBeyondMiddle: 2n * count > places[i]! + places[j]!,
    };
  }

  it.each(elementaryNames)('%s', (name) => {
    for (const x of format.values().filter((_, i) => i % 7 === 0)) {
      const y = 1.5;
      // Powers of two have exact results.
      if (!isInDomain(name, x, y) || Number.isInteger(Math.log2(Math.abs(x)))) continue;
      if (Math.abs(x) > 40 && ['exp', 'exp2', 'sinh', 'cosh'].includes(name)) continue;
      const { low } = magnitudeBounds(name, x, y, 60);
      const { lower, upper, isBeyondMiddle } = around((low.numerator << unitExponent) / low.denominator);
      for (const [rounding, expected] of [
        ['toward-zero', lower],
        ['away-from-zero', upper],
        ['nearest-even', isBeyondMiddle ? upper : lower],
        ['nearest-away', isBeyondMiddle ? upper : lower],
      ] as const) {
        const result = elementaryFunctions[name].evaluate(
          x,
          y,
          format,
          resolveRounding(format, { rounding }),
          0,
        );
        expect(Math.abs(result), `${name}(${x}), ${rounding}`).toBe(expected);
      }
    }
  });
});

describe('the quick values keep their bounds', () => {
  it.each(elementaryNames)('%s', (name) => {
    const approximate = (x: number, y: number): Approximation => {
      if (name === 'pow') return quickPow(x, y);
      if (name === 'hypot') return quickHypot(x, y);
      if (name === 'atan2') return quickAtan2(x, y);
      return { value: quick[name](x), error: quickError };
    };
    const check = (x: number, y: number): void => {
      if (!isInDomain(name, x, y)) return;
      const { value, error } = approximate(x, y);
      if (!(Math.abs(value) > 2 ** -900)) return;
      const { numerator, denominator } = magnitudeBounds(name, x, y, 40).low;
      const exact = (numerator << unitExponent) / denominator;
      const off = units(value) - exact;
      // A quarter of the bound, so that the analysis has room.
      const bound = exact / BigInt(Math.floor(4 / error));
      expect(off <= bound && -off <= bound, `${name}(${x}, ${y}): ${value}`).toBe(true);
    };
    fc.assert(fc.property(argument, argument, check), { numRuns: 150, seed });
  });
});
