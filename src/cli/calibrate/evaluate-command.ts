/** `halfulp evaluate` on the command line: what a run loses on its validation data, with its own weights or those of a file. */
import { Command } from 'commander';
import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { jsonText } from '../../json.ts';
import type { EngineParameter } from '../../train/engine/parameters.ts';
import type { Evaluation } from '../../train/evaluate.ts';
import type { Recipe } from '../../train/recipe.ts';
import { addDataOptions, type DataOptions, dataOptions } from '../data-options.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { integer } from '../options.ts';
import { readJson } from '../read-file.ts';
import { readRun } from '../run-source.ts';
import { backendOption } from '../training-options.ts';
import { named } from './calibrate-command.ts';
import {
  addModelOptions,
  isModelFile,
  type ModelData,
  refuseModelData,
  refuseRunData,
} from './model-options.ts';

const help = `
The file is a model file, or one of codes and scales that quantize wrote, with tensors under the names of the weights of the run
(halfulp calibrate --weights) or the model; weights that it does not have stay. The model is read in float32, or as the last phase of a recipe says.

  halfulp evaluate runs/first
  halfulp evaluate runs/first --weights q.safetensors --recipe ranges.json
  halfulp evaluate model.json --inputs x.npy --targets y.npy --loss sparseCategoricalCrossentropy --weights q.safetensors`;

interface Given extends DataOptions, ModelData {
  readonly recipe?: string;
  readonly weights?: string;
  readonly limit?: number;
  readonly backend: 'wasm' | 'cpu';
  readonly json?: boolean;
}

type Named = { readonly name: string; readonly shape: readonly number[] };

/** The weights of a file that are the model's. Throws ArgumentError naming `--weights`, or DamagedFileError. */
async function weightsOf(path: string, parameters: readonly Named[]): Promise<Map<string, Float32Array>> {
  const { readValues } = await import('../../model-files/values.ts');
  const found = await readValues(path, '--weights', new Set(parameters.map(({ name }) => name)));
  if (found.size === 0)
    throw new ArgumentError('--weights', path, `tensors of ${parameters.map(({ name }) => name).join(', ')}`);
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape.join()]));
  for (const [name, { shape }] of found)
    if (shapes.get(name) !== shape.join())
      throw new ArgumentError(
        `--weights ${name}`,
        shape.join(' x '),
        shapes.get(name)!.replaceAll(',', ' x '),
      );
  return new Map([...found].map(([name, { values }]) => [name, values]));
}

/** What a recipe's file has products read. Throws ArgumentError naming a field of it. */
async function recipeOf(path: string, parameters: readonly EngineParameter[]): Promise<Recipe> {
  const [{ recipeFrom }, { evaluationRecipe }] = await Promise.all([
    import('../../train/recipe-data.ts'),
    import('../../train/evaluation-recipe.ts'),
  ]);
  const recipe = recipeFrom(readJson(path, '--recipe'));
  return refusedAs(
    () => evaluationRecipe(recipe, parameters),
    ({ argument }) => `--recipe, ${argument}`,
  );
}

/** A model that is asked for its loss with some weights replaced. */
interface Program {
  readonly weights: readonly Named[];
  readonly parameters: readonly EngineParameter[];
  evaluate(weights: Map<string, Float32Array> | undefined, recipe: Recipe | undefined): Promise<Evaluation>;
  dispose(): void;
}

async function openRun(path: string, given: Given): Promise<Program> {
  refuseModelData(given);
  const source = await readRun(path, dataOptions(given));
  const [{ openBackend }, { openRunModel, runLoss }, { parametersOf }] = await Promise.all([
    import('../backend.ts'),
    import('../../train/run-model.ts'),
    import('../../train/engine/parameters.ts'),
  ]);
  const tf = await openBackend(given.backend);
  const opened = refusedAs(
    () => openRunModel(tf, source),
    ({ argument }) => named(argument),
  );
  return {
    weights: opened.model.parameters,
    parameters: parametersOf(opened.model),
    evaluate: (replaced, recipe) => runLoss(tf, opened, { replaced, limit: given.limit, recipe }),
    dispose: () => opened.dispose(),
  };
}

