/**
 * The decision of every rounding, in lanes: does a magnitude between two neighbours go to the one farther from zero?
 * The fast twin of `src/rounding/decide.ts`. F is the lanes' float type (f32 or f64), I the integer of its width.
 */
import {
  awayNegativeSlot,
  awayPositiveSlot,
  highestBitSlot,
  jamInverseSlot,
  jamPeriodSlot,
  jamSlot,
  kindDirected,
  kindEqual,
  kindNearest,
  kindOdd,
  randomMaskSlot,
  strictSlot,
  thresholdSlot,
  tieAwayNegativeSlot,
  tieAwayPositiveSlot,
  tieOddSlot,
} from '../../generated/layout-rounding';

/**
 * Whether a fraction f, given as `scaled` = f 2^N, and a random integer R of N bits go away: floor(f 2^N) + R >= 2^N
 * (variant A), and the like. With M = 2^N - 1 - R that is f 2^N >= M + 1; variants B and C move the bound by a half, and C
 * excludes the bound itself where M + 1 is odd. No step rounds: the fraction has no more bits than the lanes.
 */
@inline
export function stochasticGoesAway<F, I>(scaled: v128, random: v128, parameters: usize): v128 {
  const complement = v128.xor(random, v128.load32_splat(parameters, randomMaskSlot));
  const threshold = v128.load_splat<F>(parameters, thresholdSlot);
  const strict = v128.load_splat<I>(parameters, strictSlot);
  if (sizeof<F>() == 8) {
    const bound = f64x2.add(f64x2.convert_low_i32x4_u(complement), threshold);
    const wide = i64x2.extend_low_i32x4_u(complement);
    return f64x2.ge(scaled, i64x2.add(bound, v128.andnot(strict, wide)));
  }
  // M has up to 32 bits, so it is compared in two halves. Where the subtraction rounds, its result is so far from the
  // bound that the comparison does not change.
  const high = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(complement, 16)), f32x4.splat(65536));
  const low = f32x4.convert_i32x4_s(v128.and(complement, i32x4.splat(0xffff)));
  const bound = i32x4.add(f32x4.add(low, threshold), v128.andnot(strict, complement));
  return f32x4.ge(f32x4.sub(scaled, high), bound);
}

/** Jamming in two's complement: every number that is to be rounded becomes an odd multiple of the step, which then is exact. */
@inline
export function jamGrid<F>(kind: i32, value: v128, parameters: usize): v128 {
  if (kind != kindOdd || load<F>(parameters, jamInverseSlot) == 0) return value;
  const inverse = v128.load_splat<F>(parameters, jamInverseSlot);
  const half = v128.splat<F>(0.5);
  const pairs = v128.floor<F>(v128.mul<F>(v128.floor<F>(v128.mul<F>(value, inverse)), half));
  return v128.mul<F>(v128.add<F>(pairs, half), v128.load_splat<F>(parameters, jamPeriodSlot));
}

/**
 * All ones where a magnitude goes to its upper neighbour. `rest` is its distance to the lower one, `toUpper` to the upper
 * one, `odd` all ones where the lower one is odd, `scaled` = 2^N rest / quantum.
 */
@inline
export function goesAway<F, I>(
  kind: i32,
  magnitude: v128,
  rest: v128,
  toUpper: v128,
  odd: v128,
  negative: v128,
  scaled: v128,
  random: v128,
  parameters: usize,
): v128 {
  const inexact = v128.gt<F>(rest, v128.splat<F>(0));
  if (kind == kindNearest) {
    const tieGoesAway = v128.xor(
      v128.bitselect(
        v128.load_splat<I>(parameters, tieAwayNegativeSlot),
        v128.load_splat<I>(parameters, tieAwayPositiveSlot),
        negative,
      ),
      v128.and(odd, v128.load_splat<I>(parameters, tieOddSlot)),
    );
    return v128.or(v128.gt<F>(rest, toUpper), v128.and(v128.eq<F>(rest, toUpper), tieGoesAway));
  }
  if (kind == kindDirected) {
    const away = v128.bitselect(
      v128.load_splat<I>(parameters, awayNegativeSlot),
      v128.load_splat<I>(parameters, awayPositiveSlot),
      negative,
    );
    return v128.and(inexact, away);
  }
  if (kind == kindOdd) {
    const jammed = v128.and(
      v128.gt<F>(magnitude, v128.splat<F>(0)),
      v128.load_splat<I>(parameters, jamSlot),
    );
    return v128.andnot(v128.or(inexact, jammed), odd);
  }
  if (kind == kindEqual) {
    const highest = v128.and(random, v128.load32_splat(parameters, highestBitSlot));
    const wide = sizeof<F>() == 8 ? i64x2.extend_low_i32x4_u(highest) : highest;
    return v128.andnot(inexact, v128.eq<I>(wide, v128.splat<I>(0)));
  }
  return stochasticGoesAway<F, I>(scaled, random, parameters);
}
