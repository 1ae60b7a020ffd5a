/** Quantisers through an elementwise transform as tables: bit for bit what transforming, rounding, transforming back gives. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float, logShift, quantizer, round } from '../../src/index.ts';
import { gaussians } from '../../src/train/random.ts';

/** The three steps one after the other. */
function inSteps(format: string, x: Float32Array, options: Parameters<typeof logShift>[0]): Float32Array {
  const transform = logShift(options);
  const { values, residue } = transform.forward(x, [x.length]);
  return transform.inverse(round(values, format, { saturation: 'finite' }), [x.length], residue);
}

const pattern = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!;

describe.each(['e5m2', 'e4m3fn', 'e4m3', 'e3m2', 'e2m1', 'float(5,1)'])('log-shift and %s', (format) => {
  const check = (x: Float32Array, options: Parameters<typeof logShift>[0] = {}): void => {
    const q = quantizer({
      format,
      scale: { per: 'tensor', from: 'constant', value: 1 },
      transform: logShift(options),
    });
    expect(q.fakeQuantize(x)).toEqual(inSteps(format, x, options));
    const out = x.slice();
    expect(q.fakeQuantize(out, [x.length], out)).toBe(out);
    expect(out).toEqual(inSteps(format, x, options));
  };

  it('of tensors of any size and spread', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -120, max: 100 }),
        fc.double({ min: 0.05, max: 30, noNaN: true }),
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom({}, { target: 8 }, { cap: 2, target: 3 }, { target: 60, cap: 40 }),
        (exponent, spread, seed, options) => {
          const x = gaussians(700, spread, seed, 'spread').map((v) => Math.sign(v) * 2 ** (exponent + v));
          x[3] = 0;
          x[4] = -0;
          check(
            x.map((v) => (Number.isFinite(v) ? v : 1)),
            options,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of patterns of all kinds, subnormal ones, one magnitude, and what is not finite', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 300, maxLength: 400 }),
        (bits) => {
          const x = Float32Array.from(bits, pattern);
          check(x.map((v) => (Number.isNaN(v) ? 0 : v)));
          check(x.map((v) => (Number.isFinite(v) ? v * 2 ** -140 : 0)));
          check(x.map((v) => (Number.isFinite(v) ? Math.sign(v) * 3 : 0)));
        },
      ),
      { numRuns: 15 },
    );
  });
});

it('of neighbours of every bound', () => {
  // Numbers about powers of two under a map that is nearly the identity, where bounds are met exactly.
  const x = new Float32Array(4000);
  for (let i = 0; i < x.length; i++)
    x[i] = pattern(0x3f800000 + Math.round((i - 2000) * 2 ** 15) + (i % 5) - 2);
  const q = quantizer({
    format: 'e5m2',
    scale: { per: 'tensor', from: 'constant', value: 1 },
    transform: logShift(),
  });
  expect(q.fakeQuantize(x)).toEqual(inSteps('e5m2', x, {}));
  expect(float({ exponentBits: 5, mantissaBits: 2 }).values().length).toBeGreaterThan(200);
});
