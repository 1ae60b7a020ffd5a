/**
 * The kernels that operate and round in one loop agree with the scalar reference on every bit: stochastic sums, products and fused
 * multiply-adds, directed sums, quotients and roots, fused multiply-adds to nearest even, sums and products to nearest even of operands
 * that are checked. Each case asserts that it has such a kernel, and each array has elements for which that kernel gives up its chunk.
 */
import { describe, expect, it } from 'vitest';
import { operate, operationOf, planOperations } from '../../src/arithmetic/operations.ts';
import type { FloatFormat } from '../../src/formats/format.ts';
import { toFormat } from '../../src/formats/index.ts';
import { operateArray } from '../../src/kernels/arithmetic/operation-arrays.ts';
import { type OperationName, planOperation } from '../../src/kernels/arithmetic/operation-plan.ts';
import { allocateFloat32, release } from '../../src/kernels/heap.ts';
import {
  drawIntegers,
  isStochastic,
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
  roundArrayReference,
} from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';

const directions = ['toward-zero', 'away-from-zero', 'toward-positive', 'toward-negative'] as const;

function floatNamed(name: string): FloatFormat {
  const format = toFormat(name);
  if (format.kind !== 'float') throw new Error(`${name} is no float format`);
  return format;
}

function isSinglePass(
  operation: OperationName,
  format: FloatFormat,
  options: ResolvedRounding,
  areMembers: boolean,
): boolean {
  const plan = planOperation('float32', operation, format, options);
  return (areMembers ? plan?.single : plan?.checking) !== undefined;
}

/** Compares kernel and reference, of operands known to be members or checked; the message names the first wrong element. */
function compare(
  operation: OperationName,
  operands: readonly Float32Array[],
  format: FloatFormat,
  options: ResolvedRounding,
  out: Float32Array = new Float32Array(operands[0]!.length),
  areMembers = true,
): void {
  expect(isSinglePass(operation, format, options, areMembers), `${operation} in ${format.name}`).toBe(true);
  const { length } = out;
  const scalarPlan = planOperations(format, options);
  const chosen = operationOf(operation);
  const scalar = (a: number, b: number, c: number, random: number): number =>
    operate(chosen, a, b, c, scalarPlan, random);
  const random = isStochastic(options.rounding)
    ? (options.random ?? drawIntegers(length, options))
    : undefined;
  const expected = new Float32Array(length);
  const [a, b, c] = operands;
  for (let i = 0; i < length; i++) expected[i] = scalar(a![i]!, b?.[i] ?? 0, c?.[i] ?? 0, random?.[i] ?? 0);
  const given = operands.map((x) => x.slice());
  expect(operateArray(operation, operands, out, format, options, 1, scalar, areMembers)).toBe(true);
  const wrong = firstDifference(out, expected, given[0]!);
  const inputs = wrong && given.map((x) => x[wrong.index]).join(', ');
  const { rounding, saturation, randomBits } = options;
  expect(
    wrong,
    `${operation} in ${format.name}, ${rounding} ${randomBits} ${saturation}: ${inputs}; ${random?.[wrong?.index ?? 0]}`,
  ).toBeUndefined();
}

/** Uniform integers below 2^32. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    // Two steps: the low bits of one alone have short periods.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const high = state >>> 16;
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((high << 16) | (state >>> 16)) >>> 0;
  };
}

/** Numbers of a format: over few binades, over all, near the ends, any of its bit patterns; one in `rarity` is special. */
function members(
  format: FloatFormat,
  kind: number,
  length: number,
  rarity: number,
  seed: number,
): Float32Array {
  const next = uniform(seed);
  const { emin, emax, max, minNormal, minSubnormal } = format;
  const special = [0, -0, max, -max, minNormal, -minSubnormal, Infinity, -Infinity, Number.NaN, 1];
  const x = new Float32Array(length).map(() => {
    const fraction = next() / 2 ** 31 - 1;
    const u = next() / 2 ** 32;
    if (next() % rarity === 0) return special[next() % special.length]!;
    if (kind === 0) return fraction * 2 ** (Math.floor(u * 21) - 10);
    if (kind === 1) return fraction * 2 ** Math.floor(emin - 4 + u * (emax - emin + 5));
    if (kind === 2) return fraction * 2 ** Math.floor(emin - 3 + u * 8);
    return fraction * max;
  });
  roundArrayReference(x, x, format, resolveRounding(format, { saturation: 'propagate' }));
  return x;
}

