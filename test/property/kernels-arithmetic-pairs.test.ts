/**
 * The arithmetic kernels agree with the scalar reference on all pairs of 8-bit formats of several kinds, in every mode, and the
 * place of the arrays, their chunking and the number of threads do not matter.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { operate, operationOf, planOperations } from '../../src/arithmetic/operations.ts';
import type { Format } from '../../src/formats/format.ts';
import { formats, toFormat } from '../../src/formats/index.ts';
import { firstNonMember, operateArray } from '../../src/kernels/arithmetic/operation-arrays.ts';
import { type OperationName, planOperation } from '../../src/kernels/arithmetic/operation-plan.ts';
import { allocateFloat32, allocateFloat64, release } from '../../src/kernels/heap.ts';
import { startThreads, stopThreads } from '../../src/kernels/threads.ts';
import {
  drawIntegers,
  isStochastic,
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
  roundArrayReference,
  roundingModes,
} from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';

type RealArray = Float32Array | Float64Array;

afterAll(stopThreads);

const arity: Record<OperationName, number> = { add: 2, sub: 2, mul: 2, div: 2, sqrt: 1, fma: 3 };

function scalarOf(operation: OperationName, format: Format, options: ResolvedRounding) {
  const plan = planOperations(format, options);
  const chosen = operationOf(operation);
  return (a: number, b: number, c: number, random: number): number => operate(chosen, a, b, c, plan, random);
}

function reference<A extends RealArray>(
  operation: OperationName,
  operands: readonly (RealArray | number)[],
  out: A,
  format: Format,
  options: ResolvedRounding,
): A {
  const scalar = scalarOf(operation, format, options);
  const random = isStochastic(options.rounding)
    ? (options.random ?? drawIntegers(out.length, options))
    : undefined;
  for (let i = 0; i < out.length; i++) {
    const [a, b, c] = operands.map((x) => (typeof x === 'number' ? x : x[i]!));
    out[i] = scalar(a!, b ?? 0, c ?? 0, random?.[i] ?? 0);
  }
  return out;
}

function kernel(
  operation: OperationName,
  operands: readonly (RealArray | number)[],
  out: RealArray,
  format: Format,
  options: ResolvedRounding,
  threads = 1,
): boolean {
  return operateArray(
    operation,
    operands,
    out,
    format,
    options,
    threads,
    scalarOf(operation, format, options),
  );
}

/** Every number of the format, infinities and NaN included, against every other. */
function allPairs(format: Format): [Float32Array, Float32Array] {
  const values = Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
  const n = values.length;
  const a = Float32Array.from({ length: n * n }, (_, i) => values[Math.floor(i / n)]!);
  return [a, a.map((_, i) => values[i % n]!)];
}

const pairFormats = ['e4m3fn', 'e5m2', 'binary8p3se', 'e4m3fnuz', 'int8', 'posit8'];

describe('all pairs', () => {
  for (const name of pairFormats) {
    const format = toFormat(name);
    const modes = format.kind === 'posit' ? (['nearest-even', 'stochastic'] as const) : roundingModes;
    it(`${name}, in the modes ${modes.join(', ')}`, () => {
      const [a, b] = allPairs(format);
      const out = new Float32Array(a.length);
      const expected = new Float32Array(a.length);
      for (const [i, rounding] of modes.entries())
        for (const operation of ['add', 'sub', 'mul', 'div'] as const) {
          const saturation = (['none', 'finite', 'propagate'] as const)[(i + operation.length) % 3]!;
          const options = resolveRounding(format, { rounding, saturation, randomBits: 7, seed: i });
          expect(kernel(operation, [a, b], out, format, options)).toBe(true);
          reference(operation, [a, b], expected, format, options);
          const wrong = firstDifference(out, expected, a);
          const from =
            wrong && `${operation}, ${rounding}, ${saturation}: ${a[wrong.index]}, ${b[wrong.index]}`;
          expect(wrong, from).toBeUndefined();
        }
    });
  }
});

