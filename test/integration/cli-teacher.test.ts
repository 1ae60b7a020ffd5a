/** Teachers on the command line: given, or trained first and said so. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { decodeCheckpoint } from '../../src/train/index.ts';
import { writeSamples } from '../sample-files.ts';
import { testWorld, withFolder } from '../unit/cli-world.ts';

async function halfulp(...argv: string[]) {
  const world = testWorld();
  const code = await run(argv, world.io);
  return { code, out: world.stdout(), error: world.stderr() };
}

it('a teacher is the run that is given, or one that is trained first; sweeps say how many there are', async () => {
  await withFolder(async (folder) => {
    const file = (name: string): string => join(folder, name);
    const samples = writeSamples(folder, 60);
    writeFileSync(file('student.json'), '{ "recipe": "distillation" }');
    const training = [
      ...['--model', 'mlp', '--steps', '2', '--checkpoint-every', '2', '--batch', '8', '--out', folder],
      ...samples,
    ];
    const train = (recipe: string, ...more: string[]) =>
      halfulp('train', file(`${recipe}.json`), ...training, ...more);
    expect((await train('float32', '--name', 'first')).code).toBe(0);
    const given = await train('student', '--name', 'given', '--teacher', file('first'));
    expect(given.code).toBe(0);
    expect(given.out).toContain('taught by a float32 teacher that was given');
    expect(given.error).not.toContain('training one first');
    const trained = await train('student', '--name', 'trained');
    expect(trained.error).toContain('no teacher is given: training one first, float32, 2 steps');
    expect(trained.out).toContain('taught by a float32 teacher that was trained');
    const said = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')).teacher;
    expect(['given/config.json', 'given/result.json'].map(said)).toEqual(['given', 'given']);
    expect(['trained/config.json', 'trained/result.json'].map(said)).toEqual([undefined, 'trained']);
    const again = await train('student', '--name', 'again');
    expect(again.error).not.toContain('training one first');
    expect(again.out).toBe(trained.out.replace(/[\d.]+ s\n/, / in ([\d.]+ s\n)/.exec(again.out)![1]!));
    // It is the teacher that would have been trained.
    const loss = ({ out }: { out: string }): string => /validation [^;]*/.exec(out)![0];
    expect(loss(given)).toBe(loss(trained));
    for (const [recipe, teacher] of [
      ['float32', 'first'],
      ['student', 'nowhere'],
      ['student', 'data.csv'],
    ] as const) {
      const { code, error } = await train(recipe, '--name', 'other', '--teacher', file(teacher));
      expect(code, teacher).not.toBe(0);
      expect(error.trim().split('\n')).toHaveLength(1);
      expect(error).toMatch(teacher === 'data.csv' ? /data\.csv/ : /--teacher/);
    }
    const arms = [
      { name: 'float32', recipe: { recipe: 'float32' } },
      { name: 'student', recipe: { recipe: 'distillation' } },
    ];
    writeFileSync(
      file('sweep.json'),
      JSON.stringify({ name: 'taught', model: 'mlp', steps: 2, seeds: [1, 2], arms }),
    );
    const swept = await halfulp('sweep', file('sweep.json'), '--estimate', '--out', folder);
    expect(swept.error).toContain('2 of them have a teacher, trained first');
  });
});

it('a training that is stopped while its teacher is trained goes on there, to the same bits', async () => {
  await withFolder(async (folder) => {
    const samples = writeSamples(folder, 60);
    writeFileSync(join(folder, 'student.json'), '{ "recipe": "distillation" }');
    const train = (name: string, out: string, ...more: string[]) => [
      ...['train', join(folder, 'student.json'), '--model', 'mlp'],
      ...['--steps', '60', '--checkpoint-every', '2'],
      ...['--batch', '8', '--name', name, '--out', join(folder, out), ...samples, ...more],
    ];
    expect((await halfulp(...train('one', 'plain'))).code).toBe(0);
    const world = testWorld();
    const teachers = join(folder, 'stopped', 'teachers');
    const watch = setInterval(() => {
      if (!existsSync(teachers)) return;
      clearInterval(watch);
      world.send('SIGINT');
    }, 1);
    expect(await run(train('one', 'stopped'), world.io)).toBe(130);
    expect(world.stderr()).toMatch(
      /one: stopped at step \d+ of the teacher's 60; --name one --resume goes on/,
    );
    const again = await halfulp(...train('one', 'stopped', '--resume'));
    expect(again.code).toBe(0);
    expect(again.error).toMatch(/training one first, float32, 60 steps, of which \d+ are done/);
    const bits = (out: string) => readFileSync(join(folder, out, 'one', 'checkpoint-00000060.safetensors'));
    const { arrays } = decodeCheckpoint(bits('stopped'));
    expect(arrays).toEqual(decodeCheckpoint(bits('plain')).arrays);
  });
});
