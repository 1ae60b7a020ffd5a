/** Arguments beyond those that a command has are refused, in one line, by every command: none is ignored. */
import { expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { testWorld } from './cli-world.ts';

/** Each command with all the arguments that it takes, and the options that it needs. */
const whole: readonly string[][] = [
  ['compare'],
  ['train', 'recipe.json'],
  ['sweep', 'sweep.json'],
  ['worker', '--queue', 'redis://127.0.0.1'],
  ['queue', 'retry', '--queue', 'redis://127.0.0.1'],
  ['formats'],
  ['format', 'e4m3fn'],
  ['vectors', 'add', '--format', 'e2m1'],
  ['verify', 'add', '-', '--format', 'e2m1'],
  ['assign', 'run'],
  ['analyze'],
  ['quantize', 'model.safetensors', '--to', 'mxfp4'],
  ['dequantize', 'codes.safetensors'],
  ['calibrate', 'run', '--out', 'inputs.safetensors'],
  ['evaluate', 'run'],
  ['inspect', 'model.safetensors'],
  ['law', 'split'],
  ['lab', '--no-open'],
  ['help', 'round'],
];

async function halfulp(argv: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const world = testWorld();
  const code = await run(argv, world.io);
  return { code, out: world.stdout(), error: world.stderr() };
}

test('the table has every command', async () => {
  const help = (await halfulp(['--help'])).out;
  const listed = [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name);
  // `round` takes any number of values.
  expect(listed.sort()).toEqual([...whole.map(([name]) => name), 'round'].sort());
});

test.each(
  whole.flatMap((argv) => [
    { argv: [...argv, 'more'] },
    { argv: [...argv, 'more', '3'] },
    { argv: [...argv, '--', '-more'] },
  ]),
)('$argv is refused', async ({ argv }) => {
  const { code, out, error } = await halfulp(argv);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toMatch(/^halfulp: too many arguments for '\w+'\. Expected \d arguments? but got \d\.\n$/);
});

test.each([
  { argv: ['help', 'rounds'], nearest: 'did you mean round?' },
  { argv: ['help', 'zz'], nearest: 'compare, train, sweep' },
])('$argv is refused', async ({ argv, nearest }) => {
  const { code, out, error } = await halfulp(argv);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toMatch(/^halfulp: command: got '\w+'; accepted: .*\n$/);
  expect(error).toContain(nearest);
});

test('help explains', async () => {
  expect(await halfulp(['help'])).toEqual(await halfulp(['--help']));
  expect(await halfulp(['help', 'help'])).toMatchObject({ code: 0, error: '' });
  for (const [name] of whole)
    expect(await halfulp(['help', name!])).toEqual(await halfulp([name!, '--help']));
});
