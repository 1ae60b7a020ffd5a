/** Quantisers that remember agree on every bit with the reference from call to call, in what they give and in what they remember. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grouping } from '../../src/quantizers/grouping.ts';
import { kernelPlan, type QuantizerOptions, quantizer } from '../../src/quantizers/index.ts';
import { resolveQuantizer, withoutParts } from '../../src/quantizers/quantizer-options.ts';
import { runQuantizer } from '../../src/quantizers/run.ts';
import { trackerOf } from '../../src/quantizers/tracking.ts';
import { randomIntegers } from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';

const elements: readonly Partial<QuantizerOptions>[] = [
  { format: 'e4m3fn' },
  { format: 'int8' },
  { format: 'e5m2', rounding: 'stochastic' },
  { format: 'ternary' },
];
const memories = [
  { history: { length: 3 } },
  { history: { length: 2, take: 'latest' } },
  { decay: 0.9 },
  { decay: 0.25 },
] as const;
const size = fc.integer({ min: 1, max: 9 });
const groupings: fc.Arbitrary<Grouping> = fc.oneof(
  fc.constantFrom<Grouping>({ per: 'tensor' }, { per: 'row' }, { per: 'column' }),
  fc.record({ per: fc.constant('block' as const), size, axis: fc.constantFrom(0, 1) }),
  fc.record({ per: fc.constant('tile' as const), rows: size, columns: size }),
);

/** Numbers whose size differs from call to call; now and then there is one that is not finite. */
function tensor(length: number, seed: number, call: number): Float32Array {
  const words = randomIntegers(length, { seed, stream: call });
  const x = Float32Array.from(words, (word) => (word / 2 ** 31 - 1) * 2 ** (((seed >> call) % 9) - 4));
  const special = [NaN, Infinity, -Infinity, 0, 2 ** 127][(seed + call) % 5]!;
  if ((seed + 3 * call) % 4 === 0) x[seed % length] = special;
  return x;
}

function check(options: QuantizerOptions, shape: readonly number[], seed: number): void {
  const made = quantizer({ ...options, nan: 'group' });
  const resolved = resolveQuantizer(options, withoutParts);
  const tracker = trackerOf(resolved.scale);
  const length = shape.reduce((all, side) => all * side, 1);
  for (let call = 0; call < 4; call++) {
    const x = tensor(length, seed, call);
    const under = (isTraining: boolean) => {
      const track = (current: Float64Array): Float64Array => tracker.track(current, isTraining);
      return runQuantizer(x, shape, { options: resolved, track, fixed: undefined }, {});
    };
    const inferred = made.fakeQuantize(x, shape, undefined, { training: false });
    expect(firstDifference(inferred, under(false).values, x)).toBeUndefined();
    expect(firstDifference(made.explain(x, shape, { training: false }).values, inferred, x)).toBeUndefined();
    const wanted = under(true);
    const explained = made.explain(x, shape, { update: false });
    for (const field of ['values', 'elements', 'scaled'] as const)
      expect(firstDifference(explained[field], wanted[field], x)).toBeUndefined();
    expect(firstDifference(made.fakeQuantize(x, shape), wanted.values, x)).toBeUndefined();
    tracker.commit();
    expect(made.state()).toEqual(tracker.state());
  }
}

describe.each(memories)('%o', (memory) => {
  it.each([
    ...elements.map((one) => [one, {}] as const),
    [{ format: 'e2m1' }, { format: 'e8m0', prescale: 0.75 }] as const,
    [{ format: 'e2m1', rounding: 'stochastic' }, { format: 'e8m0' }] as const,
  ])('%o %o', (one, more) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        groupings,
        fc.constantFrom('absmax', 'rms', 'absmean'),
        fc.nat(2 ** 20),
        (rows, columns, grouping, from, seed) => {
          const scale = { ...grouping, from, multiplier: 1, ...memory, ...more };
          check({ ...one, scale } as unknown as QuantizerOptions, [rows, columns], seed);
        },
      ),
      { numRuns: 40 },
    );
  });
});

it('in several pieces, and has a plan', () => {
  for (const grouping of [{ per: 'tensor' }, { per: 'row' }, { per: 'column' }] as const) {
    const scale = { ...grouping, from: 'absmax', history: { length: 2 } } as const;
    expect(kernelPlan(quantizer({ format: 'e4m3fn', scale }))).toBeDefined();
    check({ format: 'e4m3fn', scale }, [3, 16_400], 5);
  }
});
