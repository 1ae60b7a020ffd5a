/** `halfulp law` on the command line: what scaling laws say of a format, a split of bits, quantisation; and laws fitted to runs. */
import { Command } from 'commander';
import { checkFields } from '../../check.ts';
import { prepareFile, writeWholeFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import {
  bestSplit,
  criticalTokens,
  fitLaw,
  floatingPointLaw,
  type LawFormName,
  lawForms,
  quantizationLaw,
} from '../../laws/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { readFormat } from '../formats/read-format.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice, integer, splitNames } from '../options.ts';
import { bold, type TableStyle } from '../text-table.ts';
import { fitPage, formatsPage, quantizationPage, splitPage } from './page.ts';
import { amount, assignments } from './read.ts';
import { readRows } from './rows.ts';

const defaultFormats = 'bfloat16,binary16,e4m3fn,e5m2,e3m2,e2m3,e2m1';

const examples = `
Examples:
  halfulp law formats --parameters 7B --tokens 2T           the loss by format, and the tokens beyond which it rises
  halfulp law formats --formats e4m3fn,e2m1 --block 32 --plot loss.svg
  halfulp law split --bits 4,6,8                            exponent and mantissa of the best format of so many bits
  halfulp law quantization --parameters 1B --groups 32,128  what 4-bit weights and activations add to the loss
  halfulp law fit runs/my-sweep --form chinchilla --at parameters=1B,tokens=100B
  halfulp law fit runs.csv --form power --plot fit.svg`;

const styleOf = (io: Io): TableStyle => ({
  width: io.stdout.columns ?? Number.POSITIVE_INFINITY,
  emphasise: allowsStyle(io.stdout, io.environment) ? bold : (text) => text,
});

/** Prints what was found, as JSON or as a page. */
function print(io: Io, json: boolean | undefined, found: object, page: (style: TableStyle) => string): void {
  io.stdout.write(json ? `${jsonText(found, 2)}\n` : page(styleOf(io)));
}

interface Sized {
  readonly parameters: number;
  readonly tokens: number;
  readonly json?: boolean;
}

type Done = (code: number) => void;

function formatsCommand(io: Io, done: Done): Command {
  return new Command('formats')
    .description(
      'The loss that training in a format ends with, and the tokens beyond which it rises (arXiv 2501.02423).',
    )
    .option('--formats <list>', 'floating-point formats, with commas between them', defaultFormats)
    .option('--parameters <n>', 'of the model: 7e9, 7B, 300M', amount('--parameters'), 1e9)
    .option('--tokens <n>', 'that it is trained on: 2e12, 2T', amount('--tokens'), 1e11)
    .option('--block <n>', 'elements that share a scale', integer('--block', 2, 2 ** 31), 128)
    .option('--plot <file>', 'write the loss against tokens to this SVG file')
    .option('--json', 'print a JSON object')
    .action(async (given: Sized & { formats: string; block: number; plot?: string }) => {
      const { parameters, tokens, block, plot } = given;
      const rows = splitNames('--formats', given.formats).map((text) => {
        const { name } = readFormat(text, '--formats');
        const options = { format: name, parameters, block };
        return {
          format: name,
          ...floatingPointLaw({ ...options, tokens }),
          criticalTokens: criticalTokens(options),
        };
      });
      if (plot !== undefined) {
        prepareFile(plot, '--plot');
        const { formatsPlot } = await import('./plot.ts');
        writeWholeFile(plot, formatsPlot(rows, { parameters, tokens, block }));
      }
      print(io, given.json, { parameters, tokens, block, formats: rows }, (style) =>
        formatsPage(rows, { parameters, tokens, block }, style),
      );
      done(exitCodes.done);
    });
}

function splitCommand(io: Io, done: Done): Command {
  return new Command('split')
    .description('Exponent and mantissa of the best format of so many bits (arXiv 2501.02423).')
    .option('--bits <list>', 'sign included, with commas between them', '4,5,6,7,8,12,16')
    .option('--json', 'print a JSON object')
    .action((given: { bits: string; json?: boolean }) => {
      const read = integer('--bits', 2, 32);
      const splits = splitNames('--bits', given.bits).map((text) => {
        const bits = read(text);
        return { bits, ...bestSplit(bits) };
      });
      print(io, given.json, { splits }, (style) => splitPage(splits, style));
      done(exitCodes.done);
    });
}

