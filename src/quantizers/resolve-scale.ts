/**
 * The options of a scale with their defaults, checked alone, with each other and against the format of the elements.
 */
import {
  checkAbsent,
  checkFields,
  checkLength,
  checkObject,
  integerInRange,
  numberInRange,
  oneOf,
  oneOrEach,
  within,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { type FormatSpelling, toFormat } from '../formats/names.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { quotientIn, toBinary32 } from '../operations/carrier.ts';
import { gaussianLevel } from './gaussian.ts';
import { checkGrouping, type Grouping } from './grouping.ts';
import { directions, trailingBits } from './power-of-two.ts';
import {
  leastStatistic,
  type ResolvedScale,
  type ScaleOptions,
  type Statistic,
  statistics,
} from './scale-options.ts';

const magnitudeStatistics: readonly Statistic[] = statistics.slice(0, 6);

const optionNames: readonly string[] = [
  ...['per', 'size', 'axis', 'rows', 'columns', 'from', 'format', 'direction', 'tensorScale', 'stored'],
  ...['multiplier', 'percentile', 'value', 'zeroPoint', 'initial', 'least', 'target', 'level', 'prescale'],
  ...['gain', 'decay', 'history', 'fourOverSix', 'scaleMax'],
];

function groupingOf(scale: ScaleOptions): Grouping {
  const { per } = within('scale', () => checkGrouping(scale));
  if (per === 'block' && scale.per === 'block')
    return { per, size: scale.size, ...(scale.axis === undefined ? {} : { axis: scale.axis }) };
  if (per === 'tile' && scale.per === 'tile') return { per, rows: scale.rows, columns: scale.columns };
  return { per } as Grouping;
}

function scaleFormat(given: FloatFormat | FormatSpelling): FloatFormat {
  const format = within('scale', () => toFormat(given));
  if (format.kind !== 'float' || !format.hasNaN || !fitsBinary32(format))
    throw new ArgumentError('scale.format', String(given), 'a float format with NaN that binary32 contains');
  return format;
}

/** Throws unless the option is absent or the condition holds. */
function onlyIf(holds: boolean, argument: string, given: unknown, where: string): void {
  if (!holds) checkAbsent(argument, given, `nothing, ${where}`);
}

function multiplierOf(scale: ScaleOptions, element: Format): number {
  const { from, multiplier = from === 'rms' || from === 'std' ? 'gaussian' : 1 } = scale;
  if (multiplier !== 'gaussian') return numberInRange('scale.multiplier', multiplier, { above: 0 });
  const level = from === 'rms' || from === 'std' ? gaussianLevel(element) : undefined;
  if (level === undefined)
    throw new ArgumentError('scale.multiplier', multiplier, `a number for ${element.name} from ${from}`);
  return level;
}

function targetOf({ target }: ScaleOptions, element: Format, isTwoLevel: boolean): number {
  const number = numberInRange('scale.target', target, { above: 0 }, element.max);
  const rounded = isTwoLevel ? toBinary32(number) : number;
  if (rounded === 0)
    throw new ArgumentError('scale.target', number, 'a number that binary32 does not round to 0');
  return rounded;
}

function historyOf(scale: ScaleOptions): ResolvedScale['history'] {
  if (scale.history === undefined) return undefined;
  const { length, take } = checkFields('scale.history', scale.history, ['length', 'take']);
  return {
    length: integerInRange('scale.history.length', length, 1, Number.MAX_SAFE_INTEGER),
    take: oneOf('scale.history.take', take, ['max', 'latest'], 'max'),
  };
}

function constantOf(scale: ScaleOptions, format: FloatFormat): ResolvedScale['value'] {
  const { value, from } = scale;
  onlyIf(from === 'constant', 'scale.value', value, 'unless from is constant');
  if (from !== 'constant') return undefined;
  return oneOrEach('scale.value', value, (path, each) => {
    const number = numberInRange(path, each, { above: 0 });
    if (format.hasZero && quotientIn(format)(number, 1) === 0)
      throw new ArgumentError(path, number, `a number that ${format.name} does not round to 0`);
    return number;
  });
}

function zeroPointOf({ value, zeroPoint, from }: ScaleOptions, element: Format): ResolvedScale['zeroPoint'] {
  onlyIf(from === 'constant', 'scale.zeroPoint', zeroPoint, 'unless from is constant');
  if (zeroPoint === undefined || element.kind !== 'int') return undefined;
  const { min, max } = element;
  if (Array.isArray(zeroPoint) && Array.isArray(value))
    checkLength(
      'scale.zeroPoint',
      zeroPoint,
      value.length,
      `${value.length} integers, as many as scale.value`,
    );
  return oneOrEach('scale.zeroPoint', zeroPoint, (path, each) => integerInRange(path, each, min, max));
}

function isTwoLevelFormat(format: FloatFormat): boolean {
  return format.mantissaBits > 0 && format.hasZero;
}

/** What the other options depend on. */
interface Basis {
  readonly from: Statistic;
  readonly format: FloatFormat;
  /** Whether scales are powers of two. */
  readonly powerOfTwo: boolean;
  readonly hasZeroPoint: boolean;
  /** Whether a scale is made of one number that stands for the magnitude of a group. */
  readonly isMagnitude: boolean;
}

function directionOf({ direction: given }: ScaleOptions, element: Format, powerOfTwo: boolean) {
  onlyIf(powerOfTwo, 'scale.direction', given, 'unless the scale format is of powers of two (e8m0)');
  const direction = oneOf('scale.direction', given, directions, 'floor');
  if (direction === 'even' && trailingBits(element) === undefined)
    throw new ArgumentError('scale.direction', direction, `floor, ceil, rceil for ${element.name}`);
  return direction;
}

/** What learned scales begin as, and whether groups have a zero point. */
function zeroPointsIn({ initial: given, zeroPoint }: ScaleOptions, from: Statistic, element: Format) {
  const initial = oneOf('scale.initial', given, ['lsq', 'absmax', 'minmax'], 'lsq');
  onlyIf(from === 'learned', 'scale.initial', given, 'unless from is learned');
  const hasZeroPoint =
    from === 'minmax' || (from === 'learned' && initial === 'minmax') || zeroPoint !== undefined;
  if (hasZeroPoint && element.kind !== 'int')
    throw new ArgumentError('format', element.name, 'an integer format, where there is a zero point');
  return { initial, hasZeroPoint } as const;
}

/** Refuses options of statistics where no statistic is taken. */
function checkStatisticOptions(scale: ScaleOptions, { from, hasZeroPoint, isMagnitude }: Basis): void {
  const isStatistic = magnitudeStatistics.includes(from);
  const hasTarget = isMagnitude || (from === 'learned' && !hasZeroPoint);
  onlyIf(isStatistic, 'scale.multiplier', scale.multiplier, `with from ${from}`);
  onlyIf(isStatistic, 'scale.least', scale.least, `with from ${from}`);
  onlyIf(hasTarget, 'scale.target', scale.target, hasZeroPoint ? 'with zero points' : `with from ${from}`);
}

/** Whether scales have a second level, how they are fitted, and which of scale and reciprocal is stored. */
function levelsOf(scale: ScaleOptions, { from, format, powerOfTwo, hasZeroPoint, isMagnitude }: Basis) {
  const given = oneOf('scale.tensorScale', scale.tensorScale, [false, true, 'row'] as const, false);
  const tensorScale = given === true ? 'tensor' : given;
  const second = given === false ? undefined : given;
  onlyIf(isMagnitude, 'scale.tensorScale', second, `with from ${from}`);
  onlyIf(isTwoLevelFormat(format), 'scale.tensorScale', second, `with scale format ${format.name}`);
  const level = oneOf('scale.level', scale.level, ['statistic', 'least-squares'], 'statistic');
  if (level === 'least-squares' && (!isMagnitude || powerOfTwo || tensorScale !== false))
    throw new ArgumentError('scale.level', level, 'statistic, but for one-level scales from a magnitude');
  const canEncode = !powerOfTwo && tensorScale === false && !hasZeroPoint && level === 'statistic';
  const byDefault = canEncode && isMagnitude && format.name === 'binary32' ? 'encode' : 'decode';
  const accepted = canEncode ? (['encode', 'decode'] as const) : (['decode'] as const);
  return { tensorScale, level, stored: oneOf('scale.stored', scale.stored, accepted, byDefault) } as const;
}

/** The least statistic; the scales of BitNet have one of their own. */
function leastOf(
  scale: ScaleOptions,
  element: Format,
  { from, per, stored }: { from: Statistic; per: Grouping['per']; stored: ResolvedScale['stored'] },
): number {
  const isBitNet =
    (element.kind === 'int' || element.kind === 'codebook') &&
    stored === 'encode' &&
    (per === 'tensor' || per === 'row') &&
    (from === 'absmax' || from === 'absmean' || from === 'absmedian');
  return numberInRange('scale.least', scale.least, { from: 0 }, isBitNet ? leastStatistic : 0);
}

function percentileOf({ percentile }: ScaleOptions, from: Statistic): number {
  onlyIf(from === 'percentile', 'scale.percentile', percentile, 'unless from is percentile');
  return from === 'percentile' ? numberInRange('scale.percentile', percentile, { above: 0, to: 100 }) : 100;
}

/** How statistics of calls before count. */
function trackingOf(scale: ScaleOptions, from: Statistic, isTwoLevel: boolean) {
  const tracked = from !== 'constant' && from !== 'learned' && from !== 'mse' && !isTwoLevel;
  for (const option of ['decay', 'history'] as const)
    onlyIf(tracked, `scale.${option}`, scale[option], 'with constant, learned, mse or two-level scales');
  onlyIf(scale.decay === undefined, 'scale.history', scale.history, 'where there is a decay');
  if (scale.decay !== undefined) numberInRange('scale.decay', scale.decay, { above: 0, below: 1 });
  return { decay: scale.decay, history: historyOf(scale) };
}

function fourOverSixOf(scale: ScaleOptions, isAccepted: boolean) {
  const fourOverSix =
    scale.fourOverSix === undefined
      ? undefined
      : oneOf('scale.fourOverSix', scale.fourOverSix, ['mae', 'mse']);
  const where = 'but for e2m1 with two-level e4m3fn scales from absmax';
  onlyIf(isAccepted, 'scale.fourOverSix', fourOverSix, where);
  onlyIf(fourOverSix !== undefined, 'scale.scaleMax', scale.scaleMax, 'without fourOverSix');
  return { fourOverSix, scaleMax: oneOf('scale.scaleMax', scale.scaleMax, [448, 256], 448) } as const;
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
  const format = scaleFormat(scale.format === undefined ? 'binary32' : scale.format);
  const powerOfTwo = format.mantissaBits === 0 && !format.hasZero;
  const direction = directionOf(scale, element, powerOfTwo);
  const { initial, hasZeroPoint } = zeroPointsIn(scale, from, element);
  const isMagnitude = magnitudeStatistics.includes(from) || from === 'mse';
  const basis: Basis = { from, format, powerOfTwo, hasZeroPoint, isMagnitude };
  checkStatisticOptions(scale, basis);
  const levels = levelsOf(scale, basis);
  const isTwoLevel = levels.tensorScale !== false;
  for (const option of ['prescale', 'gain'] as const) {
    const where = 'unless the scale format is of powers of two (e8m0)';
    onlyIf(powerOfTwo, `scale.${option}`, scale[option], where);
  }
  const isNvfp4 = element.name === 'e2m1' && format.name === 'e4m3fn' && isTwoLevel;
  return {
    grouping,
    from,
    format,
    powerOfTwo,
    direction,
    ...levels,
    least: leastOf(scale, element, { from, per: grouping.per, stored: levels.stored }),
    percentile: percentileOf(scale, from),
    ...trackingOf(scale, from, isTwoLevel),
    ...fourOverSixOf(scale, isNvfp4 && from === 'absmax'),
    multiplier: multiplierOf(scale, element),
    value: constantOf(scale, format),
    zeroPoint: zeroPointOf(scale, element),
    initial,
    target: targetOf(scale, element, isTwoLevel),
    prescale:
      scale.prescale === undefined ? 1 : numberInRange('scale.prescale', scale.prescale, { above: 0, to: 1 }),
    gain: numberInRange('scale.gain', scale.gain, { above: 0 }, 1),
    hasZeroPoint,
    isNvfp4,
  };
}
