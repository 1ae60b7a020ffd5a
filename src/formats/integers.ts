/** Integers of any length. */

/** Number of binary digits of a non-negative integer. */
export function bitLength(n: bigint): number {
  const digits = n.toString(16);
  return n === 0n ? 0 : 4 * digits.length - Math.clz32(Number.parseInt(digits[0]!, 16)) + 28;
}

/** floor(sqrt n) for n >= 0, by Newton's iteration from above. */
export function integerSquareRoot(n: bigint): bigint {
  if (n < 2n) return n;
  // The upper half of the digits by recursion, so that two or three steps at full length are enough.
  const length = bitLength(n);
  let root: bigint;
  if (length <= 52) root = BigInt(Math.floor(Math.sqrt(Number(n)))) + 1n;
  else {
    const quarter = BigInt(length >> 2);
    root = (integerSquareRoot(n >> (2n * quarter)) + 1n) << quarter;
  }
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
