/**
 * Formats of positive numbers alone: what has no place in them. Under `saturation: 'finite'` e8m0 is ONNX's saturating Cast to
 * float8e8m0 (operator Cast, version 25), whose `round_mode` up, down and nearest (ties up) are modes here.
 */
import { describe, expect, it } from 'vitest';
import { float, formats, parseFormat } from '../../src/formats/index.ts';
import { arithmetic, type RoundingMode, roundingModes } from '../../src/index.ts';
import { decode, encode, round } from '../../src/operations/index.ts';

const { e8m0 } = formats;
const onnx = { up: 'away-from-zero', down: 'toward-zero', nearest: 'nearest-even' } as const;

const bits = new Uint32Array(1);
const numbers = new Float32Array(bits.buffer);

function fromBits(pattern: number): number {
  bits[0] = pattern;
  return numbers[0]!;
}

/** The code of a positive finite number by its exponent: the powers of two are counted, not computed with. */
function onnxCode(x: number, mode: keyof typeof onnx): number {
  if (x <= 2 ** -127) return 0;
  let code = 0;
  while (code < 254 && x >= 2 ** (code - 126)) code++;
  const power = 2 ** (code - 127);
  const goesUp = x !== power && (mode === 'up' || (mode === 'nearest' && x >= 1.5 * power));
  return Math.min(goesUp ? code + 1 : code, 254);
}

describe('the saturating cast of ONNX', () => {
  const significands = [0, 1, 0x200000, 0x3fffff, 0x400000, 0x400001, 0x7fffff];
  const positive = Array.from({ length: 255 }, (_, exponent) =>
    significands.map((significand) => fromBits(exponent * 2 ** 23 + significand)),
  )
    .flat()
    .filter((x) => x > 0);

  it.each(Object.entries(onnx))('round_mode %s, every exponent of binary32', (mode, rounding) => {
    const expected = positive.map((x) => onnxCode(x, mode as keyof typeof onnx));
    const options = { rounding, saturation: 'finite' } as const;
    expect([...encode(Float32Array.from(positive), e8m0, options)]).toEqual(expected);
    expect([...encode(Float64Array.from(positive), e8m0, options)]).toEqual(expected);
    expect(positive.map((x) => Number(e8m0.encode(round(x, e8m0, options))))).toEqual(expected);
  });

  it('0 gives the smallest number, infinity and what is beyond the largest', () => {
    for (const rounding of roundingModes) {
      const options = { rounding, saturation: 'finite' } as const;
      const given = [0, Infinity, 2 ** 128, 1.9 * 2 ** 127, 2 ** -149, 1e-300, NaN];
      const codes = [0, 254, 254, 254, 0, 0, 255];
      expect([...encode(given, e8m0, options)]).toEqual(codes);
      expect([...encode(Float32Array.from(given), e8m0, options)]).toEqual(codes);
    }
  });
});

describe('what has no place', () => {
  const given = [0, -0, -1, -(2 ** -140), -1e300, -Infinity, Infinity];
  it("is NaN, but under 'finite' the nearer end", () => {
    for (const rounding of roundingModes)
      for (const saturation of ['none', 'propagate'] as const) {
        const options = { rounding, saturation };
        expect(given.map((x) => round(x, e8m0, options))).toEqual(given.map(() => NaN));
        expect([...round(Float64Array.from(given), e8m0, options)]).toEqual(given.map(() => NaN));
      }
    const ends = given.map((x) => (x > 0 ? 2 ** 127 : 2 ** -127));
    for (const rounding of roundingModes) {
      const options = { rounding, saturation: 'finite', seed: 3 } as const;
      expect(given.map((x) => round(x, e8m0, options))).toEqual(ends);
      expect([...round(Float64Array.from(given), e8m0, options)]).toEqual(ends);
      expect([...round(Float32Array.from(given), e8m0, options)]).toEqual(ends);
      expect([...decode(encode(given, e8m0, options), e8m0)]).toEqual(ends);
    }
  });

  it('comes of operations too', () => {
    const plain = arithmetic(e8m0);
    const saturating = arithmetic(e8m0, { saturation: 'finite' });
    const [x, y] = [new Float32Array([1, 1, 2 ** 127, 4]), new Float32Array([1, 2, 2 ** 127, 2 ** 127])];
    expect([...plain.sub(x, y)]).toEqual([NaN, NaN, NaN, NaN]);
    expect([...saturating.sub(x, y)]).toEqual([2 ** -127, 2 ** -127, 2 ** -127, 2 ** -127]);
    expect([...x].map((a, i) => saturating.sub(a, y[i]!))).toEqual([...saturating.sub(x, y)]);
    expect(saturating.mul(2 ** 100, 2 ** 100)).toBe(2 ** 127);
    expect(saturating.log(1)).toBe(2 ** -127);
  });

  it('an infinity stays where the format has it', () => {
    const format = float({
      exponentBits: 4,
      mantissaBits: 0,
      zero: false,
      signed: false,
      subnormals: 'normal',
    });
    expect([format.hasInfinity, parseFormat(String(format)).name]).toEqual([true, format.name]);
    const [infinite, finite] = [{ rounding: 'toward-zero' }, { saturation: 'finite' }] as const;
    expect([round(Infinity, format, infinite), round(Infinity, format, finite)]).toEqual([
      Infinity,
      format.max,
    ]);
    expect([...round(Float32Array.of(Infinity, 0), format, infinite)]).toEqual([Infinity, NaN]);
  });
});

it('kernels give the reference for formats with significand bits, in every mode', () => {
  const format = float({
    exponentBits: 3,
    mantissaBits: 2,
    zero: false,
    signed: false,
    subnormals: 'normal',
    specials: 'fn',
  });
  const values = format.values();
  const between = values.flatMap((value, i) => [value, (value + (values[i + 1] ?? value)) / 2, value * 1.01]);
  const x = Float64Array.from([
    ...between,
    ...between.map((value) => -value),
    0,
    -0,
    1e9,
    Infinity,
    NaN,
    1e-9,
  ]);
  for (const rounding of roundingModes as readonly RoundingMode[]) {
    const options = { rounding, saturation: 'finite', randomBits: 8 } as const;
    const random = Uint32Array.from(x, (_, i) => (i * 37) % 256);
    const array = round(x, format, { ...options, random });
    x.forEach((value, i) => {
      expect(
        round(value, format, { ...options, random: random.subarray(i) }),
        `${rounding} of ${value}`,
      ).toBe(array[i]);
    });
  }
});
