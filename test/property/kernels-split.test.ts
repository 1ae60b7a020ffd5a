/**
 * Products and sums that are rounded by splitting: all pairs of significands, all sums of two numbers that meet, and operands at
 * both ends of what the kernel takes, against the scalar reference.
 */
import { expect, test } from 'vitest';
import { resolveAccumulator } from '../../src/arithmetic/accumulate/model.ts';
import type { FloatFormat } from '../../src/formats/format.ts';
import { toFormat } from '../../src/formats/names.ts';
import { matmulArray } from '../../src/kernels/products/product-arrays.ts';
import { resolveRounding, roundScalar } from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';
import { reference } from '../products-compare.ts';

const names = ['bfloat16', 'binary16', 'dlfloat16', 'e5m2', 'e4m3fn', 'e3m4', 'float(8,10)', 'float(8,2)'];

function modelOf(name: string) {
  const format = toFormat(name) as FloatFormat;
  const rounding = resolveRounding(format, {});
  return { format, rounding, model: resolveAccumulator(format, rounding, { accumulate: format }) };
}

/** All numbers of the format from 1 to below 2, times a power of two. */
function significands({ mantissaBits }: FloatFormat, power: number): number[] {
  return Array.from({ length: 2 ** mantissaBits }, (_, i) => 2 ** power * (1 + i / 2 ** mantissaBits));
}

test.each(names)('%s: the product of any two significands', (name) => {
  const { format, rounding, model } = modelOf(name);
  const all = Float32Array.from(significands(format, 0));
  const out = new Float32Array(all.length ** 2);
  const shape = { m: all.length, n: all.length, k: 1 };
  expect(matmulArray(all, all, out, shape, model, rounding)).toBe(true);
  const expected = Float32Array.from(out, (_, i) =>
    roundScalar(all[Math.floor(i / all.length)]! * all[i % all.length]!, format, rounding, 0),
  );
  expect(firstDifference(out, expected, out)).toBeUndefined();
});

test.each(names)('%s: sums of significands, as far apart as they meet', (name) => {
  const { format, rounding, model } = modelOf(name);
  const { precision, emin } = format;
  // Where there are many, every seventh.
  const some = (_: number, i: number): boolean => precision <= 8 || i % 7 === 0;
  const left = significands(format, 0).filter(some);
  const right = Array.from({ length: precision + 2 }, (_, i) => -i)
    .filter((power) => power >= emin)
    .flatMap((power) => significands(format, power).filter(some))
    .flatMap((x) => [x, -x]);
  const a = Float32Array.from(left.flatMap((x) => [x, 1]));
  const b = Float32Array.from([...right.map(() => 1), ...right]);
  const out = new Float32Array(left.length * right.length);
  const shape = { m: left.length, n: right.length, k: 2 };
  expect(matmulArray(a, b, out, shape, model, rounding)).toBe(true);
  let differing = 0;
  for (let i = 0; i < left.length; i++)
    for (let j = 0; j < right.length; j++) {
      const expected = roundScalar(left[i]! + right[j]!, format, rounding, 0);
      if (!Object.is(out[i * right.length + j], expected)) differing++;
    }
  expect(differing).toBe(0);
});

test.each(names)('%s: numbers at both ends of the range, zeros of both signs', (name) => {
  const { format, rounding, model } = modelOf(name);
  const { emin, emax, mantissaBits } = format;
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const number = (power: number): number => {
    const kind = next();
    if (kind < 0.1) return kind < 0.05 ? 0 : -0;
    const size = (1 + Math.floor(next() * 2 ** mantissaBits) / 2 ** mantissaBits) * 2 ** power;
    return roundScalar(next() < 0.5 ? size : -size, format, rounding, 0);
  };
  const shape = { m: 5, n: 9, k: 23, transposeA: false, transposeB: false, batch: 1 };
  const strides = { batchStrideA: 0, batchStrideB: 0 };
  const half = Math.floor(emin / 2);
  for (const sum of [
    emin - 2,
    emin - 1,
    emin,
    emin + 1,
    0,
    ...[-30, -24, -20, -8, -4, 0].map((p) => emax + p),
  ])
    for (const power of [half, 0, Math.floor(sum / 2)]) {
      const a = Float32Array.from({ length: shape.m * shape.k }, () => number(power));
      const b = Float32Array.from({ length: shape.k * shape.n }, () => number(sum - power));
      const out = new Float32Array(shape.m * shape.n);
      expect(matmulArray(a, b, out, shape, model, rounding)).toBe(true);
      const expected = reference(a, b, { ...shape, ...strides }, model, rounding);
      expect(firstDifference(out, expected, out)).toBeUndefined();
    }
});
