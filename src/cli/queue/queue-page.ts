/** What is in a queue, for people: counts, and tables of workers, of what runs, what has failed and what waits. */
import { formatDuration } from '../progress.ts';
import { absent, type Column, formatTable, type TableStyle } from '../text-table.ts';
import type { Overview } from './overview.ts';

/** Waiting runs that are shown; JSON has all. */
const mostShown = 20;

const column = (name: string, align: Column['align'] = 'left'): Column => ({
  heading: ['', name],
  name,
  align,
});
const run = [column('run'), column('sweep'), column('arm'), column('seed', 'right')];

function section(title: string, columns: readonly Column[], rows: string[][], style: TableStyle): string {
  return rows.length === 0 ? '' : `\n${title}\n\n${formatTable(columns, rows, style)}`;
}

type Named = Overview['waiting'][number];
const named = ({ id, sweep, arm, seed }: Named): string[] => [id, sweep, arm, `${seed}`];

/** The page of `halfulp queue`. */
export function queuePage(overview: Overview, style: TableStyle): string {
  const { paused, waiting, active, failed, done, unserved, workers } = overview;
  const counts = [
    `${waiting.length} waiting${paused ? ' (paused)' : ''}`,
    `${active.length} active`,
    `${failed.length} failed`,
    `${done} done`,
    `${workers.length} ${workers.length === 1 ? 'worker' : 'workers'}`,
  ];
  const workerRows = workers.map(({ name, runs, concurrency, done: finished, numerics }) => [
    ...[name, `${runs.length}/${concurrency}`, `${finished}`, numerics],
  ]);
  const activeRows = active.map(({ progress, ...one }) => [
    ...named(one),
    ...(progress === null
      ? [absent, absent, absent, absent]
      : [
          `${progress.step}/${progress.steps}`,
          progress.loss,
          formatDuration(progress.secondsLeft),
          progress.worker,
        ]),
  ]);
  const workerColumns = [
    column('worker'),
    column('runs', 'right'),
    column('done', 'right'),
    column('versions'),
  ];
  const right = (name: string): Column => column(name, 'right');
  const activeColumns = [...run, right('step'), right('loss'), right('left'), column('worker')];
  const more = waiting.length - mostShown;
  return [
    `${counts.join(', ')}\n`,
    ...unserved.map(({ numerics, store }) => {
      const place = store === 'redis' ? 'data in Redis' : `data in the store ${store}`;
      return `No worker for runs of ${numerics}, ${place}\n`;
    }),
    section('Workers', workerColumns, workerRows, style),
    section('Active', activeColumns, activeRows, style),
    section(
      'Failed',
      [...run, column('reason')],
      failed.map(({ reason, ...one }) => [...named(one), reason]),
      style,
    ),
    section('Waiting', run, waiting.slice(0, mostShown).map(named), style),
    more > 0 ? `and ${more} more\n` : '',
  ].join('');
}
