/** Names of formats of one's own: read wherever a name is, for one meaning, and never in place of another. */
import { describe, expect, it } from 'vitest';
import {
  analyze,
  arithmetic,
  block,
  classify,
  codebook,
  decode,
  encode,
  float,
  formats,
  int,
  namedQuantizer,
  nextUp,
  pack,
  parseFormat,
  type QuantizerOptions,
  quantize,
  quantizer,
  registerFormat,
  round,
  unpack,
} from '../../src/index.ts';
import { recipeFrom, recipes } from '../../src/train/index.ts';

const levels = codebook({ name: 'levels', values: [-2, -0.5, 0.5, 2] });
const wide = block({ name: 'wide64', element: formats.e3m2, size: 64, scale: formats.e8m0 });
const two = block({
  name: 'two-level',
  element: formats.e2m1,
  size: 8,
  scale: formats.ue5m3,
  tensorScale: formats.binary32,
});

describe('a registered format', () => {
  it('is unknown before, and reads back after', () => {
    expect(() => parseFormat('levels' as string)).toThrow(/format: got 'levels'/);
    for (const format of [levels, wide, two]) {
      expect(registerFormat(format)).toBe(format);
      expect(parseFormat(String(format))).toBe(format);
      expect(parseFormat(JSON.parse(JSON.stringify(format)) as string)).toBe(format);
      expect(Object.isFrozen(parseFormat(format.name))).toBe(true);
    }
    expect(parseFormat('LEVELS' as string)).toBe(levels);
    expect(parseFormat('Two_Level' as string)).toBe(two);
  });

  it('is accepted wherever a format of numbers is', () => {
    expect(round(0.7, 'levels' as string)).toBe(0.5);
    expect([...round(new Float32Array([0.7, -9]), 'levels' as string)]).toEqual([0.5, -2]);
    expect(arithmetic('levels' as string).add(0.5, 0.5)).toBe(0.5);
    const codes = encode([0.7, -9, 2], 'levels' as string);
    expect([[...codes], [...decode(codes, 'levels' as string)]]).toEqual([
      [2, 0, 3],
      [0.5, -2, 2],
    ]);
    expect(unpack(pack(codes, 'levels' as string), 'levels' as string, 3)).toEqual(codes);
    expect([nextUp(0.5, 'levels' as string), classify(2, 'levels' as string)]).toEqual([
      2,
      classify(2, levels),
    ]);
    const x = new Float32Array([0.3, -0.7, 1, 0.1]);
    const options: QuantizerOptions = { format: 'levels', scale: { per: 'tensor', from: 'absmax' } };
    const made = quantizer({ ...options, format: levels });
    expect(quantizer(options).fakeQuantize(x)).toEqual(made.fakeQuantize(x));
    const again = quantizer(JSON.parse(JSON.stringify(made)) as QuantizerOptions);
    expect(again.fakeQuantize(x)).toEqual(made.fakeQuantize(x));
    expect(again.format).toBe(levels);
    expect(namedQuantizer('levels/row' as string).format).toBe(levels);
    expect(analyze(x, made).codes.length).toBeGreaterThan(0);
  });

  it('of blocks as well', () => {
    const x = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i) * i);
    for (const format of [wide, two]) {
      expect(quantize(x, format.name).values).toEqual(quantize(x, format).values);
      expect(quantize(x, format.name).scales).toHaveLength(Math.ceil(100 / format.size));
    }
    expect(() => round(1, 'wide64' as string)).toThrow(
      /format: got 'wide64'; accepted: a format of numbers; the elements of wide64 are e3m2/,
    );
  });

  it('may be registered again with the same meaning alone', () => {
    const same = codebook({ name: 'levels', values: [-2, -0.5, 0.5, 2] });
    expect(registerFormat(same)).toBe(levels);
    expect(registerFormat(block({ name: 'wide64', element: 'e3m2', size: 64, scale: 'e8m0' }))).toBe(wide);
    for (const other of [
      codebook({ name: 'levels', values: [-2, -0.5, 0.5, 3] }),
      codebook({ name: 'levels', values: [-2, 2] }),
      codebook({ name: 'levels', values: [-2, -0.5, 0.5, 2], ties: 'upper' }),
      block({ name: 'levels', element: formats.e3m2, size: 64, scale: formats.e8m0 }),
      block({ name: 'wide64', element: formats.e3m2, size: 32, scale: formats.e8m0 }),
      block({ name: 'wide64', element: formats.e2m3, size: 64, scale: formats.e8m0 }),
      block({ name: 'wide64', element: formats.e3m2, size: 64, scale: formats.ue5m3 }),
      block({ name: 'two-level', element: formats.e2m1, size: 8, scale: formats.ue5m3 }),
    ])
      expect(() => registerFormat(other)).toThrow(
        /format.name: got '.*'; accepted: another name: it is registered with another meaning/,
      );
    expect(parseFormat('levels' as string)).toBe(levels);
    expect(parseFormat('wide64' as string)).toBe(wide);
  });
});

it('is read in recipes', () => {
  registerFormat(levels);
  const w = { format: 'levels', scale: { per: 'row', from: 'absmax' } } as const;
  const recipe = {
    ...recipes.float32(),
    phases: [
      {
        ...recipes.float32().phases[0]!,
        linear: {
          forward: { x: null, w },
          inputGradient: { g: null, w: 'same' },
          weightGradient: { g: null, x: 'same' },
        },
      },
    ],
  };
  expect(recipeFrom(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
});

describe('refuses', () => {
  const taken = [
    ...Object.keys(formats),
    ...[
      'bf16',
      'half',
      'BFloat16',
      'E4M3FN',
      'int8',
      'int7',
      'uint99',
      'i8',
      'binary8p3se',
      'fp8',
      'quarter',
      'mxfp6',
    ],
    ...['NVFP4', 'normal-float4', 'Levels', 'TWO-LEVEL', 'Ternary'],
  ];
  it.each(taken)('the name %s, which is read already', (name) => {
    registerFormat(levels);
    registerFormat(two);
    const given = codebook({ name, values: [1, 2] });
    expect(() => registerFormat(given)).toThrow(/format.name: got .*; accepted: another name: /);
    const blocks = block({ name, element: formats.e2m1, size: 3, scale: formats.e8m0 });
    expect(() => registerFormat(blocks)).toThrow(/format.name: got .*; accepted: another name: /);
  });

  it.each(['bfp(3,7)', 'float(5,6)', 'a b', '9bits', 'x,y', 'torch.bfloat16'])(
    'the block name %s',
    (name) => {
      const given = block({ name, element: formats.e2m1, size: 3, scale: formats.e8m0 });
      expect(() => registerFormat(given)).toThrow(/format.name: got/);
    },
  );

  it.each<[string, unknown]>([
    ['a float', float({ exponentBits: 3, mantissaBits: 4 })],
    ['an integer', int({ bits: 5 })],
    ['complex numbers', formats.fourthRoots],
    ['a name', 'levels'],
    ['an object like one', { ...levels, name: 'likeOne' }],
    ['nothing', undefined],
    ['null', null],
  ])('%s', (_, given) => {
    expect(() => registerFormat(given as never)).toThrow(
      /format: got .*; accepted: a format of codebook\(\) or block\(\)/,
    );
  });
});

it('is named among those that a misspelt name is near to', () => {
  registerFormat(codebook({ name: 'lloyd-max-4', values: [-1.5, -0.4, 0.4, 1.5] }));
  expect(() => parseFormat('loyd-max-4' as string)).toThrow(/accepted: lloyd-max-4/);
});
