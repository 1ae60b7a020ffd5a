/**
 * Matrix products of JavaScript's typed arrays with the kernels: on copies in the library's memory, or in place where the arrays
 * lie in its shared memory. The result does not depend on which.
 */

import { isFloat32Array, overlap, type RealArray } from '../../array-kinds.ts';
import type { Addend, ProductModel } from '../../products/model.ts';
import { type BatchShape, type ProductShape, resolveProductShape } from '../../products/shape.ts';
import { type ResolvedRounding, roundScalar } from '../../rounding/index.ts';
import { isInSharedHeap, perHeap, privateHeap, sharedHeap } from '../heap.ts';
import { productsModule } from '../products-module.ts';
import { rounderOn } from '../rounder.ts';
import { wholeArraysOn } from '../staging.ts';
import { divideCommon } from '../thread-division.ts';
import { paces, usefulThreads } from '../thread-rule.ts';
import { threadPool } from '../threads.ts';
import { integersTaken } from './draws.ts';
import type { HeapArray } from './heap-arrays.ts';
import { mostScratch } from './layout.ts';
import { productsOn } from './product-run.ts';

const placed = (x: RealArray, pointer: number): HeapArray => ({ pointer, shift: isFloat32Array(x) ? 2 : 3 });

const productsOf = perHeap((heap) => productsOn(heap, productsModule.on(heap.memory), rounderOn(heap)));

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
  const team = usefulThreads(threads, whole.k * out.length, paces.multiplication, true);
  const values = addend?.values;
  const isShared = [a, b, out, values ?? out].every(isInSharedHeap);
  const heap = isShared || team > 1 ? sharedHeap() : privateHeap();
  const products = productsOf(heap);
  const arrays = wholeArraysOn(heap);
  const place = (x: RealArray, copies = false): HeapArray => placed(x, arrays.place(x, copies));
  try {
    const left = place(a);
    const right = b === a ? left : place(b);
    const to = place(out, overlap(a, out) || overlap(b, out));
    // The addend may be the result itself.
    const isResult =
      values?.byteOffset === out.byteOffset && values.byteLength === out.byteLength && addend?.stride !== 0;
    const start = values && place(values, overlap(values, out) && !isResult);
    const done = products.matmul(left, right, to, whole, model, call, {
      threads: team,
      addend: addend && start && { ...start, stride: addend.stride },
      random: integers && arrays.place(integers, true),
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
    if (done) arrays.read(to.pointer, out);
    return done;
  } finally {
    arrays.free();
  }
}
