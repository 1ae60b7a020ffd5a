/**
 * One run of training: the pieces that it is made of, what it has come to, and one step of it. What its evaluations are is
 * run-evaluations.ts, what of it is saved run-checkpoint.ts; the loop is run.ts.
 */
import type { Divergence } from './divergence.ts';
import { RecipeEngine } from './engine/engine.ts';
import { LearnedParameters } from './engine/learned-parameters.ts';
import { OptimizerSteps } from './engine/optimizer-steps.ts';
import { parametersOf } from './engine/parameters.ts';
import { StoredWeights, type VariableHome } from './engine/stored-weights.ts';
import { eventLoopTurn } from './evaluate.ts';
import type { BatchNormCall, Model } from './model.ts';
import { optimizerOf, type TrainingOptimizer } from './optimizers/index.ts';
import { normOf } from './phases.ts';
import { compareImages, joinMeasures, OperandProbes, type StepProbes, weightImages } from './probes.ts';
import { type ExtraNorm, valueOptions } from './recipe.ts';
import type { StepRecord, TrainOptions } from './records.ts';
import type { Settings } from './run-settings.ts';
import { probeGradients, type StepContext, type StepOutcome, trainStep } from './step.ts';
import { Teacher, type TeacherWeights } from './teacher.ts';
import { UpdateProbe } from './update-probe.ts';

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

/** What the probes of a step have seen before its update. */
interface Probing {
  readonly taps: OperandProbes;
  readonly images: ReturnType<typeof weightImages>;
  readonly gradient: StepProbes['gradient'];
  readonly update: UpdateProbe;
}

export class TrainingRun {
  readonly options: TrainOptions;
  readonly settings: Settings;
  readonly model: Model;
  readonly engine: RecipeEngine;
  readonly weights: StoredWeights;
  readonly steered: OptimizerSteps;
  readonly optimizer: TrainingOptimizer;
  readonly learned: LearnedParameters;
  /** The loss of every step that was done. */
  readonly losses: number[] = [];
  /** Of the steps, without evaluations and checkpoints. */
  seconds = 0;
  divergence: Divergence | null = null;
  /** Index of the phase in force; -1 before the first step. */
  phase = -1;

  readonly teacher: Teacher | undefined;

  constructor(options: TrainOptions, settings: Settings, teacher?: TeacherWeights) {
    this.options = options;
    this.settings = settings;
    const { tf, kernels = 'own' } = options;
    const { task, recipe, seed, steps } = settings;
    this.model = task.createModel(tf, seed, recipe.extraNorm);
    this.teacher = teacher && new Teacher(tf, task, recipe, teacher);
    if (recipe.teacher?.initial === true)
      for (const one of this.model.parameters) this.model.load(one, teacher!.get(one.name)!);
    this.engine = new RecipeEngine(tf, {
      ...{ recipe, steps, seed, kernels, log: false, placesNorms: true },
      parameters: parametersOf(this.model),
    });
    this.weights = new StoredWeights(tf, this.engine, modelHome(this.model));
    this.steered = new OptimizerSteps(tf, this.engine, this.weights);
    this.optimizer = optimizerOf(tf, recipe.optimizer, {
      ...{ seed, prefix: this.model.variablePrefix },
      ...valueOptions(recipe, steps),
      stepOperators: recipe.update?.step ?? [],
      ...(recipe.update?.project && { project: recipe.update.project }),
      governor: this.steered.governor(this.weights.writeBack),
    });
    this.steered.schedule(this.optimizer, settings.learningRate);
    this.learned = new LearnedParameters(tf, this.engine);
    for (const part of [this.steered, this.weights, this.learned]) this.engine.addPart(part);
  }

  /** The recipe's extra norm in the phase in force. */
  get extraNorm(): ExtraNorm | null {
    return normOf(this.settings.recipe, this.phase);
  }

