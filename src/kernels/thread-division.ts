/**
 * How threads share work. They take pieces as they come free, so that a slow one, or one that is not up yet, delays
 * nobody; the caller takes pieces too. Which thread does a unit cannot matter: its random integer depends on its
 * index alone.
 */
import { copyElements, type Elements, viewLike } from '../array-kinds.ts';
import type { Heap } from './heap.ts';
import type { KernelModule, PieceExports } from './module.ts';
import type { Slot, Worker } from './thread-jobs.ts';
import type { ThreadPool } from './thread-pool.ts';

/** Units of work in the shared memory. */
interface CommonWork {
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

/** Element-wise work on ordinary arrays of one length. */
interface StagedWork {
  readonly inputs: readonly Elements[];
  readonly out: Elements;
  /** Whether results go where the first input lies, which has their kind. */
  readonly isInPlace: boolean;
  readonly module: KernelModule<PieceExports>;
  /** Bytes that the block takes with what goes with it. */
  readonly roomBytes: number;
  /** Writes the block of a worker into a room: elements from index `start` on, which lie at `places`, the inputs' and the result's. */
  write(heap: Heap, room: number, places: readonly number[], start: number): void;
  /** Does elements in the calling thread; false where a piece would not give -1. It must not throw. */
  ownPiece(from: number, to: number): boolean;
}

/** Elements from `from` to `to`, which lie in a worker's slot as copies. */
interface Held {
  readonly worker: Worker;
  readonly slot: Slot;
  readonly result: Elements;
  readonly from: number;
  readonly to: number;
}

/** Bytes from a room to the copies of each array, and of all. */
function offsetsOf({ inputs, out, isInPlace, roomBytes }: StagedWork): { places: number[]; bytes: number } {
  let bytes = Math.ceil(roomBytes / 64) * 64;
  const places = (isInPlace ? inputs : [...inputs, out]).map(({ BYTES_PER_ELEMENT }) => {
    const place = bytes;
    bytes += stagedPiece * BYTES_PER_ELEMENT;
    return place;
  });
  if (isInPlace) places.push(places[0]!);
  return { places, bytes };
}

/**
 * The copies of a call: pieces of the arrays that go to workers, and their results that come back. A worker has two of them at a
 * time, so that the next one lies ready.
 */
class StagedPieces {
  /** Pieces that lie with the workers, by slot; the older one of a worker comes first. */
  readonly held = new Map<Slot, Held>();
  /** The first element that nobody has. */
  next = 0;
  /** Whether all pieces gave -1. */
  isWhole = true;
  private readonly heap: Heap;
  private readonly threads: number;
  private readonly work: StagedWork;
  private readonly places: readonly number[];
  private readonly slotBytes: number;

  constructor(heap: Heap, threads: number, work: StagedWork, workers: readonly Worker[]) {
    const { places, bytes } = offsetsOf(work);
    this.heap = heap;
    this.threads = threads;
    this.work = work;
    this.places = places;
    this.slotBytes = bytes;
    // Now, as nothing may fail while other threads work.
    for (const worker of workers) worker.reserve(bytes);
  }

  /** The next elements for the caller to do. */
  takeOwn(): readonly [from: number, to: number] {
    const from = this.next;
    this.next = Math.min(this.work.out.length, from + ownPiece);
    return [from, this.next];
  }

  private send(worker: Worker): void {
    const { inputs, out, module } = this.work;
    const { buffer } = this.heap.memory;
    // Less of what is left towards the end, so that all end together.
    const share = Math.ceil((out.length - this.next) / (3 * this.threads * ownPiece)) * ownPiece;
    const from = this.next;
    const to = Math.min(out.length, from + share, from + stagedPiece);
    this.next = to;
    const slot = worker.slot();
    const room = slot.room(this.slotBytes);
    const places = this.places.map((place) => room + place);
    for (const [i, x] of inputs.entries())
      copyElements(viewLike(x, buffer, places[i]!, to - from), x.subarray(from, to));
    const result = viewLike(out, buffer, places.at(-1)!, to - from);
    this.held.set(slot, { worker, slot, result, from, to });
    this.work.write(this.heap, room, places, from);
    worker.post({ module, block: room, length: to - from, commonPiece: undefined });
  }

  /** Fetches what a worker has done. */
  fetch({ worker, slot, result, from }: Held): void {
    this.held.delete(slot);
    if (worker.result(slot) >= 0) this.isWhole = false;
    copyElements(this.work.out, result, from);
  }

  /** Fetches what a worker has done and keeps both of its slots filled. */
  serve(worker: Worker): void {
    for (let i = 0; i < 2 && worker.isFree(); i++) {
      const done = this.held.get(worker.slot());
      if (done !== undefined) this.fetch(done);
      if (this.next === this.work.out.length) return;
      this.send(worker);
    }
  }
}

/**
 * Does ordinary arrays: the caller copies pieces into the shared memory for the workers, and their results out of it,
 * and does pieces itself in between. Throws Error if a worker fails; `out` is incomplete then.
 *
 * @returns false if a piece did not give -1
 */
export function divideStaged(pool: ThreadPool, threads: number, work: StagedWork): boolean {
  const workers = pool.workers(threads, work.module);
  const pieces = new StagedPieces(pool.heap, threads, work, workers);
  const own = (from: number, to: number): void => {
    if (!work.ownPiece(from, to)) pieces.isWhole = false;
  };
  while (pieces.next < work.out.length) {
    for (const worker of workers) pieces.serve(worker);
    const [from, to] = pieces.takeOwn();
    if (from < to) own(from, to);
  }
  // What has not been begun comes back, the latest first, as takeBack has it.
  for (const { worker, slot, from, to } of [...pieces.held.values()].reverse()) {
    if (!worker.takeBack()) continue;
    pieces.held.delete(slot);
    own(from, to);
  }
  for (const piece of pieces.held.values()) {
    piece.worker.awaitDone(piece.slot);
    pieces.fetch(piece);
  }
  return pieces.isWhole;
}
