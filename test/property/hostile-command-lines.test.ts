/**
 * Command lines put together at random, with right and with hostile words: each does what it says or is refused in one
 * line, in bounded time, and writes nothing. None of them trains: that is for the integration tests.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { expectDoneOrRefused, treeOf } from '../hostile.ts';
import { testWorld } from '../unit/cli-world.ts';

const runs = Number(process.env['HALFULP_HOSTILE'] ?? 400);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-hostile-'));
  writeFileSync(join(folder, 'recipe.json'), '{"recipe":"dqt","bits":8}');
  writeFileSync(join(folder, 'book'), 'Call me Ishmael. Some years ago - never mind how long. '.repeat(60));
  const arms = [{ name: 'float32', recipe: { recipe: 'float32' } }];
  const sweep = { name: 'bits', steps: 10, arms, data: { text: join(folder, 'book') } };
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify(sweep));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Words that are right somewhere, or nowhere. */
const words = [
  ...[
    '',
    ' ',
    '-',
    '--',
    '-1',
    '0',
    '1',
    '2',
    '8',
    '1e3',
    '1e400',
    '0.5',
    '-0',
    'NaN',
    'inf',
    '0x1.8p-3',
    '2^-9',
  ],
  ...[
    '0x1p99999999',
    '2^9999999999999',
    '1'.repeat(3000),
    'x'.repeat(100_000),
    'é',
    '\u001b[31m',
    'a\u009bb',
    '\u202e',
  ],
  ...[
    '..',
    '../x',
    'a/b',
    '/proc/x',
    '/dev/null',
    'constructor',
    '__proto__',
    'toString',
    '{}',
    '[]',
    '=1+1',
    'CON',
  ],
  ...[
    'e4m3fn',
    'bf16',
    'float(5,6)',
    'float(1000000000,1)',
    'posit(16,1)',
    'posit(8,99999)',
    'int99999999999',
    'int4',
  ],
  ...[
    'bfp(7,16)',
    'mxfp4',
    'nvfp4',
    'binary8p3se',
    'fixed(4,4)',
    'logarithmic(4,3)',
    'logarithmic(99,99)',
    'e2m1/block:32',
  ],
  ...[
    'int4/block:0',
    'int4/tile:1x99999999',
    'ternary/row/mse',
    'e2m1/scale:e2m1',
    'int8,,int8',
    'int8/row/row',
  ],
  ...[
    '4,4',
    '16,64',
    '1,1,1,1',
    '65536,65536',
    '0,4',
    '4,',
    '(a+)+$',
    '(?=a)',
    '[',
    '^float',
    'float32,bitnet',
  ],
  ...[
    'transition@20',
    'transition@1e9',
    'stochastic',
    'toward-zero',
    'none',
    'wasm',
    'own',
    'llama-tiny',
    'mlp',
    'mnist',
  ],
  ...[
    'gaussian',
    'outliers',
    'hadamard:16',
    'hadamard:3',
    '{"name":"hadamard","size":"4"}',
    '{"name":5}',
    '{broken',
  ],
];
const files = ['recipe.json', 'sweep.json', 'book', 'none', '.', 'none.npy', 'none.json'];

/** Options of a command: those with a value, and those without. */
interface Grammar {
  readonly values: readonly string[];
  readonly flags: readonly string[];
  /** Words between options. */
  readonly operands: readonly string[];
  /** What every line of it has, so that nothing is trained. */
  readonly always: readonly string[];
}

const data = ['--data', '--text', '--images', '--labels', '--csv', '--label', '--scaling', '--validation'];
const training = [
  '--steps',
  '--seed',
  '--batch',
  '--learning-rate',
  '--evaluate-every',
  '--backend',
  '--kernels',
  '--name',
];
const rounding = [
  '--rounding',
  '--saturation',
  '--subnormals',
  '--seed',
  '--stream',
  '--offset',
  '--random-bits',
  '--variant',
];

const grammars: Readonly<Record<string, Grammar>> = {
  formats: { values: ['--kind', '--bits'], flags: ['--json', '--help'], operands: [], always: [] },
  format: { values: [], flags: ['--json', '--table'], operands: words, always: [] },
  round: { values: ['--format', ...rounding], flags: ['--json', '-'], operands: words, always: [] },
  analyze: {
    values: ['--formats', '--data', '--shape', '--seed', '--rounding', '--transform'],
    flags: ['--json', '--codes'],
    operands: [],
    always: ['--shape', '4,8'],
  },
  train: {
    values: [...data, ...training, '--model', '--probe-every', '--gradient-draws', '--checkpoint-every'],
    flags: ['--resume', '--json', '--quiet', '--header', '--no-header'],
    operands: ['FILE'],
    always: ['--roles'],
  },
  sweep: {
    values: [...data, '--workers', '--seeds', '--arms', '--page'],
    flags: ['--report', '--json', '--header'],
    operands: ['FILE'],
    always: ['--estimate'],
  },
  compare: {
    values: [...training, '--seeds', '--arms', '--model'],
    flags: ['--json', '--quiet'],
    operands: [],
    always: ['--text', 'FILE:none'],
  },
};

const word = fc.constantFrom(...words, ...files.map((file) => `FILE:${file}`));

function lineOf([name, { values, flags, operands, always }]: readonly [string, Grammar]): fc.Arbitrary<
  string[]
> {
  const option = fc.tuple(fc.constantFrom(...(values.length > 0 ? values : ['--json'])), word);
  const flag = fc.constantFrom(...flags).map((text) => [text]);
  const operand = fc.constantFrom(...(operands.length > 0 ? operands : [''])).map((text) => [text]);
  const piece = fc.oneof(
    { weight: 5, arbitrary: option },
    flag,
    { weight: operands.length > 0 ? 3 : 0, arbitrary: operand },
    word.map((text) => [text]),
  );
  const first = operands.length > 0 ? operand : fc.constant([]);
  return fc
    .tuple(first, fc.array(piece, { maxLength: 5 }))
    .map(([begin, pieces]) => [name, ...begin, ...pieces.flat(), ...always]);
}

it.each(Object.entries(grammars).map((entry) => [entry[0], entry] as const))(
  '%s',
  async (name, entry) => {
    const before = treeOf(folder);
    const placed = (text: string): string => {
      if (text === 'FILE') return join(folder, name === 'train' ? 'recipe.json' : 'sweep.json');
      return text.startsWith('FILE:') ? join(folder, text.slice(5)) : text;
    };
    await fc.assert(
      fc.asyncProperty(lineOf(entry), async (line) => {
        const world = testWorld(undefined, ['0.1 x\n', '1e5']);
        const begin = performance.now();
        const code = await run(line.map(placed), world.io);
        expectDoneOrRefused(code, world);
        expect(performance.now() - begin).toBeLessThan(20_000);
      }),
      { seed: 24, numRuns: runs },
    );
    expect(treeOf(folder)).toEqual(before);
  },
  240_000,
);
