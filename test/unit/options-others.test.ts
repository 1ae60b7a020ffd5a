/** Every function of halfulp/mathjs and halfulp/testing refuses what is no option. */
import { describe, expect, test } from 'vitest';
import { formats, round } from '../../src/index.ts';
import * as mathjs from '../../src/mathjs/index.ts';
import * as testing from '../../src/testing/index.ts';
import { type Entry, functionNames, type PlainEntry, walk } from '../options-walk.ts';

const wrong = (value: unknown): never => value as never;
const ours = (x: number): number => round(x, 'e4m3fn');
const noFormats = [null, undefined, 1, 'e4m4', {}, 'mxfp4'];
const ofFormat = (call: (format: never) => unknown): PlainEntry => ({
  refused: noFormats.map((format) => () => call(wrong(format))),
});
const underTest: Entry = {
  call: (given) => testing.lawsOf(given),
  accepted: [
    { format: formats.e4m3fn, rounding: 'nearest-even', round: ours },
    { format: 'e4m3fn', rounding: 'stochastic', round: ours, randomBits: 8 },
  ],
  optional: false,
};

const stochastic = { rounding: 'stochastic', randomBits: 8, variant: 'B', subnormals: 'flush' } as const;

/** Options of the operations of each kind, with further ones that all have. */
function ofVectors(
  call: (name: testing.VectorOperation, options: never) => unknown,
  more: Readonly<Record<string, unknown>>,
): Entry {
  const nan = { nan: 'canonical', missingNaN: 'zero' };
  const common = { format: 'bfloat16', ...nan, ...more };
  const blocks = { ...stochastic, nan: 'any', ...more };
  const accepted = {
    add: { ...common, ...stochastic, saturation: 'finite', flags: false, tininess: 'before' },
    min: { ...common, flags: false },
    compare: { format: 'bfloat16', flags: false, ...more },
    convert: { ...common, from: 'binary32', ...stochastic, saturation: 'finite' },
    dot: {
      ...common,
      ...{ ...stochastic, terms: 3, products: 'exact', accumulate: 'binary32', order: 'pairwise' },
      accumulateRounding: 'toward-zero',
    },
    mma: { unit: 'hopper-fp8', nan: 'any', ...more },
    quantize: { format: 'nvfp4', blocks: 2, fourOverSix: 'mae', scaleMax: 256, ...blocks },
  } as const;
  const others = {
    quantize: { format: 'mxint8', symmetric: true, direction: 'rceil', ...blocks },
  };
  return [accepted, others].flatMap((table) =>
    Object.entries(table).map(([name, options]) => ({
      call: (given: never) => call(name as testing.VectorOperation, given),
      accepted: [options],
      optional: false,
    })),
  );
}

const ofTesting: Readonly<Record<string, Entry>> = {
  anyFloat: { refused: [] },
  anyFormat: { refused: [] },
  boundary: ofFormat(testing.boundary),
  checkLaws: [
    {
      call: (parameters) =>
        testing.checkLaws(
          { format: 'e2m1', rounding: 'nearest-even', round: (x) => round(x, 'e2m1') },
          parameters,
        ),
      accepted: [{ numRuns: 3, seed: 1 }],
      // What the values of fast-check's parameters may be is fast-check's to say.
      free: ['numRuns', 'seed'],
    },
    {
      call: (given) => testing.checkLaws(given, { numRuns: 1 }),
      accepted: [{ format: 'e4m3fn', rounding: 'nearest-even', round: ours, randomBits: 8 }],
      optional: false,
    },
  ],
  code: ofFormat(testing.code),
  finite: ofFormat(testing.finite),
  lawsOf: underTest,
  nearTie: ofFormat(testing.nearTie),
  nextMagnitude: {
    refused: [
      ...['1', null, undefined, true, [1], {}].map((x) => () => testing.nextMagnitude(wrong(x), 1)),
      ...['1', null, 2, 0, {}].map((direction) => () => testing.nextMagnitude(1, wrong(direction))),
    ],
  },
  real: ofFormat(testing.real),
  VectorLineError: { refused: [] },
  vectors: ofVectors((name, options) => testing.vectors(name, options), { level: 2, count: 3, seed: 1 }),
  vectorText: ofVectors((name, options) => testing.vectorText(name, options), {
    level: 2,
    count: 3,
    seed: 1,
    form: 'csv',
  }),
  verify: ofVectors((name, options) => testing.verify(name, [], options), { form: 'csv', first: 3 }),
};

const ofMathjs: Readonly<Record<string, Entry>> = {
  createMath: [
    {
      call: (options) => mathjs.createMath('bfloat16', options),
      accepted: [
        { rounding: 'stochastic', seed: 1, stream: 2n, offset: 3, randomBits: 8, variant: 'B', flags: true },
        { saturation: 'finite', subnormals: 'flush', random: Uint32Array.of(1) },
      ],
    },
    {
      call: (config) => mathjs.createMath('bfloat16', {}, config),
      accepted: [
        {
          matrix: 'Array',
          number: 'number',
          predictable: true,
          precision: 20,
          relTol: 1e-9,
          absTol: 1e-12,
          randomSeed: 'x',
        },
        { legacySubset: true, numberFallback: 'BigNumber' },
      ],
      also: (option, value) =>
        option === 'randomSeed' &&
        !['object', 'boolean'].includes(typeof (value ?? 1)) &&
        !Number.isNaN(value),
    },
  ],
};

describe('halfulp/testing', () => {
  test('the table has every function', () => {
    expect(Object.keys(ofTesting).sort()).toEqual(functionNames(testing));
  });
  for (const [name, entry] of Object.entries(ofTesting)) test(name, () => walk(name, entry));

  const { codesRoundTrip, ...ofRoundings } = testing.laws;
  const rounding = { unbiased: 'stochastic', directed: 'toward-zero', odd: 'to-odd' } as const;
  for (const [name, law] of Object.entries(ofRoundings))
    test(`the law ${name}`, () =>
      walk(name, {
        call: (given) => law(given),
        accepted: [
          {
            format: 'e4m3fn',
            rounding: rounding[name as 'unbiased'] ?? 'nearest-even',
            round: ours,
            randomBits: 8,
          },
        ],
        optional: false,
      }));
  test('the law codesRoundTrip', () =>
    walk('codesRoundTrip', {
      refused: [null, undefined, 1, 'e4m3fn', {}, { ...formats.e2m1, decode: 1 }].map(
        (given) => () => codesRoundTrip(wrong(given)),
      ),
    }));
});

describe('halfulp/mathjs', () => {
  test('the table has every function', () => {
    expect(Object.keys(ofMathjs).sort()).toEqual(functionNames(mathjs));
  });
  for (const [name, entry] of Object.entries(ofMathjs)) test(name, () => walk(name, entry));
  test('no format', () =>
    walk(
      'createMath',
      ofFormat((format) => mathjs.createMath(format)),
    ));
});
