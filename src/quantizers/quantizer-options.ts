/**
 * The options of a quantiser, their defaults and checks: plain data, so that a quantiser can be written to JSON and back.
 */
import { wordArray } from '../array-kinds.ts';
import { checkAbsent, checkBoolean, checkFields, checkObject, numberInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type FormatArgument, type FormatSpelling, toFormat } from '../formats/names.ts';
import type { NaNTreatment } from '../kernels/codec-arrays.ts';
import { checkThreads } from '../kernels/threads.ts';
import {
  dropsHighBits,
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  type Saturation,
  type StochasticVariant,
  type SubnormalTreatment,
} from '../rounding/options.ts';
import type { GradientData, GradientRule } from './gradients/gradient.ts';
import { straightThrough } from './gradients/straight-through.ts';
import { axisOption } from './grouping.ts';
import { resolveScale } from './resolve-scale.ts';
import type { ResolvedScale, ScaleOptions } from './scale-options.ts';
import type { Transform, TransformData } from './transforms/transform.ts';

/** What NaN becomes in codes: as in `encode`, or the whole group of it NaN. */
export type NaNInGroups = NaNTreatment | 'group';
export const nanTreatments: readonly NaNInGroups[] = ['error', 'zero', 'max', 'group'];

export interface QuantizerOptions<F extends string = FormatSpelling> {
  /** Format of the elements: any format of numbers. */
  readonly format: FormatArgument<F>;
  /** How elements are rounded. Default `'nearest-even'`. */
  readonly rounding?: RoundingMode;
  readonly scale: ScaleOptions<F>;
  /** Default `'finite'`: elements beyond the format's range become its ends. */
  readonly saturation?: Saturation;
  readonly subnormals?: SubnormalTreatment;
  /**
   * Signed integer and fixed-point elements: 'restricted' (default) leaves the most negative one out, 'full' has it. With a zero
   * point it is always 'full'.
   */
  readonly range?: 'restricted' | 'full';
  /** Applied before, and its inverse after. */
  readonly transform?: Transform | TransformData;
  /** False: values stay transformed, for products whose operands are transformed alike. Default true. */
  readonly invert?: boolean;
  /** How a gradient passes. Default `'straight-through'`. */
  readonly gradient?: GradientRule | GradientData;
  /** `fakeQuantize` gives x + strength (image - x), 0 to 1. Default 1. */
  readonly strength?: number;
  /**
   * What `quantize` does with NaN where neither the elements nor the group's scale can hold it. Default 'error', but 'group' for
   * scales that are powers of two (MX). 'zero' and 'max' apply to `fakeQuantize` as well; under 'error' and 'group' a group with
   * a NaN has NaN values throughout.
   */
  readonly nan?: NaNInGroups;
  /** Random bits of stochastic rounding, as in `RoundOptions`; element i of x draws index offset + i. */
  readonly seed?: number | bigint;
  readonly stream?: number | bigint;
  readonly offset?: number;
  readonly randomBits?: number;
  readonly variant?: StochasticVariant;
}

/** What one call may say: it takes the place of the option of the same name. */
export interface CallOptions {
  readonly seed?: number | bigint;
  readonly stream?: number | bigint;
  readonly offset?: number;
  /** The random integers themselves, one an element. */
  readonly random?: Uint32Array;

  /** The axis that a product will sum over, for transforms that name none. */
  readonly axis?: number;
  /** Whether averages and windows remember this call. Default true. */
  readonly update?: boolean;
  /**
   * False in inference: a moving average that there is stands alone, without the statistic of this call, and nothing is remembered.
   * Default true.
   */
  readonly training?: boolean;
  /**
   * Threads that share the work, this one included: 1 to 64. Default 1. The bits do not depend on it. Tensors too small to gain by it, and
   * what has no kernel, are this thread's alone. In a browser, `await startThreads(n)` first.
   */
  readonly threads?: number;
}

