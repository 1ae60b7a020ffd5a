/** The page's side of the worker: questions, answers, and refusals as faults with the argument that they name. */
import type { TaskName, Tasks } from './tasks.ts';

/** What a worker refused: the argument's path where the library named one. */
export interface Fault {
  readonly argument?: string;
  readonly message: string;
}

/** What comes back from the worker. */
export interface Reply {
  readonly id: number;
  readonly answer?: unknown;
  readonly fault?: Fault;
  /** A report on the way to the answer. */
  readonly report?: unknown;
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(fault: Fault): void;
  report?(report: never): void;
}

/** A worker that answers questions. It starts with the first of them. */
export class Asker {
  readonly #base: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #count = 0;
  #isClosed = false;

  constructor(base: string) {
    this.#base = base;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(data.id);
      if (data.report !== undefined) return waiting?.report?.(data.report as never);
      this.#waiting.delete(data.id);
      if (data.fault === undefined) waiting?.resolve(data.answer);
      else waiting?.reject(data.fault);
    };
    worker.onerror = (event) => {
      const fault = { message: event.message || 'the code of this page could not be loaded' };
      for (const { reject } of this.#waiting.values()) reject(fault);
      this.#waiting.clear();
    };
    worker.postMessage({ base: new URL(this.#base, location.href).href });
    return worker;
  }

  /** Asks; the reports that a task sends on its way go to `report`. Once closed there is no answer. */
  ask<T extends TaskName>(
    task: T,
    input: Parameters<Tasks[T]>[0],
    report?: (report: never) => void,
    transfer: Transferable[] = [],
  ): Promise<Awaited<ReturnType<Tasks[T]>>> {
    if (this.#isClosed) return new Promise(() => undefined);
    this.#worker ??= this.#start();
    const id = ++this.#count;
    const promise = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, ...(report === undefined ? {} : { report }) });
    });
    this.#worker.postMessage({ id, task, input }, transfer);
    return promise as Promise<Awaited<ReturnType<Tasks[T]>>>;
  }

  close(): void {
    this.#isClosed = true;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#waiting.clear();
  }
}
