/** What is no TensorFlow.js, policy, role, optimiser or measure is refused by name; kernels come and go while emulation is on. */
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { round } from '../../src/index.ts';
import {
  cpuBackend,
  emulate,
  fakeQuantize,
  inRole,
  installMissingKernels,
  lossScaling,
  type Policy,
  type TensorFlow,
  wasmBackend,
} from '../../src/tfjs/index.ts';
import { registryOf, tensorBits } from './tfjs-programs.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** The refusal of a call, synchronous or not. */
async function refusal(call: () => unknown): Promise<ArgumentError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof ArgumentError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('TensorFlow.js itself', () => {
  const quantizer = { format: 'int4', scale: { per: 'tensor', from: 'absmax' } } as const;
  const calls: [string, (given: never) => unknown][] = [
    ['emulate', (given) => emulate(given, { format: 'bfloat16' })],
    ['emulate.scope', (given) => emulate.scope(given, { format: 'bfloat16' }, () => 0)],
    ['lossScaling', (given) => lossScaling(given)],
    ['installMissingKernels', (given) => installMissingKernels(given)],
    ['fakeQuantize', (given) => fakeQuantize(given, tf.tensor([1]), quantizer)],
  ];
  test.each(calls)('%s refuses what is none', async (_, call) => {
    const wrong = [undefined, null, 'tfjs', 3, {}, [], () => tf, { engine: 'wasm' }, Promise.resolve(tf)];
    for (const given of wrong) {
      const { argument, accepted } = await refusal(() => call(given as never));
      expect(argument).toBe('tf');
      expect(accepted).toMatch(/^the namespace of TensorFlow\.js/);
    }
    const { accepted } = await refusal(() => call({ default: tf } as never));
    expect(accepted).toMatch(/it is the field default of what is given/);
  });

  test('arguments that are swapped are told so', async () => {
    const swapped: (() => unknown)[] = [
      () => emulate({ format: 'bfloat16' } as never, tf as never),
      () => emulate.scope({ format: 'bfloat16' } as never, tf as never, () => 0),
      () => emulate.scope((() => 0) as never, {}, tf as never),
      () => lossScaling({ initial: 2 } as never, tf as never),
      () => fakeQuantize(tf.tensor([1]) as never, tf as never, quantizer),
    ];
    for (const call of swapped) expect((await refusal(call)).accepted).toMatch(/it is the first argument/);
  });
});

test('emulate.scope needs a function', async () => {
  for (const fn of [undefined, null, 'run', {}, Promise.resolve()])
    expect((await refusal(() => emulate.scope(tf, { format: 'bfloat16' }, fn as never))).argument).toBe('fn');
  expect((await refusal(() => emulate.scope(tf, (() => 0) as never, undefined as never))).argument).toBe(
    'fn',
  );
});

test('kernels that the backend does not have are answered by the nearest', async () => {
  const registry = registryOf(tf);
  for (const [policy, path, near] of [
    [{ kernels: { MatMul: 'bfloat16' } }, 'kernels.MatMul', /^matmul, .*BatchMatMul;/],
    [{ kernels: { Softmx: null } }, 'kernels.Softmx', /^Softmax/],
    [{ kernels: { Div: null } }, 'kernels.Div', /RealDiv/],
    [{ kernels: { FFT: 'bfloat16' } }, 'kernels.FFT', /kernels of the wasm backend, matmul, convolution$/],
    [{ layers: { 'a/*': { kernels: { Conv: null } } } }, "layers['a/*'].kernels.Conv", /convolution/],
  ] as const) {
    const error = await refusal(() => emulate(tf, policy as never));
    expect([error.argument, error.accepted]).toEqual([path, expect.stringMatching(near)]);
    expect(registryOf(tf)).toEqual(registry);
  }
});

test('heatMap knows its measures', async () => {
  const emulation = await emulate(tf, { format: 'bfloat16', log: true });
  emulation.stop();
  const log = emulation.log!;
  for (const measure of ['bogus', 'underflw', 'calls', undefined, 3, 'toString']) {
    const error = await refusal(() => log.heatMap(measure as never));
    expect(error.argument).toBe('measure');
  }
  expect((await refusal(() => log.heatMap('underflw' as never))).accepted).toMatch(/did you mean underflow/);
  for (const measure of ['elements', 'overflow', 'underflow', 'nan', 'rmsError', 'maxError'] as const)
    expect(log.heatMap(measure)).toEqual([]);
});

