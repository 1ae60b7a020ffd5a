/**
 * Quantisers on JavaScript's Float32Arrays: in place where source and result lie in the library's shared memory, through a buffer in its
 * private memory otherwise. The same bits as the reference in `src/quantizers`.
 */
import { apartFrom } from '../../array-kinds.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import { isInSharedHeap, perHeap, privateHeap, sharedHeap } from '../heap.ts';
import { quantizersModule } from '../quantizers-module.ts';
import { rounderOn } from '../rounder.ts';
import { paceOf, roundOnSharedHeap } from '../shared-rounding.ts';
import { RowBuffer, wholeArraysOn } from '../staging.ts';
import { paces, usefulThreads } from '../thread-rule.ts';
import { threadPool } from '../threads.ts';
import type { Outcome, Stream, Track } from './quantizer-pass.ts';
import { cached, extentOf, type GroupLayout, pieceFor } from './quantizer-pieces.ts';
import { needsWholeGroups, type QuantizerPlan } from './quantizer-plan.ts';
import { quantizersOn } from './quantizer-run.ts';
import { sharedCalls } from './shared-calls.ts';

const runnerOf = perHeap((heap) => {
  const rounder = rounderOn(heap);
  return { rounder, runner: quantizersOn(heap, quantizersModule.on(heap.memory), rounder) };
});

/** Elements that lie on the heap already. */
export function streamInPlace(source: number, destination: number): Stream {
  return {
    load: (start) => source + 4 * start,
    pitch: (_, stride) => stride,
    target: (start) => destination + 4 * start,
    store: () => undefined,
  };
}

/** Elements that are copied to a buffer on the private heap and back, so many at a time. */
export function streamStaged(x: Float32Array, out: Float32Array, most: number = cached.length): Stream {
  const rows = new RowBuffer(most);
  return {
    load(start, length, count, stride): number {
      rows.load(x, start, length, count, stride);
      return rows.pointer;
    },
    pitch: (length) => length,
    target: () => rows.pointer,
    store: (start, length, count, stride) => rows.store(out, start, length, count, stride),
  };
}

/** All at once, every step divided among threads: in place where x and out lie in the shared memory, on copies there otherwise. */
function quantizeByThreads(
  x: Float32Array,
  out: Float32Array,
  layout: GroupLayout,
  plan: QuantizerPlan,
  rounding: ResolvedRounding,
  threads: number,
  outcome?: Outcome,
  track?: Track,
): void {
  const heap = sharedHeap();
  const pool = threadPool();
  const extent = extentOf(layout);
  const isShared = isInSharedHeap(x) && isInSharedHeap(out);
  const arrays = wholeArraysOn(heap);
  const calls = sharedCalls(heap, pool, threads, extent.length);
  const { rounder: own } = runnerOf(heap);
  const rounder = { ...own, round: roundOnSharedHeap(own, pool, threads) };
  const runner = quantizersOn(heap, calls.kernels, rounder, extent);
  try {
    runner.prepare(plan, layout);
    const source = arrays.place(x, !isShared);
    const target = isShared ? out.byteOffset : source;
    runner.run(plan, streamInPlace(source, target), layout, rounding, outcome, track);
    arrays.read(target, out);
  } finally {
    runner.release();
    calls.release();
    arrays.free();
  }
}

/**
 * Quantises x and dequantises it into out, which may be x. Both of layout.rows * layout.columns elements, at least one.
 *
 * @param rounding The plan's, or one that differs in its random numbers.
 * @param outcome Also filled, if given.
 * @param track Of plans that are tracked.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 */
export function quantizeArray(
  x: Float32Array,
  out: Float32Array,
  layout: GroupLayout,
  plan: QuantizerPlan,
  rounding: ResolvedRounding,
  outcome?: Outcome,
  threads = 1,
  track?: Track,
): void {
  const source = apartFrom(x, out);
  const isShared = isInSharedHeap(source) && isInSharedHeap(out);
  const pace = plan.rounding === undefined ? paces.memory : paceOf(plan.rounding);
  const team = usefulThreads(threads, x.length, pace, isShared);
  if (team > 1) {
    quantizeByThreads(source, out, layout, plan, rounding, team, outcome, track);
    return;
  }
  const { runner } = runnerOf(isShared ? sharedHeap() : privateHeap());
  // Allocates what is missing, before there are views of the memory.
  runner.prepare(plan, layout);
  const stream = isShared
    ? streamInPlace(source.byteOffset, out.byteOffset)
    : streamStaged(source, out, pieceFor(layout, needsWholeGroups(plan)).length);
  runner.run(plan, stream, layout, rounding, outcome, track);
}
