/**
 * Sizes of the packed blocks of matrix products, and the scratch memory that they need: what `assembly/products/multiply.ts`
 * lays out. A block of op(a) (m x k) stays in the second-level cache with the panel of op(b) in use in the first.
 */

export interface Blocking {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** A tile of outputs has four rows of 32 bytes, a tile for each level of a tree of sums, and addresses of draws twice. */
const fixedBytes = 2 * 128 + 2 * 128 + 32 * 128;

/**
 * By log2 of the bytes of a lane. General kernels do so much with each element that smaller blocks are as good; small integers
 * take half of the room, operands of matrix units twice as much.
 */
export function blockingOf(isGeneral: boolean, { shift, instruction, isInteger }: Packing): Blocking {
  if (instruction !== undefined)
    return { m: 64, n: 256, k: instruction * Math.max(1, Math.floor(128 / instruction)) };
  if (isGeneral) return { m: 32, n: 64, k: 256 };
  if (isInteger) return { m: 128, n: 512, k: 512 };
  return shift === 2 ? { m: 128, n: 512, k: 256 } : { m: 64, n: 256, k: 256 };
}

/** How panels are packed, and what lies behind them. */
interface Packing {
  /** log2 of the bytes of a lane. */
  readonly shift: 2 | 3;
  /** Bits of a draw, 0 for none. */
  readonly drawBits: number;
  /** Steps of k that a matrix unit takes together; its panels have as much again behind each. */
  readonly instruction?: number | undefined;
  /** Whether the factors of two steps lie together. */
  readonly isInteger: boolean;
}

/** Steps that a packed panel has room for. */
function packedSteps(steps: number, { instruction, isInteger }: Packing): number {
  if (instruction !== undefined) return 2 * Math.ceil(steps / instruction) * instruction;
  return isInteger ? Math.ceil(steps / 2) : steps;
}

/** Bytes of the whole of op(b) packed for n columns. */
export function packedBytes(n: number, k: number, blocking: Blocking, packing: Packing): number {
  const lanes = 32 / 2 ** packing.shift;
  const steps =
    Math.floor(k / blocking.k) * packedSteps(blocking.k, packing) + packedSteps(k % blocking.k, packing);
  return 32 * Math.ceil(n / lanes) * steps;
}

/** Bytes of scratch for a piece of the work of at most m x n outputs; n is 0 where op(b) is packed as a whole elsewhere. */
export function scratchBytes(m: number, n: number, k: number, blocking: Blocking, packing: Packing): number {
  const { shift, drawBits } = packing;
  const depth = packedSteps(Math.min(k, blocking.k), packing);
  const rows = Math.min(Math.ceil(m / 4) * 4, blocking.m);
  const columns = Math.min(Math.ceil(n / 8) * 8, blocking.n);
  const drawn = Math.ceil((depth * drawBits) / 8) + 96;
  const panel = 128 * (Math.ceil((depth * drawBits) / 32) + 3);
  // Binary32 kernels have draws laid out beside each other twice, and the work of doing that once.
  const draws = drawBits === 0 ? 0 : shift === 2 ? 2 * panel + 128 + 32 * drawn : 2 * 16 * drawn;
  return Math.ceil((fixedBytes + (rows + columns) * depth * 2 ** shift + draws) / 64) * 64;
}