describe('loss scaling', () => {
  test.each<[object | string | null, string]>([
    [{ inital: 2 }, 'inital'],
    [{ initial: 3 }, 'initial'],
    [{ initial: '1024' }, 'initial'],
    [{ initial: null }, 'initial'],
    [{ dynamic: 'yes' }, 'dynamic'],
    [{ dynamic: 0 }, 'dynamic'],
    [{ growthInterval: 0 }, 'growthInterval'],
    [{ growthInterval: 1.5 }, 'growthInterval'],
    [{ smallest: 0 }, 'smallest'],
    [{ largest: 5 }, 'largest'],
    [{ initial: 2, smallest: 4 }, 'initial'],
    [{ dynamic: false, growthInterval: 100 }, 'growthInterval'],
    [{ dynamic: false, smallest: 1 }, 'smallest'],
    [{ dynamic: false, largest: 2 }, 'largest'],
    ['dynamic', 'options'],
    [[], 'options'],
  ])('refuses the options %j', async (options, argument) => {
    expect((await refusal(() => lossScaling(tf, options as never))).argument).toBe(argument);
  });

  test('refuses what is no optimiser, loss or state', async () => {
    const scaling = lossScaling(tf);
    const adam = tf.train.adam();
    const loss = (): Scalar => tf.scalar(1);
    for (const given of ['adam', undefined, null, {}, () => adam, tf.train]) {
      const error = await refusal(() => scaling.wrap(given as never));
      expect([error.argument, error.accepted]).toEqual([
        'optimizer',
        expect.stringContaining('tf.train.adam'),
      ]);
      expect((await refusal(() => scaling.minimize(given as never, loss))).argument).toBe('optimizer');
    }
    expect((await refusal(() => scaling.minimize(loss as never, adam as never))).argument).toBe('optimizer');
    expect((await refusal(() => scaling.minimize(adam, tf.scalar(1) as never))).argument).toBe('f');
    expect((await refusal(() => scaling.minimize(adam, loss, [] as never))).argument).toBe('returnCost');
    expect((await refusal(() => scaling.variableGrads(adam as never))).argument).toBe('f');
    for (const [state, argument] of [
      [undefined, 'state'],
      [{ scale: 3, finiteSteps: 0, skipped: 0 }, 'state.scale'],
      [{ scale: 4, finiteSteps: -1, skipped: 0 }, 'state.finiteSteps'],
      [{ scale: 4, finiteSteps: 0 }, 'state.skipped'],
      [{ scale: 4, finiteSteps: 0, skipped: 0, step: 1 }, 'state.step'],
    ] as const)
      expect((await refusal(() => scaling.restore(state as never))).argument).toBe(argument);
    expect(scaling.state).toEqual({ scale: 2 ** 15, finiteSteps: 0, skipped: 0 });
    adam.dispose();
  });
});

