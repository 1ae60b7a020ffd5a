/** `arithmetic` as users meet it: special operands by family, arrays, draws, flags, errors; results are in the oracle tests. */
import { describe, expect, it } from 'vitest';
import { scalarFormats } from '../../src/formats/index.ts';
import { ArgumentError, arithmetic, float, randomIntegers, round } from '../../src/index.ts';

describe('special operands', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

  it.each([
    // format, operation, operands, result
    ['binary16', 'add', [inf, -inf], nan],
    ['binary16', 'add', [inf, 1], inf],
    ['binary16', 'sub', [2, 2], 0],
    ['binary16', 'add', [-0, -0], -0],
    ['binary16', 'mul', [0, inf], nan],
    ['binary16', 'mul', [-0, 3], -0],
    ['binary16', 'div', [1, 0], inf],
    ['binary16', 'div', [1, -0], -inf],
    ['binary16', 'div', [0, 0], nan],
    ['binary16', 'div', [inf, 0], inf],
    ['binary16', 'sqrt', [-0], -0],
    ['binary16', 'sqrt', [-1], nan],
    ['binary16', 'fma', [inf, 0, 1], nan],
    ['binary16', 'fma', [2, 3, -6], 0],
    ['binary16', 'fma', [65504, 65504, -inf], -inf],
    ['binary64', 'fma', [1e308, 1e308, -inf], -inf],
    ['e4m3fn', 'div', [1, 0], nan],
    ['e4m3fn', 'add', [448, 448], nan],
    ['e4m3fnuz', 'mul', [-0, 3], 0],
    ['e2m1', 'div', [-1, 0], -6],
    ['e2m1', 'div', [0, 0], nan],
    ['e8m0', 'sub', [1, 1], nan],
    ['ue5m3', 'sub', [1, 2], nan],
    ['binary8p3se', 'div', [1, 0], nan],
    ['binary8p3se', 'div', [inf, 0], nan],
    ['binary8p3se', 'sub', [1, 1], 0],
    ['posit16', 'div', [1, 0], nan],
    ['posit16', 'sqrt', [-1], nan],
    ['posit16', 'mul', [2 ** 56, 2 ** 56], 2 ** 56],
    ['posit16', 'mul', [2 ** -56, 2 ** -56], 2 ** -56],
    ['int8', 'div', [5, 0], 127],
    ['int8', 'div', [-5, 0], -128],
    ['int8', 'div', [5, -0], 127],
    ['int8', 'div', [0, 0], nan],
    ['int8', 'div', [7, 2], 4],
    ['int8', 'add', [100, 100], 127],
    ['fixed(4,4)', 'div', [1, 3], 0.3125],
    ['binary', 'sub', [1, 1], 1],
  ] as const)('%s %s %j is %s', (format, name, operands, expected) => {
    const method = arithmetic(format)[name] as (...operands: readonly number[]) => number;
    expect(method(...operands)).toBe(expected);
  });

  it('an exact zero takes its sign from the mode', () => {
    const down = arithmetic('binary32', { rounding: 'toward-negative' });
    expect(down.sub(2, 2)).toBe(-0);
    expect(down.add(0, 0)).toBe(0);
    expect(down.fma(2, 3, -6)).toBe(-0);
    expect(arithmetic('e4m3fnuz', { rounding: 'toward-negative' }).sub(2, 2)).toBe(0);
  });

  it('saturation decides what infinities and overflow become', () => {
    expect(arithmetic('e5m2', { saturation: 'finite' }).add(Infinity, 1)).toBe(57344);
    expect(arithmetic('e5m2', { saturation: 'propagate' }).add(Infinity, 1)).toBe(Infinity);
    expect(arithmetic('e5m2', { saturation: 'propagate' }).add(57344, 57344)).toBe(57344);
    expect(arithmetic('int8', { saturation: 'wrap' }).add(100, 100)).toBe(-56);
    expect(arithmetic('int53', { saturation: 'wrap' }).mul(2 ** 40 + 1, 2 ** 40 + 1)).toBe(2 ** 41 + 1);
  });

  it('an unbounded exponent ends where binary64 does', () => {
    const format = float({ exponentBits: Infinity, mantissaBits: 12 });
    expect(arithmetic(format).mul(2 ** -600, 2 ** -600)).toBe(0);
    expect(arithmetic(format, { rounding: 'toward-positive' }).mul(2 ** -600, 2 ** -600)).toBe(2 ** -1074);
    expect(arithmetic(format).mul(-(2 ** 600), 2 ** 600)).toBe(-Infinity);
    expect(arithmetic(format, { saturation: 'finite' }).mul(2 ** 600, 2 ** 600)).toBe(format.max);
  });
});

