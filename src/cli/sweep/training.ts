/** How the runs of a sweep are trained, and what is said of each that ends: in processes here, or by the workers of a queue. */
import { join } from 'node:path';
import type { TrainResult } from '../../train/records.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io, StopSignal } from '../io.ts';
import type { QueuedSweep } from '../queue/sweep-runs.ts';
import { readResult } from '../run-files.ts';
import type { SweepOptions } from './options.ts';
import type { SweepRun } from './sweep-run.ts';
import type { WorkerOptions } from './workers.ts';

/** How a run with a result ended, in words. */
function endOf(folder: string): string {
  const result = readResult(folder) as Partial<TrainResult> | null;
  return result?.divergence ? `diverged at step ${result.divergence.step}` : 'done';
}

/** Who trains: processes here, or workers of a queue. */
interface Training {
  /** Calls `onEnd` when a run has ended: null, or why it failed. */
  train(signal: AbortSignal, onEnd: (run: SweepRun, failure: string | null) => void): Promise<void>;
  /** What to say when a wish to stop comes. */
  readonly onStop: string;
}

/** What came of runs: the reasons of what failed, by run id, and the signal that ended it. */
interface Trained {
  readonly failures: ReadonlyMap<string, string>;
  readonly signal: StopSignal | null;
}

/** Has what is asked for trained. */
export async function trainRuns(
  folder: string,
  left: number,
  { train, onStop }: Training,
  io: Io,
  onResult: (failures: ReadonlyMap<string, string>) => void,
): Promise<Trained> {
  const failures = new Map<string, string>();
  const stop = listenForStop(io, { onStop: () => io.stderr.write(`${onStop}\n`), onQuit: () => {} });
  const began = performance.now();
  // A run that had failed may be tried again, and end twice.
  const endedRuns = new Set<SweepRun>();
  try {
    await train(stop.signal, (run, failure) => {
      const { arm, seed, id } = run;
      const ended = endedRuns.add(run).size;
      if (failure !== null) failures.set(id, failure);
      else failures.delete(id);
      const minutes = (performance.now() - began) / 60_000;
      const rest = (minutes / ended) * (left - ended);
      io.stderr.write(
        `[${ended}/${left}] ${arm.name} seed ${seed}: ${failure ?? endOf(join(folder, id))} (${minutes.toFixed(1)} min, about ${rest.toFixed(0)} left)\n`,
      );
      onResult(failures);
    });
  } finally {
    stop.close();
  }
  return { failures, signal: stop.stoppedBy() };
}

/** Runs in processes of this machine. */
export const trainHere = (
  what: Pick<WorkerOptions, 'sweep' | 'folder' | 'workers'>,
  runs: readonly SweepRun[],
): Training => ({
  async train(signal, onEnd) {
    const { launchHalfulp, runAll } = await import('./workers.ts');
    await runAll({ ...what, launch: launchHalfulp, signal, onEnd }, runs);
  },
  onStop: 'Stopping: runs finish their step and leave a checkpoint',
});

/** Runs in the workers of a queue, to which there is a connection until `close`. */
export async function trainByQueue(
  { queue, store: folderOfStore }: SweepOptions,
  what: Pick<QueuedSweep, 'sweep' | 'dataOf' | 'teacherOf' | 'basis' | 'folder'>,
  runs: readonly SweepRun[],
  io: Io,
): Promise<Training & { close(): void }> {
  const [{ readAddress }, { connect, queuePackages }, { openStore }, { runQueued }] = await Promise.all([
    import('../queue/address.ts'),
    import('../queue/connection.ts'),
    import('../queue/open-store.ts'),
    import('../queue/sweep-runs.ts'),
  ]);
  const onNote = (text: string): void => void io.stderr.write(`${text}\n`);
  const address = readAddress(queue!, io.environment);
  const packages = await queuePackages();
  const redis = await connect(address, packages, {
    onLost: (reason) => onNote(`Lost ${address.shown} (${reason}), trying again`),
    onBack: () => onNote(`${address.shown} is back`),
  });
  const close = (): void => redis.disconnect();
  try {
    const store = openStore(folderOfStore, redis);
    return {
      train: (signal, onEnd) => runQueued({ ...what, redis, packages, store, signal, onNote, onEnd }, runs),
      onStop: 'Stopping: what has come is reported',
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
