/** Gradient rules: how a gradient passes through a quantiser. Each from its name or plain data. */
import { ArgumentError } from '../../errors.ts';
import { type DifferentiableOptions, differentiable } from './differentiable.ts';
import { type GradientData, type GradientName, type GradientRule, gradientNames } from './gradient.ts';
import { type LearnedStepOptions, learnedLevels, learnedStep } from './learned.ts';
import { type ClippedOptions, clipped, type TrustOptions, trust } from './masks.ts';
import { noGradient, straightThrough } from './straight-through.ts';

export { type DifferentiableOptions, differentiable, differentiableFactor } from './differentiable.ts';
export {
  type GradientData,
  type GradientName,
  type GradientRule,
  type Gradients,
  gradientNames,
  type Quantization,
} from './gradient.ts';
export { type LearnedStepOptions, learnedLevels, learnedStep } from './learned.ts';
export {
  type ClippedOptions,
  clipped,
  type TrustOptions,
  trust,
} from './masks.ts';
export { noGradient, straightThrough } from './straight-through.ts';
export { blend, blendGradient, checkStrength } from './strength.ts';

/** Makes a rule of each name; the options are checked by the rules themselves. */
const makers: Readonly<Record<GradientName, (options: never) => GradientRule>> = {
  'straight-through': straightThrough,
  clipped: (options: ClippedOptions) => clipped(options),
  trust: (options: TrustOptions) => trust(options),
  dge: (options: DifferentiableOptions) => differentiable(options),
  lsq: (options: LearnedStepOptions) => learnedStep(options),
  levels: learnedLevels,
  none: noGradient,
};

/**
 * The rule of a name, or of a name with options, as `toJSON` gives it.
 *
 * @example
 * gradientRule('straight-through');
 * gradientRule({ name: 'dge', sharpness: 5, clip: 3 });
 *
 * @throws ArgumentError for an unknown name or an option that is not accepted.
 */
export function gradientRule(data: GradientData): GradientRule {
  const { name, ...options } = typeof data === 'string' ? { name: data } : (data ?? {});
  if (!gradientNames.includes(name as GradientName))
    throw new ArgumentError('gradient', name, gradientNames.join(', '));
  return makers[name as GradientName](options as never);
}
