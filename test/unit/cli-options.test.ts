/** Reading option values and arms: what is accepted, and how refusals are worded. */

import { expect, test } from 'vitest';
import { defaultArms, parseArms } from '../../src/cli/compare/arms.ts';
import { repeatCommand } from '../../src/cli/compare/options.ts';
import { choice, folderName, integer, real } from '../../src/cli/options.ts';
import { ArgumentError } from '../../src/errors.ts';

test.each([
  ['1', 1],
  ['0100', 100],
  ['+7', 7],
  [' 5 ', 5],
  ['1000', 1000],
  ['1e2', 100],
])('integer accepts %j', (text, value) => {
  expect(integer('--steps', 1, 1000)(text)).toBe(value);
});

test.each([
  ['0', '--steps: got 0; accepted: an integer from 1 to 1000'],
  ['1001', '--steps: got 1001; accepted: an integer from 1 to 1000'],
  ['-3', '--steps: got -3; accepted: an integer from 1 to 1000'],
  ['2.5', '--steps: got 2.5; accepted: an integer from 1 to 1000'],
  ['1e-2', '--steps: got 0.01; accepted: an integer from 1 to 1000'],
  ['many', "--steps: got 'many'; accepted: an integer from 1 to 1000"],
  ['', "--steps: got ''; accepted: an integer from 1 to 1000"],
  ['NaN', "--steps: got 'NaN'; accepted: an integer from 1 to 1000"],
])('integer refuses %j', (text, message) => {
  expect(() => integer('--steps', 1, 1000)(text)).toThrow(ArgumentError);
  expect(() => integer('--steps', 1, 1000)(text)).toThrow(message);
});

test.each([
  ['0.002', 0.002],
  ['2e-3', 0.002],
  ['.5', 0.5],
  ['1', 1],
])('real accepts %j', (text, value) => {
  expect(real('--learning-rate', 0, 1)(text)).toBe(value);
});

test.each(['0', '-1', '1.01', 'Infinity', 'NaN', '0x1', '', 'fast'])('real refuses %j', (text) => {
  expect(() => real('--learning-rate', 0, 1)(text)).toThrow(
    /^--learning-rate: got .*; accepted: a number above 0/,
  );
});

test('choice accepts its words only', () => {
  const read = choice('--backend', ['wasm', 'cpu']);
  expect(read('cpu')).toBe('cpu');
  expect(() => read('gpu')).toThrow("--backend: got 'gpu'; accepted: wasm, cpu");
  expect(() => read('')).toThrow("--backend: got ''; accepted: wasm, cpu");
});

test.each(['a', 'run-1', 'llama_tiny.2', 'transition@20', 'x'.repeat(100)])('folder name %j', (name) => {
  expect(folderName('--name')(name)).toBe(name);
});

test.each(['', '.', '..', '.hidden', '-rf', 'a/b', 'a\\b', '../up', 'a b', 'end.', 'x'.repeat(101)])(
  'no folder name: %j',
  (name) => {
    expect(() => folderName('--name')(name)).toThrow(/^--name: got /);
  },
);

test('the default arms are the five of the comparison', () => {
  const arms = parseArms(defaultArms);
  expect(arms.map(({ name }) => name)).toEqual([
    'float32',
    'bitnet',
    'transition@20',
    'transition@50',
    'bfloat16',
  ]);
  expect(arms.map(({ transition }) => transition)).toEqual([null, null, 0.2, 0.5, null]);
  expect(arms[2]!.recipe.phases.map(({ from, optimizerState }) => [from, optimizerState])).toEqual([
    [0, 'keep'],
    [0.2, 'keep'],
  ]);
});

test('arms may have spaces around them, a percent sign and a fraction of a percent', () => {
  const arms = parseArms(' transition@20% , transition@12.5,float32');
  expect(arms.map(({ name }) => name)).toEqual(['transition@20', 'transition@12.5', 'float32']);
  expect(arms[1]!.transition).toBe(0.125);
});

test.each([
  '',
  'float32,',
  'fp32',
  'transition',
  'transition@',
  'transition@0',
  'transition@100',
  'transition@-5',
])('no list of arms: %j', (list) => {
  expect(() => parseArms(list)).toThrow(/^--arms: got '.*'; accepted: names separated by commas: float32, /);
});

test('an arm may be named once only, however it is written', () => {
  expect(() => parseArms('bitnet,float32,bitnet')).toThrow('--arms');
  expect(() => parseArms('transition@20,transition@20%')).toThrow('accepted: each arm once');
});

test('the command that repeats a run names what decides its result, and no folder', () => {
  const command = repeatCommand(
    {
      steps: 10,
      seeds: 2,
      seed: 5,
      arms: parseArms('float32,bitnet'),
      model: 'llama-tiny',
      batch: 4,
      learningRate: undefined,
      evaluateEvery: undefined,
      text: '/home/me/my book.txt',
      backend: 'wasm',
      kernels: 'own',
      out: '/home/me/runs',
      name: 'mine',
      json: true,
      quiet: true,
    },
    'my book.txt',
  );
  expect(command).toBe(
    "halfulp compare --steps 10 --seeds 2 --seed 5 --arms float32,bitnet --model llama-tiny --batch 4 --text 'my book.txt' --backend wasm --kernels own",
  );
});
