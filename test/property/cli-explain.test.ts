/**
 * Explanations against the reference rounding: for any format, number and options the neighbour that is said to be taken is
 * the result, the number lies between its neighbours, the probability is the share of random integers that go there.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { roundReal, toReal } from '../../src/arithmetic/real.ts';
import { flagsOfGiven } from '../../src/cli/formats/read-number.ts';
import { one, toUnits } from '../../src/explained/exact.ts';
import { type Explanation, explain } from '../../src/explained/explain.ts';
import { type Format, formats, scalarFormats, toFormat } from '../../src/formats/index.ts';
import {
  dropsHighBits,
  type ResolvedRounding,
  resolveRounding,
  roundingModes,
  roundScalar,
  saturations,
  stochasticVariants,
  subnormalTreatments,
} from '../../src/rounding/index.ts';
import { anyFormat, real } from '../../src/testing/index.ts';

interface Case {
  readonly format: Format;
  readonly x: number;
  readonly options: ResolvedRounding;
  readonly random: number;
}

const named: readonly Format[] = Object.values(scalarFormats);
const byRule = [
  'binary8p1se',
  'binary6p1ue',
  'binary5p2sf',
  'float(4,0)',
  'float(4,3,bias=7,subnormals=false)',
];

const anyCase: fc.Arbitrary<Case> = fc
  .oneof(anyFormat(), fc.constantFrom(...named), fc.constantFrom(...byRule.map(toFormat)))
  .chain((format) =>
    fc.record({
      format: fc.constant(format),
      x: real(format),
      rounding: fc.constantFrom(...roundingModes),
      saturation: fc.constantFrom(...saturations),
      subnormals: fc.constantFrom(...subnormalTreatments),
      variant: fc.constantFrom(...stochasticVariants),
      randomBits: fc.integer({ min: 1, max: 32 }),
      fraction: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    }),
  )
  .map(({ format, x, fraction, ...given }) => {
    const isPosit = format.kind === 'posit';
    const wraps = format.kind === 'fixed' || (format.kind === 'int' && !format.symmetric);
    const rounding = isPosit && given.rounding !== 'stochastic' ? 'nearest-even' : given.rounding;
    const saturation = dropsHighBits(given) && !wraps ? 'finite' : given.saturation;
    const options = resolveRounding(format, { ...given, rounding, saturation });
    return { format, x, options, random: Math.floor(fraction * 2 ** given.randomBits) };
  });

/** The neighbour that is said to be taken, in units of 2^-1074. */
function taken({ goesTo, below, above, input }: Explanation): bigint {
  if (goesTo === undefined) return toUnits(input);
  return (goesTo === 'below' ? below : above)!.units;
}

/** The exceptions of a rounding, as the command tells them. */
function flagsOf({ format, x, options, random }: Case): readonly string[] {
  const given = { text: '', value: x, exact: true, rational: undefined };
  return flagsOfGiven(given, roundScalar(x, format, options, random), format, options, random);
}

/** Whether something other than the choice of a neighbour decided, by the definition of the options. */
function isChanged(given: Case, explanation: Explanation): boolean {
  const { format, x, options } = given;
  const isFlushed =
    options.subnormals === 'flush' && format.kind === 'float' && Math.abs(explanation.result) === 0;
  const hasNoSign = format.kind === 'float' && !format.isSigned && x < 0;
  return isFlushed || hasNoSign || isBeyond(given, explanation);
}

/** Whether the neighbour taken lies outside the range, or is its end for want of another. */
function isBeyond({ format, x }: Case, explanation: Explanation): boolean {
  const units = taken(explanation);
  const isList = ['posit', 'logarithmic', 'codebook'].includes(format.kind);
  const isOutside = units > toUnits(format.max) || units < toUnits(format.min);
  return isOutside || (isList && (x > format.max || x < format.min));
}

/** Whether there is no value on the input's side of the range, and so no neighbour. */
function hasNoPlace({ format, x }: Pick<Case, 'format' | 'x'>): boolean {
  return format.kind === 'float' && !format.hasZero && x <= 0;
}

