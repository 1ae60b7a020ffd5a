/**
 * What the page of rounding shows: one number in every mode at once, explained as the command line explains it, and what stochastic
 * rounding did in many draws against the exact chances.
 */

import { explainGiven, type GivenNumber, readNumber } from '../../src/cli/formats/read-number.ts';
import { hexFloat, toBinary64 } from '../../src/explained/exact.ts';
import { explain } from '../../src/explained/explain.ts';
import { exactText, hexCode, numberText, ratioText, valueText } from '../../src/explained/notation.ts';
import {
  ArgumentError,
  type Format,
  type RoundingMode,
  type RoundOptions,
  round,
  roundingModes,
  type Saturation,
  type StochasticVariant,
  type SubnormalTreatment,
  saturations,
  stochasticVariants,
  subnormalTreatments,
} from '../../src/index.ts';
import {
  drawIntegers,
  isStochastic,
  type ResolvedRounding,
  resolveRounding,
} from '../../src/rounding/index.ts';
import { formatNamed } from './format.ts';
import { integerFrom, wordFrom } from './read.ts';

export interface RoundingInput {
  readonly value: string;
  readonly format: string;
  readonly saturation: string;
  readonly subnormals: string;
  readonly bits: string;
  readonly seed: string;
  readonly draws: string;
}

/** A neighbour of the number. */
export interface Neighbour {
  readonly text: string;
  readonly value: number;
  readonly code: string;
  readonly ulps: string;
}

/** What one mode makes of the number; `refused` where the format does not know the mode. */
export interface ModeRow {
  readonly mode: RoundingMode;
  readonly result: number;
  readonly text: string;
  readonly code: string;
  readonly goesTo: 'below' | 'above' | undefined;
  readonly reason: string;
  readonly error: string;
  readonly flags: readonly string[];
  readonly refused?: string;
}

/** A result of stochastic rounding: how often it was drawn, and of how many of the 2^bits random integers it is the result. */
export interface Outcome {
  readonly text: string;
  readonly value: number;
  readonly drawn: number;
  readonly chance: number;
}

/** Stochastic rounding by one variant. */
export interface VariantRow {
  readonly variant: StochasticVariant;
  readonly draws: number;
  readonly outOf: number;
  /** Ascending; one where saturation makes the same number of both neighbours. */
  readonly outcomes: readonly Outcome[];
  /** The mean over all random integers minus the number, in ulps, where both outcomes are neighbours. */
  readonly bias: string;
}

export interface RoundingSheet {
  readonly format: string;
  readonly input: {
    readonly value: number;
    readonly exact: boolean;
    readonly text: string;
    readonly hex: string;
  };
  readonly below: Neighbour | undefined;
  readonly above: Neighbour | undefined;
  /** Where the number lies between its neighbours, in [0, 1]. */
  readonly place: number | undefined;
  readonly isTie: boolean;
  readonly modes: readonly ModeRow[];
  readonly variants: readonly VariantRow[];
  readonly bits: number;
}

const refusedRow = (mode: RoundingMode, refused: string): ModeRow => ({
  ...{ mode, result: NaN, text: '', code: '', goesTo: undefined, reason: '', error: '', flags: [] },
  refused,
});

function rowOf(
  number: GivenNumber,
  format: Format,
  options: RoundOptions & { readonly rounding: RoundingMode },
): ModeRow {
  const { rounding: mode } = options;
  try {
    const resolved = resolveRounding(format, options);
    const random = isStochastic(mode) ? drawIntegers(1, resolved)[0]! : 0;
    const { result, code, goesTo, reason, error, flags } = explainGiven(number, format, resolved, random);
    return {
      ...{ mode, result, text: valueText(result, format), goesTo, reason, flags },
      code: code === undefined ? '' : hexCode(code, format.bits),
      error: error === undefined ? '' : error.absolute === 0n ? 'exact' : `${ratioText(error.ulps)} ulp`,
    };
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    return refusedRow(mode, `not of ${format.name}`);
  }
}

