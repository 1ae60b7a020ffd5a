/**
 * Operations on JavaScript's typed arrays with the kernels: in place where they lie in the library's shared memory, through
 * cache-sized buffers in its private memory otherwise. The result does not depend on which.
 */
import { apartFrom, isFloat32Array, overlap, type RealArray } from '../../array-kinds.ts';
import type { Format } from '../../formats/format.ts';
import { type ResolvedRounding, resolveRounding } from '../../rounding/index.ts';
import { arithmeticModule } from '../arithmetic-module.ts';
import { isInSharedHeap, privateHeap, sharedHeap } from '../heap.ts';
import { commonPiece, divideCommon } from '../thread-division.ts';
import { threadsForElements } from '../thread-rule.ts';
import { threadPool } from '../threads.ts';
import { operationRoomBytes, type ScalarOperation, writeOperation } from './operation-job.ts';
import { type OperationName, type OperationPlan, planOperation } from './operation-plan.ts';
import { type Operator, operatorOn } from './operator.ts';

/** Elements of an array that are staged at a time: four arrays of them stay in the second-level cache. */
const stagedLength = 4096;

let shared: Operator | undefined;
let staged:
  | { readonly operator: Operator; readonly pointers: readonly [number, number, number, number] }
  | undefined;

function sharedOperator(): Operator {
  shared ??= operatorOn(sharedHeap());
  return shared;
}

function stagedOperator(): NonNullable<typeof staged> {
  if (staged === undefined) {
    const heap = privateHeap();
    const first = heap.allocate(4 * stagedLength * 8);
    const at = (i: number): number => first + i * stagedLength * 8;
    staged = { operator: operatorOn(heap), pointers: [at(0), at(1), at(2), at(3)] };
  }
  return staged;
}

function isArray(x: RealArray | number): x is RealArray {
  return typeof x !== 'number';
}

function typeOf(array: RealArray): 'float32' | 'float64' {
  return isFloat32Array(array) ? 'float32' : 'float64';
}

/** A buffer of the private memory as an array like another. */
function stagedView(like: RealArray, pointer: number, length: number): RealArray {
  const View = isFloat32Array(like) ? Float32Array : Float64Array;
  return new View(privateHeap().memory.buffer, pointer, length);
}

/** The first element of x, or one not far before it, that is no number of the plan's format; -1 if there is none. */
function findNonMember(plan: OperationPlan, x: RealArray): number {
  if (isInSharedHeap(x)) return sharedOperator().findNonMember(plan, x.byteOffset, x.length);
  const { operator, pointers } = stagedOperator();
  operator.reserve(plan);
  for (let start = 0; start < x.length; start += stagedLength) {
    const part = x.subarray(start, start + stagedLength);
    stagedView(x, pointers[0], part.length).set(part);
    const found = operator.findNonMember(plan, pointers[0], part.length);
    if (found >= 0) return start + found;
  }
  return -1;
}

interface Work {
  readonly plan: OperationPlan;
  readonly options: ResolvedRounding;
  readonly scalar: ScalarOperation;
  /** Bit i: operand i is checked on the way. */
  readonly checked: number;
  readonly aliases: boolean;
}

/** How many of `threads` to use: workers see neither supplied random integers nor the scalar reference. */
function usefulThreads(threads: number, { plan, options }: Work, length: number): number {
  const readsRandom = plan.rounding?.readsRandom === true;
  if (plan.defers || (readsRandom && options.random !== undefined)) return 1;
  const isQuick = !readsRandom && plan.workShift === plan.operandShift;
  return threadsForElements(threads, length, isQuick, true);
}

function operateInSharedHeap(
  work: Work,
  operands: readonly (RealArray | number)[],
  out: RealArray,
  threads: number,
): boolean {
  const pointers = operands.map((x) => (isArray(x) ? { pointer: x.byteOffset } : x));
  const job = { ...work, operands: pointers, destination: out.byteOffset, first: 0 };
  const operator = sharedOperator();
  const { length } = out;
  if (threads === 1) return operator.run(job, length);
  const own = operator.describe(job);
  const result = divideCommon(threadPool(), threads, {
    ...{ module: arithmeticModule, length, piece: commonPiece },
    blockOf: (slot) => writeOperation(sharedHeap(), slot.room(operationRoomBytes), job),
    ownPiece: (from, to) => operator.piece(own, from, to - from),
  });
  return result < 0;
}

