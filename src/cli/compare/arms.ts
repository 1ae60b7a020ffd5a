/**
 * The arms of a comparison: their names on the command line, what each is in words, and its recipe. An arm is a name
 * for a recipe and holds no numerics.
 */

import { atMost, checkDistinct } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Recipe } from '../../train/recipe.ts';
import { bfloat16, bitnet, bitnetTransition, float32 } from '../../train/recipes/index.ts';

/** One way of training the same model. */
export interface Arm {
  /** As on the command line: `float32`, `transition@20`. Unique in a comparison. */
  readonly name: string;
  /** One sentence for the report. */
  readonly description: string;
  /** Fraction of the steps at which ternary training begins, or null for an arm without a transition. */
  readonly transition: number | null;
  readonly recipe: Recipe;
}

/** The arms of `halfulp compare` if none are named. */
export const defaultArms = 'float32,bitnet,transition@20,transition@50,bfloat16';

/** The arm that differences are taken to. */
export const baselineName = 'float32';

const mostArms = 100;

const accepted =
  'names separated by commas: float32, bitnet, bfloat16, transition@P (16-to-1.58-bit at P % of the steps, 0 < P < 100)';

function armNamed(name: string, list: string): Arm {
  if (name === 'float32') {
    return {
      name,
      description: 'IEEE 754 binary32 throughout: the baseline.',
      transition: null,
      recipe: float32(),
    };
  }
  if (name === 'bitnet') {
    return {
      name,
      description:
        'BitNet b1.58 from the first step: weights of the linear layers ternary (absmean), their inputs 8-bit integers for each token.',
      transition: null,
      recipe: bitnet(),
    };
  }
  if (name === 'bfloat16') {
    return {
      name,
      description:
        'bfloat16 emulated: every result of the forward and backward pass rounded to 8 significant bits; optimiser and stored weights stay float32.',
      transition: null,
      recipe: bfloat16(),
    };
  }
  const percent = Number(/^transition@(\d+(?:\.\d+)?)%?$/.exec(name)?.[1] ?? Number.NaN);
  if (!(percent > 0 && percent < 100)) throw new ArgumentError('--arms', list, accepted);
  return {
    name: `transition@${percent}`,
    description: `Emulated bfloat16 for the first ${percent} % of the steps, then BitNet b1.58; the optimiser's state is kept.`,
    transition: percent / 100,
    recipe: bitnetTransition({ at: percent / 100 }),
  };
}

/**
 * Reads a list of arms.
 *
 * @throws ArgumentError naming `--arms` for an unknown, missing or repeated name
 */
export function parseArms(list: string): Arm[] {
  const words = list.split(',');
  atMost('--arms', words.length, mostArms, 'arms');
  const arms = words.map((name) => armNamed(name.trim(), list));
  checkDistinct(
    '--arms',
    arms.map(({ name }) => name),
    'each arm once',
    list,
  );
  return arms;
}
