/**
 * Rounding of JavaScript's typed arrays with the kernels: in place where they lie in the library's shared memory, through
 * a cache-sized buffer in its private memory otherwise. The result does not depend on which.
 */
import { apartFrom, isFloat32Array, kindOf, type RealArray } from '../array-kinds.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type ResolvedRounding, roundArrayReference } from '../rounding/index.ts';
import { isInSharedHeap, privateHeap, sharedHeap } from './heap.ts';
import { checkSupplied, type Rounder, rounderOn } from './rounder.ts';
import { roundingRoomBytes, writeRounding } from './rounding-job.ts';
import { roundingModule } from './rounding-module.ts';
import { planRounding, type RoundingPlan } from './rounding-planner.ts';
import { roundOnSharedHeap, usefulThreads } from './shared-rounding.ts';
import { divideStaged } from './thread-division.ts';
import { threadPool } from './threads.ts';

/** Bytes of one staged chunk: far below the second-level cache. A quarter of this is a tenth slower at 10^7 elements. */
const stagedBytes = 65536;

interface Staging {
  readonly rounder: Rounder;
  readonly memory: WebAssembly.Memory;
  readonly pointer: number;
  float32: Float32Array;
  float64: Float64Array;
}

let stagingMade: Staging | undefined;
let sharedRounder: Rounder | undefined;

/** The buffer, with all that the plan needs on its heap. */
function staging(plan: RoundingPlan): Staging {
  if (stagingMade === undefined) {
    const heap = privateHeap();
    const rounder = rounderOn(heap);
    const pointer = heap.allocate(stagedBytes);
    const none = { float32: new Float32Array(0), float64: new Float64Array(0) };
    stagingMade = { rounder, memory: heap.memory, pointer, ...none };
  }
  stagingMade.rounder.prepare(plan);
  const { memory, pointer, float32 } = stagingMade;
  // Growth of the memory detaches the views over it.
  if (float32.buffer !== memory.buffer) {
    stagingMade.float32 = new Float32Array(memory.buffer, pointer, stagedBytes / 4);
    stagingMade.float64 = new Float64Array(memory.buffer, pointer, stagedBytes / 8);
  }
  return stagingMade;
}

function roundInSharedHeap(
  plan: RoundingPlan,
  x: RealArray,
  out: RealArray,
  options: ResolvedRounding,
  threads: number,
): void {
  sharedRounder ??= rounderOn(sharedHeap());
  sharedRounder.prepare(plan);
  const { byteOffset: source, length } = x;
  const round = threads === 1 ? sharedRounder.round : roundOnSharedHeap(sharedRounder, threadPool(), threads);
  round(plan, source, out.byteOffset, length, options, 0);
}

function roundStaged(
  plan: RoundingPlan,
  x: RealArray,
  out: RealArray,
  options: ResolvedRounding,
  threads: number,
): void {
  // Allocates what is missing, so that nothing can fail while other threads work.
  staging(plan);
  function ownPiece(from: number, to: number): void {
    const { rounder, pointer, float32, float64 } = staging(plan);
    const buffer = isFloat32Array(x) ? float32 : float64;
    const size = buffer.length;
    for (let start = from; start < to; start += size) {
      const length = Math.min(size, to - start);
      buffer.set(length === x.length ? x : x.subarray(start, start + length));
      rounder.round(plan, pointer, pointer, length, options, start);
      out.set(length === size ? buffer : buffer.subarray(0, length), start);
    }
  }
  if (threads === 1) {
    ownPiece(0, x.length);
    return;
  }
  const heap = sharedHeap();
  divideStaged(threadPool(), threads, {
    ...{ module: roundingModule, x, out, roomBytes: roundingRoomBytes, ownPiece },
    write(room, staging, start): void {
      const place = { source: staging, destination: staging, start };
      writeRounding(heap, room, plan, place, options);
    },
  });
}

/**
 * Rounds every element of x into out, which may be x. The same bits as `roundArrayReference`.
 *
 * @param out An array of the same kind and length.
 * @param options As `resolveRounding` gives them; supplied random integers must be at least as many as elements.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 * @throws ArgumentError if out is not like x, or if there are too few random integers. Nothing is written before.
 * @throws Error if a worker thread fails; out is incomplete then.
 */
export function roundArray<A extends RealArray>(
  x: A,
  out: A,
  format: Format,
  options: ResolvedRounding,
  threads = 1,
): void {
  if (out.length !== x.length || kindOf(out) !== kindOf(x))
    throw new ArgumentError('out', out, `a ${kindOf(x)} of length ${x.length}, as x`);
  const plan = planRounding(isFloat32Array(x) ? 'float32' : 'float64', format, options);
  if (plan !== undefined) checkSupplied(plan, options, x.length);
  const source = apartFrom(x, out);
  if (plan === undefined) {
    roundArrayReference(source, out, format, options);
    return;
  }
  const isShared = isInSharedHeap(source) && isInSharedHeap(out);
  const team = usefulThreads(threads, plan, options, x.length, isShared);
  if (isShared) roundInSharedHeap(plan, source, out, options, team);
  else roundStaged(plan, source, out, options, team);
}
