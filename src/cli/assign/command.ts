/**
 * `halfulp assign` on the command line: from what a run has measured, or a model file holds, to a recipe or to rules in which each layer has
 * the format that it can bear. What formats cost is sources.ts, the choice `src/train/assign-formats.ts`.
 */
import { Command } from 'commander';
import { refusedAs } from '../../check.ts';
import { prepareFile, writeWholeFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import { xrNpeFormats } from '../../train/recipes/xr-npe.ts';
import { addDataOptions, type DataOptions, dataOptions } from '../data-options.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { choice, integer, real, splitNames } from '../options.ts';
import { backendOption } from '../training-options.ts';
import { assignedPage } from './page.ts';
import { type AssignSettings, sensitivities, sourceOf } from './sources.ts';

const help = `
What a format costs a layer (--sensitivity), h (image - weight)^2 summed over its weights but for the last:
  gradients   h: the mean square of the weight's gradients, which AdamW's second moment estimates (a run's default)
  weights     h: 1 (a model file's default)
  sqnr        h: one over the sum of the layer's squares
  hessian     h: half the mean second derivative in the layer, by random vectors (Hutchinson; HAWQ-V2)
  eigenvalue  h: half of |mean| + deviation of the Hessian's largest eigenvalue over the batches (Q-BERT)
  loss        what the loss grows by where this layer alone has the format
The last three run the model on training batches; the data are said as for train.

  halfulp train float32.json --steps 500 --name first
  halfulp assign runs/first --bits 6 --out xr-npe.json     { "recipe": "xrNpe", "layers": { ... } }
  halfulp train xr-npe.json --steps 1000
  halfulp assign runs/first --formats int2/block:128,int4/block:128,int8/block:128 --sensitivity hessian --bits 4 --plot front.svg
  halfulp assign model.json --axis 0 --formats int4/block:32,int8/block:32,bfloat16 --bits 6 --out rules.json
  halfulp quantize model.json --rules rules.json`;

interface Given extends AssignSettings, DataOptions {
  readonly bits: number;
  readonly by: 'exact' | 'greedy';
  readonly plot?: string;
  readonly out?: string;
  readonly json?: boolean;
}

async function assign(path: string, given: Given, io: Io): Promise<number> {
  const { bits, by, plot, out } = given;
  if (out !== undefined) prepareFile(out, '--out', [path]);
  if (plot !== undefined) prepareFile(plot, '--plot', [path, out]);
  const source = await sourceOf(path, { ...given, data: dataOptions(given) }, io);
  if (typeof source === 'number') return source;
  try {
    const { assignPlaces, frontOfPlaces, uniformAssignments } = await import('../../train/assign-formats.ts');
    const { places, formats } = source;
    const { assigned, front } = refusedAs(
      () => ({
        assigned: assignPlaces(places, bits, by),
        front: { exact: frontOfPlaces(places, 'exact'), greedy: frontOfPlaces(places, 'greedy') },
      }),
      ({ argument }) => `--${argument}`,
    );
    const uniform = uniformAssignments(source.all, formats);
    const written = source.write(assigned.formats);
    const losses = source.lossOf && { float32: source.lossOf({}), assigned: source.lossOf(assigned.formats) };
    if (plot !== undefined) {
      const { frontPlot } = await import('./plot.ts');
      writeWholeFile(plot, frontPlot(front, uniform, { assigned, sensitivity: source.sensitivity }));
    }
    if (out !== undefined) writeWholeFile(out, `${JSON.stringify(written.content, null, 2)}\n`);
    const { cost, bytes } = assigned;
    const points = (list: typeof front.exact) => list.map(({ formats: _, ...point }) => point);
    const shown = {
      ...{ [written.name]: written.content, bits: assigned.bits, bytes, cost, by },
      ...{ sensitivity: source.sensitivity, ...(losses && { losses }), uniform },
      front: { exact: points(front.exact), greedy: points(front.greedy) },
    };
    io.stdout.write(
      given.json ? `${jsonText(shown, 2)}\n` : assignedPage(places, assigned, { uniform, losses }, io),
    );
  } finally {
    source.dispose();
  }
  return exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function assignCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('assign')
    .description(
      'Choose a format for each layer by what it costs, and write a recipe, or rules for quantize.',
    )
    .argument('<run>', 'folder of a run with a checkpoint, a checkpoint file, or a model file')
    .option('--bits <mean>', 'the most bits that a weight may have, in the mean', real('--bits', 0, 64), 6)
    .option(
      '--formats <list>',
      `quantisers to choose from (default: ${xrNpeFormats.join(',')}; of a model file: int4/row,int8/row,bfloat16)`,
      (text: string) => splitNames('--formats', text),
    )
    .option(
      '--sensitivity <what>',
      `what an error costs: ${sensitivities.join(', ')}`,
      choice('--sensitivity', sensitivities),
    )
    .option(
      '--by <how>',
      'exact: nothing within the bits costs less; greedy: what saves most for each bit comes first',
      choice('--by', ['exact', 'greedy']),
      'exact',
    )
    .option(
      '--batches <n>',
      'training batches that are measured (default: 4)',
      integer('--batches', 1, 10_000),
    )
    .option(
      '--draws <n>',
      'random vectors a batch, or rounds of power iteration (default: 8)',
      integer('--draws', 1, 10_000),
    )
    .option(
      '--axis <n>',
      'of a model file: the axis along which blocks lie (default: the last)',
      integer('--axis', -64, 63),
    )
    .option(
      '--plot <file>',
      'write the cost against the bytes of all assignments worth their bytes to this SVG file',
    )
    .option('--out <file>', 'write the recipe, or the rules')
    .option('--json', 'print recipe or rules, bits, bytes, cost and the front as JSON')
    .addOption(backendOption());
  return addDataOptions(command)
    .addHelpText('after', help)
    .action(async (path: string, given: Given) => done(await assign(path, given, io)));
}
