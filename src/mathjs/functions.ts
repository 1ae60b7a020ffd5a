/**
 * Functions of mathjs that compute in binary64 whatever its numbers are, or count in numbers of the format where they must not:
 * made anew on the format's operations.
 */
import type { Complex, Matrix } from 'mathjs';
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { addReals, exactSum, multiplyReals } from '../arithmetic/exact.ts';
import { compareReal, type Real, toReal } from '../arithmetic/real.ts';
import { ArgumentError } from '../errors.ts';
import { eigsSignatures } from './eigenvalues.ts';
import {
  type AnyFunction,
  changed,
  type Factory,
  forCollections,
  type Signatures,
  type Typed,
} from './factories.ts';
import { fourierSignatures } from './fourier.ts';
import { extendedGcd } from './integers.ts';
import type { Rounder } from './rounder.ts';

type Numbers = readonly (number | Numbers)[];

/** What a factory is given, as far as this file uses it. */
interface Needs {
  readonly typed: Typed;
  readonly config: { readonly matrix: 'Matrix' | 'Array'; readonly relTol: number };
  readonly matrix: (x: unknown) => Matrix;
}

/** Length beyond which there is no array. */
const longestArray = 2 ** 32 - 1;

/** An array or matrix as `config` has it. */
function collection({ config, matrix }: Needs, values: readonly unknown[]): unknown {
  return config.matrix === 'Matrix' ? matrix(values) : values;
}

function deepMap(values: Numbers, f: (x: number) => number): Numbers {
  return values.map((value) => (typeof value === 'number' ? f(value) : deepMap(value, f)));
}

/** f of every number of an array or a matrix, or of a number. */
function mapNumbers(value: unknown, f: (x: number) => number): unknown {
  if (typeof value === 'number') return f(value);
  if (Array.isArray(value)) return deepMap(value as Numbers, f);
  const matrix = value as Matrix & { create(data: unknown, type: string): Matrix };
  return matrix.create(deepMap(matrix.toArray() as Numbers, f), 'number');
}

/** start, start + step, ... up to end: each as if computed exactly and rounded once, so that none repeats for want of digits. */
function range(
  { operand, real }: Rounder,
  start: number,
  end: number,
  step: number,
  withEnd: boolean,
): number[] {
  const [from, to, by] = [operand(start), operand(end), operand(step)];
  if (by === 0) throw new ArgumentError('step', step, 'a number that is not 0 in the format');
  const length = Math.max((to - from) / by, 0);
  if (!(length < longestArray)) throw new ArgumentError('end', end, `at most ${longestArray} elements`);
  const values: number[] = [];
  const increment = toReal(by);
  for (let place: Real = toReal(from); ; place = addReals(place, increment)) {
    const side = compareReal(place, to) * Math.sign(by);
    if (side > 0 || (side === 0 && !withEnd)) return values;
    values.push(real(place));
  }
}

/** The signatures of range, of numbers and texts; `endIsIn` where they do not say. */
function rangeSignatures(needs: Needs, rounder: Rounder, endIsIn: boolean): Signatures {
  const make = (start: number, end: number, step = 1, withEnd = endIsIn): unknown =>
    collection(needs, range(rounder, start, end, step, withEnd));
  const parse = (text: string, withEnd = endIsIn): unknown => {
    const parts = text.split(':').map(Number);
    if (parts.length < 2 || parts.length > 3 || parts.some(Number.isNaN))
      throw new ArgumentError('range', text, 'start:end or start:step:end');
    const [start, step, end] =
      parts.length === 2 ? [parts[0]!, 1, parts[1]!] : (parts as [number, number, number]);
    return make(start, end, step, withEnd);
  };
  return {
    'number,number': (start: number, end: number) => make(start, end),
    'number,number,number': (start: number, end: number, step: number) => make(start, end, step),
    'number,number,boolean': (start: number, end: number, withEnd: boolean) => make(start, end, 1, withEnd),
    'number,number,number,boolean': make,
    string: (text: string) => parse(text),
    'string,boolean': parse,
  };
}

