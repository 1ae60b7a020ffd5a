/** The format of a name on the command line: errors name the argument there. What names there are is the matter of `src/formats`. */

import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import {
  type AnyFormat,
  type BlockFormat,
  type ComplexCodebook,
  type Format,
  parseFormat,
  toFormat,
} from '../../formats/index.ts';

/** Runs a reading of a name; what is wrong with the name is said of the argument, with a parameter's name behind it. */
function reading<T extends AnyFormat>(text: string, argument: string, read: () => T): T {
  return refusedAs(read, (refused) =>
    refused.argument === 'format'
      ? new ArgumentError(argument, text, refused.accepted)
      : `${argument} ${text}: ${refused.argument}`,
  );
}

/**
 * The format of numbers of a name.
 *
 * @param argument what to call it in the error
 * @throws ArgumentError for an unknown name or impossible parameters.
 */
export function readFormat(text: string, argument: string): Format {
  return reading(text, argument, () => toFormat(text));
}

/**
 * The block format or complex codebook of a name; undefined if it names a format of numbers.
 *
 * @param argument what to call it in the error
 * @throws ArgumentError for an unknown name or impossible parameters.
 */
export function readOtherFormat(text: string, argument: string): BlockFormat | ComplexCodebook | undefined {
  const format = reading<AnyFormat>(text, argument, () => parseFormat(text));
  return format.kind === 'block' || format.kind === 'complex' ? format : undefined;
}
