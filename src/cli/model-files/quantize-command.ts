/** `halfulp quantize` on the command line: the work is `src/model-files`. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { prepareFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import type { ModelRule, QuantizeModelOptions } from '../../model-files/index.ts';
import { type AfterMethod, afterMethods } from '../../model-files/method-names.ts';
import { type NaNInGroups, nanTreatments } from '../../quantizers/index.ts';
import { type RoundingMode, roundingModes } from '../../rounding/index.ts';
import type { Io } from '../io.ts';
import { choice, integer } from '../options.ts';
import { readJson } from '../read-file.ts';
import { fileWork } from './file-work.ts';
import { quantizedPage } from './page.ts';

const help = `
Reads safetensors (FILE.safetensors, or FILE.safetensors.index.json of several), TensorFlow.js (model.json and its shards),
ONNX (initialisers, external data too) and NumPy (.npy, .npz), a part of a tensor at a time.

  halfulp quantize model.safetensors --to mxfp4                       codes and scales: model-mxfp4.safetensors
  halfulp quantize model.onnx --to int4/block:32 --dequantized --out small.onnx     values in the file's own layout
  halfulp quantize model.json --to nvfp4 --check                      measure, write nothing
  halfulp quantize model.safetensors --rules rules.json --out q.safetensors

Rules are a list; of those that match a tensor's name the last one counts. * is anything between . and /, ** anything:
  [{ "match": "**.mlp.**", "to": "mxfp4" }, { "match": "**.norm.**", "to": "keep" }, { "match": "embed.weight", "to": "int8/row" }]
--to is for all others: floats of two axes or more (any floats, in a file without such). Integers stay as they are.

A quantiser is a block format (mxfp4, nvfp4, bfp(7,16)), or a format with parts: int4/row, e2m1/block:16/scale:e4m3fn
(halfulp analyze --help). halfulp dequantize reads the result.`;

interface Given {
  readonly to?: string;
  readonly axis?: number;
  readonly rules?: string;
  readonly rounding?: RoundingMode;
  readonly nan?: NaNInGroups;
  readonly seed: number;
  readonly threads: number;
  readonly out?: string;
  readonly dequantized?: boolean;
  readonly check?: boolean;
  readonly after?: AfterMethod;
  readonly bits?: number;
  readonly rank?: number;
  readonly calibration?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The name of a file that is not told: in the working folder. */
function outOf(model: string, { to, after, out, dequantized, check }: Given): string | undefined {
  if (out !== undefined) return out;
  if (check) return undefined;
  if (dequantized)
    throw new ArgumentError('--out', out, 'the name of the file to be written, with --dequantized');
  const stem = basename(model).replace(/(\.safetensors\.index)?\.\w+$/, '');
  const made = [to, after === 'nearest' ? undefined : after].filter((word) => word !== undefined);
  const how = made.length === 0 ? 'rules' : made.join('-');
  const name = `${stem}-${how.replace(/[^A-Za-z0-9.]+/g, '-').replace(/-+$/, '')}.safetensors`;
  if (existsSync(name)) throw new ArgumentError('--out', undefined, `a name: there is ${name} already`);
  return name;
}

const names = {
  ...{ path: '<model>', to: '--to', axis: '--axis', rules: '--rules ', out: '--out' },
  ...{ dequantized: '--dequantized', nan: '--nan', after: '--after', bits: '--bits', rank: '--rank' },
  calibration: '--calibration',
};

async function quantize(model: string, given: Given, io: Io): Promise<number> {
  const { to, axis, rules, rounding, nan, seed, threads, dequantized } = given;
  const isOwn = ['kmeans', 'bitmask', 'minifloat'].includes(given.after ?? '');
  if (to === undefined && rules === undefined && !isOwn)
    throw new ArgumentError('--to', to, 'a quantiser, such as mxfp4 or int4/row, unless there are --rules');
  const read = rules === undefined ? undefined : (readJson(rules, '--rules') as readonly ModelRule[]);
  const out = outOf(model, given);
  const { after, bits, rank, calibration } = given;
  if (out !== undefined) prepareFile(out, '--out', [model, rules, calibration]);
  const method = { after, bits, rank, calibration };
  const options = { to, axis, rules: read, rounding, nan, out, dequantized, ...method };
  const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return fileWork(
    io,
    given.quiet === true,
    names,
    async (watched) => {
      const { quantizeModel } = await import('../../model-files/index.ts');
      return quantizeModel(model, { ...said, seed, threads, ...watched } as QuantizeModelOptions);
    },
    (report) =>
      io.stdout.write(
        given.json
          ? `${jsonText({ model, out: out ?? null, ...report }, 2)}\n`
          : quantizedPage(report, { out, withTensors: given.check === true }, io),
      ),
  );
}

/** The command; its action hands the exit code to `done`. */
export function quantizeCommand(io: Io, done: (code: number) => void): Command {
  return new Command('quantize')
    .description("Quantise a model file's tensors, and write codes and scales, or values in its own layout.")
    .argument(
      '<model>',
      'FILE.safetensors, FILE.safetensors.index.json, model.json, FILE.onnx, FILE.npy or FILE.npz',
    )
    .option('--to <quantiser>', 'quantiser of all tensors that no rule names: mxfp4, nvfp4, int4/row, ...')
    .option('--rules <file>', 'JSON file with rules by names of tensors')
    .option(
      '--axis <n>',
      'axis along which blocks of --to lie (default: the last)',
      integer('--axis', -64, 63),
    )
    .option(
      '--rounding <mode>',
      'rounding of the elements (default: nearest-even)',
      choice('--rounding', roundingModes),
    )
    .option('--seed <n>', 'of stochastic rounding', integer('--seed', 0, 2 ** 48), 0)
    .option(
      '--nan <what>',
      `what becomes of NaN: ${nanTreatments.join(', ')} (default: error, group for power-of-two scales)`,
      choice('--nan', nanTreatments),
    )
    .option('--threads <n>', 'threads that share the work', integer('--threads', 1, 64), 1)
    .option('--out <file>', 'file to be written (default: MODEL-QUANTISER.safetensors in this folder)')
    .option('--dequantized', "write values in the file's own layout and types, instead of codes and scales")
    .option('--check', 'show errors, and the tensors that lose most; without --out nothing is written')
    .option(
      '--after <method>',
      `method after training: ${afterMethods.join(', ')} (default: nearest)`,
      choice('--after', afterMethods),
    )
    .option('--bits <n>', 'kmeans, minifloat: bits of a code (default: 3, 4)', integer('--bits', 1, 8))
    .option('--rank <n>', 'lowRankError: rank of the term (default: 8)', integer('--rank', 1, 2 ** 20))
    .option(
      '--calibration <file>',
      'model file with inputs of the layers (secondOrder, bitmask) or squared gradients (kmeans), by names of tensors',
    )
    .option('--json', 'print a JSON object')
    .option('--quiet', 'show no progress')
    .addHelpText('after', help)
    .action(async (model: string, given: Given) => done(await quantize(model, given, io)));
}