/** min + u (max - min), u uniform in [0, 1), rounded down, so that max does not occur. */
function randomSignatures(uniform: AnyFunction, { operand, below }: Rounder): Signatures {
  const draw = uniform as (size?: unknown) => unknown;
  const place = (u: number, min: number, max: number): number => {
    const [low, high] = [operand(min), operand(max)];
    if (!Number.isFinite(low) || !Number.isFinite(high))
      throw new ArgumentError('random', `${min}, ${max}`, 'finite numbers of the format');
    return below(addReals(toReal(low), multiplyReals(toReal(u), exactSum(high, -low))));
  };
  const many = (size: unknown, min: number, max: number): unknown =>
    mapNumbers(draw(size), (u) => place(u, min, max));
  return {
    '': () => place((draw as () => number)(), 0, 1),
    number: (max: number) => place((draw as () => number)(), 0, max),
    'number,number': (min: number, max: number) => place((draw as () => number)(), min, max),
    ...forCollections({
      '': (size: unknown) => many(size, 0, 1),
      ',number': (size: unknown, max: number) => many(size, 0, max),
      ',number,number': many,
    }),
  };
}

/** Integers of [min, max), the greatest number of the format that is not above each. */
function randomIntegerSignatures(integers: AnyFunction, { operand, below }: Rounder): Signatures {
  const draw = integers as (...x: unknown[]) => unknown;
  const within = (size: readonly unknown[], ...ends: number[]): unknown => {
    const inFormat = ends.map(operand);
    if (!inFormat.every(Number.isFinite))
      throw new ArgumentError('randomInt', ends.join(', '), 'finite numbers of the format');
    return mapNumbers(draw(...size, ...inFormat), (x) => below(toReal(x)));
  };
  return {
    '': () => within([]),
    number: (max: number) => within([], max),
    'number,number': (min: number, max: number) => within([], min, max),
    ...forCollections({
      '': (size: unknown) => within([size]),
      ',number': (size: unknown, max: number) => within([size], max),
      ',number,number': (size: unknown, min: number, max: number) => within([size], min, max),
    }),
  };
}

/** The greatest common divisor and the two factors, of integers of any size. */
function extendedGcdSignatures(
  original: AnyFunction,
  needs: Needs,
  { operand, integer }: Rounder,
): Signatures {
  return {
    'number,number': (x: number, y: number) => {
      const [a, b] = [operand(x), operand(y)];
      // mathjs says what is wrong with other numbers.
      if (!Number.isInteger(a) || !Number.isInteger(b))
        return (original as (...x: number[]) => unknown)(a, b);
      return collection(needs, extendedGcd(BigInt(a), BigInt(b)).map(integer));
    },
  };
}

type Scalar = (...x: unknown[]) => unknown;

