/**
 * The worker pool: threads that run kernels on the shared memory beside the caller, which blocks meanwhile but
 * does its share too. This is the caller's side of the protocol whose other side is `thread-worker.ts`: it seats workers,
 * hands them jobs, takes back what they have not begun, and gives up those that die. How an array is divided into jobs
 * is the matter of `thread-division.ts`, how threads start that of `thread-spawn.ts`.
 */
import type { ResolvedRounding } from '../rounding/index.ts';
import { arithmeticModule } from './arithmetic-module.ts';
import type { Heap } from './heap.ts';
import type { RoundingPlan } from './plan.ts';
import { productsModule } from './products-module.ts';
import { type Rounder, rounderOn } from './rounder.ts';
import { roundingModule } from './rounding-module.ts';
import type { Spawn, Thread } from './thread-spawn.ts';
import { layout } from './thread-worker.ts';

export const maximumThreads = 64;

/** The most elements of an ordinary array that lie with a worker as one job. */
export const stagedPiece = 32768;

/** What all jobs have. */
interface AnyJob {
  readonly length: number;
  /** Elements a piece where the job is the pool's common one, of which every thread takes pieces; else undefined. */
  readonly commonPiece: number | undefined;
}

/** Elements of the heap to round; their random integers are those of the indices from `start` on. */
export interface RoundingJob extends AnyJob {
  readonly plan: RoundingPlan;
  readonly options: ResolvedRounding;
  readonly source: number;
  readonly destination: number;
  readonly start: number;
}

/** Elements of what a block in the heap describes, which is this worker's alone. */
export interface PieceJob extends AnyJob {
  readonly module: 'arithmetic' | 'products';
  readonly block: number;
}

export type Job = RoundingJob | PieceJob;

/** One of the two places for jobs of a worker. */
export interface Slot {
  /** First control word. */
  readonly at: number;
  /** Pointer to room for `stagedPiece` elements of 8 bytes. */
  readonly staging: number;
}

/** A worker. It does the jobs of its slots in turn. */
export interface Worker {
  /** Hands it a job in the slot whose turn it is, which must be idle, and gives the turn to the other. */
  post(job: Job): void;
  /** The slot whose turn it is. */
  slot(): Slot;
  /** Whether that slot is idle. */
  isFree(): boolean;
  /** Takes the latest job back, and the turn too, if the worker has not begun it; says whether it could. */
  takeBack(): boolean;
  /** Waits until the worker has done the job in a slot. Throws Error if it fails. */
  awaitDone(slot: Slot): void;
  /** What the pieces of the job done in a slot returned: -1, or one of the other results. */
  result(slot: Slot): number;
}

