/**
 * Infinities and NaN raise no exception where they are rounded, whatever the format has for them: they are exact (IEEE 754-2019 section 6.1),
 * and overflow (section 7.4) is of finite results. Every way to the flags says so, for all formats, modes and saturations.
 */
import { expect, test } from 'vitest';
import { noFlags } from '../../src/arithmetic/flags.ts';
import { explainGiven, flagsOfGiven, readAnyNumber } from '../../src/cli/formats/read-number.ts';
import { scalarFormats, toFormat } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/index.ts';
import {
  dropsHighBits,
  hasAllCodes,
  resolveRounding,
  roundingModes,
  saturations,
} from '../../src/rounding/index.ts';
import { testOperation } from '../../src/vectors/resolve.ts';

const formats = [
  ...Object.values(scalarFormats),
  ...[
    'binary8p1se',
    'binary8p3sf',
    'binary6p1ue',
    'binary5p2sf',
    'float(4,0)',
    'float(4,3,bias=7,subnormals=false)',
  ].map(toFormat),
];
const infinities = [
  ['inf', Infinity, 0x7ff0_0000_0000_0000n],
  ['-inf', -Infinity, 0xfff0_0000_0000_0000n],
] as const;

test.each(formats.map((format) => ({ format, name: format.name })))(
  'infinities and NaN to $name',
  ({ format }) => {
    for (const rounding of roundingModes)
      for (const saturation of saturations) {
        if (format.kind === 'posit' && rounding !== 'nearest-even' && rounding !== 'stochastic') continue;
        if (dropsHighBits({ saturation }) && !hasAllCodes(format)) continue;
        const what = `${rounding} ${saturation}`;
        const options = { rounding, saturation };
        const f = arithmetic(format, { ...options, flags: true });
        const mixed = arithmetic({
          ...{ operands: ['binary64', 'binary64', 'binary64'], result: format },
          ...{ ...options, flags: true },
        });
        f.convert(Float64Array.of(Infinity, -Infinity, NaN));
        for (const [text, x, code] of infinities) {
          const resolved = resolveRounding(format, options);
          const given = readAnyNumber(text, 'x');
          const told = explainGiven(given, format, resolved, 0);
          expect(told.flags, what).toEqual([]);
          expect(told.result, what).toBe(f.convert(x));
          expect(flagsOfGiven(given, told.result, format, resolved, 0, 'before'), what).toEqual([]);
          expect(mixed.traced.add(x, 1).flags, what).toEqual(noFlags());
          expect(mixed.traced.mul(x, 2).flags, what).toEqual(noFlags());
          mixed.fma(x, 1, -x);
          if (format.bits === Infinity) continue;
          const operation = testOperation('convert', { from: 'binary64', format: format.name, ...options });
          const answer = operation.answer([code, 0]);
          expect(answer?.flags ?? 0, what).toBe(0);
        }
        f.convert(NaN);
        expect(f.flags, what).toEqual(noFlags());
        // Infinity less infinity is another matter.
        expect(mixed.flags, what).toEqual({ ...noFlags(), invalid: 2 });
      }
  },
);

test('finite numbers overflow', () => {
  for (const name of ['e4m3fn', 'e5m2', 'e2m1', 'int8'])
    for (const saturation of ['none', 'finite'] as const) {
      const format = toFormat(name);
      const { flags } = explainGiven(
        readAnyNumber('1e30', 'x'),
        format,
        resolveRounding(format, { saturation }),
        0,
      );
      expect(flags).toEqual(['inexact', 'overflow']);
    }
});
