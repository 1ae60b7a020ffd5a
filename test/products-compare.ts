/**
 * Matrix products by the kernels against the definition, output by output: operands, shapes and models of any kind.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { drawsOf } from '../src/arithmetic/accumulate/draws.ts';
import { innerProduct } from '../src/arithmetic/accumulate/inner-product.ts';
import {
  type AccumulatorModel,
  type ResolvedAccumulator,
  resolveAccumulator,
} from '../src/arithmetic/accumulate/model.ts';
import type { Format } from '../src/formats/format.ts';
import { toFormat } from '../src/formats/names.ts';
import { matmulArray } from '../src/kernels/products/product-arrays.ts';
import { fitsBinary32 } from '../src/operations/conversions.ts';
import { type Addend, drawingParts } from '../src/products/model.ts';
import type { ProductShape } from '../src/products/shape.ts';
import { type RoundOptions, resolveRounding, roundScalar } from '../src/rounding/index.ts';
import { drawIntegers } from '../src/rounding/philox.ts';
import { firstDifference } from './kernels-compare.ts';

export type RealArray = Float32Array | Float64Array;

/** What the definition gives, output by output. */
export function reference(
  a: RealArray,
  b: RealArray,
  shape: ProductShape,
  model: ResolvedAccumulator,
  call: ReturnType<typeof resolveRounding>,
  addend?: Addend,
): number[] {
  const { m, n, k, batch, transposeA, transposeB, batchStrideA, batchStrideB } = shape;
  const slots = batch * m * n * Math.max(k, 1);
  const draw = drawsOf(call, drawingParts(model, true), slots);
  const results: number[] = [];
  for (let item = 0; item < batch; item++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        const row = Float64Array.from(
          { length: k },
          (_, l) => a[item * batchStrideA + (transposeA ? l * m + i : i * k + l)]!,
        );
        const column = Float64Array.from(
          { length: k },
          (_, l) => b[item * batchStrideB + (transposeB ? j * k + l : l * n + j)]!,
        );
        const output = results.length;
        const start = addend === undefined ? 0 : addend.values[item * addend.stride + i * n + j]!;
        results.push(
          innerProduct({ a: row, b: column, start }, model, (part, index) => draw(part, output * k + index)),
        );
      }
  return results;
}

/** Numbers of a format around 2^scale, a wide or a narrow band of them, with zeros and perhaps infinities and NaNs. */
export function members(
  format: Format,
  length: number,
  seed: number,
  scale: number,
  spread: number,
  special: boolean,
): number[] {
  const nearest = resolveRounding(format, { saturation: format.kind === 'float' ? 'finite' : 'none' });
  let state = Math.imul(seed, 2654435761) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length }, () => {
    const kind = next();
    if (special && kind < 0.02) return format.hasInfinity ? (next() < 0.5 ? -Infinity : Infinity) : 0;
    if (special && kind < 0.03) return format.hasNaN ? NaN : 0;
    if (kind < 0.08)
      return format.kind === 'float' && !format.hasZero
        ? format.max
        : next() < 0.5 && format.hasNegativeZero
          ? -0
          : 0;
    const exponent = scale + Math.floor((next() - 0.5) * spread);
    const value = (1 + next()) * 2 ** exponent * (format.isSigned && next() < 0.5 ? -1 : 1);
    return roundScalar(Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value)), format, nearest, 0);
  });
}

/** A product, its model, and how its numbers are made. */
export interface ProductCase {
  readonly name: string;
  readonly options: RoundOptions;
  readonly given: AccumulatorModel;
  readonly shape: ProductShape;
  readonly seed: number;
  readonly scales: readonly [number, number];
  readonly spread: number;
  readonly special: boolean;
  readonly wide: boolean;
  /** Sums begin with +0, with a matrix for each product of the batch, or with one for all. */
  readonly addend: 'none' | 'own' | 'shared';
  /** Binary place of the addend's numbers above that of products. */
  readonly lift: number;
  /** Random integers are supplied. */
  readonly supplied: boolean;
}

/** Whether a kernel took the case; fails where its result is not the reference's, or it wrote though it did not. */
export function checkProduct(
  { name, options, given, shape, seed, scales, spread, special, wide, addend, lift, supplied }: ProductCase,
  threads = 1,
): boolean {
  const format = toFormat(name);
  const { m, n, k, batch, batchStrideA, batchStrideB } = shape;
  const own = resolveRounding(format, options);
  const model = resolveAccumulator(format, own, given);
  const slots = batch * m * n * k;
  const integers = supplied ? drawIntegers(drawingParts(model, true).length * slots, own) : undefined;
  const call = integers === undefined ? own : { ...own, random: integers };
  const Type = wide || !fitsBinary32(format) ? Float64Array : Float32Array;
  const some = (length: number, from: number, scale: number): RealArray =>
    Type.from(members(format, length, from, scale, spread, special));
  const a = some((batch - 1) * batchStrideA + m * k, seed, scales[0]);
  const b = some((batch - 1) * batchStrideB + k * n, seed + 1, scales[1]);
  const stride = addend === 'own' ? m * n : 0;
  const values = some((batch - 1) * stride + m * n, seed + 2, scales[0] + scales[1] + lift);
  const start = addend === 'none' ? undefined : { values, stride };
  const out = new Type(batch * m * n).fill(0.125);
  const taken = matmulArray(a, b, out, shape, model, call, threads, start);
  const expected = taken
    ? reference(a, b, shape, model, call, start)
    : new Array<number>(out.length).fill(0.125);
  expect(firstDifference(out, expected, out)).toBeUndefined();
  return taken;
}

const size = fc.integer({ min: 1, max: 11 });
/** Orders of summation. */
export const orders = fc.oneof(
  { weight: 3, arbitrary: fc.constant('sequential' as const) },
  fc.constant('pairwise' as const),
  fc.integer({ min: 1, max: 20 }).map((chunk) => ({ chunk })),
  fc.integer({ min: 1, max: 20 }).map((chunk) => ({ chunk, sums: 'exact' as const })),
);

/** Shapes with few outputs where inner products are long. */
export const shapes = fc
  .record({
    m: size,
    n: size,
    k: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }) },
      fc.integer({ min: 250, max: 530 }),
    ),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    batch: fc.constantFrom(1, 1, 1, 2, 3),
    repeatA: fc.boolean(),
    repeatB: fc.boolean(),
  })
  .map(({ repeatA, repeatB, ...shape }) => {
    const { m, n, k } = shape;
    // Long inner products are few.
    const [rows, columns] = k > 100 ? [Math.min(m, 3), Math.min(n, 5)] : [m, n];
    const strides = { batchStrideA: repeatA ? 0 : rows * k, batchStrideB: repeatB ? 0 : k * columns };
    return { ...shape, m: rows, n: columns, ...strides };
  });
