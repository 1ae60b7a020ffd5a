/**
 * A sweep file: arms, each a recipe with a learning rate of its own perhaps, and seeds. Grids of values become arms; the
 * runs come out as plain data, each with a hash that names its folder. Nothing runs here.
 */
import { ArgumentError } from '../../errors.ts';
import { hashData, models, type Recipe, recipeFrom } from '../../train/index.ts';
import { checkDataFor, type DataOptions, modelFor, readDataOptions } from '../data-options.ts';
import { type Contrast, readContrasts } from './contrasts.ts';
import { expandGrid } from './grid.ts';
import { trainedFolder } from './measures.ts';

/** One way of training, with every seed. */
export interface SweepArm {
  readonly name: string;
  readonly recipe: Recipe;
  readonly learningRate: number | undefined;
  /** The sweep's, or its own. */
  readonly seeds: readonly number[];
}

export interface Sweep {
  readonly name: string;
  readonly title: string;
  /** What the sweep is to show, in a sentence. */
  readonly claim: string;
  /** Seconds of one step on one core, as measured; for the estimate. */
  readonly secondsPerStep: number;
  readonly model: string;
  /** What the model is trained on; empty: the data set that suits it. */
  readonly data: DataOptions;
  readonly steps: number;
  readonly seeds: readonly number[];
  readonly evaluateEvery: number | undefined;
  readonly probeEvery: number;
  readonly checkpointEvery: number;
  /** The arm that differences are taken to. */
  readonly baseline: string;
  readonly arms: readonly SweepArm[];
  /** Differences between arms that the sweep is there for. */
  readonly contrasts: readonly Contrast[];
}

/** One arm with one seed. */
export interface SweepRun {
  readonly arm: SweepArm;
  readonly seed: number;
  /** Name of its folder: the same for the same run, whatever else the file says. */
  readonly id: string;
}

const fields = [
  ...['name', 'title', 'claim', 'secondsPerStep', 'model', 'steps', 'seeds', 'evaluateEvery', 'probeEvery'],
  ...['checkpointEvery', 'baseline', 'arms', 'contrasts', 'data'],
];

function armsOf(given: unknown, path: string, fallback: readonly number[]): SweepArm[] {
  return expandGrid(given, path, ['name', 'recipe', 'learningRate', 'seeds']).map((copy) => {
    const { name, recipe, learningRate, seeds = fallback } = copy;
    if (typeof name !== 'string' || name === '') throw new ArgumentError(`${path}.name`, name, 'a text');
    if (learningRate !== undefined && !(typeof learningRate === 'number' && learningRate > 0))
      throw new ArgumentError(`${path}.learningRate`, learningRate, 'a positive number');
    try {
      return { name, recipe: recipeFrom(recipe), learningRate, seeds: seedsOf(seeds, `${path}.seeds`) };
    } catch (error) {
      if (!(error instanceof ArgumentError) || error.argument.startsWith(path)) throw error;
      throw new ArgumentError(`${path}.${error.argument}`, error.given, error.accepted);
    }
  });
}

/** Checks a list of seeds. Throws ArgumentError naming `argument`. */
export function seedsOf(given: unknown, argument: string): readonly number[] {
  if (
    !Array.isArray(given) ||
    given.length === 0 ||
    !given.every((seed) => Number.isSafeInteger(seed) && seed >= 0) ||
    new Set(given).size < given.length
  )
    throw new ArgumentError(argument, given, 'a list of different integers from 0');
  return given;
}

/** The data of a sweep file, checked; nothing where it names none. Throws ArgumentError naming the field. */
function dataOf(given: unknown): DataOptions {
  try {
    return given === undefined ? {} : readDataOptions(given);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`sweep.data${error.argument.replace('--', '.')}`, error.given, error.accepted);
  }
}

/**
 * Reads a sweep file's content.
 *
 * @throws ArgumentError naming the field
 */
