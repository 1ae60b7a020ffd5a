/**
 * Reading the name of a format as a user types it. What names there are is the matter of `src/formats`; here a wrong one
 * becomes a line short enough for a terminal, with the name that was probably meant.
 */

import { ArgumentError } from '../../errors.ts';
import {
  type BlockFormat,
  type ComplexCodebook,
  type Format,
  formats,
  parseFormat,
  toFormat,
} from '../../formats/index.ts';

/** What other programs call some of them. */
const otherNames: Readonly<Record<string, string>> = {
  half: 'binary16',
  fp16: 'binary16',
  float16: 'binary16',
  single: 'binary32',
  fp32: 'binary32',
  float32: 'binary32',
  double: 'binary64',
  fp64: 'binary64',
  float64: 'binary64',
  bf16: 'bfloat16',
  fp8: 'e4m3fn',
  float8_e4m3fn: 'e4m3fn',
  float8_e5m2: 'e5m2',
  fp4: 'e2m1',
  fourthroots: 'fourthRoots',
};

const forms = 'float(5,2), fixed(4,4), posit(16,1), logarithmic(4,3), int12, binary8p3se';

function suggestion(text: string): string {
  const lower = text.toLowerCase();
  const meant = otherNames[lower] ?? Object.keys(formats).find((name) => name.toLowerCase() === lower);
  return meant === undefined ? '' : `${meant} (did you mean that?), `;
}

/**
 * The format of a name.
 *
 * @param argument what to call it in the error
 * @throws ArgumentError for an unknown name or impossible parameters.
 */
export function readFormat(text: string, argument: string): Format {
  try {
    return toFormat(text);
  } catch (error) {
    // Errors about a parameter, such as bits of posit(40,2), say more than a list of names.
    if (!(error instanceof ArgumentError)) throw error;
    if (error.argument !== 'format')
      throw new ArgumentError(`${argument} ${text}: ${error.argument}`, error.given, error.accepted);
    // A format, but not one of numbers: the error says what to do.
    if (Object.hasOwn(formats, text) || text.startsWith('bfp('))
      throw new ArgumentError(argument, text, error.accepted);
    throw new ArgumentError(
      argument,
      text,
      `${suggestion(text)}a name that \`halfulp formats\` lists, or one like ${forms}`,
    );
  }
}

/**
 * The block format or complex codebook of a name; undefined if it may name a format of numbers.
 *
 * @param argument what to call it in the error
 * @throws ArgumentError for impossible parameters of a block format.
 */
export function readOtherFormat(text: string, argument: string): BlockFormat | ComplexCodebook | undefined {
  if (!Object.hasOwn(formats, text) && !text.startsWith('bfp(')) return undefined;
  try {
    const format = parseFormat(text);
    return format.kind === 'block' || format.kind === 'complex' ? format : undefined;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`${argument} ${text}: ${error.argument}`, error.given, error.accepted);
  }
}
