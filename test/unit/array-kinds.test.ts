/** One rule for the kinds of arrays, in every function that takes one: the same bits whatever the realm, the class and the memory. */
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import * as halfulp from '../../src/index.ts';
import { ArgumentError, allocateFloat32, allocateFloat64, arithmetic, quantizer } from '../../src/index.ts';

const numbers = [0.3125, -1.5, 2, 0.125, -0, 3.75, -0.0625, 1];
type Kind = 'Float32Array' | 'Float64Array';

const locals = { Float32Array, Float64Array };
const Half = (globalThis as unknown as { Float16Array?: typeof Float32Array }).Float16Array;
const foreign = runInNewContext(
  '({ Float32Array, Float64Array, Uint32Array, Uint8Array, Uint16Array, Array })',
) as {
  readonly [kind in Kind]: typeof Float64Array;
} & {
  readonly Uint32Array: typeof Uint32Array;
  readonly Uint8Array: typeof Uint8Array;
  readonly Array: ArrayConstructor;
} & {
  readonly Uint16Array: typeof Uint16Array;
};

/** A class whose constructor and methods are of no use to anybody else. */
function matrixClass(kind: Kind): new (values: readonly number[]) => Float64Array {
  const Base = locals[kind] as typeof Float64Array;
  const refuse = (): never => {
    throw new Error('a method of a subclass was called');
  };
  class Matrix extends Base {
    readonly rows = 2;
    constructor(values: readonly number[]) {
      if (!Array.isArray(values)) throw new Error('a constructor of a subclass was called');
      super(values as number[]);
    }
  }
  for (const name of [
    'slice',
    'subarray',
    'set',
    'map',
    'filter',
    'fill',
    'forEach',
    'findIndex',
    'at',
    'includes',
  ])
    Object.defineProperty(Matrix.prototype, name, { value: refuse });
  return Matrix;
}

function inShared(kind: Kind, values: readonly number[]): Float64Array {
  const array = kind === 'Float32Array' ? allocateFloat32(values.length) : allocateFloat64(values.length);
  array.set(values);
  return array as Float64Array;
}

/** Makers of arrays that hold the numbers, by what is special about them. */
function makers(kind: Kind): Record<string, (values: readonly number[]) => Float64Array> {
  const Local = locals[kind] as typeof Float64Array;
  return {
    ordinary: (values) => new Local(values),
    'of another realm': (values) => new foreign[kind](values),
    'of a subclass': (values) => new (matrixClass(kind))(values),
    'of a subclass without a constructor': (values) => new (class extends Local {})(values),
    'on shared memory': (values) => {
      const array = new Local(new SharedArrayBuffer(values.length * Local.BYTES_PER_ELEMENT));
      array.set(values);
      return array;
    },
    'a view': (values) => {
      const array = new Local(values.length + 3);
      array.set(values, 2);
      return array.subarray(2, 2 + values.length);
    },
    'in the memory of the kernels': (values) => inShared(kind, values),
    'in a resizable buffer': (values) => {
      const { BYTES_PER_ELEMENT: size } = Local;
      const options = { maxByteLength: 4 * size * values.length };
      const buffer = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(
        size * values.length,
        options,
      );
      const array = new Local(buffer);
      array.set(values);
      return array;
    },
  };
}

/** Plain arrays, which give what a Float64Array gives. */
const plainMakers: Record<string, (values: readonly number[]) => readonly number[]> = {
  'a plain array': (values) => [...values],
  'a frozen array': (values) => Object.freeze([...values]),
  'an array of another realm': (values) => foreign.Array.from(values),
  'an array of a subclass': (values) => class List extends Array<number> {}.from(values),
};

