/**
 * The training loop: steps, evaluations and checkpoints in their order, and the result. What a run is made of is
 * training-run.ts; numerics are in the recipe's formats, the model, the stores and the optimiser.
 */
import { exp } from '../approximate.ts';
import { toFormat } from '../formats/index.ts';
import { bitsPerWeight } from './bits-per-weight.ts';
import { checkCheckpoint, checkIdentity } from './checkpoint.ts';
import type { LinearSlots } from './linear-slots.ts';
import { memoryUse, savedActivationBytes } from './memory.ts';
import type { MemoryUse, TrainOptions, TrainResult } from './records.ts';
import { checkpointOf, resumeRun } from './run-checkpoint.ts';
import { type Ending, evaluateAtTheEnd, evaluateOnTheWay } from './run-evaluations.ts';
import { identityOf, settingsOf } from './run-settings.ts';
import { lossSpike } from './spike.ts';
import { teacherOf } from './teacher-training.ts';
import { TrainingRun } from './training-run.ts';

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

function memoryOf(run: TrainingRun, slots: (name: string) => LinearSlots): MemoryUse {
  const { model, weights, optimizer, phase, extraNorm, engine, losses } = run;
  const { task, recipe } = run.settings;
  const format = recipe.phases[phase]!.emulate?.format;
  const parts = new Map(
    engine.parameters.map((one) => [one.name, engine.schedule.updatedPart(one, losses.length - 1)] as const),
  );
  const isFrozen = (name: string): boolean => parts.get(name) === 0;
  const bits = format === undefined ? 32 : toFormat(format).bits;
  const held = {
    weights: weights.bytes,
    optimizerState: optimizer.stateBytes,
    savedActivations: savedActivationBytes(task.config, model, task, { slots, extraNorm, bits, isFrozen }),
  };
  return memoryUse(model, held, (name) => parts.get(name)!);
}

function resultOf(run: TrainingRun, { validation, inference, isWhole }: Ending): TrainResult {
  const { losses, seconds, phase, engine, model } = run;
  const { recipe, seed, task } = run.settings;
  const slots = engine.layersAt(losses.length - 1);
  // The losses of a training that diverged go on as NaN.
  const known = run.divergence === null ? losses : [...losses, Number.NaN];
  const isLost = run.divergence === null && !Number.isFinite(validation.loss);
  return {
    recipe,
    seed,
    steps: losses.length,
    interrupted: !isWhole,
    divergence: isLost ? { step: losses.length, of: 'validation loss', tensor: null } : run.divergence,
    trainLoss: mean(known.slice(-20)),
    validationLoss: validation.loss,
    ...(validation.accuracy === undefined ? {} : { validationAccuracy: validation.accuracy }),
    validationPredictions: validation.predictions,
    perplexity: exp(validation.loss),
    bitsPerWeight: bitsPerWeight(recipe, phase, {
      parameters: model.parameters,
      slots: engine.trainedLayersAt(losses.length - 1),
    }),
    spike: phase > 0 ? lossSpike(known, engine.timeline.starts[phase]!) : null,
    seconds,
    predictionsPerSecond: (losses.length * task.predictions) / seconds,
    memory: memoryOf(run, slots),
    ...(recipe.teacher && { teacher: run.settings.teacher === undefined ? 'trained' : 'given' }),
    inference,
  };
}

/**
 * Trains a model under a recipe: a language model on a text, or a classifier on samples with classes. The same options
 * give the same losses on the same backend, bit for bit, with and without checkpoints and however often the run was
 * resumed. A run whose loss, gradients, updates or states cease to be finite ends there: `divergence` says at which step.
 *
 * Between steps the event loop runs, so a signal handler can abort; what was done until then is in the result.
 * @throws ArgumentError naming the option or the recipe's field that is wrong, before any training.
 * @throws DOMException named AbortError where the signal ends the training of a teacher that is not given.
 * @example
 * const tf = await wasmBackend();
 * const data = await mobyDick();
 * const result = await train({ tf, model: 'llama-tiny', data, recipe: recipes.bitnet(), steps: 1000, seed: 1 });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const settings = settingsOf(options);
  const { signal, resume, onCheckpoint } = options;
  const identity = resume === undefined && onCheckpoint === undefined ? null : identityOf(options, settings);
  if (resume !== undefined) {
    checkCheckpoint(resume);
    checkIdentity(resume.state.identity, identity!);
  }
  const teacher = await teacherOf(train, options, settings);
  const run = new TrainingRun(options, settings, teacher);
  const { losses } = run;
  const { steps, checkpointEvery } = settings;
  try {
    if (resume !== undefined) {
      resumeRun(run, resume);
      await evaluateOnTheWay(run);
    }
    // A run that is asked to stop at once has done one step.
    while (run.divergence === null && losses.length < steps && !(signal?.aborted && losses.length > 0)) {
      await run.step();
      if (run.divergence !== null) break;
      // The last one is for those who read the run: assignments, teachers, calibrations.
      const isDue = losses.length === steps || (checkpointEvery > 0 && losses.length % checkpointEvery === 0);
      // Before the evaluation, so that a resumed run repeats it with the same draws.
      if (onCheckpoint !== undefined && (isDue || signal?.aborted))
        await onCheckpoint(checkpointOf(run, identity!));
      await evaluateOnTheWay(run);
    }
    return resultOf(run, await evaluateAtTheEnd(run));
  } finally {
    run.dispose();
  }
}
