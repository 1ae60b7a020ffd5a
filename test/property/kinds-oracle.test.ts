/**
 * Integers, fixed point, codebooks, logarithms and posits: the scalar reference against the exact rational oracles, over
 * random formats of each kind, all modes they accept, saturations, variants and 1 to 32 random bits, on inputs where
 * rounding is hard. Floats have `rounding-oracle.test.ts`.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codebook, type Format, fixed, formats, int, logarithmic, posit } from '../../src/formats/index.ts';
import {
  type RoundOptions,
  resolveRounding,
  roundingModes,
  roundScalar,
  stochasticVariants,
} from '../../src/rounding/index.ts';
import { boundary, finite, nextMagnitude, real } from '../../src/testing/index.ts';
import { times } from '../every-case.ts';
import { oracleRound } from '../oracles/index.ts';

const anyInt = fc
  .record({ bits: fc.integer({ min: 2, max: 53 }), signed: fc.boolean(), symmetric: fc.boolean() })
  .map(({ bits, signed, symmetric }) => int({ bits, signed, symmetric: symmetric && signed }));

const anyFixed = fc
  .record({
    bits: fc.integer({ min: 2, max: 52 }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    signed: fc.boolean(),
  })
  .map(({ bits, part, signed }) => {
    const integerBits = Math.round(bits * part);
    return fixed({ integerBits, fractionBits: bits - integerBits, signed });
  });

const anyLogarithmic = fc
  .record({ integerBits: fc.integer({ min: 1, max: 10 }), fractionBits: fc.integer({ min: 0, max: 9 }) })
  .filter(({ integerBits: i, fractionBits: f }) => i + f >= 2 && i + f <= 11)
  .map(logarithmic);

const anyPosit = fc
  .record({ bits: fc.integer({ min: 2, max: 32 }), es: fc.integer({ min: 0, max: 9 }) })
  .filter(({ bits, es }) => (bits - 2) * 2 ** es <= 1022)
  .map(posit);

/** Lists of a few values, some equally spaced, some over all of binary64. */
const anyCodebook = fc
  .record({
    values: fc.oneof(
      fc.uniqueArray(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 20 }),
      fc.uniqueArray(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 20 }),
      fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 20 }),
    ),
    ties: fc.constantFrom('even-index', 'upper'),
  } as const)
  .map(({ values, ties }) => ({
    ties,
    values: [...new Set(values.map((value) => value + 0))].sort((a, b) => a - b),
  }))
  .filter(({ values }) => values.length >= 2)
  .map(({ values, ties }) => codebook({ name: 'any', values, ties }));

/** Equally spaced multiples of a step, as ternary weights are. */
const anyMultiples = fc
  .record({
    first: fc.integer({ min: -9, max: 5 }),
    count: fc.integer({ min: 2, max: 9 }),
    step: fc.constantFrom(0.25, 1, 3),
  })
  .map(({ first, count, step }) =>
    codebook({
      name: 'multiples',
      values: Array.from({ length: count }, (_, i) => (first + i) * step),
      ties: 'even-multiple',
    }),
  );

const named = fc.constantFrom<Format>(
  formats.ternary,
  formats.binary,
  formats.nf4,
  formats.dynamic8,
  formats.dynamicUnsigned8,
);

/** Means of two values, near one another or not, and the numbers next to them. */
function between(format: Format): fc.Arbitrary<number> {
  return fc
    .record({ a: finite(format), b: finite(format), nudge: fc.constantFrom(-1, 0, 0, 1) } as const)
    .map(({ a, b, nudge }) => {
      const middle = a / 2 + b / 2;
      return nudge === 0 ? middle : nextMagnitude(middle, nudge);
    });
}

function hardInput(format: Format): fc.Arbitrary<number> {
  return fc.oneof(real(format), real(format), between(format), boundary(format));
}

/** Options that the format accepts. */
function optionsFor(format: Format): fc.Arbitrary<RoundOptions> {
  const wraps = format.kind === 'fixed' || (format.kind === 'int' && !format.symmetric);
  const rounding =
    format.kind === 'posit'
      ? fc.constantFrom('nearest-even', 'stochastic', 'stochastic')
      : fc.constantFrom(...roundingModes);
  return fc.record({
    rounding,
    saturation: fc.constantFrom(
      'none',
      'finite',
      'propagate',
      ...(wraps ? (['wrap', 'keep-sign'] as const) : []),
    ),
    variant: fc.constantFrom(...stochasticVariants),
    randomBits: fc.integer({ min: 1, max: 32 }),
  } as const);
}

const kinds: readonly [string, fc.Arbitrary<Format>, number][] = [
  ['int', anyInt, 40_000],
  ['fixed', anyFixed, 40_000],
  ['codebook', anyCodebook, 20_000],
  ['codebook of multiples', anyMultiples, 20_000],
  ['named codebook', named, 20_000],
  ['logarithmic', anyLogarithmic, 10_000],
  ['posit', anyPosit, 40_000],
];

describe('scalar reference = exact rational oracle', () => {
  it.each(kinds)('%s formats', (_, anyFormat, runs) => {
    const everything = anyFormat.chain((format) =>
      fc.record({
        format: fc.constant(format),
        x: hardInput(format),
        given: optionsFor(format),
        random: fc.nat({ max: 2 ** 32 - 1 }),
      }),
    );
    fc.assert(
      fc.property(everything, ({ format, x, given, random }) => {
        const options = resolveRounding(format, given);
        const integer = random >>> (32 - options.randomBits);
        const ours = roundScalar(x, format, options, integer);
        const expected = oracleRound(x, format, options, integer);
        if (!Object.is(ours, expected))
          expect.fail(`${format.name} of ${x}, ${JSON.stringify(given)}: ours ${ours}, oracle ${expected}`);
      }),
      { numRuns: times(runs), seed: 20260102 },
    );
  });
});