const sr = { rounding: 'stochastic', seed: 5 } as const;
const random = Uint32Array.from({ length: 8 }, (_, i) => (i * 0x9e3779b9) >>> 0);
const half = arithmetic('binary16', { operands: 'round' });
const square = { m: 2, k: 4, n: 2 };
const spec = { format: 'int4', scale: { per: 'block', size: 4, from: 'absmax' } } as const;
const int4 = quantizer(spec);
const blending = quantizer({ ...spec, strength: 0.5 });
const spread = quantizer({ ...spec, transform: { name: 'hadamard', size: 4 }, gradient: 'clipped' });
const scalar = quantizer({ format: 'ternary', scale: { per: 'tensor', from: 'absmedian' } });

type AnyArray = Float64Array;

/** Every function of one array: what it gives, as data or arrays. */
const functions: Record<string, (x: AnyArray) => unknown> = {
  round: (x) => halfulp.round(x, 'e4m3fn'),
  'round, stochastic': (x) => halfulp.round(x, 'e4m3fn', sr),
  'round, supplied': (x) => halfulp.round(x, 'e4m3fn', { rounding: 'stochastic', random }),
  'round to a codebook': (x) => halfulp.round(x, 'nf4'),
  encode: (x) => halfulp.encode(x, 'e4m3fn'),
  'encode, wide': (x) => halfulp.encode(x, 'binary16', sr),
  roundToFourthRoots: (x) => halfulp.roundToFourthRoots(x),
  flipBits: (x) => halfulp.flipBits(halfulp.round(x, 'binary16'), 'binary16', { probability: 0.5 }),
  'flipBits of its own': (x) => halfulp.flipBits(x, 'binary32', { probability: 0 }),
  significantDigits: (x) => halfulp.significantDigits([x, x] as never),
  'significantDigits of results': (x) => halfulp.significantDigits(x as never),
  blend: (x) => halfulp.blend(x, x, 0.5),
  blendGradient: (x) => halfulp.blendGradient(x, x, 0.25),
  quantize: (x) => {
    const { codes, scales, values, bytes } = halfulp.quantize(x, 'mxfp4');
    return { codes, scales, values, bytes };
  },
  'quantizer.quantize': (x) => spread.quantize(x, [2, 4]).values,
  fakeQuantize: (x) => int4.fakeQuantize(x),
  'fakeQuantize, blended': (x) => blending.fakeQuantize(x),
  'fakeQuantize, transformed': (x) => spread.fakeQuantize(x),
  'fakeQuantize, by the reference': (x) => scalar.fakeQuantize(x),
  explain: (x) => {
    const { scaled, elements, values, scales } = int4.explain(x);
    return { scaled, elements, values, scales };
  },
  pullback: (x) => spread.pullback(spread.explain(halfulp.round(x, 'binary32')), x).x,
  analyze: (x) => halfulp.analyze(x, 'int4/block:4'),
  errorAgainstBits: (x) => halfulp.errorAgainstBits(x, ['int4', 'mxfp4']),
  ...Object.fromEntries(
    halfulp.transformNames
      .filter((name) => name !== 'compose')
      .map((name) => {
        const needed = { factor: 0.5, count: 2, bits: 4 };
        const has = { prescale: 'factor', 'keep-outliers': 'count', noise: 'bits' }[
          name
        ] as keyof typeof needed;
        const made = halfulp.transform({ name, ...(has === undefined ? {} : { [has]: needed[has] }) });
        const there = (x: AnyArray): unknown => {
          const { values, residue } = made.forward(x, [2, 4]);
          return {
            values,
            residue,
            back: made.inverse(x, [2, 4], residue),
            g: made.pullback(x, [2, 4], residue, (g) => g),
          };
        };
        return [`the transform ${name}`, there];
      }),
  ),
  ...Object.fromEntries(
    ['sqrt', 'neg', 'abs', 'convert', 'exp', 'sin', 'tanh', 'erf'].map((name) => [
      name,
      (x: AnyArray) => (half[name as 'exp'] as (given: AnyArray) => unknown)(x),
    ]),
  ),
  ...Object.fromEntries(
    ['add', 'sub', 'mul', 'div', 'min', 'max', 'compare', 'pow', 'hypot'].map((name) => [
      name,
      (x: AnyArray) => {
        const method = half[name as 'add'] as (a: unknown, b: unknown) => unknown;
        return [method(x, x), method(x, 2), method(2, x)];
      },
    ]),
  ),
  fma: (x) => [half.fma(x, x, x), half.fma(x, 2, 3), half.fma(2, x, 3), half.fma(2, 3, x)],
  'add, in binary64': (x) => arithmetic('e4m3fn', { ...sr, operands: 'round' }).add(x, x),
  sum: (x) => half.sum(x),
  dot: (x) => half.dot(x, x),
  norm: (x) => half.norm(x),
  matvec: (x) => half.matvec(x, halfulp.round(x, 'binary32').slice(0, 4), { m: 2, k: 4 }),
  matmul: (x) => half.matmul(x, x, square),
  'matmul, with an addend': (x) =>
    half.matmul(x, x, { ...square, batch: 1, c: halfulp.round(x, 'binary32').slice(0, 4) }),
};