/** The transfer function of a digital filter: sum b[j] e^(-ijw) over sum a[j] e^(-ijw), at angles w. */
function freqzSignatures(
  { operand }: Rounder,
  needs: Needs & Record<'add' | 'multiply' | 'divide' | 'cos' | 'sin' | 'pi' | 'Complex', unknown>,
): Signatures {
  const { add, multiply, divide, cos, sin, pi } = needs as unknown as Record<string, Scalar>;
  const Made = needs.Complex as new (re: unknown, im: unknown) => Complex;
  const polynomial = (coefficients: readonly unknown[], w: unknown): unknown =>
    coefficients.reduce((sum, coefficient, j) => {
      const angle = multiply!(-j, w);
      return add!(sum, multiply!(coefficient, new Made(cos!(angle), sin!(angle))));
    }, new Made(0, 0));
  const angles = (count: number): unknown[] =>
    Array.from({ length: count }, (_, i) => multiply!(divide!(i, count), pi));
  const response = (b: unknown, a: unknown, given: unknown): object => {
    if (typeof given === 'number' && !(given >= 0 && Number.isInteger(given)))
      throw new ArgumentError('w', given, 'a number of angles');
    const [x, y, w] = [b, a, given].map((list) => (list as { valueOf(): unknown }).valueOf()) as [
      unknown[],
      unknown[],
      unknown,
    ];
    const places = typeof w === 'number' ? angles(w) : (w as number[]).map(operand);
    const h = places.map((place) => divide!(polynomial(x, place), polynomial(y, place)));
    return Array.isArray(b) ? { h, w: places } : { h: needs.matrix(h), w: needs.matrix(places) };
  };
  const signatures: Signatures = {};
  for (const kind of ['Array', 'Matrix']) {
    signatures[`${kind},${kind}`] = (b: unknown, a: unknown) => response(b, a, 512);
    signatures[`${kind},${kind},${kind}`] = response;
    signatures[`${kind},${kind},number`] = response;
  }
  return signatures;
}

/** Rotations about an axis, whose unit vector mathjs takes by division in binary64. */
function rotationSignatures(
  aboutUnitVector: AnyFunction,
  { norm }: { readonly norm: (v: unknown) => number },
  { div }: Arithmetic,
  { operand }: Rounder,
): Signatures {
  const rotate = (theta: unknown, axis: unknown, ...storage: unknown[]): unknown => {
    const length = norm(axis);
    if (length === 0) throw new ArgumentError('axis', axis, 'a vector that is not 0');
    const unitVector = mapNumbers(axis, (x) => div(operand(x), length));
    return (aboutUnitVector as (...x: unknown[]) => unknown)(theta, unitVector, ...storage);
  };
  const angles = ['number', 'Complex', 'Unit'];
  const rest = ['Array', 'Matrix', 'Array,string', 'Matrix,string'];
  return Object.fromEntries(angles.flatMap((angle) => rest.map((types) => [`${angle},${types}`, rotate])));
}

/** Signatures that a function gets in place of mathjs' own, given what it was created from. */
interface Replacement {
  readonly signatures: (original: AnyFunction, needs: never, factory: Factory) => Signatures;
  /** What they need beyond the function's own dependencies. */
  readonly needs?: readonly string[];
}

/** By the names of the functions. */
export function replacements(arithmetic: Arithmetic, rounder: Rounder): Record<string, Replacement> {
  return {
    range: { signatures: (_, needs) => rangeSignatures(needs, rounder, false) },
    random: { signatures: (original) => randomSignatures(original, rounder) },
    randomInt: { signatures: (original) => randomIntegerSignatures(original, rounder) },
    xgcd: {
      signatures: (original, needs) => extendedGcdSignatures(original, needs, rounder),
      needs: ['matrix'],
    },
    eigs: { signatures: (original, needs) => eigsSignatures(original, needs, arithmetic, rounder) },
    freqz: { signatures: (_, needs) => freqzSignatures(rounder, needs), needs: ['cos', 'sin', 'pi'] },
    fft: {
      signatures: (_, needs) => fourierSignatures(needs, rounder),
      needs: ['subtractScalar', 'Complex'],
    },
    rotationMatrix: {
      signatures: (_, needs, factory) => {
        const aboutUnitVector = factory({ ...(needs as object), norm: () => 1 }) as AnyFunction;
        return rotationSignatures(aboutUnitVector, needs, arithmetic, rounder);
      },
    },
  };
}

/** The range of an expression, whose end belongs to it. */
export function rangeInExpressions(factory: Factory, rounder: Rounder): Factory {
  return changed(factory, (original, needs) => {
    const { typed } = needs as unknown as Needs;
    return typed('range', {
      ...rangeSignatures(needs as unknown as Needs, rounder, true),
      '...any': (args: unknown[]) => (original as (...args: unknown[]) => unknown)(...args),
    } as Signatures);
  });
}
