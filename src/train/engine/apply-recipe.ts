/**
 * `applyRecipe`: a recipe under any TensorFlow.js program, whose loop stays as it is. What the recipe does is the engine's;
 * here are the handle and its state.
 */

import { checkAbsent, checkBoolean, checkFields, integerInRange, numberInRange, oneOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkTensorFlow } from '../../tfjs/check-tensorflow.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { EmulationLog } from '../../tfjs/log.ts';
import type { SavedBytes } from '../../tfjs/saved-tensors.ts';
import { optimizerOf, type TrainingOptimizer } from '../optimizers/index.ts';
import { type GivenRecipe, settledRecipe, valueOptions } from '../recipe.ts';
import { checkRecipe } from '../recipe-check.ts';
import { type PhaseRoles, rolesOf } from '../role-table.ts';
import { rolesAsText } from '../role-text.ts';
import { RecipeEngine } from './engine.ts';
import { LearnedParameters } from './learned-parameters.ts';
import { FiniteUpdates, OptimizerSteps } from './optimizer-steps.ts';
import { discoverParameters, untrainedWeights } from './parameters.ts';
import { checkMatches } from './rules.ts';
import { restoreState, type SavedParts, saveState } from './save.ts';
import type { RecipeState } from './state.ts';
import { checkParts, checkUnits, lastingHome, StoredWeights } from './stored-weights.ts';

export interface ApplyRecipeOptions {
  /** A model of the layers API, built; its trained weights are the recipe's. */
  readonly model?: unknown;
  /** Trained variables, in place of a model. Default: every trained variable there is. */
  readonly variables?: readonly unknown[];
  /** Optimiser steps that will be taken: where phases begin and how long schedules are follows from it. */
  readonly steps: number;
  /** Decides every random integer: an integer in [0, 2^53). */
  readonly seed: number;
  /** Whose kernels compute on the wasm backend: this library's (default) or its own. */
  readonly kernels?: 'own' | 'stock';
  /** Whether `run.log` counts what slots quantise and the recipe's emulation rounds. Default false. */
  readonly log?: boolean;
}

/** A recipe in force. */
export interface RecipeRun {
  /** Steps so far, of the parameter that has had the most. */
  readonly step: number;
  /** Index of the phase that the next step belongs to. */
  readonly phase: number;
  /**
   * What each layer's products read, how its weight and its optimiser's state are held, phase by phase; `String(run.roles)` is a
   * table with the names that the program has.
   */
  readonly roles: { readonly phases: readonly PhaseRoles[]; toString(): string };
  /** What slots and the recipe's emulation did so far, in all phases; undefined unless `log` is true. */
  readonly log: EmulationLog | undefined;
  /** The formats that the recipe's controller has decided by now, by parameter; {} without one. */
  readonly formats: Readonly<Record<string, string>>;
  /**
   * Terms that the recipe's objective has beside the program's loss (`learn.penalty`), together, as the latest step had them; 0 where
   * there are none, or no step. Their gradients are applied with the step's whatever the loop: nothing has to be added to the loss.
   */
  readonly penalty: number;
  /** Bytes of what operations kept for the latest gradient, as they were held: parameters are not counted. */
  readonly saved: SavedBytes;
  /**
   * The recipe's optimiser, for `model.compile` or a loop: its rate follows the recipe's schedule and phases, gradients are clipped
   * as the recipe says. Any other optimiser may be used in its place.
   * @param learningRate the peak, a positive number
   */
  optimizer(learningRate: number): TrainingOptimizer;
  /** Counts a step by hand, for loops that assign variables without an optimiser. */
  nextStep(): void;
  /**
   * Everything that the next step depends on, as plain data and arrays: weights as they are held, optimisers, clocks, draws. Files are
   * `halfulp/train/files`', bytes `encodeState`'s.
   * @param program what the program itself has to find again, plain data, as `state.program` of the result: losses, a place in its data
   */
  save(program?: unknown): RecipeState;
  /**
   * Goes on from a state of the same recipe and program, bit for bit.
   * @param optimizers those of the program, in the order of their first steps
   * @throws ArgumentError naming what of the state does not fit; then everything is as it was
   */
  restore(state: RecipeState, ...optimizers: readonly object[]): void;
  /** Puts kernels, gradients, prototypes and memory back. Weights stay as they are. Stopping twice does nothing. */
  stop(): void;
}

let active: RecipeEngine | undefined;

/** Throws ArgumentError naming an argument where a recipe is in force. */
export function noRecipe(argument: string, given: unknown): void {
  if (active !== undefined)
    throw new ArgumentError(argument, given, `one recipe at a time; ${active.recipe.name} is in force`);
}

