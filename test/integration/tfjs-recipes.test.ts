/**
 * The policies of docs/policies.md as they stand there: each trains a small form of one of the programs in examples/tfjs to
 * the accuracy of float32, and the first one all five. The slow suite runs all on all.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { resolvePolicy } from '../../src/tfjs/resolve-policy.ts';
import { accuracyOf, causes, programs, recipes } from './tfjs-recipes.ts';

let tf: TensorFlow;
const exact = new Map<string, number>();
beforeAll(async () => {
  tf = await wasmBackend();
});

async function inFloat32(name: string): Promise<number> {
  let known = exact.get(name);
  if (known === undefined) {
    known = await accuracyOf(tf, name, { policy: {} });
    exact.set(name, known);
  }
  return known;
}

test('the page has recipes and questions', () => {
  expect(recipes.map(({ title }) => title)).toHaveLength(11);
  expect(causes.length).toBeGreaterThan(10);
});

const names = Object.keys(programs);
describe.each(recipes.map((recipe, i) => [recipe.title, recipe, i] as const))('%s', (_, recipe, i) => {
  const chosen = i === 0 ? names : [names[(i + 2) % names.length]!];
  test.each(chosen)('trains %s', async (name) => {
    const { atLeast, within } = programs[name]!;
    const best = await inFloat32(name);
    expect(best).toBeGreaterThanOrEqual(atLeast);
    expect(await accuracyOf(tf, name, recipe)).toBeGreaterThanOrEqual(best - within);
  });
});

test.each(causes)('%s is a policy', (text, policy) => {
  expect(() => resolvePolicy(policy), text).not.toThrow();
});
