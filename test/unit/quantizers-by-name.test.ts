/** A quantiser's name means the same wherever a quantiser is taken, and what could mean two things is refused. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import { arithmetic, encode, round } from '../../src/operations/index.ts';
import {
  analyze,
  canonicalQuantizerName,
  dequantize,
  namedQuantizer,
  namedQuantizerOptions,
  quantize,
  quantizer,
} from '../../src/quantizers/index.ts';
import { emulate, fakeQuantize } from '../../src/tfjs/index.ts';
import { adamW, type GivenRecipe, type Recipe, recipes } from '../../src/train/index.ts';
import { defaultOptimizer } from '../../src/train/optimizers/settings.ts';
import { holdState } from '../../src/train/optimizers/state-codec.ts';
import type { MomentCodecs } from '../../src/train/optimizers/states.ts';
import { gaussians } from '../../src/train/random.ts';
import { settledRecipe } from '../../src/train/recipe.ts';
import { checkRecipe } from '../../src/train/recipe-check.ts';
import { recipeFrom } from '../../src/train/recipe-data.ts';
import { holdAs } from '../../src/train/saved/codecs.ts';

const shape = [8, 64];
const x = gaussians(8 * 64, 3, 1, 'names');
const names = [
  ...[
    'int4/tensor',
    'int4/row',
    'int8/block:32',
    'int8/column/std',
    'ternary/tensor',
    'e2m1/block:16/scale:ue5m3',
  ],
  ...['e4m3fn/tensor', 'nf4/block:64', 'int4/tile:4x16/mse', 'mxfp4', 'nvfp4', 'mxint8', 'bfp(7,16)'],
  ...['int4/unscaled', 'e4m3fn/unscaled', 'bfloat16', 'binary16', 'posit16', 'fixed(4,4)', 'e5m2/unscaled'],
];

beforeAll(async () => {
  await tf.setBackend('wasm');
});

test('quantize, quantizer, namedQuantizer and analyze agree, and codes and scales give the values', () => {
  for (const name of names) {
    const made = namedQuantizer(name).quantize(x, shape);
    const quantized = quantize(x, name, { shape });
    expect(quantized.codes, name).toEqual(made.codes);
    expect(quantized.values, name).toEqual(made.values);
    expect(dequantize(quantized), name).toEqual(made.values);
    expect(quantizer(name).fakeQuantize(x, shape), name).toEqual(made.values);
    expect(analyze(x, name, { shape }).bytes, name).toBe(made.bytes);
  }
});

test('fakeQuantize and the operands of emulated products agree with them', async () => {
  for (const name of names) {
    const expected = quantizer(name).fakeQuantize(x, shape);
    const tensor = tf.tensor2d(x, [8, 64]);
    expect(await fakeQuantize(tf, tensor, name).data(), name).toEqual(expected);
    const emulation = await emulate(tf, { roles: { forward: { inputs: { a: name } } } });
    try {
      let product: tf.Tensor | undefined;
      tf.grad((a: tf.Tensor) => {
        product = tf.keep(tf.matMul(a as tf.Tensor2D, tf.eye(64)));
        return product.sum();
      })(tensor);
      expect(Array.from(await product!.data()), name).toEqual(Array.from(expected, (value) => value + 0));
    } finally {
      emulation.stop();
    }
  }
});

describe('a name by itself', () => {
  test('of a format that places its own range rounds as round does, everywhere', () => {
    for (const name of [
      'bfloat16',
      'binary16',
      'tf32',
      'posit16',
      'posit8',
      'fixed(4,4)',
      'float(5,6)',
      'logarithmic(4,3)',
    ]) {
      const wide = Float64Array.of(0.1, -3.7, 1e6, -1e-9, 300);
      expect(quantizer(name).fakeQuantize(wide), name).toEqual(round(wide, name));
    }
  });

  test('of any other is short for a scale a tensor where only quantisers are taken', () => {
    for (const name of ['int4', 'int8', 'uint8', 'ternary', 'nf4', 'e4m3fn', 'e2m1'])
      expect(quantize(x, name).values, name).toEqual(quantize(x, `${name}/tensor`).values);
  });

  test('of any other is refused, with both spellings, where roundings are taken as well', async () => {
    for (const name of [
      'int4',
      'int8',
      'uint8',
      'INT4',
      'ternary',
      'binary',
      'nf4',
      'e4m3fn',
      'fp4',
      'e5m2',
    ]) {
      const canonical = canonicalQuantizerName(name);
      for (const policy of [
        { inputs: name },
        { inputs: { a: name } },
        { kernels: { Add: { inputs: name } } },
      ])
        await expect(emulate(tf, policy), name).rejects.toThrow(
          new RegExp(`inputs.*${canonical}/tensor .*or \\{ format: '${canonical}' \\}`),
        );
      const slots = recipes.bitnet().phases[0]!.linear;
      const recipe = {
        ...recipes.bitnet(),
        phases: [{ ...recipes.bitnet().phases[0]!, linear: { ...slots, forward: { x: name, w: null } } }],
      };
      expect(() => checkRecipe(recipe), name).toThrow(
        /^recipe\.phases\[0\]\.linear\.forward\.x: .*\/tensor .* or \{ format: /,
      );
    }
  });

  test('as a format is the rounding', async () => {
    const emulation = await emulate(tf, {
      inputs: formats.int4,
      roles: { forward: { inputs: { format: 'int4' } } },
    });
    emulation.stop();
  });
});

/** Recipes that hold the optimiser's first moment, and what operations keep, by a name. */
const heldBy = (name: string): GivenRecipe => ({
  ...recipes.bitnet(),
  optimizer: { ...defaultOptimizer, first: name },
  saved: [{ where: {}, codec: name }],
});

