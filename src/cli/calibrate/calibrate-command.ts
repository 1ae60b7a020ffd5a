/** `halfulp calibrate` on the command line: what methods after training ask of a run, from windows of its own data. */
import { Command } from 'commander';
import { refusedAs } from '../../check.ts';
import { bytesOf, elementsOf, safetensorsHead, type TensorHeading } from '../../files/safetensors.ts';
import { openWholeFile, prepareFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import { calibrationMetadata } from '../../model-files/calibration-file.ts';
import { type Calibration, type CalibrationKind, calibrationKinds } from '../../train/calibration.ts';
import { addDataOptions, type DataOptions, dataOptions } from '../data-options.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { choice, integer } from '../options.ts';
import { readRun } from '../run-source.ts';
import { backendOption } from '../training-options.ts';

const help = `
Writes a safetensors file with, for each weight that a product reads, its layer's inputs, a row for each position, or, for each
weight, its mean squared gradients, under the weight's name: what quantize takes as --calibration, and where outputs are. Windows are drawn from the
training part, as batches are; the model is read in float32. --weights writes the weights of the run under the same names.

  halfulp train float32.json --model mlp --steps 600 --name first
  halfulp calibrate runs/first --windows 64 --out inputs.safetensors --weights first.safetensors
  halfulp quantize first.safetensors --after secondOrder --to int3/row --calibration inputs.safetensors --out q.safetensors
  halfulp evaluate runs/first --weights q.safetensors`;

interface Given extends DataOptions {
  readonly of: CalibrationKind;
  readonly windows: number;
  readonly length?: number;
  readonly seed: number;
  readonly out: string;
  readonly weights?: string;
  readonly backend: 'wasm' | 'cpu';
  readonly json?: boolean;
}

/** Writes tensors of binary32. */
function writeTensors(path: string, tensors: ReadonlyMap<string, Calibration>): void {
  const file = openWholeFile(path);
  const headings = [...tensors].map(([name, { shape }]): TensorHeading => ({ name, dtype: 'F32', shape }));
  file.write(safetensorsHead(headings, calibrationMetadata(tensors)));
  for (const { values } of tensors.values())
    file.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  file.commit();
}

/** The command's own names of what the library refuses. */
export const named = (argument: string): string =>
  argument === 'data'
    ? '--data'
    : argument === 'length' || argument === 'windows'
      ? `--${argument}`
      : argument;

async function calibrateRun(path: string, given: Given, io: Io): Promise<number> {
  const { out, weights, windows, length, seed, of } = given;
  prepareFile(out, '--out');
  if (weights !== undefined) prepareFile(weights, '--weights');
  const source = await readRun(path, dataOptions(given));
  const [{ openBackend }, { runCalibration }] = await Promise.all([
    import('../backend.ts'),
    import('../../train/run-model.ts'),
  ]);
  const tf = await openBackend(given.backend);
  const made = refusedAs(
    () => runCalibration(tf, source, { of, windows, length, seed }),
    ({ argument }) => named(argument),
  );
  writeTensors(out, made.calibration);
  if (weights !== undefined) writeTensors(weights, made.weights);
  const tensors = [...made.calibration].map(([name, { shape }]) => ({ name, shape }));
  const bytes = tensors.reduce((sum, { shape }) => sum + bytesOf(elementsOf(shape), 'F32'), 0);
  io.stdout.write(
    given.json
      ? `${jsonText({ run: path, out, weights: weights ?? null, of, windows, tensors, bytes }, 2)}\n`
      : `${out}: ${of} of ${tensors.length} weights on ${windows} windows, ${(bytes / 1e6).toPrecision(3)} MB\n`,
  );
  return exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function calibrateCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('calibrate')
    .description('Write what methods after training ask of a run: inputs of layers, or squared gradients.')
    .argument('<run>', 'folder of a run with a checkpoint, or a checkpoint file')
    .requiredOption('--out <file>', 'safetensors file to be written')
    .option('--weights <file>', "write the run's weights to this safetensors file")
    .option('--of <what>', `${calibrationKinds.join(' or ')}`, choice('--of', calibrationKinds), 'inputs')
    .option('--windows <n>', 'windows of a text, or samples', integer('--windows', 1, 100_000), 16)
    .option(
      '--length <n>',
      'characters of a window (default: those that the model sees at once)',
      integer('--length', 1, 65_536),
    )
    .option('--seed <n>', 'decides which windows', integer('--seed', 0, 2 ** 48), 1)
    .option('--json', 'print a JSON object')
    .addOption(backendOption());
  return addDataOptions(command)
    .addHelpText('after', help)
    .action(async (path: string, given: Given) => done(await calibrateRun(path, given, io)));
}
