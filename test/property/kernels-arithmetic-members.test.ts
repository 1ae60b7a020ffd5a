/**
 * The look at operands on the way: a binary32 pattern in the place of any operand, amid numbers of the format, is refused exactly
 * when it is none of the format's. All high halves of patterns, with low halves around the bits that binary16 keeps.
 */
import { describe, expect, it } from 'vitest';
import { operate, operationOf, planOperations } from '../../src/arithmetic/operations.ts';
import { toFormat } from '../../src/formats/index.ts';
import { operateArray } from '../../src/kernels/arithmetic/operation-arrays.ts';
import type { OperationName } from '../../src/kernels/arithmetic/operation-plan.ts';
import { allocateFloat32, release } from '../../src/kernels/heap.ts';
import { resolveRounding } from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';

const lows = [0, 0x2000, 0x1000, 0x8000, 0xe000, 1];

/** A float32 array of every pattern with the given low half. */
function patterns(low: number): Float32Array {
  return new Float32Array(Uint32Array.from({ length: 65536 }, (_, high) => high * 65536 + low).buffer);
}

function lookingAt(name: string, operation: OperationName) {
  const format = toFormat(name);
  const options = resolveRounding(format);
  const plan = planOperations(format, options);
  const chosen = operationOf(operation);
  const scalar = (a: number, b: number, c: number, random: number): number =>
    operate(chosen, a, b, c, plan, random);
  return {
    places: Array.from({ length: chosen.arity }, (_, place) => place),
    isMember: (x: number): boolean => Number.isNaN(x) || format.has(x === 0 ? 0 : x),
    scalar,
    run: (operands: readonly Float32Array[], out: Float32Array): boolean =>
      operateArray(operation, operands, out, format, options, 1, scalar),
  };
}

const cases: readonly (readonly [string, OperationName])[] = [
  ['binary16', 'fma'],
  ['binary16', 'mul'],
  ['bfloat16', 'fma'],
  ['e5m2', 'fma'],
  ['float(5,9,fn)', 'fma'],
];

describe('every high half', () => {
  for (const [name, operation] of cases)
    it(`${operation} in ${name}, one pattern at a time`, () => {
      const { places, isMember, run } = lookingAt(name, operation);
      const length = 13;
      const arrays = places.map(() => allocateFloat32(length).fill(-0.75));
      const out = allocateFloat32(length);
      const wrong: string[] = [];
      for (const [l, low] of lows.slice(0, operation === 'fma' && name === 'binary16' ? 6 : 3).entries())
        patterns(low).forEach((x, high) => {
          // The last element is in no whole vector.
          const at = (high + l) % length;
          for (const place of name === 'binary16' && operation === 'fma' && l < 2
            ? places
            : [(high + l) % places.length]) {
            arrays[place]![at] = x;
            if (run(arrays, out) !== isMember(x)) wrong.push(`${x} as operand ${place} at ${at}`);
            arrays[place]![at] = -0.75;
          }
        });
      expect(wrong).toEqual([]);
      for (const array of [...arrays, out]) release(array);
    });

  for (const [name, operation] of cases)
    it(`${operation} in ${name}, all members at once, and a non-member at the edge of a chunk`, () => {
      const { places, isMember, run, scalar } = lookingAt(name, operation);
      const all = lows.flatMap((low) => Array.from(patterns(low)).filter(isMember));
      const members = Float32Array.from(all);
      const { length } = members;
      const others = [1.5, -0.25, 2 ** -12];
      for (const place of places) {
        const arrays = places.map((i) => (i === place ? members : new Float32Array(length).fill(others[i]!)));
        const out = new Float32Array(length);
        expect(run(arrays, out)).toBe(true);
        const [a, b, c] = arrays;
        const expected = out.map((_, i) => scalar(a![i]!, b![i]!, c?.[i] ?? 0, 0));
        expect(firstDifference(out, expected, members)).toBeUndefined();
        for (const at of [0, 1023, 1024, 1027, length - 1]) {
          const changed = members.slice();
          for (const nonMember of [1 + 2 ** -20, -(2 ** 127) * (1 + 2 ** -20), 3 * 2 ** -136, -(2 ** -136)]) {
            changed[at] = nonMember;
            if (isMember(nonMember)) continue;
            expect(
              run(
                arrays.map((x, i) => (i === place ? changed : x)),
                out,
              ),
            ).toBe(false);
          }
        }
      }
    });
});

it('no result beyond the last element is done anew, even if it was in the call before', () => {
  const { run } = lookingAt('binary16', 'fma');
  // Just below the middle of 1 + 2^-10 and 1 + 2^-9, at which it is in binary32.
  const factors = [(1 + 2 ** -10) * 2 ** -5, (1 - 2 ** -10) * 2 ** -6, 1 + 2 ** -10];
  const arrays = factors.map((x) => allocateFloat32(128).fill(x));
  const out = allocateFloat32(128);
  expect(run(arrays, out)).toBe(true);
  expect(out.every((x) => x === 1 + 2 ** -10)).toBe(true);
  for (const length of [4, 16, 20, 22, 64]) {
    const first = arrays.map((x) => x.subarray(0, length));
    expect(run(first, out.fill(7).subarray(0, length))).toBe(true);
    expect(out.findIndex((x) => x !== 1 + 2 ** -10)).toBe(length);
    expect(out.subarray(length).every((x) => x === 7)).toBe(true);
    run(arrays, out);
  }
  for (const array of [...arrays, out]) release(array);
});
