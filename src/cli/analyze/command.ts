/**
 * `halfulp analyze` on the command line: what each of several quantisers does to a tensor, as a table, JSON or a picture. The numbers
 * come from `src/quantizers/analysis`.
 */

import { Command } from 'commander';
import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { prepareFile, writeWholeFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import type { ShapedNumbers } from '../../model-files/npy.ts';
import {
  canonicalQuantizerName,
  type ErrorPoint,
  errorAgainstBits,
  type NaNInGroups,
  namedQuantizer,
  nanTreatments,
  type Quantizer,
  type TransformData,
  transform,
} from '../../quantizers/index.ts';
import { type RoundingMode, roundingModes } from '../../rounding/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { readFormat, readOtherFormat } from '../formats/read-format.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice, integer, splitNames } from '../options.ts';
import { readJsonText } from '../read-file.ts';
import { bold } from '../text-table.ts';
import { loadData, readShape } from './data.ts';
import { distributionNames } from './distributions.ts';
import { analysisTable, codesPage } from './page.ts';

const defaultFormats = 'ternary,int4/block:32,mxfp4,nvfp4,mxfp6e2m3,int8,mxint8,e4m3fn,e5m2,mxfp8e4m3';

const examples = `
Examples:
  halfulp analyze                                         a list of formats on Gaussian numbers
  halfulp analyze --formats nvfp4,mxfp4 --data weights.npy
  halfulp analyze --formats int4,int4/row,int4/block:32/mse,e2m1/block:16/scale:ue5m3
  halfulp analyze --formats mxfp4 --data outliers --transform hadamard:32 --codes
  halfulp analyze --plot error.svg                        error against bits, as a picture
  halfulp analyze --json | jq '.results[] | [.name, .sqnr]'

A quantiser is a block format (mxfp4, nvfp4, bfp(7,16)), or a format with parts in any order:
what shares a scale (tensor, row, column, block:SIZE, tile:ROWSxCOLUMNS), what the scale is taken
from (absmax, absmean, absmedian, rms, std, minmax, mse) and its format (scale:e8m0); or
unscaled. Floats of more than 8 bits, posits and fixed point by themselves are unscaled.`;

/** The options as commander leaves them. */
interface GivenOptions {
  readonly formats: string;
  readonly data: string;
  readonly shape?: readonly number[];
  readonly seed: number;
  readonly rounding?: RoundingMode;
  readonly transform?: TransformData;
  readonly nan?: NaNInGroups;
  readonly codes?: boolean;
  readonly plot?: string;
  readonly json?: boolean;
}

/** A transform as typed: its name, `hadamard:16`, or its options as JSON. */
function readTransform(text: string): TransformData {
  const isJson = text.startsWith('{');
  const size = /^hadamard:(\d{1,9})$/.exec(text)?.[1];
  const word = size === undefined ? { name: text } : { name: 'hadamard', size: Number(size) };
  const data = isJson ? readJsonText(text, '--transform') : word;
  return refusedAs(
    () => transform(data as TransformData).toJSON(),
    ({ argument, accepted }) =>
      isJson || argument !== 'name'
        ? `--transform ${argument}`
        : new ArgumentError('--transform', text, `hadamard:SIZE, options as JSON, or ${accepted}`),
  );
}

/** The quantiser of a name, by the name with its format as the catalogue spells it; errors say what of it is wrong. */
function readQuantizer(
  text: string,
  { rounding, transform: data, seed, nan }: GivenOptions,
): readonly [name: string, quantizer: Quantizer] {
  const [name] = text.split('/') as [string, ...string[]];
  if (readOtherFormat(name, '--formats')?.kind !== 'block') readFormat(name, '--formats');
  return refusedAs(
    () => {
      const spelled = canonicalQuantizerName(text);
      const named = namedQuantizer(spelled, {
        ...(rounding !== undefined && { rounding }),
        ...(data !== undefined && { transform: data }),
        ...(nan !== undefined && { nan }),
        seed,
      });
      return [spelled, named] as const;
    },
    ({ argument }) => (argument === 'quantizer' ? '--formats' : `--formats ${text}: ${argument}`),
  );
}

