/** `emulate` on unchanged programs: what is rounded, what is not, and that nothing is left behind. */
import type { NamedTensorMap, Tensor, TensorInfo } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import {
  cpuBackend,
  emulate,
  type Policy,
  roles,
  type TensorFlow,
  wasmBackend,
} from '../../src/tfjs/index.ts';
import {
  attentionProgram,
  bitsOf,
  denseProgram,
  observeKernels,
  registryOf,
  tensorBits,
} from './tfjs-programs.ts';

const { bfloat16 } = formats;
const onGrid = (values: Float32Array): boolean => values.every((value) => bfloat16.has(value));

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on the %s backend', (backendName, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

  /** Runs a program under a policy; per role, the kernels whose results left the grid, and how many were on it. */
  async function survey(
    policy: Policy,
    program: () => Promise<void> | void,
  ): Promise<{ off: Record<string, string[]>; count: Record<string, number> }> {
    const off: Record<string, string[]> = Object.fromEntries(roles.map((role) => [role, []]));
    const count: Record<string, number> = Object.fromEntries(roles.map((role) => [role, 0]));
    await emulate.scope(tf, policy, async () => {
      const end = observeKernels(tf, ({ kernel, role, isArithmetic, results }) => {
        for (const values of results) {
          count[role]!++;
          if (isArithmetic && !onGrid(values)) off[role]!.push(kernel);
        }
      });
      await program();
      end();
    });
    return { off, count };
  }

  test('every result of arithmetic of forward, backward and predict in model.fit is on the grid, and no other', async () => {
    const { model, xs, ys, dispose } = denseProgram(tf);
    const { off, count } = await survey({ format: 'bfloat16' }, async () => {
      await model.fit(xs, ys, { epochs: 2, batchSize: 16, validationSplit: 0.25, verbose: 0 });
      tf.dispose(model.predict(xs));
    });
    const rounded = Object.entries(off).filter(([role]) => ['forward', 'backward', 'predict'].includes(role));
    expect(rounded.map(([, kernels]) => kernels)).toEqual([[], [], []]);
    for (const role of ['optimizer', 'loss']) expect(off[role]!.length).toBeGreaterThan(0);
    for (const role of roles) if (role !== 'statistics') expect(count[role]).toBeGreaterThan(0);
    for (const weight of model.getWeights()) expect(onGrid(weight.dataSync() as Float32Array)).toBe(false);
    dispose();
  });

  test('every result of arithmetic of a transformer block under variableGrads is on the grid', async () => {
    const { variables, loss, dispose } = attentionProgram(tf);
    const masters = variables.map(tensorBits);
    const { off, count } = await survey({ format: 'bfloat16' }, () => {
      tf.tidy(() => {
        const { grads } = tf.variableGrads(loss, variables);
        for (const gradient of Object.values(grads))
          expect(onGrid(gradient.dataSync() as Float32Array)).toBe(true);
        expect(variables.map(tensorBits)).toEqual(masters);
      });
    });
    expect(off['forward']).toEqual([]);
    expect(off['backward']).toEqual([]);
    expect(count['forward']).toBeGreaterThan(40);
    expect(count['backward']).toBeGreaterThan(50);
    dispose();
  });

  test('stopping restores registry, prototypes and memory', async () => {
    const { model, xs, ys, dispose } = denseProgram(tf);
    await model.fit(xs, ys, { epochs: 1, verbose: 0 });
    const kernels = registryOf(tf);
    const methods = (): unknown[] => [
      tf.Optimizer.prototype.minimize,
      tf.SGDOptimizer.prototype.applyGradients,
      tf.AdamOptimizer.prototype.applyGradients,
      Reflect.get(tf.LayersModel.prototype, 'predictLoop'),
      Reflect.get(tf.LayersModel.prototype, 'testLoop'),
      Object.keys(tf.backend()),
      tf.backend().disposeData,
    ];
    const before = methods();
    const memory = tf.memory();
    const dataIds = tf.backend().numDataIds();
    const emulation = await emulate(tf, { format: 'bfloat16' });
    expect(registryOf(tf).get('Add')).not.toBe(kernels.get('Add'));
    await model.fit(xs, ys, { epochs: 1, validationSplit: 0.25, verbose: 0 });
    tf.dispose(model.predict(xs));
    emulation.stop();
    emulation.stop();
    expect(methods()).toEqual(before);
    expect(registryOf(tf)).toEqual(kernels);
    for (const [name, config] of registryOf(tf)) expect(config).toBe(kernels.get(name));
    expect(tf.memory()).toEqual(memory);
    expect(tf.backend().numDataIds()).toBe(dataIds);
    dispose();
  });

  test('memory does not grow over hundreds of steps', async () => {
    const { variables, loss, dispose } = attentionProgram(tf);
    const optimizer = tf.train.adam(0.01);
    await emulate.scope(tf, { format: 'e4m3fn', saturation: 'finite', rounding: 'stochastic' }, () => {
      const step = (): void => void optimizer.minimize(loss, false, variables);
      for (let i = 0; i < 5; i++) step();
      const [memory, dataIds] = [tf.memory(), tf.backend().numDataIds()];
      for (let i = 0; i < (backendName === 'cpu' ? 30 : 300); i++) step();
      expect([tf.memory(), tf.backend().numDataIds()]).toEqual([memory, dataIds]);
    });
    optimizer.dispose();
    dispose();
  });

  test('the identity format changes no bit of a model.fit with stock kernels', async () => {
    const train = async (policy?: Policy): Promise<number[][]> => {
      const { model, xs, ys, dispose } = denseProgram(tf);
      const run = async (): Promise<unknown> => model.fit(xs, ys, { epochs: 2, shuffle: false, verbose: 0 });
      await (policy === undefined ? run() : emulate.scope(tf, policy, run));
      const weights = model.getWeights().map(tensorBits);
      dispose();
      return weights;
    };
    expect(await train({ format: 'binary32', kernels: 'stock' })).toEqual(await train());
    // Clamping infinities takes the whole machinery, and there are none.
    expect(await train({ format: 'binary32', saturation: 'finite', kernels: 'stock' })).toEqual(
      await train(),
    );
  });

  test('stochastic rounding is reproduced by its seed, and another seed differs', async () => {
    const gradients = async (seed: number): Promise<number[][]> => {
      const { variables, loss, dispose } = attentionProgram(tf);
      const policy: Policy = { format: 'e5m2', rounding: 'stochastic', seed };
      const bits = await emulate.scope(
        tf,
        policy,
        () => tf.tidy(() => Object.values(tf.variableGrads(loss, variables).grads).map(tensorBits)) as never,
      );
      dispose();
      return bits;
    };
    const first = await gradients(1);
    expect(await gradients(1)).toEqual(first);
    expect(await gradients(2)).not.toEqual(first);
  });

  test('a weight is drawn once per value: two uses in a step see the same rounded weight', async () => {
    const weight = tf.tidy(() => tf.variable(tf.randomNormal([64], 0, 1, 'float32', 1)));
    await emulate.scope(tf, { format: 'e4m3fn', rounding: 'stochastic' }, () => {
      const seen = (): number[] =>
        tf.tidy(() => {
          let bits: number[] = [];
          tf.variableGrads(() => {
            bits = tensorBits(tf.mul(weight, 1));
            // Moved copies have the draws of what they are copies of.
            const turned = tf.mul(tf.transpose(tf.reshape(weight, [8, 8])), 1);
            expect(tensorBits(tf.transpose(turned))).toEqual(bits);
            const [left, right] = tf.split(weight, 2);
            expect(tensorBits(tf.mul(tf.concat([left!, right!]), 1))).toEqual(bits);
            return tf.sum(weight);
          });
          return bits as never;
        });
      const first = seen();
      expect(seen()).toEqual(first);
      weight.assign(tf.tidy(() => weight.mul(1)));
      expect(tensorBits(weight)).not.toEqual(first);
      expect(seen()).not.toEqual(first);
    });
    weight.dispose();
  });

  test('int32 and bool tensors pass; complex and string operands of an emulated role are refused', async () => {
    const memory = tf.memory();
    await emulate.scope(tf, { roles: { other: 'e2m1' }, saturation: 'finite' }, () => {
      tf.tidy(() => {
        const large = tf.tensor1d([1000, 1001], 'int32');
        expect(Array.from(large.add(large).dataSync())).toEqual([2000, 2002]);
        expect(Array.from(large.greater(tf.scalar(1000, 'int32')).dataSync())).toEqual([0, 1]);
        expect(Array.from(large.toFloat().reshape([2, 1]).dataSync())).toEqual([1000, 1001]);
        expect(Array.from(large.toFloat().add(0).dataSync())).toEqual([6, 6]);
        expect(Array.from(tf.add(tf.tensor1d([1, 3], 'int32').toFloat(), 0).dataSync())).toEqual([1, 3]);
        expect(Array.from(large.dataSync())).toEqual([1000, 1001]);
        const text = tf.tensor1d(['a', 'b']);
        expect(() => text.reshape([2, 1])).toThrow(ArgumentError);
        expect(() => text.reshape([2, 1])).toThrow('Reshape.x');
      });
    });
    expect(tf.memory()).toEqual(memory);
  });
});

