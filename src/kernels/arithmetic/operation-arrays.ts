/** Operations on JavaScript's typed arrays with the kernels. */
import { apartFrom, isFloat32Array, overlap, type RealArray } from '../../array-kinds.ts';
import type { Format } from '../../formats/format.ts';
import { type ResolvedRounding, resolveRounding } from '../../rounding/index.ts';
import { arithmeticModule } from '../arithmetic-module.ts';
import { type Heap, isInSharedHeap, perHeap } from '../heap.ts';
import { isForWorkers } from '../shared-rounding.ts';
import { type ElementWork, runElements } from '../staging.ts';
import { paces, usefulThreads } from '../thread-rule.ts';
import {
  type Operand,
  type OperationJob,
  operationRoomBytes,
  type ScalarOperation,
  writeOperation,
} from './operation-job.ts';
import { type OperationName, type OperationPlan, planOperation } from './operation-plan.ts';
import { operatorOn } from './operator.ts';

const operatorOf = perHeap(operatorOn);

function isArray(x: RealArray | number): x is RealArray {
  return typeof x !== 'number';
}

function typeOf(array: RealArray): 'float32' | 'float64' {
  return isFloat32Array(array) ? 'float32' : 'float64';
}

/** The first element of x, or one not far before it, that is no number of the plan's format; -1 if there is none. */
function findNonMember(plan: OperationPlan, x: RealArray): number {
  let found = -1;
  const work: ElementWork = {
    inputs: [x],
    out: undefined,
    on(heap) {
      const operator = operatorOf(heap);
      operator.reserve(plan);
      return ([place], start, length) => {
        const at = operator.findNonMember(plan, place!, length);
        if (at >= 0) found = start + at;
        return at < 0;
      };
    },
  };
  runElements(work, 1);
  return found;
}

interface Work {
  readonly plan: OperationPlan;
  readonly options: ResolvedRounding;
  readonly scalar: ScalarOperation;
  /** Bit i: operand i is checked on the way. */
  readonly checked: number;
}

/** How many of `threads` to use. */
function threadsFor(threads: number, { plan, options }: Work, length: number, isShared: boolean): number {
  const { rounding } = plan;
  if (plan.defers || (rounding !== undefined && !isForWorkers(rounding, options))) return 1;
  const isQuick = rounding?.readsRandom !== true && plan.workShift === plan.operandShift;
  return usefulThreads(threads, length, isQuick ? paces.memory : paces.slow, isShared);
}

/** The job of elements that lie at `places`: those of the operands that are arrays, in turn, and of the result. */
function jobOf(
  work: Work,
  operands: readonly (RealArray | number)[],
  places: readonly number[],
  first: number,
): OperationJob {
  let next = 0;
  const given: Operand[] = [];
  for (const x of operands) given.push(isArray(x) ? { pointer: places[next++]! } : x);
  const destination = places[next]!;
  const aliases = places.indexOf(destination) < next;
  const { plan, options, scalar, checked } = work;
  return { plan, options, scalar, checked, operands: given, destination, aliases, first };
}

/** Does all elements; false where an operand has one that is no number of the format. */
function operate(
  work: Work,
  operands: readonly (RealArray | number)[],
  out: RealArray,
  threads: number,
): boolean {
  const { plan } = work;
  const inputs = operands.filter(isArray);
  const isShared = [out, ...inputs].every(isInSharedHeap);
  const elements: ElementWork = {
    inputs,
    out,
    on(heap) {
      const operator = operatorOf(heap);
      operator.reserve(plan);
      return (places, start, length) => operator.run(jobOf(work, operands, places, start), length);
    },
    job: {
      module: arithmeticModule,
      roomBytes: operationRoomBytes,
      write(heap: Heap, room, places, start): void {
        writeOperation(heap, room, jobOf(work, operands, places, start));
      },
    },
  };
  return runElements(elements, threadsFor(threads, work, out.length, isShared));
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
  return operate({ plan, options, scalar, checked }, sources, out, threads);
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