export interface ThreadPool {
  /** Threads that have linked their kernels, the caller's included. */
  readyThreads(): number;
  /** Resolves when `threads` are ready, the caller's included; rejects with an Error if one fails. */
  start(threads: number): Promise<void>;
  /** Ends all workers. The pool may be used again. */
  stop(): Promise<void>;
  /** The workers for so many threads, started where there are fewer. Throws Error if one has died. */
  workers(threads: number): Worker[];
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

/** Whether this thread may block; the main thread of a browser may not. */
function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** @param patience Milliseconds that a worker may take for one job before it is given up. */
export function createThreadPool(heap: Heap, spawn: Spawn, patience: number): ThreadPool {
  const blocks = mayBlock();
  const seats: Seat[] = [];
  let words: Int32Array;
  let longs: BigUint64Array;
  clear();

  /** Empties the seats. The control words are new ones, so that a thread on its way out cannot take a job any more. */
  function clear(): Seat[] {
    // The first two slots are nobody's: the counter of one is that of the common job.
    const control = new SharedArrayBuffer(2 * maximumThreads * layout.slotWords * 4);
    words = new Int32Array(control);
    longs = new BigUint64Array(control);
    return seats.splice(0);
  }

  /** Gives all workers up and says why. What they own in the heap stays allocated: one of them may still write there. */
  function giveUp(why: string, cause?: Error): Error {
    for (const { thread } of clear()) void thread.end();
    return new Error(`a worker thread ${why}`, cause === undefined ? {} : { cause });
  }

  /** A rounder whose kernel calls are written down as jobs. */
  function recordingRounder(slot: () => Slot): Rounder {
    function record(
      call: number,
      [kernel, shift, source, destination, count]: readonly [number, number, number, number, number],
      parameters: number,
    ): void {
      const { at } = slot();
      words[at + layout.call] = call;
      words[at + layout.kernel] = kernel;
      words[at + layout.elementShift] = shift;
      words[at + layout.source] = source;
      words[at + layout.destination] = destination;
      words[at + layout.count] = count;
      words[at + layout.parameters] = parameters;
    }
    return rounderOn(heap, {
      round(kernel, shift, source, destination, count, _random, parameters): void {
        record(layout.round, [kernel, shift, source, destination, count], parameters);
      },
      roundStochastic(kernel, shift, source, destination, count, parameters, scratch, ...random): void {
        const [chunk, bits, index, stream, seed] = random;
        const { at } = slot();
        record(layout.roundStochastic, [kernel, shift, source, destination, count], parameters);
        words[at + layout.scratch] = scratch;
        words[at + layout.chunk] = chunk;
        words[at + layout.bits] = bits;
        longs[at / 2 + layout.index] = index;
        longs[at / 2 + layout.stream] = stream;
        longs[at / 2 + layout.seed] = seed;
      },
    });
  }

  function makeSeat(first: number): Seat {
    const staging = heap.allocate(2 * stagedPiece * 8);
    const slots: readonly [Slot, Slot] = [
      { at: first, staging },
      { at: first + layout.slotWords, staging: staging + stagedPiece * 8 },
    ];
    let turn: 0 | 1 = 0;
    const current = (): Slot => slots[turn];
    const other = (): 0 | 1 => (turn === 0 ? 1 : 0);
    const rounder = recordingRounder(current);
    rounder.prepare();
    const worker: Worker = {
      slot: current,
      isFree: () => Atomics.load(words, current().at + layout.state) === layout.idle,
      post(job): void {
        const { at } = current();
        const { length, commonPiece } = job;
        if ('block' in job) {
          words[at + layout.call] =
            job.module === 'products' ? layout.pieceOfProducts : layout.pieceOfArithmetic;
          words[at + layout.parameters] = job.block;
          words[at + layout.count] = length;
          words[at + layout.result] = -1;
        } else rounder.round(job.plan, job.source, job.destination, length, job.options, job.start);
        words[at + layout.counterIndex] = commonPiece === undefined ? at + layout.counter : layout.counter;
        words[at + layout.counter] = 0;
        words[at + layout.step] = commonPiece ?? length;
        Atomics.store(words, at + layout.state, layout.posted);
        Atomics.notify(words, at + layout.state);
        turn = other();
      },
      takeBack(): boolean {
        const state = slots[other()].at + layout.state;
        if (Atomics.compareExchange(words, state, layout.posted, layout.idle) !== layout.posted) return false;
        turn = other();
        return true;
      },
      awaitDone({ at }): void {
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
      },
      result: ({ at }) => words[at + layout.result]!,
    };
    const [module, arithmetic] = [roundingModule.shared(), arithmeticModule.shared()];
    const products = productsModule.shared();
    const data = { module, arithmetic, products, memory: heap.memory, words, longs, first, layout };
    const thread = spawn(data);
    const seat: Seat = {
      thread,
      worker,
      isReady: false,
      release(): void {
        rounder.release();
        heap.free(staging);
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

  function workersOf(threads: number): Worker[] {
    for (const { thread } of seats) {
      const failure = thread.failure();
      if (failure !== undefined) throw giveUp(`has ended: ${failure.message}`, failure);
    }
    while (seats.length < threads - 1) seats.push(makeSeat(2 * (seats.length + 1) * layout.slotWords));
    return seats.slice(0, threads - 1).map(({ worker }) => worker);
  }

  return {
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
    },
    workers: workersOf,
    beginCommon(): void {
      Atomics.store(words, layout.counter, 0);
    },
    takeCommon: (piece) => Atomics.add(words, layout.counter, piece),
  };
}
