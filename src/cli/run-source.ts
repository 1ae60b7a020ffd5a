/** A run that has been trained, as commands read it: its newest checkpoint, its recipe and its data. */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkObject } from '../check.ts';
import { ArgumentError, DamagedFileError } from '../errors.ts';
import type { Checkpoint } from '../train/checkpoint.ts';
import type { Recipe } from '../train/recipe.ts';
import type { RunSource } from '../train/run-model.ts';
import type { TrainingData } from '../train/tasks.ts';
import type { DataOptions } from './data-options.ts';
import { readJson } from './read-file.ts';
import { checkpointPath } from './run-checkpoint.ts';

/** The recipe that a run was trained with, from beside its checkpoint. */
export async function recipeOfRun(file: string, { state }: Checkpoint): Promise<Recipe> {
  const { hashData, recipeFrom } = await import('../train/index.ts');
  const path = join(dirname(file), 'config.json');
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new ArgumentError(
      '<run>',
      file,
      'the folder of a run, whose config.json says how the model was trained',
    );
  const config = checkObject('config', readJson(path, '<run>'), 'an object') as {
    training?: { recipe?: unknown };
  };
  const recipe = recipeFrom(checkObject('config.training.recipe', config.training?.recipe, 'a recipe'));
  if (hashData(recipe) !== state.identity.recipe)
    throw new DamagedFileError(path, 'training.recipe', "is not that of the run's checkpoint");
  return recipe as Recipe;
}

/** The data of a run, said as for `train`. */
export async function dataOfRun({ state }: Checkpoint, data: DataOptions): Promise<TrainingData> {
  const [{ modelConfig }, { loadData }] = await Promise.all([
    import('../train/model-config.ts'),
    import('./training-data.ts'),
  ]);
  const { kind = 'language' } = modelConfig(state.identity.model as never);
  return loadData(kind === 'language' ? 'llama-tiny' : kind, data);
}

/** A run by the folder or the checkpoint that the user named. Throws ArgumentError naming `<run>`, or DamagedFileError. */
export async function readRun(path: string, data: DataOptions): Promise<RunSource> {
  const { readCheckpoint } = await import('../train/files.ts');
  const file = checkpointPath(
    '<run>',
    path,
    'the folder of a run with a checkpoint, a checkpoint file, or model.json of a layers model',
  );
  const checkpoint = readCheckpoint(file);
  const recipe = await recipeOfRun(file, checkpoint);
  return { checkpoint, recipe, data: await dataOfRun(checkpoint, data) };
}
