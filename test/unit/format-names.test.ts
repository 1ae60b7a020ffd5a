/** Names that other programs give to formats: each is read wherever a name is, and none of them twice. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { aliases, ambiguousNames } from '../../src/formats/aliases.ts';
import { canonicalName, formats, parseFormat, toFormat } from '../../src/formats/index.ts';
import { arithmetic, dequantize, encode, quantize, quantizer, round } from '../../src/index.ts';
import { bare } from '../../src/nearest-words.ts';
import { namedQuantizer } from '../../src/quantizers/index.ts';
import { checkRecipe, hashData, recipeFrom, recipes } from '../../src/train/index.ts';
import { withCanonicalNames } from '../../src/train/recipe-names.ts';

/** The data types of each program, as it spells them, with what they are here. */
const spellings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'ml_dtypes, NumPy, JAX, TensorFlow': {
    float16: 'binary16',
    float32: 'binary32',
    float64: 'binary64',
    half: 'binary16',
    single: 'binary32',
    double: 'binary64',
    bfloat16: 'bfloat16',
    float8_e3m4: 'e3m4',
    float8_e4m3: 'e4m3',
    float8_e4m3fn: 'e4m3fn',
    float8_e4m3fnuz: 'e4m3fnuz',
    float8_e4m3b11fnuz: 'e4m3b11fnuz',
    float8_e5m2: 'e5m2',
    float8_e5m2fnuz: 'e5m2fnuz',
    float8_e8m0fnu: 'e8m0',
    float6_e2m3fn: 'e2m3',
    float6_e3m2fn: 'e3m2',
    float4_e2m1fn: 'e2m1',
    int2: 'int2',
    int4: 'int4',
    uint2: 'uint2',
    uint4: 'uint4',
    int8: 'int8',
    uint8: 'uint8',
    int16: 'int16',
  },
  'XLA and StableHLO': {
    f16: 'binary16',
    bf16: 'bfloat16',
    f32: 'binary32',
    f64: 'binary64',
    f8e4m3fn: 'e4m3fn',
    f8e5m2: 'e5m2',
    f8E4M3FNUZ: 'e4m3fnuz',
    f8E5M2FNUZ: 'e5m2fnuz',
    f8E4M3B11FNUZ: 'e4m3b11fnuz',
    f8E3M4: 'e3m4',
    f8E8M0FNU: 'e8m0',
    f6E2M3FN: 'e2m3',
    f6E3M2FN: 'e3m2',
    f4E2M1FN: 'e2m1',
    tf32: 'tf32',
    s8: 'int8',
    u4: 'uint4',
    i4: 'int4',
  },
  PyTorch: {
    'torch.half': 'binary16',
    'torch.float16': 'binary16',
    'torch.bfloat16': 'bfloat16',
    'torch.float32': 'binary32',
    'torch.double': 'binary64',
    'torch.float8_e4m3fn': 'e4m3fn',
    'torch.float8_e5m2': 'e5m2',
    'torch.float8_e4m3fnuz': 'e4m3fnuz',
    'torch.float8_e5m2fnuz': 'e5m2fnuz',
    'torch.float8_e8m0fnu': 'e8m0',
    'torch.float4_e2m1fn_x2': 'e2m1',
    'torch.uint8': 'uint8',
    'torch.int8': 'int8',
  },
  ONNX: {
    FLOAT16: 'binary16',
    DOUBLE: 'binary64',
    BFLOAT16: 'bfloat16',
    FLOAT8E4M3FN: 'e4m3fn',
    FLOAT8E4M3FNUZ: 'e4m3fnuz',
    FLOAT8E5M2: 'e5m2',
    FLOAT8E5M2FNUZ: 'e5m2fnuz',
    FLOAT8E8M0: 'e8m0',
    FLOAT4E2M1: 'e2m1',
    INT8: 'int8',
    UINT4: 'uint4',
    'TensorProto.BFLOAT16': 'bfloat16',
  },
  'chop and Pychop': {
    q43: 'e4m3',
    q52: 'e5m2',
    'fp8-e5m2': 'e5m2',
    b: 'bfloat16',
    bfloat16: 'bfloat16',
    h: 'binary16',
    half: 'binary16',
    fp16: 'binary16',
    t: 'tf32',
    s: 'binary32',
    single: 'binary32',
    fp32: 'binary32',
    d: 'binary64',
    double: 'binary64',
    fp64: 'binary64',
  },
  CPFloat: {
    E5M2: 'e5m2',
    bf16: 'bfloat16',
    binary16: 'binary16',
    tf32: 'tf32',
    'TensorFloat-32': 'tf32',
    binary32: 'binary32',
    binary64: 'binary64',
  },
  microxcaling: {
    fp8_e4m3: 'e4m3fn',
    fp8_e5m2: 'e5m2',
    fp6_e3m2: 'e3m2',
    fp6_e2m3: 'e2m3',
    fp4: 'e2m1',
    fp4_e2m1: 'e2m1',
    float16: 'binary16',
    fp16: 'binary16',
    bfloat16: 'bfloat16',
    bf16: 'bfloat16',
    int8: 'int8',
    int4: 'int4',
  },
  'Transformer Engine': {
    'Format.E4M3': 'e4m3fn',
    'Format.E5M2': 'e5m2',
    kFloat32: 'binary32',
    kFloat16: 'binary16',
    kBFloat16: 'bfloat16',
    kFloat8E4M3: 'e4m3fn',
    kFloat8E5M2: 'e5m2',
    kFloat8E8M0: 'e8m0',
    kFloat4E2M1: 'e2m1',
    MXFP8BlockScaling: 'mxfp8e4m3',
    NVFP4BlockScaling: 'nvfp4',
  },
  'widths of the fields': {
    e5m10: 'binary16',
    e8m7: 'bfloat16',
    e8m10: 'tf32',
    e8m23: 'binary32',
    e11m52: 'binary64',
    e7m16: 'fp24',
    e8m15: 'pxr24',
  },
  blocks: {
    MXFP8: 'mxfp8e4m3',
    mxfp8_e4m3: 'mxfp8e4m3',
    'mxfp8-e5m2': 'mxfp8e5m2',
    MXFP6_E3M2: 'mxfp6e3m2',
    mxfp6_e2m3: 'mxfp6e2m3',
    MXFP4: 'mxfp4',
    mxfp4_e2m1: 'mxfp4',
    MXINT8: 'mxint8',
    NVFP4: 'nvfp4',
    'BFP(7, 16)': 'bfp(7,16)',
  },
  'the catalogue in other letters': {
    BFloat16: 'bfloat16',
    E4M3FN: 'e4m3fn',
    E4M3: 'e4m3',
    DLFloat16: 'dlfloat16',
    Binary8P3SE: 'binary8p3se',
    'Float(5, 6)': 'float(5,6)',
    'FLOAT(INFINITY,7)': 'float(Infinity,7)',
    'Fixed(4,4, Unsigned)': 'fixed(4,4,unsigned)',
    'POSIT(16,1)': 'posit(16,1)',
    Posit16: 'posit16',
    Ternary: 'ternary',
    NF4: 'nf4',
    Int7Symmetric: 'int7symmetric',
    dynamicunsigned8: 'dynamicUnsigned8',
    fourthroots: 'fourthRoots',
    UE8M0: 'e8m0',
    ' fp16 ': 'binary16',
  },
};

