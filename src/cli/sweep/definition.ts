/**
 * A sweep file: arms, each a recipe with a learning rate of its own perhaps, and seeds. Grids of values become arms; the
 * runs come out as plain data, each with a hash that names its folder. Nothing runs here.
 */
import { atMost, checkAbsent, checkDistinct, checkObject, refusedAs, within } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import {
  anything,
  checkSchema,
  fields,
  fileName,
  integer,
  line,
  list,
  listOr,
  maybe,
  number,
  record,
  word,
} from '../../schema.ts';
import { hashData, models, type Recipe, recipeFrom } from '../../train/index.ts';
import { languageModelNames } from '../../train/model-config.ts';
import type { NamePattern } from '../../train/name-pattern.ts';
import { checkDataFor, type DataOptions, modelFor, readDataOptions } from '../data-options.ts';
import { readBaselines } from './baselines.ts';
import { type Contrast, readContrasts } from './contrasts.ts';
import { trainedFolder } from './finished-run.ts';
import { expandGrid } from './grid.ts';
import type { RunBasis, SweepArm, SweepRun } from './sweep-run.ts';

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
  /** Backward passes of the gradient probe of a probed step; 0: none. */
  readonly gradientDraws: number;
  readonly checkpointEvery: number;
  /** The arms that differences are taken to, of different models, data or steps: each arm to the one that has its own. */
  readonly baselines: readonly string[];
  readonly arms: readonly SweepArm[];
  /** Differences between arms that the sweep is there for. */
  readonly contrasts: readonly Contrast[];
}

/** Arms of a sweep, and runs: arms times seeds. */
const mostArms = 1000;
const mostRuns = 10_000;
/** Characters of the longest recipe as JSON; every run's id is a hash of it. */
const longestRecipe = 2 ** 16;

const seedList = list(integer(0, 2 ** 48), 1, mostRuns);
const every = (least: number) => maybe(integer(least, 10_000_000));

const modelName = maybe(word(Object.keys(models)));
const stepCount = integer(1, 2_000_000);

const sweepSchema = fields({
  name: fileName,
  title: maybe(line(500)),
  claim: maybe(line(2000, 0)),
  secondsPerStep: maybe(number({ above: 0, to: 1e6 })),
  model: modelName,
  steps: stepCount,
  seeds: maybe(seedList),
  evaluateEvery: every(1),
  probeEvery: every(0),
  gradientDraws: maybe(integer(0, 65536)),
  checkpointEvery: every(0),
  baseline: maybe(listOr(fileName, fileName)),
  arms: list(record(anything), 1, mostArms),
  contrasts: maybe(anything),
  data: maybe(anything),
  teacher: maybe(line()),
});

const armSchema = fields({
  name: fileName,
  recipe: maybe(anything),
  learningRate: maybe(number({ above: 0, to: 1 })),
  model: modelName,
  steps: maybe(stepCount),
  data: maybe(anything),
  seeds: maybe(anything),
  teacher: maybe(line()),
});

const armFields = ['name', 'recipe', 'learningRate', 'model', 'steps', 'data', 'seeds', 'teacher'];

/** What arms have where they say nothing of it. */
interface ArmDefaults {
  readonly seeds: readonly number[];
  readonly teacher: string | undefined;
}

function armsOf(given: unknown, path: string, fallback: ArmDefaults): SweepArm[] {
  return expandGrid(given, path, armFields).map((copy) => {
    const checked = checkSchema(path, copy, armSchema);
    const { name, recipe: said, learningRate, model, steps, data, seeds = fallback.seeds } = checked;
    const own = seedsOf(seeds, `${path}.seeds`);
    atMost(`${path}.recipe`, JSON.stringify(said ?? null).length, longestRecipe, 'characters');
    const recipe = within(path, () => recipeFrom(said));
    const isTaught = recipe.teacher !== undefined;
    if (!isTaught)
      checkAbsent(`${path}.teacher`, checked.teacher, 'nothing, unless the recipe has a teacher');
    const teacher = isTaught ? (checked.teacher ?? fallback.teacher) : undefined;
    return {
      ...{ name, recipe, learningRate, seeds: own },
      ...(teacher === undefined ? {} : { teacher }),
      ...(model === undefined ? {} : { model }),
      ...(steps === undefined ? {} : { steps }),
      ...(data === undefined ? {} : { data: ofData(`${path}.data`, () => readDataOptions(data)) }),
    };
  });
}

