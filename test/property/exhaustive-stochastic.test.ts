/**
 * Stochastic rounding as a distribution. Few random bits: all 2^N random integers are tried, and as many of them take a
 * number away from zero as the definition of the variant says, for every fraction in steps of 2^-(N + 2). Many bits: with
 * the library's own Philox draws the mean is the defined one within 5 standard errors. Draws do not depend on chunks.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Format, formats, toFormat } from '../../src/formats/index.ts';
import { allocateFloat32, allocateFloat64 } from '../../src/kernels/heap.ts';
import { fitsBinary32, round } from '../../src/operations/conversions.ts';
import {
  drawIntegers,
  type RoundOptions,
  resolveRounding,
  roundArrayReference,
  roundScalar,
  type StochasticVariant,
  stochasticVariants,
} from '../../src/rounding/index.ts';
import { oracleRandomInteger } from '../oracles/philox.ts';
import { signedUnits, waysUp } from '../oracles/units.ts';

/** A pair of neighbours: the one nearer zero and the other, which overflow may turn into something else. */
interface Gap {
  readonly name: string;
  readonly inner: number;
  readonly outer: number;
  /** What `outer` becomes. */
  readonly result: number;
}

const gap = (name: string, inner: number, outer: number, result = outer): Gap => ({
  name,
  inner,
  outer,
  result,
});

// Binades, their boundaries, subnormals, overflow, either sign; grids; steps that are not powers of two.
const dyadicGaps: readonly Gap[] = [
  gap('e2m1', 1, 1.5),
  gap('e2m1', 0, 0.5),
  gap('e2m1', -4, -6),
  gap('e4m3fn', 240, 256),
  gap('e4m3fn', 0, 2 ** -9),
  gap('e4m3fn', 448, 480, NaN),
  gap('e5m2', -57344, -65536, -Infinity),
  gap('e4m3fnuz', 2 ** -10, 2 ** -9),
  gap('binary16', 1, 1 + 2 ** -10),
  gap('bfloat16', 2 ** -133, 2 ** -132),
  gap('binary8p1se', 2, 4),
  gap('binary6p3uf', 0.75, 0.875),
  gap('e8m0', 1, 2),
  gap('dlfloat16', 2 ** -31 * (1 + 2 ** -9), 2 ** -31 * (1 + 2 ** -8)),
  gap('int8', -3, -4),
  gap('fixed(4,4)', 0.0625, 0.125),
  gap('ternary', 0, -1),
  gap('binary', -1, 1),
  gap('posit8', 1, 1.125),
];
const otherGaps: readonly Gap[] = [
  ...consecutive('nf4', 10),
  ...consecutive('dynamic8', 200),
  ...consecutive('dynamic8', 50),
  ...consecutive('logarithmic(4,3)', 200),
  ...consecutive('posit8', 129), // between regimes the step is not a power of two
  gap('dlfloat16', 0, formats.dlfloat16.minNormal),
];

/** The i-th value of a format and its neighbour away from zero. */
function consecutive(name: string, i: number): Gap[] {
  const values = toFormat(name).values();
  const value = values[i]!;
  return [gap(name, value, values[value < 0 ? i - 1 : i + 1]!)];
}

/** |b - a| in exact units. */
function distance(a: number, b: number): bigint {
  const difference = signedUnits(b) - signedUnits(a);
  return difference < 0n ? -difference : difference;
}

/** How often each number goes to the outer neighbour, over all 2^N random integers. */
function countOut(
  format: Format,
  numbers: Float64Array,
  { result }: Gap,
  given: RoundOptions & { randomBits: number },
): number[] {
  const counts = Array.from(numbers, () => 0);
  const numbers32 = Float32Array.from(numbers);
  const isExact32 = fitsBinary32(format) && numbers32.every((x, i) => x === numbers[i]);
  for (let R = 0; R < 2 ** given.randomBits; R++) {
    const options = { ...given, random: new Uint32Array(numbers.length).fill(R) };
    const rounded = round(numbers, format, options);
    const rounded32 = isExact32 ? round(numbers32, format, options) : rounded;
    const resolved = resolveRounding(format, options);
    numbers.forEach((x, i) => {
      const scalar = roundScalar(x, format, resolved, R);
      if (!Object.is(rounded[i], scalar) || !Object.is(rounded32[i], scalar))
        expect.fail(`${x}, R = ${R}: ${scalar}, in arrays ${rounded[i]}, ${rounded32[i]}`);
      if (Object.is(scalar, result)) counts[i]!++;
    });
  }
  return counts;
}

