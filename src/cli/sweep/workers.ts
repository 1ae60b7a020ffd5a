/**
 * Runs of a sweep in processes of their own, so many at a time. Each is `halfulp train --resume` in its own folder, so
 * that a run that was killed goes on, a finished one is skipped, and one that fails takes no other with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sweep, SweepRun } from './definition.ts';

/** Starts the command line in a process of its own. */
export type Launch = (argv: readonly string[]) => ChildProcess;

/** Starts this very program. */
export const launchHalfulp: Launch = (argv) =>
  spawn(process.execPath, [process.argv[1]!, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });

export interface WorkerOptions {
  readonly sweep: Sweep;
  readonly folder: string;
  readonly workers: number;
  readonly text: string | undefined;
  readonly launch: Launch;
  readonly signal: AbortSignal;
  /** Called when a run has ended: null, or why it failed. */
  onEnd(run: SweepRun, failure: string | null): void;
}

function argvOf({ sweep, folder, text }: WorkerOptions, { arm, seed, id }: SweepRun): string[] {
  const recipe = join(folder, `${id}.json`);
  if (!existsSync(recipe)) writeFileSync(recipe, `${JSON.stringify(arm.recipe, null, 2)}\n`);
  const { model, steps, evaluateEvery, probeEvery, checkpointEvery } = sweep;
  return [
    ...['train', recipe, '--out', folder, '--name', id, '--resume', '--quiet', '--model', model],
    ...['--steps', `${steps}`, '--seed', `${seed}`, '--probe-every', `${probeEvery}`],
    ...['--checkpoint-every', `${checkpointEvery}`],
    ...(evaluateEvery === undefined ? [] : ['--evaluate-every', `${evaluateEvery}`]),
    ...(arm.learningRate === undefined ? [] : ['--learning-rate', `${arm.learningRate}`]),
    ...(text === undefined ? [] : ['--text', text]),
  ];
}

/** Whether a run has its result. */
export const isFinished = (folder: string, { id }: SweepRun): boolean =>
  existsSync(join(folder, id, 'result.json'));

function runOne(options: WorkerOptions, run: SweepRun): Promise<string | null> {
  return new Promise((resolve) => {
    const child = options.launch(argvOf(options, run));
    let message = '';
    const stop = (): void => void child.kill('SIGINT');
    options.signal.addEventListener('abort', stop, { once: true });
    child.stderr?.on('data', (chunk) => {
      message = `${message}${chunk}`.slice(-2000);
    });
    const end = (failure: string | null): void => {
      options.signal.removeEventListener('abort', stop);
      resolve(failure);
    };
    child.on('error', (error) => end(error.message));
    child.on('close', (code, signal) => {
      if (isFinished(options.folder, run)) end(null);
      else if (options.signal.aborted) end('stopped');
      else end(message.trim().split('\n').at(-1) || `ended with ${signal ?? `code ${code}`}`);
    });
  });
}

/** Trains what has no result yet. */
export async function runAll(options: WorkerOptions, runs: readonly SweepRun[]): Promise<void> {
  mkdirSync(options.folder, { recursive: true });
  const waiting = runs.filter((run) => !isFinished(options.folder, run));
  const work = async (): Promise<void> => {
    while (!options.signal.aborted) {
      const run = waiting.shift();
      if (run === undefined) return;
      options.onEnd(run, await runOne(options, run));
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
}
