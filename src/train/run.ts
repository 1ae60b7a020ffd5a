/**
 * The training loop: phases, steps, evaluations, records. It wires the pieces together and measures; numerics are in
 * the recipe's formats, the model and the optimiser.
 */
import type { NamedTensorMap, Variable } from '@tensorflow/tfjs';
import { exp } from '../arithmetic/elementary/approximate.ts';
import { ArgumentError } from '../errors.ts';
import { integerInRange } from '../rounding/options.ts';
import { type Emulation, emulate, inRole, type TensorFlow } from '../tfjs/index.ts';
import { crossEntropy } from './cross-entropy.ts';
import { checkLength, type TextData, trainingBatch, validationWindows } from './data.ts';
import { type Evaluation, evaluate, eventLoopTurn, oneHot } from './evaluate.ts';
import { createModel, type LanguageModel } from './model.ts';
import { type ModelConfig, modelConfig } from './model-config.ts';
import { type AdamW, adamW, clipByGlobalNorm } from './optimizer.ts';
import { bitsPerWeight, checkRecipe, type Phase, type Recipe } from './recipe.ts';
import { scheduleFactor } from './schedule.ts';
import { lossSpike, type Spike } from './spike.ts';

/** One optimiser step that was done. */
export interface StepRecord {
  /** Steps done, this one included. */
  readonly step: number;
  /** Mean loss of the step's batch before the update, in nats per character. */
  readonly loss: number;
  readonly learningRate: number;
  /** Global norm of the gradients before clipping. */
  readonly gradientNorm: number;
  /** Characters that the step trained on. */
  readonly tokens: number;
  readonly seconds: number;
}

/** A validation loss on the way, over a fixed part of the validation text. */
export interface EvaluationRecord extends Evaluation {
  /** Steps done before it. */
  readonly step: number;
}

/** A phase that has begun. */
export interface PhaseRecord {
  /** Steps done before it. */
  readonly step: number;
  /** Index into the recipe's phases. */
  readonly phase: number;
}

export interface TrainOptions {
  /** The namespace of TensorFlow.js, with a backend ready. */
  readonly tf: TensorFlow;
  /** Name of a preset, or sizes of your own. */
  readonly model: string | ModelConfig;
  readonly data: TextData;
  readonly recipe: Recipe;
  /** Optimiser steps, at least 1. */
  readonly steps: number;
  /** Decides initial weights and data order: an integer in [0, 2^53). */
  readonly seed: number;
  /** Sequences per step. Default: the model's. */
  readonly sequences?: number;
  /** Peak learning rate. Default: the model's. */
  readonly learningRate?: number;
  /** Steps between two evaluations on the way; 0 for none. Default 50. */
  readonly evaluateEvery?: number;
  /** Windows of the validation part used on the way. Default 128; the final evaluation uses all. */
  readonly evaluationWindows?: number;
  /** Whose matrix products the wasm backend runs: this library's (default, much faster here) or its own. */
  readonly kernels?: 'own' | 'stock';
  /** Aborting it ends the training after the current step. */
  readonly signal?: AbortSignal;
  readonly onStep?: (record: StepRecord) => void;
  readonly onEvaluation?: (record: EvaluationRecord) => void;
  readonly onPhase?: (record: PhaseRecord) => void;
}

