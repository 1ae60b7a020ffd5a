/** `halfulp calibrate` on the command line: what methods after training ask of a run, from windows of its own data. */

import type { Tensor } from '@tensorflow/tfjs';
import { Command } from 'commander';
import { type RangeName, rangeNames } from '../../after/activation-range.ts';
import { atMost, checkAbsent, refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { bytesOf, safetensorsHead, type TensorHeading } from '../../files/safetensors.ts';
import { openWholeFile, prepareFile, writeWholeFile } from '../../files/write.ts';
import type { FormatSpelling } from '../../formats/index.ts';
import { jsonText } from '../../json.ts';
import { calibrationMetadata } from '../../model-files/calibration-file.ts';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { type Calibration, type CalibrationKind, calibrationKinds } from '../../train/calibration.ts';
import type { EngineParameter } from '../../train/engine/parameters.ts';
import { addDataOptions, type DataOptions, dataOptions } from '../data-options.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { choice, integer, real } from '../options.ts';
import { readRun } from '../run-source.ts';
import { backendOption } from '../training-options.ts';
import {
  addModelOptions,
  isModelFile,
  type ModelData,
  refuseModelData,
  refuseRunData,
} from './model-options.ts';

const help = `
Writes a safetensors file with, for each weight that a product reads, its layer's inputs, a row for each position, or, for each
weight, its mean squared gradients, under the weight's name: what quantize takes as --calibration, and where outputs are; or
activations as they are. Of ranges it writes a recipe, in which each layer reads its inputs through the quantiser of one scale that
fits what was seen: evaluate --recipe, and train, take it. The model is read in float32. --weights writes its weights under the same names.

Windows of a run are drawn from its training part, as batches are:
  halfulp train float32.json --model mlp --steps 600 --name first
  halfulp calibrate runs/first --windows 64 --out inputs.safetensors --weights first.safetensors
  halfulp quantize first.safetensors --after secondOrder --to int3/row --calibration inputs.safetensors --out q.safetensors
  halfulp calibrate runs/first --of ranges --to uint8 --range percentile --out ranges.json
  halfulp evaluate runs/first --weights q.safetensors --recipe ranges.json

Those of a layers model of TensorFlow.js are the samples of a file, in their order; gradients need what it should give, and a loss:
  halfulp calibrate model.json --inputs x.npy --out inputs.safetensors
  halfulp quantize model.json --after secondOrder --to int3/row --calibration inputs.safetensors --out q.safetensors
  halfulp calibrate model.json --of gradients --inputs x.npy --targets y.npy --out fisher.safetensors
  halfulp evaluate model.json --inputs x.npy --targets y.npy --weights q.safetensors`;

interface Given extends DataOptions, ModelData {
  readonly of: CalibrationKind | 'ranges';
  readonly to?: string;
  readonly range?: RangeName;
  readonly percentile?: number;
  readonly bits?: number;
  readonly windows?: number;
  readonly length?: number;
  readonly seed?: number;
  readonly out: string;
  readonly weights?: string;
  readonly backend: 'wasm' | 'cpu';
  readonly json?: boolean;
}

/** Writes tensors of binary32. */
function writeTensors(
  path: string,
  tensors: ReadonlyMap<string, Calibration>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const file = openWholeFile(path);
  const headings = [...tensors].map(([name, { shape }]): TensorHeading => ({ name, dtype: 'F32', shape }));
  file.write(safetensorsHead(headings, metadata));
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

/** A model asked window by window. */
interface Program {
  readonly parameters: readonly EngineParameter[];
  readonly weights: Map<string, Calibration>;
  readonly windows: number;
  run(window: number): Tensor | Tensor[];
  dispose(): void;
}

async function openRun(path: string, given: Given): Promise<[TensorFlow, Program]> {
  refuseModelData(given);
  const { windows = 16, length, seed = 1, of } = given;
  const source = await readRun(path, dataOptions(given));
  const [{ openBackend }, { openRunWindows }] = await Promise.all([
    import('../backend.ts'),
    import('../../train/run-model.ts'),
  ]);
  const tf = await openBackend(given.backend);
  const opened = refusedAs(
    () => openRunWindows(tf, source, { length, seed }),
    ({ argument }) => named(argument),
  );
  return [tf, { ...opened, windows, run: of === 'gradients' ? opened.loss : opened.answers }];
}

async function openModel(path: string, given: Given): Promise<[TensorFlow, Program]> {
  const { of, length, seed } = given;
  const others = { '--length': length, '--seed': seed };
  for (const [option, value] of Object.entries(others))
    checkAbsent(option, value, 'nothing for a model file, whose windows are the samples of --inputs');
  refuseRunData(given);
  if (of !== 'gradients')
    for (const option of ['targets', 'loss'] as const)
      checkAbsent(`--${option}`, given[option], 'nothing, unless --of is gradients');
  const { openBackend } = await import('../backend.ts');
  const { openLayersModel } = await import('./layers-model.ts');
  const tf = await openBackend(given.backend);
  const opened = await openLayersModel(tf, path, given);
  const { samples } = opened;
  const windows = given.windows ?? samples;
  atMost('--windows', windows, samples, 'samples of --inputs');
  const asked = of === 'gradients' ? opened.loss : opened.answers;
  return [tf, { ...opened, windows, run: (window) => asked(window, 1) }];
}

/** What is said of ranges. */
const rangeOptions = ['to', 'range', 'percentile', 'bits'] as const;

/** Writes a recipe in which each layer reads its inputs through the quantiser that its activations ask for. */
async function writeRanges(activations: ReadonlyMap<string, Calibration>, given: Given) {
  const { to, range, percentile, bits } = given;
  const [{ activationRange }, { float32 }] = await Promise.all([
    import('../../after/index.ts'),
    import('../../train/recipes/baselines.ts'),
  ]);
  const said = { format: to as FormatSpelling, range, percentile, bits };
  const options = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  const ranges = [...activations].map(([layer, { values }]) => {
    const { quantizer, error } = refusedAs(
      () => activationRange(values, options),
      ({ argument, given: got, accepted }) =>
        argument === 'x'
          ? new ArgumentError(
              '<run>',
              got,
              `a model whose activations are ${accepted}: those of ${layer} are not`,
            )
          : `--${argument === 'format' ? 'to' : argument}`,
    );
    return { layer, quantizer, error };
  });
  const how = bits === undefined ? `${to ?? 'uint8'}-${range ?? 'minmax'}` : `${bits}-bits`;
  const recipe = {
    ...float32(),
    name: `ranges-${how.replace(/[^A-Za-z0-9.]+/g, '-')}`.slice(0, 100),
    title: 'activations in ranges that a calibration found',
    rules: ranges.map(({ layer, quantizer: x }) => ({ where: { layer }, set: { forward: { x } } })),
  };
  writeWholeFile(given.out, `${JSON.stringify(recipe, null, 2)}\n`);
  return ranges;
}

async function calibrateOne(path: string, given: Given, io: Io): Promise<number> {
  const { out, weights, of } = given;
  const read = [path, given.inputs, given.targets];
  prepareFile(out, '--out', read);
  if (weights !== undefined) prepareFile(weights, '--weights', [...read, out]);
  const isFile = isModelFile(path);
  const areRanges = of === 'ranges';
  if (!areRanges)
    for (const option of rangeOptions)
      checkAbsent(`--${option}`, given[option], 'nothing, unless --of is ranges');
  const [tf, program] = await (isFile ? openModel : openRun)(path, given);
  const { windows } = program;
  const { calibrationOf } = await import('../../train/calibration.ts');
  let made: Map<string, Calibration>;
  try {
    made = refusedAs(
      () =>
        calibrationOf(tf, program.parameters, {
          ...{ run: program.run, windows, of: areRanges ? 'activations' : of },
        }),
      ({ argument }) => named(argument),
    );
  } finally {
    program.dispose();
  }
  if (weights !== undefined) writeTensors(weights, program.weights);
  const who = isFile ? { model: path } : { run: path };
  if (areRanges) {
    const layers = await writeRanges(made, given);
    const shown = { ...who, out, weights: weights ?? null, of, windows, layers };
    io.stdout.write(
      given.json
        ? `${jsonText(shown, 2)}\n`
        : `${out}: a recipe with ranges of the inputs of ${layers.length} weights on ${windows} windows\n`,
    );
    return exitCodes.done;
  }
  writeTensors(out, made, of === 'activations' ? {} : calibrationMetadata(of, made));
  const tensors = [...made].map(([name, { shape }]) => ({ name, shape }));
  const bytes = tensors.reduce((sum, { shape }) => sum + bytesOf(sizeOf(shape), 'F32'), 0);
  io.stdout.write(
    given.json
      ? `${jsonText({ ...who, out, weights: weights ?? null, of, windows, tensors, bytes }, 2)}\n`
      : `${out}: ${of} of ${tensors.length} weights on ${windows} windows, ${(bytes / 1e6).toPrecision(3)} MB\n`,
  );
  return exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function calibrateCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('calibrate')
    .description(
      'Write what methods after training ask of a run or a model: inputs of layers, or squared gradients.',
    )
    .argument('<run>', 'folder of a run with a checkpoint, a checkpoint file, or model.json of TensorFlow.js')
    .requiredOption('--out <file>', 'safetensors file to be written, or a recipe of ranges')
    .option('--weights <file>', "write the run's weights to this safetensors file")
    .option(
      '--of <what>',
      [...calibrationKinds, 'ranges'].join(', '),
      choice('--of', [...calibrationKinds, 'ranges'] as const),
      'inputs',
    )
    .option('--to <format>', 'of ranges: of the elements, unsigned integers affine (default: uint8)')
    .option(
      '--range <how>',
      `of ranges: ${rangeNames.join(', ')} (default: minmax)`,
      choice('--range', rangeNames),
    )
    .option('--percentile <p>', 'of --range percentile (default: 99.9)', real('--percentile', 50, 100))
    .option(
      '--bits <n>',
      'of ranges, in place of --to: search exponent bits and bias of a float, or an integer, of so many',
      integer('--bits', 3, 8),
    )
    .option(
      '--windows <n>',
      'windows of a text, or samples (default: 16; of a model file all of --inputs)',
      integer('--windows', 1, 100_000),
    )
    .option(
      '--length <n>',
      'characters of a window (default: those that the model sees at once)',
      integer('--length', 1, 65_536),
    )
    .option('--seed <n>', 'decides which windows (default: 1)', integer('--seed', 0, 2 ** 48))
    .option('--json', 'print a JSON object')
    .addOption(backendOption());
  return addDataOptions(addModelOptions(command))
    .addHelpText('after', help)
    .action(async (path: string, given: Given) => done(await calibrateOne(path, given, io)));
}
