/**
 * What the page of formats shows: facts, bits, values and gaps of one format and of another beside it. Values are the library's; words are
 * those of the command line.
 */

import { epsilon, landmarksOf, minPositive } from '../../src/cli/formats/facts.ts';
import { fieldsOf, layoutOf } from '../../src/cli/formats/fields.ts';
import { hexFloat } from '../../src/explained/exact.ts';
import { hexCode, numberText, valueText } from '../../src/explained/notation.ts';
import {
  ArgumentError,
  type Code,
  classify,
  type Format,
  nextDown,
  nextUp,
  parseFormat,
  ulp,
} from '../../src/index.ts';

/** A code with its bits and its value. */
export interface CodeFacts {
  readonly code: string;
  readonly fields: readonly { readonly name: string; readonly bits: string }[];
  readonly value: number;
  readonly text: string;
}

/** One value looked at closely. */
export interface Closely extends CodeFacts {
  readonly hex: string;
  readonly class: string;
  readonly below: string;
  readonly above: string;
  readonly ulp: string;
}

/** The distance to the next value above, from the magnitude `from` on; both are logarithms. */
export interface GapStep {
  readonly from: number;
  readonly gap: number;
}

export interface FormatFacts {
  readonly name: string;
  readonly kind: Format['kind'];
  readonly bits: number;
  readonly layout: readonly { readonly name: string; readonly bits: number }[];
  readonly facts: readonly (readonly [name: string, text: string])[];
  /** Finite values, ascending; of formats with more than 12 bits none. */
  readonly values: readonly number[];
  /** The gaps over the positive values, ascending. */
  readonly gaps: readonly GapStep[];
  readonly min: number;
  readonly max: number;
  readonly minPositive: number;
  /** What sliders say of a float; undefined for other kinds. */
  readonly parameters:
    | { readonly exponentBits: number; readonly mantissaBits: number; readonly specials: string }
    | undefined;
}

export interface FormatSheet {
  readonly format: FormatFacts;
  readonly with: FormatFacts | undefined;
  readonly closely: Closely | undefined;
  /** Codes in ascending order, from `first` on. */
  readonly codes: readonly CodeFacts[];
  readonly first: number;
  readonly count: number;
}

export interface FormatInput {
  readonly format: string;
  readonly with: string;
  readonly code: string;
}

/** Codes of a table; more are turned like pages. */
export const codesInTable = 256;
/** Formats with more bits have no list of values here. */
const mostListedBits = 12;

/** A format of numbers by its name; the message names the field. */
export function formatNamed(argument: string, name: string): Format {
  try {
    const format = parseFormat(name.trim());
    if (format.kind === 'block' || format.kind === 'complex')
      throw new ArgumentError(argument, name, 'a format of numbers, without a scale that elements share');
    return format;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(argument, error.given, error.accepted);
  }
}

/** Codes above 32 bits are bigints. */
const asCode = (code: bigint, format: Format): Code => (format.bits <= 32 ? Number(code) : code);

function codeFacts(code: Code, format: Format): CodeFacts {
  const value = format.decode(code);
  return {
    code: hexCode(code, format.bits),
    fields: fieldsOf(code, format),
    value,
    text: valueText(value, format),
  };
}

function readCode(text: string, format: Format): Code {
  const pattern = /^(0x[\da-f]+|0b[01]+|\d+)$/i;
  const accepted = `a code of ${format.bits} bits: 0x1f, 0b101 or 31`;
  if (!pattern.test(text.trim())) throw new ArgumentError('code', text, accepted);
  const code = BigInt(text.trim().toLowerCase());
  if (code >= 1n << BigInt(format.bits)) throw new ArgumentError('code', text, accepted);
  return asCode(code, format);
}

/** The code that is shown first: that of 1, or of the largest number. */
const usualCode = (format: Format): Code => format.encode(format.has(1) ? 1 : format.max);

