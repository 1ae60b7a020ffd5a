/**
 * The rounding kernels agree with the scalar reference on every bit: random formats, options and bit patterns, in both
 * element types, in place, through the staging buffer in chunks, and at every alignment to a vector.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Format } from '../../src/formats/format.ts';
import { float, formats, scalarFormats } from '../../src/formats/index.ts';
import { allocateFloat32, allocateFloat64, release } from '../../src/kernels/heap.ts';
import { roundArray } from '../../src/kernels/rounding-arrays.ts';
import { fitsBinary32 } from '../../src/operations/conversions.ts';
import {
  type ResolvedRounding,
  resolveRounding,
  roundArrayReference,
  roundingModes,
} from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';

const runs = 3000;

/** Formats whose numbers are all binary32 numbers. */
const narrowFloat = fc
  .record({
    exponentBits: fc.integer({ min: 2, max: 8 }),
    mantissaBits: fc.integer({ min: 0, max: 23 }),
    specials: fc.constantFrom('ieee', 'fn', 'fnuz', 'finite', 'p3109'),
    subnormals: fc.boolean(),
    signed: fc.boolean(),
    biasStep: fc.integer({ min: -3, max: 3 }),
  })
  .map(({ exponentBits, mantissaBits, specials, subnormals, signed, biasStep }) => {
    const isP3109 = specials === 'p3109';
    return {
      exponentBits,
      mantissaBits: specials === 'ieee' ? Math.max(1, mantissaBits) : mantissaBits,
      specials,
      subnormals: isP3109 || subnormals,
      signed: signed || specials === 'fnuz',
      // Leaves room for the top binade of 'fn' in binary32.
      ...(exponentBits < 8 && { bias: 2 ** (exponentBits - 1) - 1 + biasStep }),
    } as const;
  })
  .filter((p) => p.exponentBits < 8 || p.specials === 'ieee')
  .map((p) => float(p) as Format);

const catalogue: readonly Format[] = Object.values(scalarFormats);
const narrow = fc.oneof(
  narrowFloat,
  fc.constantFrom(...catalogue.filter((format) => format.kind !== 'posit' && fitsBinary32(format))),
);
const wide = fc.oneof(
  narrow,
  fc
    .record({ exponentBits: fc.integer({ min: 9, max: 11 }), mantissaBits: fc.integer({ min: 1, max: 52 }) })
    .map(float),
  fc.constantFrom(...catalogue),
);

const positModes = ['nearest-even', 'stochastic'] as const;
// Half of all cases are of the modes that have loops of their own.
const quickModes = fc.constantFrom('nearest-even', 'stochastic');

function options(format: Format): fc.Arbitrary<ResolvedRounding> {
  return fc
    .record({
      rounding: fc.oneof(
        quickModes,
        fc.constantFrom(...(format.kind === 'posit' ? positModes : roundingModes)),
      ),
      saturation: fc.constantFrom('none', 'finite', 'propagate'),
      subnormals: fc.constantFrom('keep', 'keep', 'flush', 'round-to-minimum-normal'),
      randomBits: fc.integer({ min: 1, max: 32 }),
      variant: fc.constantFrom('A', 'B', 'C'),
      seed: fc.maxSafeNat(),
      stream: fc.maxSafeNat(),
      offset: fc.nat(2 ** 40),
    } as const)
    .map((given) => resolveRounding(format, given));
}

/** Any bit pattern, but most near the format's range: a number of it, moved by a fraction of a quantum. */
function values(format: Format, isFloat32: boolean): fc.Arbitrary<number> {
  const top = Math.log2(Math.max(format.max, -format.min));
  const bottom = format.kind === 'float' ? Math.max(Math.log2(format.minSubnormal), -1074) : -3;
  const inRange = fc
    .record({
      exponent: fc.double({ min: bottom - 3, max: Math.min(top + 2, isFloat32 ? 127 : 1023), noNaN: true }),
      units: fc.integer({ min: 1, max: 4095 }),
      tail: fc.constantFrom(0, 0, 0, 1, -1, 2 ** -9),
      sign: fc.constantFrom(1, -1),
    })
    .map(
      ({ exponent, units, tail, sign }) =>
        sign * (units + tail * 2 ** -11) * 2 ** (Math.floor(exponent) - 11),
    );
  const any = isFloat32 ? fc.float() : fc.double();
  return fc.oneof(
    { weight: 4, arbitrary: inRange },
    any,
    fc.constantFrom(format.max, format.min, 0, -0, NaN),
  );
}

const cases = (format: fc.Arbitrary<Format>, isFloat32: boolean) =>
  format.chain((chosen) =>
    fc.tuple(
      fc.constant(chosen),
      options(chosen),
      fc.array(values(chosen, isFloat32), { minLength: 1, maxLength: 40 }),
    ),
  );

