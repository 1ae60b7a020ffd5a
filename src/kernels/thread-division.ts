/**
 * How threads share an array. They take pieces as they come free, so that a slow one, or one that is not up yet, delays
 * nobody; the caller takes pieces too. Which thread rounds an element cannot matter: its random integer depends on its
 * index alone.
 */
import { isFloat32Array, type RealArray } from '../array-kinds.ts';
import type { ResolvedRounding } from '../rounding/index.ts';
import type { RoundingPlan } from './plan.ts';
import { type Job, type Slot, stagedPiece, type ThreadPool, type Worker } from './thread-pool.ts';

/** A rounding to divide. */
export interface DividedWork {
  readonly plan: RoundingPlan;
  readonly options: ResolvedRounding;
  /** 2 or more, the caller's included. */
  readonly threads: number;
  /** Rounds the elements of these indices in the calling thread. It must not throw. */
  roundPiece(from: number, to: number): void;
}

/** Elements that a thread takes at a time in the shared memory. */
export const commonPiece = 16384;

/**
 * Does `length` elements of the shared memory, the caller by `ownPiece`, `piece` at a time, and worker i as `jobOf(i)` says. Throws Error
 * if a worker fails; the destination is incomplete then. Returns -1, or a result of a piece that was not that.
 */
export function divideCommon(
  pool: ThreadPool,
  threads: number,
  length: number,
  jobOf: (worker: number) => Job,
  ownPiece: (from: number, to: number) => number,
  piece: number = commonPiece,
): number {
  const workers = pool.workers(threads);
  pool.beginCommon();
  const posted = workers.map((worker, i) => {
    const slot = worker.slot();
    worker.post(jobOf(i));
    return { worker, slot };
  });
  let result = -1;
  for (;;) {
    const start = pool.takeCommon(piece);
    if (start >= length) break;
    result = Math.max(result, ownPiece(start, Math.min(length, start + piece)));
  }
  for (const { worker, slot } of posted) {
    // A worker that has not begun would find nothing left.
    if (worker.takeBack()) continue;
    worker.awaitDone(slot);
    result = Math.max(result, worker.result(slot));
  }
  return result;
}

/** Rounds `length` elements of the shared memory. Throws Error if a worker fails; the destination is incomplete then. */
export function divideShared(
  pool: ThreadPool,
  { plan, options, threads, roundPiece }: DividedWork,
  source: number,
  destination: number,
  length: number,
): void {
  const job = { plan, options, source, destination, length, start: 0, commonPiece };
  function ownPiece(from: number, to: number): number {
    roundPiece(from, to);
    return -1;
  }
  divideCommon(pool, threads, length, () => job, ownPiece);
}

/** Elements of an ordinary array that the caller rounds before it looks after the workers again. */
const ownPiece = 8192;

/** A piece of the array that lies in a worker's slot as a copy. */
interface Held {
  readonly worker: Worker;
  readonly slot: Slot;
  readonly copy: RealArray;
  readonly from: number;
  readonly to: number;
}

/**
 * Rounds ordinary arrays: the caller copies pieces into the shared memory for the workers, and their results out of it,
 * and rounds pieces itself in between. Throws Error if a worker fails; `out` is incomplete then.
 */
export function divideStaged<A extends RealArray>(
  pool: ThreadPool,
  memory: WebAssembly.Memory,
  { plan, options, threads, roundPiece }: DividedWork,
  x: A,
  out: A,
): void {
  const View = isFloat32Array(x) ? Float32Array : Float64Array;
  const workers = pool.workers(threads);
  /** Pieces that lie with the workers, by slot; the older one of a worker comes first. */
  const held = new Map<Slot, Held>();
  let next = 0;

  function send(worker: Worker): void {
    // Less of what is left towards the end, so that all end together.
    const share = Math.ceil((x.length - next) / (3 * threads * ownPiece)) * ownPiece;
    const from = next;
    next = Math.min(x.length, from + share, from + stagedPiece);
    const slot = worker.slot();
    const { staging } = slot;
    const copy = new View(memory.buffer, staging, next - from);
    copy.set(x.subarray(from, next));
    held.set(slot, { worker, slot, copy, from, to: next });
    const [length, start] = [next - from, from];
    worker.post({
      plan,
      options,
      source: staging,
      destination: staging,
      length,
      start,
      commonPiece: undefined,
    });
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
    if (from < next) roundPiece(from, next);
  }
  // What has not been begun comes back, the latest first, as takeBack has it.
  for (const { worker, slot, from, to } of [...held.values()].reverse()) {
    if (!worker.takeBack()) continue;
    held.delete(slot);
    roundPiece(from, to);
  }
  for (const piece of held.values()) {
    piece.worker.awaitDone(piece.slot);
    fetch(piece);
  }
}