describe.each(Object.entries(spellings))('%s', (_, names) => {
  it.each(Object.entries(names))('%s is %s', (given, name) => {
    expect(String(parseFormat(given))).toBe(name);
    expect(parseFormat(given.toUpperCase()).name).toBe(name);
    expect(parseFormat(given.toLowerCase()).name).toBe(name);
  });
});

describe('aliases', () => {
  const pairs = Object.entries(aliases).flatMap(([name, others]) =>
    others.map((other) => [other, name] as const),
  );
  const known = Object.keys(formats);

  it('name formats by their canonical name, and change none of the catalogue', () => {
    for (const [other, name] of pairs) {
      expect(String(parseFormat(name))).toBe(name);
      expect(String(parseFormat(other)), other).toBe(name);
    }
    for (const name of known) expect(String(parseFormat(name))).toBe(name);
  });

  it('are said once, whatever the case and marks', () => {
    const keys = [...known, ...pairs.map(([other]) => other), ...Object.keys(ambiguousNames)].map(bare);
    const twice = keys.filter((key, i) => keys.indexOf(key) !== i);
    // chop's spelling differs from everybody's by its mark.
    expect(twice).toEqual([bare('fp8-e4m3')]);
  });

  it('may have marks and blanks, but not within a number', () => {
    for (const name of [
      'int 8',
      'INT-8',
      'int.8',
      ' int8.',
      'bf_16',
      'float (5, 2, bias = 3)',
      'posit( 16 , 1 )',
    ])
      expect(() => parseFormat(name)).not.toThrow();
    const within = ['int3.5', 'int1_6', 'int1 6', 'bf1.6', 'binary1-6', 'posit1.6', 'e2m1.0', 'tf3.2'];
    for (const name of [...within, 'float(5 5,2)', 'posit(1 6,1)', 'bfp(7,1 6)', 'fixed(4,1 2)', 'int8.5'])
      expect(() => parseFormat(name)).toThrow(ArgumentError);
  });

  it.each(Object.entries(ambiguousNames))('%s is refused with all that it means', (name, readings) => {
    for (const given of [name, name.toUpperCase()]) {
      expect(() => parseFormat(given)).toThrow(ArgumentError);
      for (const reading of readings) expect(() => parseFormat(given)).toThrow(`${reading.name} (`);
    }
    for (const reading of readings) expect(parseFormat(reading.name).name).toBe(reading.name);
  });

  it('are those of the table in docs/formats.md', () => {
    const page = readFileSync('docs/formats.md', 'utf8');
    const [, table = ''] = /\| format \| also read as \|\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(page) ?? [];
    const cell = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    const rows = table
      .trim()
      .split('\n')
      .map((line) => line.split('|').slice(1, 3).map(cell))
      .map(([names, others]) => [names![0]!, others!] as const);
    expect(Object.fromEntries(rows)).toEqual(aliases);
    const [, second = ''] = /\| name \| may mean \|\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(page) ?? [];
    const meanings = second
      .trim()
      .split('\n')
      .map((line) => line.split('|').slice(1, 3).map(cell))
      .flatMap(([names, meant]) => names!.map((name) => [name, meant!] as const));
    const expected = Object.entries(ambiguousNames).map(
      ([name, readings]) => [name, readings.map((reading) => reading.name)] as const,
    );
    expect(Object.fromEntries(meanings)).toEqual(Object.fromEntries(expected));
  });
});

