/**
 * Sums and inner products under each accumulator: every partial sum that it holds, beside the exact sum of the same terms, and where it
 * parts from it.
 */
import { hexFloat } from '../../src/explained/exact.ts';
import { valueText } from '../../src/explained/notation.ts';
import {
  type AccumulatorModel,
  ArgumentError,
  type Arithmetic,
  arithmetic,
  type Format,
  formats,
  matrixUnit,
  matrixUnitNames,
  nextDown,
  nextUp,
  type RoundingMode,
  type RoundOptions,
  randomIntegers,
  roundingModes,
} from '../../src/index.ts';
import { isStochastic } from '../../src/rounding/index.ts';
import { termNames } from '../words.ts';
import { formatNamed } from './format.ts';
import { type PartialSum, partialSums } from './partial-sums.ts';
import { indexFrom, integerFrom, numbersFrom, wordFrom } from './read.ts';

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
  /** Name of the accumulator to look at closely; empty for the first. */
  readonly look: string;
}

/** A partial sum, beside the exact sum of the same terms. */
export interface ComparedSum extends PartialSum {
  /** Rounded once to binary64. */
  readonly exact: number;
  /** Whether it is not what one rounding of the exact sum gives. */
  readonly differs: boolean;
}

/** One accumulator's way through the terms. */
export interface Accumulated {
  readonly name: string;
  /** In what format the sums are: of a matrix unit and of wider accumulators not the operands'. */
  readonly format: string;
  /** All that it holds, in the order in which it makes them. An exact accumulator holds exact sums. */
  readonly partials: readonly ComparedSum[];
  readonly result: { readonly value: number; readonly text: string; readonly hex: string };
  /** |result - exact| over |exact|. */
  readonly error: number;
  /** The first partial sum that differs; undefined for none. */
  readonly parts: PartialSum | undefined;
}

