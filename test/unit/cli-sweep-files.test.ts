/** Sweep files as strangers may write them: wrong types, names that are paths, more arms than there is memory for. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { readSweep, withSeeds } from '../../src/cli/sweep/definition.ts';
import { namePattern } from '../../src/train/name-pattern.ts';
import { testWorld, withFolder } from './cli-world.ts';

const file = {
  name: 'bits',
  steps: 10,
  seeds: [1, 2],
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    { name: 'dqt{bits}', grid: { bits: [8, 4] }, recipe: { recipe: 'dqt', bits: '{bits}' } },
  ],
};

const refusal = (argument: string, message = /./) =>
  expect.objectContaining({ name: 'ArgumentError', argument, message: expect.stringMatching(message) });

const arm = (change: object): object => ({ arms: [{ ...file.arms[0], ...change }] });

describe('a sweep file', () => {
  it.each<[object, string]>([
    [{ name: '..' }, 'sweep.name'],
    [{ name: '.' }, 'sweep.name'],
    [{ name: 'nul' }, 'sweep.name'],
    [{ name: 'Trained' }, 'sweep.name'],
    [{ name: ['bits'] }, 'sweep.name'],
    [{ title: { toString: 1 } }, 'sweep.title'],
    [{ title: '\u001b[2J' }, 'sweep.title'],
    [{ claim: 5 }, 'sweep.claim'],
    [{ steps: 1e15 }, 'sweep.steps'],
    [{ steps: '10' }, 'sweep.steps'],
    [{ steps: null }, 'sweep.steps'],
    [{ seeds: [1, '2'] }, 'sweep.seeds[1]'],
    [{ seeds: [2 ** 60] }, 'sweep.seeds[0]'],
    [{ secondsPerStep: 'x' }, 'sweep.secondsPerStep'],
    [{ probeEvery: -1 }, 'sweep.probeEvery'],
    [{ baseline: {} }, 'sweep.baseline'],
    [{ model: { toString: 1 } }, 'sweep.model'],
    [{ model: 'toString' }, 'sweep.model'],
    [{ arms: [null] }, 'sweep.arms[0]'],
    [{ arms: {} }, 'sweep.arms'],
    [arm({ name: '../x' }), 'sweep.arms[0].name'],
    [arm({ name: 'a b' }), 'sweep.arms[0].name'],
    [arm({ name: '=1+1' }), 'sweep.arms[0].name'],
    [arm({ recipe: 'float23' }), 'sweep.arms[0].recipe'],
    [arm({ recipe: 'toString' }), 'sweep.arms[0].recipe'],
    [arm({ recipe: null }), 'sweep.arms[0].recipe'],
    [arm({ recipe: ['float32'] }), 'sweep.arms[0].recipe'],
    [{ arms: [{ name: 'a' }] }, 'sweep.arms[0].recipe'],
    [arm({ recipe: { recipe: 'float32', name: '../x' } }), 'sweep.arms[0].recipe.name'],
    [arm({ learningRate: 5 }), 'sweep.arms[0].learningRate'],
    [arm({ learningRate: '0.1' }), 'sweep.arms[0].learningRate'],
    [arm({ grid: { k: [] } }), 'sweep.arms[0].grid'],
    [arm({ grid: [[1]] }), 'sweep.arms[0].grid'],
    [arm({ grid: null }), 'sweep.arms[0].grid'],
    [{ contrasts: [null] }, 'sweep.contrasts[0]'],
    [{ contrasts: [{ name: 5, arm: 'float32', against: 'dqt8' }] }, 'sweep.contrasts[0].name'],
    [{ contrasts: [{ name: 'a\nb', arm: 'float32', against: 'dqt8' }] }, 'sweep.contrasts[0].name'],
    [{ data: { csv: 'a\0b' } }, 'sweep.data.csv'],
    [{ data: { csv: { toString: 1 } } }, 'sweep.data.csv'],
    [{ data: { cvs: 'a' } }, 'sweep.data.cvs'],
    [{ data: { csv: 'a', validation: '0.2' } }, 'sweep.data.validation'],
    [{ data: { csv: 'a' }, model: 'llama-tiny' }, 'sweep.data.csv'],
    [{ data: null }, 'sweep.data'],
    [arm({ data: null }), 'sweep.arms[0].data'],
    [arm({ data: { cvs: 'a' } }), 'sweep.arms[0].data.cvs'],
    [arm({ data: { text: 'a', csv: 'b' } }), 'sweep.arms[0].data.csv'],
    [arm({ data: { text: 'a', validation: 2 } }), 'sweep.arms[0].data.validation'],
    [arm({ data: { csv: 'a' } }), 'sweep.arms (float32).data.csv'],
    [{ model: 'mlp', ...arm({ data: { text: 'a' } }) }, 'sweep.arms (float32).data.text'],
    [
      { model: 'mlp', ...arm({ model: 'conv', data: { data: 'moby-dick' } }) },
      'sweep.arms (float32).data.data',
    ],
  ])('is refused by name: %j', (change, argument) => {
    expect(() => readSweep({ ...file, ...change })).toThrow(refusal(argument));
  });

  it('takes a published recipe by its name: the same runs', () => {
    const [short, long] = ['float32', { recipe: 'float32' }].map((recipe) =>
      readSweep({ ...file, ...arm({ recipe }) }),
    );
    expect(short).toEqual(long);
    const { arms } = readSweep({
      ...file,
      arms: [{ name: '{r}', recipe: '{r}', grid: { r: ['bitnet', 'mxfp4'] } }],
    });
    expect(arms.map(({ name, recipe }) => [name, recipe.name])).toEqual([
      ['bitnet', 'bitnet'],
      ['mxfp4', 'mxfp4'],
    ]);
  });

  it('is counted before it is built', () => {
    const many = Array.from({ length: 100 }, (_, i) => i);
    const begin = performance.now();
    const grid = { a: many, b: many, c: many, d: many };
    expect(() => readSweep({ ...file, arms: [{ name: '{a}{b}{c}{d}', grid, recipe: {} }] })).toThrow(
      refusal('sweep.arms[0].grid', /100000000 combinations.*at most 1000/),
    );
    const keys = Object.fromEntries(many.map((key) => [`k${key}`, [0, 1]]));
    expect(() => readSweep({ ...file, arms: [{ name: 'a', grid: keys, recipe: {} }] })).toThrow(
      refusal('sweep.arms[0].grid', /at most 1000/),
    );
    const some = { name: 'x{a}-{b}', grid: { a: many, b: [1, 2, 3, 4, 5] }, recipe: { recipe: 'float32' } };
    const arms = ['a', 'b', 'c'].map((letter) => ({ ...some, name: `${letter}{a}-{b}` }));
    expect(readSweep({ ...file, arms: arms.slice(0, 2), seeds: [1] }).arms).toHaveLength(1000);
    expect(() => readSweep({ ...file, arms })).toThrow(refusal('sweep.arms', /1500 arms.*at most 1000/));
    const seeds = Array.from({ length: 101 }, (_, i) => i);
    expect(() => readSweep({ ...file, arms: arms.slice(0, 1), seeds })).toThrow(
      refusal('sweep.seeds', /50500 runs/),
    );
    expect(() =>
      withSeeds(readSweep({ ...file, arms: arms.slice(0, 1) }), seeds, namePattern('', 'x')),
    ).toThrow();
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  it('becomes no text of megabytes', () => {
    const text = 'a'.repeat(4000);
    const pattern = { name: '{t}{t}', grid: { t: [text] }, recipe: { recipe: 'float32' } };
    expect(() => readSweep({ ...file, arms: [pattern] })).toThrow(
      refusal('sweep.arms[0].name', /4096 characters/),
    );
    const recipe = { ...file.arms[0]!.recipe, of: 'x'.repeat(70_000) };
    expect(() => readSweep({ ...file, arms: [{ name: 'a', recipe }] })).toThrow(
      refusal('sweep.arms[0].recipe', /65536/),
    );
  });
});

it('--arms is a pattern that takes no time to speak of', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'sweep.json');
    const arms = [{ name: 'a'.repeat(99), recipe: { recipe: 'float32' } }];
    writeFileSync(path, JSON.stringify({ ...file, arms }));
    const world = testWorld();
    const begin = process.cpuUsage();
    expect(await run(['sweep', path, '--estimate', '--arms', '^(a+)+$b'], world.io)).toBe(2);
    expect(world.stderr()).toMatch(/a pattern of at least one of aaa/);
    expect(await run(['sweep', path, '--estimate', '--arms', '(?=a)'], world.io)).toBe(2);
    expect(world.stderr()).toMatch(/--arms: got '\(\?=a\)'; accepted: a regular expression.*RE2/);
    expect(await run(['sweep', path, '--estimate', '--arms', '^a+$'], world.io)).toBe(0);
    // Microseconds of processor time: the machine may be busy.
    expect(process.cpuUsage(begin).user).toBeLessThan(5e6);
  });
});
