/**
 * Linear algebra against the same algorithms in loops of scalars, each step exact in rationals and rounded once by the oracle, bit for bit; and
 * against theory: backward errors of at most c n u.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { arithmetic, type FloatFormat, type ShapedArray } from '../../src/index.ts';
import {
  cholesky,
  conditionEstimate,
  conjugateGradients,
  det,
  eigSymmetric,
  gmres,
  inverse,
  lu,
  NotPositiveDefiniteError,
  norm,
  qr,
  refine,
  solve,
  svd,
  triangularSolve,
} from '../../src/linalg/index.ts';
import { resolveRounding } from '../../src/rounding/index.ts';
import { times } from '../every-case.ts';
import { type OracleOperation, oracleOperate } from '../oracles/arithmetic.ts';

type Rows = number[][];

/** Scalars rounded by the oracle. */
function scalars(
  name: 'binary16' | 'bfloat16' | 'e5m2' | 'binary64',
  rounding: 'nearest-even' | 'toward-negative',
) {
  const format = formats[name];
  const options = resolveRounding(format, { rounding });
  const operation =
    (of: OracleOperation) =>
    (a: number, b = 0, c = 0): number =>
      oracleOperate(of, [a, b, c], format, options, 0);
  const f = arithmetic(format, { rounding });
  return {
    ...{ f, add: operation('add'), sub: operation('sub'), mul: operation('mul'), div: operation('div') },
    sqrt: operation('sqrt'),
  };
}
type Scalars = ReturnType<typeof scalars>;

const settings = fc
  .tuple(
    fc.constantFrom('binary16', 'bfloat16', 'e5m2', 'binary64'),
    fc.constantFrom('nearest-even', 'toward-negative'),
  )
  .map(([name, rounding]) => scalars(name as 'binary16', rounding as 'nearest-even'));
const elements = fc.integer({ min: -64, max: 64 }).map((x) => x / 16);
const square = (most = 6): fc.Arbitrary<Rows> =>
  fc
    .integer({ min: 1, max: most })
    .chain((n) =>
      fc.array(fc.array(elements, { minLength: n, maxLength: n }), { minLength: n, maxLength: n }),
    );
const enter = (f: Scalars['f'], rows: Rows): Rows => f.array(rows).toArray() as Rows;

/** Gaussian elimination, element by element. */
function eliminate(
  { add, mul, div, f }: Scalars,
  given: Rows,
  pivoting: string,
): { l: Rows; u: Rows; rows: number[]; columns: number[] } {
  const a = given.map((row) => [...row]);
  const n = a.length;
  const rows = a.map((_, i) => i);
  const columns = [...rows];
  for (let k = 0; k < n; k++) {
    let [row, column] = [k, k];
    if (pivoting !== 'none')
      for (let j = k; j < (pivoting === 'complete' ? n : k + 1); j++)
        for (let i = k; i < n; i++)
          if (Math.abs(a[i]![j]!) > Math.abs(a[row]![column]!)) [row, column] = [i, j];
    [a[k], a[row]] = [a[row]!, a[k]!];
    [rows[k], rows[row]] = [rows[row]!, rows[k]!];
    for (const line of a) [line[k], line[column]] = [line[column]!, line[k]!];
    [columns[k], columns[column]] = [columns[column]!, columns[k]!];
    if (a[k]![k] === 0) continue;
    for (let i = k + 1; i < n; i++) {
      a[i]![k] = div(a[i]![k]!, a[k]![k]!);
      for (let j = k + 1; j < n; j++) a[i]![j] = add(a[i]![j]!, mul(f.neg(a[i]![k]!), a[k]![j]!));
    }
  }
  return {
    l: a.map((row, i) => row.map((x, j) => (j < i ? x : i === j ? 1 : 0))),
    u: a.map((row, i) => row.map((x, j) => (j >= i ? x : 0))),
    ...{ rows, columns },
  };
}

