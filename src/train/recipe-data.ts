/**
 * Recipes as people write them in files: a whole recipe, or the name of a published one with its options.
 */
import { ArgumentError } from '../errors.ts';
import type { Recipe } from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { withCanonicalNames } from './recipe-names.ts';
import * as recipes from './recipes.ts';

const builders = {
  float32: recipes.float32,
  bitnet: recipes.bitnet,
  bitnetTransition: recipes.bitnetTransition,
  bfloat16: recipes.bfloat16,
  dqt: recipes.dqt,
  bfloat16Weights: recipes.bfloat16Weights,
  groupInt8Weights: recipes.groupInt8Weights,
  adam8bit: recipes.adam8bit,
} as const;

/** The options that each name takes; a misspelt one would else do nothing. */
const common = ['extraNorm', 'optimizer', 'schedule'];
const bitnetOptions = [...common, 'weights', 'activations'];
const optionsOf: Readonly<Record<keyof typeof builders, readonly string[]>> = {
  float32: common,
  bitnet: bitnetOptions,
  bitnetTransition: [...bitnetOptions, 'at', 'first', 'optimizerState', 'rewarm', 'phaseIn'],
  bfloat16: common,
  dqt: [...common, 'bits', 'rounding', 'range', 'of', 'activations', 'ternaryInference'],
  bfloat16Weights: [...common, 'rounding', 'of'],
  groupInt8Weights: [...common, 'size', 'rounding'],
  adam8bit: [...common, 'block', 'least'],
};

/**
 * The recipe that data describes: `{ "recipe": "dqt", "bits": 8 }`, or a recipe with all its fields.
 * @throws ArgumentError naming the field.
 */
export function recipeFrom(data: unknown): Recipe {
  if (typeof data !== 'object' || data === null)
    throw new ArgumentError('recipe', data, 'an object: a recipe, or { "recipe": name, ...options }');
  if (!('recipe' in data)) {
    checkRecipe(data as Recipe);
    return withCanonicalNames(data as Recipe);
  }
  const { recipe: name, name: own, ...options } = data as Record<string, unknown>;
  if (typeof name !== 'string' || !Object.hasOwn(builders, name))
    throw new ArgumentError('recipe.recipe', name, Object.keys(builders).join(', '));
  const accepted = optionsOf[name as keyof typeof builders];
  for (const [option, value] of Object.entries(options))
    if (!accepted.includes(option))
      throw new ArgumentError(`recipe.${option}`, value, `no such option; ${accepted.join(', ')}`);
  let made: Recipe;
  try {
    made = (builders[name as keyof typeof builders] as (given: object) => Recipe)(options);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`recipe.${error.argument}`, error.given, error.accepted);
  }
  const result = own === undefined ? made : { ...made, name: own as string };
  checkRecipe(result);
  return withCanonicalNames(result);
}
