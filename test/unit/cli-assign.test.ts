/** `halfulp assign`: formats by what a run has measured, from its checkpoint to a recipe that trains. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import {
  assignXrNpe,
  type Checkpoint,
  encodeCheckpoint,
  type ModelConfig,
  models,
  recipeFrom,
  recipes,
  roleTable,
  sensitiveLayers,
} from '../../src/train/index.ts';
import { gaussians } from '../../src/train/random.ts';
import type { XrNpeFormat } from '../../src/train/recipes/index.ts';
import { parameterShapes } from '../../src/train/tasks.ts';
import { bytesOf, safetensors } from '../model-file-makers.ts';
import { testWorld, withFolder } from './cli-world.ts';

const mlp: ModelConfig = { kind: 'mlp', name: 'mlp', hidden: [8, 8], samples: 4, learningRate: 1e-3 };
const float32 = (values: Float32Array, shape: readonly number[]) => ({
  dtype: 'F32' as const,
  shape,
  data: new Uint8Array(values.buffer.slice(0)),
});

/** A checkpoint after ten steps of a model whose second moments are `second` of a layer's name and place. */
function checkpointOf(model: ModelConfig, second: (name: string, i: number) => number): Checkpoint {
  const arrays = new Map<string, ReturnType<typeof float32>>();
  for (const [place, { name, shape }] of parameterShapes(model, 8, 8).entries()) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const weights = gaussians(size, 1, place + 1, 'assign');
    arrays.set(`weights/${name}/values`, float32(weights, shape));
    const moments = Float32Array.from({ length: size }, (_, i) => second(name, i));
    arrays.set(`optimizer/${name}/second/values`, float32(moments, shape));
  }
  const identity = { recipe: '', model, seed: 1 } as never;
  const state = {
    ...({ version: 1, identity, step: 10, phase: 0, seconds: 1 } as const),
    optimizer: { beta1Power: 0.35, beta2Power: 0.75, iterations: 10, step: 10 },
  } as const;
  return { state, arrays };
}

async function assign(...argv: string[]) {
  const world = testWorld();
  const code = await run(['assign', ...argv], world.io);
  return { code, out: world.stdout(), error: world.stderr() };
}

describe('the layers of a checkpoint', () => {
  it.each(Object.keys(models))('of %s are those with slots', (preset) => {
    const model = models[preset]!;
    // Images of the conv nets are squares of one channel.
    const inputs = model.kind === 'conv' ? 784 : 8;
    const shapes = parameterShapes(model, inputs, 8);
    const arrays = new Map(
      shapes.map(({ name, shape }) => {
        const size = shape.reduce((product, extent) => product * extent, 1);
        return [`weights/${name}/values`, float32(new Float32Array(size), shape)];
      }),
    );
    const { state } = checkpointOf(mlp, () => 1);
    const given = { state: { ...state, identity: { ...state.identity, model } }, arrays } as never;
    const slotted = shapes.filter(({ role }) => role === 'linear' || role === 'convolution');
    expect(sensitiveLayers(given, 'weights').map(({ name }) => name)).toEqual(
      slotted.map(({ name }) => name),
    );
  });

  it('have mean squared gradients as their curvature', () => {
    const layers = sensitiveLayers(checkpointOf(mlp, (name, i) => (name === 'output' ? i : 0.5)));
    expect(layers.map(({ name }) => name)).toEqual(['hidden.0', 'hidden.1', 'output']);
    // beta2^10 = 0.75: the moment has a quarter of the mean.
    expect(layers[0]!.curvature).toEqual(new Float32Array(64).fill(2));
    expect(layers[2]!.curvature).toEqual(Float32Array.from({ length: 64 }, (_, i) => 4 * i));
    for (const layer of sensitiveLayers(
      checkpointOf(mlp, () => 1),
      'weights',
    ))
      expect(Object.hasOwn(layer, 'curvature')).toBe(false);
  });

  it('are refused where they are not there in float32', () => {
    const whole = checkpointOf(mlp, () => 1);
    const without = (name: string): Checkpoint => ({
      ...whole,
      arrays: new Map([...whole.arrays].filter(([key]) => key !== name)),
    });
    const refusal = (argument: string) => expect.objectContaining({ argument });
    expect(() => sensitiveLayers(without('weights/hidden.1/values'))).toThrow(
      refusal('checkpoint.weights/hidden.1/values'),
    );
    const moment = 'optimizer/output/second/values';
    expect(() => sensitiveLayers(without(moment))).toThrow(refusal(`checkpoint.${moment}`));
    expect(sensitiveLayers(without(moment), 'weights')).toHaveLength(3);
    const short = new Map(whole.arrays).set(moment, float32(new Float32Array(8), [8]));
    expect(() => sensitiveLayers({ ...whole, arrays: short })).toThrow(refusal(`checkpoint.${moment}`));
    const grid = new Map(whole.arrays).set('weights/output/values', {
      ...{ dtype: 'U8', shape: [8], data: new Uint8Array(8) },
    } as never);
    expect(() => sensitiveLayers({ ...whole, arrays: grid })).toThrow(
      refusal('checkpoint.weights/output/values'),
    );
    expect(() => sensitiveLayers(whole, 'sideways' as never)).toThrow(refusal('sensitivity'));
  });
});

