/**
 * Functions of integers whose values are integers or ratios of integers: the exact value in big integers, rounded once.
 */
import type { MathJsInstance } from 'mathjs';
import { ArgumentError } from '../errors.ts';
import type { Signatures } from './factories.ts';
import type { Rounder } from './rounder.ts';

/** Beyond every format's largest number and every number that rounds to it: what is as large needs no more digits. */
const huge = 1n << 1100n;
/** Largest argument where integers wrap around, so that every digit counts. */
const largestWrapped = 2 ** 10;
/** Largest number of things to part into sets. */
const largestParted = 2 ** 16;

/** n (n - 1) ... (n - k + 1). */
function fallingFactorial(n: bigint, k: bigint, limit: bigint | undefined): bigint {
  let product = 1n;
  for (let i = 0n; i < k; i++) {
    product *= n - i;
    if (limit !== undefined && product > limit) return product;
  }
  return product;
}

/** Binomial coefficient. The product of i factors is an integer, and grows with i. */
function binomial(n: bigint, k: bigint, limit: bigint | undefined): bigint {
  const least = k < n - k ? k : n - k;
  let value = 1n;
  for (let i = 1n; i <= least; i++) {
    value = (value * (n - least + i)) / i;
    if (limit !== undefined && value > limit) return value;
  }
  return value;
}

/** Ways to part n things into k sets: S(m + d, m) = m S(m + d - 1, m) + S(m + d - 1, m - 1), by rows m of d from 0 to n - k. */
function partitions(n: bigint, k: bigint, limit: bigint | undefined): bigint {
  if (k === 0n) return n === 0n ? 1n : 0n;
  if (k === 1n || k === n) return 1n;
  const width = Number(n - k);
  // Two sets alone give 2^(width + 1) - 1 ways.
  if (limit !== undefined && width > 1100) return limit;
  const row = new Array<bigint>(width + 1).fill(1n);
  for (let m = 2n; m <= k; m++)
    for (let d = 1; d <= width; d++) {
      row[d] = m * row[d - 1]! + row[d]!;
      // All that follows is larger.
      if (limit !== undefined && row[d]! > limit) return row[d]!;
    }
  return row[width]!;
}

/** Ways to part n things into sets, by Bell's triangle. */
function bell(n: bigint, limit: bigint | undefined): bigint {
  let row = [1n];
  for (let i = 1n; i < n; i++) {
    const next = [row.at(-1)!];
    for (const entry of row) next.push(next.at(-1)! + entry);
    row = next;
    if (limit !== undefined && row.at(-1)! > limit) break;
  }
  return row.at(-1)!;
}

/** The greatest common divisor g of a and b, not negative, and x, y with a x + b y = g: quotients rounded down, as mathjs has them. */
export function extendedGcd(a: bigint, b: bigint): [bigint, bigint, bigint] {
  let [r0, r1, x0, x1, y0, y1] = [a, b, 1n, 0n, 0n, 1n];
  while (r1 !== 0n) {
    const truncated = r0 / r1;
    const quotient = r0 % r1 !== 0n && r0 < 0n !== r1 < 0n ? truncated - 1n : truncated;
    [r0, r1] = [r1, r0 - quotient * r1];
    [x0, x1] = [x1, x0 - quotient * x1];
    [y0, y1] = [y1, y0 - quotient * y1];
  }
  if (r0 < 0n) return [-r0, -x0, -y0];
  return [r0, r0 === 0n ? 0n : x0, y0];
}

/** Numbers of things among the arguments of functions. */
function counts(operand: Rounder['operand'], wraps: boolean) {
  /** A number of things: an integer from `least` on. */
  function count(
    name: string,
    least: number,
    x: number,
    largest = wraps ? largestWrapped : Infinity,
  ): bigint {
    const n = operand(x);
    if (!Number.isInteger(n) || n < least || n > largest)
      throw new ArgumentError(
        name,
        n,
        largest < Infinity
          ? `an integer from ${least} to ${largest}`
          : `an integer of the format from ${least} on`,
      );
    return BigInt(n);
  }

  /** Two numbers of things, the second at most the first. */
  function pair(name: string, least: number, x: number, y: number, largest?: number): [bigint, bigint] {
    const [n, k] = [count(name, least, x, largest), count(name, least, y, largest)];
    if (k > n) throw new ArgumentError(name, Number(k), `at most ${n}, the first argument`);
    return [n, k];
  }

  return { count, pair };
}