/** Arrays by their kinds and elements, everything else as it is. */
function bits(result: unknown): unknown {
  if (ArrayBuffer.isView(result)) {
    const elements = Array.from(result as Float64Array, (value) =>
      Object.is(value, -0) ? '-0' : String(value),
    );
    return [
      Object.prototype.toString.call(result),
      Object.getPrototypeOf(result) ===
        (globalThis as never)[(result as never)[Symbol.toStringTag]]['prototype'],
      elements,
    ];
  }
  if (Array.isArray(result)) return result.map(bits);
  if (typeof result === 'object' && result !== null)
    return Object.fromEntries(Object.entries(result).map(([key, value]) => [key, bits(value)]));
  return Object.is(result, -0) ? '-0' : result;
}

/** What `bits` gave, with Float16Arrays as the Float32Arrays of the same numbers. */
const asFloat32 = (given: unknown): unknown =>
  Array.isArray(given)
    ? given.map(asFloat32)
    : given === '[object Float16Array]'
      ? '[object Float32Array]'
      : typeof given === 'object' && given !== null
        ? Object.fromEntries(Object.entries(given).map(([key, value]) => [key, asFloat32(value)]))
        : given;

describe.each(Object.entries(functions))('%s', (_, apply) => {
  for (const kind of ['Float32Array', 'Float64Array'] as const) {
    const expected = bits(apply(new locals[kind](numbers) as AnyArray));
    test.each(Object.entries(makers(kind)))(`${kind} %s`, (_, make) => {
      const x = make(numbers);
      expect(bits(apply(x))).toEqual(expected);
      // And the array itself is as it was.
      expect(Array.prototype.map.call(x, Number)).toEqual(Array.from(new locals[kind](numbers)));
    });
  }

  test.each(Object.entries(plainMakers))('%s', (_, make) => {
    expect(bits(apply(make(numbers) as never))).toEqual(bits(apply(new Float64Array(numbers))));
  });

  // Node has Float16Array from version 24 on.
  test.skipIf(Half === undefined)('Float16Array', () => {
    const x = new Half!(numbers);
    const expected = bits(apply(Float32Array.from(x) as never));
    expect(asFloat32(bits(apply(x as never)))).toEqual(expected);
    expect([...x]).toEqual(numbers);
  });

  const integers = [
    ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ].map((Integers) => new Integers(8));
  const others: unknown[] = [
    ...integers,
    new BigInt64Array(8),
    new BigUint64Array(8),
    new DataView(new ArrayBuffer(64)),
    new ArrayBuffer(64),
    new SharedArrayBuffer(64),
    { length: 8, 0: 1 },
    new Set(numbers),
    numbers.values(),
    '12345678',
    null,
    undefined,
    true,
    () => numbers,
    Promise.resolve(numbers),
  ];
  test.each(others.map((other) => [Object.prototype.toString.call(other), other]))(
    'refuses %s',
    (_, other) => {
      expect(() => apply(other as never)).toThrow(ArgumentError);
    },
  );

  test.each([
    ['a hole', Object.assign(new Array<number>(8), numbers.slice(0, 3))],
    ['a string', [...numbers.slice(0, 3), '1', ...numbers.slice(4)]],
    ['null', [...numbers.slice(0, 3), null, ...numbers.slice(4)]],
    ['an array', [...numbers.slice(0, 3), [1], ...numbers.slice(4)]],
    ['a bigint', [...numbers.slice(0, 3), 1n, ...numbers.slice(4)]],
    ['a boolean', [...numbers.slice(0, 3), true, ...numbers.slice(4)]],
    ['a boxed number', [...numbers.slice(0, 3), new Number(1), ...numbers.slice(4)]],
  ])('names %s in a plain array', (_, list) => {
    expect(() => apply(list as never)).toThrow(
      expect.objectContaining({ argument: expect.stringMatching(/\[3\]$/) }),
    );
  });
});

