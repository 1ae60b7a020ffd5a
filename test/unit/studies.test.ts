/** Every study of the documentation is a sweep whose recipes can train, and has a page and a row in the list. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSweep } from '../../src/cli/sweep/definition.ts';
import { models } from '../../src/train/index.ts';
import { checkNames, selectables } from '../../src/train/recipe-fit.ts';
import { parameterShapes } from '../../src/train/tasks.ts';

const folder = 'docs/studies';
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

describe.each(files)('%s', (file) => {
  const sweep = readSweep(JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')));

  it('has recipes that fit its models', () => {
    expect(file).toBe(`${sweep.name}.json`);
    for (const { recipe, model = sweep.model, steps = sweep.steps } of sweep.arms)
      checkNames(recipe, selectables(parameterShapes(models[model]!, 64)), steps);
  });

  it('has a page and is in the list', () => {
    expect(existsSync(`${folder}/${sweep.name}.md`)).toBe(true);
    const list = readFileSync(`${folder}/README.md`, 'utf8');
    expect(list).toContain(`${sweep.name}.md`);
    expect(list).toMatch(new RegExp(`^\\| \`${sweep.name.split('-')[0]}(-mlp)?\` `, 'm'));
  });
});
