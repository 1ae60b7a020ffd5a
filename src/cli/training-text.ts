/**
 * The text to train on, as the command line names it: a file of the user's, or Moby-Dick. It reads, refuses and
 * identifies texts; vocabulary and the split into training and validation belong to `train`.
 */

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { largestFile, tryRead } from '../files/read.ts';
import { otherEncoding } from '../train/encoding.ts';
import { mobyDick } from '../train/moby-dick.ts';
import { type TextData, type TextDataOptions, textData } from '../train/text-data.ts';

/** What identifies a text without naming a place on this machine. */
export interface TextIdentity {
  readonly name: string;
  readonly trainingCharacters: number;
  readonly validationCharacters: number;
  /** Number of different characters. */
  readonly vocabulary: number;
  /** Hexadecimal SHA-256 of the whole text in UTF-8. */
  readonly sha256: string;
}

function readText(path: string): string {
  const refuse = (why: string): never => {
    throw new ArgumentError('--text', path, `a readable, non-empty text file in UTF-8 (${why})`);
  };
  const bytes = tryRead(path, largestFile.text);
  if (typeof bytes === 'string') return refuse(bytes);
  const other = otherEncoding(bytes);
  if (other !== null) return refuse(`its bytes are not UTF-8 but ${other}`);
  const text = new TextDecoder().decode(bytes);
  if (text.trim() === '') return refuse(bytes.length === 0 ? 'it is empty' : 'it holds only white space');
  return text;
}

/**
 * The training data of a file, or of Moby-Dick if there is no path.
 *
 * @throws ArgumentError naming `--text` if the file is missing, unreadable, empty, not UTF-8 or of no use as data, or
 * if the package with the default text is not installed
 */
export async function loadText(
  path: string | undefined,
  options: Pick<TextDataOptions, 'validationFraction'> = {},
): Promise<TextData> {
  try {
    return path === undefined
      ? await mobyDick(options)
      : textData(readText(path), { name: basename(path), ...options });
  } catch (error) {
    if (!(error instanceof ArgumentError) || error.argument === '--text') throw error;
    throw new ArgumentError('--text', path ?? error.given, error.accepted);
  }
}

/** Identifies training data by its size and a hash of its text. */
export function identifyText(data: TextData): TextIdentity {
  const { name, vocabulary, training, validation } = data;
  const hash = createHash('sha256');
  for (const tokens of [training, validation]) {
    hash.update(Array.from(tokens, (token) => vocabulary[token]!).join(''), 'utf8');
  }
  return {
    name,
    trainingCharacters: training.length,
    validationCharacters: validation.length,
    vocabulary: vocabulary.length,
    sha256: hash.digest('hex'),
  };
}
