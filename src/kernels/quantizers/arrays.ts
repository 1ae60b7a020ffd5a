/**
 * Quantisers on JavaScript's Float32Arrays: in place where source and result lie in the library's shared memory, through a buffer in its
 * private memory otherwise. The same bits as the reference in `src/tensor/quantizers`.
 */
import { apartFrom } from '../../array-kinds.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import { type Heap, isInSharedHeap, privateHeap, sharedHeap } from '../heap.ts';
import { quantizersModule } from '../quantizers-module.ts';
import { rounderOn } from '../rounder.ts';
import { roundingModule } from '../rounding-module.ts';
import type { QuantizerPlan } from './plan.ts';
import {
  type GroupLayout,
  type Outcome,
  pieceLength,
  type QuantizerRunner,
  quantizersOn,
  type Stream,
} from './run.ts';

let staged: { readonly runner: QuantizerRunner; readonly pointer: number } | undefined;
let shared: QuantizerRunner | undefined;

function link(heap: Heap): QuantizerRunner {
  const rounder = rounderOn(heap, roundingModule.instantiate(heap.memory));
  return quantizersOn(heap, quantizersModule.instantiate(heap.memory), rounder);
}

/** Elements that lie on the heap already. */
export function streamInPlace(source: number, destination: number): Stream {
  return {
    load: (start) => source + 4 * start,
    target: (start) => destination + 4 * start,
    store: () => undefined,
  };
}

/** Elements that are copied to a buffer on the heap and back. */
function streamStaged(x: Float32Array, out: Float32Array, { memory }: Heap, pointer: number): Stream {
  const buffer = new Float32Array(memory.buffer, pointer, pieceLength);
  return {
    load(start, length): number {
      buffer.set(x.subarray(start, start + length));
      return pointer;
    },
    target: () => pointer,
    store(start, length): void {
      out.set(length === pieceLength ? buffer : buffer.subarray(0, length), start);
    },
  };
}

/**
 * Quantises x and dequantises it into out, which may be x. Both of layout.rows * layout.columns elements, at least one.
 *
 * @param rounding The plan's, or one that differs in its random numbers.
 * @param outcome Also filled, if given.
 */
export function quantizeArray(
  x: Float32Array,
  out: Float32Array,
  layout: GroupLayout,
  plan: QuantizerPlan,
  rounding: ResolvedRounding,
  outcome?: Outcome,
): void {
  const source = apartFrom(x, out);
  if (isInSharedHeap(source) && isInSharedHeap(out)) {
    shared ??= link(sharedHeap());
    shared.prepare(plan);
    shared.run(plan, streamInPlace(source.byteOffset, out.byteOffset), layout, rounding, outcome);
    return;
  }
  const heap = privateHeap();
  staged ??= { runner: link(heap), pointer: heap.allocate(4 * pieceLength) };
  const { runner, pointer } = staged;
  runner.prepare(plan);
  runner.run(plan, streamStaged(source, out, heap, pointer), layout, rounding, outcome);
}
