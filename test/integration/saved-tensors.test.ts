/** What operations keep for their gradients, held as codes: exact codecs change nothing, others nothing of the forward pass. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { type Recipe, recipes, textData, train } from '../../src/train/index.ts';
import { programs, trained } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

type Saved = NonNullable<Recipe['saved']>;
const exact: Saved = [{ where: {}, codec: { kind: 'float32', least: 0 } }];
const ranges: Saved = [{ where: {}, codec: { kind: 'ranges8', groups: 4, least: 0 } }];

const sloted = (linear: Recipe['phases'][0]['linear']): Recipe => {
  const [phase] = recipes.float32().phases;
  return { ...recipes.float32(), phases: [{ ...phase!, linear }] };
};

const every: Readonly<Record<string, Recipe>> = {
  float32: recipes.float32(),
  bfloat16: recipes.bfloat16(),
  bitnet: recipes.bitnet(),
  quest: recipes.quest(),
  nvfp4: recipes.nvfp4(),
  'norms, rules and images': sloted({
    forward: {
      x: { norm: 'rms', format: 'int8', scale: { per: 'row', from: 'absmax' }, gradient: 'clipped' },
      w: { format: 'int4', scale: { per: 'row', from: 'absmax' } },
    },
    inputGradient: { g: null, w: 'same' },
    weightGradient: {
      g: null,
      x: { format: 'int4', scale: { per: 'tensor', from: 'absmax' }, of: 'image' },
    },
  }),
  'products of activations': {
    ...recipes.float32(),
    rules: [
      {
        where: { role: 'all' },
        set: {
          forward: {
            x: { format: 'e4m3fn', scale: { per: 'tensor', from: 'absmax' } },
            w: { format: 'e4m3fn', scale: { per: 'tensor', from: 'absmax' } },
          },
        },
      },
    ],
  },
};

const adam = (): tf.Optimizer => tf.train.adam(0.01);

describe.each(Object.keys(programs))('%s', (name) => {
  // Of recurrent cells each step is a handful of operations.
  const some = Object.entries(every).filter(([, { phases }]) => name !== 'recurrent' || phases[0]!.emulate);
  it.each(some)('under %s has the same bits with exact copies', async (_, recipe) => {
    const plain = await trained(name, recipe, 2, adam);
    expect(await trained(name, { ...recipe, saved: exact }, 2, adam)).toEqual(plain);
  });

  it('has another gradient from codes, and the same forward pass', async () => {
    const plain = await trained(name, recipes.float32(), 3, adam);
    const coded = await trained(name, { ...recipes.float32(), saved: ranges }, 3, adam);
    expect(coded.losses[0]).toBe(plain.losses[0]);
    expect(coded.weights).not.toEqual(plain.weights);
    for (const loss of coded.losses) expect(loss).not.toBeNaN();
  });

  it('leaves behind no more than the program does', async () => {
    const left = async (saved: Saved): Promise<readonly number[]> => {
      const before = tf.memory();
      await trained(name, { ...recipes.bitnet(), saved }, 2, adam);
      const after = tf.memory();
      return [after.numTensors - before.numTensors, after.numBytes - before.numBytes];
    };
    expect(await left(ranges)).toEqual(await left([]));
  });
});

const model = {
  ...{ name: 'test', width: 16, layers: 2, heads: 2, hidden: 24, context: 8, sequences: 4 },
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));

async function lossesOf(recipe: Recipe, steps = 3): Promise<number[]> {
  const losses: number[] = [];
  await train({
    ...{ tf, model, data, recipe, steps, seed: 1, evaluateEvery: 0 },
    onStep: ({ loss }) => void losses.push(loss),
  });
  return losses;
}

describe('a model of the harness', () => {
  it.each(Object.entries(every))('under %s has the same bits with exact copies', async (_, recipe) => {
    const plain = await lossesOf(recipe);
    expect(await lossesOf({ ...recipe, saved: exact })).toEqual(plain);
    expect((await lossesOf({ ...recipe, saved: ranges }))[0]).toBe(plain[0]);
  });
});
