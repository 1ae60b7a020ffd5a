/** Arguments beyond those that a command has, and options given twice, are refused, in one line, by every command: none is ignored. */
import { expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { operands } from '../../src/cli/operation/names.ts';
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

/** What a command says to options beside one that is none: it does nothing, whatever they are. */
async function refusalOf(argv: readonly string[]): Promise<string> {
  const { code, out, error } = await halfulp([...argv, '--no-such']);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  return error;
}

/** Values of an option that its reader takes: of any text, or of the first that it says it takes. */
async function valuesOf(argv: readonly string[], option: string): Promise<[string, string]> {
  const isTaken = async (text: string) =>
    !(await refusalOf([...argv, option, text])).startsWith(`halfulp: ${option}:`);
  for (const pair of [
    ['1', '2'],
    ['0.5', '0.25'],
    ['a=1', 'a=2'],
  ] as const)
    if (await isTaken(pair[0])) return [...pair];
  const refusal = await refusalOf([...argv, option, '1']);
  for (const [word] of refusal.slice(refusal.indexOf('accepted:') + 9).matchAll(/[\w.-]+/g))
    if (await isTaken(word)) return [word, `${word}x`];
  throw new Error(`no value for ${argv.join(' ')} ${option}: ${refusal}`);
}

const withOptions = [
  ...[...whole.map(([name]) => name!), 'round', ...operands.keys()].filter(
    (name) => !['law', 'help'].includes(name),
  ),
  ...['formats', 'split', 'quantization', 'fit'].map((name) => `law ${name}`),
];

test.each(withOptions)('%s refuses each of its options given twice', async (name) => {
  const argv = name.split(' ');
  const help = (await halfulp([...argv, '--help'])).out;
  const options = [...help.matchAll(/^ {2}(--[\w-]+)(?: [<[]([^>\]]*)[>\]])?/gm)];
  for (const [, option, value] of options as unknown as [string, string, string | undefined][]) {
    if (value === undefined) {
      expect(await refusalOf([...argv, option, option])).toBe(
        `halfulp: ${option}: got true; accepted: one ${option}, and true is given\n`,
      );
      continue;
    }
    const [first, second] = await valuesOf(argv, option);
    if (value.endsWith('...')) {
      expect(await refusalOf([...argv, option, first, option, second])).not.toContain('is given');
      continue;
    }
    const refusal = `accepted: one ${option}, and '${first}' is given; a list, where it takes one, is written a,b\n`;
    for (const last of [second, first])
      expect(await refusalOf([...argv, option, first, `${option}=${last}`])).toBe(
        `halfulp: ${option}: got '${last}'; ${refusal}`,
      );
  }
  expect(options.length).toBeGreaterThan(0);
});

test('a password in an option given twice is not shown', async () => {
  const error = await refusalOf([
    'queue',
    '--queue',
    'redis://me:secret@a',
    '--queue',
    'redis://me:secret@b',
  ]);
  expect(error).toContain("got 'redis://***@b'; accepted: one --queue, and 'redis://***@a' is given");
});
