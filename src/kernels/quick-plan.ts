/**
 * The plans of the common cases: floats with signed zeros and a symmetric range, subnormals kept, whose numbers' quanta are
 * normal numbers of the lane type; and formats with the exponent range of binary32, rounded on the bit pattern. What
 * does not fit is left to the kernels that take every option.
 */
import { powerOfTwo } from '../binary64.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import type { ResolvedRounding, RoundingMode } from '../rounding/index.ts';
import * as parameters from './generated/layout-rounding.ts';
import {
  BlockWriter,
  type Ends,
  endsOf,
  type Lanes,
  lanes32,
  writeEnds,
  writeMode,
  writeRandom,
} from './rounding-block.ts';
import type { RoundingPlan } from './rounding-plan.ts';

const quickModes: Partial<Record<RoundingMode, number>> = {
  'nearest-even': parameters.quickNearestEven,
  'nearest-away': parameters.quickNearestAway,
  'nearest-to-zero': parameters.quickNearestToZero,
  'nearest-to-positive': parameters.quickNearestToPositive,
  'nearest-to-negative': parameters.quickNearestToNegative,
  'nearest-odd': parameters.quickNearestOdd,
  'toward-positive': parameters.quickUp,
  'toward-negative': parameters.quickDown,
  'away-from-zero': parameters.quickAway,
  'toward-zero': parameters.quickTowardZero,
  'to-odd': parameters.quickOdd,
  jamming: parameters.quickJam,
  stochastic: parameters.quickStochastic,
};

/** Of one side: what exceeds the largest number, and what an infinity becomes. */
function sideEnd(overflow: number, infinity: number, max: number): number | undefined {
  if (overflow === max) {
    if (infinity === max) return parameters.endClamped;
    return infinity === Infinity ? parameters.endKept : parameters.endNaN;
  }
  if (!Object.is(overflow, infinity)) return undefined;
  return overflow === Infinity ? parameters.endInfinite : parameters.endExceeded;
}

/** Which of the ends it is, if there is one. */
function endOf(mode: number, { overflow, infinity }: Ends, max: number): number | undefined {
  const positive = sideEnd(overflow[0], infinity[0], max);
  const negative = sideEnd(overflow[1], infinity[1], max);
  if (mode !== parameters.quickUp && mode !== parameters.quickDown)
    return positive === negative ? positive : undefined;
  const [outward, inward] = mode === parameters.quickUp ? [positive, negative] : [negative, positive];
  if (inward === outward) return inward;
  if (outward === parameters.endInfinite && inward === parameters.endKept) return parameters.endKeptOutward;
  return outward === parameters.endExceeded && inward === parameters.endNaN
    ? parameters.endNaNOutward
    : undefined;
}

function kernelNumber(family: number, mode: number, end: number): number {
  return parameters.quickBase + (family * parameters.quickModes + mode) * parameters.quickEnds + end;
}

/** Whether the kernel counts in pairs of quanta: those that make odd numbers. */
function countsPairs(mode: number): boolean {
  return mode === parameters.quickOdd || mode === parameters.quickJam;
}

/** Whether the largest number's significand is all ones: it is odd, and the next number has the next exponent. */
function isFull({ precision, emax, max }: FloatFormat): boolean {
  return max === (2 - powerOfTwo(1 - precision)) * powerOfTwo(emax);
}

/** Whether all quanta of the format, their inverses, and the scale in which overflow is infinity are normal numbers. */
function fitsScaled(format: FloatFormat, mode: number, end: number, lanes: Lanes): boolean {
  const { emin, emax, precision } = format;
  // What jamming makes of an even largest number is beyond the range.
  if (mode === parameters.quickJam && !isFull(format)) return false;
  const lowest = 1 - lanes.emax;
  const fraction = precision - 1;
  if (emin < lowest || emin - fraction < lowest) return false;
  if (fraction < emin || fraction - emin > lanes.emax) return false;
  // The quantum of an infinity must have an inverse, where infinities come so far.
  if (end === parameters.endKept) return precision > (countsPairs(mode) ? 3 : 2);
  if (end !== parameters.endInfinite && end !== parameters.endKeptOutward) return true;
  return isFull(format) && emax >= 1 && emin - fraction - emax >= 1 - 2 * lanes.emax;
}