export interface TrainResult {
  readonly recipe: Recipe;
  readonly seed: number;
  /** Steps done. */
  readonly steps: number;
  /** Whether the signal ended the run, or its final evaluation, early. */
  readonly interrupted: boolean;
  /** Mean training loss of the last 20 steps, in nats per character. */
  readonly trainLoss: number;
  /** Nats per character over `validationCharacters`: the whole validation part, or after an interruption a fixed part. */
  readonly validationLoss: number;
  readonly validationCharacters: number;
  /** e^validationLoss, per character. */
  readonly perplexity: number;
  /** Information of a linear weight as the forward product of the last phase reads it. */
  readonly bitsPerWeight: number;
  /** At the last change of phase that was reached; null without one. */
  readonly spike: Spike | null;
  /** Of the steps, evaluations not included. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
}

interface Settings extends Required<Pick<TrainOptions, 'seed' | 'steps' | 'learningRate' | 'evaluateEvery'>> {
  readonly config: ModelConfig;
  readonly windows: number;
}

function settingsOf(options: TrainOptions): Settings {
  const preset = modelConfig(options.model);
  const config = {
    ...preset,
    sequences: integerInRange('sequences', options.sequences, 1, 65536, preset.sequences),
  };
  checkRecipe(options.recipe);
  checkLength(options.data, config.context);
  const learningRate = options.learningRate ?? config.learningRate;
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw new ArgumentError('learningRate', learningRate, 'a positive number');
  return {
    config,
    learningRate,
    steps: integerInRange('steps', options.steps ?? Number.NaN, 1, 2 ** 32 - 1, 1),
    seed: integerInRange('seed', options.seed ?? Number.NaN, 0, Number.MAX_SAFE_INTEGER, 0),
    evaluateEvery: integerInRange('evaluateEvery', options.evaluateEvery, 0, 2 ** 32 - 1, 50),
    windows: integerInRange('evaluationWindows', options.evaluationWindows, 1, 2 ** 32 - 1, 128),
  };
}

/** First step (0-based) of each phase. Two phases that fall on one step: the later one rules. */
function phaseStarts(recipe: Recipe, steps: number): number[] {
  return recipe.phases.map(({ from }) => Math.round(from * steps));
}

/** Turns the phase's emulation, or our kernels alone, on. */
function beginArithmetic(
  tf: TensorFlow,
  phase: Phase,
  kernels: 'own' | 'stock',
  seed: number,
): Promise<Emulation> {
  return emulate(tf, { kernels, seed, ...phase.emulate });
}

interface Step {
  readonly loss: number;
  readonly gradientNorm: number;
}

/** One forward and backward pass, clipping and update. */
function trainStep(
  tf: TensorFlow,
  model: LanguageModel,
  optimizer: AdamW,
  batch: { readonly inputs: Int32Array; readonly targets: Int32Array },
  vocabulary: number,
  recipe: Recipe,
  phase: Phase,
): Step {
  return tf.tidy(() => {
    const inputs = oneHot(tf, batch.inputs, vocabulary);
    const targets = oneHot(tf, batch.targets, vocabulary);
    const variables: Variable[] = model.parameters.map(({ variable }) => variable);
    const { value, grads } = tf.variableGrads(
      () =>
        crossEntropy(
          tf,
          model.forward(inputs, () => phase.linear),
          targets,
        ),
      variables,
    );
    const clipped = clipByGlobalNorm(tf, grads as NamedTensorMap, recipe.optimizer.clipNorm);
    inRole(tf, 'optimizer', () => optimizer.applyGradients(clipped.gradients));
    return { loss: value.dataSync()[0]!, gradientNorm: clipped.norm };
  }) as unknown as Step;
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/**
 * Trains a character model under a recipe. The same options give the same losses on the same backend, bit for bit.
 *
 * Between steps the event loop runs, so a signal handler can abort; what was done until then is in the result.
 * @throws ArgumentError naming the option or the recipe's field that is wrong, before any training.
 * @example
 * const tf = await wasmBackend();
 * const data = await mobyDick();
 * const result = await train({ tf, model: 'llama-tiny', data, recipe: recipes.bitnet(), steps: 1000, seed: 1 });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { tf, data, recipe, signal, kernels = 'own' } = options;
  const { config, seed, steps, windows, learningRate: peak, evaluateEvery } = settingsOf(options);
  const model = createModel(tf, config, data.vocabulary.length, seed, recipe.extraNorm);
  const optimizer = adamW(tf, recipe.optimizer);
  const starts = phaseStarts(recipe, steps);
  const someWindows = validationWindows(data, config.context, windows);
  const losses: number[] = [];
  let seconds = 0;
  let current = -1;
  let emulation: Emulation | undefined;

  const enterPhase = async (step: number): Promise<Phase> => {
    const index = starts.findLastIndex((start) => start <= step);
    const phase = recipe.phases[index]!;
    if (index === current) return phase;
    emulation?.stop();
    emulation = await beginArithmetic(tf, phase, kernels, seed);
    if (phase.optimizerState === 'reset') optimizer.reset();
    current = index;
    options.onPhase?.({ step, phase: index });
    return phase;
  };

  try {
    do {
      const step = losses.length;
      const phase = await enterPhase(step);
      const begin = performance.now();
      optimizer.learningRate = peak * scheduleFactor(recipe.schedule, step, steps);
      const batch = trainingBatch(data, step, { seed, sequences: config.sequences, context: config.context });
      const { loss, gradientNorm } = trainStep(
        tf,
        model,
        optimizer,
        batch,
        data.vocabulary.length,
        recipe,
        phase,
      );
      const stepSeconds = (performance.now() - begin) / 1000;
      seconds += stepSeconds;
      losses.push(loss);
      options.onStep?.({
        step: step + 1,
        loss,
        learningRate: optimizer.learningRate,
        gradientNorm,
        tokens: batch.inputs.length,
        seconds: stepSeconds,
      });
      await eventLoopTurn();
      if (evaluateEvery > 0 && (step + 1) % evaluateEvery === 0 && step + 1 < steps && !signal?.aborted) {
        const evaluation = await evaluate(tf, model, data, someWindows, () => phase.linear, signal);
        if (evaluation !== null) options.onEvaluation?.({ step: step + 1, ...evaluation });
      }
    } while (losses.length < steps && !signal?.aborted);

    const slots = (): Phase['linear'] => recipe.phases[current]!.linear;
    const allWindows = validationWindows(data, config.context);
    const whole = await evaluate(tf, model, data, allWindows, slots, signal);
    const validation = whole ?? (await evaluate(tf, model, data, someWindows, slots))!;
    options.onEvaluation?.({ step: losses.length, ...validation });
    return {
      recipe,
      seed,
      steps: losses.length,
      interrupted: losses.length < steps || whole === null,
      trainLoss: mean(losses.slice(-20)),
      validationLoss: validation.loss,
      validationCharacters: validation.characters,
      perplexity: exp(validation.loss),
      bitsPerWeight: bitsPerWeight(recipe, current),
      spike: current > 0 ? lossSpike(losses, starts[current]!) : null,
      seconds,
      tokensPerSecond: (losses.length * config.sequences * config.context) / seconds,
    };
  } finally {
    emulation?.stop();
    optimizer.dispose();
    model.dispose();
  }
}
