/** `round`, `encode` and `decode` as users call them: kinds of arrays, options, and every wrong argument. */
import { describe, expect, it } from 'vitest';
import { isBinary16 } from '../../src/binary64.ts';
import { toFormat } from '../../src/formats/index.ts';
import { fitsBinary16 } from '../../src/formats/real-arrays.ts';
import {
  ArgumentError,
  allocateFloat32,
  decode,
  encode,
  formats,
  type RoundOptions,
  round,
} from '../../src/index.ts';
import { fitsBinary32 } from '../../src/operations/index.ts';

describe('round', () => {
  it('keeps the kind: numbers, Float32Array, Float64Array, in place, in kernel memory', () => {
    expect(round(0.1, 'e4m3fn')).toBe(0.1015625);
    const x = new Float32Array([70000, 0.3, -0]);
    const y = round(x, 'binary16');
    expect(y).not.toBe(x);
    expect([...y]).toEqual([Infinity, 0.300048828125, -0]);
    expect([...x]).toEqual([70000, Math.fround(0.3), -0]);
    const z = new Float64Array([1 + 2 ** -11 + 2 ** -40]);
    expect(round(z, 'binary16', { out: z })).toBe(z);
    expect(z[0]).toBe(1 + 2 ** -10);
    const own = allocateFloat32(2);
    own.set([0.3, 500]);
    expect([...round(own, formats.e4m3fn, { saturation: 'finite', out: own })]).toEqual([0.3125, 448]);
  });

  it('gives an empty array for an empty array', () => {
    expect(round(new Float32Array(0), 'e4m3fn')).toEqual(new Float32Array(0));
    expect(encode([], 'e4m3fn')).toEqual(new Uint8Array(0));
  });

  it('draws for a number what it draws for the first element', () => {
    const options: RoundOptions = { rounding: 'stochastic', seed: 5, offset: 77, randomBits: 9 };
    for (let i = 0; i < 50; i++) {
      const at = { ...options, offset: i };
      expect(round(0.3, 'e2m1', at)).toBe(round(new Float64Array([0.3]), 'e2m1', at)[0]);
    }
  });

  it.each<[string, () => unknown]>([
    ['format', () => round(1, 'e4m4' as string)],
    ['rounding', () => round(1, 'e4m3fn', { rounding: 'up' } as never)],
    ['saturation', () => round(1, 'e4m3fn', { saturation: 'wrap' })],
    ['subnormals', () => round(1, 'e4m3fn', { subnormals: 'ftz' } as never)],
    ['randomBits', () => round(1, 'e4m3fn', { randomBits: 0 })],
    ['seed', () => round(1, 'e4m3fn', { seed: 1.5 })],
    ['variant', () => round(1, 'e4m3fn', { variant: 'D' } as never)],
    ['x[1]', () => round([1, '2'] as never, 'e4m3fn')],
    ['x', () => round(new Int16Array(2) as never, 'e4m3fn')],
    ['x', () => round(new Float32Array(1), 'binary64')],
    ['x', () => round(new Float32Array(1), 'posit32')],
    ['out', () => round(new Float32Array(2), 'e4m3fn', { out: new Float32Array(3) })],
    ['out', () => round(new Float32Array(2), 'e4m3fn', { out: new Float64Array(2) as never })],
    ['out', () => round(1, 'e4m3fn', { out: new Float32Array(1) } as never)],
    [
      'random',
      () => round(new Float32Array(2), 'e4m3fn', { rounding: 'stochastic', random: new Uint32Array(1) }),
    ],
    ['random', () => round(1, 'e4m3fn', { rounding: 'stochastic', random: [1] as never })],
    [
      'random[1]',
      () =>
        round(new Float32Array(2), 'e4m3fn', {
          rounding: 'stochastic',
          randomBits: 3,
          random: new Uint32Array([7, 8]),
        }),
    ],
    [
      'offset',
      () => round(new Float32Array(2), 'e4m3fn', { rounding: 'stochastic', offset: Number.MAX_SAFE_INTEGER }),
    ],
    ['rounding', () => round(1, 'posit8', { rounding: 'toward-zero' })],
    ['nan', () => encode([1], 'e4m3fn', { nan: 'inf' } as never)],
  ])('names %s', (argument, call) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(expect.objectContaining({ argument }));
    expect(call).toThrow(/^[^\n]+: got [^\n]+; accepted: [^\n]+$/);
  });

  it('writes nothing before the check', () => {
    const out = new Float32Array([7, 7]);
    const options = { rounding: 'stochastic', random: new Uint32Array(1), out } as const;
    expect(() => round(new Float32Array(2), 'e4m3fn', options)).toThrow();
    expect([...out]).toEqual([7, 7]);
  });
});