/**
 * Whether the numbers of the format divided by the subnormal numbers' quantum are numbers of the lane type, and no number of it
 * becomes 0 by that.
 */
function fitsComposed({ emin, emax, precision }: FloatFormat, lanes: Lanes): boolean {
  const exponent = precision - 1 - emin;
  return exponent > 0 && emax + exponent <= lanes.emax && exponent < lanes.emax - 1;
}

/** The limits, which are read as they are used. */
function writeLimits(writer: BlockWriter, { max }: FloatFormat, lanes: Lanes): void {
  writer.number(parameters.lowerLimitSlot, -max);
  if (lanes === lanes32) {
    const bits = new DataView(new ArrayBuffer(4));
    for (const [slot, limit] of [
      [parameters.keptUpperSlot, max],
      [parameters.keptLowerSlot, -max],
    ] as const) {
      bits.setFloat32(0, limit);
      writer.integer(slot, BigInt(bits.getInt32(0)) + 2n ** 23n);
    }
    writer.integer(parameters.keepSlot, 2n ** 23n);
  } else {
    writer.number(parameters.keptUpperSlot, max);
    writer.number(parameters.keptLowerSlot, -max);
    writer.number(parameters.keepSlot, 0);
  }
}

function writeScaled(
  writer: BlockWriter,
  format: FloatFormat,
  mode: number,
  end: number,
  lanes: Lanes,
): void {
  const { emin, emax, precision } = format;
  const mantissaBits = BigInt(lanes.precision - 1);
  const half = countsPairs(mode) ? 1 : 0;
  const isScaled = end === parameters.endInfinite || end === parameters.endKeptOutward;
  const scale = isScaled ? lanes.emax - emax : 0;
  writer.number(parameters.floorSlot, powerOfTwo(emin));
  writer.number(parameters.topSlot, powerOfTwo(emax + 1));
  writer.integer(parameters.inverseSlot, BigInt(2 * lanes.emax + precision - 1 - half) << mantissaBits);
  writer.integer(parameters.quantaSlot, BigInt(precision - 1 - scale) << mantissaBits);
  writer.number(parameters.unscaleSlot, powerOfTwo(-scale));
  const belowHalf = 0.5 - powerOfTwo(-lanes.precision - 1);
  const constants: Readonly<Record<number, number>> = {
    [parameters.quickNearestAway]: belowHalf,
    [parameters.quickNearestToPositive]: -0.5,
    [parameters.quickJam]: 1,
  };
  writer.number(parameters.roundSlot, constants[mode] ?? 0.5);
}

function writeStochastic(writer: BlockWriter, { randomBits, variant }: ResolvedRounding): void {
  const scale = 2 ** randomBits;
  writer.number(parameters.roundSlot, 1);
  writer.number(parameters.drawScaleSlot, scale);
  writer.number(parameters.boundSlot, variant === 'A' ? scale : scale - 0.5);
}

function isCommon(format: Format, options: ResolvedRounding): format is FloatFormat {
  return (
    format.kind === 'float' &&
    format.hasNegativeZero &&
    format.max === -format.min &&
    format.hasZero &&
    format.subnormals !== 'normal' &&
    format.exponentBits !== Infinity &&
    format.mantissaBits > 0 &&
    options.subnormals === 'keep'
  );
}

