/** Matrix units by hand: truncation, splits along k, rounding of results, specials, flushing, names and wrong arguments. */
import { describe, expect, it } from 'vitest';
import { type MatrixUnit, matrixUnit, matrixUnitNames } from '../../src/arithmetic/matrix-unit/index.ts';
import { ArgumentError } from '../../src/errors.ts';

/** The first output for a row of a, a column of b and an addend; the rest is 0. */
function first(unit: MatrixUnit, row: readonly number[], column: readonly number[], c = 0): number {
  const { m, n, k } = unit;
  const a = new Float64Array(m * k);
  a.set(row);
  const b = new Float64Array(k * n);
  column.forEach((x, i) => {
    b[i * n] = x;
  });
  const addend = new Float64Array(m * n);
  addend[0] = c;
  return unit.multiply(a, b, addend)[0]!;
}

const unitOf = (name: string): MatrixUnit => matrixUnit(name);

describe('aligned units', () => {
  it.each([
    ['volta-fp16', 23],
    ['turing-fp16', 24],
    ['ampere-fp16', 24],
    ['hopper-fp16', 25],
    ['hopper-fp8', 13],
  ] as const)('%s keeps %i bits below the largest exponent', (name, bits) => {
    // A product and an addend of 1 cancel, so that the last bit of the small term can be seen.
    const kept = (x: number): number => first(unitOf(name), [2 ** -6, -1], [x, 1], 1);
    expect(kept(2 ** (6 - bits))).toBe(2 ** -bits);
    expect(kept(2 ** (5 - bits))).toBe(0);
  });

  it('truncate products one by one, not their sum', () => {
    const unit = unitOf('hopper-fp8');
    const tiny = 2 ** -7;
    expect(first(unit, [1, tiny, tiny, tiny, tiny], [1, tiny, tiny, tiny, tiny])).toBe(1);
    expect(first(unitOf('blackwell-fp8'), [1, tiny, tiny, tiny, tiny], [1, tiny, tiny, tiny, tiny])).toBe(
      1 + 2 ** -12,
    );
  });

  it('align by the sum of exponents, not by the product', () => {
    // 1.75^2 = 3.0625 has the exponent 0 here: bits down to 2^-13 stay. The addend 3.0625 has the exponent 1.
    const unit = unitOf('hopper-fp8');
    expect(first(unit, [1.75, -1.75, 2 ** -6], [1.75, 1.75, 2 ** -7])).toBe(2 ** -13);
    expect(first(unit, [1.75, 2 ** -6], [1.75, 2 ** -7], -3.0625)).toBe(0);
  });

  it('split k on Ampere and Ada: the second half is added to a rounded first', () => {
    const unit = unitOf('ampere-fp16');
    const row = new Array<number>(16).fill(0);
    row[0] = 1;
    row[8] = -1;
    row[1] = 2 ** -12;
    const column = row.map((x, i) => (i === 1 ? 2 ** -12 : Math.abs(x)));
    // 2^-24 beside 1: kept by the 24 fraction bits, cut by the rounding of the first half to binary32.
    expect(first(unit, row, column)).toBe(0);
    expect(first(unitOf('hopper-fp16'), row, column)).toBe(2 ** -24);
  });

  it('round binary32 results toward zero, binary16 results to nearest', () => {
    const x = 1 + 2 ** -10;
    expect(first(unitOf('volta-fp16'), [x], [x], 2)).toBe(Math.fround(2 + x * x));
    expect(first(unitOf('hopper-fp16'), [-1, 2 ** -12], [1, -(2 ** -13)])).toBe(-1);
    expect(first(unitOf('hopper-fp16-fp16'), [1, 2 ** -11], [1, 1.5])).toBe(1 + 2 ** -10);
    expect(first(unitOf('ada-fp8'), [16, 1], [16, 2 ** -6])).toBe(256);
  });

  it('overflow to infinity, and make every zero positive', () => {
    expect(first(unitOf('hopper-fp16-fp16'), [65504, 65504], [1, 1])).toBe(Infinity);
    expect(first(unitOf('hopper-bf16'), [2 ** 127, 2 ** 127], [-1, -1])).toBe(-Infinity);
    expect(first(unitOf('hopper-fp16'), [-0], [1], -0)).toBe(0);
    expect(first(unitOf('hopper-fp16'), [1], [1], -1)).toBe(0);
  });

  it('follow IEEE 754 for infinities and NaN', () => {
    const unit = unitOf('ampere-fp16');
    expect(first(unit, [Infinity], [-1])).toBe(-Infinity);
    expect(first(unit, [Infinity], [0])).toBeNaN();
    expect(first(unit, [Infinity, Infinity], [1, -1])).toBeNaN();
    expect(first(unit, [1], [1], Infinity)).toBe(Infinity);
    expect(first(unit, [NaN], [1])).toBeNaN();
  });

  it('ignore the low bits of tf32 operands', () => {
    const unit = unitOf('ampere-tf32');
    expect(first(unit, [-(1 + 2 ** -10 + 2 ** -11)], [1])).toBe(-(1 + 2 ** -10));
    expect(() => first(unit, [1 + 2 ** -30], [1])).toThrow(ArgumentError);
  });
});

