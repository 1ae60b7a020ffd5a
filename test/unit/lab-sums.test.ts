/** Partial sums of the laboratory: those of each order and matrix unit, by an account of its own, and where they are not the exact ones. */
import { describe, expect, it } from 'vitest';
import { partialSums } from '../../lab/compute/partial-sums.ts';
import { type Accumulated, sumsSheet } from '../../lab/compute/sums.ts';
import {
  arithmetic,
  formats,
  matrixUnit,
  matrixUnitNames,
  nextDown,
  nextUp,
  philox4x32,
  round,
} from '../../src/index.ts';

const asked = {
  ...{ what: 'dot', terms: 'written', x: '', y: '', format: 'e4m3fn', rounding: 'nearest-even' },
  ...{ count: '10', chunk: '4', seed: '7', look: '' },
};

/** Small numbers that are the same in each run. */
function drawn(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const [a, b] = philox4x32([i, seed, 0, 0], [3, 4]);
    return ((a! / 2 ** 32) * 2 - 1) * 2 ** ((b! % 6) - 2);
  });
}

type Sums = Map<string, number>;

const held = ({ partials }: Accumulated): Sums =>
  new Map(partials.map(({ from, to, sum }) => [`${from} ${to}`, sum]));

/** The partial sums of terms by the definitions of orders alone. `add`: fl(x + y). */
function wantedSums(order: string, terms: readonly number[], add: (x: number, y: number) => number): Sums {
  const sums: Sums = new Map();
  const note = (from: number, to: number, sum: number): number => {
    sums.set(`${from} ${to}`, sum);
    return sum;
  };
  const inOrder = (from: number, to: number): number =>
    terms.slice(from, to).reduce((sum, term, i) => note(from, from + i + 1, add(sum, term)), 0);
  const tree = (from: number, to: number): number => {
    if (to - from === 1) return terms[from]!;
    const half = 2 ** Math.ceil(Math.log2(to - from) - 1);
    return note(from, to, add(tree(from, from + half), tree(from + half, to)));
  };
  if (order === 'in order') inOrder(0, terms.length);
  else if (order === 'in pairs') tree(0, terms.length);
  else {
    let sum = 0;
    for (let from = 0; from < terms.length; from += 4) {
      const to = Math.min(terms.length, from + 4);
      sum = note(0, to, add(sum, inOrder(from, to)));
    }
  }
  return sums;
}

describe.each([1, 2, 3, 4, 5, 8, 9, 16, 23, 64, 70])('%i terms', (count) => {
  const [x, y] = [drawn(count, 1), drawn(count, 2)];
  const sheet = sumsSheet({ ...asked, x: x.join(' '), y: y.join(' ') });
  const by = arithmetic('e4m3fn', { operands: 'round' });
  const [a, b] = [x, y].map((one) => [...by.convert(Float64Array.from(one))]) as [number[], number[]];
  const products = a.map((one, i) => by.mul(one, b[i]!));
  const named = (name: string): Accumulated => sheet.accumulators.find((one) => one.name === name)!;

  it.each(['in order', 'in pairs', 'chunks of 4'])('%s', (order) => {
    expect(held(named(order))).toEqual(wantedSums(order, products, (one, other) => by.add(one, other)));
  });

  it('exact products in binary32', () => {
    const sums: Sums = new Map();
    let sum = 0;
    // Products of e4m3fn are binary32 numbers, so that an addition of binary64 and one rounding are fused.
    for (let k = 0; k < count; k++) {
      sum = Math.fround(sum + a[k]! * b[k]!);
      sums.set(`0 ${k + 1}`, sum);
    }
    expect(held(named('exact products in binary32'))).toEqual(sums);
  });

  it('each parts where its sum is not the exact one rounded once', () => {
    for (const { name, format, partials, parts } of sheet.accumulators) {
      for (const { from, to, sum, exact, differs } of partials) {
        // Multiples of 2^-18 below 2^24: binary64 adds them without error.
        const right = a.slice(from, to).reduce((total, one, i) => total + one * b[from + i]!, 0);
        expect(exact, `${name} ${from} ${to}`).toBe(right);
        if (format === 'e4m3fn' && !name.startsWith('exact, '))
          expect(differs, `${name} ${from} ${to}`).toBe(!Object.is(round(right, 'e4m3fn'), sum));
      }
      expect(parts).toEqual(partials.find(({ differs }) => differs));
    }
  });

  it('results are those of the library', () => {
    const [left, right] = [Float64Array.from(a), Float64Array.from(b)];
    expect(named('in order').result.value).toBe(by.dot(left, right));
    expect(named('exact, rounded once').result.value).toBe(by.dot(left, right, { accumulate: 'exact' }));
    for (const { alias } of matrixUnitNames.filter((one) => matrixUnit(one.alias).operands.name === 'e4m3fn'))
      expect(named(alias).result.value, alias).toBe(matrixUnit(alias).dotAdd(left, right));
  });
});

