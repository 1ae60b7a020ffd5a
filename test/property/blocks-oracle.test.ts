/** MX and block floating point against exact integer arithmetic, on any bit pattern, shape, axis, direction and mode. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockFormat, formats, parseFormat } from '../../src/formats/index.ts';
import { dequantize, quantize } from '../../src/quantizers/index.ts';
import {
  type RoundingMode,
  randomIntegers,
  resolveRounding,
  roundingModes,
} from '../../src/rounding/index.ts';
import { type OracleDirection, oracleBlockExponent } from '../oracles/blocks.ts';
import { oracleRound } from '../oracles/index.ts';

const names = [
  'mxfp8e4m3',
  'mxfp8e5m2',
  'mxfp6e2m3',
  'mxfp6e3m2',
  'mxfp4',
  'mxint8',
  'bfp(3,4)',
  'bfp(7,16,5)',
] as const;
const directions: readonly OracleDirection[] = ['floor', 'ceil', 'even', 'rceil'];

const bits = new Uint32Array(1);
const float32 = new Float32Array(bits.buffer);
/** Any binary32 number: bit patterns, so subnormals, huge numbers, zeros of both signs, NaN and infinities. */
const anyPattern = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((pattern) => {
  bits[0] = pattern;
  return float32[0]!;
});
const near = (exponent: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.integer({ min: -4, max: 4 }), fc.boolean(), fc.integer({ min: -3, max: 3 }))
    .map(([k, negative, ulps]) => {
      float32[0] = 2 ** Math.max(exponent + k, -149);
      bits[0] = Math.max(bits[0]! + ulps, 0);
      return negative ? -float32[0]! : float32[0]!;
    });
/** A block's worth of numbers of about one size: next to powers of two, ordinary, or anywhere. */
const members = fc.oneof(
  fc.array(anyPattern.filter(Number.isFinite), { minLength: 1, maxLength: 70 }),
  fc.integer({ min: -149, max: 127 }).chain((exponent) =>
    fc.array(
      near(exponent).map((x) => (Number.isFinite(x) ? x : 1)),
      { minLength: 1, maxLength: 70 },
    ),
  ),
  fc.array(
    fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((x) => x / 4096),
    { minLength: 1, maxLength: 70 },
  ),
  // The largest a few ulps about (2 - 2^-p) 2^e: where adding half an ulp of some element carries into the next binade.
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: -20, max: 20 }), fc.integer({ min: -2, max: 2 }))
    .map(([p, exponent, ulps]) => {
      float32[0] = (2 - 2 ** -p) * 2 ** exponent;
      bits[0] = bits[0]! + ulps;
      return [float32[0]!, 2 ** exponent, -(2 ** (exponent - 3))];
    }),
  fc.array(fc.constantFrom(0, -0), { minLength: 1, maxLength: 40 }),
  fc.array(anyPattern, { minLength: 1, maxLength: 70 }),
);

interface Case {
  readonly x: Float32Array;
  readonly format: BlockFormat;
  readonly direction: OracleDirection;
  readonly rounding: RoundingMode;
  readonly symmetric: boolean;
}

/** Codes and scale code of one block; element i of the block drew `random[i]`. */
function expectedBlock(
  { x, format, direction, rounding, symmetric }: Case,
  random: ArrayLike<number>,
): { scale: number; codes: number[] } {
  const { element, scale } = format;
  const nan = Number(scale.encode(NaN));
  if (!x.every(Number.isFinite)) return { scale: nan, codes: Array.from(x, () => 0) };
  const amax = Math.max(...x.map(Math.abs));
  const [least, most] = [scale.min, scale.max].map((end) => Math.round(Math.log2(end))) as [number, number];
  const exponent =
    amax === 0 ? least : Math.min(Math.max(oracleBlockExponent(amax, element, direction), least), most);
  const options = resolveRounding(element, { rounding, saturation: 'finite' });
  const codes = Array.from(x, (value, i) => {
    // Exact: a binary32 number over a power of two within binary64's range.
    const rounded = oracleRound(value / 2 ** exponent, element, options, random[i]!);
    return Number(element.encode(symmetric ? Math.max(rounded, -element.max) : rounded));
  });
  return { scale: exponent - least, codes };
}

const numRuns = 600;

describe(`block formats against exact integers, ${numRuns} tensors each`, () => {
  it.each(names)(
    '%s',
    (name) => {
      const format = parseFormat(name);
      const { size, element } = format;
      const problem = fc.record({
        list: members,
        direction: fc.constantFrom(...directions),
        rounding: fc.constantFrom(...roundingModes),
        symmetric: fc.boolean().map((wanted) => wanted && element.kind === 'fixed'),
        inner: fc.integer({ min: 1, max: 3 }),
        seed: fc.integer({ min: 0, max: 1000 }),
      });
      fc.assert(
        fc.property(problem, ({ list, direction, rounding, symmetric, inner, seed }) => {
          // The list as columns of a (length, inner) matrix, blocks along the first axis: strided, and ragged at its end.
          const length = Math.ceil(list.length / inner);
          const x = Float32Array.from({ length: length * inner }, (_, i) => list[i] ?? 0);
          const axis = inner === 1 ? {} : { axis: 0 };
          const shape = inner === 1 ? [length] : [length, inner];
          const result = quantize(x, format, { shape, ...axis, direction, rounding, symmetric, seed });
          const random = randomIntegers(x.length, { seed });
          expect(result.scales.length).toBe(Math.ceil(length / size) * inner);
          for (let block = 0; block * size < length; block++)
            for (let column = 0; column < inner; column++) {
              const count = Math.min(size, length - block * size);
              const at = Array.from({ length: count }, (_, k) => (block * size + k) * inner + column);
              const part = Float32Array.from(at, (i) => x[i]!);
              const expected = expectedBlock(
                { x: part, format, direction, rounding, symmetric },
                at.map((i) => random[i]!),
              );
              expect(result.scaleCodes[block * inner + column]).toBe(expected.scale);
              expect(at.map((i) => Number(result.codes[i]!))).toEqual(expected.codes);
              const scale = result.scaleCodes[block * inner + column]!;
              const values = format.decode(
                scale,
                at.map((i) => result.codes[i]!),
              );
              // Rounded up past the largest binary32 number, a value is that one.
              const most = formats.binary32.max;
              const clipped = Float32Array.from(values, (value) => Math.min(Math.max(value, -most), most));
              expect(at.map((i) => result.values[i])).toEqual([...clipped]);
            }
          expect(dequantize(result)).toEqual(result.values);
          const packed = result.pack();
          expect(packed.length).toBe(result.bytes);
          expect(result.bytes).toBe(
            Math.ceil((x.length * element.bits) / 8) +
              Math.ceil((result.scales.length * format.scale.bits) / 8),
          );
        }),
        { numRuns },
      );
    },
    60_000,
  );
});
