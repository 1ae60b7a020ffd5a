/**
 * How a scale is chosen and stored: the options, their defaults and checks. No arithmetic lives here.
 */
import { checkFields, checkObject, numberInRange, oneOf, within } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { FloatFormat, Format } from '../../formats/format.ts';
import { type FormatSpelling, toFormat } from '../../formats/names.ts';
import { fitsBinary32 } from '../../formats/real-arrays.ts';
import { checkGrouping, type Grouping } from '../grouping.ts';
import { gaussianLevel } from './gaussian.ts';
import { type Direction, directions, trailingBits } from './power-of-two.ts';

export const statistics = [
  'absmax',
  'absmean',
  'absmedian',
  'rms',
  'std',
  'percentile',
  'minmax',
  'mse',
  'constant',
  'learned',
] as const;
export type Statistic = (typeof statistics)[number];

/** How `fourOverSix` measures the error of a block. */
export type BlockError = 'mae' | 'mse';

interface StatisticOptions {
  /** What the scale is taken from: see `docs/quantizers.md` for each. */
  readonly from: Statistic;
  /** Format in which the scale is stored: a float with a NaN whose values are binary32 numbers. Default `'binary32'`. */
  readonly format?: FloatFormat | FormatSpelling;
  /** Scale formats of powers of two (e8m0) only: which power. Default `'floor'`, as OCP MX. */
  readonly direction?: Direction;
  /** A second, binary32 scale of the whole tensor (true) or of each row, NVFP4's way. Default false. */
  readonly tensorScale?: boolean | 'row';
  /**
   * Which factor is stored: the encode factor target / threshold, by which elements are divided in the end, or the decode
   * scale threshold / target, by which they are multiplied. Default: 'encode' for binary32 scales from a magnitude (absmax,
   * absmean, absmedian, rms, std, percentile, mse), else 'decode'.
   */
  readonly stored?: 'encode' | 'decode';
  /**
   * The threshold is the statistic times this. Default 1; for rms and std 'gaussian', the published level that minimises the
   * squared error of normal data (int1 to int8, ternary, binary, e2m1; other formats need a number).
   */
  readonly multiplier?: number | 'gaussian';
  /** percentile only: above 0, at most 100. */
  readonly percentile?: number;
  /** constant: the scale as it is stored, one for all groups or one a group. */
  readonly value?: number | readonly number[];
  /** learned: where the scales begin. Default 'lsq', 2 mean|x| / sqrt(largest element); 'minmax' has zero points too. */
  readonly initial?: 'lsq' | 'absmax' | 'minmax';
  /**
   * The threshold is at least this. Default 1e-5 in binary32 for BitNet's scales (integer, ternary or binary elements, tensor or
   * row, from absmax, absmean or absmedian, stored as a binary32 encode factor), else 0.
   */
  readonly least?: number;
  /** The element that the threshold becomes. Default: the format's largest. */
  readonly target?: number;
  /** 'least-squares': the codes stay, the stored decode scale becomes sum(x e) / sum(e e). Default 'statistic'. */
  readonly level?: 'statistic' | 'least-squares';
  /** Scales of powers of two only: elements are x times this over the scale (Quartet: 0.75). Above 0, at most 1. Default 1. */
  readonly prescale?: number;
  /** Exponential moving average of the statistic, above 0 and below 1: new = decay old + (1 - decay) current. */
  readonly decay?: number;
  /** Delayed scaling: the statistic is taken of the last `length` calls before this one. `take` defaults to 'max'. */
  readonly history?: { readonly length: number; readonly take?: 'max' | 'latest' };
  /** NVFP4 only: each block takes the better of the scales that map its maximum to 6 and to 4. */
  readonly fourOverSix?: BlockError;
  /** With fourOverSix: the block scale that the largest block gets, 448 or 256. Default 448. */
  readonly scaleMax?: 448 | 256;
}

export type ScaleOptions = StatisticOptions & Grouping;

