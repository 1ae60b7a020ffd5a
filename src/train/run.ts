/**
 * The training loop: phases, steps, evaluations, checkpoints, records. It wires the pieces together and measures;
 * numerics are in the recipe's formats, the model, the stores and the optimiser.
 */
import { exp } from '../arithmetic/elementary/approximate.ts';
import { integerInRange } from '../check.ts';
import { toFormat } from '../formats/index.ts';
import { type Emulation, emulate } from '../tfjs/index.ts';
import {
  arraysUnder,
  type Checkpoint,
  checkCheckpoint,
  checkCounters,
  checkIdentity,
  lossesOf,
  savedLosses,
} from './checkpoint.ts';
import type { Divergence } from './divergence.ts';
import { type Evaluation, evaluate, eventLoopTurn } from './evaluate.ts';
import { memoryUse, savedActivationBytes } from './memory.ts';
import type { ForwardCall } from './model.ts';
import { optimizerOf } from './optimizers/index.ts';
import { isReset, normOf, phaseStarts, rewarmFactor } from './phases.ts';
import { compareImages, joinMeasures, OperandProbes, type StepProbes, weightImages } from './probes.ts';
import { bitsPerWeight, type LinearSlots, type Phase, type Recipe, slotsOf } from './recipe.ts';
import type { InferenceResult, MemoryUse, TrainOptions, TrainResult } from './records.ts';
import { identityOf, settingsOf } from './run-settings.ts';
import { scheduleFactor } from './schedule.ts';
import { lossSpike } from './spike.ts';
import { drawing, probeGradients, type StepContext, trainStep } from './step.ts';
import type { ValidationPart } from './task.ts';
import { weightsOf } from './weights.ts';

/** Indices that the draws of one step's emulation have for themselves; the second half is an evaluation's after it. */
const drawsPerStep = 2 ** 32;

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** What the evaluations at the end of a run found. */
interface Ending {
  readonly validation: Evaluation;
  readonly inference: readonly InferenceResult[];
  /** Whether all steps were done and the whole validation part evaluated. */
  readonly isWhole: boolean;
}

/** What stands for evaluations where there is nothing to evaluate: the run diverged, which no signal changes. */
function noNumbers({ inference = [] }: Recipe, hasAccuracy: boolean): Ending {
  const numbers = { loss: Number.NaN, ...(hasAccuracy ? { accuracy: Number.NaN } : {}) };
  return {
    validation: { ...numbers, predictions: 0 },
    inference: inference.map(({ name }) => ({ name, ...numbers })),
    isWhole: true,
  };
}

