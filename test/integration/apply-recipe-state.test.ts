/**
 * States of a recipe in force: taken up by a program that is made anew, through bytes, with any optimiser; and refused where they do
 * not fit, with everything left as it was.
 */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  applyRecipe,
  decodeState,
  encodeState,
  type Recipe,
  type RecipeRun,
  type RecipeState,
  recipes,
} from '../../src/train/index.ts';
import { type Program, programs } from './apply-recipe-programs.ts';

/** Data whose fields tests change at will. */
type Loose = ReturnType<typeof JSON.parse>;

beforeAll(async () => {
  await wasmBackend();
});

let current: RecipeRun | undefined;
afterEach(() => current?.stop());

const steps = 6;
const bits = (values: ArrayLike<number>): string => fnv1a64(new Uint8Array(Float32Array.from(values).buffer));

const optimizers: Readonly<Record<string, (run: RecipeRun) => tf.Optimizer>> = {
  "the recipe's": (run) => run.optimizer(0.01),
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.05, 0.9),
  nesterov: () => tf.train.momentum(0.05, 0.9, true),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01),
  rmsprop: () => tf.train.rmsprop(0.01),
  // TensorFlow.js takes epsilon away from what it takes the root of.
  'rmsprop, centred': () => tf.train.rmsprop(0.01, 0.9, 0.5, -0.01, true),
  adagrad: () => tf.train.adagrad(0.05),
  adadelta: () => tf.train.adadelta(1),
};

const transition = recipes.bitnetTransition({ at: 0.4, optimizerState: 'reset', rewarm: 0.3 });
const stochastic: Recipe = {
  ...transition,
  phases: transition.phases.map((phase, i) =>
    i === 0 ? { ...phase, emulate: { format: 'bfloat16', rounding: 'stochastic' } } : phase,
  ),
};

/** Every weight of a program, moving means among them. */
const weightsOf = ({ target, variables }: Program): string[] =>
  (target.model?.getWeights() ?? variables).map((weight) => bits(weight.dataSync()));

/** Trains, and at each of `resumesAt` goes on in a program that is made anew from the bytes of a state. */
async function trained(
  name: string,
  recipe: Recipe,
  optimizerOf: (run: RecipeRun) => tf.Optimizer,
  resumesAt: readonly number[] = [],
) {
  const begin = async (bytes?: Uint8Array) => {
    const program = programs[name]!();
    const run = await applyRecipe(tf, recipe, { ...program.target, steps, seed: 3 });
    current = run;
    const optimizer = optimizerOf(run);
    if (bytes !== undefined) run.restore(decodeState(bytes), optimizer);
    return { program, run, optimizer };
  };
  let now = await begin();
  const end = (): void => {
    now.run.stop();
    now.optimizer.dispose();
    now.program.dispose();
  };
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    if (resumesAt.includes(step)) {
      const bytes = encodeState(now.run.save());
      end();
      now = await begin(bytes);
      // What was taken up is what is saved.
      expect(fnv1a64(encodeState(now.run.save()))).toBe(fnv1a64(bytes));
    }
    losses.push(now.program.step(now.optimizer, step));
  }
  const outcome = { losses, weights: weightsOf(now.program) };
  end();
  return outcome;
}

describe.each(Object.keys(optimizers))('with the optimiser %s', (optimizer) => {
  it.each([
    ['mlp', stochastic],
    ['convolutional', recipes.dqt({ bits: 4 })],
    ['convolutional', recipes.adam8bit({ least: 0, block: 64 })],
  ])('%s goes on bit for bit in a program made anew', async (name, recipe) => {
    const counts = [tf.memory().numTensors];
    const plain = await trained(name, recipe, optimizers[optimizer]!);
    counts.push(tf.memory().numTensors);
    expect(await trained(name, recipe, optimizers[optimizer]!, [0, 1, 2, 3, 5])).toEqual(plain);
    counts.push(tf.memory().numTensors);
    // Some optimisers of TensorFlow.js leave a scalar behind when they are disposed; here are one, then six.
    const left = counts[1]! - counts[0]!;
    expect(left).toBeLessThan(2);
    expect(counts[2]! - counts[1]!).toBe(6 * left);
  });
});

