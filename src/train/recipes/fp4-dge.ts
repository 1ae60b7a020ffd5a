/**
 * FP4 with a differentiable estimator and outliers apart: a configuration and nothing more.
 * Source: Wang, Wei, Liang et al., "Optimizing large language model training using FP4 quantization", arXiv 2501.17116; moments as in
 * Peng et al., "FP8-LM", arXiv 2310.18313.
 */
import { checkAbsent } from '../../check.ts';
import { boolean, fields, maybe, number, objectOr, value, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';
import { scaledMoment } from './states.ts';

/** What FP4 training with its estimator accepts. */
export interface Fp4DgeOptions extends RecipeOptions {
  /** How gradients pass the quantiser of weights: `sharpness` 5 and `clip` 3 by default; null: straight through. */
  readonly estimator?: { readonly sharpness?: number; readonly clip?: number } | null;
  /**
   * Activations beyond the quantiles `alpha` and 1 - alpha of their tensor are clamped, and what is cut off is added in float32. Default
   * 0.99; null: not.
   */
  readonly outliers?: number | null;
  /** False: weights only. Default true. */
  readonly activations?: boolean;
  /** What backward products read of gradients: as they are (default), or e5m2 with a scale of the tensor. */
  readonly gradients?: 'float32' | 'e5m2';
  /** AdamW's moments: the first in e4m3fn, the second in binary16, a scale each (default), or float32. */
  readonly moments?: 'fp8' | 'float32';
}

const isNull = (given: unknown): boolean => given === null;
const fp4DgeOptions = optionsOf({
  estimator: maybe(
    objectOr(
      fields({ sharpness: maybe(number({ from: 1, to: 1000 })), clip: maybe(number({ above: 0, to: 1e6 })) }),
      value(isNull, 'an object with sharpness, clip, or null'),
    ),
  ),
  outliers: maybe(
    value<number | null>(
      (given) => isNull(given) || (typeof given === 'number' && given > 0.5 && given <= 1),
      'a number above 0.5, at most 1, or null',
    ),
  ),
  activations: maybe(boolean),
  gradients: maybe(word(['float32', 'e5m2'])),
  moments: maybe(word(['fp8', 'float32'])),
});

/**
 * FP4 as published: weights by output channel and activations by token in e2m1 with the largest magnitude at 6; gradients of weights times the slope
 * of a smooth step; outliers of activations clamped and added again in float32.
 * @throws ArgumentError if an option is not valid, or has nothing to act on beside the others.
 * @example
 * const run = await applyRecipe(tf, recipes.fp4Dge(), { model, steps: 1000, seed: 1 });
 */
export function fp4Dge(options: Fp4DgeOptions = {}): Recipe {
  checkOptions(fp4DgeOptions, options);
  const {
    estimator = {},
    outliers = 0.99,
    activations = true,
    gradients = 'float32',
    moments = 'fp8',
  } = options;
  const isAdam = (options.optimizer?.kind ?? 'adamw') === 'adamw';
  if (!activations && outliers !== null)
    checkAbsent('outliers', options.outliers, 'null or nothing, where activations are as they are');
  if (!isAdam && moments === 'fp8')
    checkAbsent('moments', options.moments, 'float32 or nothing, with another optimiser than AdamW');
  const rows: OperandSpec = { format: 'e2m1', scale: { per: 'row', from: 'absmax' } };
  const clamped =
    outliers === null ? rows : { ...rows, transform: { name: 'clamp-residual', alpha: outliers } as const };
  const w: OperandSpec = estimator === null ? rows : { ...rows, gradient: { name: 'dge', ...estimator } };
  const g: OperandSpec | null =
    gradients === 'float32' ? null : { format: gradients, scale: { per: 'tensor', from: 'absmax' } };
  const slots: LinearSlots = {
    forward: { x: activations ? clamped : null, w },
    inputGradient: { g, w: 'same' },
    weightGradient: { g, x: 'same' },
  };
  const { sharpness = 5, clip = 3 } = estimator ?? {};
  const names = [
    ...(estimator === null ? ['straight-through'] : []),
    ...(sharpness === 5 && clip === 3 ? [] : [`${sharpness}-${clip}`]),
    ...(activations ? [] : ['weights-only']),
    ...(outliers === 0.99 || !activations ? [] : [outliers === null ? 'with-outliers' : `alpha${outliers}`]),
    ...(gradients === 'float32' ? [] : [gradients]),
    ...(moments === 'fp8' ? [] : ['float32-moments']),
  ];
  const codecs =
    moments === 'fp8' && isAdam ? { first: scaledMoment('e4m3fn'), second: scaledMoment('binary16') } : {};
  return recipe(
    ['fp4-dge', ...names].join('-'),
    `FP4 operands${estimator === null ? '' : ', differentiable estimator'}${outliers === null || !activations ? '' : ', outliers apart'}`,
    [phase(0, slots)],
    { ...options, optimizer: { ...codecs, ...options.optimizer } as RecipeOptions['optimizer'] & object },
  );
}
