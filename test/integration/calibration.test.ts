/** What methods after training ask of a model: captured inputs and squared gradients against plain loops, and from the command to a loss. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { quantizer } from '../../src/index.ts';
import { openModel } from '../../src/model-files/index.ts';
import { numbersIn } from '../../src/model-files/model-file.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { calibrate } from '../../src/train/index.ts';
import { numbers } from '../oracles/recipes/slots.ts';
import { writeSamples } from '../sample-files.ts';
import { testWorld, withFolder } from '../unit/cli-world.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** The patches of images (batch, height, width, channels), by loops over all that they have. */
function patches(
  x: ArrayLike<number>,
  [batch, height, width, channels]: readonly [number, number, number, number],
  {
    taps,
    stride,
    same,
  }: { readonly taps: readonly [number, number]; readonly stride: number; readonly same: boolean },
): number[] {
  const [rows, columns] = [height, width].map((size, i) =>
    same ? Math.ceil(size / stride) : Math.floor((size - taps[i]!) / stride) + 1,
  ) as [number, number];
  const before = (size: number, count: number, tap: number): number =>
    same ? Math.floor(Math.max(0, (count - 1) * stride + tap - size) / 2) : 0;
  const [top, left] = [before(height, rows, taps[0]), before(width, columns, taps[1])];
  const found: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (let u = 0; u < taps[0]; u++)
          for (let v = 0; v < taps[1]; v++)
            for (let c = 0; c < channels; c++) {
              const [row, column] = [i * stride + u - top, j * stride + v - left];
              const isInside = row >= 0 && row < height && column >= 0 && column < width;
              found.push(isInside ? x[((b * height + row) * width + column) * channels + c]! : 0);
            }
  return found;
}

