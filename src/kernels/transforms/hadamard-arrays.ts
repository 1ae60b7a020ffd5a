/** Hadamard transforms of Float32Arrays with the kernel: in place in the shared memory, else through a buffer; with threads, on copies there. */
import { isInSharedHeap, perHeap, privateHeap, sharedHeap } from '../heap.ts';
import { RowBuffer, wholeArraysOn } from '../staging.ts';
import { divideCommon } from '../thread-division.ts';
import { paces, usefulThreads } from '../thread-rule.ts';
import { threadPool } from '../threads.ts';
import { transformsModule } from '../transforms-module.ts';
import {
  type BlockRun,
  type HadamardLayout,
  mostElements,
  rotateOn,
  rotatorOn,
  runsOf,
  type Signs,
} from './hadamard-run.ts';

/** Bytes staged of rows: far below the second-level cache. */
const stagedBytes = 65536;
/** Bytes staged of columns, within the second-level cache: mostly a block with all its columns, which is one copy. */
const stagedColumnBytes = 262144;
/** Blocks up to here are transformed at the pace of memory. */
const quickElements = 16;

const rotatorOf = perHeap(rotatorOn);

interface Staged {
  readonly x: Float32Array;
  readonly out: Float32Array;
  readonly layout: HadamardLayout;
}

/** Blocks in rows: as many at a time as the buffer holds. */
function rotateRows({ x, out, layout: { outer, length } }: Staged, { begin, blocks, n }: BlockRun): void {
  const rotator = rotatorOf(privateHeap());
  const most = Math.max(1, Math.floor(stagedBytes / (4 * n)));
  const buffer = new RowBuffer(most * n);
  const { pointer } = buffer;
  const block = rotator.describe({
    source: pointer,
    destination: pointer,
    n,
    perRow: most,
    rowBytes: 0,
    columns: 1,
    strip: undefined,
  });
  // One after the other, where no remainder is between them.
  const [rows, each] = blocks * n === length ? [1, outer * blocks] : [outer, blocks];
  for (let row = 0; row < rows; row++) {
    for (let done = 0; done < each; done += most) {
      const count = Math.min(most, each - done);
      const start = row * length + begin + done * n;
      buffer.load(x, start, count * n);
      rotator.piece(block, 0, count);
      buffer.store(out, start, count * n);
    }
  }
}

/** Blocks with all their columns, or strips of them so wide that the buffer holds them. */
function rotateColumns({ x, out, layout }: Staged, { begin, blocks, n }: BlockRun): void {
  const { outer, length, inner } = layout;
  const rotator = rotatorOf(privateHeap());
  const most = stagedColumnBytes / 4;
  const widest = Math.min(Math.floor(most / n), inner);
  const buffer = new RowBuffer(most);
  const places = { source: buffer.pointer, destination: buffer.pointer };
  for (let left = 0; left < inner; left += widest) {
    const width = Math.min(widest, inner - left);
    const geometry = { n, perRow: 1, rowBytes: 0, columns: width, strip: width };
    const block = rotator.describe({ ...places, ...geometry });
    for (let o = 0; o < outer; o++) {
      for (let which = 0; which < blocks; which++) {
        const start = (o * length + begin + which * n) * inner + left;
        buffer.load(x, start, width, n, inner);
        rotator.piece(block, 0, 1);
        buffer.store(out, start, width, n, inner);
      }
    }
  }
}

/** All at once, divided among threads: in place where x and out lie in the shared memory, on copies there otherwise. */
function rotateByThreads({ x, out, layout }: Staged, signs: Signs, threads: number, isShared: boolean): void {
  const heap = sharedHeap();
  const arrays = wholeArraysOn(heap);
  const rotator = rotatorOf(heap);
  try {
    const source = arrays.place(x, !isShared);
    const destination = isShared ? out.byteOffset : source;
    rotateOn(rotator, source, destination, layout, signs, (block, units, piece) => {
      if (threads === 1 || units <= piece) {
        rotator.piece(block, 0, units);
        return;
      }
      divideCommon(threadPool(), threads, {
        ...{ module: transformsModule, length: units, piece },
        // One for all: kernels only read it.
        blockOf: () => block,
        ownPiece: (from, to) => rotator.piece(block, from, to - from),
      });
    });
    arrays.read(destination, out);
  } finally {
    arrays.free();
  }
}

/**
 * Transforms x into out, which may be x. Both of outer * length * inner elements.
 *
 * @param signs 1 or -1 for each place in a block; undefined: all 1.
 * @param signsFirst Before the transform, or after it (the inverse).
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 * @returns false, and nothing is written, where there is no kernel for blocks so large.
 */
export function rotateArray(
  x: Float32Array,
  out: Float32Array,
  layout: HadamardLayout,
  signs: ArrayLike<number> | undefined,
  signsFirst: boolean,
  threads = 1,
): boolean {
  if (layout.size > mostElements) return false;
  const isShared = isInSharedHeap(x) && isInSharedHeap(out);
  const pace = layout.size <= quickElements ? paces.memory : paces.slow;
  const team = usefulThreads(threads, x.length, pace, isShared);
  const around = { signs, signsFirst };
  const given = { x, out, layout };
  if (isShared || team > 1) {
    rotateByThreads(given, around, team, isShared);
    return true;
  }
  rotatorOf(privateHeap()).setSigns(around, layout.size);
  for (const run of runsOf(layout)) (layout.inner > 1 ? rotateColumns : rotateRows)(given, run);
  return true;
}
