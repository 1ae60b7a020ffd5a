/** The scalar reference against the exact oracles: floats at random, over all parameters. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FloatFormat, float, type SubnormalEncoding, scalarFormats } from '../../src/formats/index.ts';
import {
  resolveRounding,
  roundingModes,
  roundScalar,
  stochasticVariants,
  subnormalTreatments,
} from '../../src/rounding/index.ts';
import { oracleRound } from '../oracles/index.ts';

const saturations = ['none', 'finite', 'propagate'] as const;

/** A binary64 number from its bits, all patterns equally likely. */
const anyBits = fc
  .bigInt({ min: 0n, max: (1n << 64n) - 1n })
  .map((bits) => new Float64Array(new BigUint64Array([bits]).buffer)[0]!);

/** Every kind of float format that the parameters allow, within binary64. */
const anyFloat: fc.Arbitrary<FloatFormat> = fc
  .record({
    exponentBits: fc.integer({ min: 0, max: 11 }),
    mantissaBits: fc.integer({ min: 0, max: 52 }),
    biasShift: fc.integer({ min: -40, max: 40 }),
    specials: fc.constantFrom('ieee', 'fn', 'fnuz', 'finite', 'p3109'),
    subnormals: fc.constantFrom<SubnormalEncoding>(true, true, true, false, 'normal'),
    signed: fc.constantFrom(true, true, false),
    domain: fc.constantFrom('extended', 'finite'),
    zero: fc.constantFrom(true, true, true, false),
    unbounded: fc.integer({ min: 0, max: 30 }),
  } as const)
  .map(({ biasShift, domain, unbounded, ...p }) => {
    try {
      if (unbounded === 0) return float({ exponentBits: Infinity, mantissaBits: p.mantissaBits });
      return float({
        ...p,
        bias: Math.floor(2 ** (p.exponentBits - 1)) - 1 + biasShift,
        ...(p.specials === 'p3109' && { domain, subnormals: true }),
      });
    } catch {
      return undefined; // a combination that the parameters rule out, or that leaves binary64
    }
  })
  .filter((format) => format !== undefined);

/** Inputs where rounding is hard: next to values, midpoints and the ends of the range. */
function hardInput(format: FloatFormat): fc.Arbitrary<number> {
  const quantum = (exponent: number): number => Math.max(exponent, format.emin) - format.mantissaBits;
  const nearGrid = fc
    .record({
      exponent: fc.integer({ min: Math.max(format.emin - 4, -1074), max: Math.min(format.emax + 2, 1023) }),
      position: fc.integer({ min: 0, max: 2 ** Math.min(format.mantissaBits + 2, 30) }),
      nudge: fc.constantFrom(-1, 0, 0, 1),
      negative: fc.boolean(),
    })
    .map(({ exponent, position, nudge, negative }) => {
      const x = 2 ** exponent + position * 2 ** Math.max(quantum(exponent) - 2, -1074);
      const nudged = nudge === 0 ? x : nextAfter(x, nudge);
      return negative ? -nudged : nudged;
    });
  const ends = fc
    .constantFrom(
      0,
      format.max,
      format.minNormal,
      format.minSubnormal,
      format.minNormal / 2,
      format.minSubnormal / 2,
    )
    .chain((x) => fc.constantFrom(x, -x, nextAfter(x, 1), nextAfter(x, -1), Infinity, -Infinity, NaN));
  return fc.oneof(nearGrid, nearGrid, ends, anyBits);
}

function nextAfter(x: number, direction: number): number {
  const view = new BigInt64Array(new Float64Array([Math.abs(x)]).buffer);
  view[0] = view[0]! + BigInt(direction);
  return new Float64Array(view.buffer)[0]!;
}

function expectSame(ours: number, expected: number, context: () => string): void {
  if (!Object.is(ours, expected)) expect.fail(`${context()}: ours ${ours}, oracle ${expected}`);
}

const runs = 60_000;

describe('scalar reference = exact rational oracle', () => {
  it(`${runs} random cases over all float parameters, modes, saturations, subnormal treatments and variants`, () => {
    const everything = anyFloat.chain((format) =>
      fc.record({
        format: fc.constant(format),
        x: hardInput(format),
        rounding: fc.constantFrom(...roundingModes),
        saturation: fc.constantFrom(...saturations),
        subnormals: fc.constantFrom(...subnormalTreatments),
        variant: fc.constantFrom(...stochasticVariants),
        randomBits: fc.integer({ min: 1, max: 32 }),
        random: fc.nat({ max: 2 ** 32 - 1 }),
      }),
    );
    fc.assert(
      fc.property(everything, ({ format, x, random, ...given }) => {
        const options = resolveRounding(format, given);
        const integer = random >>> (32 - given.randomBits);
        const ours = roundScalar(x, format, options, integer);
        expectSame(
          ours,
          oracleRound(x, format, options, integer),
          () => `${format.name} of ${x}, ${JSON.stringify(given)}`,
        );
      }),
      { numRuns: runs, seed: 20260101 },
    );
  });

  it.each(Object.values(scalarFormats).filter((format) => format.kind === 'float'))(
    '$name: hard inputs in every mode and saturation',
    (format) => {
      const given = fc.record({ x: hardInput(format), random: fc.nat({ max: 2 ** 32 - 1 }) });
      fc.assert(
        fc.property(given, ({ x, random }) => {
          for (const rounding of roundingModes)
            for (const saturation of saturations) {
              const options = resolveRounding(format, { rounding, saturation });
              const ours = roundScalar(x, format, options, random);
              expectSame(
                ours,
                oracleRound(x, format, options, random),
                () => `${rounding}, ${saturation} of ${x}`,
              );
            }
        }),
        { numRuns: 1000, seed: 7 },
      );
    },
  );
});
