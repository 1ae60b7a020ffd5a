/** Batch norms: by the batch, by averages, folded into weights; in runs that are looked at and taken up again. */
import type { Scalar, Tensor1D, Tensor4D, Variable } from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { firstAverages, normedConvolution } from '../../src/train/batch-norm.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  applyRecipe,
  type ConvNetConfig,
  decodeCheckpoint,
  labelledData,
  models,
  type RecipeRun,
  recipes,
  roleTable,
  type TrainOptions,
} from '../../src/train/index.ts';
import { plainSlots } from '../../src/train/linear-slots.ts';
import { numbers } from '../oracles/recipes/slots.ts';
import { tracedRun } from '../traced-run.ts';

let tf: TensorFlow;
let run: RecipeRun | undefined;
let variables: Variable[];
beforeAll(async () => {
  tf = await wasmBackend();
});

const [inputs, outputs] = [2, 3] as const;
/** Numbers of few bits, whose products and sums are exact in binary32. */
const few = (count: number, seed: number): Float32Array =>
  numbers(count, seed).map((x) => Math.round(x * 8) / 8);
// With what norms add to a variance these are 1/4, 1 and 4.
const squares = [0.25, 1, 4];
const variance = Float32Array.from(squares, (square) => square - 1e-5);
const mean = Float32Array.of(0.5, -0.25, 1);

beforeEach(() => {
  const variable = (values: Float32Array, shape: number[], name: string): Variable => {
    const given = tf.tensor(values, shape);
    const made = tf.variable(given, true, name);
    given.dispose();
    return made;
  };
  variables = [
    variable(few(9 * inputs * outputs, 1), [3, 3, inputs, outputs], 'convolution'),
    variable(Float32Array.of(2, 0.5, -1), [outputs], 'norm/gain'),
    variable(Float32Array.of(0.125, -1, 0), [outputs], 'norm/bias'),
  ];
});
afterEach(() => {
  run?.stop();
  run = undefined;
  tf.dispose(variables);
});

const images = (values = few(2 * 5 * 4 * inputs, 2)): Tensor4D => tf.tensor4d(values, [2, 5, 4, inputs]);
const norm = () => {
  const [filter, gain, bias] = variables as [Variable, Variable, Variable];
  return { filter, gain: gain as unknown as Tensor1D, bias: bias as unknown as Tensor1D, mean, variance };
};
/** A recipe that reads filters through a quantiser, or as they are. */
const reading = (w: object | null) => {
  const plain = recipes.float32({ extraNorm: null, update: { gradient: [] } });
  const linear = { ...plainSlots, forward: { x: null, w } };
  return { ...plain, phases: [{ ...plain.phases[0]!, linear }] } as typeof plain;
};

describe('a batch norm', () => {
  it('that is folded gives what one that is not does at evaluation, bit for bit in exact arithmetic', async () => {
    run = await applyRecipe(tf, reading(null), { variables, steps: 1, seed: 1 });
    const [folded, plain] = [true, false].map((is) =>
      tf.tidy(() =>
        normedConvolution(tf, images(), norm(), { folded: is, statistics: 'moving' }).dataSync().slice(),
      ),
    );
    expect([...folded!]).toEqual([...plain!]);
    expect(new Set(folded).size).toBeGreaterThan(20);
  });

  it('has its statistics from the batch, folded or not, and the gradients of finite differences', async () => {
    run = await applyRecipe(tf, reading(null), { variables, steps: 1, seed: 1 });
    const [x, t] = [numbers(2 * 5 * 4 * inputs, 3), numbers(2 * 5 * 4 * outputs, 4)];
    const loss = (folded: boolean) => (): Scalar =>
      tf.sum(
        tf.mul(
          normedConvolution(tf, images(x), norm(), { folded, statistics: 'batch' }),
          tf.tensor4d(t, [2, 5, 4, outputs]),
        ),
      ) as Scalar;
    for (const folded of [false, true])
      tf.tidy(() => {
        const y = normedConvolution(tf, images(x), norm(), { folded, statistics: 'batch' });
        const { mean: m, variance: v } = tf.moments(y, [0, 1, 2]);
        [0.125, -1, 0].forEach((bias, c) => {
          expect(Math.abs(m.dataSync()[c]! - bias)).toBeLessThan(1e-5);
        });
        [4, 0.25, 1].forEach((square, c) => {
          expect(Math.abs(v.dataSync()[c]! / square - 1)).toBeLessThan(1e-2);
        });
        const { grads } = tf.variableGrads(loss(folded), variables);
        for (const variable of variables) {
          const values = variable.dataSync().slice() as Float32Array;
          const gradient = grads[variable.name]!.dataSync();
          const largest = Math.max(...gradient.map(Math.abs));
          const h = 2 ** -6;
          const at = (i: number, by: number): number => {
            variable.assign(
              tf.tensor(
                values.map((w, k) => (k === i ? w + by : w)),
                variable.shape,
              ),
            );
            return loss(folded)().dataSync()[0]!;
          };
          for (let i = 0; i < values.length; i += 5) {
            const slope = (at(i, h) - at(i, -h)) / (2 * h);
            expect(Math.abs(slope - gradient[i]!), `${variable.name} ${i}`).toBeLessThan(
              5e-3 * largest + 1e-3,
            );
          }
          variable.assign(tf.tensor(values, variable.shape));
        }
      });
  });

  it('that is folded has the quantiser read what inference has: w gain / deviation', async () => {
    const scale = { per: 'row', from: 'absmax' } as const;
    run = await applyRecipe(tf, reading({ format: 'int3', scale }), { variables, steps: 1, seed: 1 });
    const given = tf.tidy(() =>
      normedConvolution(tf, images(), norm(), { folded: true, statistics: 'moving' }).dataSync().slice(),
    );
    run.stop();
    run = await applyRecipe(tf, reading(null), { variables, steps: 1, seed: 1 });
    const factor = [2 / 0.5, 0.5 / 1, -1 / 2];
    const columns = 9 * inputs;
    const filter = variables[0]!.dataSync() as Float32Array;
    // A row for each output.
    const folded = Float32Array.from(
      filter,
      (_, i) => filter[(i % columns) * outputs + Math.floor(i / columns)]! * factor[Math.floor(i / columns)]!,
    );
    const image = quantizer({ format: 'int3', scale }).fakeQuantize(folded, [outputs, columns]);
    const back = Float32Array.from(
      image,
      (_, i) => image[(i % outputs) * columns + Math.floor(i / outputs)]!,
    );
    const expected = tf.tidy(() => {
      const result = tf.conv2d(images(), tf.tensor4d(back, [3, 3, inputs, outputs]), 1, 'same');
      const shift = tf.tensor1d([0.125 - 0.5 * 4, -1 + 0.25 * 0.5, 0.5]);
      return tf.add(result, shift).dataSync().slice();
    });
    expect([...given]).toEqual([...expected]);
  });

  it('begins with averages of 0 and 1', () => {
    const averages = firstAverages([outputs]);
    const [own, squares] = [averages.get('norm.0.mean')!, averages.get('norm.0.variance')!];
    expect([[...own], [...squares]]).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });
});

