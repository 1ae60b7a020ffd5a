/** The recipes of four bits in their variants: what tests of all recipes walk. */
import { type Recipe, recipes } from '../src/train/index.ts';

export const zooFp4 = (options: recipes.RecipeOptions = {}): Readonly<Record<string, Recipe>> => ({
  nvfp4: recipes.nvfp4(options),
  'nvfp4, every option': recipes.nvfp4({
    ...options,
    hadamard: 'step',
    weights: 'block',
    exempt: { first: 1 },
    finish: { at: 0.6, of: 'forward' },
    fourOverSix: { of: 'all', error: 'mse', scaleMax: 256 },
    rowScaled: true,
  }),
  'nvfp4, bfloat16 at the end': recipes.nvfp4({ ...options, exempt: { last: 1 }, finish: { at: 0.5 } }),
  'mxfp4, stochastic': recipes.mxfp4({ ...options, rounding: 'stochastic' }),
  'mxfp4, every option': recipes.mxfp4({
    ...options,
    rounding: 'stochastic',
    prescale: 0.75,
    direction: 'rceil',
    hadamard: 'step',
  }),
  quartet: recipes.quartet(options),
  'quartet, aligned': recipes.quartet({ ...options, forward: 'stochastic', backward: 'aligned' }),
  'quartet, to nearest': recipes.quartet({ ...options, backward: 'nearest-even' }),
  quest: recipes.quest(options),
  'quest, one bit': recipes.quest({ ...options, bits: 1 }),
  'quest, weights only': recipes.quest({ ...options, bits: 2, activations: false }),
  'fp4 with estimator': recipes.fp4Dge(options),
  'fp4 with estimator, weights only': recipes.fp4Dge({
    ...options,
    ...{ activations: false, moments: 'float32', gradients: 'e5m2' },
    estimator: { sharpness: 3, clip: 2 },
  }),
  'fp4 straight through': recipes.fp4Dge({ ...options, estimator: null, outliers: null }),
  'fp4 design': recipes.fp4Design(options),
  'fp4 design, rotated': recipes.fp4Design({
    ...options,
    ...{ scaleFormat: 'e4m3fn', tensorScale: true, size: 32, hadamard: 'all', estimator: 'clipped' },
  }),
  'fp4 design, outliers': recipes.fp4Design({
    ...options,
    ...{ scaleFormat: 'e8m0', hadamard: 'backward', rounding: 'nearest-even' },
    ...{ outliers: 0.95, lossScale: true, estimator: 'dge' },
  }),
});
