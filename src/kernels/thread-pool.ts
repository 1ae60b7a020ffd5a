/**
 * The worker pool: threads that run rounding kernels on the shared memory beside the caller, which blocks meanwhile but
 * does its share too. Threads take pieces of an array as they come free, so a slow one, or one that is not up yet, delays
 * nobody; which thread rounds an element cannot matter, since its random integer depends on its index alone. How threads
 * start is the matter of `thread-spawn.ts`, what they do that of `thread-worker.ts`.
 */
import type { ResolvedRounding } from '../rounding/index.ts';
import type { Heap } from './heap.ts';
import { sharedModule } from './module.ts';
import type { RoundingPlan } from './plan.ts';
import { type Rounder, rounderOn } from './rounder.ts';
import type { Spawn, Thread } from './thread-spawn.ts';
import { layout, seatWords } from './thread-worker.ts';

type RealArray = Float32Array | Float64Array;

export const maximumThreads = 64;

/** Elements that a thread takes at a time from an array in the shared memory. A multiple of the 16 of a Philox block. */
const sharedPiece = 16384;
/** The most elements of an ordinary array that a worker gets at a time, and those that the caller rounds between looks. */
const stagedPiece = 65536;
const ownPiece = 8192;

/** One worker: its thread, its part of the control words, and its areas in the heap. */
interface Seat {
  /** First control word. */
  readonly at: number;
  readonly thread: Thread;
  isReady: boolean;
  /** Its kernel calls become jobs of the worker. */
  readonly rounder: Rounder;
  /** Pointer to `stagedPiece` elements of 8 bytes, once needed. */
  staging: number | undefined;
}

/** A rounding to divide; the caller rounds pieces of it by `roundPiece`. */
export interface DividedWork {
  readonly plan: RoundingPlan;
  readonly options: ResolvedRounding;
  readonly threads: number;
  roundPiece(from: number, to: number): void;
}

export interface ThreadPool {
  /** Threads that have linked their kernels, the caller's included. */
  readyThreads(): number;
  /** Resolves when `threads` are ready, the caller's included; rejects with an Error if one fails. */
  start(threads: number): Promise<void>;
  /** Ends all workers. The pool may be used again. */
  stop(): Promise<void>;
  /** Rounds `length` elements of the heap. Throws Error if a worker fails; the destination is incomplete then. */
  roundShared(work: DividedWork, source: number, destination: number, length: number): void;
  /** Rounds ordinary arrays: workers get copies of pieces in the heap. Throws Error as `roundShared`. */
  roundStaged(work: DividedWork, x: RealArray, out: RealArray): void;
}

/** Whether this thread may block; the main thread of a browser may not. */
function mayWait(words: Int32Array): boolean {
  try {
    Atomics.wait(words, 0, -1, 0);
    return true;
  } catch {
    return false;
  }
}

