/**
 * The arithmetic kernels agree with the scalar reference on every bit: random formats of every kind, modes, options and operands,
 * in both element types, with numbers for arrays, in place, staged and in the shared memory, cut at odd places.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operate, operationNames, operationOf, planOperations } from '../../src/arithmetic/operations.ts';
import type { Format } from '../../src/formats/format.ts';
import { fixed, float, int, posit, scalarFormats, toFormat } from '../../src/formats/index.ts';
import { operateArray } from '../../src/kernels/arithmetic/operation-arrays.ts';
import { type OperationName, planOperation } from '../../src/kernels/arithmetic/operation-plan.ts';
import { fitsBinary32 } from '../../src/operations/conversions.ts';
import {
  drawIntegers,
  isStochastic,
  type ResolvedRounding,
  resolveRounding,
  roundingModes,
  roundScalar,
} from '../../src/rounding/index.ts';

type RealArray = Float32Array | Float64Array;

const runs = 3000;

const anyFloat = fc
  .record({
    exponentBits: fc.integer({ min: 2, max: 11 }),
    mantissaBits: fc.integer({ min: 0, max: 52 }),
    specials: fc.constantFrom('ieee', 'ieee', 'fn', 'fnuz', 'finite', 'p3109'),
    subnormals: fc.constantFrom<boolean | 'normal'>(true, true, false, 'normal'),
    signed: fc.constantFrom(true, true, false),
    domain: fc.constantFrom('extended', 'finite'),
  } as const)
  .map(({ domain, ...p }): Format | undefined => {
    try {
      return float({ ...p, ...(p.specials === 'p3109' && { domain, subnormals: true }) });
    } catch {
      return undefined;
    }
  })
  .filter((format) => format !== undefined);
const narrowFloat = fc
  .record({ exponentBits: fc.integer({ min: 3, max: 8 }), mantissaBits: fc.integer({ min: 1, max: 12 }) })
  .map(float);
const anyGrid = fc.oneof(
  fc
    .record({ bits: fc.integer({ min: 2, max: 53 }), signed: fc.boolean(), symmetric: fc.boolean() })
    .map(({ signed, symmetric, bits }) => int({ bits, signed, symmetric: signed && symmetric })),
  fc
    .record({
      integerBits: fc.integer({ min: 1, max: 20 }),
      fractionBits: fc.integer({ min: 0, max: 20 }),
      signed: fc.boolean(),
    })
    .map(fixed),
);
const anyPosit = fc
  .record({ bits: fc.integer({ min: 2, max: 32 }), es: fc.integer({ min: 0, max: 4 }) })
  .filter(({ bits, es }) => (bits - 2) * 2 ** es <= 1022)
  .map(posit);
const catalogue = Object.values(scalarFormats).filter(
  ({ kind }) => kind !== 'codebook' && kind !== 'logarithmic',
);
const anyFormat: fc.Arbitrary<Format> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...catalogue) },
  { weight: 3, arbitrary: anyFloat },
  { weight: 2, arbitrary: narrowFloat },
  { weight: 2, arbitrary: anyGrid },
  { weight: 1, arbitrary: anyPosit },
);

function optionsFor(format: Format): fc.Arbitrary<ResolvedRounding> {
  const wraps = format.kind === 'fixed' || (format.kind === 'int' && !format.symmetric);
  const modes = format.kind === 'posit' ? (['nearest-even', 'stochastic'] as const) : roundingModes;
  return fc
    .record({
      rounding: fc.constantFrom(...modes),
      saturation: fc.constantFrom(
        'none',
        'finite',
        'propagate',
        ...(wraps ? (['wrap', 'keep-sign'] as const) : []),
      ),
      subnormals: fc.constantFrom('keep', 'keep', 'flush', 'round-to-minimum-normal'),
      randomBits: fc.oneof(fc.integer({ min: 1, max: 32 }), fc.constant(32)),
      variant: fc.constantFrom('A', 'B', 'C'),
      seed: fc.maxSafeNat(),
      stream: fc.maxSafeNat(),
      offset: fc.nat(2 ** 40),
    } as const)
    .map((given) => resolveRounding(format, given));
}

/** Numbers of a format: near one another, over its whole range, and its ends. */
function membersOf(format: Format): fc.Arbitrary<number> {
  const nearest = resolveRounding(format);
  const largest = Math.max(format.max, -format.min);
  const top = Math.log2(largest);
  const bottom = format.kind === 'float' ? Math.max(Math.log2(format.minSubnormal), -1074) : top - 60;
  const inRange = fc
    .record({
      exponent: fc.double({ min: bottom, max: top, noNaN: true }),
      fraction: fc.oneof(
        fc.integer({ min: 0, max: 31 }).map((n) => n / 32),
        fc.double({ min: 0, max: 1, noNaN: true }),
      ),
    })
    .map(({ exponent, fraction }) => (1 + fraction) * 2 ** Math.floor(exponent));
  const nearOne = fc
    .record({
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
      exponent: fc.integer({ min: -3, max: 6 }),
    })
    .map(({ fraction, exponent }) => (1 + fraction) * 2 ** exponent);
  const special = fc.constantFrom(0, 0, 1, largest, largest / 2, 2 ** Math.ceil(bottom), Infinity, NaN);
  return fc
    .tuple(
      fc.oneof(
        { weight: 4, arbitrary: inRange },
        { weight: 3, arbitrary: nearOne },
        { weight: 2, arbitrary: special },
      ),
      fc.constantFrom(1, -1),
    )
    .map(([x, sign]) => {
      if (Number.isNaN(x) || (x === Infinity && format.has(sign * x))) return sign * x;
      const rounded = roundScalar(sign * Math.min(x, largest), format, nearest, 0);
      // A zero of either sign is a number of every format that has one.
      return rounded === 0 ? sign * 0 : rounded;
    });
}

