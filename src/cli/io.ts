/**
 * What a command may touch of the outside world: a stream to read, two to write to, the environment and the
 * signals. Commands take it as an argument instead of reaching for `process`, so that tests can run them in the same
 * process and look at what they wrote. It holds no behaviour of its own.
 */

/** The part of a writable stream that the command line uses. */
export interface Output {
  write(text: string | Uint8Array): unknown;
  /** True for a terminal. */
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal in characters; unknown for pipes and files. */
  readonly columns?: number | undefined;
  /** False once the reader has gone. */
  readonly writable?: boolean | undefined;
  /** The stream itself, for what moves the cursor, and for bytes. Default: this. */
  readonly device?: Output;
  /** Streams say when they take more, and when they are gone. */
  on?(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off?(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

/**
 * What asks a running command to stop: signals, and the end of the process that started it with a channel to it, as a
 * sweep starts the runs that it trains.
 */
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const;
export type StopSignal = (typeof stopSignals)[number];

/** Where signals come from: `process`, or an EventEmitter in tests. */
interface SignalSource {
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

/** The world of one command. */
export interface Io {
  /** Results: the table, or JSON. */
  readonly stdout: Output;
  /** Progress and errors. */
  readonly stderr: Output;
  /** Standard input in pieces. */
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signals: SignalSource;
  /** True once the process that started this one with a channel has ended. */
  readonly isAbandoned?: boolean;
  /** Ends the process at once; for the second Ctrl-C only. */
  exit(code: number): void;
}

/** The world of the real process. */
export function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    // Opened when read: merely touching it would keep the process waiting.
    get stdin() {
      return process.stdin;
    },
    environment: process.env,
    signals: process,
    get isAbandoned() {
      return process.send !== undefined && !process.connected;
    },
    exit: (code) => process.exit(code),
  };
}

/** Whether escape codes for bold and dim may be written: a terminal that is not told otherwise (https://no-color.org). */
export function allowsStyle(output: Output, environment: Io['environment']): boolean {
  const refused = environment['NO_COLOR'] !== undefined && environment['NO_COLOR'] !== '';
  return output.isTTY === true && !refused && environment['TERM'] !== 'dumb';
}
