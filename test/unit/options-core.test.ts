import { describe, expect, test } from 'vitest';
import * as halfulp from '../../src/index.ts';
import { type Entry, functionNames, type OptionsEntry, type PlainEntry, walk } from '../options-walk.ts';

const { arithmetic, analyze, formats, matrixUnit, quantize, quantizer, round, transform, transformNames } =
  halfulp;

const x = Float32Array.of(1, -2, 0.5, 3);
const y = Float32Array.of(2, 1, -1, 0.5);
const wrong = (value: unknown): never => value as never;
const random = Uint32Array.of(1, 2, 3, 4);

const seeded = { rounding: 'stochastic', seed: 1, stream: 2n, offset: 3, randomBits: 8, variant: 'B' };
const rounding = { saturation: 'finite', subnormals: 'flush' };
const roundingOptions = [
  { ...rounding, ...seeded },
  { rounding: 'stochastic', randomBits: 8, random },
];
const model = { products: 'exact', accumulate: 'binary32', order: 'pairwise', rounding: 'toward-zero' };
const half = arithmetic('binary16');

/** Methods of three arrays of numbers: `call` is given the arguments that are wrong. */
const numbers = (call: (given: never) => unknown): PlainEntry => ({
  refused: ['1', null, undefined, true, [1], {}, new Number(1)].map((given) => () => call(wrong(given))),
});
const arrays = (call: (given: never) => unknown): PlainEntry => ({
  refused: [
    '1',
    null,
    undefined,
    true,
    {},
    [1, '2'],
    [1, undefined],
    [[1]],
    new Int32Array(4),
    new ArrayBuffer(8),
  ].map((given) => () => call(wrong(given))),
});

/** Seeds of transforms may be decimal text, which is how JSON has 64-bit integers. */
const isDecimal = (option: string, value: unknown): boolean =>
  /^(seed|stream)$/.test(option) && typeof value === 'string' && /^\d+$/.test(value);
const areNumbers = (value: unknown): boolean =>
  typeof value === 'number' ? value > 0 : Array.isArray(value) && value.length > 0 && value.every(areNumbers);
/** An addend may be NaN, as any operand. */
const isNaNAddend = (option: string, value: unknown): boolean => option === 'c' && Number.isNaN(value);

