/** The remainder of IEEE 754-2019, section 5.3.1, against quotients of integers, in every family of formats and wherever operations are. */
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { arithmetic, type Format, parseFormat } from '../../src/index.ts';
import { isStochastic, resolveRounding, roundingModes, roundScalar } from '../../src/rounding/index.ts';
import { exactRemainder } from '../oracles/remainder.ts';
import { generator } from '../random.ts';
import { testWorld } from '../unit/cli-world.ts';

const random = generator(5);

/** A rounding of what the oracle gives. */
const rounded = (
  x: number,
  y: number,
  format: Format,
  rounding: (typeof roundingModes)[number],
  operands = format,
) => {
  const own = (value: number): number => (value === 0 && !operands.hasNegativeZero ? 0 : value);
  return roundScalar(exactRemainder(own(x), own(y)), format, resolveRounding(format, { rounding }), 0);
};

function allOf(format: Format): number[] {
  const values = Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
  return values.filter((value, i) => values.findIndex((other) => Object.is(other, value)) === i);
}

describe('remainder', () => {
  test.each([
    'e4m3fn',
    'e5m2',
    'e2m1',
    'int8',
    'uint4',
    'posit8',
    'fixed(4,4)',
    'nf4',
    'logarithmic(3,3)',
    'binary8p3se',
  ])('is that of integers for all pairs of %s', (name) => {
    const format = parseFormat(name as string) as Format;
    const values = allOf(format);
    const modes =
      format.kind === 'posit'
        ? (['nearest-even'] as const)
        : (['nearest-even', 'toward-negative', 'to-odd'] as const);
    const all = modes.map((rounding) => ({
      f: arithmetic(format, { rounding }),
      options: resolveRounding(format, { rounding }),
    }));
    const ys = Float64Array.from(values);
    const own = (value: number): number => (value === 0 && !format.hasNegativeZero ? 0 : value);
    for (const x of values) {
      const exact = values.map((y) => exactRemainder(own(x), own(y)));
      for (const { f, options } of all) {
        const result = f.remainder(new Float64Array(values.length).fill(x), ys);
        const expected = exact.map((value) => roundScalar(value, format, options, 0));
        if (!expected.every((value, i) => Object.is(value, result[i])))
          expect([x, ...result]).toEqual([x, ...expected]);
      }
      const y = values[Math.floor(random() * values.length)]!;
      expect(all[0]!.f.remainder(x, y)).toBe(rounded(x, y, format, 'nearest-even'));
    }
  });

  test('is exact for binary64, at both ends of the range too', () => {
    const f = arithmetic('binary64', { flags: true });
    const any = (): number => {
      const words = Uint32Array.from([random() * 2 ** 32, random() * 2 ** 32]);
      return new Float64Array(words.buffer)[0]!;
    };
    const ends = [
      Number.MAX_VALUE,
      2 ** 1023,
      5e-324,
      1.5e-323,
      2 ** -1022,
      1,
      3,
      0.1,
      2 ** 53 - 1,
      -7.5,
      2.5,
    ];
    const pairs = [
      ...ends.flatMap((x) =>
        ends.flatMap((y) => [
          [x, y],
          [x, -y / 2],
          [3 * y, 2 * y],
          [5 * y, 2 * y],
        ]),
      ),
      ...Array.from({ length: 2000 }, () => [any(), any()]),
    ] as [number, number][];
    for (const [x, y] of pairs) expect(f.remainder(x, y), `${x} ${y}`).toBe(exactRemainder(x, y));
    expect({ ...f.flags, invalid: 0 }).toEqual({
      inexact: 0,
      overflow: 0,
      underflow: 0,
      invalid: 0,
      divideByZero: 0,
    });
  });

  test('raises the exceptions of IEEE 754', () => {
    const flagsOf = (x: number, y: number): string => {
      const f = arithmetic({ operands: 'binary16', result: 'e4m3fn', flags: true });
      f.remainder(x, y);
      return Object.entries(f.flags)
        .flatMap(([name, count]) => (count > 0 ? [name] : []))
        .join(' ');
    };
    expect(flagsOf(Infinity, 1)).toBe('invalid');
    expect(flagsOf(1, 0)).toBe('invalid');
    expect(flagsOf(NaN, 0)).toBe('');
    expect(flagsOf(5, Infinity)).toBe('');
    expect(flagsOf(1.0625, 4)).toBe('inexact');
    expect(flagsOf(1000, 65504)).toBe('inexact overflow');
    expect(flagsOf(2 ** -14, 1)).toBe('inexact underflow');
  });

  test('is there wherever operations are', async () => {
    const f = arithmetic('e4m3fn');
    const code = (x: number): number => Number(parseFormat('e4m3fn').encode(x));
    expect(f.codes.remainder(code(5), code(3))).toMatchObject({ code: code(-1), value: -1 });
    expect(f.traced.remainder(5, 3)).toMatchObject({ result: -1, isExact: true });
    expect(f.array([5, 7, -9]).remainder([3, 2, 4]).toArray()).toEqual([-1, -1, -1]);
    expect(f.compile('remainder(a, b) + 1')({ a: 5, b: 3 })).toBe(0);
    const mixed = arithmetic({ operands: ['e5m2', 'binary16'], result: 'int8' });
    for (const rounding of roundingModes.filter((mode) => !isStochastic(mode)))
      expect(arithmetic({ operands: 'binary16', result: 'int8', rounding }).remainder(7.25, 3)).toBe(
        rounded(7.25, 3, parseFormat('int8') as Format, rounding, parseFormat('binary16') as Format),
      );
    expect(mixed.remainder(7, 4)).toBe(-1);
    const world = testWorld();
    expect(await run(['remainder', '0x1.8p2', '4', '--format', 'binary16', '--json'], world.io)).toBe(0);
    expect(JSON.parse(world.stdout())).toMatchObject({ operation: 'remainder', value: -2 });
  });
});
