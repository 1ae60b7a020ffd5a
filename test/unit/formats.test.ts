/** Limits, names, codes and errors of formats; the numbers are those of the specifications. */
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import {
  bfp,
  codebook,
  float,
  formats,
  int,
  p3109,
  parseFormat,
  roundToFourthRoots,
  scalarFormats,
  toFormat,
} from '../../src/formats/index.ts';

/** Name, largest, smallest normal, smallest positive, infinity, NaN. */
const limits = [
  ['binary16', 65504, 2 ** -14, 2 ** -24, true, true],
  ['binary32', (2 - 2 ** -23) * 2 ** 127, 2 ** -126, 2 ** -149, true, true],
  ['binary64', Number.MAX_VALUE, 2 ** -1022, Number.MIN_VALUE, true, true],
  ['bfloat16', (2 - 2 ** -7) * 2 ** 127, 2 ** -126, 2 ** -133, true, true],
  ['tf32', (2 - 2 ** -10) * 2 ** 127, 2 ** -126, 2 ** -136, true, true],
  ['dlfloat16', (2 - 2 ** -8) * 2 ** 32, (1 + 2 ** -9) * 2 ** -31, (1 + 2 ** -9) * 2 ** -31, false, true],
  ['fp24', (2 - 2 ** -16) * 2 ** 63, 2 ** -62, 2 ** -78, true, true],
  ['pxr24', (2 - 2 ** -15) * 2 ** 127, 2 ** -126, 2 ** -141, true, true],
  ['e5m2', 57344, 2 ** -14, 2 ** -16, true, true],
  ['e4m3', 240, 2 ** -6, 2 ** -9, true, true],
  ['e4m3fn', 448, 2 ** -6, 2 ** -9, false, true],
  ['e3m4', 15.5, 2 ** -2, 2 ** -6, true, true],
  ['e4m3fnuz', 240, 2 ** -7, 2 ** -10, false, true],
  ['e5m2fnuz', 57344, 2 ** -15, 2 ** -17, false, true],
  ['e4m3b11fnuz', 30, 2 ** -10, 2 ** -13, false, true],
  ['e2m3', 7.5, 1, 0.125, false, false],
  ['e3m2', 28, 0.25, 0.0625, false, false],
  ['e2m1', 6, 1, 0.5, false, false],
  ['e8m0', 2 ** 127, 2 ** -127, 2 ** -127, false, true],
  ['ue5m3', 114688, 2 ** -14, 2 ** -17, false, true],
  ['ue4m3', 448, 2 ** -6, 2 ** -9, false, true],
] as const;

describe('limits of the catalogue', () => {
  it.each(limits)('%s', (name, max, minNormal, minSubnormal, hasInfinity, hasNaN) => {
    const format = formats[name];
    expect(format).toMatchObject({ max, minNormal, minSubnormal, hasInfinity, hasNaN });
    expect(format.epsilon).toBe(2 ** (1 - format.precision));
    expect(format.unitRoundoff).toBe(2 ** -format.precision);
  });

  it('covers every float of the catalogue', () => {
    const floats = Object.values(scalarFormats).filter((format) => format.kind === 'float');
    expect(floats.map((format) => format.name)).toEqual(limits.map(([name]) => name));
  });

  it('integers and codebooks', () => {
    expect(formats.int8).toMatchObject({ min: -128, max: 127, bits: 8 });
    expect(int({ bits: 8, symmetric: true }).min).toBe(-127);
    expect(formats.uint4).toMatchObject({ min: 0, max: 15, isSigned: false });
    expect(formats.ternary).toMatchObject({ min: -1, max: 1, bits: 2 });
    expect(formats.ternary.entropyBits).toBe(Math.log2(3));
    expect(formats.binary.values()).toEqual([-1, 1]);
  });
});

const everyName = [
  ...Object.keys(scalarFormats),
  'binary8p3se', 'binary8p1uf', 'binary3p1se', 'binary15p9sf', 'int3', 'uint5', 'int7symmetric',
  'float(5,6)', 'float(4,2,bias=7,fn)', 'float(3,3,bias=2)', 'float(0,4,bias=3,finite)',
  'fixed(4,4)', 'fixed(0,8,unsigned)', 'fixed(3,0)', 'posit(8,0)', 'posit(8,1)', 'posit(16,1)', 'posit(2,0)', 'posit(6,3)', 'midrise1', 'midrise4',
  'logarithmic(4,3)', 'logarithmic(2,0)', 'float(6,5,bias=31,unsigned)', 'float(5,4,bias=15,subnormals=false)', 'float(Infinity,7)',
]; // biome-ignore format: a list of names