const exported: Readonly<Record<string, Entry>> = {
  ArgumentError: { refused: [] },
  allocateFloat32: numbers((n) => halfulp.allocateFloat32(n)),
  allocateFloat64: numbers((n) => halfulp.allocateFloat64(n)),
  analyze: {
    call: (options) => analyze(x, 'int4/block:2', options),
    accepted: [{ shape: [2, 2], call: { seed: 1 } }],
  },
  arithmetic: {
    call: (options) => arithmetic('binary16', options),
    accepted: [...roundingOptions, { operands: 'round', flags: true, tininess: 'before', threads: 2 }],
  },
  bfp: {
    call: (options) => halfulp.bfp(options),
    accepted: [{ mantissaBits: 3, block: 16, exponentBits: 5 }],
    optional: false,
  },
  blend: arrays((given) => halfulp.blend(given, y, 0.5)),
  blendGradient: arrays((given) => halfulp.blendGradient(given, y, 0.5)),
  block: {
    call: (options) => halfulp.block(options),
    accepted: [
      { name: 'mine', element: 'e2m1', size: 16, scale: 'e4m3fn', tensorScale: 'binary32' },
      { name: 'mine', element: formats.int4, size: 16, scale: formats.e8m0 },
    ],
    free: ['name'],
    optional: false,
  },
  blockQuantizerOptions: [
    {
      call: (options) => halfulp.blockQuantizerOptions('mxint8', options),
      accepted: [
        { rounding: 'nearest-away', saturation: 'none', symmetric: true, direction: 'rceil', nan: 'zero' },
        { ...seeded, subnormals: 'flush', axis: 0 },
        { tile: true },
      ],
    },
    {
      call: (options) => halfulp.blockQuantizerOptions('nvfp4', options),
      accepted: [{ rowScaled: true, fourOverSix: 'mae', scaleMax: 256 }],
    },
  ],
  cancelInProduct: {
    refused: [null, 'hadamard', {}].map(
      (given) => () => halfulp.cancelInProduct(wrong(given), halfulp.hadamard()),
    ),
  },
  clampResidual: { call: (options) => halfulp.clampResidual(options), accepted: [{ alpha: 0.9 }] },
  classify: numbers((given) => halfulp.classify(given, 'e4m3fn')),
  codebook: {
    call: (options) => halfulp.codebook(options),
    accepted: [{ name: 'mine', values: [-1, 0, 1], ties: 'even-index' }],
    free: ['name'],
    optional: false,
  },
  compose: { refused: [null, 'hadamard', {}, []].map((given) => () => halfulp.compose(wrong(given))) },
  decode: {
    refused: [
      null,
      undefined,
      1.5,
      '12',
      [1.5],
      ['1'],
      [null],
      [[1]],
      {},
      new Float32Array(2),
      new ArrayBuffer(2),
    ].map((given) => () => halfulp.decode(wrong(given), 'e4m3fn')),
  },
  dequantize: { refused: [null, {}, 'x', x].map((given) => () => halfulp.dequantize(wrong(given))) },
  differentiableFactor: numbers((given) => halfulp.differentiableFactor(given, 0, 1)),
  encode: {
    call: (options) => halfulp.encode(x, 'e4m3fn', options),
    accepted: [...roundingOptions, { nan: 'zero' }],
  },
  errorAgainstBits: {
    call: (options) => halfulp.errorAgainstBits(x, ['int4', 'mxfp4'], options),
    accepted: [{ shape: [2, 2], call: { seed: 1 } }],
  },
  fixed: {
    call: (options) => halfulp.fixed(options),
    accepted: [{ integerBits: 4, fractionBits: 4, signed: false }],
    optional: false,
  },
  flipBits: {
    call: (options) => halfulp.flipBits(x, 'binary16', options),
    accepted: [{ probability: 0.5, seed: 1, stream: 2n, offset: 3, out: new Float32Array(4) }],
    optional: false,
  },
  fixedPoint: {
    call: (options) => halfulp.fixedPoint(options),
    accepted: [{ integerBits: 4, fractionBits: 4, signed: false }],
    optional: false,
  },
  float: {
    call: (options) => halfulp.float(options),
    accepted: [
      {
        exponentBits: 4,
        mantissaBits: 3,
        bias: 7,
        specials: 'fn',
        subnormals: false,
        signed: false,
        bits: 9,
      },
      { exponentBits: 4, mantissaBits: 3, emax: 5 },
      { exponentBits: 4, mantissaBits: 3, specials: 'p3109', domain: 'finite', signed: true },
      { exponentBits: 4, mantissaBits: 3, subnormals: 'normal', zero: false, signed: false },
      { precision: 4, emin: -3, emax: 5, specials: 'finite', subnormals: false, signed: false },
    ],
    optional: false,
  },
  gradientRule: [
    ...(
      [
        ['clipped', { strict: true }],
        ['trust', { bits: 4, multiplier: 2 }],
        ['dge', { sharpness: 4, clip: 2 }],
        ['lsq', { normalise: false }],
      ] as const
    ).map(
      ([name, accepted]): OptionsEntry => ({
        call: (options) => halfulp.gradientRule(withName(name, options)),
        accepted: [accepted],
      }),
    ),
    ...(['straight-through', 'levels', 'none'] as const).map(
      (name): OptionsEntry => ({
        call: (options) => halfulp.gradientRule(withName(name, options)),
        accepted: [{}],
      }),
    ),
  ],
  hadamard: {
    call: (options) => halfulp.hadamard(options),
    accepted: [
      { size: 4, axis: 0, seed: 1, stream: 2n },
      { signs: [1, -1], size: 2 },
    ],
    also: isDecimal,
  },
  int: {
    call: (options) => halfulp.int(options),
    accepted: [{ bits: 8, signed: true, symmetric: true }],
    optional: false,
  },
  keepOutliers: {
    call: (options) => halfulp.keepOutliers(options),
    accepted: [{ count: 2, grouping: { per: 'row' } }],
    optional: false,
  },
  logShift: {
    call: (options) => halfulp.logShift(options),
    accepted: [{ grouping: { per: 'tensor' }, target: 10, cap: 3 }],
  },
  logarithmic: {
    call: (options) => halfulp.logarithmic(options),
    accepted: [{ integerBits: 4, fractionBits: 3 }],
    optional: false,
  },
  matrixUnit: { refused: [null, undefined, 1, 'hopper', {}].map((given) => () => matrixUnit(wrong(given))) },
  namedQuantizer: {
    call: (options) => halfulp.namedQuantizer('int4', options),
    accepted: [{ rounding: 'stochastic', transform: { name: 'hadamard' }, seed: 1 }],
  },
  namedQuantizerOptions: {
    refused: [null, undefined, 1, {}, 'int', 'int4/'].map(
      (given) => () => halfulp.namedQuantizerOptions(wrong(given)),
    ),
  },
  nextDown: numbers((given) => halfulp.nextDown(given, 'e4m3fn')),
  nextUp: numbers((given) => halfulp.nextUp(given, 'e4m3fn')),
  noise: {
    call: (options) => halfulp.noise(options),
    accepted: [
      { distribution: 'uniform', from: 'range', bits: 6, inverse: 'subtract', seed: 1, stream: 2 },
      { bits: [4, 5], grouping: { per: 'row' }, from: 'tensor-range' },
    ],
    also: (option, value) => isDecimal(option, value) || (option === 'bits' && areNumbers(value)),
    optional: false,
  },
  p3109: {
    call: (options) => halfulp.p3109(options),
    accepted: [{ bits: 8, precision: 3, signed: false, domain: 'finite' }],
    optional: false,
  },
  pack: [{ call: (options) => halfulp.pack([1, 2], 'e2m1', options), accepted: [{ order: 'high-first' }] }],
  parseFormat: {
    refused: [null, undefined, 1, {}, formats.e4m3fn, 'e4m4'].map(
      (given) => () => halfulp.parseFormat(wrong(given)),
    ),
  },
  philox4x32: {
    refused: [
      () => halfulp.philox4x32(wrong('0000'), [0, 0]),
      () => halfulp.philox4x32([0, 0, 0, 0], wrong(null)),
      () => halfulp.philox4x32(wrong([0, 0, 0, '0']), [0, 0]),
      () => halfulp.philox4x32([0, 0, 0, 2 ** 32], [0, 0]),
      () => halfulp.philox4x32([0, 0, 0, 0], [0, 0], wrong('10')),
    ],
  },
  plot: {
    call: (options) => halfulp.plot([{ n: 1, v: 2, e: 1, word: 'a' }], options),
    accepted: [
      { x: 'n', y: 'v', band: 'e', series: 'n', facet: 'n', text: 'n', kind: 'dot', width: 300, height: 300 },
      { x: { value: 'n', type: 'log' }, y: 'word', kind: 'cell', fill: 'v', title: 't', caption: ['c'] },
    ],
    free: ['title'],
    optional: false,
    also: (option, value) =>
      /^(x|y|band|series|facet|text|fill)$/.test(option) && typeof value === 'function',
  },
  posit: { call: (options) => halfulp.posit(options), accepted: [{ bits: 8, es: 1 }], optional: false },
  powerExpansion: {
    call: (options) => halfulp.powerExpansion(options),
    accepted: [{ grouping: { per: 'block', size: 2, axis: 0 }, range: 1000 }],
  },
  prescale: { call: (options) => halfulp.prescale(options), accepted: [{ factor: 0.5 }], optional: false },
  quantize: [
    {
      call: (options) => quantize(x, 'mxint8', options),
      accepted: [
        { rounding: 'nearest-away', saturation: 'none', symmetric: true, direction: 'rceil', nan: 'zero' },
        { rounding: 'stochastic', seed: 1, stream: 2, offset: 3, randomBits: 8, variant: 'C' },
        {
          rounding: 'stochastic',
          randomBits: 8,
          random,
          subnormals: 'flush',
          shape: [1, 4],
          axis: 0,
          update: false,
        },
        { tile: true, shape: [2, 2] },
      ],
    },
    {
      call: (options) => quantize(x, 'nvfp4', options),
      accepted: [{ rowScaled: true, fourOverSix: 'mae', scaleMax: 256 }],
    },
  ],
  quantizedMatmul: {
    call: (options) => {
      const a = quantize(x, 'mxfp4', { shape: [2, 2] });
      return halfulp.quantizedMatmul(a, a, options);
    },
    accepted: [{ transposeA: true, transposeB: true, domain: 'values' }],
  },
  quantizer: {
    call: (options) => quantizer(options),
    accepted: [
      {
        format: 'int4',
        scale: { per: 'row', from: 'absmax' },
        ...seeded,
        saturation: 'none',
        subnormals: 'keep',
        range: 'full',
        transform: { name: 'hadamard' },
        gradient: 'clipped',
        strength: 0.5,
        nan: 'zero',
      },
      { format: formats.int4, scale: { per: 'tensor', from: 'rms' }, invert: false },
    ],
    optional: false,
  },
  randomIntegers: {
    call: (options) => halfulp.randomIntegers(4, options),
    accepted: [{ seed: 1, stream: 2n, offset: 3, randomBits: 8 }],
  },
  registerFormat: {
    refused: [null, undefined, 1, {}, 'e4m3fn', formats.e4m3fn, [formats.e4m3fn]].map(
      (given) => () => halfulp.registerFormat(wrong(given)),
    ),
  },
  release: { refused: [null, undefined, 1, x, {}].map((given) => () => halfulp.release(wrong(given))) },
  residueBytes: {
    refused: [null, undefined, 1, {}, { kind: 'sparse' }].map(
      (given) => () => halfulp.residueBytes(wrong(given)),
    ),
  },
  repeat: { call: (options) => halfulp.repeat(2, () => 1, options), accepted: [{ seed: 3 }] },
  round: [
    { call: (options) => round(0.1, 'e4m3fn', options), accepted: [...roundingOptions, { threads: 2 }] },
    {
      call: (options) => round(x, 'e4m3fn', options),
      accepted: [...roundingOptions, { threads: 2, out: new Float32Array(4) }],
    },
  ],
  roundToFourthRoots: arrays((given) => halfulp.roundToFourthRoots(given)),
  shiftGroups: { call: (options) => halfulp.shiftGroups(options), accepted: [{ groups: 2, axis: 0 }] },
  significantDigits: arrays((given) => halfulp.significantDigits(given)),
  sparseTerm: {
    refused: [null, undefined, 1, {}, { kind: 'sparse' }].map(
      (given) => () => halfulp.sparseTerm(wrong(given)),
    ),
  },
  startThreads: numbers((given) => halfulp.startThreads(given)),
  stopThreads: { refused: [] },
  transform: transformNames
    .filter((name) => name !== 'compose')
    .map((name): OptionsEntry => {
      const needed: Record<string, Readonly<Record<string, unknown>>> = {
        prescale: { factor: 2 },
        'keep-outliers': { count: 1 },
        noise: { bits: 4 },
      };
      return {
        call: (options) => transform(withName(name, options)),
        accepted: [needed[name] ?? {}],
        also: (option, value) => option === 'bits' && areNumbers(value),
        optional: needed[name] === undefined,
      };
    }),
  ulp: numbers((given) => halfulp.ulp(given, 'e4m3fn')),
  unpack: {
    call: (options) => halfulp.unpack(Uint8Array.of(0x21), 'e2m1', 2, options),
    accepted: [{ order: 'high-first' }],
  },
};

