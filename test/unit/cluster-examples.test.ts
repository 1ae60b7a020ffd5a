/** The examples for clusters: their commands have the options that halfulp takes, and Slurm's scripts call them as they should. */
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { testWorld, withFolder } from './cli-world.ts';

const folder = join(import.meta.dirname, '../../examples/clusters');
const files = readdirSync(folder);

async function optionsOf(command: string): Promise<string[]> {
  const world = testWorld();
  await run([command, '--help'], world.io);
  return world.stdout().match(/--[a-z-]+/g)!;
}

/** The commands of a text and their options: lines that go on, and the lists of YAML, are one. */
function commandsIn(text: string): [command: string, options: string[]][] {
  const joined = text
    .replace(/\\\n\s*/g, ' ')
    .replace(/command: \[halfulp, (\w+)\]\s*args: \[([^\]]*)\]/g, 'halfulp $1 $2')
    .replace(/(exec halfulp.*)\n\s*/g, '$1 ');
  return [...joined.matchAll(/halfulp (sweep|worker|queue)\b([^\n]*)/g)].map(([, command, rest]) => [
    command!,
    rest!.match(/--[a-z-]+/g) ?? [],
  ]);
}

it.each(files)('%s has options that there are', async (file) => {
  const commands = commandsIn(readFileSync(join(folder, file), 'utf8'));
  expect(commands.length).toBeGreaterThan(0);
  for (const [command, options] of commands)
    expect(await optionsOf(command)).toEqual(expect.arrayContaining(options));
});

it.each([
  [
    'slurm-array.sh',
    { SWEEP: 'my sweep.json', OUT: '/shared/my runs', SLURM_ARRAY_TASK_ID: '5', SLURM_CPUS_PER_TASK: '4' },
    ['sweep', 'my sweep.json', '--shard', '5/16', '--workers', '4', '--out', '/shared/my runs'],
  ],
  [
    'slurm-queue.sh',
    { QUEUE: 'redis://head-node', SLURM_CPUS_PER_TASK: '8' },
    ['worker', '--queue', 'redis://head-node', '--concurrency', '8', '--idle', '300'],
  ],
])('%s calls halfulp with each argument whole', async (file, environment, words) => {
  await withFolder((bin) => {
    writeFileSync(join(bin, 'srun'), '#!/bin/sh\nprintf "%s\\n" "$@"\n');
    chmodSync(join(bin, 'srun'), 0o755);
    const printed = execFileSync('bash', [join(folder, file)], {
      encoding: 'utf8',
      env: { ...environment, PATH: `${bin}${delimiter}${process.env['PATH']}` },
    });
    expect(printed.trimEnd().split('\n')).toEqual([
      `--cpus-per-task=${environment.SLURM_CPUS_PER_TASK}`,
      ...['npx', 'halfulp', ...words],
    ]);
  });
});

it('Kubernetes trains every part once, none twice at once, and what cannot succeed once', () => {
  const text = readFileSync(join(folder, 'kubernetes-shards.yaml'), 'utf8');
  const parts = Number(/completions: (\d+)/.exec(text)![1]);
  expect(text).toContain(`--shard "$((JOB_COMPLETION_INDEX + 1))/${parts}"`);
  expect(text).toContain('podReplacementPolicy: Failed');
  expect(text).toMatch(/FailIndex\s+onExitCodes: .*values: \[1, 2\]/);
});
