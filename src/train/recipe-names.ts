/** Recipes with each format by one name, so that the spelling of a file tells no two runs apart. */
import { canonicalName } from '../formats/index.ts';
import type { Recipe } from './recipe.ts';

function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, given]) => [
      field,
      field === 'format' && typeof given === 'string' ? canonicalName(given) : renamed(given),
    ]),
  );
}

/** A checked recipe with other names of formats, such as `bf16`, replaced by the catalogue's; its hash is of these. */
export function withCanonicalNames(recipe: Recipe): Recipe {
  return renamed(recipe) as Recipe;
}
