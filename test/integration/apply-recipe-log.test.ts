/**
 * Emulation and logs beside a recipe: a policy of the program's own rounds results, whenever it began, slots stay the recipe's; logs count
 * what both do and change no bit.
 */
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { type EmulationLog, emulate, type Policy, wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe, type RecipeRun, recipes } from '../../src/train/index.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const steps = 6;
const stochastic = { rounding: 'stochastic' } as const;
const row = { per: 'row', from: 'absmax' } as const;
const base = recipes.float32({ extraNorm: null });
const drawn: Recipe = {
  ...base,
  name: 'drawn',
  phases: [
    {
      ...base.phases[0]!,
      emulate: { format: 'bfloat16', ...stochastic },
      linear: {
        forward: { x: { format: 'int8', scale: row }, w: { format: 'e2m1', scale: row, ...stochastic } },
        inputGradient: { g: { format: 'e5m2', ...stochastic }, w: 'same' },
        weightGradient: {
          g: { format: 'int8', scale: row, ...stochastic },
          x: { format: 'int4', scale: row },
        },
      },
    },
    {
      ...base.phases[0]!,
      from: 0.5,
      linear: {
        forward: { x: { format: 'int4', scale: { per: 'row', from: 'minmax' } }, w: null },
        inputGradient: { g: null, w: 'same' },
        weightGradient: {
          g: null,
          x: { format: 'int8', scale: row, transform: { name: 'hadamard', size: 2 } },
        },
      },
    },
  ],
};

const every: Readonly<Record<string, Recipe>> = {
  drawn,
  bitnet: recipes.bitnet(),
  transition: recipes.bitnetTransition({ at: 0.5 }),
  'dqt 3': recipes.dqt({ bits: 3 }),
};

interface Looks {
  readonly log?: boolean;
  readonly before?: Policy;
  readonly after?: Policy;
  readonly scope?: Policy;
  readonly evaluates?: boolean;
}

async function trained(
  name: string,
  recipe: Recipe,
  { log = false, before, after, scope, evaluates }: Looks = {},
) {
  const program = programs[name]!();
  const begin = async (policy: Policy | undefined) => {
    if (policy === undefined) return undefined;
    const emulation = await emulate(tf, policy);
    stops.push(emulation.stop);
    return emulation;
  };
  const first = await begin(before);
  const run: RecipeRun = await applyRecipe(tf, recipe, { ...program.target, steps, seed: 2, log });
  stops.push(run.stop);
  const second = await begin(after);
  const optimizer = run.optimizer(0.01);
  const train = (): number[] =>
    Array.from({ length: steps }, (_, step) => {
      const loss = program.step(optimizer, step);
      if (evaluates) program.evaluate();
      return loss;
    });
  const losses = scope === undefined ? train() : await emulate.scope(tf, scope, train);
  const weights = program.variables.map((variable) => variable.dataSync().slice());
  for (const one of [second, first, run]) one?.stop();
  optimizer.dispose();
  program.dispose();
  return { outcome: { losses, weights }, logs: [run.log, first?.log, second?.log] };
}

describe.each(Object.entries(every))('under %s', (_, recipe) => {
  it.each(Object.keys(programs))('the log changes no bit of %s', async (name) => {
    const plain = await trained(name, recipe);
    expect(plain.logs).toEqual([undefined, undefined, undefined]);
    const seen = await trained(name, recipe, { log: true });
    expect(seen.outcome).toEqual(plain.outcome);
    expect(seen.logs[0]!.rows.length).toBeGreaterThan(2);
    // A log of emulation that rounds nothing of its own counts slots too.
    const beside = await trained(
      name,
      { ...recipe, phases: recipe.phases.map((p) => ({ ...p, emulate: null })) },
      {
        log: true,
        before: { log: true },
      },
    );
    const [own, theirs] = beside.logs.map((log) => log?.rows);
    expect(theirs).toEqual(own);
    expect(theirs!.every(({ kernel }) => /^(forward|inputGradient|weightGradient)\./.test(kernel))).toBe(
      true,
    );
  });
});

