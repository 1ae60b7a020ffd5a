/**
 * Where the kernels of `assembly/arithmetic/joined.ts` fit, and their constants: stochastic sums, products and fused multiply-adds,
 * and directed sums, quotients and roots, in binary32 arrays and float formats with infinities, signed zeros and subnormals.
 */
import { powerOfTwo } from '../../formats/binary64.ts';
import type { FloatFormat } from '../../formats/format.ts';
import { binary32, type Question, staysInRange } from './fitting.ts';
import * as parameters from './parameters.ts';

/** The bits of a binary32 number. */
function bitsOf(x: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getUint32(0);
}

function floatOf({ format, options }: Question): FloatFormat | undefined {
  const isCommon =
    format.kind === 'float' &&
    format.specials === 'ieee' &&
    format.hasNegativeZero &&
    format.subnormals === true &&
    format.mantissaBits > 0 &&
    format.exponentBits !== Infinity &&
    format.precision < 23 &&
    options.subnormals === 'keep' &&
    (options.saturation === 'none' || options.saturation === 'finite');
  if (!isCommon) return undefined;
  // Numbers below the smallest normal one have no bits beyond those that binary32 keeps of others.
  return format.emin >= -126 && format.emax >= 1 ? format : undefined;
}

const directions: readonly string[] = ['toward-zero', 'away-from-zero', 'toward-positive', 'toward-negative'];

/** Whether sums are made of negated operands and negated again, for the sign of their zeros. */
function negates(operation: string, rounding: string): boolean {
  return rounding === 'toward-negative' && (operation === 'add' || operation === 'sub');
}

/** Writes the constants that all of the kernels read. */
function writeCommon(
  { operation, options }: Question,
  { max, emax, precision }: FloatFormat,
  view: DataView,
): void {
  const { rounding } = options;
  const dropped = 24 - precision;
  const flip = negates(operation, rounding) ? 2 ** 31 : 0;
  const second = operation === 'sub' ? 2 ** 31 : 0;
  view.setUint32(parameters.joinedSignSlot, 2 ** 31, true);
  view.setUint32(parameters.joinedExponentsSlot, bitsOf(Infinity), true);
  view.setUint32(parameters.joinedFlipSlot, flip, true);
  view.setUint32(parameters.joinedFlipSecondSlot, (flip ^ second) >>> 0, true);
  view.setUint32(parameters.joinedRestSlot, 2 ** dropped - 1, true);
  view.setInt32(parameters.joinedMaskSlot, -(2 ** dropped), true);
  view.setFloat32(parameters.joinedLimitSlot, options.saturation === 'finite' ? max : Infinity, true);
  const scale = options.saturation === 'finite' ? 0 : binary32.top - emax;
  view.setFloat32(parameters.joinedScaleSlot, powerOfTwo(scale), true);
  view.setFloat32(parameters.joinedUnscaleSlot, powerOfTwo(-scale), true);
  view.setFloat32(parameters.joinedOneSlot, 1, true);
  view.setFloat32(parameters.joinedTinySlot, powerOfTwo(-100), true);
}

/** The kernel of directed results; `end` is that of the saturation. */
function directedKernel(
  { operation, options: { rounding } }: Question,
  { precision }: FloatFormat,
  end: number,
  view: DataView,
): number | undefined {
  const mask = (slot: number, isSet: boolean): void => view.setInt32(slot, isSet ? -1 : 0, true);
  const isNegated = negates(operation, rounding);
  const isAway = rounding === 'away-from-zero';
  mask(parameters.joinedAwayPositiveSlot, isAway || isNegated || rounding === 'toward-positive');
  mask(parameters.joinedAwayNegativeSlot, isAway || (rounding === 'toward-negative' && !isNegated));
  if (operation === 'add' || operation === 'sub') return parameters.joinedBase + end;
  // From here on, all steps to a remainder are exact.
  view.setUint32(parameters.joinedLeastSlot, 2 * bitsOf(powerOfTwo(-100)) - 1, true);
  if (operation === 'sqrt') return parameters.directedSqrtBase;
  return operation === 'div' && 2 * precision <= binary32.precision
    ? parameters.directedDivBase + end
    : undefined;
}

