/** Quantisers by hand: memory, NaN and infinities, carriers, JSON. */
import { describe, expect, it } from 'vitest';
import { dequantize, type QuantizerOptions, quantize, quantizer } from '../../src/quantizers/index.ts';

const list = (...numbers: number[]): Float32Array => Float32Array.from(numbers);

describe('memory', () => {
  const tensor = { per: 'tensor', from: 'absmax', stored: 'decode', target: 1 } as const;
  const scaleOf = (q: ReturnType<typeof quantizer>, x: number, update = true): number =>
    q.quantize(list(x), [1], { update }).scales[0]!;

  it('averages', () => {
    const q = quantizer({ format: 'e4m3fn', scale: { ...tensor, decay: 0.75 } });
    expect([scaleOf(q, 4), scaleOf(q, 8), scaleOf(q, 0, false), scaleOf(q, 1)]).toEqual([4, 5, 3.75, 4]);
    const copy = quantizer({ format: 'e4m3fn', scale: { ...tensor, decay: 0.75 } });
    copy.restore(JSON.parse(JSON.stringify(q.state())) as ReturnType<typeof q.state>);
    expect(scaleOf(copy, 8)).toBe(scaleOf(q, 8));
    expect(() => q.quantize(list(1, 2), [3])).toThrow(/shape/);
    // Neither a call that fails nor a NaN is remembered.
    const before = q.state();
    expect(() => q.quantize(list(1), [1], { offset: -1 })).toThrow(/offset/);
    q.fakeQuantize(list(NaN));
    expect(q.state()).toEqual(before);
  });

  it('infers with the average alone, or with the own statistic where there is none', () => {
    const average = quantizer({ format: 'e4m3fn', scale: { ...tensor, per: 'row', decay: 0.75 } });
    const inferred = (x: Float32Array) => [...average.quantize(x, [2, 1], { training: false }).scales];
    expect(inferred(list(3, 5))).toEqual([3, 5]);
    expect(average.state()).toEqual({});
    average.fakeQuantize(list(4, NaN), [2, 1]);
    average.fakeQuantize(list(8, NaN), [2, 1]);
    expect(inferred(list(1000, 7))).toEqual([5, 7]);
    expect(inferred(list(0, -9))).toEqual([5, 9]);
    expect(inferred(list(Infinity, 1))).toEqual([NaN, 1]);
    expect(average.state()).toEqual({ average: [5, null] });
    const range = quantizer({ format: 'uint4', scale: { per: 'tensor', from: 'minmax', decay: 0.5 } });
    range.fakeQuantize(list(-5, 10));
    expect([...range.fakeQuantize(list(-20, 3.2, 20), [3], undefined, { training: false })]).toEqual([
      -5, 3, 10,
    ]);
    // Windows are of earlier calls as it is.
    const window = quantizer({ format: 'e4m3fn', scale: { ...tensor, history: { length: 2 } } });
    window.fakeQuantize(list(4));
    expect(window.quantize(list(8), [1], { training: false }).scales[0]).toBe(4);
    expect(window.state()).toEqual({ history: [[4]] });
    expect(() => window.fakeQuantize(list(1), [1], undefined, { training: false, update: true })).toThrow(
      /update: got true; accepted: false or nothing beside training: false/,
    );
    expect(window.fakeQuantize(list(1), [1], undefined, { training: false, update: false })).toEqual(list(1));
  });

  it('delays', () => {
    const q = quantizer({ format: 'e4m3fn', scale: { ...tensor, history: { length: 2 } } });
    expect([2, 8, 1, 1, 1].map((x) => scaleOf(q, x))).toEqual([2, 2, 8, 8, 1]);
    const latest = quantizer({
      format: 'e4m3fn',
      scale: { ...tensor, history: { length: 2, take: 'latest' } },
    });
    expect([2, 8, 1, 1].map((x) => scaleOf(latest, x))).toEqual([2, 2, 8, 1]);
    expect(q.state()).toEqual({ history: [[1], [1]] });
  });

  it('takes no scale from zeros', () => {
    for (const take of ['max', 'latest'] as const) {
      const q = quantizer({
        format: 'e4m3fn',
        scale: { per: 'row', from: 'absmax', history: { length: 2, take } },
      });
      expect([...q.fakeQuantize(list(0, 1), [2, 1])]).toEqual([0, 1]);
      expect([...q.fakeQuantize(list(448, 0), [2, 1])]).toEqual([448, 0]);
      expect([...q.fakeQuantize(list(896, 3), [2, 1])]).toEqual([448, take === 'max' ? 1 : 3]);
      expect([...q.fakeQuantize(list(Infinity, 3), [2, 1])]).toEqual([896, 3]);
    }
  });

  it('delays ranges', () => {
    const q = quantizer({
      format: 'uint8',
      scale: { per: 'tensor', from: 'minmax', history: { length: 2 } },
    });
    const ranges = [
      [0, 0],
      [-1, 4],
      [-3, 2],
      [-100, 100],
    ].map(([low, high]) => {
      const { scales, zeroPoints } = q.quantize(list(low!, high!));
      return [scales[0]! * -zeroPoints![0]!, scales[0]! * (255 - zeroPoints![0]!)].map(Math.round);
    });
    // The range of nothing, its own, what came before, and the widest of two.
    expect(ranges.slice(1)).toEqual([
      [-1, 4],
      [-1, 4],
      [-3, 4],
    ]);
  });

  it('averages ranges', () => {
    const q = quantizer({ format: 'uint8', scale: { per: 'tensor', from: 'minmax', decay: 0.5 } });
    q.fakeQuantize(list(-1, 1));
    q.fakeQuantize(list(-3, 0.1));
    expect(q.state().average).toEqual([-2, (1 + Math.fround(0.1)) / 2]);
  });

  it('begins learned scales with the first tensor and takes up what a trainer made of them', () => {
    const q = quantizer({ format: 'int4', scale: { per: 'row', from: 'learned' } });
    q.fakeQuantize(list(1, -1, 0, 0), [2, 2]);
    expect(q.state()).toEqual({ scales: [2 / Math.sqrt(7), 1] });
    q.restore({ scales: [0.5, 2] });
    expect([...q.fakeQuantize(list(1.2, 9, -3, 7), [2, 2])]).toEqual([1, 3.5, -4, 8]);
    expect(() => q.fakeQuantize(list(1, 2, 3), [3, 1])).toThrow(/shape/);
    expect(() => q.restore({ scales: ['a'] } as never)).toThrow(/state.scales/);
    q.restore({ scales: [0, 1] });
    expect(() => q.fakeQuantize(list(1, 2), [2, 1])).toThrow(/scale: got '0'; accepted: above 0/);
  });

  it('learns zero points', () => {
    const q = quantizer({ format: 'uint4', scale: { per: 'tensor', from: 'learned', initial: 'minmax' } });
    q.fakeQuantize(list(-5, 10));
    expect(q.state()).toEqual({ scales: [1], zeroPoints: [5] });
    q.restore({ scales: [1], zeroPoints: [2.6] });
    expect([...q.quantize(list(-5, 1)).codes]).toEqual([0, 4]);
  });
});

