/** A worker's hold on a process that trains: started when it is needed, kept for the next run, replaced when it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageFolder } from '../own-package.ts';
import type { RunJob } from './job.ts';
import type { FromTrainer, Outcome, ToTrainer } from './trainer.ts';

/** What a run needs beside its job, and who hears of it. */
interface RunCall {
  readonly job: RunJob;
  readonly data: Uint8Array;
  readonly teacher?: Uint8Array;
  /** Of the run's last checkpoint; null without one. */
  readonly state: Uint8Array | null;
  /** The same of the teacher that the run trains first; absent where it trains none. */
  readonly teacherState?: Uint8Array | null;
  onNote(text: string): void;
  onStep(step: number, loss: number, seconds: number): void;
  /** The run goes on when it is stored. */
  onCheckpoint(step: number, bytes: Uint8Array, ofTeacher: boolean): Promise<void>;
}

/** How a run ended; `stopped`: it left a checkpoint when it was asked to. */
export type RunEnd =
  | { readonly kind: 'done'; readonly files: Uint8Array; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly reason: string; readonly isFinal: boolean }
  | { readonly kind: 'stopped' };

export interface Trainer {
  /** Trains one run. Rejects with what `onCheckpoint` does. */
  run(call: RunCall): Promise<RunEnd>;
  /** Asks the run to stop after its step and to leave a checkpoint. */
  stop(): void;
  /** Ends the process and what it does at once: its run has failed. */
  kill(): void;
}

/** Starts the process, with a channel for messages. */
export type LaunchTrainer = () => ChildProcess;

const launchTrainer: LaunchTrainer = () =>
  spawn(process.execPath, [join(packageFolder(), 'dist', 'cli', 'queue', 'trainer.js')], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });

/** A process that has ended must not end the worker: its end is heard of by itself. */
const send = (child: ChildProcess, message: ToTrainer): void => void child.send(message, () => {});

type Checkpoint = FromTrainer & { kind: 'checkpoint' };

/** What the hold knows of its process while a run is in it. */
interface RunView {
  /** Whether the run was asked to stop. */
  isStopping(): boolean;
  /** The end of what the process wrote to standard error. */
  lastWords(): string;
}

/** Hears of a run in a process until it ends, or the process does. */
function followRun(
  child: ChildProcess,
  call: Omit<RunCall, 'job' | 'data' | 'teacher' | 'state' | 'teacherState'>,
  view: RunView,
) {
  return new Promise<RunEnd>((resolve, reject) => {
    const settle = (done: () => void): void => {
      child.off('message', hear);
      child.off('close', ended);
      child.off('error', failed);
      done();
    };
    const ended = (code: number | null, signal: NodeJS.Signals | null): void =>
      settle(() => {
        const words = view.lastWords().trim().split('\n').at(-1);
        const reason = `its process ended with ${signal ?? `code ${code}`}${words ? `: ${words}` : ''}`;
        resolve({ kind: 'failed', reason, isFinal: false });
      });
    const failed = (error: Error): void =>
      settle(() => resolve({ kind: 'failed', reason: error.message, isFinal: false }));
    const store = async ({ step, bytes, ofTeacher }: Checkpoint): Promise<void> => {
      try {
        await call.onCheckpoint(step, bytes, ofTeacher === true);
      } catch (error) {
        return settle(() => reject(error));
      }
      if (view.isStopping()) settle(() => resolve({ kind: 'stopped' }));
      else send(child, { kind: 'stored' });
    };
    const hear = (message: FromTrainer): void => {
      if (message.kind === 'note') call.onNote(message.text);
      else if (message.kind === 'step') call.onStep(message.step, message.loss, message.seconds);
      else if (message.kind === 'checkpoint') void store(message);
      else settle(() => resolve(message));
    };
    child.on('message', hear);
    child.on('close', ended);
    child.on('error', failed);
  });
}

export function trainerProcess(launch: LaunchTrainer = launchTrainer): Trainer {
  let child: ChildProcess | null = null;
  let heldData = '';
  let isStopping = false;
  let lastWords = '';

  const start = (): ChildProcess => {
    const started = launch();
    heldData = '';
    lastWords = '';
    started.stderr?.on('data', (chunk) => {
      if (child === started) lastWords = `${lastWords}${chunk}`.slice(-2000);
    });
    started.on('close', () => {
      if (child === started) child = null;
    });
    return started;
  };

  return {
    run({ job, data, teacher, state, teacherState, ...call }) {
      child ??= start();
      const end = followRun(child, call, { isStopping: () => isStopping, lastWords: () => lastWords });
      isStopping = false;
      const own = {
        job,
        state,
        ...(teacher && { teacher }),
        ...(teacherState !== undefined && { teacherState }),
      };
      send(child, { kind: 'run', ...own, ...(heldData === job.data ? {} : { data }) });
      heldData = job.data;
      return end.then((ended) => {
        // It may have failed by the data, and not have them then.
        if (ended.kind === 'failed') heldData = '';
        return ended;
      });
    },
    stop() {
      isStopping = true;
      if (child !== null) send(child, { kind: 'stop' });
    },
    kill() {
      child?.kill('SIGKILL');
      // The next run is not for a process that is about to end.
      child = null;
    },
  };
}