/** Operands, a third of which make sums that nearly cancel. */
function operandsOf(
  operation: OperationName,
  format: FloatFormat,
  kind: number,
  rarity: number,
  length = 3000 + kind,
): Float32Array[] {
  const operands = [1, 2, 3].map((seed) => members(format, kind, length, rarity, seed + 10 * kind));
  const [a, b, c] = operands;
  for (let i = 0; i < length; i += 3) {
    if (operation === 'fma') c![i] = -a![i]! * b![i]!;
    else if (operation === 'add') b![i] = -a![i]! * (1 + i * 2 ** -14);
    else if (operation === 'sub') b![i] = a![i]! * (1 + i * 2 ** -14);
  }
  const finite = resolveRounding(format, { saturation: 'finite' });
  for (const x of [b!, c!])
    for (let i = 0; i < length; i += 3)
      if (Number.isFinite(x[i]))
        roundArrayReference(x.subarray(i, i + 1), x.subarray(i, i + 1), format, finite);
  return operands.slice(0, operationOf(operation).arity);
}

const everyN = Array.from({ length: 32 }, (_, i) => i + 1);

describe('pairs of float(8,1), stochastic, every number of random bits', () => {
  const format = floatNamed('float(8,1)');
  // Every third code against every third but one: all binades, both signs, infinities and NaN.
  const values = Array.from({ length: 341 }, (_, i) => format.decode(3 * i));
  const others = Array.from({ length: 341 }, (_, i) => format.decode(3 * i + 1));
  const a = Float32Array.from({ length: 341 * 341 }, (_, i) => values[Math.floor(i / 341)]!);
  const b = Float32Array.from({ length: 341 * 341 }, (_, i) => others[i % 341]!);
  it.each(['add', 'sub'] as const)('%s', (operation) => {
    for (const randomBits of everyN)
      for (const saturation of randomBits % 8 === 0 ? (['none', 'finite'] as const) : (['none'] as const))
        compare(
          operation,
          [a, b],
          format,
          resolveRounding(format, { rounding: 'stochastic', randomBits, saturation, seed: randomBits }),
        );
  });
});

/** No tail, the shortest one, and long ones; the ends of the random integers' range come from supplied ones. */
const drawn: readonly RoundOptions[] = [1, 8, 12, 13, 14, 16, 17, 24, 32].map((randomBits) => ({
  rounding: 'stochastic',
  randomBits,
  seed: 3,
  offset: 5,
}));

const wide = ['bfloat16', 'tf32', 'float(8,3)', 'float(8,11)'];
const narrow = [
  'binary16',
  'e5m2',
  'float(6,9)',
  'float(7,12)',
  'float(3,14)',
  'float(7,7,bias=2)',
  'float(7,7,bias=125)',
];

/** Those whose products are no binary32 numbers. */
const long = ['float(7,12)', 'float(3,14)', 'float(7,7,bias=2)', 'float(7,7,bias=125)'];

describe('stochastic sums and fused multiply-adds', () => {
  for (const name of [...wide, ...narrow])
    for (const operation of long.includes(name)
      ? (['add', 'sub'] as const)
      : (['add', 'sub', 'fma'] as const))
      it(`${operation} in ${name}`, () => {
        const format = floatNamed(name);
        for (const kind of [0, 1, 2, 3])
          for (const rarity of [7, 2 ** 20])
            for (const [i, given] of drawn.entries()) {
              const saturation = i % 3 === 1 ? 'finite' : 'none';
              const operands = operandsOf(operation, format, kind, rarity, 1200 + kind);
              compare(operation, operands, format, resolveRounding(format, { ...given, saturation }));
            }
      });
});