describe('codes', () => {
  const small = everyName.map(toFormat).filter((format) => format.bits <= 16);
  it.each(small)('$name: every code decodes, and every value encodes back', (format) => {
    const finite = new Set<number>();
    const wrong: number[] = [];
    for (let code = 0; code < 2 ** format.bits; code++) {
      const value = format.decode(code);
      if (Number.isNaN(value)) continue;
      if (!format.has(value) || !Object.is(format.decode(format.encode(value)), value)) wrong.push(code);
      if (Number.isFinite(value)) finite.add(value);
    }
    expect(wrong).toEqual([]);
    const values = format.values();
    expect(values).toEqual([...finite].sort((a, b) => a - b));
    expect(values[0]).toBe(format.min);
    expect(values[values.length - 1]).toBe(format.max);
    expect(format.has(NaN)).toBe(format.hasNaN);
    expect(format.has(Infinity)).toBe(format.hasInfinity);
    if (format.hasNaN) expect(format.decode(format.encode(NaN))).toBe(NaN);
  });

  it('has one canonical NaN', () => {
    expect(formats.e5m2.encode(NaN)).toBe(0x7e);
    expect(formats.binary16.encode(NaN)).toBe(0x7e00);
    expect(formats.e4m3fn.encode(NaN)).toBe(0x7f);
    expect(formats.e4m3fnuz.encode(NaN)).toBe(0x80);
    expect(formats.e8m0.encode(NaN)).toBe(0xff);
    expect(formats.ue4m3.encode(NaN)).toBe(0x7f);
    expect(formats.dlfloat16.encode(NaN)).toBe(0x7fff);
  });

  it('reads wide formats as the machine does', () => {
    const cases = [0, -0, 1, -2.5, 1e-45, Math.PI, -3e38, Infinity, 5e-324, -1.7e308];
    for (const x of cases) {
      const bits64 = new BigUint64Array(new Float64Array([x]).buffer)[0]!;
      expect(formats.binary64.encode(x)).toBe(bits64);
      expect(Object.is(formats.binary64.decode(bits64), x)).toBe(true);
      const single = Math.fround(x);
      const bits32 = new Uint32Array(new Float32Array([single]).buffer)[0]!;
      expect(formats.binary32.encode(single)).toBe(bits32);
      expect(Object.is(formats.binary32.decode(bits32), single)).toBe(true);
    }
  });

  it('has no values where padding bits are set', () => {
    expect(formats.ue4m3.decode(0xb8)).toBe(NaN);
    expect(parseFormat('float(4,3,bias=7,bits=12)').decode(0x838)).toBe(NaN);
    expect(parseFormat('float(4,3,bias=7,bits=12)').decode(0xb8)).toBe(-1);
  });

  it('refuses codes that are none, and values that need rounding', () => {
    for (const code of [256, -1, 0.5, NaN, 2n ** 70n])
      expect(() => formats.e4m3fn.decode(code)).toThrow(RangeError);
    for (const value of [0.3, 480, Infinity]) expect(() => formats.e4m3fn.encode(value)).toThrow(RangeError);
    expect(() => formats.e2m1.encode(NaN)).toThrow(/e2m1/);
    expect(() => formats.binary32.values()).toThrow(RangeError);
    expect(() => float({ exponentBits: Infinity, mantissaBits: 7 }).encode(1)).toThrow(RangeError);
    expect(() => formats.ternary.decode(4)).toThrow(RangeError);
    expect(formats.ternary.decode(3)).toBe(NaN);
  });
});

describe('names', () => {
  it.each(everyName)('%s reads and prints back', (name) => {
    const format = parseFormat(name);
    expect(String(format)).toBe(name);
    expect(String(parseFormat(String(format)))).toBe(name);
    expect(JSON.stringify({ format })).toBe(`{"format":"${name}"}`);
    expect(Object.isFrozen(format)).toBe(true);
  });

  it('gives a format of the catalogue its name, however it is made', () => {
    expect(float({ exponentBits: 5, mantissaBits: 10 }).name).toBe('binary16');
    expect(float({ exponentBits: 4, mantissaBits: 3, bias: 7, specials: 'fn' }).name).toBe('e4m3fn');
    expect(parseFormat('ue8m0').name).toBe('e8m0');
    expect(p3109({ bits: 8, precision: 3, signed: true, domain: 'extended' }).name).toBe('binary8p3se');
  });

  it.each([
    'e4m4',
    '',
    'float(5)',
    'float(5,2,flat)',
    'float(5,2,bias=x)',
    'binary16p3se',
    'binary8p9ue',
    'int1',
    'posit8,1',
  ])('refuses %j with what is accepted', (name) => {
    expect(() => parseFormat(name)).toThrow(ArgumentError);
    expect(() => parseFormat(name)).toThrow(/accepted: /);
  });
});