describe('what is held between steps, by a name', () => {
  const sizes = [64, 96];
  const values = gaussians(64 * 96, 3, 1, 'held');
  const draw = { seed: 1, stream: 0n, offset: 0 };

  test.each([
    ...[
      'mxfp4',
      'nvfp4',
      'MXFP8',
      'int4/row',
      'int8/block:40',
      'int8/column',
      'int8/tensor/mse',
      'INT4/unscaled',
    ],
    ...['int8/tile:16x16', 'e4m3fn/tensor', 'dynamic8/block:40', 'ternary/row', 'nf4/block:64/scale:e8m0'],
    ...['binary16', 'posit8', 'fixed(4,4)', 'bfloat16', 'fp32'],
  ])('%s is what it is elsewhere', (name) => {
    checkRecipe(heldBy(name));
    const { optimizer, saved } = settledRecipe(heldBy(name));
    const expected = quantizer(name as string).fakeQuantize(values, sizes);
    const state = holdState(tf, sizes, true, (optimizer as MomentCodecs).first);
    state.write(tf.tensor(values, sizes), draw);
    expect([...state.read().dataSync()]).toEqual([...expected]);
    state.dispose();
    const kept = holdAs(saved![0]!.codec as Parameters<typeof holdAs>[0])(values, sizes, draw, undefined)!;
    const read = new Float32Array(values.length);
    kept.read(read, undefined);
    expect([...read]).toEqual([...expected]);
    const rule = { where: {}, set: { second: name } };
    expect(settledRecipe({ ...recipes.bitnet(), rules: [rule] }).rules![0]!.set.second).toEqual(
      (optimizer as MomentCodecs).first,
    );
    expect(adamW(tf, { first: name }).getConfig()).toEqual(
      adamW(tf, { first: (optimizer as MomentCodecs).first! }).getConfig(),
    );
  });

  test.each([
    ['int8', /int8\/tensor, int8\/row, int8\/block:256/],
    ['e4m3fn', /e4m3fn\/tensor/],
    ['dynamic8', /dynamic8\/block:2048 .* or \{ kind: 'dynamic8', block: 2048 \}/],
    ['expansion8', /\{ kind: 'expansion8', block: 128 \}/],
    ['ranges8', /\{ kind: 'ranges8', groups: 1 \}/],
    ['int8/blok:32', /block:32/],
    ['bf17', /bfloat16/],
    ['fp8', /e4m3fn .* or e5m2/],
  ])('%s alone is refused with what there is', (name, words) => {
    const only = ({ optimizer }: GivenRecipe): GivenRecipe => ({ ...recipes.bitnet(), optimizer });
    expect(() => checkRecipe(only(heldBy(name)))).toThrow(/^recipe\.optimizer\.first/);
    expect(() => checkRecipe(only(heldBy(name)))).toThrow(words);
    expect(() => checkRecipe({ ...recipes.bitnet(), saved: heldBy(name).saved! })).toThrow(
      /^recipe\.saved\[0\]\.codec/,
    );
    expect(() => adamW(tf, { second: name })).toThrow(/^settings\.second/);
  });
});