function closelyOf(code: Code, format: Format): Closely {
  const facts = codeFacts(code, format);
  const { value } = facts;
  const isNumber = Number.isFinite(value);
  const next = (step: typeof nextUp): string =>
    Number.isNaN(value) ? 'none' : valueText(step(value, format), format);
  return {
    ...facts,
    hex: hexFloat(value),
    class: classify(value, format),
    below: next(nextDown),
    above: next(nextUp),
    ulp: isNumber ? numberText(ulp(value, format)) : 'none',
  };
}

/** Steps of equal gaps over the positive values: of wide floats one for each binade, of others as the values have them. */
function gapsOf(format: Format, values: readonly number[]): GapStep[] {
  const steps: GapStep[] = [];
  const add = (from: number, gap: number): void => {
    const step = { from: Math.log2(from), gap: Math.log2(gap) };
    if (steps.at(-1)?.gap !== step.gap) steps.push(step);
  };
  if (values.length > 0) {
    const positive = values.filter((value) => value > 0);
    for (const [i, value] of positive.entries())
      if (i + 1 < positive.length) add(value, positive[i + 1]! - value);
  } else {
    const [low, high] = [Math.log2(minPositive(format)), Math.log2(format.max)];
    for (let exponent = Math.ceil(low); exponent < high; exponent++) {
      const value = 2 ** exponent;
      if (format.has(value)) add(value, nextUp(value, format) - value);
    }
  }
  steps.push({ from: Math.log2(format.max), gap: steps.at(-1)?.gap ?? 0 });
  return steps;
}

function factsOf(format: Format): FormatFacts {
  const values = format.bits <= mostListedBits ? format.values() : [];
  const text = (x: number): string => valueText(x, format);
  const own: [string, string][] =
    format.kind === 'float'
      ? [
          ['precision', `${format.precision} bits`],
          ['bias', `${format.bias}`],
          ['exponents', `${format.emin} to ${format.emax}`],
          ['special codes', format.specials],
        ]
      : format.kind === 'posit'
        ? [['es', `${format.es}`]]
        : format.kind === 'codebook'
          ? [['information', `${numberText(format.entropyBits, 4)} bits`]]
          : [];
  return {
    ...{ name: format.name, kind: format.kind, bits: format.bits, layout: layoutOf(format) },
    facts: [
      ['bits', `${format.bits}`],
      ...own,
      ...landmarksOf(format).map(({ name, value }): [string, string] => [name, text(value)]),
      ['1 to the next value', Number.isNaN(epsilon(format)) ? 'none' : text(epsilon(format))],
      ...(values.length > 0 ? [['finite values', `${values.length}`] as [string, string]] : []),
    ],
    values,
    gaps: gapsOf(format, values),
    ...{ min: format.min, max: format.max, minPositive: minPositive(format) },
    parameters:
      format.kind === 'float'
        ? { exponentBits: format.exponentBits, mantissaBits: format.mantissaBits, specials: format.specials }
        : undefined,
  };
}

/** The sheet of a format, with a second one beside it unless its name is empty. */
export function formatSheet({ format: name, with: other, code: given }: FormatInput): FormatSheet {
  const format = formatNamed('format', name);
  const second = other.trim() === '' ? undefined : formatNamed('with', other);
  const facts = { format: factsOf(format), with: second && factsOf(second) };
  if (format.bits === Infinity) return { ...facts, closely: undefined, codes: [], first: 0, count: 0 };
  const code = given.trim() === '' ? usualCode(format) : readCode(given, format);
  const count = 2 ** format.bits;
  const first = Math.floor(Number(code) / codesInTable) * codesInTable;
  const shown = Math.min(codesInTable, count - first);
  const codes = Array.from({ length: shown }, (_, i) =>
    codeFacts(asCode(BigInt(first) + BigInt(i), format), format),
  );
  return { ...facts, closely: closelyOf(code, format), codes, first, count };
}
