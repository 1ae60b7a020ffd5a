/**
 * The parameter block of a rounding kernel: what the constants are, and how they are laid down in a lane type. Which
 * constants a format needs is the matter of `rounding-planner.ts`.
 */
import { powerOfTwo } from '../binary64.ts';
import type { Format } from '../formats/format.ts';
import { isStochastic, type ResolvedRounding, type RoundingMode, roundScalar } from '../rounding/index.ts';
import * as parameters from './generated/layout-rounding.ts';

/** A lane type: significant bits, largest exponent. */
export interface Lanes {
  readonly precision: 24 | 53;
  readonly emax: 127 | 1023;
}

export const lanes32: Lanes = { precision: 24, emax: 127 };
export const lanes64: Lanes = { precision: 53, emax: 1023 };

/** The powers of two C that round magnitudes, by their exponents: the quantum is C 2^(1 - lanes.precision). */
export interface Magic {
  /** Magnitudes in smaller binades are treated as those of this one. */
  readonly floorExponent: number;
  /** C is 2^shift times the binade of the magnitude, or 0 (undefined) where the lanes' own precision is right. */
  readonly shift: number | undefined;
  /** Below 2^below, C is 2^magic instead. */
  readonly subnormal: { readonly below: number; readonly magic: number } | undefined;
  /** Smallest and largest exponent of any C in use. */
  readonly lowest: number;
  readonly highest: number;
  /** Magnitudes from here on all overflow. */
  readonly clamp: number;
  /** Results below this become zero. */
  readonly flushBelow: number;
}

/** What becomes of results beyond the range and of infinite inputs, as magnitudes; asked of the reference itself. */
export interface Ends {
  readonly overflow: readonly [positive: number, negative: number];
  readonly infinity: readonly [positive: number, negative: number];
}

/** The ends of a format, asked of the reference. Stochastic roundings overflow as nearest ones. */
export function endsOf(format: Format, options: ResolvedRounding): Ends {
  const largest = Math.max(format.max, -format.min);
  const beyond = largest >= powerOfTwo(1021) ? Number.MAX_VALUE : largest * 4;
  const asked: ResolvedRounding = isStochastic(options.rounding)
    ? { ...options, rounding: 'nearest-even' }
    : options;
  const ask = (x: number): number => Math.abs(roundScalar(x, format, asked, 0));
  return { overflow: [ask(beyond), ask(-beyond)], infinity: [ask(Infinity), ask(-Infinity)] };
}

/** Writes the slots of a parameter block in one lane type. */
export class BlockWriter {
  readonly bytes: Uint8Array = new Uint8Array(parameters.parameterBytes);
  private readonly view: DataView;
  private readonly wide: boolean;

  constructor(lanes: Lanes) {
    this.view = new DataView(this.bytes.buffer);
    this.wide = lanes === lanes64;
  }

  number(slot: number, value: number): void {
    if (this.wide) this.view.setFloat64(slot, value, true);
    else this.view.setFloat32(slot, value, true);
  }

  integer(slot: number, value: bigint): void {
    if (this.wide) this.view.setBigUint64(slot, BigInt.asUintN(64, value), true);
    else this.view.setUint32(slot, Number(BigInt.asUintN(32, value)), true);
  }

  mask(slot: number, set: boolean): void {
    this.integer(slot, set ? -1n : 0n);
  }

  word(slot: number, value: number): void {
    this.view.setUint32(slot, value, true);
  }
}

export function writeRandom(writer: BlockWriter, { randomBits, variant }: ResolvedRounding): void {
  writer.word(parameters.randomMaskSlot, 2 ** randomBits - 1);
  writer.word(parameters.highestBitSlot, 2 ** (randomBits - 1));
  writer.number(parameters.thresholdSlot, variant === 'A' ? 1 : 0.5);
  writer.integer(parameters.strictSlot, variant === 'C' ? 1n : 0n);
}