function operateStaged(work: Work, operands: readonly (RealArray | number)[], out: RealArray): boolean {
  const { operator, pointers } = stagedOperator();
  operator.reserve(work.plan);
  const places = operands.map((x, i) => (isArray(x) ? { pointer: pointers[i]! } : x));
  const views = pointers.map((pointer) => stagedView(out, pointer, stagedLength));
  for (let first = 0; first < out.length; first += stagedLength) {
    const length = Math.min(stagedLength, out.length - first);
    for (const [i, x] of operands.entries())
      if (isArray(x)) views[i]!.set(length === x.length ? x : x.subarray(first, first + length));
    const job = { ...work, aliases: false, operands: places, destination: pointers[3], first };
    if (!operator.run(job, length)) return false;
    out.set(length === stagedLength ? views[3]! : views[3]!.subarray(0, length), first);
  }
  return true;
}

/**
 * out[i] = the operation on element i of every operand, rounded once: the same bits as the scalar reference.
 *
 * @param operands One to three arrays of the type of `out` and of its length, or numbers of the format for all elements; at least
 *   one of them an array.
 * @param out May be an operand, or overlap one.
 * @param options As `resolveRounding` gives them; supplied random integers must be at least as many as elements.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing, and one on ordinary arrays.
 * @param scalar The reference for one element, for those that a kernel leaves to it.
 * @param areMembers Whether the operands are known to be numbers of the format; else they are checked on the way.
 * @returns false where there is no kernel, or where an element of an operand is no number of the format (NaN counts as one, and
 *   -0 as 0). `out` is then as it was, or incomplete where it shares no memory with an operand.
 */
export function operateArray(
  operation: OperationName,
  operands: readonly (RealArray | number)[],
  out: RealArray,
  format: Format,
  options: ResolvedRounding,
  threads: number,
  scalar: ScalarOperation,
  areMembers = false,
): boolean {
  const type = typeOf(out);
  const arrays = operands.filter(isArray);
  if (arrays.length === 0 || arrays.some((x) => typeOf(x) !== type || x.length !== out.length)) return false;
  const plan = planOperation(type, operation, format, options);
  if (plan === undefined) return false;
  const unknown = areMembers || plan.membership === undefined ? [] : arrays;
  const distinct = unknown.filter((x, i) => unknown.indexOf(x) === i);
  const aliases = arrays.some((x) => overlap(x, out));
  if (aliases && distinct.some((x) => findNonMember(plan, x) >= 0)) return false;
  const checked = aliases ? 0 : distinct.reduce((bits, x) => bits + 2 ** operands.indexOf(x), 0);
  const sources = operands.map((x) => (isArray(x) ? apartFrom(x, out) : x));
  const work = { plan, options, scalar, checked, aliases };
  const isShared = isInSharedHeap(out) && sources.every((x) => !isArray(x) || isInSharedHeap(x));
  if (!isShared) return operateStaged(work, sources, out);
  return operateInSharedHeap(work, sources, out, usefulThreads(threads, work, out.length));
}

/** Index of the first element that is no number of the format, or -1. NaN counts as one, and -0 as 0. */
export function firstNonMember(x: RealArray, format: Format): number {
  const isMember = (value: number): boolean => Number.isNaN(value) || format.has(value === 0 ? 0 : value);
  const plan = planOperation(typeOf(x), 'add', format, resolveRounding(format));
  // A plan without a look takes every number of the type.
  if (plan !== undefined && plan.membership === undefined) return -1;
  const from = plan === undefined ? 0 : findNonMember(plan, x);
  return from < 0 ? -1 : x.findIndex((value, i) => i >= from && !isMember(value));
}