/** The kernel of stochastic results whose last bit is one of the pattern's. */
function patternKernel(
  { operation, options: { randomBits } }: Question,
  { emin, precision }: FloatFormat,
  end: number,
  view: DataView,
): number | undefined {
  const dropped = 24 - precision;
  const tail = Math.max(0, randomBits - dropped);
  view.setUint32(parameters.joinedDrawFactorSlot, 2 ** Math.max(0, dropped - randomBits), true);
  view.setUint32(parameters.joinedDrawShiftSlot, tail, true);
  view.setUint32(parameters.joinedLowMaskSlot, 2 ** tail - 1, true);
  view.setFloat32(parameters.joinedLowScaleSlot, powerOfTwo(-tail), true);
  view.setFloat32(parameters.joinedTailScaleSlot, powerOfTwo(22), true);
  const offset = 2 * end + (tail > 0 ? 1 : 0);
  // The lower bits of the random integer, and 1 less a fraction of them, are binary32 numbers.
  const isTailExact = tail <= 23;
  if (operation === 'add' || operation === 'sub')
    return isTailExact ? parameters.drawnSumBase + offset : undefined;
  if (2 * precision > binary32.precision) return undefined;
  const widen = binary32.quantum - 2 * (emin - precision + 1);
  view.setFloat32(parameters.joinedWidenSlot, powerOfTwo(widen), true);
  const least = powerOfTwo(widen + binary32.quantum + 2 * precision - 1);
  view.setUint32(parameters.joinedLeastSlot, 2 * bitsOf(least) - 1, true);
  if (operation === 'mul') return parameters.drawnProductBase + offset;
  return isTailExact ? parameters.drawnFmaBase + offset : undefined;
}

/** The kernel of stochastic fused multiply-adds in narrower ranges. */
function unitsKernel(
  question: Question,
  { emin, emax, precision }: FloatFormat,
  view: DataView,
): number | undefined {
  const { randomBits, saturation } = question.options;
  const fraction = precision - 1;
  if (2 * precision > binary32.precision || !staysInRange(question, binary32)) return undefined;
  if (emin - fraction < -126 || fraction - emin > binary32.top) return undefined;
  const scale = saturation === 'finite' ? 0 : binary32.top - emax;
  view.setFloat32(parameters.joinedFloorSlot, powerOfTwo(emin), true);
  view.setFloat32(parameters.joinedTopSlot, powerOfTwo(emax + 1), true);
  view.setInt32(parameters.joinedInversesSlot, (2 * binary32.top + fraction) << 23, true);
  view.setInt32(parameters.joinedQuantaSlot, (fraction - scale) << 23, true);
  view.setUint32(parameters.joinedRandomMaskSlot, 2 ** randomBits - 1, true);
  view.setUint32(parameters.joinedLowMaskSlot, 0xffff, true);
  view.setFloat32(parameters.joinedLowScaleSlot, powerOfTwo(-randomBits), true);
  view.setFloat32(parameters.joinedHighScaleSlot, powerOfTwo(16 - randomBits), true);
  return parameters.drawnUnitsBase + (randomBits > 24 - precision ? 1 : 0);
}

/**
 * The kernel, or undefined; writes its constants.
 *
 * @param block A block of lane constants.
 */
export function joinedKernel(question: Question, block: Uint8Array): number | undefined {
  const { operation, options } = question;
  const format = floatOf(question);
  if (format === undefined) return undefined;
  const view = new DataView(block.buffer);
  writeCommon(question, format, view);
  const isPattern = format.emin === -126 && format.emax === binary32.top;
  const isClamped = options.saturation === 'finite';
  const patternEnd = isClamped ? parameters.clampedEnd : parameters.naturalEnd;
  if (directions.includes(options.rounding))
    return isPattern ? directedKernel(question, format, patternEnd, view) : undefined;
  if (options.rounding !== 'stochastic' || options.variant !== 'A') return undefined;
  if (operation === 'div' || operation === 'sqrt') return undefined;
  if (isPattern) return patternKernel(question, format, patternEnd, view);
  // Sums are to stay below binary32's largest number.
  if (format.emax > binary32.top - 2 || operation === 'mul') return undefined;
  if (operation === 'fma') return unitsKernel(question, format, view);
  return patternKernel(question, format, isClamped ? parameters.clampedEnd : parameters.scaledEnd, view);
}
