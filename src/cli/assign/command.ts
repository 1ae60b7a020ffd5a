/**
 * `halfulp assign` on the command line: from what a run has measured to a recipe in which each layer has the format that it can bear.
 * The choice is `src/train/assign-formats.ts`.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { prepareFile, writeWholeFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import type { Checkpoint } from '../../train/checkpoint.ts';
import type { Assignment, SensitiveLayer } from '../../train/index.ts';
import { type XrNpeFormat, xrNpeFormats } from '../../train/recipes/xr-npe.ts';
import type { Sensitivity } from '../../train/sensitive-layers.ts';
import { exitCodes } from '../exit-codes.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice, real, splitNames } from '../options.ts';
import { readPointer } from '../run-files.ts';
import { bold, type Column, formatTable } from '../text-table.ts';

const help = `
A layer's cost in a format is the sum over its weights of h (image - weight)^2, h being the mean square of the weight's
gradients, which AdamW's second moment estimates. The narrowest formats come first; the wider one that saves most for each
bit that it adds is taken as long as the budget lasts.

  halfulp train float32.json --steps 500 --name first
  halfulp assign runs/first --bits 6 --out xr-npe.json     { "recipe": "xrNpe", "layers": { ... } }
  halfulp train xr-npe.json --steps 1000`;

interface GivenOptions {
  readonly bits: number;
  readonly formats?: readonly XrNpeFormat[];
  readonly sensitivity: Sensitivity;
  readonly out?: string;
  readonly json?: boolean;
}

function readFormats(text: string): readonly XrNpeFormat[] {
  const read = choice('--formats', xrNpeFormats);
  return splitNames('--formats', text).map(read);
}

/** The newest checkpoint of a run folder, or the one of a file. Throws ArgumentError naming `<run>`, or DamagedFileError. */
async function checkpointOf(path: string): Promise<Checkpoint> {
  const { readCheckpoint } = await import('../../train/files.ts');
  const found = statSync(path, { throwIfNoEntry: false });
  const file = found?.isDirectory() ? readPointer(join(path, 'checkpoint.json')) : null;
  if (found === undefined || (found.isDirectory() && file === null))
    throw new ArgumentError('<run>', path, 'the folder of a run with a checkpoint, or a checkpoint file');
  return readCheckpoint(file === null ? path : join(path, file));
}

const columns: readonly Column[] = [
  { heading: ['', 'layer'], name: 'layer', align: 'left' },
  { heading: ['', 'weights'], name: 'weights', align: 'right' },
  { heading: ['', 'format'], name: 'format', align: 'left' },
];

/** Layers and their formats as a table. */
function shown(layers: readonly SensitiveLayer[], { formats, bits, cost }: Assignment<XrNpeFormat>, io: Io) {
  const rows = layers.map(({ name, weights }) => [name, String(weights.length), formats[name]!]);
  const { stdout } = io;
  const width = stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  const emphasise = allowsStyle(stdout, io.environment) ? bold : (text: string) => text;
  return `${formatTable(columns, rows, { width, emphasise })}\n${Number(bits.toFixed(4))} bits a weight in the mean; cost ${cost.toPrecision(4)}\n`;
}

async function assign(path: string, given: GivenOptions, io: Io): Promise<number> {
  if (given.out !== undefined) prepareFile(given.out, '--out');
  const checkpoint = await checkpointOf(path);
  const { assignXrNpe, sensitiveLayers } = await import('../../train/index.ts');
  const layers = sensitiveLayers(checkpoint, given.sensitivity);
  const assigned = assignXrNpe(layers, given.bits, given.formats);
  const recipe = { recipe: 'xrNpe', layers: assigned.formats };
  if (given.out !== undefined) writeWholeFile(given.out, `${JSON.stringify(recipe, null, 2)}\n`);
  const { bits, cost } = assigned;
  io.stdout.write(given.json ? `${jsonText({ recipe, bits, cost }, 2)}\n` : shown(layers, assigned, io));
  return exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function assignCommand(io: Io, done: (code: number) => void): Command {
  return new Command('assign')
    .description('Choose a format for each layer by what a run has measured, and write the recipe.')
    .argument('<run>', 'folder of a run with a checkpoint, or a checkpoint file')
    .option('--bits <mean>', 'the most bits that a weight may have, in the mean', real('--bits', 0, 64), 6)
    .option('--formats <list>', `formats to choose from (default: ${xrNpeFormats.join(',')})`, readFormats)
    .option(
      '--sensitivity <what>',
      "what a weight's error costs: its mean squared gradient (gradients), or alike (weights)",
      choice('--sensitivity', ['gradients', 'weights']),
      'gradients',
    )
    .option('--out <file>', 'write the recipe: { "recipe": "xrNpe", "layers": ... }')
    .option('--json', 'print recipe, bits and cost as JSON')
    .addHelpText('after', help)
    .action(async (path: string, given: GivenOptions) => done(await assign(path, given, io)));
}
