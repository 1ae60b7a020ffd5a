/** A teacher that a sweep names: its arms are taught by that run, which their ids depend on, and nothing else is. */
import { EventEmitter } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { openData } from '../../src/cli/sweep/open-data.ts';
import { runAll } from '../../src/cli/sweep/workers.ts';
import { writeSamples } from '../sample-files.ts';
import { testWorld, withFolder } from '../unit/cli-world.ts';

const arms = [
  { name: 'float32', recipe: { recipe: 'float32' } },
  { name: 'taught', recipe: { recipe: 'distillation' } },
];

it('is given to the arms with a teacher', async () => {
  await withFolder(async (folder) => {
    const file = (name: string): string => join(folder, name);
    const samples = writeSamples(folder, 80);
    for (const seed of [1, 2]) {
      const given = ['--steps', '2', '--seed', `${seed}`, '--name', `t${seed}`, '--out', folder, '--quiet'];
      const data = ['--model', 'mlp', ...samples];
      expect(await run(['train', file('float32.json'), ...given, ...data], testWorld().io)).toBe(0);
    }
    const base = { name: 's', model: 'mlp', steps: 2, arms, data: { csv: file('data.csv'), label: 'label' } };
    const idsOf = async (more: object): Promise<Record<string, string>> => {
      const sweep = readSweep({ ...base, ...more });
      const { basis, own } = await openData(sweep);
      return Object.fromEntries(sweepRuns(sweep, basis, own).map(({ arm, id }) => [arm.name, id]));
    };
    const [none, first, second] = [
      await idsOf({}),
      await idsOf({ teacher: file('t1') }),
      await idsOf({ teacher: file('t2') }),
    ];
    expect(new Set([none, first, second].map((ids) => ids['taught'])).size).toBe(3);
    expect(new Set([none, first, second].map((ids) => ids['float32'])).size).toBe(1);
    const ofArm = [arms[0], { ...arms[1], teacher: file('t2') }];
    expect(await idsOf({ arms: ofArm, teacher: file('t1') })).toEqual(second);

    const sweep = readSweep({ ...base, teacher: file('t1') });
    const { basis, own } = await openData(sweep);
    const started: (readonly string[])[] = [];
    await runAll(
      {
        ...{ sweep, folder, workers: 1, signal: new AbortController().signal, onEnd: () => {} },
        launch: (argv) => {
          started.push(argv);
          const child = Object.assign(new EventEmitter(), { stderr: null });
          setTimeout(() => child.emit('close', 1, null));
          return child as never;
        },
      },
      sweepRuns(sweep, basis, own),
    );
    const teachers = started.map((argv) => argv[argv.indexOf('--teacher') + 1]);
    expect(started.map((argv) => argv.includes('--teacher'))).toEqual([false, true]);
    expect(teachers[1]).toBe(file('t1'));

    mkdirSync(file('empty'));
    for (const [more, message] of [
      [{ teacher: file('none') }, /sweep\.arms \(taught\)\.teacher: .*folder of a run/],
      [{ teacher: file('empty') }, /sweep\.arms \(taught\)\.teacher/],
      [{ teacher: file('float32.json') }, /sweep\.arms \(taught\)\.teacher/],
      [{ teacher: file('t1'), arms: [arms[0]] }, /sweep\.teacher: .*nothing, unless/],
      [{ arms: [{ ...arms[0], teacher: file('t1') }] }, /sweep\.arms\[0\]\.teacher: .*nothing, unless/],
      [{ teacher: 5 }, /sweep\.teacher/],
    ] as const)
      await expect(idsOf(more)).rejects.toThrow(message);
  });
}, 120_000);