describe('two models trained in turn', () => {
  const drawn = {
    format: 'int4',
    rounding: 'stochastic',
    scale: { per: 'tensor', from: 'absmax' },
  } as const;
  const base = recipes.float32({ extraNorm: null });
  const slots = {
    forward: { x: drawn, w: drawn },
    inputGradient: { g: drawn, w: 'same' },
    weightGradient: { g: drawn, x: 'same' },
  } as const;
  const [plain] = base.phases;
  const recipe: Recipe = {
    ...base,
    phases: [
      { ...plain!, linear: slots },
      { ...plain!, from: 0.5, linear: slots, optimizerState: 'reset' },
    ],
  };

  /** A generator and a discriminator; resumes before the steps of either. */
  async function adversaries(resumesAt: readonly number[]): Promise<string[]> {
    const begin = async (bytes?: Uint8Array) => {
      const weight = (name: string, shape: [number, number], seed: number) =>
        tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 0.5, 'float32', seed), true, name));
      const generator = weight('generator/w', [4, 8], 1) as tf.Variable<tf.Rank.R2>;
      const discriminator = weight('discriminator/w', [8, 1], 2) as tf.Variable<tf.Rank.R2>;
      const run = await applyRecipe(tf, recipe, {
        variables: [generator, discriminator],
        steps: 4,
        seed: 1,
      });
      current = run;
      const pair = [tf.train.adam(0.05), run.optimizer(0.05)];
      if (bytes !== undefined) {
        const state = decodeState(bytes);
        run.restore(state, ...pair.slice(0, state.state.optimizers.length));
      }
      return { generator, discriminator, run, pair };
    };
    const noise = tf.randomNormal([6, 4], 0, 1, 'float32', 7) as tf.Tensor2D;
    const real = tf.randomNormal([6, 8], 1, 1, 'float32', 8) as tf.Tensor2D;
    let now = await begin();
    const end = (): void => {
      now.run.stop();
      tf.dispose([now.generator, now.discriminator]);
      for (const one of now.pair) one.dispose();
    };
    for (let turn = 0; turn < 8; turn++) {
      if (resumesAt.includes(turn)) {
        const bytes = encodeState(now.run.save());
        end();
        now = await begin(bytes);
      }
      const { generator, discriminator, pair } = now;
      const judged = (x: tf.Tensor): tf.Tensor => tf.matMul(x as tf.Tensor2D, discriminator);
      const made = (): tf.Tensor => tf.tanh(tf.matMul(noise, generator));
      // The discriminator's loss goes through the generator, which is not updated; draws are made of both.
      if (turn % 2 === 0)
        pair[0]!.minimize(
          () =>
            tf.mean(tf.softplus(judged(made()))).add(tf.mean(tf.softplus(judged(real).neg()))) as tf.Scalar,
          false,
          [discriminator],
        );
      else
        pair[1]!.minimize(() => tf.mean(tf.softplus(judged(made()).neg())) as tf.Scalar, false, [generator]);
    }
    const found = [now.generator, now.discriminator].map((one) => bits(one.dataSync()));
    end();
    tf.dispose([noise, real]);
    return found;
  }

  it('go on bit for bit wherever the turn was', async () => {
    const plainBits = await adversaries([]);
    for (let turn = 1; turn < 8; turn++) expect(await adversaries([turn]), `turn ${turn}`).toEqual(plainBits);
    expect(await adversaries([1, 2, 3, 4, 5, 6, 7])).toEqual(plainBits);
  });
});

