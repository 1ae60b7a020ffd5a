/** Operands as they are typed: numbers, rounded once to the operand's format, or codes of it. */
import type { Flags, Tininess } from '../../arithmetic/flags.ts';
import { ArgumentError } from '../../errors.ts';
import type { Code, Format } from '../../formats/index.ts';
import { operandRounding, type ResolvedRounding } from '../../rounding/index.ts';
import { flagsOfGiven, readAnyNumber, roundGiven } from '../formats/read-number.ts';

/** An operand. */
export interface ReadOperand {
  readonly text: string;
  readonly format: Format;
  /** The number of the format. */
  readonly value: number;
  /** Whether that is what was typed. */
  readonly isExact: boolean;
  /** The exceptions of its own rounding, an operation by itself (IEEE 754-2019 section 5.4.2). */
  readonly flags: readonly (keyof Flags)[];
}

const codeAccepted = (format: Format): string =>
  `a code of ${format.name}, such as 0x38 or 0b00111000: 0 to ${2n ** BigInt(format.bits) - 1n}`;

function readCode(text: string, format: Format, argument: string): number {
  if (format.bits === Infinity) throw new ArgumentError('--codes', true, `no codes of ${format.name}`);
  const digits = text.replace(/_/g, '');
  const isCode = /^(0x[\da-f]+|0b[01]+|\d+)$/i.test(digits) && digits.length <= 80;
  const code = isCode ? BigInt(digits) : -1n;
  if (code < 0n || code >= 2n ** BigInt(format.bits))
    throw new ArgumentError(argument, text, codeAccepted(format));
  return format.decode((format.bits > 32 ? code : Number(code)) as Code);
}

/**
 * An operand of a format: a code of it, or a number, rounded once from what is typed as the options say (to nearest even in the stochastic
 * modes).
 *
 * @param argument what to call it in the error
 * @throws ArgumentError if it is neither.
 */
export function readOperand(
  text: string,
  argument: string,
  format: Format,
  options: ResolvedRounding,
  { areCodes, tininess }: { readonly areCodes: boolean; readonly tininess: Tininess },
): ReadOperand {
  if (areCodes) return { text, format, value: readCode(text, format, argument), isExact: true, flags: [] };
  const given = readAnyNumber(text, argument);
  const rounding = operandRounding(options);
  const value = roundGiven(given, format, rounding, 0);
  const flags = flagsOfGiven(given, value, format, rounding, 0, tininess);
  const isExact = given.exact && (Object.is(value, given.value) || (value === 0 && given.value === 0));
  return { text: given.text, format, value, isExact, flags };
}
