/** `halfulp queue` on the command line: what is in a queue, and what can be done to it. */
import { Argument, Command } from 'commander';
import { jsonText } from '../../json.ts';
import { exitCodes } from '../exit-codes.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice } from '../options.ts';
import { bold } from '../text-table.ts';
import { passwordVariable } from './address.ts';
import type { QueueAction } from './overview.ts';

const help = `
  halfulp queue --queue redis://10.0.0.5          waiting, active, failed and why, workers
  halfulp queue retry --queue redis://10.0.0.5    what failed waits again
  halfulp queue pause --queue redis://10.0.0.5    no further run begins; those that run go on
  halfulp queue resume --queue redis://10.0.0.5
  halfulp queue drain --queue redis://10.0.0.5    takes out what waits; sweeps that wait for it report it as failed

The password is best given as ${passwordVariable}. docs/clusters.md has it all.`;

const actions: readonly QueueAction[] = ['retry', 'pause', 'resume', 'drain'];

/** What was done, for people. */
const said: Readonly<Record<QueueAction, (count: number) => string>> = {
  retry: (count) => `${count} failed runs wait again`,
  pause: () => 'Paused: runs that are active go on, no other begins',
  resume: () => 'Resumed',
  drain: (count) => `${count} waiting runs taken out`,
};

interface Given {
  readonly queue: string;
  readonly json?: boolean;
}

async function handle(action: QueueAction | undefined, given: Given, io: Io): Promise<number> {
  const [{ readAddress }, { connect, queuePackages }, { actOn, overviewOf }, { queuePage }] =
    await Promise.all([
      import('./address.ts'),
      import('./connection.ts'),
      import('./overview.ts'),
      import('./queue-page.ts'),
    ]);
  const address = readAddress(given.queue, io.environment);
  const packages = await queuePackages();
  const redis = await connect(address, packages);
  try {
    if (action !== undefined) {
      const runs = await actOn(action, redis, packages);
      io.stdout.write(given.json ? `${jsonText({ action, runs })}\n` : `${said[action](runs)}\n`);
      return exitCodes.done;
    }
    const overview = await overviewOf(redis, packages);
    const { stdout, environment } = io;
    const width = stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
    const emphasise = allowsStyle(stdout, environment) ? bold : (text: string): string => text;
    stdout.write(given.json ? `${jsonText(overview, 2)}\n` : queuePage(overview, { width, emphasise }));
    return exitCodes.done;
  } finally {
    redis.disconnect();
  }
}

/** The command; its action hands the exit code to `done`. */
export function queueCommand(io: Io, done: (code: number) => void): Command {
  const action = new Argument('[action]', `what to do: ${actions.join(', ')} (default: show what there is)`);
  return new Command('queue')
    .description('Show what is in a queue of runs: waiting, active, failed and why, workers.')
    .addArgument(action.argParser(choice('action', actions)))
    .requiredOption('--queue <address>', 'Redis: redis://[[user]:password@]host[:port][/database], rediss://')
    .option('--json', 'print it as JSON, all that waits included')
    .addHelpText('after', help)
    .action(async (chosen: QueueAction | undefined, given: Given) => done(await handle(chosen, given, io)));
}
