/**
 * Operations against vectors of SoftFloat (values and exception flags), of exact integer arithmetic, stochastic modes included,
 * and of SoftPosit. Every set of these kinds that is at hand is tested, whichever its format and operation.
 */
import { describe, expect, it } from 'vitest';
import type { Flags, OperationName } from '../../src/arithmetic/index.ts';
import { type Code, type Format, toFormat } from '../../src/formats/index.ts';
import { type Arithmetic, type ArithmeticOptions, arithmetic } from '../../src/operations/arithmetic.ts';
import type { RoundingMode, StochasticVariant } from '../../src/rounding/index.ts';
import { column, families, type GoldenSet, hasGolden, loadGolden, setsOf } from './load.ts';

const operationNames: Readonly<Record<string, OperationName>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  div: 'div',
  sqrt: 'sqrt',
  mulAdd: 'fma',
};

const modes: Readonly<Record<string, RoundingMode>> = {
  rne: 'nearest-even',
  rz: 'toward-zero',
  ru: 'toward-positive',
  rd: 'toward-negative',
  rna: 'nearest-away',
  odd: 'to-odd',
};

function known<T>(table: Readonly<Record<string, T>>, key: string): T {
  const found = table[key];
  if (found === undefined) throw new Error(`golden set: unknown ${key}`);
  return found;
}

type Codes = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

function decodeAll(codes: Codes, format: Format): Float64Array {
  return Float64Array.from({ length: codes.length }, (_, i) => format.decode(codes[i] as Code));
}

/** The operands of each case, one array an operand. */
function operandsOf(codes: Codes, arity: number, format: Format): Float64Array[] {
  const values = decodeAll(codes, format);
  const count = values.length / arity;
  return Array.from({ length: arity }, (_, j) =>
    Float64Array.from({ length: count }, (_, i) => values[i * arity + j]!),
  );
}

/** The operation as a function of its operands. */
function call(object: Arithmetic, name: OperationName, operands: readonly number[]): number {
  const [a = 0, b = 0, c = 0] = operands;
  if (name === 'sqrt') return object.sqrt(a);
  return name === 'fma' ? object.fma(a, b, c) : object[name](a, b);
}

function callOnArrays(
  object: Arithmetic,
  name: OperationName,
  operands: readonly Float64Array[],
): Float64Array {
  const [a, b, c] = operands as [Float64Array, Float64Array, Float64Array];
  if (name === 'sqrt') return object.sqrt(a);
  return name === 'fma' ? object.fma(a, b, c) : object[name](a, b);
}

/** SoftFloat's bits. */
function flagBits({ inexact, underflow, overflow, divideByZero, invalid }: Readonly<Flags>): number {
  return inexact + 2 * underflow + 4 * overflow + 8 * divideByZero + 16 * invalid;
}

class Mismatches {
  cases = 0;
  readonly wrong: string[] = [];

  note(actual: number, expected: number, words: () => string): void {
    this.cases++;
    if (!Object.is(actual, expected) && this.wrong.length < 10)
      this.wrong.push(`${words()}: ${actual}, expected ${expected}`);
  }
}

/** Compares one column of results: numbers one by one, with their flags where there are any, and as arrays. */
function compare(
  format: Format,
  name: OperationName,
  options: ArithmeticOptions,
  operands: readonly Float64Array[],
  expected: (i: number) => number,
  flags: ((i: number) => number | undefined) | undefined,
  result: Mismatches,
): void {
  const object = arithmetic(format, { ...options, flags: flags !== undefined });
  const arrays = callOnArrays(arithmetic(format, options), name, operands);
  for (let i = 0; i < arrays.length; i++) {
    const tuple = operands.map((x) => x[i]!);
    const words = (): string =>
      `${format.name} ${name} of ${tuple.join(' ')}, ${JSON.stringify({ ...options, random: options.random?.[i] })}`;
    object.clearFlags();
    result.note(call(object, name, tuple), expected(i), words);
    result.note(arrays[i]!, expected(i), () => `${words()} in an array`);
    const raised = flags?.(i);
    if (raised !== undefined) result.note(flagBits(object.flags!), raised, () => `${words()} flags`);
  }
}

