/** `halfulp evaluate` on the command line: what a run loses on its validation data, with its own weights or those of a file. */
import { Command } from 'commander';
import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { jsonText } from '../../json.ts';
import { addDataOptions, type DataOptions, dataOptions } from '../data-options.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { integer } from '../options.ts';
import { readRun } from '../run-source.ts';
import { backendOption } from '../training-options.ts';
import { named } from './calibrate-command.ts';

const help = `
The file is a model file, or one of codes and scales that quantize wrote, with tensors under the names of the run's weights
(halfulp calibrate --weights); weights that it does not have are the run's. The model is read in float32.

  halfulp evaluate runs/first
  halfulp evaluate runs/first --weights q.safetensors`;

interface Given extends DataOptions {
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

async function evaluateRun(path: string, given: Given, io: Io): Promise<number> {
  const source = await readRun(path, dataOptions(given));
  const [{ openBackend }, { openRunModel, runLoss }] = await Promise.all([
    import('../backend.ts'),
    import('../../train/run-model.ts'),
  ]);
  const tf = await openBackend(given.backend);
  const opened = refusedAs(
    () => openRunModel(tf, source),
    ({ argument }) => named(argument),
  );
  try {
    const weights =
      given.weights === undefined ? undefined : await weightsOf(given.weights, opened.model.parameters);
    const result = await runLoss(tf, opened, weights, given.limit);
    const replaced = weights?.size ?? 0;
    const { loss, accuracy, predictions } = result;
    const right = accuracy === undefined ? '' : `, ${(100 * accuracy).toFixed(2)} % right`;
    const of = replaced === 0 ? "the run's weights" : `${replaced} weights of ${given.weights}`;
    io.stdout.write(
      given.json
        ? `${jsonText({ run: path, weights: given.weights ?? null, replaced, ...result }, 2)}\n`
        : `${loss.toFixed(4)} nats${right}, ${predictions} predictions, ${of}\n`,
    );
  } finally {
    opened.dispose();
  }
  return exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function evaluateCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('evaluate')
    .description('Evaluate a run on its validation data, with its own weights or those of a file.')
    .argument('<run>', 'folder of a run with a checkpoint, or a checkpoint file')
    .option('--weights <file>', "model file, or file of codes and scales, in place of the run's weights")
    .option(
      '--limit <n>',
      'windows or samples of the validation part (default: all)',
      integer('--limit', 1, 10_000_000),
    )
    .option('--json', 'print a JSON object')
    .addOption(backendOption());
  return addDataOptions(command)
    .addHelpText('after', help)
    .action(async (path: string, given: Given) => done(await evaluateRun(path, given, io)));
}
