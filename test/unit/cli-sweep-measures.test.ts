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
});
