/**
 * The page of training in real browsers: digits, spirals and text; the losses of `train` and of the command, bit for bit, with the files
 * that the page gives away; runs of the command opened again; pausing, steps and seeds.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csvOfSpirals } from '../../lab/spirals.ts';
import type { Served } from '../../src/cli/lab/serve.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { csvData, modelConfig, recipeFrom, train } from '../../src/train/index.ts';
import { everyCase } from '../every-case.ts';
import {
  type AnyBrowser,
  type AnyPage,
  browsers,
  choose,
  fill,
  isAskedAll,
  isSiteBuilt,
  messageOf,
  serveSite,
  settled,
  subPath,
} from './site.ts';

const [builder, command] = ['scripts/start.js', 'dist/cli/main.js'].map((path) =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url)),
) as [string, string];
const folder = mkdtempSync(join(tmpdir(), 'halfulp-training-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command in a folder; its losses. */
async function commandLosses(words: readonly string[], name: string): Promise<number[]> {
  const child = spawn(process.execPath, [command, ...words, '--name', name, '--quiet'], { cwd: folder });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code, stderr).toBe(0);
  return readFileSync(join(folder, 'runs', name, 'metrics.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"type":"step"'))
    .map((line) => (JSON.parse(line) as { loss: number }).loss);
}

/** Steps of the spirals, and of kinds whose steps take longer. */
const steps = 50;
const stepsOfOthers = everyCase ? steps : 16;

/** What is trained, of each kind of data. */
const trainings = {
  spirals: { data: 'spirals', recipe: 'float32', other: '{ "recipe": "bitnetTransition", "at": 0.4 }' },
  digits: {
    data: 'digits',
    model: 'conv',
    recipe: '{ "recipe": "dqt", "bits": 8 }',
    other: 'bitnet',
    batch: '16',
    evaluate: String(stepsOfOthers),
  },
  text: {
    data: 'text',
    recipe: 'nvfp4',
    other: everyCase ? '{ "recipe": "bitnetTransition", "at": 0.5 }' : '',
    batch: '2',
    evaluate: String(stepsOfOthers),
  },
} as const;

/** What is wrong of which field. */
const wrong: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ...['', 'many', '0', '-1', '1e9', '1e999', 'NaN', '1.5'].map((steps) => ['steps', { steps }] as const),
  ...['', '-1', '1e999', '99999999999999999999'].map((seed) => ['seed', { seed }] as const),
  ...['0', 'NaN', '99999'].map((batch) => ['batch', { batch }] as const),
  ...['NaN', '2', '0', '-1', '1e999'].map((rate) => ['rate', { rate }] as const),
  ...['0', '-5'].map((evaluate) => ['evaluate', { evaluate }] as const),
  ...['', '-1'].map((probes) => ['probes', { probes }] as const),
  ['model', { data: 'spirals', model: 'llama-tiny' }],
  ['recipe', { recipe: '', other: '' }],
  ...[
    ...['{', 'bitnett', '[]', 'null', '1e999', '"bitnett"', '{ "recipe": 3 }', '__proto__'],
    ...['{ "__proto__": { "recipe": "bitnet" } }', '{ "recipe": "dqt", "bits": 1e999 }', '💥'],
    ...['{ "recipe": "bitnetTransition", "at": "soon" }', '{ "recipe": "dqt", "extra": 1 }'],
  ].map((recipe) => ['recipe', { recipe }] as const),
  ['other', { other: '{ "recipe": "dqt", "bits": "eight" }' }],
  ['third', { third: '['.repeat(5000) }],
];

/** Losses of the command by its words: each is run once for all browsers. */
const commands = new Map<string, Promise<number[]>>();
function lossesOf(words: readonly string[], files: Readonly<Record<string, string>>): Promise<number[]> {
  const key = JSON.stringify([words, files]);
  const name = `run-${commands.size}`;
  if (!commands.has(key)) {
    // Commands that run at the same time have files of their own.
    const own = (file: string): string => `${name}-${file}`;
    for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, own(file)), content);
    const named = words.map((word) => (Object.hasOwn(files, word) ? own(word) : word));
    commands.set(key, commandLosses(named, name));
  }
  return commands.get(key)!;
}

