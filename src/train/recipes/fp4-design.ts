/**
 * The design space of FP4 training: scale format, tensor scale, transform, rounding, estimator, outliers, loss scale, each by itself. A
 * configuration and nothing more.
 * Source: "Elucidating the design space of FP4 training", arXiv 2509.17791.
 */
import { checkAbsent } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { formats } from '../../formats/catalogue.ts';
import { type FormatSpelling, formatAt } from '../../formats/names.ts';
import { boolean, integer, line, maybe, number, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { rounding as gradientRounding } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe, withLossScale } from './base.ts';

/** One point of the design space. */
export interface Fp4DesignOptions extends RecipeOptions {
  /** Format of the scale of a block. Default `'ue5m3'`, which needs no scale of the tensor. */
  readonly scaleFormat?: FormatSpelling;
  /** Elements of a block, along what a product sums over. Default 16. */
  readonly size?: number;
  /** Whether the tensor has a binary32 scale of its own. Default false. */
  readonly tensorScale?: boolean;
  /** Which products' operands are rotated in blocks, with signs drawn in each step. Default `'weightGradient'`. */
  readonly hadamard?: 'none' | 'weightGradient' | 'backward' | 'all';
  /** How gradients are rounded. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
  /** How gradients pass the quantiser of weights. Default `'straight-through'`. */
  readonly estimator?: 'straight-through' | 'clipped' | 'dge';
  /** Activations beyond this quantile of their tensor, and below 1 minus it, are kept apart. Default: none. */
  readonly outliers?: number;
  /** Whether the loss is scaled dynamically. Default false. */
  readonly lossScale?: boolean;
}

const fp4DesignOptions = optionsOf({
  scaleFormat: maybe(line(100)),
  size: maybe(integer(1, 2 ** 16)),
  tensorScale: maybe(boolean),
  hadamard: maybe(word(['none', 'weightGradient', 'backward', 'all'])),
  rounding: maybe(gradientRounding),
  estimator: maybe(word(['straight-through', 'clipped', 'dge'])),
  outliers: maybe(number({ above: 0.5, to: 1 })),
  lossScale: maybe(boolean),
});

const { e2m1 } = formats;

/** The largest power of two that is at most n, at most 128. */
const rotationOf = (n: number): number => 2 ** Math.min(Math.floor(Math.log2(n)), 7);

/** What the options say, with the defaults; the format of scales by its name. */
function pointOf({
  scaleFormat = 'ue5m3',
  size = 16,
  tensorScale = false,
  hadamard = 'weightGradient',
  rounding = 'stochastic',
  estimator = 'straight-through',
  outliers,
  lossScale = false,
}: Fp4DesignOptions) {
  const { name: format, max } = formatAt('scaleFormat', scaleFormat);
  // The tensor's scale is of the largest element times the largest scale.
  if (tensorScale && !Number.isFinite(Math.fround(e2m1.max * max)))
    throw new ArgumentError(
      'tensorScale',
      true,
      `false, with scaleFormat ${format}, which has binary32's range`,
    );
  return { format, size, tensorScale, hadamard, rounding, estimator, outliers, lossScale };
}

type Point = ReturnType<typeof pointOf>;

function slotsOf({ format, size, tensorScale, hadamard, rounding, estimator, outliers }: Point): LinearSlots {
  const second = tensorScale ? { tensorScale: true as const } : {};
  const blocks: OperandSpec = {
    format: 'e2m1',
    scale: { per: 'block', size, from: 'absmax', format, ...second },
  };
  const rotation = { name: 'hadamard', size: rotationOf(size), seed: 'step' } as const;
  const within = (products: readonly string[], operand: OperandSpec): OperandSpec =>
    products.includes(hadamard) ? { ...operand, transform: rotation, invert: false } : operand;
  const forward = (operand: OperandSpec) => within(['all'], operand);
  const inputGradient = (operand: OperandSpec) => within(['all', 'backward'], operand);
  const weightGradient = (operand: OperandSpec) => within(['all', 'backward', 'weightGradient'], operand);
  const gradients: OperandSpec = rounding === 'nearest-even' ? blocks : { ...blocks, rounding };
  const x: OperandSpec =
    outliers === undefined ? blocks : { ...blocks, transform: { name: 'clamp-residual', alpha: outliers } };
  const w: OperandSpec = estimator === 'straight-through' ? blocks : { ...blocks, gradient: estimator };
  return {
    forward: { x: forward(x), w: forward(w) },
    inputGradient: { g: inputGradient(gradients), w: inputGradient(blocks) },
    weightGradient: { g: weightGradient(gradients), x: weightGradient(blocks) },
  };
}

/** What of the recipe's name says which point it is. */
function namesOf({
  format,
  size,
  tensorScale,
  hadamard,
  rounding,
  estimator,
  outliers,
  lossScale,
}: Point): string[] {
  return [
    `${format.replace(/[^\w]+/g, '_')}-${size}`,
    ...(tensorScale ? ['tensor'] : []),
    ...(hadamard === 'weightGradient' ? [] : [hadamard === 'none' ? 'plain' : `rotated-${hadamard}`]),
    ...(rounding === 'stochastic' ? [] : ['nearest']),
    ...(estimator === 'straight-through' ? [] : [estimator]),
    ...(outliers === undefined ? [] : [`alpha${outliers}`]),
    ...(lossScale ? ['loss-scale'] : []),
  ];
}

/**
 * A point of the design space of FP4 training; the default is the published compromise: ue5m3 scales of 16, no scale of the tensor, weight
 * gradients under a random rotation, stochastic gradients, straight through.
 * @throws ArgumentError if an option is not valid, or outliers are set apart of activations that are rotated.
 * @example
 * const run = await applyRecipe(tf, recipes.fp4Design({ scaleFormat: 'e4m3fn' }), { model, steps: 1000, seed: 1 });
 */
export function fp4Design(options: Fp4DesignOptions = {}): Recipe {
  checkOptions(fp4DesignOptions, options);
  const point = pointOf(options);
  const { hadamard, outliers, lossScale } = point;
  if (hadamard === 'all') checkAbsent('outliers', outliers, 'nothing, where forward operands are rotated');
  const names = namesOf(point);
  const title = `FP4 operands: ${names.join(', ')}`;
  const made = recipe(['fp4', ...names].join('-'), title, [phase(0, slotsOf(point))], options);
  return lossScale ? withLossScale(made, { kind: 'lossScale' }) : made;
}
