/** Phases and events on the clock: resets, re-warmed rates, switched rules. */
import { describe, expect, it } from 'vitest';
import { Timeline } from '../../src/train/engine/timeline.ts';
import { checkRecipe, type Phase, type Recipe, type RecipeEvent, recipes } from '../../src/train/index.ts';

const steps = 40;
const [plain] = recipes.float32().phases;

function withEvents(...events: RecipeEvent[]): Recipe {
  return { ...recipes.float32(), events };
}

/** What a recipe says of every step. */
function told(recipe: Recipe) {
  checkRecipe(recipe);
  const timeline = new Timeline(recipe, steps);
  return Array.from({ length: steps }, (_, step) => ({
    reset: step > 0 && timeline.isReset(step - 1, step),
    rewarm: timeline.rewarm(step),
  }));
}

const resetsOf = (...events: RecipeEvent[]): number[] =>
  told(withEvents(...events)).flatMap(({ reset }, step) => (reset ? [step] : []));
const reset = [{ reset: 'moments' }] as const;

describe('events', () => {
  it('happen at a part of all steps, at a step, or periodically', () => {
    expect(resetsOf({ at: 0.5, do: reset })).toEqual([20]);
    expect(resetsOf({ at: 7, do: reset })).toEqual([7]);
    expect(resetsOf({ every: 0.25, do: reset })).toEqual([10, 20, 30]);
    expect(resetsOf({ every: 12, do: reset })).toEqual([12, 24, 36]);
    expect(resetsOf({ at: 4, every: 0.25, do: reset })).toEqual([4, 14, 24, 34]);
    expect(resetsOf({ at: 0.1, every: 15, do: reset })).toEqual([4, 19, 34]);
    expect(resetsOf({ at: 0, every: 20, do: reset })).toEqual([20]);
    expect(resetsOf({ every: 1, do: reset })).toEqual(Array.from({ length: steps - 1 }, (_, i) => i + 1));
    expect(resetsOf({ at: 100, do: reset })).toEqual([]);
  });

  it('of parts that are no whole steps are rounded each, not added up', () => {
    const thirds = new Timeline(withEvents({ every: 1 / 3, do: reset }), 100);
    const at = Array.from({ length: 99 }, (_, i) => i + 1).filter((step) => thirds.isReset(step - 1, step));
    expect(at).toEqual([33, 67]);
  });

  it('say what phases say: one periodic event, and as many phases', () => {
    const phase = (from: number): Phase => ({ ...plain!, from, optimizerState: 'reset', rewarm: 0.1 });
    const phases = { ...recipes.float32(), phases: [plain!, phase(0.25), phase(0.5), phase(0.75)] };
    const periodic = withEvents({ every: 0.25, do: [{ reset: 'moments' }, { rewarm: 0.1 }] });
    expect(told(periodic)).toEqual(told(phases));
  });

  it('rewarm along a line or half a cosine, the latest alone', () => {
    const rates = told(withEvents({ at: 10, every: 3, do: [{ rewarm: 4 }] })).map(({ rewarm }) => rewarm);
    expect(rates.slice(9, 17)).toEqual([1, 0.25, 0.5, 0.75, 0.25, 0.5, 0.75, 0.25]);
    const cosine = told(withEvents({ at: 10, do: [{ rewarm: 4, shape: 'cosine' }] }));
    expect(cosine.slice(10, 15).map(({ rewarm }) => rewarm)).toEqual([
      0.5 * (1 - Math.SQRT1_2),
      0.5,
      0.5 * (1 + Math.SQRT1_2),
      1,
      1,
    ]);
  });

  it('switch rules on, in order, and freeze', () => {
    const rule = (frozen: boolean) => ({ where: { role: 'all' }, set: { frozen } }) as const;
    const timeline = new Timeline(
      withEvents(
        { at: 5, do: [{ freeze: { role: 'all' } }] },
        { at: 0.5, do: [{ switch: [rule(false)] }] },
        { at: 30, every: 5, do: [{ switch: [rule(true)] }] },
      ),
      steps,
    );
    const frozenAt = (clock: number): (boolean | undefined)[] =>
      timeline.rulesAt(clock).rules.map(({ set }) => set.frozen);
    expect(frozenAt(4)).toEqual([]);
    expect(frozenAt(5)).toEqual([true]);
    expect(frozenAt(20)).toEqual([true, false]);
    expect(frozenAt(39)).toEqual([true, false, true]);
    expect([...timeline.changes()]).toEqual([0, 5, 20, 30, 35]);
  });

  it('by the million cost no time', () => {
    const timeline = new Timeline(
      withEvents({ every: 1, do: [{ reset: 'moments' }, { rewarm: 5 }] }),
      2 ** 20,
    );
    let wrong = 0;
    for (let step = 1; step < 2 ** 20; step += 7)
      if (!timeline.isReset(step - 1, step) || timeline.rewarm(step) !== 0.2) wrong++;
    expect(wrong).toBe(0);
  });
});

describe('events that cannot be meant are refused', () => {
  it.each([
    [{ do: reset }, 'recipe.events[0].at'],
    [{ at: 0.5 }, 'recipe.events[0].do'],
    [{ at: 0.5, do: [] }, 'recipe.events[0].do'],
    [{ at: -1, do: reset }, 'recipe.events[0].at'],
    [{ at: 1.5, do: reset }, 'recipe.events[0].at'],
    [{ at: Number.NaN, do: reset }, 'recipe.events[0].at'],
    [{ every: 0, do: reset }, 'recipe.events[0].every'],
    [{ every: 1e-9, do: reset }, 'recipe.events[0].every'],
    [{ at: 0.5, evry: 0.1, do: reset }, 'recipe.events[0].evry'],
    [{ at: 0.5, do: [{ reset: 'weights' }] }, 'recipe.events[0].do[0].reset'],
    [{ at: 0.5, do: [{ forget: 'moments' }] }, 'recipe.events[0].do[0]'],
    [{ at: 0.5, do: [{ rewarm: 0.1, shape: 'sine' }] }, 'recipe.events[0].do[0].shape'],
    [{ at: 0.5, do: [{ reset: 'moments', rewarm: 0.1 }] }, 'recipe.events[0].do[0].rewarm'],
    [{ at: 0.5, do: [{ freeze: { layers: 'a' } }] }, 'recipe.events[0].do[0].freeze.layers'],
    [
      { at: 0.5, do: [{ switch: [{ where: {}, set: { store: { kind: 'master' } } }] }] },
      'recipe.events[0].do[0].switch',
    ],
    [
      { at: 0.5, do: [{ switch: [{ where: {}, set: { forward: { w: { format: 'bfloat17' } } } }] }] },
      'recipe.events[0].do[0].switch[0].set.forward.w.format',
    ],
  ])('%j', (event, path) => {
    let found: unknown;
    try {
      checkRecipe(withEvents(event as unknown as RecipeEvent));
    } catch (error) {
      found = (error as { argument?: string }).argument;
    }
    expect(found).toBe(path);
  });
});
