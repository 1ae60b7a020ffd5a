/**
 * `halfulp compare` from arguments to run folder, in this process: wrong input, a whole comparison, interrupts and
 * failures. Training is faked; cli-process.test.ts runs the real command as a process.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseArms } from '../../src/cli/compare/arms.ts';
import { compare } from '../../src/cli/compare/compare.ts';
import type { CompareOptions } from '../../src/cli/compare/options.ts';
import { reportFailure } from '../../src/cli/exit-codes.ts';
import { run } from '../../src/cli/main.ts';
import { type FakeTrainerOptions, fakeTrainer } from '../unit/cli-fake-trainer.ts';
import { type TestWorld, testWorld, withFolder } from '../unit/cli-world.ts';

/** Runs the command line in a folder for runs. */
async function halfulp(...argv: string[]): Promise<TestWorld & { code: number }> {
  const world = testWorld();
  const code = await run(argv, world.io);
  return { ...world, code };
}

test.each([
  [['--steps', '0'], '--steps: got 0; accepted: an integer from 1 to 1000000'],
  [['--steps', '-5'], '--steps: got -5; accepted: an integer from 1 to 1000000'],
  [['--steps', 'ten'], "--steps: got 'ten'; accepted: an integer from 1 to 1000000"],
  [['--seeds', '0'], '--seeds: got 0; accepted: an integer from 1 to 1000'],
  [['--seed', '1.5'], '--seed: got 1.5; accepted: an integer from 0 to 281474976710656'],
  [
    ['--arms', 'float64'],
    "--arms: got 'float64'; accepted: names separated by commas: float32, bitnet, bfloat16",
  ],
  [
    ['--model', 'gpt-4'],
    "--model: got 'gpt-4'; accepted: llama-tiny, llama-tiny-outliers, llama-tiny-stable",
  ],
  [['--backend', 'webgl'], "--backend: got 'webgl'; accepted: wasm, cpu"],
  [['--kernels', 'fast'], "--kernels: got 'fast'; accepted: own, stock"],
  [['--learning-rate', '0'], '--learning-rate: got 0; accepted: a number above 0 and at most 1'],
  [['--batch', '0'], '--batch: got 0; accepted: an integer from 1 to 4096'],
  [['--name', '../up'], "--name: got '../up'; accepted: 1 to 100 letters"],
  [['--stepz', '3'], "unknown option '--stepz' (Did you mean --steps?)"],
  [['--steps'], "option '--steps <n>' argument missing"],
  [['extra'], "too many arguments for 'compare'. Expected 0 arguments but got 1."],
])('compare %j is refused in one line', async (argv, message) => {
  await withFolder(async (out) => {
    const { code, stdout, stderr } = await halfulp('compare', '--out', join(out, 'runs'), ...argv);
    expect(code).toBe(2);
    expect(stderr()).toMatch(/^halfulp: [^\n]*\n$/);
    expect(stderr()).toContain(message);
    expect(stdout()).toBe('');
    expect(readdirSync(out)).toEqual([]);
  });
});

test.each([
  ['missing.txt', null, 'there is no such file'],
  ['empty.txt', '', 'it is empty'],
  ['blank.txt', ' \n\t\n', 'it holds only white space'],
  ['binary.txt', Buffer.from([0x61, 0xff, 0xfe, 0x62]), 'its bytes are not UTF-8'],
  ['one.txt', 'aaaa', 'at least two different characters'],
  ['short.txt', 'too short a text', 'at least 65 characters for training'],
  ['.', null, 'this is a folder'],
])('--text %s is refused in one line', async (file, content, message) => {
  await withFolder(async (folder) => {
    const path = join(folder, file);
    if (content !== null) writeFileSync(path, content);
    const before = readdirSync(folder);
    const { code, stderr, stdout } = await halfulp('compare', '--text', path, '--out', join(folder, 'runs'));
    expect(code).toBe(2);
    expect(stderr()).toMatch(/^halfulp: --text: got [^\n]*\n$/);
    expect(stderr()).toContain(message);
    expect(stdout()).toBe('');
    expect(readdirSync(folder)).toEqual(before);
  });
});

