/** Matrix units of one's own: against a simulation on integers, with groups of every size, any k, as numbers and on kernels. */
import { describe, expect, test } from 'vitest';
import { type MatrixUnitParameters, matrixUnit } from '../../src/arithmetic/index.ts';
import type { FloatFormat } from '../../src/formats/index.ts';
import { type ArgumentError, arithmetic } from '../../src/index.ts';
import type { StepKind } from '../../src/products/matrix-units.ts';
import {
  addendTerm,
  fieldsOf,
  flooredSum,
  productTerm,
  roundedCount,
  truncatedSum,
} from '../oracles/matrix-unit.ts';
import { generator, pick } from '../random.ts';

const random = generator(11);

/** Values of few exponents, so that terms meet, with zeros and subnormals. */
function values(format: FloatFormat, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => {
    if (random() < 0.1) return 0;
    for (;;) {
      const value = format.decode(Math.floor(random() * 2 ** Math.min(format.bits, 30)));
      if (Number.isFinite(value) && Math.abs(value) < 64 && Math.abs(value) > 2 ** -20) return value;
      if (random() < 0.01) return format.minSubnormal;
    }
  });
}

/** One step on integers. */
function oracleStep(
  unit: ReturnType<typeof matrixUnit>,
  c: number,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): number {
  const code = (x: number, format: FloatFormat): number => Number(format.encode(x));
  const fields = (x: number, format: FloatFormat) => fieldsOf(code(x, format), format);
  if (unit.step === 'pairwise') {
    let sums = Array.from(a, (x, i) => Math.fround(x * b[i]!));
    while (sums.length > 1)
      sums = Array.from({ length: sums.length / 2 }, (_, i) => Math.fround(sums[2 * i]! + sums[2 * i + 1]!));
    return Math.fround(c + sums[0]!);
  }
  const products = Array.from(a, (x, i) =>
    productTerm(fields(x, unit.operands), fields(b[i]!, unit.operands)),
  );
  const addend = addendTerm(fields(c, unit.addend));
  const { count } =
    unit.step === 'aligned'
      ? truncatedSum([addend, ...products], BigInt(unit.fractionBits))
      : flooredSum(products, addend, unit.step === 'floored-halves');
  return roundedCount(count, unit.result, unit.rounding);
}

function oracleChain(
  unit: ReturnType<typeof matrixUnit>,
  a: Float32Array,
  b: Float32Array,
  c: number,
): number {
  const whole = Math.ceil(a.length / unit.k) * unit.k;
  const [x, y] = [a, b].map((list) => [...list, ...new Array<number>(whole - list.length).fill(0)]);
  let sum = c;
  for (let at = 0; at < whole; at += unit.group)
    sum = oracleStep(unit, sum, x!.slice(at, at + unit.group), y!.slice(at, at + unit.group));
  return sum;
}

const drawn = (kind: StepKind): MatrixUnitParameters => {
  const isAligned = kind === 'aligned';
  const group = kind === 'pairwise' ? pick([1, 2, 4, 8, 16], random) : 2 + Math.floor(random() * 40);
  const result = isAligned
    ? pick(['binary32', 'binary16', 'bfloat16', 'float(8,13)', 'e5m2'], random)
    : 'binary32';
  return {
    kind,
    operands: pick(['e4m3fn', 'e5m2', 'binary16', 'bfloat16', 'e2m1', 'float(5,4)'], random),
    group,
    k: group * (1 + Math.floor(random() * 4)),
    result,
    ...(isAligned && {
      fractionBits: 3 + Math.floor(random() * 38),
      rounding: pick(['toward-zero', 'nearest-even'] as const, random),
    }),
    ...((kind === 'floored' || kind === 'floored-halves') && { fractionBits: 24 }),
    ...(isAligned && random() < 0.5 && result !== 'binary32' && { addend: 'binary32' }),
  };
};

