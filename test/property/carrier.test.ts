/** Products and quotients of any two numbers in a float format are those of the arithmetic, which has oracles of its own. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { operate, operationOf, planOperations } from '../../src/arithmetic/operations.ts';
import { float } from '../../src/formats/float.ts';
import type { FloatFormat } from '../../src/formats/format.ts';
import { toFormat } from '../../src/formats/names.ts';
import { productIn, quotientIn } from '../../src/operations/carrier.ts';
import { resolveRounding } from '../../src/rounding/options.ts';

const formats = [
  ...['binary64', 'binary32', 'binary16', 'bfloat16', 'e4m3fn', 'e8m0', 'ue5m3', 'binary8p3se', 'tf32'].map(
    (name) => toFormat(name) as FloatFormat,
  ),
  ...[50, 51, 52].map((mantissaBits) => float({ exponentBits: 11, mantissaBits })),
  float({ exponentBits: 8, mantissaBits: 50 }),
  float({ exponentBits: 9, mantissaBits: 51, subnormals: false }),
  float({ exponentBits: 5, mantissaBits: 3, subnormals: false }),
];

const halfway = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: -1074, max: 900 }))
  .map(([significand, exponent]) => significand * 2 ** exponent);
const numbers = fc.oneof(fc.double(), fc.double().map(Math.fround), halfway, fc.integer(), fc.constant(0));

it('products and quotients in float formats', () => {
  fc.assert(
    fc.property(fc.constantFrom(...formats), numbers, numbers, (format, a, b) => {
      const plan = planOperations(format, resolveRounding(format, { saturation: 'finite' }));
      expect([productIn(format)(a, b)]).toEqual([operate(operationOf('mul'), a, b, 0, plan, 0)]);
      if (b !== 0)
        expect([quotientIn(format)(a, b)]).toEqual([operate(operationOf('div'), a, b, 0, plan, 0)]);
    }),
    { numRuns: 20_000 },
  );
});
