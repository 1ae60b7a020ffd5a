/**
 * What a worker thread does: waits in shared memory for a job, does pieces of it, says that it is done. No message passes after
 * the first one: the bytes of the module that a job wants lie in the shared memory, and the thread links them when it first meets them.
 * The thread gets this function as source text, so the same code runs from the built package, from a bundle, from the TypeScript
 * sources, in Node and in browsers, without a file to find; therefore it uses nothing from outside itself, no functions within it
 * either (some compilers wrap those in helpers), and its numbers come in by `layout`. The other side of the protocol is `thread-pool.ts`.
 */
import type { PieceExports } from './module.ts';

/**
 * A worker has two slots for jobs and does them in turn, so that the next one can lie ready: here is where the 32-bit words
 * of a slot lie, from its first one, and what its state may be.
 */
interface Layout {
  readonly state: number;
  /** Units handed out, where a job is not divided among threads. */
  readonly counter: number;
  /** The job: index of the counter that it takes its pieces from, units, units a piece. */
  readonly counterIndex: number;
  readonly count: number;
  readonly step: number;
  /** The job: where the bytes of its module are, and how many; its block. */
  readonly module: number;
  readonly moduleBytes: number;
  readonly block: number;
  /** What its pieces returned: -1, or any other of their results. */
  readonly result: number;
  /** Only the pool moves a slot from idle to posted and back, only the worker from posted to running, idle or failed. */
  readonly idle: number;
  readonly posted: number;
  readonly running: number;
  readonly failed: number;
  /** Words from a slot to the next. */
  readonly slotWords: number;
}

export const layout: Layout = {
  state: 0,
  counter: 1,
  counterIndex: 2,
  count: 3,
  step: 4,
  module: 5,
  moduleBytes: 6,
  block: 7,
  result: 8,
  idle: 0,
  posted: 1,
  running: 2,
  failed: 3,
  // A cache line.
  slotWords: 16,
};

/** What a worker is given once. */
export interface WorkerData {
  readonly memory: WebAssembly.Memory;
  /** The slots of all workers. */
  readonly words: Int32Array;
  /** First word of the worker's first slot. */
  readonly first: number;
  readonly layout: Layout;
}

/** Never returns. `ready` is called when it waits for its first job. */
function work(data: WorkerData, ready: () => void): void {
  const { memory, words, first, layout } = data;
  let at = first;
  try {
    const linked = new Map<number, PieceExports>();
    ready();
    while (true) {
      const state = at + layout.state;
      while (Atomics.compareExchange(words, state, layout.posted, layout.running) !== layout.posted)
        Atomics.wait(words, state, layout.idle);
      const counter = words[at + layout.counterIndex]!;
      const count = words[at + layout.count]!;
      const step = words[at + layout.step]!;
      const module = words[at + layout.module]!;
      const block = words[at + layout.block]!;
      let kernels = linked.get(module);
      if (kernels === undefined) {
        // Another thread may have grown the memory: growing it by nothing shows this one its present size.
        memory.grow(0);
        const bytes = new Uint8Array(memory.buffer, module, words[at + layout.moduleBytes]).slice();
        const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
        kernels = instance.exports as unknown as PieceExports;
        linked.set(module, kernels);
      }
      let start = Atomics.add(words, counter, step);
      while (start < count) {
        const result = kernels.piece(block, start, Math.min(step, count - start));
        if (result >= 0) words[at + layout.result] = result;
        start = Atomics.add(words, counter, step);
      }
      Atomics.store(words, state, layout.idle);
      Atomics.notify(words, state);
      at = at === first ? first + layout.slotWords : first;
    }
  } catch (error) {
    Atomics.store(words, at + layout.state, layout.failed);
    Atomics.notify(words, at + layout.state);
    throw error;
  }
}

/** A CommonJS script for a worker of Node, whose `workerData` is a `WorkerData`. It posts one message when it is ready. */
export function nodeWorkerSource(): string {
  return `const { parentPort, workerData } = require('node:worker_threads');
(${work.toString()})(workerData, () => parentPort.postMessage('ready'));`;
}

/** A classic script for a worker of a browser, which gets a `WorkerData` as its first message and answers with one. */
export function browserWorkerSource(): string {
  return `onmessage = (event) => (${work.toString()})(event.data, () => postMessage('ready'));`;
}