/** `ScaleOptions` with every default filled in and checked against the element format. */
export interface ResolvedScale {
  readonly grouping: Grouping;
  readonly from: Statistic;
  readonly format: FloatFormat;
  readonly powerOfTwo: boolean;
  readonly direction: Direction;
  readonly tensorScale: false | 'tensor' | 'row';
  readonly stored: 'encode' | 'decode';
  readonly multiplier: number;
  readonly percentile: number;
  readonly value: number | readonly number[] | undefined;
  readonly initial: 'lsq' | 'absmax' | 'minmax';
  readonly least: number;
  readonly target: number;
  readonly level: 'statistic' | 'least-squares';
  readonly prescale: number;
  readonly decay: number | undefined;
  readonly history: { readonly length: number; readonly take: 'max' | 'latest' } | undefined;
  readonly fourOverSix: BlockError | undefined;
  readonly scaleMax: number;
  readonly hasZeroPoint: boolean;
  /** Whether this is NVFP4's codec, in which a zero has no sign. */
  readonly isNvfp4: boolean;
}

/** The least statistic of BitNet's scales, binary32: a group of zeros gets a finite scale. */
export const leastStatistic: number = Math.fround(1e-5);

const magnitudeStatistics: readonly Statistic[] = statistics.slice(0, 6);

const optionNames: readonly string[] = [
  ...['per', 'size', 'axis', 'rows', 'columns', 'from', 'format', 'direction', 'tensorScale', 'stored'],
  ...['multiplier', 'percentile', 'value', 'initial', 'least', 'target', 'level', 'prescale', 'decay'],
  ...['history', 'fourOverSix', 'scaleMax'],
];

function groupingOf(scale: ScaleOptions): Grouping {
  const { per } = within('scale', () => checkGrouping(scale));
  if (per === 'block' && scale.per === 'block')
    return { per, size: scale.size, ...(scale.axis === undefined ? {} : { axis: scale.axis }) };
  if (per === 'tile' && scale.per === 'tile') return { per, rows: scale.rows, columns: scale.columns };
  return { per } as Grouping;
}

function scaleFormat(given: FloatFormat | FormatSpelling): FloatFormat {
  const format = toFormat(given);
  if (format.kind !== 'float' || !format.hasNaN || !fitsBinary32(format))
    throw new ArgumentError('scale.format', String(given), 'a float format with NaN that binary32 contains');
  return format;
}

/** Throws unless the option is absent or the condition holds. */
function onlyIf(holds: boolean, argument: string, given: unknown, where: string): void {
  if (!holds && given !== undefined && given !== false)
    throw new ArgumentError(argument, given, `nothing, ${where}`);
}

function multiplierOf(scale: ScaleOptions, element: Format): number {
  const { from, multiplier = from === 'rms' || from === 'std' ? 'gaussian' : 1 } = scale;
  if (multiplier !== 'gaussian') return numberInRange('scale.multiplier', multiplier, { above: 0 });
  const level = from === 'rms' || from === 'std' ? gaussianLevel(element) : undefined;
  if (level === undefined)
    throw new ArgumentError('scale.multiplier', multiplier, `a number for ${element.name} from ${from}`);
  return level;
}

function historyOf(scale: ScaleOptions): ResolvedScale['history'] {
  const { history } = scale;
  if (history === undefined) return undefined;
  if (!Number.isSafeInteger(history?.length) || history.length < 1)
    throw new ArgumentError('scale.history.length', history?.length, 'an integer from 1');
  return {
    length: history.length,
    take: oneOf('scale.history.take', history.take, ['max', 'latest'], 'max'),
  };
}

function constantOf(scale: ScaleOptions): ResolvedScale['value'] {
  const { value, from } = scale;
  if (from !== 'constant') {
    onlyIf(false, 'scale.value', value, 'unless from is constant');
    return undefined;
  }
  for (const each of Array.isArray(value) ? value : [value]) numberInRange('scale.value', each, { above: 0 });
  return value;
}

function isTwoLevelFormat(format: FloatFormat): boolean {
  return format.mantissaBits > 0 && format.hasZero;
}

/**
 * Fills in the defaults and checks each option, alone and with the others.
 *
 * @throws ArgumentError naming the option, `scale.per` and so on.
 */
