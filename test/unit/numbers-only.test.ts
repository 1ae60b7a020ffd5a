/**
 * Where a number or a yes-or-no belongs nothing passes for it: every argument of every function that is exported, and of the
 * methods of what they make, at whatever depth, with a decimal text, null, a boxed number, a bigint, ... in its place. Options by
 * name have tables of their own, which do the same.
 */
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import * as core from '../../src/index.ts';
import * as linalg from '../../src/linalg/index.ts';
import * as train from '../../src/train/index.ts';
import { errorOf, functionNames, leavesOf, wrongLeaves } from '../options-walk.ts';

/** A call with right arguments, and paths at which one more kind of value is right. */
interface Call {
  readonly arguments: readonly unknown[];
  readonly also?: (path: string, wrong: unknown) => boolean;
}

type Calls = Readonly<Record<string, readonly unknown[] | Call>>;

const x = [1, -2, 0.5, 3];
const y = [2, 1, -1, 0.5];
const shape = [2, 2];
const e4m3 = core.arithmetic('e4m3fn');
const q = core.quantizer({ format: 'int8', scale: { per: 'row', from: 'absmax' } });
const explained = q.explain(x, shape);
const spread = core.hadamard({ size: 2 });
const { residue } = spread.forward(Float32Array.of(1, 2, 3, 4), shape);
const recipe = train.recipes.dqt({ bits: 8 });
const mlp = train.models['mlp']!;
const pair = [1, 2];
const triple = [1, 2, 1];
/** Codes may be bigints. */
const isBigint = (_: string, wrong: unknown): boolean => typeof wrong === 'bigint';
/** Seeds of transforms are decimal text in JSON. */
const isSeedText = (path: string, wrong: unknown): boolean => path.endsWith('seed') && wrong === '1';

const coreCalls: Calls = {
  fixedPoint: [{ integerBits: 4, fractionBits: 4 }],
  bfp: [{ mantissaBits: 3, block: 16, exponentBits: 5 }],
  block: [{ name: 'mine', element: 'e2m1', size: 16, scale: 'e4m3fn' }],
  classify: [1, 'e4m3fn'],
  codebook: [{ name: 'mine', values: [-1, 0, 1] }],
  fixed: [{ integerBits: 4, fractionBits: 4, signed: true }],
  float: [{ exponentBits: 4, mantissaBits: 3, bias: 7, subnormals: true, signed: true }],
  int: [{ bits: 8, signed: true, symmetric: true }],
  logarithmic: [{ integerBits: 4, fractionBits: 3 }],
  nextDown: [1, 'e4m3fn'],
  nextUp: [1, 'e4m3fn'],
  p3109: [{ bits: 8, precision: 3, signed: true, domain: 'extended' }],
  pack: { arguments: [[1, 2, 3, 4], 'e4m3fn'], also: isBigint },
  posit: [{ bits: 8, es: 1 }],
  roundToFourthRoots: [pair],
  ulp: [1, 'e4m3fn'],
  unpack: [Uint8Array.of(1, 2), 'e2m1', 3],
  allocateFloat32: [4],
  allocateFloat64: [4],
  startThreads: [2],
  philox4x32: [
    [1, 2, 3, 4],
    [1, 2],
  ],
  randomIntegers: [4, { seed: 1 }],
  quantizedMatmul: [q.quantize(x, shape), q.quantize(x, shape), { transposeA: true, transposeB: false }],
  repeat: [2, (seed: number) => seed, { seed: 3 }],
  analyze: [x, 'int8', { shape }],
  arithmetic: ['binary16', { randomBits: 8, rounding: 'stochastic', seed: 1, flags: true }],
  blend: [x, y, 0.5],
  blendGradient: [x, y, 0.5],
  blockQuantizerOptions: ['nvfp4', { rowScaled: true, fourOverSix: 'mae', scaleMax: 256 }],
  clampResidual: [{ alpha: 0.9 }],
  decode: { arguments: [[1, 2], 'e4m3fn'], also: isBigint },
  differentiableFactor: [0.5, -1, 1, 5, 3],
  encode: [x, 'e4m3fn'],
  errorAgainstBits: [x, ['int4', 'int8'], { shape }],
  flipBits: [x, 'e4m3fn', { probability: 0.5, seed: 1 }],
  hadamard: { arguments: [{ size: 2, seed: 1 }], also: isSeedText },
  keepOutliers: [{ count: 2 }],
  logShift: [{ target: 1, cap: 4, grouping: { per: 'block', size: 2 } }],
  namedQuantizer: ['int8', { seed: 1 }],
  noise: { arguments: [{ bits: 4 }], also: (_, wrong) => Array.isArray(wrong) },
  powerExpansion: [{ range: 7, grouping: { per: 'tile', rows: 2, columns: 2 } }],
  prescale: [{ factor: 0.5 }],
  quantize: [x, 'mxfp4', { shape: [1, 4], axis: 1 }],
  quantizer: [
    { format: 'int8', scale: { per: 'block', size: 2, from: 'absmax', multiplier: 2 }, strength: 0.5 },
  ],
  residueBytes: [residue],
  round: [x, 'e4m3fn', { rounding: 'stochastic', seed: 1, offset: 2, randomBits: 8 }],
  shiftGroups: [{ groups: 2, axis: 0 }],
  significantDigits: [x],
  sparseTerm: [core.keepOutliers({ count: 1 }).forward(Float32Array.of(1, 2), [2]).residue],
  transform: [{ name: 'hadamard', size: 2 }],
};

