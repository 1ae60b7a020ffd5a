/**
 * Elementary functions of JavaScript's typed arrays with the kernels: where they lie in the library's shared memory, through cache-sized buffers
 * otherwise. What a kernel leaves undecided the scalar reference decides, so that the bits are its own.
 */
import { isFloat32Array, overlap, type RealArray } from '../../array-kinds.ts';
import type { Format } from '../../formats/format.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import { elementaryModule } from '../elementary-module.ts';
import { parameterBytes } from '../generated/layout-rounding.ts';
import { type Heap, isInSharedHeap, privateHeap, sharedHeap } from '../heap.ts';
import { tableOn } from '../tables.ts';
import { commonPiece, divideCommon, divideStaged } from '../thread-division.ts';
import { threadPool } from '../threads.ts';
import { errorTable } from './error-table.ts';
import * as parameters from './parameters.ts';
import { type ElementaryPlan, planElementary } from './plan.ts';

const roomBytes = parameterBytes + parameters.blockBytes;

/** Elements of an ordinary array that are staged at a time, and from which on threads gain. */
const stagedLength = 4096;
const leastThreaded = 32768;

interface Job {
  readonly plan: ElementaryPlan;
  readonly shift: 2 | 3;
  readonly source: number;
  readonly destination: number;
}

/** Writes a job down in a room. */
function writeJob(heap: Heap, room: number, { plan, shift, source, destination }: Job): void {
  const isErf = plan.number === parameters.functionErf;
  const table = isErf ? tableOn(heap, errorTable()) : 0;
  const { buffer } = heap.memory;
  if (plan.rounding !== undefined) new Uint8Array(buffer, room, parameterBytes).set(plan.rounding);
  const words = new Uint32Array(buffer, room + parameterBytes, parameters.blockBytes / 4);
  words[parameters.functionSlot / 4] = plan.number;
  words[parameters.kindSlot / 4] = plan.kind;
  words[parameters.sourceSlot / 4] = source;
  words[parameters.destinationSlot / 4] = destination;
  words[parameters.shiftSlot / 4] = shift;
  words[parameters.tableSlot / 4] = table;
}

let sharedRoom: number | undefined;
let staged: { readonly room: number; readonly place: number } | undefined;

function evaluateInSharedHeap(job: Job, length: number, threads: number): void {
  const heap = sharedHeap();
  sharedRoom ??= heap.allocate(roomBytes);
  const room = sharedRoom;
  writeJob(heap, room, job);
  const { piece } = elementaryModule.on(heap.memory);
  if (threads === 1) {
    piece(room, 0, length);
    return;
  }
  divideCommon(threadPool(), threads, {
    ...{ module: elementaryModule, length, piece: commonPiece },
    blockOf(slot): number {
      const own = slot.room(roomBytes);
      writeJob(heap, own, job);
      return own;
    },
    ownPiece: (from, to) => piece(room, from, to - from),
  });
}

function evaluateStaged(plan: ElementaryPlan, x: RealArray, out: RealArray, threads: number): void {
  const heap = privateHeap();
  staged ??= { room: heap.allocate(roomBytes), place: heap.allocate(8 * stagedLength) };
  const { room, place } = staged;
  const shift = isFloat32Array(x) ? 2 : 3;
  writeJob(heap, room, { plan, shift, source: place, destination: place });
  const { piece } = elementaryModule.on(heap.memory);
  const View = isFloat32Array(x) ? Float32Array : Float64Array;
  const ownPiece = (from: number, to: number): void => {
    for (let first = from; first < to; first += stagedLength) {
      const length = Math.min(stagedLength, to - first);
      const view = new View(heap.memory.buffer, place, length);
      view.set(x.subarray(first, first + length));
      piece(room, 0, length);
      out.set(view, first);
    }
  };
  if (threads === 1) {
    ownPiece(0, x.length);
    return;
  }
  divideStaged<RealArray>(threadPool(), threads, {
    ...{ module: elementaryModule, x, out, roomBytes, ownPiece },
    write: (own, staging) =>
      writeJob(sharedHeap(), own, { plan, shift, source: staging, destination: staging }),
  });
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
  const useful = length >= leastThreaded ? threads : 1;
  if (isInSharedHeap(given) && isInSharedHeap(out)) {
    const shift = isFloat32Array(out) ? 2 : 3;
    const job = { plan, shift, source: given.byteOffset, destination: out.byteOffset } as const;
    evaluateInSharedHeap(job, length, useful);
  } else evaluateStaged(plan, given, out, useful);
  for (let i = 0; i < length; i++) if (Number.isNaN(out[i])) out[i] = scalar(given[i]!);
  return true;
}