it.each(matrixUnitNames.map(({ alias }) => alias))('%s: what it holds after each step', (alias) => {
  const unit = matrixUnit(alias);
  const name = unit.operands.name as 'binary16';
  const count = 2 * unit.k + 3;
  const [x, y] = [drawn(count, 3), drawn(count, 4)].map((one) => one.map((each) => round(each, name)));
  const sheet = sumsSheet({ ...asked, x: x!.join(' '), y: y!.join(' '), format: name });
  const sums = held(sheet.accumulators.find((one) => one.name === alias)!);
  for (let to = unit.group; to < count + unit.group; to += unit.group) {
    const end = Math.min(to, count);
    expect(sums.get(`0 ${end}`), `${end} terms`).toBe(unit.dotAdd(x!.slice(0, end), y!.slice(0, end)));
    sums.delete(`0 ${end}`);
  }
  // Pairwise steps round within themselves: the rest are sums of pairs and of pairs of pairs.
  if (unit.step !== 'pairwise') return expect(sums.size).toBe(0);
  for (const [key, sum] of sums) {
    const [from, to] = key.split(' ').map(Number) as [number, number];
    const terms = x!.slice(from, to).map((one, i) => Math.fround(one * y![from + i]!));
    while (terms.length < 2 ** Math.ceil(Math.log2(to - from))) terms.push(0);
    const tree = (list: number[]): number =>
      list.length === 1
        ? list[0]!
        : Math.fround(tree(list.slice(0, list.length / 2)) + tree(list.slice(list.length / 2)));
    expect(sum, key).toBe(tree(terms));
  }
});

it('under a stochastic mode draws as the library draws, and takes either neighbour for right', () => {
  const x = drawn(60, 5);
  const sheet = sumsSheet({
    ...asked,
    ...{ what: 'sum', x: x.join(' '), rounding: 'stochastic', format: 'bfloat16' },
  });
  const by = arithmetic('bfloat16', { rounding: 'stochastic', seed: 7, operands: 'round' });
  const terms = arithmetic('bfloat16', { operands: 'round' }).convert(Float64Array.from(x));
  for (const [name, model] of [
    ['in order', {}],
    ['in pairs', { order: 'pairwise' }],
    ['chunks of 4', { order: { chunk: 4 } }],
    ['exact chunks of 4', { order: { chunk: 4, sums: 'exact' } }],
    ['exact, rounded once', { accumulate: 'exact' }],
  ] as const) {
    by.reset();
    const one = sheet.accumulators.find((each) => each.name === name)!;
    expect(one.result.value, name).toBe(by.sum(terms, model));
    for (const { sum, exact, differs } of one.partials.filter(() => !name.startsWith('exact, ')))
      expect(differs, `${name} ${sum} ${exact}`).toBe(
        !(
          sum === exact ||
          (sum < exact && nextUp(sum, formats.bfloat16) > exact) ||
          (sum > exact && nextDown(sum, formats.bfloat16) < exact)
        ),
      );
  }
});

it('a plain sum has no factors, also in a format without 1', () => {
  const sheet = sumsSheet({ ...asked, what: 'sum', x: '0.5 0.25 0.125', format: 'fixed(0,4)' });
  expect(sheet.y).toBeUndefined();
  expect(sheet.accumulators[0]!.partials.map(({ sum }) => sum)).toEqual([0.5, 0.75, 0.875]);
});

it('tells which accumulators part first, and refuses to look at one that is not there', () => {
  const sheet = sumsSheet({ ...asked, what: 'sum', terms: 'ones', count: '40', look: 'in pairs' });
  expect(sheet.look).toBe(1);
  // 16 + 1 is a tie, to the even 16, as 17 is; 18 is a number of the format. In pairs all is exact.
  expect(sheet.accumulators[0]!.parts).toMatchObject({ from: 0, to: 18, sum: 16 });
  expect(sheet.accumulators[1]!.parts).toBeUndefined();
  expect(sheet.apart).toEqual({ terms: 17, names: ['in order', 'exact, rounded once'] });
  expect(() => sumsSheet({ ...asked, x: '1', y: '1', look: 'in piles' })).toThrow(/look: got 'in piles'/);
});

it('of no terms is the addend', () => {
  expect(partialSums(new Float64Array(0), undefined, formats.e4m3fn, {}, {})).toEqual({
    result: 0,
    partials: [],
  });
});
