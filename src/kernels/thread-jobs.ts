/**
 * The control words of the worker pool, as the caller writes and reads them: jobs in the slots of workers, taken back, waited for.
 * The other side is `thread-worker.ts`.
 */
import type { Heap } from './heap.ts';
import type { KernelModule, PieceExports } from './module.ts';
import { growingRoom } from './rooms.ts';
import { layout } from './thread-worker.ts';

/** A job for one worker: units of what a block in the heap describes. */
interface Job {
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
export function makeSlot(heap: Heap, at: number): { readonly slot: Slot; release(): void } {
  const { of: room, release } = growingRoom(heap);
  return { slot: { at, room }, release };
}

/** Where the bytes of modules lie for the workers. */
export class PlacedModules {
  readonly #heap: Heap;
  readonly #spans = new Map<KernelModule<PieceExports>, Span>();

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  place(module: KernelModule<PieceExports>): void {
    if (this.#spans.has(module)) return;
    const bytes = module.sharedBytes();
    const pointer = this.#heap.allocate(bytes.length);
    new Uint8Array(this.#heap.memory.buffer, pointer, bytes.length).set(bytes);
    this.#spans.set(module, { pointer, bytes: bytes.length });
  }

  /** Of a module that has been placed. */
  of(module: KernelModule<PieceExports>): Span {
    return this.#spans.get(module)!;
  }

  release(): void {
    for (const { pointer } of this.#spans.values()) this.#heap.free(pointer);
    this.#spans.clear();
  }
}

/** The control words of a pool. The first two slots are nobody's: the counter of one is that of the common job. */
export class ControlWords {
  /** New ones whenever the workers are: a thread on its way out cannot take a job of theirs. */
  words: Int32Array = new Int32Array(0);
  readonly #slots: number;
  readonly #patience: number;
  readonly #giveUp: (why: string) => Error;
  readonly #blocks = mayBlock();

  /**
   * @param patience Milliseconds that a worker may take for one job before it is given up.
   * @param giveUp Gives all workers up and says why.
   */
  constructor(slots: number, patience: number, giveUp: (why: string) => Error) {
    this.#slots = slots;
    this.#patience = patience;
    this.#giveUp = giveUp;
    this.renew();
  }

  renew(): void {
    this.words = new Int32Array(new SharedArrayBuffer(this.#slots * layout.slotWords * 4));
  }

  post({ at }: Slot, { block, length, commonPiece }: Job, { pointer, bytes }: Span): void {
    const { words } = this;
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

  isIdle({ at }: Slot): boolean {
    return Atomics.load(this.words, at + layout.state) === layout.idle;
  }

  /** Takes a job back that has not been begun; says whether it could. */
  takeBack({ at }: Slot): boolean {
    const { posted, idle, state } = layout;
    return Atomics.compareExchange(this.words, at + state, posted, idle) === posted;
  }

  awaitDone({ at }: Slot): void {
    const { words } = this;
    const state = at + layout.state;
    const deadline = performance.now() + this.#patience;
    for (;;) {
      const seen = Atomics.load(words, state);
      if (seen === layout.idle) return;
      if (seen === layout.failed) throw this.#giveUp('has failed');
      const left = deadline - performance.now();
      if (left <= 0) throw this.#giveUp(`has not finished its piece within ${this.#patience / 1000} s`);
      if (this.#blocks) Atomics.wait(words, state, seen, left);
    }
  }

  result({ at }: Slot): number {
    return this.words[at + layout.result]!;
  }
}

/** A worker of two slots. */
export function workerOf(
  controls: ControlWords,
  modules: PlacedModules,
  slots: readonly [Slot, Slot],
): Worker {
  let turn: 0 | 1 = 0;
  const current = (): Slot => slots[turn];
  const other = (): 0 | 1 => (turn === 0 ? 1 : 0);
  return {
    slot: current,
    reserve(bytes): void {
      for (const slot of slots) slot.room(bytes);
    },
    isFree: () => controls.isIdle(current()),
    post(job): void {
      controls.post(current(), job, modules.of(job.module));
      turn = other();
    },
    takeBack(): boolean {
      if (!controls.takeBack(slots[other()])) return false;
      turn = other();
      return true;
    },
    awaitDone: (slot) => controls.awaitDone(slot),
    result: (slot) => controls.result(slot),
  };
}
