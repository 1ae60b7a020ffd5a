/**
 * The exit codes of the `halfulp` command and the one line that goes with a failure. This is the only place that
 * turns an exception into words: wrong arguments are the user's to fix (2, one line), everything else is a failure
 * of the program or the machine (1, with the stack if HALFULP_DEBUG is set).
 */

import { CommanderError } from 'commander';
import { ArgumentError, printable } from '../errors.ts';
import type { Io, StopSignal } from './io.ts';

export const exitCodes = { done: 0, failure: 1, usage: 2 } as const;

/** Shell convention: 128 plus the number of the signal. An end of the process above is a hang-up. */
export const signalExitCodes: Readonly<Record<StopSignal, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
  disconnect: 129,
};

/** Characters of the longest failure: messages quote files and arguments. */
const longestMessage = 2000;

/** User and password of an address, which a message may quote where it was given to the wrong option. */
const credentials = /(rediss?:\/\/)[^\s'"]*@/gi;

/** A message as one line of bounded length, without control characters and credentials. */
function line(whole: string): string {
  const text = whole.replace(credentials, '$1***@');
  const head = text.slice(0, longestMessage);
  const words = head.split('\n').map((part) => part.trim());
  return `halfulp: ${printable(words.join(' ').trim())}${head.length < text.length ? '...' : ''}\n`;
}

/** Name of the package whose absence made an import fail, or null: optional peers are the user's to install. */
function missingPackage(error: unknown): string | null {
  if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_MODULE_NOT_FOUND') return null;
  return /package '([^']+)'/.exec((error as Error).message)?.[1] ?? null;
}

/** Writes the failure to stderr as one line and returns the exit code. */
export function reportFailure(error: unknown, io: Io): number {
  if (error instanceof CommanderError) {
    // Help and version come as "errors" with code 0; commander has written them already.
    if (error.exitCode === 0) return exitCodes.done;
    if (error.code !== 'commander.help') io.stderr.write(line(error.message.replace(/^error: /, '')));
    return exitCodes.usage;
  }
  if (error instanceof ArgumentError) {
    io.stderr.write(line(error.message));
    return exitCodes.usage;
  }
  const missing = missingPackage(error);
  if (missing !== null) {
    io.stderr.write(line(`the package ${missing} is not installed: npm install ${missing}`));
    return exitCodes.usage;
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  io.stderr.write(line(message));
  if (io.environment['HALFULP_DEBUG'] && error instanceof Error && error.stack) {
    io.stderr.write(`${error.stack}\n`);
  }
  return exitCodes.failure;
}
