/** What a recipe leaves behind (nothing), what it says when a program misuses it, and that the program is then as it was. */
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe, type RecipeRun, recipes } from '../../src/train/index.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});
let current: RecipeRun | undefined;
afterEach(() => {
  current?.stop();
  vi.restoreAllMocks();
});

const begin = async (...given: Parameters<typeof applyRecipe>): Promise<RecipeRun> => {
  current = await applyRecipe(...given);
  return current;
};

/** Objects whose properties emulation and recipes wrap while they are in force. */
function watchedObjects(): [string, object][] {
  const engine = tf.engine() as unknown as { backendInstance: object };
  const optimizers = [tf.SGDOptimizer, tf.AdamOptimizer, tf.RMSPropOptimizer, tf.MomentumOptimizer];
  return [
    ['engine', engine],
    ['Engine', Object.getPrototypeOf(engine)],
    ['backend', engine.backendInstance],
    ['Backend', Object.getPrototypeOf(engine.backendInstance)],
    ['Optimizer', tf.Optimizer.prototype],
    ...optimizers.map((one): [string, object] => [one.name, one.prototype]),
    ['LayersModel', tf.LayersModel.prototype],
    ['Sequential', tf.Sequential.prototype],
    ['Layer', tf.layers.Layer.prototype],
    ['Tensor', tf.Tensor.prototype],
    ['Variable', tf.Variable.prototype],
    ['losses', tf.losses],
    ['metrics', tf.metrics],
  ];
}

/** Functions of objects, kernels and gradients, by identity. */
function fingerprint(): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, object] of watchedObjects())
    for (const [key, { value, get, set }] of Object.entries(Object.getOwnPropertyDescriptors(object)))
      if (typeof value === 'function' || get !== undefined || set !== undefined)
        found.set(`${name}.${key}`, value ?? get ?? set);
  const backend = tf.getBackend();
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend(backend)) {
    found.set(`kernel ${kernelName}`, kernelFunc);
    found.set(`gradient ${kernelName}`, tf.getGradient(kernelName)?.gradFunc);
  }
  return found;
}

const every: Record<string, Recipe> = {
  bitnet: recipes.bitnet(),
  transition: recipes.bitnetTransition({ at: 0.5 }),
  'dqt 4': recipes.dqt({ bits: 4 }),
  nvfp4: recipes.nvfp4({ hadamard: 'step' }),
  bfloat16: recipes.bfloat16(),
};

describe.each(Object.entries(every))('stop() after %s', (_, recipe) => {
  it.each(Object.keys(programs))('puts everything back: %s', async (name) => {
    const program = programs[name]!();
    const optimizer = tf.train.sgd(0.01);
    const identities = program.variables.map((variable) => [variable, variable.id, variable.name]);
    const before = fingerprint();
    const memory = tf.memory();
    for (const stopsAfter of [0, 1, 3]) {
      const run = await begin(tf, recipe, { ...program.target, steps: 4, seed: 1 });
      // Something is wrapped while it is in force.
      expect([...fingerprint()].some(([key, value]) => before.get(key) !== value)).toBe(true);
      for (let step = 0; step < stopsAfter; step++) {
        program.step(optimizer, step);
        program.evaluate();
      }
      run.stop();
      run.stop();
      const after = fingerprint();
      expect([...after.keys()]).toEqual([...before.keys()]);
      for (const [key, value] of after) expect(Object.is(value, before.get(key)), key).toBe(true);
      const { numTensors, numDataBuffers, numBytes } = tf.memory();
      expect({ numTensors, numDataBuffers, numBytes }).toEqual({
        numTensors: memory.numTensors,
        numDataBuffers: memory.numDataBuffers,
        numBytes: memory.numBytes,
      });
      expect(program.variables.map((variable) => [variable, variable.id, variable.name])).toEqual(identities);
    }
    // The program goes on without a recipe; the backend has no gradients of convolutions and embeddings of its own.
    expect(program.evaluate()).not.toBeNaN();
    if (name === 'mlp') expect(program.step(optimizer, 4)).not.toBeNaN();
    optimizer.dispose();
    program.dispose();
  });
});

