/**
 * The directed modes other than toward-zero, and to-odd, in the common cases (a symmetric range, signed zeros, subnormals
 * kept): little more in the loop than the rounding. In these modes a magnitude beyond the largest number needs no rounding:
 * it becomes what its sign and the mode say, so magnitudes are clamped first. The methods are those of `quick.ts`.
 */
import {
  awayNegativeSlot,
  awayPositiveSlot,
  exponentMaskSlot,
  floorSlot,
  infinityNegativeSlot,
  infinityPositiveSlot,
  lowestBitSlot,
  magnitudeMaskSlot,
  maximumPositiveSlot,
  overflowNegativeSlot,
  overflowPositiveSlot,
  restMaskSlot,
  shiftSlot,
} from '../../parameters';

/** The bits in which two numbers of the parameter block differ: choosing by exclusive or takes fewer instructions. */
@inline
function difference<I>(parameters: usize, slot: usize, otherSlot: usize): v128 {
  return v128.xor(v128.load_splat<I>(parameters + slot), v128.load_splat<I>(parameters + otherSlot));
}

/** Rounds `bytes` bytes, a multiple of 16. `odd`: to odd; `pattern`: on binary32 bit patterns. */
@inline
export function directed<F, I>(
  odd: bool,
  pattern: bool,
  source: usize,
  destination: usize,
  bytes: usize,
  parameters: usize,
): void {
  const exponents = v128.load_splat<I>(parameters, exponentMaskSlot);
  const magnitudes = v128.load_splat<I>(parameters, magnitudeMaskSlot);
  const maximum = v128.load_splat<F>(parameters, maximumPositiveSlot);
  const floor = v128.load_splat<F>(parameters, floorSlot);
  const shift = v128.load_splat<I>(parameters, shiftSlot);
  const restMask = v128.load_splat<I>(parameters, restMaskSlot);
  const lowestBit = v128.load_splat<I>(parameters, lowestBitSlot);
  const awayPositive = v128.load_splat<I>(parameters, awayPositiveSlot);
  const awayDifference = difference<I>(parameters, awayPositiveSlot, awayNegativeSlot);
  // What turns the maximum into the result of an overflow, and that into the result of an infinity.
  const overflow = v128.xor(maximum, v128.load_splat<I>(parameters, overflowPositiveSlot));
  const overflowDifference = difference<I>(parameters, overflowPositiveSlot, overflowNegativeSlot);
  const infinity = difference<I>(parameters, overflowPositiveSlot, infinityPositiveSlot);
  const infinityDifference = v128.xor(
    infinity,
    difference<I>(parameters, overflowNegativeSlot, infinityNegativeSlot),
  );
  const one = v128.splat<I>(1);
  for (let i: usize = 0; i < bytes; i += 16) {
    const value = v128.load(source + i);
    const magnitude = v128.and(value, magnitudes);
    const negative = v128.lt<I>(value, v128.splat<I>(0));
    // pmin and pmax keep a NaN in their first operand.
    const clamped = v128.pmin<F>(magnitude, maximum);
    let rounded: v128;
    if (pattern) {
      const rest = v128.and(clamped, restMask);
      const isExact = v128.eq<I>(rest, v128.splat<I>(0));
      const away = odd
        ? v128.ne<I>(v128.and(clamped, lowestBit), lowestBit)
        : v128.xor(awayPositive, v128.and(negative, awayDifference));
      rounded = v128.add<I>(v128.xor(clamped, rest), v128.and(lowestBit, v128.andnot(away, isExact)));
      // All ones is a NaN.
      rounded = v128.or(rounded, v128.gt<I>(clamped, exponents));
    } else {
      const binade = v128.and(v128.pmax<F>(clamped, floor), exponents);
      const magic = v128.add<I>(binade, shift);
      const sum = v128.add<F>(clamped, magic);
      const lowerSum = v128.add<I>(sum, v128.gt<F>(v128.sub<F>(sum, magic), clamped));
      const inexact = v128.lt<F>(v128.sub<F>(lowerSum, magic), clamped);
      // The last bit less one: all ones where the lower neighbour is even.
      const away = odd
        ? v128.sub<I>(v128.and(lowerSum, one), one)
        : v128.xor(awayPositive, v128.and(negative, awayDifference));
      rounded = v128.sub<F>(v128.sub<I>(lowerSum, v128.and(inexact, away)), magic);
    }
    const beyond = v128.gt<F>(magnitude, maximum);
    const ends = v128.xor(overflow, v128.and(negative, overflowDifference));
    rounded = v128.xor(rounded, v128.and(beyond, ends));
    const infinite = v128.eq<I>(magnitude, exponents);
    const infiniteEnds = v128.xor(infinity, v128.and(negative, infinityDifference));
    rounded = v128.xor(rounded, v128.and(infinite, infiniteEnds));
    v128.store(destination + i, v128.or(rounded, v128.xor(value, magnitude)));
  }
}
