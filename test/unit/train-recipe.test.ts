import { describe, expect, it } from 'vitest';
import { bitsPerWeight, checkRecipe, type Recipe } from '../../src/train/recipe.ts';
import * as recipes from '../../src/train/recipes.ts';
import { scheduleFactor } from '../../src/train/schedule.ts';
import { lossSpike } from '../../src/train/spike.ts';

type Path = readonly (string | number)[];

/** A copy of plain data with one field replaced. */
function withField(data: unknown, [key, ...rest]: Path, value: unknown): unknown {
  const copy = structuredClone(data) as Record<string | number, unknown>;
  copy[key!] = rest.length === 0 ? value : withField(copy[key!], rest, value);
  return copy;
}

const all: Recipe[] = [
  recipes.float32(),
  recipes.bitnet({ extraNorm: null }),
  recipes.bitnetTransition({ at: 0.2 }),
  recipes.bitnetTransition({ at: 0.5, optimizerState: 'reset', extraNorm: { kind: 'layer', where: 'all' } }),
  recipes.bfloat16(),
];

describe('recipes', () => {
  it.each(all.map((recipe) => [recipe.name, recipe] as const))('%s is valid plain data', (_, recipe) => {
    checkRecipe(recipe);
    expect(JSON.parse(JSON.stringify(recipe))).toEqual(recipe);
  });

  it('differ in name', () => {
    expect(all.map(({ name }) => name)).toEqual([
      'float32',
      'bitnet',
      'transition@20',
      'transition@50-reset',
      'bfloat16',
    ]);
  });

  it('know the information of a weight', () => {
    expect(all.map((recipe) => bitsPerWeight(recipe))).toEqual([
      32,
      Math.log2(3),
      Math.log2(3),
      Math.log2(3),
      16,
    ]);
    expect(bitsPerWeight(recipes.bitnetTransition({ at: 0.5 }), 0)).toBe(16);
    expect(bitsPerWeight(recipes.bitnetTransition({ at: 0.5, first: 'binary32' }), 0)).toBe(32);
  });

  it.each([0, 1, -0.1, Number.NaN])('refuse a transition at %s', (at) => {
    expect(() => recipes.bitnetTransition({ at })).toThrow(/^at: got/);
  });

  it.each<[Path, unknown, string]>([
    [['name'], '', 'recipe.name'],
    [['title'], 3, 'recipe.title'],
    [['extraNorm'], undefined, 'recipe.extraNorm'],
    [['extraNorm', 'kind'], 'batch', 'recipe.extraNorm.kind'],
    [['extraNorm', 'where'], 'down', 'recipe.extraNorm.where'],
    [['phases'], [], 'recipe.phases'],
    [['phases', 0, 'from'], 0.1, 'recipe.phases[0].from'],
    [['phases', 1, 'from'], 0, 'recipe.phases[1].from'],
    [['phases', 1, 'from'], 1, 'recipe.phases[1].from'],
    [['phases', 1, 'optimizerState'], 'halve', 'recipe.phases[1].optimizerState'],
    [['phases', 1, 'emulate'], undefined, 'recipe.phases[1].emulate'],
    [['phases', 1, 'emulate'], { format: 'bfloat17' }, 'recipe.phases[1].emulate.format'],
    [['phases', 1, 'emulate'], { format: 'bfloat16', rounding: 'up' }, 'recipe.phases[1].emulate.rounding'],
    [
      ['phases', 1, 'linear', 'forward', 'x', 'format'],
      'int9000',
      'recipe.phases[1].linear.forward.x.format',
    ],
    [['phases', 1, 'linear', 'forward', 'w', 'scale'], {}, 'recipe.phases[1].linear.forward.w.scale.per'],
    [
      ['phases', 1, 'linear', 'forward', 'w', 'scale', 'from'],
      'absmode',
      'recipe.phases[1].linear.forward.w.scale.from',
    ],
    [['phases', 1, 'linear', 'forward', 'w', 'strength'], 1.5, 'recipe.phases[1].linear.forward.w.strength'],
    [['phases', 1, 'linear', 'forward', 'w'], 'same', 'recipe.phases[1].linear.forward.w'],
    [['phases', 0, 'linear', 'inputGradient'], {}, 'recipe.phases[0].linear.inputGradient.g'],
    [['phases', 0, 'linear', 'weightGradient', 'x'], undefined, 'recipe.phases[0].linear.weightGradient.x'],
    [['phases', 0, 'linear'], null, 'recipe.phases[0].linear'],
    [['phases', 0, 'optimiserState'], 'keep', 'recipe.phases[0].optimiserState'],
    [['phases', 1, 'linear', 'forward', 'w', 'strenght'], 0.5, 'recipe.phases[1].linear.forward.w.strenght'],
    [['phases', 1, 'linear', 'forward', 'x', 'scale'], 'row', 'recipe.phases[1].linear.forward.x.scale'],
    [['optimizer'], undefined, 'recipe.optimizer'],
    [['optimizer', 'momentum'], 0.9, 'recipe.optimizer.momentum'],
    [['schedule', 'kind'], 'linear', 'recipe.schedule.kind'],
    [['optimizer', 'kind'], 'sgd', 'recipe.optimizer.kind'],
    [['optimizer', 'beta2'], 1, 'recipe.optimizer.beta2'],
    [['optimizer', 'clipNorm'], 0, 'recipe.optimizer.clipNorm'],
    [['optimizer', 'weightDecay'], -1, 'recipe.optimizer.weightDecay'],
    [['schedule', 'warmup'], 1, 'recipe.schedule.warmup'],
    [['schedule', 'final'], 2, 'recipe.schedule.final'],
  ])('%j = %j is refused by name', (path, value, argument) => {
    const broken = withField(recipes.bitnetTransition({ at: 0.2 }), path, value) as Recipe;
    expect(() => checkRecipe(broken)).toThrow(expect.objectContaining({ name: 'ArgumentError', argument }));
  });
});