describe('operations that choose or turn', () => {
  it('neg and abs of arrays are those of numbers, in every format', () => {
    for (const format of Object.values(scalarFormats)) {
      const values = format.bits <= 12 ? format.values() : [0, 1, format.max, format.min, 3, Infinity];
      const x = Float64Array.from([...values, NaN, ...(format.hasNegativeZero ? [-0] : [])], (value) =>
        format.has(value) || Number.isNaN(value) ? value : NaN,
      );
      for (const options of [{}, { saturation: 'wrap' }, { subnormals: 'flush' }] as const) {
        if (options.saturation === 'wrap' && format.kind !== 'int' && format.kind !== 'fixed') continue;
        if (options.subnormals !== undefined && format.kind !== 'float') continue;
        const f = arithmetic(format, options);
        for (const operation of [f.neg, f.abs]) {
          const wanted = Float64Array.from(x, (value) => operation(value));
          expect([format.name, operation(x)]).toEqual([format.name, wanted]);
          expect(operation(x, { out: x.slice() })).toEqual(wanted);
          if (x.every((value) => Number.isNaN(value) || Math.fround(value) === value) && format.bits <= 16)
            expect(operation(Float32Array.from(x))).toEqual(Float32Array.from(wanted));
        }
      }
    }
  });

  it('neg and abs change a sign and no more', () => {
    const flushing = arithmetic('binary16', { subnormals: 'flush', rounding: 'toward-zero' });
    expect(flushing.neg(2 ** -24)).toBe(-(2 ** -24));
    expect(flushing.abs(-Infinity)).toBe(Infinity);
    expect(arithmetic('binary16').neg(0)).toBe(-0);
    expect(arithmetic('binary16').neg(NaN)).toBe(NaN);
    expect(arithmetic('int8').neg(-128)).toBe(127);
    expect(arithmetic('int8', { saturation: 'wrap' }).abs(-128)).toBe(-128);
    expect(arithmetic('int8').neg(0)).toBe(0);
    expect(arithmetic('ue5m3').neg(2)).toBe(NaN);
    expect(arithmetic('ue5m3', { saturation: 'finite' }).neg(2)).toBe(0);
  });

  it('min and max are IEEE 754-2019 minimum and maximum', () => {
    const { min, max } = arithmetic('binary16');
    expect(min(0, -0)).toBe(-0);
    expect(max(-0, 0)).toBe(0);
    expect(min(1, NaN)).toBe(NaN);
    expect(max(NaN, 1)).toBe(NaN);
    expect(max(-Infinity, 3)).toBe(3);
    expect(arithmetic('int8').min(-0, 0)).toBe(0);
    expect(min(new Float32Array([1, -2, NaN]), 0)).toEqual(new Float32Array([0, -2, NaN]));
  });

  it('compare orders numbers; NaN is unordered but in posits', () => {
    const { compare } = arithmetic('binary16');
    expect([compare(1, 2), compare(2, 1), compare(-0, 0), compare(NaN, 1)]).toEqual([-1, 1, 0, NaN]);
    const posits = arithmetic('posit8');
    expect([posits.compare(NaN, -1), posits.compare(1, NaN), posits.compare(NaN, NaN)]).toEqual([-1, 1, 0]);
  });

  it('convert rounds any number', () => {
    expect(arithmetic('e4m3fn', { rounding: 'toward-zero' }).convert(Math.PI)).toBe(3);
    expect(arithmetic('binary16').convert(new Float64Array([0.1, 1e6]))).toEqual(
      new Float64Array([0.0999755859375, Infinity]),
    );
  });
});