describe.each(['aligned', 'floored', 'floored-halves', 'pairwise'] as const)('%s', (kind) => {
  test('chains of any length and products on kernels are those of the simulation', () => {
    for (let trial = 0; trial < 25; trial++) {
      const parameters = drawn(kind);
      const unit = matrixUnit(parameters);
      const what = JSON.stringify(parameters);
      const k = 1 + Math.floor(random() * 3 * unit.k);
      const [m, n] = [1 + Math.floor(random() * 5), 1 + Math.floor(random() * 6)];
      const [a, b] = [values(unit.operands, m * k), values(unit.operands, k * n)];
      const c = values(unit.result, m * n);
      const column = (j: number): Float32Array => Float32Array.from({ length: k }, (_, i) => b[i * n + j]!);
      const expected = Float32Array.from(c, (start, o) =>
        oracleChain(unit, a.subarray(Math.floor(o / n) * k, Math.floor(o / n) * k + k), column(o % n), start),
      );
      expect(
        Float32Array.from(c, (start, o) =>
          unit.dotAdd(a.subarray(Math.floor(o / n) * k, Math.floor(o / n) * k + k), column(o % n), start),
        ),
        what,
      ).toEqual(expected);
      const f = arithmetic('binary32');
      expect(f.matmul(a, b, { m, k, n, c }, { accumulate: unit }), what).toEqual(expected);
    }
  });

  test('long products agree with the chain', () => {
    for (const group of kind === 'pairwise' ? [2, 4] : [3, 7, 13, 129]) {
      const unit = matrixUnit({
        kind,
        operands: 'e4m3fn',
        group,
        ...(kind !== 'pairwise' && { fractionBits: 24 }),
      });
      const k = 1000;
      const [a, b] = [values(unit.operands, 3 * k), values(unit.operands, 5 * k)];
      const product = arithmetic('binary32').matmul(
        a,
        b,
        { m: 3, k, n: 5, transposeB: true },
        { accumulate: unit },
      );
      product.forEach((value, o) => {
        const [i, j] = [Math.floor(o / 5), o % 5];
        expect(value, `${group}`).toBe(
          unit.dotAdd(a.subarray(i * k, i * k + k), b.subarray(j * k, j * k + k)),
        );
      });
    }
  });

  test('explains what is kept and dropped of each term', () => {
    for (let trial = 0; trial < 15; trial++) {
      const unit = matrixUnit(drawn(kind));
      const k = 1 + Math.floor(random() * 2 * unit.k);
      const [a, b] = [values(unit.operands, k), values(unit.operands, k)];
      const { steps, result } = unit.explain(a, b, 0);
      expect(result).toBe(unit.dotAdd(a, b, 0));
      expect(steps.length).toBe((Math.ceil(k / unit.k) * unit.k) / unit.group);
      steps.forEach(({ products, accumulator, exponent, result: after }, s) => {
        expect(accumulator.value).toBe(s === 0 ? 0 : steps[s - 1]!.result);
        products.forEach(({ value, kept, dropped }, i) => {
          expect(value).toBe((a[s * unit.group + i] ?? 0) * (b[s * unit.group + i] ?? 0) + 0);
          expect(kept + dropped).toBe(value);
        });
        if (kind !== 'aligned') return;
        const unitOf = 2 ** (exponent! - unit.fractionBits);
        let sum = accumulator.kept;
        for (const { kept } of products) {
          expect(Number.isInteger(kept / unitOf)).toBe(true);
          sum += kept;
        }
        const filled = (x: Float32Array): number[] =>
          Array.from({ length: unit.group }, (_, i) => x[s * unit.group + i] ?? 0);
        expect(after).toBe(oracleStep(unit, accumulator.value, filled(a), filled(b)));
        if (unit.result.name === 'binary32' && unit.rounding === 'nearest-even')
          expect(after).toBe(Math.fround(sum));
      });
    }
  });
});