const A = e4m3.array([
  [4, 1],
  [1, 3],
]);
/** Numbers, lists of them and lists of lists are all operands of a shaped array. */
const isOperand = (_: string, wrong: unknown): boolean => Array.isArray(wrong);
/** Axes are one or several. */
const isAxes = (path: string, wrong: unknown): boolean => path.endsWith('axis') && Array.isArray(wrong);
const toBinary16 = core.arithmetic({ operands: 'e4m3fn', result: 'binary16' });
const word = core.fixedPoint({ integerBits: 4, fractionBits: 4, signed: true });

const linalgCalls: Calls = {
  conjugateGradients: [A, pair, { tolerance: 0.1, steps: 2 }],
  gmres: [A, pair, { tolerance: 0.1, steps: 2 }],
  refine: [A, pair, { tolerance: 0.1, steps: 2, innerTolerance: 0.1 }],
  solve: [A, pair],
  svd: [A, { sweeps: 10 }],
  eigSymmetric: [A, { sweeps: 10 }],
  triangularSolve: [linalg.cholesky(A).L, pair],
};

const number = { m: 2, k: 2, n: 2, transposeA: true, transposeB: false, batch: 1 };
const elementwise = (functions: object): Calls =>
  Object.fromEntries(
    functionNames(functions)
      .filter((name) => !otherMethods.has(name))
      .map((name) => {
        const right = name === 'fma' ? triple : binary.has(name) ? pair : [1];
        // An array of numbers is an operand, too.
        return [name, { arguments: right, also: (_, wrong) => Array.isArray(wrong) } satisfies Call];
      }),
  );
const binary = new Set('add sub mul div pow hypot atan2 remainder min max compare'.split(' '));
const otherMethods = new Set(
  'compile convert cumsum dot flags matmul matvec mean norm prod quire reset restore state sum clearFlags toString toJSON'.split(
    ' ',
  ),
);

const codes: Calls = { decode: { arguments: [1], also: isBigint }, encode: [1] };

const methods: Readonly<Record<string, { readonly of: object; readonly calls: Calls }>> = {
  'an arithmetic': {
    of: e4m3,
    calls: {
      ...elementwise(e4m3),
      compile: ['a + b'],
      convert: [x],
      cumsum: [x],
      dot: [x, y, { order: { chunk: 2 }, c: 1 }],
      matmul: [x, y, number, { order: { chunk: 2 } }],
      matvec: [x, [1, 2], { m: 2, k: 2, transpose: true }],
      mean: [x, { order: { chunk: 2 } }],
      norm: [x, { order: { chunk: 2 } }],
      prod: [x],
      restore: [{ offset: 3, supplied: 0 }],
      sum: [x, { order: { chunk: 2 }, c: 1 }],
    },
  },
  'an arithmetic of several formats': {
    of: toBinary16,
    calls: {
      ...elementwise(toBinary16),
      cumsum: [x],
      dot: [x, y, { order: { chunk: 2 }, c: 1 }],
      matmul: [x, y, number, { order: { chunk: 2 } }],
      matvec: [x, [1, 2], { m: 2, k: 2, transpose: true }],
      restore: [{ offset: 3, supplied: 0 }],
      sum: [x, { order: { chunk: 2 }, c: 1 }],
    },
  },
  'traced operations': { of: e4m3.traced, calls: { add: pair, fma: triple, sqrt: [1], convert: [1] } },
  'operations on codes': {
    of: e4m3.codes,
    calls: { add: { arguments: pair, also: isBigint }, convert: [1] },
  },
  'a shaped array': {
    of: A,
    calls: {
      at: pair.map((place) => place - 1),
      row: [1],
      column: [1],
      // null is an open end.
      slice: {
        arguments: [
          [0, 2],
          [0, 2, 1],
        ],
        also: (_, wrong) => wrong === null,
      },
      transpose: [1, 0],
      reshape: [[4, 1]],
      broadcastTo: [[2, 2, 2]],
      sum: {
        arguments: [{ axis: 1, keepDims: true, c: 1, order: { chunk: 2 } }],
        also: isAxes,
      },
      mean: { arguments: [{ axis: 1, keepDims: true }], also: isAxes },
      cumsum: { arguments: [{ axis: 1 }], also: isAxes },
      add: { arguments: [1], also: isOperand },
      mul: { arguments: [pair], also: isOperand },
      fma: { arguments: [pair, 1], also: isOperand },
    },
  },
  'a fixed-point format': { of: word, calls: { from: { arguments: [1.5], also: isBigint } } },
  'a quire': {
    of: e4m3.quire(),
    calls: Object.fromEntries(
      functionNames(e4m3.quire())
        .filter((name) => /^(add|subtract)/.test(name))
        .map((name) => [name, name.endsWith('Product') ? pair : [1]]),
    ),
  },
  'a quantiser': {
    of: q,
    calls: {
      quantize: [x, shape, { seed: 1, offset: 2, axis: 0, update: true }],
      fakeQuantize: [x, shape, undefined, { offset: 2, axis: 0 }],
      explain: [x, shape, { offset: 2 }],
      pullback: [explained, y],
      unpack: [q.quantize(x, shape).pack(), shape, { axis: 0 }],
    },
  },
  'a transform': {
    of: spread,
    calls: {
      forward: [x, shape],
      inverse: [x, shape, residue],
      pullback: [x, shape, residue, (g: unknown) => g],
    },
  },
  'a format': { of: core.formats.e4m3fn, calls: codes },
  'an integer format': { of: core.formats.int8, calls: codes },
  'a posit format': { of: core.formats.posit8, calls: codes },
  'a codebook': { of: core.formats.nf4, calls: codes },
  'a logarithmic format': {
    of: core.logarithmic({ integerBits: 4, fractionBits: 3 }),
    calls: codes,
  },
  'a matrix unit': {
    of: core.matrixUnit('volta-fp16'),
    calls: {
      multiply: [new Array(32).fill(1), new Array(32).fill(1), new Array(64).fill(1)],
      dotAdd: [pair, pair, 1],
    },
  },
};

