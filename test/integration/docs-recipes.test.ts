/** The pages of recipes show what is printed: the role table of the recipe that stands before it. */
import { describe, expect, it } from 'vitest';
import { models, recipeFrom, rolesAsText, roleTable } from '../../src/train/index.ts';
import { pages } from './docs-pages.ts';

const shown = pages
  .filter(({ path }) => path.startsWith('docs/recipes/'))
  .flatMap(({ path, fences }) =>
    fences.flatMap(({ language, text, line }, i) =>
      language === 'text' && fences[i - 1]?.language === 'json'
        ? [{ place: `${path}:${line}`, recipe: fences[i - 1]!.text, text }]
        : [],
    ),
  );

describe('role tables', () => {
  it('are on pages', () => expect(shown.length).toBeGreaterThan(0));

  it.each(shown)('$place', ({ recipe, text }) => {
    const printed = Object.values(models).map((model) => {
      try {
        return rolesAsText(roleTable(recipeFrom(JSON.parse(recipe)), model));
      } catch {
        // A recipe may need what not every model has.
        return '';
      }
    });
    expect(printed.some((table) => table.includes(text))).toBe(true);
  });
});
