/** Operands of TensorFlow.js' kernels, drawn at random: shapes, numbers, and what both are made of. */
import fc from 'fast-check';
import { sizeOf } from '../../src/shape.ts';

export type Type = 'float32' | 'int32' | 'bool' | 'complex64' | 'string';

export interface Operand {
  readonly shape: readonly number[];
  readonly dtype: Type;
  readonly values: readonly number[] | readonly string[];
}

export type Inputs = Readonly<Record<string, Operand | readonly Operand[]>> | readonly Operand[];

/** A call of a kernel. */
export interface Drawn {
  readonly inputs: Inputs;
  readonly attrs: Readonly<Record<string, unknown>>;
}

/** Numbers where kernels and roundings have their corners. */
const corners = [0, -0, 1, -1, 0.5, 2, 1e-3, -3.3, 448, 1e5, 1e-8, Infinity, -Infinity, Number.NaN];

const number = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -8, max: 8, noNaN: true }).map(Math.fround) },
  { weight: 1, arbitrary: fc.constantFrom(...corners) },
);
const positive = fc.double({ min: 0.01, max: 8, noNaN: true }).map(Math.fround);
/**
 * Quarters up to 75, without 0: rounded to few bits, sums of up to 64 products of theirs are exact in binary32 in any order, and
 * no sum that begins at +0 differs from one that does not in the sign of a zero.
 */
const quarter = fc.integer({ min: 0, max: 599 }).map((n) => (n < 300 ? n - 300 : n - 299) / 4);

/** Draws one value after the other. */
export class Draws {
  readonly #next: fc.GeneratorValue;

  constructor(next: fc.GeneratorValue) {
    this.#next = next;
  }

  int(min: number, max: number): number {
    return this.#next(fc.integer, { min, max });
  }

  bool(): boolean {
    return this.#next(fc.boolean);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!;
  }

  shape(minRank: number, maxRank: number, most = 4): number[] {
    return Array.from({ length: this.int(minRank, maxRank) }, () => this.int(1, most));
  }

  /** A permutation of 0 to n - 1. */
  order(n: number): number[] {
    const rest = Array.from({ length: n }, (_, i) => i);
    return Array.from({ length: n }, () => rest.splice(this.int(0, rest.length - 1), 1)[0]!);
  }

  /** Some axes of a shape, one at least where there is one. */
  axes(rank: number): number[] {
    return this.order(rank)
      .slice(0, rank === 0 ? 0 : this.int(1, rank))
      .sort((a, b) => a - b);
  }

  #of(shape: readonly number[], dtype: Type, one: fc.Arbitrary<number>): Operand {
    const length = sizeOf(shape);
    const values = this.#next(() => fc.array(one, { minLength: length, maxLength: length, size: 'max' }));
    return { shape, dtype, values };
  }

  floats(shape: readonly number[]): Operand {
    return this.#of(shape, 'float32', number);
  }

  positives(shape: readonly number[]): Operand {
    return this.#of(shape, 'float32', positive);
  }

  /** Numbers whose products have exact sums. */
  exact(shape: readonly number[]): Operand {
    return this.#of(shape, 'float32', quarter);
  }

  ints(shape: readonly number[], min = -300, max = 300): Operand {
    return this.#of(shape, 'int32', fc.integer({ min, max }));
  }

  bools(shape: readonly number[]): Operand {
    return this.#of(shape, 'bool', fc.integer({ min: 0, max: 1 }));
  }

  /** Of any type that moves. */
  any(shape: readonly number[]): Operand {
    return this.pick([() => this.floats(shape), () => this.ints(shape), () => this.bools(shape)])();
  }

  numbers(shape: readonly number[]): Operand {
    return this.bool() ? this.floats(shape) : this.ints(shape);
  }

  /** A shape that broadcasts to another one. */
  broadcast(shape: readonly number[]): number[] {
    return shape.slice(this.int(0, shape.length)).map((length) => (this.int(0, 3) === 0 ? 1 : length));
  }
}

/** A tensor of these values. */
export function operand(shape: readonly number[], dtype: Type, values: Operand['values']): Operand {
  return { shape, dtype, values };
}

/** Calls that a function draws. */
export function calls(draw: (draws: Draws) => Drawn): fc.Arbitrary<Drawn> {
  return fc.gen().map((next) => draw(new Draws(next)));
}
