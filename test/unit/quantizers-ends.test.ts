/** Degenerate scales by hand: zeros, statistics and scales that over- or underflow, given zero points. */
import { describe, expect, it } from 'vitest';
import { codebook, formats } from '../../src/formats/index.ts';
import {
  dequantize,
  type QuantizerOptions,
  quantize,
  quantizedMatmul,
  quantizer,
  type ScaleOptions,
} from '../../src/quantizers/index.ts';
import { dequantizer, newScales } from '../../src/quantizers/scales.ts';
import {
  clampResidual,
  compose,
  keepOutliers,
  logShift,
  noise,
  powerExpansion,
  prescale,
  shiftGroups,
} from '../../src/quantizers/transforms/index.ts';
import { units } from '../oracles/units.ts';

const list = (...numbers: number[]): Float32Array => Float32Array.from(numbers);
const wide = (...numbers: number[]): Float64Array => Float64Array.from(numbers);
const { max: largest } = formats.binary32;
const twoLevel = quantizer({
  format: 'binary16',
  scale: { per: 'row', from: 'absmax', tensorScale: true },
});

/** The inverse of an odd number modulo a power of two. */
function inverseOf(odd: bigint, modulus: bigint): bigint {
  let inverse = 1n;
  for (let i = 0; i < 7; i++) inverse = (inverse * (2n - odd * inverse)) % modulus;
  return (inverse + modulus) % modulus;
}
const tensor = (rest: object): ScaleOptions => ({ per: 'tensor', from: 'absmax', ...rest }) as ScaleOptions;
const valuesOf = (format: string, scale: object, x: Float32Array | Float64Array): number[] => [
  ...quantizer({ format, scale: tensor(scale) }).fakeQuantize(x),
];

describe('zeros', () => {
  it('stay zeros from minmax, whatever the scale format', () => {
    for (const format of ['binary32', 'bfloat16', 'e4m3fn', 'ue5m3', 'e8m0']) {
      const q = quantizer({ format: 'uint8', scale: tensor({ from: 'minmax', format }) });
      const { values, scales, zeroPoints } = q.quantize(list(0, -0, 0));
      expect([...values, ...scales, ...zeroPoints!]).toEqual([0, 0, 0, format === 'e8m0' ? 2 ** -127 : 1, 0]);
    }
  });

  it('stay zeros from every statistic and way of storing', () => {
    for (const from of ['absmax', 'absmean', 'absmedian', 'mse'])
      for (const format of ['binary32', 'e4m3fn', 'e8m0', 'binary16'])
        expect(valuesOf('e2m1', { from, format }, list(0, -0))).toEqual([0, -0]);
  });
});

describe('encode factors', () => {
  it('have a smallest: what they do not reach clips', () => {
    // 127 / 130048 is half of 2^-9, the smallest number of e4m3fn, and the tie goes to 0.
    expect(valuesOf('int8', { format: 'e4m3fn', stored: 'encode' }, list(130048, -65024, 1000, 0))).toEqual([
      65024, -65024, 1024, 0,
    ]);
    expect(valuesOf('e2m1', { format: 'binary16', stored: 'encode' }, list(1e9, -1e9))).toEqual([
      6 * 2 ** 24,
      -6 * 2 ** 24,
    ]);
    expect(valuesOf('int8', {}, wide(1e50, -1e50, 1))).toEqual([127 * 2 ** 149, -127 * 2 ** 149, 0]);
    expect(valuesOf('e2m1', { from: 'rms', multiplier: 1 }, wide(1e300, -1e300))).toEqual([
      6 * 2 ** 149,
      -6 * 2 ** 149,
    ]);
  });

  it('have a largest, for statistics of 0', () => {
    expect(valuesOf('int4', { from: 'absmedian', least: 0 }, list(0, 0, 1e10))).toEqual([
      0,
      0,
      Math.fround(7 / largest),
    ]);
    expect(valuesOf('int4', { from: 'absmedian', stored: 'decode' }, list(-0, 0, 1e10))).toEqual([0, 0, 0]);
  });
});

