/**
 * What a worker thread does: waits in shared memory for a job, runs kernel calls on pieces of it, says that it is done. No
 * message passes after the first one. The thread gets this function as source text, so the same code runs from the
 * built package, from a bundle, from the TypeScript sources, in Node and in browsers, without a file to find; therefore it
 * uses nothing from outside itself, no functions within it either (some compilers wrap those in helpers), and its numbers
 * come in by `layout`. The other side of the protocol is `thread-pool.ts`.
 */
import type { RoundingModuleExports } from './rounding-module.ts';

/** What a module whose jobs are described by a block in the heap exports: elements `start` to `start + count` of that. */
export interface PieceExports {
  /** -1, or an index at which the block's operands are not what they must be. */
  piece(block: number, start: number, count: number): number;
}

/**
 * A worker has two slots for jobs and does them in turn, so that the next one can lie ready: here is where the 32-bit words
 * of a slot lie, from its first one, its 64-bit words, and what its state may be.
 */
export interface Layout {
  readonly state: number;
  /** Elements handed out, where a job is not divided among threads. */
  readonly counter: number;
  /** The job: index of the counter that it takes its pieces from, elements, elements a piece. */
  readonly counterIndex: number;
  readonly count: number;
  readonly step: number;
  /** The job: which kernel is called. What it returned, where it was `piece`: -1, or any other of its results. */
  readonly call: number;
  readonly result: number;
  /** Arguments of the kernel call. A piece's block is its `parameters`. */
  readonly kernel: number;
  readonly elementShift: number;
  readonly source: number;
  readonly destination: number;
  readonly parameters: number;
  readonly scratch: number;
  readonly chunk: number;
  readonly bits: number;
  /** From the slot's first 64-bit word. */
  readonly index: number;
  readonly stream: number;
  readonly seed: number;
  /** Only the pool moves a slot from idle to posted and back, only the worker from posted to running, idle or failed. */
  readonly idle: number;
  readonly posted: number;
  readonly running: number;
  readonly failed: number;
  /** The calls. */
  readonly round: number;
  readonly roundStochastic: number;
  readonly pieceOfArithmetic: number;
  readonly pieceOfProducts: number;
  /** Words from a slot to the next. */
  readonly slotWords: number;
}

export const layout: Layout = {
  state: 0,
  counter: 1,
  counterIndex: 2,
  count: 3,
  step: 4,
  call: 5,
  kernel: 6,
  elementShift: 7,
  source: 8,
  destination: 9,
  parameters: 10,
  scratch: 11,
  chunk: 12,
  bits: 13,
  result: 14,
  index: 8,
  stream: 9,
  seed: 10,
  idle: 0,
  posted: 1,
  running: 2,
  failed: 3,
  round: 0,
  roundStochastic: 1,
  pieceOfArithmetic: 2,
  pieceOfProducts: 3,
  // Two cache lines, of which the second holds words of 64 bits.
  slotWords: 32,
};

/** What a worker is given once. */
export interface WorkerData {
  readonly module: WebAssembly.Module;
  /** The modules of operations and of products, linked when a job first wants them. */
  readonly arithmetic: WebAssembly.Module;
  readonly products: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The slots of all workers, and the same memory as 64-bit words. */
  readonly words: Int32Array;
  readonly longs: BigUint64Array;
  /** First word of the worker's first slot. */
  readonly first: number;
  readonly layout: Layout;
}

/** Never returns. `ready` is called once the kernels are linked. */
function work(data: WorkerData, ready: () => void): void {
  const { words, longs, first, layout } = data;
  let at = first;
  try {
    const instance = new WebAssembly.Instance(data.module, { env: { memory: data.memory } });
    const { round, roundStochastic } = instance.exports as unknown as RoundingModuleExports;
    let arithmetic: PieceExports | undefined;
    let products: PieceExports | undefined;
    ready();
    while (true) {
      const state = at + layout.state;
      while (Atomics.compareExchange(words, state, layout.posted, layout.running) !== layout.posted)
        Atomics.wait(words, state, layout.idle);
      const counter = words[at + layout.counterIndex]!;
      const count = words[at + layout.count]!;
      const step = words[at + layout.step]!;
      const kernel = words[at + layout.kernel]!;
      const shift = words[at + layout.elementShift]!;
      const source = words[at + layout.source]!;
      const destination = words[at + layout.destination]!;
      const parameters = words[at + layout.parameters]!;
      const call = words[at + layout.call]!;
      if (call === layout.pieceOfArithmetic)
        arithmetic ??= new WebAssembly.Instance(data.arithmetic, { env: { memory: data.memory } })
          .exports as unknown as PieceExports;
      if (call === layout.pieceOfProducts)
        products ??= new WebAssembly.Instance(data.products, { env: { memory: data.memory } })
          .exports as unknown as PieceExports;
      const pieces = call === layout.pieceOfProducts ? products : arithmetic;
      let start = Atomics.add(words, counter, step);
      while (start < count) {
        const length = Math.min(step, count - start);
        const from = source + (start << shift);
        const to = destination + (start << shift);
        if (call >= layout.pieceOfArithmetic) {
          const result = pieces!.piece(parameters, start, length);
          if (result >= 0) words[at + layout.result] = result;
        } else if (call === layout.round) round(kernel, shift, from, to, length, 0, parameters);
        else
          roundStochastic(
            kernel,
            shift,
            from,
            to,
            length,
            parameters,
            words[at + layout.scratch]!,
            words[at + layout.chunk]!,
            words[at + layout.bits]!,
            longs[at / 2 + layout.index]! + BigInt(start),
            longs[at / 2 + layout.stream]!,
            longs[at / 2 + layout.seed]!,
          );
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
