/**
 * The rounding kernels agree with the scalar reference on every bit for formats of every kind, at their ties, ends and
 * neighbours: floats of all shapes, integers and fixed point with wrap, posits, logarithms, codebooks. Also where a kernel
 * leaves elements to the reference, wherever the array lies and however it is cut.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codebook, type Format, float, toFormat } from '../../src/formats/index.ts';
import { allocateFloat64, release } from '../../src/kernels/heap.ts';
import { roundArray } from '../../src/kernels/rounding-arrays.ts';
import { roundingPath } from '../../src/kernels/rounding-planner.ts';
import { decode, encode } from '../../src/operations/index.ts';
import {
  type ResolvedRounding,
  resolveRounding,
  roundArrayReference,
  roundingModes,
  type Saturation,
} from '../../src/rounding/index.ts';
import { anyFormat, real } from '../../src/testing/arbitraries.ts';
import { firstDifference } from '../kernels-compare.ts';

const runs = 4000;

/** One or two of each thing that few random formats have. */
const rarities: readonly Format[] = [
  'dlfloat16',
  'e8m0',
  'nf4',
  'dynamic8',
  'binary',
  'binary8p1se',
  'binary8p1uf',
  'binary6p1sf',
  'float(11,10)',
  'float(Infinity,10)',
  'float(8,0,bias=127,finite)',
  'float(4,0,bias=7,fn)',
  'float(10,0,bias=1060,finite)',
  'float(10,3,bias=1066,finite)',
  'float(6,20,bias=31,fn,subnormals=normal)',
  'int53',
  'uint53',
  'fixed(3,40)',
  'posit16',
  'posit32',
  'posit(8,0)',
  'posit(2,3)',
  'posit(9,7)',
  'logarithmic(4,3)',
].map(toFormat);

const anyOrRare = fc.oneof(anyFormat(), fc.constantFrom(...rarities));

function options(format: Format): fc.Arbitrary<ResolvedRounding> {
  const modes = format.kind === 'posit' ? (['nearest-even', 'stochastic'] as const) : roundingModes;
  const wraps = format.kind === 'fixed' || (format.kind === 'int' && !format.symmetric);
  const saturations: Saturation[] = ['none', 'finite', 'propagate'];
  if (wraps) saturations.push('wrap', 'keep-sign');
  return fc
    .record({
      rounding: fc.constantFrom(...modes),
      saturation: fc.constantFrom(...saturations),
      subnormals: fc.constantFrom('keep', 'keep', 'flush', 'round-to-minimum-normal'),
      // Few bits make exact ties, of which the random integer decides.
      randomBits: fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: 1, max: 32 })),
      variant: fc.constantFrom('A', 'B', 'C'),
      seed: fc.maxSafeNat(),
      offset: fc.nat(1000),
    } as const)
    .map((given) => resolveRounding(format, given));
}

const cases = anyOrRare.chain((format) =>
  fc.tuple(fc.constant(format), options(format), fc.array(real(format), { minLength: 1, maxLength: 30 })),
);

describe(`formats of every kind, ${runs} random cases of up to 30 elements each`, () => {
  for (const [type, ArrayType] of [
    ['float32', Float32Array],
    ['float64', Float64Array],
  ] as const) {
    it(ArrayType.name, () => {
      const paths = new Set<string>();
      fc.assert(
        fc.property(cases, ([format, resolved, list]) => {
          paths.add(roundingPath(type, format, resolved));
          const x = ArrayType.from(list);
          const expected = new ArrayType(x.length);
          roundArrayReference(x, expected, format, resolved);
          const given = x.slice();
          const out = new ArrayType(x.length);
          roundArray(x, out, format, resolved);
          roundArray(x, x, format, resolved);
          expect(firstDifference(out, expected, given)).toBeUndefined();
          expect(firstDifference(x, expected, given)).toBeUndefined();
        }),
        { numRuns: runs },
      );
      expect([...paths]).toEqual(expect.arrayContaining(['general', 'exact', 'list', 'posit']));
    });
  }
});

