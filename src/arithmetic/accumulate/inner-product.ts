/**
 * The orders of summation, one output at a time: the readable reference of every sum and product with an accumulator model.
 * Definitions: `docs/accumulation.md`. Rounded steps are the operations of `operations.ts`, in the accumulator's format.
 */

import { type Chunks, type Part, sumsChunksExactly } from '../../products/model.ts';
import { chainInstructions, type MatrixUnit } from '../matrix-unit/matrix-unit.ts';
import type { OperationPlan } from '../operations.ts';
import { operate, operationOf } from '../operations.ts';
import { isMatrixUnit, modelFor, type ResolvedAccumulator } from './model.ts';
import { superaccumulator } from './superaccumulator.ts';
import { product, roundTerm, sumOf, type Term } from './term.ts';

/** The terms of one output: elements, or pairs of factors. For a matrix unit, as `readOperands` gives them. */
export interface Terms {
  readonly a: ArrayLike<number>;
  /** The second factors; undefined for a plain sum. */
  readonly b: ArrayLike<number> | undefined;
  /** The addend, what the sum starts from. */
  readonly start: number;
}

/** The random integer of a rounding of this output; `k` as the index rule has it. */
export type DrawTerm = (part: Part, k: number) => number;

const addition = operationOf('add');
const multiplication = operationOf('mul');
const multiplyAdd = operationOf('fma');

/** The largest power of two below n, for n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (2 * power < n) power *= 2;
  return power;
}

/** p_k, rounded or not. */
type TermAt = (k: number) => Term;

function termsOf({ a, b }: Terms, { products }: ResolvedAccumulator, draw: DrawTerm): TermAt {
  if (b === undefined) return (k) => a[k]!;
  if (products === 'exact') return (k) => product(a[k]!, b[k]!);
  return (k) => operate(multiplication, a[k]!, b[k]!, 0, products, draw('products', k));
}

/** fl(x + y) */
function add(x: Term, y: Term, target: OperationPlan, random: number): number {
  if (typeof x === 'number' && typeof y === 'number') return operate(addition, x, y, 0, target, random);
  return roundTerm(sumOf(x, y, target.options), target.format, target.options, random);
}

/** fl(sum + p_k): one more term of a sequential sum. */
type AddTerm = (sum: number, k: number) => number;

function addTermsOf(
  terms: Terms,
  model: ResolvedAccumulator,
  target: OperationPlan,
  draw: DrawTerm,
): AddTerm {
  const { a, b } = terms;
  if (b !== undefined && model.products === 'exact')
    return (sum, k) => operate(multiplyAdd, a[k]!, b[k]!, sum, target, draw('sums', k));
  const term = termsOf(terms, model, draw);
  return (sum, k) => add(sum, term(k), target, draw('sums', k));
}

function sequential(from: number, to: number, start: number, addTerm: AddTerm): number {
  let sum = start;
  for (let k = from; k < to; k++) sum = addTerm(sum, k);
  return sum;
}

function tree(from: number, to: number, term: TermAt, target: OperationPlan, draw: DrawTerm): Term {
  if (to - from === 1) return term(from);
  const middle = from + largestPowerBelow(to - from);
  const left = tree(from, middle, term, target, draw);
  const right = tree(middle, to, term, target, draw);
  return add(left, right, target, draw('sums', middle));
}

/** The sum of a chunk's terms, a number of the accumulator's format. */
type SumChunk = (from: number, to: number) => number;

function chunked(
  { chunk: size }: Chunks,
  length: number,
  start: number,
  sumChunk: SumChunk,
  target: OperationPlan,
  draw: DrawTerm,
): number {
  let sum = start;
  for (let from = 0; from < length; from += size) {
    const chunk = sumChunk(from, Math.min(from + size, length));
    sum = add(sum, chunk, target, draw('chunks', from));
  }
  return sum;
}

/** Terms from one to another added to a start. */
function exact(
  from: number,
  to: number,
  start: number,
  term: TermAt,
  options: OperationPlan['options'],
): Term {
  const sum = superaccumulator();
  sum.add(start);
  for (let k = from; k < to; k++) sum.add(term(k));
  return sum.value(options);
}

/** Exact sums of chunks, each rounded once. */
function exactChunks(term: TermAt, target: OperationPlan, draw: DrawTerm): SumChunk {
  const { format, options } = target;
  return (from, to) => roundTerm(exact(from, to, 0, term, options), format, options, draw('sums', from));
}

function throughUnit(unit: MatrixUnit, { a, b, start }: Terms): number {
  const left = Float64Array.from(a);
  return chainInstructions(unit, left, b === undefined ? left.slice().fill(1) : Float64Array.from(b), start);
}

/** What the accumulator holds after the last term, before the conversion to the result's format; `model` from `modelFor`. */
export function accumulated(terms: Terms, model: ResolvedAccumulator, draw: DrawTerm): Term {
  const { accumulate, order, conversion } = model;
  const { length } = terms.a;
  if (isMatrixUnit(accumulate)) return throughUnit(accumulate, terms);
  if (accumulate === 'exact')
    return exact(0, length, terms.start, termsOf(terms, model, draw), conversion.options);
  if (order === 'pairwise') {
    const whole = tree(0, length, termsOf(terms, model, draw), accumulate, draw);
    return add(terms.start, whole, accumulate, draw('sums', 0));
  }
  const addTerm = addTermsOf(terms, model, accumulate, draw);
  if (order === 'sequential') return sequential(0, length, terms.start, addTerm);
  const sumChunk: SumChunk = sumsChunksExactly(order)
    ? exactChunks(termsOf(terms, model, draw), accumulate, draw)
    : (from, to) => sequential(from, to, 0, addTerm);
  return chunked(order, length, terms.start, sumChunk, accumulate, draw);
}

/** One output: the terms added up as the model says, converted to the result's format. */
export function innerProduct(terms: Terms, given: ResolvedAccumulator, draw: DrawTerm): number {
  const model = modelFor(terms.a.length, given);
  const value = accumulated(terms, model, draw);
  const { format, options } = model.conversion;
  return model.converts || typeof value !== 'number'
    ? roundTerm(value, format, options, draw('conversions', 0))
    : value;
}
