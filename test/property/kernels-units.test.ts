/**
 * The kernel of matrix units agrees with their reference on every bit: every unit, any shape, all codes of the operands
 * equally likely or numbers of like size, infinities, NaN, zeros of both signs, subnormals, overflow, addends.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveAccumulator } from '../../src/arithmetic/accumulate/model.ts';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import { type MatrixUnit, matrixUnit, matrixUnitNames } from '../../src/arithmetic/matrix-unit/index.ts';
import { type FloatFormat, toFormat } from '../../src/formats/index.ts';
import { matmulArray } from '../../src/kernels/products/product-arrays.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import type { Addend } from '../../src/products/model.ts';
import { resolveRounding, roundScalar } from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';
import { reference } from '../products-compare.ts';

interface Numbers {
  /** Whether codes are drawn, else numbers of like size. */
  readonly codes: boolean;
  /** Of so many numbers, one is an infinity or a NaN; 0: none. */
  readonly specials: number;
  readonly zeros: number;
  readonly scale: number;
  readonly spread: number;
}

function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function numbers(format: FloatFormat, length: number, seed: number, kind: Numbers): Float32Array {
  const next = generator(seed);
  const clamp = resolveRounding(format, { saturation: 'finite' });
  const finite = (): number => {
    for (;;) {
      const value = format.decode(Math.floor(next() * 2 ** format.bits));
      if (Number.isFinite(value)) return value;
    }
  };
  return Float32Array.from({ length }, () => {
    const choice = next();
    if (choice * kind.specials < 1 && kind.specials > 0) {
      const infinity = next() < 0.5 ? Infinity : -Infinity;
      if (format.hasInfinity && next() < 0.8) return infinity;
      return format.hasNaN ? NaN : 0;
    }
    if (next() < kind.zeros) return format.hasNegativeZero && next() < 0.5 ? -0 : 0;
    if (kind.codes) return finite();
    const exponent = kind.scale + Math.floor((next() - 0.5) * kind.spread);
    return roundScalar((1 + next()) * 2 ** exponent * (next() < 0.5 ? -1 : 1), format, clamp, 0);
  });
}

const kinds = fc.record({
  codes: fc.boolean(),
  specials: fc.constantFrom(0, 0, 0, 40),
  zeros: fc.constantFrom(0, 0.05, 0.5),
  // The ends are where products and sums leave the range of binary32.
  scale: fc.oneof(
    fc.integer({ min: -16, max: 16 }),
    fc.integer({ min: -76, max: -48 }),
    fc.integer({ min: 50, max: 66 }),
  ),
  spread: fc.constantFrom(2, 8, 40),
});

const size = fc.integer({ min: 1, max: 6 });

function cases(unit: MatrixUnit) {
  return fc.record({
    m: size,
    n: size,
    k: fc.oneof(fc.integer({ min: 1, max: 3 * unit.k }), fc.constantFrom(256, 257, 300)),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    batch: fc.constantFrom(1, 1, 2),
    left: kinds,
    right: kinds,
    addend: fc.option(kinds, { nil: undefined }),
    result: fc.constantFrom('binary32', 'binary16', 'bfloat16', 'e4m3fn', 'e5m2'),
    seed: fc.nat(10000),
  });
}

const units = matrixUnitNames.map(({ name }) => matrixUnit(name));
const runs = Math.ceil(Number(process.env['HALFULP_RUNS'] ?? 600) / 25);

describe.each(units.map((unit) => ({ unit, name: unit.name })))(`$name, ${runs} products`, ({ unit }) => {
  it('by the kernel and by the reference', () => {
    fc.assert(
      fc.property(cases(unit), ({ left, right, addend, result, seed, ...shape }) => {
        const { k, batch } = shape;
        const [m, n] = k > 100 ? [Math.min(shape.m, 2), Math.min(shape.n, 3)] : [shape.m, shape.n];
        const a = numbers(unit.operands, batch * m * k, seed, left);
        const b = numbers(unit.operands, batch * k * n, seed + 1, right);
        const start: Addend | undefined = addend && {
          values: numbers(unit.addend, m * n, seed + 2, { ...addend, scale: left.scale + right.scale }),
          stride: 0,
        };
        const format = toFormat(result);
        const call = resolveRounding(format, {});
        const model = resolveAccumulator(format, call, { accumulate: unit });
        const whole = { ...shape, m, n, batchStrideA: m * k, batchStrideB: k * n };
        const out = new Float32Array(batch * m * n);
        expect(matmulArray(a, b, out, whole, model, call, 1, start)).toBe(true);
        expect(firstDifference(out, reference(a, b, whole, model, call, start), out)).toBeUndefined();
      }),
      { numRuns: runs },
    );
  });
});

describe('what arithmetic makes of matrix units', () => {
  const shape = { m: 7, k: 40, n: 5 };
  it.each(units.map((unit) => ({ unit, alias: unit.alias })))('$alias', ({ unit }) => {
    const kind = { codes: false, specials: 0, zeros: 0.1, scale: -1, spread: 3 };
    const a = numbers(unit.operands, shape.m * shape.k, 1, kind);
    const b = numbers(unit.operands, shape.k * shape.n, 2, kind);
    const c = numbers(unit.addend, shape.m * shape.n, 3, kind);
    const model = { accumulate: unit };
    const [fast, slow] = [arithmetic('binary32'), createArithmetic('binary32')];
    expect(fast.matmul(a, b, { ...shape, c }, model)).toEqual(slow.matmul(a, b, { ...shape, c }, model));
    const [x, y] = [a.subarray(0, 200), b.subarray(0, 200)];
    expect(fast.dot(x, y, model)).toBe(slow.dot(x, y, model));
    expect(fast.sum(x, { ...model, c: c[0]! })).toBe(slow.sum(x, { ...model, c: c[0]! }));
  });

  it('binary32 operands of a tf32 unit are cut, non-members are refused', () => {
    const unit = matrixUnit('ampere-tf32');
    const a = Float32Array.from({ length: 64 }, (_, i) => Math.fround(Math.sin(i + 1)));
    const square = { m: 8, k: 8, n: 8 };
    const fast = arithmetic('binary32').matmul(a, a, square, { accumulate: unit });
    expect(fast).toEqual(createArithmetic('binary32').matmul(a, a, square, { accumulate: unit }));
    expect(() =>
      arithmetic('binary32').matmul(a, a, square, { accumulate: matrixUnit('hopper-fp8') }),
    ).toThrow('values of e4m3fn');
    const nothing = new Float32Array(64).fill(NaN);
    expect(() =>
      arithmetic('binary32').matmul(nothing, nothing, square, { accumulate: matrixUnit('blackwell-nvfp4') }),
    ).toThrow('values of e2m1');
  });
});