describe('on a backend that hides its data', () => {
  test('results are rounded through readSync and write, and nothing leaks', async () => {
    const tf = await cpuBackend();
    tf.registerBackend('opaque', () => new tf.MathBackendCPU());
    tf.copyRegisteredKernels('cpu', 'opaque');
    // As tfjs-node does: a kernel that returns a tensor which the engine counts already.
    const negate = tf.getKernel('Neg', 'opaque');
    tf.unregisterKernel('Neg', 'opaque');
    tf.registerKernel({
      ...negate,
      kernelFunc: (args) => tf.engine().makeTensorFromTensorInfo(negate.kernelFunc(args) as TensorInfo),
    });
    const operands = [
      tf.randomNormal([5, 20], 0, 1, 'float32', 1),
      tf.randomNormal([20, 3], 0, 1, 'float32', 2),
    ];
    const arrays = operands.map((t) => Array.from(t.dataSync()));
    tf.dispose(operands);
    const scale = { per: 'row', from: 'absmax' } as const;
    const products: Policy = {
      format: 'e4m3fn',
      roles: { other: {} },
      accumulator: { accumulate: 'binary16', products: 'exact' },
      inputs: { b: { format: 'int4', scale } },
      log: true,
    };
    const multiply = (): Promise<number[]> =>
      emulate.scope(tf, products, () =>
        tf.tidy(
          () =>
            tensorBits(
              tf.matMul(tf.tensor2d(arrays[0]!, [5, 20]), tf.tensor2d(arrays[1]!, [20, 3])),
            ) as never,
        ),
      );
    const onCpu = await multiply();
    await tf.setBackend('opaque');
    expect(await multiply()).toEqual(onCpu);
    const { model, xs, ys, dispose } = denseProgram(tf);
    await model.fit(xs, ys, { epochs: 1, verbose: 0 });
    const memory = tf.memory();
    await emulate.scope(tf, { format: 'bfloat16', roles: { other: 'bfloat16' } }, async () => {
      await model.fit(xs, ys, { epochs: 2, verbose: 0 });
      const outputs = model.predict(xs) as Tensor;
      expect(onGrid(outputs.dataSync() as Float32Array)).toBe(true);
      outputs.dispose();
      const negative = tf.neg(xs);
      expect(onGrid(negative.dataSync() as Float32Array)).toBe(true);
      negative.dispose();
    });
    expect(tf.memory()).toEqual(memory);
    expect(onGrid(xs.dataSync() as Float32Array)).toBe(false);
    dispose();
    for (const name of registryOf(tf).keys()) tf.unregisterKernel(name, 'opaque');
    tf.removeBackend('opaque');
  });
});