test('the parameters of modelled units give the modelled units', () => {
  const known = matrixUnit('hopper-fp8');
  const own = matrixUnit({
    kind: 'aligned',
    operands: 'e4m3fn',
    group: 32,
    fractionBits: 13,
    result: 'float(8,13)',
    addend: 'binary32',
    m: 64,
    n: 8,
  });
  const [a, b] = [values(known.operands, 300), values(known.operands, 300)];
  expect(own.dotAdd(a, b, 1)).toBe(known.dotAdd(a, b, 1));
  const facts = ({
    group,
    k,
    m,
    n,
    fractionBits,
    rounding,
    step,
    operands,
    addend,
    result,
    flushes,
  }: typeof known) => ({
    ...{ group, k, m, n, fractionBits, rounding, step, flushes },
    formats: [operands, addend, result].map(String),
  });
  expect(facts(own)).toEqual(facts(known));
  const scaled = matrixUnit({
    kind: 'aligned-blocks',
    operands: 'e2m1',
    group: 64,
    fractionBits: 35,
    scales: { format: 'ue4m3', size: 16 },
    m: 16,
    n: 8,
  });
  const nvfp4 = matrixUnit('blackwell-nvfp4');
  const [x, y] = [values(nvfp4.operands, 16 * 64), values(nvfp4.operands, 64 * 8)];
  const scales = { scalesA: new Float32Array(16 * 4).fill(1.5), scalesB: new Float32Array(8 * 4).fill(0.75) };
  expect(scaled.multiply(x, y, undefined, scales)).toEqual(nvfp4.multiply(x, y, undefined, scales));
});

test('parameters that do not go together are refused', () => {
  const aligned = { kind: 'aligned', operands: 'e4m3fn', group: 8, fractionBits: 24 } as const;
  for (const [given, path] of [
    [{ ...aligned, kind: 'align' }, /^kind.*aligned/],
    [{ ...aligned, operands: 'int8' }, /^operands/],
    [{ ...aligned, operands: 'e4m3f' }, /^operands.*e4m3fn/],
    [{ ...aligned, operands: 'binary64' }, /^operands/],
    [{ ...aligned, group: 0 }, /^group/],
    [{ ...aligned, group: undefined }, /^group/],
    [{ ...aligned, group: 2.5 }, /^group/],
    [{ ...aligned, k: 12 }, /^k: .*multiple of group, 8/],
    [{ ...aligned, fractionBits: undefined }, /^fractionBits/],
    [{ ...aligned, fractionBits: 48 }, /^fractionBits.*1 to 47/],
    [{ ...aligned, rounding: 'to-odd' }, /^rounding/],
    [{ ...aligned, result: 'e4m3fn' }, /^result/],
    [{ ...aligned, addend: 'binary16' }, /^addend/],
    [{ ...aligned, flushes: true }, /^flushes/],
    [{ ...aligned, scales: { format: 'e4m3fn', size: 8 } }, /^scales.format/],
    [{ ...aligned, scales: { format: 'e8m0', size: 3 } }, /^scales.size/],
    [{ ...aligned, groups: 3 }, /^groups.*group/],
    [{ kind: 'pairwise', operands: 'binary16', group: 3 }, /^group: .*power of two/],
    [{ kind: 'pairwise', operands: 'binary16', group: 4, fractionBits: 24 }, /^fractionBits/],
    [{ kind: 'floored', operands: 'binary16', group: 4, fractionBits: 24, result: 'binary16' }, /^result/],
    [{ kind: 'floored', operands: 'binary16', group: 4, fractionBits: 32 }, /^fractionBits/],
    [
      {
        kind: 'aligned-blocks',
        operands: 'e2m1',
        group: 8,
        fractionBits: 20,
        scales: { format: 'ue4m3', size: 8 },
      },
      /^group/,
    ],
    [{ kind: 'aligned-blocks', operands: 'e2m1', group: 16, fractionBits: 20 }, /^scales/],
  ] as const)
    expect(() => matrixUnit(given as never), JSON.stringify(given)).toThrow(path);
  const fake = { ...matrixUnit('hopper-fp8') };
  expect(() => arithmetic('e4m3fn').sum([1], { accumulate: fake as never })).toThrow(/^accumulate/);
});

