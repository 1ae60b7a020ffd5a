/**
 * Where the kernels of `assembly/arithmetic/single-pass.ts` and `drawn-units.ts` fit, and their constants: operations and their stochastic
 * or directed rounding in one loop, in binary32 arrays of float formats with infinities, signed zeros and subnormals; in narrower
 * ranges than that of binary32, stochastic sums and fused multiply-adds.
 */
import { powerOfTwo } from '../../binary64.ts';
import type { FloatFormat } from '../../formats/format.ts';
import * as layout from '../generated/layout-arithmetic.ts';
import { binary32, isShort, type OperationCase, staysInRange } from './fitting.ts';

/** The bits of a binary32 number. */
function bitsOf(x: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getUint32(0);
}

function floatOf({ format, options }: OperationCase): FloatFormat | undefined {
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
  return isCommon ? format : undefined;
}

/** Whether results in a narrower range may be scaled to the end of binary32's, and sums stay below it before. */
function scales({ emin, emax }: FloatFormat): boolean {
  return emin >= -126 && emax >= 1 && emax <= binary32.top - 2;
}

/** Whether the format has the exponents of binary32. */
function hasItsExponents({ emin, emax }: FloatFormat): boolean {
  return emin === -126 && emax === binary32.top;
}

const directions: readonly string[] = ['toward-zero', 'away-from-zero', 'toward-positive', 'toward-negative'];

/** Whether sums are made of negated operands and negated again, for the sign of their zeros. */
function negates(operation: string, rounding: string): boolean {
  return rounding === 'toward-negative' && (operation === 'add' || operation === 'sub');
}

/** Writes the constants that all of the kernels read. */
function writeCommon({ operation, options }: OperationCase, format: FloatFormat, view: DataView): void {
  const dropped = 24 - format.precision;
  const flip = negates(operation, options.rounding) ? 2 ** 31 : 0;
  const second = operation === 'sub' ? 2 ** 31 : 0;
  view.setUint32(layout.signSlot, 2 ** 31, true);
  view.setUint32(layout.exponentsSlot, bitsOf(Infinity), true);
  view.setUint32(layout.flipSumSlot, flip, true);
  view.setUint32(layout.flipSecondSlot, (flip ^ second) >>> 0, true);
  view.setInt32(layout.maskSlot, -(2 ** dropped), true);
  view.setFloat32(layout.limitSlot, options.saturation === 'finite' ? format.max : Infinity, true);
  const scale = options.saturation === 'finite' ? 0 : binary32.top - format.emax;
  view.setFloat32(layout.scaleSlot, powerOfTwo(scale), true);
  view.setFloat32(layout.unscaleSlot, powerOfTwo(-scale), true);
  view.setFloat32(layout.oneSlot, 1, true);
  view.setFloat32(layout.tinySlot, powerOfTwo(-100), true);
}

/** The kernel of directed results. */
function directedKernel(
  { operation, options: { rounding } }: OperationCase,
  format: FloatFormat,
  end: number,
  view: DataView,
): number | undefined {
  const mask = (slot: number, isSet: boolean): void => view.setInt32(slot, isSet ? -1 : 0, true);
  const isNegated = negates(operation, rounding);
  const isAway = rounding === 'away-from-zero';
  mask(layout.raisePositiveSlot, isAway || isNegated || rounding === 'toward-positive');
  mask(layout.raiseNegativeSlot, isAway || (rounding === 'toward-negative' && !isNegated));
  if (operation === 'add' || operation === 'sub') return layout.directedSumBase + end;
  // From here on, all steps to a remainder are exact.
  view.setUint32(layout.leastProductSlot, 2 * bitsOf(powerOfTwo(-100)) - 1, true);
  if (operation === 'sqrt') return layout.directedRootBase;
  return operation === 'div' && isShort(format) ? layout.directedQuotientBase + end : undefined;
}

/**
 * Writes the constants of random integers; returns what they add to a kernel's number, and by how many bits they are longer than what is
 * discarded.
 */
function writeDraws(
  { options: { randomBits } }: OperationCase,
  { precision }: FloatFormat,
  end: number,
  view: DataView,
): { offset: number; tail: number } {
  const dropped = 24 - precision;
  const tail = Math.max(0, randomBits - dropped);
  view.setUint32(layout.drawFactorSlot, 2 ** Math.max(0, dropped - randomBits), true);
  view.setUint32(layout.drawShiftSlot, tail, true);
  view.setUint32(layout.lowMaskSlot, 2 ** tail - 1, true);
  view.setFloat32(layout.lowScaleSlot, powerOfTwo(-tail), true);
  view.setFloat32(layout.tailScaleSlot, powerOfTwo(22), true);
  return { offset: 2 * end + (tail > 0 ? layout.drawLong : layout.drawShort), tail };
}

