/**
 * Ctrl-C, `kill`, a closed terminal and a parent that has ended as an AbortSignal: the first asks the running work to stop
 * after its current step, one more than a second later ends the process at once. npm passes SIGINT on to its child, which the terminal has signalled
 * already, so two signals within the second count as one.
 */

import { signalExitCodes } from './exit-codes.ts';
import { type Io, type StopSignal, stopSignals } from './io.ts';

/** Two signals closer than this, in milliseconds, are one wish. */
const debounceMilliseconds = 1000;

/** A listener for stop signals; `close` it to give Ctrl-C its usual meaning back. */
export interface StopListener {
  readonly signal: AbortSignal;
  /** The signal that came first, or null. */
  stoppedBy(): StopSignal | null;
  close(): void;
}

/** Whether an error says that work was given up because a signal asked for it. */
export const isAbort = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted && (error as Error | null)?.name === 'AbortError';

/** What to do besides aborting. */
interface StopActions {
  /** Called once, at the first signal. */
  onStop(signal: StopSignal): void;
  /** Called just before the process is ended by a later signal, to give the terminal back. */
  onQuit(): void;
}

/**
 * Listens for what asks the command to stop.
 *
 * @param io where signals come from and how to end the process
 * @param now clock in milliseconds
 */
export function listenForStop(
  io: Io,
  actions: StopActions,
  now: () => number = () => performance.now(),
): StopListener {
  const controller = new AbortController();
  let first: { signal: StopSignal; time: number } | null = null;

  const listener = (signal: StopSignal) => () => {
    if (first === null) {
      first = { signal, time: now() };
      actions.onStop(signal);
      controller.abort();
    } else if (now() - first.time > debounceMilliseconds) {
      actions.onQuit();
      io.exit(signalExitCodes[signal]);
    }
  };
  const listeners = stopSignals.map((signal) => [signal, listener(signal)] as const);
  for (const [signal, listen] of listeners) io.signals.on(signal, listen);
  if (io.isAbandoned) listener('disconnect')();

  return {
    signal: controller.signal,
    stoppedBy: () => first?.signal ?? null,
    close: () => {
      for (const [signal, listen] of listeners) io.signals.off(signal, listen);
    },
  };
}