/** Losses of `train` on the spirals: each recipe is trained once for all browsers. */
const trainedHere = new Map<string, Promise<number[]>>();
function lossesOfTrain(recipe: object): Promise<number[]> {
  const key = JSON.stringify(recipe);
  const made =
    trainedHere.get(key) ??
    (async () => {
      const losses: number[] = [];
      await train({
        ...{ tf: await wasmBackend(), model: 'mlp', steps: 50, seed: 4, evaluateEvery: 10 },
        data: await csvData(csvOfSpirals(), { label: 'class' }),
        recipe: recipeFrom(recipe),
        onStep: ({ loss }) => void losses.push(loss),
      });
      return losses;
    })();
  trainedHere.set(key, made);
  return made;
}

const clicked = (name: string): string =>
  `[...document.querySelectorAll('button')].find((one) => one.textContent === ${JSON.stringify(name)}).click()`;
const trained = `(async () => { await ${settled}; ${clicked('train')}; await new Promise((resolve) => setTimeout(resolve, 100)); return await ${settled}; })()`;
const shownLosses = "[...document.querySelectorAll('[data-run]')].map((one) => one.dataset.losses)";
const stepsDone = "[...document.querySelectorAll('[data-run]')].map((one) => Number(one.dataset.steps))";

const numbers = (text: string): number[] => text.split(' ').map(Number);

/** The files that a page's buttons give away, by their names. */
const givenAway = `(async () => {
  const files = {};
  const blobs = [];
  const { createObjectURL } = URL;
  const { click } = HTMLAnchorElement.prototype;
  URL.createObjectURL = (blob) => { blobs.push(blob); return 'blob:'; };
  HTMLAnchorElement.prototype.click = function () { files[this.download] = blobs.at(-1); };
  for (const one of document.querySelectorAll('.taken button, .buttons button')) if (/\\.(json|csv)$/.test(one.textContent) && !one.hidden) one.click();
  // The table comes from the worker.
  for (let i = 0; i < 500 && blobs.length < document.querySelectorAll('.taken button, .buttons button:not([hidden])').length - 4; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  Object.assign(URL, { createObjectURL });
  HTMLAnchorElement.prototype.click = click;
  for (const [name, blob] of Object.entries(files)) files[name] = await blob.text();
  return files;
})()`;

