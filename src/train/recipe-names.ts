/** Recipes with each format and matrix unit by one name, so that the spelling of a file tells no two runs apart. */
import { findMatrixUnit } from '../arithmetic/matrix-unit/index.ts';
import { canonicalName } from '../formats/index.ts';
import type { Recipe } from './recipe.ts';

/** Fields that name a format: of quantisers and roundings, and of matrix units. */
const formatFields: ReadonlySet<string> = new Set(['format', 'operands', 'result', 'addend']);

function renamedField(field: string, given: unknown): unknown {
  if (typeof given !== 'string') return renamed(given);
  if (field === 'accumulate' && given !== 'exact')
    return findMatrixUnit(given)?.alias ?? canonicalName(given);
  return formatFields.has(field) ? canonicalName(given) : given;
}

function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, given]) => [field, renamedField(field, given)]),
  );
}

/** A checked recipe with other names of formats, such as `bf16`, replaced by the catalogue's; its hash is of these. */
export function withCanonicalNames(recipe: Recipe): Recipe {
  return renamed(recipe) as Recipe;
}
