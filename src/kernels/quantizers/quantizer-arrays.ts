/**
 * Quantisers on JavaScript's Float32Arrays: in place where source and result lie in the library's shared memory, through a buffer in its
 * private memory otherwise. The same bits as the reference in `src/quantizers`.
 */
import { apartFrom } from '../../array-kinds.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import { type Heap, isInSharedHeap, privateHeap, sharedHeap } from '../heap.ts';
import { quantizersModule } from '../quantizers-module.ts';
import { type Rounder, rounderOn } from '../rounder.ts';
import { isQuick, roundOnSharedHeap } from '../shared-rounding.ts';
import { threadsForElements } from '../thread-rule.ts';
import { threadPool } from '../threads.ts';
import type { Outcome, Stream, Track } from './quantizer-pass.ts';
import { cached, extentOf, type GroupLayout } from './quantizer-pieces.ts';
import type { QuantizerPlan } from './quantizer-plan.ts';
import { type QuantizerRunner, quantizersOn } from './quantizer-run.ts';
import { sharedCalls } from './shared-calls.ts';

let staged: { readonly runner: QuantizerRunner; readonly pointer: number } | undefined;
let shared: { readonly runner: QuantizerRunner; readonly rounder: Rounder } | undefined;

function link(heap: Heap, rounder: Rounder): QuantizerRunner {
  return quantizersOn(heap, quantizersModule.on(heap.memory), rounder);
}

function sharedRunner(): NonNullable<typeof shared> {
  if (shared === undefined) {
    const rounder = rounderOn(sharedHeap());
    shared = { rounder, runner: link(sharedHeap(), rounder) };
  }
  return shared;
}

/** Elements that lie on the heap already. */
export function streamInPlace(source: number, destination: number): Stream {
  return {
    load: (start) => source + 4 * start,
    pitch: (_, stride) => stride,
    target: (start) => destination + 4 * start,
    store: () => undefined,
  };
}

/** Elements that are copied to a buffer on the heap and back. */
export function streamStaged(x: Float32Array, out: Float32Array, { memory }: Heap, pointer: number): Stream {
  const buffer = new Float32Array(memory.buffer, pointer, cached.length);
  const part = (start: number, length: number): Float32Array =>
    start === 0 && length === cached.length ? buffer : buffer.subarray(start, start + length);
  return {
    load(start, length, rows = 1, stride = length): number {
      if (length === stride) buffer.set(x.subarray(start, start + rows * length));
      else
        for (let row = 0; row < rows; row++)
          buffer.set(x.subarray(start + row * stride, start + row * stride + length), row * length);
      return pointer;
    },
    pitch: (length) => length,
    target: () => pointer,
    store(start, length, rows = 1, stride = length): void {
      if (length === stride) out.set(part(0, rows * length), start);
      else for (let row = 0; row < rows; row++) out.set(part(row * length, length), start + row * stride);
    },
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
  const copy = isShared ? undefined : heap.allocate(x.byteLength);
  const calls = sharedCalls(heap, pool, threads, extent.length);
  const { rounder: own } = sharedRunner();
  const rounder = { ...own, round: roundOnSharedHeap(own, pool, threads) };
  const runner = quantizersOn(heap, calls.kernels, rounder, extent);
  try {
    runner.prepare(plan);
    const view = copy === undefined ? undefined : new Float32Array(heap.memory.buffer, copy, x.length);
    view?.set(x);
    const stream = streamInPlace(copy ?? x.byteOffset, copy ?? out.byteOffset);
    runner.run(plan, stream, layout, rounding, outcome, track);
    if (view !== undefined) out.set(view);
  } finally {
    runner.release();
    calls.release();
    if (copy !== undefined) heap.free(copy);
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
  const team = threadsForElements(
    threads,
    x.length,
    plan.rounding === undefined || isQuick(plan.rounding),
    isShared,
  );
  if (team > 1) {
    quantizeByThreads(source, out, layout, plan, rounding, team, outcome, track);
    return;
  }
  if (isShared) {
    const { runner } = sharedRunner();
    runner.prepare(plan);
    runner.run(plan, streamInPlace(source.byteOffset, out.byteOffset), layout, rounding, outcome, track);
    return;
  }
  const heap = privateHeap();
  staged ??= { runner: link(heap, rounderOn(heap)), pointer: heap.allocate(4 * cached.length) };
  const { runner, pointer } = staged;
  runner.prepare(plan);
  runner.run(plan, streamStaged(source, out, heap, pointer), layout, rounding, outcome, track);
}
