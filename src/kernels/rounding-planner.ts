/**
 * Which kernel rounds to a format, and with which constants. The one place that knows where the kernels fit: the fast ones
 * of a lane type serve where the power of two that rounds (see `assembly/rounding/round.ts`), the quantum and the stochastic scale
 * are all numbers of the lane type. What they do not fit goes to the exact kernels, lists and posits to theirs. The
 * scalar reference is left with floats whose quanta exceed 2^971, and with stochastic rounding below a smallest number
 * that is no power of two and has more bits than an exact quotient leaves room for.
 */
import { exponentOf, powerOfTwo } from '../binary64.ts';
import { codebook } from '../formats/codebook.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { dropsHighBits, isStochastic, type ResolvedRounding, type RoundingMode } from '../rounding/index.ts';
import { exactPlan } from './exact-plan.ts';
import * as parameters from './generated/layout-rounding.ts';
import { listPlan } from './list-plan.ts';
import { planCache } from './plan-cache.ts';
import { positPlan } from './posit-plan.ts';
import { patternPlan, quickPlan } from './quick-plan.ts';
import {
  BlockWriter,
  endsOf,
  kindOf,
  type Lanes,
  lanes32,
  lanes64,
  type Magic,
  writeEnds,
  writeJammedGrid,
  writeMagic,
  writeMode,
  writeRandom,
} from './rounding-block.ts';
import type { ElementType, RoundingPath, RoundingPlan } from './rounding-plan.ts';

export type { ElementType, RoundingPath, RoundingPlan } from './rounding-plan.ts';

function floatMagic(format: FloatFormat, options: ResolvedRounding, lanes: Lanes): Magic | undefined {
  const isRegular = format.subnormals !== 'normal' && format.hasZero && format.exponentBits !== Infinity;
  if (!isRegular || format.mantissaBits === 0) return undefined;
  const { emin, emax, precision } = format;
  const flush = options.subnormals === 'flush';
  const shift = lanes.precision - precision;
  if (shift < 0) return undefined;
  const clamp = emax === 1023 ? Infinity : powerOfTwo(emax + 1);
  const flushBelow = flush ? format.minNormal : 0;
  // 'flush' rounds with an unbounded exponent; results below the binade before minNormal vanish anyway.
  const floorExponent = flush ? emin - 1 : emin;
  const common = { floorExponent, clamp, flushBelow };
  // The quantum of everything below minNormal is minNormal itself, or that of the lowest binade.
  const below = options.subnormals === 'round-to-minimum-normal' ? emin + lanes.precision - 1 : emin + shift;
  const subnormal = flush ? undefined : { below: emin, magic: below };
  if (shift === 0) return { ...common, shift: undefined, subnormal, lowest: below, highest: below };
  return {
    ...common,
    shift,
    subnormal,
    lowest: floorExponent + shift,
    highest: Math.max(emax + 1 + shift, below),
  };
}

/** Multiples of 2^exponent: one quantum throughout. */
function gridMagic(exponent: number, largest: number, lanes: Lanes): Magic | undefined {
  const step = powerOfTwo(exponent);
  if (largest / step >= powerOfTwo(lanes.precision - 1)) return undefined;
  const magic = exponent + lanes.precision - 1;
  return {
    floorExponent: magic,
    shift: 0,
    subnormal: undefined,
    lowest: magic,
    highest: magic,
    clamp: largest + step,
    flushBelow: 0,
  };
}

function magicOf(format: Format, options: ResolvedRounding, lanes: Lanes): Magic | undefined {
  const largest = Math.max(format.max, -format.min);
  if (format.kind === 'float') return floatMagic(format, options, lanes);
  if (dropsHighBits(options)) return undefined;
  if (format.kind === 'int') return gridMagic(0, largest, lanes);
  if (format.kind === 'fixed') return gridMagic(-format.fractionBits, largest, lanes);
  if (format.kind !== 'codebook') return undefined;
  if (format.ties !== 'even-multiple' || !format.has(0)) return undefined;
  const exponent = exponentOf(format.step);
  return powerOfTwo(exponent) === format.step ? gridMagic(exponent, largest, lanes) : undefined;
}

