/**
 * Sums and products with an accumulator model, simulated literally: exact values are BigInt counts of units of 2^-1300, every
 * rounding is the rounding oracle's, and every random integer comes from the Philox oracle or by its place in a given list.
 * Operands and products must be multiples of the unit; otherwise an error says so.
 */
import type { Format } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import { oracleRound, oracleRoundRatio } from './index.ts';
import { oracleRandomInteger } from './philox.ts';
import { signedUnits, unitExponent } from './units.ts';

/** A count of units that is not 0, or a zero with its sign, an infinity or NaN. */
type Exact = bigint | number;

export interface OracleModel {
  /** Undefined: exact. */
  readonly products: { readonly format: Format; readonly options: ResolvedRounding } | undefined;
  /** Undefined: exact. */
  readonly sums: { readonly format: Format; readonly options: ResolvedRounding } | undefined;
  readonly order: 'sequential' | 'pairwise' | { readonly chunk: number; readonly sums?: 'rounded' | 'exact' };
  readonly result: { readonly format: Format; readonly options: ResolvedRounding };
}

/** Kind 0: products, 1: sums, 2: conversions, 3: chunks. */
export type OracleDraw = (kind: 0 | 1 | 2 | 3, k: number) => number;

/** Draws by Philox, of output o with `length` terms each. */
export function philoxDraw(options: ResolvedRounding, o: number, length: number): OracleDraw {
  const { seed, stream, offset, randomBits } = options;
  return (kind, k) =>
    oracleRandomInteger(
      BigInt(offset) + BigInt(o) * BigInt(length) + BigInt(k),
      BigInt(seed),
      BigInt(stream) + BigInt(kind),
      randomBits,
    );
}

function exactOf(x: number): Exact {
  return x === 0 || !Number.isFinite(x) ? x : signedUnits(x);
}

/** A binary64 number with the sign and the kind of an exact value. */
function stand(x: Exact): number {
  return typeof x === 'number' ? x : x > 0n ? 1 : -1;
}

function times(a: number, b: number): Exact {
  const [x, y] = [exactOf(a), exactOf(b)];
  if (typeof x === 'number' || typeof y === 'number') return stand(x) * stand(y);
  const count = (x * y) >> unitExponent;
  if (count << unitExponent !== x * y) throw new Error('oracle: product below the unit');
  return count;
}

function plus(x: Exact, y: Exact, rounding: string): Exact {
  const isSpecial = (z: Exact): boolean => typeof z === 'number' && z !== 0;
  if (isSpecial(x) || isSpecial(y)) return stand(x) + stand(y);
  const total = (typeof x === 'number' ? 0n : x) + (typeof y === 'number' ? 0n : y);
  if (total !== 0n) return total;
  const [a, b] = [Object.is(x, -0), Object.is(y, -0)];
  if (typeof x === 'number' && typeof y === 'number' && a === b) return a ? -0 : 0;
  return rounding === 'toward-negative' ? -0 : 0;
}

function rounded(x: Exact, format: Format, options: ResolvedRounding, random: number): number {
  if (typeof x === 'number') return oracleRound(x, format, options, random);
  const ratio = { numerator: x < 0n ? -x : x, denominator: 1n };
  return oracleRoundRatio(ratio, x < 0n, format, options, random);
}

/** The sum or inner product before its last rounding. */
function total(
  a: readonly number[],
  b: readonly number[] | undefined,
  start: number,
  model: OracleModel,
  draw: OracleDraw,
): Exact {
  const { products, sums, order, result } = model;
  const terms: Exact[] = a.map((x, k) => {
    if (b === undefined) return exactOf(x);
    const product = times(x, b[k]!);
    return products === undefined
      ? product
      : exactOf(rounded(product, products.format, products.options, draw(0, k)));
  });
  if (sums === undefined)
    return terms.reduce((sum, term) => plus(sum, term, result.options.rounding), exactOf(start));
  const fl = (x: Exact, y: Exact, kind: 1 | 3, k: number): Exact =>
    exactOf(rounded(plus(x, y, sums.options.rounding), sums.format, sums.options, draw(kind, k)));
  const inOrder = (from: number, to: number, first: Exact): Exact => {
    let sum = first;
    for (let k = from; k < to; k++) sum = fl(sum, terms[k]!, 1, k);
    return sum;
  };
  const balanced = (from: number, count: number): Exact => {
    if (count === 1) return terms[from]!;
    const left = 2 ** ((count - 1).toString(2).length - 1);
    return fl(balanced(from, left), balanced(from + left, count - left), 1, from + left);
  };
  if (terms.length === 0 || order === 'sequential') return inOrder(0, terms.length, exactOf(start));
  if (order === 'pairwise') return fl(exactOf(start), balanced(0, terms.length), 1, 0);
  const flushed = (from: number, to: number): Exact => {
    const all = terms
      .slice(from, to)
      .reduce((sum, term) => plus(sum, term, sums.options.rounding), exactOf(0));
    return exactOf(rounded(all, sums.format, sums.options, draw(1, from)));
  };
  const { chunk, sums: how } = order;
  let sum = exactOf(start);
  for (let from = 0; from < terms.length; from += chunk) {
    const to = Math.min(from + chunk, terms.length);
    sum = fl(sum, how === 'exact' ? flushed(from, to) : inOrder(from, to, 0), 3, from);
  }
  return sum;
}

export function oracleInnerProduct(
  a: readonly number[],
  b: readonly number[] | undefined,
  start: number,
  model: OracleModel,
  draw: OracleDraw,
): number {
  const { format, options } = model.result;
  return rounded(total(a, b, start, model, draw), format, options, draw(2, 0));
}

/** floor(sqrt(n)), digit by digit. */
function floorRoot(n: bigint): bigint {
  let root = 0n;
  for (let bit = 1n << BigInt(n.toString(2).length >> 1); bit > 0n; bit >>= 1n)
    if ((root + bit) * (root + bit) <= n) root += bit;
  return root;
}

export function oracleNorm(x: readonly number[], model: OracleModel, draw: OracleDraw): number {
  const { format, options } = model.result;
  const squares = total(x, x, 0, model, draw);
  if (typeof squares === 'number') return oracleRound(Math.sqrt(squares), format, options, draw(2, 0));
  if (squares < 0n) return oracleRound(NaN, format, options, draw(2, 0));
  // In units: sqrt(S 2^-U) = sqrt(S 2^U) 2^-U. Half a unit of 2^-100 stands for an irrational rest.
  const square = (squares << unitExponent) << 200n;
  const root = floorRoot(square);
  const isExact = root * root === square;
  const ratio = { numerator: isExact ? 2n * root : 2n * root + 1n, denominator: 2n << 100n };
  return oracleRoundRatio(ratio, false, format, options, draw(2, 0));
}
