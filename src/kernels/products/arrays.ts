/**
 * Matrix products of JavaScript's typed arrays with the kernels: on copies in the library's memory, or in place where the arrays
 * lie in its shared memory. The result does not depend on which.
 */
import { type ResolvedRounding, roundScalar } from '../../rounding/index.ts';
import { type Heap, isInSharedHeap, overlap, privateHeap, sharedHeap } from '../heap.ts';
import { productsModule } from '../products-module.ts';
import { divideCommon } from '../thread-division.ts';
import { threadPool } from '../threads.ts';
import type { ProductModel } from './plan.ts';
import { type HeapArray, type Products, productsOn } from './run.ts';
import { type MatmulShape, type ProductShape, resolveProductShape } from './shape.ts';

type RealArray = Float32Array | Float64Array;

const shiftOf = (x: RealArray): 2 | 3 => (x instanceof Float32Array ? 2 : 3);

/** Multiplications from which on threads gain. */
const leastDivided = 2 ** 21;

const productsMade = new WeakMap<Heap, Products>();

/** The products on one of the library's own heaps. */
function productsOf(heap: Heap): Products {
  let products = productsMade.get(heap);
  if (products === undefined) {
    products = productsOn(heap, productsModule.instantiate(heap.memory));
    productsMade.set(heap, products);
  }
  return products;
}

/** Copies arrays to a heap, runs something there, copies its result back if there is one, and frees the copies. */
function staged(
  heap: Heap,
  a: RealArray,
  b: RealArray,
  out: RealArray,
  use: (a: HeapArray, b: HeapArray, out: HeapArray) => boolean,
): boolean {
  const held: number[] = [];
  function place(x: RealArray): HeapArray {
    const isShared = heap.memory.buffer === x.buffer && isInSharedHeap(x);
    const pointer = isShared ? x.byteOffset : heap.allocate(Math.max(x.byteLength, 1));
    if (!isShared) held.push(pointer);
    return { pointer, shift: shiftOf(x) };
  }
  function viewOf(x: RealArray, { pointer }: HeapArray): RealArray {
    const { buffer } = heap.memory;
    return x instanceof Float32Array
      ? new Float32Array(buffer, pointer, x.length)
      : new Float64Array(buffer, pointer, x.length);
  }
  try {
    const [pa, pb, po] = [place(a), b === a ? undefined : place(b), place(out)];
    const right = pb ?? pa;
    if (held.includes(pa.pointer)) viewOf(a, pa).set(a);
    if (pb !== undefined && held.includes(pb.pointer)) viewOf(b, pb).set(b);
    if (!use(pa, right, po)) return false;
    if (held.includes(po.pointer)) out.set(viewOf(out, po));
    return true;
  } finally {
    for (const pointer of held) heap.free(pointer);
  }
}

/**
 * out = op(a) op(b) as the model says, row-major; outputs are numbered through the batch. The same bits as the reference of
 * `src/arithmetic/accumulate`, for operands that are numbers of the arithmetic's format, or any others.
 *
 * @param out Of batch m n elements; any result is a number of its type. May be an operand.
 * @param call Seed, stream and offset of the random integers; supplied ones have no kernel.
 * @param threads As `checkThreads` gives them.
 * @returns false, and nothing is written, where no kernel does it.
 */
export function matmulArray(
  a: RealArray,
  b: RealArray,
  out: RealArray,
  shape: MatmulShape,
  model: ProductModel,
  call: ResolvedRounding,
  threads = 1,
): boolean {
  if (call.random !== undefined) return false;
  const whole: ProductShape = resolveProductShape(shape);
  if (out.length === 0) return true;
  if (whole.k === 0) {
    const { format, options } = model.conversion;
    out.fill(roundScalar(0, format, options, 0));
    return true;
  }
  const team = whole.k * out.length >= leastDivided ? threads : 1;
  const isShared = [a, b, out].every(isInSharedHeap) && !overlap(a, out) && !overlap(b, out);
  const heap = isShared || team > 1 ? sharedHeap() : privateHeap();
  const products = productsOf(heap);
  return staged(heap, a, b, out, (left, right, to) =>
    products.matmul(left, right, to, whole, model, call, team, (block, units, piece, own) => {
      const job = { module: 'products', block, length: units, commonPiece: piece } as const;
      const ownPiece = (from: number, last: number): number => {
        own(from, last);
        return -1;
      };
      divideCommon(threadPool(), team, units, () => job, ownPiece, piece);
    }),
  );
}
