/**
 * The library's worker threads as users meet them: `startThreads`, `stopThreads`, and what the `threads` option of `round`
 * accepts. The pool behind them is `thread-pool.ts`.
 */

import { integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sharedHeap } from './heap.ts';
import { createThreadPool, maximumThreads, type ThreadPool } from './thread-pool.ts';
import { spawnThread, startsUnattended } from './thread-spawn.ts';

/** Milliseconds that a worker may take for one piece, which takes it less than one: only a dead one takes so long. */
const patience = 30_000;

let poolMade: ThreadPool | undefined;

/** The library's pool, made on first use. Shared memory must be at hand. */
export function threadPool(): ThreadPool {
  poolMade ??= createThreadPool(sharedHeap(), spawnThread, patience);
  return poolMade;
}

function checkShared(threads: number): void {
  if (threads > 1 && typeof SharedArrayBuffer === 'undefined')
    throw new ArgumentError(
      'threads',
      threads,
      '1 where memory cannot be shared; a web page must be cross-origin isolated to share it',
    );
}

/** A `threads` option: 1 by default. Throws ArgumentError where so many threads cannot be had. */
export function checkThreads(given: unknown): number {
  const threads = integerInRange('threads', given, 1, maximumThreads, 1);
  checkShared(threads);
  if (threads > 1 && !startsUnattended()) {
    const ready = threadPool().readyThreads();
    if (threads > ready)
      throw new ArgumentError('threads', threads, `1 to ${ready}, or more after 'await startThreads(n)'`);
  }
  return threads;
}

/**
 * Starts worker threads, so that `round` can be called with `threads` up to n. In Node that is optional: there the first
 * call starts them. In a browser it is required before, in a page that is cross-origin isolated. Workers do not keep a
 * Node process alive.
 *
 * @param n Threads, this one included: 1 to 64.
 * @throws ArgumentError for a bad n, or where memory cannot be shared; Error if a thread cannot be started.
 *
 * @example
 * await startThreads(4);
 * round(x, 'e4m3fn', { rounding: 'stochastic', seed: 1, threads: 4, out: x });
 */
export async function startThreads(n: number): Promise<void> {
  if (n === undefined) throw new ArgumentError('n', n, `an integer from 1 to ${maximumThreads}`);
  const threads = integerInRange('n', n, 1, maximumThreads, 1);
  checkShared(threads);
  if (threads > 1) await threadPool().start(threads);
}

/** Ends the worker threads; resolves when they are gone. They can be started again. */
export async function stopThreads(): Promise<void> {
  await poolMade?.stop();
}