/** Whether every number that the kernel makes on the way is an exact normal number of the lane type. */
function fits(magic: Magic, options: ResolvedRounding, lanes: Lanes): boolean {
  const { floorExponent, lowest, highest } = magic;
  const emin = 1 - lanes.emax;
  if (floorExponent < emin || lowest < emin || highest > lanes.emax) return false;
  const scaleExponent = options.randomBits + lanes.precision - 1 - lowest;
  return options.rounding !== 'stochastic' || scaleExponent <= lanes.emax;
}

function magicPlan(
  elementShift: 2 | 3,
  lanes: Lanes,
  format: Format,
  options: ResolvedRounding,
): RoundingPlan | undefined {
  const magic = magicOf(format, options, lanes);
  if (magic === undefined || !fits(magic, options, lanes)) return undefined;
  const ends = endsOf(format, options);
  const writer = new BlockWriter(lanes);
  writeMagic(writer, magic, options, lanes);
  writeMode(writer, options.rounding);
  const step = format.kind === 'fixed' || format.kind === 'codebook' ? format.step : 1;
  if (format.kind !== 'float' && !writeJammedGrid(writer, options.rounding, step, lanes)) return undefined;
  writeRandom(writer, options);
  writeEnds(writer, format, lanes, ends);
  const readsRandom = isStochastic(options.rounding);
  const common = { elementShift, readsRandom, block: writer.bytes };
  const isWide = elementShift === 2 && lanes === lanes64;
  const number =
    elementShift === 3 ? parameters.lanes64 : isWide ? parameters.lanes32in64 : parameters.lanes32;
  const kernel = number * parameters.kinds + kindOf[options.rounding];
  return { path: isWide ? 'wide' : 'general', kernel, ...common };
}

function makePlan(type: ElementType, format: Format, options: ResolvedRounding): RoundingPlan | undefined {
  const elementShift = type === 'float64' ? 3 : 2;
  if (format.kind === 'posit') return positPlan(elementShift, format, options);
  const fast =
    elementShift === 3
      ? (quickPlan(3, lanes64, format, options) ?? magicPlan(3, lanes64, format, options))
      : (patternPlan(format, options) ??
        quickPlan(2, lanes32, format, options) ??
        magicPlan(2, lanes32, format, options) ??
        magicPlan(2, lanes64, format, options));
  if (fast !== undefined) return fast;
  if (format.kind === 'codebook' || format.kind === 'logarithmic')
    return listPlan(elementShift, format, options);
  return exactPlan(elementShift, format, options) ?? positivePlan(elementShift, format, options);
}

/** What modes that look for odd significands do where all are odd. */
const amongOdd: Partial<Record<RoundingMode, RoundingMode>> = {
  'to-odd': 'toward-zero',
  jamming: 'toward-zero',
  'nearest-odd': 'nearest-to-zero',
};

/**
 * Positive numbers alone under 'finite', where all that has no place goes to an end: the list of the values. What a float's tie and
 * its odd significand are, an index is with them; without significand bits ties go up, and every significand is odd.
 */
function positivePlan(
  elementShift: 2 | 3,
  format: Format,
  options: ResolvedRounding,
): RoundingPlan | undefined {
  if (format.kind !== 'float' || format.hasZero || format.bits > 16) return undefined;
  const ties = format.mantissaBits === 0 ? 'upper' : 'even-index';
  const list = codebook({ name: 'values', values: format.values(), ties });
  const ofOdd = format.mantissaBits === 0 ? amongOdd[options.rounding] : undefined;
  return listPlan(elementShift, list, ofOdd === undefined ? options : { ...options, rounding: ofOdd });
}

const keepPlan = planCache<RoundingPlan | undefined>();

/** The plan for arrays of a type, or undefined where only the scalar reference rounds so. Plans are kept. */
export function planRounding(
  type: ElementType,
  format: Format,
  options: ResolvedRounding,
): RoundingPlan | undefined {
  return keepPlan(format, type, 'round', options, () => makePlan(type, format, options));
}

/**
 * A plan of path 'general' or 'exact' in binary64 lanes, or undefined: for kernels that round within their own loops by the
 * bodies of these two.
 */
export function planInLanes(format: Format, options: ResolvedRounding): RoundingPlan | undefined {
  return magicPlan(3, lanes64, format, options) ?? exactPlan(3, format, options);
}

/** Which path a rounding takes. */
export function roundingPath(type: ElementType, format: Format, options: ResolvedRounding): RoundingPath {
  return planRounding(type, format, options)?.path ?? 'reference';
}
