/** a b + c for every triple of e4m3fn, e4m3fn and e5m2 to e4m3fn, against a table of exact products and the rational oracle. */
import { expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/operations/index.ts';
import { resolveRounding } from '../../src/rounding/index.ts';
import { formatOfOracle } from '../oracles/format-of.ts';

const { e4m3fn, e5m2 } = formats;
const codes = Array.from({ length: 256 }, (_, code) => code);
const [factors, addends] = [e4m3fn, e5m2].map((format) => codes.map((code) => format.decode(code))) as [
  number[],
  number[],
];

it.each(['nearest-even', 'toward-zero', 'toward-negative', 'to-odd'] as const)(
  'e4m3fn x e4m3fn + e5m2 -> e4m3fn, %s: 16.7 million',
  (rounding) => {
    const options = resolveRounding(e4m3fn, { rounding });
    const f = arithmetic({ operands: ['e4m3fn', 'e4m3fn', 'e5m2'], result: 'e4m3fn', rounding });
    // Equal exact results have equal roundings: products are few, so that sums of them are.
    const known = new Map<string, number>();
    let wrong = 0;
    for (const a of factors)
      for (const b of factors) {
        const product = Number.isNaN(a) || Number.isNaN(b) ? NaN : a * b;
        const results = f.fma(a, b, Float64Array.from(addends));
        addends.forEach((c, i) => {
          const key = `${Object.is(product, -0) ? '-0' : product} ${i}`;
          let expected = known.get(key);
          if (expected === undefined) {
            expected = formatOfOracle('fma', [a, b, c], [e4m3fn, e4m3fn, e5m2], e4m3fn, options);
            known.set(key, expected);
          }
          if (!Object.is(results[i], expected)) wrong++;
          if (i % 16 === 0 && !Object.is(f.fma(a, b, c), expected)) wrong++;
        });
      }
    expect(wrong).toBe(0);
  },
);