/** The number of random integers that go out at fraction j / 2^(N + 2), in whole numbers of quarters. */
const defined: Record<StochasticVariant, (j: number) => number> = {
  A: (j) => Math.floor(j / 4),
  B: (j) => Math.floor((j + 2) / 4),
  C: (j) => Math.floor(j / 4) + (j % 4 > 2 || (j % 4 === 2 && Math.floor(j / 4) % 2 === 1) ? 1 : 0),
};

describe('the probability is exact: all 2^N random integers, N up to 8', () => {
  it.each(dyadicGaps)('$name from $inner to $outer, every fraction', (between) => {
    const format = toFormat(between.name);
    // The scalar reference of these works in big integers.
    const most = format.kind === 'posit' || format.kind === 'codebook' ? 6 : 8;
    for (const variant of stochasticVariants)
      for (let randomBits = 1; randomBits <= most; randomBits++) {
        const steps = 2 ** (randomBits + 2);
        const step = (between.outer - between.inner) / steps;
        const numbers = Float64Array.from({ length: steps }, (_, j) => between.inner + j * step);
        const counts = countOut(format, numbers, between, { rounding: 'stochastic', variant, randomBits });
        expect([variant, randomBits, counts]).toEqual([
          variant,
          randomBits,
          counts.map((_, j) => defined[variant](j)),
        ]);
      }
  });

  it.each(otherGaps)('$name from $inner to $outer', (between) => {
    const format = toFormat(between.name);
    for (const variant of stochasticVariants)
      for (const randomBits of [1, 3, 5]) {
        const given = { rounding: 'stochastic', variant, randomBits } as const;
        const numbers = Float64Array.from(
          { length: 200 },
          (_, j) => between.inner + (j / 200) * (between.outer - between.inner),
        );
        const options = resolveRounding(format, given);
        const expected = Array.from(numbers, (x) =>
          Number(waysUp(distance(between.inner, x), distance(between.inner, between.outer), options)),
        );
        expect(countOut(format, numbers, between, given)).toEqual(expected);
      }
  });

  it('stochastic-equal sends half of them away from zero, and representable numbers nowhere', () => {
    for (let randomBits = 1; randomBits <= 8; randomBits++) {
      const given = { rounding: 'stochastic-equal', randomBits } as const;
      const numbers = Float64Array.of(1, 1.001, 1.25, 1.499);
      const counts = countOut(formats.e2m1, numbers, gap('e2m1', 1, 1.5), given);
      const half = 2 ** (randomBits - 1);
      expect(counts).toEqual([0, half, half, half]);
    }
  });
});

describe('own Philox draws: 2^20 numbers, mean within 5 standard errors', () => {
  const count = 2 ** 20;
  const fractions = [0.5, 1 / 3, 0.7, 2 ** -9, 1 - 2 ** -11];

  function expectMean(between: Gap, fraction: number, given: RoundOptions & { randomBits: number }): void {
    const { name, inner, outer } = between;
    const x = inner + fraction * (outer - inner);
    const ways = waysUp(distance(inner, x), distance(inner, outer), resolveRounding(toFormat(name), given));
    const probability = Number(ways) / 2 ** given.randomBits;
    const rounded = round(new Float64Array(count).fill(x), name, given);
    const out = rounded.reduce((sum, y) => sum + (y === outer ? 1 : 0), 0);
    const standardError = Math.sqrt((probability * (1 - probability)) / count);
    expect(Math.abs(out / count - probability)).toBeLessThanOrEqual(5 * standardError);
  }

  it.each(
    [
      gap('e4m3fn', 1, 1.125),
      gap('e2m1', 0, -0.5),
      gap('bfloat16', 1, 1 + 2 ** -7),
      gap('binary16', 2 ** -24, 2 ** -23),
      gap('int8', 5, 6),
      gap('ternary', 0, 1),
    ].flatMap((between) => [8, 16, 32].map((randomBits) => ({ ...between, randomBits }))),
  )('$name from $inner to $outer, N = $randomBits', ({ randomBits, ...between }) => {
    for (const variant of stochasticVariants)
      for (const [stream, fraction] of fractions.entries())
        expectMean(between, fraction, {
          rounding: 'stochastic',
          variant,
          randomBits,
          seed: 20260104,
          stream,
        });
  });

  it.each([gap('nf4', 0, formats.nf4.values()[8]!), gap('posit8', 1, 1.125)])(
    '$name from $inner to $outer',
    (between) => {
      for (const randomBits of [16, 32])
        expectMean(between, 0.7, { rounding: 'stochastic', randomBits, seed: 20260105 });
    },
  );
});