test('a run folder that exists is left alone', async () => {
  await withFolder(async (out) => {
    mkdirSync(join(out, 'mine'));
    writeFileSync(join(out, 'mine', 'config.json'), 'precious');
    const { code, stderr } = await halfulp('compare', '--out', out, '--name', 'mine', '--steps', '1');
    expect(code).toBe(2);
    expect(stderr()).toBe(
      `halfulp: --name: got 'mine'; accepted: a name that is not taken: ${join(out, 'mine')} exists\n`,
    );
    expect(readFileSync(join(out, 'mine', 'config.json'), 'utf8')).toBe('precious');
    expect(readdirSync(join(out, 'mine'))).toEqual(['config.json']);
  });
});

test('help and version go to stdout, a missing or unknown command is refused', async () => {
  const help = await halfulp('--help');
  expect(help.code).toBe(0);
  expect(help.stdout()).toContain('compare');
  expect(help.stderr()).toBe('');
  const compareHelp = await halfulp('compare', '--help');
  expect(compareHelp.code).toBe(0);
  expect(compareHelp.stdout()).toMatch(/--steps <n> +training steps of each arm \(default: \d+\)/);
  expect(compareHelp.stdout()).toContain('Examples:');
  expect((await halfulp('help', 'compare')).stdout()).toBe(compareHelp.stdout());
  expect((await halfulp('--version')).stdout()).toMatch(/^\d+\.\d+\.\d+\n$/);
  const nothing = await halfulp();
  expect(nothing.code).toBe(2);
  expect(nothing.stderr()).toContain('Usage: halfulp');
  const unknown = await halfulp('comapre');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr()).toBe("halfulp: unknown command 'comapre' (Did you mean compare?)\n");
});

const book = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);

/** A comparison with the fake trainer; the text is short. */
async function fakeComparison(
  out: string,
  change: Partial<CompareOptions> = {},
  trainer: FakeTrainerOptions = {},
  world: TestWorld = testWorld(),
): Promise<TestWorld & { code: number; folder: string }> {
  const text = join(out, 'book.txt');
  writeFileSync(text, book);
  const options: CompareOptions = {
    steps: 40,
    seeds: 1,
    seed: 1,
    arms: parseArms('float32,bitnet,transition@50'),
    model: 'llama-tiny',
    batch: undefined,
    learningRate: undefined,
    evaluateEvery: undefined,
    text,
    backend: 'wasm',
    kernels: 'own',
    out: join(out, 'runs'),
    name: 'mine',
    json: false,
    quiet: false,
    ...change,
  };
  let now = 0;
  const clock = (): number => {
    now += 0.01;
    return now;
  };
  const dependencies = { openTrainer: fakeTrainer(trainer), now: clock, date: () => new Date(0) };
  const code = await compare(options, world.io, dependencies).catch((error) =>
    reportFailure(error, world.io),
  );
  return { ...world, code, folder: join(options.out, 'mine') };
}

interface MetricsRecord {
  readonly type: string;
  readonly arm: string;
  readonly seed: number;
  readonly step?: number;
  readonly loss?: number;
  readonly status?: string;
}

const records = (folder: string): MetricsRecord[] =>
  readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a comparison leaves a table, all records and a run folder that tells how to repeat it', async () => {
  await withFolder(async (out) => {
    const { code, stdout, stderr, folder, listening } = await fakeComparison(out, { seeds: 2 });
    expect(code).toBe(0);
    expect(listening()).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'loss.svg', 'metrics.jsonl', 'report.html']);
    expect(stdout()).toMatch(/^arm .*\n.*\n-+ .*\nfloat32 .*\nbitnet .*\ntransition@50 .*\n± is/);
    expect(stderr()).toContain('[6/6] transition@50 seed 2: validation ');
    expect(stderr()).toContain(`Report: ${folder}/report.html`);

    const all = records(folder);
    expect(all.filter(({ type }) => type === 'step')).toHaveLength(6 * 40);
    expect(
      all.filter(({ type }) => type === 'result').map(({ arm, seed, status }) => [arm, seed, status]),
    ).toEqual([
      ['float32', 1, 'finished'],
      ['bitnet', 1, 'finished'],
      ['transition@50', 1, 'finished'],
      ['float32', 2, 'finished'],
      ['bitnet', 2, 'finished'],
      ['transition@50', 2, 'finished'],
    ]);
    expect(all.filter(({ type, step }) => type === 'phase' && step === 20)).toHaveLength(2);

    const text = readFileSync(join(folder, 'config.json'), 'utf8');
    expect(text).not.toContain(out);
    const config = JSON.parse(text);
    expect(config.command).toContain(
      'halfulp compare --steps 40 --seeds 2 --seed 1 --arms float32,bitnet,transition@50',
    );
    expect(config.options.seeds).toEqual([1, 2]);
    expect(config.text).toMatchObject({
      name: 'book.txt',
      vocabulary: new Set(book).size,
      sha256: createHash('sha256').update(book).digest('hex'),
    });
    expect(config.arms[2].recipe.phases).toHaveLength(2);
    expect(config.environment.node).toBe(process.versions.node);
    expect(config.started).toBe('1970-01-01T00:00:00.000Z');
  });
});