/** Checks a list of seeds. Throws ArgumentError naming `argument`. */
export function seedsOf(given: unknown, argument: string): readonly number[] {
  const seeds = checkSchema(argument, given, seedList);
  checkDistinct(argument, seeds, 'a list of different integers from 0', given);
  return seeds;
}

/** Throws ArgumentError naming `argument` if the arms have too many seeds. */
function checkRuns(arms: readonly SweepArm[], argument: string): void {
  const runs = arms.reduce((sum, { seeds }) => sum + seeds.length, 0);
  atMost(argument, runs, mostRuns, 'runs: arms with seeds');
}

/** Runs a check of options for data; an option that it finds wrong is a field of the file. */
function ofData<T>(path: string, check: () => T): T {
  return refusedAs(check, ({ argument }) => `${path}${argument.replace(/^--(?=.)/, '.').replace('--', '')}`);
}

/** Throws ArgumentError for an arm whose model or data are not of the kind that the sweep's are. */
function checkKind({ name: arm, model: own, data }: SweepArm, model: string): void {
  const path = `sweep.arms (${arm})`;
  const isOfTexts = (name: string): boolean => languageModelNames.includes(name);
  if (own !== undefined && isOfTexts(own) !== isOfTexts(model)) {
    const fitting = Object.keys(models).filter((name) => isOfTexts(name) === isOfTexts(model));
    throw new ArgumentError(`${path}.model`, own, fitting.join(', '));
  }
  if (data !== undefined) ofData(`${path}.data`, () => checkDataFor(own ?? model, data));
}

/**
 * Reads a sweep file's content.
 *
 * @throws ArgumentError naming the field
 */
export function readSweep(given: unknown): Sweep {
  checkObject('sweep', given, 'an object with name, arms, seeds, steps');
  const data = checkSchema('sweep', given, sweepSchema);
  const source = ofData('sweep.data', () => (data.data === undefined ? {} : readDataOptions(data.data)));
  const { name, model = modelFor(source), steps } = data;
  if (name.toLowerCase() === trainedFolder)
    throw new ArgumentError('sweep.name', name, `a name other than ${trainedFolder}, the folder of all runs`);
  ofData('sweep.data', () => checkDataFor(model, source));
  const seeds = seedsOf(data.seeds ?? [1], 'sweep.seeds');
  const arms: SweepArm[] = [];
  for (const [index, arm] of data.arms.entries()) {
    arms.push(...armsOf(arm, `sweep.arms[${index}]`, { seeds, teacher: data.teacher }));
    atMost('sweep.arms', arms.length, mostArms, 'arms');
  }
  checkRuns(arms, 'sweep.seeds');
  if (!arms.some(({ recipe }) => recipe.teacher !== undefined))
    checkAbsent('sweep.teacher', data.teacher, 'nothing, unless the recipe of some arm has a teacher');
  for (const arm of arms) checkKind(arm, model);
  const named = arms.map((arm) => arm.name);
  checkDistinct('sweep.arms', named, 'arms of different names', named.join());
  const names = new Set(named);
  const setting = { model, steps, data: source, arms };
  return {
    ...setting,
    ...{ name, seeds, baselines: readBaselines(data.baseline, setting) },
    title: data.title ?? name,
    claim: data.claim ?? '',
    secondsPerStep: data.secondsPerStep ?? 0.05,
    evaluateEvery: data.evaluateEvery,
    probeEvery: data.probeEvery ?? 0,
    gradientDraws: data.gradientDraws ?? 0,
    checkpointEvery: data.checkpointEvery ?? 200,
    contrasts: readContrasts(data.contrasts ?? [], 'sweep.contrasts', names),
  };
}