describe('NaN and infinities', () => {
  const rows = (format: string, rest: Partial<QuantizerOptions> = {}) =>
    quantizer({ format, scale: { per: 'row', from: 'absmax' }, ...rest });
  const x = list(1, NaN, 2, 4);

  it('a NaN that has no code is refused, unless told otherwise', () => {
    expect(() => rows('int8').quantize(x, [2, 2])).toThrow(
      /x\[1\]: got NaN; accepted: a number, as int8 has no NaN/,
    );
    expect([...rows('int8').fakeQuantize(x, [2, 2])].slice(0, 2)).toEqual([NaN, NaN]);
    const group = rows('int8', { nan: 'group' }).quantize(x, [2, 2]);
    expect([...group.scales, ...group.codes]).toEqual([NaN, 127 / 4, 0, 0, 64, 127]);
    expect([...dequantize(group)].slice(0, 2)).toEqual([NaN, NaN]);
    expect([...rows('int8', { nan: 'zero' }).quantize(x, [2, 2]).codes]).toEqual([127, 0, 64, 127]);
    expect([...rows('int8', { nan: 'max' }).quantize(x, [2, 2]).codes]).toEqual([127, 127, 64, 127]);
    expect([...rows('int8', { nan: 'max' }).fakeQuantize(x, [2, 2])].slice(0, 2)).toEqual([1, 1]);
  });

  it('fixed scales cannot hold it for a group', () => {
    const scale = { per: 'tensor', from: 'constant', value: 1 } as const;
    const q = quantizer({ format: 'int8', nan: 'group', scale });
    expect(() => q.quantize(x)).toThrow(/x\[1\]: got NaN/);
    expect([...q.fakeQuantize(x)]).toEqual([1, NaN, 2, 4]);
    expect([...quantizer({ format: 'e4m3fn', scale }).quantize(x).codes]).toEqual([0x38, 0x7f, 0x40, 0x48]);
  });

  it('an infinity makes its group NaN where the statistic is infinite, and clips where it is not', () => {
    const infinite = list(1, Infinity, 2, 2);
    expect([...rows('int8').fakeQuantize(infinite, [2, 2])]).toEqual([NaN, NaN, 2, 2]);
    const median = quantizer({ format: 'int4', scale: { per: 'tensor', from: 'absmedian', target: 2 } });
    expect([...median.fakeQuantize(infinite)]).toEqual([1, 7, 2, 2]);
  });
});

