/**
 * What a recipe says of an operand, as a slot takes it: its quantiser's options, whether it draws, whether it remembers. The slots themselves
 * are in `slots.ts`.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { Quantizer, QuantizerOptions } from '../../quantizers/index.ts';
import type { TransformData } from '../../quantizers/transforms/index.ts';
import type { EmulationLog } from '../../tfjs/log.ts';
import type { InputGradientSpec, OperandSpec } from '../linear-slots.ts';
import { bitLearning } from './learned-bits.ts';

/** The operands of a layer's products, as `forward.x`: product, then operand. */
export type SlotName =
  | 'forward.x'
  | 'forward.w'
  | 'forward.y'
  | 'inputGradient.g'
  | 'inputGradient.w'
  | 'inputGradient.dx'
  | 'weightGradient.g'
  | 'weightGradient.x'
  | 'weightGradient.dw';

/** What a pass through the model is for, as far as slots look. */
export interface Pass {
  readonly seed: number;
  /** The step whose random integers are drawn. */
  readonly step: number;
  /** Of the whole run. */
  readonly steps: number;
  /** Whether draws go on from call to call and memories remember: in training, not in evaluations and probes. */
  readonly isTraining: boolean;
  /** Whether no gradient is taken in it: averages of statistics stand as training left them. */
  readonly isEvaluation: boolean;
  /** What the gradients of the pass are multiplied by. */
  readonly gradientScale: number;
  /** Whether the codes of the weight stay as they are. */
  readonly fixedCodes?: boolean;
  /** Gives a slot random integers of its own, where a pass is not the step's: of an evaluation, of a probe. */
  purpose?(slot: SlotName): string;
  /** Logs that count what quantisers do. */
  readonly logs?: readonly EmulationLog[];
  /** Sees every operand that a quantiser changes, its image, which may stay turned, and the quantiser without its strength. */
  tap?(slot: SlotName, operand: Tensor, image: Tensor, made: Quantizer, isTurned: boolean): void;
}

/** Stands in the options of a transform for a seed of the run's, with signs that differ from step to step. */
const eachStep = 'step';

interface Signs {
  readonly name: string;
  readonly seed?: unknown;
}

export function drawsSigns(spec: OperandSpec): boolean {
  return (spec.transform as Signs | undefined)?.seed === eachStep;
}

/** Whether an image depends on random integers. */
export function isRandom(spec: OperandSpec): boolean {
  const { rounding, transform } = spec;
  return (
    rounding?.startsWith('stochastic') === true ||
    (transform as Signs | undefined)?.name === 'noise' ||
    drawsSigns(spec)
  );
}

/** Whether the values of its format are trained. */
export const learnsLevels = ({ learn }: OperandSpec): boolean =>
  learn?.some(({ of }) => of === 'levels') === true;

/** Whether it depends on what was seen before. */
export function hasMemory(spec: OperandSpec): boolean {
  const { scale, form } = spec;
  return (
    bitLearning(spec) !== undefined ||
    (form !== undefined && form.kind !== 'complex') ||
    learnsLevels(spec) ||
    (scale !== undefined &&
      (scale.decay !== undefined || scale.history !== undefined || scale.from === 'learned'))
  );
}

/** Rounding without a scale: a scale that is 1. */
const unscaled = { per: 'tensor', from: 'constant', value: 1 } as const;

/** The quantiser of an operand without its strength; undefined: values stay as they are. */
export function quantizerOptions({
  format,
  strength: _strength,
  norm: _norm,
  of: _of,
  learn: _learn,
  form: _form,
  turn: _turn,
  scale = unscaled,
  ...options
}: OperandSpec & InputGradientSpec): QuantizerOptions | undefined {
  return format === undefined ? undefined : { format, scale, ...options };
}

/** The same options with signs that are drawn, as some step would have them: for checks and descriptions. */
export function settledOptions(spec: OperandSpec): QuantizerOptions | undefined {
  const options = quantizerOptions(spec);
  if (options === undefined || !drawsSigns(spec)) return options;
  return { ...options, transform: { ...(options.transform as TransformData), seed: 0 } };
}