describe(`kernels against the scalar reference, ${runs} random cases of up to 40 elements each`, () => {
  it('Float32Array', () => {
    fc.assert(
      fc.property(cases(narrow, true), ([format, resolved, list]) => {
        const x = Float32Array.from(list);
        const expected = new Float32Array(x.length);
        roundArrayReference(x, expected, format, resolved);
        const given = x.slice();
        roundArray(x, x, format, resolved);
        expect(firstDifference(x, expected, given)).toBeUndefined();
      }),
      { numRuns: runs },
    );
  });

  it('Float64Array', () => {
    fc.assert(
      fc.property(cases(wide, false), ([format, resolved, list]) => {
        const x = Float64Array.from(list);
        const expected = new Float64Array(x.length);
        roundArrayReference(x, expected, format, resolved);
        const given = x.slice();
        roundArray(x, x, format, resolved);
        expect(firstDifference(x, expected, given)).toBeUndefined();
      }),
      { numRuns: runs },
    );
  });
});

describe('the place and the chunking do not matter', () => {
  const length = 40_007;
  const source = Float32Array.from({ length }, (_, i) => Math.fround(((i * 7919) % 10_007) / 17 - 290));

  for (const [randomBits, offset] of [
    [5, 3],
    [13, 2 ** 33 + 7],
    [32, 2 ** 50 + 1],
  ] as const) {
    it(`stochastic rounding with ${randomBits} bits from offset ${offset}`, () => {
      const resolved = resolveRounding(formats.e4m3fn, {
        rounding: 'stochastic',
        seed: 5,
        stream: 2 ** 40 + 3,
        randomBits,
        offset,
      });
      const expected = new Float32Array(length);
      roundArrayReference(source, expected, formats.e4m3fn, resolved);

      const staged = new Float32Array(length);
      roundArray(source, staged, formats.e4m3fn, resolved);
      expect(firstDifference(staged, expected, source)).toBeUndefined();

      const inHeap = allocateFloat32(length);
      inHeap.set(source);
      roundArray(inHeap, inHeap, formats.e4m3fn, resolved);
      expect(firstDifference(inHeap, expected, source)).toBeUndefined();
      release(inHeap);

      const wide = allocateFloat64(length + 1);
      wide.set(source, 1);
      const view = wide.subarray(1);
      roundArray(view, view, formats.e4m3fn, resolved);
      expect(firstDifference(view, expected, source)).toBeUndefined();
      release(wide);

      const parts = source.slice();
      for (const [from, to] of [
        [0, 1],
        [1, 4098],
        [4098, length],
      ] as const) {
        const part = parts.subarray(from, to);
        roundArray(part, part, formats.e4m3fn, { ...resolved, offset: offset + from });
      }
      expect(firstDifference(parts, expected, source)).toBeUndefined();
    });
  }

  it('supplied random integers', () => {
    const random = Uint32Array.from({ length }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 23);
    const resolved = resolveRounding(formats.e2m1, {
      rounding: 'stochastic',
      randomBits: 9,
      variant: 'C',
      random,
    });
    const expected = new Float32Array(length);
    roundArrayReference(source, expected, formats.e2m1, resolved);
    const out = new Float32Array(length);
    roundArray(source, out, formats.e2m1, resolved);
    expect(firstDifference(out, expected, source)).toBeUndefined();
  });

  it('arrays longer than the caches, which take larger chunks', () => {
    const long = Float32Array.from({ length: 2 ** 21 + 5 }, (_, i) => source[i % length]!);
    const resolved = resolveRounding(formats.e4m3fn, { rounding: 'stochastic', seed: 5 });
    const expected = allocateFloat32(long.length);
    expected.set(long);
    roundArray(expected, expected, formats.e4m3fn, resolved);
    const out = new Float32Array(long.length);
    roundArray(long, out, formats.e4m3fn, resolved);
    expect(firstDifference(out, expected, long)).toBeUndefined();
    const inPlace = long.slice();
    roundArray(inPlace, inPlace, formats.e4m3fn, resolved);
    expect(firstDifference(inPlace, expected, long)).toBeUndefined();
    release(expected);
  });

  it('overlapping views', () => {
    const resolved = resolveRounding(formats.binary16);
    const expected = new Float32Array(length - 1);
    roundArrayReference(source.subarray(0, length - 1), expected, formats.binary16, resolved);
    const buffer = source.slice();
    roundArray(buffer.subarray(0, length - 1), buffer.subarray(1), formats.binary16, resolved);
    expect(firstDifference(buffer.subarray(1), expected, source)).toBeUndefined();
  });
});
