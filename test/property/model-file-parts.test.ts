/** Tensors of files in parts: quantised and dequantised to the bits of the whole, wherever they are cut. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StoredTensor } from '../../src/model-files/model-file.ts';
import { partsOf } from '../../src/model-files/parts.ts';
import { quantizeTensor } from '../../src/model-files/quantize-tensor.ts';
import { type QuantizerOptions, quantizer } from '../../src/quantizers/index.ts';

const numRuns = Number(process.env['HALFULP_HOSTILE'] ?? 800);

const options: readonly (string | QuantizerOptions)[] = [
  ...'mxfp4 mxfp8e5m2 mxfp6e3m2 mxint8 nvfp4 bfp(3,4)'.split(' '),
  ...'int4 int4/row int4/column int4/block:3 int4/block:8/mse uint4/minmax uint8/row/minmax nf4 ternary ternary/row'.split(
    ' ',
  ),
  ...'e4m3fn e5m2/tensor/absmean e2m1/block:5/scale:ue5m3 int8/tile:2x3 e4m3fn/unscaled bfloat16 posit8 int8/absmedian'.split(
    ' ',
  ),
  ...'int3/block:2/minmax fixed(3,2) int5/row binary64 posit32 e3m2/tile:3x2/scale:e8m0'.split(' '),
  ...[0, -2, 1].map(
    (axis): QuantizerOptions => ({ format: 'int5', scale: { per: 'block', size: 3, axis, from: 'absmax' } }),
  ),
  { format: 'e2m1', scale: { per: 'block', size: 4, from: 'absmax', format: 'e4m3fn', tensorScale: 'row' } },
  {
    format: 'e2m1',
    scale: { per: 'tile', rows: 2, columns: 4, from: 'absmax', format: 'e4m3fn', tensorScale: true },
  },
  {
    format: 'e2m1',
    scale: { per: 'block', size: 3, axis: 0, from: 'absmax', format: 'e4m3fn', tensorScale: true },
  },
  {
    format: 'e2m1',
    scale: { per: 'block', size: 4, from: 'absmax', format: 'e4m3fn', tensorScale: true, fourOverSix: 'mse' },
  },
  { format: 'int4', rounding: 'stochastic', seed: 5, scale: { per: 'row', from: 'absmax' } },
  { format: 'int4', rounding: 'stochastic', seed: 5, scale: { per: 'tensor', from: 'absmax' } },
  { format: 'int8', scale: { per: 'tensor', from: 'absmax', level: 'least-squares' } },
];

/** A tensor that lies in memory. */
function tensorOf(x: Float32Array | Float64Array, shape: readonly number[]): StoredTensor {
  const dtype = x instanceof Float32Array ? 'F32' : 'F64';
  return {
    ...{ name: 'x', dtype, shape },
    async *pieces(elements) {
      for (let at = 0; at < x.length; at += elements) {
        const part = x.slice(at, at + elements);
        yield new Uint8Array(part.buffer);
      }
    },
  };
}

const join = (parts: readonly ArrayLike<number | bigint>[]): (number | bigint)[] =>
  parts.flatMap((part) => Array.from(part));

const shapes = fc
  .array(fc.integer({ min: 1, max: 9 }), { minLength: 0, maxLength: 4 })
  .filter((shape) => shape.reduce((a, b) => a * b, 1) <= 600);

const numbers = fc.oneof(
  { weight: 20, arbitrary: fc.double({ min: -4, max: 4, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1e30, -1e-30, 448, Infinity) },
);

it(
  'have the codes, scales and values of the whole',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes.chain((shape) => {
          const length = shape.reduce((a, b) => a * b, 1);
          return fc.record({
            shape: fc.constant(shape),
            given: fc.array(numbers, { minLength: length, maxLength: length }),
          });
        }),
        fc.constantFrom(...options),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async ({ shape, given }, chosen, most, isWide) => {
          const q = quantizer(chosen as string);
          const needsWide = q.format.name === 'binary64' || q.format.name === 'posit32';
          const x = isWide || needsWide ? Float64Array.from(given) : Float32Array.from(given);
          let whole: ReturnType<typeof q.quantize>;
          try {
            whole = q.quantize(x, shape);
          } catch (error) {
            // Blocks along an axis that the shape has not, tensor scales of groups across rows.
            expect((error as Error).name).toBe('ArgumentError');
            return;
          }
          const parts = [];
          for await (const part of quantizeTensor(tensorOf(x, shape), q, {}, most)) parts.push(part);
          expect(join(parts.map(({ codes }) => codes))).toEqual(join([whole.codes]));
          const isTensor = q.scale.grouping.per === 'tensor';
          const scales = parts.map(({ scaleCodes }) => scaleCodes);
          if (isTensor) for (const each of scales) expect(each).toEqual(whole.scaleCodes);
          else expect(join(scales)).toEqual(join([whole.scaleCodes]));
          if (whole.zeroPoints !== undefined) {
            const zeros = parts.map(({ zeroPoints }) => zeroPoints!);
            if (isTensor) for (const each of zeros) expect(each).toEqual(whole.zeroPoints);
            else expect(join(zeros)).toEqual(Array.from(whole.zeroPoints));
          }
          expect(join(parts.map(({ values }) => values))).toEqual(Array.from(whole.values));
          const cuts = [...partsOf(q.scale, [q.format.bits], shape, most)];
          expect(parts.map(({ part }) => part)).toEqual(cuts);
          for (const { start } of cuts) expect((start * q.format.bits) % 8).toBe(0);
          if (typeof whole.tensorScale === 'object')
            expect(join(parts.map(({ tensorScales }) => tensorScales!))).toEqual(
              Array.from(whole.tensorScale),
            );
          else if (whole.tensorScale !== undefined)
            for (const { tensorScales } of parts) expect(tensorScales![0]).toBe(whole.tensorScale);
        },
      ),
      { seed: 11, numRuns },
    );
  },
  120_000 + 100 * numRuns,
);