describe('a unit as plain data', () => {
  const data = { kind: 'aligned', operands: 'fp8_e4m3', group: 5, fractionBits: 20 } as const;
  const unit = matrixUnit(data);
  const [m, k, n] = [3, 17, 4];
  const [a, b] = [values(unit.operands, m * k), values(unit.operands, k * n)].map((x) =>
    Float32Array.from(x),
  ) as [Float32Array, Float32Array];
  const f = arithmetic('binary32');

  test('and by name sums like the unit itself', () => {
    const expected = f.matmul(a, b, { m, k, n }, { accumulate: unit });
    expect(f.matmul(a, b, { m, k, n }, { accumulate: data })).toEqual(expected);
    expect(f.matmul(a, b, { m, k, n }, { accumulate: JSON.parse(JSON.stringify(unit)) })).toEqual(expected);
    expect(
      f
        .array(a, [m, k])
        .matmul(f.array(b, [k, n]), { accumulate: data })
        .toTypedArray(),
    ).toEqual(expected);
    expect(f.dot(a.subarray(0, k), a.subarray(k, 2 * k), { accumulate: 'hopper-fp8' })).toBe(
      matrixUnit('hopper-fp8').dotAdd(a.subarray(0, k), a.subarray(k, 2 * k)),
    );
  });

  test('is refused with the path of what is wrong', () => {
    const refusalOf = (accumulate: unknown): string => {
      try {
        f.dot(a, a, { accumulate } as never);
      } catch (error) {
        return (error as ArgumentError).message;
      }
      return 'accepted';
    };
    expect(refusalOf({ ...data, kind: 'alignd' })).toMatch(/^accumulate\.kind.*aligned/);
    expect(refusalOf({ ...data, fractionBit: 3 })).toMatch(/^accumulate\.fractionBit.*fractionBits/);
    expect(refusalOf({ ...data, operands: 'e4m3fnn' })).toMatch(/^accumulate\.operands.*e4m3fn/);
    expect(refusalOf({ operands: 'e4m3fn', group: 5 })).toMatch(/^accumulate.*a matrix unit such as/);
    expect(refusalOf('hoper-fp8')).toMatch(/^accumulate.*hopper-fp8/);
  });
});

describe('the flags of sums through a unit', () => {
  const half = {
    kind: 'aligned',
    operands: 'binary16',
    group: 2,
    fractionBits: 24,
    result: 'binary16',
  } as const;
  const flagsOf = (
    x: number[],
    y: number[],
    c: number,
    accumulate: MatrixUnitParameters,
    format: string = 'binary32',
  ): string[] => {
    const f = arithmetic(format, { flags: true });
    const result = f.dot(x, y, { c, accumulate });
    const product = arithmetic(format, { flags: true });
    const whole = product.matmul(x, y, { m: 1, k: x.length, n: 1, c: [c] }, { accumulate });
    expect([...whole]).toEqual([result]);
    expect(product.flags).toEqual(f.flags);
    return Object.entries(f.flags).flatMap(([name, count]) => (count === 0 ? [] : [`${name} ${count}`]));
  };
  test.each<[string, number[], number[], number, string[]]>([
    ['nothing for what alignment drops', [1, 2 ** -14], [1, 2 ** -14], 0, []],
    ['an overflow of finite terms', [65504, 1], [65504, 1], 1, ['inexact 1', 'overflow 1']],
    [
      'one overflow, and the infinity goes on',
      [65504, 0, 1, 1],
      [65504, 0, 1, 1],
      0,
      ['inexact 1', 'overflow 1'],
    ],
    ['nothing for an infinity that was there', [Infinity, 1], [1, 1], 0, []],
    ['0 times infinity', [0, 1], [Infinity, 1], 0, ['invalid 1']],
    ['0 times infinity beside a NaN', [0, NaN], [Infinity, 1], 0, ['invalid 1']],
    ['infinities that meet', [Infinity, 1], [1, 1], -Infinity, ['invalid 1']],
    ['nothing for a NaN that was there', [NaN, 1], [1, 1], 0, []],
    ['nothing for a NaN that goes on', [0, 1, 1, 1], [Infinity, 1, 1, 1], 0, ['invalid 1']],
  ])('are %s', (_, x, y, c, expected) => {
    expect(flagsOf(x, y, c, half)).toEqual(expected);
  });

  test('are those of the last conversion as well', () => {
    const own = { ...half, result: 'binary32' } as const;
    expect(flagsOf([1.5, 2 ** -10], [1, 1], 0, own, 'binary16')).toEqual([]);
    expect(flagsOf([1, 2 ** -10], [1, 2 ** -10], 0, own, 'binary16')).toEqual(['inexact 1']);
    expect(flagsOf([65504, 1], [2, 1], 0, own, 'binary16')).toEqual(['inexact 1', 'overflow 1']);
    expect(flagsOf([2 ** -14, 0], [2 ** -12, 0], 0, own, 'binary16')).toEqual(['inexact 1', 'underflow 1']);
  });
});
