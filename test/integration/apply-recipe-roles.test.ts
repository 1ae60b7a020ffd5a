/** The table of roles of a program: what its print says, and that it is what the engine does. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe, recipes, roleColumns } from '../../src/train/index.ts';
import { zooFp4 } from '../zoo-fp4.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

async function rolesOf(name: string, recipe: Recipe) {
  const program = programs[name]!();
  const run = await applyRecipe(tf, recipe, { ...program.target, steps: 10, seed: 1 });
  const { roles } = run;
  run.stop();
  program.dispose();
  return roles;
}

const every: Recipe[] = [
  recipes.float32(),
  recipes.bfloat16(),
  recipes.bitnetTransition({
    at: 0.4,
    optimizerState: 'reset',
    rewarm: 0.1,
    phaseIn: { kind: 'tanh', over: 0.2 },
  }),
  recipes.dqt({ bits: 4, of: 'all', range: { deviations: 4 } }),
  recipes.adam8bit(),
  ...Object.values(zooFp4()),
  recipes.bitnet({ optimizer: { kind: 'adafactor' } }),
];

describe.each(Object.keys(programs))('%s', (name) => {
  it.each(every.map((recipe) => [recipe.name, recipe] as const))(
    'under %s fits 100 columns',
    async (_, recipe) => {
      const roles = await rolesOf(name, recipe);
      const lines = String(roles).split('\n');
      for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(100);
      expect(lines.filter((line) => / $/.test(line))).toEqual([]);
      for (const { rows } of roles.phases)
        for (const row of rows) expect(row).toHaveLength(roleColumns.length);
    },
  );
});

it('the print is one to read', async () => {
  const nvfp4 = recipes.nvfp4();
  const plain = {
    forward: { x: null, w: null },
    inputGradient: { g: null },
    weightGradient: { g: null, x: null },
  };
  const recipe: Recipe = {
    ...nvfp4,
    rules: [
      { where: { depth: [-1, -1] }, set: plain },
      { where: { layer: 'conv' }, set: { forward: { y: { format: 'bfloat16' }, accumulate: 'binary16' } } },
      { where: { role: 'activation-product' }, set: { forward: { x: { format: 'e4m3fn' } } } },
    ],
  };
  expect(String(await rolesOf('convolutional', recipe))).toBe(`\
from 0 %, rms norm before o,down

conv/kernel
  1 convolution, 144 numbers, read in 4.11 bits (rules[1])
  y = x w      x   nvfp4
               w   nvfp4 tile16x16
               y   summed in binary16, then bfloat16
  dx = g w     g   nvfp4 stochastic
               w   the one that y read
               dx  summed in binary32, in order
  dw = g x     g   nvfp4 stochastic hadamard16 published signs
               x   nvfp4 hadamard16 published signs
               dw  summed in binary32, in order
  held in      float32, moments in float32

conv/bias, depthwise/bias, norm/gamma, norm/beta, out/bias
  3 bias, 2 norm, 35 numbers, read in 32 bits
  products     as they are
  held in      float32, moments in float32

depthwise/depthwise_kernel
  1 convolution, 72 numbers, read in 4.11 bits
  y = x w      x   nvfp4
               w   nvfp4 tile16x16
               y   summed in binary32, in order
  dx = g w     g   nvfp4 stochastic
               w   the one that y read
               dx  summed in binary32, in order
  dw = g x     g   nvfp4 stochastic hadamard16 published signs
               x   nvfp4 hadamard16 published signs
               dw  summed in binary32, in order
  held in      float32, moments in float32

out/kernel
  1 linear, 96 numbers, read in 32 bits, exempt (rules[0])
  products     as they are
  held in      float32, moments in float32

products without a weight
  products of two activations (rules[2])
  y = x w      x   e4m3fn
               w   as it is
               y   summed in binary32, in order
  dx = g w     g   as it is
               w   the one that y read
               dx  summed in binary32, in order
  dw = g x     g   as it is
               x   the one that y read
               dw  summed in binary32, in order`);
});

it('bits of a weight have its scales, as products see it', async () => {
  const bits = async (spec: object, shape: number[]) => {
    const base = recipes.float32();
    const linear = { ...base.phases[0]!.linear, forward: { x: null, w: spec as never } };
    const weight = tf.tidy(() => tf.variable(tf.ones(shape)));
    const run = await applyRecipe(
      tf,
      { ...base, phases: [{ ...base.phases[0]!, linear }] },
      { variables: [weight], steps: 1, seed: 1 },
    );
    const [row] = run.roles.phases[0]!.rows;
    run.stop();
    weight.dispose();
    return row![roleColumns.indexOf('bits')];
  };
  const block = (size: number, format: string) =>
    ({ format: 'e2m1', scale: { per: 'block', size, from: 'absmax', format } }) as const;
  // 64 inputs, 8 outputs: rows and blocks lie along the inputs.
  expect(await bits({ format: 'int8', scale: { per: 'row', from: 'absmax' } }, [64, 8])).toBe('8.5');
  expect(await bits(block(32, 'e8m0'), [64, 8])).toBe('4.25');
  expect(await bits(block(32, 'e8m0'), [40, 8])).toBe('4.4');
  // A block of a filter stays within a tap; rows are outputs.
  expect(await bits({ format: 'int8', scale: { per: 'row', from: 'absmax' } }, [3, 3, 8, 4])).toBe(
    String(Number((8 + 32 / 72).toFixed(4))),
  );
  expect(await bits(block(16, 'e4m3fn'), [3, 3, 8, 4])).toBe('5');
  expect(await bits({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } }, [64, 8])).toBe('1.585');
});

it('tell of events, with a table where they change rules', async () => {
  const recipe: Recipe = {
    ...recipes.float32({ extraNorm: null }),
    name: 'events',
    events: [
      { every: 100, do: [{ reset: 'moments' }, { rewarm: 0.05, shape: 'cosine' }] },
      {
        at: 0.4,
        do: [
          { switch: [{ where: { role: 'linear' }, set: { forward: { w: { format: 'bfloat16' } } } }] },
          { freeze: { role: 'convolution' } },
        ],
      },
    ],
  };
  const [, , switched] = String(await rolesOf('convolutional', recipe)).split(/\n\n-+\n\n/);
  expect(switched).toBe(`\
at 40 %, 1 rule switched on, frozen: {"role":"convolution"}

conv/kernel, depthwise/depthwise_kernel
  2 convolution, 216 numbers, read in 32 bits, exempt (events[1].do[1].freeze)
  products     as they are
  held in      float32, frozen, moments in float32

conv/bias, depthwise/bias, norm/gamma, norm/beta, out/bias
  3 bias, 2 norm, 35 numbers, read in 32 bits
  products     as they are
  held in      float32, moments in float32

out/kernel
  1 linear, 96 numbers, read in 16 bits (events[1].do[0].switch[0])
  y = x w      x   as it is
               w   bfloat16
               y   summed in binary32, in order
  dx = g w     g   as it is
               w   the one that y read
               dx  summed in binary32, in order
  dw = g x     g   as it is
               x   the one that y read
               dw  summed in binary32, in order
  held in      float32, moments in float32`);
});