test('fakeQuantize refuses what is no float32 tensor and no quantiser', async () => {
  const options = { format: 'int4', scale: { per: 'tensor', from: 'absmax' } } as const;
  for (const x of [undefined, [1, 2], Float32Array.of(1), tf.tensor([1], [1], 'int32')])
    expect((await refusal(() => fakeQuantize(tf, x as never, options))).argument).toBe('x');
  const x = tf.tensor([1]);
  for (const given of [undefined, null, 'int4x', 4])
    expect((await refusal(() => fakeQuantize(tf, x, given as never))).argument).toBe('quantizer');
  x.dispose();
});

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('kernels on the %s backend', (backendName, load) => {
  beforeAll(async () => {
    tf = await load();
  });
  const config = (kernelName: string, factor: number) => ({
    kernelName,
    backendName,
    kernelFunc: ({ inputs }: { inputs: object }) => {
      const { x } = inputs as { x: Tensor };
      const values = (tf.backend().readSync(x.dataId) as Float32Array).map((value) => factor * value);
      return {
        dataId: tf.backend().write(values, x.shape, 'float32'),
        shape: x.shape,
        dtype: 'float32' as const,
      };
    },
  });
  const run = (name: string, x: Tensor): Tensor => tf.engine().runKernel(name, { x }) as Tensor;
  const values = Float32Array.of(0.1, 1.7, -3.3);
  const exact = (factor: number): number[] => Array.from(values, (x) => Math.fround(factor * x));

  test('that are registered later are emulated too, and are themselves again at the end', async () => {
    const registry = registryOf(tf);
    const emulation = await emulate(tf, { format: 'bfloat16', roles: { other: {} } });
    const late = config('SomebodysOwn', 3);
    tf.registerKernel(late as never);
    const x = tf.tensor1d(values);
    const rounded = round(
      round(values, 'bfloat16').map((v) => Math.fround(3 * v)),
      'bfloat16',
    );
    const y = run('SomebodysOwn', x);
    expect(Array.from(y.dataSync())).toEqual(Array.from(rounded));
    emulation.stop();
    expect(tf.getKernel('SomebodysOwn', backendName)).toBe(late);
    const z = run('SomebodysOwn', x);
    expect(Array.from(z.dataSync())).toEqual(exact(3));
    tf.unregisterKernel('SomebodysOwn', backendName);
    expect(registryOf(tf)).toEqual(registry);
    tf.dispose([x, y, z]);
  });

  test('that are unregistered stay so, and ones that are replaced stay replaced', async () => {
    const stock = { erf: tf.getKernel('Erf', backendName), neg: tf.getKernel('Neg', backendName) };
    const [first, second] = [config('First', 2), config('Second', 2)];
    tf.registerKernel(first as never);
    tf.registerKernel(second as never);
    const emulation = await emulate(tf, { format: 'bfloat16', roles: { other: {} } });
    tf.unregisterKernel('First', backendName);
    const other = config('Second', 5);
    tf.unregisterKernel('Second', backendName);
    tf.registerKernel(other as never);
    // Taken out and put back, as programs do that replace a kernel for a while.
    const taken = tf.getKernel('Neg', backendName);
    tf.unregisterKernel('Neg', backendName);
    tf.registerKernel(taken);
    const x = tf.tensor1d(values);
    const bits = tensorBits(tf.tidy(() => tf.neg(x)));
    expect(bits).toEqual(tensorBits(tf.tidy(() => tf.tensor1d(round(values, 'bfloat16').map((v) => -v)))));
    emulation.stop();
    expect(tf.getKernel('First', backendName)).toBeUndefined();
    expect(tf.getKernel('Second', backendName)).toBe(other);
    expect(tf.getKernel('Neg', backendName)).toBe(stock.neg);
    expect(tf.getKernel('Erf', backendName)).toBe(stock.erf);
    tf.unregisterKernel('Second', backendName);
    x.dispose();
  });

  test('stacked emulations and other backends do not matter', async () => {
    const registry = registryOf(tf);
    const [outer, inner] = [
      await emulate(tf, { format: 'e5m2', roles: { other: {} } }),
      await emulate(tf, { format: 'bfloat16', roles: { other: {} } }),
    ];
    const late = config('SomebodysOwn', 1);
    const foreign = { ...late, backendName: 'nowhere' };
    tf.registerKernel(late as never);
    tf.registerKernel(foreign as never);
    const x = tf.tensor1d(values);
    const first = run('SomebodysOwn', x);
    outer.stop();
    const second = run('SomebodysOwn', x);
    const expected = Array.from(round(values, 'bfloat16'));
    expect([first, second].map((t) => Array.from(t.dataSync()))).toEqual([expected, expected]);
    inner.stop();
    expect(tf.getKernel('SomebodysOwn', backendName)).toBe(late);
    expect(tf.getKernel('SomebodysOwn', 'nowhere')).toBe(foreign);
    tf.unregisterKernel('SomebodysOwn', backendName);
    tf.unregisterKernel('SomebodysOwn', 'nowhere');
    expect(registryOf(tf)).toEqual(registry);
    tf.dispose([x, first, second]);
  });
});