describe('inputs', () => {
  it('of dense layers are their rows, window after window, whatever the program does with them', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 5, inputShape: [4], activation: 'relu', name: 'first' }),
        tf.layers.dense({ units: 3, name: 'second' }),
      ],
    });
    const x = (window: number): Tensor => tf.tensor2d(numbers(8, window + 1), [2, 4]);
    const found = calibrate(tf, { model, run: (window) => model.predict(x(window)) as Tensor, windows: 3 });
    expect([...found.keys()]).toEqual(
      ['first/kernel', 'second/kernel'].map((name) => expect.stringContaining(name)),
    );
    const [first, second] = [...found.values()];
    expect(first!.shape).toEqual([6, 4]);
    expect([...first!.values]).toEqual([0, 1, 2].flatMap((window) => [...numbers(8, window + 1)]));
    const hidden = tf.tidy(() =>
      [0, 1, 2].flatMap((window) => [...(model.layers[0]!.apply(x(window)) as Tensor).dataSync()]),
    );
    expect(second!.shape).toEqual([6, 5]);
    second!.values.forEach((value, i) => {
      expect(value).toBeCloseTo(hidden[i]!, 5);
    });
    model.dispose();
  });

  it.each([
    [1, 'same'],
    [2, 'same'],
    [2, 'valid'],
  ] as const)('of convolutions are their patches: stride %i, %s', (stride, pad) => {
    const filter = tf.variable(
      tf.tensor4d(numbers(3 * 2 * 2 * 4, 5), [3, 2, 2, 4]),
      true,
      `f${stride}${pad}`,
    );
    const x = numbers(2 * 5 * 6 * 2, 7);
    const found = calibrate(tf, {
      variables: [filter],
      run: () => tf.conv2d(tf.tensor4d(x, [2, 5, 6, 2]), filter as never, stride, pad),
      windows: 1,
    });
    const { shape, values } = found.get(filter.name)!;
    const wanted = patches(x, [2, 5, 6, 2], { taps: [3, 2], stride, same: pad === 'same' });
    expect([...values]).toEqual(wanted);
    expect(shape).toEqual([wanted.length / 12, 12]);
    filter.dispose();
  });

  /** Small integers, whose products and sums binary32 has exactly. */
  const whole = (count: number, seed: number): Float32Array =>
    numbers(count, seed).map((x) => Math.round(8 * x));
  const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);
  const variable = (shape: readonly number[], seed = 5) =>
    tf.variable(tf.tensor(whole(sizeOf(shape), seed), [...shape]), true, `v${shape}-${seed}`);

  /** The weight as rows of outputs, by axes that are outputs and loops over all indices. */
  function rowsOf(w: ArrayLike<number>, shape: readonly number[], outputs: readonly number[]): number[][] {
    const columns = shape.map((_, axis) => axis).filter((axis) => !outputs.includes(axis));
    const rows: number[][] = [];
    for (let at = 0; at < w.length; at++) {
      const index = shape.map((extent, axis) => Math.floor(at / sizeOf(shape.slice(axis + 1))) % extent);
      const place = (axes: readonly number[]): number =>
        axes.reduce((sum, axis) => sum * shape[axis]! + index[axis]!, 0);
      rows[place(outputs)] ??= [];
      rows[place(outputs)]![place(columns)] = w[at]!;
    }
    return rows;
  }

  type Program = (x: Tensor, w: Tensor) => Tensor;
  const image = [2, 5, 6, 4] as const;
  it.each<
    [string, readonly number[], readonly number[], { outputs: number[]; groups?: number }, Program, number[]?]
  >([
    ['a matrix', [7, 4], [4, 3], { outputs: [1] }, (x, w) => tf.matMul(x, w)],
    ['a matrix, outputs first', [7, 4], [3, 4], { outputs: [0] }, (x, w) => tf.matMul(x, w, false, true)],
    ['a transposed matrix', [7, 4], [3, 4], { outputs: [0] }, (x, w) => tf.matMul(x, tf.transpose(w))],
    ['inputs transposed', [4, 7], [4, 3], { outputs: [1] }, (x, w) => tf.matMul(x, w, true)],
    ['a weight in front', [4, 7], [3, 4], { outputs: [0] }, (x, w) => tf.transpose(tf.matMul(w, x))],
    [
      'several axes as one',
      [7, 4],
      [4, 3, 2],
      { outputs: [1, 2] },
      (x, w) => tf.matMul(x, tf.reshape(w, [4, 6])),
    ],
    ['a batch of matrices', [5, 7, 4], [5, 4, 3], { outputs: [0, 2], groups: 5 }, (x, w) => tf.matMul(x, w)],
    ['one input of a batch', [1, 7, 4], [5, 4, 3], { outputs: [0, 2] }, (x, w) => tf.matMul(x, w), [1, 0, 2]],
    ['einsum', [2, 7, 4], [4, 3, 2], { outputs: [1, 2] }, (x, w) => tf.einsum('bsd,dhk->bshk', x, w)],
    [
      'einsum over two',
      [2, 7, 3, 2],
      [2, 3, 5],
      { outputs: [2] },
      (x, w) => tf.einsum('bshk,khd->bsd', x, w),
    ],
    [
      'einsum of heads',
      [2, 7, 3, 4],
      [4, 3, 5],
      { outputs: [1, 2], groups: 3 },
      (x, w) => tf.einsum('bshd,dhe->hbse', x, w),
    ],
    [
      'a convolution along one axis',
      [2, 9, 4],
      [3, 4, 5],
      { outputs: [2] },
      (x, w) => tf.conv1d(x as never, w as never, 2, 'same'),
    ],
    [
      'a convolution in space',
      [1, 3, 4, 5, 2],
      [2, 2, 3, 2, 3],
      { outputs: [4] },
      (x, w) => tf.conv3d(x as never, w as never, 1, 'valid'),
    ],
    ...(
      [
        [1, 'same', 1],
        [2, 'same', 1],
        [2, 'valid', 1],
        [1, 'valid', 2],
      ] as const
    ).flatMap(([stride, pad, dilation]) =>
      [1, 3].map(
        (
          multiplier,
        ): [string, readonly number[], readonly number[], { outputs: number[]; groups: number }, Program] => [
          `a depthwise convolution: ${stride} ${pad} ${dilation}, ${multiplier}`,
          image,
          [3, 2, 4, multiplier],
          { outputs: [2, 3], groups: 4 },
          (x, w) => tf.depthwiseConv2d(x as never, w as never, stride, pad, 'NHWC', dilation),
        ],
      ),
    ),
    ...(
      [
        [1, 'same', [2, 5, 6]],
        [2, 'same', [2, 9, 12]],
        [2, 'valid', [2, 11, 12]],
      ] as const
    ).map(
      ([stride, pad, out]): [
        string,
        readonly number[],
        readonly number[],
        { outputs: number[] },
        Program,
      ] => [
        `a transposed convolution: ${stride} ${pad}`,
        image,
        [3, 2, 7, 4],
        { outputs: [2] },
        (x, w) => tf.conv2dTranspose(x as never, w as never, [...out, 7] as never, stride, pad),
      ],
    ),
    [
      'a transposed convolution in space',
      [1, 2, 3, 2, 4],
      [2, 2, 2, 3, 4],
      { outputs: [3] },
      (x, w) => tf.conv3dTranspose(x as never, w as never, [1, 4, 6, 4, 3], 2, 'same'),
    ],
  ])(
    'of %s are what the weight meets: their product is the result',
    (_, shapeOfX, shape, own, program, turn) => {
      const w = variable(shape);
      const x = tf.tensor(whole(sizeOf(shapeOfX), 7), [...shapeOfX]);
      const calls = 2;
      let result = new Float32Array();
      const run = (): Tensor => {
        const y = program(x, w);
        // Not every stock backend has all of these kernels.
        result = (turn === undefined ? y : tf.transpose(y, turn)).dataSync<'float32'>().slice();
        return y;
      };
      const found = calibrate(tf, { variables: [w], run, windows: calls }).get(w.name)!;
      const { values, outputs, groups = 1 } = found;
      expect({ outputs, groups }).toEqual({ groups: 1, ...own });
      const rows = rowsOf(w.dataSync(), shape, outputs!);
      const columns = rows[0]!.length;
      const samples = values.length / columns / groups;
      expect(found.shape).toEqual(groups === 1 ? [samples, columns] : [groups, samples, columns]);
      const each = rows.length / groups;
      // Of a batch the group is the result's first axis, of all others its last.
      const isInFront = groups > 1 && !program.toString().includes('depthwise');
      const product: number[] = [];
      const first = samples / calls;
      for (let row = 0; row < (isInFront ? groups * first : first); row++)
        for (let out = 0; out < (isInFront ? each : rows.length); out++) {
          const group = isInFront ? Math.floor(row / first) : Math.floor(out / each);
          const sample = isInFront ? row % first : row;
          const weight = rows[isInFront ? group * each + out : out]!;
          let sum = 0;
          for (let k = 0; k < columns; k++)
            sum += weight[k]! * values[(group * samples + sample) * columns + k]!;
          product.push(sum);
        }
      expect(product).toEqual([...result]);
      // The second window comes after the first, in each group.
      for (let group = 0; group < groups; group++) {
        const part = values.subarray(group * samples * columns, (group + 1) * samples * columns);
        expect(part.slice(part.length / 2)).toEqual(part.slice(0, part.length / 2));
      }
      tf.dispose([w, x]);
    },
  );

  it('of layers of separable, depthwise and transposed convolutions have the names of their weights', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.separableConv2d({
          filters: 5,
          kernelSize: 3,
          depthMultiplier: 2,
          inputShape: [6, 6, 3],
          name: 'separable',
        }),
        tf.layers.depthwiseConv2d({ kernelSize: 2, name: 'depthwise' }),
        tf.layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, name: 'transposed' }),
      ],
    });
    const found = calibrate(tf, {
      model,
      run: () => model.predict(tf.tensor4d(whole(108, 1), [1, 6, 6, 3])) as Tensor,
      windows: 1,
    });
    const said = [...found].map(([name, { shape, outputs }]) => [
      name.split('/').slice(-2).join('/'),
      shape,
      outputs,
    ]);
    expect(said).toEqual([
      ['separable/depthwise_kernel', [3, 16, 9], [2, 3]],
      ['separable/pointwise_kernel', [16, 6], [3]],
      ['depthwise/depthwise_kernel', [5, 9, 4], [2, 3]],
      ['transposed/kernel', [49, 45], [2]],
    ]);
    model.dispose();
  });

  it('are none of a weight that is cut, or that is read in two ways', () => {
    const [cut, two] = [variable([2, 6], 1), variable([3, 3], 2)];
    const x = tf.tensor2d(whole(6, 1), [2, 3]);
    const run = () => tf.matMul(x, tf.reshape(cut, [3, 4]));
    expect([...calibrate(tf, { variables: [cut], run, windows: 1 }).keys()]).toEqual([]);
    // What another call reads of it stays what it is.
    const wide = whole(4, 3);
    const whenWhole = () => [tf.matMul(tf.tensor2d(wide, [2, 2]), cut as never), run()];
    const found = calibrate(tf, { variables: [cut], run: whenWhole, windows: 1 }).get(cut.name)!;
    expect(found).toMatchObject({ shape: [2, 2], values: wide });
    const both = () => tf.matMul(tf.matMul(x, two as never), two as never, false, true);
    expect(() => calibrate(tf, { variables: [two], run: both, windows: 1 })).toThrow(/^run: got 'v3,3-2'/);
    tf.dispose([cut, two, x]);
  });

  it('leave results as they are, and nothing behind', () => {
    const w = tf.variable(tf.tensor2d(numbers(12, 5), [4, 3]), true, 'plain');
    const x = tf.tensor2d(numbers(8, 1), [2, 4]);
    const before = tf.memory().numTensors;
    const seen: number[][] = [];
    calibrate(tf, {
      variables: [w],
      run: () => {
        const y = tf.matMul(x, w as never);
        seen.push([...y.dataSync()]);
        return y;
      },
      windows: 2,
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(seen[0]).toEqual(seen[1]);
    for (const one of [w, x]) one.dispose();
  });
});