describe('encode and decode', () => {
  it('choose the narrowest carrier', () => {
    expect(encode([1, -2.6, 1000], 'e4m3fn', { saturation: 'finite' })).toEqual(
      new Uint8Array([0x38, 0xc2, 0x7e]),
    );
    expect(encode(new Float32Array([1]), 'binary16')).toEqual(new Uint16Array([0x3c00]));
    expect(encode([1], 'tf32')).toEqual(new Uint32Array([0x1fc00]));
    expect(encode([1], 'binary64')).toEqual(new BigUint64Array([0x3ff0000000000000n]));
    expect(decode(new Uint8Array([0x38, 0x7f]), 'e4m3fn')).toEqual(new Float32Array([1, NaN]));
    expect(decode([0x3ff0000000000000n], 'binary64')).toEqual(new Float64Array([1]));
  });

  it('round once, from the value given', () => {
    const trap = 1 + 2 ** -11 + 2 ** -30; // through float32 this would be a tie
    expect([...encode([trap], 'binary16')]).toEqual([0x3c01]);
  });

  it('treat NaN in a format without NaN as told', () => {
    expect(() => encode([1, NaN], 'e2m1')).toThrow(RangeError);
    expect([...encode([NaN], 'e2m1', { nan: 'zero' })]).toEqual([0]);
    expect([...encode([NaN], 'e2m1', { nan: 'max' })]).toEqual([7]);
    expect([...encode([NaN], 'int8', { nan: 'max' })]).toEqual([127]);
    expect([...encode([NaN], 'e5m2', { nan: 'zero' })]).toEqual([0x7e]);
  });

  it('refuse codes that are none', () => {
    expect(() => decode([256], 'e4m3fn')).toThrow(RangeError);
    expect(() => decode(new Uint8Array([16]), 'e2m1')).toThrow(RangeError);
  });
});

describe('the carrier of decode', () => {
  it.each([
    'e4m3fn',
    'binary32',
    'tf32',
    'int8',
    'int24',
    'fixed(4,4)',
    'posit8',
    'posit16',
    'posit(27,1)',
    'nf4',
    'dynamic8',
    'ternary',
    'float(8,22)',
    'float(8,23,bias=127,subnormals=false)',
    'float(8,12,bias=138,subnormals=false)',
  ])('%s is binary32', (name) => expect(fitsBinary32(toFormat(name))).toBe(true));
  it.each([
    'binary64',
    'float(9,10)',
    'float(Infinity,7)',
    'int26',
    'fixed(20,10)',
    'posit32',
    'logarithmic(4,3)',
    'float(8,7,bias=160)',
    'float(8,13,bias=138,subnormals=false)',
    'float(8,18,bias=138,subnormals=false)',
  ])('%s is binary64', (name) => expect(fitsBinary32(toFormat(name))).toBe(false));
});

describe('what a Float16Array carries', () => {
  const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, i) => i);
  const names: readonly string[] = [
    ...upTo(6).flatMap((e) => upTo(7).map((m) => `float(${e + 2},${m})`)),
    ...upTo(40).map((bias) => `float(5,4,bias=${bias})`),
    ...upTo(40).map((bias) => `float(4,5,bias=${bias},subnormals=false)`),
    ...['float(5,10)', 'float(5,11)', 'float(4,11)', 'float(5,10,fn)', 'float(6,6)'],
    ...upTo(12).flatMap((i) => [`int${i + 2}`, `uint${i + 2}`]),
    ...upTo(12)
      .flatMap((i) => upTo(12 - i).map((f) => `fixed(${i},${f})`))
      .filter((name) => name !== 'fixed(0,0)'),
    ...upTo(10).flatMap((n) => upTo(4).map((es) => `posit(${n + 3},${es})`)),
    ...[
      'logarithmic(4,0)',
      'logarithmic(5,0)',
      'logarithmic(6,0)',
      'logarithmic(4,3)',
      'nf4',
      'ternary',
      'dynamic8',
    ],
    ...['e8m0', 'e4m3fn', 'e4m3fnuz', 'e5m2fnuz', 'bfloat16', 'tf32', 'binary8p3se', 'binary8p1uf'],
  ];
  it.each(names)('%s', (name) => {
    const format = toFormat(name);
    // Wider ones of the list have numbers beyond it in any case.
    if (format.bits > 16) return expect(fitsBinary16(format)).toBe(false);
    const values = Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
    const areHalf = values.every((value) => formats.binary16.has(value) || Number.isNaN(value));
    expect(fitsBinary16(format)).toBe(areHalf);
    for (const value of values.filter((value) => !formats.binary16.has(value)).slice(0, 20))
      expect(isBinary16(value)).toBe(Number.isNaN(value));
  });
  it('every number of binary16 is one, its neighbours in binary64 are not', () => {
    for (let code = 0; code < 65536; code++) {
      const value = formats.binary16.decode(code);
      expect(isBinary16(value)).toBe(true);
      if (Number.isFinite(value) && value !== 0) expect(isBinary16(value * (1 + 2 ** -50))).toBe(false);
    }
  });
});
