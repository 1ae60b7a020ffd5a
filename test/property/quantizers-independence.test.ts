/** What one quantiser draws for different purposes under one seed and stream is independent. */
import { describe, expect, it } from 'vitest';
import { quantizer } from '../../src/quantizers/index.ts';
import { compose, hadamard, noise, type TransformContext } from '../../src/quantizers/transforms/index.ts';
import { randomIntegers } from '../../src/rounding/index.ts';

const n = 2 ** 18;

/** The correlation of two lists, in units of that of independent ones: normal with deviation 1. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const moments = [a, b].map((list) => {
    const mean = Array.from(list).reduce((sum, x) => sum + x, 0) / list.length;
    return {
      mean,
      deviation: Math.sqrt(Array.from(list).reduce((sum, x) => sum + (x - mean) ** 2, 0) / list.length),
    };
  });
  const [first, second] = moments as [(typeof moments)[number], (typeof moments)[number]];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - first.mean) * (b[i]! - second.mean);
  return sum / (first.deviation * second.deviation * Math.sqrt(a.length));
}

const whole = { per: 'tensor' } as const;
const uniform = noise({ bits: 1, distribution: 'uniform', grouping: whole });
/** Uniform noise in steps: the groups' largest magnitude is 1. */
const noiseOf = (context: TransformContext): Float64Array =>
  uniform.forward(new Float64Array(n).fill(1), [n], context).values.map((value) => value - 1);

describe('noise and stochastic rounding', () => {
  it('err by half a step together: 1/12 and 1/6 of its square', () => {
    const x = Float64Array.from(randomIntegers(n, { seed: 99 }), (word) => (word / 2 ** 32 - 0.5) * 100);
    x[0] = 64;
    for (const [seed, stream] of [
      [0, 0],
      [7, 3n + (0x9e3779b9n << 32n)],
    ] as const) {
      const q = quantizer({
        format: 'int8',
        rounding: 'stochastic',
        // Noise in steps of 64 2^-6.
        transform: noise({ bits: 7, distribution: 'uniform', grouping: whole }),
        scale: { per: 'tensor', from: 'constant', value: 1 },
        seed,
        stream,
      });
      for (const call of [{}, { seed: 5, stream: 11 }, { offset: 1000 }]) {
        const errors = q.fakeQuantize(x, [n], undefined, call).map((value, i) => value - x[i]!);
        const squares = errors.reduce((sum, error) => sum + error * error, 0) / n;
        // The deviation of the mean square is below 0.3 / sqrt(n).
        expect(Math.abs(Math.sqrt(squares) - 0.5)).toBeLessThan(5 * (0.3 / Math.sqrt(n)));
      }
    }
  });

  it('have uncorrelated numbers, those of later steps too', () => {
    const rounding = randomIntegers(n, { seed: 3, stream: 5 });
    for (const stream of [4, 5, 6]) {
      expect(Math.abs(correlation(noiseOf({ seed: 3, stream }), rounding))).toBeLessThan(5);
      const bits = randomIntegers(n, { seed: 3, stream, randomBits: 8 });
      expect(Math.abs(correlation(noiseOf({ seed: 3, stream: 5 }), bits))).toBeLessThan(5);
    }
  });
});

it('signs of a Hadamard transform and stochastic rounding', () => {
  // The signs of two places over many seeds, and the integers by which the elements there are rounded.
  const seeds = 4096;
  const columns = { signs: [[], []] as number[][], rounding: [[], []] as number[][] };
  for (let seed = 0; seed < seeds; seed++) {
    const { values } = hadamard({ size: 2, seed }).forward(Float64Array.of(1, 0), [2]);
    const { values: other } = hadamard({ size: 2, seed }).forward(Float64Array.of(0, 1), [2]);
    columns.signs[0]!.push(Math.sign(values[0]!));
    columns.signs[1]!.push(Math.sign(other[0]!));
    for (const [i, word] of randomIntegers(2, { seed }).entries())
      columns.rounding[i]!.push(word & 0xff, word >>> 24);
  }
  for (const signs of columns.signs)
    for (const words of columns.rounding)
      for (const byte of [0, 1]) {
        const bytes = words.filter((_, i) => i % 2 === byte);
        expect(Math.abs(correlation(signs, bytes))).toBeLessThan(5);
      }
});

it('noises of one composition, wherever they stand', () => {
  const x = new Float64Array(n).fill(1);
  const plain = uniform.forward(x, [n], { seed: 1, stream: 2 }).values;
  const twice = compose(uniform, compose(hadamard({ size: 1 }), uniform), uniform);
  expect([twice.draws, compose(hadamard({ size: 2 })).draws]).toEqual([3, 0]);
  const { values, residue } = twice.forward(x, [n], { seed: 1, stream: 2 });
  expect(residue.kind).toBe('composed');
  const first = plain.map((value) => value - 1);
  const rest = values.map((value, i) => value - plain[i]!);
  expect(Math.abs(correlation(first, rest))).toBeLessThan(5);
  // Three independent uniform numbers, the second and third in steps of what was the largest magnitude then.
  expect(
    Math.abs(correlation(noiseOf({ seed: 1, stream: 2 }), noiseOf({ seed: 1, stream: 2, part: 1 }))),
  ).toBeLessThan(5);
  expect(noiseOf({ seed: 1, stream: 2, part: 0 })).toEqual(first);
  // A single one draws as it does alone.
  const alone = compose(hadamard({ size: 1 }), uniform).forward(x, [n], { seed: 1, stream: 2 });
  expect(alone.values).toEqual(plain);
  const back = compose(
    noise({ bits: 3, grouping: whole, inverse: 'subtract' }),
    noise({ bits: 5, grouping: whole, inverse: 'subtract' }),
  );
  const there = back.forward(x, [n], { seed: 4 });
  const again = back.inverse(there.values, [n], there.residue, { seed: 4 });
  expect(again.reduce((most, value) => Math.max(most, Math.abs(value - 1)), 0)).toBeLessThan(2 ** -50);
});
