/**
 * A sweep file: arms, each a recipe with a learning rate of its own perhaps, and seeds. Grids of values become arms; the
 * runs come out as plain data, each with a hash that names its folder. Nothing runs here.
 */
import { ArgumentError } from '../../errors.ts';
import { hashData, models, type Recipe, recipeFrom } from '../../train/index.ts';

/** One way of training, with every seed. */
export interface SweepArm {
  readonly name: string;
  readonly recipe: Recipe;
  readonly learningRate: number | undefined;
}

export interface Sweep {
  readonly name: string;
  readonly title: string;
  /** What the sweep is to show, in a sentence. */
  readonly claim: string;
  /** Seconds of one step on one core, as measured; for the estimate. */
  readonly secondsPerStep: number;
  readonly model: string;
  readonly steps: number;
  readonly seeds: readonly number[];
  readonly evaluateEvery: number | undefined;
  readonly probeEvery: number;
  readonly checkpointEvery: number;
  /** The arm that differences are taken to. */
  readonly baseline: string;
  readonly arms: readonly SweepArm[];
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
  ...['checkpointEvery', 'baseline', 'arms'],
];

type Values = Readonly<Record<string, unknown>>;

/** A copy of data in which `"{key}"` is the key's value, and `{key}` within a longer text its words. */
function substitute(data: unknown, values: Values): unknown {
  if (typeof data === 'string') {
    const whole = /^\{(\w+)\}$/.exec(data)?.[1];
    if (whole !== undefined && Object.hasOwn(values, whole)) return values[whole];
    return data.replace(/\{(\w+)\}/g, (text, key: string) =>
      Object.hasOwn(values, key) ? words(values[key]) : text,
    );
  }
  if (Array.isArray(data)) return data.map((item) => substitute(item, values));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, substitute(value, values)]));
}

const words = (value: unknown): string =>
  typeof value === 'object' && value !== null ? Object.values(value).map(words).join('') : String(value);

/** Every combination of a grid's values. */
function combinations(grid: Readonly<Record<string, readonly unknown[]>>): Values[] {
  return Object.entries(grid).reduce<Values[]>(
    (all, [key, values]) => all.flatMap((chosen) => values.map((value) => ({ ...chosen, [key]: value }))),
    [{}],
  );
}

function armsOf(given: unknown, path: string): SweepArm[] {
  if (typeof given !== 'object' || given === null)
    throw new ArgumentError(path, given, 'an object with name and recipe');
  const { grid = {}, ...pattern } = given as Record<string, unknown>;
  for (const field of Object.keys(pattern))
    if (!['name', 'recipe', 'learningRate'].includes(field))
      throw new ArgumentError(
        `${path}.${field}`,
        pattern[field],
        'no such field; name, recipe, learningRate, grid',
      );
  if (typeof grid !== 'object' || grid === null || !Object.values(grid).every(Array.isArray))
    throw new ArgumentError(`${path}.grid`, grid, 'an object with a list of values for each name');
  return combinations(grid as Record<string, unknown[]>).map((values) => {
    const { name, recipe, learningRate } = substitute(pattern, values) as Record<string, unknown>;
    if (typeof name !== 'string' || name === '') throw new ArgumentError(`${path}.name`, name, 'a text');
    if (learningRate !== undefined && !(typeof learningRate === 'number' && learningRate > 0))
      throw new ArgumentError(`${path}.learningRate`, learningRate, 'a positive number');
    try {
      return { name, recipe: recipeFrom(recipe), learningRate };
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      throw new ArgumentError(`${path}.${error.argument}`, error.given, error.accepted);
    }
  });
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
  const { name, seeds = [1], model = 'llama-tiny', arms: list } = data;
  if (typeof name !== 'string' || !/^[\w.-]+$/.test(name))
    throw new ArgumentError('sweep.name', name, 'letters, digits and . _ -');
  if (typeof model !== 'string' || !Object.hasOwn(models, model))
    throw new ArgumentError('sweep.model', model, Object.keys(models).join(', '));
  if (
    !Array.isArray(seeds) ||
    seeds.length === 0 ||
    !seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)
  )
    throw new ArgumentError('sweep.seeds', seeds, 'a list of integers from 0');
  if (!Array.isArray(list) || list.length === 0)
    throw new ArgumentError('sweep.arms', list, 'a list of at least one arm');
  const arms = list.flatMap((arm, index) => armsOf(arm, `sweep.arms[${index}]`));
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
    steps: whole('steps', 1),
    seeds,
    evaluateEvery: data['evaluateEvery'] === undefined ? undefined : whole('evaluateEvery', 1),
    probeEvery: whole('probeEvery', 0, 0),
    checkpointEvery: whole('checkpointEvery', 0, 200),
    baseline,
    arms,
  };
}

/** Every run: seeds outside, so that a sweep that is stopped has whole groups of arms. */
export function sweepRuns(sweep: Sweep, text: string | undefined): SweepRun[] {
  const { model, steps, evaluateEvery, probeEvery } = sweep;
  return sweep.seeds.flatMap((seed) =>
    sweep.arms.map((arm) => {
      const { recipe, learningRate } = arm;
      const { title: _title, ...content } = recipe;
      return {
        arm,
        seed,
        id: hashData({ content, learningRate, seed, model, steps, evaluateEvery, probeEvery, text }),
      };
    }),
  );
}

/** Hours that the runs take on so many cores, by the file's own measure. */
export function estimatedHours({ secondsPerStep, steps }: Sweep, runs: number, workers: number): number {
  return (Math.ceil(runs / workers) * steps * secondsPerStep) / 3600;
}
