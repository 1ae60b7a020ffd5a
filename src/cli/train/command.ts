/**
 * `halfulp train` on the command line: its options, their defaults, help and checks. The work is train.ts.
 */
import { existsSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { jsonText } from '../../json.ts';
import { wordsFor } from '../../nearest-words.ts';
import { models } from '../../train/model-config.ts';
import type { Recipe } from '../../train/recipe.ts';
import { addDataOptions, type DataOptions, dataOptions, modelFor } from '../data-options.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { choice, folderName, integer } from '../options.ts';
import { backendOption, kernelsOption, learningRateOption } from '../training-options.ts';
import type { TrainCommandOptions } from './train.ts';

const help = `
The recipe is a file, or, where there is none of that name, a published one by its name, with options as JSON:
  halfulp train bitnet
  halfulp train '{ "recipe": "dqt", "bits": 8 }'
A file holds the same JSON, or a recipe of your own with all its fields:
  { "recipe": "bitnetTransition", "at": 0.2, "phaseIn": { "kind": "tanh", "over": 0.1 } }

Writes OUT/NAME/ with config.json, metrics.jsonl, checkpoints and result.json. Ctrl-C stops after the current step and
leaves a checkpoint. With --resume the same command goes on from the newest checkpoint, also of a run that was killed,
and ends with the same bits as a run that never stopped.

Data, in place of Moby-Dick or (--model mlp or conv) 10 000 digits of MNIST:
  halfulp train bitnet --text book.txt
  halfulp train recipe.json --images fashion/                      the four files of MNIST or Fashion-MNIST, also .gz
  halfulp train recipe.json --images a.idx3-ubyte --labels a.idx1-ubyte
  halfulp train recipe.json --csv iris.csv --label species         a header or none, numbers scaled by column`;

type Given = Partial<Omit<TrainCommandOptions, 'recipe' | 'data'>> &
  DataOptions & { readonly roles?: boolean };

/** The recipe of a file, or, where there is no such file, of that name or JSON. Throws ArgumentError naming `<recipe>`. */
async function recipeNamed(given: string): Promise<Recipe> {
  const [{ readJson, readJsonText }, { recipeFrom, recipeNames }] = await Promise.all([
    import('../read-file.ts'),
    import('../../train/recipe-data.ts'),
  ]);
  if (existsSync(given) && !statSync(given).isDirectory()) return recipeFrom(readJson(given, '<recipe>'));
  if (recipeNames.includes(given)) return recipeFrom(given);
  if (/^\s*[{"]/.test(given)) return recipeFrom(readJsonText(given, '<recipe>'));
  if (/^\w+$/.test(given))
    throw new ArgumentError('<recipe>', given, `a file with a recipe, or ${wordsFor(given, recipeNames)}`);
  return recipeFrom(readJson(given, '<recipe>'));
}

/** Trains, or prints roles; returns the exit code. */
async function runTraining(io: Io, named: string, given: Given): Promise<number> {
  const recipe = await recipeNamed(named);
  const { roleColumns, rolesAsText, roleTable } = await import('../../train/index.ts');
  const data = dataOptions(given);
  const model = given.model ?? modelFor(data);
  if (given.roles) {
    const phases = roleTable(recipe, models[model]!);
    const { name, title } = recipe;
    const text = given.json
      ? jsonText({ name, title, columns: roleColumns, phases }, 2)
      : `${name}: ${title}\n\n${rolesAsText(phases)}`;
    io.stdout.write(`${text}\n`);
    return exitCodes.done;
  }
  if (given.resume && given.name === undefined)
    throw new ArgumentError('--name', given.name, 'the name of the run folder to go on in');
  const { trainCommandRun } = await import('./train.ts');
  const absent = { batch: undefined, learningRate: undefined, evaluateEvery: undefined };
  const flags = { resume: false, json: false, quiet: false, name: undefined, teacher: undefined };
  return trainCommandRun({ ...absent, ...flags, ...given, recipe, model, data } as TrainCommandOptions, io);
}

/** The command; its action hands the exit code to `done`. */
export function trainCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('train')
    .description('Train a small language model or classifier under a recipe, with checkpoints.')
    .argument('<recipe>', 'file with the recipe, or the name of a published one')
    .option('--steps <n>', 'training steps', integer('--steps', 1, 2_000_000), 1000)
    .option('--seed <n>', 'decides initial weights, data order and draws', integer('--seed', 0, 2 ** 48), 1)
    .option(
      '--model <preset>',
      `${Object.keys(models).join(', ')} (default: llama-tiny for texts, mlp for samples)`,
      choice('--model', Object.keys(models)),
    )
    .option(
      '--batch <n>',
      "sequences or samples in a step (default: the model's)",
      integer('--batch', 1, 4096),
    )
    .addOption(learningRateOption())
    .option(
      '--evaluate-every <n>',
      'steps between evaluations (default: a twentieth of the steps, at least 10)',
      integer('--evaluate-every', 1, 10_000_000),
    )
    .option('--probe-every <n>', 'steps between probes; 0: none', integer('--probe-every', 0, 10_000_000), 0)
    .option(
      '--gradient-draws <n>',
      'backward passes of a gradient probe; 0: none',
      integer('--gradient-draws', 0, 65536),
      0,
    )
    .option(
      '--checkpoint-every <n>',
      'steps between checkpoints, of which there is one at the end; 0: only that one, or when stopped',
      integer('--checkpoint-every', 0, 10_000_000),
      100,
    )
    .addOption(backendOption())
    .addOption(kernelsOption())
    .option('--out <folder>', 'where run folders go', 'runs')
    .option('--name <name>', 'name of the run folder (default: recipe, date and time)', folderName('--name'))
    .option(
      '--teacher <run>',
      'folder of a run of the same model, or its checkpoint: the teacher of recipes that have one (default: trained first)',
    )
    .option('--resume', 'go on in the folder --name from its newest checkpoint, or begin there')
    .option('--roles', 'print what each layer reads and stores, and train nothing')
    .option('--json', 'print the result, or the roles, as JSON')
    .option('--quiet', 'show no progress');
  return addDataOptions(command)
    .addHelpText('after', help)
    .action(async (recipe: string, given: Given) => done(await runTraining(io, recipe, given)));
}
