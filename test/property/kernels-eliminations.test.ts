/**
 * Eliminations on kernels agree on every bit with products and sums, each rounded by the arithmetic: all numbers of formats of 8 bits, any
 * bit patterns of others, ragged shapes; and factorisations with the same ones by operations on arrays.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FloatFormat, toFormat } from '../../src/formats/index.ts';
import { arithmetic, round, type ShapedArray } from '../../src/index.ts';
import { type Eliminator, eliminatorOf } from '../../src/kernels/eliminations.ts';
import { cholesky, lu, qr, triangularSolve } from '../../src/linalg/index.ts';
import { resolveRounding } from '../../src/rounding/index.ts';
import { everyCase, times } from '../every-case.ts';
import { firstDifference } from '../kernels-compare.ts';

type Numbers = Float32Array | Float64Array;

function eliminating(name: string, run: (eliminator: Eliminator) => void): void {
  const format = toFormat(name);
  const eliminator = eliminatorOf(format, resolveRounding(format))!;
  try {
    run(eliminator);
  } finally {
    eliminator.free();
  }
}

const narrow = ['binary16', 'e5m2', 'e4m3', 'e4m3fn', 'e3m4', 'float(4,6)'];
const wide = ['bfloat16', 'tf32', 'pxr24', 'float(8,15)'];
const names = [...narrow, ...wide, 'binary32', 'binary64'];

it('is there for floats to nearest even whose ends are those of lanes, or NaN', () => {
  for (const name of names)
    expect([name, eliminatorOf(toFormat(name), resolveRounding(toFormat(name)))]).not.toContain(undefined);
  const of = (name: string, options = {}) =>
    eliminatorOf(toFormat(name), resolveRounding(toFormat(name), options));
  for (const name of [
    'int8',
    'posit16',
    'e2m1',
    'e3m2',
    'nf4',
    'e4m3fnuz',
    'e8m0',
    'e5m2fnuz',
    'float(11,30)',
    'dlfloat16',
  ])
    expect([name, of(name)]).toEqual([name, undefined]);
  for (const rounding of ['toward-zero', 'stochastic', 'nearest-away'])
    expect(of('binary16', { rounding })).toBeUndefined();
  for (const options of [{ saturation: 'finite' }, { subnormals: 'flush' }])
    expect(of('binary16', options)).toBeUndefined();
});

describe('all triples of numbers', () => {
  it.each(['e4m3fn', 'e5m2', 'e4m3', 'e3m4'])('of %s', (name) => {
    const f = arithmetic(name);
    const all = Float32Array.from(f.format.values());
    const n = all.length;
    const first = Float32Array.from({ length: n * n }, (_, i) => all[Math.floor(i / n)]!);
    const second = Float32Array.from({ length: n * n }, (_, i) => all[i % n]!);
    const products = f.mul(f.neg(first), second);
    eliminating(name, ({ place, subtractProduct, divide }) => {
      const [a, b, c] = [place(all), place(all), place(first)];
      for (const addend of all) {
        c.elements().fill(addend);
        const part = { matrix: c, at: 0, stride: n };
        subtractProduct(part, { matrix: a, at: 0, stride: 1 }, { matrix: b, at: 0, stride: n }, n, n, 1);
        const wanted = f.add(products, addend);
        expect(firstDifference(c.elements(), wanted, products)).toBeUndefined();
        c.elements().set(all);
        divide(part, 1, n, addend);
        expect(firstDifference(c.elements().subarray(0, n), f.div(all, addend), all)).toBeUndefined();
      }
    });
  });
});

const bits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((word) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, word);
  return view;
});
const number = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -4096, max: 4096 }).map((x) => x / 64) },
  { weight: 2, arbitrary: bits.map((view) => view.getFloat32(0)) },
  { weight: 1, arbitrary: bits.map((view) => view.getFloat64(0)) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity, NaN) },
  { weight: 1, arbitrary: fc.integer({ min: -160, max: 130 }).map((e) => 2 ** e * (1 + 2 ** -10)) },
);

describe.each(names)('%s', (name) => {
  const format = toFormat(name) as FloatFormat;
  const f = arithmetic(name);
  const isWide = name === 'binary64';
  const numbers = (length: number) =>
    fc.array(number, { minLength: length, maxLength: length }).map((list) => {
      const x = isWide ? Float64Array.from(list) : Float32Array.from(list);
      return round(x, format);
    });
  const sizes = fc.tuple(...([1, 1, 1] as const).map((min) => fc.integer({ min, max: 40 })));

  type Case = readonly [size: readonly [number, number, number], c: Numbers, a: Numbers, b: Numbers];

  function check([[m, n, k], c, a, b]: Case, divisor: number): void {
    eliminating(name, ({ place, subtractProduct, divide }) => {
      const [to, left, right] = [place(c), place(a), place(b)];
      const part = { matrix: to, at: 0, stride: n };
      subtractProduct(part, { matrix: left, at: 0, stride: k }, { matrix: right, at: 0, stride: n }, m, n, k);
      const wanted = f.matmul(f.neg(a), b, { m, n, k, c });
      expect(firstDifference(to.elements(), wanted, c)).toBeUndefined();
      to.elements().set(c);
      divide(part, m, n, divisor);
      expect(firstDifference(to.elements(), f.div(c, divisor), c)).toBeUndefined();
    });
  }

  it(`products and quotients, ${times(200)} times`, () => {
    const cases = sizes.chain(([m, n, k]) =>
      fc.tuple(
        fc.constant([m!, n!, k!] as const),
        numbers(m! * n!),
        numbers(m! * k!),
        numbers(k! * n!),
        numbers(1),
      ),
    );
    fc.assert(
      fc.property(cases, ([size, c, a, b, [divisor]]) => check([size, c, a, b], divisor!)),
      { numRuns: times(200) },
    );
  });

  // Of one magnitude a matrix, with few others among them: vectors that reach an end in the middle, and most that do not.
  it(`products of numbers of like magnitude, up to the ends, ${times(300)} times`, () => {
    const top = Math.floor(Math.log2(format.max));
    const exponent = fc.integer({ min: Math.log2(format.minSubnormal), max: top });
    const alike = (length: number, e: number, seed: number): Numbers => {
      let state = seed;
      const next = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
      const rare = [-0, 0, format.minSubnormal, format.max, -format.max, 2 ** (top - 1), -(2 ** (top - 2))];
      const list = Array.from({ length }, () => {
        if (next() < 0.002) return rare[Math.floor(next() * rare.length)]!;
        return (next() < 0.5 ? -1 : 1) * (1 + next()) * 2 ** (e - Math.floor(3 * next()));
      });
      return round(isWide ? Float64Array.from(list) : Float32Array.from(list), format);
    };
    const cases = fc.tuple(sizes, exponent, exponent, fc.integer({ min: -3, max: 1 }), fc.nat(2 ** 32 - 1));
    fc.assert(
      fc.property(cases, ([[m, n, k], e, left, more, seed]) => {
        const c = alike(m! * n!, e, seed);
        const a = alike(m! * k!, left, seed + 1);
        const b = alike(k! * n!, Math.min(e - left + more, top), seed + 2);
        check([[m!, n!, k!], c, a, b], 1);
      }),
      { numRuns: times(300) },
    );
  });
});

/** Numbers of about 1, every seventh row without its diagonal. */
function matrixOf(f: ReturnType<typeof arithmetic>, n: number, kind: string): ShapedArray {
  let state = 7 + n;
  const values = Array.from({ length: n * n }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const [row, column] = [Math.floor(i / n), i % n];
    const x = state / 2 ** 31 - 1;
    if (kind === 'dominant') return row === column ? n : (Math.min(row, column) % 5) / 8;
    if (kind === 'zeros') return row % 7 === 3 || column % 5 === 2 ? 0 : x;
    if (kind === 'special') return i === n + 1 ? Infinity : i === 3 * n + 2 ? NaN : x;
    return x;
  });
  return f.array(values, [n, n]);
}