describe('random integers', () => {
  it('are the slices of Philox4x32-10 blocks that the definition names', () => {
    const long = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const offset = fc.oneof(fc.nat(), fc.maxSafeNat());
    const given = fc.record({
      seed: long,
      stream: long,
      offset,
      randomBits: fc.integer({ min: 1, max: 32 }),
    });
    fc.assert(
      fc.property(given, (options) => {
        const count = Math.min(40, 2 ** 53 - 1 - options.offset);
        const drawn = drawIntegers(count, options);
        const { seed, stream, randomBits } = options;
        const expected = Array.from({ length: count }, (_, i) =>
          oracleRandomInteger(BigInt(options.offset) + BigInt(i), seed, stream, randomBits),
        );
        expect([...drawn]).toEqual(expected);
      }),
      { numRuns: 500, seed: 20260107 },
    );
  });
});

describe('draws do not depend on how an array is cut', () => {
  const length = 10_007;
  const pieces = [1, 3, 64, 2, 4095, 4096, 17, 1000];

  /** Rounds the array piece by piece, each with the offset of its first element. */
  function inPieces<A extends Float32Array | Float64Array>(
    x: A,
    name: string,
    given: RoundOptions & { offset: number },
  ): A {
    const out = x.slice() as A;
    for (let start = 0, i = 0; start < length; i++) {
      const end = Math.min(length, start + pieces[i % pieces.length]!);
      const piece = out.subarray(start, end) as A;
      round<A>(piece, name, { ...given, offset: given.offset + start, out: piece });
      start = end;
    }
    return out;
  }

  const numbers = Float32Array.from({ length }, (_, i) => ((i * 7919) % 2003) / 97 - 10);
  // Draws from the middle of a block; from a block whose number has more than 32 bits; near the end of the counter.
  const offsets = [0, 5, 2 ** 34 - 1001, 2 ** 53 - 20_011];

  it.each(
    ['bfloat16', 'e4m3fn', 'e2m1', 'int8', 'ternary', 'binary8p1se']
      .flatMap((name) => [1, 7, 8, 9, 16, 17, 32].map((randomBits) => [name, randomBits] as const))
      .concat([
        ['nf4', 8],
        ['posit8', 32],
      ]),
  )('%s, N = %i', (name, randomBits) => {
    const format = toFormat(name);
    for (const offset of offsets) {
      const given = {
        rounding: 'stochastic',
        randomBits,
        seed: 2n ** 64n - 3n,
        stream: 2 ** 40 + 7,
        offset,
      } as const;
      const expected = new Float64Array(length);
      roundArrayReference(numbers, expected, format, resolveRounding(format, given));
      const wide = Float64Array.from(numbers);
      const shared32 = allocateFloat32(length);
      const shared64 = allocateFloat64(length);
      shared32.set(numbers);
      shared64.set(numbers);
      for (const x of [numbers, wide, shared32, shared64]) {
        const whole = round(x, name, given);
        expect(whole.every((y, i) => Object.is(y, expected[i]))).toBe(true);
        expect(inPieces(x, name, given).every((y, i) => Object.is(y, expected[i]))).toBe(true);
      }
    }
  });
});
