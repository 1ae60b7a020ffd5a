/** Work on model files: how far it is, Ctrl-C, and what the library refuses by the names of the command line. */
import { ArgumentError, DamagedFileError, printable } from '../../errors.ts';
import type { ModelProgress } from '../../model-files/index.ts';
import { signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { formatDuration } from '../progress.ts';

/** Seconds before progress is worth a line. */
const patience = 1;
/** Seconds between two looks of a terminal. */
const pause = 0.1;
const clearLine = '\r\u001b[2K';

interface Watch {
  onProgress(progress: ModelProgress): void;
  close(): void;
}

/** A line that changes on terminals, about ten lines elsewhere; nothing of what is done in a moment. */
function watch({ stderr, environment }: Io, now: () => number): Watch {
  const isTerminal = stderr.isTTY === true && environment['TERM'] !== 'dumb';
  const device = stderr.device ?? stderr;
  // Loading the program is not what is being waited for.
  let begin: number | undefined;
  let shown = 0;
  let nextTenth = 1;
  let isShowing = false;
  return {
    onProgress({ tensor, done, elements }) {
      const time = now();
      begin ??= time;
      if (time - begin < patience || elements === 0) return;
      const share = done / elements;
      const left = formatDuration(((time - begin) * (1 - share)) / share);
      const line = `${(100 * share).toFixed(0).padStart(3)} %  ${left} left  ${printable(tensor)}`;
      if (isTerminal) {
        if (time - shown < pause) return;
        shown = time;
        isShowing = true;
        device.write(clearLine);
        stderr.write(line.slice(0, (stderr.columns ?? 80) - 1));
      } else if (share >= nextTenth / 10) {
        nextTenth = Math.floor(share * 10) + 1;
        stderr.write(`${line}\n`);
      }
    },
    close() {
      if (isShowing) device.write(clearLine);
    },
  };
}

/** What the library calls its arguments, and the command its own. */
function renamed(error: unknown, names: Readonly<Record<string, string>>): unknown {
  if (!(error instanceof ArgumentError) || error instanceof DamagedFileError) return error;
  const [head] = /^\w+/.exec(error.argument) ?? [''];
  const name = Object.hasOwn(names, head) ? names[head] : undefined;
  if (name === undefined) return error;
  const place = `${name}${error.argument.slice(head.length)}`.trimEnd();
  return new ArgumentError(place, error.given, error.accepted);
}

/**
 * Does the work and shows what came of it.
 *
 * @returns The exit code.
 */
export async function fileWork<T>(
  io: Io,
  isQuiet: boolean,
  names: Readonly<Record<string, string>>,
  work: (watched: { readonly signal: AbortSignal; onProgress(progress: ModelProgress): void }) => Promise<T>,
  show: (result: T) => void,
): Promise<number> {
  const stop = listenForStop(io, { onStop: () => {}, onQuit: () => {} });
  const shown = watch(io, () => performance.now() / 1000);
  const onProgress = isQuiet ? () => {} : shown.onProgress;
  try {
    const result = await work({ signal: stop.signal, onProgress });
    shown.close();
    show(result);
    return 0;
  } catch (error) {
    shown.close();
    const stopped = stop.stoppedBy();
    if (stopped === null || !stop.signal.aborted || error !== stop.signal.reason) throw renamed(error, names);
    return signalExitCodes[stopped];
  } finally {
    stop.close();
  }
}
