/**
 * One property over recipes and programs: a run that was resumed, evaluated in between or stopped has the bits of the plain one,
 * and leaves TensorFlow.js as it was.
 */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe } from '../../src/train/engine/apply-recipe.ts';
import type { RecipeState } from '../../src/train/engine/state.ts';
import { type Recipe, recipes } from '../../src/train/index.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const steps = 6;

const every: Readonly<Record<string, Recipe>> = {
  float32: recipes.float32(),
  bfloat16: recipes.bfloat16(),
  bitnet: recipes.bitnet(),
  transition: recipes.bitnetTransition({ at: 0.5 }),
  'transition, reset and re-warmed': recipes.bitnetTransition({
    at: 0.5,
    optimizerState: 'reset',
    rewarm: 0.4,
  }),
  'transition, phased in': recipes.bitnetTransition({ at: 0.4, phaseIn: { kind: 'tanh', over: 0.5 } }),
  'transition, norm at the switch': recipes.bitnetTransition({
    at: 0.5,
    extraNorm: { kind: 'layer', where: 'all', when: 'switch' },
  }),
  'dqt 8': recipes.dqt({ bits: 8 }),
  'dqt 4': recipes.dqt({ bits: 4 }),
  'dqt 3, all': recipes.dqt({ bits: 3, of: 'all' }),
  'dqt ternary': recipes.dqt({ bits: 1.58 }),
  adam8bit: recipes.adam8bit(),
};

interface Trace {
  readonly losses: readonly number[];
  readonly weights: readonly Float32Array[];
}

type Plan = { readonly own: boolean; readonly evaluates?: boolean; readonly resumesAt?: readonly number[] };

async function trained(
  name: string,
  recipe: Recipe,
  { own, evaluates = false, resumesAt = [] }: Plan,
): Promise<Trace> {
  let program = programs[name]!();
  const begin = async (state?: RecipeState) => {
    const run = await applyRecipe(tf, recipe, { ...program.target, steps, seed: 3 });
    const optimizer = own ? run.optimizer(0.01) : tf.train.adam(0.01);
    if (state !== undefined) run.restore(state, optimizer);
    return { run, optimizer };
  };
  let { run, optimizer } = await begin();
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    if (resumesAt.includes(step)) {
      const state = run.save();
      run.stop();
      optimizer.dispose();
      ({ run, optimizer } = await begin(state));
    }
    losses.push(program.step(optimizer, step));
    if (evaluates) program.evaluate();
  }
  const weights = program.variables.map((variable) => variable.dataSync().slice() as Float32Array);
  run.stop();
  optimizer.dispose();
  program.dispose();
  program = undefined as never;
  return { losses, weights };
}

describe.each(Object.keys(programs))('%s', (name) => {
  describe.each(Object.entries(every))('%s', (_, recipe) => {
    it.each([true, false])(
      'resumed and evaluated runs have the bits of the plain one (own optimiser: %s)',
      async (own) => {
        const plain = await trained(name, recipe, { own });
        for (const loss of plain.losses) expect(loss).not.toBeNaN();
        expect(await trained(name, recipe, { own, evaluates: true })).toEqual(plain);
        expect(await trained(name, recipe, { own, resumesAt: [1, 3, 5] })).toEqual(plain);
      },
    );
  });
});