test('a quantiser is refused, as one, where a format is read', () => {
  const store = { kind: 'grid', format: 'int4/row', rounding: 'stochastic', range: 'absmax' } as const;
  for (const call of [
    () => round(1, 'int4/row' as string),
    () => arithmetic('int4/row' as string),
    () => encode(1, 'INT4/block:32' as string),
    () => quantizer({ format: 'int4/row' as string, scale: { per: 'row', from: 'absmax' } }),
    () => checkRecipe({ ...recipes.bitnet(), store }),
    () => arithmetic('binary32').sum([1], { accumulate: 'int4/row' }),
  ])
    expect(call).toThrow(/a format by itself, int4: .* is a quantiser/i);
});

test('unscaled is a rounding that saturates, over the whole range', () => {
  const wide = Float64Array.of(-8, -9, 7.5, 1e9, 0.4, 2.5);
  for (const name of ['int4', 'uint4', 'e4m3fn', 'e2m1', 'nf4'])
    expect(quantize(wide, `${name}/unscaled`).values, name).toEqual(
      round(wide, name, { saturation: 'finite' }),
    );
});

test('options beside a name act or are refused', () => {
  const along = quantize(x, 'int4/block:4', { shape, axis: 0 });
  expect(along.scaleShape).toEqual([2, 64]);
  const stochastic = quantize(x, 'int4/row', { shape, rounding: 'stochastic', seed: 3 });
  expect(stochastic.values).toEqual(
    quantizer({ ...namedQuantizerOptions('int4/row'), rounding: 'stochastic', seed: 3 }).quantize(x, shape)
      .values,
  );
  const up = quantize(x, 'int4/row/scale:e8m0', { shape, direction: 'ceil' });
  expect(up.scaleCodes).not.toEqual(quantize(x, 'int4/row/scale:e8m0', { shape }).scaleCodes);
  for (const [name, options, path] of [
    ['int4/row', { axis: 0 }, /^axis/],
    ['int4/row', { tile: true }, /^tile/],
    ['int4/row', { symmetric: true }, /^symmetric/],
    ['int4', { fourOverSix: 'mse' }, /^fourOverSix/],
    ['int4/row', { direction: 'ceil' }, /direction/],
    ['int4/row', { shap: [1] }, /^shap/],
  ] as const)
    expect(() => quantize(x, name, { shape, ...options } as never), name).toThrow(path);
});

test('a thing is said once, in any case, and near misses are answered', () => {
  expect(canonicalQuantizerName('INT4/Block:32/MSE')).toBe('int4/block:32/mse');
  expect(canonicalQuantizerName('fp4/BLOCK:16/scale:fp8_e4m3')).toBe('e2m1/block:16/scale:e4m3fn');
  for (const text of [
    'int4/row/column',
    'int4/row/row',
    'int4/std/rms',
    'int4/unscaled/row',
    'int4/scale:e8m0/scale:e8m0',
  ])
    expect(() => namedQuantizer(text), text).toThrow(ArgumentError);
  expect(() => namedQuantizer('int4/rows' as string)).toThrow(/did you mean row\?/);
  expect(() => namedQuantizer('int4/blok:32' as string)).toThrow(/did you mean block:32\?/);
  expect(() => namedQuantizer('int4/unscald' as string)).toThrow(/did you mean unscaled\?/);
});

