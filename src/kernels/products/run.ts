/**
 * Runs product plans on a heap: looks at the operands, lays out the blocks, keeps the scratch memory, adds chunks up, rounds
 * what the accumulators hold.
 */
import type { ResolvedRounding } from '../../rounding/index.ts';
import { blockingOf, scratchBytes } from '../blocking.ts';
import type { Heap } from '../heap.ts';
import { parameterBytes } from '../parameters.ts';
import type { ProductsModuleExports } from '../products-module.ts';
import type { RoundingPlan } from '../rounding-plan.ts';
import { type Extent, extentOfOperand } from './extent.ts';
import { type FinishPlan, type ProductModel, type ProductPlan, planProduct, type Target } from './plan.ts';
import type { ProductShape } from './shape.ts';
import * as slots from './slots.ts';

/** An array on the heap: its pointer and log2 of the bytes of an element. */
export interface HeapArray {
  readonly pointer: number;
  readonly shift: 2 | 3;
}

/** Does `units` units of the work of a block, `piece` at a time; the calling thread does its own by `own`. */
export type Divide = (
  block: number,
  units: number,
  piece: number,
  own: (from: number, to: number) => void,
) => void;

export interface Products {
  /**
   * out = op(a) op(b) as the model says, for `shape.k` of at least 1. The seed, stream and offset of draws are those of `call`.
   *
   * @param divide Shares the work among `threads`. Default: the calling thread does it.
   * @returns false, and nothing is written, where no kernel does it.
   */
  matmul(
    a: HeapArray,
    b: HeapArray,
    out: HeapArray,
    shape: ProductShape,
    model: ProductModel,
    call: ResolvedRounding,
    threads?: number,
    divide?: Divide,
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

/** More than this is not asked for: the reference needs none. */
const mostScratch = 2 ** 29;

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

/** The operands as kernels see them. A single column is computed as a row, so that its outputs lie beside each other. */
function oriented(shape: ProductShape): ProductShape & { readonly swaps: boolean } {
  const { m, n, transposeA, batchStrideA, batchStrideB } = shape;
  if (n !== 1 || m === 1) return { ...shape, swaps: false };
  return {
    ...shape,
    m: 1,
    n: m,
    transposeA: false,
    transposeB: !transposeA,
    batchStrideA: batchStrideB,
    batchStrideB: batchStrideA,
    swaps: true,
  };
}

export function productsOn(heap: Heap, raw: ProductsModuleExports): Products {
  /** Three blocks (of sums, of chunks, of the conversion), each with the parameters of its rounding. */
  const partBytes = slots.blockBytes + parameterBytes;
  let fixed: number | undefined;
  let scratch: { pointer: number; bytes: number } | undefined;

  function fixedOf(): number {
    fixed ??= heap.allocate(3 * partBytes);
    return fixed;
  }

  function scratchOf(bytes: number): number {
    if (scratch === undefined || scratch.bytes < bytes) {
      if (scratch !== undefined) heap.free(scratch.pointer);
      scratch = undefined;
      scratch = { pointer: heap.allocate(bytes), bytes };
    }
    return scratch.pointer;
  }

  function extentOf({ pointer, shift }: HeapArray, count: number): Extent {
    const state = fixedOf();
    raw.profile(pointer, shift, count, state);
    return extentOfOperand(new BigUint64Array(heap.memory.buffer, state, 4), shift);
  }

  /** An empty block, 0, 1 or 2, with a rounding and the draws. */
  function blockOf(
    place: number,
    plan: { rounding?: RoundingPlan | undefined; drawBits: number; randomBits: number; sums: number },
    target: Target | undefined,
    call: ResolvedRounding | undefined,
  ): { pointer: number; view: DataView } {
    const pointer = fixedOf() + place * partBytes;
    const bytes = new Uint8Array(heap.memory.buffer, pointer, partBytes).fill(0);
    if (plan.rounding !== undefined) bytes.set(plan.rounding.block, slots.blockBytes);
    const view = new DataView(heap.memory.buffer, pointer, slots.blockBytes);
    view.setUint32(slots.parametersSlot, pointer + slots.blockBytes, true);
    view.setUint32(slots.sumSlot, plan.sums, true);
    view.setUint32(slots.drawBitsSlot, plan.drawBits, true);
    view.setUint32(slots.randomBitsSlot, plan.randomBits, true);
    view.setUint32(slots.exponentMaskSlot, 0x7f800000, true);
    const flips = target?.options.rounding === 'toward-negative' && target.format.hasNegativeZero;
    view.setBigUint64(slots.flipSlot, flips ? 1n << 63n : 0n, true);
    if (call !== undefined) view.setBigUint64(slots.seedSlot, BigInt(call.seed), true);
    return { pointer, view };
  }

  /** Where the draws of a part begin; parts have a stream each. */
  function setDraws(
    view: DataView,
    call: ResolvedRounding,
    first: number,
    stride: number,
    part: number,
  ): void {
    const stream = (place: number): bigint => BigInt.asUintN(64, BigInt(call.stream) + BigInt(place));
    view.setUint32(slots.drawStrideSlot, stride, true);
    view.setBigUint64(slots.indexSlot, BigInt(call.offset) + BigInt(first), true);
    view.setBigUint64(slots.productStreamSlot, stream(0), true);
    view.setBigUint64(slots.sumStreamSlot, stream(part), true);
  }

  function finishBlock(place: number, plan: FinishPlan, target: Target | undefined, call?: ResolvedRounding) {
    const block = blockOf(place, plan, target, call);
    const kernel = plan.rounding === undefined ? slots.unrounded64 : slots.general64 + plan.rounding.kernel;
    block.view.setUint32(slots.kernelSlot, kernel, true);
    return block;
  }

  function run(
    a: HeapArray,
    b: HeapArray,
    out: HeapArray,
    shape: ProductShape,
    { sum, chunks, conversion }: ProductPlan,
    model: ProductModel | undefined,
    call: ResolvedRounding | undefined,
    threads: number,
    divide: Divide | undefined,
  ): boolean {
    const { m, n, k, transposeA, transposeB, batch, batchStrideA, batchStrideB, swaps } = oriented(shape);
    const [left, right] = swaps ? [b, a] : [a, b];
    const { shift } = sum;
    const outputs = batch * m * n;
    const depth =
      chunks !== undefined && typeof model?.order === 'object' ? Math.min(model.order.chunk, k) : k;
    const isTree = model?.order === 'pairwise' && sum.sums <= slots.sumOdd;
    const isGeneral = sum.kernel >= slots.unrounded64;
    const blocking = isTree ? { m: 8, n: 16, k: depth } : blockingOf(shift, isGeneral);
    const byColumns = m <= 4 && batch < threads;
    const width = byColumns ? 32 >> shift : 4;
    const unitsEach = Math.ceil((byColumns ? n : m) / width);
    const units = batch * unitsEach;
    // Every piece packs op(b) anew, of which slow kernels do not notice anything; their last pieces should end together.
    const piece = Math.ceil(units / (threads === 1 ? 1 : threads * (sum.roundsProducts ? 4 : 1)));
    const high = Math.min(piece, unitsEach) * width;
    const perPiece = scratchBytes(
      shift,
      byColumns ? m : high,
      byColumns ? high : n,
      depth,
      blocking,
      sum.drawBits,
    );
    const pieces = Math.ceil(units / piece);
    // Sums that are not yet the result, their second parts, and those of all chunks so far. Kernels may read one more.
    const sumBytes = Math.ceil(((outputs + 1) << shift) / 64) * 64;
    const isSplit = sum.sums === slots.sumSplit;
    const isDirect = conversion === undefined && chunks === undefined && out.shift === shift;
    const buffers = isDirect ? 0 : 1 + Number(isSplit) + Number(chunks !== undefined);
    const total = pieces * perPiece + buffers * sumBytes;
    if (total > mostScratch) return false;
    const pointer = scratchOf(total);
    const sums = isDirect ? out.pointer : pointer + pieces * perPiece;
    const second = sums + sumBytes;

    const { pointer: block, view } = blockOf(0, sum, targetOfSums(model), call);
    const set = (slot: number, value: number): void => view.setUint32(slot, value, true);
    set(slots.kernelSlot, sum.kernel);
    set(slots.outSlot, sums);
    set(slots.out2Slot, isSplit ? second : 0);
    set(slots.aShiftSlot, left.shift);
    set(slots.bShiftSlot, right.shift);
    set(slots.outShiftSlot, shift);
    set(slots.mSlot, m);
    set(slots.nSlot, n);
    set(slots.transposeASlot, Number(transposeA));
    set(slots.transposeBSlot, Number(transposeB));
    set(slots.rowBytesASlot, (transposeA ? m : k) << left.shift);
    set(slots.rowBytesBSlot, (transposeB ? k : n) << right.shift);
    set(slots.batchBytesASlot, batchStrideA << left.shift);
    set(slots.batchBytesBSlot, batchStrideB << right.shift);
    set(slots.blockMSlot, blocking.m);
    set(slots.blockNSlot, blocking.n);
    set(slots.blockKSlot, blocking.k);
    set(slots.byColumnsSlot, Number(byColumns));
    set(slots.scratchSlot, pointer);
    set(slots.scratchBytesSlot, perPiece);
    set(slots.pieceSlot, piece);
    set(slots.roundProductsSlot, Number(sum.roundsProducts));
    set(slots.pairwiseSlot, Number(isTree));
    sum.write?.(view);
    if (chunks !== undefined) new Uint8Array(heap.memory.buffer, second, sumBytes).fill(0);
    for (let step = 0; step < k; step += depth) {
      set(slots.kSlot, Math.min(depth, k - step));
      // One step of k lies a row further in an operand that is stored along the other way.
      set(slots.aSlot, left.pointer + ((transposeA ? step * m : step) << left.shift));
      set(slots.bSlot, right.pointer + ((transposeB ? step : step * n) << right.shift));
      if (call !== undefined) setDraws(view, call, step, k, 1);
      if (divide === undefined || pieces === 1) raw.piece(block, 0, units);
      else divide(block, units, piece, (from, to) => raw.piece(block, from, to - from));
      if (chunks === undefined || call === undefined) continue;
      const adding = finishBlock(1, chunks, targetOfSums(model), call);
      setDraws(adding.view, call, step, k, 3);
      raw.finish(adding.pointer, second, sums, shift, second, shift, outputs);
    }
    if (isDirect) return true;
    const last = conversion ?? { sums: slots.sumNearest, rounding: undefined, drawBits: 0, randomBits: 1 };
    const finishing = finishBlock(2, last, model?.conversion, call);
    if (call !== undefined) setDraws(finishing.view, call, 0, k, 2);
    const from = chunks === undefined ? sums : second;
    raw.finish(finishing.pointer, from, isSplit ? second : 0, shift, out.pointer, out.shift, outputs);
    return true;
  }

  return {
    matmul(a, b, out, shape, model, call, threads = 1, divide): boolean {
      const { m, n, k, batch, batchStrideA, batchStrideB } = shape;
      if (call.random !== undefined) return false;
      const extentA = extentOf(a, (batch - 1) * batchStrideA + m * k);
      const extentB = extentOf(b, (batch - 1) * batchStrideB + k * n);
      const plan = planProduct(model, extentA, extentB, k);
      return plan !== undefined && run(a, b, out, shape, plan, model, call, threads, divide);
    },
    matmulFloat32(a, b, out, shape, threads = 1, divide): void {
      const array = (pointer: number): HeapArray => ({ pointer, shift: 2 });
      if (shape.k === 0) {
        new Float32Array(heap.memory.buffer, out, shape.batch * shape.m * shape.n).fill(0);
        return;
      }
      run(array(a), array(b), array(out), shape, plain32, undefined, undefined, threads, divide);
    },
    release(): void {
      if (fixed !== undefined) heap.free(fixed);
      if (scratch !== undefined) heap.free(scratch.pointer);
      fixed = undefined;
      scratch = undefined;
    },
  };
}

/** The rounding whose direction decides the sign of a sum that is zero. */
function targetOfSums(model: ProductModel | undefined): Target | undefined {
  return model?.accumulate === 'exact' ? model.conversion : model?.accumulate;
}
