/**
 * Sums and inner products under each accumulator: what each has after every term, and where it parts from the exact sum. The value
 * after k terms is the sum of the first k terms by that accumulator.
 */
import { hexFloat } from '../../src/explained/exact.ts';
import { valueText } from '../../src/explained/notation.ts';
import {
  type AccumulatorModel,
  ArgumentError,
  type Arithmetic,
  arithmetic,
  formats,
  matrixUnit,
  matrixUnitNames,
  type RoundingMode,
  randomIntegers,
  roundingModes,
} from '../../src/index.ts';
import { termNames } from '../words.ts';
import { formatNamed } from './format.ts';
import { integerFrom, numbersFrom, wordFrom } from './read.ts';

export interface SumsInput {
  readonly what: string;
  readonly terms: string;
  readonly x: string;
  readonly y: string;
  readonly format: string;
  readonly rounding: string;
  readonly count: string;
  readonly chunk: string;
  readonly seed: string;
}

/** One accumulator's way through the terms. */
export interface Accumulated {
  readonly name: string;
  /** In what format the values are: of a matrix unit and of wider accumulators not the operands'. */
  readonly format: string;
  /** After one term, two and so on. */
  readonly partial: readonly number[];
  readonly result: { readonly value: number; readonly text: string; readonly hex: string };
  /** |result - exact| over |exact|. */
  readonly error: number;
  /** Whether each is not what one rounding of the exact sum gives. */
  readonly differs: readonly boolean[];
  /** The first number of terms after which it is not what one rounding of the exact sum gives; undefined for never. */
  readonly parts: number | undefined;
}

export interface SumsSheet {
  readonly format: string;
  readonly isDot: boolean;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** The exact sums, rounded once to binary64. */
  readonly exact: readonly number[];
  readonly accumulators: readonly Accumulated[];
}

const mostTerms = 512;

function drawn(count: number, seed: number, normal: boolean): number[] {
  const words = randomIntegers(normal ? 12 * count : count, { seed });
  const uniform = (i: number): number => (words[i]! + 0.5) / 2 ** 32;
  if (!normal) return Array.from({ length: count }, (_, i) => uniform(i));
  // The sum of twelve uniform numbers: normal enough for terms to look at.
  return Array.from(
    { length: count },
    (_, i) => Array.from({ length: 12 }, (_, k) => uniform(12 * i + k)).reduce((a, b) => a + b) - 6,
  );
}

function termsOf(given: SumsInput): { x: number[]; y: number[] } {
  const kind = wordFrom(
    'terms',
    given.terms,
    termNames.map(([name]) => name),
  );
  const isDot = given.what === 'dot';
  if (kind === 'written') {
    const x = numbersFrom('x', given.x, mostTerms);
    const y = isDot ? numbersFrom('y', given.y, mostTerms) : x.map(() => 1);
    if (y.length !== x.length)
      throw new ArgumentError('y', `${y.length} numbers`, `${x.length}, as many as x has`);
    return { x, y };
  }
  const count = integerFrom('count', given.count, 1, mostTerms);
  const seed = integerFrom('seed', given.seed, 0, 2 ** 48);
  const make = (stream: number): number[] => {
    if (kind === 'normal' || kind === 'uniform') return drawn(count, seed + stream, kind === 'normal');
    return Array.from({ length: count }, (_, k) =>
      kind === 'ones' ? 1 : (kind === 'alternating' && k % 2 === 1 ? -1 : 1) / (k + 1),
    );
  };
  const x = make(0);
  return { x, y: isDot ? make(1) : x.map(() => 1) };
}

interface Candidate {
  readonly name: string;
  readonly by: Arithmetic;
  readonly model: AccumulatorModel;
}

function candidatesOf(by: Arithmetic, rounding: RoundingMode, chunk: number): Candidate[] {
  const { format } = by;
  const wide = arithmetic('binary32', { operands: 'round' });
  const fits =
    format.has(1) && format.kind === 'float' && format.mantissaBits <= 23 && format.exponentBits <= 8;
  const units = matrixUnitNames
    .map(({ alias }) => alias)
    .filter((name) => matrixUnit(name).operands.name === format.name);
  return [
    { name: `${format.name}, in order`, by, model: {} },
    { name: `${format.name}, in pairs`, by, model: { order: 'pairwise' } },
    { name: `${format.name}, chunks of ${chunk}`, by, model: { order: { chunk } } },
    { name: `${format.name}, exact chunks of ${chunk}`, by, model: { order: { chunk, sums: 'exact' } } },
    { name: 'exact, rounded once', by, model: { accumulate: 'exact', rounding } },
    ...(fits
      ? [{ name: 'exact products in binary32', by: wide, model: { products: 'exact' } } as const]
      : []),
    ...units.map((name) => ({ name, by: wide, model: { accumulate: matrixUnit(name) } })),
  ];
}

/** The sheet of a sum, or of an inner product. */
export function sumsSheet(given: SumsInput): SumsSheet {
  const what = wordFrom('what', given.what, ['sum', 'dot']);
  const format = formatNamed('format', given.format);
  const rounding = wordFrom('rounding', given.rounding, roundingModes);
  const chunk = integerFrom('chunk', given.chunk, 1, mostTerms);
  const seed = integerFrom('seed', given.seed, 0, 2 ** 48);
  const by = arithmetic(format, { rounding, seed, operands: 'round' });
  const nearest = arithmetic(format, { operands: 'round', saturation: 'finite' });
  const terms = termsOf(given);
  const [x, y] = [terms.x, terms.y].map((one) => nearest.convert(Float64Array.from(one)) as Float64Array) as [
    Float64Array,
    Float64Array,
  ];
  const exactly = arithmetic(formats.binary64);
  const lengths = Array.from(x, (_, k) => k + 1);
  const sumBy = (one: Arithmetic, model: AccumulatorModel, k: number): number => {
    one.reset();
    return one.dot(x.subarray(0, k), y.subarray(0, k), model);
  };
  const exact = lengths.map((k) => sumBy(exactly, { accumulate: 'exact' }, k));
  const total = exact.at(-1)!;
  const accumulators = candidatesOf(by, rounding, chunk).map(({ name, by: one, model }): Accumulated => {
    const partial = lengths.map((k) => sumBy(one, model, k));
    const differs = partial.map((value, k) => !Object.is(value, sumBy(one, { accumulate: 'exact' }, k + 1)));
    const parted = differs.indexOf(true);
    const value = partial.at(-1)!;
    return {
      ...{ name, format: one.format.name, partial, differs },
      result: { value, text: valueText(value, one.format), hex: hexFloat(value) },
      error: Math.abs(value - total) / Math.abs(total),
      parts: parted < 0 ? undefined : parted + 1,
    };
  });
  return {
    format: format.name,
    isDot: what === 'dot',
    x: Array.from(x),
    y: Array.from(y),
    exact,
    accumulators,
  };
}