/**
 * Trains a model under a recipe: a language model on a text, or a classifier on samples with classes. The same options
 * give the same losses on the same backend, bit for bit, with and without checkpoints and however often the run was
 * resumed. A run whose loss, gradients, updates or states cease to be finite ends there: `divergence` says at which step.
 *
 * Between steps the event loop runs, so a signal handler can abort; what was done until then is in the result.
 * @throws ArgumentError naming the option or the recipe's field that is wrong, before any training.
 * @example
 * const tf = await wasmBackend();
 * const data = await mobyDick();
 * const result = await train({ tf, model: 'llama-tiny', data, recipe: recipes.bitnet(), steps: 1000, seed: 1 });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { tf, signal, kernels = 'own', resume, onCheckpoint } = options;
  const settings = settingsOf(options);
  const { task, recipe, seed, steps, learningRate: peak, evaluateEvery, probeEvery } = settings;
  const identity = resume === undefined && onCheckpoint === undefined ? null : identityOf(options, settings);
  if (resume !== undefined) {
    checkCheckpoint(resume);
    checkIdentity(resume.state.identity, identity!);
  }
  const model = task.createModel(tf, seed, recipe.extraNorm);
  const optimizer = optimizerOf(tf, recipe.optimizer, { seed, prefix: model.variablePrefix });
  const weights = weightsOf(model, recipe.store, seed);
  const starts = phaseStarts(recipe, steps);
  const somePart = task.validation(settings.evaluationSize);
  const losses: number[] = [];
  let seconds = 0;
  let divergence: Divergence | null = null;
  let current = -1;
  let emulation: Emulation | undefined;

  const beginArithmetic = async (index: number): Promise<void> => {
    emulation?.stop();
    emulation = await emulate(tf, { kernels, seed, ...recipe.phases[index]!.emulate });
    current = index;
  };

  /**
   * Makes the draws of a stochastic emulation a function of the step alone: a new emulation has no rounded copies of
   * weights and constants that an earlier step drew.
   */
  const beginDraws = async (cursor: number): Promise<void> => {
    if (recipe.phases[current]!.emulate?.rounding?.startsWith('stochastic') !== true) return;
    await beginArithmetic(current);
    emulation!.reset({ cursor });
  };

  const enterPhase = async (step: number): Promise<Phase> => {
    const index = starts.findLastIndex((start) => start <= step);
    const phase = recipe.phases[index]!;
    if (index === current) return phase;
    if (isReset(recipe, current, index)) optimizer.reset();
    await beginArithmetic(index);
    options.onPhase?.({ step, phase: index });
    return phase;
  };

  const slotsAt = (step: number): ((name: string) => LinearSlots) =>
    slotsOf(recipe.phases[current]!, step - starts[current]!, steps);

  const evaluateNow = async (
    part: ValidationPart,
    slots: (name: string) => LinearSlots,
    stop?: AbortSignal,
  ): Promise<Evaluation | null> => {
    await beginDraws(losses.length * drawsPerStep - drawsPerStep / 2);
    weights.load();
    try {
      const extraNorm = normOf(recipe, current);
      const callOf = (batch: number): ForwardCall => ({
        ...drawing(seed, losses.length, { purpose: () => `/evaluation${batch}` }),
        extraNorm,
      });
      return await evaluate(tf, task, model, part, { slots, signal: stop, callOf });
    } finally {
      weights.release();
    }
  };

  const evaluateOnTheWay = async (): Promise<void> => {
    const step = losses.length;
    if (evaluateEvery === 0 || step % evaluateEvery !== 0 || step >= steps || signal?.aborted) return;
    const evaluation = await evaluateNow(somePart, slotsAt(step - 1), signal);
    if (evaluation !== null) options.onEvaluation?.({ step, ...evaluation });
  };

  const checkpoint = (): Checkpoint => {
    const state = optimizer.save();
    const prefixes = new Map(
      model.parameters.map(({ name }) => [`${model.variablePrefix}${name}/`, `${name}/`]),
    );
    const arrays = new Map([['losses', savedLosses(losses)]]);
    for (const [name, saved] of weights.save()) arrays.set(`weights/${name}`, saved);
    for (const [name, saved] of state.arrays)
      for (const [long, short] of prefixes)
        if (name.startsWith(long)) arrays.set(`optimizer/${short}${name.slice(long.length)}`, saved);
    return {
      state: {
        version: 1,
        identity: identity!,
        step: losses.length,
        phase: current,
        optimizer: state.counters,
        seconds,
      },
      arrays,
    };
  };

  const restore = async ({ state, arrays }: Checkpoint): Promise<void> => {
    integerInRange('resume.step', state.step, 1, steps);
    const inForce = starts.findLastIndex((start) => start < state.step);
    integerInRange('resume.phase', state.phase, inForce, inForce);
    checkCounters(state, optimizer.save().counters);
    for (const loss of lossesOf(arrays, state.step)) losses.push(loss);
    weights.restore(arraysUnder('weights', arrays));
    const { variablePrefix, parameters } = model;
    const own = [...arraysUnder('optimizer', arrays)];
    optimizer.restore(
      {
        counters: state.optimizer,
        arrays: new Map(own.map(([name, saved]) => [variablePrefix + name, saved])),
      },
      new Map(parameters.map(({ name, shape }) => [variablePrefix + name, shape])),
    );
    seconds = state.seconds;
    await beginArithmetic(state.phase);
  };

  const step = async (): Promise<void> => {
    const index = losses.length;
    const phase = await enterPhase(index);
    await beginDraws(index * drawsPerStep);
    const since = index - starts[current]!;
    const begin = performance.now();
    optimizer.step = index;
    optimizer.learningRate =
      peak * scheduleFactor(recipe.schedule, index, steps) * rewarmFactor(phase, since, steps);
    if (recipe.decaySchedule !== undefined)
      optimizer.decayFactor = scheduleFactor(recipe.decaySchedule, index, steps);
    const batch = task.trainingBatch(index, seed);
    const slots = slotsAt(index);
    const extraNorm = normOf(recipe, current);
    const context: StepContext = {
      ...{ tf, model, outputs: task.outputs, batch, slots, extraNorm, seed },
      step: index,
    };
    weights.load();
    const isProbed = probeEvery > 0 && index % probeEvery === 0;
    const taps = isProbed ? new OperandProbes() : undefined;
    const images = isProbed ? weightImages(model, slots) : new Map();
    const gradient =
      isProbed && settings.gradientDraws > 0 ? probeGradients(context, settings.gradientDraws) : undefined;
    const { loss, gradientNorm, diverged } = trainStep(context, optimizer, recipe.optimizer.clipNorm, taps);
    if (diverged !== null) divergence = { step: index + 1, ...diverged };
    const seen = isProbed && diverged === null ? compareImages(model, images) : new Map();
    const written = diverged === null ? weights.write(index, isProbed) : new Map();
    const stepSeconds = (performance.now() - begin) / 1000;
    seconds += stepSeconds;
    losses.push(loss);
    const probes: StepProbes | undefined = taps && {
      operands: taps.result(),
      weights: joinMeasures(model, new Map([...seen, ...written])),
      ...(gradient === undefined ? {} : { gradient }),
    };
    options.onStep?.({
      step: index + 1,
      loss,
      learningRate: optimizer.learningRate,
      gradientNorm,
      predictions: task.predictions,
      seconds: stepSeconds,
      ...(probes === undefined ? {} : { probes }),
    });
    await eventLoopTurn();
  };

  const memory = (slots: (name: string) => LinearSlots): MemoryUse => {
    const format = recipe.phases[current]!.emulate?.format;
    const arithmetic = {
      slots,
      extraNorm: normOf(recipe, current),
      bits: format === undefined ? 32 : toFormat(format).bits,
    };
    return memoryUse(model, {
      weights: weights.bytes,
      optimizerState: optimizer.stateBytes,
      savedActivations: savedActivationBytes(task.config, model, task, arithmetic),
    });
  };

  const evaluateAtTheEnd = async (slots: (name: string) => LinearSlots): Promise<Ending> => {
    const wholePart = task.validation();
    const whole = await evaluateNow(wholePart, slots, signal);
    const validation = whole ?? (await evaluateNow(somePart, slots))!;
    options.onEvaluation?.({ step: losses.length, ...validation });
    const inference: InferenceResult[] = [];
    if (whole !== null)
      for (const { name, w } of recipe.inference ?? []) {
        const read = (layer: string): LinearSlots => {
          const own = slots(layer);
          return { ...own, forward: { ...own.forward, w } };
        };
        const { predictions: _, ...measured } = (await evaluateNow(wholePart, read))!;
        inference.push({ name, ...measured });
      }
    return { validation, inference, isWhole: whole !== null && losses.length === steps };
  };

  try {
    if (resume !== undefined) {
      await restore(resume);
      await evaluateOnTheWay();
    }
    // A run that is asked to stop at once has done one step.
    while (divergence === null && losses.length < steps && !(signal?.aborted && losses.length > 0)) {
      await step();
      if (divergence !== null) break;
      const isDue = settings.checkpointEvery > 0 && losses.length % settings.checkpointEvery === 0;
      // Before the evaluation, so that a resumed run repeats it with the same draws.
      if (onCheckpoint !== undefined && (isDue || signal?.aborted)) await onCheckpoint(checkpoint());
      await evaluateOnTheWay();
    }
    const slots = slotsAt(losses.length - 1);
    const ending = divergence === null ? await evaluateAtTheEnd(slots) : noNumbers(recipe, task.hasAccuracy);
    const { validation, inference, isWhole } = ending;
    // The losses of a training that diverged go on as NaN.
    const known = divergence === null ? losses : [...losses, Number.NaN];
    if (divergence === null && !Number.isFinite(validation.loss))
      divergence = { step: losses.length, of: 'validation loss', tensor: null };
    return {
      recipe,
      seed,
      steps: losses.length,
      interrupted: !isWhole,
      divergence,
      trainLoss: mean(known.slice(-20)),
      validationLoss: validation.loss,
      ...(validation.accuracy === undefined ? {} : { validationAccuracy: validation.accuracy }),
      validationPredictions: validation.predictions,
      perplexity: exp(validation.loss),
      bitsPerWeight: bitsPerWeight(recipe, current),
      spike: current > 0 ? lossSpike(known, starts[current]!) : null,
      seconds,
      predictionsPerSecond: (losses.length * task.predictions) / seconds,
      memory: memory(slots),
      inference,
    };
  } finally {
    emulation?.stop();
    optimizer.dispose();
    model.dispose();
  }
}