describe('one rounding, where emulators make two', () => {
  /** CPFloat and its kind: the operation in binary32, rounded to nearest, then rounded to the format. */
  function twice(binary32: number, rounding: 'toward-positive' | 'nearest-even'): number {
    return round(Math.fround(binary32), 'binary16', { rounding });
  }

  it('a directed sum', () => {
    const up = arithmetic('binary16', { rounding: 'toward-positive' });
    expect(twice(1 + 2 ** -24, 'toward-positive')).toBe(1);
    expect(up.add(1, 2 ** -24)).toBe(1 + 2 ** -10);
  });

  it('a fused multiply-add to nearest', () => {
    const [a, b, c] = [683 / 512, 0.75, 2 ** -24];
    expect(twice(a * b + c, 'nearest-even')).toBe(1);
    expect(arithmetic('binary16').fma(a, b, c)).toBe(1 + 2 ** -10);
  });

  it('a sum of binary64 numbers', () => {
    const up = arithmetic('binary64', { rounding: 'toward-positive' });
    expect(1 + 2 ** -60).toBe(1);
    expect(up.add(1, 2 ** -60)).toBe(1 + 2 ** -52);
  });
});

describe('arrays', () => {
  const a = new Float32Array([1, 2, 3]);

  it('give the kind of the operands; numbers serve for all elements', () => {
    const half = arithmetic('binary16');
    expect(half.add(a, 1)).toEqual(new Float32Array([2, 3, 4]));
    expect(half.div(6, a)).toEqual(new Float32Array([6, 3, 2]));
    expect(half.fma(2, a, new Float32Array([1, 1, -6]))).toEqual(new Float32Array([3, 5, 0]));
    expect(half.mul(Float64Array.from(a), Float64Array.from(a))).toEqual(new Float64Array([1, 4, 9]));
    expect(half.sqrt(new Float32Array([4, -1]))).toEqual(new Float32Array([2, NaN]));
  });

  it('go where `out` says, an operand included', () => {
    const half = arithmetic('binary16');
    const x = a.slice();
    expect(half.add(x, 1, { out: x })).toBe(x);
    expect(x).toEqual(new Float32Array([2, 3, 4]));
    const long = new Float64Array([1, 2, 3, 4]);
    half.add(long.subarray(0, 3), 1, { out: long.subarray(1) });
    expect(long).toEqual(new Float64Array([1, 2, 3, 4]));
  });

  it('and numbers take the same draws in the same order', () => {
    const options = { rounding: 'stochastic', seed: 5, randomBits: 7 } as const;
    const x = Float64Array.from({ length: 500 }, (_, i) => round(Math.sqrt(i + 2), 'bfloat16'));
    const y = Float64Array.from({ length: 500 }, (_, i) => round(1 / (i + 3), 'bfloat16'));
    const together = arithmetic('bfloat16', options);
    const apart = arithmetic('bfloat16', options);
    for (const name of ['add', 'mul', 'div'] as const)
      expect(together[name](x, y)).toEqual(x.map((value, i) => apart[name](value, y[i]!)));
    expect(together.state).toEqual(apart.state);
    expect(together.state.offset).toBe(1500);
  });
});