const trainCalls: Calls = {
  bitsPerWeight: [recipe, 0],
  // A text is the name of a column.
  csvData: {
    arguments: [
      'a,1\nb,2\na,3\nb,4\na,5\nb,6\na,7\nb,8\na,9\nb,10\n',
      { label: 1, header: false, validationFraction: 0.2, name: 'a' },
    ],
    also: (path, wrong) => path.endsWith('label') && wrong === '1',
  },
  labelledData: [
    [1, 2, 3, 4, 5, 6, 7, 8],
    ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'],
    { validationFraction: 0.25 },
  ],
  modelConfig: [mlp],
  checkRecipe: [recipe],
  recipeFrom: [{ recipe: 'dqt', bits: 8 }],
  scheduleFactor: [{ kind: 'cosine', warmup: 0.1, final: 0.1 }, 3, 10],
  lossSpike: [[1, 2, 3, 4, 5, 4, 3], 3],
  strengthAt: [{ kind: 'linear', over: 0.1 }, 3, 10],
  parameterCounts: [mlp, 3, 4],
  textData: ['Call me Ishmael. '.repeat(50), { validationFraction: 0.1, name: 'a' }],
  roleTable: [recipe, mlp],
};

async function complaints(
  name: string,
  call: (...given: unknown[]) => unknown,
  given: readonly unknown[] | Call,
): Promise<string[]> {
  const { arguments: right, also = () => false } = Array.isArray(given)
    ? { arguments: given }
    : (given as Call);
  const found: string[] = [];
  const first = await errorOf(() => call(...right));
  if (first !== undefined) return [`${name}: refuses what is right: ${String(first)}`];
  for (const { path, leaf, replaced } of leavesOf(right))
    for (const wrong of wrongLeaves(path, leaf)) {
      const place = path.join('.');
      if (also(place, wrong)) continue;
      const error = await errorOf(() => call(...(replaced(wrong) as unknown[])));
      const words = `${Object.prototype.toString.call(wrong)} ${typeof wrong === 'string' ? `'${wrong}'` : ''}`;
      if (error === undefined) found.push(`${name}: accepts ${words} at ${place}`);
      else if (!(error instanceof ArgumentError) || error.argument === '')
        found.push(`${name}: ${words} at ${place} gives ${String(error)}`);
    }
  return found;
}

type Callable = Record<string, (...given: unknown[]) => unknown>;

describe('the library', () => {
  for (const [name, given] of Object.entries(coreCalls))
    test(name, async () =>
      expect(await complaints(name, (core as unknown as Callable)[name]!, given)).toEqual([]),
    );
});
for (const [owner, { of, calls }] of Object.entries(methods))
  describe(owner, () => {
    for (const [name, given] of Object.entries(calls))
      test(name, async () =>
        expect(await complaints(name, (...list) => (of as Callable)[name]!(...list), given)).toEqual([]),
      );
  });
describe('linear algebra', () => {
  for (const [name, given] of Object.entries(linalgCalls))
    test(name, async () =>
      expect(await complaints(name, (linalg as unknown as Callable)[name]!, given)).toEqual([]),
    );
});
describe('training', () => {
  for (const [name, given] of Object.entries(trainCalls))
    test(name, async () =>
      expect(await complaints(name, (train as unknown as Callable)[name]!, given)).toEqual([]),
    );
});
