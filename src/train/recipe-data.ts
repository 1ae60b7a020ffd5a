/**
 * Recipes as people write them in files: a whole recipe, or the name of a published one with its options.
 */
import { checkObject, within } from '../check.ts';
import { checkSchema, fields, fileName, maybe, word } from '../schema.ts';
import type { Recipe } from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { withCanonicalNames } from './recipe-names.ts';
import type { RecipeName } from './recipe-options.ts';
import * as recipes from './recipes.ts';

const builders: Readonly<Record<RecipeName, (options: never) => Recipe>> = {
  float32: recipes.float32,
  bitnet: recipes.bitnet,
  bitnetTransition: recipes.bitnetTransition,
  bfloat16: recipes.bfloat16,
  dqt: recipes.dqt,
  bfloat16Weights: recipes.bfloat16Weights,
  groupInt8Weights: recipes.groupInt8Weights,
  adam8bit: recipes.adam8bit,
  nvfp4: recipes.nvfp4,
  mxfp4: recipes.mxfp4,
};

const named = fields({ recipe: word(Object.keys(builders)), name: maybe(fileName) });

/**
 * The recipe that data describes: `{ "recipe": "dqt", "bits": 8 }`, or a recipe with all its fields.
 * @throws ArgumentError naming the field.
 */
export function recipeFrom(data: unknown): Recipe {
  checkObject('recipe', data, 'an object: a recipe, or { "recipe": name, ...options }');
  const given = data as Record<string, unknown>;
  if (!Object.hasOwn(given, 'recipe')) {
    checkRecipe(given as unknown as Recipe);
    return withCanonicalNames(given as unknown as Recipe);
  }
  const { recipe, name, ...options } = given;
  checkSchema('recipe', { recipe, name }, named);
  const made = within('recipe', () => builders[recipe as RecipeName](options as never));
  const result = name === undefined ? made : { ...made, name: name as string };
  checkRecipe(result);
  return withCanonicalNames(result);
}
