/** Pieces to a stream or a file, no faster than they are taken; the event loop gets its turn, so that signals are heard. */
import { setImmediate as turn } from 'node:timers/promises';
import { openWholeFile } from '../files/write.ts';
import type { Io, Output } from './io.ts';

const ends = ['drain', 'close', 'error'] as const;

/** Waits until the stream takes more or has gone. */
function drained(output: Output): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ends) output.off?.(event, done);
      resolve();
    };
    for (const event of ends) output.on?.(event, done);
  });
}

/** Writes to standard output until the pieces end, the reader has gone or the signal comes. */
export async function pumpToStdout(
  pieces: AsyncIterable<string | Uint8Array>,
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  const output = io.stdout.device ?? io.stdout;
  // Node's standard output calls itself writable again after every write that fails.
  let isLost = false;
  const lose = (): void => {
    isLost = true;
  };
  output.on?.('error', lose);
  try {
    for await (const piece of pieces) {
      if (signal.aborted || output.writable === false) return;
      if (output.write(piece) === false && output.on !== undefined) await drained(output);
      await turn();
      if (isLost) return;
    }
  } finally {
    output.off?.('error', lose);
  }
}

/** Writes a file that takes its name when it is whole; nothing is left of it if the signal comes first. */
export async function pumpToFile(
  pieces: AsyncIterable<string | Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const file = openWholeFile(path);
  try {
    for await (const piece of pieces) {
      if (signal.aborted) return file.discard();
      file.write(piece);
      await turn();
    }
  } catch (error) {
    file.discard();
    throw error;
  }
  file.commit();
}
