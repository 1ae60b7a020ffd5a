/** The recipe that `halfulp train` is given: a file, or the name of a published one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { recipeFrom } from '../../src/train/index.ts';
import { testWorld } from './cli-world.ts';

let folder: string;
const home = process.cwd();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-recipe-'));
  process.chdir(folder);
  writeFileSync('adam8bit', '{ "recipe": "dqt", "bits": 4 }');
  writeFileSync('name.json', '"mxfp4"');
});
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

async function rolesOf(recipe: string): Promise<{ code: number; roles: string; error: string }> {
  const world = testWorld();
  const code = await run(['train', recipe, '--roles', '--json'], world.io);
  return { code, roles: world.stdout(), error: world.stderr() };
}

it.each([
  ['bitnet', 'bitnet'],
  ['name.json', 'mxfp4'],
  ['./name.json', 'mxfp4'],
  // A file counts before a name.
  ['adam8bit', { recipe: 'dqt', bits: 4 }],
])('%s', async (given, recipe) => {
  const { code, roles } = await rolesOf(given);
  const { name, title } = recipeFrom(recipe);
  expect({ code, ...JSON.parse(roles) }).toMatchObject({ code: 0, name, title });
});

it.each([
  ['bitnt', "<recipe>: got 'bitnt'; accepted: bitnet; a file with a recipe, or the name of a published one"],
  [
    'constructor',
    "<recipe>: got 'constructor'; accepted: a file with a recipe, or the name of a published one",
  ],
  ['bitnet.json', "<recipe>: got 'bitnet.json'; accepted: a readable file (there is no such file, ENOENT)"],
  ['./bitnet', "<recipe>: got './bitnet'; accepted: a readable file (there is no such file, ENOENT)"],
  ['', "<recipe>: got ''; accepted: a readable file (there is no such file, ENOENT)"],
])('%s is refused', async (given, words) => {
  expect(await rolesOf(given)).toEqual({ code: 2, roles: '', error: `halfulp: ${words}\n` });
});
