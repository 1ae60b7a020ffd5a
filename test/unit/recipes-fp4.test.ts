/** What options of the recipes of four bits become, and which are refused. */
import { describe, expect, it } from 'vitest';
import { checkRecipe, type Recipe, recipeFrom, recipes } from '../../src/train/index.ts';
import { zooFp4 } from '../zoo-fp4.ts';

const bfloat16 = { format: 'bfloat16' };

describe.each(Object.entries(zooFp4()))('%s', (_, recipe) => {
  it('is valid plain data', () => {
    checkRecipe(recipe);
    expect(JSON.parse(JSON.stringify(recipe))).toEqual(recipe);
  });
});

it('names differ, so that results of variants do', () => {
  const names = Object.values(zooFp4()).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

it('files name every recipe, and give what the function gives', () => {
  for (const name of [...(['nvfp4', 'mxfp4', 'quartet', 'quest', 'fp4Dge', 'fp4Design'] as const)])
    expect(recipeFrom({ recipe: name })).toEqual(recipes[name]());
  expect(recipeFrom({ recipe: 'nvfp4', exempt: { last: 2 }, rowScaled: true })).toEqual(
    recipes.nvfp4({ exempt: { last: 2 }, rowScaled: true }),
  );
});

describe('nvfp4', () => {
  it('has a name for each of its variants', () => {
    const tried = [
      ...(['weights', 'activations', 'all'] as const).flatMap((of) => [
        { fourOverSix: { of } },
        { fourOverSix: { of, error: 'mse' } as const },
        { fourOverSix: { of, scaleMax: 256 } as const },
      ]),
      { finish: { at: 0.5 } },
      { finish: { at: 0.5, of: 'forward' } as const },
    ];
    expect(new Set(tried.map((options) => recipes.nvfp4(options).name)).size).toBe(tried.length);
  });

  const slots = (recipe: Recipe, phase = 0) => recipe.phases[phase]!.linear;

  it('exempts blocks at both ends', () => {
    const { rules } = recipes.nvfp4({ exempt: { first: 2, last: 8 } });
    expect(rules!.map(({ where }) => where.depth)).toEqual([
      [0, 1],
      [-8, -1],
    ]);
    for (const { set } of rules!)
      expect(set).toEqual({
        forward: { x: bfloat16, w: bfloat16 },
        inputGradient: { g: bfloat16, w: 'same' },
        weightGradient: { g: bfloat16, x: 'same' },
      });
    expect(recipes.nvfp4({ exempt: {} }).rules).toBeUndefined();
  });

  it('ends in bfloat16, of forward products alone with backward products as they were', () => {
    const all = recipes.nvfp4({ finish: { at: 0.82 } });
    expect(all.phases.map(({ from }) => from)).toEqual([0, 0.82]);
    expect(slots(all, 1).weightGradient).toEqual({ g: bfloat16, x: 'same' });
    const forward = recipes.nvfp4({ finish: { at: 0.82, of: 'forward' } });
    expect(slots(forward, 1).forward).toEqual({ x: bfloat16, w: bfloat16 });
    expect(slots(forward, 1).weightGradient).toEqual(slots(forward).weightGradient);
    expect(slots(forward, 1).inputGradient).toEqual({
      g: slots(forward).inputGradient.g,
      w: slots(forward).forward.w,
    });
  });

  it('tries four over six of what is said', () => {
    const scaleOf = (of: 'weights' | 'activations' | 'all') => {
      const { forward, inputGradient, weightGradient } = slots(recipes.nvfp4({ fourOverSix: { of } }));
      return [forward.x, forward.w, inputGradient.g, weightGradient.g, weightGradient.x].map(
        (operand) => typeof operand === 'object' && operand?.scale?.fourOverSix,
      );
    };
    expect(scaleOf('weights')).toEqual([undefined, 'mae', undefined, undefined, undefined]);
    expect(scaleOf('activations')).toEqual(['mae', undefined, undefined, undefined, 'mae']);
    expect(scaleOf('all')).toEqual(['mae', 'mae', 'mae', 'mae', 'mae']);
  });

  it.each<[string, unknown, string]>([
    ['a place outside of the run', { finish: { at: 1 } }, 'finish.at'],
    ['another format', { weights: 'row' }, 'weights'],
    ['no block', { exempt: { first: 0 } }, 'exempt.first'],
    ['a field that there is not', { exempt: { middle: 1 } }, 'exempt.middle'],
    ['an error of another kind', { fourOverSix: { of: 'all', error: 'max' } }, 'fourOverSix.error'],
  ])('refuses %s', (_, options, argument) => {
    expect(() => recipes.nvfp4(options as never)).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument }),
    );
  });
});

it('mxfp4 refuses a factor that makes numbers larger', () => {
  expect(() => recipes.mxfp4({ prescale: 1.5 })).toThrow(/^prescale: got 1.5/);
});

it.each<[string, object, string, RegExp]>([
  ['fp4Dge', { activations: false, outliers: 0.9 }, 'outliers', /activations/],
  ['fp4Dge', { optimizer: { kind: 'sgd' }, moments: 'fp8' }, 'moments', /AdamW/],
  ['fp4Design', { scaleFormat: 'binary32', tensorScale: true }, 'tensorScale', /binary32/],
  ['fp4Design', { scaleFormat: 'bfloat16', tensorScale: true }, 'tensorScale', /bfloat16/],
  ['fp4Design', { scaleFormat: 'e8m0', tensorScale: true }, 'tensorScale', /e8m0/],
  ['switchBack', { updateClipping: true, update: { step: [] } }, 'updateClipping', /update/],
  ['switchBack', { optimizer: { clipNorm: 1 } }, 'optimizer.clipNorm', /updates/],
  ['float32', { optimizer: { clipNorm: 1 }, update: { gradient: [] } }, 'optimizer.clipNorm', /operators/],
  ['stableSpam', { optimizer: { clipNorm: 1 } }, 'optimizer.clipNorm', /operators/],
  ['ifairy', { optimizer: { clipNorm: 1 }, update: { gradient: [] } }, 'optimizer.clipNorm', /operators/],
])('%s refuses %j, which has nothing to act on', (name, options, argument, message) => {
  const make = () => recipes[name as 'fp4Dge'](options as never);
  expect(make).toThrow(expect.objectContaining({ name: 'ArgumentError', argument }));
  expect(make).toThrow(message);
});

it('what is as it would be anyway is no option without effect', () => {
  expect(recipes.fp4Dge({ activations: false, outliers: null })).toEqual(
    recipes.fp4Dge({ activations: false }),
  );
  const sgd = { optimizer: { kind: 'sgd' } } as const;
  expect(recipes.fp4Dge({ ...sgd, moments: 'float32' }).optimizer).toEqual(recipes.fp4Dge(sgd).optimizer);
  const update = { step: [] };
  expect(recipes.switchBack({ updateClipping: false, update })).toEqual(recipes.switchBack({ update }));
});