describe('fused multiply-adds of few bits, many of them ties', () => {
  for (const [name, significand] of [
    ['e5m2', 4],
    ['binary16', 32],
    ['binary16', 2048],
    ['bfloat16', 16],
    ['bfloat16', 256],
  ] as const)
    it(`${name}, significands below ${significand}`, () => {
      const format = toFormat(name);
      const options = resolveRounding(format);
      let state = 1;
      const draw = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const operand = (): Float32Array =>
        new Float32Array(50_000).map(() => (draw(2) * 2 - 1) * draw(significand) * 2 ** (draw(24) - 16));
      const operands = [operand(), operand(), operand()];
      for (const x of operands) roundArrayReference(x, x, format, resolveRounding(format));
      const expected = reference('fma', operands, new Float32Array(50_000), format, options);
      // Looked at on the way, and known to be numbers of the format: two different kernels.
      for (const areMembers of [false, true]) {
        const out = new Float32Array(50_000);
        const scalar = scalarOf('fma', format, options);
        expect(operateArray('fma', operands, out, format, options, 1, scalar, areMembers)).toBe(true);
        expect(firstDifference(out, expected, operands[0]!)).toBeUndefined();
      }
    });
});

const length = 70_003;

/** Numbers of a format over twenty binades, some special. */
function fill<A extends RealArray>(x: A, format: Format, seed: number): A {
  let state = seed;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const special = [0, -0, Number.NaN, format.max, format.hasInfinity ? -Infinity : 1][state % 97];
    x[i] = special ?? (state / 2 ** 31 - 1) * 2 ** ((state % 21) - 10);
  }
  roundArrayReference(x, x, format, resolveRounding(format, { saturation: 'propagate' }));
  return x;
}

const placed: readonly (readonly [string, OperationName, RoundOptions])[] = [
  ['binary16', 'add', {}],
  ['binary16', 'fma', {}],
  ['bfloat16', 'sub', { rounding: 'toward-negative' }],
  ['bfloat16', 'fma', {}],
  ['bfloat16', 'mul', { rounding: 'away-from-zero' }],
  ['bfloat16', 'add', { rounding: 'stochastic', seed: 3, offset: 2 ** 33 + 5 }],
  ['binary32', 'fma', { rounding: 'toward-positive' }],
  ['int16', 'mul', { saturation: 'wrap' }],
  ['posit16', 'div', {}],
  ['posit8', 'add', { rounding: 'stochastic', randomBits: 9, seed: 1 }],
  ['e4m3fn', 'sqrt', { rounding: 'stochastic-equal', randomBits: 3 }],
];