describe('the smallest numbers of the carrier into formats whose step is above 1', () => {
  it.each(roundingModes)('%s', (rounding) => {
    for (const ArrayType of [Float32Array, Float64Array])
      for (const bias of [-40, -34, -20, -2]) {
        const format = float({ exponentBits: 2, mantissaBits: 5, bias, specials: 'finite' });
        const resolved = resolveRounding(format, { rounding });
        const x = ArrayType.of(2 ** -149, -(2 ** -149), 2 ** -126, 0, -0, 1, -1, 5e-324, 2 ** -1022);
        const expected = new ArrayType(x.length);
        roundArrayReference(x, expected, format, resolved);
        const out = new ArrayType(x.length);
        roundArray(x, out, format, resolved);
        expect(firstDifference(out, expected, x), `${format.name}`).toBeUndefined();
      }
  });
});

describe('elements that a kernel leaves to the reference', () => {
  const length = 5003;
  // Quarters of the intervals: with one or two random bits, all are exact ties of the stochastic rule.
  const quarters = codebook({ name: 'quarters', values: [-4, -1, 0, 3, 1e300] });
  const source = Float64Array.from({ length }, (_, i) => (((i * 37) % 41) - 20) / 4);
  const settings = (['A', 'B', 'C'] as const).flatMap((variant) =>
    [1, 2, 9].map((randomBits) => ({ variant, randomBits })),
  );
  for (const format of [quarters, toFormat('posit(8,2)'), toFormat('posit(6,4)')]) {
    it.each(settings)(`${format.name}: %o`, (setting) => {
      const resolved = resolveRounding(format, { rounding: 'stochastic', seed: 3, offset: 11, ...setting });
      const expected = new Float64Array(length);
      roundArrayReference(source, expected, format, resolved);

      const staged = source.slice();
      roundArray(staged, staged, format, resolved);
      expect(firstDifference(staged, expected, source)).toBeUndefined();

      const inHeap = allocateFloat64(length);
      inHeap.set(source);
      roundArray(inHeap, inHeap, format, resolved, 2);
      expect(firstDifference(inHeap, expected, source)).toBeUndefined();
      release(inHeap);

      const parts = source.slice();
      for (const [from, to] of [
        [0, 1],
        [1, 2050],
        [2050, length],
      ] as const) {
        const part = parts.subarray(from, to);
        roundArray(part, part, format, { ...resolved, offset: resolved.offset + from });
      }
      expect(firstDifference(parts, expected, source)).toBeUndefined();

      const limit = 2 ** setting.randomBits;
      const random = Uint32Array.from({ length }, (_, i) => (i * 31) % limit);
      const supplied = { ...resolved, random };
      roundArrayReference(source, expected, format, supplied);
      roundArray(source, staged, format, supplied);
      expect(firstDifference(staged, expected, source)).toBeUndefined();
    });
  }

  it('lists that span more than binary64 can subtract', () => {
    const format = codebook({ name: 'span', values: [-1.7e308, -1, 1.7e308] });
    const resolved = resolveRounding(format, { rounding: 'stochastic', seed: 3 });
    const x = Float64Array.from({ length: 100 }, (_, i) => (i - 50) * 3e306);
    const expected = new Float64Array(100);
    roundArrayReference(x, expected, format, resolved);
    roundArray(x, x, format, resolved);
    expect(firstDifference(x, expected, x)).toBeUndefined();
  });
});

describe('long lists', () => {
  it('of 65536 values, in every mode', () => {
    const values = Array.from({ length: 65536 }, (_, i) => (i - 32768) * Math.abs(i - 32768) * 2 ** -31);
    const format = codebook({ name: 'squares', values });
    const x = Float64Array.from({ length: 2000 }, (_, i) => ((i * 611953) % 2000) / 1900 - 0.53);
    for (const rounding of roundingModes) {
      const resolved = resolveRounding(format, { rounding, seed: 1 });
      const expected = new Float64Array(x.length);
      roundArrayReference(x, expected, format, resolved);
      const out = new Float64Array(x.length);
      roundArray(x, out, format, resolved);
      expect([rounding, firstDifference(out, expected, x)]).toEqual([rounding, undefined]);
    }
    const codes = encode(Float64Array.from(values), format);
    expect(codes.every((code, i) => Number(code) === i)).toBe(true);
    expect(decode(codes, format).every((value, i) => value === values[i])).toBe(true);
  });
});