describe('random integers at the ends of their range', () => {
  for (const [name, operations] of [
    ['binary16', ['add', 'fma']],
    ['tf32', ['add', 'fma']],
    ['bfloat16', ['add', 'mul', 'fma']],
  ] as const)
    for (const operation of operations)
      it(`${operation} in ${name}`, () => {
        const format = floatNamed(name);
        const some = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffff0000, 0xffffffff];
        for (const kind of [0, 1, 2, 3]) {
          const operands = operandsOf(operation, format, kind, 2 ** 20);
          const random = Uint32Array.from(operands[0]!, (_, i) => some[i % some.length]!);
          compare(operation, operands, format, resolveRounding(format, { rounding: 'stochastic', random }));
        }
      });
});

describe('sums just below a power of two, next to the random integer that carries', () => {
  for (const name of ['binary16', 'bfloat16', 'tf32'])
    it(name, () => {
      const format = floatNamed(name);
      // In the last bit's worth below 2^10 of binary32, 2^-14, the sum is 2^10 less `part`; and N - (24 - p) bits are below it.
      const below = 2 ** (8 + format.precision);
      const a: number[] = [];
      const b: number[] = [];
      const integers: number[] = [];
      for (const sign of [1, -1])
        for (const part of [1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8, 1 / 64])
          for (const bound of [part * below, (part * below) / 2, part * 2 * below])
            for (const step of [-1, 0, 1]) {
              a.push(sign * 2 ** 10);
              b.push(-sign * part * 2 ** -14);
              integers.push(bound + step);
            }
      const random = Uint32Array.from(integers);
      const options = resolveRounding(format, { rounding: 'stochastic', random });
      const operands = [Float32Array.from(a), Float32Array.from(b)];
      compare('add', operands, format, options);
      compare('fma', [operands[0]!, new Float32Array(a.length).fill(1), operands[1]!], format, options);
    });
});

describe('stochastic products of formats with the exponents of binary32', () => {
  for (const name of ['bfloat16', 'tf32', 'float(8,3)', 'float(8,11)'])
    it(name, () => {
      const format = floatNamed(name);
      for (const kind of [0, 1, 2, 3])
        for (const rarity of [7, 2 ** 20])
          for (const [i, given] of drawn.entries()) {
            const saturation = i % 2 === 1 ? 'finite' : 'none';
            const operands = operandsOf('mul', format, kind, rarity, 1200 + kind);
            compare('mul', operands, format, resolveRounding(format, { ...given, saturation }));
          }
    });
});

describe('directed results of formats with the exponents of binary32', () => {
  for (const name of ['bfloat16', 'tf32', 'float(8,1)', 'float(8,11)'])
    for (const operation of ['add', 'sub', 'div', 'sqrt'] as const)
      it(`${operation} in ${name}`, () => {
        const format = floatNamed(name);
        for (const kind of [0, 1, 2, 3])
          for (const rarity of [7, 2 ** 20])
            for (const rounding of directions)
              for (const saturation of ['none', 'finite'] as const) {
                const operands = operandsOf(operation, format, kind, rarity);
                compare(operation, operands, format, resolveRounding(format, { rounding, saturation }));
              }
      });
});

describe('every square root of bfloat16', () => {
  it.each(directions)('%s', (rounding) => {
    const format = floatNamed('bfloat16');
    const x = new Float32Array(Uint32Array.from({ length: 65536 }, (_, i) => i << 16).buffer);
    for (const saturation of ['none', 'finite'] as const)
      compare('sqrt', [x], format, resolveRounding(format, { rounding, saturation }));
  });
});