describe('impossible formats', () => {
  it.each([
    [{ exponentBits: 0, mantissaBits: 0 }, 'exponentBits'],
    [{ exponentBits: 12, mantissaBits: 3 }, 'exponentBits'],
    [{ exponentBits: 5, mantissaBits: 53 }, 'mantissaBits'],
    [{ exponentBits: 5, mantissaBits: 2.5 }, 'mantissaBits'],
    [{ exponentBits: 11, mantissaBits: 10, specials: 'finite' as const }, 'float'],
    [{ exponentBits: 5, mantissaBits: 10, bias: -1000 }, 'float'],
    [{ exponentBits: 5, mantissaBits: 10, bias: 1100 }, 'float'],
    [{ exponentBits: 4, mantissaBits: 3, specials: 'fnuz' as const, signed: false }, 'signed'],
    [{ exponentBits: 4, mantissaBits: 3, zero: false }, 'zero'],
  ])('%j', (parameters, argument) => {
    expect(() => float(parameters)).toThrow(expect.objectContaining({ name: 'ArgumentError', argument }));
  });

  it('codebooks and integers', () => {
    expect(() => codebook({ name: 'x', values: [0, 1, 1] })).toThrow(/values\[2\]/);
    expect(() => codebook({ name: 'x', values: [1, 0] })).toThrow(/values\[1\]/);
    expect(() => codebook({ name: 'x', values: [1] })).toThrow(/values/);
    expect(() => codebook({ name: '', values: [0, 1] })).toThrow(/name/);
    expect(() => codebook({ name: 'x', values: [0, 1, 3], ties: 'even-multiple' })).toThrow(/ties/);
    expect(() => p3109({ bits: 15, precision: 2, signed: true, domain: 'finite' })).toThrow(/precision/);
    expect(() => int({ bits: 54 })).toThrow(/bits/);
    expect(() => int({ bits: 4, signed: false, symmetric: true })).toThrow(/symmetric/);
  });
});

describe('fourth roots of unity', () => {
  it('have codes', () => {
    expect(formats.fourthRoots.values().map((value) => formats.fourthRoots.encode(value))).toEqual([
      0, 1, 2, 3,
    ]);
    expect(formats.fourthRoots.decode(3)).toEqual([0, -1]);
    expect(formats.fourthRoots.has([1, 1])).toBe(false);
    expect(() => formats.fourthRoots.encode([0.5, 0])).toThrow(RangeError);
    expect(() => formats.fourthRoots.decode(4)).toThrow(RangeError);
    expect(() => toFormat('fourthRoots')).toThrow(/roundToFourthRoots/);
    expect(parseFormat('fourthRoots')).toBe(formats.fourthRoots);
  });

  it('are the nearest by angle', () => {
    const x = new Float32Array([0.2, -0.7, -3, 2, 1, 1, -1, 1, 0, 0, NaN, 1, 0, 0.1]);
    const roots = [0, -1, -1, 0, 1, 0, -1, 0, 1, 0, NaN, NaN, 0, 1];
    expect([...roundToFourthRoots(x)]).toEqual(roots);
    expect(roundToFourthRoots(x, x)).toBe(x);
    expect(() => roundToFourthRoots(new Float32Array(3))).toThrow(/x: /);
    expect(() => roundToFourthRoots(x, new Float32Array(2))).toThrow(/out: /);
  });
});

describe('block formats', () => {
  it.each([
    ['mxfp8e4m3', 'e4m3fn', 32, 'e8m0', 8.25],
    ['mxfp8e5m2', 'e5m2', 32, 'e8m0', 8.25],
    ['mxfp6e2m3', 'e2m3', 32, 'e8m0', 6.25],
    ['mxfp6e3m2', 'e3m2', 32, 'e8m0', 6.25],
    ['mxfp4', 'e2m1', 32, 'e8m0', 4.25],
    ['mxint8', 'fixed(1,6)', 32, 'e8m0', 8.25],
    ['nvfp4', 'e2m1', 16, 'e4m3fn', 4.5],
  ] as const)('%s: %s in blocks of %i', (name, element, size, scale, bitsPerElement) => {
    const format = parseFormat(name);
    expect(format).toBe(formats[name]);
    expect(format).toMatchObject({ kind: 'block', size, bitsPerElement });
    expect([format.element.name, format.scale.name, String(format)]).toEqual([element, scale, name]);
  });

  it('decode exactly', () => {
    expect([...formats.mxfp4.decode(0x80, [0x1, 0x7, 0xf])]).toEqual([1, 12, -12]);
    expect([...formats.mxint8.decode(0x7f, [0x80, 0x40])]).toEqual([-2, 1]);
    expect([...formats.mxfp4.decode(0xff, [0, 1])]).toEqual([NaN, NaN]);
    expect([...formats.nvfp4.decode(0x38, [0x2], 0.5)]).toEqual([0.5]);
    expect(() => formats.nvfp4.decode(0x38, new Uint8Array(17))).toThrow(/elements/);
  });

  it('bfp is named by its parameters', () => {
    const format = bfp({ mantissaBits: 7, block: 16 });
    expect([...format.decode(0x7f, [0x7f, 0xff, 0x01])]).toEqual([127 / 64, -127 / 64, 1 / 64]);
    for (const name of ['bfp(7,16)', 'bfp(3,8,5)'] as const) expect(String(parseFormat(name))).toBe(name);
    expect(format.bitsPerElement).toBe(8.5);
    expect(() => bfp({ mantissaBits: 0, block: 16 })).toThrow(/mantissaBits/);
    expect(() => bfp({ mantissaBits: 3, block: 0 })).toThrow(/^block: got 0; accepted: an integer from 1$/);
    expect(() => toFormat('mxfp4')).toThrow(/a format of numbers; the elements of mxfp4 are e2m1/);
  });
});
