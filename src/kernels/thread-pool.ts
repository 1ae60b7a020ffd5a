/**
 * The worker pool: threads that run kernels on the shared memory beside the caller, which blocks meanwhile but
 * does its share too. This is the caller's side of the protocol whose other side is `thread-worker.ts`: it seats workers
 * and gives up those that die. How they are handed jobs is the matter of `thread-jobs.ts`, how work is divided into jobs that of
 * `thread-division.ts`, how threads start that of `thread-spawn.ts`.
 */
import type { Heap } from './heap.ts';
import type { KernelModule, PieceExports } from './module.ts';
import { ControlWords, makeSlot, PlacedModules, type Worker, workerOf } from './thread-jobs.ts';
import type { Spawn, Thread } from './thread-spawn.ts';
import { layout } from './thread-worker.ts';

export const maximumThreads = 64;

export interface ThreadPool {
  readonly heap: Heap;
  /** Threads that are up, the caller's included. */
  readyThreads(): number;
  /** Resolves when `threads` are ready, the caller's included; rejects with an Error if one fails. */
  start(threads: number): Promise<void>;
  /** Ends all workers. The pool may be used again. */
  stop(): Promise<void>;
  /** The workers for so many threads, started where there are fewer; they can be given jobs of the module. Throws Error if one has died. */
  workers(threads: number, module?: KernelModule<PieceExports>): Worker[];
  /** Puts the common job at its beginning. */
  beginCommon(): void;
  /** Index of the next piece of the common job, perhaps beyond its end. */
  takeCommon(piece: number): number;
}

interface Seat {
  readonly thread: Thread;
  readonly worker: Worker;
  isReady: boolean;
  /** Frees what it has on the heap. */
  release(): void;
}

/** @param patience Milliseconds that a worker may take for one job before it is given up. */
export function createThreadPool(heap: Heap, spawn: Spawn, patience: number): ThreadPool {
  const seats: Seat[] = [];
  const modules = new PlacedModules(heap);
  const controls = new ControlWords(2 * maximumThreads, patience, giveUp);

  function clear(): Seat[] {
    controls.renew();
    return seats.splice(0);
  }

  /** Gives all workers up and says why. What they own in the heap stays allocated: one of them may still write there. */
  function giveUp(why: string, cause?: Error): Error {
    for (const { thread } of clear()) void thread.end();
    return new Error(`a worker thread ${why}`, cause === undefined ? {} : { cause });
  }

  function workersOf(threads: number, module?: KernelModule<PieceExports>): Worker[] {
    for (const { thread } of seats) {
      const failure = thread.failure();
      if (failure !== undefined) throw giveUp(`has ended: ${failure.message}`, failure);
    }
    if (module !== undefined) modules.place(module);
    while (seats.length < threads - 1)
      seats.push(makeSeat(heap, spawn, controls, modules, 2 * (seats.length + 1) * layout.slotWords));
    return seats.slice(0, threads - 1).map(({ worker }) => worker);
  }

  return {
    heap,
    readyThreads: () => 1 + seats.filter(({ isReady }) => isReady).length,
    async start(threads): Promise<void> {
      workersOf(threads);
      const starting = seats.slice(0, threads - 1);
      for (const { thread } of starting) thread.keepAlive(true);
      try {
        await Promise.all(starting.map(({ thread }) => thread.ready));
      } catch (error) {
        const cause = error instanceof Error ? error : new Error(String(error));
        throw giveUp(`could not start: ${cause.message}`, cause);
      } finally {
        for (const { thread } of starting) thread.keepAlive(false);
      }
    },
    async stop(): Promise<void> {
      const leaving = clear();
      await Promise.all(leaving.map(({ thread }) => thread.end()));
      for (const seat of leaving) seat.release();
      // Threads that are on their way up want the modules that they were given jobs of.
      if (seats.length === 0) modules.release();
    },
    workers: workersOf,
    beginCommon(): void {
      Atomics.store(controls.words, layout.counter, 0);
    },
    takeCommon: (piece) => Atomics.add(controls.words, layout.counter, piece),
  };
}

/** @param first First control word of its slots. */
function makeSeat(
  heap: Heap,
  spawn: Spawn,
  controls: ControlWords,
  modules: PlacedModules,
  first: number,
): Seat {
  const [one, two] = [makeSlot(heap, first), makeSlot(heap, first + layout.slotWords)];
  const seat: Seat = {
    thread: spawn({ memory: heap.memory, words: controls.words, first, layout }),
    worker: workerOf(controls, modules, [one.slot, two.slot]),
    isReady: false,
    release(): void {
      one.release();
      two.release();
    },
  };
  seat.thread.ready.then(
    () => {
      seat.isReady = true;
    },
    () => undefined,
  );
  return seat;
}