describe('decode scales', () => {
  test('are what one unit is worth, whatever is stored', () => {
    const encoded = quantize(Float32Array.of(1, -2, 3, 4), 'int8/row', { shape: [2, 2] });
    expect(encoded.stored).toBe('encode');
    expect(encoded.scales).toEqual(Float32Array.of(63.5, 31.75));
    expect(encoded.decodeScales).toEqual(Float32Array.of(1 / 63.5, 1 / 31.75));
    for (const name of names) {
      const { stored, scales, decodeScales } = quantize(x, name, { shape });
      expect(decodeScales, name).toEqual(stored === 'decode' ? scales : scales.map((scale) => 1 / scale));
    }
  });

  test('are finite for finite numbers, and NaN for a group that is NaN', () => {
    const tiny = quantizer('int8/row').quantize(Float32Array.of(3e38, 1, 1e-45, 0, 0, 0), [3, 2]);
    for (const scale of tiny.decodeScales) expect(scale).toBeLessThan(Infinity);
    const unknown = namedQuantizer('e4m3fn/row', { nan: 'group' }).quantize(Float32Array.of(NaN, 1), [1, 2]);
    expect(unknown.decodeScales).toEqual(Float32Array.of(NaN));
  });
});

describe('recipes', () => {
  const base = recipes.bitnet();
  const withSlots = (names: { x: string; w: string; g: string }) => ({
    ...base,
    inference: [{ name: 'four', w: 'int4/row' }],
    rules: [{ where: { role: 'linear' as const }, set: { forward: { w: names.w } } }],
    phases: [
      {
        ...base.phases[0]!,
        linear: {
          forward: { x: names.x, w: names.w },
          inputGradient: { g: names.g, w: 'same' as const },
          weightGradient: { g: null, x: 'same' as const },
        },
      },
    ],
  });

  test('may name quantisers, which are data before anything is hashed', () => {
    const given = withSlots({ x: 'int8/row', w: 'fp4/block:16/scale:ue5m3', g: 'mxfp4' });
    const settled = settledRecipe(given);
    const [{ linear }] = settled.phases as [Recipe['phases'][0]];
    expect(linear.forward.x).toEqual({ format: 'int8', scale: { per: 'row', from: 'absmax' } });
    expect(linear.forward.w).toEqual({
      format: 'e2m1',
      scale: { per: 'block', size: 16, from: 'absmax', format: 'ue5m3' },
    });
    expect(linear.inputGradient).toEqual({
      g: { format: 'e2m1', scale: { per: 'block', size: 32, from: 'absmax', format: 'e8m0' } },
      w: 'same',
    });
    expect(settled.rules![0]!.set.forward!.w).toEqual(linear.forward.w);
    expect(settled.inference![0]!.w).toEqual({ format: 'int4', scale: { per: 'row', from: 'absmax' } });
    expect(recipeFrom(JSON.parse(JSON.stringify(given)))).toEqual(
      recipeFrom(JSON.parse(JSON.stringify(settled))),
    );
  });

  test('that name none stay the object that they are', () => {
    for (const one of [recipes.bitnet(), recipes.nvfp4(), recipes.mxfp4()])
      expect(settledRecipe(one)).toBe(one);
  });

  test('a rounding by name has no scale', () => {
    const { phases } = settledRecipe(withSlots({ x: 'bfloat16', w: 'e4m3fn/unscaled', g: 'int8/row' }));
    expect(phases[0]!.linear.forward).toEqual({
      x: { format: 'bfloat16', saturation: 'none' },
      w: { format: 'e4m3fn' },
    });
  });

  test('a wrong name is refused with its path', () => {
    expect(() => checkRecipe(withSlots({ x: 'int8/rows', w: 'mxfp4', g: 'mxfp4' }))).toThrow(
      /^recipe\.phases\[0\]\.linear\.forward\.x: .*did you mean row/,
    );
    expect(() => checkRecipe(withSlots({ x: 'int8/row', w: 'mxfp5', g: 'mxfp4' }))).toThrow(
      /^recipe\.(rules|phases)\[0\]\.(set|linear)\.forward\.w: .*mxfp4/,
    );
    expect(() => checkRecipe(withSlots({ x: 'same', w: 'mxfp4', g: 'mxfp4' }))).toThrow(
      /forward\.x: got 'same'/,
    );
  });
});
