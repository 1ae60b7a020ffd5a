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
import { type Heap, isInSharedHeap, perHeap } from '../heap.ts';
import { type ElementWork, runElements } from '../staging.ts';
import { tableOn } from '../tables.ts';
import { paces, usefulThreads } from '../thread-rule.ts';
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
  const { buffer } = heap.memory;
  if (plan.rounding !== undefined) new Uint8Array(buffer, room, parameterBytes).set(plan.rounding);
  const words = new Uint32Array(buffer, room + parameterBytes, layout.blockBytes / 4);
  words[layout.functionSlot / 4] = plan.number;
  words[layout.kindSlot / 4] = plan.kind;
  words[layout.sourceSlot / 4] = source;
  words[layout.destinationSlot / 4] = destination;
  words[layout.shiftSlot / 4] = shift;
  words[layout.tableSlot / 4] = table;
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
  const shift = isFloat32Array(out) ? 2 : 3;
  const isShared = isInSharedHeap(given) && isInSharedHeap(out);
  const work: ElementWork = {
    inputs: [given],
    out,
    isInPlace: true,
    on(heap) {
      const room = roomOn(heap);
      const { piece } = elementaryModule.on(heap.memory);
      return (places, _start, count) => {
        writeJob(heap, room, { plan, shift, source: places[0]!, destination: places[1]! });
        piece(room, 0, count);
        return true;
      };
    },
    job: {
      module: elementaryModule,
      roomBytes,
      write: (heap, room, places) =>
        writeJob(heap, room, { plan, shift, source: places[0]!, destination: places[1]! }),
    },
  };
  runElements(work, usefulThreads(threads, length, paces.elementary, isShared));
  for (let i = 0; i < length; i++) if (Number.isNaN(out[i])) out[i] = scalar(given[i]!);
  return true;
}
