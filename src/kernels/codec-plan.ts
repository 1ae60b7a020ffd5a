/**
 * Plans for the encoders and decoders of `assembly/rounding/encode.ts` and `assembly/rounding/decode.ts`: which kernel, which constants, which
 * tables. A plan is missing where the scalar `format.encode` and `format.decode` have to serve: for floats whose normal
 * numbers are not all normal in binary64, or whose quanta exceed 2^971.
 */
import { exponentOf, powerOfTwo } from '../binary64.ts';
import type { FixedFormat, FloatFormat, Format, IntFormat, PositFormat } from '../formats/format.ts';
import type { ResolvedRounding } from '../rounding/index.ts';
import * as parameters from './generated/layout-rounding.ts';
import { codeTables, type ListFormat, writeSearch } from './list-plan.ts';
import { binadesOf, magicOfBinade } from './posit-plan.ts';
import { BlockWriter, type Lanes, lanes32, lanes64 } from './rounding-block.ts';
import type { ElementType } from './rounding-plan.ts';

export interface CodecPlan {
  /** Number of the kernel, see `scripts/kernels`. */
  readonly kernel: number;
  readonly block: Uint8Array;
  readonly tables?: Uint8Array;
}

/** Lanes by number: binary32, binary64 for a binary32 array, binary64. */
type LaneNumber = 0 | 1 | 2;

function lanesOf(number: LaneNumber): Lanes {
  return number === 0 ? lanes32 : lanes64;
}

/** The float's fields can be moved in these lanes: its normal numbers are theirs too, and so is the number that makes quanta. */
function floatFits(format: FloatFormat, lanes: Lanes, isWide: boolean): boolean {
  const { emin, emax, mantissaBits, precision, bits } = format;
  const quantum = emin - mantissaBits;
  return (
    precision <= lanes.precision &&
    bits <= (isWide ? 64 : 32) &&
    emin >= 1 - lanes.emax &&
    emax <= lanes.emax &&
    quantum + lanes.precision - 1 <= lanes.emax
  );
}

function bitsOfDouble(x: number): bigint {
  return new BigInt64Array(Float64Array.of(x).buffer)[0]!;
}

interface FloatFields {
  readonly signBit: bigint;
  /** Bits of exponent and significand. */
  readonly magnitude: bigint;
  /** A code of the lanes less one of the format, exponent and significand. */
  readonly rebias: bigint;
  readonly fieldShift: number;
}

function fieldsOf(format: FloatFormat, lanes: Lanes): FloatFields {
  const width = BigInt(format.exponentBits + format.mantissaBits);
  return {
    signBit: format.isSigned ? 1n << width : 0n,
    magnitude: (1n << width) - 1n,
    rebias: BigInt(lanes.emax - format.bias) << BigInt(format.mantissaBits),
    fieldShift: lanes.precision - 1 - format.mantissaBits,
  };
}

function writeEncodeFloat(writer: BlockWriter, format: FloatFormat, lanes: Lanes): void {
  const { signBit, rebias, fieldShift } = fieldsOf(format, lanes);
  writer.word(parameters.fieldShiftSlot, fieldShift);
  writer.integer(parameters.rebiasSlot, rebias);
  writer.integer(parameters.signBitSlot, signBit);
  writer.integer(parameters.infinityCodeSlot, format.hasInfinity ? BigInt(format.encode(Infinity)) : 0n);
  writer.number(parameters.fixedBelowSlot, format.hasZero ? powerOfTwo(format.emin) : 0);
  const quantum = format.emin - format.mantissaBits;
  writer.number(parameters.subnormalMagicSlot, powerOfTwo(quantum + lanes.precision - 1));
}

function writeDecodeFloat(writer: BlockWriter, format: FloatFormat, lanes: Lanes): void {
  const { signBit, magnitude, rebias, fieldShift } = fieldsOf(format, lanes);
  const { bits, mantissaBits, emin, exponentBits } = format;
  const width = exponentBits + mantissaBits;
  writer.word(parameters.fieldShiftSlot, fieldShift);
  writer.integer(parameters.rebiasSlot, rebias);
  writer.integer(parameters.signBitSlot, signBit);
  writer.integer(parameters.magnitudeBitsSlot, magnitude);
  writer.integer(parameters.paddingSlot, ((1n << BigInt(bits)) - 1n) & ~magnitude & ~signBit);
  writer.word(parameters.signMoveSlot, format.isSigned ? (lanes === lanes64 ? 63 : 31) - width : 0);
  writer.integer(parameters.infinityCodeSlot, format.hasInfinity ? BigInt(format.encode(Infinity)) : -1n);
  writer.integer(parameters.largestCodeSlot, BigInt(format.encode(format.max)));
  writer.mask(parameters.signedZeroSlot, format.hasNegativeZero);
  // Exponent field 0: quanta, or zero only, or (where the field holds normal numbers) the code 0 alone.
  const fixedCodes = format.subnormals === 'normal' && mantissaBits > 0 ? 1n : 1n << BigInt(mantissaBits);
  writer.integer(parameters.fixedBelowCodeSlot, format.hasZero ? fixedCodes : 0n);
  writer.number(parameters.quantumSlot, format.subnormals === true ? powerOfTwo(emin - mantissaBits) : 0);
}

function stepOf(format: IntFormat | FixedFormat): number {
  return format.kind === 'fixed' ? format.step : 1;
}