it('squared gradients are means over windows', () => {
  const w = tf.variable(tf.tensor2d(numbers(6, 5), [3, 2]), true, 'squares');
  const x = (window: number): Float32Array => numbers(3, window + 1);
  // The loss is the sum of x w: its gradient is x in each column.
  const run = (window: number): Scalar => tf.sum(tf.matMul(tf.tensor2d(x(window), [1, 3]), w as never));
  const found = calibrate(tf, { variables: [w], run, windows: 3, of: 'gradients' }).get('squares')!;
  expect(found.shape).toEqual([3, 2]);
  expect(found.outputs).toEqual([1]);
  expect([...found.values]).toEqual(
    [0, 0, 1, 1, 2, 2].map((i) =>
      Math.fround([0, 1, 2].reduce((sum, window) => sum + x(window)[i]! * x(window)[i]!, 0) / 3),
    ),
  );
  // A weight that is read in two ways has no outputs, and gradients all the same.
  const two = tf.variable(tf.tensor2d(numbers(9, 2), [3, 3]), true, 'two');
  const both = (): Scalar =>
    tf.sum(tf.matMul(tf.matMul(tf.tensor2d(x(0), [1, 3]), two as never), two as never, false, true));
  const tied = calibrate(tf, { variables: [two], run: both, windows: 1, of: 'gradients' }).get('two')!;
  expect(tied.outputs).toBeUndefined();
  expect(tied.values.some((value) => value > 0)).toBe(true);
  tf.dispose([w, two]);
});

