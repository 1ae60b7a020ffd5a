/** Operations on JavaScript's typed arrays with the kernels. */
import { apartFrom, isFloat32Array, overlap, type RealArray } from '../../array-kinds.ts';
import type { Format } from '../../formats/format.ts';
import { type ResolvedRounding, resolveRounding } from '../../rounding/index.ts';
import { arithmeticModule } from '../arithmetic-module.ts';
import { type Heap, perHeap } from '../heap.ts';
import { isForWorkers } from '../shared-rounding.ts';
import { type ElementWork, runElements } from '../staging.ts';
import { paces } from '../thread-rule.ts';
import {
  type Operand,
  type OperationCall,
  type OperationJob,
  operationRoomBytes,
  type ScalarOperation,
  writeOperation,
} from './operation-job.ts';
import { type OperationName, type OperationPlan, planOperation } from './operation-plan.ts';
import { type Operator, operatorOn } from './operator.ts';

const operatorOf = perHeap(operatorOn);

function isArray(x: RealArray | number): x is RealArray {
  return typeof x !== 'number';
}

function typeOf(array: RealArray): 'float32' | 'float64' {
  return isFloat32Array(array) ? 'float32' : 'float64';
}

/** A check of an array's elements. */
class MembershipWork implements ElementWork {
  readonly arrays: readonly RealArray[];
  readonly out = undefined;
  readonly isInPlace = false;
  readonly pace: number = paces.memory;
  readonly module = arithmeticModule;
  readonly roomBytes = operationRoomBytes;
  /** The first element that is no number of the plan's format, or one not far before it; -1 if there is none. */
  found = -1;
  private readonly plan: OperationPlan;
  private operator: Operator | undefined;

  constructor(plan: OperationPlan, x: RealArray) {
    this.arrays = [x];
    this.plan = plan;
  }

  prepare(heap: Heap): void {
    this.operator = operatorOf(heap);
    this.operator.reserve(this.plan);
  }

  run([place]: readonly number[], start: number, length: number): boolean {
    const at = this.operator!.findNonMember(this.plan, place!, length);
    if (at >= 0) this.found = start + at;
    return at < 0;
  }

  write(): never {
    throw new TypeError('no thread checks elements');
  }
}

/** The first element of x, or one not far before it, that is no number of the plan's format; -1 if there is none. */
function findNonMember(plan: OperationPlan, x: RealArray): number {
  const work = new MembershipWork(plan, x);
  runElements(work, 1);
  return work.found;
}

function paceOf({ rounding, workShift, operandShift }: OperationPlan): number {
  return rounding?.readsRandom !== true && workShift === operandShift ? paces.memory : paces.slow;
}

/** An operation on all elements. */
class OperationWork implements ElementWork {
  readonly arrays: readonly RealArray[];
  readonly out: RealArray;
  readonly isInPlace = false;
  readonly pace: number;
  readonly module = arithmeticModule;
  readonly roomBytes = operationRoomBytes;
  private readonly call: OperationCall;
  private readonly operands: readonly (RealArray | number)[];
  private operator: Operator | undefined;

  constructor(call: OperationCall, operands: readonly (RealArray | number)[], out: RealArray) {
    this.arrays = [...operands.filter(isArray), out];
    this.out = out;
    this.pace = paceOf(call.plan);
    this.call = call;
    this.operands = operands;
  }

  prepare(heap: Heap): void {
    this.operator = operatorOf(heap);
    this.operator.reserve(this.call.plan);
  }

  run(places: readonly number[], start: number, length: number): boolean {
    return this.operator!.run(this.jobAt(places, start), length);
  }

  write(heap: Heap, room: number, places: readonly number[], start: number): void {
    writeOperation(heap, room, this.jobAt(places, start));
  }

  /** The job of elements that lie at `places`: those of the operands that are arrays, in turn, and of the result. */
  private jobAt(places: readonly number[], first: number): OperationJob {
    let next = 0;
    const operands = this.operands.map((x): Operand => (isArray(x) ? { pointer: places[next++]! } : x));
    const destination = places[next]!;
    const { plan, options, scalar, checked } = this.call;
    const aliases = places.indexOf(destination) < next;
    return { plan, options, scalar, checked, operands, destination, aliases, first };
  }
}

/**
 * out[i] = the operation on element i of every operand, rounded once: the same bits as the scalar reference.
 *
 * @param operands One to three arrays of the type of `out` and of its length, or numbers of the format for all elements; at least
 *   one of them an array.
 * @param out May be an operand, or overlap one.
 * @param options As `resolveRounding` gives them; supplied random integers must be at least as many as elements.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
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
  const { rounding } = plan;
  const isForThreads = !plan.defers && (rounding === undefined || isForWorkers(rounding, options));
  const work = new OperationWork({ plan, options, scalar, checked }, sources, out);
  return runElements(work, isForThreads ? threads : 1);
}

/** Index of the first element that is no number of the format, or -1. NaN counts as one, and -0 as 0. */
export function firstNonMember(x: RealArray, format: Format): number {
  const isMember = (value: number): boolean => Number.isNaN(value) || format.has(value === 0 ? 0 : value);
  const plan = planOperation(typeOf(x), 'add', format, resolveRounding(format));
  // A plan without a check takes every number of the type.
  if (plan !== undefined && plan.membership === undefined) return -1;
  const from = plan === undefined ? 0 : findNonMember(plan, x);
  return from < 0 ? -1 : x.findIndex((value, i) => i >= from && !isMember(value));
}