describe('what is no state of the run', () => {
  async function setUp(recipe: Recipe = stochastic) {
    const program = programs['convolutional']!();
    const run = await applyRecipe(tf, recipe, { ...program.target, steps, seed: 3 });
    current = run;
    const pair = [tf.train.adam(0.01), run.optimizer(0.01)];
    program.step(pair[0]!, 0);
    program.step(pair[1]!, 1);
    const state = run.save();
    program.step(pair[0]!, 2);
    const dispose = (): void => {
      run.stop();
      for (const one of pair) one.dispose();
      program.dispose();
    };
    return { program, run, pair, state, dispose };
  }

  const weight = 'weights/conv/kernel/values';
  const memory = 'forward.x/0123456789abcdef';
  const numbers = { dtype: 'F64', shape: [2], data: new Uint8Array(16) } as const;
  const moment = 'optimizers/0/accumulatedFirstMoment/conv/kernel';
  const own = 'optimizers/1/conv/kernel/first/values';
  const cases: [string, (state: Loose, arrays: Map<string, Loose>) => unknown, string][] = [
    ['another version', (state) => Object.assign(state, { version: 2 }), 'state.version'],
    ['another recipe', (state) => Object.assign(state, { recipe: 'x' }), 'state.recipe'],
    ['another seed', (state) => Object.assign(state, { seed: 4 }), 'state.seed'],
    ['other steps', (state) => Object.assign(state, { steps: 7 }), 'state.steps'],
    ['a parameter too few', (state) => delete state.clocks['conv/kernel'], "state.clocks['conv/kernel']"],
    ['a parameter too many', (state) => Object.assign(state.clocks, { x: 1 }), 'state.clocks.x'],
    [
      'half a step',
      (state) => Object.assign(state.clocks, { 'conv/kernel': 0.5 }),
      "state.clocks['conv/kernel']",
    ],
    [
      'a step in words',
      (state) => Object.assign(state.clocks, { 'conv/kernel': '1' }),
      "state.clocks['conv/kernel']",
    ],
    ['an optimiser too few', (state) => state.optimizers.pop(), 'optimizers'],
    ['another optimiser', (state) => state.optimizers.reverse(), 'state.optimizers[0].kind'],
    [
      'a counter too few',
      (state) => delete state.optimizers[0].counters.accBeta1,
      'state.optimizers[0].counters.accBeta1',
    ],
    [
      'a counter too many',
      (state) => Object.assign(state.optimizers[1].counters, { x: 1 }),
      'state.optimizers[1].counters.x',
    ],
    [
      'a counter that is no number',
      (state) => Object.assign(state.optimizers[1].counters, { step: null }),
      'state.optimizers[1].counters.step',
    ],
    [
      'a parameter that is not there',
      (state) => state.optimizers[0].parameters.push('x'),
      'state.optimizers[0].parameters',
    ],
    [
      'a step that is none',
      (state) => Object.assign(state.optimizers[0], { clock: -1 }),
      'state.optimizers[0].clock',
    ],
    [
      'a slot of another layer',
      (_, arrays) => arrays.set(`quantizers/x/${memory}/average`, numbers),
      `state.arrays/quantizers/x/${memory}`,
    ],
    [
      'a slot that is none',
      (_, arrays) => arrays.set('quantizers/conv/kernel/forward.x/average', numbers),
      'state.arrays/quantizers/conv/kernel/forward.x/average',
    ],
    [
      'a memory of another kind',
      (_, arrays) => arrays.set(`quantizers/conv/kernel/${memory}/median`, numbers),
      `state.arrays/quantizers/conv/kernel/${memory}/median`,
    ],
    [
      'a memory of other numbers',
      (_, arrays) => arrays.set(`quantizers/conv/kernel/${memory}/average`, arrays.get(weight)),
      `state.arrays/quantizers/conv/kernel/${memory}/average`,
    ],
    [
      'a history of no rows',
      (_, arrays) => arrays.set(`quantizers/conv/kernel/${memory}/history`, numbers),
      `state.arrays/quantizers/conv/kernel/${memory}/history`,
    ],
    [
      'draws of another layer',
      (state) => Object.assign(state.draws, { [`x/${memory}`]: [1, 1] }),
      `state.draws['x/${memory}']`,
    ],
    [
      'draws that are none',
      (state) => Object.assign(state.draws, { 'conv/kernel/forward.x': [1] }),
      "state.draws['conv/kernel/forward.x']",
    ],
    ['a cursor below 0', (state) => Object.assign(state.emulation, { cursor: -1 }), 'state.cursor'],
    ['no emulation', (state) => Object.assign(state, { emulation: null }), 'state'],
    ['a phase beyond the last', (state) => Object.assign(state, { phase: 2 }), 'state.phase'],
    ['a field too many', (state) => Object.assign(state, { x: 1 }), 'state.x'],
    ['no weight', (_, arrays) => arrays.delete(weight), `state.arrays/${weight}`],
    [
      'a weight of another shape',
      (_, arrays) => arrays.set(weight, { ...arrays.get(weight), shape: [1] }),
      `state.arrays/${weight}`,
    ],
    [
      'a weight of another type',
      (_, arrays) => arrays.set(weight, { ...arrays.get(weight), dtype: 'I32' }),
      `state.arrays/${weight}`,
    ],
    [
      'no moving mean',
      (_, arrays) => arrays.delete('untrained/norm/moving_mean'),
      'state.arrays/untrained/norm/moving_mean',
    ],
    ['an array too many', (_, arrays) => arrays.set('x', arrays.get(weight)), 'state.arrays/x'],
    [
      'arrays of a third optimiser',
      (_, arrays) => arrays.set('optimizers/2/x', arrays.get(weight)),
      'state.arrays/optimizers/2/x',
    ],
    [
      'no moment',
      (_, arrays) => arrays.delete(moment),
      'state.optimizers[0].arrays/accumulatedFirstMoment/conv/kernel',
    ],
    [
      'a moment of another shape',
      (_, arrays) => arrays.set(moment, { ...arrays.get(moment), shape: [2] }),
      'state.optimizers[0].arrays/accumulatedFirstMoment/conv/kernel',
    ],
    [
      'a moment too many',
      (_, arrays) => arrays.set('optimizers/0/x/y', arrays.get(moment)),
      'state.optimizers[0].arrays/x/y',
    ],
    [
      'none of ours',
      (_, arrays) => arrays.delete(own),
      expect.stringMatching(/^state\.optimizers\[1\]\.optimizer\/conv\/kernel.*\/first\/values$/),
    ],
  ];

  it('is refused by name, and everything is as it was', async () => {
    const { program, run, pair, state, dispose } = await setUp();
    const now = (): string => fnv1a64(encodeState(run.save()));
    const before = now();
    const memory = tf.memory();
    for (const [name, change, argument] of cases) {
      const copy = { state: structuredClone(state.state), arrays: new Map(state.arrays) };
      change(copy.state, copy.arrays);
      expect(() => run.restore(copy as RecipeState, ...pair), name).toThrow(
        expect.objectContaining({ name: 'ArgumentError', argument }),
      );
      expect(now(), name).toBe(before);
    }
    for (const given of [null, 5, {}, { state: null, arrays: new Map() }, { state: state.state, arrays: {} }])
      expect(() => run.restore(given as never, ...pair)).toThrow(
        expect.objectContaining({ name: 'ArgumentError', argument: 'state' }),
      );
    expect(() => run.restore(state)).toThrow(expect.objectContaining({ argument: 'optimizers' }));
    expect(() => run.restore(state, ...pair, pair[0]!)).toThrow(
      expect.objectContaining({ argument: 'optimizers' }),
    );
    expect(now()).toBe(before);
    const { numTensors, numDataBuffers } = tf.memory();
    expect([numTensors, numDataBuffers]).toEqual([memory.numTensors, memory.numDataBuffers]);
    // The run goes on from the state that fits.
    run.restore(state, ...pair);
    expect(run.step).toBe(2);
    expect(fnv1a64(encodeState(run.save()))).toBe(fnv1a64(encodeState(state)));
    program.step(pair[0]!, 2);
    expect(now()).toBe(before);
    dispose();
  });

  it('bytes that anybody changed are told, whatever was done to them', async () => {
    const { run, state, dispose } = await setUp(recipes.dqt({ bits: 8 }));
    const bytes = encodeState(run.save({ epoch: 3, note: 'é' }));
    expect(decodeState(bytes).state.program).toEqual({ epoch: 3, note: 'é' });
    expect(decodeState(encodeState(state))).toEqual(state);
    dispose();
    const change = fc.record({
      kind: fc.constantFrom('cut', 'set', 'insert'),
      at: fc.nat({ max: bytes.length - 1 }),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(change, ({ kind, at, byte }) => {
        const list = [...bytes];
        if (kind === 'cut') list.length = at;
        else list.splice(at, kind === 'set' ? 1 : 0, byte);
        if (kind === 'set' && bytes[at] === byte) return;
        let read: RecipeState;
        try {
          read = decodeState(Uint8Array.from(list), 'a.st');
        } catch (error) {
          expect(error).toMatchObject({
            name: 'ArgumentError',
            message: expect.stringMatching(/^a\.st is damaged: [^\n]*$/),
          });
          return;
        }
        // Only white space of the header can change without being told.
        expect(encodeState(read)).toEqual(bytes);
      }),
      { seed: 31, numRuns: 300 },
    );
  });

  it('what JSON would not give back is no data of the program', async () => {
    const { run, dispose } = await setUp(recipes.float32());
    const loop: Loose = {};
    loop.loop = loop;
    for (const [given, argument] of [
      [NaN, 'program'],
      [{ loss: Infinity }, 'program.loss'],
      [{ loss: -0 }, 'program.loss'],
      [{ losses: [1, undefined] }, 'program.losses[1]'],
      [{ losses: new Float32Array(2) }, 'program.losses'],
      [{ at: new Date() }, 'program.at'],
      [{ f: () => 1 }, 'program.f'],
      [{ big: 1n }, 'program.big'],
      [JSON.parse('{"__proto__": 1}'), 'program.__proto__'],
      [loop, expect.stringMatching(/^program(\.loop)+$/)],
    ] as const)
      expect(() => run.save(given), String(argument)).toThrow(
        expect.objectContaining({ name: 'ArgumentError', argument }),
      );
    const nested: Loose = { losses: [1.5, 2 ** -1074], names: ['a', null, true], deep: { er: {} } };
    const read = decodeState(encodeState(run.save(nested))).state.program;
    expect(read).toEqual(nested);
    dispose();
  });
});
