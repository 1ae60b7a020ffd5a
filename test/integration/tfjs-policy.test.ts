/** Policies that set kernels and layers apart: roundings, quantised operands, accumulators, fused kernels, the log. */
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { formats, toFormat } from '../../src/formats/index.ts';
import {
  arithmetic,
  type MatrixUnitParameters,
  matrixUnit,
  quantize,
  quantizer,
  round,
} from '../../src/index.ts';
import {
  type AccumulatorSpec,
  cpuBackend,
  emulate,
  type Policy,
  type TensorFlow,
  wasmBackend,
} from '../../src/tfjs/index.ts';
import { bitsOf, denseProgram, observeKernels, registryOf, tensorBits } from './tfjs-programs.ts';

const isOn = (format: string, values: ArrayLike<number>): boolean =>
  Array.from(values).every((value) => toFormat(format).has(value));

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on the %s backend', (_, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

  const random = (shape: number[], seed: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
  /** What a function returns, under a policy for the role `other`. */
  const under = <T>(policy: Policy, fn: () => T): Promise<T> =>
    emulate.scope(tf, { roles: { other: {} }, ...policy }, () => tf.tidy(() => fn() as never) as T);

  test('kernels have roundings of their own, by name and by family', async () => {
    const [a, b] = [random([5, 6], 1) as Tensor2D, random([6, 4], 2) as Tensor2D];
    const policy: Policy = { format: 'bfloat16', kernels: { matmul: 'e5m2', Add: null, Mul: 'x' as never } };
    await expect(emulate(tf, policy)).rejects.toThrow('x');
    const kernels = {
      matmul: 'e5m2',
      Add: null,
      Multiply: { format: 'e4m3fn', rounding: 'toward-zero' },
    } as const;
    await under({ format: 'bfloat16', kernels }, () => {
      const product = tf.matMul(a, b);
      expect(isOn('e5m2', product.dataSync())).toBe(true);
      const operands = [a, b].map((t) => tf.tensor(round(t.dataSync() as Float32Array, 'e5m2'), t.shape));
      expect(tensorBits(tf.add(a, 1))).toEqual(bitsOf(a.dataSync().map((x) => Math.fround(x + 1))));
      const square = round(a.dataSync() as Float32Array, 'e4m3fn', { rounding: 'toward-zero' });
      expect(tensorBits(tf.mul(a, a))).toEqual(
        bitsOf(
          round(
            square.map((x) => x * x),
            'e4m3fn',
            { rounding: 'toward-zero' },
          ),
        ),
      );
      expect(isOn('bfloat16', tf.sub(a, 0.1).dataSync())).toBe(true);
      const exact = arithmetic('binary32').matmul(
        operands[0]!.dataSync() as Float32Array,
        operands[1]!.dataSync() as Float32Array,
        { m: 5, k: 6, n: 4 },
      );
      expect(tensorBits(product)).toEqual(bitsOf(round(exact, 'e5m2')));
    });
    tf.dispose([a, b]);
  });

  const models: [AccumulatorSpec, string][] = [
    ['binary32', 'bfloat16'],
    ['bfloat16', 'bfloat16'],
    ['exact', 'binary16'],
    [{ accumulate: 'binary16', products: 'exact', order: { chunk: 4 } }, 'e4m3fn'],
    [{ accumulate: 'binary32', order: 'pairwise' }, 'bfloat16'],
    [{ accumulate: 'binary16', rounding: 'toward-zero' }, 'binary16'],
    ['volta-fp16', 'binary16'],
    [{ kind: 'floored', operands: 'binary16', group: 5, fractionBits: 22 }, 'bfloat16'],
  ];
  test.each(models)('products with the accumulator %j have the bits of arithmetic', async (spec, format) => {
    const [m, k, n] = [5, 19, 3];
    const a = tf.tensor2d(round(random([m, k], 1).dataSync() as Float32Array, format), [m, k]);
    const b = tf.tensor2d(round(random([k, n], 2).dataSync() as Float32Array, format), [k, n]);
    const rest = typeof spec === 'string' ? { accumulate: spec } : spec;
    const unit =
      typeof spec === 'string'
        ? spec === 'volta-fp16' && spec
        : 'kind' in spec && (spec as MatrixUnitParameters);
    const model = unit ? { accumulate: matrixUnit(unit) } : { rounding: 'nearest-even' as const, ...rest };
    const expected = arithmetic(format).matmul(
      a.dataSync() as Float32Array,
      b.dataSync() as Float32Array,
      { m, k, n },
      model,
    );
    const transposed = tf.transpose(b);
    const image = tf.reshape(a, [1, m, 1, k]) as Tensor4D;
    const filter = tf.reshape(b, [1, 1, k, n]) as Tensor4D;
    await under({ format, accumulator: spec }, () => {
      expect(tensorBits(tf.matMul(a, b))).toEqual(bitsOf(expected));
      expect(tensorBits(tf.matMul(a, transposed, false, true))).toEqual(bitsOf(expected));
      expect(tensorBits(tf.conv2d(image, filter, 1, 'valid'))).toEqual(bitsOf(expected));
      expect(tensorBits(tf.einsum('ij,jk->ik', a, b))).toEqual(bitsOf(expected));
    });
    tf.dispose([a, b, transposed, image, filter]);
  });

  test('stochastic accumulators are reproduced by the seed', async () => {
    const [a, b] = [random([4, 9], 1) as Tensor2D, random([9, 4], 2) as Tensor2D];
    const accumulator = { accumulate: 'bfloat16', rounding: 'stochastic' } as const;
    const bits = (seed: number): Promise<number[][]> =>
      under({ format: 'e4m3fn', accumulator, seed }, () =>
        [tf.matMul(a, b), tf.matMul(a, b)].map(tensorBits),
      );
    const first = await bits(1);
    expect(await bits(1)).toEqual(first);
    expect(first[0]).not.toEqual(first[1]);
    expect(await bits(2)).not.toEqual(first);
    tf.dispose([a, b]);
  });

  test('operands are rounded or quantised for a kernel, one by one or all', async () => {
    const [a, b] = [random([5, 32], 1) as Tensor2D, random([32, 4], 2) as Tensor2D];
    const values = [a, b].map((t) => t.dataSync() as Float32Array);
    const product = (x: Float32Array, y: Float32Array): number[] =>
      bitsOf(round(arithmetic('binary32').matmul(x, y, { m: 5, k: 32, n: 4 }), 'bfloat16'));
    const rounded = values.map((x) => round(x, 'bfloat16'));
    const narrow = values.map((x) => round(x, 'e4m3fn'));
    const block = { format: 'e2m1', scale: { per: 'block', size: 16, from: 'absmax' } } as const;
    await under({ format: 'bfloat16', kernels: { BatchMatMul: { inputs: { format: 'e4m3fn' } } } }, () => {
      expect(tensorBits(tf.matMul(a, b))).toEqual(product(narrow[0]!, narrow[1]!));
    });
    await under({ format: 'bfloat16', inputs: { a: block, b: null } }, () => {
      const quantized = quantizer(block).fakeQuantize(rounded[0]!, [5, 32]);
      expect(tensorBits(tf.matMul(a, b))).toEqual(product(quantized, rounded[1]!));
      // What is said of all kernels is about products.
      expect(tensorBits(tf.add(a, 0))).toEqual(bitsOf(rounded[0]!));
    });
    // Blocks lie along the summed axis.
    const columns = quantizer({ ...block, scale: { ...block.scale, axis: 0 } });
    const both = product(
      quantizer(block).fakeQuantize(rounded[0]!, [5, 32]),
      columns.fakeQuantize(rounded[1]!, [32, 4]),
    );
    const turned = [a, b].map((t) => tf.transpose(t)) as Tensor2D[];
    await under({ format: 'bfloat16', inputs: block }, () => {
      expect(tensorBits(tf.matMul(a, b))).toEqual(both);
      expect(tensorBits(tf.matMul(turned[0]!, turned[1]!, true, true))).toEqual(both);
    });
    tf.dispose(turned);
    const mx = quantize(rounded[0]!, 'mxfp4', { shape: [5, 32] }).values as Float32Array;
    for (const a1 of ['mxfp4', 'MXFP4', formats.mxfp4])
      await under({ format: 'bfloat16', inputs: { a: a1 } }, () => {
        expect(tensorBits(tf.matMul(a, b))).toEqual(product(Float32Array.from(mx), rounded[1]!));
      });
    const memory = tf.memory();
    await under({ format: 'bfloat16', inputs: { ...block, rounding: 'stochastic' } }, () => {
      expect(tensorBits(tf.matMul(a, b))).not.toEqual(tensorBits(tf.matMul(a, b)));
    });
    expect(tf.memory()).toEqual(memory);
    tf.dispose([a, b]);
  });

  test('an accumulator needs no format, and what it cannot sum is refused', async () => {
    const [a, b] = [random([4, 9], 1) as Tensor2D, random([9, 4], 2) as Tensor2D];
    const values = [a, b].map((t) => t.dataSync() as Float32Array);
    const model = { accumulate: 'binary16', products: 'exact' } as const;
    const expected = arithmetic('binary32').matmul(values[0]!, values[1]!, { m: 4, k: 9, n: 4 }, model);
    await under({ accumulator: model }, () => {
      expect(tensorBits(tf.matMul(a, b))).toEqual(bitsOf(expected));
      expect(tensorBits(tf.add(a, 1 / 3))).toEqual(bitsOf(values[0]!.map((x) => x + Math.fround(1 / 3))));
      const image = tf.ones([1, 2, 5, 5]) as Tensor4D;
      expect(() => tf.conv2d(image, tf.ones([3, 3, 2, 1]) as Tensor4D, 1, 'same', 'NCHW')).toThrow(
        ArgumentError,
      );
    });
    tf.dispose([a, b]);
  });

  test('operands that a matrix unit cannot read are refused by name, and nothing leaks', async () => {
    const [a, b] = [random([4, 9], 1) as Tensor2D, random([9, 4], 2) as Tensor2D];
    const before = [tf.memory(), tf.backend().numDataIds()];
    const int8 = { format: 'int8', scale: { per: 'tensor', from: 'absmax' } } as const;
    const inputs = { a: int8, 0: int8 };
    await under({ format: 'bfloat16', accumulator: 'volta-fp16', inputs }, () => {
      expect(() => tf.matMul(a, b)).toThrow(ArgumentError);
      expect(() => tf.einsum('ij,kj->ki', a, tf.transpose(b))).toThrow(ArgumentError);
    });
    expect([tf.memory(), tf.backend().numDataIds()]).toEqual(before);
    tf.dispose([a, b]);
  });

  test('fused kernels are rounded once, or after each step', async () => {
    const [a, b] = [random([9, 33], 1) as Tensor2D, random([33, 8], 2) as Tensor2D];
    const bias = random([8], 3);
    const policy: Policy = { format: 'bfloat16' };
    const fused = (): number[] => tensorBits(tf.fused.matMul({ a, b, bias, activation: 'sigmoid' }));
    const steps = (): number[] => tensorBits(tf.sigmoid(tf.add(tf.matMul(a, b), bias)));
    const once = await under(policy, fused);
    expect(await under({ ...policy, fused: 'once' }, fused)).toEqual(once);
    expect(await under({ ...policy, fused: 'decomposed' }, fused)).toEqual(await under(policy, steps));
    expect(await under(policy, steps)).not.toEqual(once);
    const image = tf.reshape(a, [3, 3, 33, 1]) as Tensor4D;
    const filter = tf.reshape(b, [3, 11, 1, 8]) as Tensor4D;
    const convolution = {
      x: image,
      filter,
      strides: 1,
      pad: 'same' as const,
      bias,
      activation: 'relu' as const,
    };
    const fusedConvolution = (): number[] => tensorBits(tf.fused.conv2d(convolution));
    const convolutionSteps = (): number[] =>
      tensorBits(tf.relu(tf.add(tf.conv2d(image, filter, 1, 'same'), bias)));
    expect(await under({ ...policy, fused: 'decomposed' }, fusedConvolution)).toEqual(
      await under(policy, convolutionSteps),
    );
    // With an accumulator: its sums, then bias and activation in binary32, then one rounding.
    const accumulator = { accumulate: 'binary16', products: 'exact' } as const;
    const [left, right] = [a, b].map((t) => round(t.dataSync() as Float32Array, 'bfloat16'));
    const sums = arithmetic('binary32').matmul(left!, right!, { m: 9, k: 33, n: 8 }, accumulator);
    const rest = tf.tidy(() =>
      tf
        .relu(tf.add(tf.tensor2d(sums, [9, 8]), round(bias.dataSync() as Float32Array, 'bfloat16')))
        .dataSync(),
    ) as Float32Array;
    const actual = await under({ ...policy, accumulator }, () =>
      tensorBits(tf.fused.matMul({ a, b, bias, activation: 'relu' })),
    );
    expect(actual).toEqual(bitsOf(round(rest, 'bfloat16')));
    tf.dispose([a, b, bias, image, filter]);
  });

  test('layers have roundings of their own, in forward and backward of model.fit', async () => {
    const { model, xs, ys, dispose } = denseProgram(tf);
    const [first, second] = model.layers.map(({ name }) => name) as [string, string];
    const layers = { [first]: { format: 'e5m2' }, [second.replace(/^dense/, '*')]: null } as const;
    const policy: Policy = { format: 'bfloat16', layers, log: true };
    const seen = new Set<string>();
    const emulation = await emulate(tf, policy);
    const end = observeKernels(tf, ({ kernel, role, results }) => {
      for (const values of results) if (!isOn('bfloat16', values)) seen.add(`${role} ${kernel}`);
    });
    await model.fit(xs, ys, { epochs: 1, batchSize: 16, verbose: 0 });
    end();
    const { log } = emulation;
    emulation.stop();
    // The second layer's own kernels are float32, and only they.
    expect([...seen].filter((name) => name.startsWith('backward'))).not.toEqual([]);
    const rows = log!.rows.filter(({ kernel }) => kernel !== 'operands');
    expect(rows.some(({ layer, role }) => layer === first && role === 'forward')).toBe(true);
    expect(rows.some(({ layer, role }) => layer === first && role === 'backward')).toBe(true);
    expect(rows.some(({ layer }) => layer === second)).toBe(false);
    // The loss is in no layer, and float32.
    expect(rows.some(({ layer }) => layer === '')).toBe(false);
    dispose();
  });

  test('named scopes are layers, nested, and their gradients belong to them', async () => {
    const x = random([40], 1);
    const layers = { inner: 'e2m1', 'outer/plain': 'e4m3fn', nothing: 'e5m2' };
    await emulate.scope(tf, { format: 'bfloat16', saturation: 'finite', layers }, () => {
      const found: Record<string, boolean> = {};
      tf.tidy(() => {
        const [gradient] = tf.grads((t) =>
          tf.tidy('outer', () => {
            const a = tf.tidy('inner', () => tf.mul(t!, 0.7));
            found['inner'] = isOn('e2m1', a.dataSync());
            const b = tf.tidy('plain', () => tf.mul(a, 0.3));
            found['plain'] = isOn('e4m3fn', b.dataSync());
            const c = tf.add(b, 0.01);
            found['outer'] = isOn('bfloat16', c.dataSync()) && !isOn('e4m3fn', c.dataSync());
            return c;
          }),
        )([x]);
        found['backward'] = isOn('e2m1', gradient!.dataSync());
      });
      expect(found).toEqual({ inner: true, plain: true, outer: true, backward: true });
    });
    x.dispose();
  });

  test('a layer can have roles and kernels of its own', async () => {
    const x = random([40], 1);
    const layers = {
      block: { roles: { backward: 'e5m2' }, kernels: { Exp: 'e4m3fn' } },
    };
    await emulate.scope(tf, { format: 'bfloat16', layers }, () =>
      tf.tidy(() => {
        const [gradient] = tf.grads((t) =>
          tf.tidy('block', () => {
            const y = tf.exp(t!);
            expect(isOn('e4m3fn', y.dataSync())).toBe(true);
            const z = tf.mul(y, 0.3);
            expect(isOn('bfloat16', z.dataSync()) && !isOn('e5m2', z.dataSync())).toBe(true);
            return z;
          }),
        )([x]);
        // Exp has a rule of its own, which comes after that of the role.
        expect(isOn('e5m2', gradient!.dataSync())).toBe(true);
      }),
    );
    x.dispose();
  });

  test('the log counts overflow, underflow, NaN and errors, and can be printed', async () => {
    const x = tf.tensor1d([1, 1000, -1000, 1e-6, 0, Number.NaN, 1.0625, 2]);
    const emulation = await emulate(tf, { roles: { other: 'e4m3fn' }, saturation: 'finite', log: true });
    tf.tidy('first', () => tf.mul(x, 1));
    emulation.log!.nextStep();
    tf.tidy('first', () => tf.add(tf.tensor1d([1, 2]), 0.03125));
    const { rows } = emulation.log!;
    // x, the other operand, and the two constants.
    const [operands] = rows;
    expect(operands).toMatchObject({
      kernel: 'operands',
      role: 'other',
      layer: 'first',
      calls: 4,
      elements: 12,
    });
    expect(operands).toMatchObject({ overflow: 2, underflow: 1, nan: 1, maxError: 1 });
    const sum = rows.find(({ kernel }) => kernel === 'Add')!;
    // 1.03125 to 1, 2.03125 to 2.
    expect(sum).toMatchObject({ calls: 1, elements: 2, overflow: 0, underflow: 0, nan: 0 });
    const errors = [0.03125 / 1.03125, 0.03125 / 2.03125].map(Math.fround);
    expect(sum.maxError).toBe(errors[0]);
    expect(sum.rmsError).toBe(Math.sqrt((errors[0]! ** 2 + errors[1]! ** 2) / 2));
    expect(String(emulation.log)).toContain('underflow');
    expect(String(emulation.log).split('\n')).toHaveLength(1 + rows.length);
    expect(JSON.parse(JSON.stringify(emulation.log))).toMatchObject({
      rows: JSON.parse(JSON.stringify(rows)),
    });
    const cells = emulation.log!.heatMap('overflow');
    expect(cells.map(({ layer, step }) => [layer, step])).toEqual([
      ['first', 0],
      ['first', 1],
    ]);
    expect(cells[0]!.value).toBeGreaterThan(0);
    emulation.log!.clear();
    expect(emulation.log!.rows).toEqual([]);
    emulation.stop();
    x.dispose();
  });

  test('logging changes no bit, and steps of an optimiser are steps of the log', async () => {
    const weights = async (log: boolean): Promise<[number[][], number]> => {
      const { model, xs, ys, dispose } = denseProgram(tf);
      const accumulator = { accumulate: 'bfloat16', products: 'exact' } as const;
      const emulation = await emulate(tf, { format: 'bfloat16', rounding: 'stochastic', accumulator, log });
      await model.fit(xs, ys, { epochs: 1, batchSize: 16, shuffle: false, verbose: 0 });
      const last = Math.max(...(emulation.log?.heatMap('rmsError') ?? []).map(({ step }) => step));
      emulation.stop();
      const bits = model.getWeights().map(tensorBits);
      dispose();
      return [bits, last];
    };
    const [plain] = await weights(false);
    const [logged, last] = await weights(true);
    expect(logged).toEqual(plain);
    expect(last).toBe(2);
  });

  test.each([
    [{ format: 'bfloat16', kernels: { Adds: 'e4m3fn' } }, 'Adds'],
    [{ format: 'bfloat16', kernels: { Add: { accumulator: 'bfloat16' } } }, 'accumulator'],
    [{ format: 'bfloat16', kernels: { implementation: 'fast' } }, 'implementation'],
    [{ format: 'bfloat16', layers: { a: { formats: 'e4m3fn' } } }, 'layers.a'],
    [{ format: 'bfloat16', layers: { a: { roles: { sideways: null } } } }, 'sideways'],
    [{ format: 'bfloat16', layers: { a: 'bfloat17' } }, 'bfloat17'],
    [{ format: 'bfloat16', accumulator: 'bfloat17' }, 'bfloat17'],
    [{ format: 'bfloat16', accumulator: { order: 'backwards' } }, 'order'],
    [{ format: 'bfloat16', fused: 'twice' }, 'fused'],
    [{ format: 'bfloat16', log: 'yes' }, 'log'],
    [{ format: 'bfloat16', inputs: 7 }, 'inputs'],
    [{ format: 'bfloat16', formt: 'bfloat16' }, 'formt'],
    [{ layers: { a: { rounding: 'stochastic' } } }, 'format'],
  ])('the wrong policy %j is refused by name and changes nothing', async (policy, name) => {
    const kernels = registryOf(tf);
    await expect(emulate(tf, policy as never)).rejects.toThrow(ArgumentError);
    await expect(emulate(tf, policy as never)).rejects.toThrow(name);
    expect(registryOf(tf)).toEqual(kernels);
  });
});