const optionNames = ['model', 'variables', 'steps', 'seed', 'kernels', 'log'];

/** The recipe and the options, checked. Throws ArgumentError. */
function settled(tf: TensorFlow, given: GivenRecipe, options: ApplyRecipeOptions) {
  checkTensorFlow(tf, given, options);
  checkFields('', options, optionNames);
  checkRecipe(given);
  const recipe = settledRecipe(given);
  checkAbsent(
    'recipe.teacher',
    recipe.teacher,
    'nothing, as the loss of a loop is its own: train() has teachers and objectives',
  );
  return {
    recipe,
    steps: integerInRange('steps', options?.steps ?? Number.NaN, 1, 2 ** 21 - 1),
    seed: integerInRange('seed', options.seed ?? Number.NaN, 0, Number.MAX_SAFE_INTEGER),
    kernels: oneOf('kernels', options.kernels, ['own', 'stock'], 'own'),
    log: checkBoolean('log', options.log, false),
  };
}

/** Puts an engine in force, with its parts; what throws leaves everything as it was. */
function inForce(tf: TensorFlow, engine: RecipeEngine) {
  active = engine;
  const learned = new LearnedParameters(tf, engine);
  let optimizers: OptimizerSteps | undefined;
  const stop = (): void => {
    if (active !== engine) return;
    active = undefined;
    engine.stop();
    optimizers?.dispose();
    learned.dispose();
  };
  try {
    const weights = new StoredWeights(tf, engine, lastingHome(tf));
    optimizers = new OptimizerSteps(tf, engine, weights);
    for (const part of [new FiniteUpdates(engine), optimizers, weights, learned]) engine.addPart(part);
    engine.beginStep();
    return { stop, weights, optimizers, learned };
  } catch (error) {
    stop();
    throw error;
  }
}

/**
 * Runs a TensorFlow.js program under a recipe from here on: `fit`, `minimize`, `variableGrads` with `applyGradients`, on models
 * of any kind. Matrix products and convolutions with a trained weight read their operands as the recipe's slots say, forward
 * and backward; updated weights are written back to the recipe's store; a step ends where an optimiser has applied gradients.
 *
 * @param tf the namespace of `@tensorflow/tfjs`, its backend ready or about to be
 * @throws ArgumentError that names the option, the field of the recipe, or the rule that matches nothing; nothing is changed then.
 * @example
 * const run = await applyRecipe(tf, recipes.bitnet(), { model, steps: 3000, seed: 1 });
 * await model.fit(xs, ys, { epochs: 10 });
 * run.stop();
 */
export async function applyRecipe(
  tf: TensorFlow,
  given: GivenRecipe,
  options: ApplyRecipeOptions,
): Promise<RecipeRun> {
  const { recipe, steps, seed, kernels, log } = settled(tf, given, options);
  await tf.ready();
  noRecipe('recipe', recipe.name);
  const parameters = discoverParameters(tf, options);
  checkMatches(recipe, parameters, steps);
  checkUnits(recipe, parameters);
  checkParts(recipe, parameters);
  const engine = new RecipeEngine(tf, {
    ...{ recipe, parameters, steps, seed, kernels, log },
    placesNorms: false,
  });
  const { stop, weights, optimizers, learned } = inForce(tf, engine);
  const saved = (): SavedParts => ({
    ...{ engine, weights, optimizers, learned },
    untrained: untrainedWeights(options.model),
  });
  return {
    get step() {
      return engine.clock;
    },
    get phase() {
      return engine.phaseAt(engine.clock);
    },
    get roles() {
      const phases = rolesOf(recipe, parameters, { steps });
      return { phases, toString: () => rolesAsText(phases) };
    },
    get log() {
      return engine.log;
    },
    get formats() {
      return optimizers.controller?.formats ?? {};
    },
    get penalty() {
      return learned.penalty;
    },
    get saved() {
      return engine.savedBytes;
    },
    optimizer(learningRate) {
      numberInRange('learningRate', learningRate, { above: 0 });
      const made = optimizerOf(tf, recipe.optimizer, {
        seed,
        ...valueOptions(recipe, steps),
        stepOperators: recipe.update?.step ?? [],
        ...(recipe.update?.project && { project: recipe.update.project }),
        governor: optimizers.governor(weights.writeBack),
      });
      optimizers.schedule(made, learningRate);
      return made;
    },
    nextStep: () => engine.nextStep(),
    save: (program) => saveState(tf, saved(), program),
    restore: (state, ...own) => restoreState(tf, saved(), state, own),
    stop,
  };
}