export function readSweep(given: unknown): Sweep {
  if (typeof given !== 'object' || given === null)
    throw new ArgumentError('sweep', given, 'an object with name, arms, seeds, steps');
  const data = given as Record<string, unknown>;
  for (const field of Object.keys(data))
    if (!fields.includes(field))
      throw new ArgumentError(`sweep.${field}`, data[field], `no such field; ${fields.join(', ')}`);
  const whole = (field: string, least: number, fallback?: number): number => {
    const value = data[field] ?? fallback;
    if (!(Number.isSafeInteger(value) && (value as number) >= least))
      throw new ArgumentError(`sweep.${field}`, value, `an integer from ${least}`);
    return value as number;
  };
  const source = dataOf(data['data']);
  const { name, seeds = [1], model = modelFor(source), arms: list } = data;
  if (typeof name !== 'string' || !/^[\w.-]+$/.test(name) || name === trainedFolder)
    throw new ArgumentError('sweep.name', name, `letters, digits and . _ -, but not ${trainedFolder}`);
  if (typeof model !== 'string' || !Object.hasOwn(models, model))
    throw new ArgumentError('sweep.model', model, Object.keys(models).join(', '));
  checkDataFor(model, source);
  const ownSeeds = seedsOf(seeds, 'sweep.seeds');
  if (!Array.isArray(list) || list.length === 0)
    throw new ArgumentError('sweep.arms', list, 'a list of at least one arm');
  const arms = list.flatMap((arm, index) => armsOf(arm, `sweep.arms[${index}]`, ownSeeds));
  const names = new Set(arms.map((arm) => arm.name));
  if (names.size < arms.length)
    throw new ArgumentError('sweep.arms', arms.map((arm) => arm.name).join(), 'arms of different names');
  const baseline = (data['baseline'] as string | undefined) ?? arms[0]!.name;
  if (!names.has(baseline)) throw new ArgumentError('sweep.baseline', baseline, [...names].join(', '));
  return {
    name,
    title: String(data['title'] ?? name),
    claim: String(data['claim'] ?? ''),
    secondsPerStep: Number(data['secondsPerStep'] ?? 0.05),
    model,
    data: source,
    steps: whole('steps', 1),
    seeds: ownSeeds,
    evaluateEvery: data['evaluateEvery'] === undefined ? undefined : whole('evaluateEvery', 1),
    probeEvery: whole('probeEvery', 0, 0),
    checkpointEvery: whole('checkpointEvery', 0, 200),
    baseline,
    arms,
    contrasts: readContrasts(data['contrasts'] ?? [], 'sweep.contrasts', names),
  };
}

/** The same sweep with other seeds for the arms whose name matches. Throws ArgumentError if none does. */
export function withSeeds(sweep: Sweep, seeds: readonly number[] | undefined, match: RegExp): Sweep {
  if (!sweep.arms.some(({ name }) => match.test(name)))
    throw new ArgumentError(
      '--arms',
      match.source,
      `matches none of ${sweep.arms.map(({ name }) => name).join(', ')}`,
    );
  if (seeds === undefined) return sweep;
  return { ...sweep, arms: sweep.arms.map((arm) => (match.test(arm.name) ? { ...arm, seeds } : arm)) };
}

/** Every seed of any arm, the sweep's own first. */
export const allSeeds = ({ seeds, arms }: Sweep): readonly number[] => [
  ...new Set([...seeds, ...arms.flatMap((arm) => arm.seeds)]),
];

/**
 * Every run: seeds outside, so that a sweep that is stopped has whole groups of arms. Of arms that say the same, the
 * first one's run is the other's too: their ids are equal.
 */
export function sweepRuns(sweep: Sweep): SweepRun[] {
  const { model, data, steps, evaluateEvery, probeEvery } = sweep;
  return allSeeds(sweep).flatMap((seed) =>
    sweep.arms.flatMap((arm) => {
      if (!arm.seeds.includes(seed)) return [];
      const { title: _title, ...content } = arm.recipe;
      const learningRate = arm.learningRate ?? models[model]!.learningRate;
      const settings = { content, learningRate, seed, model, steps, evaluateEvery, probeEvery };
      const id = hashData({ ...settings, ...data });
      return [{ arm, seed, id }];
    }),
  );
}

/** Hours that the runs take on so many cores, by the file's own measure. */
export function estimatedHours({ secondsPerStep, steps }: Sweep, runs: number, workers: number): number {
  return (Math.ceil(runs / workers) * steps * secondsPerStep) / 3600;
}