/** Substitution in the order in which unknowns are found. */
function substitute(
  { add, mul, div, f }: Scalars,
  t: Rows,
  b: number[],
  lower: boolean,
  unit: boolean,
): number[] {
  const n = t.length;
  const x = [...b];
  const order = t.map((_, i) => (lower ? i : n - 1 - i));
  order.forEach((i, at) => {
    for (const j of order.slice(0, at)) x[i] = add(x[i]!, mul(f.neg(t[i]![j]!), x[j]!));
    if (!unit) x[i] = div(x[i]!, t[i]![i]!);
  });
  return x;
}

const transposed = (a: Rows): Rows => a.map((_, j) => a.map((row) => row[j]!));
const runs = { numRuns: times(150) };

describe('the same as scalar loops, bit for bit', () => {
  test('lu, and its solutions', () => {
    fc.assert(
      fc.property(
        settings,
        square(),
        fc.constantFrom('partial', 'complete', 'none'),
        (s, given, pivoting) => {
          const a = enter(s.f, given);
          const { l, u, rows, columns } = eliminate(s, a, pivoting);
          const factors = lu(s.f.array(a), { pivoting: pivoting as 'none' });
          expect(factors.L.toArray()).toEqual(l);
          expect(factors.U.toArray()).toEqual(u);
          expect(factors.rows).toEqual(rows);
          expect(factors.columns).toEqual(columns);
          const b = enter(s.f, [given[0]!])[0]!;
          const y = substitute(
            s,
            l,
            rows.map((i) => b[i]!),
            true,
            true,
          );
          const z = substitute(s, u, y, false, false);
          const x = new Array<number>(a.length);
          columns.forEach((to, from) => {
            x[to] = z[from]!;
          });
          expect(factors.solve(b).toArray()).toEqual(x);
          const v = substitute(
            s,
            transposed(l),
            substitute(
              s,
              transposed(u),
              columns.map((j) => b[j]!),
              true,
              false,
            ),
            false,
            true,
          );
          const w = new Array<number>(a.length);
          rows.forEach((to, from) => {
            w[to] = v[from]!;
          });
          expect(factors.solve(b, { transpose: true }).toArray()).toEqual(w);
        },
      ),
      runs,
    );
  });

  test('substitution', () => {
    fc.assert(
      fc.property(
        settings,
        square(),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (s, given, lower, unitDiagonal, transpose) => {
          const a = enter(s.f, given);
          const b = a[0]!;
          const wanted = substitute(s, transpose ? transposed(a) : a, b, lower !== transpose, unitDiagonal);
          expect(triangularSolve(s.f.array(a), b, { lower, unitDiagonal, transpose }).toArray()).toEqual(
            wanted,
          );
        },
      ),
      runs,
    );
  });

  test('cholesky', () => {
    fc.assert(
      fc.property(settings, square(), (s, given) => {
        const { add, mul, div, sqrt, f } = s;
        const n = given.length;
        const a = enter(
          f,
          given.map((row, i) => row.map((x, j) => (i === j ? Math.abs(x) + 4 * n : x / 4))),
        );
        const l = a.map((row, i) => row.map((x, j) => (j <= i ? x : 0)));
        let refused = false;
        for (let k = 0; k < n && !refused; k++) {
          refused = !(l[k]![k]! > 0);
          l[k]![k] = sqrt(l[k]![k]!);
          for (let i = k + 1; i < n; i++) l[i]![k] = div(l[i]![k]!, l[k]![k]!);
          for (let i = k + 1; i < n; i++)
            for (let j = k + 1; j <= i; j++) l[i]![j] = add(l[i]![j]!, mul(f.neg(l[i]![k]!), l[j]![k]!));
        }
        if (refused) expect(() => cholesky(f.array(a))).toThrow(NotPositiveDefiniteError);
        else expect(cholesky(f.array(a)).L.toArray()).toEqual(l);
      }),
      runs,
    );
  });

  test('det and inverse', () => {
    fc.assert(
      fc.property(settings, square(4), (s, given) => {
        const a = enter(s.f, given);
        const { l, u, rows } = eliminate(s, a, 'partial');
        let swaps = 0;
        const order = [...rows];
        for (let i = 0; i < order.length; i++)
          while (order[i] !== i) {
            const to = order[i]!;
            [order[i], order[to]] = [order[to]!, to];
            swaps++;
          }
        const product = u.reduce((all, row, i) => s.mul(all, row[i]!), 1);
        expect(det(s.f.array(a))).toBe(swaps % 2 === 0 ? product : s.f.neg(product));
        const columns = a.map((_, j) =>
          substitute(
            s,
            u,
            substitute(
              s,
              l,
              rows.map((i) => (i === j ? 1 : 0)),
              true,
              true,
            ),
            false,
            false,
          ),
        );
        expect(inverse(s.f.array(a)).toArray()).toEqual(transposed(columns));
      }),
      runs,
    );
  });

  test('the modified Gram-Schmidt process', () => {
    fc.assert(
      fc.property(settings, square(4), (s, given) => {
        const { add, sub, mul, div, f } = s;
        const q = transposed(enter(f, given));
        const n = q.length;
        const r = q.map(() => new Array<number>(n).fill(0));
        const dot = (x: number[], y: number[]): number =>
          x.reduce((sum, value, i) => add(sum, mul(value, y[i]!)), 0);
        for (let k = 0; k < n; k++) {
          r[k]![k] = f.norm(Float64Array.from(q[k]!));
          q[k] = q[k]!.map((x) => div(x, r[k]![k]!));
          for (let j = k + 1; j < n; j++) {
            r[k]![j] = dot(q[k]!, q[j]!);
            q[j] = q[j]!.map((x, i) => sub(x, mul(q[k]![i]!, r[k]![j]!)));
          }
        }
        const factors = qr(f.array(enter(f, given)), { method: 'gram-schmidt' });
        expect(factors.R.toArray()).toEqual(r);
        expect(factors.Q.toArray()).toEqual(transposed(q));
      }),
      runs,
    );
  });

  test('conjugate gradients', () => {
    fc.assert(
      fc.property(settings, square(4), (s, given) => {
        const { add, sub, mul, div, f } = s;
        const n = given.length;
        const a = enter(
          f,
          given.map((row, i) =>
            row.map((_, j) => (i === j ? 4 : given[Math.max(i, j)]![Math.min(i, j)]! / 8)),
          ),
        );
        const b = enter(f, [given[0]!])[0]!;
        const dot = (x: number[], y: number[]): number =>
          x.reduce((sum, value, i) => add(sum, mul(value, y[i]!)), 0);
        let x = new Array<number>(n).fill(0);
        let r = b;
        let p = b;
        let rho = dot(r, r);
        const seen: number[][] = [];
        for (let step = 0; step < 2; step++) {
          const q = a.map((row) => dot(row, p));
          const alpha = div(rho, dot(p, q));
          if (!Number.isFinite(alpha)) break;
          x = x.map((value, i) => add(value, mul(p[i]!, alpha)));
          r = r.map((value, i) => sub(value, mul(q[i]!, alpha)));
          seen.push(x);
          const next = dot(r, r);
          const beta = div(next, rho);
          if (!Number.isFinite(beta)) break;
          p = r.map((value, i) => add(value, mul(p[i]!, beta)));
          rho = next;
        }
        const found: unknown[] = [];
        const { steps } = conjugateGradients(f.array(a), b, {
          tolerance: 0,
          steps: 2,
          onStep: (y) => found.push(y.toArray()),
        });
        expect(found).toEqual(seen.slice(0, found.length));
        expect(steps).toBe(found.length);
      }),
      runs,
    );
  });
});

