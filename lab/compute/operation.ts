/**
 * One operation looked at: what it gives exactly, or between which binary64 numbers, and which of the format's two neighbours of that
 * the mode takes. The result is the library's; what is exact here is rational arithmetic of its own.
 */

import { readNumber } from '../../src/cli/formats/read-number.ts';
import { hexFloat, one, type Rational, toBinary64, toDecimal, toUnits } from '../../src/explained/exact.ts';
import { hexCode, numberText, ratioText, valueText } from '../../src/explained/notation.ts';
import {
  ArgumentError,
  type Arithmetic,
  type ArithmeticOptions,
  arithmetic,
  type Format,
  type RoundingMode,
  roundingModes,
  saturations,
  subnormalTreatments,
} from '../../src/index.ts';
import { operationNames, operations } from '../words.ts';
import { formatNamed } from './format.ts';
import { integerFrom, wordFrom } from './read.ts';

export interface OperationInput {
  readonly operation: string;
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly format: string;
  readonly rounding: string;
  readonly saturation: string;
  readonly subnormals: string;
  readonly seed: string;
}

/** A number as it is shown. */
export interface Shown {
  readonly value: number;
  readonly text: string;
  readonly hex: string;
  readonly code: string;
}

export interface OperationSheet {
  readonly format: string;
  /** `3 * 5`. */
  readonly expression: string;
  /** The operands as the format has them, and whether that is what was given. */
  readonly operands: readonly (Shown & {
    readonly name: string;
    readonly given: string;
    readonly isRounded: boolean;
  })[];
  /** The exact result in words; undefined where there is none, as of 0 / 0. */
  readonly exact: string | undefined;
  readonly isExactText: boolean;
  readonly below: Shown | undefined;
  readonly above: Shown | undefined;
  /** Where the exact result lies between the neighbours, as a number and in words. */
  readonly place: number | undefined;
  readonly placeText: string;
  readonly result: Shown;
  readonly why: string;
  readonly flags: readonly string[];
  /** The result of every mode, where the format knows it. */
  readonly modes: readonly {
    readonly mode: RoundingMode;
    readonly result: Shown | undefined;
    readonly flags: readonly string[];
  }[];
}

type Operands = readonly number[];

const shownOf = (value: number, format: Format): Shown => ({
  value,
  text: valueText(value, format),
  hex: hexFloat(value),
  code:
    format.bits === Infinity || (Number.isNaN(value) && !format.hasNaN)
      ? ''
      : hexCode(format.encode(value), format.bits),
});

function perform(by: Arithmetic, operation: string, operands: Operands): number {
  const method = by[operation as 'fma'] as (...operands: number[]) => number;
  return method(...operands);
}

/** The exact result of the operations that have a rational one; undefined for the others, and for operands that are not finite. */
function rationalOf(operation: string, operands: Operands): Rational | undefined {
  if (!operands.every(Number.isFinite)) return undefined;
  const [a = 0n, b = 0n, c = 0n] = operands.map(toUnits);
  switch (operation) {
    case 'add':
      return { numerator: a + b, denominator: one };
    case 'sub':
      return { numerator: a - b, denominator: one };
    case 'mul':
      return { numerator: a * b, denominator: one * one };
    case 'fma':
      return { numerator: a * b + c * one, denominator: one * one };
    case 'div':
      if (b === 0n) return undefined;
      return b < 0n ? { numerator: -a, denominator: -b } : { numerator: a, denominator: b };
    default:
      return undefined;
  }
}

/** What is known of an exact result: itself, or two binary64 numbers around it. */
interface Known {
  readonly low: Rational;
  readonly high: Rational;
  readonly text: string;
  readonly isExactText: boolean;
}

const rational = (x: number): Rational => ({ numerator: toUnits(x), denominator: one });

function knownOf(operation: string, operands: Operands): Known | undefined {
  const exact = rationalOf(operation, operands);
  if (exact !== undefined) {
    const { text, exact: isExactText } = toDecimal(exact, 60);
    return { low: exact, high: exact, text, isExactText };
  }
  const around = (['toward-negative', 'toward-positive'] as const).map((rounding) =>
    perform(arithmetic('binary64', { rounding }), operation, operands),
  ) as [number, number];
  if (!around.every(Number.isFinite)) return undefined;
  const [low, high] = around;
  const text =
    low === high
      ? numberText(low, 60)
      : `between ${numberText(low, 17).replace('~', '')} and the next binary64 number`;
  return {
    low: rational(low),
    high: rational(high),
    text,
    isExactText: low === high && !text.startsWith('~'),
  };
}

