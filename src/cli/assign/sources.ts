/** What `halfulp assign` chooses for: the layers of a run, or the tensors of a model file, with what formats cost them. */
import { basename } from 'node:path';
import { checkAbsent, refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { namedQuantizer } from '../../quantizers/index.ts';
import type { Place } from '../../train/assign-front.ts';
import type { Recipe } from '../../train/recipe.ts';
import { type XrNpeFormat, xrNpeFormats } from '../../train/recipes/xr-npe.ts';
import { type Measure, measures } from '../../train/sensitivity-kinds.ts';
import type { DataOptions } from '../data-options.ts';
import type { Io } from '../io.ts';
import { fileWork } from '../model-files/file-work.ts';
import { checkpointPath } from '../run-checkpoint.ts';
import { dataOfRun, recipeOfRun } from '../run-source.ts';

export const sensitivities: readonly Measure[] = measures;

/** What the user says of it. */
export interface AssignSettings {
  readonly formats?: readonly string[];
  readonly sensitivity?: Measure;
  readonly batches?: number;
  readonly draws?: number;
  readonly axis?: number;
  readonly backend: 'wasm' | 'cpu';
}

type Settings = AssignSettings & { readonly data: DataOptions };

/** Layers with their formats, and what becomes of a choice. */
interface Source {
  readonly sensitivity: Measure;
  readonly formats: readonly string[];
  /** With the formats that are worth their bits. */
  readonly places: readonly Place<string>[];
  /** With all of them. */
  readonly all: readonly Place<string>[];
  /** What a file of the choice holds, and what it is called in JSON. */
  write(formats: Readonly<Record<string, string>>): {
    readonly name: 'recipe' | 'rules';
    readonly content: unknown;
  };
  /** The loss where layers have formats; absent: it is not measured. */
  readonly lossOf?: ((formats: Readonly<Record<string, string>>) => number) | undefined;
  dispose(): void;
}

const isXrNpe = (format: string): format is XrNpeFormat =>
  (xrNpeFormats as readonly string[]).includes(format);

/** Checks the names of quantisers. Throws ArgumentError naming `--formats`. */
function checkedFormats(formats: readonly string[]): readonly string[] {
  for (const format of formats)
    refusedAs(
      () => namedQuantizer(format),
      () => '--formats',
    );
  return formats;
}

/** A file that is a run's newest checkpoint, or a checkpoint itself; null: a model file of another kind. */
async function checkpointFileOf(path: string): Promise<string | null> {
  const accepted = 'the folder of a run with a checkpoint, a checkpoint file, or a model file';
  const file = checkpointPath('<run>', path, accepted);
  if (file !== path) return file;
  if (!path.endsWith('.safetensors')) return null;
  const { openModel } = await import('../../model-files/index.ts');
  const model = await openModel(path);
  model.close();
  return Object.hasOwn(model.metadata, 'stateHash') ? path : null;
}

/** A recipe in which layers read their weights in formats, in place of what another recipe says of them. */
function recipeWith(recipe: Recipe, formats: Readonly<Record<string, string>>): Recipe<string> {
  const rules = Object.entries(formats).map(([layer, w]) => ({ where: { layer }, set: { forward: { w } } }));
  return {
    ...recipe,
    name: `${recipe.name}-assigned`,
    title: `${recipe.title}, weights in a format for each layer`.slice(0, 500),
    rules: [...(recipe.rules ?? []), ...rules],
  };
}

/** Whether the model has to be run. */
const isMeasured = (by: Measure): boolean => by === 'loss' || by === 'hessian' || by === 'eigenvalue';

async function runSource(file: string, given: Settings): Promise<Source> {
  const { readCheckpoint } = await import('../../train/files.ts');
  const train = await import('../../train/index.ts');
  const { placesOf, worthPlaces } = await import('../../train/assign-formats.ts');
  const { xrNpeCandidate } = await import('../../train/assign-xr-npe.ts');
  const { formats = xrNpeFormats, sensitivity = 'gradients', batches, draws, axis, data } = given;
  checkAbsent('--axis', axis, 'nothing for a run, whose layers say what their products sum over');
  if (!isMeasured(sensitivity)) {
    const accepted = 'nothing, unless --sensitivity is hessian, eigenvalue or loss';
    checkAbsent('--batches', batches, accepted);
    for (const [option, value] of Object.entries(data)) checkAbsent(`--${option}`, value, accepted);
  }
  if (sensitivity !== 'hessian' && sensitivity !== 'eigenvalue')
    checkAbsent('--draws', draws, 'nothing, unless --sensitivity is hessian or eigenvalue');
  const candidates = formats.map((format) => (isXrNpe(format) ? xrNpeCandidate(format) : format)) as string[];
  checkedFormats(formats.filter((format) => !isXrNpe(format)));
  const checkpoint = readCheckpoint(file);
  const isOfXrNpe = formats.every(isXrNpe);
  const recipe = isMeasured(sensitivity) ? await recipeOfRun(file, checkpoint) : undefined;
  let layers: ReturnType<typeof train.sensitiveLayers>;
  let measured: ReturnType<typeof measuredRun<string>> | undefined;
  const { measuredRun } = await import('../../train/measured-run.ts');
  if (recipe === undefined) layers = train.sensitiveLayers(checkpoint, sensitivity as 'gradients');
  else {
    const { openBackend } = await import('../backend.ts');
    const read = await dataOfRun(checkpoint, data);
    const tf = await openBackend(given.backend);
    const asked = { by: sensitivity, candidates, batches: batches ?? 4, draws: draws ?? 8 };
    measured = refusedAs(
      () => measuredRun(tf, { checkpoint, recipe, data: read, ...asked }),
      ({ argument }) => (argument === 'data' ? '--data' : argument),
    );
    layers = measured.layers;
  }
  const all = placesOf(layers, candidates);
  return {
    ...{ sensitivity, formats, all, places: worthPlaces(all) },
    write: (chosen) => ({
      name: 'recipe',
      content: isOfXrNpe
        ? { recipe: 'xrNpe', layers: chosen }
        : recipeWith(recipe ?? train.recipes.float32(), chosen),
    }),
    lossOf: measured?.lossOf,
    dispose: () => measured?.dispose(),
  };
}

/** The tensors of a model file; the exit code where that was stopped. */
async function fileSource(path: string, given: Settings, io: Io): Promise<Source | number> {
  const { worthPlaces } = await import('../../train/assign-formats.ts');
  const { tensorCosts } = await import('../../model-files/tensor-costs.ts');
  const {
    formats = ['int4/row', 'int8/row', 'bfloat16'],
    sensitivity = 'weights',
    axis,
    batches,
    draws,
  } = given;
  if (sensitivity !== 'weights' && sensitivity !== 'sqnr')
    throw new ArgumentError(
      '--sensitivity',
      sensitivity,
      `weights or sqnr for a model file, as ${basename(path)} says nothing of a loss`,
    );
  const others = { '--batches': batches, '--draws': draws };
  for (const [option, value] of Object.entries({ ...others, ...given.data }))
    checkAbsent(
      option.startsWith('--') ? option : `--${option}`,
      value,
      'nothing for a model file, which is not run',
    );
  checkedFormats(formats);
  const isOfBlocks = (format: string): boolean => namedQuantizer(format).scale.grouping.per === 'block';
  if (!formats.some(isOfBlocks))
    checkAbsent('--axis', axis, 'nothing, unless scales of --formats are of blocks along an axis');
  let all: Place<string>[] = [];
  const code = await fileWork(
    io,
    false,
    { path: '<run>', formats: '--formats' },
    (watched) => tensorCosts(path, { formats, axis, by: sensitivity, ...watched }),
    (costs) => {
      const starred = costs.find(({ name }) => name.includes('*'));
      if (starred !== undefined)
        throw new ArgumentError('<run>', starred.name, 'tensors whose names have no *, a glob in rules');
      all = [...costs];
    },
  );
  if (code !== 0) return code;
  return {
    ...{ sensitivity, formats, all, places: worthPlaces(all) },
    write: (chosen) => ({
      name: 'rules',
      content: Object.entries(chosen).map(([match, to]) => ({
        ...{ match, to },
        ...(axis !== undefined && isOfBlocks(to) && { axis }),
      })),
    }),
    dispose: () => {},
  };
}

/**
 * What is chosen for; the exit code where a signal has stopped the reading of it.
 * @throws ArgumentError naming the option that is wrong, or DamagedFileError.
 */
export async function sourceOf(path: string, given: Settings, io: Io): Promise<Source | number> {
  const checkpoint = await checkpointFileOf(path);
  return checkpoint === null ? fileSource(path, given, io) : runSource(checkpoint, given);
}