describe('results beyond the largest number', () => {
  it('become it: scaled numbers, into posits too', () => {
    const scale = { from: 'absmedian', stored: 'encode' };
    expect(valuesOf('posit8', scale, list(1e10, 1e-30))[0]).toBe(
      Math.fround(2 ** 24 / Math.fround(2 ** 24 / Math.fround(1e-30))),
    );
    expect(valuesOf('posit8', { from: 'constant', value: 1 }, list(Infinity, -Infinity, 1))).toEqual([
      2 ** 24,
      -(2 ** 24),
      1,
    ]);
    expect(valuesOf('e4m3fn', { from: 'constant', value: 1e-38 }, list(largest, Infinity))).toEqual(
      [448 * Math.fround(1e-38), 448 * Math.fround(1e-38)].map(Math.fround),
    );
  });

  it('become it: values', () => {
    for (const format of ['ternary', 'nf4', 'binary'])
      for (const stored of ['encode', 'decode'] as const)
        for (const from of ['absmax', 'absmean', 'absmedian', 'mse'])
          expect(valuesOf(format, { from, stored }, list(largest, -largest))).toEqual([largest, -largest]);
    // 4 2^126 would be the value.
    const ceil = quantize(list(largest, -largest), 'mxfp4', { direction: 'ceil' });
    expect([ceil.scales[0], ...ceil.values]).toEqual([2 ** 126, largest, -largest]);
    expect(dequantize(ceil)).toEqual(ceil.values);
    expect([...quantize(list(largest, 1), 'nvfp4').values]).toEqual([largest, 0]);
    expect(valuesOf('ternary', {}, wide(Number.MAX_VALUE, 0))).toEqual([2 ** 149, 0]);
  });

  it('become it: statistics of binary64', () => {
    const x = wide(Number.MAX_VALUE, -Number.MAX_VALUE);
    for (const from of ['absmean', 'rms', 'std'])
      expect(valuesOf('e2m1', { from, multiplier: 2, format: 'e8m0' }, x)).toEqual([
        6 * 2 ** 127,
        -6 * 2 ** 127,
      ]);
    const tiny = wide(3e-200, -4e-200);
    const scale = { from: 'rms', multiplier: 1, stored: 'decode', format: 'binary32' };
    expect(valuesOf('e2m1', scale, tiny)).toEqual([0, -0]);
  });

  it('are searched by squared error at any size', () => {
    const x = [1, -0.95, 0.4, 0.02, 3.3, -2.1];
    const q = quantizer({
      format: 'e2m1',
      scale: { per: 'row', from: 'mse', format: 'binary16', stored: 'decode' },
    });
    const thresholds = (exponent: number): number[] => {
      const { scales, values } = q.quantize(x.map((each) => each * 2 ** exponent));
      return [...scales, ...values].map((each) => each * 2 ** -exponent);
    };
    expect(thresholds(-12)).toEqual(thresholds(0));
    const far = quantizer({
      format: 'binary64',
      scale: { per: 'row', from: 'mse', target: 6, stored: 'decode' },
    });
    const at = (factor: number): number => far.quantize(x.map((each) => each * factor)).scales[0]!;
    expect([at(1e-320), at(1e300)]).toEqual([0, largest]);
  });
});

describe('two levels', () => {
  it('reach the ends of binary32', () => {
    const scale = { format: 'e4m3fn', tensorScale: true };
    for (const format of ['ternary', 'nf4', 'e2m1', 'int8'])
      expect(valuesOf(format, scale, list(largest, -largest, 2 ** -149))).toEqual([largest, -largest, 0]);
    expect(valuesOf('ternary', scale, wide(1e300, -1))).toEqual([largest, 0]);
  });

  it('with a block scale of 0 give zeros under every saturation', () => {
    for (const saturation of ['none', 'finite', 'propagate'] as const)
      for (const format of ['e5m2', 'e4m3fn', 'binary16']) {
        const q = quantizer({
          format,
          saturation,
          scale: { per: 'block', size: 2, from: 'absmax', format: 'e4m3fn', tensorScale: true },
        });
        expect([...q.fakeQuantize(list(1e30, 0, 1, -1))].slice(2)).toEqual([0, -0]);
      }
  });
});

describe('directions of powers of two', () => {
  it('act on ranges, constants and learned scales', () => {
    const scaleOf = (scale: object, direction: string): number =>
      quantizer({ format: 'uint4', scale: tensor({ format: 'e8m0', direction, ...scale }) }).quantize(
        list(0, 45),
      ).scales[0]!;
    const all = ['floor', 'ceil', 'even', 'rceil'];
    // 45 / 15 = 3, half-way between 2 and 4.
    expect(all.map((direction) => scaleOf({ from: 'minmax' }, direction))).toEqual([2, 4, 4, 4]);
    expect(all.map((direction) => scaleOf({ from: 'constant', value: 2.9 }, direction))).toEqual([
      2, 4, 2, 4,
    ]);
    expect(all.map((direction) => scaleOf({ from: 'learned', initial: 'absmax' }, direction))).toEqual([
      2, 4, 4, 4,
    ]);
  });
});