const difference = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.denominator - b.numerator * a.denominator,
  denominator: a.denominator * b.denominator,
});

const quotient = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.denominator,
  denominator: a.denominator * b.numerator,
});

const isHalf = ({ numerator, denominator }: Rational): boolean => 2n * numerator === denominator;

/** Why this result, in a phrase. */
function whyOf(sheet: {
  readonly known: Known | undefined;
  readonly place: Rational | undefined;
  readonly result: number;
  readonly below: number;
  readonly above: number;
  readonly rounding: string;
  readonly format: Format;
}): string {
  const { known, place, result, below, above, rounding, format } = sheet;
  const itself = valueText(result, format);
  if (known === undefined)
    return Number.isNaN(result) ? 'no number is the result' : `infinite before it is rounded: ${itself}`;
  if (below === above) return 'the exact result is a value of the format';
  if (!Number.isFinite(below) || !Number.isFinite(above) || place === undefined)
    return `beyond the largest value, or below all: ${rounding} gives ${itself}`;
  const way = result === above ? 'above' : result === below ? 'below' : 'neither';
  if (way === 'neither') return `the rules of overflow and of small numbers give ${itself}`;
  const tie = isHalf(place) && known.low === known.high;
  return tie
    ? `a tie: ${rounding} takes the one ${way}`
    : `${ratioText(place)} of the way from below to above: ${rounding} takes the one ${way}`;
}

const raised = (by: Arithmetic): string[] =>
  Object.entries(by.flags ?? {}).flatMap(([name, count]) => (count > 0 ? [name] : []));

/** The same operation in another mode; undefined where the format has no such mode. */
function inMode(format: Format, options: ArithmeticOptions, operation: string, operands: Operands) {
  try {
    const by = arithmetic(format, { ...options, flags: true });
    return { value: perform(by, operation, operands), flags: raised(by) };
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

function optionsOf(given: OperationInput): ArithmeticOptions & { readonly rounding: RoundingMode } {
  return {
    rounding: wordFrom('rounding', given.rounding, roundingModes),
    saturation: wordFrom('saturation', given.saturation, saturations),
    subnormals: wordFrom('subnormals', given.subnormals, subnormalTreatments),
    seed: integerFrom('seed', given.seed, 0, 2 ** 48),
    operands: 'round',
  };
}

/** The sheet of an operation. */
export function operationSheet(given: OperationInput): OperationSheet {
  const operation = wordFrom('operation', given.operation, operationNames);
  const { arity, sign } = operations[operation]!;
  const format = formatNamed('format', given.format);
  const options = optionsOf(given);
  const by = arithmetic(format, { ...options, flags: true });
  const names = (['a', 'b', 'c'] as const).slice(0, arity);
  const plain = arithmetic(format, { ...options, rounding: 'nearest-even' });
  const operands = names.map((name) => {
    const read = readNumber(given[name], name);
    const value = plain.convert(read.value);
    const isRounded = !read.exact || !Object.is(value, read.value);
    return { name, given: read.text, isRounded, ...shownOf(value, format) };
  });
  const values = operands.map(({ value }) => value);
  const result = perform(by, operation, values);
  const known = knownOf(operation, values);
  const [below, above] = (['toward-negative', 'toward-positive'] as const).map((rounding) =>
    inMode(format, { ...options, rounding }, operation, values),
  );
  const isBetween =
    known !== undefined &&
    below !== undefined &&
    above !== undefined &&
    Number.isFinite(below.value) &&
    Number.isFinite(above.value) &&
    below.value < above.value;
  const place = isBetween
    ? quotient(
        difference(known.low, rational(below.value)),
        difference(rational(above.value), rational(below.value)),
      )
    : undefined;
  return {
    format: format.name,
    expression: sign(...operands.map(({ text }) => text)),
    operands,
    exact: known?.text,
    isExactText: known?.isExactText ?? false,
    below: below && shownOf(below.value, format),
    above: above && shownOf(above.value, format),
    place: place && toBinary64(place).value,
    placeText: place === undefined ? '' : ratioText(place),
    result: shownOf(result, format),
    why:
      below === undefined || above === undefined
        ? `rounded by the rules of ${format.name}`
        : whyOf({
            known,
            place,
            result,
            below: below.value,
            above: above.value,
            rounding: options.rounding,
            format,
          }),
    flags: raised(by),
    modes: roundingModes.map((mode) => {
      const found = inMode(format, { ...options, rounding: mode }, operation, values);
      return { mode, result: found && shownOf(found.value, format), flags: found?.flags ?? [] };
    }),
  };
}