/** Data with a name, from options; options that are no object stay what they are. */
function withName(name: string, options: unknown): never {
  if (options === undefined) return { name } as never;
  const isRecord = Object.prototype.toString.call(options) === '[object Object]';
  if (!isRecord) return options as never;
  return Object.assign(Object.create(Object.getPrototypeOf(options) as object | null), options, {
    name,
  }) as never;
}

const unary = Object.keys(half).filter((name) =>
  [
    'sqrt',
    'neg',
    'abs',
    'convert',
    'exp',
    'log',
    'exp2',
    'log2',
    'sin',
    'cos',
    'tan',
    'tanh',
    'sinh',
    'cosh',
  ].includes(name),
);

describe('every function of halfulp refuses what is no option', () => {
  test('the table has every function', () => {
    expect(Object.keys(exported).sort()).toEqual(functionNames(halfulp));
  });

  for (const [name, entry] of Object.entries(exported)) test(name, () => walk(name, entry));
});

describe('options that are objects have their own fields', () => {
  const groupings: OptionsEntry = {
    call: (grouping) => halfulp.logShift({ grouping }),
    accepted: [{ per: 'row' }, { per: 'block', size: 2, axis: 0 }, { per: 'tile', rows: 2, columns: 2 }],
  };
  const scales: OptionsEntry = {
    call: (scale) => quantizer({ format: 'int4', scale }),
    accepted: [
      {
        per: 'block',
        size: 2,
        axis: 0,
        from: 'absmax',
        format: 'e4m3fn',
        tensorScale: true,
        least: 0.5,
        target: 6,
      },
      { per: 'tile', rows: 2, columns: 2, from: 'rms', multiplier: 2, stored: 'decode' },
      { per: 'tensor', from: 'percentile', percentile: 99, decay: 0.5 },
      { per: 'tensor', from: 'absmax', format: 'e8m0', direction: 'ceil', prescale: 0.5, gain: 2 },
      { per: 'tensor', from: 'absmax', level: 'least-squares', history: { length: 2, take: 'max' } },
      { per: 'tensor', from: 'learned', initial: 'absmax' },
      { per: 'tensor', from: 'constant', value: 2 },
    ],
    also: (option, value) => option === 'value' && areNumbers(value),
    optional: false,
  };
  test('what a scale has no use for is refused, whatever its value', () => {
    const unused = {
      ...{ size: 2, axis: 0, rows: 2, columns: 2, direction: 'floor', tensorScale: true, percentile: 99 },
      ...{ value: 1, zeroPoint: 0, initial: 'lsq', prescale: 1, gain: 1, fourOverSix: 'mae', scaleMax: 448 },
      ...{ least: 0, multiplier: 1, target: 7, decay: 0.5, history: { length: 1 } },
    };
    const scale = { per: 'tensor', from: 'constant', value: 2, zeroPoint: 0, format: 'e4m3fn' };
    for (const [name, value] of Object.entries(unused)) {
      if (name in scale) continue;
      for (const given of [value, false, null, 'x']) {
        if (name === 'tensorScale' && given === false) continue;
        const options = { format: 'int4', scale: { ...scale, [name]: given } };
        expect(() => quantizer(wrong(options)), `${name}: ${String(given)}`).toThrow(
          expect.objectContaining({ name: 'ArgumentError', argument: `scale.${name}` }),
        );
      }
    }
  });

  const word = halfulp.fixedPoint('fixed(4,4)').from(1);
  const words: OptionsEntry = {
    call: (options) => word.quantize('fixed(2,2)', options),
    accepted: [
      { rounding: 'stochastic', saturation: 'keep-sign', randomBits: 8, variant: 'B', random: 3 },
      { rounding: 'to-odd', saturation: 'wrap' },
    ],
    also: (option, value) => option === 'random' && value === undefined,
  };
  const calls: OptionsEntry = {
    call: (call) => analyze(x, 'int4', { call }),
    accepted: [{ seed: 1, stream: 2, offset: 3, axis: 0 }, { random }],
  };
  test.each(Object.entries({ groupings, scales, words, calls }))('%s', (name, entry) => walk(name, entry));
});