describe('learned scales', () => {
  it('begin with a number that their format has, and stay above 0', () => {
    const q = quantizer({ format: 'int8', scale: tensor({ from: 'learned', format: 'e4m3fn' }) });
    expect([...q.fakeQuantize(list(1e-30, -1e-30))]).toEqual([0, 0]);
    q.restore({ scales: [1e-300] });
    expect(q.quantize(list(1)).scales[0]).toBe(2 ** -9);
    const wideOne = quantizer({ format: 'int8', scale: tensor({ from: 'learned', initial: 'absmax' }) });
    expect(wideOne.quantize([Number.MAX_VALUE]).values[0]).toBe(127 * largest);
    expect(wideOne.state().scales).toEqual([Number.MAX_VALUE / 127]);
  });
});

describe('given zero points', () => {
  const q = (scale: object, rest: Partial<QuantizerOptions> = {}, format = 'uint8') =>
    quantizer({ format, ...rest, scale: { per: 'tensor', from: 'constant', ...scale } as ScaleOptions });

  it("quantise as ONNX's QuantizeLinear", () => {
    const made = q({ value: 2, zeroPoint: 128 });
    const x = list(0, 2, 3, 1000, -254, -1000, -3, 5);
    const result = made.quantize(x);
    // Halves of 2 go to even, then the zero point is added.
    expect([...result.codes]).toEqual([128, 129, 130, 255, 1, 0, 126, 130]);
    expect([...result.values]).toEqual([0, 2, 4, 254, -254, -256, -4, 4]);
    expect([...result.zeroPoints!]).toEqual([128]);
    expect(result.bytes).toBe(8 + 4 + 1);
    expect(made.unpack(result.pack(), [8]).values).toEqual(result.values);
    expect(dequantize(result)).toEqual(result.values);
    expect(made.fakeQuantize(x)).toEqual(result.values);
    const signed = q({ value: 0.5, zeroPoint: -3 }, {}, 'int4').quantize(list(0, 0.5, -2.5, -3, 100));
    expect([...signed.values]).toEqual([0, 0.5, -2.5, -2.5, 5]);
  });

  it('one a tensor, row, column, block or tile', () => {
    const x = list(1, 2, 3, 4, 5, 6, 7, 8);
    const codes = (grouping: object, value: unknown, zeroPoint: unknown): number[] =>
      [...q({ ...grouping, value, zeroPoint }).quantize(x, [2, 4]).codes].map(Number);
    expect(codes({ per: 'row' }, 1, [10, 20])).toEqual([11, 12, 13, 14, 25, 26, 27, 28]);
    expect(codes({ per: 'row' }, [1, 2], 7)).toEqual([8, 9, 10, 11, 9, 10, 11, 11]);
    expect(codes({ per: 'column' }, 1, [0, 10, 20, 30])).toEqual([1, 12, 23, 34, 5, 16, 27, 38]);
    expect(codes({ per: 'block', size: 3 }, 1, [0, 10, 20, 30])).toEqual([1, 2, 3, 14, 25, 26, 27, 38]);
    expect(codes({ per: 'block', size: 2, axis: 0 }, 1, [0, 10, 20, 30])).toEqual([
      1, 12, 23, 34, 5, 16, 27, 38,
    ]);
    expect(codes({ per: 'tile', rows: 2, columns: 2 }, [1, 0.5], [1, 2])).toEqual([
      2, 3, 8, 10, 6, 7, 16, 18,
    ]);
    expect(() => q({ per: 'row', value: 1, zeroPoint: [1, 2, 3] }).quantize(x, [2, 4])).toThrow(
      /shape: got '2 groups'; accepted: a shape with 3, one a zero point/,
    );
  });

  it('in products on codes, and in gradients', () => {
    const a = q({ per: 'row', value: [0.5, 2], zeroPoint: [3, 200] }).quantize(
      list(1, -1.5, 7, 2, -4, 100),
      [2, 3],
    );
    const b = q({ per: 'column', value: 0.25, zeroPoint: [0, 9] }).quantize(
      list(1, 2, 0.3, -1, 4, 0),
      [3, 2],
    );
    expect(quantizedMatmul(a, b)).toEqual(quantizedMatmul(a, b, { domain: 'values' }));
    expect([...quantizedMatmul(a, b)].slice(0, 2)).toEqual([
      a.values[0]! * b.values[0]! + a.values[1]! * b.values[2]! + a.values[2]! * b.values[4]!,
      a.values[0]! * b.values[1]! + a.values[1]! * b.values[3]! + a.values[2]! * b.values[5]!,
    ]);
    const made = q({ value: 0.5, zeroPoint: 3 }, { gradient: { name: 'lsq', normalise: false } });
    const x = list(1, -9, 200);
    const gradients = made.pullback(made.explain(x), list(1, 10, 100));
    expect([...gradients.x]).toEqual([1, 0, 0]);
    expect([...gradients.scales!, ...gradients.zeroPoints!]).toEqual([-30 + 25200, -5 - 50]);
  });

  it('comes back from JSON', () => {
    const made = q({ per: 'row', value: [1, 2], zeroPoint: [3, 4] }, { rounding: 'stochastic', seed: 3 });
    const again = quantizer(JSON.parse(JSON.stringify(made)) as QuantizerOptions);
    const x = list(0.3, 8.8, 5.5, -1);
    expect(again.quantize(x, [2, 2]).codes).toEqual(made.quantize(x, [2, 2]).codes);
  });

  it.each<[RegExp, () => unknown]>([
    [/scale.zeroPoint: got 256; accepted: an integer from 0 to 255/, () => q({ value: 1, zeroPoint: 256 })],
    [/scale.zeroPoint: got -1/, () => q({ value: 1, zeroPoint: -1 })],
    [/scale.zeroPoint\[1\]: got 0.5/, () => q({ value: [1, 1], zeroPoint: [0, 0.5] })],
    [/scale.zeroPoint: got '3'/, () => q({ value: 1, zeroPoint: '3' })],
    [
      /scale.zeroPoint: got an array of length 1; accepted: 2 integers/,
      () => q({ value: [1, 2], zeroPoint: [1] }),
    ],
    [
      /scale.zeroPoint: got 3; accepted: nothing, unless from is constant/,
      () => q({ from: 'minmax', zeroPoint: 3 }),
    ],
    [/format: got 'e4m3fn'; accepted: an integer format/, () => q({ value: 1, zeroPoint: 3 }, {}, 'e4m3fn')],
    [/scale.stored: got 'encode'/, () => q({ value: 1, zeroPoint: 3, stored: 'encode' })],
    [/saturation: got 'wrap'/, () => q({ value: 1, zeroPoint: 3 }, { saturation: 'wrap' })],
    [
      /range: got 'restricted'; accepted: full/,
      () => q({ value: 1, zeroPoint: 3 }, { range: 'restricted' }, 'int8'),
    ],
    [
      /scale.value: got 1e-60; accepted: a number that e4m3fn does not round to 0/,
      () => q({ value: 1e-60, format: 'e4m3fn' }),
    ],
    [/scale.value\[1\]: got 0/, () => q({ value: [1, 0] })],
  ])('%s', (message, attempt) => {
    expect(attempt).toThrow(message);
  });
});

