/**
 * Runs of a sweep in processes of their own, so many at a time. Each is `halfulp train --resume` in its own folder, so
 * that a run that was killed goes on, a finished one is skipped, and one that fails takes no other with it. A run that
 * another sweep trains is waited for.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolders, writeWholeFile } from '../../files/write.ts';
import { claimantOf } from '../claim.ts';
import { dataArguments } from '../data-options.ts';
import { basisFile, hasResult } from '../run-files.ts';
import { type Sweep, settingsOfRun } from './definition.ts';
import type { SweepRun } from './sweep-run.ts';

/** Starts the command line in a process of its own. */
export type Launch = (argv: readonly string[]) => ChildProcess;

/** Starts this very program, with a channel by whose end it learns of the end of this process, however that comes. */
export const launchHalfulp: Launch = (argv) =>
  spawn(process.execPath, [process.argv[1]!, ...argv], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });

export interface WorkerOptions {
  readonly sweep: Sweep;
  /** Where run folders are, named by id. */
  readonly folder: string;
  readonly workers: number;
  readonly launch: Launch;
  readonly signal: AbortSignal;
  /** Between two looks at runs that another sweep trains. Default 2000. */
  readonly pollMilliseconds?: number;
  /** Called when a run has ended: null, or why it failed. */
  onEnd(run: SweepRun, failure: string | null): void;
}

/** Makes a run's folder with what it is to train and what that rests on; gives the recipe's file. */
export function describeRun(folder: string, { arm, id, key, basis }: SweepRun): string {
  const recipe = join(folder, id, 'recipe.json');
  makeFolders(join(folder, id));
  writeWholeFile(recipe, `${JSON.stringify(arm.recipe, null, 2)}\n`);
  writeWholeFile(join(folder, id, basisFile), `${JSON.stringify({ key, ...basis }, null, 2)}\n`);
  return recipe;
}

function argvOf({ sweep, folder }: WorkerOptions, run: SweepRun): string[] {
  const { arm, seed, id } = run;
  const recipe = describeRun(folder, run);
  const { checkpointEvery } = sweep;
  const { model, steps, evaluateEvery, probeEvery, gradientDraws } = settingsOfRun(sweep, run);
  return [
    ...['train', recipe, '--out', folder, '--name', id, '--resume', '--quiet', '--model', model],
    ...['--steps', `${steps}`, '--seed', `${seed}`, '--probe-every', `${probeEvery}`],
    ...['--checkpoint-every', `${checkpointEvery}`],
    ...(gradientDraws === undefined ? [] : ['--gradient-draws', `${gradientDraws}`]),
    ...(evaluateEvery === undefined ? [] : ['--evaluate-every', `${evaluateEvery}`]),
    ...(arm.learningRate === undefined ? [] : ['--learning-rate', `${arm.learningRate}`]),
    ...(arm.teacher === undefined ? [] : ['--teacher', arm.teacher]),
    ...dataArguments(arm.data ?? sweep.data),
  ];
}

/** Whether a run has its result. */
export const isFinished = (folder: string, { id }: SweepRun): boolean => hasResult(join(folder, id));

async function runOne(options: WorkerOptions, run: SweepRun): Promise<string | null> {
  let argv: string[];
  try {
    argv = argvOf(options, run);
  } catch (error) {
    return (error as Error).message;
  }
  return new Promise((resolve) => {
    const child = options.launch(argv);
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

/** Trains what has no result yet; arms that say the same are trained once. */
export async function runAll(options: WorkerOptions, runs: readonly SweepRun[]): Promise<void> {
  const { folder, signal, pollMilliseconds = 2000 } = options;
  makeFolders(folder);
  const unlike = [...new Map(runs.map((run) => [run.id, run])).values()];
  const waiting = unlike.filter((run) => !isFinished(folder, run));
  const isElsewhere = ({ id }: SweepRun): boolean => claimantOf(join(folder, id)) !== null;
  const work = async (): Promise<void> => {
    while (!signal.aborted && waiting.length > 0) {
      const index = waiting.findIndex((run) => !isElsewhere(run));
      if (index < 0) {
        await delay(pollMilliseconds, undefined, { signal }).catch(() => {});
        continue;
      }
      const [run] = waiting.splice(index, 1) as [SweepRun];
      const failure = isFinished(folder, run) ? null : await runOne(options, run);
      // Another sweep may have been quicker between the look and the start.
      if (failure !== null && !signal.aborted && isElsewhere(run)) waiting.push(run);
      else options.onEnd(run, failure);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
}
