/**
 * What a model is trained on, as the command line names it: it reads files, refuses them by the option that named them,
 * and identifies data. Texts are training-text.ts; formats of files, scaling and splitting belong to `train`.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { checkAbsent } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { isFolder, largestFile } from '../files/read.ts';
import { csvData } from '../train/csv.ts';
import { idxData } from '../train/idx.ts';
import type { LabelledData } from '../train/labelled-data.ts';
import { mnist } from '../train/mnist.ts';
import { isLanguageModel, models } from '../train/model-config.ts';
import { isLabelled, type TrainingData } from '../train/tasks.ts';
import { grouped } from './compare/table.ts';
import { checkDataFor, type DataOptions } from './data-options.ts';
import { readBytes } from './read-file.ts';
import { identifyText, loadText, type TextIdentity } from './training-text.ts';

/** What identifies samples without naming a place on this machine. */
export interface SamplesIdentity {
  readonly name: string;
  readonly features: number;
  readonly classes: readonly string[];
  readonly trainingSamples: number;
  readonly validationSamples: number;
  /** Hexadecimal SHA-256 of inputs (binary32) and labels (32-bit integers), training before validation. */
  readonly sha256: string;
}

const readData = (path: string, option: string): Uint8Array => readBytes(path, option, largestFile.text);

/** Runs a reader; what it finds wrong is of the file that `fileOf` names for the argument. */
async function refusing<T>(
  read: () => Promise<T>,
  fileOf: (argument: string) => { readonly option: string; readonly path: string } | undefined,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const file = fileOf(error.argument);
    if (file === undefined) throw error;
    throw new ArgumentError(file.option, file.path, `${error.accepted}; it has ${String(error.given)}`);
  }
}

/** The file of a standard name in a folder, as MNIST and its relatives are distributed; undefined if it is not there. */
function standardFile(folder: string, part: 'train' | 't10k', kind: 'images' | 'labels'): string | undefined {
  const dimensions = kind === 'images' ? 3 : 1;
  return [`${part}-${kind}-idx${dimensions}-ubyte`, `${part}-${kind}.idx${dimensions}-ubyte`]
    .flatMap((name) => [join(folder, name), join(folder, `${name}.gz`)])
    .find(existsSync);
}

async function imagesOfFolder(folder: string, { labels, validation }: DataOptions): Promise<LabelledData> {
  checkAbsent('--labels', labels, 'no --labels: the folder of --images has them');
  checkAbsent('--validation', validation, 'no --validation: the folder of --images has test files');
  const paths: Record<string, string> = {};
  for (const [prefix, part] of [
    ['', 'train'],
    ['validation.', 't10k'],
  ] as const)
    for (const kind of ['images', 'labels'] as const) {
      const path = standardFile(folder, part, kind);
      if (path === undefined)
        throw new ArgumentError(
          '--images',
          folder,
          `a folder with ${part}-${kind}-idx${kind === 'images' ? 3 : 1}-ubyte, also as .gz; or an IDX file with --labels`,
        );
      paths[prefix + kind] = path;
    }
  const bytes = (name: string): Uint8Array => readData(paths[name]!, '--images');
  return refusing(
    () =>
      idxData(
        {
          ...{ images: bytes('images'), labels: bytes('labels') },
          validation: { images: bytes('validation.images'), labels: bytes('validation.labels') },
        },
        { name: basename(folder) },
      ),
    (argument) => ({ option: '--images', path: paths[argument] ?? folder }),
  );
}

async function loadImages(path: string, options: DataOptions): Promise<LabelledData> {
  if (isFolder(path)) return imagesOfFolder(path, options);
  const { labels } = options;
  const images = readData(path, '--images');
  if (labels === undefined)
    throw new ArgumentError('--labels', 'nothing', 'the IDX file with the labels of --images');
  const files = { images, labels: readData(labels, '--labels') };
  return refusing(
    () => idxData(files, { name: basename(path), ...fractionOf(options) }),
    (argument) =>
      argument === 'labels' ? { option: '--labels', path: labels } : { option: '--images', path },
  );
}

async function loadCsv(path: string, options: DataOptions): Promise<LabelledData> {
  const { label, header, scaling } = options;
  const bytes = readData(path, '--csv');
  const given = {
    ...(label === undefined ? {} : { label }),
    ...(header === undefined ? {} : { header }),
    ...(scaling === undefined ? {} : { scaling }),
  };
  try {
    return await refusing(
      () => csvData(bytes, { name: basename(path), ...given, ...fractionOf(options) }),
      (argument) => (argument === 'label' ? undefined : { option: '--csv', path }),
    );
  } catch (error) {
    if (!(error instanceof ArgumentError) || error.argument !== 'label') throw error;
    throw new ArgumentError('--label', error.given, error.accepted);
  }
}

const fractionOf = ({ validation }: DataOptions) =>
  validation === undefined ? {} : { validationFraction: validation };

/**
 * The data for a preset: the file or data set that the options name, or else Moby-Dick for a language model and MNIST for a
 * classifier.
 *
 * @throws ArgumentError naming the option whose file is missing, unreadable, damaged or of no use for the model, or if a
 * package with data is not installed
 */
export async function loadData(model: string, options: DataOptions): Promise<TrainingData> {
  checkDataFor(model, options);
  const { images, csv } = options;
  if (images !== undefined) return loadImages(images, options);
  if (csv !== undefined) return loadCsv(csv, options);
  return isLanguageModel(models[model]!)
    ? loadText(options.text, fractionOf(options))
    : mnist(fractionOf(options));
}

/** The data in a line for people. */
export function describeData(data: TrainingData): string {
  const words = (training: number, validation: number, unit: string): string =>
    `${data.name}: ${grouped(training)} ${unit} to train on, ${grouped(validation)} to validate`;
  if (!isLabelled(data)) {
    const { training, validation, vocabulary } = data;
    return `${words(training.length, validation.length, 'characters')}, ${vocabulary.length} different`;
  }
  const { training, validation, features, classes } = data;
  const some = classes.slice(0, 4).join(', ') + (classes.length > 4 ? ', ...' : '');
  const size = words(training.labels.length, validation.labels.length, 'samples');
  return `${size}, ${features} numbers each, ${classes.length} classes (${some})`;
}

/** Identifies training data by their size and a hash of all of them. */
export function identifyData(
  data: TrainingData,
): { readonly text: TextIdentity } | { readonly samples: SamplesIdentity } {
  if (!isLabelled(data)) return { text: identifyText(data) };
  const { name, features, classes, training, validation } = data;
  const hash = createHash('sha256');
  for (const { inputs, labels } of [training, validation]) hash.update(inputs).update(labels);
  return {
    samples: {
      ...{ name, features, classes },
      trainingSamples: training.labels.length,
      validationSamples: validation.labels.length,
      sha256: hash.digest('hex'),
    },
  };
}