describe('draws', () => {
  const options = { rounding: 'stochastic', seed: 9 } as const;

  it('go on from call to call, and back', () => {
    const sr = arithmetic('e4m3fn', options);
    const results = Array.from({ length: 40 }, () => sr.div(1, 3.5));
    expect(new Set(results).size).toBe(2);
    const { state } = sr;
    const next = Array.from({ length: 40 }, () => sr.div(1, 3.5));
    sr.restore(JSON.parse(JSON.stringify(state)));
    expect(Array.from({ length: 40 }, () => sr.div(1, 3.5))).toEqual(next);
    sr.reset();
    expect(Array.from({ length: 40 }, () => sr.div(1, 3.5))).toEqual(results);
    const later = arithmetic('e4m3fn', { ...options, offset: 40 });
    expect(Array.from({ length: 40 }, () => later.div(1, 3.5))).toEqual(next);
  });

  it('are those of `round` at the same index', () => {
    const sr = arithmetic('bfloat16', { ...options, offset: 3 });
    const x = Float64Array.from({ length: 100 }, (_, i) => 1 + i / 1000);
    expect(sr.convert(x)).toEqual(round(x, 'bfloat16', { ...options, offset: 3 }));
    expect(sr.convert(1.001)).toBe(round(1.001, 'bfloat16', { ...options, offset: 103 }));
  });

  it('are taken by operations that round, not by those that cannot', () => {
    const sr = arithmetic('binary16', options);
    sr.neg(1);
    sr.min(1, 2);
    sr.compare(1, 2);
    expect(sr.state.offset).toBe(0);
    sr.add(1, 1);
    sr.exp(new Float32Array([1, 2]));
    expect(sr.state.offset).toBe(3);
    const exact = arithmetic('binary16');
    exact.add(1, 1);
    expect(exact.state.offset).toBe(0);
  });

  it('come from `random` in order, until it runs out', () => {
    const random = randomIntegers(5, { seed: 1, randomBits: 8 });
    const given = arithmetic('bfloat16', { rounding: 'stochastic', randomBits: 8, random });
    const drawn = arithmetic('bfloat16', { rounding: 'stochastic', randomBits: 8, seed: 1 });
    const x = new Float32Array([1, 1.5, 1.75, 2.5]);
    expect(given.div(x, 3)).toEqual(drawn.div(x, 3));
    const { state } = given;
    expect(() => given.div(x, 3)).toThrow(/random: .*at least 8 integers: 4 are used/);
    expect(given.state).toEqual(state);
    expect(given.div(1, 3)).toBe(drawn.div(1, 3));
    expect(() => given.div(1, 3)).toThrow(ArgumentError);
    given.reset();
    expect(given.state).toEqual({ offset: 0, supplied: 0 });
  });
});

describe('flags', () => {
  it('count exceptions, one an element', () => {
    const half = arithmetic('binary16', { flags: true });
    half.div(1, 3);
    half.add(65504, 65504);
    half.mul(2 ** -20, 2 ** -10);
    half.sqrt(-1);
    half.div(1, 0);
    half.add(1, 1);
    expect(half.flags).toEqual({ inexact: 3, overflow: 1, underflow: 1, invalid: 1, divideByZero: 1 });
    half.clearFlags();
    half.div(new Float32Array([1, 2, 3]), 3);
    expect(half.flags).toEqual({ inexact: 2, overflow: 0, underflow: 0, invalid: 0, divideByZero: 0 });
    expect(arithmetic('binary16').flags).toBeUndefined();
  });

  it('tell tiny results after rounding', () => {
    // Just below the smallest normal number: rounded to 11 bits it is that number, so not tiny.
    const half = arithmetic('binary16', { flags: true });
    expect(half.convert(2 ** -14 - 2 ** -27)).toBe(2 ** -14);
    expect(half.flags).toMatchObject({ inexact: 1, underflow: 0 });
    expect(half.convert(2 ** -14 - 2 ** -25)).toBe(2 ** -14);
    expect(half.flags).toMatchObject({ inexact: 2, underflow: 1 });
  });

  it('know other families', () => {
    const int8 = arithmetic('int8', { flags: true });
    int8.add(100, 100);
    int8.neg(-128);
    int8.div(7, 2);
    expect(int8.flags).toMatchObject({ inexact: 3, overflow: 2 });
    const posit = arithmetic('posit8', { flags: true });
    posit.mul(posit.format.max, posit.format.max);
    posit.div(1, 0);
    expect(posit.flags).toEqual({ inexact: 1, overflow: 0, underflow: 0, invalid: 0, divideByZero: 1 });
    const unsigned = arithmetic('ue5m3', { flags: true });
    unsigned.sub(1, 2);
    expect(unsigned.flags).toMatchObject({ invalid: 1 });
  });
});