describe('the place, the chunking and the threads do not matter', () => {
  for (const [name, operation, given] of placed)
    for (const type of ['float32', 'float64'] as const)
      it(`${operation} in ${name}, ${JSON.stringify(given)}, ${type}`, async () => {
        await startThreads(2);
        const format = name === 'int16' ? toFormat('int16') : toFormat(name);
        const options = resolveRounding(format, given);
        const View = type === 'float32' ? Float32Array : Float64Array;
        const allocate = type === 'float32' ? allocateFloat32 : allocateFloat64;
        const inputs = Array.from({ length: arity[operation] }, (_, i) =>
          fill(new View(length), format, i + 1),
        );
        const expected = reference(operation, inputs, new View(length), format, options);
        const scale = inputs[0]!;

        const out = new View(length);
        expect(kernel(operation, inputs, out, format, options)).toBe(true);
        expect(firstDifference(out, expected, scale)).toBeUndefined();

        const heap = inputs.map((x) => {
          const copy = allocate(length + 1).subarray(1);
          copy.set(x);
          return copy;
        });
        const heapOut = allocate(length);
        for (const threads of [1, 2]) {
          expect(kernel(operation, heap, heapOut.fill(7), format, options, threads)).toBe(true);
          expect(firstDifference(heapOut, expected, scale)).toBeUndefined();
        }
        // In place, over the last operand.
        expect(kernel(operation, heap, heap.at(-1)!, format, options, 2)).toBe(true);
        expect(firstDifference(heap.at(-1)!, expected, scale)).toBeUndefined();

        const parts = new View(length);
        const cuts = [0, 1, 4098, 50_001, length];
        for (const [i, from] of cuts.slice(0, -1).entries()) {
          const to = cuts[i + 1]!;
          const piece = inputs.map((x) => x.subarray(from, to));
          const moved = { ...options, offset: options.offset + from };
          expect(kernel(operation, piece, parts.subarray(from, to), format, moved)).toBe(true);
        }
        expect(firstDifference(parts, expected, scale)).toBeUndefined();
        release(heapOut);
      });

  it('a number stands for an array of it, on either side', () => {
    const format = formats.binary16;
    const options = resolveRounding(format, { rounding: 'toward-negative' });
    const x = fill(new Float32Array(length), format, 9);
    const out = new Float32Array(length);
    for (const operands of [
      [x, 3],
      [0.125, x],
    ] as const) {
      expect(kernel('div', operands, out, format, options)).toBe(true);
      expect(
        firstDifference(out, reference('div', operands, new Float32Array(length), format, options), x),
      ).toBeUndefined();
    }
  });

  it('out may overlap an operand askew', () => {
    const format = formats.e5m2;
    const options = resolveRounding(format);
    const x = fill(new Float32Array(length), format, 4);
    const expected = reference(
      'add',
      [x.subarray(1), x.subarray(1)],
      new Float32Array(length - 1),
      format,
      options,
    );
    const head = x.subarray(0, length - 1);
    expect(kernel('add', [x.subarray(1), x.subarray(1)], head, format, options)).toBe(true);
    expect(firstDifference(head, expected, expected)).toBeUndefined();
  });

  it('supplied random integers', () => {
    const format = formats.e4m3fn;
    const random = Uint32Array.from({ length }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 23);
    const options = resolveRounding(format, { rounding: 'stochastic', randomBits: 9, variant: 'C', random });
    const operands = [fill(new Float32Array(length), format, 1), fill(new Float32Array(length), format, 2)];
    const out = new Float32Array(length);
    expect(kernel('add', operands, out, format, options)).toBe(true);
    const expected = reference('add', operands, new Float32Array(length), format, options);
    expect(firstDifference(out, expected, expected)).toBeUndefined();
  });
});

describe('numbers that are none of the format', () => {
  for (const [name, nonMember] of [
    ['binary16', 1 / 3],
    ['binary16', 65536],
    ['binary16', 2 ** -25],
    ['binary16', 3 * 2 ** -25],
    ['binary16', 1e-30],
    ['bfloat16', 1 + 2 ** -8],
    ['bfloat16', 2 ** -134],
    ['e4m3fn', 480],
    ['e4m3fn', Infinity],
    ['int8', 128],
    ['posit8', 1.03125],
    ['e8m0', -1],
  ] as const)
    it(`${nonMember} in ${name}`, () => {
      const format = toFormat(name);
      const options = resolveRounding(format);
      for (const at of [0, 4097, length - 1]) {
        const x = new Float32Array(length).fill(1);
        x[0] = Number.NaN;
        expect(firstNonMember(x, format)).toBe(-1);
        x[at] = nonMember;
        expect(firstNonMember(x, format)).toBe(at);
        const y = new Float32Array(length).fill(1);
        expect(kernel('mul', [x, y], new Float32Array(length), format, options)).toBe(false);
        expect(kernel('add', [y, x], new Float32Array(length), format, options)).toBe(false);
        // An operand that is written to is looked at before.
        expect(kernel('fma', [x, y, y], y, format, options)).toBe(false);
        expect(y.every((value) => value === 1)).toBe(true);
      }
    });

  it('nor is a kernel found for arrays of different types or lengths', () => {
    const format = formats.binary16;
    const options = resolveRounding(format);
    const x = new Float32Array(4);
    expect(kernel('add', [x, new Float64Array(4)], x, format, options)).toBe(false);
    expect(kernel('add', [x, new Float32Array(5)], x, format, options)).toBe(false);
    expect(kernel('add', [1, 2], x, format, options)).toBe(false);
    expect(planOperation('float32', 'add', formats.nf4, resolveRounding(formats.nf4))).toBeUndefined();
  });
});
