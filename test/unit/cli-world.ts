/** A world for commands under test: streams that remember, signals that tests send, an exit that only takes note. */

import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io, StopSignal } from '../../src/cli/io.ts';

/** An Io and what happened to it. */
export interface TestWorld {
  readonly io: Io;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly send: (signal: StopSignal) => void;
  /** Codes that `exit` was called with. */
  readonly exits: readonly number[];
  /** How many listeners for signals there are. */
  readonly listening: () => number;
}

async function* piecesOf(pieces: readonly string[]): AsyncGenerator<string> {
  yield* pieces;
}

/** A world with pipes for streams, or terminals of `columns` characters; `input` is what standard input gives. */
export function testWorld(columns?: number, input: readonly string[] = []): TestWorld {
  const written = { stdout: '', stderr: '' };
  const emitter = new EventEmitter();
  const exits: number[] = [];
  const output = (name: 'stdout' | 'stderr'): Io['stdout'] => ({
    write: (text) => {
      written[name] += text;
    },
    isTTY: columns !== undefined,
    columns,
  });
  return {
    io: {
      stdout: output('stdout'),
      stderr: { ...output('stderr'), isTTY: false },
      stdin: piecesOf(input),
      environment: {},
      signals: emitter,
      exit: (code) => void exits.push(code),
    },
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    send: (signal) => void emitter.emit(signal),
    exits,
    listening: () => emitter.listenerCount('SIGINT') + emitter.listenerCount('SIGTERM'),
  };
}

/** Runs `work` with a new empty folder and removes it afterwards. */
export async function withFolder<T>(work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'halfulp-test-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the runs of sweeps in tests rest on. */
export const basis = { numerics: '1-0123456789abcdef', data: 'fedcba9876543210' };