describe('results go where `out` says, whatever its realm and class', () => {
  const writers: Record<string, (x: AnyArray, out: AnyArray) => unknown> = {
    round: (x, out) => halfulp.round(x, 'e4m3fn', { out }),
    roundToFourthRoots: (x, out) => halfulp.roundToFourthRoots(x, out),
    flipBits: (x, out) => halfulp.flipBits(x, 'binary32', { probability: 0, out }),
    blend: (x, out) => halfulp.blend(x, x, 0.5, out),
    fakeQuantize: (x, out) => int4.fakeQuantize(x, [8], out),
    'fakeQuantize, blended': (x, out) => blending.fakeQuantize(x, [8], out),
    'fakeQuantize, transformed': (x, out) => spread.fakeQuantize(x, [8], out),
    add: (x, out) => half.add(x, x, { out }),
    exp: (x, out) => half.exp(x, { out }),
    fma: (x, out) => half.fma(x, x, 1, { out }),
    convert: (x, out) => half.convert(x, { out }),
    matmul: (x, out) => half.matmul(x, x, { m: 2, k: 4, n: 2, batch: 2, out }),
    matvec: (x, out) =>
      half.matvec(Float64Array.from({ length: 64 }, (_, i) => i % 3) as never, x, { m: 8, k: 8, out }),
  };
  // Products of two batches of 2 x 4 and 4 x 2 matrices, and of a matrix with 8 numbers, have 8 elements.
  const given = (name: string, x: AnyArray): AnyArray =>
    name === 'matmul' ? new (Object.getPrototypeOf(x).constructor as typeof Float64Array)([...x, ...x]) : x;
  describe.each(Object.entries(writers))('%s', (name, write) => {
    const kinds =
      name === 'matvec' ? (['Float64Array'] as const) : (['Float32Array', 'Float64Array'] as const);
    for (const kind of kinds) {
      const x = given(name, new locals[kind](numbers) as AnyArray);
      const expected = bits(write(x, new locals[kind](8) as AnyArray));
      test.each(Object.entries(makers(kind)))(`${kind} %s`, (_, make) => {
        const out = make(numbers.map(() => 9));
        expect(write(x, out)).toBe(out);
        expect(Array.prototype.map.call(out, String)).toEqual(
          (expected as unknown[][])[2]!.map((text) => (text === '-0' ? '0' : text)),
        );
      });
      test(`${kind}: refuses what cannot take it`, () => {
        const other = kind === 'Float32Array' ? new Float64Array(8) : new Float32Array(8);
        for (const out of [
          other,
          new locals[kind](7),
          new Int32Array(8),
          [...numbers],
          null,
          {},
          new ArrayBuffer(64),
          'x',
        ])
          expect(() => write(x, out as never)).toThrow(
            expect.objectContaining({ name: 'ArgumentError', argument: 'out' }),
          );
      });
    }
  });
});

