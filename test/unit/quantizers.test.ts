/** Quantisers by hand: statistics, scales, two levels, zero points. */
import { describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { round } from '../../src/operations/conversions.ts';
import { nearestE2m1 } from '../../src/quantizers/four-over-six.ts';
import { dequantize, quantize, quantizer, type ScaleOptions } from '../../src/quantizers/index.ts';

const list = (...numbers: number[]): Float32Array => Float32Array.from(numbers);

describe('statistics', () => {
  // Decode scales with target 1: the stored scale is the threshold itself.
  const threshold = (scale: Partial<ScaleOptions>, x: Float32Array, format = 'e4m3fn'): number => {
    const options = { per: 'tensor', stored: 'decode', target: 1, ...scale } as ScaleOptions;
    return quantizer({ format, scale: options }).quantize(x).scales[0]!;
  };
  const x = list(3, -4, 0, 1, -2);

  it.each<[Partial<ScaleOptions>, number]>([
    [{ from: 'absmax' }, 4],
    [{ from: 'absmean' }, 2],
    [{ from: 'absmedian' }, 2],
    [{ from: 'rms', multiplier: 1 }, Math.fround(Math.sqrt(6))],
    [{ from: 'std', multiplier: 1 }, Math.fround(Math.sqrt(5.84))],
    [{ from: 'std', multiplier: 2.5 }, Math.fround(Math.fround(Math.sqrt(5.84)) * 2.5)],
    [{ from: 'percentile', percentile: 80 }, 3],
    [{ from: 'percentile', percentile: 81 }, 4],
    [{ from: 'percentile', percentile: 1 }, 0],
    [{ from: 'absmax', multiplier: 0.5 }, 2],
    [{ from: 'absmax', least: 10 }, 10],
  ])('%j gives %d', (scale, expected) => {
    expect(threshold(scale, x)).toBe(expected);
  });

  it('of an even number of magnitudes the median is the lower middle one', () => {
    expect(threshold({ from: 'absmedian' }, list(1, -2, 3, 4))).toBe(2);
  });

  it('sums in four interleaved parts, (s0 + s1) + (s2 + s3)', () => {
    const scale = {
      per: 'tensor',
      from: 'absmean',
      stored: 'decode',
      target: 1,
      format: 'binary32',
    } as const;
    // A tie of binary32, and three more: added one by one each is lost in binary64; the last two together are not.
    const x = [2 ** 53 + 2 ** 29, 1, 1, 1];
    expect(quantizer({ format: 'e4m3fn', scale }).quantize(x).scales[0]).toBe(2 ** 51 + 2 ** 28);
  });

  it('knows the published levels of normal data, and asks for one where there is none', () => {
    const q = (format: string): number =>
      quantizer({ format, scale: { per: 'row', from: 'std' } }).scale.multiplier;
    expect(['int1', 'int4', 'int8', 'ternary', 'binary', 'e2m1'].slice(1).map(q)).toEqual([
      2.5139, 3.8849, 1.224, 0.7979, 2.92247856,
    ]);
    expect(() => q('e4m3fn')).toThrow(
      /scale.multiplier: got 'gaussian'; accepted: a number for e4m3fn from std/,
    );
  });
});

describe('scales', () => {
  it('stores the encode factor of binary32 scales, the decode scale of others', () => {
    const x = list(1, -3, 6);
    const encoded = quantizer({ format: 'e2m1', scale: { per: 'tensor', from: 'absmax' } }).quantize(x);
    expect([encoded.stored, encoded.scales[0], ...encoded.codes]).toEqual(['encode', 1, 2, 13, 7]);
    const decoded = quantizer({
      format: 'e2m1',
      scale: { per: 'tensor', from: 'absmax', format: 'bfloat16' },
    }).quantize(list(1, -3, 5));
    expect([decoded.stored, decoded.scales[0]]).toEqual(['decode', 0.83203125]); // 5/6 in bfloat16
    expect(decoded.values[2]).toBe(6 * 0.83203125);
  });

  it('rounds integers within +-max, and to the whole range if asked', () => {
    const half = { per: 'tensor', from: 'constant', value: 1 } as const;
    const x = list(-1000, 1000);
    expect([...quantizer({ format: 'int4', scale: half }).fakeQuantize(x)]).toEqual([-7, 7]);
    expect([...quantizer({ format: 'int4', range: 'full', scale: half }).fakeQuantize(x)]).toEqual([-8, 7]);
    expect([...quantizer({ format: 'int4', saturation: 'wrap', scale: half }).fakeQuantize(x)]).toEqual([
      -8, -8,
    ]);
    // BitNet's other convention: 128 over the largest magnitude.
    const full = quantizer({
      format: 'int8',
      range: 'full',
      scale: { per: 'row', from: 'absmax', target: 128 },
    });
    expect([...full.quantize(list(-2, 2)).codes]).toEqual([0x80, 0x7f]);
  });

  it('covers every granularity, ragged ends too', () => {
    const x = Float32Array.from({ length: 30 }, (_, i) => i + 1);
    const shapeOf = (scale: object): [readonly number[], number[]] => {
      const options = { from: 'absmax', stored: 'decode', target: 1, ...scale } as ScaleOptions;
      const { scaleShape, scales } = quantizer({ format: 'e4m3fn', scale: options }).quantize(x, [2, 3, 5]);
      return [scaleShape, [...scales]];
    };
    expect(shapeOf({ per: 'tensor' })).toEqual([[], [30]]);
    expect(shapeOf({ per: 'row' })).toEqual([
      [2, 3],
      [5, 10, 15, 20, 25, 30],
    ]);
    expect(shapeOf({ per: 'column' })).toEqual([[5], [26, 27, 28, 29, 30]]);
    expect(shapeOf({ per: 'block', size: 4 })).toEqual([
      [2, 3, 2],
      [4, 5, 9, 10, 14, 15, 19, 20, 24, 25, 29, 30],
    ]);
    expect(shapeOf({ per: 'block', size: 2, axis: 0 })).toEqual([
      [1, 3, 5],
      Array.from({ length: 15 }, (_, i) => i + 16),
    ]);
    expect(shapeOf({ per: 'block', size: 2, axis: 1 })).toEqual([
      [2, 2, 5],
      [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30],
    ]);
    expect(shapeOf({ per: 'tile', rows: 2, columns: 3 })).toEqual([
      [2, 2, 2],
      [8, 10, 13, 15, 23, 25, 28, 30],
    ]);
  });

  it('makes powers of two of other statistics by the quotient', () => {
    const exponent = (direction: 'floor' | 'ceil' | 'even' | 'rceil', rms: number): number => {
      const scale = { per: 'tensor', from: 'rms', multiplier: 1, format: 'e8m0', direction } as const;
      return Math.log2(quantizer({ format: 'e2m1', scale }).quantize(list(rms)).scales[0]!);
    };
    // 9 / 6 = 1.5: half-way in value goes up.
    expect((['floor', 'ceil', 'even', 'rceil'] as const).map((direction) => exponent(direction, 9))).toEqual([
      0, 1, 1, 1,
    ]);
    expect(
      (['floor', 'ceil', 'even', 'rceil'] as const).map((direction) => exponent(direction, 8.75)),
    ).toEqual([0, 1, 0, 1]);
    expect((['floor', 'ceil', 'even', 'rceil'] as const).map((direction) => exponent(direction, 6))).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('gives groups of zeros zeros of either sign', () => {
    for (const format of ['e8m0', 'binary32', 'bfloat16', 'ue5m3'])
      expect([
        ...quantizer({ format: 'e2m1', scale: { per: 'tensor', from: 'absmax', format } }).fakeQuantize(
          list(0, -0),
        ),
      ]).toEqual([0, -0]);
    const two = quantizer({
      format: 'e2m1',
      scale: { per: 'tensor', from: 'absmax', format: 'e4m3fn', tensorScale: true },
    });
    // NVFP4: a zero has no sign.
    expect([...two.fakeQuantize(list(0, -0))]).toEqual([0, 0]);
  });

  it('multiplies by 3/4 after the power of two is chosen', () => {
    const scale = { per: 'tensor', from: 'absmax', format: 'e8m0', prescale: 0.75 } as const;
    const result = quantizer({ format: 'e2m1', scale }).quantize(list(8, 4, 1));
    // amax 8: the scale is 2; 8 * 0.75 / 2 = 3, 1.5, 0.375.
    expect([result.scales[0], ...result.codes]).toEqual([2, 5, 3, 1]);
    expect([...result.values]).toEqual([8, 4, Math.fround(4 / 3)]);
    expect(dequantize(result)).toEqual(result.values);
  });

  it('multiplies values by a gain, which no code shows', () => {
    const scale = { per: 'tensor', from: 'absmax', format: 'e8m0', prescale: 0.75, gain: 1.25 } as const;
    const made = quantizer({ format: 'e2m1', scale });
    const result = made.quantize(list(8, 4, 1));
    expect([result.scales[0], ...result.codes]).toEqual([2, 5, 3, 1]);
    expect([...result.values]).toEqual([3, 1.5, 0.5].map((element) => Math.fround(element / (0.375 / 1.25))));
    expect(dequantize(result)).toEqual(result.values);
    expect(made.unpack(result.pack(), [3]).values).toEqual(result.values);
    // One unit is 2 * 1.25 / 0.75.
    expect(made.explain(list(8, 4, 1)).scales[0]).toBe(1 / (0.375 / 1.25));
  });
});

describe('two levels', () => {
  it('is NVFP4 by its parts', () => {
    const x = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i) * (i + 1));
    const parts = quantizer({
      format: 'e2m1',
      scale: { per: 'block', size: 16, from: 'absmax', format: 'e4m3fn', tensorScale: true },
    }).quantize(x);
    const named = quantize(x, 'nvfp4');
    expect([parts.codes, parts.scaleCodes, parts.tensorScale]).toEqual([
      named.codes,
      named.scaleCodes,
      named.tensorScale,
    ]);
    const { decode } = formats.nvfp4;
    const last = decode(
      named.scaleCodes[6]!,
      Array.from({ length: 4 }, (_, i) => named.codes[96 + i]!),
      named.tensorScale as number,
    );
    expect([...named.values.subarray(96)]).toEqual([...Float32Array.from(last)]);
    expect(named.bytes).toBe(50 + 7 + 4);
  });

  it('an infinity clips, as in the reference: its tensor has encode scale 1', () => {
    const result = quantize(list(Infinity, 3, -1), 'nvfp4');
    expect([...result.scales, result.tensorScale, ...result.codes]).toEqual([448, 1, 7, 0, 8]);
    expect(() => quantize(list(1, NaN), 'nvfp4')).toThrow(/x\[1\]: got NaN/);
    expect([...quantize(list(5.25, NaN), 'nvfp4', { nan: 'zero' }).values]).toEqual([5.25, 0]);
    expect([...quantize(list(6, NaN), 'nvfp4', { nan: 'max' }).codes]).toEqual([7, 7]);
  });

  it('one scale a row needs groups within rows', () => {
    const x = new Float32Array(32 * 32).fill(1);
    expect(quantize(x, 'nvfp4', { shape: [32, 32], rowScaled: true }).tensorScale).toHaveLength(32);
    expect(() => quantize(x, 'nvfp4', { shape: [32, 32], rowScaled: true, axis: 0 })).toThrow(
      /scale.tensorScale: /,
    );
    expect(() => quantize(x, 'nvfp4', { shape: [32, 32], rowScaled: true, tile: true })).toThrow(
      /scale.tensorScale: /,
    );
  });

  it('packs and unpacks ragged tiles and rows', () => {
    const x = Float32Array.from({ length: 20 * 37 }, (_, i) => Math.cos(i * i));
    for (const options of [
      { tile: true },
      { rowScaled: true },
      { tile: true, fourOverSix: 'mae' } as const,
    ]) {
      const result = quantize(x, 'nvfp4', { shape: [20, 37], ...options });
      expect(dequantize(result)).toEqual(result.values);
      expect(result.pack()).toHaveLength(result.bytes);
    }
  });
});

describe('zero points', () => {
  const rows: ScaleOptions = { per: 'row', from: 'minmax' };

  it('maps the range, zero included, to all codes', () => {
    const q = quantizer({ format: 'uint8', scale: rows });
    const result = q.quantize(list(-1, 0, 1.55, 2, 4, 3), [2, 3]);
    // Row 1: range [-1, 1.55], step 0.01. Row 2: [0, 4].
    expect([...result.scales]).toEqual([Math.fround((1 + Math.fround(1.55)) / 255), Math.fround(4 / 255)]);
    expect([...result.zeroPoints!]).toEqual([100, 0]);
    expect([...result.codes]).toEqual([0, 100, 255, 127, 255, 191]);
    expect(result.values[1]).toBe(0);
    expect(dequantize(result)).toEqual(result.values);
    expect(q.unpack(result.pack(), [2, 3]).values).toEqual(result.values);
    expect(result.bytes).toBe(6 + 8 + 2);
  });

  it('has them for signed integers too, and for groups of zeros', () => {
    const q = quantizer({ format: 'int4', scale: rows });
    const result = q.quantize(list(0, 15, 0, 0), [2, 2]);
    expect([...result.zeroPoints!, ...result.scales, ...result.values]).toEqual([-8, -8, 1, 1, 0, 15, 0, 0]);
  });

  it('needs integers', () => {
    expect(() => quantizer({ format: 'e4m3fn', scale: rows })).toThrow(
      /format: got 'e4m3fn'; accepted: an integer format/,
    );
  });
});

it("places scales right where microxcaling's logarithm in binary32 does not", () => {
  // The largest binary32 number below 8: its logarithm rounds to 3.
  const below = 8 - 2 ** -21;
  expect(Math.floor(Math.fround(Math.log2(below)))).toBe(3);
  expect(quantize(list(below, 1), 'mxfp4').scales[0]).toBe(1);
});

it('four over six rounds elements as round does', () => {
  const x = new Float32Array(2 ** 16);
  const patterns = new Uint32Array(x.buffer);
  // Every upper half of a pattern, with the least and the largest lower half: ties, their neighbours, and all that is special.
  for (const low of [0, 1, 0xffff]) {
    for (let i = 0; i < x.length; i++) patterns[i] = (i << 16) | low;
    const wanted = round(x, 'e2m1', { saturation: 'finite' });
    expect(x.findIndex((each, i) => !Object.is(nearestE2m1(each), wanted[i]))).toBe(-1);
  }
});
