/**
 * Runs product plans on a heap: looks at the operands, lays out the blocks, keeps the scratch memory, adds chunks up, rounds
 * what the accumulators hold.
 */

import type { ProductModel, Target } from '../../products/model.ts';
import type { ProductShape } from '../../products/shape.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import * as slots from '../generated/layout-products.ts';
import type { Heap } from '../heap.ts';
import type { ProductsModuleExports } from '../products-module.ts';
import { type GrowingRoom, growingRoom } from '../rooms.ts';
import type { Rounder } from '../rounder.ts';
import { productBlocksOn, setSums, type Work } from './blocks.ts';
import { type Draws, suppliedParts } from './draws.ts';
import { extentOfOperand, extentOfStart, nothing, type OperandExtent } from './extent.ts';
import { beginSums, type HeapAddend, type HeapArray } from './heap-arrays.ts';
import { layoutOf, mostScratch } from './layout.ts';
import type { ProductPlan } from './product-plan.ts';
import { planProduct } from './product-planner.ts';
import { oriented } from './product-shape.ts';
import { addUp, type Divide, finish, type ProductParts } from './product-steps.ts';

/** What a product may have besides operands. */
interface ProductExtras {
  /** Numbers of the result's format. Default: +0. May lie where the result goes, if its stride is that of a matrix there. */
  readonly addend?: HeapAddend | undefined;
  /** Pointer of the random integers that the call supplies, in the order of `docs/accumulation.md`. */
  readonly random?: number | undefined;
  /** Default 1. */
  readonly threads?: number;
  /** Shares the work among `threads`. Default: the calling thread does it. */
  readonly divide?: Divide;
}

interface Products {
  /**
   * out = op(a) op(b) + addend as the model says, for `shape.k` of at least 1. The seed, stream and offset of draws are those of
   * `call`, unless integers are supplied.
   *
   * @returns false, and nothing is written, where no kernel does it.
   */
  matmul(
    a: HeapArray,
    b: HeapArray,
    out: HeapArray,
    shape: ProductShape,
    model: ProductModel,
    call: ResolvedRounding,
    extras?: ProductExtras,
  ): boolean;
  /** out = op(a) op(b) in binary32, product and sum each rounded to nearest even. */
  matmulFloat32(
    a: number,
    b: number,
    out: number,
    shape: ProductShape,
    threads?: number,
    divide?: Divide,
  ): void;
  release(): void;
}

const plain32: ProductPlan = {
  sum: {
    kernel: slots.plain32,
    shift: 2,
    sums: slots.sumNearest,
    roundsProducts: false,
    drawBits: 0,
    randomBits: 1,
  },
  chunks: undefined,
  conversion: undefined,
};

/** The rounding whose direction decides the sign of a sum that is zero. */
function targetOfSums(model: ProductModel | undefined): Target | undefined {
  const accumulate = model?.accumulate;
  if (accumulate === undefined || accumulate === 'exact') return model?.conversion;
  return 'kind' in accumulate ? undefined : accumulate;
}

/** A product that has a plan. */
interface Run {
  readonly a: HeapArray;
  readonly b: HeapArray;
  readonly out: HeapArray;
  readonly shape: ProductShape;
  readonly plan: ProductPlan;
  readonly model: ProductModel | undefined;
  readonly draws: Draws | undefined;
  readonly extras: ProductExtras;
}

/** Has sums begin with the addend. Chunks begin with +0, and their sum with it. */
function beginWork(
  { heap }: ProductParts,
  { shape, plan, layout, sums, second }: Work,
  view: DataView,
  addend: HeapAddend | undefined,
): void {
  const { sum, chunks } = plan;
  view.setUint32(slots.startsSlot, Number(addend !== undefined && chunks === undefined), true);
  if (addend !== undefined) {
    const start = { pointer: chunks === undefined ? sums : second, shift: sum.shift };
    const split = layout.isSplit ? view.getFloat64(slots.splitSlot, true) : 0;
    const secondParts = layout.isSplit ? second : 0;
    beginSums(heap.memory, addend, start, secondParts, shape.m * shape.n, shape.batch, split);
  } else if (chunks !== undefined) new Uint8Array(heap.memory.buffer, second, layout.sumBytes).fill(0);
}

/** Returns false, and nothing is written, where it takes too much memory. */
function run(
  parts: ProductParts,
  room: GrowingRoom,
  { a, b, out, plan, model, draws, extras, ...given }: Run,
): boolean {
  const { swaps, ...shape } = oriented(given.shape);
  const layout = layoutOf(shape, plan, model?.order ?? 'sequential', out.shift, extras.threads ?? 1);
  if (layout.bytes > mostScratch) return false;
  const scratch = room.of(layout.bytes);
  const sums = layout.isDirect ? out.pointer : scratch + layout.sumsAt;
  const second = scratch + layout.secondAt;
  const [left, right] = swaps ? [b, a] : [a, b];
  const work = { shape, left, right, plan, layout, scratch, sums, second };

  const { blocks } = parts;
  const target = targetOfSums(model);
  const adding = plan.chunks && blocks.begin('chunks', plan.chunks, target, draws?.call);
  const flushing = plan.flush && blocks.begin('conversion', plan.flush, target);
  const block = blocks.begin('sums', plan.sum, target, draws?.call);
  setSums(block.view, work);
  beginWork(parts, work, block.view, extras.addend);
  addUp(parts, work, block, { adding, flushing }, draws, extras);
  finish(parts, work, out, model, draws);
  return true;
}

/** @param rounder Of the same heap; the caller releases it. */
export function productsOn(heap: Heap, raw: ProductsModuleExports, rounder: Rounder): Products {
  const blocks = productBlocksOn(heap);
  const room = growingRoom(heap);
  const parts: ProductParts = { heap, raw, blocks, rounder };

  function extentOf({ pointer, shift }: HeapArray, count: number): OperandExtent {
    const state = blocks.pointer();
    raw.profile(pointer, shift, count, state);
    const words = new BigUint64Array(heap.memory.buffer, state, 5);
    return extentOfOperand(words, shift, () => raw.grain(pointer, shift, count));
  }

  return {
    matmul(a, b, out, shape, model, call, extras = {}): boolean {
      const { m, n, k, batch, batchStrideA, batchStrideB } = shape;
      const { addend, random } = extras;
      if (call.random !== undefined && random === undefined) return false;
      const extentA = extentOf(a, (batch - 1) * batchStrideA + m * k);
      const extentB = extentOf(b, (batch - 1) * batchStrideB + k * n);
      const start =
        addend === undefined
          ? nothing
          : extentOfStart(extentOf(addend, (batch - 1) * addend.stride + m * n), model.conversion.format);
      const plan = planProduct(model, extentA, extentB, start, k, m > 1 && n > 1, out.shift);
      const draws = { call, supplied: suppliedParts(model, random, batch * m * n * k) };
      return plan !== undefined && run(parts, room, { a, b, out, shape, plan, model, draws, extras });
    },
    matmulFloat32(a, b, out, shape, threads = 1, divide): void {
      const array = (pointer: number): HeapArray => ({ pointer, shift: 2 });
      if (shape.k === 0) {
        new Float32Array(heap.memory.buffer, out, shape.batch * shape.m * shape.n).fill(0);
        return;
      }
      run(parts, room, {
        ...{ a: array(a), b: array(b), out: array(out), shape, plan: plain32 },
        ...{ model: undefined, draws: undefined, extras: { threads, ...(divide && { divide }) } },
      });
    },
    release(): void {
      blocks.release();
      room.release();
    },
  };
}
