/** What formats say of themselves, over all of them: zeros and their classes, widths of P3109 formats, bits of block formats, what is no number. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  block,
  classify,
  codebook,
  type Format,
  fixed,
  float,
  formats,
  logarithmic,
  nextDown,
  nextUp,
  p3109,
  parseFormat,
  posit,
  quantize,
  ulp,
} from '../../src/index.ts';
import { anyFormat } from '../../src/testing/index.ts';

const scalars = Object.values(formats).filter(
  (format) => !['block', 'complex'].includes(format.kind),
) as Format[];

/** Whether some code of a narrow format is -0. */
function hasCodeOfNegativeZero(format: Format): boolean {
  for (let code = 0; code < 2 ** format.bits; code++) if (Object.is(format.decode(code), -0)) return true;
  return false;
}

describe('zeros', () => {
  test.each(scalars.map((format) => [format.name, format]))('%s', (_, format) => {
    if (format.bits <= 16) expect(format.hasNegativeZero).toBe(hasCodeOfNegativeZero(format));
    if (!format.has(0)) {
      expect(() => classify(0, format)).toThrow(RangeError);
      expect(() => classify(-0, format)).toThrow(RangeError);
      return;
    }
    expect(classify(0, format)).toBe('positiveZero');
    expect(classify(-0, format)).toBe(format.hasNegativeZero ? 'negativeZero' : 'positiveZero');
  });

  test('of any format', () => {
    fc.assert(
      fc.property(anyFormat(), (format) => {
        if (!format.has(0)) return;
        expect(classify(-0, format)).toBe(format.hasNegativeZero ? 'negativeZero' : 'positiveZero');
        if (format.bits <= 10) expect(format.hasNegativeZero).toBe(hasCodeOfNegativeZero(format));
        // The class is that of the number which the code stands for.
        if (format.bits !== Infinity)
          expect(classify(-0, format)).toBe(classify(format.decode(format.encode(-0)), format));
      }),
      { numRuns: 500 },
    );
  });
});

describe('P3109', () => {
  test('every K, P, sign and domain: K bits, and the name of the report', () => {
    for (let bits = 3; bits <= 15; bits++)
      for (const signed of [true, false, undefined])
        for (const domain of ['extended', 'finite', undefined] as const)
          for (let precision = 1; precision <= (signed === false ? bits : bits - 1); precision++) {
            const exponentBits = bits - precision + (signed === false ? 1 : 0);
            const parameters = {
              ...{ bits, precision },
              ...(signed !== undefined && { signed }),
              ...(domain !== undefined && { domain }),
            };
            if (exponentBits > 11) {
              expect(() => p3109(parameters)).toThrow(/^precision: /);
              continue;
            }
            const format = p3109(parameters);
            const name = `binary${bits}p${precision}${signed === false ? 'u' : 's'}${domain === 'finite' ? 'f' : 'e'}`;
            expect(format.name).toBe(name);
            expect(format.bits).toBe(bits);
            expect(format.precision).toBe(precision);
            expect(format.isSigned).toBe(signed !== false);
            expect(format.hasInfinity).toBe(domain !== 'finite');
            expect((parseFormat(name) as Format).bits).toBe(bits);
            expect(() => format.decode(2 ** bits)).toThrow(RangeError);
            expect(format.decode(2 ** bits - 1)).not.toBeUndefined();
          }
  });
  test('beyond', () => {
    for (const wrong of [
      { bits: 2, precision: 1 },
      { bits: 16, precision: 8 },
      { bits: 8, precision: 8 },
      { bits: 8, precision: 0 },
    ])
      expect(() => p3109(wrong)).toThrow(/^(bits|precision): /);
    expect(p3109({ bits: 8, precision: 8, signed: false }).precision).toBe(8);
  });
});

