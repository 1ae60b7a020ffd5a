/** What probes of operands and gradients and divergence are as measures of a sweep. */
import { describe, expect, it } from 'vitest';
import type { FinishedRun } from '../../src/cli/sweep/finished-run.ts';
import { type MeasureName, measureOf, measuresOf } from '../../src/cli/sweep/measures.ts';
import { float32 } from '../../src/train/recipes/index.ts';
import { basis } from './cli-world.ts';

const probe = (sqnr: number | null, underflow: number) => ({ sqnr, saturation: 0, underflow, entropy: 1 });
const step = (probes: object) => ({ step: 1, loss: 1, probes }) as never;

function finished(seed: number, steps: readonly never[], divergedAt: number | null = null): FinishedRun {
  const arm = { name: 'a', recipe: float32(), learningRate: undefined, seeds: [1, 2] };
  return {
    run: { arm, seed, basis, id: `${seed}`, key: '', formerId: '' },
    result: { inference: [], spike: null, memory: {} } as never,
    divergence: divergedAt === null ? null : ({ step: divergedAt, of: 'loss', tensor: null } as never),
    ...{ steps, evaluations: [] },
  };
}

const run = finished(1, [
  step({
    operands: {
      'forward.x': probe(20, 0.1),
      'forward.w': probe(null, 0),
      'inputGradient.g': probe(10, 0.5),
      'weightGradient.g': probe(14, 0.3),
      'weightGradient.x': probe(99, 0.9),
    },
    weights: null,
    gradient: { draws: 4, bias: 0.1, cosine: 0.9, alignment: 0.95 },
  }),
  step({
    operands: { 'forward.x': probe(22, 0.2) },
    weights: null,
    gradient: { draws: 4, bias: 0.3, cosine: 0.7, alignment: 1 },
  }),
]);

describe('measures', () => {
  it.each<[MeasureName, number]>([
    ['forwardSqnr', 21],
    ['gradientSqnr', 12],
    ['forwardUnderflow', (0.1 + 0 + 0.2) / 3],
    ['gradientUnderflow', 0.4],
    ['gradientBias', 0.2],
    ['gradientCosine', 0.8],
    ['gradientAlignment', 0.975],
    ['divergedPart', 0],
  ])('%s is a mean of what probes saw', (name, value) => {
    expect(measureOf(run, name)).toBeCloseTo(value, 12);
  });

  it('are none without a probe, and no number of a run that diverged', () => {
    expect(measureOf(finished(1, []), 'gradientBias')).toBeNull();
    const lost = finished(2, run.steps as never, 7);
    expect(measureOf(lost, 'gradientBias')).toBeNaN();
    expect(measureOf(lost, 'forwardSqnr')).toBeNaN();
  });

  it('divergence is itself a result: how often, and at which step', () => {
    const lost = finished(2, [], 7);
    expect([...measuresOf([run, lost], 'divergedPart')]).toEqual([
      [1, 0],
      [2, 1],
    ]);
    expect([...measuresOf([run, lost], 'divergenceStep')]).toEqual([[2, 7]]);
  });

  it('of updates, states, bits and sharpness', () => {
    const probed = finished(1, [
      step({
        operands: {},
        weights: null,
        sharpness: 0.5,
        weightOverGradient: { a: 10, b: 1000, c: Infinity },
        states: { first: 20, second: null },
        bits: 5,
      }),
      step({ operands: {}, weights: null, sharpness: 0.75, states: { first: 30, second: 10 }, bits: 4.5 }),
    ]);
    const expected = {
      sharpness: 0.75,
      weightOverGradient: 2,
      firstSqnr: 25,
      secondSqnr: 10,
      learnedBits: 4.5,
    };
    for (const [name, value] of Object.entries(expected)) {
      expect(measureOf(probed, name as MeasureName)).toBeCloseTo(value, 12);
      expect(measureOf(finished(1, [step({})]), name as MeasureName)).toBeNull();
    }
    expect(measureOf(finished(2, probed.steps as never, 7), 'sharpness')).toBe(0.75);
    const norms = [3, 1, 2, 8, 2].map((gradientNorm) => ({ loss: 1, gradientNorm }) as never);
    expect(measureOf(finished(1, norms), 'largestGradientNorm')).toBe(8);
    expect(measureOf(finished(1, norms), 'gradientNormRatio')).toBe(4);
  });

  it('count a run as lost that forgets what it has learned, or diverges', () => {
    const losses = (of: (i: number) => number, count = 100) =>
      Array.from({ length: count }, (_, i) => ({ loss: of(i) }) as never);
    const lost = (steps: readonly never[]) => measureOf(finished(1, steps), 'unstablePart');
    expect(lost(losses((i) => 4 - i / 50))).toBe(0);
    // Back to what it began with.
    expect(lost(losses((i) => (i < 50 ? 4 - i / 25 : 4)))).toBe(1);
    // A spike that it has recovered from.
    expect(lost(losses((i) => (i === 50 ? 100 : 4 - i / 50)))).toBe(0);
    // Half a nat above the least: not more.
    expect(lost(losses((i) => (i < 50 ? 2 : 2.5)))).toBe(0);
    expect(lost(losses((i) => (i < 50 ? 2 : 2.51)))).toBe(1);
    expect(lost(losses(() => 4, 5))).toBe(0);
    expect(
      measureOf(
        finished(
          1,
          losses(() => 1),
          3,
        ),
        'unstablePart',
      ),
    ).toBe(1);
  });
});