describe('the layers package beside the core', () => {
  test('is found: roles and layers are what they are in one namespace', async () => {
    tf = await cpuBackend();
    const core = (await import('@tensorflow/tfjs-core')) as unknown as TensorFlow;
    const layers = await import('@tensorflow/tfjs-layers');
    expect((core as Partial<TensorFlow>).layers).toBeUndefined();
    const rowsOf = async (namespace: TensorFlow): Promise<string[]> => {
      const model = layers.sequential({
        layers: [
          layers.layers.dense({
            units: 3,
            inputShape: [4],
            name: 'body',
            kernelRegularizer: layers.regularizers.l1l2(),
          }),
          layers.layers.batchNormalization({ name: 'norm' }),
          layers.layers.dense({ units: 2, activation: 'softmax', name: 'head' }),
        ],
      });
      model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
      const [xs, ys] = [
        tf.ones([8, 4]),
        tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 1, 0, 0, 1, 0, 1], 'int32'), 2)),
      ];
      const emulation = await emulate(namespace, {
        format: 'bfloat16',
        log: true,
        roles: { optimizer: 'e5m2', loss: 'binary16', statistics: 'e4m3fn' },
        layers: { head: 'e5m2' },
      });
      await model.fit(xs, ys, { epochs: 2, verbose: 0 });
      tf.dispose(model.predict(xs));
      tf.dispose(model.evaluate(xs, ys));
      emulation.stop();
      model.dispose();
      tf.dispose([xs, ys]);
      return emulation.log!.rows.map(({ kernel, role, layer }) => `${kernel} ${role} ${layer}`);
    };
    const rows = await rowsOf(core);
    expect(rows).toEqual(await rowsOf(tf));
    for (const role of ['forward', 'backward', 'predict', 'optimizer', 'loss', 'statistics'])
      expect(rows.some((row) => row.split(' ')[1] === role)).toBe(true);
    expect(rows.some((row) => row.includes('predict') && row.includes('head'))).toBe(true);
  });
});

describe('inRole', () => {
  test('refuses unknown roles and what is no function', async () => {
    for (const role of ['training', 'Forward', undefined, null, 3])
      expect((await refusal(() => inRole(tf, role as never, () => 0))).argument).toBe('role');
    expect((await refusal(() => inRole(tf, 'foward' as never, () => 0))).accepted).toMatch(
      /did you mean forward/,
    );
    for (const fn of [undefined, null, 'x', tf.scalar(1)])
      expect((await refusal(() => inRole(tf, 'loss', fn as never))).argument).toBe('fn');
    expect((await refusal(() => inRole('loss' as never, tf as never, () => 0))).accepted).toMatch(
      /first argument/,
    );
    expect(inRole(tf, 'other', () => 7)).toBe(7);
  });
});

describe('names of layers that are not in the program', () => {
  const train = async (layers: Policy['layers'], steps: number): Promise<string[]> => {
    const said: string[] = [];
    const warn = vi.spyOn(console, 'warn').mockImplementation((message: string) => void said.push(message));
    const w = tf.variable(tf.tensor1d([1, 2]));
    const sgd = tf.train.sgd(0.1);
    try {
      await emulate.scope(tf, { format: 'bfloat16', layers: layers! }, () => {
        expect(said).toEqual([]);
        for (let step = 0; step < steps; step++)
          sgd.minimize(() => tf.tidy('block1', () => tf.tidy('attention', () => w.square().sum())) as Scalar);
        if (steps === 0) tf.tidy('block1', () => w.square().sum());
        return said.length;
      });
    } finally {
      warn.mockRestore();
      w.dispose();
    }
    return said;
  };

  test('are said on the console, once, after the first step', async () => {
    expect(await train({ 'block2/*': null, attention: 'e5m2' }, 3)).toEqual([
      "emulate: nothing that ran is meant by layers['block2/*'] (nearest: block1)",
    ]);
    expect(await train({ dense: null }, 1)).toEqual([
      'emulate: nothing that ran is meant by layers.dense (there were block1, attention)',
    ]);
  });

  test('or at the end, where there is no step', async () => {
    expect(await train({ atention: null }, 0)).toHaveLength(1);
  });

  test('and names that there are, of nothing', async () => {
    expect(await train({ 'block*': null, 'block1/attention': 'e5m2', '': 'bfloat16' }, 2)).toEqual([]);
    expect(await train(undefined, 2)).toEqual([]);
  });
});
