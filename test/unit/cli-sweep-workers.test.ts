/** Runs of a sweep by worker processes: each trained once, whoever else trains; the processes are played. */
import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { claimFolder } from '../../src/cli/claim.ts';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import type { SweepRun } from '../../src/cli/sweep/sweep-run.ts';
import { type Launch, runAll, type WorkerOptions } from '../../src/cli/sweep/workers.ts';
import { basis, withFolder } from './cli-world.ts';

const sweep = readSweep({
  name: 'pair',
  steps: 10,
  seeds: [1, 2],
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    { name: 'again', recipe: { recipe: 'float32' }, learningRate: 0.002 },
    { name: 'bitnet', recipe: { recipe: 'bitnet' }, learningRate: 0.001 },
  ],
});
const runs = sweepRuns(sweep, basis);

/** A process that ends at once, after it did what `act` does in its run folder. */
const played =
  (act: (folder: string, argv: readonly string[]) => number): Launch =>
  (argv) => {
    const child = Object.assign(new EventEmitter(), { stderr: new EventEmitter(), kill: () => true });
    const at = (option: string): string => argv[argv.indexOf(option) + 1]!;
    setTimeout(() => {
      const code = act(join(at('--out'), at('--name')), argv);
      child.stderr.emit('data', 'first\nhalfulp: no luck\n');
      child.emit('close', code, null);
    });
    return child as unknown as ReturnType<Launch>;
  };

const result = {
  ...{
    steps: 10,
    trainLoss: 2,
    validationLoss: 2,
    bitsPerWeight: 32,
    seconds: 1,
    spike: null,
    inference: [],
  },
  memory: { bytesPerParameter: 16 },
};

const finish = (folder: string): number => {
  writeFileSync(join(folder, 'result.json'), JSON.stringify(result));
  return 0;
};

async function runWith(folder: string, more: Partial<WorkerOptions>): Promise<[SweepRun, string | null][]> {
  const ended: [SweepRun, string | null][] = [];
  await runAll(
    {
      ...{ sweep, folder, workers: 2, launch: played(finish), pollMilliseconds: 5 },
      signal: new AbortController().signal,
      onEnd: (run, failure) => void ended.push([run, failure]),
      ...more,
    },
    runs,
  );
  return ended;
}

describe('the runs of a sweep', () => {
  it('read the data of the sweep, or those of their arm', async () => {
    await withFolder(async (folder) => {
      const given = {
        ...{ name: 'books', steps: 10, data: { text: 'a.txt' } },
        arms: [
          { name: 'float32', recipe: { recipe: 'float32' } },
          { name: 'own', recipe: { recipe: 'float32' }, data: { text: 'b.txt', validation: 0.2 } },
        ],
      };
      const own = readSweep(given);
      const others = { ...basis, data: '0000000000000000' };
      const asked: string[] = [];
      const launch = played((path, argv) => {
        const kept = JSON.parse(readFileSync(join(path, 'basis.json'), 'utf8'));
        asked.push(`${kept.data} ${argv.slice(argv.indexOf('--text')).join(' ')}`);
        return finish(path);
      });
      await runAll(
        {
          ...{ sweep: own, folder, workers: 1, launch },
          signal: new AbortController().signal,
          onEnd: () => {},
        },
        sweepRuns(own, basis, new Map([['own', others]])),
      );
      expect(asked).toEqual([`${basis.data} --text a.txt`, `${others.data} --text b.txt --validation 0.2`]);
    });
  });

  it('are trained once each, equal ones too, and not again', async () => {
    await withFolder(async (folder) => {
      const started: (readonly string[])[] = [];
      const launch: Launch = (argv) => {
        started.push(argv);
        return played(finish)(argv);
      };
      const out = join(folder, 'trained');
      expect((await runWith(out, { launch })).map(([{ arm }, failure]) => [arm.name, failure])).toEqual([
        ['again', null],
        ['bitnet', null],
        ['again', null],
        ['bitnet', null],
      ]);
      const [first] = started;
      expect(JSON.parse(readFileSync(first![1]!, 'utf8'))).toEqual(sweep.arms[0]!.recipe);
      expect(first).toEqual(expect.arrayContaining(['--resume', '--steps', '10', '--seed', '1']));
      expect(await runWith(out, { launch })).toEqual([]);
      expect(started).toHaveLength(4);
    });
  });

  it('may fail without harm to others', async () => {
    await withFolder(async (folder) => {
      const launch = played((at, argv) => (argv.includes('0.001') ? 1 : finish(at)));
      const ended = await runWith(folder, { launch });
      expect(ended.map(([{ arm }, failure]) => `${arm.name}: ${failure}`)).toEqual([
        'again: null',
        'bitnet: halfulp: no luck',
        'again: null',
        'bitnet: halfulp: no luck',
      ]);
    });
  });

  it('wait for a run that another process trains, and take it up if that one gives it up', async () => {
    await withFolder(async (folder) => {
      const [one, other] = [runs[0]!, runs[2]!].map(({ id }) => join(folder, id)) as [string, string];
      for (const path of [one, other]) mkdirSync(path);
      const claims = [one, other].map(claimFolder);
      const launched: string[] = [];
      const launch: Launch = (argv) => {
        launched.push(join(folder, argv[argv.indexOf('--name') + 1]!));
        return played(finish)(argv);
      };
      const training = runWith(folder, { launch });
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(launched).not.toContain(one);
      finish(one);
      for (const claim of claims) claim.release();
      const ended = await training;
      expect(launched).not.toContain(one);
      expect(launched.at(-1)).toBe(other);
      expect(ended.map(([, failure]) => failure)).toEqual([null, null, null, null]);
    });
  });

  it('are left alone once the sweep is to stop', async () => {
    await withFolder(async (folder) => {
      const controller = new AbortController();
      controller.abort();
      expect(await runWith(folder, { signal: controller.signal })).toEqual([]);
    });
  });
});