describe('scheduleFactor', () => {
  const schedule = { kind: 'cosine', warmup: 0.05, final: 0.1 } as const;

  it('warms up, peaks and ends at the final part', () => {
    const factors = Array.from({ length: 1000 }, (_, step) => scheduleFactor(schedule, step, 1000));
    expect(factors[0]).toBe(1 / 50);
    expect(factors[49]).toBe(1);
    expect(factors[50]).toBe(1);
    expect(factors[999]).toBe(0.1);
    for (let step = 51; step < 1000; step++) expect(factors[step]!).toBeLessThan(factors[step - 1]!);
    // Half-way down the cosine.
    expect(Math.abs((factors[524]! + factors[525]!) / 2 - 0.55)).toBeLessThan(1e-12);
  });

  it('serves runs of any length', () => {
    expect(scheduleFactor(schedule, 0, 1)).toBe(1);
    expect([0, 1, 2].map((step) => scheduleFactor(schedule, step, 3))).toEqual([1, 0.55, 0.1]);
  });
});

describe('lossSpike', () => {
  const flat = new Array<number>(30).fill(2);

  it('measures height over the 20 losses before, and the steps to recovery', () => {
    const losses = [9, 9, 9, ...flat.slice(0, 20), 3, 2.75, 2, 1.5, 1.5, 1.5, 1.5, 1.5];
    // Means of five: 2.15 from the first, 1.85 from the second.
    expect(lossSpike(losses, 23)).toEqual({ step: 23, height: 1, recoverySteps: 1 });
  });

  it('says when there was no recovery, or nothing to measure', () => {
    expect(lossSpike([...flat, 3, 3, 3, 3, 3, 3], 30)).toEqual({ step: 30, height: 1, recoverySteps: null });
    expect(lossSpike(flat, 30)).toBeNull();
    expect(lossSpike(flat, 0)).toBeNull();
  });

  it('looks 200 steps ahead', () => {
    const later = new Array<number>(200).fill(2);
    expect(lossSpike([...flat, ...later, 5], 30)!.height).toBe(0);
    expect(lossSpike([...flat, ...later.slice(1), 5], 30)!.height).toBe(3);
  });
});