interface Case {
  readonly operation: OperationName;
  readonly format: Format;
  readonly options: ResolvedRounding;
  readonly operands: readonly (readonly number[] | number)[];
}

function casesOf(anyOf: fc.Arbitrary<Format>): fc.Arbitrary<Case> {
  return fc
    .tuple(anyOf, fc.constantFrom(...operationNames), fc.integer({ min: 1, max: 24 }))
    .chain(([format, operation, length]) => {
      const { arity } = operationOf(operation);
      const list = fc.array(membersOf(format), { minLength: length, maxLength: length });
      const operand = fc.oneof({ weight: 4, arbitrary: list }, membersOf(format));
      const operands = fc.tuple(list, ...Array.from({ length: arity - 1 }, () => operand));
      // Any operand may be the number.
      const turned = fc
        .tuple(operands, fc.nat(arity - 1))
        .map(([all, by]) => [...all.slice(by), ...all.slice(0, by)]);
      return fc.record({
        operation: fc.constant(operation),
        format: fc.constant(format),
        options: optionsFor(format),
        operands: turned,
      });
    });
}

function reference({ operation, format, options, operands }: Case, length: number): number[] {
  const plan = planOperations(format, options);
  const random = isStochastic(options.rounding)
    ? (options.random ?? drawIntegers(length, options))
    : new Uint32Array(length);
  return Array.from({ length }, (_, i) => {
    // -0 counts as 0 where the format has none.
    const unsigned = format.hasNegativeZero ? -0 : 0;
    const [a, b, c] = operands.map((x) => (typeof x === 'number' ? x : x[i]!) + unsigned);
    return operate(operationOf(operation), a!, b ?? 0, c ?? 0, plan, random[i]!);
  });
}

function scalarOf({ operation, format, options }: Case) {
  const plan = planOperations(format, options);
  const chosen = operationOf(operation);
  return (a: number, b: number, c: number, random: number): number => operate(chosen, a, b, c, plan, random);
}

/** What the kernel gives, or undefined where there is none. */
function kernel(
  given: Case,
  operands: readonly (RealArray | number)[],
  out: RealArray,
): RealArray | undefined {
  const { operation, format, options } = given;
  return operateArray(operation, operands, out, format, options, 1, scalarOf(given)) ? out : undefined;
}

