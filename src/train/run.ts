/**
 * The training loop: phases, steps, evaluations, checkpoints, records. It wires the pieces together and measures;
 * numerics are in the recipe's formats, the model, the stores and the optimiser.
 */
import { exp } from '../arithmetic/elementary/approximate.ts';
import { integerInRange, within } from '../check.ts';
import { toFormat } from '../formats/index.ts';
import { bitsPerWeight } from './bits-per-weight.ts';
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
import { type PassOptions, RecipeEngine } from './engine/engine.ts';
import { LearnedParameters } from './engine/learned-parameters.ts';
import { OptimizerSteps } from './engine/optimizer-steps.ts';
import { parametersOf } from './engine/parameters.ts';
import { memoriesOf, savedMemories } from './engine/quantizer-memory.ts';
import { StoredWeights, type VariableHome } from './engine/stored-weights.ts';
import { type Evaluation, evaluate, eventLoopTurn } from './evaluate.ts';
import { memoryUse, savedActivationBytes } from './memory.ts';
import type { Model } from './model.ts';
import { optimizerOf } from './optimizers/index.ts';
import { normOf } from './phases.ts';
import { compareImages, joinMeasures, OperandProbes, type StepProbes, weightImages } from './probes.ts';
import { inferenceSlots, type LinearSlots, type Recipe, valueOptions } from './recipe.ts';
import type { InferenceResult, MemoryUse, TrainOptions, TrainResult } from './records.ts';
import { identityOf, settingsOf } from './run-settings.ts';
import { lossSpike } from './spike.ts';
import { probeGradients, type StepContext, trainStep } from './step.ts';
import { checkArrays } from './stores/index.ts';
import type { ValidationPart } from './task.ts';

/** A model's variables: those of weights that a store holds exist during a step only. */
function modelHome(model: Model): VariableHome {
  const parameters = new Map(model.parameters.map((one) => [one.name, one]));
  return {
    give: ({ name }, values) => model.load(parameters.get(name)!, values),
    take: ({ name }) => model.drop(parameters.get(name)!),
  };
}

