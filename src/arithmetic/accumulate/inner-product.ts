/**
 * The orders of summation, one output at a time: the readable reference of every sum and product with an accumulator model.
 * Definitions: `docs/accumulation.md`. Rounded steps are the operations of `operations.ts`, in the accumulator's format.
 */

import { type Chunks, type Part, sumsChunksExactly } from '../../products/model.ts';
import type { Counter, Flags } from '../flags.ts';
import { chainInstructions, isMatrixUnit, type MatrixUnit } from '../matrix-unit/matrix-unit.ts';
import { type StepInput, stepOf } from '../matrix-unit/step.ts';
import { type OperationPlan, operationOf } from '../operations.ts';
import { operated, rounded } from './counted.ts';
import { modelFor, type ResolvedAccumulator } from './model.ts';
import { superaccumulator } from './superaccumulator.ts';
import { product, sumOf, type Term } from './term.ts';

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

/** Is told of every partial sum that an accumulator holds: of the terms `from` up to `to`, that one not included. */
type SeePartial = (from: number, to: number, sum: number) => void;

const addition = operationOf('add');
const multiplication = operationOf('mul');
const multiplyAdd = operationOf('fma');

/** How one output is made: its model, its random integers, where exceptions are counted, and who looks on. */
interface Run {
  readonly model: ResolvedAccumulator;
  readonly draw: DrawTerm;
  readonly counter: Counter | undefined;
  readonly see: SeePartial | undefined;
}

/** Counts a NaN that comes of terms that are none. */
function countInvalid(result: Term, areNaN: boolean, { counter }: Run): void {
  if (counter !== undefined && Number.isNaN(result) && !areNaN) counter.flags.invalid++;
}

/** The largest power of two below n, for n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (2 * power < n) power *= 2;
  return power;
}

/** p_k, rounded or not. */
type TermAt = (k: number) => Term;

function termsOf({ a, b }: Terms, run: Run): TermAt {
  const { draw, counter } = run;
  const { products } = run.model;
  if (b === undefined) return (k) => a[k]!;
  if (products !== 'exact')
    return (k) => operated(multiplication, a[k]!, b[k]!, 0, products, draw('products', k), run.counter);
  if (counter === undefined) return (k) => product(a[k]!, b[k]!);
  return (k) => {
    const term = product(a[k]!, b[k]!);
    countInvalid(term, Number.isNaN(a[k]!) || Number.isNaN(b[k]!), run);
    return term;
  };
}

/** fl(x + y) */
function add(x: Term, y: Term, target: OperationPlan, random: number, run: Run): number {
  if (typeof x === 'number' && typeof y === 'number')
    return operated(addition, x, y, 0, target, random, run.counter);
  return rounded(sumOf(x, y, target.options), target, random, run.counter);
}

/** fl(sum + p_k): one more term of a sequential sum. */
type AddTerm = (sum: number, k: number) => number;

function addTermsOf(terms: Terms, target: OperationPlan, run: Run): AddTerm {
  const { a, b } = terms;
  const { model, draw } = run;
  if (b !== undefined && model.products === 'exact')
    return (sum, k) => operated(multiplyAdd, a[k]!, b[k]!, sum, target, draw('sums', k), run.counter);
  const term = termsOf(terms, run);
  return (sum, k) => add(sum, term(k), target, draw('sums', k), run);
}

function sequential(
  from: number,
  to: number,
  start: number,
  addTerm: AddTerm,
  see: SeePartial | undefined,
): number {
  let sum = start;
  for (let k = from; k < to; k++) {
    sum = addTerm(sum, k);
    see?.(from, k + 1, sum);
  }
  return sum;
}

function tree(from: number, to: number, term: TermAt, target: OperationPlan, run: Run): Term {
  if (to - from === 1) return term(from);
  const middle = from + largestPowerBelow(to - from);
  const left = tree(from, middle, term, target, run);
  const right = tree(middle, to, term, target, run);
  const sum = add(left, right, target, run.draw('sums', middle), run);
  run.see?.(from, to, sum);
  return sum;
}

/** The sum of a chunk's terms, a number of the accumulator's format. */
type SumChunk = (from: number, to: number) => number;

