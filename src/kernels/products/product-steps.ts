/** The two halves of a product on a heap: all sums, a chunk of k after the other, and the result of them. */

import type { ProductModel } from '../../products/model.ts';
import * as slots from '../generated/layout-products.ts';
import type { Heap } from '../heap.ts';
import type { ProductsModuleExports } from '../products-module.ts';
import type { Rounder } from '../rounder.ts';
import { type Block, type ProductBlocks, setDraws, type Work } from './blocks.ts';
import type { Draws } from './draws.ts';
import type { HeapArray } from './heap-arrays.ts';
import type { FinishPlan } from './product-plan.ts';

/** Does `units` units of the work of a block, `piece` at a time; the calling thread does its own by `own`. */
export type Divide = (
  block: number,
  units: number,
  piece: number,
  own: (from: number, to: number) => void,
) => void;

/** The block that adds chunks up, and the one that rounds their sums before. */
interface ChunkBlocks {
  readonly adding: Block | undefined;
  readonly flushing: Block | undefined;
}

/** Who shares the work. */
interface Division {
  readonly threads?: number;
  readonly divide?: Divide;
}

/** What products on a heap are made with. */
export interface ProductParts {
  readonly heap: Heap;
  readonly raw: ProductsModuleExports;
  readonly blocks: ProductBlocks;
  readonly rounder: Rounder;
}

/** No rounding at all. */
const copying: FinishPlan = { sums: slots.sumNearest, rounding: undefined, drawBits: 0, randomBits: 1 };

/** Makes the sums of all steps of k, a chunk of them after the other. */
export function addUp(
  { raw }: ProductParts,
  { shape, left, right, plan, layout, sums, second }: Work,
  { pointer, view }: Block,
  { adding, flushing }: ChunkBlocks,
  draws: Draws | undefined,
  { threads = 1, divide }: Division,
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

/** Copies numbers, whatever their types. */
function store({ raw, blocks }: ProductParts, from: HeapArray, to: HeapArray, count: number): void {
  const { pointer } = blocks.begin('conversion', copying, undefined);
  raw.finish(pointer, from.pointer, 0, from.shift, to.pointer, to.shift, count);
}

/** Makes the result of the sums. */
export function finish(
  parts: ProductParts,
  { shape, plan, layout, sums, second }: Work,
  out: HeapArray,
  model: ProductModel | undefined,
  draws: Draws | undefined,
): void {
  const { raw, blocks, rounder } = parts;
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
      if (to === from.pointer && !isDirect) store(parts, from, out, outputs);
    } else {
      store(parts, from, out, outputs);
      round(out.pointer, out.pointer);
    }
  } else if (conversion !== undefined && !('plan' in conversion)) {
    const { pointer, view } = blocks.begin('conversion', conversion, model?.conversion, draws?.call);
    if (draws !== undefined) setDraws(view, draws, 0, shape.k, 'conversions');
    const secondParts = layout.isSplit ? second : 0;
    raw.finish(pointer, from.pointer, secondParts, shift, out.pointer, out.shift, outputs);
  } else if (!isDirect) store(parts, from, out, outputs);
}