function difference(given: Case, actual: ArrayLike<number>, expected: readonly number[]): string | undefined {
  const index = expected.findIndex((value, i) => !Object.is(value, actual[i]));
  if (index < 0) return undefined;
  const { operation, format, options, operands } = given;
  const inputs = operands.map((x) => (typeof x === 'number' ? x : x[index]));
  return `${operation} ${format.name} ${JSON.stringify(options)} (${inputs.join(', ')}): ${actual[index]}, not ${expected[index]}`;
}

describe(`operations against the scalar reference, ${runs} random cases of up to 24 elements each`, () => {
  for (const type of ['float32', 'float64'] as const) {
    it(type, () => {
      const View = type === 'float32' ? Float32Array : Float64Array;
      const suited = anyFormat.filter((format) => type === 'float64' || fitsBinary32(format));
      let left = 0;
      fc.assert(
        fc.property(casesOf(suited), (given) => {
          const length = Math.max(...given.operands.map((x) => (typeof x === 'number' ? 0 : x.length)));
          const expected = reference(given, length);
          const operands = given.operands.map((x) => (typeof x === 'number' ? x : View.from(x)));
          const out = kernel(given, operands, new View(length));
          if (out === undefined) {
            // Nothing but the missing kernel may be why.
            const plan = planOperation(type, given.operation, given.format, given.options);
            expect(plan === undefined, `${JSON.stringify(given)} is refused`).toBe(true);
            left++;
            return;
          }
          expect(difference(given, out, expected)).toBeUndefined();
        }),
        { numRuns: runs },
      );
      // Nearly everything has a kernel.
      expect(left).toBeLessThan(runs / 10);
    });
  }
});

/** All tuples of some values, as the operands of an operation. */
function tuplesOf(values: readonly number[], arity: number): number[][] {
  const count = values.length ** arity;
  return Array.from({ length: arity }, (_, operand) =>
    Array.from(
      { length: count },
      (_, i) => values[Math.floor(i / values.length ** operand) % values.length]!,
    ),
  );
}

describe('every tuple of special values, with and without small ones', () => {
  for (const name of ['bfloat16', 'tf32', 'float(8,9)', 'binary16', 'e5m2', 'e4m3fn', 'e5m2fnuz', 'posit16'])
    it(name, () => {
      const format = toFormat(name);
      const { max } = format;
      const signs = [1, -1];
      const special = [0, 1, max, Infinity, NaN].flatMap((x) => signs.map((sign) => sign * x));
      const small = format.kind === 'float' ? [format.minNormal, format.minSubnormal] : [2 ** -56];
      const members = (values: readonly number[]): number[] =>
        values.filter((x) => Number.isNaN(x) || format.has(x === 0 ? 0 : x));
      // Kernels do chunks with small numbers in another way, so that these would hide what they do of the others.
      const lists = [members(special), members([...special, ...small.flatMap((x) => [x, -x])])];
      const modes = format.kind === 'posit' ? (['nearest-even', 'stochastic'] as const) : roundingModes;
      for (const rounding of modes)
        for (const saturation of ['none', 'finite', 'propagate'] as const)
          for (const subnormals of ['keep', 'flush'] as const) {
            const options = resolveRounding(format, { rounding, saturation, subnormals, seed: 1 });
            for (const operation of operationNames)
              for (const values of lists) {
                const operands = tuplesOf(values, operationOf(operation).arity);
                const given = { operation, format, options, operands };
                const { length } = operands[0]!;
                const expected = reference(given, length);
                for (const type of ['float32', 'float64'] as const) {
                  const View = type === 'float32' ? Float32Array : Float64Array;
                  const arrays = operands.map((x) => View.from(x));
                  const out = kernel(given, arrays, new View(length));
                  const hasKernel = planOperation(type, operation, format, options) !== undefined;
                  expect(out !== undefined).toBe(hasKernel);
                  if (out !== undefined) expect(difference(given, out, expected)).toBeUndefined();
                }
              }
          }
    });
});