describe('every method of an arithmetic object refuses what is no option', () => {
  const onArrays: Record<string, OptionsEntry['call']> = {};
  const onNumbers: Record<string, OptionsEntry['call']> = {};
  for (const name of functionNames(half)) {
    const method = (half as never)[name] as (...given: unknown[]) => unknown;
    if (unary.includes(name)) {
      onArrays[name] = (options) => method(x.map(Math.abs), options);
      onNumbers[name] = (options) => method(1, options);
    }
  }
  const elementary = [
    ...['atan', 'rsqrt', 'sigmoid', 'erf', 'gelu', 'erfc', 'silu', 'softplus', 'cbrt', 'exp10', 'log10'],
    ...['log1p', 'expm1', 'asin', 'acos', 'asinh', 'acosh', 'atanh', 'sinPi', 'cosPi', 'tanPi'],
  ];
  for (const name of elementary) {
    const method = (half as never)[name] as (...given: unknown[]) => unknown;
    onArrays[name] = (options) => method(x, options);
    onNumbers[name] = (options) => method(1, options);
  }
  for (const name of [
    'add',
    'sub',
    'mul',
    'div',
    'min',
    'max',
    'compare',
    'pow',
    'hypot',
    'atan2',
    'remainder',
  ]) {
    const method = (half as never)[name] as (...given: unknown[]) => unknown;
    onArrays[name] = (options) => method(x, 1, options);
    onNumbers[name] = (options) => method(1, 2, options);
  }
  onArrays['fma'] = (options) => half.fma(x, y, 1, options);
  onNumbers['fma'] = (options) => (half.fma as (...given: unknown[]) => unknown)(1, 2, 3, options);

  const shape = { m: 2, k: 2, n: 2 };
  const sums: Record<string, OptionsEntry> = {
    sum: { call: (options) => half.sum(x, options), accepted: [{ ...model, c: 1 }], also: isNaNAddend },
    dot: { call: (options) => half.dot(x, y, options), accepted: [{ ...model, c: 1 }], also: isNaNAddend },
    norm: { call: (options) => half.norm(x, options), accepted: [model] },
    mean: { call: (options) => half.mean(x, options), accepted: [model] },
    prod: {
      call: (options) => half.prod(x, options),
      accepted: [{ accumulate: 'binary32', rounding: 'toward-zero', order: 'sequential' }],
    },
    cumsum: {
      call: (options) => half.cumsum(x, options),
      accepted: [{ accumulate: 'exact', rounding: 'toward-zero', order: 'sequential' }],
    },
    array: {
      call: (options) => half.array(x, undefined, options),
      accepted: [{ operands: 'error', copy: false }],
    },
    matvec: { call: (options) => half.matvec(x, x.slice(0, 2), { m: 2, k: 2 }, options), accepted: [model] },
    matmul: { call: (options) => half.matmul(x, y, shape, options), accepted: [model] },
    'matvec, shape': {
      call: (options) => half.matvec(x, x.slice(0, 2), options),
      accepted: [{ m: 2, k: 2, transpose: true, c: x.slice(0, 2), out: new Float32Array(2) }],
      optional: false,
    },
    'matmul, shape': {
      call: (options) => half.matmul(x, y, options),
      accepted: [{ ...shape, transposeA: true, transposeB: true, batch: 1, c: x, out: new Float32Array(4) }],
      optional: false,
    },
    'order of a model': {
      call: (order) => half.sum(x, { order }),
      accepted: [{ chunk: 2, sums: 'exact' }],
    },
    'quire().value': {
      call: (options) => half.quire().add(1).value(options),
      accepted: [{ rounding: 'toward-zero' }],
    },
    restore: {
      call: (state) => half.restore(state),
      accepted: [{ offset: 3, supplied: 0 }],
      optional: false,
    },
  };
  const others = ['clearFlags', 'reset', 'quire', 'restore', 'identity', 'compile'];

  test('the tables have every method', () => {
    const single = Object.keys(sums).filter((name) => /^\w+$/.test(name) && name !== 'restore');
    const known = [...Object.keys(onArrays), ...others, ...single];
    expect(known.sort()).toEqual(functionNames(half));
    expect(Object.keys(onNumbers).sort()).toEqual(Object.keys(onArrays).sort());
  });

  for (const [name, call] of Object.entries(onArrays))
    test(`${name} of arrays`, () =>
      walk(name, { call, accepted: [{ threads: 2, out: new Float32Array(4) }] }));
  for (const [name, call] of Object.entries(onNumbers))
    test(`${name} of numbers`, async () => {
      await walk(name, { call, accepted: [{ threads: 2 }] });
      expect(() => call({ out: x } as never)).toThrow(/^out: /);
    });
  for (const [name, entry] of Object.entries(sums))
    test(name, () => walk(name, name === 'order of a model' ? { ...entry, free: [] } : entry));

  test('options where others belong are refused by name', () => {
    expect(() => half.matmul(x, y, { ...shape, accumulate: 'exact' } as never)).toThrow(
      /^accumulate: .*no such option/,
    );
    expect(() => half.matmul(x, y, shape, { out: x } as never)).toThrow(/^out: .*no such option/);
    expect(() => half.norm(x, { c: 1 } as never)).toThrow(/^c: .*no such option/);
    expect(() => half.sum(x, { out: x } as never)).toThrow(/^out: .*no such option/);
    expect(() => half.add(x, y, { rounding: 'toward-zero' } as never)).toThrow(/^rounding: .*no such option/);
    expect(() => round(1e9, 'e4m3fn', { saturate: true } as never)).toThrow(
      /saturate: got true; .*did you mean saturation/,
    );
    expect(() => round(0.1, 'e4m3fn', 'toward-zero' as never)).toThrow(/^options: got 'toward-zero'/);
  });
});

