/** What the fields of a training say, read and checked: recipes, and the options of `halfulp train` with their defaults there. */
import { numberInRange, refusedAs } from '../../src/check.ts';
import { ArgumentError } from '../../src/index.ts';
import { parseOwnJson } from '../../src/json.ts';
import { numberIn } from '../../src/train/csv.ts';
import { type ModelConfig, modelConfig, models, type Recipe, recipeFrom } from '../../src/train/index.ts';
import { isLanguageModel } from '../../src/train/model-config.ts';
import { recipeFields } from '../words.ts';
import { integerFrom, wordFrom } from './read.ts';
import { checkPackages, type DataInput, dataNames, kindOf } from './training-data.ts';

/** The fields beside the recipes. Empty ones of batch, rate and evaluations stand for what the command line takes. */
export interface TrainingFields extends DataInput {
  readonly model: string;
  readonly steps: string;
  readonly seed: string;
  readonly batch: string;
  readonly rate: string;
  readonly evaluate: string;
  readonly probes: string;
  readonly kernels: string;
  readonly backend: string;
}

export const backendNames = ['wasm', 'cpu'] as const;

const isEmpty = (text: string): boolean => text.trim() === '';

/** Whether the data are a text; undefined where a file has not been chosen yet. */
function isText({ data, files }: DataInput): boolean | undefined {
  const kind = kindOf(files);
  return data === 'file' ? kind && kind === 'text' : data === 'text';
}

function modelFrom(given: TrainingFields): ModelConfig {
  const name = wordFrom('model', given.model, Object.keys(models));
  const wanted = isText(given);
  const suitable = Object.keys(models).filter(
    (one) => wanted === undefined || isLanguageModel(models[one]!) === wanted,
  );
  if (!suitable.includes(name))
    throw new ArgumentError('model', name, `${suitable.join(', ')} for ${wanted ? 'a text' : 'samples'}`);
  const batch = isEmpty(given.batch) ? undefined : integerFrom('batch', given.batch, 1, 4096);
  const preset = modelConfig(name, batch);
  return isEmpty(given.rate)
    ? preset
    : { ...preset, learningRate: numberInRange('rate', numberIn(given.rate.trim()), { above: 0, to: 1 }) };
}

/** The options of `train` but for recipe and data. */
export function settingsOf(given: TrainingFields) {
  wordFrom('data', given.data, dataNames);
  const steps = integerFrom('steps', given.steps, 1, 100_000);
  return {
    steps,
    model: modelFrom(given),
    seed: integerFrom('seed', given.seed, 0, 2 ** 48),
    evaluateEvery: isEmpty(given.evaluate)
      ? Math.max(10, Math.round(steps / 20))
      : integerFrom('evaluate', given.evaluate, 1, 10_000_000),
    probeEvery: integerFrom('probes', given.probes, 0, 10_000_000),
    kernels: wordFrom('kernels', given.kernels, ['own', 'stock']),
  };
}

/** A recipe of a field: JSON, or the name of a published one alone. */
export function readRecipe(text: string): Recipe {
  const trimmed = text.trim();
  if (/^[a-z]\w*$/i.test(trimmed)) return recipeFrom({ recipe: trimmed });
  let given: unknown;
  try {
    given = parseOwnJson(trimmed);
  } catch (error) {
    throw new ArgumentError('recipe', text, `JSON (${(error as Error).message}), or a recipe's name`);
  }
  return recipeFrom(given);
}

/** Runs a check; what it refuses of the recipe is of the field that has it. */
export const ofRecipeField = <T>(field: string, check: () => T): T =>
  refusedAs(check, ({ argument, given, accepted }) => {
    if (!/^recipe\b/.test(argument)) return undefined;
    return new ArgumentError(field, given, argument === 'recipe' ? accepted : `${argument}: ${accepted}`);
  });

export type TrainingCheckInput = TrainingFields &
  Readonly<Record<(typeof recipeFields)[number], string>> & {
    /** Packages that are not installed where the page comes from. */
    readonly absent: readonly string[];
  };

/** A recipe as the page gives it away. */
export interface NamedRecipe {
  readonly field: string;
  readonly title: string;
  readonly json: string;
}

/** Checks all fields, as far as can be done without data, and writes the recipes out. */
export function trainingCheck(given: TrainingCheckInput): NamedRecipe[] {
  const fields = recipeFields.filter((field) => !isEmpty(given[field]));
  if (fields.length === 0) throw new ArgumentError('recipe', '', 'a recipe as JSON, or its name');
  const read = fields.map((field) => {
    const recipe = ofRecipeField(field, () => readRecipe(given[field]));
    return { field, title: recipe.title, json: `${JSON.stringify(recipe, null, 2)}\n` };
  });
  settingsOf(given);
  wordFrom('backend', given.backend, backendNames);
  checkPackages(given, given.absent);
  return read;
}