describe('a name that is none', () => {
  it.each([
    ['bflaot16', 'bfloat16'],
    ['binary33', 'binary32'],
    ['float17', 'binary16'],
    ['fp17', 'binary16'],
    ['e4m3n', 'e4m3 (largest 240, infinity), e4m3fn (largest 448)'],
    ['e4m4', 'float(4,4)'],
    ['mxfp7', 'mxfp4'],
    ['nvfp', 'nvfp4'],
    ['posti8', 'posit8'],
    ['binary8p3', 'binary8p3se'],
    ['unit8', 'uint8'],
  ])('%s: %s is near', (given, near) => {
    let message = '';
    try {
      parseFormat(given);
    } catch (error) {
      message = (error as ArgumentError).message;
    }
    expect(message).toContain(`format: got '${given}'; accepted: `);
    expect(message).toContain(near);
    // Three names and a hint, not the catalogue.
    expect(
      message
        .split('accepted: ')[1]!
        .split('`halfulp formats`')[0]!
        .split(/, (?![^(]*\))/).length,
    ).toBeLessThanOrEqual(4);
    expect(message.length).toBeLessThan(200);
  });

  it.each([
    'nonsense',
    '',
    ' ',
    '(',
    'float(',
    '__proto__',
    'toString',
    'constructor',
    'x'.repeat(1e5),
    '\u0000',
  ])('%j is refused in one bounded line', (given) => {
    expect(() => parseFormat(given)).toThrow(ArgumentError);
    expect(() => parseFormat(given)).toThrow(/^format: got '[^\n]{0,80}; accepted: [^\n]{0,250}$/);
  });

  it.each([undefined, null, 16, {}, [], () => 'binary16', Symbol('binary16'), 16n])(
    'what is no text is refused',
    (given) => {
      expect(() => parseFormat(given as never)).toThrow(ArgumentError);
      expect(() => toFormat(given as never)).toThrow(ArgumentError);
    },
  );
});

describe('every reader of names takes aliases', () => {
  it('of the core', () => {
    expect(round(0.1, 'FP16')).toBe(round(0.1, 'binary16'));
    expect(arithmetic('half').div(1, 3)).toBe(arithmetic('binary16').div(1, 3));
    expect(arithmetic('bf16').format.name).toBe('bfloat16');
    const x = Float32Array.from([0.1, -3, 700]);
    expect(encode(x, 'float8_e4m3fn')).toEqual(encode(x, 'e4m3fn'));
    const accumulate = { accumulate: 'fp32', products: 'exact' } as const;
    const y = Float32Array.from([1, 2 ** -12, 3]);
    expect(arithmetic('bf16').dot(y, y, accumulate)).toBe(
      arithmetic('bfloat16').dot(y, y, { ...accumulate, accumulate: 'binary32' }),
    );
  });

  it('of quantisers, blocks and their scales', () => {
    const x = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
    expect(dequantize(quantize(x, 'MXFP8'))).toEqual(dequantize(quantize(x, 'mxfp8e4m3')));
    const options = { per: 'block', size: 16, from: 'absmax' } as const;
    const alias = quantizer({ format: 'fp4', scale: { ...options, format: 'fp8_e4m3' } });
    const plain = quantizer({ format: 'e2m1', scale: { ...options, format: 'e4m3fn' } });
    expect(alias.quantize(x, [64]).values).toEqual(plain.quantize(x, [64]).values);
    for (const [given, name] of [
      ['MXFP8', 'mxfp8e4m3'],
      ['FP4/block:16/scale:fp8_e4m3', 'e2m1/block:16/scale:e4m3fn'],
      ['Ternary', 'ternary'],
    ] as const)
      expect(namedQuantizer(given).quantize(x, [64]).values).toEqual(
        namedQuantizer(name).quantize(x, [64]).values,
      );
  });
});

describe('recipes', () => {
  const spec = (format: string, scale: string) => ({
    format,
    scale: { per: 'block', size: 32, from: 'absmax', format: scale } as const,
  });
  const made = (emulated: string, weights: string, scale: string, grid: string) => ({
    ...recipes.float32(),
    store: { kind: 'grid', format: grid, rounding: 'stochastic', range: 'absmean' } as const,
    phases: [
      {
        ...recipes.float32().phases[0]!,
        emulate: { format: emulated },
        linear: {
          forward: { x: null, w: spec(weights, scale) },
          inputGradient: { g: null, w: 'same' as const },
          weightGradient: { g: null, x: 'same' as const },
        },
      },
    ],
    inference: [{ name: 'alone', w: spec(weights, scale) }],
  });

  it('are the same whatever their formats are called', () => {
    const plain = made('bfloat16', 'e2m1', 'e8m0', 'int8');
    const alias = made('BF16', 'float4_e2m1fn', 'float8_e8m0fnu', 'S8');
    checkRecipe(alias);
    expect(recipeFrom(JSON.parse(JSON.stringify(alias)))).toEqual(plain);
    expect(hashData(withCanonicalNames(alias))).toBe(hashData(plain));
  });

  it('keep their hash where the catalogue reads their names as they are', () => {
    for (const name of ['bfloat16', 'float(5,10)', 'posit(8,2)', 'binary8p3se', 'int3', 'fixed(4, 4)']) {
      expect(canonicalName(name)).toBe(name);
      const recipe = made(name, 'e2m1', 'e8m0', 'ternary');
      expect(hashData(withCanonicalNames(recipe))).toBe(hashData(recipe));
    }
  });

  it('name the field of a wrong one', () => {
    expect(() => recipeFrom(made('bfloat15', 'e2m1', 'e8m0', 'int8'))).toThrow(
      /^recipe\.phases\[0\]\.emulate\.format: got 'bfloat15'; accepted: bfloat16/,
    );
    expect(() => recipeFrom(made('bfloat16', 'fp8', 'e8m0', 'int8'))).toThrow(
      /^recipe\.phases\[0\]\.linear\.forward\.w\.format: got 'fp8'; accepted: e4m3fn .* or e5m2/,
    );
  });
});