describe('emulation beside slots', () => {
  const slots = recipes.bitnet();
  it.each(Object.keys(programs))('is the same begun before, after, or in a scope: %s', async (name) => {
    const policy: Policy = { format: 'e5m2', saturation: 'finite' };
    const { outcome } = await trained(name, slots, { before: policy });
    expect((await trained(name, slots, { after: policy })).outcome).toEqual(outcome);
    expect((await trained(name, slots, { scope: policy })).outcome).toEqual(outcome);
    // It takes the place of what the recipe's phases emulate.
    const emulated = slots.phases.map((phase) => ({ ...phase, emulate: { format: 'binary16' } as const }));
    expect((await trained(name, { ...slots, phases: emulated }, { before: policy })).outcome).toEqual(
      outcome,
    );
    const asPhase = slots.phases.map((phase) => ({ ...phase, emulate: policy as { format: 'e5m2' } }));
    expect((await trained(name, { ...slots, phases: asPhase })).outcome).toEqual(outcome);
    expect((await trained(name, slots)).outcome).not.toEqual(outcome);
  });

  it('ends with its scope, and the recipe goes on', async () => {
    const plain = await trained('mlp', slots);
    const program = programs['mlp']!();
    const run = await applyRecipe(tf, slots, { ...program.target, steps, seed: 2 });
    const optimizer = run.optimizer(0.01);
    const losses = [program.step(optimizer, 0)];
    await emulate.scope(tf, {}, () => void losses.push(program.step(optimizer, 1)));
    for (let step = 2; step < steps; step++) losses.push(program.step(optimizer, step));
    expect(losses).toEqual(plain.outcome.losses);
    run.stop();
    optimizer.dispose();
    program.dispose();
  });
});

describe('what the log counts', () => {
  it('is what quantisers do to operands, by slot, parameter and step', async () => {
    const x = tf.tensor2d([4, 0.01, -8, 0.5, -1, 2, 0, 0.003], [2, 4]);
    const w = tf.variable(tf.tensor2d([100, -0.2, 0.1, 3, -3, 0.4, 0.2, 1], [4, 2]), true, 'layer/w');
    const clamped = { format: 'int4', scale: { per: 'tensor', from: 'constant', value: 0.5 } } as const;
    const slots = {
      ...base.phases[0]!.linear,
      forward: { x: clamped, w: { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } } },
      inputGradient: { g: { format: 'e4m3fn' }, w: 'same' },
    } as const;
    const recipe = { ...base, phases: [{ ...base.phases[0]!, linear: slots }] };
    const run = await applyRecipe(tf, recipe, { variables: [w], steps: 2, seed: 1, log: true });
    stops.push(run.stop);
    const optimizer = tf.train.sgd(1e-9);
    const loss = () => tf.sum(tf.matMul(x, w as never)) as tf.Scalar;
    for (let step = 0; step < 2; step++) optimizer.minimize(loss, false, [w]);
    tf.tidy(() => loss());
    run.stop();
    const rows = run.log!.rows;
    expect(rows.map(({ kernel, role, layer }) => [kernel, role, layer])).toEqual([
      ['forward.x', 'forward', 'layer/w'],
      ['forward.w', 'forward', 'layer/w'],
      ['forward.x', 'predict', 'layer/w'],
      ['forward.w', 'predict', 'layer/w'],
    ]);
    const [ofX, ofW] = rows;
    // 4 and -8 in units of 0.5 are 8 and -16, beyond 7 and -7 by more than half a step; 0.01 and 0.003 become zero.
    expect(ofX).toMatchObject({ calls: 2, elements: 16, overflow: 4, underflow: 4, nan: 0 });
    const values = Float32Array.from(x.dataSync());
    const image = quantizer(clamped).fakeQuantize(values, [2, 4]);
    const errors = [...values].flatMap((value, i) => (value === 0 ? [] : [Math.abs(image[i]! / value - 1)]));
    expect(ofX!.maxError).toBe(Math.max(...errors));
    expect(ofX!.rmsError).toBeCloseTo(Math.sqrt(errors.reduce((s, e) => s + e * e, 0) / errors.length), 12);
    // 100 in units of the mean magnitude, 13.5, is clamped; all others become zero.
    expect(ofW).toMatchObject({ calls: 2, elements: 16, overflow: 2, underflow: 14 });
    const map = run.log!.heatMap('underflow');
    expect(map).toEqual([
      { layer: 'layer/w', step: 0, value: 9 / 16 },
      { layer: 'layer/w', step: 1, value: 9 / 16 },
      { layer: 'layer/w', step: 2, value: 9 / 16 },
    ]);
    expect(String(run.log)).toMatch(/^kernel +role +layer +calls/);
    tf.dispose([x, w]);
    optimizer.dispose();
  });

  it('goes on from phase to phase, and has the roundings of the emulated one', async () => {
    const seen = await trained('mlp', recipes.bitnetTransition({ at: 0.5 }), { log: true, evaluates: true });
    const log = seen.logs[0] as EmulationLog;
    const stepsOf = (pattern: RegExp) => [
      ...new Set(log.toJSON().steps.flatMap(({ layer, step }) => (pattern.test(layer) ? [step] : []))),
    ];
    // Layers of slots are parameters, those of kernels layers. An evaluation between two steps is before the next one's.
    expect(stepsOf(/kernel$/)).toEqual([3, 4, 5, 6]);
    expect(stepsOf(/^sequential.*\/(one|two|three)$/)).toEqual([0, 1, 2]);
    expect(stepsOf(/^(one|two|three)$/)).toEqual([1, 2, 3]);
    expect(log.rows.some(({ kernel, underflow }) => kernel === 'forward.w' && underflow > 0)).toBe(true);
  });
});
