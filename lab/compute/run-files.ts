/**
 * Files of the command line as a page opens them: a recipe, and what is in a run's folder (config.json, metrics.jsonl, result.json,
 * checkpoints), one of them or all together.
 */

import { recordsOf, resultSchema } from '../../src/cli/run-records.ts';
import { ArgumentError } from '../../src/index.ts';
import { parseJson } from '../../src/json.ts';
import { anything, checkSchema, integer, maybe, record, someFields, value, word } from '../../src/schema.ts';
import { decodeCheckpoint } from '../../src/train/checkpoint.ts';
import { type ModelConfig, modelConfig, models, type Recipe, recipeFrom } from '../../src/train/index.ts';
import { addRecord, emptyRecord, type RunEntry, type RunRecord } from './run-record.ts';
import { spikeOf } from './run-spike.ts';
import type { DroppedFile } from './tensors.ts';
import { pictureOf } from './training-picture.ts';
import { backendNames } from './training-settings.ts';

/** What files say: fields of the page, and runs that were recorded. */
export interface OpenedFiles {
  readonly fields: Readonly<Record<string, string>>;
  readonly runs: readonly RunRecord[];
}

const accepted = 'a recipe, or config.json, metrics.jsonl, result.json and checkpoints of halfulp train';

const name = value<string>((given) => typeof given === 'string', 'a text');
const configSchema = someFields({
  training: someFields({
    recipe: anything,
    model: record(anything),
    steps: integer(1, 100_000),
    seed: integer(0, 2 ** 48),
    evaluateEvery: integer(1, 10_000_000),
    probeEvery: integer(0, 10_000_000),
    kernels: word(['own', 'stock']),
  }),
  backend: word(backendNames),
  text: maybe(someFields({ name })),
  samples: maybe(someFields({ name })),
  teacher: maybe(word(['given'])),
});
/** What the data sets of this page are called in the files of a run. */
const dataOf: Readonly<Record<string, string>> = {
  'Moby-Dick': 'text',
  MNIST: 'digits',
  'spirals.csv': 'spirals',
};

/** Fields of a model: the preset that it is, and what of it the command line can change. */
function modelFields(given: ModelConfig): Record<string, string> {
  const config = modelConfig(given);
  const amount = (one: ModelConfig): number => ('sequences' in one ? one.sequences : one.samples);
  for (const [model, preset] of Object.entries(models)) {
    const like = modelConfig({ ...preset, learningRate: config.learningRate }, amount(config));
    if (sorted(like) !== sorted(config)) continue;
    return {
      model,
      batch: amount(config) === amount(preset) ? '' : `${amount(config)}`,
      rate: config.learningRate === preset.learningRate ? '' : `${config.learningRate}`,
    };
  }
  throw new ArgumentError(
    'training.model',
    given,
    `one of ${Object.keys(models).join(', ')}, with a batch and a rate of its own`,
  );
}

const sorted = (config: object): string =>
  JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));

interface ConfigParts {
  readonly fields: Record<string, string>;
  readonly recipe: Recipe;
  readonly teacher: 'given' | undefined;
}

function configFields(json: unknown): ConfigParts {
  const config = checkSchema('config', json, configSchema);
  const { recipe: given, model, steps, seed, evaluateEvery, probeEvery, kernels } = config.training;
  const recipe = recipeFrom(given);
  const usual = Math.max(10, Math.round(steps / 20));
  return {
    ...{ recipe, teacher: config.teacher },
    fields: {
      backend: config.backend,
      ...modelFields(model as unknown as ModelConfig),
      data: dataOf[(config.text ?? config.samples)?.name ?? ''] ?? 'file',
      recipe: JSON.stringify(recipe, null, 2),
      other: '',
      third: '',
      fourth: '',
      steps: `${steps}`,
      seed: `${seed}`,
      evaluate: evaluateEvery === usual ? '' : `${evaluateEvery}`,
      probes: `${probeEvery}`,
      kernels,
    },
  };
}

/** The runs of a log: of `halfulp train` one, of `halfulp compare` one for each arm and seed. */
function recordedRuns(text: string, file: string, title: string): RunRecord[] {
  const runs = new Map<string, RunRecord>();
  for (const one of recordsOf(text.split('\n'), file)) {
    const { arm, seed } = one as { arm?: unknown; seed?: unknown };
    const own = typeof arm === 'string' ? `${arm}, seed ${seed}` : title;
    if (!runs.has(own)) runs.set(own, emptyRecord(own));
    addRecord(runs.get(own)!, one as RunEntry);
  }
  if (runs.size === 0) throw new ArgumentError('open', file, 'a log with records');
  for (const run of runs.values()) run.spike = spikeOf(run);
  return [...runs.values()];
}

/** Where a field of a file is wrong, the field is named after the file. */
function ofFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ArgumentError && error.argument === 'open') throw error;
    throw new ArgumentError('open', file, `${accepted} (${(error as Error).message})`);
  }
}

interface Parts {
  config?: ReturnType<typeof configFields>;
  recipe?: string;
  runs?: RunRecord[];
  result?: Extract<RunEntry, { type: 'result' }>;
}

function readJson(text: string, parts: Parts): void {
  const json = parseJson(text) as { training?: unknown; validationLoss?: unknown };
  if (Object.hasOwn(json ?? {}, 'training')) parts.config = configFields(json);
  else if (Object.hasOwn(json ?? {}, 'validationLoss'))
    parts.result = { type: 'result', ...checkSchema('result', json, resultSchema) } as Parts['result'] &
      object;
  else parts.recipe = JSON.stringify(recipeFrom(json) && json, null, 2);
}

/** Reads files of the command line, in any order. */
export function runFiles({ files }: { readonly files: readonly DroppedFile[] }): OpenedFiles {
  const parts: Parts = {};
  const textOf = ({ bytes }: DroppedFile): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  const isCheckpoint = (file: DroppedFile): boolean => file.name.endsWith('.safetensors');
  const isLog = (file: DroppedFile): boolean => file.name.endsWith('.jsonl');
  for (const file of files.filter((one) => !isCheckpoint(one) && !isLog(one)))
    ofFile(file.name, () => readJson(textOf(file), parts));
  const isTaught = (parts.result ?? parts.config)?.teacher === 'given';
  const recorded = isTaught
    ? 'recorded with a given teacher (this page trains its own: losses differ)'
    : 'recorded';
  const title = parts.config === undefined ? recorded : `${parts.config.recipe.title}, ${recorded}`;
  for (const file of files.filter(isLog))
    parts.runs = [
      ...(parts.runs ?? []),
      ...ofFile(file.name, () => recordedRuns(textOf(file), file.name, title)),
    ];
  const alone = (): RunRecord => {
    parts.runs ??= [emptyRecord(title)];
    return parts.runs[0]!;
  };
  for (const file of files.filter(isCheckpoint))
    ofFile(file.name, () => {
      const checkpoint = decodeCheckpoint(new Uint8Array(file.bytes), file.name);
      alone().picture = pictureOf(checkpoint, parts.config?.recipe);
    });
  if (parts.result !== undefined) addRecord(alone(), parts.result);
  if (isTaught) alone();
  const recipe = parts.recipe === undefined ? {} : { recipe: parts.recipe };
  return { fields: { ...parts.config?.fields, ...recipe }, runs: parts.runs ?? [] };
}
