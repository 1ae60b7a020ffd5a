/**
 * Runs product plans on a heap: looks at the operands, lays out the blocks, keeps the scratch memory, adds chunks up, rounds
 * what the accumulators hold.
 */
import type { ResolvedRounding } from '../../rounding/index.ts';
import { blockingOf, packedBytes, scratchBytes } from '../blocking.ts';
import type { Heap } from '../heap.ts';
import { parameterBytes, tableSlot } from '../parameters.ts';
import type { ProductsModuleExports } from '../products-module.ts';
import type { Rounder } from '../rounder.ts';
import type { RoundingPlan } from '../rounding-plan.ts';
import { tableOn } from '../tables.ts';
import { type Draws, type Part, parts, suppliedParts } from './draws.ts';
import { extentOfOperand, extentOfStart, nothing, type OperandExtent } from './extent.ts';
import { beginSums, type HeapAddend, type HeapArray } from './heap-arrays.ts';
import type { FinishPlan, ProductModel, ProductPlan, Target } from './model.ts';
import { planProduct } from './plan.ts';
import { oriented, type ProductShape } from './shape.ts';
import * as slots from './slots.ts';

/** What a product may have besides operands. */
export interface ProductExtras {
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
export type Divide = (
  block: number,
  units: number,
  piece: number,
  own: (from: number, to: number) => void,
) => void;

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

/** More than this is not asked for: the reference needs none. */
export const mostScratch: number = 2 ** 29;

/** A larger op(b) is not packed as a whole. */
const mostPacked = mostScratch / 4;

/**
 * Units of work that a thread takes at a time. They are to end together, though one thread may be slower for a while; but where
 * every piece packs op(b) anew, they are to be few.
 */
function pieceOf(units: number, threads: number, isFine: boolean): number {
  const share = Math.ceil(units / threads);
  return isFine && threads > 1 ? Math.max(Math.ceil(share / 8), Math.min(8, share)) : share;
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

  function extentOf({ pointer, shift }: HeapArray, count: number): OperandExtent {
    const state = fixedOf();
    raw.profile(pointer, shift, count, state);
    const words = new BigUint64Array(heap.memory.buffer, state, 5);
    return extentOfOperand(words, shift, () => raw.grain(pointer, shift, count));
  }

  /** An empty block, 0, 1 or 2, with a rounding and the draws. */
  function blockOf(
    place: number,
    plan: { rounding?: RoundingPlan | undefined; drawBits: number; randomBits: number; sums: number },
    target: Target | undefined,
    call: ResolvedRounding | undefined,
  ): { pointer: number; view: DataView } {
    const pointer = fixedOf() + place * partBytes;
    const table = plan.rounding?.tables === undefined ? 0 : tableOn(heap, plan.rounding.tables);
    const bytes = new Uint8Array(heap.memory.buffer, pointer, partBytes).fill(0);
    if (plan.rounding !== undefined) bytes.set(plan.rounding.block, slots.blockBytes);
    if (table !== 0)
      new DataView(heap.memory.buffer, pointer + slots.blockBytes).setUint32(tableSlot, table, true);
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

  /** Where the draws of a part begin; parts have a stream each, or a stretch of the supplied integers. */
  function setDraws(
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

  function finishBlock(place: number, plan: FinishPlan, target: Target | undefined, call?: ResolvedRounding) {
    const block = blockOf(place, plan, target, call);
    const kernel = plan.rounding === undefined ? slots.unrounded64 : slots.general64 + plan.rounding.kernel;
    block.view.setUint32(slots.kernelSlot, kernel, true);
    return block;
  }

  /** Copies numbers, whatever their types. */
  function store(from: HeapArray, to: HeapArray, count: number): void {
    const { pointer } = finishBlock(2, copying, undefined);
    raw.finish(pointer, from.pointer, 0, from.shift, to.pointer, to.shift, count);
  }

  function run(
    a: HeapArray,
    b: HeapArray,
    out: HeapArray,
    shape: ProductShape,
    { sum, chunks, conversion }: ProductPlan,
    model: ProductModel | undefined,
    draws: Draws | undefined,
    { addend, threads = 1, divide }: ProductExtras,
  ): boolean {
    const call = draws?.call;
    const { m, n, k, transposeA, transposeB, batch, batchStrideA, batchStrideB, swaps } = oriented(shape);
    const [left, right] = swaps ? [b, a] : [a, b];
    const { shift } = sum;
    const outputs = batch * m * n;
    const depth =
      chunks !== undefined && typeof model?.order === 'object' ? Math.min(model.order.chunk, k) : k;
    const isTree = model?.order === 'pairwise' && sum.sums <= slots.sumOdd;
    const { instruction } = sum;
    const isGeneral = sum.kernel >= slots.unrounded64 || instruction !== undefined;
    const isInteger = sum.kernel === slots.integer32;
    const blocking = isTree ? { m: 8, n: 16, k: depth } : blockingOf(shift, isGeneral, isInteger);
    const byColumns = m <= 4 && batch < threads;
    const width = byColumns ? 32 >> shift : 4;
    const unitsEach = Math.ceil((byColumns ? n : m) / width);
    const units = batch * unitsEach;
    const packing = { shift, drawBits: sum.drawBits, instruction, isInteger };
    const whole = packedBytes(n, depth, blocking, packing);
    const packs = !byColumns && batch === 1 && threads > 1 && whole <= mostPacked;
    const packed = packs ? whole : 0;
    const piece = pieceOf(units, threads, packs || sum.roundsProducts);
    const high = Math.min(piece, unitsEach) * width;
    const wide = packs ? 0 : n;
    const perPiece = scratchBytes(byColumns ? m : high, byColumns ? high : wide, depth, blocking, packing);
    const pieces = Math.ceil(units / piece);
    // Sums that are not yet the result, their second parts, and those of all chunks so far. Kernels may read one more.
    const sumBytes = Math.ceil(((outputs + 1) << shift) / 64) * 64;
    const isSplit = sum.sums === slots.sumSplit;
    // Sums are made where the result goes, if nothing or only a rounding of the whole array is left to do.
    const rounds = conversion !== undefined && 'plan' in conversion ? conversion : undefined;
    const isDirect =
      chunks === undefined && out.shift === shift && (rounds?.shift === shift || conversion === undefined);
    const buffers = isDirect ? 0 : 1 + Number(isSplit) + Number(chunks !== undefined);
    const total = pieces * perPiece + buffers * sumBytes + packed;
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
    set(slots.packedSlot, packs ? pointer + pieces * perPiece + buffers * sumBytes : 0);
    set(slots.roundProductsSlot, Number(sum.roundsProducts));
    set(slots.pairwiseSlot, Number(isTree));
    sum.write?.(view);
    // Chunks begin with +0, and their sum with the addend.
    const start = chunks === undefined ? sums : second;
    const starts = addend !== undefined && chunks === undefined;
    set(slots.startsSlot, Number(starts));
    if (addend !== undefined) {
      const split = isSplit ? view.getFloat64(slots.splitSlot, true) : 0;
      beginSums(heap.memory, addend, { pointer: start, shift }, isSplit ? second : 0, m * n, batch, split);
    } else if (chunks !== undefined) new Uint8Array(heap.memory.buffer, second, sumBytes).fill(0);
    const share = (count: number, each: number): void => {
      if (divide === undefined || count <= each) raw.piece(block, 0, count);
      else divide(block, count, each, (from, to) => raw.piece(block, from, to - from));
    };
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
      if (chunks === undefined || draws === undefined) continue;
      const adding = finishBlock(1, chunks, targetOfSums(model), call);
      setDraws(adding.view, draws, step, k, 'chunks');
      raw.finish(adding.pointer, second, sums, shift, second, shift, outputs);
    }
    const from = { pointer: chunks === undefined ? sums : second, shift };
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
      return true;
    }
    if (isDirect) return true;
    if (conversion === undefined || 'plan' in conversion) {
      store(from, out, outputs);
      return true;
    }
    const finishing = finishBlock(2, conversion, model?.conversion, call);
    if (draws !== undefined) setDraws(finishing.view, draws, 0, k, 'conversions');
    raw.finish(finishing.pointer, from.pointer, isSplit ? second : 0, shift, out.pointer, out.shift, outputs);
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
      if (fixed !== undefined) heap.free(fixed);
      if (scratch !== undefined) heap.free(scratch.pointer);
      fixed = undefined;
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