/** Samples that a model is given at once. */
const atOnce = 32;

async function openModel(path: string, given: Given): Promise<Program> {
  refuseRunData(given);
  const [{ openBackend }, { openLayersModel }, { inRecipe }, { float32 }] = await Promise.all([
    import('../backend.ts'),
    import('./layers-model.ts'),
    import('../../train/measured-layers.ts'),
    import('../../train/recipes/baselines.ts'),
  ]);
  const tf = await openBackend(given.backend);
  const opened = await openLayersModel(tf, path, given);
  const { parameters } = opened;
  return {
    weights: [...opened.weights].map(([name, { shape }]) => ({ name, shape })),
    parameters,
    evaluate: async (weights = new Map(), recipe = float32()) => {
      opened.load(weights);
      const samples = Math.min(given.limit ?? Infinity, opened.samples);
      const sums = { loss: 0, right: 0, of: 0 };
      let isOfAnswers = false;
      for (let from = 0; from < samples; from += atOnce) {
        const { loss, right, of } = inRecipe(tf, parameters, recipe, () =>
          opened.score(from, Math.min(atOnce, samples - from)),
        );
        isOfAnswers = right !== undefined;
        sums.loss += loss;
        sums.right += right ?? 0;
        sums.of += of;
      }
      const accuracy = isOfAnswers ? { accuracy: sums.right / sums.of } : {};
      return { loss: sums.loss / samples, ...accuracy, predictions: samples };
    },
    dispose: () => opened.dispose(),
  };
}

async function evaluateOne(path: string, given: Given, io: Io): Promise<number> {
  const isFile = isModelFile(path);
  const opened = await (isFile ? openModel : openRun)(path, given);
  try {
    const weights = given.weights === undefined ? undefined : await weightsOf(given.weights, opened.weights);
    const recipe = given.recipe === undefined ? undefined : await recipeOf(given.recipe, opened.parameters);
    const result = await opened.evaluate(weights, recipe);
    const replaced = weights?.size ?? 0;
    const { loss, accuracy, predictions } = result;
    const right = accuracy === undefined ? '' : `, ${(100 * accuracy).toFixed(2)} % right`;
    const who = isFile ? 'model' : 'run';
    const read = given.recipe === undefined ? '' : `, read as ${given.recipe} says`;
    const of = (replaced === 0 ? `the ${who}'s weights` : `${replaced} weights of ${given.weights}`) + read;
    const unit = isFile ? 'loss ' : '';
    io.stdout.write(
      given.json
        ? `${jsonText({ [who]: path, weights: given.weights ?? null, recipe: given.recipe ?? null, replaced, ...result }, 2)}\n`
        : `${unit}${loss.toFixed(4)}${isFile ? '' : ' nats'}${right}, ${predictions} predictions, ${of}\n`,
    );
  } finally {
    opened.dispose();
  }
  return exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function evaluateCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('evaluate')
    .description(
      'Evaluate a run on its validation data, or a model on samples, with its own weights or those of a file.',
    )
    .argument('<run>', 'folder of a run with a checkpoint, a checkpoint file, or model.json of TensorFlow.js')
    .option(
      '--weights <file>',
      "model file, or file of codes and scales, in place of the run's or the model's",
    )
    .option(
      '--recipe <file>',
      'read operands through the quantisers of the last phase of this recipe (calibrate --of ranges writes one)',
    )
    .option(
      '--limit <n>',
      'windows or samples of the validation part, or of --inputs (default: all)',
      integer('--limit', 1, 10_000_000),
    )
    .option('--json', 'print a JSON object')
    .addOption(backendOption());
  return addDataOptions(addModelOptions(command))
    .addHelpText('after', help)
    .action(async (path: string, given: Given) => done(await evaluateOne(path, given, io)));
}