test('supplied random integers may be of another realm or a subclass, and of no other kind', () => {
  const expected = halfulp.round(new Float32Array(numbers), 'e4m3fn', { rounding: 'stochastic', random });
  class Words extends Uint32Array {
    constructor(values: readonly number[]) {
      if (!Array.isArray(values)) throw new Error('a constructor of a subclass was called');
      super(values);
    }
  }
  for (const words of [new foreign.Uint32Array(random), new Words([...random])]) {
    const options = { rounding: 'stochastic', random: words } as const;
    expect(halfulp.round(new Float32Array(numbers), 'e4m3fn', options)).toEqual(expected);
    expect(
      arithmetic('e4m3fn', { ...options, operands: 'round' }).convert(new Float32Array(numbers)),
    ).toEqual(expected);
  }
  for (const words of [[...random], new Int32Array(8), new Float32Array(8), null])
    expect(() =>
      halfulp.round(new Float32Array(numbers), 'e4m3fn', { ...sr, random: words as never }),
    ).toThrow(/^random: /);
});

describe('arrays of codes', () => {
  const bytes = [0x38, 0x7f, 0, 0xb8];
  test('of the width of the format, or wider, of any realm and class', () => {
    const expected = halfulp.decode(Uint8Array.from(bytes), 'e4m3fn');
    const given = [
      new foreign.Uint8Array(bytes),
      Buffer.from(bytes),
      new Uint16Array(bytes),
      new foreign.Uint16Array(bytes),
      new Uint32Array(bytes),
      new BigUint64Array(bytes.map(BigInt)),
      bytes,
      bytes.map(BigInt),
    ];
    for (const codes of given) {
      expect(halfulp.decode(codes as never, 'e4m3fn')).toEqual(expected);
      expect(halfulp.pack(codes as never, 'e4m3fn')).toEqual(Uint8Array.from(bytes));
    }
    expect(halfulp.unpack(Buffer.from(bytes), 'e4m3fn', 4)).toEqual(Uint8Array.from(bytes));
    expect(halfulp.unpack(new foreign.Uint8Array(bytes), 'binary16', 2)).toEqual(
      Uint16Array.of(0x7f38, 0xb800),
    );
    expect(formatsDecode(new foreign.Uint8Array([1, 2]))).toEqual(formatsDecode(Uint8Array.of(1, 2)));
  });

  const formatsDecode = (codes: unknown): Float64Array => halfulp.formats.mxfp4.decode(127, codes as never);
  const anything: unknown[] = [
    ...[1, '12', null, undefined, true, {}, { length: 1, 0: 1 }, new Set([1]), [1].values(), () => [1]],
    ...[
      new ArrayBuffer(4),
      new DataView(new ArrayBuffer(4)),
      new Int8Array(4),
      new Int16Array(4),
      new Int32Array(4),
    ],
    ...[new Float32Array(4), new Float64Array(4), new Uint8ClampedArray(4), new BigInt64Array(4)],
  ];
  const inLists: unknown[] = [
    [[1]],
    new Array<number>(2),
    ['1'],
    [null],
    [undefined],
    [1.5],
    [NaN],
    [Infinity],
    [true],
    [{}],
  ];
  test.each(anything.map((given) => [Object.prototype.toString.call(given), given]))(
    'refuses %s',
    (_, given) => {
      for (const format of ['e2m1', 'e4m3fn', 'binary16', 'binary32', 'binary64']) {
        const argument = { name: 'ArgumentError', argument: 'codes' };
        expect(() => halfulp.pack(given as never, format)).toThrow(expect.objectContaining(argument));
        // One code has one value.
        if (typeof given === 'number')
          expect(halfulp.decode(given, format)).toBe(halfulp.decode([given], format)[0]);
        else expect(() => halfulp.decode(given as never, format)).toThrow(expect.objectContaining(argument));
      }
      expect(() => formatsDecode(given)).toThrow(expect.objectContaining({ argument: 'elements' }));
      for (const bytesGiven of [given, [1, 2]])
        expect(() => halfulp.unpack(bytesGiven as never, 'e2m1', 2)).toThrow(
          expect.objectContaining({ argument: 'bytes' }),
        );
    },
  );
  test.each(inLists.map((given) => [JSON.stringify(given), given]))('refuses %s', (_, given) => {
    for (const format of ['e2m1', 'e4m3fn', 'binary16', 'binary32', 'binary64'])
      for (const call of [
        () => halfulp.decode(given as never, format),
        () => halfulp.pack(given as never, format),
      ])
        expect(call).toThrow(expect.objectContaining({ name: 'ArgumentError', argument: 'codes[0]' }));
  });
  test('that are too narrow hold parts of codes', () => {
    for (const [codes, format] of [
      [new Uint8Array(4), 'binary16'],
      [new Uint8Array(4), 'posit16'],
      [new Uint16Array(4), 'binary32'],
      [new Uint8Array(4), 'fp24'],
      [new Uint32Array(4), 'binary64'],
    ] as const) {
      expect(() => halfulp.decode(codes, format)).toThrow(/^codes: got Uint/);
      expect(() => halfulp.pack(codes, format)).toThrow(/^codes: got Uint/);
    }
  });
  test('codes that have more bits than the format are out of range', () => {
    for (const [codes, format] of [
      [[16], 'e2m1'],
      [[-1], 'e2m1'],
      [Uint8Array.of(16), 'e2m1'],
      [Uint16Array.of(256), 'e4m3fn'],
      [[2 ** 32], 'binary32'],
      [[2 ** 60], 'binary64'],
      [[1n << 64n], 'binary64'],
    ] as const) {
      expect(() => halfulp.decode(codes as never, format)).toThrow(RangeError);
      expect(() => halfulp.decode(codes as never, format)).toThrow(
        /codes\[0\]: got [^;]+; accepted: an integer from 0/,
      );
      expect(() => halfulp.pack(codes as never, format)).toThrow(
        /^codes\[0\]: got [^;]+; accepted: an integer from 0/,
      );
    }
    const endless = halfulp.float({ exponentBits: Infinity, mantissaBits: 7 });
    for (const call of [
      () => halfulp.decode([1], endless),
      () => halfulp.encode([1], endless),
      () => halfulp.pack([1], endless),
      () => halfulp.unpack(Uint8Array.of(1), endless, 1),
    ])
      expect(call).toThrow(RangeError);
  });
  test('counts are whole', () => {
    for (const count of ['2', null, 1.5, -1, NaN, [2], true])
      expect(() => halfulp.unpack(Uint8Array.of(1), 'e2m1', count as never)).toThrow(/^count: /);
  });
});