/** The same sweep with other seeds for the arms whose name matches. Throws ArgumentError if none does. */
export function withSeeds(sweep: Sweep, seeds: readonly number[] | undefined, match: NamePattern): Sweep {
  if (!sweep.arms.some(({ name }) => match.test(name)))
    throw new ArgumentError(
      '--arms',
      match.source,
      `a pattern of at least one of ${sweep.arms.map(({ name }) => name).join(', ')}`,
    );
  if (seeds === undefined) return sweep;
  const arms = sweep.arms.map((arm) => (match.test(arm.name) ? { ...arm, seeds } : arm));
  checkRuns(arms, '--seeds');
  return { ...sweep, arms };
}

/** Every seed of any arm, the sweep's own first. */
export const allSeeds = ({ seeds, arms }: Sweep): readonly number[] => [
  ...new Set([...seeds, ...arms.flatMap((arm) => arm.seeds)]),
];

/** What decides the numbers of a run beside its basis. */
export interface RunSettings {
  readonly recipe: Recipe;
  readonly learningRate: number;
  readonly seed: number;
  readonly model: string;
  readonly steps: number;
  readonly evaluateEvery: number | undefined;
  readonly probeEvery: number;
  /** Absent: none, as in runs of before there was a choice. */
  readonly gradientDraws?: number | undefined;
}

/** The settings of a run as they are hashed: without what a recipe is called. */
function hashed({ recipe: { title: _title, ...content }, ...settings }: RunSettings) {
  return { content, ...settings };
}

/** The name of a run: see {@link SweepRun.id}. */
export const runId = (settings: RunSettings, basis: RunBasis): string =>
  hashData({ ...hashed(settings), basis });

/** The settings of an arm's run with a seed. */
export function settingsOfRun(sweep: Sweep, { arm, seed }: Pick<SweepRun, 'arm' | 'seed'>): RunSettings {
  const { evaluateEvery, probeEvery, gradientDraws } = sweep;
  const { recipe, model = sweep.model, steps = sweep.steps } = arm;
  const learningRate = arm.learningRate ?? models[model]!.learningRate;
  return {
    ...{ recipe, learningRate, seed, model, steps, evaluateEvery, probeEvery },
    ...(gradientDraws === 0 ? {} : { gradientDraws }),
  };
}

/**
 * Every run: seeds outside, so that a sweep that is stopped has whole groups of arms. Of arms that say the same, the
 * first one's run is the other's too: their ids are equal.
 *
 * @param own what the runs of arms with data of their own rest on, by the arms' names
 */
export function sweepRuns(
  sweep: Sweep,
  shared: RunBasis,
  own: ReadonlyMap<string, RunBasis> = new Map(),
): SweepRun[] {
  return allSeeds(sweep).flatMap((seed) =>
    sweep.arms.flatMap((arm) => {
      if (!arm.seeds.includes(seed)) return [];
      const settings = settingsOfRun(sweep, { arm, seed });
      const basis = own.get(arm.name) ?? shared;
      const key = hashData(hashed(settings));
      const formerId = hashData({ ...hashed(settings), ...sweep.data });
      return [{ arm, seed, basis, id: runId(settings, basis), key, formerId }];
    }),
  );
}

/** Hours that runs of these arms take on so many cores, by the file's own measure. */
export function estimatedHours(
  { secondsPerStep, steps }: Sweep,
  arms: readonly SweepArm[],
  workers: number,
): number {
  const all = arms.reduce((sum, arm) => sum + (arm.steps ?? steps), 0);
  const rounds = arms.length === 0 ? 0 : Math.ceil(arms.length / workers) / arms.length;
  return (rounds * all * secondsPerStep) / 3600;
}
