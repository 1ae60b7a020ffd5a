/** Lanes in the place of others. */

/** Lanes 2 and 3, of 32 bits, in place of 0 and 1. */
@inline
export function upperLanes(x: v128): v128 {
  return v128.shuffle<i64>(x, x, 1, 0);
}