describe('options that would do nothing are refused', () => {
  const made =
    (format: string, scale: object, rest: object = {}) =>
    () =>
      quantizer({ format, ...rest, scale: { per: 'tensor', ...scale } as ScaleOptions });
  it.each<[RegExp, () => unknown]>([
    [
      /scale.multiplier: got 2; accepted: nothing, with from mse/,
      made('int8', { from: 'mse', multiplier: 2 }),
    ],
    [/scale.least: got 1/, made('int8', { from: 'minmax', least: 1 })],
    [/scale.target: got 3; accepted: nothing, with zero points/, made('int8', { from: 'minmax', target: 3 })],
    [
      /scale.target: got 3; accepted: nothing, with from constant/,
      made('int8', { from: 'constant', value: 1, target: 3 }),
    ],
    [
      /range: got 'full'; accepted: nothing, with e4m3fn elements/,
      made('e4m3fn', { from: 'absmax' }, { range: 'full' }),
    ],
    [/scale.format: got 'e4m3fm'/, made('int8', { from: 'absmax', format: 'e4m3fm' })],
    [
      /scale.target: got 1e-60/,
      made('nf4', { from: 'absmax', format: 'e4m3fn', tensorScale: true, target: 1e-60 }),
    ],
  ])('%s', (message, attempt) => {
    expect(attempt).toThrow(message);
  });
});

it('tiny user codebooks keep their range', () => {
  const tiny = codebook({ name: 'tiny', values: [-(2 ** -140), 0, 2 ** -140] });
  for (const rest of [
    {},
    { stored: 'decode' },
    { format: 'e8m0', direction: 'rceil' },
    { format: 'bfloat16', stored: 'encode' },
  ])
    for (const size of [1, 2 ** 10, 2 ** 60]) {
      const values = quantizer({ format: tiny, scale: tensor(rest) }).fakeQuantize(
        list(size, -size, size / 4),
      );
      // The largest scale of binary32 is below 2^128.
      const reached = Math.min(size, 2 ** -12);
      expect(
        values[0]! > 0 && values[0]! <= size && values[1]! === -values[0]! && values[0]! > reached / 4,
        `${size}`,
      ).toBe(true);
    }
});