describe('a variable that the program disposes in between', () => {
  const variable = (name: string, seed: number) =>
    tf.tidy(() =>
      tf.variable(tf.randomNormal([8, 8], 0, 1, 'float32', seed), true, name),
    ) as tf.Variable<tf.Rank.R2>;
  const refusal = (argument: string) =>
    expect.objectContaining({
      name: 'ArgumentError',
      argument,
      message: expect.stringContaining('not disposed as long as the recipe is in force'),
    });

  it('is named wherever the recipe would need it, and everything else is as it was', async () => {
    const [one, two] = [variable('one', 1), variable('two', 2)];
    const x = tf.randomNormal([4, 8], 0, 1, 'float32', 3) as tf.Tensor2D;
    const optimizer = tf.train.adam(0.01);
    const before = fingerprint();
    const run = await begin(tf, recipes.bitnet(), { variables: [one, two], steps: 5, seed: 1 });
    const loss = () => tf.sum(tf.matMul(tf.relu(tf.matMul(x, one)), two)) as tf.Scalar;
    optimizer.minimize(loss, false, [one, two]);
    const state = run.save();
    const held = [...one.dataSync()];
    two.dispose();
    expect(() => tf.tidy(() => loss())).toThrow(refusal('two'));
    expect(() => optimizer.minimize(loss, false, [one])).toThrow(refusal('two'));
    expect(() => tf.tidy(() => optimizer.applyGradients({ two: tf.zeros([8, 8]) } as never))).toThrow(
      refusal('two'),
    );
    expect(() => run.save()).toThrow(refusal('two'));
    expect(() => run.restore(state, optimizer)).toThrow(refusal('two'));
    expect(() => run.nextStep()).toThrow(refusal('two'));
    expect([...one.dataSync()]).toEqual(held);
    expect(run.step).toBe(1);
    // What does not need it goes on.
    optimizer.minimize(() => tf.sum(tf.matMul(x, one)) as tf.Scalar, false, [one]);
    expect([...one.dataSync()]).not.toEqual(held);
    run.stop();
    const after = fingerprint();
    for (const [key, value] of after) expect(Object.is(value, before.get(key)), key).toBe(true);
    tf.dispose([one, x]);
    optimizer.dispose();
  });

  it('is refused by name at the start', async () => {
    const gone = variable('gone', 1);
    gone.dispose();
    const start = (options: object) =>
      expect(applyRecipe(tf, recipes.bitnet(), { steps: 5, seed: 1, ...options } as never)).rejects;
    await start({ variables: [gone] }).toMatchObject({ name: 'ArgumentError', argument: 'variables[0]' });
    const model = tf.sequential({ layers: [tf.layers.dense({ name: 'a', units: 2, inputShape: [2] })] });
    model.dispose();
    await start({ model }).toMatchObject({
      name: 'ArgumentError',
      argument: expect.stringMatching(/^model/),
    });
  });
});

describe('more steps than were announced', () => {
  it('are said once, and the last phase goes on', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const trained = async (steps: number, taken: number): Promise<{ losses: number[]; phase: number }> => {
      const program = programs['mlp']!();
      const optimizer = tf.train.sgd(0.05);
      const recipe = recipes.bitnetTransition({ at: 0.5 });
      const run = await begin(tf, recipe, { ...program.target, steps, seed: 1 });
      const losses = Array.from({ length: taken }, (_, step) => program.step(optimizer, step));
      const { phase } = run;
      run.stop();
      optimizer.dispose();
      program.dispose();
      return { losses, phase };
    };
    const exact = await trained(4, 4);
    expect(warn).not.toHaveBeenCalled();
    const over = await trained(4, 8);
    expect(warn.mock.calls).toEqual([
      ['halfulp: more than the 4 steps that were announced; the last phase goes on'],
    ]);
    expect(over.phase).toBe(1);
    expect(over.losses.slice(0, 4)).toEqual(exact.losses);
    // The steps beyond are BitNet's: a recipe whose second phase begins at the same step has them within its announced ones.
    const [first, second] = recipes.bitnetTransition({ at: 0.5 }).phases;
    const program = programs['mlp']!();
    const optimizer = tf.train.sgd(0.05);
    const longer = { ...recipes.bitnetTransition({ at: 0.5 }), phases: [first!, { ...second!, from: 0.25 }] };
    const run = await begin(tf, longer, { ...program.target, steps: 8, seed: 1 });
    expect(Array.from({ length: 8 }, (_, step) => program.step(optimizer, step))).toEqual(over.losses);
    run.stop();
    optimizer.dispose();
    program.dispose();
    expect(warn).toHaveBeenCalledTimes(1);
  });
});