describe('block formats', () => {
  const scales = scalars.filter(({ kind }) => kind === 'float');
  const elements = scalars.filter(({ kind, bits }) => ['float', 'int', 'fixed'].includes(kind) && bits <= 32);
  test('bits an element, for formats by themselves and by name', () => {
    for (const scale of scales)
      for (const element of elements)
        for (const size of [1, 3, 16, 32]) {
          const expected = element.bits + scale.bits / size;
          for (const tensorScale of [undefined, 'binary32', formats.binary32] as const) {
            const parts = { name: 'mine', size, ...(tensorScale !== undefined && { tensorScale }) };
            const byName = block({ ...parts, element: element.name, scale: scale.name });
            const byItself = block({ ...parts, element: element as never, scale: scale as never });
            expect(byName.bitsPerElement).toBe(expected);
            expect(byItself.bitsPerElement).toBe(expected);
            expect(byName.element).toBe(byItself.element);
            expect(byName.scale).toBe(byItself.scale);
            expect(byName.tensorScale).toBe(byItself.tensorScale);
          }
        }
  });
  test('other spellings name the same formats', () => {
    const made = block({
      name: 'mine',
      element: 'float4_e2m1fn',
      size: 16,
      scale: 'float8_e4m3fn',
      tensorScale: 'float32',
    });
    expect([made.element.name, made.scale.name, made.tensorScale!.name]).toEqual([
      'e2m1',
      'e4m3fn',
      'binary32',
    ]);
    expect(quantize([1, 2.6, -7, 0], made).values).toEqual(quantize([1, 2.6, -7, 0], 'nvfp4').values);
  });
  test('refuse formats that cannot be parts', () => {
    const right = { name: 'mine', element: 'e2m1', size: 16, scale: 'e8m0' };
    const endless = float({ exponentBits: Infinity, mantissaBits: 3 });
    for (const scale of [
      'posit8',
      'int8',
      'nf4',
      'mxfp4',
      'fourthRoots',
      endless,
      formats.posit8,
      {},
      null,
      8,
      undefined,
    ]) {
      expect(() => block({ ...right, scale: scale as never }), String(scale)).toThrow(/^scale: /);
      if (scale !== undefined)
        expect(() => block({ ...right, tensorScale: scale as never })).toThrow(/^tensorScale: /);
    }
    for (const element of [
      'posit8',
      'nf4',
      'mxfp4',
      'binary64',
      'int33',
      'fourthRoots',
      'e4m4',
      endless,
      formats.nf4,
      {},
      null,
      4,
      undefined,
    ])
      expect(() => block({ ...right, element: element as never }), String(element)).toThrow(/^element: /);
    expect(() => block({ ...right, element: 'float(12,3)' })).toThrow(/^element.exponentBits: /);
    for (const size of [0, -1, 1.5, '16', null, NaN, undefined, Infinity])
      expect(() => block({ ...right, size: size as never })).toThrow(/^size: /);
    for (const name of ['', null, 1, undefined])
      expect(() => block({ ...right, name: name as never })).toThrow(/^name: /);
  });
});

describe('what is no number is no value', () => {
  const others = ['0.5', '1', '', null, undefined, true, [1], {}, 1n, new Number(1), Symbol('1')];
  const some = [
    ...scalars,
    fixed({ integerBits: 4, fractionBits: 4 }),
    posit({ bits: 10, es: 1 }),
    logarithmic({ integerBits: 4, fractionBits: 3 }),
    codebook({ name: 'mine', values: Float32Array.of(-1, 0.5, 1) }),
    float({ exponentBits: Infinity, mantissaBits: 7 }),
  ];
  test.each(some.map((format) => [format.name, format]))('%s', (_, format) => {
    for (const other of others) {
      expect(format.has(other as never)).toBe(false);
      if (format.bits !== Infinity) expect(() => format.encode(other as never)).toThrow(/^value: got/);
      for (const call of [classify, nextUp, nextDown, ulp])
        expect(() => (call as (x: unknown, format: Format) => unknown)(other, format)).toThrow(/^x: got/);
      if (typeof other !== 'bigint' && format.bits !== Infinity)
        expect(() => format.decode(other as never)).toThrow(/^code: got/);
    }
  });
});
