/** Rounding of JavaScript's typed arrays with the kernels. */
import { apartFrom, isFloat32Array, kindOf, type RealArray } from '../array-kinds.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type ResolvedRounding, roundArrayReference } from '../rounding/index.ts';
import { type Heap, isInSharedHeap, perHeap } from './heap.ts';
import { checkSupplied, rounderOn } from './rounder.ts';
import { roundingRoomBytes, writeRounding } from './rounding-job.ts';
import { roundingModule } from './rounding-module.ts';
import { planRounding } from './rounding-planner.ts';
import { threadsForRounding } from './shared-rounding.ts';
import { runElements } from './staging.ts';

const rounderOf = perHeap(rounderOn);

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
  const work = {
    inputs: [source],
    out,
    isInPlace: true,
    on(heap: Heap) {
      const rounder = rounderOf(heap);
      rounder.prepare(plan);
      return (places: readonly number[], start: number, length: number): boolean => {
        rounder.round(plan, places[0]!, places[1]!, length, options, start);
        return true;
      };
    },
    job: {
      module: roundingModule,
      roomBytes: roundingRoomBytes,
      write(heap: Heap, room: number, [from, to]: readonly number[], start: number): void {
        writeRounding(heap, room, plan, { source: from!, destination: to!, start }, options);
      },
    },
  };
  runElements(work, threadsForRounding(threads, plan, options, x.length, isShared));
}
