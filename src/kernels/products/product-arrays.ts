/**
 * Matrix products of JavaScript's typed arrays with the kernels: on copies in the library's memory, or in place where the arrays
 * lie in its shared memory. The result does not depend on which.
 */

import { isFloat32Array, overlap, type RealArray } from '../../array-kinds.ts';
import type { Addend, ProductModel } from '../../products/model.ts';
import { type BatchShape, type ProductShape, resolveProductShape } from '../../products/shape.ts';
import { type ResolvedRounding, roundScalar } from '../../rounding/index.ts';
import { type Heap, isInSharedHeap, privateHeap, sharedHeap } from '../heap.ts';
import { productsModule } from '../products-module.ts';
import { rounderOn } from '../rounder.ts';
import { divideCommon } from '../thread-division.ts';
import { threadsForProducts } from '../thread-rule.ts';
import { threadPool } from '../threads.ts';
import { integersTaken } from './draws.ts';
import type { HeapArray } from './heap-arrays.ts';
import { mostScratch } from './layout.ts';
import { type Products, productsOn } from './product-run.ts';

const shiftOf = (x: RealArray): 2 | 3 => (isFloat32Array(x) ? 2 : 3);

const productsMade = new WeakMap<Heap, Products>();

/** The products on one of the library's own heaps. */
function productsOf(heap: Heap): Products {
  let products = productsMade.get(heap);
  if (products === undefined) {
    products = productsOn(heap, productsModule.on(heap.memory), rounderOn(heap));
    productsMade.set(heap, products);
  }
  return products;
}

/** Arrays on a heap, `isShared` saying whether it is the shared one: in place, or copied there until `free`. */
function stagingOn(
  heap: Heap,
  isShared: boolean,
): {
  place(x: RealArray, copies?: boolean): HeapArray;
  placeIntegers(x: Uint32Array): number;
  read(from: HeapArray, to: RealArray): void;
  free(): void;
} {
  const held: number[] = [];
  function hold(bytes: number): number {
    const pointer = heap.allocate(Math.max(bytes, 8));
    held.push(pointer);
    return pointer;
  }
  function viewOf(x: RealArray, pointer: number): RealArray {
    const { buffer } = heap.memory;
    return isFloat32Array(x)
      ? new Float32Array(buffer, pointer, x.length)
      : new Float64Array(buffer, pointer, x.length);
  }
  return {
    place(x, copies = false): HeapArray {
      // An array of the shared memory keeps its place, even if that memory has grown since.
      if (isShared && isInSharedHeap(x) && !copies) return { pointer: x.byteOffset, shift: shiftOf(x) };
      const pointer = hold(x.byteLength);
      viewOf(x, pointer).set(x);
      return { pointer, shift: shiftOf(x) };
    },
    placeIntegers(x): number {
      // Kernels may read one more.
      const pointer = hold(x.byteLength + 4);
      new Uint32Array(heap.memory.buffer, pointer, x.length).set(x);
      return pointer;
    },
    read({ pointer }, to): void {
      if (held.includes(pointer)) to.set(viewOf(to, pointer));
    },
    free(): void {
      for (const pointer of held) heap.free(pointer);
    },
  };
}

/**
 * out = op(a) op(b) + addend as the model says, row-major; outputs are numbered through the batch. The same bits as the reference of
 * `src/arithmetic/accumulate`, for operands that are numbers of the arithmetic's format, or any others.
 *
 * @param out Of batch m n elements; any result is a number of its type. May be an operand.
 * @param call Seed, stream and offset of the random integers, or those that are supplied.
 * @param threads As `checkThreads` gives them.
 * @param addend Numbers of the format of the result (of a matrix unit's addend). Default +0.
 * @returns false, and nothing is written, where no kernel does it.
 */
export function matmulArray(
  a: RealArray,
  b: RealArray,
  out: RealArray,
  shape: BatchShape,
  model: ProductModel,
  call: ResolvedRounding,
  threads = 1,
  addend?: Addend,
): boolean {
  const whole: ProductShape = resolveProductShape(shape);
  if (out.length === 0) return true;
  if (whole.k === 0) {
    if (addend !== undefined || call.random !== undefined) return false;
    const { format, options } = model.conversion;
    out.fill(roundScalar(0, format, options, 0));
    return true;
  }
  const integers = call.random?.subarray(0, integersTaken(model, whole.k * out.length));
  if (integers !== undefined) {
    if (integers.length < integersTaken(model, whole.k * out.length)) return false;
    if (integers.byteLength > mostScratch) return false;
  }
  const team = threadsForProducts(threads, whole.k * out.length);
  const values = addend?.values;
  const isShared = [a, b, out, values ?? out].every(isInSharedHeap);
  const usesShared = isShared || team > 1;
  const heap = usesShared ? sharedHeap() : privateHeap();
  const products = productsOf(heap);
  const staging = stagingOn(heap, usesShared);
  try {
    const left = staging.place(a);
    const right = b === a ? left : staging.place(b);
    const to = staging.place(out, overlap(a, out) || overlap(b, out));
    // The addend may be the result itself.
    const isResult =
      values?.byteOffset === out.byteOffset && values.byteLength === out.byteLength && addend?.stride !== 0;
    const start = values && staging.place(values, overlap(values, out) && !isResult);
    const done = products.matmul(left, right, to, whole, model, call, {
      threads: team,
      addend: addend && start && { ...start, stride: addend.stride },
      random: integers && staging.placeIntegers(integers),
      divide: (block, units, piece, own) => {
        divideCommon(threadPool(), team, {
          ...{ module: productsModule, length: units, piece },
          // One for all: threads write nowhere but in the outputs and in scratch memory of their units.
          blockOf: () => block,
          ownPiece: (from, to) => {
            own(from, to);
            return -1;
          },
        });
      },
    });
    if (done) staging.read(to, out);
    return done;
  } finally {
    staging.free();
  }
}
