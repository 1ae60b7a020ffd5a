/** Emulation over awaits: scopes that overlap, roles of asynchronous functions, runs that are resumed from a state. */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import {
  emulate,
  inRole,
  type Policy,
  type Role,
  type TensorFlow,
  wasmBackend,
} from '../../src/tfjs/index.ts';
import { denseProgram, registryOf, tensorBits } from './tfjs-programs.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const pause = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** 1 + 2^-5 + 2^-20 plus 0, computed in the role `other`: what the policy in force makes of it. */
const probe = (): number => tf.tidy(() => tf.add(1 + 2 ** -5 + 2 ** -20, 0).dataSync()[0] as never);
const seen = { binary32: 1 + 2 ** -5 + 2 ** -20, bfloat16: 1 + 2 ** -5, e4m3fn: 1 } as const;
const other = (format: string): Policy => ({ roles: { other: format } });

describe('scopes that overlap', () => {
  test('see their own policies only, whichever began or ended first', async () => {
    const kernels = registryOf(tf);
    const log: number[][] = [];
    const run = (format: 'bfloat16' | 'e4m3fn', pauses: number[]): Promise<void> =>
      emulate.scope(tf, other(format), async () => {
        for (const ms of pauses) {
          log.push([probe(), seen[format]]);
          await pause(ms);
          await emulate.scope(tf, other('binary32'), async () => {
            await pause();
            log.push([probe(), seen.binary32]);
          });
          await Promise.all([pause(), Promise.resolve()]);
          log.push([probe(), seen[format]]);
        }
      });
    const all = Promise.all([run('bfloat16', [5, 1, 8]), run('e4m3fn', [1, 9, 1]), run('bfloat16', [3])]);
    for (let i = 0; i < 20; i++) {
      await pause(1);
      expect(probe()).toBe(seen.binary32);
    }
    await all;
    expect(log.length).toBe(21);
    for (const [actual, expected] of log) expect(actual).toBe(expected);
    for (const [name, config] of registryOf(tf)) expect(config).toBe(kernels.get(name));
  });

  test('an emulation rules where no scope does, and one that begins in a scope rules in it', async () => {
    const outer = await emulate(tf, other('bfloat16'));
    let release = (): void => undefined;
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    const scope = emulate.scope(tf, other('e4m3fn'), async () => {
      expect(probe()).toBe(seen.e4m3fn);
      await waiting;
      expect(probe()).toBe(seen.e4m3fn);
      const inner = await emulate(tf, other('binary32'));
      expect(probe()).toBe(seen.binary32);
      inner.stop();
      expect(probe()).toBe(seen.e4m3fn);
    });
    await pause();
    expect(probe()).toBe(seen.bfloat16);
    const newest = await emulate(tf, other('binary32'));
    expect(probe()).toBe(seen.binary32);
    release();
    await scope;
    newest.stop();
    expect(probe()).toBe(seen.bfloat16);
    outer.stop();
    expect(probe()).toBe(seen.binary32);
  });

  test('two trainings at once have the weights that each has alone', async () => {
    const train = async (policy: Policy, seed: number): Promise<number[][]> => {
      const { model, xs, ys, dispose } = denseProgram(tf, seed === 1 ? 'adam' : 'sgd');
      await emulate.scope(tf, policy, () => model.fit(xs, ys, { epochs: 2, shuffle: false, verbose: 0 }));
      const weights = model.getWeights().map(tensorBits);
      dispose();
      return weights;
    };
    const policies: Policy[] = [
      { format: 'bfloat16' },
      { format: 'e4m3fn', saturation: 'finite', rounding: 'stochastic', seed: 7 },
      { format: 'binary32' },
    ];
    const alone: number[][][] = [];
    for (const [seed, policy] of policies.entries()) alone.push(await train(policy, seed));
    expect(await Promise.all(policies.map((policy, seed) => train(policy, seed)))).toEqual(alone);
  });
});

test('an asynchronous function keeps its role over its awaits, and no other code has it', async () => {
  await emulate.scope(tf, { roles: { optimizer: 'bfloat16', other: 'e4m3fn' } }, async () => {
    const inside: number[] = [];
    const update = inRole(tf, 'optimizer', async () => {
      inside.push(probe());
      await pause(3);
      inside.push(probe());
      inRole(tf, 'predict', () => inside.push(probe()));
      await inRole(tf, 'predict', async () => {
        await pause();
        inside.push(probe());
      });
      inside.push(probe());
      return 'done';
    });
    await pause();
    expect(probe()).toBe(seen.e4m3fn);
    expect(await update).toBe('done');
    const { bfloat16, binary32 } = seen;
    expect(inside).toEqual([bfloat16, bfloat16, binary32, binary32, bfloat16]);
    expect(probe()).toBe(seen.e4m3fn);
  });
  expect(() => inRole(tf, 'optimiser' as Role, () => 1)).toThrow('did you mean optimizer');
});