function chunked(
  { chunk: size }: Chunks,
  length: number,
  start: number,
  sumChunk: SumChunk,
  target: OperationPlan,
  run: Run,
): number {
  let sum = start;
  for (let from = 0; from < length; from += size) {
    const to = Math.min(from + size, length);
    sum = add(sum, sumChunk(from, to), target, run.draw('chunks', from), run);
    run.see?.(0, to, sum);
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
  run: Run,
): Term {
  const sum = superaccumulator();
  let areNaN = Number.isNaN(start);
  sum.add(start);
  for (let k = from; k < to; k++) {
    const x = term(k);
    areNaN ||= Number.isNaN(x);
    sum.add(x);
  }
  const value = sum.value(options);
  countInvalid(value, areNaN, run);
  return value;
}

/** Exact sums of chunks, each rounded once. */
function exactChunks(term: TermAt, target: OperationPlan, run: Run): SumChunk {
  return (from, to) => {
    const value = exact(from, to, 0, term, target.options, run);
    const sum = rounded(value, target, run.draw('sums', from), run.counter);
    run.see?.(from, to, sum);
    return sum;
  };
}

/**
 * Counts what is news in a step of a unit: infinity of finite terms is an overflow, NaN without one among the terms, or of 0 times
 * infinity, an invalid operation. Bits that alignment drops are no exception.
 */
function countStep({ a: x, b: y }: StepInput, before: number, sum: number, flags: Flags): void {
  if (Number.isFinite(sum)) return;
  const [a, b] = [Array.from(x), Array.from(y)];
  const products = a.map((one, i) => one * b[i]!);
  if (Number.isNaN(sum)) {
    const isOld = [before, ...a, ...b].some(Number.isNaN);
    const isNew = products.some((one, i) => Number.isNaN(one) && !Number.isNaN(a[i]) && !Number.isNaN(b[i]));
    if (isNew || !isOld) flags.invalid++;
  } else if (Number.isFinite(before) && products.every(Number.isFinite)) {
    flags.overflow++;
    flags.inexact++;
  }
}

function throughUnit(
  unit: MatrixUnit,
  { a, b, start }: Terms,
  counter: Counter | undefined,
  see: SeePartial | undefined,
): number {
  const left = Float64Array.from(a);
  const right = b === undefined ? left.slice().fill(1) : Float64Array.from(b);
  if (see === undefined && counter === undefined) return chainInstructions(unit, left, right, start);
  // The last instruction is filled up with zeros, which are no terms.
  const { length } = a;
  let from = 0;
  return chainInstructions(unit, left, right, start, (before, input) => {
    const first = from;
    from += unit.group;
    const sum = stepOf(unit, before, input, (low, high, part) => {
      if (first + low < length) see?.(first + low, Math.min(first + high, length), part);
    });
    if (first < length) see?.(0, Math.min(from, length), sum);
    if (counter !== undefined) countStep(input, before, sum, counter.flags);
    return sum;
  });
}

/**
 * What the accumulator holds after the last term, before the conversion to the result's format; `model` from `modelFor`.
 */
export function accumulated(
  terms: Terms,
  model: ResolvedAccumulator,
  draw: DrawTerm,
  counter?: Counter,
  see?: SeePartial,
): Term {
  const { accumulate, order, conversion } = model;
  const { length } = terms.a;
  const run = { model, draw, counter, see };
  if (isMatrixUnit(accumulate)) return throughUnit(accumulate, terms, counter, see);
  if (accumulate === 'exact')
    return exact(0, length, terms.start, termsOf(terms, run), conversion.options, run);
  if (order === 'pairwise') {
    const whole = tree(0, length, termsOf(terms, run), accumulate, run);
    return add(terms.start, whole, accumulate, draw('sums', 0), run);
  }
  const addTerm = addTermsOf(terms, accumulate, run);
  if (order === 'sequential') return sequential(0, length, terms.start, addTerm, see);
  const sumChunk: SumChunk = sumsChunksExactly(order)
    ? exactChunks(termsOf(terms, run), accumulate, run)
    : (from, to) => sequential(from, to, 0, addTerm, see);
  return chunked(order, length, terms.start, sumChunk, accumulate, run);
}

/** One output: the terms added up as the model says, converted to the result's format. */
export function innerProduct(
  terms: Terms,
  given: ResolvedAccumulator,
  draw: DrawTerm,
  counter?: Counter,
  see?: SeePartial,
): number {
  const model = modelFor(terms.a.length, given);
  const value = accumulated(terms, model, draw, counter, see);
  if (!model.converts && typeof value === 'number') return value;
  return rounded(value, model.conversion, draw('conversions', 0), counter);
}