const same = (given: ShapedArray, wanted: ShapedArray): void => {
  const [x, y] = [given.toTypedArray(), wanted.toTypedArray()];
  expect(firstDifference(x, y, y)).toBeUndefined();
  expect(x.constructor).toBe(y.constructor);
};

describe.each(['binary16', 'bfloat16', 'e4m3fn', 'binary32', 'binary64'])('factorisations in %s', (name) => {
  const f = arithmetic(name);
  // Which counts its exceptions has no kernels here.
  const counting = arithmetic(name, { flags: true });

  it.each(['any', 'dominant', 'zeros', 'special'])('of matrices, %s', (kind) => {
    for (const n of everyCase ? [1, 5, 33, 50] : [1, 5, 33]) {
      const [a, b] = [matrixOf(f, n, kind), matrixOf(counting, n, kind)];
      for (const pivoting of ['partial', 'complete', 'none'] as const) {
        const [given, wanted] = [lu(a, { pivoting }), lu(b, { pivoting })];
        same(given.L, wanted.L);
        same(given.U, wanted.U);
        expect([given.rows, given.columns, given.sign]).toEqual([wanted.rows, wanted.columns, wanted.sign]);
        for (const transpose of [false, true])
          same(
            given.solve(a.slice(null, [0, 2]), { transpose }),
            wanted.solve(b.slice(null, [0, 2]), { transpose }),
          );
      }
      for (const lower of [false, true])
        for (const transpose of [false, true])
          for (const unitDiagonal of [false, true]) {
            const options = { lower, transpose, unitDiagonal };
            same(triangularSolve(a, a.row(0), options), triangularSolve(b, b.row(0), options));
            same(triangularSolve(a, a, options), triangularSolve(b, b, options));
          }
      for (const method of ['householder', 'gram-schmidt'] as const) {
        const [given, wanted] = [qr(a, { method }), qr(b, { method })];
        same(given.Q, wanted.Q);
        same(given.R, wanted.R);
      }
      if (kind === 'dominant') same(cholesky(a).L, cholesky(b).L);
    }
  });
});

it('a pivot of zero eliminates nothing, in panels too', () => {
  for (const flags of [false, true]) {
    const f = arithmetic('binary16', { flags });
    const a = matrixOf(f, 40, 'zeros');
    const wanted = a.toArray() as number[][];
    wanted.forEach((pivotRow, k) => {
      if (pivotRow[k] === 0) return;
      for (const row of wanted.slice(k + 1)) {
        row[k] = f.div(row[k]!, pivotRow[k]!);
        for (let j = k + 1; j < 40; j++) row[j] = f.add(row[j]!, f.mul(-row[k]!, pivotRow[j]!));
      }
    });
    const { L, U, isSingular } = lu(a, { pivoting: 'none' });
    expect(isSingular).toBe(true);
    wanted.forEach((row, i) => {
      row.forEach((x, j) => {
        expect(i > j ? L.at(i, j) : U.at(i, j)).toBe(x);
      });
    });
  }
});
