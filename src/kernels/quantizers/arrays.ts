/**
 * Quantisers on JavaScript's Float32Arrays: in place where source and result lie in the library's shared memory, through a buffer in its
 * private memory otherwise. The same bits as the reference in `src/tensor/quantizers`.
 */
import { apartFrom } from '../../array-kinds.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import { type Heap, isInSharedHeap, privateHeap, sharedHeap } from '../heap.ts';
import { quantizersModule } from '../quantizers-module.ts';
import { rounderOn } from '../rounder.ts';
import { type GroupLayout, pieceLength } from './pieces.ts';
import type { QuantizerPlan } from './plan.ts';
import { type Outcome, type QuantizerRunner, quantizersOn, type Stream } from './run.ts';

let staged: { readonly runner: QuantizerRunner; readonly pointer: number } | undefined;
let shared: QuantizerRunner | undefined;

function link(heap: Heap): QuantizerRunner {
  return quantizersOn(heap, quantizersModule.on(heap.memory), rounderOn(heap));
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
function streamStaged(x: Float32Array, out: Float32Array, { memory }: Heap, pointer: number): Stream {
  const buffer = new Float32Array(memory.buffer, pointer, pieceLength);
  const part = (start: number, length: number): Float32Array =>
    start === 0 && length === pieceLength ? buffer : buffer.subarray(start, start + length);
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