describe('policies', () => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await wasmBackend();
  });

  /** An inexact sum computed in the forward role, and one outside. */
  const sums = (): [forward: number, other: number] => {
    const x = tf.tensor1d([1 + 2 ** -20]);
    let forward = Number.NaN;
    tf.dispose(
      tf.grad((t) => {
        const sum = t.add(1);
        forward = sum.dataSync()[0]!;
        return sum;
      })(x),
    );
    const other = tf.tidy(() => x.add(1).dataSync()[0]!);
    x.dispose();
    return [forward, other as never];
  };
  const exact = 2 + 2 ** -20;

  test('the newest policy replaces the others until it is stopped, in any order', async () => {
    const kernels = registryOf(tf);
    const coarse = await emulate(tf, { format: 'bfloat16' });
    expect(sums()).toEqual([2, exact]);
    const all = await emulate(tf, { roles: { other: 'bfloat16' } });
    expect(sums()).toEqual([exact, 2]);
    coarse.stop();
    expect(sums()).toEqual([exact, 2]);
    all.stop();
    expect(sums()).toEqual([exact, exact]);
    expect([...registryOf(tf)].every(([name, config]) => config === kernels.get(name))).toBe(true);
    await emulate.scope(tf, { format: 'bfloat16' }, () => expect(sums()).toEqual([2, exact]));
    expect(sums()).toEqual([exact, exact]);
  });

  test('scope ends when its function throws', async () => {
    const kernels = registryOf(tf);
    const failing = emulate.scope(tf, { format: 'bfloat16' }, () => Promise.reject(new Error('stop here')));
    await expect(failing).rejects.toThrow('stop here');
    expect(registryOf(tf)).toEqual(kernels);
    expect(sums()).toEqual([exact, exact]);
  });

  test('roles have their own roundings; null is float32', async () => {
    const x = tf.tensor1d([1.3, -0.7]);
    const policy: Policy = { format: 'e4m3fn', roles: { backward: { format: 'e5m2' }, forward: null } };
    await emulate.scope(tf, policy, () => {
      tf.tidy(() => {
        const { value, grad } = tf.valueAndGrad((t) => t.mul(t).sum())(x);
        expect(e5m2Only(grad.dataSync() as Float32Array)).toBe(true);
        expect(bitsOf(value.dataSync())).toEqual(tensorBits(x.mul(x).sum()));
      });
    });
    x.dispose();
  });
  const e5m2Only = (values: Float32Array): boolean => values.every((value) => formats.e5m2.has(value));

  test('the optimizer role reaches built-in and user-made optimisers', async () => {
    class Descent extends tf.Optimizer {
      static readonly className = 'Descent';
      applyGradients(gradients: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
        for (const { name, tensor } of gradients as { name: string; tensor: Tensor }[]) {
          const variable = tf.engine().registeredVariables[name]!;
          tf.tidy(() => variable.assign(variable.sub(tensor.mul(0.1))));
        }
      }
      getConfig(): Record<string, never> {
        return {};
      }
    }
    const own = Object.getOwnPropertyDescriptor(Descent.prototype, 'applyGradients');
    for (const optimizer of [
      tf.train.sgd(0.1),
      tf.train.adam(0.1),
      tf.train.momentum(0.1, 0.9),
      new Descent(),
    ]) {
      const variable = tf.tidy(() => tf.variable(tf.tensor1d([1.2345678, -0.7654321])));
      await emulate.scope(tf, { roles: { optimizer: 'bfloat16' } }, () => {
        optimizer.minimize(() => variable.square().sum(), false, [variable]);
      });
      expect(onGrid(variable.dataSync() as Float32Array)).toBe(true);
      variable.dispose();
      optimizer.dispose();
    }
    expect(Object.getOwnPropertyDescriptor(Descent.prototype, 'applyGradients')).toEqual(own);
  });

  test.each([
    [{ format: 'bfloat17' }, 'bfloat17'],
    [{ format: 'bfloat16', rounding: 'up' }, 'rounding'],
    [{ format: 'bfloat16', kernels: 'fast' }, 'kernels'],
    [{ format: 'bfloat16', seed: -1 }, 'seed'],
    [{ roles: { sideways: 'bfloat16' } }, 'roles'],
    [{ roles: { forward: { rounding: 'stochastic' } } }, 'format'],
    [{ format: 'float(5,30)' }, 'format'],
    ['bfloat16', 'policy'],
  ])('a wrong policy %j is refused by name and changes nothing', async (policy, name) => {
    const kernels = registryOf(tf);
    await expect(emulate(tf, policy as never)).rejects.toThrow(ArgumentError);
    await expect(emulate(tf, policy as never)).rejects.toThrow(name);
    expect(registryOf(tf)).toEqual(kernels);
  });

  test('the random state can be read, set back and resumed', async () => {
    const x = tf.randomNormal([100], 0, 1, 'float32', 1);
    const y = tf.randomNormal([100], 0, 1, 'float32', 2);
    const emulation = await emulate(tf, { roles: { other: 'e4m3fn' }, rounding: 'stochastic', seed: 5 });
    const draw = (): number[] => tf.tidy(() => tensorBits(x.mul(y)) as never);
    expect(emulation.state).toEqual({ cursor: 0 });
    const first = draw();
    const state = JSON.parse(JSON.stringify(emulation.state)) as typeof emulation.state;
    const second = draw();
    expect(second).not.toEqual(first);
    emulation.reset(state);
    expect(draw()).toEqual(second);
    emulation.stop();
    tf.dispose([x, y]);
  });
});