describe.runIf(isSiteBuilt).each(browsers)('%s', (name, start) => {
  let browser: AnyBrowser;
  let served: Served;

  beforeAll(async () => {
    // Builds the command, if nothing else has.
    expect(spawnSync(process.execPath, [builder, '--help']).status).toBe(0);
    [browser, served] = await Promise.all([start(), serveSite()]);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  async function opened(search = ''): Promise<AnyPage> {
    const page = await browser.open(served.origin);
    await page.goto(`${served.origin}${subPath}laboratory/training.html${search}`);
    expect(await page.evaluate(settled)).toBe('ready');
    return page;
  }

  it.each(Object.entries(trainings).filter(([kind]) => kind === 'spirals' || isAskedAll(name)))(
    '%s: steps have the losses of the command, which is run with what the page gives away',
    async (kind, fields) => {
      const page = await opened();
      // The model that suits the data comes with them.
      const { data, ...others } = fields;
      expect(await page.evaluate(fill({ data }))).toBe('ready');
      const asked = kind === 'spirals' ? steps : stepsOfOthers;
      // Evaluation and a probe lie within the steps.
      const rest = { steps: String(asked), seed: '3', probes: String(asked / 2) };
      expect(await page.evaluate(fill({ ...others, ...rest }))).toBe('ready');
      expect(await page.evaluate(trained)).toBe('ready');
      const shown = await page.evaluate<string[]>(shownLosses);
      const lines = await page.evaluate<string[]>(
        "[...document.querySelectorAll('.taken code')].map((one) => one.textContent)",
      );
      const files = await page.evaluate<Record<string, string>>(givenAway);
      const isCompared = fields.other !== '';
      expect(Object.keys(files).sort()).toEqual(
        [
          ...(isCompared ? ['recipe-2.json'] : []),
          'recipe.json',
          ...(kind === 'spirals' ? ['spirals.csv'] : []),
        ].sort(),
      );
      expect(lines.length).toBe(isCompared ? 2 : 1);
      for (const [i, line] of lines.entries()) {
        const losses = await lossesOf(line.split(' ').slice(1), files);
        expect(losses.length).toBe(asked);
        expect(numbers(shown[i]!), line).toEqual(losses);
      }
      expect(page.faults).toEqual([]);
      await page.close();
    },
    600_000,
  );

  it('fifty steps have the losses of train, under four recipes side by side: learned scales and a teacher among them', async () => {
    const page = await opened();
    const third = '{ "recipe": "distillation", "bits": 2, "levels": "learned" }';
    const fourth = '{ "recipe": "lsq", "bits": 4 }';
    expect(await page.evaluate(fill({ steps: '50', seed: '4', probes: '0', third, fourth }))).toBe('ready');
    expect(await page.evaluate(trained)).toBe('ready');
    const shown = await page.evaluate<string[]>(shownLosses);
    const given = [
      { recipe: 'float32' },
      { recipe: 'bitnetTransition', at: 0.4 },
      ...[third, fourth].map((one) => JSON.parse(one)),
    ];
    expect(shown.length).toBe(4);
    for (const [i, one] of given.entries()) expect(numbers(shown[i]!)).toEqual(await lossesOfTrain(one));
    // The change of phase after 20 steps has its spike, from the losses that are shown.
    const losses = numbers(shown[1]!);
    const level = losses.slice(0, 20).reduce((sum, loss) => sum + loss, 0) / 20;
    expect(Number(await page.evaluate("document.querySelector('[data-spike]').dataset.value"))).toBe(
      Math.max(...losses.slice(20)) - level,
    );
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('opens what the command has written, with the same losses as here', async () => {
    const page = await opened();
    const words =
      'train recipe.json --model mlp --steps 50 --seed 3 --probe-every 25 --csv spirals.csv --label class';
    const recipe = recipeFrom({ recipe: 'bitnetTransition', at: 0.4 });
    const files = { 'recipe.json': `${JSON.stringify(recipe, null, 2)}\n`, 'spirals.csv': csvOfSpirals() };
    const losses = await lossesOf(words.split(' '), files);
    const run = readdirSync(join(folder, 'runs'))
      .map((name) => join(folder, 'runs', name))
      .find((path) => {
        const { training, samples } = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
        return training.recipe.name === recipe.name && samples?.name.endsWith('spirals.csv');
      })!;
    const read = (name: string): string => readFileSync(join(run, name), 'utf8');
    // The data set is known by its name, which a test with files of its own has changed.
    const config = read('config.json').replace(/run-\d+-spirals\.csv/, 'spirals.csv');
    const all = {
      'config.json': config,
      'metrics.jsonl': read('metrics.jsonl'),
      'result.json': read('result.json'),
    };
    expect(await page.evaluate(choose('open', all))).toBe('ready');
    expect(numbers((await page.evaluate<string[]>(shownLosses))[0]!)).toEqual(losses);
    const value = (name: string): Promise<string> =>
      page.evaluate(`document.querySelector('form.fields [name="${name}"]').value`);
    expect(
      await Promise.all(['data', 'model', 'steps', 'seed', 'probes', 'other', 'batch'].map(value)),
    ).toEqual(['spirals', 'mlp', '50', '3', '25', '', '']);
    expect(JSON.parse(await value('recipe'))).toEqual(JSON.parse(JSON.stringify(recipe)));
    expect(await page.evaluate(trained)).toBe('ready');
    expect(await page.evaluate("document.querySelector('[data-equal]').textContent")).toBe(
      `all 50 of ${recipe.title}`,
    );
    // A recipe alone goes into the first field and leaves the others.
    expect(await page.evaluate(choose('open', { 'recipe.json': '{ "recipe": "dqt", "bits": 4 }' }))).toBe(
      'ready',
    );
    expect(JSON.parse(await value('recipe'))).toEqual({ recipe: 'dqt', bits: 4 });
    expect(page.faults).toEqual([]);
    await page.close();
  }, 600_000);

  it.runIf(isAskedAll(name))(
    'opens a run of the cpu backend, and has its losses on that backend',
    async () => {
      const page = await opened();
      const recipe = recipeFrom({ recipe: 'bitnet' });
      const files = { 'recipe.json': `${JSON.stringify(recipe, null, 2)}\n`, 'spirals.csv': csvOfSpirals() };
      const words =
        'train recipe.json --model mlp --steps 50 --seed 5 --backend cpu --csv spirals.csv --label class';
      const losses = await lossesOf(words.split(' '), files);
      const config = {
        training: {
          recipe,
          model: modelConfig('mlp'),
          steps: 50,
          seed: 5,
          evaluateEvery: 10,
          probeEvery: 0,
          kernels: 'own',
        },
        ...{ backend: 'cpu', samples: { name: 'spirals.csv' } },
      };
      expect(await page.evaluate(choose('open', { 'config.json': JSON.stringify(config) }))).toBe('ready');
      expect(await page.evaluate("document.querySelector('.taken code').textContent")).toContain(
        ' --backend cpu ',
      );
      expect(await page.evaluate(trained)).toBe('ready');
      expect(numbers((await page.evaluate<string[]>(shownLosses))[0]!)).toEqual(losses);
      expect(page.faults).toEqual([]);
      await page.close();
    },
    600_000,
  );

  it.runIf(isAskedAll(name))(
    'pauses, goes on and steps, and ends with the losses of a run that never stopped',
    async () => {
      const page = await opened();
      const until = (code: string): string =>
        `(async () => { for (let i = 0; i < 3000 && !(${code}); i++) await new Promise((resolve) => setTimeout(resolve, 10)); return ${stepsDone}; })()`;
      expect(await page.evaluate(fill({ steps: '40', seed: '5', probes: '0', other: '' }))).toBe('ready');
      await page.evaluate(clicked('step'));
      for (let step = 1; step <= 3; step++) {
        expect(await page.evaluate(until(`${stepsDone}[0] >= ${step}`))).toEqual([step]);
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(await page.evaluate(stepsDone)).toEqual([step]);
        await page.evaluate(clicked('step'));
      }
      expect(await page.evaluate(until(`${stepsDone}[0] >= 4`))).toEqual([4]);
      await page.evaluate(clicked('go on'));
      await page.evaluate(until(`${stepsDone}[0] >= 10`));
      await page.evaluate(clicked('pause'));
      await new Promise((resolve) => setTimeout(resolve, 700));
      const [paused] = (await page.evaluate(stepsDone)) as [number];
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(await page.evaluate(stepsDone)).toEqual([paused]);
      expect(paused).toBeGreaterThanOrEqual(10);
      if (paused < 40) await page.evaluate(clicked('go on'));
      expect(await page.evaluate(settled)).toBe('ready');
      const [stopped] = await page.evaluate<string[]>(shownLosses);
      expect(await page.evaluate(trained)).toBe('ready');
      expect(await page.evaluate(shownLosses)).toEqual([stopped]);
      expect(numbers(stopped!).length).toBe(40);
      // Another seed is another run.
      expect(await page.evaluate(fill({ seed: '6', steps: '3' }))).toBe('ready');
      expect(await page.evaluate(trained)).toBe('ready');
      expect((await page.evaluate<string[]>(shownLosses))[0]).not.toBe(
        numbers(stopped!).slice(0, 3).join(' '),
      );
      // Stopped, a run ends after the step at hand.
      expect(await page.evaluate(fill({ steps: '100000' }))).toBe('ready');
      await page.evaluate(clicked('train'));
      await page.evaluate(until(`${stepsDone}[0] >= 4`));
      await page.evaluate(clicked('stop'));
      expect(await page.evaluate(settled)).toBe('ready');
      expect(((await page.evaluate(stepsDone)) as number[])[0]).toBeLessThan(1000);
      expect(page.faults).toEqual([]);
      await page.close();
    },
  );

  it.runIf(isAskedAll(name))('says what is wrong beside each field, and trains on none of it', async () => {
    const page = await opened('?evaluate=20&batch=8&rate=0.01');
    const right = await page.evaluate<Record<string, string>>(
      "Object.fromEntries([...document.querySelectorAll('form.fields [name]')].map((one) => [one.name, one.value]))",
    );
    for (const [field, values] of wrong) {
      const given = JSON.stringify(values).slice(0, 80);
      expect(await page.evaluate(fill(values)), given).toBe('refused');
      expect(await page.evaluate(messageOf(field)), given).toMatch(/accepted: /);
      expect(
        await page.evaluate(`document.querySelector('[name="${field}"]').getAttribute('aria-invalid')`),
      ).toBe('true');
      await page.evaluate(clicked('train'));
      expect(await page.evaluate(settled), given).toBe('refused');
      expect(await page.evaluate(stepsDone), given).toEqual([]);
      const back = Object.keys(values).map((name) => [name, right[name]!]);
      expect(await page.evaluate(fill(Object.fromEntries(back))), given).toBe('ready');
    }
    for (const recipe of ['bitnet', '"bitnet"', '{ "recipe": "bitnet" }', 'nvfp4'])
      expect(await page.evaluate(fill({ recipe })), recipe).toBe('ready');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('says which file it cannot open, and which data it cannot train on', async () => {
    const page = await opened();
    const bad: Record<string, string | Uint8Array> = {
      'recipe.json': '{ "recipe": "nothing" }',
      'config.json': '{ "training": { "recipe": { "recipe": "float32" } } }',
      'metrics.jsonl': '{"type":"step","step":1,"loss":"much"}\n',
      'empty.jsonl': '',
      'notes.txt': 'Call me Ishmael.',
      'picture.png': Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0xff),
      'checkpoint-00000010.safetensors': Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0, 123),
    };
    for (const [name, content] of Object.entries(bad)) {
      expect(await page.evaluate(choose('open', { [name]: content })), name).toBe('refused');
      expect(await page.evaluate(messageOf('open')), name).toContain(`got '${name}'`);
    }
    expect(await page.evaluate(fill({ data: 'file', steps: '3' }))).toBe('ready');
    expect(await page.evaluate(trained)).toBe('refused');
    expect(await page.evaluate(messageOf('file'))).toMatch(/accepted: a text \.txt, a table \.csv, or IDX/);
    await page.evaluate(choose('file', { 'table.csv': 'a,b\n1,x\n2,\n' }));
    expect(await page.evaluate(trained)).toBe('refused');
    expect(await page.evaluate(messageOf('file'))).toMatch(/table\.csv|accepted/);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('trains on a file of the user, with its name in the command', async () => {
    const page = await opened('?data=file&label=kind');
    const rows = Array.from(
      { length: 60 },
      (_, i) => `${i % 7},${(i * i) % 11},${i % 2 === 0 ? 'even' : 'odd'}`,
    );
    const table = `one,two,kind\n${rows.join('\n')}\n`;
    expect(await page.evaluate(choose('file', { 'my table.csv': table }))).toBe('ready');
    expect(await page.evaluate(fill({ steps: '5', probes: '0', other: '' }))).toBe('ready');
    expect(await page.evaluate(trained)).toBe('ready');
    const [shown] = await page.evaluate<string[]>(shownLosses);
    expect(await page.evaluate("document.querySelector('.taken code').textContent")).toBe(
      "halfulp train recipe.json --model mlp --steps 5 --seed 1 --csv 'my table.csv' --label kind",
    );
    const files = { ...(await page.evaluate<Record<string, string>>(givenAway)), 'my table.csv': table };
    const words = 'train recipe.json --model mlp --steps 5 --seed 1 --csv'.split(' ');
    expect(numbers(shown!)).toEqual(await lossesOf([...words, 'my table.csv', '--label', 'kind'], files));
    await page.close();
  }, 600_000);
});