/** `QuantizerOptions` with every default filled in. */
export interface ResolvedQuantizer {
  readonly format: Format;
  readonly scale: ResolvedScale;
  readonly round: RoundOptions;
  /** The ends of the elements in use. */
  readonly low: number;
  readonly high: number;
  readonly transform: Transform | undefined;
  readonly invert: boolean;
  readonly gradient: GradientRule;
  readonly strength: number;
  readonly nan: NaNInGroups;
}

const callNames: readonly (keyof CallOptions)[] = [
  ...(['seed', 'stream', 'offset', 'random', 'axis', 'update', 'training', 'threads'] as const),
];

/** Throws ArgumentError for what a call says of memories, where it is not accepted. */
export function checkMemoryOptions({ update, training }: CallOptions): void {
  checkBoolean('update', update, true);
  const isTraining = checkBoolean('training', training, true);
  if (!isTraining && update)
    throw new ArgumentError('update', update, 'false or nothing beside training: false');
}

/** The options of one call; what they are for checks seeds and places. Throws ArgumentError. */
export function checkCall(call: CallOptions | undefined, path = ''): CallOptions {
  const given = checkFields(path, call, callNames, 'call');
  const { axis, random, threads } = given;
  axisOption(axis);
  checkMemoryOptions(given);
  if (threads !== undefined) checkThreads(threads);
  return random === undefined ? given : { ...given, random: wordArray('random', random) };
}

const optionNames: readonly (keyof QuantizerOptions)[] = [
  ...(['format', 'rounding', 'scale', 'saturation', 'subnormals', 'range', 'transform', 'invert'] as const),
  ...(['gradient', 'strength', 'nan', 'seed', 'stream', 'offset', 'randomBits', 'variant'] as const),
];

function lowestElement(format: Format, options: QuantizerOptions, scale: ResolvedScale): number {
  const { saturation = 'finite' } = options;
  const isTwosComplement = (format.kind === 'int' || format.kind === 'fixed') && format.isSigned;
  if (!isTwosComplement) checkAbsent('range', options.range, `nothing, with ${format.name} elements`);
  const isWhole = scale.hasZeroPoint || dropsHighBits({ saturation });
  const fallback = isWhole ? 'full' : 'restricted';
  const range = oneOf('range', options.range, isWhole ? ['full'] : ['restricted', 'full'], fallback);
  return isTwosComplement && range === 'restricted' ? -format.max : format.min;
}

/** What reads the options that say more than how numbers are put into few bits. */
export interface PartReaders {
  transform(given: QuantizerOptions['transform']): Transform | undefined;
  gradient(given: QuantizerOptions['gradient']): GradientRule;
}

/** Of quantisers that have neither. */
export const withoutParts: PartReaders = { transform: () => undefined, gradient: straightThrough };

/** Fills in the defaults and checks every option. Throws ArgumentError. */
export function resolveQuantizer(options: QuantizerOptions, readers: PartReaders): ResolvedQuantizer {
  checkObject('options', options, 'an object { format, scale, ... }');
  checkFields('', options, optionNames);
  const format = toFormat(options.format);
  const scale = resolveScale(options.scale, format);
  const { rounding, saturation = 'finite', subnormals, seed, stream, offset, randomBits, variant } = options;
  const given = { rounding, saturation, subnormals, seed, stream, offset, randomBits, variant };
  const round = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  resolveRounding(format, round);
  if (scale.hasZeroPoint && saturation !== 'finite')
    throw new ArgumentError('saturation', saturation, 'finite, where there is a zero point');
  const { strength = 1, invert = true, nan = scale.powerOfTwo ? 'group' : 'error' } = options;
  numberInRange('strength', strength, { from: 0, to: 1 });
  checkBoolean('invert', invert);
  if (invert === false && strength !== 1)
    throw new ArgumentError('strength', strength, '1, where values stay transformed (invert: false)');
  oneOf('nan', nan, nanTreatments);
  return {
    format,
    scale,
    round,
    low: lowestElement(format, options, scale),
    high: format.max,
    transform: readers.transform(options.transform),
    invert,
    gradient: readers.gradient(options.gradient),
    strength,
    nan,
  };
}