/** What a format costs a layer, by a sum of its own. */
function costOf(format: XrNpeFormat, weights: Float32Array, curvature: Float32Array | Float64Array): number {
  const target = format === 'e2m1' ? 6 : 4;
  const images = quantizer({ format, scale: { per: 'tensor', from: 'absmax', target } }).fakeQuantize(
    weights,
  );
  return weights.reduce((sum, w, i) => sum + curvature[i]! * (images[i]! - w) ** 2, 0);
}

describe('halfulp assign', () => {
  const steep = checkpointOf(mlp, (name) => (name === 'hidden.1' ? 1e6 : 1));

  /** A run folder as training leaves it. */
  function runIn(folder: string, checkpoint = steep): string {
    const path = join(folder, 'run');
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'checkpoint-00000010.safetensors'), encodeCheckpoint(checkpoint));
    const pointer = { file: 'checkpoint-00000010.safetensors', step: 10 };
    writeFileSync(join(path, 'checkpoint.json'), JSON.stringify(pointer));
    return path;
  }

  it('gives bits to the layer that the loss feels most, as a recipe', async () => {
    await withFolder(async (folder) => {
      const path = runIn(folder);
      const file = join(folder, 'xr-npe.json');
      const { code, out } = await assign(
        path,
        '--bits',
        '5.4',
        '--formats',
        'e2m1,posit(8,0)',
        '--out',
        file,
      );
      expect(code).toBe(0);
      expect(out).toMatch(/hidden\.1 +64 {2}posit\(8,0\)/);
      const written = JSON.parse(readFileSync(file, 'utf8'));
      const formats = { 'hidden.0': 'e2m1', 'hidden.1': 'posit(8,0)', output: 'e2m1' } as const;
      expect(written).toEqual({ recipe: 'xrNpe', layers: formats });
      const recipe = recipeFrom(written);
      expect(recipe).toEqual(recipes.xrNpe({ layers: formats }));
      const table = JSON.stringify(roleTable(recipe, mlp));
      for (const format of ['e2m1', 'posit(8,0)']) expect(table).toContain(format);

      const { out: json } = await assign(path, '--bits', '5.4', '--formats', 'e2m1,posit(8,0)', '--json');
      const { bits, bytes, cost, recipe: printed } = JSON.parse(json);
      expect(printed).toEqual(written);
      expect(bytes).toBe(128);
      expect(bits).toBe(16 / 3);
      const layers = sensitiveLayers(steep);
      const total = layers.reduce(
        (sum, { name, weights, curvature }) =>
          sum + costOf(formats[name as keyof typeof formats], weights, curvature!),
        0,
      );
      expect(cost).toBe(total);
    });
  });

  it('takes a checkpoint file too, weighs errors alike where it is told to, and has all formats by default', async () => {
    await withFolder(async (folder) => {
      const file = join(runIn(folder), 'checkpoint-00000010.safetensors');
      const jsonOf = async (...more: string[]) => JSON.parse((await assign(file, '--json', ...more)).out);
      for (const bits of [4, 6, 9, 16]) {
        const given = ['--bits', `${bits}`];
        expect((await jsonOf(...given)).recipe.layers).toEqual(
          assignXrNpe(sensitiveLayers(steep), bits).formats,
        );
        const alike = assignXrNpe(sensitiveLayers(steep, 'weights'), bits).formats;
        expect((await jsonOf(...given, '--sensitivity', 'weights')).recipe.layers).toEqual(alike);
      }
      const { recipe, bits } = await jsonOf('--bits', '16');
      expect(new Set(Object.values(recipe.layers))).toEqual(new Set(['posit(16,1)']));
      expect(bits).toBe(16);
    });
  });

  it.each([
    [['--bits', '3'], '--bits: got 3; accepted: at least 4'],
    [['--bits', '0'], '--bits'],
    [['--formats', 'e2m1,int9x'], '--formats'],
    [['--sensitivity', 'x'], '--sensitivity'],
    [['--sensitivity', 'hessian'], '<run>'],
    [['--batches', '3'], '--batches'],
    [['--draws', '3'], '--draws'],
    [['--axis', '0'], '--axis'],
    [['--data', 'mnist'], '--data'],
    [['--by', 'chance'], '--by'],
    [['--plot', ''], '--plot'],
    [['--out', ''], '--out'],
  ])('refuses %j', async (argv, words) => {
    await withFolder(async (folder) => {
      const { code, out, error } = await assign(runIn(folder), ...argv);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(error).toContain(words);
      expect(error.trim().split('\n')).toHaveLength(1);
    });
  });

  it('refuses what is no run, and names a damaged checkpoint', async () => {
    await withFolder(async (folder) => {
      for (const path of [folder, join(folder, 'nowhere')]) {
        const { code, error } = await assign(path);
        expect(code).toBe(2);
        expect(error).toContain(`<run>: got '${path}'`);
      }
      const path = runIn(folder);
      writeFileSync(join(path, 'checkpoint-00000010.safetensors'), 'no checkpoint');
      const { code, error } = await assign(path);
      expect(code).not.toBe(0);
      expect(error).toContain('checkpoint-00000010.safetensors');
    });
  });
});