test('the neighbour that is said to be taken is what rounding gives', () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const { format, x, options, random } = given;
      const explanation = explain(x, format, options, random);
      const result = roundScalar(x, format, options, random);
      expect(explanation.result).toBe(result);
      expect(explanation.reason).not.toBe('');
      if (!Number.isFinite(x) || flagsOf(given).includes('invalid') || hasNoPlace(given)) return;
      const { below, above } = explanation;
      if (below !== undefined) expect(below.units <= toUnits(x)).toBe(true);
      if (above !== undefined) expect(above.units >= toUnits(x)).toBe(true);
      if (!isChanged(given, explanation)) expect(toUnits(result)).toBe(taken(explanation));
    }),
    { numRuns: 3000 },
  );
});

test('overflow is flagged exactly where the neighbour taken lies outside the range, or is its end for want of another', () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const { format, x, options, random } = given;
      const flags = flagsOf(given);
      fc.pre(Number.isFinite(x) && !flags.includes('invalid') && !hasNoPlace({ format, x }));
      fc.pre(format.isSigned || x >= 0);
      const explanation = explain(x, format, options, random);
      expect(flags.includes('overflow')).toBe(format.kind !== 'posit' && isBeyond(given, explanation));
    }),
    { numRuns: 2000 },
  );
});

test('neighbours have no value of the format between them', () => {
  fc.assert(
    fc.property(anyCase, ({ format, x, options, random }) => {
      fc.pre(format.bits <= 8 && options.subnormals === 'keep' && format.isSigned);
      const { below, above } = explain(x, format, options, random);
      if (below === undefined || above === undefined) return;
      const between = format
        .values()
        .map(toUnits)
        .filter((units) => units > below.units && units < above.units);
      expect(between).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

test('errors are exact quotients of the distance', () => {
  fc.assert(
    fc.property(anyCase, ({ format, x, options, random }) => {
      const { error, result } = explain(x, format, options, random);
      expect(error !== undefined).toBe(
        Number.isFinite(x) && Number.isFinite(result) && !hasNoPlace({ format, x }),
      );
      if (error === undefined) return;
      const distance = toUnits(result) - toUnits(x);
      expect(error.absolute).toBe(distance < 0n ? -distance : distance);
      expect(error.ulps.denominator > 0n).toBe(true);
      if (error.relative !== undefined)
        expect(error.relative.numerator * toUnits(Math.abs(x))).toBe(
          error.absolute * error.relative.denominator,
        );
    }),
    { numRuns: 1000 },
  );
});

test.each(
  stochasticVariants.flatMap((variant) =>
    ['stochastic', 'stochastic-equal'].map((rounding) => [variant, rounding]),
  ),
)('variant %s, %s: the threshold parts the random integers as rounding does', (variant, rounding) => {
  const format = formats.e3m2;
  for (const randomBits of [1, 2, 3, 5]) {
    const options = resolveRounding(format, {
      rounding: rounding as 'stochastic',
      variant: variant as 'A',
      randomBits,
    });
    for (let i = 1; i < 64; i++) {
      const x = 1 + i / 256; // between 1 and 1.25
      for (let random = 0; random < 2 ** randomBits; random++) {
        const { draw } = explain(x, format, options, random);
        expect(draw!.outOf).toBe(2 ** randomBits);
        expect(random >= draw!.threshold).toBe(roundScalar(x, format, options, random) === 1.25);
      }
    }
  }
});

test('a unit is 2^-1074', () => {
  expect(toUnits(1)).toBe(one);
  expect(toUnits(-(2 ** -1074))).toBe(-1n);
});

test('an unbounded exponent ends at multiples of 2^-1074: roundings of numbers, of exact results and their neighbours agree there', () => {
  const format = toFormat('float(Infinity,5)');
  for (const rounding of roundingModes)
    for (const subnormals of ['keep', 'flush'] as const) {
      const options = resolveRounding(format, { rounding, subnormals });
      for (let units = -200; units <= 200; units++) {
        const x = units * 2 ** -1074;
        const result = roundScalar(x, format, options, 0);
        expect(roundReal(toReal(x), format, options, 0)).toBe(result + 0);
        if (units !== 0) expect(taken(explain(x, format, options, 0))).toBe(toUnits(result));
      }
    }
});
