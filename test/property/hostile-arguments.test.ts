/**
 * Every function that is exported, and the methods of what they make, with arguments that may be anything: each works or refuses
 * in words of ours, never in the engine's. What exactly is accepted is for the tables of options. HALFULP_HOSTILE sets the number
 * of calls of each function.
 */
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import * as core from '../../src/index.ts';
import * as mathjs from '../../src/mathjs/index.ts';
import * as testing from '../../src/testing/index.ts';
import * as tfjs from '../../src/tfjs/index.ts';
import * as train from '../../src/train/index.ts';
import { engineWords, inTime } from '../hostile.ts';

const calls = Number(process.env['HALFULP_HOSTILE'] ?? 40);

type AnyFunction = (...given: unknown[]) => unknown;

/** Those that start something that lasts, read a data set, or hold the process for good. */
const leftOut =
  /^(startThreads|stopThreads|registerFormat|wasmBackend|cpuBackend|mnist|mobyDick|checkLaws|train|applyRecipe)$|Error$/;

const row = { per: 'row', from: 'absmax' } as const;
const turned = { name: 'hadamard', size: 2 } as const;
const needed: Readonly<Record<string, object>> = {
  prescale: { factor: 0.5 },
  'keep-outliers': { count: 2 },
  noise: { bits: 4 },
};

/** Objects whose methods are called, by their names. */
const made: Readonly<Record<string, object>> = {
  arithmetic: core.arithmetic('e4m3fn'),
  'arithmetic, stochastic': core.arithmetic('bfloat16', {
    rounding: 'stochastic',
    seed: 1,
    operands: 'round',
  }),
  quantizer: core.quantizer({ format: 'int8', scale: row }),
  'quantizer, transformed': core.quantizer({
    format: 'e2m1',
    scale: row,
    transform: turned,
    gradient: 'clipped',
  }),
  'quantizer, learned': core.quantizer({ format: 'int4', scale: { per: 'tensor', from: 'learned' } }),
  quantised: core.quantize(Float32Array.of(1, 2, 3, 4), 'mxfp4'),
  block: core.formats.mxfp4,
  format: core.formats.e4m3fn,
  recipes: train.recipes,
  ...Object.fromEntries(
    core.transformNames
      .filter((name) => name !== 'compose')
      .map((name) => [name, core.transform({ name, ...needed[name] })]),
  ),
  ...Object.fromEntries(core.gradientNames.map((name) => [name, core.gradientRule(name)])),
};

const functions: [name: string, call: AnyFunction][] = [
  ...Object.entries({ core, mathjs, testing, tfjs, train }).flatMap(([module, all]) =>
    Object.entries(all as object)
      .filter(([name, each]) => typeof each === 'function' && !leftOut.test(name))
      .map(([name, each]): [string, AnyFunction] => [`${module}/${name}`, each as AnyFunction]),
  ),
  ...Object.entries(made).flatMap(([owner, object]) =>
    Object.entries(object)
      .filter(([, each]) => typeof each === 'function')
      .map(([name, each]): [string, AnyFunction] => [`${owner}.${name}`, (each as AnyFunction).bind(object)]),
  ),
];

const own = new Error('thrown by a function that was given');
const anything: unknown[] = [
  ...[
    undefined,
    null,
    true,
    false,
    0,
    -0,
    1,
    2,
    3,
    4,
    8,
    -1,
    0.5,
    NaN,
    Infinity,
    -Infinity,
    1e300,
    5e-324,
    2 ** 53,
  ],
  ...[
    1n,
    -1n,
    2n ** 64n,
    '',
    'x',
    'e4m3fn',
    'int8',
    'mxfp4',
    'ternary',
    'float(5,6)',
    'forward',
    'stochastic',
    'exact',
  ],
  ...[
    Symbol('s'),
    () => 1,
    async () => 1,
    [],
    [1],
    [1, 2, 3, 4],
    [1, '2'],
    [[1]],
    [NaN],
    [2, 2],
    [0],
    [-1],
    [1.5],
  ],
  ...[
    {},
    { x: 1 },
    { rounding: 'stochastic', seed: 1 },
    { format: 'int8' },
    { format: 'int8', scale: row },
    turned,
  ],
  ...[{ m: 2, k: 2, n: 2 }, { seed: 1, steps: 3 }, { toString: 1 }, { length: 3 }, Object.create(null)],
  ...[
    new Array(3),
    new Map(),
    new Set([1]),
    new Date(0),
    /x/,
    new Error('e'),
    new String('e4m3fn'),
    new Number(3),
  ],
  ...[
    new Float32Array(4),
    Float32Array.of(NaN, Infinity, -0, 1e30),
    new Float32Array(0),
    new Float64Array(4),
  ],
  ...[
    new Int32Array(4),
    Uint8Array.of(1, 2, 3, 4),
    new Uint32Array(4),
    new BigUint64Array(2),
    new ArrayBuffer(8),
  ],
  ...[
    new SharedArrayBuffer(8),
    new DataView(new ArrayBuffer(8)),
    new Proxy({}, {}),
    Promise.resolve(1),
    'a'.repeat(300),
  ],
  ...[runInNewContext('new Float32Array([1, 2, 3, 4])'), runInNewContext('({ m: 2, k: 2, n: 2 })')],
  ...[
    core.formats.e4m3fn,
    core.formats.mxfp4,
    made['quantizer'],
    made['arithmetic'],
    made['hadamard'],
    made['quantised'],
  ],
  ...[
    train.recipes.float32(),
    train.models['mlp'],
    () => {
      throw own;
    },
  ],
];

beforeAll(async () => {
  anything.push(await tfjs.wasmBackend());
});

it.each(functions)(
  '%s',
  async (_, call) => {
    const given = fc.array(fc.nat(100_000), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(given, async (indices) => {
        const list = indices.map((index) => anything[index % anything.length]);
        try {
          await inTime(() => call(...list));
        } catch (error) {
          if (error === own) return;
          expect(error).toMatchObject({ name: expect.stringMatching(/^(ArgumentError|RangeError)$/) });
          expect((error as Error).message.replace(/got [^;]*/, '')).not.toMatch(engineWords);
        }
      }),
      { seed: 16, numRuns: calls },
    );
  },
  3_600_000,
);
