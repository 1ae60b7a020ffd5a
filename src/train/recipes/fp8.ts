/**
 * Operands of layers in 8-bit floats, a configuration and nothing more: float32 weights, states and everything else.
 * Sources: Micikevicius et al., "FP8 formats for deep learning", arXiv 2209.05433 (the formats, scales of tensors), and the delayed
 * scaling of NVIDIA's TransformerEngine.
 */
import { sumsOf } from '../../arithmetic/accumulate/model.ts';
import { isMatrixUnit, type MatrixUnitParameters } from '../../arithmetic/matrix-unit/index.ts';
import { checkAbsent } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Saturation } from '../../rounding/options.ts';
import { anything, fields, integer, maybe, objectOr, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import type { LossScale } from '../update/spec.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe, withLossScale } from './base.ts';

const hybridOptions = optionsOf({
  formats: maybe(word(['hybrid', 'e4m3fn', 'e5m2'])),
  scaling: maybe(word(['delayed', 'current', 'none'])),
  history: maybe(integer(1, 2 ** 20)),
  take: maybe(word(['max', 'latest'])),
  margin: maybe(integer(0, 16)),
  accumulate: maybe(anything),
  lossScale: maybe(objectOr(fields({ static: integer(0, 126) }), word(['dynamic', 'none']))),
});

/** What training with FP8 operands accepts. */
export interface Fp8HybridOptions extends RecipeOptions {
  /** `'hybrid'` (default): e4m3fn forward, e5m2 gradients; otherwise one format for all. */
  readonly formats?: 'hybrid' | 'e4m3fn' | 'e5m2';
  /**
   * `'delayed'` (default): a tensor's scale is of the largest magnitudes that its slot has seen before; `'current'`: of the tensor's
   * own; `'none'`: 1, and elements saturate, but for gradients under a dynamic loss scale, which overflow.
   */
  readonly scaling?: 'delayed' | 'current' | 'none';
  /** Steps that delayed scaling remembers. Default 1024. */
  readonly history?: number;
  /** Which of them counts: the largest (default) or the latest. */
  readonly take?: 'max' | 'latest';
  /** The largest magnitude becomes the format's largest number times 2^-margin. Default 0. */
  readonly margin?: number;
  /** What sums products: binary32 in order (default), or a matrix unit (its name or parameters), on elements; scales multiply its results. */
  readonly accumulate?: 'binary32' | (string & Record<never, never>) | MatrixUnitParameters;
  /** What the loss's gradient is multiplied by: `'dynamic'`, or 2^static. Default `'none'`. */
  readonly lossScale?: 'none' | 'dynamic' | { readonly static: number };
}

/** Throws ArgumentError naming an option that has no meaning beside the scaling. */
function checkScaling({
  scaling = 'delayed',
  history,
  take,
  margin,
  update,
  lossScale,
}: Fp8HybridOptions): void {
  const refuse = (option: string, given: unknown, accepted: string): void => {
    checkAbsent(option, given, accepted);
  };
  if (scaling !== 'delayed') refuse('history', history, `nothing with ${scaling} scaling`);
  if (scaling !== 'delayed') refuse('take', take, `nothing with ${scaling} scaling`);
  if (scaling === 'none') refuse('margin', margin, 'nothing without scaling');
  if (update !== undefined) refuse('lossScale', lossScale, 'nothing beside update, which says all');
}

const scaleOf = (lossScale: 'dynamic' | { readonly static: number }): LossScale =>
  lossScale === 'dynamic'
    ? { kind: 'lossScale' }
    : { kind: 'lossScale', initial: 2 ** lossScale.static, dynamic: false };

/** The unit that sums products, as a recipe has it; none for binary32 in order. Throws ArgumentError. */
function unitOf(
  given: Fp8HybridOptions['accumulate'],
): { name: string; spec: string | MatrixUnitParameters } | undefined {
  if (given === undefined || given === 'binary32') return undefined;
  const sums = sumsOf('accumulate', given);
  if (!isMatrixUnit(sums)) throw new ArgumentError('accumulate', given, 'binary32, or a matrix unit');
  return typeof given === 'string'
    ? { name: sums.alias, spec: sums.alias }
    : { name: 'own-unit', spec: given };
}

const largest = { e4m3fn: 448, e5m2: 57344 } as const;

/**
 * FP8: operands of all three products in 8-bit floats with a scale for each tensor. Weights' and activations' images are shared by the
 * forward and the backward products.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.fp8Hybrid({ scaling: 'current' }), { model, steps: 1000, seed: 1 });
 */
export function fp8Hybrid(options: Fp8HybridOptions = {}): Recipe {
  checkOptions(hybridOptions, options);
  checkScaling(options);
  const { formats = 'hybrid', scaling = 'delayed', history = 1024, take = 'max', margin = 0 } = options;
  const { lossScale = 'none', accumulate } = options;
  const unit = unitOf(accumulate);
  const sums = unit === undefined ? {} : { accumulate: unit.spec };
  const operand = (format: 'e4m3fn' | 'e5m2', saturation: Saturation = 'finite'): OperandSpec => {
    if (scaling === 'none') return { format, saturation };
    return {
      format,
      scale: {
        ...{ per: 'tensor', from: 'absmax' },
        ...(margin === 0 ? {} : { target: largest[format] * 2 ** -margin }),
        ...(scaling === 'delayed' ? { history: { length: history, take } } : {}),
      },
    };
  };
  const forward = operand(formats === 'e5m2' ? 'e5m2' : 'e4m3fn');
  // A dynamic loss scale learns from infinities and NaN that it is too large.
  const gradient = operand(
    formats === 'e4m3fn' ? 'e4m3fn' : 'e5m2',
    lossScale === 'dynamic' ? 'none' : 'finite',
  );
  const slots: LinearSlots = {
    forward: { x: forward, w: forward, ...sums },
    inputGradient: { g: gradient, w: 'same', ...sums },
    weightGradient: { g: gradient, x: 'same', ...sums },
  };
  const scaled =
    lossScale === 'none' ? '' : lossScale === 'dynamic' ? '-loss-scale' : `-loss-scale${lossScale.static}`;
  const window = scaling === 'delayed' && (history !== 1024 || take !== 'max') ? `${history}-${take}` : '';
  const name = `fp8-${formats}-${scaling}${window}${margin === 0 ? '' : `-margin${margin}`}${scaled}${unit === undefined ? '' : `-${unit.name}`}`;
  const title = `FP8 operands (${formats === 'hybrid' ? 'e4m3fn, gradients e5m2' : formats}), ${scaling === 'none' ? 'no' : scaling} scaling`;
  const made = recipe(name, title, [phase(0, slots)], options);
  return lossScale === 'none' ? made : withLossScale(made, scaleOf(lossScale));
}
