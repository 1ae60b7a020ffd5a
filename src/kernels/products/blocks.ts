/** Blocks of parameters of the kernels of products: of the sums, of the chunks and of the conversion. */

import type { Target } from '../../products/model.ts';
import { type Part, parts } from '../../products/model.ts';
import type { ProductShape } from '../../products/shape.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import * as slots from '../generated/layout-products.ts';
import { parameterBytes } from '../generated/layout-rounding.ts';
import type { Heap } from '../heap.ts';
import { writeParameters } from '../rounding-job.ts';
import type { Draws } from './draws.ts';
import type { HeapArray } from './heap-arrays.ts';
import type { Layout } from './layout.ts';
import type { FinishPlan, ProductPlan, SumPlan } from './product-plan.ts';

/** A block of parameters on the heap. */
export interface Block {
  readonly pointer: number;
  /** Taken anew each time: an allocation may move the memory away from under an older one. */
  readonly view: DataView;
}

/** A product that is being made. */
export interface Work {
  /** As kernels see it, and its operands in that order. */
  readonly shape: ProductShape;
  readonly left: HeapArray;
  readonly right: HeapArray;
  readonly plan: ProductPlan;
  readonly layout: Layout;
  /** Pointers of the scratch, of the sums, and of their second parts or those of all chunks so far. */
  readonly scratch: number;
  readonly sums: number;
  readonly second: number;
}

/** The places of blocks, each with the parameters of its rounding. */
const blockPlaces = { sums: 0, chunks: 1, conversion: 2 };

const partBytes = slots.blockBytes + parameterBytes;

export interface ProductBlocks {
  /** Pointer of the blocks, which hold nothing between two products. */
  pointer(): number;
  /** The block of a plan with its rounding, without draws. `target` is that whose direction decides the sign of a zero. */
  begin(
    place: keyof typeof blockPlaces,
    plan: FinishPlan | SumPlan,
    target: Target | undefined,
    call?: ResolvedRounding,
  ): Block;
  release(): void;
}

function kernelOf(plan: FinishPlan | SumPlan): number {
  if ('kernel' in plan) return plan.kernel;
  return plan.rounding === undefined ? slots.unrounded64 : slots.general64 + plan.rounding.kernel;
}

export function productBlocksOn(heap: Heap): ProductBlocks {
  let allocated: number | undefined;

  function pointerOf(): number {
    allocated ??= heap.allocate(3 * partBytes);
    return allocated;
  }

  return {
    pointer: pointerOf,
    begin(place, plan, target, call): Block {
      const pointer = pointerOf() + blockPlaces[place] * partBytes;
      const { rounding } = plan;
      new Uint8Array(heap.memory.buffer, pointer, partBytes).fill(0);
      if (rounding !== undefined) writeParameters(heap, pointer + slots.blockBytes, rounding);
      const viewOf = (): DataView => new DataView(heap.memory.buffer, pointer, slots.blockBytes);
      const view = viewOf();
      view.setUint32(slots.kernelSlot, kernelOf(plan), true);
      view.setUint32(slots.parametersSlot, pointer + slots.blockBytes, true);
      view.setUint32(slots.sumSlot, plan.sums, true);
      view.setUint32(slots.drawBitsSlot, plan.drawBits, true);
      view.setUint32(slots.randomBitsSlot, plan.randomBits, true);
      view.setUint32(slots.exponentMaskSlot, 0x7f800000, true);
      const flips = target?.options.rounding === 'toward-negative' && target.format.hasNegativeZero;
      view.setBigUint64(slots.flipSlot, flips ? 1n << 63n : 0n, true);
      if (call !== undefined) view.setBigUint64(slots.seedSlot, BigInt(call.seed), true);
      return {
        pointer,
        get view() {
          return viewOf();
        },
      };
    },
    release(): void {
      if (allocated !== undefined) heap.free(allocated);
      allocated = undefined;
    },
  };
}

/** Where the draws of a part begin; parts have a stream each, or a stretch of the supplied integers. */
export function setDraws(
  view: DataView,
  { call, supplied }: Draws,
  first: number,
  stride: number,
  part: Part,
): void {
  const stream = (of: Part): bigint => BigInt.asUintN(64, BigInt(call.stream) + BigInt(parts.indexOf(of)));
  const offset = call.random === undefined ? call.offset : 0;
  view.setUint32(slots.drawStrideSlot, stride, true);
  view.setBigUint64(slots.indexSlot, BigInt(offset) + BigInt(first), true);
  view.setBigUint64(slots.productStreamSlot, stream('products'), true);
  view.setBigUint64(slots.sumStreamSlot, stream(part), true);
  view.setUint32(slots.productSuppliedSlot, supplied('products'), true);
  view.setUint32(slots.sumSuppliedSlot, supplied(part), true);
}

/** Writes everything of the sums' block that stays while the chunks of k are added up. */
export function setSums(view: DataView, { shape, left, right, plan, layout, ...places }: Work): void {
  const { m, n, k, transposeA, transposeB, batchStrideA, batchStrideB } = shape;
  const { sum } = plan;
  const set = (slot: number, value: number): void => view.setUint32(slot, value, true);
  set(slots.outSlot, places.sums);
  set(slots.out2Slot, layout.isSplit ? places.second : 0);
  set(slots.aShiftSlot, left.shift);
  set(slots.bShiftSlot, right.shift);
  set(slots.outShiftSlot, sum.shift);
  set(slots.mSlot, m);
  set(slots.nSlot, n);
  set(slots.transposeASlot, Number(transposeA));
  set(slots.transposeBSlot, Number(transposeB));
  set(slots.rowBytesASlot, (transposeA ? m : k) << left.shift);
  set(slots.rowBytesBSlot, (transposeB ? k : n) << right.shift);
  set(slots.batchBytesASlot, batchStrideA << left.shift);
  set(slots.batchBytesBSlot, batchStrideB << right.shift);
  set(slots.blockMSlot, layout.blocking.m);
  set(slots.blockNSlot, layout.blocking.n);
  set(slots.blockKSlot, layout.blocking.k);
  set(slots.byColumnsSlot, Number(layout.byColumns));
  set(slots.scratchSlot, places.scratch);
  set(slots.scratchBytesSlot, layout.pieceBytes);
  set(slots.pieceSlot, layout.piece);
  set(slots.packedSlot, layout.packs ? places.scratch + layout.packedAt : 0);
  set(slots.roundProductsSlot, Number(sum.roundsProducts));
  set(slots.pairwiseSlot, Number(layout.isTree));
  sum.write?.(view);
}
