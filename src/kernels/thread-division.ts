/**
 * How threads share work. They take pieces as they come free, so that a slow one, or one that is not up yet, delays
 * nobody; the caller takes pieces too. Which thread does a unit cannot matter: its random integer depends on its
 * index alone.
 */
import { isFloat32Array, type RealArray } from '../array-kinds.ts';
import type { KernelModule, PieceExports } from './module.ts';
import type { Slot, ThreadPool, Worker } from './thread-pool.ts';

/** Units of work in the shared memory. */
export interface CommonWork {
  readonly module: KernelModule<PieceExports>;
  readonly length: number;
  /** Units that a thread takes at a time. */
  readonly piece: number;
  /** Writes the block of a worker, in the slot's room if it needs one of its own, and says where it is. */
  blockOf(slot: Slot): number;
  /** Does units in the calling thread; -1, or another result of a piece. It must not throw. */
  ownPiece(from: number, to: number): number;
}

/** Elements that a thread takes at a time in the shared memory. */
export const commonPiece = 16384;

/**
 * Does all units. Throws Error if a worker fails; the result is incomplete then.
 * @param threads 2 or more, the caller's included.
 * @returns -1, or a result of a piece that was not that.
 */
export function divideCommon(pool: ThreadPool, threads: number, work: CommonWork): number {
  const { module, length, piece } = work;
  const workers = pool.workers(threads, module);
  // All blocks first: they may need memory, and nothing may fail while other threads work.
  const jobs = workers.map((worker) => ({ worker, slot: worker.slot(), block: work.blockOf(worker.slot()) }));
  pool.beginCommon();
  for (const { worker, block } of jobs) worker.post({ module, block, length, commonPiece: piece });
  let result = -1;
  for (;;) {
    const start = pool.takeCommon(piece);
    if (start >= length) break;
    result = Math.max(result, work.ownPiece(start, Math.min(length, start + piece)));
  }
  for (const { worker, slot } of jobs) {
    // A worker that has not begun would find nothing left.
    if (worker.takeBack()) continue;
    worker.awaitDone(slot);
    result = Math.max(result, worker.result(slot));
  }
  return result;
}

/** Elements of an ordinary array that the caller does before it looks after the workers again. */
const ownPiece = 8192;
/** The most elements of an ordinary array that lie with a worker as one job. */
const stagedPiece = 32768;

/** Element-wise work on ordinary arrays. */
export interface StagedWork<A extends RealArray> {
  readonly module: KernelModule<PieceExports>;
  readonly x: A;
  readonly out: A;
  /** Bytes that the block takes with what goes with it. */
  readonly roomBytes: number;
  /** Writes the block of a worker into a room, for elements from index `start` on that lie at `staging` and stay there. */
  write(room: number, staging: number, start: number): void;
  /** Does elements in the calling thread. It must not throw. */
  ownPiece(from: number, to: number): void;
}

/** A piece of the array that lies in a worker's slot as a copy. */
interface Held {
  readonly worker: Worker;
  readonly slot: Slot;
  readonly copy: RealArray;
  readonly from: number;
  readonly to: number;
}

/**
 * Does ordinary arrays: the caller copies pieces into the shared memory for the workers, and their results out of it,
 * and does pieces itself in between. Throws Error if a worker fails; `out` is incomplete then.
 */
export function divideStaged<A extends RealArray>(
  pool: ThreadPool,
  threads: number,
  work: StagedWork<A>,
): void {
  const { module, x, out, roomBytes } = work;
  const View = isFloat32Array(x) ? Float32Array : Float64Array;
  const stagingOffset = Math.ceil(roomBytes / 64) * 64;
  const workers = pool.workers(threads, module);
  // Now, as nothing may fail while other threads work.
  const slotBytes = stagingOffset + 8 * stagedPiece;
  for (const worker of workers) worker.reserve(slotBytes);
  /** Pieces that lie with the workers, by slot; the older one of a worker comes first. */
  const held = new Map<Slot, Held>();
  let next = 0;

  function send(worker: Worker): void {
    // Less of what is left towards the end, so that all end together.
    const share = Math.ceil((x.length - next) / (3 * threads * ownPiece)) * ownPiece;
    const from = next;
    next = Math.min(x.length, from + share, from + stagedPiece);
    const slot = worker.slot();
    const room = slot.room(slotBytes);
    const staging = room + stagingOffset;
    const copy = new View(pool.heap.memory.buffer, staging, next - from);
    copy.set(x.subarray(from, next));
    held.set(slot, { worker, slot, copy, from, to: next });
    work.write(room, staging, from);
    worker.post({ module, block: room, length: next - from, commonPiece: undefined });
  }

  function fetch({ slot, copy, from }: Held): void {
    held.delete(slot);
    out.set(copy, from);
  }

  /** Fetches what a worker has done and keeps both of its slots filled. */
  function serve(worker: Worker): void {
    for (let i = 0; i < 2 && worker.isFree(); i++) {
      const done = held.get(worker.slot());
      if (done !== undefined) fetch(done);
      if (next === x.length) return;
      send(worker);
    }
  }

  while (next < x.length) {
    for (const worker of workers) serve(worker);
    const from = next;
    next = Math.min(x.length, from + ownPiece);
    if (from < next) work.ownPiece(from, next);
  }
  // What has not been begun comes back, the latest first, as takeBack has it.
  for (const { worker, slot, from, to } of [...held.values()].reverse()) {
    if (!worker.takeBack()) continue;
    held.delete(slot);
    work.ownPiece(from, to);
  }
  for (const piece of held.values()) {
    piece.worker.awaitDone(piece.slot);
    fetch(piece);
  }
}