/** Numbers uniform in (-1, 1) that come from a seed. */
function uniform(f: Scalars['f'], n: number, seed: number): ShapedArray {
  let state = seed;
  const values = Float64Array.from({ length: n * n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return f.array(values, [n, n]);
}

describe.each(['binary16', 'bfloat16', 'binary32'] as const)('in %s theory holds', (name) => {
  const f = arithmetic(name);
  const u = (formats[name] as FloatFormat).unitRoundoff;
  const wide = arithmetic('binary64');
  test.each([3, 33, 70])('n = %i', (n) => {
    const a = uniform(f, n, n);
    const b = uniform(f, n, n + 1)
      .row(0)
      .copy();
    const exact = wide.array(a);
    const spd = f.array(exact.matmul(exact.T).add(wide.identity(n)));
    const symmetric = f.array(exact.add(exact.T).div(2));
    for (const pivoting of ['partial', 'complete'] as const) {
      const factors = lu(a, { pivoting });
      expect(factors.backwardError).toBeLessThan(n * u);
      expect(factors.growthFactor).toBeLessThan(2 * n);
      expect(factors.growthFactor).toBeGreaterThanOrEqual(0.5);
    }
    expect(solve(a, b).backwardError).toBeLessThan(n * u);
    expect(cholesky(spd).backwardError).toBeLessThan(n * u);
    for (const method of ['householder', 'gram-schmidt'] as const)
      expect(qr(a, { method }).backwardError).toBeLessThan(2 * n * u + 4 * u);
    expect(qr(a).orthogonality).toBeLessThan(4 * n * u + 8 * u);
    if (n > 40) return;
    const eigen = eigSymmetric(symmetric);
    expect(eigen.converged).toBe(true);
    expect(eigen.backwardError).toBeLessThan(2 * n * u + 4 * u);
    const singular = svd(a);
    expect(singular.converged).toBe(true);
    expect(singular.backwardError).toBeLessThan(2 * n * u + 4 * u);
    const { values } = singular;
    const squares = f.array(wide.array(values)).norm({ accumulate: 'exact' });
    expect(Math.abs(squares / a.norm({ accumulate: 'exact' }) - 1)).toBeLessThan(n * u);
    const iteration = gmres(a, b, { tolerance: 0 });
    expect(iteration.backwardError).toBeLessThan(4 * n * u);
  });

  test('blocks change no bit', () => {
    const a = uniform(f, 70, 5);
    const flat = a.toArray() as Rows;
    const work = flat.map((row) => Float64Array.from(row));
    const order = flat.map((_, i) => i);
    for (let k = 0; k < 70; k++) {
      let pivot = k;
      for (let i = k + 1; i < 70; i++) if (Math.abs(work[i]![k]!) > Math.abs(work[pivot]![k]!)) pivot = i;
      [work[k], work[pivot]] = [work[pivot]!, work[k]!];
      [order[k], order[pivot]] = [order[pivot]!, order[k]!];
      for (let i = k + 1; i < 70; i++) {
        const factor = f.div(work[i]![k]!, work[k]![k]!);
        const rest = work[i]!.subarray(k + 1);
        rest.set(f.sub(rest, f.mul(work[k]!.subarray(k + 1), factor)));
        work[i]![k] = factor;
      }
    }
    const { L, U, rows } = lu(a);
    expect(rows).toEqual(order);
    expect(
      (U.toArray() as Rows).every((row, i) => row.every((x, j) => j < i || Object.is(x, work[i]![j]))),
    ).toBe(true);
    expect(
      (L.toArray() as Rows).every((row, i) => row.every((x, j) => j >= i || Object.is(x, work[i]![j]))),
    ).toBe(true);
  });
});

describe('what has no solution', () => {
  const f = arithmetic('binary16');
  test('singular matrices say so', () => {
    const singular = lu(
      f.array([
        [1, 2],
        [2, 4],
      ]),
    );
    expect(singular.isSingular).toBe(true);
    expect(singular.backwardError).toBe(0);
    expect(
      lu(
        f.array([
          [0, 1],
          [1, 0],
        ]),
        { pivoting: 'none' },
      ).isSingular,
    ).toBe(true);
    expect(
      lu(
        f.array([
          [0, 1],
          [1, 0],
        ]),
      ).isSingular,
    ).toBe(false);
    expect(
      det(
        f.array([
          [0, 1],
          [1, 0],
        ]),
      ),
    ).toBe(-1);
    expect(
      det(
        f.array([
          [1, 2],
          [2, 4],
        ]),
      ),
    ).toBe(-0);
    expect(
      conditionEstimate(
        f.array([
          [1, 2],
          [2, 4],
        ]),
      ),
    ).toBe(Infinity);
    expect(conditionEstimate(f.identity(3))).toBe(1);
    expect(
      conditionEstimate(
        f.array([
          [NaN, 1],
          [1, 3],
        ]),
      ),
    ).toBe(NaN);
    expect(
      conditionEstimate(
        f.array([
          [1, 1],
          [1, NaN],
        ]),
      ),
    ).toBe(NaN);
  });

  test('indefinite matrices are refused with the pivot', () => {
    const indefinite = f.array([
      [1, 2],
      [2, 1],
    ]);
    expect(() => cholesky(indefinite)).toThrow(expect.objectContaining({ column: 1, pivot: -3 }));
  });

  test('iterations say how they ended', () => {
    const a = f.array([
      [4, 1],
      [1, 3],
    ]);
    expect(conjugateGradients(a, [1, 2]).ending).toBe('converged');
    expect(conjugateGradients(a, [1, 2], { steps: 1, tolerance: 0 }).ending).toBe('steps');
    expect(
      conjugateGradients(
        f.array([
          [0, 1],
          [1, 0],
        ]),
        [1, 0],
      ).ending,
    ).toBe('breakdown');
    expect(gmres(a, [0, 0]).x.toArray()).toEqual([0, 0]);
    expect(gmres(a, [1, 2], { tolerance: 1e-2 }).ending).toBe('converged');
    expect(gmres((x) => a.matmul(x), f.array([1, 2]), { tolerance: 1e-2 }).backwardError).toBeUndefined();
    expect(svd(uniform(f, 8, 3), { sweeps: 1 }).converged).toBe(false);
    expect(
      eigSymmetric(
        f.array([
          [2, 1],
          [1, 2],
        ]),
      ).values.toArray(),
    ).toEqual([1, 3]);
  });

  test('refinement reaches the working precision, or says that it does not', () => {
    const single = arithmetic('binary32');
    const a = uniform(single, 20, 9);
    const b = uniform(single, 20, 10).row(0).copy();
    for (const method of ['factors', 'gmres'] as const) {
      const found = refine(a, b, { factor: arithmetic('binary16', { saturation: 'finite' }), method });
      expect(found.converged).toBe(true);
      expect(found.backwardError).toBeLessThanOrEqual(2 ** -24);
      expect(found.errors).toHaveLength(found.steps + 1);
    }
    const poor = refine(a, b, { factor: arithmetic('e4m3fn', { saturation: 'finite' }), steps: 1 });
    expect(poor.converged).toBe(false);
    expect(poor.steps).toBe(1);
  });

  test('arguments are refused by name', () => {
    const a = f.array([
      [1, 2],
      [3, 4],
    ]);
    for (const [call, message] of [
      [() => lu([[1]] as never), /^a: .*a shaped array that is a matrix/],
      [() => lu(f.array([[1, 2]])), /^a: got 'shape \[1, 2\]'; accepted: a square matrix/],
      [() => lu(a, { pivoting: 'rook' as never }), /^pivoting: /],
      [() => lu(a, { pivot: 'none' } as never), /^pivot: .*pivoting/],
      [() => solve(a, [1, 2, 3]), /^b: got 'shape \[3\]'/],
      [() => solve(a, ['1', 2] as never), /^b\[0\]: /],
      [() => qr(f.array([[1, 2]])), /^a: .*at least as many rows/],
      [() => qr(a, { method: 'givens' as never }), /^method: /],
      [() => triangularSolve(a, [1, 2], { upper: true } as never), /^upper: /],
      [() => eigSymmetric(a), /^a: .*a symmetric matrix/],
      [() => svd(a, { sweeps: 0 }), /^sweeps: /],
      [() => norm(a, 3 as never), /^which: /],
      [() => gmres(a, [1, 2], { restart: 3 } as never), /^restart: /],
      [() => gmres(a, [[1], [2]]), /^b: .*a vector/],
      [() => conjugateGradients((x) => x, [1, 2]), /^b: .*where the matrix is a function/],
      [() => conjugateGradients(a, [1, 2], { preconditioner: a as never }), /^preconditioner: .*a function/],
      [() => refine(a, [1, 2], { factor: 'binary16' as never }), /^factor: .*arithmetic\(format\)/],
    ] as const)
      expect(call).toThrow(message);
  });
});
