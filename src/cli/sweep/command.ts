/**
 * `halfulp sweep` on the command line. What a sweep file holds is definition.ts, who trains is training.ts, what comes
 * out is results.ts and report.ts.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { within } from '../../check.ts';
import { prepareFolder } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import { namePattern } from '../../train/name-pattern.ts';
import { addDataOptions, checkDataFor, dataOptions } from '../data-options.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { integer } from '../options.ts';
import { readJson } from '../read-file.ts';
import { type FinishedRun, trainedFolder } from './finished-run.ts';
import { checkTogether, type SweepOptions } from './options.ts';
import type { SweepResults } from './results.ts';
import type { SweepRun } from './sweep-run.ts';

const help = `
The file names arms, seeds and contrasts; docs/training.md describes it, docs/studies/ has examples. Run folders are
OUT/trained/ID, shared by all sweeps of OUT: equal runs are trained once, finished ones are skipped and stopped ones go
on, so the same command again completes a sweep. Writes OUT/NAME/results.json, results.csv and report.html, also when
stopped by Ctrl-C.

  halfulp sweep bits.json --seeds 1,2,3,4,5 --arms '^(float32|dqt8)'   two more seeds for some arms
  halfulp sweep bits.json --report                                     a report of what is finished

On many machines (docs/clusters.md): runs go to workers by a queue, or each machine takes a part of them.

  halfulp sweep bits.json --queue redis://10.0.0.5                     for halfulp worker --queue redis://10.0.0.5
  halfulp sweep bits.json --shard 3/16                                 the third sixteenth; --shard alone: from Slurm
  halfulp sweep bits.json --merge node1/runs node2/runs                results of other folders, put together`;

/** What is to be done, checked: nothing is written before it is. */
async function planOf(file: string, given: SweepOptions, io: Io) {
  const [definitions, { openData }, { isFinished }, fit, { shardOf, runsOfShard }] = await Promise.all([
    import('./definition.ts'),
    import('./open-data.ts'),
    import('./workers.ts'),
    import('../../train/recipe-fit.ts'),
    import('./shard.ts'),
  ]);
  const seeds =
    given.seeds === undefined
      ? undefined
      : definitions.seedsOf(
          given.seeds.split(',').map((word) => (/^\d+$/.test(word.trim()) ? Number(word) : Number.NaN)),
          '--seeds',
        );
  const shard = given.shard === undefined ? null : shardOf(given.shard, io.environment);
  const named = definitions.readSweep(readJson(file, '<sweep.json>'));
  const data = dataOptions(given);
  checkDataFor(named.model, data);
  const whole = Object.keys(data).length === 0 ? named : { ...named, data };
  const sweep = definitions.withSeeds(whole, seeds, given.arms);
  const { dataOf, teacherOf, taskOf, basis, own } = await openData(sweep);
  const all = definitions.sweepRuns(sweep, basis, own);
  const matching = all.filter(({ arm }) => given.arms.test(arm.name));
  // What is asked for is parted, not the whole sweep: an arm by itself might fall into one part.
  const runs = shard === null ? all : runsOfShard(matching, shard);
  const isTraining = !given.report && given.merge === undefined;
  const asked = !isTraining ? [] : shard === null ? matching : runs;
  for (const arm of new Set(asked.map((run) => run.arm))) {
    const { shapes, predictions } = within(arm.name, () => taskOf(arm));
    within(arm.name, () => fit.checkFit(arm.recipe, shapes, predictions));
  }
  const folder = join(given.out, trainedFolder);
  const isLeft = (run: SweepRun): boolean => !isFinished(folder, run);
  const left = asked.filter(isLeft);
  const hours = definitions.estimatedHours(
    sweep,
    left.map(({ arm }) => arm),
    given.workers,
  );
  const todo = isTraining
    ? `${left.length} to do, ${given.queue === undefined ? `about ${hours.toFixed(1)} h on ${given.workers} cores` : 'by the queue'}`
    : `${runs.filter(isLeft).length} without a result`;
  const part = shard === null ? '' : `, part ${shard.index} of ${shard.of}`;
  const summary = `${sweep.title}${part}: ${runs.length} runs, ${todo}\n`;
  return { sweep, dataOf, teacherOf, basis, shard, all, runs, asked, left, folder, hours, summary };
}

type Plan = Awaited<ReturnType<typeof planOf>>;

/** What is to be done, as a sentence, or as JSON where it is asked for. */
function showPlan(
  { sweep: { name, title }, shard, runs, left, hours, summary }: Plan,
  { estimate, json, workers }: SweepOptions,
  { stdout, stderr }: Io,
): void {
  if (estimate && json) {
    const part = shard === null ? {} : { part: `${shard.index}/${shard.of}` };
    const counts = { runs: runs.length, left: left.length };
    stdout.write(`${jsonText({ name, title, ...part, ...counts, hours, workers }, 2)}\n`);
  }
  (estimate && !json ? stdout : stderr).write(summary);
}

