/** The options of `round`, their defaults and their checks. Terms: IEEE 754-2019 section 4, IEEE P3109 report v4.0. */
import { wordArray } from '../array-kinds.ts';
import { integerInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';

export const roundingModes = [
  'nearest-even',
  'nearest-away',
  'nearest-to-zero',
  'nearest-to-positive',
  'nearest-to-negative',
  'nearest-odd',
  'toward-zero',
  'toward-positive',
  'toward-negative',
  'away-from-zero',
  'to-odd',
  'jamming',
  'stochastic',
  'stochastic-equal',
] as const;
export type RoundingMode = (typeof roundingModes)[number];

export const saturations = ['none', 'finite', 'propagate', 'wrap', 'keep-sign'] as const;
export type Saturation = (typeof saturations)[number];

export const subnormalTreatments = ['keep', 'flush', 'round-to-minimum-normal'] as const;
export type SubnormalTreatment = (typeof subnormalTreatments)[number];

export const stochasticVariants = ['A', 'B', 'C'] as const;
export type StochasticVariant = (typeof stochasticVariants)[number];

export interface RoundOptions {
  /** Default `'nearest-even'`. */
  readonly rounding?: RoundingMode;
  /** Default `'none'`: IEEE 754, overflow goes where the rounding direction says. */
  readonly saturation?: Saturation;
  /** Default `'keep'`; a float format without subnormals takes this as `'round-to-minimum-normal'`. */
  readonly subnormals?: SubnormalTreatment;
  /** Key of the random bits: an integer in [0, 2^53), or a bigint in [0, 2^64). Default 0. */
  readonly seed?: number | bigint;
  /** Independent sequence under one seed: an integer in [0, 2^53), or a bigint in [0, 2^64). Default 0. */
  readonly stream?: number | bigint;
  /** Index of the first element in the stream, an integer in [0, 2^53). Default 0. */
  readonly offset?: number;
  /** Random bits per element for stochastic rounding, 1 to 32. Default 32. */
  readonly randomBits?: number;
  /** P3109 stochastic variant. Default `'A'`. */
  readonly variant?: StochasticVariant;
  /** The random integers themselves, one an element, each below 2^randomBits. */
  readonly random?: Uint32Array;
}

/** The names of `RoundOptions`. Functions that round check their options' names against these and their own. */
export const roundingNames: readonly (keyof RoundOptions)[] = [
  ...(['rounding', 'saturation', 'subnormals', 'seed', 'stream', 'offset', 'randomBits'] as const),
  ...(['variant', 'random'] as const),
];

/** `RoundOptions` with every default filled in and checked against the format. */
export interface ResolvedRounding {
  readonly rounding: RoundingMode;
  readonly saturation: Saturation;
  readonly subnormals: SubnormalTreatment;
  readonly seed: number | bigint;
  readonly stream: number | bigint;
  readonly offset: number;
  readonly randomBits: number;
  readonly variant: StochasticVariant;
  readonly random: Uint32Array | undefined;
}

export function isStochastic(mode: RoundingMode): boolean {
  return mode === 'stochastic' || mode === 'stochastic-equal';
}

/** Whether results beyond the range keep low bits, so that rounding is monotone within a step only. */
export function dropsHighBits({ saturation }: Pick<ResolvedRounding, 'saturation'>): boolean {
  return saturation === 'wrap' || saturation === 'keep-sign';
}

/** Whether a format may drop high bits: two's complement, with a value for every code. */
export function hasAllCodes(format: Format): boolean {
  return format.kind === 'fixed' || (format.kind === 'int' && !format.symmetric);
}

/** The rounding of operands: it draws nothing, and leaves every value of the format. */
export function operandRounding(options: ResolvedRounding): ResolvedRounding {
  if (isStochastic(options.rounding)) return { ...options, rounding: 'nearest-even' };
  return options.rounding === 'jamming' ? { ...options, rounding: 'to-odd' } : options;
}

/** Whether the format has the binade of subnormals (or, with 0 mantissa bits, the zero below it) that `keep` keeps. */
function keepsSubnormals(format: Format): boolean {
  return format.kind !== 'float' || format.subnormals === true;
}

/** Checks an argument that becomes two 32-bit words; 0 when it is undefined. Throws ArgumentError. */
export function integerOf64Bits(argument: string, given: unknown): number | bigint {
  if (given === undefined) return 0;
  const fits =
    typeof given === 'bigint'
      ? given >= 0n && given >> 64n === 0n
      : Number.isSafeInteger(given) && (given as number) >= 0;
  if (!fits)
    throw new ArgumentError(argument, given, 'an integer from 0 to 2^53 - 1, or a bigint below 2^64');
  return given as number | bigint;
}

const wordsAccepted = 'a Uint32Array, one integer below 2^randomBits an element';

/** Fills in the defaults and checks every option against the format. Throws ArgumentError. */
export function resolveRounding(format: Format, options: RoundOptions = {}): ResolvedRounding {
  const rounding = oneOf('rounding', options.rounding, roundingModes, 'nearest-even');
  const saturation = oneOf('saturation', options.saturation, saturations, 'none');
  if (dropsHighBits({ saturation }) && !hasAllCodes(format))
    throw new ArgumentError('saturation', saturation, `none, finite, propagate for ${format.name}`);
  if (format.kind === 'posit' && rounding !== 'nearest-even' && rounding !== 'stochastic')
    throw new ArgumentError('rounding', rounding, `nearest-even, stochastic for ${format.name}`);
  const subnormals = oneOf('subnormals', options.subnormals, subnormalTreatments, 'keep');
  const randomBits = integerInRange('randomBits', options.randomBits, 1, 32, 32);
  const { random } = options;
  return {
    rounding,
    saturation,
    subnormals: subnormals === 'keep' && !keepsSubnormals(format) ? 'round-to-minimum-normal' : subnormals,
    seed: integerOf64Bits('seed', options.seed),
    stream: integerOf64Bits('stream', options.stream),
    offset: integerInRange('offset', options.offset, 0, Number.MAX_SAFE_INTEGER, 0),
    randomBits,
    variant: oneOf('variant', options.variant, stochasticVariants, 'A'),
    random: random === undefined ? undefined : wordArray('random', random, wordsAccepted),
  };
}