/** The plan of a common case in the array's own lanes. */
export function quickPlan(
  elementShift: 2 | 3,
  lanes: Lanes,
  format: Format,
  options: ResolvedRounding,
): RoundingPlan | undefined {
  let mode = quickModes[options.rounding];
  if (mode === undefined || !isCommon(format, options)) return undefined;
  if (format.precision >= lanes.precision || format.emax >= lanes.emax) return undefined;
  const ends = endsOf(format, options);
  const end = endOf(mode, ends, format.max);
  if (end === undefined) return undefined;
  const isRandom = mode === parameters.quickStochastic;
  // The bound has one bit more than the random integer.
  const isFew = options.variant !== 'C' && options.randomBits < Math.min(lanes.precision, 33);
  if (isRandom && !isFew) mode = parameters.quickStochasticAny;
  const writer = new BlockWriter(lanes);
  writeEnds(writer, format, lanes, ends);
  writeLimits(writer, format, lanes);
  const dropped = BigInt(lanes.precision - format.precision);
  if (mode === parameters.quickTowardZero || mode === parameters.quickOdd) {
    if (fitsComposed(format, lanes)) {
      const exponent = format.precision - 1 - format.emin;
      const half = mode === parameters.quickOdd ? 1 : 0;
      writer.integer(parameters.restMaskSlot, (1n << dropped) - 1n);
      writer.integer(parameters.cutMaskSlot, -(1n << dropped));
      writer.number(parameters.fixedInverseSlot, powerOfTwo(exponent - half));
      writer.number(parameters.fixedQuantumSlot, powerOfTwo(-exponent));
      mode += parameters.composedModes;
    } else if (elementShift === 3 || !fitsScaled(format, mode, end, lanes)) return undefined;
  } else if (!fitsScaled(format, mode, end, lanes)) return undefined;
  writeScaled(writer, format, mode, end, lanes);
  if (isRandom) {
    writeRandom(writer, options);
    writeStochastic(writer, options);
  }
  const family = elementShift === 2 ? parameters.quick32Family : parameters.quick64Family;
  const kernel = kernelNumber(family, mode, end);
  return { path: 'quick', kernel, elementShift, readsRandom: isRandom, block: writer.bytes };
}

/** Modes of the bit-pattern kernels, those that add a constant all one. */
const patternModes: Partial<Record<RoundingMode, number>> = {
  ...quickModes,
  'nearest-to-zero': parameters.quickNearestAway,
  'away-from-zero': parameters.quickNearestAway,
};

/** What a bit-pattern kernel adds to the discarded bits, of which there are `dropped`. */
function patternConstant(mode: RoundingMode, dropped: number): number {
  if (mode === 'away-from-zero') return 2 ** dropped - 1;
  const half = 2 ** (dropped - 1);
  const isWhole = mode === 'nearest-away' || mode === 'nearest-to-positive' || mode === 'nearest-odd';
  return isWhole ? half : half - 1;
}

/** binary32 and narrower significands with its exponent range, on bit patterns. */
export function patternPlan(format: Format, options: ResolvedRounding): RoundingPlan | undefined {
  const { rounding, saturation, randomBits, variant } = options;
  let mode = patternModes[rounding];
  if (mode === undefined || !isCommon(format, options)) return undefined;
  const hasRange = format.specials === 'ieee' && format.emin === -126 && format.emax === 127;
  if (!hasRange || format.precision > 23) return undefined;
  const dropped = 24 - format.precision;
  const writer = new BlockWriter(lanes32);
  writeMode(writer, rounding);
  writeRandom(writer, options);
  writeEnds(writer, format, lanes32, endsOf(format, options));
  writeLimits(writer, format, lanes32);
  writer.word(parameters.restMaskSlot, 2 ** dropped - 1);
  writer.integer(parameters.cutMaskSlot, BigInt(-(2 ** dropped)));
  writer.word(parameters.halfSlot, patternConstant(rounding, dropped));
  writer.word(parameters.lowestBitSlot, 2 ** dropped);
  writer.number(parameters.scaleSlot, powerOfTwo(randomBits - dropped));
  // To add the random integer is to compare with it, but where variant C rounds the fraction first.
  if (rounding === 'stochastic' && variant === 'C' && randomBits < dropped)
    mode = parameters.quickStochasticAny;
  writer.word(parameters.drawLeftSlot, Math.max(0, dropped - randomBits));
  writer.word(parameters.drawRightSlot, Math.max(0, randomBits - dropped));
  writer.word(
    parameters.drawAddedSlot,
    variant === 'B' && randomBits < dropped ? 2 ** (dropped - randomBits - 1) : 0,
  );
  const isInward = rounding === 'toward-zero' || rounding === 'to-odd' || rounding === 'jamming';
  const kept = isInward ? parameters.endInfinite : parameters.endKept;
  const end = {
    none: parameters.endInfinite,
    finite: parameters.endClamped,
    propagate: kept,
    wrap: undefined,
    'keep-sign': undefined,
  }[saturation];
  if (end === undefined) return undefined;
  return {
    path: 'pattern',
    kernel: kernelNumber(parameters.pattern32Family, mode, end),
    elementShift: 2,
    readsRandom: rounding === 'stochastic',
    block: writer.bytes,
  };
}