describe('other methods refuse what is no option', () => {
  const unit = matrixUnit('ampere-bf16');
  const scaled = halfulp.matrixUnitNames
    .map(({ name }) => matrixUnit(name))
    .find(({ scales }) => scales !== undefined)!;
  const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
  const q = quantizer({ format: 'int4', scale: { per: 'tensor', from: 'absmax', decay: 0.5 } });
  const packed = q.quantize(x).pack();
  const spread = halfulp.hadamard();
  const { residue } = spread.forward(x, [4]);
  const context = { axis: 0, part: 1, seed: 1, stream: 2, offset: 3 };
  const call = { seed: 1, stream: 2, offset: 3, axis: 0, update: false };
  const entries: Record<string, Entry> = {
    'scales of multiply': {
      call: (scales) =>
        scaled.multiply(ones(scaled.m * scaled.k), ones(scaled.n * scaled.k), undefined, scales),
      accepted: [
        {
          scalesA: ones((scaled.m * scaled.k) / scaled.scales!.size),
          scalesB: ones((scaled.n * scaled.k) / scaled.scales!.size),
        },
      ],
    },
    multiply: arrays((given) => unit.multiply(given, ones(unit.k * unit.n))),
    dotAdd: arrays((given) => unit.dotAdd(given, ones(4))),
    'addend of dotAdd': {
      refused: ['1', null, true, [1], {}].map((given) => () => unit.dotAdd([1], [1], wrong(given))),
    },
    'block.decode': {
      refused: [null, 1, '12', [1.5], {}, x].map((given) => () => formats.mxfp4.decode(127, wrong(given))),
    },
    quantize: {
      call: (options) => q.quantize(x, [4], options),
      accepted: [call, { random }, { training: false }],
    },
    fakeQuantize: {
      call: (options) => q.fakeQuantize(x, [4], undefined, options),
      accepted: [call, { random }],
    },
    explain: { call: (options) => q.explain(x, [4], options), accepted: [call, { random }] },
    'quantize of others': arrays((given) => q.quantize(given)),
    'fakeQuantize of others': arrays((given) => q.fakeQuantize(given)),
    'explain of others': arrays((given) => q.explain(given)),
    'pullback of others': arrays((given) => q.pullback(q.explain(x), given)),
    'rest of unpack': {
      call: (rest) => q.unpack(packed, [4], rest),
      accepted: [{ dtype: 'float64', axis: 0, residue }],
    },
    'restore of a quantiser': {
      call: (state) => q.restore(state),
      accepted: [{ average: [1] }],
      optional: false,
      // The average of a group that has had no finite statistic.
      also: (_, value) => Array.isArray(value) && value[0] === null,
    },
    'context of forward': { call: (given) => spread.forward(x, [4], given), accepted: [context] },
    'context of inverse': { call: (given) => spread.inverse(x, [4], residue, given), accepted: [context] },
    'context of pullback': {
      call: (given) => spread.pullback(x, [4], residue, (g) => g, given),
      accepted: [context],
    },
    'forward of others': arrays((given) => spread.forward(given, [4])),
    'inverse of others': arrays((given) => spread.inverse(given, [4], residue)),
    'residue of inverse': {
      refused: [null, undefined, 1, 'none', {}, { kind: 'some' }].map(
        (given) => () => spread.inverse(x, [4], wrong(given)),
      ),
    },
  };
  for (const [name, entry] of Object.entries(entries)) test(name, () => walk(name, entry));
});