/** Has trained what is left, here or by a queue, and reports. */
async function complete(plan: Plan, given: SweepOptions, io: Io): Promise<number> {
  const [{ sweepResults }, training, reports, { staleResults }, { isFinished }] = await Promise.all([
    import('./results.ts'),
    import('./training.ts'),
    import('./report.ts'),
    import('./basis.ts'),
    import('./workers.ts'),
  ]);
  const { sweep, dataOf, teacherOf, basis, shard, all, runs, asked, left, folder } = plan;
  const known = new Map<string, FinishedRun>();
  const resultsOf = (failures: ReadonlyMap<string, string>): SweepResults => ({
    ...sweepResults(sweep, runs, folder, failures, staleResults(folder, runs, all), known),
    ...(shard !== null && {
      part: {
        name: `${shard.index}/${shard.of}`,
        isSweepFinished: all.every((run) => isFinished(folder, run)),
      },
    }),
  });
  const queued =
    given.queue === undefined
      ? null
      : await training.trainByQueue(given, { sweep, dataOf, teacherOf, basis, folder }, left, io);
  const live = queued === null || given.json ? null : reports.liveTable(io, resultsOf);
  try {
    const { workers } = given;
    const how = queued ?? training.trainHere({ sweep, folder, workers }, asked);
    const onResult = live === null ? () => {} : live.changed;
    const { failures, signal } = await training.trainRuns(folder, left.length, how, io, onResult);
    const results = resultsOf(failures);
    // The report is of the whole sweep: parts leave it to whoever puts them together.
    if (shard === null) await reports.writeData(results, given.out);
    await reports.showResults(results, given, io);
    if (shard === null) await reports.writePage(results, given.out, io);
    if (signal !== null) return signalExitCodes[signal];
    return failures.size > 0 ? exitCodes.failure : exitCodes.done;
  } finally {
    live?.close();
    queued?.close();
  }
}

async function sweep(file: string, given: SweepOptions, io: Io): Promise<number> {
  const plan = await planOf(file, given, io);
  const { sweep, shard, all, runs, asked, left, folder } = plan;
  showPlan(plan, given, io);
  const taught = left.filter(
    ({ arm }) => arm.recipe.teacher !== undefined && arm.teacher === undefined,
  ).length;
  if (taught > 0)
    io.stderr.write(
      `${taught} of them have a teacher, trained first: float32, with the run's seed and as many steps\n`,
    );
  const { staleResults } = await import('./basis.ts');
  for (const reason of staleResults(folder, asked, all)) io.stderr.write(`${reason}\n`);
  if (given.estimate) return exitCodes.done;
  for (const part of shard === null ? [trainedFolder, sweep.name] : [trainedFolder])
    prepareFolder(join(given.out, part), '--out');
  if (given.merge !== undefined) {
    const { mergeRuns } = await import('./merge.ts');
    const count = mergeRuns(given.merge, runs, folder, (text) => void io.stderr.write(`${text}\n`));
    io.stderr.write(`${count} results came\n`);
  }
  return complete(plan, given, io);
}

/** The command; its action hands the exit code to `done`. */
export function sweepCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('sweep')
    .description('Train a grid of recipes, seeds and learning rates in worker processes, and compare them.')
    .argument('<sweep.json>', 'file with arms, seeds and steps')
    .option('--workers <n>', 'processes at a time', integer('--workers', 1, 1024), availableParallelism())
    .option('--out <folder>', 'where run folders and the folder of the sweep go', 'runs')
    .option('--seeds <list>', "seeds separated by commas, in place of the file's")
    .addOption(
      new Option(
        '--arms <pattern>',
        'regular expression (RE2): train these arms only, and give --seeds to them',
      )
        .default(namePattern('^', '--arms'), 'all')
        .argParser((text: string) => namePattern(text, '--arms')),
    )
    .option('--report', 'train nothing: report what is finished')
    .option('--estimate', 'say how long it takes, and train nothing')
    .option(
      '--queue <address>',
      'have workers train: redis://[[user]:password@]host[:port][/database], rediss://',
    )
    .option(
      '--store <folder>',
      'folder of data and checkpoints that the workers name too (default: in Redis)',
    )
    .option(
      '--shard [part]',
      'train a part of the runs, as 3/16, the same --arms and --seeds for all parts; without a part: as Slurm says',
    )
    .option('--merge <folders...>', 'train nothing: take results of other folders, and report')
    .option('--json', 'print the results, or the estimate, as JSON instead of a table');
  return addDataOptions(command)
    .addHelpText('after', help)
    .action(async (file: string, given: SweepOptions) => {
      checkTogether(given, (option) => command.getOptionValueSource(option) === 'cli');
      done(await sweep(file, given, io));
    });
}