/** What an optimiser measured, by the parameters' names; nothing where it has no second moment. */
function rmsByName(
  { variablePrefix }: Model,
  rms: ReadonlyMap<string, number> = new Map(),
): Pick<StepProbes, 'rms'> {
  if (rms.size === 0) return {};
  const named = [...rms].map(([name, value]) => [name.slice(variablePrefix.length), value] as const);
  return { rms: Object.fromEntries(named) };
}

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
  const settings = settingsOf(options);
  const { tf, signal, kernels = 'own', resume, onCheckpoint } = options;
  const { task, recipe, seed, steps, learningRate: peak, evaluateEvery, probeEvery } = settings;
  const identity = resume === undefined && onCheckpoint === undefined ? null : identityOf(options, settings);
  if (resume !== undefined) {
    checkCheckpoint(resume);
    checkIdentity(resume.state.identity, identity!);
  }
  const model = task.createModel(tf, seed, recipe.extraNorm);
  const engine = new RecipeEngine(tf, {
    ...{ recipe, steps, seed, kernels, log: false, placesNorms: true },
    parameters: parametersOf(model),
  });
  const weights = new StoredWeights(tf, engine, modelHome(model));
  const steered = new OptimizerSteps(tf, engine, weights);
  const optimizer = optimizerOf(tf, recipe.optimizer, {
    ...{ seed, prefix: model.variablePrefix },
    ...valueOptions(recipe, steps),
    stepOperators: recipe.update?.step ?? [],
    ...(recipe.update?.project && { project: recipe.update.project }),
    governor: steered.governor(weights.writeBack),
  });
  steered.schedule(optimizer, peak);
  engine.addPart(steered);
  engine.addPart(weights);
  const learned = new LearnedParameters(tf, engine);
  engine.addPart(learned);
  const somePart = task.validation(settings.evaluationSize);
  const losses: number[] = [];
  let seconds = 0;
  let divergence: Divergence | null = null;
  let current = -1;

  const enterPhase = (step: number): void => {
    const index = engine.phaseAt(step);
    if (index !== current) {
      current = index;
      options.onPhase?.({ step, phase: index });
    }
    engine.beginStep();
  };

  const evaluateNow = async (
    part: ValidationPart,
    stop?: AbortSignal,
    slots?: PassOptions['slots'],
  ): Promise<Evaluation | null> => {
    engine.beginEvaluation();
    weights.load();
    try {
      return await evaluate(tf, task, model, part, {
        call: { extraNorm: normOf(recipe, current) },
        within: (batch, fn) =>
          engine.within(
            { purpose: () => `/evaluation${batch}`, ...(slots === undefined ? {} : { slots }) },
            fn,
          ),
        signal: stop,
      });
    } finally {
      weights.release();
    }
  };

  const evaluateOnTheWay = async (): Promise<void> => {
    const step = losses.length;
    if (evaluateEvery === 0 || step % evaluateEvery !== 0 || step >= steps || signal?.aborted) return;
    const evaluation = await evaluateNow(somePart, signal);
    if (evaluation !== null) options.onEvaluation?.({ step, ...evaluation });
  };

  const checkpoint = (): Checkpoint => {
    const state = optimizer.save();
    const prefixes = new Map(
      model.parameters.map(({ name }) => [`${model.variablePrefix}${name}/`, `${name}/`]),
    );
    const arrays = new Map([['losses', savedLosses(losses)]]);
    for (const [name, saved] of steered.pipeline.save()) arrays.set(`update/${name}`, saved);
    for (const [name, saved] of weights.save()) arrays.set(`weights/${name}`, saved);
    for (const [name, saved] of state.arrays)
      for (const [long, short] of prefixes)
        if (name.startsWith(long)) arrays.set(`optimizer/${short}${name.slice(long.length)}`, saved);
    for (const [key, saved] of [...savedMemories(engine.slots.memories), ...learned.save()])
      arrays.set(`quantizers/${key}`, saved);
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
    const inForce = engine.phaseAt(state.step - 1);
    integerInRange('resume.phase', state.phase, inForce, inForce);
    checkCounters('resume.optimizer', state.optimizer, optimizer.save().counters, state.step);
    for (const loss of lossesOf(arrays, state.step)) losses.push(loss);
    const held = arraysUnder('weights', arrays);
    within('resume', () => checkArrays('weights', held, weights.save()));
    weights.restore(held);
    const update = arraysUnder('update', arrays);
    within('resume', () => {
      checkArrays('update', update, steered.pipeline.save());
      steered.pipeline.restore(update);
    });
    const { variablePrefix, parameters } = model;
    const own = [...arraysUnder('optimizer', arrays)];
    const arraysOf = new Map(own.map(([name, saved]) => [variablePrefix + name, saved]));
    const shapes = new Map(parameters.map(({ name, shape }) => [variablePrefix + name, shape]));
    // How moments are held goes by the phase.
    engine.setClocks(Object.fromEntries(parameters.map(({ name }) => [name, state.step])));
    within('resume', () => optimizer.restore({ counters: state.optimizer, arrays: arraysOf }, shapes));
    const { memories, trained } = within('resume', () => memoriesOf(arraysUnder('quantizers', arrays)));
    engine.slots.restore(memories);
    within('resume', () => learned.restore(trained));
    seconds = state.seconds;
    current = state.phase;
    steered.resume([[optimizer, state.step - 1]]);
  };

  const step = async (): Promise<void> => {
    const index = losses.length;
    enterPhase(index);
    const begin = performance.now();
    optimizer.step = index;
    steered.prepare(optimizer, index);
    const batch = task.trainingBatch(index, seed);
    const slots = engine.layersAt(index);
    const extraNorm = normOf(recipe, current);
    const context: StepContext = {
      ...{ tf, model, outputs: task.outputs, batch, extraNorm, engine },
      scale: steered.pipeline.scale,
    };
    weights.load();
    const isProbed = probeEvery > 0 && index % probeEvery === 0;
    const taps = isProbed ? new OperandProbes() : undefined;
    const images = isProbed
      ? weightImages(model, slots, (name) => engine.weightMemoryOf(name, index))
      : new Map();
    if (isProbed) weights.measure();
    const gradient =
      isProbed && settings.gradientDraws > 0 ? probeGradients(context, settings.gradientDraws) : undefined;
    optimizer.rms = isProbed ? new Map() : undefined;
    const { loss, gradientNorm, diverged } = trainStep(context, optimizer, taps);
    if (diverged !== null) divergence = { step: index + 1, ...diverged };
    const seen = isProbed && diverged === null ? compareImages(model, images) : new Map();
    const written = diverged === null ? weights.measures() : new Map();
    weights.release();
    const stepSeconds = (performance.now() - begin) / 1000;
    seconds += stepSeconds;
    losses.push(loss);
    const probes: StepProbes | undefined = taps && {
      operands: taps.result(),
      weights: joinMeasures(model, new Map([...seen, ...written])),
      ...rmsByName(model, optimizer.rms),
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

  const evaluateAtTheEnd = async (): Promise<Ending> => {
    const wholePart = task.validation();
    const whole = await evaluateNow(wholePart, signal);
    const validation = whole ?? (await evaluateNow(somePart))!;
    options.onEvaluation?.({ step: losses.length, ...validation });
    const inference: InferenceResult[] = [];
    if (whole !== null)
      for (const other of recipe.inference ?? []) {
        const read = inferenceSlots(recipe.phases[current]!, model.parameters, other);
        const { predictions: _, ...measured } = (await evaluateNow(wholePart, undefined, read))!;
        inference.push({ name: other.name, ...measured });
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
    const slots = engine.layersAt(losses.length - 1);
    const ending = divergence === null ? await evaluateAtTheEnd() : noNumbers(recipe, task.hasAccuracy);
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
      bitsPerWeight: bitsPerWeight(recipe, current, { parameters: model.parameters, slots }),
      spike: current > 0 ? lossSpike(known, engine.timeline.starts[current]!) : null,
      seconds,
      predictionsPerSecond: (losses.length * task.predictions) / seconds,
      memory: memory(slots),
      inference,
    };
  } finally {
    engine.stop();
    learned.dispose();
    steered.dispose();
    optimizer.dispose();
    model.dispose();
  }
}
