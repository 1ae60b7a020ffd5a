/** Starting and ending worker threads, in Node and in browsers; what they do is the matter of `thread-worker.ts`. */
import { browserWorkerSource, nodeWorkerSource, type WorkerData } from './thread-worker.ts';

/** A worker thread. */
export interface Thread {
  /** Settles when the thread has linked its kernels, or could not. */
  readonly ready: Promise<void>;
  /** Why it has ended without being asked to. Known only after a turn of the event loop. */
  failure(): Error | undefined;
  /** Whether the thread keeps the process alive; it does not at first. Means nothing in browsers. */
  keepAlive(on: boolean): void;
  /** Resolves when it has gone. */
  end(): Promise<void>;
}

/** A worker of Node, as much of it as is used here: declarations need no types of Node. */
interface NodeWorker {
  once(event: 'message', listener: () => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'exit', listener: (code: number) => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}

export type Spawn = (data: WorkerData) => Thread;

type NodeWorkers = typeof import('node:worker_threads');

function nodeWorkers(): NodeWorkers | undefined {
  return typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:worker_threads');
}

/**
 * Whether a thread starts while its starter blocks. In Node it does. In browsers it needs the starter's event loop, so
 * there it must have been started, and awaited, before.
 */
export function startsUnattended(): boolean {
  return nodeWorkers() !== undefined;
}

/** A worker of Node as a thread. Its first message says that it is ready. */
export function threadOf(worker: NodeWorker): Thread {
  worker.unref();
  let failure: Error | undefined;
  let isEnding = false;
  const ready = new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
      reject(failure);
    });
    worker.once('exit', (code) => {
      if (!isEnding) failure ??= new Error(`it exited with code ${code}`);
      reject(failure ?? new Error('it was stopped'));
    });
  });
  // Whoever waits for it hears of a rejection; nobody may be waiting.
  ready.catch(() => undefined);
  return {
    ready,
    failure: () => failure,
    keepAlive(on): void {
      if (on) worker.ref();
      else worker.unref();
    },
    async end(): Promise<void> {
      isEnding = true;
      await worker.terminate();
    },
  };
}

function spawnInNode({ Worker }: NodeWorkers, workerData: WorkerData): Thread {
  // The process's own flags (loaders, --input-type) are not for this script.
  return threadOf(new Worker(nodeWorkerSource(), { eval: true, execArgv: [], workerData }));
}

function spawnInBrowser(data: WorkerData): Thread {
  const url = URL.createObjectURL(new Blob([browserWorkerSource()], { type: 'text/javascript' }));
  const worker = new Worker(url);
  let failure: Error | undefined;
  let stop: (() => void) | undefined;
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      failure = new Error(
        event.message || 'its script was refused (a content security policy without blob: ?)',
      );
      reject(failure);
    };
    stop = () => reject(new Error('it was stopped'));
  });
  ready.catch(() => undefined).finally(() => URL.revokeObjectURL(url));
  worker.postMessage(data);
  return {
    ready,
    failure: () => failure,
    keepAlive(): void {},
    async end(): Promise<void> {
      worker.terminate();
      stop?.();
    },
  };
}

export function spawnThread(data: WorkerData): Thread {
  const node = nodeWorkers();
  return node === undefined ? spawnInBrowser(data) : spawnInNode(node, data);
}
