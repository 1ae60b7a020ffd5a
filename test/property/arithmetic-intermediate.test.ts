/**
 * The binary64 intermediates, rounded to odd, against exact integers, and the exact path's rounding to nearest against the
 * engine's own operations; on significands that make long sums of three and near cancellations, over the whole range of exponents.
 */
import { describe, expect, it } from 'vitest';
import {
  exactMultiplyAdd,
  exactProduct,
  exactQuotient,
  exactRoot,
  exactSum,
} from '../../src/arithmetic/exact.ts';
import {
  nearestMultiplyAdd,
  oddMultiplyAdd,
  oddProduct,
  oddQuotient,
  oddRoot,
  oddSum,
} from '../../src/arithmetic/intermediate.ts';
import { type Real, roundReal } from '../../src/arithmetic/real.ts';
import { formats } from '../../src/formats/index.ts';
import { resolveRounding } from '../../src/rounding/index.ts';
import { generator, pick, type Random } from '../random.ts';

const { binary64 } = formats;
const toOdd = resolveRounding(binary64, { rounding: 'to-odd' });
const toNearest = resolveRounding(binary64, {});

/** A significand in [1, 2): any, short, just above 1, just below 2. */
function significand(random: Random): number {
  const any = 1 + random() + random() * 2 ** -32;
  const few = Math.floor(random() * 8) * 2 ** -52;
  return pick(
    [any % 2 || 1, 1 + Math.floor(random() * 4096) * 2 ** -12, 1 + few, 2 - few - 2 ** -52],
    random,
  );
}

function anyNumber(span: number, random: Random): number {
  const x = significand(random) * 2 ** Math.floor((random() - 0.5) * span);
  return random() < 0.5 ? -x : x;
}

/**
 * Operands whose product is just below a power of two, (1 - x)(1 + x) = 1 - x^2, and stands to the addend as its last bit or half of
 * it: what is left below the sum's head does not fit in one number.
 */
function nearPowers(random: Random): [number, number, number] {
  const x = 2 ** -pick([27, 28, 30, 40, 52], random);
  const scale = 2 ** Math.floor((random() - 0.5) * 40);
  const c = anyNumber(1, random) * 2 ** pick([51, 52, 53, 54], random) * scale;
  return [(1 - x) * scale, random() < 0.5 ? 1 + x : -1 - x, c];
}

describe('intermediates', () => {
  // The widest leaves binary64's normal range, where an intermediate says NaN.
  it.each([4, 60, 120, 500, 2100])('exponents over %d', (span) => {
    const random = generator(20260412 + span);
    const wrong: string[] = [];
    let answered = 0;
    let refused = 0;
    const check = (
      name: string,
      ours: number,
      exact: Real,
      operands: readonly number[],
      mode = toOdd,
    ): void => {
      if (Number.isNaN(ours)) refused++;
      else answered++;
      if (Number.isNaN(ours) || exact.significand === 0n) return;
      const expected = roundReal(exact, binary64, mode, 0);
      if (!Object.is(ours, expected)) wrong.push(`${name} ${operands.join(' ')}: ${ours}, not ${expected}`);
    };
    for (let i = 0; i < 6000; i++) {
      const [a, b] = [anyNumber(span, random), anyNumber(span, random)];
      const near = -a * b * (1 + Math.floor(random() * 9 - 4) * 2 ** -pick([53, 52, 30, 10], random));
      const c = i % 2 === 0 ? near : anyNumber(span, random);
      const [d, e, f] = nearPowers(random);
      const long = exactMultiplyAdd(d, e, f);
      check('long a b + c', oddMultiplyAdd(d, e, f), long, [d, e, f]);
      check('long a b + c to nearest', nearestMultiplyAdd(d, e, f), long, [d, e, f], toNearest);
      if (![a, b, c].every((x) => Number.isFinite(x) && x !== 0)) continue;
      const sum = exactSum(a, b);
      const product = exactProduct(a, b);
      const quotient = exactQuotient(a, b, binary64);
      const root = exactRoot(Math.abs(a), binary64);
      const fused = exactMultiplyAdd(a, b, c);
      check('a + b', oddSum(a, b), sum, [a, b]);
      check('a b', oddProduct(a, b), product, [a, b]);
      check('a / b', oddQuotient(a, b), quotient, [a, b]);
      check('root', oddRoot(Math.abs(a)), root, [a]);
      check('a b + c', oddMultiplyAdd(a, b, c), fused, [a, b, c]);
      check('a b + c to nearest', nearestMultiplyAdd(a, b, c), fused, [a, b, c], toNearest);
      check("the engine's a + b", a + b, sum, [a, b], toNearest);
      check("the engine's a b", a * b, product, [a, b], toNearest);
      check("the engine's a / b", a / b, quotient, [a, b], toNearest);
      check("the engine's root", Math.sqrt(Math.abs(a)), root, [a], toNearest);
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(answered).toBeGreaterThan(20_000);
    expect(refused > 0).toBe(span > 2000);
  });

  it('say NaN where their errors are not binary64 numbers', () => {
    expect(oddProduct(2 ** -600, 2 ** -600)).toBe(NaN);
    expect(oddProduct(2 ** 600, 2 ** 600)).toBe(NaN);
    expect(oddQuotient(2 ** -1000, 3)).toBe(NaN);
    expect(oddRoot(2 ** -1000)).toBe(NaN);
    expect(oddSum(2 ** 1023, 2 ** 1023)).toBe(NaN);
    expect(oddMultiplyAdd(2 ** -500, 2 ** -500, 1)).toBe(NaN);
  });
});
