/** Gradient rules: how a gradient passes through a quantiser. Each from its name or plain data. */
import { checkFields, checkObject, named, oneOf } from '../../check.ts';
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
export { checkQuantization } from './grouped.ts';
export { type LearnedStepOptions, learnedLevels, learnedStep } from './learned.ts';
export {
  type ClippedOptions,
  clipped,
  type TrustOptions,
  trust,
} from './masks.ts';
export { noGradient, straightThrough } from './straight-through.ts';
export { blend, blendGradient, checkStrength } from './strength.ts';

function withoutOptions(options: object, make: () => GradientRule): GradientRule {
  checkFields('', options, []);
  return make();
}

/** Makes a rule of each name; the options are checked by the rules themselves. */
const makers: Readonly<Record<GradientName, (options: never) => GradientRule>> = {
  'straight-through': (options: object) => withoutOptions(options, straightThrough),
  clipped: (options: ClippedOptions) => clipped(options),
  trust: (options: TrustOptions) => trust(options),
  dge: (options: DifferentiableOptions) => differentiable(options),
  lsq: (options: LearnedStepOptions) => learnedStep(options),
  levels: (options: object) => withoutOptions(options, learnedLevels),
  none: (options: object) => withoutOptions(options, noGradient),
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
  if (typeof data === 'string') return makers[oneOf('gradient', data, gradientNames)]({} as never);
  const [name, options] = named(checkObject('gradient', data, 'a name, or an object with name, ...'));
  return makers[oneOf('name', name, gradientNames)](options as never);
}
