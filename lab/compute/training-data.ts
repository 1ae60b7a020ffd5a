/**
 * What a network is trained on in a page: the data sets of the command line, byte for byte, from files beside the site; spirals, as the
 * table that a page gives away; and files of the user's.
 */
import { ArgumentError } from '../../src/index.ts';
import { otherEncoding } from '../../src/train/encoding.ts';
import { csvData, labelledData, type TrainingData, textData } from '../../src/train/index.ts';
import { csvOfSpirals } from '../spirals.ts';
import { wordFrom } from './read.ts';
import type { DroppedFile } from './tensors.ts';

export interface DataInput {
  readonly data: string;
  readonly label: string;
  readonly file?: DroppedFile;
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

/** The data that fields name. */
export async function trainingDataOf(given: DataInput, base: string): Promise<TrainingData> {
  const kind = wordFrom('data', given.data, dataNames);
  if (kind === 'digits') return digitsOf(await fetched(base, 'digits.bin'));
  if (kind === 'spirals') return csvData(csvOfSpirals(), { label: 'class', name: 'spirals.csv' });
  if (kind === 'text')
    return textData(new TextDecoder().decode(await fetched(base, 'moby-dick.txt')), { name: 'Moby-Dick' });
  if (given.file === undefined) throw new ArgumentError('file', 'nothing', 'a text .txt, or a table .csv');
  const { name, bytes } = given.file;
  try {
    if (!/\.csv$/i.test(name)) return textData(textOf(bytes), { name });
    const label = given.label.trim() === '' ? {} : { label: given.label.trim() };
    return await csvData(new Uint8Array(bytes), { name, ...label });
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(error.argument === 'label' ? 'label' : 'file', error.given, error.accepted);
  }
}
