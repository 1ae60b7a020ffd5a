/** How the work of a product is divided, and what lies where in its scratch memory. */

import type { ProductModel } from '../../products/model.ts';
import type { ProductShape } from '../../products/shape.ts';
import * as slots from '../generated/layout-products.ts';
import { type Blocking, blockingOf, packedBytes, scratchBytes } from './blocking.ts';
import type { ArrayRounding, ProductPlan } from './product-plan.ts';

/** More than this is not asked for: the reference needs none. */
export const mostScratch: number = 2 ** 29;

/** A larger op(b) is not packed as a whole. */
const mostPacked = mostScratch / 4;

export interface Layout {
  readonly blocking: Blocking;
  /** Steps of k whose sum is made before it is added to those of the steps before. */
  readonly depth: number;
  /** Whether products are added in pairs, these in pairs, and so on. */
  readonly isTree: boolean;
  /** Whether sums have two parts. */
  readonly isSplit: boolean;
  /** Whether a unit of work is some columns of the outputs, not some rows. */
  readonly byColumns: boolean;
  readonly units: number;
  /** Units of work that a thread takes at a time. */
  readonly piece: number;
  /** Whether op(b) is packed once for all pieces. */
  readonly packs: boolean;
  /** Whether sums are made where the result goes: nothing, or only a rounding of the whole array, is left to do then. */
  readonly isDirect: boolean;
  /** A rounding of all sums in an array, the last thing to do. */
  readonly rounds: ArrayRounding | undefined;
  /** Bytes of scratch of each piece, the first things there. */
  readonly pieceBytes: number;
  readonly sumBytes: number;
  /** Bytes from the scratch's begin to the sums, to their second parts or those of all chunks so far, and to the packed op(b). */
  readonly sumsAt: number;
  readonly secondAt: number;
  readonly packedAt: number;
  /** Bytes of the whole scratch. */
  readonly bytes: number;
}

/**
 * Units of work that a thread takes at a time. They are to end together, though one thread may be slower for a while; but where
 * every piece packs op(b) anew, they are to be few.
 */
function pieceOf(units: number, threads: number, isFine: boolean): number {
  const share = Math.ceil(units / threads);
  return isFine && threads > 1 ? Math.max(Math.ceil(share / 8), Math.min(8, share)) : share;
}

/**
 * @param order The model's order of sums.
 * @param outShift log2 of the bytes of an element of the result.
 */
export function layoutOf(
  { m, n, k, batch }: ProductShape,
  { sum, chunks, conversion }: ProductPlan,
  order: ProductModel['order'],
  outShift: number,
  threads: number,
): Layout {
  const { shift, instruction } = sum;
  const depth = chunks !== undefined && typeof order === 'object' ? Math.min(order.chunk, k) : k;
  const isTree = order === 'pairwise' && sum.sums <= slots.sumOdd;
  const isSplit = sum.sums === slots.sumSplit;
  const isGeneral = sum.kernel >= slots.unrounded64;
  const isInteger = sum.kernel === slots.integer32;
  const packing = { shift, drawBits: sum.drawBits, instruction, isInteger };
  const blocking = isTree ? { m: 8, n: 16, k: depth } : blockingOf(isGeneral, packing);

  const byColumns = m <= 4 && batch < threads;
  const width = byColumns ? 32 >> shift : 4;
  const unitsEach = Math.ceil((byColumns ? n : m) / width);
  const units = batch * unitsEach;
  const packed = packedBytes(n, depth, blocking, packing);
  const packs = !byColumns && batch === 1 && threads > 1 && packed <= mostPacked;
  const piece = pieceOf(units, threads, packs || sum.roundsProducts);
  const high = Math.min(piece, unitsEach) * width;
  const wide = packs ? 0 : n;
  const pieceBytes = scratchBytes(byColumns ? m : high, byColumns ? high : wide, depth, blocking, packing);

  const rounds = conversion !== undefined && 'plan' in conversion ? conversion : undefined;
  const isDirect =
    chunks === undefined && outShift === shift && (rounds?.shift === shift || conversion === undefined);
  // Kernels may read one sum more.
  const sumBytes = Math.ceil(((batch * m * n + 1) << shift) / 64) * 64;
  const buffers = isDirect ? 0 : 1 + Number(isSplit) + Number(chunks !== undefined);
  const sumsAt = Math.ceil(units / piece) * pieceBytes;
  const packedAt = sumsAt + buffers * sumBytes;
  return {
    blocking,
    depth,
    isTree,
    isSplit,
    byColumns,
    units,
    piece,
    packs,
    isDirect,
    rounds,
    pieceBytes,
    sumBytes,
    sumsAt,
    secondAt: sumsAt + sumBytes,
    packedAt,
    bytes: packedAt + (packs ? packed : 0),
  };
}