/** Functions of more than two integers, or with ratios of them for values. */
function manyIntegers(
  { integer, fraction }: Rounder,
  wraps: boolean,
  binary64: Binary64,
  count: ReturnType<typeof counts>['count'],
) {
  const limit = wraps ? undefined : huge;

  function multinomial(parts: readonly number[]): number {
    let [all, product] = [0n, 1n];
    for (const part of parts) {
      const size = count('multinomial', 1, part);
      all += size;
      product *= binomial(all, size, limit);
      if (limit !== undefined && product > limit) break;
    }
    return integer(product);
  }

  function multinomialOf(parts: unknown): number {
    const flat = (binary64['flatten'] as (x: unknown) => { valueOf(): unknown[] })(parts).valueOf();
    return flat.every((part) => typeof part === 'number')
      ? multinomial(flat)
      : binary64['multinomial']!(parts);
  }

  function bernoulli(x: number): number {
    const n = count('bernoulli', 0, x);
    if (n > 1n && n % 2n === 1n) return integer(0n);
    // |B_n| exceeds 2^1100 from there on; the signs alternate.
    if (n > 400n && !wraps) return integer(n % 4n === 0n ? -huge : huge);
    const exact = (binary64['bernoulli'] as (n: bigint) => Record<'s' | 'n' | 'd', bigint>)(n);
    return fraction(exact.s * exact.n, exact.d);
  }

  return { multinomialOf, bernoulli };
}

type Binary64 = Record<string, (...x: unknown[]) => never>;

/** Signatures of numbers, by the names of the functions. `base` is mathjs in binary64. */
export function integerSignatures(
  rounder: Rounder,
  wraps: boolean,
  base: MathJsInstance,
): Record<string, Signatures> {
  const { operand, integer } = rounder;
  const limit = wraps ? undefined : huge;
  const binary64 = base as unknown as Binary64;
  const { count, pair } = counts(operand, wraps);
  const { multinomialOf, bernoulli } = manyIntegers(rounder, wraps, binary64, count);
  const permutations = (n: bigint, k: bigint): number => integer(fallingFactorial(n, k, limit));
  const combinations = (n: bigint, k: bigint): number => integer(binomial(n, k, limit));
  const largestSets = wraps ? largestWrapped : largestParted;

  return {
    factorial: {
      number: (x: number) => {
        const n = operand(x);
        // Between the integers it is the gamma function.
        if (!Number.isInteger(n) || n < 0) return operand(binary64['factorial']!(n));
        return permutations(count('factorial', 0, n), BigInt(n));
      },
    },
    permutations: {
      number: (x: number) => {
        const n = count('permutations', 0, x);
        return permutations(n, n);
      },
      'number,number': (n: number, k: number) => permutations(...pair('permutations', 0, n, k)),
    },
    combinations: {
      'number,number': (n: number, k: number) => combinations(...pair('combinations', 0, n, k)),
    },
    combinationsWithRep: {
      'number,number': (x: number, y: number) => {
        const [n, k] = [count('combinationsWithRep', 1, x), count('combinationsWithRep', 0, y)];
        return combinations(n + k - 1n, k);
      },
    },
    composition: {
      'number,number': (x: number, y: number) => {
        const [n, k] = pair('composition', 1, x, y);
        return combinations(n - 1n, k - 1n);
      },
    },
    catalan: {
      number: (x: number) => {
        const n = count('catalan', 0, x);
        return integer(binomial(2n * n, n, limit && limit * (n + 1n)) / (n + 1n));
      },
    },
    stirlingS2: {
      'number,number': (n: number, k: number) =>
        integer(partitions(...pair('stirlingS2', 0, n, k, largestSets), limit)),
    },
    bellNumbers: {
      number: (x: number) => integer(bell(count('bellNumbers', 0, x), limit)),
    },
    bernoulli: { number: bernoulli },
    multinomial: { Array: multinomialOf, Matrix: multinomialOf },
  };
}