/** The analyses; NaN in the data that a quantiser has no place for is a matter of `--nan`. */
function analyses(
  { values, shape }: ShapedNumbers,
  quantizers: Readonly<Record<string, Quantizer>>,
  { nan = 'error' }: GivenOptions,
): ErrorPoint[] {
  try {
    return errorAgainstBits(values, quantizers, { shape });
  } catch (error) {
    if (!(error instanceof RangeError) || !values.some(Number.isNaN)) throw error;
    throw new ArgumentError('--nan', nan, `zero, max or group, as the data have NaN (${error.message})`);
  }
}

/** An analysis as JSON has it; the codes only where they are asked for. */
const recordOf = ({ codes, ...rest }: ErrorPoint, withCodes: boolean): object =>
  withCodes ? { ...rest, codes } : { ...rest, codesUsed: codes.length };

function asJson(points: readonly ErrorPoint[], shape: readonly number[], given: GivenOptions): object {
  const { data, seed, rounding = 'nearest-even', transform = null, nan = null } = given;
  const results = points.map((point) => recordOf(point, given.codes === true));
  return { data, shape, seed, rounding, transform, nan, results };
}

/** Quantises, and writes what is asked for. */
async function analyze(io: Io, given: GivenOptions): Promise<void> {
  const quantizers = Object.fromEntries(
    splitNames('--formats', given.formats).map((name) => readQuantizer(name, given)),
  );
  if (given.plot !== undefined) prepareFile(given.plot, '--plot', [given.data]);
  const data = loadData(given.data, given.shape, given.seed);
  const { shape } = data;
  const points = analyses(data, quantizers, given);
  if (given.plot !== undefined) {
    const { errorPlot } = await import('./error-plot.ts');
    const notes = {
      data: `${given.data}, ${shape.join(' x ')}`,
      gaussian: given.data === 'gaussian' && given.transform === undefined,
    };
    writeWholeFile(given.plot, errorPlot(points, notes));
  }
  const style = {
    width: io.stdout.columns ?? Number.POSITIVE_INFINITY,
    emphasise: allowsStyle(io.stdout, io.environment) ? bold : (text: string) => text,
  };
  if (given.json) io.stdout.write(`${jsonText(asJson(points, shape, given), 2)}\n`);
  else {
    io.stdout.write(analysisTable(points, style));
    if (given.codes) for (const point of points) io.stdout.write(`\n${codesPage(point, style)}`);
  }
}

/** The command; its action hands the exit code to `done`. */
export function analyzeCommand(io: Io, done: (code: number) => void): Command {
  return new Command('analyze')
    .description(
      'Quantise a tensor in several ways and show what is lost: error, saturation, use of codes, size.',
    )
    .option('--formats <list>', 'quantisers, with commas between them', defaultFormats)
    .option('--data <what>', `${distributionNames.join(', ')}, FILE.npy or FILE.json`, 'gaussian')
    .option(
      '--shape <lengths>',
      "shape of the tensor (default: 64,1024, or the file's)",
      readShape('--shape'),
    )
    .option('--seed <n>', 'of drawn data and of stochastic rounding', integer('--seed', 0, 2 ** 48), 1)
    .option(
      '--rounding <mode>',
      'rounding of the elements (default: nearest-even)',
      choice('--rounding', roundingModes),
    )
    .option(
      '--transform <which>',
      'applied before and undone after: a name, hadamard:SIZE or JSON',
      readTransform,
    )
    .option(
      '--nan <what>',
      `what becomes of NaN: ${nanTreatments.join(', ')} (default: error, group for power-of-two scales)`,
      choice('--nan', nanTreatments),
    )
    .option('--codes', 'show how often each code is used')
    .option('--plot <file>', 'write error against bits to this SVG file')
    .option('--json', 'print a JSON object')
    .addHelpText('after', examples)
    .action(async (given: GivenOptions) => {
      await analyze(io, given);
      done(exitCodes.done);
    });
}