export interface SumsSheet {
  readonly format: string;
  readonly x: readonly number[];
  /** The second factors; undefined for a plain sum. */
  readonly y: readonly number[] | undefined;
  /** The exact sums of the first terms, rounded once to binary64. */
  readonly exact: readonly number[];
  readonly accumulators: readonly Accumulated[];
  /** Index of the accumulator that is looked at closely. */
  readonly look: number;
  /** The smallest number of terms of which two accumulators hold different sums, and which two; undefined for none. */
  readonly apart: { readonly terms: number; readonly names: readonly [string, string] } | undefined;
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

function termsOf(given: SumsInput, isDot: boolean): { x: number[]; y: number[] | undefined } {
  const kind = wordFrom(
    'terms',
    given.terms,
    termNames.map(([name]) => name),
  );
  if (kind === 'written') {
    const x = numbersFrom('x', given.x, mostTerms);
    const y = isDot ? numbersFrom('y', given.y, mostTerms) : undefined;
    if (y !== undefined && y.length !== x.length)
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
  return { x, y: isDot ? make(1) : undefined };
}

interface Candidate {
  readonly name: string;
  readonly format: Format;
  readonly options: RoundOptions;
  readonly model: AccumulatorModel;
  /** The format of partial sums and the mode of their roundings. */
  readonly held: { readonly format: Format; readonly rounding: RoundingMode };
}

function candidatesOf(format: Format, options: RoundOptions, chunk: number): Candidate[] {
  const { rounding = 'nearest-even' } = options;
  const own = { format, options, held: { format, rounding } };
  const wide = { format: formats.binary32, options: {} };
  const fits =
    format.has(1) && format.kind === 'float' && format.mantissaBits <= 23 && format.exponentBits <= 8;
  const units = matrixUnitNames
    .map(({ alias }) => ({ name: alias, unit: matrixUnit(alias) }))
    .filter(({ unit }) => unit.operands.name === format.name);
  return [
    { ...own, name: 'in order', model: {} },
    { ...own, name: 'in pairs', model: { order: 'pairwise' } },
    { ...own, name: `chunks of ${chunk}`, model: { order: { chunk } } },
    { ...own, name: `exact chunks of ${chunk}`, model: { order: { chunk, sums: 'exact' } } },
    { ...own, name: 'exact, rounded once', model: { accumulate: 'exact', rounding } },
    ...(fits
      ? [
          {
            ...wide,
            name: 'exact products in binary32',
            model: { products: 'exact' },
            held: { format: formats.binary32, rounding: 'nearest-even' },
          } as const,
        ]
      : []),
    ...units.map(({ name, unit }) => ({
      ...{ ...wide, name, model: { accumulate: unit } },
      held: { format: unit.result, rounding: unit.rounding },
    })),
  ];
}

/** Exact sums, or inner products, of stretches of the terms. */
class ExactSums {
  readonly #x: Float64Array;
  readonly #y: Float64Array | undefined;

  constructor(x: Float64Array, y: Float64Array | undefined) {
    this.#x = x;
    this.#y = y;
  }

  /** Rounded once. `c`: an addend. */
  rounded(from: number, to: number, by: Arithmetic, c = 0): number {
    const [x, y] = [this.#x.subarray(from, to), this.#y?.subarray(from, to)];
    const model = { accumulate: 'exact', c } as const;
    return y === undefined ? by.sum(x, model) : by.dot(x, y, model);
  }

  /** Whether a sum is not one that a single rounding can give: under a stochastic mode, neither neighbour of the exact one. */
  differs({ from, to, sum }: PartialSum, { format, rounding }: Candidate['held']): boolean {
    const isDrawn = isStochastic(rounding);
    const by = arithmetic(format, { operands: 'round', rounding: isDrawn ? 'nearest-even' : rounding });
    const nearest = this.rounded(from, to, by);
    if (Object.is(nearest, sum) || !isDrawn || !Number.isFinite(sum)) return !Object.is(nearest, sum);
    const beyond = (value: number): number => Math.sign(this.rounded(from, to, binary64, -value));
    const side = beyond(sum);
    const next = side > 0 ? nextUp(sum, format) : nextDown(sum, format);
    return side !== 0 && Number.isFinite(next) && beyond(next) !== -side;
  }
}

const binary64 = arithmetic(formats.binary64);

function accumulatedBy(
  { name, format, options, model, held }: Candidate,
  x: Float64Array,
  y: Float64Array | undefined,
  exact: readonly number[],
): Accumulated {
  const sums = new ExactSums(x, y);
  const { result: value, partials: made } = partialSums(x, y, format, options, model);
  const partials =
    model.accumulate === 'exact'
      ? exact.map((sum, k) => ({ from: 0, to: k + 1, sum, exact: sum, differs: false }))
      : made.map((one) => ({
          ...one,
          exact: one.from === 0 ? exact[one.to - 1]! : sums.rounded(one.from, one.to, binary64),
          differs: sums.differs(one, held),
        }));
  const total = exact.at(-1)!;
  return {
    ...{ name, format: held.format.name, partials },
    result: { value, text: valueText(value, format), hex: hexFloat(value) },
    error: Math.abs(value - total) / Math.abs(total),
    parts: partials.find(({ differs }) => differs),
  };
}

/** Sums of the first terms that an accumulator holds, by how many they are. */
const prefixes = ({ partials }: Accumulated): Map<number, number> =>
  new Map(partials.filter(({ from }) => from === 0).map(({ to, sum }) => [to, sum]));

/** Where accumulators part from each other first. */
function apartOf(accumulators: readonly Accumulated[], terms: number): SumsSheet['apart'] {
  const held = accumulators.map((one) => ({ name: one.name, sums: prefixes(one) }));
  for (let k = 1; k <= terms; k++) {
    const [first, ...others] = held.filter(({ sums }) => sums.has(k));
    const other = others.find(({ sums }) => !Object.is(sums.get(k), first!.sums.get(k)));
    if (other !== undefined) return { terms: k, names: [first!.name, other.name] };
  }
  return undefined;
}

/** The sheet of a sum, or of an inner product. */
export function sumsSheet(given: SumsInput): SumsSheet {
  const what = wordFrom('what', given.what, ['sum', 'dot']);
  const format = formatNamed('format', given.format);
  const rounding = wordFrom('rounding', given.rounding, roundingModes);
  const chunk = integerFrom('chunk', given.chunk, 1, mostTerms);
  const seed = integerFrom('seed', given.seed, 0, 2 ** 48);
  const options = { rounding, seed };
  const nearest = arithmetic(format, { operands: 'round', saturation: 'finite' });
  const held = (given: readonly number[]): Float64Array => nearest.convert(Float64Array.from(given));
  const terms = termsOf(given, what === 'dot');
  const [x, y] = [held(terms.x), terms.y && held(terms.y)];
  const sums = new ExactSums(x, y);
  const exact = Array.from(x, (_, k) => sums.rounded(0, k + 1, binary64));
  const accumulators = candidatesOf(format, options, chunk).map((one) => accumulatedBy(one, x, y, exact));
  return {
    format: format.name,
    x: Array.from(x),
    y: y && Array.from(y),
    ...{ exact, accumulators },
    look: indexFrom(
      'look',
      given.look,
      accumulators.map(({ name }) => name),
    ),
    apart: apartOf(accumulators, x.length),
  };
}