/** Up to so many more random bits, their lower ones and 1 less a fraction of them are binary32 numbers. */
const longestTail = 23;

/** The kernel of stochastic sums. */
function drawnSumKernel(
  given: OperationCase,
  format: FloatFormat,
  end: number,
  view: DataView,
): number | undefined {
  const isWide = hasItsExponents(format);
  if (!isWide && !scales(format)) return undefined;
  const isScaled = !isWide && end === layout.endNatural;
  const { offset, tail } = writeDraws(given, format, isScaled ? layout.endScaled : end, view);
  return tail <= longestTail ? layout.drawnSumBase + offset : undefined;
}

/** The kernel of stochastic products and fused multiply-adds. */
function drawnProductKernel(
  given: OperationCase,
  format: FloatFormat,
  end: number,
  view: DataView,
): number | undefined {
  if (!isShort(format)) return undefined;
  const { emin, precision } = format;
  const { offset, tail } = writeDraws(given, format, end, view);
  const widen = binary32.quantum - 2 * (emin - precision + 1);
  view.setFloat32(layout.widenSlot, powerOfTwo(widen), true);
  const least = powerOfTwo(widen + binary32.quantum + 2 * precision - 1);
  view.setUint32(layout.leastProductSlot, 2 * bitsOf(least) - 1, true);
  if (given.operation === 'mul') return layout.drawnProductBase + offset;
  return tail <= longestTail ? layout.drawnFmaBase + offset : undefined;
}

/** The kernel of stochastic fused multiply-adds in narrower ranges. */
function drawnUnitsKernel(given: OperationCase, format: FloatFormat, view: DataView): number | undefined {
  const { emin, emax, precision } = format;
  const { randomBits, saturation } = given.options;
  const fraction = precision - 1;
  if (!isShort(format) || !staysInRange(given, binary32)) return undefined;
  // The units and their inverses are normal numbers.
  if (emin - fraction < -126 || fraction - emin > binary32.top || !scales(format)) return undefined;
  const scale = saturation === 'finite' ? 0 : binary32.top - emax;
  view.setFloat32(layout.drawnFloorSlot, powerOfTwo(emin), true);
  view.setFloat32(layout.drawnTopSlot, powerOfTwo(emax + 1), true);
  view.setInt32(layout.drawnInversesSlot, (2 * binary32.top + fraction) << 23, true);
  view.setInt32(layout.drawnQuantaSlot, (fraction - scale) << 23, true);
  view.setUint32(layout.drawnMaskSlot, 2 ** randomBits - 1, true);
  view.setUint32(layout.lowMaskSlot, 0xffff, true);
  view.setFloat32(layout.lowScaleSlot, powerOfTwo(-randomBits), true);
  view.setFloat32(layout.highScaleSlot, powerOfTwo(16 - randomBits), true);
  return layout.drawnUnitsBase + (randomBits > 24 - precision ? layout.drawLong : layout.drawShort);
}

/**
 * The kernel, or undefined; writes its constants.
 *
 * @param block A block of lane constants, with those of `writeCheck`.
 */
export function singlePassKernel(given: OperationCase, block: Uint8Array): number | undefined {
  const { operation } = given;
  const { rounding, saturation, variant } = given.options;
  const format = floatOf(given);
  if (format === undefined) return undefined;
  const view = new DataView(block.buffer);
  writeCommon(given, format, view);
  const end = saturation === 'finite' ? layout.endClamped : layout.endNatural;
  const isDrawn = rounding === 'stochastic' && variant === 'A';
  if (isDrawn && (operation === 'add' || operation === 'sub'))
    return drawnSumKernel(given, format, end, view);
  if (!hasItsExponents(format))
    return isDrawn && operation === 'fma' ? drawnUnitsKernel(given, format, view) : undefined;
  if (directions.includes(rounding)) return directedKernel(given, format, end, view);
  const isProduct = operation === 'mul' || operation === 'fma';
  return isDrawn && isProduct ? drawnProductKernel(given, format, end, view) : undefined;
}