describe('one rounding where two would differ', () => {
  it('of a scale: threshold / target', () => {
    // (1 + 3 2^-8) 0.1 in binary64 lies a little off that product, and its binary64 quotient by 0.1 is the tie.
    const target = 0.1;
    let found = 0;
    for (let k = 1; k < 256; k += 2) {
      const tie = 1 + k / 256;
      const threshold = tie * target;
      const sign = Number(units(threshold) * (1n << 60n) > units(target) * BigInt(tie * 2 ** 60)) * 2 - 1;
      if (threshold / target !== tie || units(threshold) << 60n === units(target) * BigInt(tie * 2 ** 60))
        continue;
      found++;
      const scale = { target, stored: 'decode', format: 'bfloat16' };
      const { scales } = quantizer({ format: 'e4m3fn', scale: tensor(scale) }).quantize([threshold]);
      expect(scales[0]).toBe(tie + sign / 256);
    }
    expect(found).toBeGreaterThan(20);
  });

  it('of a value: element times two scales', () => {
    // 11, 24 and 24 bits whose product is within 2^-53 of half-way between two binary32 numbers.
    let found = 0;
    const toValue = dequantizer({ ...newScales(1, twoLevel.scale), isTwoLevel: true }, formats.binary32);
    for (let s = 2 ** 24 - 1; found < 20; s -= 2) {
      const [element, modulus] = [2047n, 2n ** 35n];
      const product = element * BigInt(s);
      const inverse = inverseOf(product, modulus);
      for (let offset = -31n; offset <= 31n; offset++) {
        const t = ((((2n ** 34n + offset) * inverse) % modulus) + modulus) % modulus;
        if (
          offset === 0n ||
          t < 2n ** 23n ||
          t >= 2n ** 24n ||
          product * t >= 2n ** 59n ||
          product * t < 2n ** 58n
        )
          continue;
        found++;
        const exact = product * t;
        const floor = (exact >> 35n) << 35n;
        const value = Number(offset > 0n ? floor + modulus : floor);
        expect(toValue(2047, s * Number(t))).toBe(value);
      }
    }
  });

  it('of a zero point', () => {
    const q = quantizer({ format: 'int8', scale: tensor({ from: 'minmax' }) });
    const { zeroPoints, scales } = q.quantize([-(0.5 + 2 ** -53), 254.5]);
    expect([scales[0], zeroPoints![0]]).toEqual([1, -127]);
    expect(q.quantize([-0.5, 254.5]).zeroPoints![0]).toBe(-128);
    expect(q.quantize([-1.5, 253.5]).zeroPoints![0]).toBe(-126);
  });
});

describe('elementwise transforms', () => {
  const transforms = [
    ...[
      prescale({ factor: 3 }),
      prescale({ factor: 0.3 }),
      logShift(),
      powerExpansion(),
      shiftGroups({ groups: 2 }),
    ],
    ...[keepOutliers({ count: 1 }), clampResidual({ alpha: 0.8 })],
    ...(['absmax', 'range'] as const).map((from) => noise({ bits: 3, from, distribution: 'gaussian' })),
    compose(prescale({ factor: 1e30 }), shiftGroups(), noise({ bits: 0.5 })),
  ];
  const tensors = [
    ...[list(largest, largest, largest), list(largest, -largest, 1), list(largest, 2 ** -149, 0)],
    ...[
      list(2 ** -149, 0, -(2 ** -149)),
      wide(1.7e308, -1.7e308, 1),
      wide(1e300, 1e-300, -1),
      wide(5e-324, 0, 1e50),
    ],
  ];
  it.each(transforms.map((transform) => [JSON.stringify(transform), transform] as const))(
    '%s: of finite numbers finite ones',
    (_, transform) => {
      for (const x of tensors)
        for (const format of ['int8', 'e5m2', 'ternary']) {
          const q = quantizer({ format, transform, scale: tensor({ least: 0 }) });
          const result = q.quantize(x);
          expect([...result.values].every(Number.isFinite), `${x}: ${result.values}`).toBe(true);
          expect(dequantize(result)).toEqual(result.values);
          expect(q.fakeQuantize(x as Float32Array)).toEqual(result.values);
        }
      expect(transform.forward(list(NaN, 1, 2), [3]).values[0]).toBe(
        transform.name === 'keep-outliers' ? 0 : NaN,
      );
    },
  );
});