/** What the neighbours become, ascending, and how many of the random integers go to each; undefined where there is nothing to draw for. */
function chancesOf(x: number, format: Format, resolved: ResolvedRounding) {
  const first = explain(x, format, resolved, 0);
  const { draw, below, above } = first;
  if (draw === undefined || below === undefined || above === undefined) return undefined;
  const { threshold, outOf } = draw;
  const last = explain(x, format, resolved, outOf - 1);
  // The first integers go to the neighbour nearer to zero, unless none does.
  const isInnerBelow = threshold > 0 === (first.goesTo === 'below');
  const chanceBelow = isInnerBelow ? threshold : outOf - threshold;
  // What no integer goes to is shown as it would be: posits have both neighbours, others know directed modes.
  const resultAt = (side: 'below' | 'above'): number => {
    const reached = [first, last].find(({ goesTo }) => goesTo === side);
    if (reached !== undefined) return reached.result;
    if (format.kind === 'posit') return first[side]!.value!;
    const rounding = side === 'below' ? 'toward-negative' : 'toward-positive';
    return explain(x, format, { ...resolved, rounding }, 0).result;
  };
  return {
    outOf,
    below: { value: resultAt('below'), chance: chanceBelow },
    above: { value: resultAt('above'), chance: outOf - chanceBelow },
    bias: {
      numerator: BigInt(outOf - chanceBelow) * below.ulps.denominator - below.ulps.numerator * BigInt(outOf),
      denominator: below.ulps.denominator * BigInt(outOf),
    },
  };
}

/** Counts what so many draws do, and what all random integers would. */
function variantRow(
  x: number,
  format: Format,
  draws: number,
  options: RoundOptions & { readonly variant: StochasticVariant },
): VariantRow | undefined {
  const given = { ...options, rounding: 'stochastic' } as const;
  const chances = chancesOf(x, format, resolveRounding(format, given));
  if (chances === undefined) return undefined;
  const { below, above, outOf, bias } = chances;
  const results = round(new Float64Array(draws).fill(x), format, given);
  const outcome = ({ value, chance }: typeof below): Outcome => ({
    ...{ text: valueText(value, format), value, chance },
    drawn: results.reduce((sum, result) => sum + Number(Object.is(result, value)), 0),
  });
  const isOne = Object.is(below.value, above.value);
  return {
    ...{ variant: options.variant, draws, outOf },
    outcomes: isOne ? [outcome({ ...below, chance: outOf })] : [outcome(below), outcome(above)],
    bias: isOne || !Number.isFinite(below.value) || !Number.isFinite(above.value) ? '' : ratioText(bias),
  };
}

/** The sheet of a number in every mode. */
export function roundingSheet(given: RoundingInput): RoundingSheet {
  const number = readNumber(given.value, 'value');
  const { value: x, exact } = number;
  const format = formatNamed('format', given.format);
  const options = {
    saturation: wordFrom('saturation', given.saturation, saturations) as Saturation,
    subnormals: wordFrom('subnormals', given.subnormals, subnormalTreatments) as SubnormalTreatment,
    randomBits: integerFrom('bits', given.bits, 1, 32),
    seed: integerFrom('seed', given.seed, 0, 2 ** 48),
  };
  const draws = integerFrom('draws', given.draws, 1, 1_000_000);
  const resolved = refusedOf('saturation', () => resolveRounding(format, options));
  const { below, above } = explain(x, format, resolved, 0);
  const neighbour = (side: typeof below): Neighbour | undefined =>
    side && {
      text: side.value === undefined ? exactText(side.units) : valueText(side.value, format),
      value: side.value ?? NaN,
      code: side.code === undefined ? 'not in the format' : hexCode(side.code, format.bits),
      ulps: ratioText(side.ulps),
    };
  const isBetween = below !== undefined && above !== undefined && below.units !== above.units;
  const variants = stochasticVariants.flatMap(
    (variant) => variantRow(x, format, draws, { ...options, variant }) ?? [],
  );
  return {
    format: format.name,
    input: { value: x, exact, text: numberText(x, 60), hex: hexFloat(x) },
    below: neighbour(below),
    above: neighbour(above),
    place: isBetween ? toBinary64(below.ulps).value : undefined,
    isTie: isBetween && 2n * below.ulps.numerator === below.ulps.denominator,
    modes: roundingModes.map((rounding) => rowOf(number, format, { ...options, rounding })),
    variants,
    bits: options.randomBits,
  };
}

/** Runs a check; what it refuses is of a field. */
function refusedOf<T>(field: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(field, error.given, error.accepted);
  }
}