describe('where there is no AsyncLocalStorage', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  /** The library as a browser loads it. */
  async function inBrowser(): Promise<{ emulate: typeof emulate; inRole: typeof inRole }> {
    vi.stubGlobal('process', Object.create(process, { getBuiltinModule: { value: undefined } }));
    vi.resetModules();
    return import('../../src/tfjs/index.ts');
  }

  test('a scope that begins while another one waits is refused; nested ones are not', async () => {
    const library = await inBrowser();
    const first = library.emulate.scope(tf, other('bfloat16'), async () => {
      await pause(5);
      return probe();
    });
    const second = library.emulate.scope(tf, other('e4m3fn'), () => probe());
    await expect(second).rejects.toThrow('emulate.scope');
    await expect(second).rejects.toMatchObject({ name: 'ArgumentError' });
    expect(await first).toBe(seen.bfloat16);
    const nested = await library.emulate.scope(tf, other('bfloat16'), async () => {
      const inner = await library.emulate.scope(tf, other('e4m3fn'), async () => {
        await pause();
        return probe();
      });
      return [inner, probe()];
    });
    expect(nested).toEqual([seen.e4m3fn, seen.bfloat16]);
    await expect(
      library.emulate.scope(tf, other('bfloat16'), () => {
        throw new Error('stop here');
      }),
    ).rejects.toThrow('stop here');
    expect(await library.emulate.scope(tf, other('e4m3fn'), () => probe())).toBe(seen.e4m3fn);
  });

  test('a role for an asynchronous function is refused while something is emulated', async () => {
    const library = await inBrowser();
    expect(await library.inRole(tf, 'optimizer', () => Promise.resolve(5))).toBe(5);
    await library.emulate.scope(tf, { roles: { optimizer: 'bfloat16' } }, () => {
      expect(library.inRole(tf, 'optimizer', probe)).toBe(seen.bfloat16);
      expect(() => library.inRole(tf, 'optimizer', () => Promise.resolve(5))).toThrow('AsyncLocalStorage');
      expect(probe()).toBe(seen.binary32);
    });
  });
});

describe('state and reset', () => {
  const policy: Policy = { format: 'e4m3fn', saturation: 'finite', rounding: 'stochastic', seed: 11 };

  interface Program {
    step(): void;
    save(): number[][];
    dispose(): void;
  }

  /** A frozen table, a trained weight, a state that survives between steps, and constants that every step reads. */
  function program(saved?: number[][]): Program {
    const floats = (bits: number[]): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);
    const make = (index: number, shape: number[], seed: number): Tensor =>
      saved === undefined
        ? tf.randomNormal(shape, 0, 1, 'float32', seed)
        : tf.tensor(floats(saved[index]!), shape);
    const variable = (index: number, shape: number[], seed: number, trainable: boolean): Variable =>
      tf.tidy(() => tf.variable(make(index, shape, seed), trainable));
    const frozen = variable(0, [4, 4], 1, false);
    const weight = variable(1, [4, 4], 2, true);
    let state = make(2, [3, 4], 3);
    const constant = make(3, [3, 4], 4);
    const optimizer = tf.train.sgd(0.05);
    return {
      step() {
        let next: Tensor | undefined;
        optimizer.minimize(
          () => {
            const hidden = tf.tanh(tf.add(tf.matMul(state, tf.transpose(weight)), constant)).matMul(frozen);
            next = tf.keep(hidden.reshape([3, 4]).clone());
            return tf.losses.meanSquaredError(constant, tf.clipByValue(hidden, -0.3, 0.3));
          },
          false,
          [weight],
        );
        state.dispose();
        state = next!;
      },
      save: () => [frozen, weight, state, constant].map((t) => tensorBits(t)),
      dispose() {
        tf.dispose([frozen, weight, state, constant]);
        optimizer.dispose();
      },
    };
  }

  test('a run that is resumed from a state has the bits of one that was not interrupted', async () => {
    const whole = await emulate.scope(tf, policy, () => {
      const run = program();
      for (let i = 0; i < 6; i++) run.step();
      const bits = run.save();
      run.dispose();
      return bits;
    });
    const first = await emulate(tf, policy);
    const begun = program();
    for (let i = 0; i < 3; i++) begun.step();
    const { state } = first;
    expect(state.held?.length).toBeGreaterThan(0);
    const saved = JSON.parse(JSON.stringify([state, begun.save()])) as [typeof state, number[][]];
    // Reading the state changes nothing.
    for (let i = 0; i < 3; i++) begun.step();
    expect(begun.save()).toEqual(whole);
    begun.dispose();
    first.stop();
    const second = await emulate(tf, policy);
    second.reset(saved[0]);
    expect(second.state).toEqual(state);
    const resumed = program(saved[1]);
    for (let i = 0; i < 3; i++) resumed.step();
    expect(resumed.save()).toEqual(whole);
    resumed.dispose();
    second.stop();
  });

  test('reset begins anew although rounded tensors are alive', async () => {
    const x = tf.randomNormal([50], 0, 1, 'float32', 1);
    const emulation = await emulate(tf, { ...policy, roles: { other: {} } });
    const draw = (): number[] => tf.tidy(() => tensorBits(x.mul(3)) as never);
    const first = draw();
    expect(draw()).not.toEqual(first);
    emulation.reset();
    expect(draw()).toEqual(first);
    emulation.stop();
    x.dispose();
  });

  test.each([
    [{ cursor: -1 }, 'state.cursor'],
    [{ cursor: 0, held: {} }, 'state.held'],
    [{ cursor: 0, held: [{ grid: 0, size: 1, contents: 'x' }] }, 'state.held[0].offset'],
    [{ cursor: 0, seed: 1 }, 'state.seed'],
  ])('the wrong state %j is refused', async (state, path) => {
    const emulation = await emulate(tf, policy);
    expect(() => emulation.reset(state as never)).toThrow(ArgumentError);
    expect(() => emulation.reset(state as never)).toThrow(path);
    emulation.stop();
  });
});