describe('carriers', () => {
  it('takes numbers as binary64, and refuses binary32 where it cannot hold the values', () => {
    expect(quantize([1, 2], 'mxfp4').values).toBeInstanceOf(Float64Array);
    const log = quantizer({ format: 'logarithmic(3,3)', scale: { per: 'tensor', from: 'absmax' } });
    expect(() => log.fakeQuantize(list(1))).toThrow(/x: got Float32Array.*Float64Array for logarithmic/);
    expect(log.quantize([0.5, 1]).values).toBeInstanceOf(Float64Array);
    expect(log.fakeQuantize([0.5, 1])).toEqual(log.quantize([0.5, 1]).values);
    expect(() => log.fakeQuantize(new Int32Array(1) as never)).toThrow(/x: got Int32Array/);
  });

  it('scales powers of two exactly where binary32 would lose bits', () => {
    // 2^-149 over 2^100 is below binary32, and still rounds away from zero to an element.
    const result = quantize(list(2 ** 102, 2 ** -149), 'mxfp4', { rounding: 'away-from-zero' });
    expect([...result.codes]).toEqual([6, 1]);
  });

  it('works on empty tensors', () => {
    for (const shape of [[0], [0, 4], [4, 0]])
      for (const name of ['mxfp4', 'nvfp4']) {
        const result = quantize(new Float32Array(0), name, { shape });
        expect([result.codes.length, result.values.length]).toEqual([0, 0]);
        expect(result.pack()).toHaveLength(result.bytes);
      }
  });
});

describe('strength and JSON', () => {
  it('blends', () => {
    const q = quantizer({
      format: 'int2',
      strength: 0.5,
      scale: { per: 'tensor', from: 'constant', value: 1 },
    });
    expect([...q.fakeQuantize(list(0.75, -0.25))]).toEqual([0.875, -0.125]);
    expect([...q.quantize(list(0.75, -0.25)).values]).toEqual([1, 0]);
  });

  it('comes back from JSON', () => {
    const options: QuantizerOptions = {
      format: 'e2m1',
      rounding: 'stochastic',
      seed: 4,
      strength: 0.5,
      scale: { per: 'block', size: 4, axis: 0, from: 'percentile', percentile: 75, format: 'bfloat16' },
      gradient: 'clipped',
    };
    const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(3 * i));
    const again = quantizer(JSON.parse(JSON.stringify(quantizer(options))) as QuantizerOptions);
    expect(again.fakeQuantize(x, [6, 4])).toEqual(quantizer(options).fakeQuantize(x, [6, 4]));
  });
});
