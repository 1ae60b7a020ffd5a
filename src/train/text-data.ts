/**
 * Text as training data: a character vocabulary, a split by position, and batches whose order is a pure function of
 * (seed, step). Not a tokeniser, and no shuffling state: any step's batch can be had without the ones before it.
 */
import { kindOf } from '../array-kinds.ts';
import { checkEach, checkFields, checkSome, checkString, numberInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { checkSchema, list, someFields, value } from '../schema.ts';
import { randomIndices } from './random.ts';

/** A text split into a training part and, behind it, a validation part. */
export interface TextData {
  /** What reports call it. */
  readonly name: string;
  /** The characters (UTF-16 code units) that occur, ascending; a token is an index into it. */
  readonly vocabulary: readonly string[];
  /** Tokens of the training part. */
  readonly training: Int32Array;
  /** Tokens of the validation part. */
  readonly validation: Int32Array;
}

export interface TextDataOptions {
  /** Part of the text, at its end, kept for validation; above 0 and below 1. Default 0.08. */
  readonly validationFraction?: number;
  /** What reports call it. Default `'text'`. */
  readonly name?: string;
}

export const textOptionNames: readonly (keyof TextDataOptions)[] = ['validationFraction', 'name'];

/** Tokens of some windows, row-major (sequences, context), and what follows each. */
export interface Windows {
  readonly sequences: number;
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
}

/**
 * Makes training data of a text: every distinct UTF-16 code unit is one token.
 * @throws ArgumentError if the text is not a string with at least two different characters, or an option is not
 * valid.
 * @example
 * const data = textData(await readFile('book.txt', 'utf8'), { validationFraction: 0.1 });
 */
export function textData(text: string, options: TextDataOptions = {}): TextData {
  if (typeof text !== 'string') throw new ArgumentError('text', text, 'a string');
  checkSome('text', text, 'a text that is not empty');
  checkFields('', options, textOptionNames);
  const name = checkString('name', options.name, 'text');
  const range = { above: 0, below: 1 };
  const fraction = numberInRange('validationFraction', options.validationFraction, range, 0.08);
  const present = new Uint8Array(65536);
  for (let i = 0; i < text.length; i++) present[text.charCodeAt(i)] = 1;
  const tokenOf = new Int32Array(65536);
  const vocabulary: string[] = [];
  for (let unit = 0; unit < 65536; unit++) {
    if (present[unit] === 0) continue;
    tokenOf[unit] = vocabulary.length;
    vocabulary.push(String.fromCharCode(unit));
  }
  if (vocabulary.length < 2)
    throw new ArgumentError('text', text, 'a text with at least two different characters');
  const tokens = new Int32Array(text.length);
  for (let i = 0; i < text.length; i++) tokens[i] = tokenOf[text.charCodeAt(i)]!;
  const split = text.length - Math.round(text.length * fraction);
  return {
    name,
    vocabulary,
    training: tokens.slice(0, split),
    validation: tokens.slice(split),
  };
}

const text = value<string>((given) => typeof given === 'string', 'a text');
const tokens = value<Int32Array>((given) => kindOf(given) === 'Int32Array', 'an Int32Array of tokens');
const textSchema = someFields({
  name: text,
  vocabulary: list(text, 2, 65536),
  training: tokens,
  validation: tokens,
});

/** Throws ArgumentError naming the field of `data` that is wrong. */
export function checkText(data: TextData): void {
  checkSchema('data', data, textSchema);
  for (const part of ['training', 'validation'] as const) {
    const isToken = (token: number): boolean => token >= 0 && token < data.vocabulary.length;
    checkEach(`data.${part}`, data[part], isToken, `a token from 0 to ${data.vocabulary.length - 1}`);
  }
}

/** Throws ArgumentError if either part is too short for one sequence of `context` characters and its target. */
export function checkLength(data: TextData, context: number): void {
  for (const part of ['training', 'validation'] as const)
    if (data[part].length < context + 1)
      throw new ArgumentError(
        'data',
        `${data[part].length} ${part} characters`,
        `a text with at least ${context + 1} characters for ${part} (sequences of ${context} and the next one)`,
      );
}

function gather(tokens: Int32Array, starts: Int32Array, context: number): Windows {
  const inputs = new Int32Array(starts.length * context);
  const targets = new Int32Array(starts.length * context);
  starts.forEach((start, row) => {
    inputs.set(tokens.subarray(start, start + context), row * context);
    targets.set(tokens.subarray(start + 1, start + 1 + context), row * context);
  });
  return { sequences: starts.length, inputs, targets };
}

/** The batch of a step: `sequences` windows of the training part, starting anywhere, drawn for (seed, step). */
export function trainingWindows(
  data: TextData,
  step: number,
  options: { seed: number; sequences: number; context: number },
): Windows {
  const { seed, sequences, context } = options;
  const range = data.training.length - context;
  return gather(data.training, randomIndices(sequences, range, seed, step, 'data/batch'), context);
}

/** Start positions of the non-overlapping windows of the validation part; with `limit`, that many, evenly spread. */
export function validationStarts(
  data: TextData,
  context: number,
  limit: number = Number.POSITIVE_INFINITY,
): Int32Array {
  const all = Math.floor((data.validation.length - 1) / context);
  const count = Math.min(all, limit);
  return Int32Array.from({ length: count }, (_, i) => Math.floor((i * all) / count) * context);
}

/** The windows of the validation part that begin at `starts`. */
export function validationWindows(data: TextData, starts: Int32Array, context: number): Windows {
  return gather(data.validation, starts, context);
}