export function writeEnds(
  writer: BlockWriter,
  format: Format,
  lanes: Lanes,
  { overflow, infinity }: Ends,
): void {
  writer.number(parameters.maximumPositiveSlot, format.max);
  writer.number(parameters.maximumNegativeSlot, 0 - format.min);
  writer.number(parameters.overflowPositiveSlot, overflow[0]);
  writer.number(parameters.overflowNegativeSlot, overflow[1]);
  writer.number(parameters.infinityPositiveSlot, infinity[0]);
  writer.number(parameters.infinityNegativeSlot, infinity[1]);
  writer.mask(parameters.signedZeroSlot, format.hasNegativeZero);
  writer.number(parameters.exponentMaskSlot, Infinity);
  writer.integer(parameters.magnitudeMaskSlot, lanes === lanes64 ? 2n ** 63n - 1n : 2n ** 31n - 1n);
}

/** Jamming of multiples of a step in two's complement. Returns whether the lanes can do that. */
export function writeJammedGrid(
  writer: BlockWriter,
  mode: RoundingMode,
  step: number,
  lanes: Lanes,
): boolean {
  if (mode !== 'jamming') return true;
  writer.number(parameters.jamInverseSlot, 1 / step);
  writer.number(parameters.jamPeriodSlot, 2 * step);
  // No number but 0 may become 0 on the way.
  return step <= 1 && step >= powerOfTwo(-lanes.emax);
}

export function writeMagic(writer: BlockWriter, magic: Magic, options: ResolvedRounding, lanes: Lanes): void {
  const mantissaBits = BigInt(lanes.precision - 1);
  writer.number(parameters.clampSlot, magic.clamp);
  writer.number(parameters.floorSlot, powerOfTwo(magic.floorExponent));
  writer.integer(parameters.shiftSlot, BigInt(magic.shift ?? 0) << mantissaBits);
  writer.mask(parameters.normalMaskSlot, magic.shift !== undefined);
  if (magic.subnormal !== undefined) {
    writer.number(parameters.subnormalBelowSlot, powerOfTwo(magic.subnormal.below));
    writer.number(parameters.subnormalMagicSlot, powerOfTwo(magic.subnormal.magic));
  }
  writer.number(parameters.flushBelowSlot, magic.flushBelow);
  const scale = 2 * lanes.emax + options.randomBits + lanes.precision - 1;
  writer.integer(parameters.scaleSlot, BigInt(scale) << mantissaBits);
}

export function writeMode(writer: BlockWriter, mode: RoundingMode): void {
  writer.mask(parameters.awayPositiveSlot, mode === 'toward-positive' || mode === 'away-from-zero');
  writer.mask(parameters.awayNegativeSlot, mode === 'toward-negative' || mode === 'away-from-zero');
  const isOdd = mode === 'nearest-odd';
  const tiesAway = isOdd || mode === 'nearest-away';
  writer.mask(parameters.tieAwayPositiveSlot, tiesAway || mode === 'nearest-to-positive');
  writer.mask(parameters.tieAwayNegativeSlot, tiesAway || mode === 'nearest-to-negative');
  writer.mask(parameters.tieOddSlot, isOdd || mode === 'nearest-even');
  writer.mask(parameters.jamSlot, mode === 'jamming');
}

/** The kernel kind of each mode. */
export const kindOf: Record<RoundingMode, number> = {
  'nearest-even': parameters.kindNearest,
  'nearest-away': parameters.kindNearest,
  'nearest-to-zero': parameters.kindNearest,
  'nearest-to-positive': parameters.kindNearest,
  'nearest-to-negative': parameters.kindNearest,
  'nearest-odd': parameters.kindNearest,
  'toward-zero': parameters.kindDirected,
  'toward-positive': parameters.kindDirected,
  'toward-negative': parameters.kindDirected,
  'away-from-zero': parameters.kindDirected,
  'to-odd': parameters.kindOdd,
  jamming: parameters.kindOdd,
  stochastic: parameters.kindStochastic,
  'stochastic-equal': parameters.kindEqual,
};
