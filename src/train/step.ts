/**
 * One training step: forward and backward pass, update; and the gradient probe, which is several passes
 * without an update. No phases and no records: those are the loop's.
 */
import type { NamedTensorMap, Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import type { TensorFlow } from '../tfjs/index.ts';
import { crossEntropy } from './cross-entropy.ts';
import { type Divergence, DivergenceError, firstNotFinite } from './divergence.ts';
import type { PassOptions, RecipeEngine } from './engine/engine.ts';
import type { SlotName } from './engine/slot-spec.ts';
import type { LinearSlots } from './linear-slots.ts';
import type { BatchNormCall, ForwardCall, Model } from './model.ts';
import { objectiveLoss } from './objective.ts';
import { oneHot } from './one-hot.ts';
import { globalNorm, type TrainingOptimizer } from './optimizers/index.ts';
import { isSlotted } from './parameter-role.ts';
import type { GradientProbe, OperandProbes } from './probes.ts';
import type { ExtraNorm, ObjectiveSpec } from './recipe.ts';
import { logitSharpness } from './sharpness.ts';
import type { Batch } from './task.ts';
import type { Teacher } from './teacher.ts';

/** A batch and the arithmetic to run it in. */
export interface StepContext {
  readonly tf: TensorFlow;
  readonly model: Model;
  /** Number of possible answers. */
  readonly outputs: number;
  readonly batch: Batch;
  readonly extraNorm: ExtraNorm | null;
  readonly batchNorm: BatchNormCall;
  readonly engine: RecipeEngine;
  /** The phase's, where it has one, and whom it asks. */
  readonly objective?: { readonly spec: ObjectiveSpec; readonly teacher: Teacher } | undefined;
  /** What the gradients of the step are multiplied by: then those that are not finite are no divergence. */
  readonly scale?: number | undefined;
}

interface Pass {
  readonly loss: number;
  readonly gradients: NamedTensorMap;
}

/** Loss and gradients. Call inside `tf.tidy`. `look` sees the logits. */
function pass(
  { tf, model, batch, outputs, extraNorm, batchNorm, engine, objective }: StepContext,
  options: PassOptions,
  look?: (logits: Tensor2D) => void,
): Pass {
  const inputs = batch.inputs(tf);
  const targets = oneHot(tf, batch.targets, outputs);
  const variables: Variable[] = model.parameters.map(({ variable }) => variable);
  const taught = objective && { spec: objective.spec, teaching: objective.teacher.answer(engine, inputs) };
  const terms: Scalar[] = [];
  const onTerm = (term: Scalar): void => void terms.push(term);
  const forward = (call: ForwardCall = {}): Tensor2D => {
    const logits = model.forward(inputs, { extraNorm, batchNorm, onTerm, ...call });
    look?.(logits);
    return logits;
  };
  const loss = (): Scalar => {
    const own =
      taught === undefined
        ? crossEntropy(tf, forward(), targets)
        : objectiveLoss(tf, forward, targets, taught);
    return terms.reduce((sum, term) => tf.add(sum, term), own);
  };
  const { value, grads } = engine.within(options, () => tf.variableGrads(loss, variables));
  // What an objective does not reach has taken the step all the same, with a gradient of 0.
  for (const { name, shape } of variables) grads[name] ??= tf.zeros(shape);
  return { loss: value.dataSync()[0]!, gradients: grads };
}

/** What a step measured. */
export interface StepOutcome {
  readonly loss: number;
  readonly gradientNorm: number;
  /** What was not finite, if something was; the step's update was not made then, or not in every parameter. */
  readonly diverged: Pick<Divergence, 'of' | 'tensor'> | null;
  /** Of the loss in the logits, where the step was probed. */
  readonly sharpness?: number;
}

/** What is not finite before the update. */
function divergedBefore(
  { model }: StepContext,
  { loss, gradients }: Pass,
  norm: number,
): StepOutcome['diverged'] {
  if (!Number.isFinite(loss)) return { of: 'loss', tensor: null };
  if (Number.isFinite(norm)) return null;
  const found = model.parameters.find(
    ({ variable }) => firstNotFinite(gradients[variable.name]!.dataSync()) >= 0,
  );
  return { of: 'gradient', tensor: found!.name };
}

/** One forward and backward pass and, where all of that is finite, update of the variables. */
export function trainStep(
  context: StepContext,
  optimizer: TrainingOptimizer,
  taps?: OperandProbes,
): StepOutcome {
  const { tf } = context;
  const tap = taps && { tap: taps.add.bind(taps) };
  const run = (): StepOutcome => {
    let sharpness: number | undefined;
    const look = (logits: Tensor2D): void => {
      sharpness = logitSharpness(logits.dataSync<'float32'>(), context.batch.targets);
    };
    const batchNorm = { ...context.batchNorm, updates: true };
    const passed = pass({ ...context, batchNorm }, { ...tap }, taps && look);
    const { scale } = context;
    const norm = globalNorm(tf, passed.gradients) / (scale ?? 1);
    const measured = {
      ...{ loss: passed.loss, gradientNorm: norm },
      ...(sharpness === undefined ? {} : { sharpness }),
    };
    const diverged = divergedBefore(context, passed, scale === undefined ? norm : 0);
    if (diverged !== null) return { ...measured, diverged };
    try {
      optimizer.applyGradients(passed.gradients);
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      return { ...measured, diverged: { of: error.of, tensor: error.tensor } };
    }
    return { ...measured, diverged: null };
  };
  return tf.tidy(run as unknown as () => void) as unknown as StepOutcome;
}

/** The forward products' slots; the backward ones read what those read, and nothing else is quantised. */
function forwardOnly({ forward, inputGradient, weightGradient }: LinearSlots): LinearSlots {
  return {
    forward,
    inputGradient: { g: null, w: inputGradient.w === 'same' ? 'same' : null },
    weightGradient: { g: null, x: weightGradient.x === 'same' ? 'same' : null },
  };
}

/** The gradients of all weights with slots, one after the other. */
function linearGradients(context: StepContext, options: PassOptions): Float64Array {
  const { tf, model } = context;
  const parts: Float32Array[] = [];
  tf.tidy(() => {
    const { gradients } = pass(context, { isTraining: false, ...options });
    for (const { role, variable } of model.parameters)
      if (isSlotted(role)) parts.push(gradients[variable.name]!.dataSync<'float32'>().slice());
  });
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/**
 * Compares the gradients of a batch with those of a backward pass whose operands are not quantised. The forward pass is
 * the same in all of them: it draws the step's own integers.
 * @param draws Backward passes, each with random integers of its own; 1 is enough where nothing is stochastic.
 */
export function probeGradients(context: StepContext, draws: number): GradientProbe {
  const exact = linearGradients(context, { slots: (_, own) => forwardOnly(own) });
  const square = dot(exact, exact);
  const mean = new Float64Array(exact.length);
  let cosine = 0;
  let alignment = 0;
  for (let draw = 0; draw < draws; draw++) {
    const purpose = (slot: SlotName): string => (slot.startsWith('forward') ? '' : `/probe${draw}`);
    const gradient = linearGradients(context, { purpose });
    for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + gradient[i]! / draws;
    const along = dot(gradient, exact);
    cosine += along / Math.sqrt(dot(gradient, gradient) * square) / draws;
    alignment += along / square / draws;
  }
  for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! - exact[i]!;
  return { draws, bias: Math.sqrt(dot(mean, mean) / square), cosine, alignment };
}