describe.skipIf(Half === undefined)('results of Float16Arrays', () => {
  const x = new (Half ?? Float32Array)(numbers);
  const wide = Float32Array.from(numbers);
  const kind = (result: unknown): string => Object.prototype.toString.call(result).slice(8, -1);
  const fp8 = arithmetic('e4m3fn', { operands: 'round', ...sr });
  const square4 = { m: 2, k: 4, n: 2 };

  test('are Float16Arrays where the format has numbers of binary16 alone', () => {
    const fitting = 'binary16 e5m2 e5m2fnuz e4m3fn e2m1 int8 int12 posit(8,1) fixed(5,6) ternary'.split(' ');
    for (const format of fitting)
      expect([format, kind(halfulp.round(x, format))]).toEqual([format, 'Float16Array']);
    for (const format of 'bfloat16 tf32 binary32 e8m0 int16 posit16 nf4'.split(' '))
      expect([format, kind(halfulp.round(x, format))]).toEqual([format, 'Float32Array']);
    expect(() => halfulp.round(x, 'binary64')).toThrow(/^x: /);
    expect(kind(halfulp.flipBits(x, 'binary16', { probability: 0.5 }))).toBe('Float16Array');
    expect(kind(halfulp.flipBits(x, 'binary32', { probability: 0.5 }))).toBe('Float32Array');
    expect(kind(halfulp.roundToFourthRoots(x))).toBe('Float16Array');
    for (const result of [
      ...[fp8.add(x, x), fp8.mul(x, 2), fp8.sub(2, x), fp8.fma(x, 2, x), fp8.sqrt(x), fp8.exp(x)],
      ...[fp8.pow(x, x), fp8.convert(x), fp8.neg(x), fp8.compare(x, 1), fp8.matmul(x, x, square4)],
      fp8.matvec(x, x.slice(0, 4), { m: 2, k: 4, c: x.slice(0, 2) }),
    ])
      expect(kind(result)).toBe('Float16Array');
    expect(kind(arithmetic('bfloat16').add(x, x))).toBe('Float32Array');
    expect(kind(arithmetic('bfloat16').matmul(x, x, square4))).toBe('Float32Array');
  });

  test('are Float32Arrays beside Float32Arrays, and of what has scales', () => {
    for (const result of [
      ...[fp8.add(x as never, wide), fp8.add(wide, x as never), fp8.fma(x as never, wide, 1)],
      ...[
        fp8.matmul(x as never, wide, square4),
        fp8.matmul(x as never, x, { ...square4, c: wide.slice(0, 4) }),
      ],
      ...[
        int4.fakeQuantize(x as never),
        halfulp.quantize(x, 'mxfp4').values,
        halfulp.blend(x as never, x as never, 0.5),
      ],
      halfulp.decode(halfulp.encode(x, 'binary16'), 'binary16'),
    ])
      expect(kind(result)).toBe('Float32Array');
  });

  test('go to a Float16Array or a Float32Array that is given', () => {
    const want = [...halfulp.round(wide, 'e4m3fn')];
    for (const out of [new Half!(8), new Float32Array(8), new (class extends (Half!) {})(8)]) {
      expect(halfulp.round(x, 'e4m3fn', { out })).toBe(out);
      expect([...out]).toEqual(want);
      expect(fp8.add(x, -0, { out } as never)).toBe(out);
      expect([...out]).toEqual(want);
      expect(fp8.matmul(x, x, { ...square4, n: 2, batch: 1, out: out.subarray(0, 4) } as never)).toHaveLength(
        4,
      );
    }
    // In place, and askew.
    const buffer = new ArrayBuffer(64);
    const source = new Half!(buffer, 8, 8);
    source.set(numbers);
    expect([...halfulp.round(source, 'e4m3fn', { out: source })]).toEqual(want);
    source.set(numbers);
    const out = new Half!(buffer, 12, 8);
    halfulp.round(source, 'e4m3fn', { out });
    expect([...out]).toEqual(want);
  });

  test('go nowhere else', () => {
    const refused = expect.objectContaining({ name: 'ArgumentError', argument: 'out' });
    for (const out of [
      new Half!(7),
      new Float32Array(9),
      new Float64Array(8),
      new Uint16Array(8),
      [...numbers],
      null,
    ])
      expect(() => halfulp.round(x, 'e4m3fn', { out: out as never })).toThrow(refused);
    // Results that are no numbers of binary16, and operands that are no Float16Arrays.
    expect(() => halfulp.round(x, 'bfloat16', { out: new Half!(8) })).toThrow(refused);
    expect(() => halfulp.round(wide, 'e4m3fn', { out: new Half!(8) })).toThrow(refused);
    expect(() => arithmetic('binary32').add(x, x, { out: new Half!(8) })).toThrow(refused);
    expect(() => int4.fakeQuantize(x as never, [8], new Half!(8) as never)).toThrow(refused);
    // Nothing is written before an error.
    const out = new Half!(8);
    expect(() => arithmetic('e2m1').add(x, x, { out })).toThrow(/^a\[0\]: /);
    expect([...out]).toEqual(Array(8).fill(0));
  });

  test('every number of binary16 comes as it was', () => {
    const all = new Half!(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);
    const rounded = halfulp.round(all, 'binary16') as unknown as Float32Array;
    for (let i = 0; i < all.length; i++) expect(Object.is(rounded[i], all[i])).toBe(true);
  });
});
