/**
 * Shaped arrays against a naive reference: nested loops over indices, scalar operations in row-major order. Over random shapes (none of the
 * axes, empty ones), strides (slices with steps of either sign, transposes, broadcasts) and operands, in deterministic and stochastic modes.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AccumulatorModel,
  type ArithmeticOptions,
  arithmetic,
  type Range,
  type ShapedArray,
} from '../../src/index.ts';

const modes: readonly ArithmeticOptions[] = [
  {},
  { rounding: 'toward-negative', subnormals: 'flush' },
  { rounding: 'to-odd', saturation: 'finite' },
  { rounding: 'stochastic', seed: 5, randomBits: 9 },
  {
    rounding: 'stochastic',
    random: Uint32Array.from({ length: 20000 }, (_, i) => (i * 2654435761) % 2 ** 32),
  },
];
const formatNames = ['binary16', 'e4m3fn', 'posit8', 'binary64', 'int8', 'nf4'] as const;
const makers = fc
  .record({ format: fc.constantFrom(...formatNames), mode: fc.constantFrom(...modes) })
  .map(({ format, mode }) => {
    const isPosit = format === 'posit8';
    const takes = isPosit && mode.rounding !== 'stochastic' ? {} : mode;
    return () => arithmetic(format, takes);
  });
type F = ReturnType<typeof arithmetic>;

/** Places of all elements, in row-major order. */
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, extent) => all.flatMap((index) => Array.from({ length: extent }, (_, i) => [...index, i])),
    [[]],
  );
}
const elements = (a: ShapedArray): number[] => indices(a.shape).map((index) => a.at(...index));
/** The element of a broadcast operand. */
const broadcastAt = (a: ShapedArray, index: readonly number[]): number =>
  a.at(...a.shape.map((extent, axis) => (extent === 1 ? 0 : index[index.length - a.shape.length + axis]!)));

/** Numbers around 1 of the format, with zeros and specials, that come from a seed. */
function values(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const pick = state >>> 24;
    if (pick < 6) return [0, -0, NaN, Infinity, -Infinity, 300][pick]!;
    return ((state >>> 8) / 2 ** 23 - 1) * 4;
  });
}

/** An array of a shape whose elements lie anyhow: in a larger one with gaps, backwards, with axes in another order. */
function scattered(f: F, shape: readonly number[], seed: number): ShapedArray {
  const steps = shape.map((_, axis) => [1, 2, -1, -2][(seed >>> (2 * axis)) % 4]!);
  const order = shape.map((_, axis) => axis).sort((a, b) => ((seed >>> a) % 5) - ((seed >>> b) % 5));
  const stored = order.map((axis) => Math.max(shape[axis]! * Math.abs(steps[axis]!), 1));
  const whole = f.array(
    values(
      stored.reduce((n, extent) => n * extent, 1),
      seed,
    ),
    stored,
  );
  const ranges = order.map((axis): Range => {
    const [extent, step] = [shape[axis]!, steps[axis]!];
    if (extent === 0) return [0, 0];
    const last = (extent - 1) * Math.abs(step);
    return step > 0 ? [0, last + 1, step] : [last, null, step];
  });
  const back = shape.map((_, axis) => order.indexOf(axis));
  const view = whole.slice(...ranges);
  return shape.length === 0 ? view : view.transpose(...back);
}

const extents = fc.array(fc.constantFrom(0, 1, 1, 2, 3, 4), { maxLength: 4 });
const smallSeed = fc.integer({ min: 1, max: 2 ** 31 });

/** A shape, and one that broadcasts with it: axes left out or of one element, on either side. */
const pairs = fc
  .tuple(
    extents,
    fc.array(fc.constantFrom('both', 'first', 'second'), { minLength: 4, maxLength: 4 }),
    fc.nat(4),
    fc.nat(1),
  )
  .map(([shape, ones, dropped, which]) => {
    const side = (keeps: string): number[] =>
      shape.map((extent, axis) => (ones[axis] === 'both' || ones[axis] === keeps ? extent : 1));
    const both = [side('first'), side('second')];
    both[which] = both[which]!.slice(Math.min(dropped, shape.length));
    return both as [number[], number[]];
  });

