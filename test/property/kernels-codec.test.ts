/**
 * Array `encode` and `decode` agree with the scalar `format.encode` and `format.decode` on every bit: every code of every
 * catalogue format of at most 16 bits, and random formats of every kind, in both array types.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Code, type Format, scalarFormats, toFormat } from '../../src/formats/index.ts';
import { planDecoding, planEncoding } from '../../src/kernels/codec-plan.ts';
import { decode, encode, round } from '../../src/operations/index.ts';
import { anyFormat, code, real } from '../../src/testing/arbitraries.ts';

const runs = 3000;
const modes = ['nearest-even', 'nearest-away', 'toward-negative', 'to-odd', 'stochastic-equal'] as const;

const catalogue: readonly Format[] = Object.values(scalarFormats);
const others = [
  'binary8p1se',
  'binary8p1uf',
  'binary6p1sf',
  'binary15p9se',
  'float(11,10)',
  'float(11,51)',
  'float(8,0,bias=127,finite)',
  'float(4,0,bias=7,fn)',
  'float(4,3,bias=7,fn,unsigned,bits=9)',
  'float(5,4,bias=15,fnuz,subnormals=false)',
  'float(6,20,bias=31,fn,subnormals=normal)',
  'float(10,3,bias=1066,finite)',
  'int25',
  'uint24',
  'int53',
  'uint53',
  'int8symmetric',
  'fixed(4,4)',
  'fixed(3,40)',
  'fixed(26,26,unsigned)',
  'posit(2,9)',
  'posit(8,0)',
  'posit(27,1)',
  'logarithmic(4,3)',
  'logarithmic(8,7)',
].map(toFormat);
const anyCoded = fc.oneof(
  anyFormat().filter((format) => format.bits !== Infinity),
  fc.constantFrom(...catalogue, ...others),
);

/** The code of each rounded value; NaN must have one. */
function codesOf(rounded: ArrayLike<number>, format: Format): Code[] {
  return Array.from(rounded, (value) => format.encode(value));
}

describe('every code', () => {
  for (const format of [...catalogue, ...others].filter(({ bits }) => bits <= 16)) {
    it(`of ${format.name}`, () => {
      const codes = Array.from({ length: 2 ** format.bits }, (_, i) => i);
      const values = decode(codes, format);
      expect(values.length).toBe(codes.length);
      const wanted = codes.map((each) => format.decode(each));
      expect(codes.filter((each) => !Object.is(values[each], wanted[each]))).toEqual([]);

      const isValue = (value: number): boolean => format.hasNaN || !Number.isNaN(value);
      const back = encode(values.filter(isValue), format);
      const expected = codesOf(wanted.filter(isValue), format);
      expect(expected.filter((each, i) => each !== back[i])).toEqual([]);
    });
  }
});

describe(`formats of every kind, ${runs} random cases of up to 40 elements each`, () => {
  for (const ArrayType of [Float32Array, Float64Array]) {
    it(`encode ${ArrayType.name}`, () => {
      const cases = anyCoded.chain((format) =>
        fc.tuple(
          fc.constant(format),
          fc.constantFrom(...(format.kind === 'posit' ? (['nearest-even'] as const) : modes)),
          fc.array(real(format), { minLength: 1, maxLength: 40 }),
        ),
      );
      fc.assert(
        fc.property(cases, ([format, rounding, list]) => {
          const x = ArrayType.from(list).filter((value) => format.hasNaN || !Number.isNaN(value));
          const options = { rounding, saturation: 'finite' } as const;
          const codes = encode(x, format, options);
          const rounded = round(Float64Array.from(x), format, options);
          expect([...codes]).toEqual(codesOf(rounded, format));
        }),
        { numRuns: runs },
      );
    });
  }

  it('decode', () => {
    const cases = anyCoded.chain((format) =>
      fc.tuple(fc.constant(format), fc.array(code(format), { minLength: 1, maxLength: 40 })),
    );
    fc.assert(
      fc.property(cases, ([format, list]) => {
        const values = decode(list, format);
        expect([...values]).toEqual(list.map((each) => format.decode(each)));
      }),
      { numRuns: runs },
    );
  });
});

describe('kernels', () => {
  it('serve every catalogue format, both ways and in both array types', () => {
    for (const format of catalogue)
      for (const type of ['float32', 'float64'] as const) {
        expect([format.name, planEncoding(type, format, 0n)]).not.toContain(undefined);
        expect([format.name, planDecoding(type, format)]).not.toContain(undefined);
      }
  });

  it('agree with themselves across chunks, with drawn and supplied random integers', () => {
    const length = 40_011;
    const x = Float32Array.from({ length }, (_, i) => Math.sin(i) * 3);
    const random = Uint32Array.from({ length }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 23);
    for (const name of ['e2m3', 'nf4', 'posit8', 'binary8p1se', 'fixed(2,9)', 'tf32', 'binary64'])
      for (const options of [
        { rounding: 'stochastic', seed: 4, offset: 5 },
        { rounding: 'stochastic', randomBits: 9, random },
      ] as const) {
        const format = toFormat(name);
        const codes = encode(x, format, options);
        const rounded = round(Float64Array.from(x), format, options);
        const expected = codesOf(rounded, format);
        expect(expected.findIndex((each, i) => each !== codes[i])).toBe(-1);
        const values = decode(codes, format);
        expect(rounded.findIndex((each, i) => !Object.is(each, values[i]))).toBe(-1);
      }
  });
});
