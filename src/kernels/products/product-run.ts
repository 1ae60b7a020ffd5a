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
import type { Rounder } from '../rounder.ts';
import { type Block, productBlocksOn, setDraws, setSums, type Work } from './blocks.ts';
import { type Draws, suppliedParts } from './draws.ts';
import { extentOfOperand, extentOfStart, nothing, type OperandExtent } from './extent.ts';
import { beginSums, type HeapAddend, type HeapArray } from './heap-arrays.ts';
import { layoutOf, mostScratch } from './layout.ts';
import type { FinishPlan, ProductPlan } from './product-plan.ts';
import { planProduct } from './product-planner.ts';
import { oriented } from './product-shape.ts';

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

/** Does `units` units of the work of a block, `piece` at a time; the calling thread does its own by `own`. */
type Divide = (block: number, units: number, piece: number, own: (from: number, to: number) => void) => void;

/** The block that adds chunks up, and the one that rounds their sums before. */
interface ChunkBlocks {
  readonly adding: Block | undefined;
  readonly flushing: Block | undefined;
}

export interface Products {
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

/** No rounding at all. */
const copying: FinishPlan = { sums: slots.sumNearest, rounding: undefined, drawBits: 0, randomBits: 1 };

/** @param rounder Of the same heap; the caller releases it. */
export function productsOn(heap: Heap, raw: ProductsModuleExports, rounder: Rounder): Products {
  const blocks = productBlocksOn(heap);
  let scratch: { pointer: number; bytes: number } | undefined;

  function scratchOf(bytes: number): number {
    if (scratch === undefined || scratch.bytes < bytes) {
      if (scratch !== undefined) heap.free(scratch.pointer);
      scratch = undefined;
      scratch = { pointer: heap.allocate(bytes), bytes };
    }
    return scratch.pointer;
  }

  function extentOf({ pointer, shift }: HeapArray, count: number): OperandExtent {
    const state = blocks.pointer();
    raw.profile(pointer, shift, count, state);
    const words = new BigUint64Array(heap.memory.buffer, state, 5);
    return extentOfOperand(words, shift, () => raw.grain(pointer, shift, count));
  }

  /** Copies numbers, whatever their types. */
  function store(from: HeapArray, to: HeapArray, count: number): void {
    const { pointer } = blocks.begin('conversion', copying, undefined);
    raw.finish(pointer, from.pointer, 0, from.shift, to.pointer, to.shift, count);
  }

  /** Makes the sums of all steps of k, a chunk of them after the other. */
  function addUp(
    { shape, left, right, plan, layout, sums, second }: Work,
    { pointer, view }: Block,
    { adding, flushing }: ChunkBlocks,
    draws: Draws | undefined,
    { threads = 1, divide }: ProductExtras,
  ): void {
    const { m, n, k, transposeA, transposeB, batch } = shape;
    const { shift } = plan.sum;
    const { depth, units, piece, packs } = layout;
    const share = (count: number, each: number): void => {
      if (divide === undefined || count <= each) raw.piece(pointer, 0, count);
      else divide(pointer, count, each, (from, to) => raw.piece(pointer, from, to - from));
    };
    const set = (slot: number, value: number): void => view.setUint32(slot, value, true);
    for (let step = 0; step < k; step += depth) {
      set(slots.kSlot, Math.min(depth, k - step));
      // One step of k lies a row further in an operand that is stored along the other way.
      set(slots.aSlot, left.pointer + ((transposeA ? step * m : step) << left.shift));
      set(slots.bSlot, right.pointer + ((transposeB ? step : step * n) << right.shift));
      if (draws !== undefined) setDraws(view, draws, step, k, 'sums');
      if (packs) {
        const panels = Math.ceil(n / (32 >> shift));
        set(slots.packsSlot, 1);
        share(panels, Math.ceil(panels / (4 * threads)));
        set(slots.packsSlot, 0);
      }
      share(units, piece);
      if (adding === undefined || draws === undefined) continue;
      if (flushing !== undefined) raw.finish(flushing.pointer, sums, 0, shift, sums, shift, batch * m * n);
      setDraws(adding.view, draws, step, k, 'chunks');
      raw.finish(adding.pointer, second, sums, shift, second, shift, batch * m * n);
    }
  }

  /** Makes the result of the sums. */
  function finish(
    { shape, plan, layout, sums, second }: Work,
    out: HeapArray,
    model: ProductModel | undefined,
    draws: Draws | undefined,
  ): void {
    const outputs = shape.batch * shape.m * shape.n;
    const { shift } = plan.sum;
    const { conversion } = plan;
    const { rounds, isDirect } = layout;
    const from = { pointer: plan.chunks === undefined ? sums : second, shift };
    if (rounds !== undefined && model !== undefined) {
      const { options } = model.conversion;
      const round = (at: number, to: number): void => rounder.round(rounds.plan, at, to, outputs, options, 0);
      if (rounds.shift === shift) {
        const to = out.shift === shift ? out.pointer : from.pointer;
        round(from.pointer, to);
        if (to === from.pointer && !isDirect) store(from, out, outputs);
      } else {
        store(from, out, outputs);
        round(out.pointer, out.pointer);
      }
    } else if (conversion !== undefined && !('plan' in conversion)) {
      const { pointer, view } = blocks.begin('conversion', conversion, model?.conversion, draws?.call);
      if (draws !== undefined) setDraws(view, draws, 0, shape.k, 'conversions');
      const secondParts = layout.isSplit ? second : 0;
      raw.finish(pointer, from.pointer, secondParts, shift, out.pointer, out.shift, outputs);
    } else if (!isDirect) store(from, out, outputs);
  }

  function run(
    a: HeapArray,
    b: HeapArray,
    out: HeapArray,
    given: ProductShape,
    plan: ProductPlan,
    model: ProductModel | undefined,
    draws: Draws | undefined,
    extras: ProductExtras,
  ): boolean {
    const { swaps, ...shape } = oriented(given);
    const { sum, chunks, flush } = plan;
    const { addend, threads = 1 } = extras;
    const layout = layoutOf(shape, plan, model?.order ?? 'sequential', out.shift, threads);
    if (layout.bytes > mostScratch) return false;
    const scratch = scratchOf(layout.bytes);
    const sums = layout.isDirect ? out.pointer : scratch + layout.sumsAt;
    const second = scratch + layout.secondAt;
    const [left, right] = swaps ? [b, a] : [a, b];
    const work = { shape, left, right, plan, layout, scratch, sums, second };

    const target = targetOfSums(model);
    const adding = chunks && blocks.begin('chunks', chunks, target, draws?.call);
    const flushing = flush && blocks.begin('conversion', flush, target);
    const block = blocks.begin('sums', sum, target, draws?.call);
    setSums(block.view, work);
    // Chunks begin with +0, and their sum with the addend.
    block.view.setUint32(slots.startsSlot, Number(addend !== undefined && chunks === undefined), true);
    if (addend !== undefined) {
      const start = { pointer: chunks === undefined ? sums : second, shift: sum.shift };
      const split = layout.isSplit ? block.view.getFloat64(slots.splitSlot, true) : 0;
      const secondParts = layout.isSplit ? second : 0;
      beginSums(heap.memory, addend, start, secondParts, shape.m * shape.n, shape.batch, split);
    } else if (chunks !== undefined) new Uint8Array(heap.memory.buffer, second, layout.sumBytes).fill(0);

    addUp(work, block, { adding, flushing }, draws, extras);
    finish(work, out, model, draws);
    return true;
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
      return plan !== undefined && run(a, b, out, shape, plan, model, draws, extras);
    },
    matmulFloat32(a, b, out, shape, threads = 1, divide): void {
      const array = (pointer: number): HeapArray => ({ pointer, shift: 2 });
      if (shape.k === 0) {
        new Float32Array(heap.memory.buffer, out, shape.batch * shape.m * shape.n).fill(0);
        return;
      }
      run(array(a), array(b), array(out), shape, plain32, undefined, undefined, {
        threads,
        ...(divide && { divide }),
      });
    },
    release(): void {
      blocks.release();
      if (scratch !== undefined) heap.free(scratch.pointer);
      scratch = undefined;
    },
  };
}

/** The rounding whose direction decides the sign of a sum that is zero. */
function targetOfSums(model: ProductModel | undefined): Target | undefined {
  const accumulate = model?.accumulate;
  if (accumulate === undefined || accumulate === 'exact') return model?.conversion;
  return 'kind' in accumulate ? undefined : accumulate;
}
