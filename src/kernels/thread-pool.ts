/**
 * The worker pool: threads that run kernels on the shared memory beside the caller, which blocks meanwhile but
 * does its share too. This is the caller's side of the protocol whose other side is `thread-worker.ts`: it seats workers,
 * hands them jobs, takes back what they have not begun, and gives up those that die. How work is divided into jobs
 * is the matter of `thread-division.ts`, how threads start that of `thread-spawn.ts`.
 */
import type { Heap } from './heap.ts';
import type { KernelModule, PieceExports } from './module.ts';
import type { Spawn, Thread } from './thread-spawn.ts';
import { layout } from './thread-worker.ts';

export const maximumThreads = 64;

/** A job for one worker: units of what a block in the heap describes. */
export interface Job {
  readonly module: KernelModule<PieceExports>;
  readonly block: number;
  readonly length: number;
  /** Units a piece where the job is the pool's common one, of which every thread takes pieces; else undefined. */
  readonly commonPiece: number | undefined;
}

/** One of the two places for jobs of a worker. */
export interface Slot {
  /** First control word. */
  readonly at: number;
  /** Memory for a job's block and what goes with it, `bytes` long; the same one until more is wanted. The slot must be idle. */
  room(bytes: number): number;
}

/** A worker. It does the jobs of its slots in turn. */
export interface Worker {
  /** Hands it a job in the slot whose turn it is, which must be idle, and gives the turn to the other. */
  post(job: Job): void;
  /** The slot whose turn it is. */
  slot(): Slot;
  /** Makes the rooms of both slots, which must be idle, so large. */
  reserve(bytes: number): void;
  /** Whether the slot whose turn it is is idle. */
  isFree(): boolean;
  /** Takes the latest job back, and the turn too, if the worker has not begun it; says whether it could. */
  takeBack(): boolean;
  /** Waits until the worker has done the job in a slot. Throws Error if it fails. */
  awaitDone(slot: Slot): void;
  /** What the pieces of the job done in a slot returned: -1, or one of the other results. */
  result(slot: Slot): number;
}

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

/** Bytes on a heap. */
interface Span {
  readonly pointer: number;
  readonly bytes: number;
}

/** Whether this thread may block; the main thread of a browser may not. */
function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** A slot, and what frees its room. */
function makeSlot(heap: Heap, at: number): { readonly slot: Slot; release(): void } {
  let span: Span | undefined;
  function release(): void {
    if (span !== undefined) heap.free(span.pointer);
    span = undefined;
  }
  return {
    slot: {
      at,
      room(bytes): number {
        if (span === undefined || span.bytes < bytes) {
          release();
          span = { pointer: heap.allocate(bytes), bytes };
        }
        return span.pointer;
      },
    },
    release,
  };
}

/** @param patience Milliseconds that a worker may take for one job before it is given up. */
export function createThreadPool(heap: Heap, spawn: Spawn, patience: number): ThreadPool {
  const blocks = mayBlock();
  const seats: Seat[] = [];
  /** Where the bytes of modules lie for the workers. */
  const modules = new Map<KernelModule<PieceExports>, Span>();
  let words: Int32Array;
  clear();

  /** Empties the seats. The control words are new ones, so that a thread on its way out cannot take a job any more. */
  function clear(): Seat[] {
    // The first two slots are nobody's: the counter of one is that of the common job.
    words = new Int32Array(new SharedArrayBuffer(2 * maximumThreads * layout.slotWords * 4));
    return seats.splice(0);
  }

  /** Gives all workers up and says why. What they own in the heap stays allocated: one of them may still write there. */
  function giveUp(why: string, cause?: Error): Error {
    for (const { thread } of clear()) void thread.end();
    return new Error(`a worker thread ${why}`, cause === undefined ? {} : { cause });
  }

  function placeModule(module: KernelModule<PieceExports>): void {
    if (modules.has(module)) return;
    const bytes = module.sharedBytes();
    const pointer = heap.allocate(bytes.length);
    new Uint8Array(heap.memory.buffer, pointer, bytes.length).set(bytes);
    modules.set(module, { pointer, bytes: bytes.length });
  }

  function post({ at }: Slot, { module, block, length, commonPiece }: Job): void {
    const { pointer, bytes } = modules.get(module)!;
    words[at + layout.module] = pointer;
    words[at + layout.moduleBytes] = bytes;
    words[at + layout.block] = block;
    words[at + layout.count] = length;
    words[at + layout.step] = commonPiece ?? length;
    words[at + layout.counterIndex] = commonPiece === undefined ? at + layout.counter : layout.counter;
    words[at + layout.counter] = 0;
    words[at + layout.result] = -1;
    Atomics.store(words, at + layout.state, layout.posted);
    Atomics.notify(words, at + layout.state);
  }

  function awaitDone({ at }: Slot): void {
    const state = at + layout.state;
    const deadline = performance.now() + patience;
    for (;;) {
      const seen = Atomics.load(words, state);
      if (seen === layout.idle) return;
      if (seen === layout.failed) throw giveUp('has failed');
      const left = deadline - performance.now();
      if (left <= 0) throw giveUp(`has not finished its piece within ${patience / 1000} s`);
      if (blocks) Atomics.wait(words, state, seen, left);
    }
  }

  function makeWorker(slots: readonly [Slot, Slot]): Worker {
    let turn: 0 | 1 = 0;
    const current = (): Slot => slots[turn];
    const other = (): 0 | 1 => (turn === 0 ? 1 : 0);
    return {
      slot: current,
      reserve(bytes): void {
        for (const slot of slots) slot.room(bytes);
      },
      isFree: () => Atomics.load(words, current().at + layout.state) === layout.idle,
      post(job): void {
        post(current(), job);
        turn = other();
      },
      takeBack(): boolean {
        const state = slots[other()].at + layout.state;
        if (Atomics.compareExchange(words, state, layout.posted, layout.idle) !== layout.posted) return false;
        turn = other();
        return true;
      },
      awaitDone,
      result: ({ at }) => words[at + layout.result]!,
    };
  }

  function makeSeat(first: number): Seat {
    const [one, two] = [makeSlot(heap, first), makeSlot(heap, first + layout.slotWords)];
    const worker = makeWorker([one.slot, two.slot]);
    const thread = spawn({ memory: heap.memory, words, first, layout });
    const seat: Seat = {
      thread,
      worker,
      isReady: false,
      release(): void {
        one.release();
        two.release();
      },
    };
    thread.ready.then(
      () => {
        seat.isReady = true;
      },
      () => undefined,
    );
    return seat;
  }

  function workersOf(threads: number, module?: KernelModule<PieceExports>): Worker[] {
    for (const { thread } of seats) {
      const failure = thread.failure();
      if (failure !== undefined) throw giveUp(`has ended: ${failure.message}`, failure);
    }
    if (module !== undefined) placeModule(module);
    while (seats.length < threads - 1) seats.push(makeSeat(2 * (seats.length + 1) * layout.slotWords));
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
      if (seats.length > 0) return;
      for (const { pointer } of modules.values()) heap.free(pointer);
      modules.clear();
    },
    workers: workersOf,
    beginCommon(): void {
      Atomics.store(words, layout.counter, 0);
    },
    takeCommon: (piece) => Atomics.add(words, layout.counter, piece),
  };
}