describe('wrong arguments', () => {
  const half = arithmetic('binary16');
  const a = new Float32Array([1, 2, 3]);

  it.each([
    [
      'a value that is not in the format',
      () => half.add(1, 0.1),
      /^b: got 0.1; accepted: a value of binary16/,
    ],
    ['an element that is not', () => half.add(a, new Float32Array([1, 0.1, 2])), /^b\[1\]: got 0.1/],
    ['an infinity where there is none', () => arithmetic('int8').add(Infinity, 1), /^a: got Infinity/],
    ['other lengths', () => half.add(a, new Float32Array(2)), /^b: .*Float32Array of length 3, as a/],
    [
      'other kinds',
      () => half.fma(1, a, new Float64Array(3) as never),
      /^c: .*Float32Array of length 3, as b/,
    ],
    ['no numbers', () => half.add('1' as never, 2), /^a: got '1'/],
    ['other arrays', () => half.sqrt(new Int16Array(2) as never), /^a: got Int16Array/],
    ['arrays of other things', () => half.sqrt([1, [2]] as never), /^a\[1\]: got an array of length 1/],
    ['an unfit out', () => half.add(a, 1, { out: new Float32Array(2) }), /^out: /],
    ['an out for numbers', () => (half.add as (...given: unknown[]) => unknown)(1, 1, { out: a }), /^out: /],
    ['too narrow an array', () => arithmetic('binary64').add(a, 1), /^a: .*Float64Array for binary64/],
    ['an unknown mode', () => arithmetic('binary16', { rounding: 'up' as never }), /^rounding: /],
    ['an unknown treatment', () => arithmetic('binary16', { operands: 'keep' as never }), /^operands: /],
    ['flags of another type', () => arithmetic('binary16', { flags: 1 as never }), /^flags: /],
    ['an unknown format', () => arithmetic('binary17' as string), /^format: /],
    ['threads', () => half.add(a, 1, { threads: 0 }), /^threads: /],
    ['a wrong state', () => half.restore({ offset: -1, supplied: 0 }), /^state.offset: /],
    [
      'too large a random integer',
      () => arithmetic('e5m2', { rounding: 'stochastic', randomBits: 4, random: Uint32Array.of(3, 16) }),
      /^random\[1\]: got 16/,
    ],
    ['a mode of posits', () => arithmetic('posit8', { rounding: 'toward-zero' }), /^rounding: /],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });

  it('leave the operands and the draws as they are', () => {
    const sr = arithmetic('binary16', { rounding: 'stochastic' });
    const x = new Float32Array([1, 2, 0.1]);
    expect(() => sr.add(x, 1, { out: x })).toThrow(/^a\[2\]/);
    expect(x).toEqual(new Float32Array([1, 2, 0.1]));
    expect(sr.state.offset).toBe(0);
  });

  it('are rounded first on request', () => {
    const rounding = arithmetic('binary16', { operands: 'round' });
    expect(rounding.add(0.1, 0.2)).toBe(half.add(0.0999755859375, 0.199951171875));
    expect(rounding.mul(new Float32Array([0.1, 2]), 1)).toEqual(new Float32Array([0.0999755859375, 2]));
    const down = arithmetic('int8', { operands: 'round', rounding: 'toward-negative' });
    expect(down.add(1.9, 2.9)).toBe(3);
    const sr = arithmetic('binary16', { operands: 'round', rounding: 'stochastic' });
    sr.add(0.1, 0.2);
    expect(sr.state.offset).toBe(1);
  });

  it('do not include NaN, in any format', () => {
    expect(arithmetic('int8').add(NaN, 1)).toBe(NaN);
    expect(arithmetic('e2m1').mul(new Float32Array([NaN, 2]), 2)).toEqual(new Float32Array([NaN, 4]));
  });
});
