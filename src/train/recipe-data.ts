/**
 * Recipes as people write them in files: a whole recipe, or the name of a published one with its options.
 */
import { checkObject, oneOf, within } from '../check.ts';
import { checkSchema, fields, fileName, maybe, word } from '../schema.ts';
import { withSpelledQuantizers } from './named-slots.ts';
import type { GivenRecipe, Recipe } from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { withCanonicalNames } from './recipe-names.ts';
import * as recipes from './recipes/index.ts';

type Builder = (options: unknown) => Recipe;

/** The published recipes by name. */
const builders = Object.fromEntries(
  Object.entries(recipes).flatMap(([name, one]) =>
    typeof one === 'function' ? [[name, one as Builder] as const] : [],
  ),
);

/** The names of the published recipes. */
export const recipeNames: readonly string[] = Object.keys(builders);

const named = fields({ recipe: word(recipeNames), name: maybe(fileName) });

/**
 * The recipe that data describes: `"bitnet"`, the name of a published one, `{ "recipe": "dqt", "bits": 8 }`, one with
 * options, or a recipe with all its fields.
 * @throws ArgumentError naming the field.
 */
export function recipeFrom(data: unknown): Recipe {
  if (typeof data === 'string') return recipeFrom({ recipe: oneOf('recipe', data, recipeNames) });
  checkObject('recipe', data, 'a recipe, the name of a published one, or { "recipe": name, ...options }');
  const given = data as Record<string, unknown>;
  if (!Object.hasOwn(given, 'recipe')) {
    const recipe = given as unknown as GivenRecipe;
    checkRecipe(recipe);
    return withCanonicalNames(withSpelledQuantizers<Recipe>('recipe', recipe));
  }
  const { recipe, name, ...options } = given;
  checkSchema('recipe', { recipe, name }, named);
  const made = within('recipe', () => (builders[recipe as string] as Builder)(options));
  const result = name === undefined ? made : { ...made, name: name as string };
  checkRecipe(result);
  return withCanonicalNames(result);
}