const flat = (a: ShapedArray): number[] => [...a.toTypedArray()];
const runs = { numRuns: 300 };

describe('views', () => {
  test('have the elements that indices name', () => {
    fc.assert(
      fc.property(makers, extents, smallSeed, (make, shape, seed) => {
        const a = scattered(make(), shape, seed);
        expect(a.shape).toEqual(shape);
        expect(flat(a)).toEqual(elements(a));
        expect(flat(a.copy())).toEqual(elements(a));
        expect([a.toArray()].flat(5)).toEqual(elements(a));
        const turned = a.T;
        for (const index of indices(shape)) expect(turned.at(...index.toReversed())).toBe(a.at(...index));
      }),
      runs,
    );
  });

  test('slices are those of arrays', () => {
    const place = fc.option(fc.integer({ min: -7, max: 7 }), { nil: null });
    const step = fc.constantFrom(1, 2, 3, -1, -2, -3);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), place, place, step, (extent, from, to, every) => {
        const a = arithmetic('binary16').array(Float64Array.from({ length: extent }, (_, i) => i));
        const all = Array.from({ length: extent }, (_, i) => i);
        // The rule of Python, by steps.
        const end = (given: number | null, fallback: number): number => {
          if (given === null) return fallback;
          const counted = given < 0 ? given + extent : given;
          return every > 0
            ? Math.min(Math.max(counted, 0), extent)
            : Math.min(Math.max(counted, -1), extent - 1);
        };
        const wanted: number[] = [];
        const stop = end(to, every > 0 ? extent : -1);
        for (let i = end(from, every > 0 ? 0 : extent - 1); every > 0 ? i < stop : i > stop; i += every)
          wanted.push(all[i]!);
        expect(flat(a.slice([from, to, every]))).toEqual(wanted);
      }),
      { numRuns: 2000 },
    );
  });

  test('reshaped arrays keep the order of elements, and share memory where strides can show it', () => {
    fc.assert(
      fc.property(
        extents,
        smallSeed,
        fc.array(fc.constantFrom(1, 1, 2, 3, 4), { maxLength: 5 }),
        (shape, seed, cut) => {
          const a = scattered(arithmetic('binary16'), shape, seed);
          // A shape of as many elements: the factors of the size, some of them together, and ones.
          const factors: number[] = a.size === 0 ? [0] : [];
          for (const p of [2, 3, 2, 3, 2, 3, 2, 3, 2, 2, 2, 2])
            if (a.size > 0 && (a.size / factors.reduce((n, each) => n * each, 1)) % p === 0) factors.push(p);
          const wanted: number[] = [];
          for (const each of cut)
            wanted.push(each === 1 ? 1 : factors.splice(0, each - 1).reduce((n, p) => n * p, 1));
          wanted.push(factors.reduce((n, p) => n * p, 1));
          const b = a.reshape(wanted);
          expect(b.shape).toEqual(wanted);
          expect(flat(b)).toEqual(flat(a));
          // Places of the elements, evenly spaced along each axis of the new shape: then no copy is needed.
          const places = indices(a.shape).map((index) =>
            index.reduce((sum, i, axis) => sum + i * a.stride[axis]!, a.offset),
          );
          const at = new Map(indices(wanted).map((index, i) => [String(index), places[i]!]));
          const isEven = wanted.every((extent, axis) => {
            const steps = new Set<number>();
            for (const index of indices(wanted))
              if (index[axis]! + 1 < extent)
                steps.add(at.get(String(index.with(axis, index[axis]! + 1)))! - at.get(String(index))!);
            return steps.size <= 1;
          });
          if (a.size > 0) expect(b.data === a.data).toBe(isEven);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

const unary = ['neg', 'abs', 'sqrt', 'exp'] as const;
const binary = ['add', 'sub', 'mul', 'div', 'minimum', 'maximum', 'hypot', 'compare'] as const;
const scalarName = (name: string): keyof F => (({ minimum: 'min', maximum: 'max' })[name] ?? name) as keyof F;
const orders = {
  equal: [0],
  notEqual: [-1, 1, NaN],
  less: [-1],
  lessEqual: [-1, 0],
  greater: [1],
  greaterEqual: [0, 1],
};

describe('element-wise operations', () => {
  test('of one operand', () => {
    fc.assert(
      fc.property(makers, fc.constantFrom(...unary), extents, smallSeed, (make, name, shape, seed) => {
        const [f, g] = [make(), make()];
        const a = scattered(f, shape, seed);
        const wanted = elements(a).map((x) => g[name](x));
        expect(flat(a[name]())).toEqual(wanted);
        expect(f.state).toEqual(g.state);
      }),
      runs,
    );
  });

  test('of two operands, broadcast', () => {
    fc.assert(
      fc.property(
        makers,
        fc.constantFrom(...binary),
        pairs,
        smallSeed,
        fc.boolean(),
        (make, name, [p, q], seed, fills) => {
          const [f, g] = [make(), make()];
          const [a, b] = [scattered(f, p, seed), scattered(f, q, seed >>> 3)];
          const shape = Array.from({ length: Math.max(p.length, q.length) }, (_, i) => {
            const [x, y] = [p.at(i - Math.max(p.length, q.length)), q.at(i - Math.max(p.length, q.length))];
            return x === undefined || x === 1 ? (y ?? 1) : x;
          });
          const scalar = g[scalarName(name)] as (x: number, y: number) => number;
          const wanted = indices(shape).map((index) => scalar(broadcastAt(a, index), broadcastAt(b, index)));
          const out = fills && name !== 'compare' ? scattered(f, shape, seed >>> 5) : undefined;
          const result = name === 'compare' ? a.compare(b) : a[name](b, out && { out });
          expect(result.shape).toEqual(shape);
          expect(elements(result)).toEqual(wanted);
          expect(f.state).toEqual(g.state);
          if (out !== undefined) expect(result).toBe(out);
        },
      ),
      { numRuns: 800 },
    );
  });

  test('fma, and a number as operand', () => {
    fc.assert(
      fc.property(makers, pairs, smallSeed, (make, [p, q], seed) => {
        const [f, g] = [make(), make()];
        const [a, b] = [scattered(f, p, seed), scattered(f, q, seed >>> 3)];
        const result = a.fma(b, 1);
        expect(elements(result)).toEqual(
          indices(result.shape).map((index) => g.fma(broadcastAt(a, index), broadcastAt(b, index), 1)),
        );
        expect(flat(a.add(1))).toEqual(elements(a).map((x) => g.add(x, 1)));
      }),
      runs,
    );
  });

  test('comparisons are those of `compare`', () => {
    for (const [name, holding] of Object.entries(orders)) {
      const f = arithmetic('binary16');
      const [a, b] = [
        f.array(values(200, 3)),
        f.array(values(200, 4).map((x, i) => (i % 3 === 0 ? values(200, 3)[i]! : x))),
      ];
      const result = a[name as keyof typeof orders](b);
      expect(flat(result)).toEqual(
        elements(a).map((x, i) => (holding.some((order) => Object.is(order, f.compare(x, b.at(i)))) ? 1 : 0)),
      );
    }
  });

  test('whose result overlaps operands read them first', () => {
    fc.assert(
      fc.property(makers, fc.nat(5), fc.nat(5), fc.nat(5), smallSeed, (make, i, j, k, seed) => {
        const [f, g] = [make(), make()];
        const memory = f.array(values(60, seed), [60]);
        const view = (which: number): ShapedArray =>
          [
            memory.slice([0, 9]).reshape(3, 3),
            memory.slice([0, 9]).reshape(3, 3).T,
            memory.slice([1, 10]).reshape(3, 3),
            memory.slice([8, null, -1]).reshape(3, 3),
            memory.slice([0, 18, 2]).reshape(3, 3),
            memory.slice([2, 3]).broadcastTo([3, 3]),
          ][which]!;
        const [a, b] = [view(i), view(j)];
        const out = view(Math.min(k, 4));
        const wanted = elements(a).map((x, at) => g.add(x, elements(b)[at]!));
        a.add(b, { out });
        expect(elements(out)).toEqual(wanted);
      }),
      runs,
    );
  });

  test('of blocks: longer than one, with draws', () => {
    for (const mode of modes.slice(0, -1)) {
      const [f, g] = [arithmetic('binary16', mode), arithmetic('binary16', mode)];
      const a = scattered(f, [3, 90, 130], 12345);
      for (const shape of [[130], [90, 1], [3, 1, 1], [3, 1, 130], [90, 130], [3, 90, 130]]) {
        const b = scattered(f, shape, 777);
        const spread = b.broadcastTo(a.shape).copy();
        expect(flat(a.mul(b))).toEqual([...g.mul(a.toTypedArray(), spread.toTypedArray())]);
      }
      for (const shape of [
        [2, 40000],
        [15000, 3],
      ]) {
        const wide = scattered(f, shape, 99);
        for (const other of [shape.slice(1), [shape[0]!, 1]]) {
          const b = scattered(f, other, 98);
          const spread = b.broadcastTo(shape).toTypedArray();
          expect(flat(wide.sub(b))).toEqual([...g.sub(wide.toTypedArray(), spread)]);
        }
      }
    }
  });
});

describe('reductions', () => {
  const models: readonly (AccumulatorModel | undefined)[] = [
    undefined,
    { accumulate: 'binary32' },
    { order: 'pairwise' },
    { accumulate: 'exact' },
    { order: { chunk: 2 }, accumulate: 'bfloat16', rounding: 'toward-zero' },
  ];
  const axes = fc.uniqueArray(fc.nat(3), { maxLength: 3 });

  /** The terms of each output, in row-major order. */
  function lines(
    a: ShapedArray,
    gone: readonly number[],
  ): { readonly shape: number[]; readonly terms: Float64Array[] } {
    const kept = a.shape.map((_, axis) => axis).filter((axis) => !gone.includes(axis));
    const shape = kept.map((axis) => a.shape[axis]!);
    const terms = indices(shape).map((place) =>
      Float64Array.from(
        indices(a.shape)
          .filter((index) => kept.every((axis, i) => index[axis] === place[i]))
          .map((index) => a.at(...index)),
      ),
    );
    return { shape, terms };
  }

  test.each(['sum', 'mean', 'norm', 'prod'] as const)('%s', (name) => {
    fc.assert(
      fc.property(
        makers,
        extents,
        axes,
        fc.constantFrom(...models),
        smallSeed,
        fc.boolean(),
        (make, p, some, given, seed, keepDims) => {
          const [f, g] = [make(), make()];
          const a = scattered(f, p, seed);
          const gone = some.filter((axis) => axis < p.length).sort();
          const model =
            name === 'prod'
              ? given?.order !== undefined || given?.accumulate === 'exact'
                ? {}
                : given
              : given;
          const { shape, terms } = lines(a, gone);
          const wanted = terms.map((x) => g[name](x, model));
          const result = a[name]({ axis: gone, keepDims, ...model });
          expect(flat(result)).toEqual(wanted);
          expect(result.shape).toEqual(
            keepDims ? p.map((extent, axis) => (gone.includes(axis) ? 1 : extent)) : shape,
          );
          expect(f.state).toEqual(g.state);
          expect(a[name](model)).toEqual(g[name](Float64Array.from(elements(a)), model));
        },
      ),
      { numRuns: 400 },
    );
  });

  test('max and min', () => {
    fc.assert(
      fc.property(makers, extents, axes, smallSeed, (make, p, some, seed) => {
        const f = make();
        const a = scattered(f, p, seed);
        const gone = some.filter((axis) => axis < p.length);
        const { terms } = lines(a, gone);
        if (terms.length > 0 && terms[0]!.length === 0) {
          expect(() => a.max(gone)).toThrow(/^max: /);
          return;
        }
        expect(flat(a.max(gone))).toEqual(terms.map((x) => [...x].reduce((m, y) => f.max(m, y))));
        expect(flat(a.min(gone))).toEqual(terms.map((x) => [...x].reduce((m, y) => f.min(m, y))));
      }),
      runs,
    );
  });

  test('cumsum', () => {
    fc.assert(
      fc.property(
        makers,
        extents,
        fc.nat(3),
        fc.constantFrom(undefined, { accumulate: 'binary32' }, { accumulate: 'exact' } as const),
        smallSeed,
        (make, p, which, model, seed) => {
          const [f, g, h] = [make(), make(), make()];
          const a = scattered(f, p, seed);
          expect(flat(a.cumsum(model))).toEqual([...g.cumsum(Float64Array.from(elements(a)), model)]);
          if (p.length === 0) return;
          const axis = which % p.length;
          f.reset();
          const sums = a.cumsum({ axis, ...model });
          expect(sums.shape).toEqual(p);
          const { terms } = lines(a, [axis]);
          expect(lines(sums, [axis]).terms.map((x) => [...x])).toEqual(
            terms.map((x) => [...h.cumsum(x, model)]),
          );
        },
      ),
      runs,
    );
  });

  test('cumsum of a deterministic mode are the sums so far', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('binary16', 'e5m2', 'posit8'),
        fc.constantFrom(undefined, { accumulate: 'binary32' }, { accumulate: 'exact' } as const),
        smallSeed,
        (format, model, seed) => {
          const f = arithmetic(format, { operands: 'round' });
          const x = values(12, seed);
          expect([...f.cumsum(x, model)]).toEqual([...x].map((_, k) => f.sum(x.subarray(0, k + 1), model)));
        },
      ),
      runs,
    );
  });
});

describe('matrix products', () => {
  const batches = pairs.map(([p, q]) => [p.slice(-2), q.slice(-2)] as const);
  test('of vectors, matrices and batches', () => {
    fc.assert(
      fc.property(
        makers,
        batches,
        fc.nat(3),
        fc.nat(3),
        fc.nat(3),
        fc.constantFrom('mm', 'vm', 'mv', 'vv'),
        smallSeed,
        fc.boolean(),
        (make, [p, q], m, k, n, kind, seed, adds) => {
          const [f, g] = [make(), make()];
          const a = scattered(f, kind[0] === 'v' ? [k] : [...p, m, k], seed);
          const b = scattered(f, kind[1] === 'v' ? [k] : [...q, k, n], seed >>> 4);
          const whole = (x: ShapedArray, isLeft: boolean): ShapedArray =>
            x.shape.length > 1 ? x : isLeft ? x.reshape(1, k) : x.reshape(k, 1);
          const [x, y] = [whole(a, true), whole(b, false)];
          const [rows, columns] = [x.shape.at(-2)!, y.shape.at(-1)!];
          const [left, right] = [x.shape.slice(0, -2), y.shape.slice(0, -2)];
          const axes = Math.max(left.length, right.length);
          const outer = Array.from({ length: axes }, (_, i) => {
            const [u, v] = [left.at(i - axes), right.at(i - axes)];
            return u === undefined || u === 1 ? (v ?? 1) : u;
          });
          const shape = [...outer, ...(kind[0] === 'v' ? [] : [rows]), ...(kind[1] === 'v' ? [] : [columns])];
          const c = adds ? scattered(f, shape, seed >>> 7) : undefined;
          const result = a.matmul(b, c && { c });
          expect(result.shape).toEqual(shape);
          const spread = (z: ShapedArray): Float64Array =>
            Float64Array.from(elements(z.broadcastTo([...outer, ...z.shape.slice(-2)])));
          const count = outer.reduce((product, extent) => product * extent, 1);
          const wanted =
            count * rows * columns === 0
              ? []
              : g.matmul(spread(x), spread(y), {
                  ...{ m: rows, k, n: columns, batch: count },
                  ...(c && { c: Float64Array.from(elements(c)) }),
                });
          expect(flat(result)).toEqual([...wanted]);
          expect(f.state).toEqual(g.state);
        },
      ),
      { numRuns: 600 },
    );
  });
});