describe('sums and products to nearest even of operands that are checked', () => {
  const both = ['bfloat16', 'float(8,3)', 'binary16', 'e5m2', 'e4m3fn', 'float(5,9,fn)', 'float(2,1,fn)'];
  for (const name of [...both, 'tf32'])
    for (const operation of name === 'tf32' ? (['add', 'sub'] as const) : (['add', 'sub', 'mul'] as const))
      it(`${operation} in ${name}`, () => {
        const format = floatNamed(name);
        for (const kind of [0, 1, 2, 3])
          for (const rarity of [7, 2 ** 20])
            for (const saturation of ['none', 'finite'] as const) {
              const operands = operandsOf(operation, format, kind, rarity, 2000 + kind);
              const options = resolveRounding(format, { saturation });
              compare(operation, operands, format, options, new Float32Array(2000 + kind), false);
            }
      });
});

describe('exact results are not moved', () => {
  it.each(['add', 'sub', 'mul', 'fma'] as const)('%s in bfloat16', (operation) => {
    const format = floatNamed('bfloat16');
    // Products below 2^8 of integers below 2^4, and multiples of one power of two.
    const next = uniform(9);
    const operands = [16, 16, 16].map((below) =>
      new Float32Array(5000).map((_, i) => ((next() % (2 * below)) - below) * 2 ** ((i % 40) - 20)),
    );
    if (operation === 'fma') operands[2] = operands[0]!.map((x, i) => x * 2 ** ((i % 40) - 20));
    const some = operands.slice(0, operationOf(operation).arity);
    const random = new Uint32Array(5000).fill(0xffffffff);
    const options = resolveRounding(format, { rounding: 'stochastic', random });
    compare(operation, some, format, options);
  });
});

describe('fused multiply-adds to nearest even', () => {
  for (const name of [...wide, 'binary16', 'e5m2', 'e4m3fn', 'float(5,9,fn)'])
    it.each([true, false])(`${name}, operands known to be members: %s`, (areMembers) => {
      const format = floatNamed(name);
      for (const kind of [0, 1, 2, 3])
        for (const rarity of [7, 2 ** 20])
          for (const saturation of ['none', 'finite'] as const) {
            const operands = operandsOf('fma', format, kind, rarity);
            const options = resolveRounding(format, { saturation });
            compare('fma', operands, format, options, new Float32Array(operands[0]!.length), areMembers);
          }
    });

  it('keeps the sign of a product that is too small for binary32', () => {
    const format = floatNamed('bfloat16');
    const operands = [
      Float32Array.of(2 ** -100, 2 ** -100, 2 ** -100, 0, 2 ** -100, -(2 ** -100)),
      Float32Array.of(-(2 ** -100), -(2 ** -100), 2 ** -100, -1, -0, -(2 ** -100)),
      Float32Array.of(0, -0, -0, 0, 0, -0),
    ];
    const out = new Float32Array(6);
    compare('fma', operands, format, resolveRounding(format), out);
    expect(Array.from(out, (x) => Object.is(x, -0))).toEqual([true, true, false, false, false, false]);
  });
});

describe('a result that is an operand', () => {
  const cases: readonly (readonly [string, OperationName, RoundOptions])[] = [
    ['bfloat16', 'add', { rounding: 'stochastic', seed: 1 }],
    ['bfloat16', 'add', { rounding: 'toward-negative' }],
    ['tf32', 'fma', { rounding: 'stochastic', randomBits: 8 }],
    ['binary16', 'fma', { rounding: 'stochastic', randomBits: 8 }],
    ['binary16', 'fma', {}],
    ['bfloat16', 'fma', {}],
    ['bfloat16', 'div', { rounding: 'toward-positive' }],
  ];
  for (const [name, operation, given] of cases)
    it(`${operation} in ${name}, ${JSON.stringify(given)}`, () => {
      const format = floatNamed(name);
      // Chunks with special numbers, which are done anew, and chunks without.
      const operands = operandsOf(operation, format, 0, 4000, 20_001).map((x) => {
        const copy = allocateFloat32(x.length);
        copy.set(x);
        return copy;
      });
      compare(operation, operands, format, resolveRounding(format, given), operands.at(-1)!);
      for (const x of operands) release(x);
    });
});