/** @param patience Milliseconds that a worker may take for one piece before it is given up. */
export function createThreadPool(heap: Heap, spawn: Spawn, patience: number): ThreadPool {
  let words: Int32Array;
  let longs: BigUint64Array;
  const seats: Seat[] = [];
  clear();
  const blocks = mayWait(words!);

  /** Empties the seats. The control words are new ones, so that a thread on its way out cannot take a job any more. */
  function clear(): Seat[] {
    // Seat 0 is nobody's: its counter is the one of work that is divided among threads.
    const control = new SharedArrayBuffer(maximumThreads * seatWords * 4);
    words = new Int32Array(control);
    longs = new BigUint64Array(control);
    return seats.splice(0);
  }

  /** A rounder whose kernel calls are written down for the worker at a seat. */
  function recordingRounder(at: number): Rounder {
    function record(kernel: number, shift: number, source: number, destination: number, count: number): void {
      words[at + layout.kernel] = kernel;
      words[at + layout.elementShift] = shift;
      words[at + layout.source] = source;
      words[at + layout.destination] = destination;
      words[at + layout.count] = count;
    }
    return rounderOn(heap, {
      round(kernel, shift, source, destination, count, _random, parameters): void {
        record(kernel, shift, source, destination, count);
        words[at + layout.isStochastic] = 0;
        words[at + layout.parameters] = parameters;
      },
      roundStochastic(
        kernel,
        shift,
        source,
        destination,
        count,
        parameters,
        scratch,
        chunk,
        bits,
        index,
        stream,
        seed,
      ): void {
        record(kernel, shift, source, destination, count);
        words[at + layout.isStochastic] = 1;
        words[at + layout.parameters] = parameters;
        words[at + layout.scratch] = scratch;
        words[at + layout.chunk] = chunk;
        words[at + layout.bits] = bits;
        longs[at / 2 + layout.index] = index;
        longs[at / 2 + layout.stream] = stream;
        longs[at / 2 + layout.seed] = seed;
      },
    });
  }

  function takeSeat(): void {
    const at = (seats.length + 1) * seatWords;
    const thread = spawn({ module: sharedModule(), memory: heap.memory, words, longs, at, layout });
    const seat: Seat = { at, thread, isReady: false, rounder: recordingRounder(at), staging: undefined };
    thread.ready.then(
      () => {
        seat.isReady = true;
      },
      () => undefined,
    );
    seats.push(seat);
  }

  /** Gives all workers up and says why. What they own in the heap stays allocated: one of them may still write there. */
  function giveUp(why: string, cause?: Error): Error {
    for (const { thread } of clear()) void thread.end();
    return new Error(`a worker thread ${why}`, cause === undefined ? {} : { cause });
  }

  /** The workers for so many threads, started where there are fewer. */
  function team(threads: number): Seat[] {
    for (const { at, thread } of seats) {
      const failure = thread.failure();
      if (failure !== undefined) throw giveUp(`has ended: ${failure.message}`, failure);
      if (Atomics.load(words, at + layout.state) === layout.failed) throw giveUp('has failed');
    }
    while (seats.length < threads - 1) takeSeat();
    return seats.slice(0, threads - 1);
  }

  function state(seat: Seat): number {
    return Atomics.load(words, seat.at + layout.state);
  }

  /** Hands a job to an idle worker. Its kernel call is written already. */
  function post({ at }: Seat, counterIndex: number, step: number): void {
    words[at + layout.counterIndex] = counterIndex;
    words[at + layout.step] = step;
    Atomics.store(words, at + layout.state, layout.posted);
    Atomics.notify(words, at + layout.state);
  }

  /** Takes a job back that the worker has not begun; says whether it could. */
  function takeBack({ at }: Seat): boolean {
    const { posted, idle } = layout;
    return Atomics.compareExchange(words, at + layout.state, posted, idle) === posted;
  }

  /** Waits until the worker is idle again. */
  function awaitIdle(seat: Seat): void {
    const deadline = performance.now() + patience;
    while (state(seat) === layout.running) {
      const left = deadline - performance.now();
      if (left <= 0) throw giveUp(`has not finished its piece within ${patience / 1000} s`);
      if (blocks) Atomics.wait(words, seat.at + layout.state, layout.running, left);
    }
    if (state(seat) === layout.failed) throw giveUp('has failed');
  }

  function roundShared(work: DividedWork, source: number, destination: number, length: number): void {
    const { plan, options, threads, roundPiece } = work;
    const workers = team(threads);
    Atomics.store(words, layout.counter, 0);
    for (const seat of workers) {
      seat.rounder.round(plan, source, destination, length, options, 0);
      post(seat, layout.counter, sharedPiece);
    }
    for (;;) {
      const start = Atomics.add(words, layout.counter, sharedPiece);
      if (start >= length) break;
      roundPiece(start, Math.min(length, start + sharedPiece));
    }
    // A worker that has not begun will find nothing left.
    for (const seat of workers) if (!takeBack(seat)) awaitIdle(seat);
  }

  /** The piece that lies with each worker, from and to. */
  interface Held {
    readonly seat: Seat;
    readonly buffer: RealArray;
    from: number;
    to: number;
  }

  function hold(seat: Seat, like: RealArray): Held {
    seat.staging ??= heap.allocate(stagedPiece * 8);
    const View = like instanceof Float32Array ? Float32Array : Float64Array;
    return { seat, buffer: new View(heap.memory.buffer, seat.staging, stagedPiece), from: 0, to: 0 };
  }

  function fetch(held: Held, out: RealArray): void {
    const { buffer, from, to } = held;
    out.set(buffer.subarray(0, to - from), from);
    held.to = from;
  }

  function roundStaged(
    { plan, options, threads, roundPiece }: DividedWork,
    x: RealArray,
    out: RealArray,
  ): void {
    const pieces = team(threads).map((seat) => hold(seat, x));
    let next = 0;

    /** The next piece goes to the worker: less of what is left towards the end, so that all end together. */
    function send(held: Held): void {
      const { seat, buffer } = held;
      const share = Math.ceil((x.length - next) / (2 * threads) / ownPiece) * ownPiece;
      held.from = next;
      held.to = Math.min(x.length, next + Math.min(share, stagedPiece));
      next = held.to;
      buffer.set(x.subarray(held.from, held.to));
      const length = held.to - held.from;
      seat.rounder.round(plan, seat.staging!, seat.staging!, length, options, held.from);
      Atomics.store(words, seat.at + layout.counter, 0);
      post(seat, seat.at + layout.counter, stagedPiece);
    }

    while (next < x.length) {
      for (const held of pieces) {
        if (state(held.seat) !== layout.idle) continue;
        if (held.to > held.from) fetch(held, out);
        if (next < x.length) send(held);
      }
      const start = next;
      next = Math.min(x.length, start + ownPiece);
      if (next > start) roundPiece(start, next);
    }
    for (const held of pieces) {
      if (held.to === held.from) continue;
      if (takeBack(held.seat)) roundPiece(held.from, held.to);
      else {
        awaitIdle(held.seat);
        fetch(held, out);
      }
    }
  }

  return {
    readyThreads: () => 1 + seats.filter(({ isReady }) => isReady).length,
    async start(threads): Promise<void> {
      const workers = team(threads);
      for (const { thread } of workers) thread.keepAlive(true);
      try {
        await Promise.all(workers.map(({ thread }) => thread.ready));
      } catch (error) {
        const cause = error instanceof Error ? error : new Error(String(error));
        throw giveUp(`could not start: ${cause.message}`, cause);
      } finally {
        for (const { thread } of workers) thread.keepAlive(false);
      }
    },
    async stop(): Promise<void> {
      const leaving = clear();
      await Promise.all(leaving.map(({ thread }) => thread.end()));
      for (const { rounder, staging } of leaving) {
        rounder.release();
        if (staging !== undefined) heap.free(staging);
      }
    },
    roundShared,
    roundStaged,
  };
}
