/** Every policy of docs/policies.md on every program that the page names, in small forms, against float32. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { accuracyOf, programs, recipes } from '../integration/tfjs-recipes.ts';

describe.each(Object.entries(programs))('%s', (name, { atLeast, within }) => {
  let tf: TensorFlow;
  let best: number;
  beforeAll(async () => {
    tf = await wasmBackend();
    best = await accuracyOf(tf, name, { policy: {} });
  });

  test('is learnt in float32', () => {
    expect(best).toBeGreaterThanOrEqual(atLeast);
  });

  test.each(recipes.map((recipe) => [recipe.title, recipe] as const))('%s', async (_, recipe) => {
    expect(await accuracyOf(tf, name, recipe)).toBeGreaterThanOrEqual(best - within);
  });
});
