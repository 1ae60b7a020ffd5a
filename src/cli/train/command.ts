/**
 * `halfulp train` on the command line: its options, their defaults, help and checks. The work is train.ts.
 */
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { models } from '../../train/model-config.ts';
import type { Io } from '../io.ts';
import { choice, folderName, integer, real } from '../options.ts';
import { formatTable } from '../text-table.ts';
import type { TrainCommandOptions } from './train.ts';

const help = `
The file holds a recipe, or the name of a published one with its options:
  { "recipe": "dqt", "bits": 8 }
  { "recipe": "bitnetTransition", "at": 0.2, "phaseIn": { "kind": "tanh", "over": 0.1 } }

Writes OUT/NAME/ with config.json, metrics.jsonl, checkpoints and result.json. Ctrl-C stops after the current step and
leaves a checkpoint. With --resume the same command goes on from the newest checkpoint, also of a run that was killed,
and ends with the same bits as a run that never stopped.`;

type Given = Partial<Omit<TrainCommandOptions, 'recipe'>> & { readonly roles?: boolean };

/** The command; its action hands the exit code to `done`. */
export function trainCommand(io: Io, done: (code: number) => void): Command {
  return new Command('train')
    .description('Train a small language model under a recipe, with checkpoints.')
    .argument('<recipe.json>', 'file with the recipe')
    .option('--steps <n>', 'training steps', integer('--steps', 1, 2_000_000), 1000)
    .option('--seed <n>', 'decides initial weights, data order and draws', integer('--seed', 0, 2 ** 48), 1)
    .option(
      '--model <preset>',
      `size of the model: ${Object.keys(models).join(', ')}`,
      choice('--model', Object.keys(models)),
      'llama-tiny',
    )
    .option('--batch <n>', "sequences in a step (default: the model's)", integer('--batch', 1, 4096))
    .option('--learning-rate <x>', "peak learning rate (default: the model's)", real('--learning-rate', 0, 1))
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
      'steps between checkpoints; 0: only when stopped',
      integer('--checkpoint-every', 0, 10_000_000),
      100,
    )
    .option('--text <file>', 'text to train on, UTF-8 (default: Moby-Dick)')
    .option(
      '--backend <name>',
      'TensorFlow.js backend: wasm, cpu',
      choice('--backend', ['wasm', 'cpu']),
      'wasm',
    )
    .option(
      '--kernels <name>',
      'matrix products by our kernels or those of TensorFlow.js: own, stock',
      choice('--kernels', ['own', 'stock']),
      'own',
    )
    .option('--out <folder>', 'where run folders go', 'runs')
    .option('--name <name>', 'name of the run folder (default: recipe, date and time)', folderName('--name'))
    .option('--resume', 'go on in the folder --name from its newest checkpoint, or begin there')
    .option('--roles', 'print what each layer reads and stores, and train nothing')
    .option('--json', 'print the result as JSON')
    .option('--quiet', 'show no progress')
    .addHelpText('after', help)
    .action(async (file: string, given: Given) => {
      const [{ readJson }, { recipeFrom, roleColumns, roleTable }] = await Promise.all([
        import('../read-json.ts'),
        import('../../train/index.ts'),
      ]);
      const recipe = recipeFrom(readJson(file, '<recipe.json>'));
      if (given.roles) {
        const columns = roleColumns.map((name) => ({
          heading: ['', name] as const,
          name,
          align: 'left' as const,
        }));
        for (const { phase, rows } of roleTable(recipe, models[given.model!]!))
          io.stdout.write(
            `${recipe.name}, ${phase}\n${formatTable(columns, rows, { width: Number.POSITIVE_INFINITY, emphasise: (text) => text })}\n`,
          );
        return done(0);
      }
      if (given.resume && given.name === undefined)
        throw new ArgumentError('--name', given.name, 'the name of the run folder to go on in');
      const { trainCommandRun } = await import('./train.ts');
      const absent = { batch: undefined, learningRate: undefined, evaluateEvery: undefined, text: undefined };
      const flags = { resume: false, json: false, quiet: false, name: undefined };
      done(await trainCommandRun({ ...absent, ...flags, ...given, recipe } as TrainCommandOptions, io));
    });
}