/** A NaN whose quiet bit is 0; SoftFloat raises invalid for it, and numbers cannot carry the bit. */
function isSignalling(code: Code, format: Format): boolean {
  if (format.kind !== 'float' || !Number.isNaN(format.decode(code))) return false;
  return ((BigInt(code) >> BigInt(format.mantissaBits - 1)) & 1n) === 0n;
}

interface ArithmeticSet {
  readonly format: Format;
  readonly operation: OperationName;
  readonly operands: readonly Float64Array[];
  readonly set: GoldenSet;
  readonly columns: readonly string[];
  readonly expected: (i: number, c: number) => number;
}

function openSet(name: string, [formatName, operationName]: readonly string[]): ArithmeticSet {
  const set = loadGolden(name);
  const format = toFormat(formatName!.toLowerCase());
  const operation = known(operationNames, operationName!);
  const columns = set.header.rounding!;
  const z = column<Codes>(set, 'z');
  const codes = column<Codes>(set, 'operands');
  const arity = codes.length / (z.length / columns.length);
  return {
    format,
    operation,
    operands: operandsOf(codes, arity, format),
    set,
    columns,
    expected: (i, c) => format.decode(z[i * columns.length + c]! as Code),
  };
}

describe.each(setsOf(families.operations))('operations: $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('every mode, with flags where the source has them', () => {
    const { format, operation, operands, set, columns, expected } = openSet(name, parts);
    const raised = set.columns.has('flags') ? column<Uint8Array>(set, 'flags') : undefined;
    const codes = column<Codes>(set, 'operands');
    const arity = operands.length;
    const hasSignalling = Array.from({ length: operands[0]!.length }, (_, i) =>
      [...codes.subarray(i * arity, (i + 1) * arity)].some((code) => isSignalling(code, format)),
    );
    const result = new Mismatches();
    columns.forEach((label, c) => {
      const [mode, saturation] = label.split('_');
      const options: ArithmeticOptions = {
        rounding: known(modes, mode!),
        saturation: saturation === 'sat' ? 'finite' : 'none',
      };
      const flags = (i: number): number | undefined =>
        hasSignalling[i] ? undefined : raised![i * columns.length + c];
      compare(format, operation, options, operands, (i) => expected(i, c), raised && flags, result);
    });
    expect(result.wrong).toEqual([]);
    const count = operands[0]!.length * columns.length;
    const flagged = hasSignalling.filter((is) => !is).length * columns.length;
    expect(result.cases).toBe(2 * count + (raised === undefined ? 0 : flagged));
  });
});

describe.each(setsOf(families.stochasticOperations))(
  'stochastic operations: $set',
  ({ set: name, parts }) => {
    it.runIf(hasGolden(name))('variants A, B and C with given random integers', () => {
      const { format, operation, operands, set, columns, expected } = openSet(name, parts);
      const result = new Mismatches();
      columns.forEach((label, c) => {
        const [variant, bits] = label.split('_N') as [StochasticVariant, string];
        const random = Uint32Array.from(column<Uint8Array | Uint16Array | Uint32Array>(set, `R_N${bits}`));
        const options = { rounding: 'stochastic', variant, randomBits: Number(bits), random } as const;
        compare(format, operation, options, operands, (i) => expected(i, c), undefined, result);
      });
      expect(result.wrong).toEqual([]);
      expect(columns.length).toBeGreaterThan(0);
      expect(result.cases).toBe(2 * operands[0]!.length * columns.length);
    });
  },
);

describe.each(setsOf(families.posit))('SoftPosit operations: $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('every operation of the set', () => {
    const set = loadGolden(name);
    const format = toFormat(`posit(${parts[0]},${parts[1]})`);
    const found = Object.keys(operationNames).filter((key) => set.columns.has(`${key}_ref`));
    const result = new Mismatches();
    let count = 0;
    for (const key of found) {
      const codes = column<Codes>(set, `${key}_ref`);
      const given = column<Codes>(set, `${key}_operands`);
      const operands = operandsOf(given, given.length / codes.length, format);
      const expected = (i: number): number => format.decode(codes[i]! as Code);
      compare(format, known(operationNames, key), {}, operands, expected, undefined, result);
      count += codes.length;
    }
    expect(result.wrong).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
    expect(result.cases).toBe(2 * count);
  });
});