function gridFits(format: IntFormat | FixedFormat): boolean {
  const step = stepOf(format);
  return Math.max(format.max, -format.min) / step <= 2 ** 24 && exponentOf(step) >= -126;
}

function writeGrid(writer: BlockWriter, format: IntFormat | FixedFormat, lanes: Lanes, scale: number): void {
  writer.number(parameters.gridScaleSlot, scale);
  writer.integer(parameters.codeMaskSlot, (1n << BigInt(format.bits)) - 1n);
  writer.word(parameters.gridMoveSlot, (lanes === lanes64 ? 64 : 32) - format.bits);
  writer.mask(parameters.gridSignedSlot, format.isSigned);
  writer.number(parameters.gridLeastSlot, format.min);
}

/** C and what to add to the bits of a sum with it, binade by binade. */
function positTable(format: PositFormat): Uint8Array {
  const first = exponentOf(format.minPositive);
  const entries = binadesOf(format).flatMap(({ fractionBits, code, lower }, i) => {
    const exponent = first + i;
    // Without fraction bits only 2^exponent itself can come, so that any C will do.
    const magic = fractionBits > 0 ? magicOfBinade(exponent, fractionBits) : powerOfTwo(exponent);
    return [bitsOfDouble(magic), BigInt(code) - bitsOfDouble(lower + magic)];
  });
  return new Uint8Array(BigInt64Array.from(entries).buffer);
}

function fastestLanes(type: ElementType, fitsNarrow: boolean): LaneNumber {
  if (type === 'float64') return 2;
  return fitsNarrow ? 0 : 1;
}

/** @param nanCode The code that a NaN gets. */
export function planEncoding(type: ElementType, format: Format, nanCode: bigint): CodecPlan | undefined {
  const number = fastestLanes(
    type,
    format.kind === 'float'
      ? floatFits(format, lanes32, false)
      : (format.kind === 'int' || format.kind === 'fixed') && gridFits(format),
  );
  const lanes = lanesOf(number);
  const writer = new BlockWriter(lanes);
  writer.integer(parameters.nanCodeSlot, nanCode);
  const block = writer.bytes;
  switch (format.kind) {
    case 'float':
      if (!floatFits(format, lanes, lanes === lanes64)) return undefined;
      writeEncodeFloat(writer, format, lanes);
      return { kernel: parameters.codecFloat + number, block };
    case 'int':
    case 'fixed':
      writeGrid(writer, format, lanes, 1 / stepOf(format));
      return { kernel: parameters.codecGrid + number, block };
    case 'posit':
      writer.number(parameters.leastSlot, format.minPositive);
      writer.number(parameters.clampSlot, format.max);
      writer.word(parameters.firstBinadeSlot, exponentOf(format.minPositive) + 1023);
      writer.integer(parameters.codeMaskSlot, (1n << BigInt(format.bits)) - 1n);
      return { kernel: parameters.codecPosit + number, block, tables: positTable(format) };
    case 'codebook':
    case 'logarithmic':
      return planListEncoding(type, format, nanCode, undefined);
  }
}

/**
 * Encoding to a list's codes.
 *
 * @param options A deterministic rounding, to be done by the same search; none for numbers that are rounded already.
 */
export function planListEncoding(
  type: ElementType,
  format: ListFormat,
  nanCode: bigint,
  options: ResolvedRounding | undefined,
): CodecPlan {
  const writer = new BlockWriter(lanes64);
  const tables = codeTables(format, options);
  writer.integer(parameters.nanCodeSlot, nanCode);
  writeSearch(writer, tables);
  writer.word(parameters.lastSlot, options === undefined ? 1 : 0);
  const kernel = parameters.codecList + (type === 'float64' ? 2 : 0);
  return { kernel, block: writer.bytes, tables: tables.bytes };
}

/** The values of all codes. */
function valueTable(format: Format, type: ElementType): Uint8Array {
  const length = 2 ** format.bits;
  const values = type === 'float32' ? new Float32Array(length) : new Float64Array(length);
  for (let code = 0; code < length; code++) values[code] = format.decode(code);
  return new Uint8Array(values.buffer);
}

/** @param type Of the array that the values go to. */
export function planDecoding(type: ElementType, format: Format): CodecPlan | undefined {
  const number = fastestLanes(
    type,
    format.kind === 'float'
      ? floatFits(format, lanes32, false)
      : (format.kind === 'int' || format.kind === 'fixed') && gridFits(format),
  );
  const lanes = lanesOf(number);
  const writer = new BlockWriter(lanes);
  const block = writer.bytes;
  const byType = type === 'float64' ? 2 : 0;
  switch (format.kind) {
    case 'float':
      if (!floatFits(format, lanes, lanes === lanes64)) return undefined;
      writeDecodeFloat(writer, format, lanes);
      return { kernel: parameters.codecFloat + number, block };
    case 'int':
    case 'fixed':
      writeGrid(writer, format, lanes, stepOf(format));
      return { kernel: parameters.codecGrid + number, block };
    case 'posit':
      writer.word(parameters.positBitsSlot, format.bits);
      // With 2 bits any es is accepted, and there are no exponent bits to read.
      writer.word(parameters.positEsSlot, Math.min(format.es, 30));
      return { kernel: parameters.codecPosit + byType, block };
    case 'codebook':
    case 'logarithmic':
      return { kernel: parameters.codecList + byType, block, tables: valueTable(format, type) };
  }
}
