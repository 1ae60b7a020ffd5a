/**
 * Plans for the kernels of `assembly/rounding/exact.ts`: any float, integer or fixed-point format in binary64 lanes, wrap included.
 * They fit wherever the power of two that rounds the fixed-quantum range is a binary64 number, that is, for all formats
 * whose quanta are at most 2^971.
 */
import { exponentOf, powerOfTwo } from '../binary64.ts';
import type { FixedFormat, FloatFormat, Format, IntFormat } from '../formats/format.ts';
import { dropsHighBits, isStochastic, type ResolvedRounding } from '../rounding/index.ts';
import * as parameters from './generated/layout-rounding.ts';
import {
  BlockWriter,
  endsOf,
  kindOf,
  lanes64,
  writeEnds,
  writeJammedGrid,
  writeMode,
  writeRandom,
} from './rounding-block.ts';
import type { RoundingPlan } from './rounding-plan.ts';

/** Bits of a binary64 significand after the leading one. */
const mantissaBits64 = 52;

/** Below `below` the neighbours are multiples of 2^exponent. Returns whether the kernel can do that. */
function writeFixedQuantum(writer: BlockWriter, below: number, exponent: number): boolean {
  if (exponent + mantissaBits64 > 1023) return false;
  writer.number(parameters.fixedBelowSlot, below);
  writer.number(parameters.subnormalMagicSlot, powerOfTwo(exponent + mantissaBits64));
  const first = Math.min(-exponent, 1000);
  writer.number(parameters.fixedScale1Slot, powerOfTwo(first));
  writer.number(parameters.fixedScale2Slot, powerOfTwo(-exponent - first));
  return true;
}

/** Below the format's smallest number the neighbours are 0 and that number, no power of two. Returns whether the kernel can decide. */
function writeMinimum(writer: BlockWriter, format: FloatFormat, options: ResolvedRounding): boolean {
  // Quotient and divisor must have an exact product; the quotient needs the random integer's bits and two more.
  const bits = Math.min(mantissaBits64 + 1 - format.precision, 40);
  if (options.rounding === 'stochastic' && bits < options.randomBits + 2) return false;
  writer.number(parameters.fixedBelowSlot, format.minNormal);
  writer.number(parameters.minimumSlot, format.minNormal);
  writer.integer(parameters.quotientMaskSlot, -1n << BigInt(mantissaBits64 + 1 - Math.max(bits, 1)));
  return true;
}

function writeFloat(writer: BlockWriter, format: FloatFormat, options: ResolvedRounding): boolean {
  const { mantissaBits, emin, minNormal } = format;
  const dropped = mantissaBits64 - mantissaBits;
  writer.integer(parameters.restMaskSlot, (1n << BigInt(dropped)) - 1n);
  writer.integer(parameters.lowestBitSlot, 1n << BigInt(dropped));
  writer.number(parameters.fractionScaleSlot, powerOfTwo(-dropped));
  const hasOnlyPowers = mantissaBits === 0;
  if (hasOnlyPowers && format.specials === 'p3109') {
    // The parity is that of the code, here that of the exponent field; binary64's own has another bias.
    writer.mask(parameters.oddFlipSlot, (1023 - format.bias) % 2 !== 0);
  } else writer.mask(parameters.oddForceSlot, hasOnlyPowers);
  if (!format.hasZero) {
    // Under 'finite' a negative number becomes a positive one: that is a matter of lists.
    if (options.saturation === 'finite') return false;
    writer.number(parameters.leastSlot, minNormal);
    writer.number(parameters.zeroResultSlot, NaN);
    return true;
  }
  // Where the format's last bit is none of binary64, jamming sets binary64's.
  const jams = options.rounding === 'jamming';
  if (format.exponentBits === Infinity) return !jams;
  if (jams && options.subnormals === 'flush' && emin - mantissaBits <= -1074) return false;
  switch (options.subnormals) {
    case 'flush':
      writer.number(parameters.flushBelowSlot, minNormal);
      return true;
    case 'round-to-minimum-normal':
      return minNormal === powerOfTwo(emin)
        ? writeFixedQuantum(writer, minNormal, emin)
        : writeMinimum(writer, format, options);
    case 'keep':
      // Formats of powers of two alone have no even significand: their ties go away, to the smallest number too.
      writer.mask(
        parameters.fixedOddSlot,
        hasOnlyPowers && format.specials !== 'p3109' && options.rounding === 'nearest-even',
      );
      return writeFixedQuantum(writer, minNormal, emin - mantissaBits);
  }
}

function writeGrid(writer: BlockWriter, format: IntFormat | FixedFormat, options: ResolvedRounding): boolean {
  const step = format.kind === 'fixed' ? format.step : 1;
  // From 2^52 steps on every number is a multiple of the step.
  writer.integer(parameters.lowestBitSlot, 1n);
  writer.number(parameters.fractionScaleSlot, 1);
  if (!writeJammedGrid(writer, options.rounding, step, lanes64)) return false;
  if (dropsHighBits(options)) {
    // The last bit is set of what is left, not before.
    writer.mask(parameters.jamSlot, false);
    const keepsSign = options.saturation === 'keep-sign' && format.isSigned;
    const period = powerOfTwo(format.bits - (keepsSign ? 1 : 0)) * step;
    writer.mask(parameters.wrapKeepsSignSlot, keepsSign);
    writer.number(parameters.wrapPeriodSlot, period);
    writer.number(parameters.wrapInverseSlot, 1 / period);
    writer.number(parameters.wrapHalfSlot, period / 2);
    writer.number(parameters.wrapLimitSlot, period * 2 ** mantissaBits64);
    writer.mask(parameters.wrapSignedSlot, format.isSigned);
    writer.number(parameters.maximumPositiveSlot, Infinity);
    writer.number(parameters.maximumNegativeSlot, Infinity);
  }
  return writeFixedQuantum(writer, step * 2 ** mantissaBits64, exponentOf(step));
}

/** The plan, or undefined where the kernel does not fit. */
export function exactPlan(
  elementShift: 2 | 3,
  format: Format,
  options: ResolvedRounding,
): RoundingPlan | undefined {
  if (format.kind !== 'float' && format.kind !== 'int' && format.kind !== 'fixed') return undefined;
  const writer = new BlockWriter(lanes64);
  writeMode(writer, options.rounding);
  writeRandom(writer, options);
  writer.number(parameters.randomScaleSlot, 2 ** options.randomBits);
  writeEnds(writer, format, lanes64, endsOf(format, options));
  const fits =
    format.kind === 'float' ? writeFloat(writer, format, options) : writeGrid(writer, format, options);
  if (!fits) return undefined;
  const family = elementShift === 2 ? 0 : 1;
  return {
    path: 'exact',
    kernel: parameters.exactBase + family * parameters.kinds + kindOf[options.rounding],
    elementShift,
    readsRandom: isStochastic(options.rounding),
    block: writer.bytes,
  };
}