  /** How batch norms train in the phase in force. */
  get batchNorm(): BatchNormCall {
    const { folded = false, statistics = 'batch' } = this.settings.recipe.phases[this.phase]!.batchNorm ?? {};
    return { folded, statistics };
  }

  /** The objective of the phase in force, and whom it asks. */
  get #objective(): StepContext['objective'] {
    const { teacher } = this;
    const spec = this.settings.recipe.phases[this.phase]!.objective;
    return spec === undefined || teacher === undefined ? undefined : { spec, teacher };
  }

  #enterPhase(step: number): void {
    const index = this.engine.phaseAt(step);
    if (index !== this.phase) {
      this.phase = index;
      this.options.onPhase?.({ step, phase: index });
    }
    this.engine.beginStep();
  }

  #probe(step: number, context: StepContext): Probing | undefined {
    const { probeEvery, gradientDraws } = this.settings;
    if (probeEvery === 0 || step % probeEvery !== 0) return undefined;
    const images = weightImages(this.model, this.engine.layersAt(step), (name) =>
      this.engine.weightReadingOf(name, step),
    );
    this.weights.measure();
    const gradient = gradientDraws > 0 ? probeGradients(context, gradientDraws) : undefined;
    const update = new UpdateProbe(this.model.variablePrefix);
    return { taps: new OperandProbes(), images, gradient, update };
  }

  /** What the probes of a step say, once its update is made, or is not. */
  #probed({ taps, images, gradient, update }: Probing, outcome: StepOutcome): StepProbes {
    const { diverged, sharpness } = outcome;
    const { meanBits } = this.learned;
    const seen = diverged === null ? compareImages(this.model, images) : new Map();
    const written = diverged === null ? this.weights.measures() : new Map();
    return {
      operands: taps.result(),
      weights: joinMeasures(this.model, new Map([...seen, ...written])),
      ...rmsByName(this.model, this.optimizer.rms),
      ...(gradient === undefined ? {} : { gradient }),
      ...(sharpness === undefined ? {} : { sharpness }),
      ...update.result(),
      ...(meanBits === undefined ? {} : { bits: meanBits }),
      ...(this.steered.controller && { formats: this.steered.controller.formats }),
    };
  }

  /** Does one step and records it. The event loop runs once then. */
  async step(): Promise<void> {
    const { model, engine, optimizer, steered, weights, options } = this;
    const { task, seed } = this.settings;
    const index = this.losses.length;
    this.#enterPhase(index);
    const begin = performance.now();
    optimizer.step = index;
    steered.prepare(optimizer, index);
    const context: StepContext = {
      ...{ tf: options.tf, model, outputs: task.outputs, extraNorm: this.extraNorm, engine },
      batchNorm: this.batchNorm,
      batch: task.trainingBatch(index, seed),
      objective: this.#objective,
      scale: steered.pipeline.scale,
    };
    weights.load();
    const probing = this.#probe(index, context);
    optimizer.rms = probing === undefined ? undefined : new Map();
    optimizer.look = probing?.update;
    const outcome = trainStep(context, optimizer, probing?.taps);
    const { loss, gradientNorm, diverged } = outcome;
    if (diverged !== null) this.divergence = { step: index + 1, ...diverged };
    const probes = probing && this.#probed(probing, outcome);
    weights.release();
    const seconds = (performance.now() - begin) / 1000;
    this.seconds += seconds;
    this.losses.push(loss);
    const record: StepRecord = {
      ...{ step: index + 1, loss, learningRate: optimizer.learningRate, gradientNorm },
      ...{ predictions: task.predictions, seconds },
      ...(this.learned.hasPenalty ? { penalty: this.learned.penalty } : {}),
      ...(probes === undefined ? {} : { probes }),
    };
    options.onStep?.(record);
    await eventLoopTurn();
  }

  dispose(): void {
    this.engine.stop();
    for (const part of [this.learned, this.steered, this.optimizer, this.model]) part.dispose();
    this.teacher?.dispose();
  }
}