test('--json prints one JSON document with the full numbers, and --quiet nothing but the report', async () => {
  await withFolder(async (out) => {
    const { code, stdout, stderr, folder } = await fakeComparison(out, { json: true, quiet: true });
    expect(code).toBe(0);
    const result = JSON.parse(stdout());
    expect(result).toMatchObject({ name: 'mine', steps: 40, complete: true });
    expect(result.arms.map(({ arm }: { arm: string }) => arm)).toEqual([
      'float32',
      'bitnet',
      'transition@50',
    ]);
    expect(result.arms[0].runs[0].result.validationLoss).toBe(result.arms[0].validationLoss.mean);
    expect(stderr()).toBe(`\nReport: ${folder}/report.html\n`);
  });
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s stops after the step, keeps and reports what was measured', async (signal, expected) => {
  await withFolder(async (out) => {
    const world = testWorld();
    const { code, stdout, stderr, folder } = await fakeComparison(
      out,
      {},
      {
        beforeStep: ({ recipe }, step) => {
          if (recipe.name !== 'bitnet' || step !== 9) return;
          world.send(signal);
          world.send(signal);
        },
      },
      world,
    );
    expect(code).toBe(expected);
    expect(world.exits).toEqual([]);
    expect(stderr()).toContain('Stopping after this step');
    expect(stdout()).toContain(
      '* bitnet: stopped at step 10 of 40, not comparable; transition@50: not begun.',
    );
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'loss.svg', 'metrics.jsonl', 'report.html']);
    const all = records(folder);
    expect(all.filter(({ type }) => type === 'step')).toHaveLength(50);
    expect(all.at(-1)).toMatchObject({ type: 'result', arm: 'bitnet', status: 'interrupted' });
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('Stopped early');
  });
});

test('a failure in the middle keeps the rest and exits with 1', async () => {
  await withFolder(async (out) => {
    const { code, stdout, stderr, folder, listening } = await fakeComparison(
      out,
      {},
      {
        beforeStep: ({ recipe }, step) => {
          if (recipe.name === 'bitnet' && step === 15) throw new Error('out of memory');
        },
      },
    );
    expect(code).toBe(1);
    expect(listening()).toBe(0);
    expect(stderr().trimEnd().split('\n').at(-1)).toBe('halfulp: out of memory');
    expect(stdout()).toMatch(/\nbitnet \* +\d\.\d{4} /);
    expect(stdout()).toContain('bitnet: stopped at step 15 of 40, not comparable; transition@50: not begun');
    expect(existsSync(join(folder, 'report.html'))).toBe(true);
    expect(records(folder).filter(({ type }) => type === 'step')).toHaveLength(55);
  });
});

test('an optional package that is missing is named with the command that installs it', () => {
  const world = testWorld();
  const error = Object.assign(new Error("Cannot find package '@observablehq/plot' imported from x.js"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
  expect(reportFailure(error, world.io)).toBe(2);
  expect(world.stderr()).toBe(
    'halfulp: the package @observablehq/plot is not installed: npm install @observablehq/plot\n',
  );
});

test('the stack of an unexpected failure is shown on request only', () => {
  const world = testWorld();
  expect(reportFailure(new Error('two\n  lines'), world.io)).toBe(1);
  expect(world.stderr()).toBe('halfulp: two lines\n');
  const debugging = testWorld();
  expect(reportFailure(new Error('oops'), { ...debugging.io, environment: { HALFULP_DEBUG: '1' } })).toBe(1);
  expect(debugging.stderr()).toMatch(/^halfulp: oops\nError: oops\n +at /);
});