it('activations are what products read, as it is', () => {
  const filter = tf.variable(tf.tensor4d(numbers(3 * 3 * 2 * 4, 5), [3, 3, 2, 4]), true, 'filter');
  const x = (window: number): Float32Array => numbers(2 * 5 * 5 * 2, window + 3);
  const run = (window: number): Tensor =>
    tf.conv2d(tf.tensor4d(x(window), [2, 5, 5, 2]), filter as never, 2, 'same');
  const found = calibrate(tf, { variables: [filter], run, windows: 2, of: 'activations' }).get('filter')!;
  expect(found.shape).toEqual([100, 2]);
  expect([...found.values]).toEqual([...x(0), ...x(1)]);
  filter.dispose();
});

describe('halfulp calibrate and evaluate', () => {
  async function halfulp(...argv: string[]) {
    const world = testWorld();
    const code = await run(argv, world.io);
    return { code, out: world.stdout(), error: world.stderr() };
  }
  async function tensors(
    path: string,
  ): Promise<Record<string, { shape: readonly number[]; values: number[] }>> {
    const model = await openModel(path);
    const found: Record<string, { shape: readonly number[]; values: number[] }> = {};
    for (const tensor of model.tensors) {
      const values: number[] = [];
      for await (const piece of numbersIn(tensor, 1000)) values.push(...piece);
      found[tensor.name] = { shape: tensor.shape, values };
    }
    model.close();
    return found;
  }

  it('a run of fewer steps than lie between checkpoints is calibrated, quantised and evaluated', async () => {
    await withFolder(async (folder) => {
      const file = (name: string): string => join(folder, name);
      const data = writeSamples(folder, 80);
      const training = [
        '--model',
        'mlp',
        '--steps',
        '4',
        '--batch',
        '16',
        '--out',
        folder,
        '--quiet',
        ...data,
      ];
      expect((await halfulp('train', file('float32.json'), '--name', 'first', ...training)).code).toBe(0);
      const first = file('first');
      const asked = (name: string, ...more: string[]) =>
        halfulp('calibrate', first, '--out', file(name), ...more, ...data);
      expect(
        await asked('in.safetensors', '--windows', '30', '--weights', file('w.safetensors')),
      ).toMatchObject({
        code: 0,
        error: '',
      });
      const inputs = await tensors(file('in.safetensors'));
      expect(inputs['hidden.0']!.shape).toEqual([30, 4]);
      expect(inputs['hidden.1']!.shape).toEqual([30, 256]);
      // Options act.
      await asked('other.safetensors', '--windows', '7', '--seed', '2');
      const other = await tensors(file('other.safetensors'));
      expect(other['hidden.0']!.shape).toEqual([7, 4]);
      expect(other['hidden.0']!.values).not.toEqual(inputs['hidden.0']!.values.slice(0, 28));
      await asked('again.safetensors', '--windows', '30');
      expect(readFileSync(file('again.safetensors'))).toEqual(readFileSync(file('in.safetensors')));
      await asked('g.safetensors', '--of', 'gradients', '--windows', '5');
      const weights = await tensors(file('w.safetensors'));
      const squares = await tensors(file('g.safetensors'));
      for (const [name, { shape, values }] of Object.entries(squares)) {
        expect(shape).toEqual(weights[name]!.shape);
        expect(values.every((value) => value >= 0)).toBe(true);
      }
      expect((await asked('x.safetensors', '--length', '3')).error).toMatch(/^halfulp: --length: got 3/);

      // As it is, the weights of a file, and codes: the loss of the weights that they stand for.
      const evaluated = async (...more: string[]) => {
        const { code, out, error } = await halfulp('evaluate', first, '--json', ...more, ...data);
        expect({ code, error }).toEqual({ code: 0, error: '' });
        return JSON.parse(out);
      };
      const own = await evaluated();
      expect(own).toMatchObject({ replaced: 0, predictions: 16 });
      const { validationLoss } = JSON.parse(readFileSync(join(first, 'result.json'), 'utf8'));
      expect(own.loss).toBe(validationLoss);
      expect(await evaluated('--weights', file('w.safetensors'))).toMatchObject({
        ...{ loss: own.loss, accuracy: own.accuracy, replaced: Object.keys(weights).length },
      });
      const method = [
        '--after',
        'secondOrder',
        '--to',
        'int2/row',
        '--calibration',
        file('in.safetensors'),
        '--quiet',
      ];
      const written = await halfulp(
        'quantize',
        file('w.safetensors'),
        ...method,
        '--out',
        file('q.safetensors'),
      );
      expect(written).toMatchObject({ code: 0, error: '' });
      const coarse = await evaluated('--weights', file('q.safetensors'));
      expect(coarse.loss).not.toBe(own.loss);
      await halfulp('dequantize', file('q.safetensors'), '--out', file('v.safetensors'), '--quiet');
      expect((await evaluated('--weights', file('v.safetensors'))).loss).toBe(coarse.loss);
      // Activations in ranges that were found, beside the codes.
      const ranges = ['--of', 'ranges', '--to', 'uint4', '--out', file('ranges.json')];
      expect((await halfulp('calibrate', first, '--windows', '20', ...ranges, ...data)).code).toBe(0);
      const recipe = JSON.parse(readFileSync(file('ranges.json'), 'utf8'));
      expect(recipe.rules.map(({ where }: { where: object }) => where)).toEqual(
        Object.keys(inputs).map((layer) => ({ layer })),
      );
      const read = await evaluated('--weights', file('q.safetensors'), '--recipe', file('ranges.json'));
      expect(read.loss).not.toBe(coarse.loss);
      expect((await evaluated('--recipe', file('ranges.json'))).loss).not.toBe(own.loss);
      const values = (await tensors(file('v.safetensors')))['hidden.1']!.values;
      const { scales } = quantizer('int2/row').quantize(
        Float32Array.from(weights['hidden.1']!.values),
        [256, 256],
      );
      expect(new Set(values.slice(0, 256)).size).toBeLessThanOrEqual(4);
      expect(scales).toHaveLength(256);
      writeFileSync(file('none.safetensors'), readFileSync(file('in.safetensors')));
      expect(
        (await halfulp('evaluate', first, '--weights', file('none.safetensors'), ...data)).error,
      ).toMatch(/^halfulp: --weights hidden\.0: got '30 x 4'; accepted: 256 x 4/);
    });
  }, 120_000);
});