describe('what does not fit', () => {
  const turned = { format: 'e2m1', transform: { name: 'hadamard', size: 8 }, invert: false } as const;
  const base = recipes.float32({ extraNorm: null });
  const withLinear = (linear: object): Recipe =>
    ({
      ...base,
      phases: [{ ...base.phases[0]!, linear: { ...base.phases[0]!.linear, ...linear } }],
    }) as never;
  const ruled = (where: object, set: object = { frozen: true }): Recipe =>
    ({ ...recipes.bitnet(), rules: [{ where, set }] }) as never;
  const gridOf = (match: string): Recipe => recipes.dqt({ bits: 8, of: { match } });

  it.each<[string, Recipe, RegExp, RegExp]>([
    [
      'a layer that is not there',
      ruled({ layer: 'nowhere/*' }),
      /rules\[0\]\.where/,
      /dense\/kernel \(linear\)/,
    ],
    [
      'a kind of layer that is not there',
      ruled({ role: 'convolution' }),
      /rules\[0\]\.where/,
      /dense\/kernel/,
    ],
    ['a block that is not there', ruled({ depth: [5, 7] }), /rules\[0\]\.where/, /dense\/kernel/],
    ['a size that none has', ruled({ atLeast: 1e9 }), /rules\[0\]\.where/, /dense\/kernel/],
    ['a projection that is not there', ruled({ kind: 'gate' }), /rules\[0\]\.where/, /dense\/kernel/],
    [
      'layers of a phase that are not there',
      {
        ...base,
        phases: [{ ...base.phases[0]!, layers: [{ match: '^lost$', linear: base.phases[0]!.linear }] }],
      },
      /phases\[0\]\.layers\[0\]\.match/,
      /dense\/kernel/,
    ],
    ['a store of weights that are not there', gridOf('^lost$'), /store\.of\.match/, /dense\/kernel/],
    [
      'a rotation without its partner, of x',
      withLinear({ forward: { x: turned, w: null } }),
      /forward\.w/,
      /^the transform of \w+, whose values stay transformed/,
    ],
    [
      'a rotation without its partner, of w',
      withLinear({ forward: { x: null, w: turned } }),
      /forward\.x/,
      /^the transform of \w+, whose values stay transformed/,
    ],
    [
      'a rotation without its partner, of g',
      withLinear({ weightGradient: { g: turned, x: 'same' } }),
      /weightGradient\.x/,
      /^the transform of \w+, whose values stay transformed/,
    ],
    [
      'partners that do not cancel',
      withLinear({ forward: { x: turned, w: { ...turned, transform: { name: 'hadamard', size: 4 } } } }),
      /forward\.w/,
      /^the transform of \w+, whose values stay transformed/,
    ],
  ])('%s is refused by name', async (_, recipe, argument, accepted) => {
    const weight = tf.tidy(() => tf.variable(tf.ones([8, 8]), true, 'dense/kernel'));
    const before = fingerprint();
    const memory = tf.memory().numTensors;
    let error: unknown;
    try {
      await begin(tf, recipe, { variables: [weight], steps: 4, seed: 1 });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      name: 'ArgumentError',
      argument: expect.stringMatching(argument),
      accepted: expect.stringMatching(accepted),
    });
    expect(fingerprint()).toEqual(before);
    expect(tf.memory().numTensors).toBe(memory);
    expect([...weight.dataSync()]).toEqual(Array(64).fill(1));
    weight.dispose();
  });

  it('a recipe for matrices, and a model without any, is refused', async () => {
    const bias = tf.tidy(() => tf.variable(tf.ones([8]), true, 'bias'));
    await expect(
      applyRecipe(tf, recipes.bitnet(), { variables: [bias], steps: 4, seed: 1 }),
    ).rejects.toMatchObject({
      argument: 'recipe.phases[0].linear',
      accepted: expect.stringContaining('bias (bias)'),
    });
    bias.dispose();
  });
});
