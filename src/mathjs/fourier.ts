/**
 * The discrete Fourier transform in a format: halves for even lengths (Cooley and Tukey, 1965), the sum itself for odd ones.
 * Every factor e^(-2 pi i j / n) is as if computed exactly and rounded once; every sum and product is the format's.
 *
 * mathjs takes the angles, and the exponents of its chirps, from operations of the format, where a count of 9 bits is no longer one.
 */
import type { BigNumber, Complex, MathJsInstance } from 'mathjs';
import { negative, type Real } from '../arithmetic/real.ts';
import { decimalValue } from './decimal.ts';
import type { AnyFunction, Signatures } from './factories.ts';
import { type Rounder, realOfInteger } from './rounder.ts';

type Nested = readonly (unknown | Nested)[];

interface Needs {
  readonly addScalar: (x: unknown, y: unknown) => unknown;
  readonly subtractScalar: (x: unknown, y: unknown) => unknown;
  readonly multiplyScalar: (x: unknown, y: unknown) => unknown;
  readonly Complex: new (re: number, im: number) => Complex;
}

/** (pi / 2) (r / n). */
const angle = (math: MathJsInstance, r: BigNumber, n: BigNumber): BigNumber =>
  math.divide(math.multiply(math.divide(math.pi, 2), r), n) as BigNumber;
const cosine = (math: MathJsInstance, r: BigNumber, n: BigNumber): BigNumber => math.cos(angle(math, r, n));
const sine = (math: MathJsInstance, r: BigNumber, n: BigNumber): BigNumber => math.sin(angle(math, r, n));

/** Cosine and sine of angles, kept for the next transform of the length. */
type Angles = Map<string, readonly [Real, Real]>;

/** Cosine and sine of (pi / 2) (r / n) for 0 <= r <= n / 2. */
function inOctant(r: number, n: number, known: Angles): readonly [Real, Real] {
  if (r === 0) return [realOfInteger(1n), realOfInteger(0n)];
  // Halves of a length have its angles.
  if (r % 2 === 0 && n % 2 === 0) return inOctant(r / 2, n / 2, known);
  const key = `${r}/${n}`;
  const kept = known.get(key);
  if (kept !== undefined) return kept;
  const pair = [decimalValue(cosine, r, n)!, decimalValue(sine, r, n)!] as const;
  known.set(key, pair);
  return pair;
}

/** Cosine and sine of 2 pi j / n for 0 <= j < n. */
function cosineAndSine(j: number, n: number, known: Angles): readonly [Real, Real] {
  const r = (4 * j) % n;
  const [near, far] = inOctant(Math.min(r, n - r), n, known);
  const [c, s] = 2 * r <= n ? [near, far] : [far, near];
  const quadrant = (4 * j - r) / n;
  if (quadrant === 0) return [c, s];
  if (quadrant === 1) return [negative(s), c];
  return quadrant === 2 ? [negative(c), negative(s)] : [s, negative(c)];
}

export function fourierSignatures(needs: Needs, { sum }: Rounder): Signatures {
  const { addScalar, subtractScalar, multiplyScalar, Complex: Made } = needs;
  const known: Angles = new Map();

  /** x e^(-2 pi i j / n). */
  function turned(x: unknown, j: number, n: number): unknown {
    const [c, s] = cosineAndSine(j, n, known);
    return multiplyScalar(x, new Made(sum(c), sum(negative(s))));
  }

  function transform(x: readonly unknown[]): unknown[] {
    const n = x.length;
    if (n <= 1) return [...x];
    if (n % 2 === 1)
      return x.map((_, k) =>
        x.map((value, j) => turned(value, (j * k) % n, n)).reduce((all, term) => addScalar(all, term)),
      );
    const [even, odd] = [0, 1].map((side) => transform(x.filter((_, j) => j % 2 === side))) as [
      unknown[],
      unknown[],
    ];
    const factors = odd.map((value, k) => turned(value, k, n));
    return [
      ...even.map((value, k) => addScalar(value, factors[k])),
      ...even.map((value, k) => subtractScalar(value, factors[k])),
    ];
  }

  /** Along the first axis. */
  function alongFirst(slices: Nested): Nested {
    if (!Array.isArray(slices[0])) return transform(slices);
    const columns = slices[0].map((_: unknown, i: number) =>
      alongFirst(slices.map((slice) => (slice as Nested)[i])),
    );
    return slices.map((_, k) => columns.map((column: Nested) => column[k]));
  }

  function alongAll(x: Nested): Nested {
    return alongFirst(Array.isArray(x[0]) ? x.map((slice) => alongAll(slice as Nested)) : x);
  }

  return {
    Array: alongAll as AnyFunction,
    Matrix: (x: { valueOf(): Nested; create(data: Nested): unknown }) => x.create(alongAll(x.valueOf())),
  };
}
