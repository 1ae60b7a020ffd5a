/**
 * `halfulp compare` on the command line: its options, their defaults, help and checks. The work is compare.ts, loaded
 * with the trainer only when the options are right.
 */

import { Command } from 'commander';
import { languageModelNames } from '../../train/model-config.ts';
import type { Io } from '../io.ts';
import { choice, folderName, integer } from '../options.ts';
import { backendOption, kernelsOption, learningRateOption } from '../training-options.ts';
import { defaultArms, parseArms } from './arms.ts';
import type { CompareOptions } from './options.ts';

const examples = `
Examples:
  halfulp compare                                      the five arms on Moby-Dick, a few minutes on two cores
  halfulp compare --steps 2000 --seeds 3               longer, and with the spread over three seeds
  halfulp compare --arms float32,transition@10,bitnet  an earlier transition
  halfulp compare --text book.txt --name my-book       your own text, into runs/my-book/

Writes OUT/NAME/ with config.json, metrics.jsonl, loss.svg and report.html. Ctrl-C stops after the current step and
reports what was measured. Exit codes: 0 done, 1 failure, 2 wrong arguments, 130 interrupted.`;

/** What flags and options without a default are if they are not given. */
const notGiven = {
  batch: undefined,
  learningRate: undefined,
  evaluateEvery: undefined,
  text: undefined,
  name: undefined,
  json: false,
  quiet: false,
} as const satisfies Partial<CompareOptions>;

/** The options as commander leaves them. */
type GivenOptions = Omit<CompareOptions, keyof typeof notGiven | 'arms'> &
  Partial<Pick<CompareOptions, keyof typeof notGiven>> & { readonly arms: string };

/** The command; its action hands the exit code to `done`. */
export function compareCommand(io: Io, done: (code: number) => void): Command {
  return new Command('compare')
    .description(
      'Train one small language model in several precisions, from the same seeds, and compare them.',
    )
    .option('--steps <n>', 'training steps of each arm', integer('--steps', 1, 1_000_000), 600)
    .option('--seeds <n>', 'how many seeds to train each arm with', integer('--seeds', 1, 1000), 1)
    .option('--seed <n>', 'the first seed; the others follow it', integer('--seed', 0, 2 ** 48), 1)
    .option(
      '--arms <list>',
      'arms separated by commas: float32, bitnet, bfloat16, transition@P (16-to-1.58-bit at P % of the steps)',
      defaultArms,
    )
    .option(
      '--model <preset>',
      `size of the model: ${languageModelNames.join(', ')}`,
      choice('--model', languageModelNames),
      'llama-tiny',
    )
    .option('--batch <n>', "sequences in a step (default: the model's)", integer('--batch', 1, 4096))
    .addOption(learningRateOption())
    .option(
      '--evaluate-every <n>',
      'steps between evaluations (default: a twentieth of the steps, at least 10)',
      integer('--evaluate-every', 1, 1_000_000),
    )
    .option('--text <file>', 'text to train on, UTF-8 (default: Moby-Dick)')
    .addOption(backendOption())
    .addOption(kernelsOption())
    .option('--out <folder>', 'where run folders go', 'runs')
    .option('--name <name>', 'name of the run folder (default: model, date and time)', folderName('--name'))
    .option('--json', 'print the result as JSON instead of a table')
    .option('--quiet', 'show no progress')
    .addHelpText('after', examples)
    .action(async (given: GivenOptions) => {
      const options: CompareOptions = { ...notGiven, ...given, arms: parseArms(given.arms) };
      const [{ compare }, { openTrainer }] = await Promise.all([
        import('./compare.ts'),
        import('./tfjs-trainer.ts'),
      ]);
      done(
        await compare(options, io, {
          openTrainer,
          now: () => performance.now() / 1000,
          date: () => new Date(),
        }),
      );
    });
}
