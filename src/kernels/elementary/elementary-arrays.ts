/**
 * Elementary functions of JavaScript's typed arrays with the kernels. What a kernel leaves undecided the scalar reference decides, so that the
 * bits are its own.
 */
import { isFloat32Array, overlap, type RealArray } from '../../array-kinds.ts';
import type { Format } from '../../formats/format.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import { elementaryModule } from '../elementary-module.ts';
import * as layout from '../generated/layout-elementary.ts';
import { parameterBytes } from '../generated/layout-rounding.ts';
import { type Heap, perHeap, viewsOf } from '../heap.ts';
import { type ElementWork, runElements } from '../staging.ts';
import { tableOn } from '../tables.ts';
import { paces } from '../thread-rule.ts';
import { type ElementaryPlan, planElementary } from './elementary-plan.ts';
import { errorTable } from './error-table.ts';

/** A block: the constants of the rounding, and behind them the job. */
const roomBytes = parameterBytes + layout.blockBytes;
const roomOn = perHeap((heap) => heap.allocate(roomBytes));

interface Job {
  readonly plan: ElementaryPlan;
  readonly shift: 2 | 3;
  readonly source: number;
  readonly destination: number;
}

/** Writes a job down in a room. */
function writeJob(heap: Heap, room: number, { plan, shift, source, destination }: Job): void {
  const isErf = plan.number === layout.functionErf;
  const table = isErf ? tableOn(heap, errorTable()) : 0;
  const { bytes, words } = viewsOf(heap.memory);
  if (plan.rounding !== undefined) bytes.set(plan.rounding, room);
  const block = room + parameterBytes;
  words[(block + layout.functionSlot) >>> 2] = plan.number;
  words[(block + layout.kindSlot) >>> 2] = plan.kind;
  words[(block + layout.sourceSlot) >>> 2] = source;
  words[(block + layout.destinationSlot) >>> 2] = destination;
  words[(block + layout.shiftSlot) >>> 2] = shift;
  words[(block + layout.tableSlot) >>> 2] = table;
}

/** One call. */
class ElementaryWork implements ElementWork {
  readonly arrays: readonly RealArray[];
  readonly out: RealArray;
  readonly isInPlace = true;
  readonly pace: number = paces.elementary;
  readonly module = elementaryModule;
  readonly roomBytes = roomBytes;
  private readonly plan: ElementaryPlan;
  private readonly shift: 2 | 3;
  private heap: Heap | undefined;

  constructor(x: RealArray, out: RealArray, plan: ElementaryPlan) {
    this.arrays = [x, out];
    this.out = out;
    this.plan = plan;
    this.shift = isFloat32Array(out) ? 2 : 3;
  }

  prepare(heap: Heap): void {
    roomOn(heap);
    this.heap = heap;
  }

  run(places: readonly number[], _start: number, length: number): boolean {
    const heap = this.heap!;
    const room = roomOn(heap);
    this.write(heap, room, places);
    elementaryModule.on(heap.memory).piece(room, 0, length);
    return true;
  }

  write(heap: Heap, room: number, [source, destination]: readonly number[]): void {
    const { plan, shift } = this;
    writeJob(heap, room, { plan, shift, source: source!, destination: destination! });
  }
}

/**
 * out[i] = the function of x[i], rounded once: the same bits as the scalar reference.
 *
 * @param x Numbers of the format, or NaN, in an array of the type of `out` and of its length.
 * @param out May be `x`, or overlap it.
 * @param options As `resolveRounding` gives them.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 * @param scalar The reference for one element.
 * @returns false where there is no kernel: nothing is written then.
 */
export function elementaryArray(
  name: string,
  x: RealArray,
  out: RealArray,
  format: Format,
  options: ResolvedRounding,
  threads: number,
  scalar: (x: number) => number,
): boolean {
  const plan = planElementary(name, format, options);
  if (plan === undefined) return false;
  const { length } = out;
  // The arguments are looked at again where a result is not decided.
  const given = overlap(x, out) ? x.slice() : x;
  runElements(new ElementaryWork(given, out, plan), threads);
  for (let i = 0; i < length; i++) if (Number.isNaN(out[i])) out[i] = scalar(given[i]!);
  return true;
}