function quantizationCommand(io: Io, done: Done): Command {
  return new Command('quantization')
    .description(
      'What 4-bit weights and activations add to the loss in quantisation-aware training (arXiv 2505.14302).',
    )
    .option('--parameters <n>', 'of the model: 7e9, 7B, 300M', amount('--parameters'), 1e9)
    .option('--tokens <n>', 'that it is trained on: 2e12, 2T', amount('--tokens'), 1e11)
    .option('--groups <list>', 'elements that share a scale, with commas between them', '32,64,128,256')
    .option('--json', 'print a JSON object')
    .action((given: Sized & { groups: string }) => {
      const { parameters, tokens } = given;
      const read = integer('--groups', 2, 2 ** 31);
      const groups = splitNames('--groups', given.groups).map((text) => {
        const group = read(text);
        return { group, loss: quantizationLaw({ parameters, tokens, group }) };
      });
      print(io, given.json, { parameters, tokens, groups }, (style) =>
        quantizationPage(groups, { parameters, tokens }, style),
      );
      done(exitCodes.done);
    });
}

interface GivenFit {
  readonly form: LawFormName;
  readonly arms?: string;
  readonly fix?: Record<string, number>;
  readonly at?: Record<string, number>;
  readonly starts: number;
  readonly seed: number;
  readonly plot?: string;
  readonly json?: boolean;
}

async function fitToRuns(path: string, given: GivenFit, io: Io): Promise<void> {
  const { form, fix = {}, at, starts, seed, plot } = given;
  const { parameters, variables } = lawForms[form];
  checkFields('--fix', fix, Object.keys(parameters));
  checkFields('--at', at, variables);
  if (plot !== undefined) prepareFile(plot, '--plot', [path]);
  const { rows, diverged } = await readRows(
    path,
    given.arms === undefined ? undefined : splitNames('--arms', given.arms),
  );
  const fitted = await fitLaw(form, rows, { fixed: fix, starts, seed });
  const prediction = at === undefined ? null : { at, ...fitted.predict(at) };
  if (plot !== undefined) {
    const { fitPlot } = await import('./plot.ts');
    writeWholeFile(plot, fitPlot(rows, fitted));
  }
  const { predict: _, ...found } = fitted;
  print(io, given.json, { ...found, diverged, prediction }, (style) =>
    fitPage(fitted, { diverged, prediction }, style),
  );
}

const formList = Object.entries(lawForms)
  .map(([name, { formula }]) => `  ${name.padEnd(15)} loss = ${formula}`)
  .join('\n');

function fitCommand(io: Io, done: Done): Command {
  const forms = Object.keys(lawForms) as LawFormName[];
  return new Command('fit')
    .description('A law fitted to runs by least squares, with 95 % intervals.')
    .argument(
      '<runs>',
      "the folder of a sweep, or its results.json; CSV or JSON with the law's variables and loss",
    )
    .option('--form <name>', forms.join(', '), choice('--form', forms), 'chinchilla')
    .option('--arms <list>', "of a sweep's arms those that count, with commas between them")
    .option('--fix <list>', 'parameters that are not fitted: a=40,alpha=0.3', assignments('--fix'))
    .option('--at <list>', 'variables to foretell the loss at: parameters=7B,tokens=2T', assignments('--at'))
    .option('--starts <n>', 'points that the search begins at', integer('--starts', 1, 10_000), 24)
    .option('--seed <n>', 'of these points', integer('--seed', 0, 2 ** 32 - 1), 1)
    .option('--plot <file>', 'write the losses of the runs against those of the law to this SVG file')
    .option('--json', 'print a JSON object')
    .addHelpText('after', `\nForms:\n${formList}`)
    .action(async (path: string, given: GivenFit) => {
      await fitToRuns(path, given, io);
      done(exitCodes.done);
    });
}

/** The command; the action of its part hands the exit code to `done`. */
export function lawCommand(io: Io, done: Done): Command {
  return new Command('law')
    .description('Scaling laws of training in low precision: what they foretell, and fits to runs.')
    .addHelpText('after', examples)
    .addCommand(formatsCommand(io, done))
    .addCommand(splitCommand(io, done))
    .addCommand(quantizationCommand(io, done))
    .addCommand(fitCommand(io, done));
}