export function resolveScale(scale: ScaleOptions, element: Format): ResolvedScale {
  checkObject('scale', scale, 'an object { per, from, ... }');
  const grouping = groupingOf(scale);
  checkFields('scale', scale, optionNames);
  const from = oneOf('scale.from', scale.from, statistics);
  const format = scaleFormat(scale.format ?? 'binary32');
  const powerOfTwo = format.mantissaBits === 0 && !format.hasZero;
  onlyIf(
    powerOfTwo,
    'scale.direction',
    scale.direction,
    'unless the scale format is of powers of two (e8m0)',
  );
  const direction = oneOf('scale.direction', scale.direction, directions, 'floor');
  if (direction === 'even' && trailingBits(element) === undefined)
    throw new ArgumentError('scale.direction', direction, `floor, ceil, rceil for ${element.name}`);
  const initial = oneOf('scale.initial', scale.initial, ['lsq', 'absmax', 'minmax'], 'lsq');
  onlyIf(from === 'learned', 'scale.initial', scale.initial, 'unless from is learned');
  const hasZeroPoint = from === 'minmax' || (from === 'learned' && initial === 'minmax');
  if (hasZeroPoint && element.kind !== 'int')
    throw new ArgumentError('format', element.name, 'an integer format, where there is a zero point');
  const isMagnitude = magnitudeStatistics.includes(from) || from === 'mse';
  const given = oneOf('scale.tensorScale', scale.tensorScale, [false, true, 'row'] as const, false);
  const tensorScale = given === true ? 'tensor' : given;
  onlyIf(isMagnitude, 'scale.tensorScale', given, `with from ${from}`);
  onlyIf(isTwoLevelFormat(format), 'scale.tensorScale', given, `with scale format ${format.name}`);
  const level = oneOf('scale.level', scale.level, ['statistic', 'least-squares'], 'statistic');
  if (level === 'least-squares' && (!isMagnitude || powerOfTwo || tensorScale !== false))
    throw new ArgumentError('scale.level', level, 'statistic, but for one-level scales from a magnitude');
  const canEncode = !powerOfTwo && tensorScale === false && !hasZeroPoint && level === 'statistic';
  const byDefault = canEncode && isMagnitude && format.name === 'binary32' ? 'encode' : 'decode';
  const stored = oneOf(
    'scale.stored',
    scale.stored,
    canEncode ? ['encode', 'decode'] : ['decode'],
    byDefault,
  );
  onlyIf(powerOfTwo, 'scale.prescale', scale.prescale, 'unless the scale format is of powers of two (e8m0)');
  const isList = element.kind === 'int' || element.kind === 'codebook';
  const isBitNet =
    isList &&
    stored === 'encode' &&
    (grouping.per === 'tensor' || grouping.per === 'row') &&
    (from === 'absmax' || from === 'absmean' || from === 'absmedian');
  const least = numberInRange('scale.least', scale.least, { from: 0 }, isBitNet ? leastStatistic : 0);
  onlyIf(from === 'percentile', 'scale.percentile', scale.percentile, 'unless from is percentile');
  const tracked = from !== 'constant' && from !== 'learned' && from !== 'mse' && tensorScale === false;
  for (const option of ['decay', 'history'] as const)
    onlyIf(tracked, `scale.${option}`, scale[option], 'with constant, learned, mse or two-level scales');
  onlyIf(scale.decay === undefined, 'scale.history', scale.history, 'where there is a decay');
  if (scale.decay !== undefined) numberInRange('scale.decay', scale.decay, { above: 0, below: 1 });
  const isNvfp4 = element.name === 'e2m1' && format.name === 'e4m3fn' && tensorScale !== false;
  const fourOverSix =
    scale.fourOverSix === undefined
      ? undefined
      : oneOf('scale.fourOverSix', scale.fourOverSix, ['mae', 'mse']);
  onlyIf(
    isNvfp4 && from === 'absmax',
    'scale.fourOverSix',
    fourOverSix,
    'but for e2m1 with two-level e4m3fn scales from absmax',
  );
  onlyIf(fourOverSix !== undefined, 'scale.scaleMax', scale.scaleMax, 'without fourOverSix');
  return {
    grouping,
    from,
    format,
    powerOfTwo,
    direction,
    tensorScale,
    stored,
    multiplier: multiplierOf(scale, element),
    percentile:
      from === 'percentile'
        ? numberInRange('scale.percentile', scale.percentile, { above: 0, to: 100 })
        : 100,
    value: constantOf(scale),
    initial,
    least,
    target: numberInRange('scale.target', scale.target ?? element.max, { above: 0 }),
    level,
    prescale:
      scale.prescale === undefined ? 1 : numberInRange('scale.prescale', scale.prescale, { above: 0, to: 1 }),
    decay: scale.decay,
    history: historyOf(scale),
    fourOverSix,
    scaleMax: oneOf('scale.scaleMax', scale.scaleMax, [448, 256], 448),
    hasZeroPoint,
    isNvfp4,
  };
}
