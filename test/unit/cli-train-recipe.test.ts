/** The recipe that `halfulp train` is given: a file, the name of a published one, or JSON. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { recipeFrom } from '../../src/train/index.ts';
import { recipeNames } from '../../src/train/recipe-data.ts';
import { testWorld } from './cli-world.ts';

let folder: string;
const home = process.cwd();
const names = recipeNames.join(', ');
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-recipe-'));
  process.chdir(folder);
  writeFileSync('adam8bit', '{ "recipe": "dqt", "bits": 4 }');
  writeFileSync('name.json', '"mxfp4"');
  for (const name of ['quest', 'runs']) mkdirSync(name);
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
  ['"bitnet"', 'bitnet'],
  // A folder of that name, as a run's, hides no recipe.
  ['quest', 'quest'],
  ['{ "recipe": "dqt", "bits": 8 }', { recipe: 'dqt', bits: 8 }],
  // A file counts before a name.
  ['adam8bit', { recipe: 'dqt', bits: 4 }],
])('%s', async (given, recipe) => {
  const { code, roles } = await rolesOf(given);
  const { name, title } = recipeFrom(recipe);
  expect({ code, ...JSON.parse(roles) }).toMatchObject({ code: 0, name, title });
});

it.each([
  ['bitnt', `<recipe>: got 'bitnt'; accepted: a file with a recipe, or ${names} (did you mean bitnet?)`],
  ['constructor', `<recipe>: got 'constructor'; accepted: a file with a recipe, or ${names}`],
  ['runs', `<recipe>: got 'runs'; accepted: a file with a recipe, or ${names}`],
  ['dqt', 'recipe.bits: got undefined; accepted: 1.58, or an integer from 2 to 16; or store, a format'],
  ['{ "recipe": "dqt", "bits": 99 }', 'recipe.bits: got 99; accepted: 1.58, or an integer from 2 to 16'],
  ['{ "recipe": }', `<recipe>: got '{ "recipe": }'; accepted: JSON (`],
  ['bitnet.json', "<recipe>: got 'bitnet.json'; accepted: a readable file (there is no such file, ENOENT)"],
  ['./bitnet', "<recipe>: got './bitnet'; accepted: a readable file (there is no such file, ENOENT)"],
  ['', "<recipe>: got ''; accepted: a readable file (there is no such file, ENOENT)"],
])('%s is refused', async (given, words) => {
  const { code, roles, error } = await rolesOf(given);
  expect({ code, roles }).toEqual({ code: 2, roles: '' });
  expect(error.slice(0, -1).split('\n')).toEqual([expect.stringContaining(`halfulp: ${words}`)]);
});