describe('of a model file', () => {
  const file = (folder: string, ...names: readonly string[]): string => {
    const path = join(folder, 'm.safetensors');
    const made = names.map((name) => ({
      ...{ name, dtype: 'F32', shape: [2, 2] },
      bytes: bytesOf(gaussians(4, 1, 1, name)),
    }));
    writeFileSync(path, safetensors(made));
    return path;
  };
  const formats = ['--formats', 'int4/row,int8/row'];

  it('an axis along which nothing lies, and the file itself as a result, are refused', async () => {
    await withFolder(async (folder) => {
      const path = file(folder, 'w');
      const axis = await assign(path, ...formats, '--axis', '0');
      expect(axis).toMatchObject({ code: 2, out: '' });
      expect(axis.error).toContain(
        '--axis: got 0; accepted: nothing, unless scales of --formats are of blocks',
      );
      const over = await assign(path, ...formats, '--bits', '40', '--out', path);
      expect(over).toMatchObject({ code: 2, out: '' });
      expect(over.error).toMatch(/--out: .*being read/);
    });
  });

  it('Ctrl-C leaves what was there, and says nothing', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'large.safetensors');
      const bytes = new Uint8Array(2 ** 24);
      const many = ['a', 'b', 'c'].map((name) => ({ name, dtype: 'F32', shape: [2 ** 11, 2 ** 11], bytes }));
      writeFileSync(path, safetensors(many));
      const out = join(folder, 'rules.json');
      writeFileSync(out, 'before');
      const world = testWorld();
      const work = run(['assign', path, ...formats, '--bits', '40', '--out', out], world.io);
      const waiting = setInterval(() => world.listening() > 0 && world.send('SIGINT'), 5);
      expect(await work).toBe(130);
      clearInterval(waiting);
      expect([world.stdout(), world.listening()]).toEqual(['', 0]);
      expect(readFileSync(out, 'utf8')).toBe('before');
    });
  });

  it('a name that a rule takes for a glob of others is refused', async () => {
    await withFolder(async (folder) => {
      const { code, error } = await assign(file(folder, 'a*', 'ab'), ...formats, '--bits', '40');
      expect(code).toBe(2);
      expect(error).toMatch(/<run>: got 'a\*'; accepted: tensors whose names have no \*/);
    });
  });
});
