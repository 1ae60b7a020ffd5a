/** The evaluations of a run of training: on the way, and at the end, with other weights too. */
import type { PassOptions } from './engine/engine.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import type { Recipe } from './recipe.ts';
import { inferenceSlots } from './recipe-slots.ts';
import type { InferenceResult } from './records.ts';
import type { ValidationPart } from './task.ts';
import type { TrainingRun } from './training-run.ts';

/** Evaluates a part of the validation data; null where `stop` ended it. */
async function evaluateNow(
  { engine, weights, model, settings, options, extraNorm, batchNorm }: TrainingRun,
  part: ValidationPart,
  stop?: AbortSignal,
  slots?: PassOptions['slots'],
): Promise<Evaluation | null> {
  engine.beginEvaluation();
  weights.load();
  try {
    return await evaluate(options.tf, settings.task, model, part, {
      call: { extraNorm, batchNorm: { ...batchNorm, statistics: 'moving' } },
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
}

/** The evaluation that is due after the steps that were done, if one is. */
export async function evaluateOnTheWay(run: TrainingRun): Promise<void> {
  const { task, evaluateEvery, evaluationSize, steps } = run.settings;
  const { signal, onEvaluation } = run.options;
  const step = run.losses.length;
  if (evaluateEvery === 0 || step % evaluateEvery !== 0 || step >= steps || signal?.aborted) return;
  const evaluation = await evaluateNow(run, task.validation(evaluationSize), signal);
  if (evaluation !== null) onEvaluation?.({ step, ...evaluation });
}

/** What the evaluations at the end of a run found. */
export interface Ending {
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

/** The last evaluations. Where the signal ends that of the whole part, it is of the part that is used on the way. */
export async function evaluateAtTheEnd(run: TrainingRun): Promise<Ending> {
  const { task, recipe, evaluationSize, steps } = run.settings;
  const { signal, onEvaluation } = run.options;
  if (run.divergence !== null) return noNumbers(recipe, task.hasAccuracy);
  const wholePart = task.validation();
  const whole = await evaluateNow(run, wholePart, signal);
  const validation = whole ?? (await evaluateNow(run, task.validation(evaluationSize)))!;
  onEvaluation?.({ step: run.losses.length, ...validation });
  const inference: InferenceResult[] = [];
  if (whole !== null)
    for (const other of recipe.inference ?? []) {
      const read = inferenceSlots(recipe.phases[run.phase]!, run.model.parameters, other);
      const { predictions: _, ...measured } = (await evaluateNow(run, wholePart, undefined, read))!;
      inference.push({ name: other.name, ...measured });
    }
  return { validation, inference, isWhole: whole !== null && run.losses.length === steps };
}
