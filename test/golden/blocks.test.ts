/** MX blocks against an exact OCP reference and microxcaling; NVFP4 against TransformerEngine's reference. */
import { describe, expect, it } from 'vitest';
import { exponentOf } from '../../src/binary64.ts';
import { formats, pack } from '../../src/formats/index.ts';
import { type BlockOptions, dequantize, type Quantized, quantize } from '../../src/quantizers/index.ts';
import { column, families, type GoldenSet, hasGolden, loadGolden, setsOf } from './load.ts';

const mxNames: Readonly<Record<string, string>> = {
  fp8_e4m3: 'mxfp8e4m3',
  fp8_e5m2: 'mxfp8e5m2',
  fp6_e3m2: 'mxfp6e3m2',
  fp6_e2m3: 'mxfp6e2m3',
  fp4_e2m1: 'mxfp4',
  int8: 'mxint8',
};

const microxcalingModes = { nearest: 'nearest-away', even: 'nearest-even', floor: 'toward-zero' } as const;

/** Indices at which two arrays differ, NaN as a class, zeros by their sign. */
function differences(actual: ArrayLike<number>, expected: ArrayLike<number>): number[] {
  expect(actual.length).toBe(expected.length);
  return Array.from({ length: expected.length }, (_, i) => i).filter(
    (i) => !Object.is(actual[i], expected[i]),
  );
}

/** Formats of the set, from the names of its columns. */
function formatsOf(set: GoldenSet, suffix: string): string[] {
  const found = [...set.columns.keys()].filter((name) => name.endsWith(suffix));
  return found.map((name) => name.slice(0, -suffix.length));
}

/**
 * Whether a logarithm in binary32 may put x into the next binade: its relative distance from a power of two above it is below
 * the rounding error of an exponent of up to 127, 2^-17.
 */
function isJustBelowPower(x: number): boolean {
  return x !== 0 && Number.isFinite(x) && Math.abs(x) * 2 ** -exponentOf(x) > 2 - 2 ** -16;
}

describe.each(setsOf(families.mxBlocks))('MX blocks: $set', ({ set: name }) => {
  const size = 32;
  const set = hasGolden(name) ? loadGolden(name) : undefined;
  // A suite without a test is an error.
  if (set === undefined) it.skip('not at hand');
  const input = set === undefined ? new Float32Array(0) : column<Float32Array>(set, 'input_f32');
  const shape = [input.length / size, size];

  it.runIf(set !== undefined).each(set === undefined ? [] : formatsOf(set, '.ocp_rne.codes'))(
    '%s: scales and codes of the exact OCP reference',
    (theirs) => {
      const result = quantize(input, mxNames[theirs]!, { shape });
      expect(
        differences(
          result.scaleCodes as Uint8Array,
          column(set!, `${theirs}.ocp_rne.scaleE8M0`) as Uint8Array,
        ),
      ).toEqual([]);
      expect(
        differences(result.codes as Uint8Array, column(set!, `${theirs}.ocp_rne.codes`) as Uint8Array),
      ).toEqual([]);
      expect(differences(dequantize(result), result.values)).toEqual([]);
    },
  );

  it.runIf(set !== undefined).each(set === undefined ? [] : formatsOf(set, '.mx.scaleE8M0'))(
    "%s: microxcaling's values, but for numbers just below powers of two that it misplaces",
    (theirs) => {
      for (const [mode, rounding] of Object.entries(microxcalingModes)) {
        const isInt = theirs === 'int8';
        const options = { shape, rounding, ...(isInt ? { symmetric: true } : {}) };
        const result = quantize(input, mxNames[theirs]!, options);
        const expected = column<Float32Array>(set!, `${theirs}.mx.${mode}.dequant_f32`);
        // It makes some negative zeros positive, and gives integers negative ones.
        const [ours, others] = [result.values, expected].map((values) =>
          Float32Array.from(values, (x) => x + 0),
        );
        const wrong = differences(ours!, others!);
        const unexplained = wrong.filter((i) => {
          const block = input.subarray(i - (i % size), i - (i % size) + size);
          const scaled = input[i]! / result.scales[Math.floor(i / size)]!;
          return !isJustBelowPower(scaled) && !isJustBelowPower(Math.max(...block.map(Math.abs)));
        });
        expect(unexplained.map((i) => [input[i], ours![i], others![i]])).toEqual([]);
        expect(wrong.length).toBeLessThan(input.length / 20);
      }
    },
  );
});

/** What the variants of the set are called, as options. */
function nvfp4Options(variant: string): BlockOptions {
  const scaleMax = variant.endsWith('256') ? 256 : 448;
  if (variant.includes('4over6')) {
    const tile = variant.includes('2d');
    return {
      tile,
      rowScaled: variant.includes('rowscaled'),
      fourOverSix: variant.includes('mse') ? 'mse' : 'mae',
      scaleMax,
    };
  }
  if (variant === '1d') return {};
  if (variant === '2d') return { tile: true };
  if (variant === 'rowscaled') return { rowScaled: true };
  throw new Error(`golden set: unknown variant ${variant}`);
}

/** The scales as the set has them: those of a tile repeated for each of its rows. */
function scaleRows({ scaleCodes, shape, grouping, scaleShape }: Quantized): Uint8Array {
  const codes = scaleCodes as Uint8Array;
  if (grouping.per !== 'tile') return codes;
  const across = scaleShape[1]!;
  return Uint8Array.from({ length: shape[0]! * across }, (_, i) => {
    const row = Math.floor(i / across / grouping.rows);
    return codes[row * across + (i % across)]!;
  });
}

describe.each(setsOf(families.nvfp4))('NVFP4: $set', ({ set: name }) => {
  const set = hasGolden(name) ? loadGolden(name) : undefined;
  if (set === undefined) it.skip('not at hand');
  const variants = set === undefined ? [] : formatsOf(set, '.fp4x2');
  it.runIf(set !== undefined).each(variants)('%s', (prefix) => {
    const [category, variant] = prefix.split('.') as [string, string];
    const input = column<Float32Array>(set!, `${category}.input_f32`);
    const layout = set!.header.layout.find((entry) => entry.name === `${category}.input_f32`)!;
    const result = quantize(input, 'nvfp4', { shape: layout.shape, ...nvfp4Options(variant) });
    expect(differences(scaleRows(result), column(set!, `${prefix}.scale_e4m3`) as Uint8Array)).toEqual([]);
    expect(
      differences(pack(result.codes, formats.e2m1), column(set!, `${prefix}.fp4x2`) as Uint8Array),
    ).toEqual([]);
    expect(differences(dequantize(result), result.values)).toEqual([]);
  });
});