describe('scaled units', () => {
  it('take scales of blocks along k', () => {
    const unit = unitOf('blackwell-nvfp4');
    const a = new Float64Array(unit.m * unit.k).fill(1);
    const b = new Float64Array(unit.k * unit.n).fill(0.5);
    const scalesA = new Float64Array(unit.m * 4).fill(1);
    const scalesB = new Float64Array(4 * unit.n).fill(1);
    scalesA.set([1, 2, 0.5, 0]);
    scalesB[1] = 3;
    const d = unit.multiply(a, b, undefined, { scalesA, scalesB });
    expect(d[0]).toBe(8 * (1 + 2 + 0.5));
    expect(d[1]).toBe(8 * (3 + 2 + 0.5));
    expect(d[unit.n]).toBe(32);
    expect(unit.multiply(a, b)[0]).toBe(32);
    expect(unit.dotAdd([1, 2], [3, 4], 10)).toBe(21);
  });

  it('give NaN for a NaN scale', () => {
    const unit = unitOf('blackwell-mxfp8');
    const scalesA = new Float64Array(unit.m).fill(1);
    const scalesB = new Float64Array(unit.n).fill(1);
    scalesA[0] = NaN;
    const d = unit.multiply(new Float64Array(unit.m * unit.k), new Float64Array(unit.k * unit.n), undefined, {
      scalesA,
      scalesB,
    });
    expect(d[0]).toBeNaN();
    expect(d[unit.n]).toBe(0);
  });
});

describe('floored units', () => {
  it('floor what they shift out', () => {
    // -2^-24 2^-14 beside 1 is floored to -2^-31 in the sum, which then rounds to nearest even.
    const unit = unitOf('cdna3-fp16');
    expect(first(unit, [2 ** -24], [-(2 ** -14)], 1)).toBe(1);
    // An accumulator far below is floored to -2^-24 of the largest.
    expect(first(unit, [1], [1], -(2 ** -60))).toBe(1 - 2 ** -24);
    expect(first(unit, [1], [1], 2 ** -60)).toBe(1);
    // FP8 drops it.
    expect(first(unitOf('cdna3-fp8'), [1], [1], -(2 ** -60))).toBe(1);
  });

  it('make products of 2^128 infinite', () => {
    expect(first(unitOf('cdna3-bf16'), [2 ** 100, -(2 ** 100)], [2 ** 28, 2 ** 27])).toBe(Infinity);
    expect(first(unitOf('cdna3-bf16'), [2 ** 100, -(2 ** 100)], [2 ** 28, 2 ** 28])).toBeNaN();
  });
});

describe('pairwise units', () => {
  it('round every sum to binary32, in a tree', () => {
    const row = [2 ** 12, 1, -(2 ** 12), 0];
    const column = [2 ** 12, 2 ** -1, 2 ** 12, 0];
    // 2^24 + 0.5 rounds to 2^24 in the tree.
    expect(first(unitOf('cdna1-fp16'), row, column)).toBe(0);
    expect(first(unitOf('cdna1-fp16'), [1, 2], [3, 4], 5)).toBe(16);
  });

  it('flush subnormals on CDNA2', () => {
    const subnormal = 2 ** -15;
    expect(first(unitOf('cdna1-fp16'), [subnormal], [1])).toBe(subnormal);
    expect(first(unitOf('cdna2-fp16'), [subnormal], [1])).toBe(0);
    expect(first(unitOf('cdna2-fp16'), [0], [1], 2 ** -130)).toBe(0);
    expect(first(unitOf('cdna2-bf16'), [2 ** -100], [2 ** -30])).toBe(0);
    expect(first(unitOf('cdna1-bf16'), [2 ** -100], [2 ** -30])).toBe(2 ** -130);
  });
});

describe('names and arguments', () => {
  it('know every unit by its name and its alias', () => {
    for (const { name, alias } of matrixUnitNames) expect(matrixUnit(alias)).toBe(matrixUnit(name));
    expect(matrixUnitNames.length).toBe(new Set(matrixUnitNames.flatMap(Object.values)).size / 2);
    expect(matrixUnitNames.filter(({ name }) => matrixUnit(name).verified)).toHaveLength(19);
    expect(JSON.stringify(matrixUnit('hopper-fp8'))).toBe('"wgmma.Hopper.m64n8k32.f32.e4m3.e4m3"');
    expect(() => matrixUnit('hopper')).toThrow(/hopper-fp8/);
  });

  it('chain instructions in dotAdd', () => {
    expect(matrixUnit('hopper-fp8').dotAdd([1, 2 ** -9], [1, 2 ** -5])).toBe(1);
    expect(matrixUnit('hopper-fp8').dotAdd([], [], 3)).toBe(3);
  });

  it.each<[string, () => unknown]>([
    ['a', () => unitOf('volta-fp16').multiply([1], new Float64Array(32))],
    ['b', () => unitOf('volta-fp16').multiply(new Float64Array(32), 3 as unknown as number[])],
    ['c', () => unitOf('volta-fp16').multiply(new Float64Array(32), new Float64Array(32), [1])],
    ['c', () => unitOf('volta-fp16').dotAdd([1], [1], 0.1)],
    ['a', () => unitOf('hopper-fp8').dotAdd([1.1], [1])],
    ['b', () => unitOf('hopper-fp8').dotAdd([1], [1, 2])],
    [
      'scales',
      () =>
        unitOf('volta-fp16').multiply(new Float64Array(32), new Float64Array(32), undefined, {
          scalesA: [],
          scalesB: [],
        }),
    ],
    [
      'scalesA',
      () =>
        unitOf('blackwell-nvfp4').multiply(new Float64Array(1024), new Float64Array(512), undefined, {
          scalesA: new Float64Array(3),
          scalesB: new Float64Array(32),
        }),
    ],
  ])('%s', (argument, call) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ArgumentError);
    expect((thrown as ArgumentError).argument).toBe(argument);
  });
});