const model: ConvNetConfig = {
  ...{
    kind: 'conv',
    name: 'tiny',
    channels: [4, 6],
    norm: 'batch',
    samples: 8,
    learningRate: 1e-2,
    image: [6, 6, 1],
  },
};
const data = labelledData(
  numbers(36 * 64, 1),
  Array.from({ length: 64 }, (_, i) => i % 3),
);

describe('a net with batch norms', () => {
  const trained = async (more: Partial<TrainOptions> = {}) => {
    const { losses, bytes, result } = await tracedRun({
      ...{ tf, model, data, recipe: recipes.float32(), steps: 10, seed: 1 },
      ...more,
    });
    return { losses, checkpoints: bytes, result };
  };
  const averagesOf = (bytes: Uint8Array): string[] =>
    [...decodeCheckpoint(bytes, 'memory').arrays].flatMap(([name, { data: own }]) =>
      name.startsWith('model/') ? [`${name} ${fnv1a64(own)}`] : [],
    );
  const recipe = recipes.whitepaperQat({ weightBits: 4, fold: true, delay: 0.2, freeze: 0.6 });

  it('has averages that stay from where they are frozen; looked at and taken up again it has the same bits', async () => {
    const plain = await trained({ recipe });
    expect(plain.losses.every(Number.isFinite)).toBe(true);
    const seen = plain.checkpoints.map(averagesOf);
    expect(seen[0]!.map((name) => name.split(' ')[0])).toEqual(
      ['norm.0.mean', 'norm.0.variance', 'norm.1.mean', 'norm.1.variance'].map(
        (name) => `model/${name}/values`,
      ),
    );
    expect(seen[5]).not.toEqual(seen[4]);
    for (const later of seen.slice(6)) expect(later).toEqual(seen[5]);
    const looked = await trained({
      recipe,
      evaluateEvery: 2,
      evaluationWindows: 8,
      probeEvery: 1,
      gradientDraws: 1,
    });
    expect(looked.losses).toEqual(plain.losses);
    expect(looked.result.validationLoss).toBe(plain.result.validationLoss);
    for (const at of [1, 4, 8]) {
      const rest = await trained({ recipe, resume: decodeCheckpoint(plain.checkpoints[at - 1]!, 'memory') });
      expect(rest.losses).toEqual(plain.losses.slice(at));
      expect(rest.checkpoints.map(fnv1a64)).toEqual(plain.checkpoints.slice(at).map(fnv1a64));
      expect(rest.result.validationLoss).toBe(plain.result.validationLoss);
    }
    const { state, arrays } = decodeCheckpoint(plain.checkpoints[0]!, 'memory');
    const without = new Map([...arrays].filter(([name]) => name !== 'model/norm.1.mean/values'));
    await expect(trained({ recipe, resume: { state, arrays: without } })).rejects.toThrow(
      /model\/norm\.1\.mean/,
    );
  });

  it('learns, and is not another net where nothing is quantised and norms are folded', async () => {
    const { losses } = await trained();
    const float32 = recipes.float32();
    const folded = { ...float32, phases: [{ ...float32.phases[0]!, batchNorm: { folded: true } }] };
    const other = await trained({ recipe: folded });
    losses.forEach((loss, i) => {
      expect(Math.abs(other.losses[i]! - loss)).toBeLessThan(1e-3 * loss);
    });
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    expect(other.losses).not.toEqual(losses);
  });

  it('is the preset conv-bn, whose roles say how norms train, and has no teacher', async () => {
    expect(models['conv-bn']).toMatchObject({ norm: 'batch' });
    const table = JSON.stringify(roleTable(recipe, models['conv-bn']!));
    expect(table).toContain('batch norms folded into weights');
    expect(table).toContain('batch norms by averages');
    await expect(trained({ recipe: recipes.distillation() })).rejects.toThrow(/^recipe\.teacher/);
    expect(() => recipes.whitepaperQat({ freeze: 0.5 })).toThrow(/^freeze/);
    expect(() => recipes.whitepaperQat({ fold: true, delay: 0.5, freeze: 0.5 })).toThrow(/^freeze/);
  });
});
