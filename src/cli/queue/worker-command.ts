/** `halfulp worker` on the command line. What it does is worker.ts. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { jsonText } from '../../json.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { folderName, integer } from '../options.ts';
import { passwordVariable } from './address.ts';
import type { RunJob } from './job.ts';
import type { Outcome } from './trainer.ts';
import type { RunWorker } from './worker.ts';

const help = `
Takes runs that \`halfulp sweep FILE --queue\` has put into the queue, on any number of machines. Ctrl-C gives back what it
trains, with a checkpoint; so does whatever ends it, a kill -9 or a lost network too, after --lock seconds. The password is
best given as ${passwordVariable}. docs/clusters.md has it all.

  halfulp worker --queue redis://10.0.0.5 --concurrency 4
  halfulp worker --queue rediss://me@redis.example:6380/1 --store /shared/store --idle 300`;

interface Given {
  readonly queue: string;
  readonly store?: string;
  readonly concurrency: number;
  readonly lock: number;
  readonly idle?: number;
  readonly name: string;
  readonly json?: boolean;
}

/** One run that has ended, for a person. */
function endInWords({ sweep, arm, run: { seed } }: RunJob, outcome: Outcome | { failed: string }): string {
  const run = `${sweep}: ${arm} seed ${seed}`;
  if ('failed' in outcome) return `${run}: failed: ${outcome.failed}`;
  if (outcome.diverged !== null) return `${run}: diverged at step ${outcome.diverged}`;
  return `${run}: ${outcome.steps} steps, validation ${outcome.validationLoss}`;
}

/** Waits until there has been nothing to do for so many seconds. */
async function untilIdle(worker: RunWorker, seconds: number, signal: AbortSignal): Promise<void> {
  let since = performance.now();
  while (!signal.aborted && performance.now() - since < 1000 * seconds) {
    await delay(100, undefined, { signal }).catch(() => {});
    if (worker.active() > 0) since = performance.now();
  }
}

async function work(given: Given, io: Io): Promise<number> {
  const [{ readAddress }, { connect, queuePackages }, { startWorker }, job, { ownNumerics }] =
    await Promise.all([
      import('./address.ts'),
      import('./connection.ts'),
      import('./worker.ts'),
      import('./job.ts'),
      import('../sweep/basis.ts'),
    ]);
  const { openStore } = await import('./open-store.ts');
  const address = readAddress(given.queue, io.environment);
  const packages = await queuePackages();
  const note = (text: string): void => void io.stderr.write(`${text}\n`);
  const redis = await connect(address, packages, {
    onLost: (reason) => note(`Lost ${address.shown} (${reason}), trying again`),
    onBack: () => note(`${address.shown} is back`),
  });
  const stop = listenForStop(io, {
    onStop: () => note('Stopping: runs go back to the queue with a checkpoint (again: quit at once)'),
    onQuit: () => {},
  });
  try {
    const store = openStore(given.store, redis);
    const kind = { halfulp: job.ownVersion(), numerics: ownNumerics(), store: store.id };
    const { name, concurrency } = given;
    const worker = startWorker({
      ...{ name, kind, redis, packages, store, concurrency, lock: 1000 * given.lock, onNote: note },
      onEnd(ended, outcome) {
        const { id, sweep, arm, run } = ended;
        if (given.json) io.stdout.write(`${jsonText({ id, sweep, arm, seed: run.seed, ...outcome })}\n`);
        else io.stdout.write(`${endInWords(ended, outcome)}\n`);
      },
    });
    note(`${name} works for ${address.shown}: ${kind.numerics}`);
    const stopped = new Promise<null>((resolve) => {
      if (stop.signal.aborted) resolve(null);
      stop.signal.addEventListener('abort', () => resolve(null), { once: true });
    });
    const idle = given.idle === undefined ? [] : [untilIdle(worker, given.idle, stop.signal)];
    const failure = await Promise.race([worker.broken, stopped, ...idle]);
    await worker.close();
    if (failure instanceof Error) throw failure;
    const signal = stop.stoppedBy();
    return signal === null ? exitCodes.done : signalExitCodes[signal];
  } finally {
    stop.close();
    redis.disconnect();
  }
}

/** The command; its action hands the exit code to `done`. */
export function workerCommand(io: Io, done: (code: number) => void): Command {
  return new Command('worker')
    .description('Train runs that sweeps have put into a queue.')
    .requiredOption('--queue <address>', 'Redis: redis://[[user]:password@]host[:port][/database], rediss://')
    .option('--store <folder>', 'folder of data and checkpoints that the sweep names too (default: in Redis)')
    .option('--concurrency <n>', 'runs at a time', integer('--concurrency', 1, 1024), 1)
    .option(
      '--lock <seconds>',
      'another worker takes its runs if it is not heard of for so long',
      integer('--lock', 1, 86_400),
      30,
    )
    .option(
      '--idle <seconds>',
      'end after so long without a run (default: never)',
      integer('--idle', 1, 10_000_000),
    )
    .option('--name <name>', 'what lists call it', folderName('--name'), defaultName())
    .option('--json', 'print each run that has ended as a line of JSON')
    .addHelpText('after', help)
    .action(async (given: Given) => done(await work(given, io)));
}

/** The machine and the process, as far as they make a name. */
const defaultName = (): string =>
  `${
    hostname()
      .replace(/[^A-Za-z0-9._-]/g, '')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 60) || 'worker'
  }-${process.pid}`;
